"""Facts about a file that is written in another way than that of the training: the options of the file act on it."""

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse

DAYS = ["25/07/2023", "02/07/2023", "17/05/2023", "09/03/2023"] * 6
PRICES = ["1,234.5", "12.25", "2,000.0", "7.5"] * 6
HERE = {"day": ["09/03/2023"], "price": ["1,234.5"], "weight": ["2.5"], "coat": ["long"]}


@pytest.fixture(scope="module")
def model():
    weights, coats = ["1.5", "2.5", "n.d.", "4.0"] * 6, ["long", "short"] * 12
    data = {"day": DAYS, "price": PRICES, "weight": weights, "coat": coats, "k": ["a", "b"] * 12}
    table = nn.Table(data, "k", missing=["n.d."])
    assert table.kinds == {"day": "date", "price": "numeric", "weight": "numeric", "coat": "category"}
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(table, epochs=1, progress=False)
    return model


def numbers(model, changes, **options):
    return model.encoding.transform(nn.Table(HERE | changes, like=model, **options))


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({"day": ["03/09/2023"]}, {"dates": "mdy"}),
        ({"day": ["03/09/2023"]}, {"dates": {"day": "mdy"}}),
        ({"day": ["2023-03-09"]}, {"dates": "ymd"}),
        ({"price": ["1.234,5"], "weight": ["2,5"]}, {"decimal": ",", "thousands": "."}),
        ({"price": ["1.234,5"], "weight": ["2,5"]}, {"decimal": ","}),
        ({"price": ["1 234,5"], "weight": ["2,5"]}, {"decimal": ","}),
        ({"price": ["1 234.5"]}, {"thousands": {"price": " "}}),
        ({"price": ["1234,5"]}, {"decimal": {"price": ","}}),
    ],
)
def test_notations_of_the_file_act_with_like(model, changes, options):
    np.testing.assert_array_equal(numbers(model, changes, **options), numbers(model, {}))


def test_a_date_that_two_orders_read_follows_the_option(model):
    assert not np.array_equal(numbers(model, {"day": ["03/09/2023"]}), numbers(model, {}))
    table = nn.Table(HERE | {"day": ["03/09/2023"]}, like=model, dates="mdy")
    assert table.columns[0].shown == "2023-03-09 to 2023-03-09"  # the summary says the same
    np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(nn.Table(HERE, like=model)))


def test_what_does_not_fit_the_option_is_an_error_that_names_it(model):
    refuse(lambda: numbers(model, {"day": ["25/03/2023"]}, dates="mdy"), "X", "day", "25/03/2023", "mdy")
    refuse(lambda: numbers(model, {"price": ["1.2.3"]}, decimal=","), "X", "price", "1.2.3")
    refuse(lambda: nn.Table(HERE, like=model, dates={"dya": "mdy"}), "dates", "dya")


def test_marks_of_missing_values_of_the_file(model):
    there = numbers(model, {"weight": ["n.d."]})
    np.testing.assert_array_equal(numbers(model, {"weight": ["k.A."]}, missing=["k.A."]), there)
    refuse(lambda: numbers(model, {"weight": ["n.d."]}, missing=["k.A."]), "X", "weight", "n.d.")


def test_the_options_of_a_table_act_without_like(model):
    for options in ({"dates": "mdy"}, {"dates": {"day": "mdy"}}):
        table = nn.Table(HERE | {"day": ["03/09/2023"]}, **options)
        np.testing.assert_array_equal(model.encoding.transform(table), numbers(model, {}))


def test_rows_of_a_table_keep_its_notation(model):
    table = nn.Table({name: cells * 2 for name, cells in (HERE | {"day": ["03/09/2023"]}).items()}, like=model,
                     dates="mdy")  # fmt: skip
    np.testing.assert_array_equal(model.encoding.transform(table[:1]), numbers(model, {}))
    replaced = table.replace("weight", ["2.5", "2.5"])
    np.testing.assert_array_equal(model.encoding.transform(replaced)[:1], numbers(model, {}))


def test_files_and_folders_of_them(model, tmp_path):
    text = 'day,price,weight,coat\n03/09/2023,"1.234,5","2,5",long\n'
    (tmp_path / "new.csv").write_text(text)
    options = {"dates": "mdy", "decimal": ",", "thousands": "."}
    table = nn.read_table(tmp_path / "new.csv", like=model, **options)
    np.testing.assert_array_equal(model.encoding.transform(table), numbers(model, {}))
    stored = nn.open_table(tmp_path / "new.csv", **options)
    np.testing.assert_allclose(model.predict_proba(stored), model.predict_proba(nn.Table(HERE, like=model)), rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kinds": {"coat": "ignore"}}, ["kinds", "coat", "category"]),
        ({"scaling": "robust"}, ["scaling", "robust"]),
        ({"fill": 0.0}, ["fill"]),
        ({"classification": False}, ["classification"]),
        ({"class_names": ["b", "a"]}, ["class_names", "'a', 'b'"]),
    ],
)
def test_what_the_training_has_decided_is_refused_with_like(model, options, words):
    refuse(lambda: nn.Table(HERE, like=model, **options), *words, "like=")


def test_what_says_the_same_as_the_training_is_accepted(model):
    same = {"kinds": {"coat": "category"}, "classification": True, "class_names": ["a", "b"]}
    nn.Table(HERE, like=model, **same)
    robust = nn.Table({"x": [1, 2, 5], "k": ["a", "b", "a"]}, "k", scaling="robust", fill=0)
    test = nn.Table({"x": [1, 2, 5], "k": ["a", "b", "a"]}, like=robust, scaling="robust")
    assert nn.Encoding.learn(test) == nn.Encoding.learn(robust)


def test_odd_words_of_all_columns_are_told_at_once(model):
    new = {
        "day": ["tba", "09/03/2023", "open"],
        "price": ["7.5", "k.A.", "7.5"],
        "weight": ["1"] * 3,
        "coat": ["long"] * 3,
    }
    words = ["n.d.", "tba", "open", "k.A."]  # the first is that of the training
    refuse(lambda: model.predict(new), "X: column 'day'", "'tba'", "'price'", f"missing={words}")
    model.predict(nn.Table(new, like=model, missing=words))
