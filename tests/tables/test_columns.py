"""Facts about the columns of a CSV file: names and positions choose them, and a header is recognized."""

import re

import numpy as np
import pytest

import nnlite as nn
from nnlite.tables import load_csv

from ..support import refuse
from .untrusted import refuse_file

PETS = "width,height,kind\n1.5,30,dog\n2.5,70,cat\n"


def test_the_target_is_any_column_by_name_or_position(write):
    path = write("kind,width,id\n3,1.5,x\n1,2.5,y\n")
    for target in ("kind", 0, -3):
        table = load_csv(path, target, ignore=["id"])
        np.testing.assert_array_equal(table.X, [[1.5], [2.5]])
        assert (table.y.tolist(), table.class_names) == ([1, 0], ("1", "3"))
        assert (table.feature_names, table.target_name) == (("width",), "kind")
    assert load_csv(path, 0, ignore=[-1]).X.shape == (2, 1)


def test_ignored_columns_may_lie_between_the_features(write):
    table = load_csv(write("1,2,3,4,0\n5,6,7,8,1\n"), ignore=[1, -2])
    np.testing.assert_array_equal(table.X, [[1, 3], [5, 7]])


def test_without_a_target_every_column_is_a_feature(write):
    table = load_csv(write("a,b\n1,2\n3,4\n"), target=None)
    assert table.y is None
    assert (table.class_names, table.target_name) == ((), "")
    np.testing.assert_array_equal(table.X, [[1, 2], [3, 4]])


@pytest.mark.parametrize(
    ("text", "feature_names", "M"),
    [
        ("a,b,y\n1,2,0\n", ("a", "b"), 1),
        (",b,y\n1,2,0\n", ("Unnamed: 0", "b"), 1),
        ('"a, b"," c ",y\n1,2,0\n', ("a, b", "c"), 1),
        ("nan,b,y\n1,2,0\n", ("nan", "b"), 1),
        ("1,2,y\n1,2,z\n", ("column 1", "column 2"), 2),
    ],
)
def test_a_first_row_without_numbers_is_the_header(write, text, feature_names, M):
    table = load_csv(write(text))
    assert table.feature_names == feature_names
    assert len(table.X) == M


def test_a_header_of_numbers_has_to_be_announced(write):
    path = write("1,2,3\n4,5,6\n")
    assert load_csv(path).X.shape == (2, 2)
    assert load_csv(path, header=True).X.shape == (1, 2)
    assert load_csv(path, header=True, target="3").feature_names == ("1", "2")
    assert load_csv(path, target="3").feature_names == ("1", "2")


def test_a_header_that_is_denied_is_a_row(write):
    table = load_csv(write("a,b,c\n4,5,6\n"), header=False)
    assert table["column 1"].tolist() == ["a", "4"]
    assert table.class_names == ("6", "c")


def test_a_first_row_of_missing_values_is_no_header(write):
    table = load_csv(write("?,NA,y\n1,2,0\n"))
    np.testing.assert_array_equal(table["column 1"], [np.nan, 1])


def test_a_first_row_of_numbers_with_underscores_is_no_header(write):
    assert load_csv(write("1_000,a\n2000,b\n"))["column 1"].tolist() == ["1_000", "2000"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1~2~0\n3~4~1\n", "has 1 column and none of them is a feature; is delimiter= right?"),
        ("1\n2\n", "has 1 column and none of them is a feature"),
    ],
)
def test_one_column_is_refused_with_a_word_about_the_delimiter(write, text, said):
    refuse_file(write(text), re.escape(said))


def test_ignoring_every_feature_is_refused(write):
    refuse_file(write(PETS), "has 3 columns and none of them is a feature", ignore=[0, 1])


def test_two_columns_of_one_name_are_told_apart_by_position(write):
    path = write("a,a,y\n1,2,0\n")
    refuse(lambda: load_csv(path, "a"), "target: several columns are called 'a'")
    assert load_csv(path, 0).class_names == ("1",)
    refuse(
        lambda: load_csv(path, "a", header=False),
        "header: with header=False no column is called 'a'; give its position",
    )


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("target", "weight", "which has 'width', 'height', 'kind'"),
        ("target", "weight", "there is no column 'weight'"),
        ("target", 3, "expected a position in -3..2, because"),
        ("target", 3, "has 3 columns, got 3"),
        ("target", -4, "expected a position in -3..2"),
        ("ignore", ["weight"], "there is no column 'weight'"),
        ("ignore", [2], "column 2 is the target; to read no target, pass target=None"),
    ],
)
def test_a_column_that_does_not_exist_is_refused(write, argument, value, said):
    refuse(lambda: load_csv(write(PETS), **{argument: value}), f"{argument}: ", said)


@pytest.mark.parametrize(
    "ignore",
    [["id", 2], ("id", 2), {"id", 2}, frozenset({"id", 2}), np.array(["id", "note"]), dict.fromkeys(["id", "note"]),
     np.array([0, 2]), {"id": 1, "note": 2}.keys(), (name for name in ("id", "note"))],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_columns_to_ignore_come_in_any_collection(ignore, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("id,x,note,kind\n1,0.5,7,a\n2,0.25,8,b\n")
    np.testing.assert_array_equal(nn.load_csv(path, "kind", ignore=ignore).X, [[0.5], [0.25]])


@pytest.mark.parametrize("ignore", ["id", b"id", 3, np.array([["id"]]), None, [2.5], [True]])
def test_anything_else_is_no_collection_of_columns(ignore, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("id,x,note,kind\n1,0.5,7,a\n2,0.25,8,b\n")
    refuse(lambda: nn.load_csv(path, "kind", ignore=ignore), "ignore: ")


def test_a_column_may_be_empty_in_many_rows(write):
    """The time for them must not grow with their square: it was a minute for 65,000 rows."""
    table = load_csv(write("a,b\n" + "1,\n" * 30_000 + "1,2\n"), target=None)
    assert np.isnan(table["b"][:-1]).all()
    assert table["b"][-1] == 2
    codes = load_csv(write("a,b\n" + "1, 012 \n1,\n" * 3), target=None)
    assert codes["b"].tolist() == ["012", ""] * 3


def test_a_column_without_a_name_is_called_by_its_number(write):
    path = write("".join(f"{i}.5,{i % 7},{'ab'[i % 2]}\n" for i in range(30)))
    table = nn.read_table(path, "column 3", ignore=["column 1"])
    assert (table.feature_names, table.class_names, len(table)) == (("column 2",), ("a", "b"), 30)
    assert nn.read_table(path, "column 3", header=False).feature_names == ("column 1", "column 2")
