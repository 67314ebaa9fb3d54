"""Facts about what makes a table into numbers: learned from the training rows, the same at every prediction."""

import copy
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnlite as nn

from ..support import for_each, refuse

K = ["a", "b"]


def learned(data, **options):
    data = dict(data)
    n = len(next(iter(data.values())))
    table = nn.Table(data | {"k": (K * n)[:n]}, "k", **options)
    return nn.Encoding.learn(table)


def column(values, **options):
    """The numbers of one column, each of its features."""
    encoding = learned({"x": values}, **options)
    return dict(zip(encoding.feature_names, encoding.transform({"x": values}, dtype="float64").T, strict=True))


# ---- numbers ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30).filter(lambda x: np.std(x) > 1e-3))
def test_numbers_are_standardized(values):
    found = column(values, kinds={"x": "numeric"})["x"]
    np.testing.assert_allclose(found, (np.array(values) - np.mean(values)) / np.std(values), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("offset", [0, 1e5, 1e9, 1e12])
def test_numbers_far_from_0_are_standardized_as_well(offset):
    values = np.random.default_rng(0).normal(size=200)
    np.testing.assert_allclose(column(values + offset)["x"].std(), 1, rtol=1e-6)
    np.testing.assert_allclose(column(values + offset)["x"].mean(), 0, atol=1e-3)


def test_robust_scaling_uses_the_quartiles():
    values = [1.0, 2, 3, 4, 1000]
    np.testing.assert_allclose(column(values, scaling="robust")["x"], (np.array(values) - 3) / 2)
    assert column(values, scaling="none")["x"].tolist() == values
    mostly_zero = [0.0] * 9 + [5.0]
    assert np.isfinite(column(mostly_zero, scaling="robust")["x"]).all()


def test_a_missing_number_is_the_median_and_a_number_says_so():
    found = column([1.0, np.nan, 2, 9], scaling="none")
    assert found["x"].tolist() == [1, 2, 2, 9]
    assert found["x is missing"].tolist() == [0, 1, 0, 0]
    assert column([1.0, np.nan, 2, 9], scaling="none", fill=-1)["x"].tolist() == [1, -1, 2, 9]


def test_a_number_that_is_missing_only_at_prediction_is_the_median():
    encoding = learned({"x": [1.0, 2, 9]}, scaling="none")
    assert encoding.transform({"x": [None, 4]}).tolist() == [[2], [4]]


# ---- categories, booleans --------------------------------------------------------------------------------------------


def test_categories_are_one_hot():
    encoding = learned({"x": ["red", "blue", "red", "green"] * 9})
    assert encoding.feature_names == ("x=blue", "x=green", "x=red")
    assert encoding.transform({"x": ["red", "blue", "green"]}).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_rare_and_unknown_categories_share_a_place():
    encoding = learned({"x": ["red", "blue"] * 50 + ["once", "never again"]})
    assert encoding.feature_names == ("x=blue", "x=red", "x=other")
    found = encoding.transform({"x": ["once", "unheard of", "red"]})
    assert found.tolist() == [[0, 0, 1], [0, 0, 1], [0, 1, 0]]


def test_an_unknown_category_is_an_average_row_if_none_was_rare():
    encoding = learned({"x": ["red", "blue", "red", "red"] * 9})
    np.testing.assert_allclose(encoding.transform({"x": ["unheard of", ""]}), [[0.25, 0.75]] * 2)


def test_a_missing_category_has_a_place_if_training_had_some():
    encoding = learned({"x": ["red", "blue", ""] * 9})
    assert encoding.feature_names == ("x=blue", "x=red", "x is missing")
    assert encoding.transform({"x": [None]}).tolist() == [[0, 0, 1]]


def test_at_most_a_hundred_categories_have_a_place():
    values = [f"c{i:03}" for i in range(130) for _ in range(12)]
    encoding = learned({"x": values})
    assert len(encoding.feature_names) == 101
    assert encoding.transform({"x": values}).sum(axis=1).tolist() == [1] * len(values)


def test_numbers_and_text_of_one_category_are_the_same():
    encoding = learned({"x": [1, 2, 3] * 9}, kinds={"x": "category"})
    for same in ([1, 2, 3], ["1", "2", "3"], [1.0, 2.0, 3.0], ["01", "2.0", "+3"]):
        assert encoding.transform({"x": same}).tolist() == np.eye(3).tolist()


@for_each(
    "same",
    [
        ["yes", "no", ""],
        [True, False, None],
        [1, 0, None],
        ["1", "0", "?"],
        ["TRUE", "False", "NA"],
        [1.0, 0.0, np.nan],
    ],
)
def test_booleans_are_one_and_minus_one_in_whatever_words(same):
    encoding = learned({"x": ["yes", "no", ""] * 3})
    assert encoding.transform({"x": same}).tolist() == [[1, 0], [-1, 0], [0, 1]]


# ---- columns by name -------------------------------------------------------------------------------------------------

TRAINED = learned(
    {"id": [f"n{i}" for i in range(40)], "size": np.arange(40) % 7, "coat": ["long", "short"] * 20, "one": [1] * 40}
)
ROWS = {"size": [3, 6], "coat": ["short", "long"]}


def test_columns_may_have_any_order_and_those_left_out_may_be_there():
    X = TRAINED.transform(ROWS)
    for same in (
        {"coat": ROWS["coat"], "size": ROWS["size"]},
        ROWS | {"id": ["x", "y"], "one": [1, 2]},
        ROWS | {"k": ["a", "b"]},
        ROWS | {"Unnamed: 0": [0, 1]},
        [{"coat": "short", "size": 3}, {"size": 6, "coat": "long"}],
    ):
        assert (
            TRAINED.transform(same if isinstance(same, dict) else [dict(sorted(row.items())) for row in same]).tolist()
            == X.tolist()
        )


@for_each(
    ("data", "said"),
    [
        ({"size": [3]}, "X: there is no column 'coat'"),
        ({"size": [3], "Coat": ["long"]}, "X: there is no column 'coat'; it has 'Coat', which training did not have"),
        (ROWS | {"colour": [1, 2]}, "X: unknown column 'colour', which training did not have; leave it out"),
        ({}, "X: expected 1 to 65536 columns"),
        ({"size": ["big", "3"], "coat": ROWS["coat"]}, "X: column 'size': expected a finite number, got 'big'"),
        ({"size": [np.inf, 3], "coat": ROWS["coat"]}, "X: column 'size': expected finite numbers, got inf in row 0"),
        (
            {"size": np.array(["2020-01-01"] * 2, "datetime64[D]"), "coat": ROWS["coat"]},
            "X: column 'size': expected numbers, as in",
        ),
        (ROWS | {"size": [1]}, "X: column 'coat' has 2 rows, and 'size' has 1"),
        (np.ones((2, 2)), "X: expected named columns"),
        (3, "X: expected named columns"),
    ],
)
def test_what_does_not_fit_the_training_is_refused_by_name(data, said):
    refuse(lambda: TRAINED.transform(data), said)


def test_decimal_commas_of_the_training_are_not_read_with_points(tmp_path):
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    rows = "".join(f"{i},5;1.{i:03},5;{K[i % 2]}\n" for i in range(40))
    (tmp_path / "train.csv").write_text(f"a;b;k\n{rows}")
    model.fit(nn.load_csv(tmp_path / "train.csv"), epochs=1, progress=False)
    (tmp_path / "new.csv").write_text("a;b\n3;1.234\n")
    refuse(
        lambda: model.predict(nn.read_table(tmp_path / "new.csv")),
        "X: column 'b': numbers were written with decimal=','",
    )
    new = nn.read_table(tmp_path / "new.csv", like=model)
    np.testing.assert_array_equal(model.predict_proba(new), model.predict_proba({"a": [3], "b": [1234]}))


# ---- only the training rows ------------------------------------------------------------------------------------------


def test_only_the_rows_of_the_training_are_learned_from():
    data = {"x": [1.0, 3, 1000, np.nan], "c": ["a", "b", "z", ""], "k": ["a", "b", "a", "b"]}
    table = nn.Table(data, "k", kinds={"c": "category"})
    encoding = nn.Encoding.learn(table, np.array([0, 1]))
    assert encoding == nn.Encoding.learn(table.rows([0, 1]))
    assert encoding.feature_names == ("x", "c=a", "c=b")
    assert encoding.transform({"x": [2], "c": ["a"]}).tolist() == [[0, 1, 0]]


def test_a_table_of_which_nothing_is_left_is_refused():
    refuse(lambda: learned({"x": [7] * 30}), "X: every column of table is left out ('x': it is always 7)")


def test_a_row_that_would_become_too_many_numbers_is_refused(monkeypatch):
    monkeypatch.setattr("nnlite.tables.encoding.MOST_NUMBERS", 2)
    refuse(lambda: learned({"x": ["a", "b", "c"] * 3}), "X: each row would become 3 numbers, at most 2")
    monkeypatch.undo()
    monkeypatch.setattr("nnlite.tables.encoding.LARGEST", 200)
    refuse(lambda: learned({"x": ["a", "b", "c"] * 3}), "X: table has 1 columns, more than a network knows by name")


# ---- files -----------------------------------------------------------------------------------------------------------

EVERY_KIND = learned(
    {
        "n": ["1,5", "?", "2.000,5"] * 10, "b": ["yes", "no", ""] * 10, "c": ["red", "blue", "日本"] * 10,
        "d": ["2020-01-01 10:00", "2021-05-07 11:30", ""] * 10, "one": [1] * 30,
    }, missing=["?"], fill=0.1,
)  # fmt: skip


def test_json_is_read_back():
    again = nn.Encoding.from_json(json.loads(json.dumps(EVERY_KIND.to_json())))
    assert again == EVERY_KIND
    assert hash(again) == hash(EVERY_KIND)
    rows = {"n": ["?", "3,25"], "b": ["no", ""], "c": ["red", "x"], "d": ["", "2022-02-02"]}
    np.testing.assert_array_equal(again.transform(rows), EVERY_KIND.transform(rows))
    for copied in (copy.deepcopy(EVERY_KIND), pickle.loads(pickle.dumps(EVERY_KIND))):
        assert copied == EVERY_KIND
    assert EVERY_KIND != TRAINED
    assert EVERY_KIND != 3


WRONG = [
    None, [], {}, {"columns": []},
    EVERY_KIND.to_json() | {"more": 1},
    EVERY_KIND.to_json() | {"columns": []},
    EVERY_KIND.to_json() | {"columns": 3},
    EVERY_KIND.to_json() | {"left_out": {"a": 1}},
    EVERY_KIND.to_json() | {"left_out": []},
    EVERY_KIND.to_json() | {"missing": "?"},
    EVERY_KIND.to_json() | {"missing": [3]},
    EVERY_KIND.to_json() | {"target_name": 3},
    EVERY_KIND.to_json() | {"columns": EVERY_KIND.to_json()["columns"][:1] * 2},
]  # fmt: skip


@for_each("record", WRONG, ids=range(len(WRONG)))
def test_a_damaged_record_is_refused(record):
    with pytest.raises((ValueError, TypeError, AttributeError)):
        nn.Encoding.from_json(record)


@for_each("value", [None, "x", -1, [], {}, True, 1e308 * 10, 10**400, ["a", 1], [0.0]])
def test_a_damaged_field_of_a_column_is_refused_or_harmless(value):
    """Whatever one field is: the record is refused, or the encoding still gives finite numbers."""
    rows = {"n": ["3,25"], "b": ["no"], "c": ["red"], "d": ["2022-02-02"]}
    for i, good in enumerate(EVERY_KIND.to_json()["columns"]):
        for field in good:
            record = copy.deepcopy(EVERY_KIND.to_json())
            record["columns"][i][field] = value
            try:
                encoding = nn.Encoding.from_json(record)
                numbers = encoding.transform(rows, dtype="float64")
            except (ValueError, nn.ArgumentError):
                continue
            assert np.isfinite(numbers).all()


# ---- columns that training was told to ignore -----------------------------------------------------------------------


def test_a_column_that_the_table_ignored_may_be_there_or_not():
    learned_from = ROWS | {"id": ["a", "b"]}
    table = nn.Table(learned_from, ignore=["id"])
    encoding = nn.Encoding.learn(table.rows([0, 1]))
    assert encoding.left_out["id"] == "as you said"
    assert encoding == nn.Encoding.from_json(encoding.to_json())
    np.testing.assert_array_equal(encoding.transform(learned_from), encoding.transform(ROWS))
    assert encoding.feature_names == nn.Encoding.learn(nn.Table(ROWS)).feature_names
    assert nn.Table(ROWS | {"id": ["1,234", "7"]}, like=table).kinds["id"] == "ignore"  # and nothing is asked


def test_without_a_header_an_ignored_column_may_be_there_or_not(write):
    rows = [(f"x{i}", i % 7, i % 3, 1.5 * i) for i in range(30)]

    def lines(*columns):
        return "".join(",".join(str(row[i]) for i in columns) + "\n" for row in rows)

    train = nn.read_table(write(lines(0, 1, 2, 3)), target=-1, ignore=[0], header=False)
    encoding = nn.Encoding.learn(train)
    for columns in ((0, 1, 2, 3), (0, 1, 2), (1, 2)):
        new = nn.read_table(write(lines(*columns)), like=train, header=False)
        np.testing.assert_array_equal(encoding.transform(new), encoding.transform(train))


def test_a_wrong_cell_of_a_file_is_named_with_its_line(write):
    days = [f"{i}.3.2024" for i in range(1, 29)]
    learned = nn.Encoding.learn(nn.Table({"day": days, "size": range(28), "on": ["yes", "no"] * 14}))
    for row, said in (
        ("soon,3,yes", "X: column 'day': expected a date (dmy), as in training, got 'soon' (line 3)"),
        ("2.3.2024,many,yes", "X: column 'size': expected a finite number, got 'many' (line 3)"),
        ("2.3.2024,3,ja", "X: column 'on': expected yes or no, as in training, got 'ja'"),
    ):
        new = nn.read_table(write(f"day,size,on\n1.3.2024,2,no\n{row}\n"))
        refuse(lambda new=new: learned.transform(new), said, "(line 3)")
