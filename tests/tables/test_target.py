"""Facts about the target of a CSV file: y has class indices or values, as the cells or the user say."""

import re

import numpy as np
import pytest

import nnlite as nn
from nnlite.tables import load_csv

from .untrusted import refuse_file


@pytest.mark.parametrize(
    ("cells", "classification", "y", "class_names"),
    [
        ("cat dog cat", None, [0, 1, 0], ("cat", "dog")),
        ("10 9 10", None, [1, 0, 1], ("9", "10")),
        ("-1 1 +1", None, [0, 1, 1], ("-1", "1")),
        ("1 two 3", None, [0, 2, 1], ("1", "3", "two")),
        ("1.5 2 3", None, [1.5, 2, 3], ()),
        ("2 3 1.5", None, [2, 3, 1.5], ()),
        ("1.0 2.0 1e0", None, [1, 2, 1], ()),
        ("1.0 2.0 1e0", True, [0, 1, 0], ("1", "2")),
        ("0.0 1.0 1", None, [0, 1, 1], ("0", "1")),
        ("0.0 1.0 0.5", None, [0, 1, 0.5], ()),
        ("0.0 1.0 1", False, [0, 1, 1], ()),
        ("1e16 2 1e16", True, [0, 1, 0], ("1e16", "2")),
        ("1.5 abc 1.5", True, [0, 1, 0], ("1.5", "abc")),
        ("abc -nan inf", True, [1, 0, 2], ("-nan", "abc", "inf")),
        ("10 9 10", False, [10, 9, 10], ()),
        ("1_0 9 9", None, [0, 1, 1], ("1_0", "9")),
    ],
)
def test_text_and_whole_numbers_are_classes_and_other_numbers_values(write, cells, classification, y, class_names):
    table = load_csv(write("".join(f"0,{cell}\n" for cell in cells.split())), classification=classification)
    assert table.y.tolist() == y
    assert table.class_names == class_names
    assert table.y.dtype == (np.int64 if class_names else np.float32)


def test_more_than_20_whole_numbers_are_what_the_user_says(write):
    """60 ages in 200 rows are no classes; 26 letters, written as numbers, are. Nobody but the user knows."""
    path = write("".join(f"0,{20 + i % 60}\n" for i in range(200)))
    refuse_file(
        path, "column 2 has 60 different whole numbers in 200 rows; pass classification=True if .*=False if they"
    )
    assert len(load_csv(path, classification=True).class_names) == 60
    assert load_csv(path, classification=False).y[:3].tolist() == [20, 21, 22]
    few = load_csv(write("".join(f"0,{i % 20}\n" for i in range(200))))
    assert len(few.class_names) == 20
    assert "20 classes: each whole number is taken as a class" in few.summary()


def test_a_target_with_about_as_many_texts_as_rows_asks(write):
    path = write("".join(f"0,name {i}\n" for i in range(30)))
    refuse_file(path, "column 2 has 30 different texts in 30 rows; pass classification=True")
    assert len(load_csv(path, classification=True).class_names) == 30


def test_missing_targets_are_one_line_with_their_number_and_the_first_rows(write):
    path = write("a,y\n" + "".join(f"{i},{'' if i % 3 == 0 else 'xy'[i % 2]}\n" for i in range(30)))
    refuse_file(
        path,
        r"line 2: column 2 \('y'\): missing value '', as in 9 other rows \(line 5, line 8, line 11, line 14, ...\); "
        "fill them in, or remove the rows$",
    )
    path = write("a,y\n1,x\n2,\n3,y\n4,\n")
    refuse_file(path, r"missing value '', as in 1 other row \(line 5\); fill them in")


def test_classes_that_differ_only_in_capital_letters_are_named_in_the_summary(write):
    table = load_csv(write("size,y\n" + "1,Yes\n2,yes\n3,no\n" * 3), target="y")
    assert table.class_names == ("Yes", "no", "yes")
    assert "3 classes; 'Yes' and 'yes' differ only in capital letters" in table.summary()


@pytest.mark.slow
def test_ten_thousand_classes_may_occur_again_and_again(write):
    labels = [f"c{i:05}" for i in range(10_000)] * 2
    table = load_csv(write("".join(f"0,{label}\n" for label in labels)))
    assert table.y.tolist() == list(range(10_000)) * 2


@pytest.mark.parametrize("first", ["0.5", "0"])
def test_more_values_than_there_can_be_classes_are_values(write, first):
    numbers = [float(first), *range(1, 10_100), 0.25]
    table = load_csv(write("".join(f"0,{y:g}\n" for y in numbers)), dtype="float64")
    assert table.y.tolist() == numbers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,y\n1,2,\n", "line 2: column 3 ('y'): missing value ''; fill it in, or remove the row"),
        ("a,y\n1,1.5\n1,-nan\n", "line 3: column 2 ('y'): missing value '-nan'"),
        ("a,y\n1,1.5\n1,inf\n", "line 3: column 2 ('y'): expected a finite number, got inf"),
        ("a,y\n1,1.5\n1,1e99\n", "line 3: column 2 ('y'): expected a finite number that float32 can hold, got 1e+99"),
        ("a,y\n1,1.5\n1,red\n", "line 3: column 2 ('y'): expected a number, as '1.5', got 'red'; if these are names"),
        ("a,y\n1,red\n1,1.5\n", "line 2: column 2 ('y'): expected a number, as '1.5', got 'red'; if these are names"),
    ],
)
def test_a_target_that_is_missing_or_contradicts_the_rows_before_is_refused(write, text, said):
    refuse_file(write(text), re.escape(said))


@pytest.mark.slow
def test_text_is_refused_after_more_whole_numbers_than_there_can_be_classes(write):
    text = "".join(f"0,{i}\n" for i in range(10_100)) + "0,red\n"
    refuse_file(write(text), "column 2 has 10101 different texts in 10101 rows; pass classification=True")


def test_text_is_refused_if_values_are_asked_for(write):
    refuse_file(write("1,2\n1,red\n"), "line 2: column 2: expected a number, got 'red'$", classification=False)
    refuse_file(write("1,2\n1,1e999\n"), "expected a finite number", classification=False)


def test_the_summary_asks_whether_a_class_means_a_missing_label():
    for word in ("NA", "None", "-", "?"):
        table = nn.Table({"x": [1, 2, 3, 4], "k": ["a", word, "b", word]}, "k")
        assert word in table.class_names
        assert f"3 classes; {word!r} is a class; or does that mean that the label is missing?" in str(table)
    assert "missing?" not in str(nn.Table({"x": [1, 2, 3], "k": ["a", "b", "nothing"]}, "k"))
    assert "'-', 'NA' are classes" in str(nn.Table({"x": [1, 2, 3], "k": ["a", "-", "NA"]}, "k"))
