"""Facts about rows that are probably not what the training saw: units and categories; a warning says so."""

import warnings

import pytest

import nnlite as nn


def encoding(cells):
    table = nn.Table({"x": cells, "k": (["a", "b"] * len(cells))[: len(cells)]}, "k")
    with warnings.catch_warnings(action="error"):  # what training saw is never in doubt
        made = nn.Encoding.learn(table)
        made.transform(table)
    return nn.Encoding.from_json(made.to_json())  # as a model file has it


PERCENT, DOLLARS = ["5%", "10%", "0%", "12.5%"] * 6, ["$1,200.50", "$7.25", "$0.00", "12.50"] * 6
PLAIN, REGIONS = ["0.05", "0.1", "0", "0.125"] * 6, ["Nord", "Süd", "Ost", "West"] * 6


@pytest.mark.parametrize(
    ("training", "here", "words"),
    [
        (DOLLARS, ["€7.25", "€8"], ["'€'", "'$'", "€7.25"]),
        (DOLLARS, ["$7.25", "8 EUR"], ["'€'", "'$'", "8 EUR"]),
        (PERCENT, ["0.05", "0"], ["no unit", "'%'", "0.05"]),
        (PERCENT, [0.05, 0.1], ["no unit", "'%'", "0.05"]),
        (PERCENT, ["50‰"], ["'‰'", "'%'"]),
        (PLAIN, ["5%"], ["'%'", "no unit"]),
        (REGIONS, ["nord", "süd", "ost", "West"], ["3 of 4", "'nord'", "'Nord'"]),
        (REGIONS, ["?", "N", "NE", "E"], ["3 of 3", "'N'", "known are 'Nord', 'Ost'"]),
    ],
)
def test_a_warning_names_column_and_difference(training, here, words):
    known = encoding(training)
    with pytest.warns(UserWarning, match="column .x.") as caught:
        known.transform({"x": here})
    (message,) = [str(one.message) for one in caught]
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("training", "here"),
    [
        (DOLLARS, ["7.25", "$8"]),
        (DOLLARS, ["7 USD"]),
        (DOLLARS, [7.25, None]),
        (PERCENT, ["0", "5 %"]),
        (PERCENT, ["", "0%"]),
        (PLAIN, ["0.5"]),
        (REGIONS, ["nord", "süd", "Ost"]),
        (REGIONS, ["nord", "süd", "ost", "West", "West", "West"]),
        (["a", "b"] * 20 + [f"rare {i}" for i in range(30)], [f"rare {i}" for i in range(12)] + ["a"] * 8),
    ],
)
def test_no_warning_without_reason(training, here):
    known = encoding(training)
    with warnings.catch_warnings(action="error"):
        known.transform({"x": here})


def test_the_model_of_an_older_file_knows_no_unit():
    record = encoding(PERCENT).to_json()
    del record["columns"][0]["mark"]
    with warnings.catch_warnings(action="error"):
        older = nn.Encoding.from_json(record)
        older.transform({"x": ["0.05"]})
    assert older.to_json() == record
