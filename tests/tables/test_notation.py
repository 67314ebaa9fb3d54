"""Facts about numbers in text: each notation is read by the only rule that fits, or two rules are named."""

import io
import locale

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnlite as nn
from nnlite.tables.notation import PLAIN, Ambiguous, Notation, guess_notation, is_number

from ..support import for_each, refuse


@for_each(
    ("cells", "numbers"),
    [
        (["48,9", "1,5"], [48.9, 1.5]),
        (["$221,900", "$1,221,900"], [221900, 1221900]),
        (["$221,900"], [221900]),
        (["5%", "12.5%"], [5, 12.5]),
        (["\u22125", "\u20133", "2"], [-5, -3, 2]),
        (["1.234.567", "1.234"], [1234567, 1234]),
        (["1.234,5", "12"], [1234.5, 12]),
        (["1 234,5", "1\u00a0234,5", "1\u202f234,5"], [1234.5] * 3),
        (["1'234.50", "1\u2019234.50"], [1234.5] * 2),
        (["(1,200.50)", "300"], [-1200.5, 300]),
        (["€ 12,50", "12,50 €", "EUR 3,5"], [12.5, 12.5, 3.5]),
        (["12,34,567", "5"], [1234567, 5]),
        (["0,123", "1,123"], [0.123, 1.123]),
        (["1234,567"], [1234.567]),
        (["1e5", "2,5"], [1e5, 2.5]),
        (["5.", ".5", "+7", "1E-3"], [5, 0.5, 7, 0.001]),
        (["-$3.50", "$-4.50"], [-3.5, -4.5]),
        (["Rs. 1,200.50", "Rs 300"], [1200.5, 300]),
        (["1.234 kg", "12 kg"], [1.234, 12]),
        (["12,5km/h", "1.012,5km/h"], [12.5, 1012.5]),
        (["20°C", "-3.5°C"], [20, -3.5]),
    ],
)
def test_a_column_is_read_in_the_notation_that_fits(cells, numbers):
    found = guess_notation(cells)
    assert [found.number(cell) for cell in cells] == numbers


@pytest.mark.parametrize("cells", [["€ 1.234"], ["€ 12", "€ 1.234"], ["1.234 %"], ["−1.234", "2.345"], ["1.234€"]])
def test_three_digits_behind_a_point_may_be_thousands_where_a_cell_has_more_than_a_plain_number(cells):
    found = guess_notation(cells)
    assert isinstance(found, Ambiguous)
    assert abs(found.first.number(found.cell)) in (1.234, 2.345)
    assert abs(found.second.number(found.cell)) in (1234, 2345)
    assert guess_notation([*cells, cells[-1].replace("1.234", "0.5").replace("2.345", "0.5")]) == PLAIN


def test_a_unit_is_the_same_behind_each_number():
    for cells in (["12 kg", "3 g"], ["12 kg", "3"], ["kg", "3 kg"], ["12 kg 3", "5"], ["1,2,3 kg"], ["12 " + 20 * "x"]):
        assert guess_notation(cells) is None
    found = guess_notation(["12 kg", "3 kg"])
    assert (found, found.number("7"), found.number("7 g"), found.number("kg")) == (
        PLAIN._replace(unit="kg"),
        7,
        None,
        None,
    )


@pytest.mark.parametrize("cells", [["221,900"], ["1,234", "12"], ["(1,200)"], ["123,456", "654,321"]])
def test_three_digits_behind_a_comma_may_be_thousands_or_decimals(cells):
    found = guess_notation(cells)
    assert isinstance(found, Ambiguous)
    assert {found.first.number(found.cell), found.second.number(found.cell)} == {
        float(found.cell.strip("()").replace(",", "")) * (-1 if "(" in found.cell else 1),
        float(found.cell.strip("()").replace(",", ".")) * (-1 if "(" in found.cell else 1),
    }
    assert guess_notation(cells, decimal=",").decimal == ","
    assert guess_notation(cells, thousands=",").thousands == ","


@for_each(
    "cell",
    [
        "",
        "abc",
        "1,2,3",
        "192.168.1.1",
        "11.00.00",
        "1_000",
        "\u0663",
        "12kg",
        "$",
        "--1",
        "1-2",
        "1.5.2024",
        "0,12,345",
    ],
)
def test_other_text_is_no_number(cell):
    assert not is_number(cell)
    assert guess_notation([cell, "1,5"]) is None


def test_what_the_user_says_is_not_guessed():
    assert guess_notation(["1.234"], decimal=",") == Notation(",", ".")
    assert guess_notation(["1.5"], decimal=",") is None
    assert guess_notation(["1,234"], thousands=",") == Notation(".", ",")


@given(st.floats(-1e9, 1e9).map(lambda number: round(number, 2)), st.sampled_from(["._", ".,", ",.", ", ", ".'"]))
def test_what_python_writes_is_read_back(number, marks):
    """The oracle is Python's own format, in which two characters are exchanged."""
    decimal, thousands = marks
    text = f"{number:,.2f}".translate(str.maketrans({",": "" if thousands == "_" else thousands, ".": decimal}))
    assert Notation(decimal, None if thousands == "_" else thousands).number(text) == number


def test_the_locale_of_the_process_does_not_matter(monkeypatch):
    monkeypatch.setattr(locale, "localeconv", lambda: {"decimal_point": ","})
    assert PLAIN.number("1.5") == 1.5


# ---- in a table ------------------------------------------------------------------------------------------------------


def table(cells, **options):
    return nn.Table({"x": cells, "k": ["a", "b"] * (len(cells) // 2)}, "k", **options)


def test_an_ambiguous_column_is_refused_with_both_readings():
    cells = ["1,234", "2,345", "3,456", "7"]
    refuse(
        lambda: table(cells).kinds, "table: column 'x': '1,234' may be 1234 or 1.234; pass decimal='.', thousands=','"
    )
    assert nn.Encoding.learn(table(cells, thousands=",", scaling="none")).transform(table(cells))[0, 0] == 1234
    decimals = nn.Encoding.learn(table(cells, decimal=",", scaling="none")).transform(table(cells))
    assert decimals[0, 0] == pytest.approx(1.234)
    assert table(cells, kinds={"x": "category"}).kinds["x"] == "category"


def test_a_number_among_many_that_is_text_is_refused_with_the_hint():
    cells = [*map(str, range(40)), "n.d.", "7 kg"] * 2
    refuse(
        lambda: table(cells).kinds,
        "table: column 'x': 80 of 84 values are numbers, but not 'n.d.', '7 kg'",
        "missing=['n.d.', '7 kg']",
    )
    assert table(cells, missing=["n.d.", "7 kg"]).kinds["x"] == "numeric"
    assert table(cells, kinds={"x": "category"}).kinds["x"] == "category"


def test_two_notations_in_one_column_are_refused():
    cells = [f"{i},{i}" if i % 2 else f"{i}.{i}" for i in range(1, 41)]
    refuse(lambda: table(cells).kinds, "table: column 'x': no notation of numbers fits all of")


def test_numbers_with_a_unit_are_numbers_and_the_unit_stays(tmp_path):
    cells = [f"{i}.5 bhp" for i in range(12)]
    learned = nn.Encoding.learn(table(cells, scaling="none"))
    assert "a number of bhp" in str(table(cells, scaling="none"))
    assert learned == nn.Encoding.from_json(learned.to_json())
    assert "unit" not in nn.Encoding.learn(table([cell[:-4] for cell in cells])).to_json()["columns"][0]
    assert learned.transform({"x": ["3 bhp", "4"]}).ravel().tolist() == [3, 4]
    refuse(lambda: learned.transform({"x": ["3 kW"]}), "X: column 'x': expected a finite number, got '3 kW'")
    assert table(["5A", "6A"] * 6).kinds["x"] == "category"  # few texts are categories


def test_a_plain_number_learned_without_a_unit_refuses_one():
    learned = nn.Encoding.learn(table(["1.5", "2.5", "3", "5"]))
    refuse(lambda: learned.transform({"x": ["3 kg"]}), "X: column 'x': expected a finite number, got '3 kg'")


MIXED = {"pop": ["1.234", "12", "12.500", "999"] * 10, "x": ["0,5", "1,5", "2,25", "7"] * 10}


def file_of(columns, y):
    rows = zip(*columns.values(), y, strict=True)
    text = ";".join([*columns, "y"]) + "\n" + "".join(";".join(row) + "\n" for row in rows)
    return io.StringIO(text)


@pytest.mark.parametrize(
    ("columns", "y", "name"),
    [
        (MIXED, ["a", "b"] * 20, "pop"),
        ({"x": MIXED["x"]}, MIXED["pop"], "y"),
        ({"pop": MIXED["pop"]}, MIXED["x"], "pop"),
    ],
)
def test_a_point_that_may_separate_thousands_is_refused_beside_decimal_commas(columns, y, name):
    def read(**options):
        return nn.read_table(file_of(columns, y), "y", **options)

    refuse(lambda: read().kinds, f"<file>: column '{name}': '12.500' may be 12.500 or 12500, since column")
    said = read(decimal=",")
    assert said.kinds
    numbers = said.y if name == "y" else nn.Encoding.learn(said).transform(said)[:, 0]
    assert numbers[2] > 12 * numbers[0] > 0 or numbers.argmax() == 2  # 12.500 is 12500
    if name == "pop":
        assert read(kinds={"pop": "numeric"})["pop"].max() == 999


def test_a_doubtful_column_may_have_missing_values_and_whole_thousands():
    columns = {"pop": ["", "1.000", "NA", "12.000"] * 10, "x": MIXED["x"]}
    refuse(
        lambda: nn.read_table(file_of(columns, ["a", "b"] * 20), "y").kinds,
        "<file>: column 'pop': '1.000' may be 1.000 or 1000",
    )


def test_numbers_in_another_notation_are_never_taken_for_booleans_or_dates():
    for cells in (["0 %", "1 %"], ["0,0", "1,0"], ["$0", "$1"], ["20,240,131", "20,240,201"] * 3):
        assert table(cells * 6).kinds["x"] == "numeric"
        assert np.isfinite(nn.Encoding.learn(table(cells * 6)).transform(table(cells * 6))).all()


def test_points_are_decimal_where_nothing_speaks_against_it():
    for other in (["0.5", "1.5"], ["1,5", "2,5"]):
        cells = ["1.234", "0.500"] if "," in other[0] else ["1.234", "12.500"]
        table = nn.read_table(file_of({"a": cells * 20, "b": other * 20}, ["u", "v"] * 20), "y")
        assert table.kinds["a"] == "numeric"
        assert table["a"].max() < 13


@pytest.mark.parametrize("cells", [["5%", "5"], ["$5", "€5"], ["5 EUR", "$5", "7"], ["5%", "5‰"]])
def test_numbers_with_different_marks_are_not_one_kind(cells):
    assert guess_notation(cells) is None
    cells = [f"{cell.replace('5', str(i))}" for i in range(10, 40) for cell in cells]
    refuse(lambda: table(cells * 2).kinds, "table: column 'x': no notation of numbers fits all of")


def test_zeros_and_amounts_need_no_mark():
    assert guess_notation(["5%", "0", "0.0 %"]) == PLAIN
    assert guess_notation(["$5", "7", "$1,200"]) == Notation(".", ",")


def test_columns_may_have_a_notation_each(tmp_path):
    """A file in which two people wrote numbers, each as at home; its column b can be read in two ways."""
    a, b = ["1.234,5", "12,25", "7"], ["1,234", "12,250", "7"]
    path = tmp_path / "mixed.csv"
    path.write_text("a;b;c;y\n" + "".join(f"{x};{y};{len(x)}.5;{y}\n" for x, y in zip(a, b, strict=True)) * 9)
    refuse(
        lambda: nn.read_table(path, "y", classification=False),
        f"{path}: line 2: column 4 ('y'): '1,234' may be 1234 or 1.234; pass decimal='.', thousands=',' or decimal=','",
        "for this column alone decimal={'y': '.'}, thousands={'y': ','} or decimal={'y': ','})",
        error=nn.DataFileError,
    )
    thousands = {"b": ",", "y": ","}
    table = nn.read_table(path, "y", classification=False, thousands=thousands, scaling="none")
    X = nn.Encoding.learn(table).transform(table)
    np.testing.assert_allclose(X[:3], [[1234.5, 1234, 7.5], [12.25, 12250, 5.5], [7, 7, 1.5]])
    assert table.y[:2].tolist() == [1234, 12250]
    decimal = nn.read_table(path, "y", classification=False, decimal={"b": ",", "y": ","}, scaling="none")
    np.testing.assert_allclose(nn.Encoding.learn(decimal).transform(decimal)[:2, 1], [1.234, 12.25])
    refuse(
        lambda: nn.read_table(path, "y", classification=False, decimal=",").kinds,
        "mixed.csv: column 'c': decimal=',' does not fit '7.5', '5.5', '1.5'; if it is for other columns only, "
        "name them, as in decimal={'price': ','}",
    )
    for wrong, said in (
        ({"decimal": {"nope": ","}}, "decimal: 'nope': there is no such column"),
        ({"decimal": {"a": "x"}}, "decimal: expected '.' or ','"),
        ({"thousands": {3: ","}}, "thousands: expected names of columns, got 3"),
        ({"decimal": {"a": ","}, "thousands": {"a": ","}}, "thousands: ',' is the decimal mark already"),
        ({"decimal": ",", "thousands": {"a": ","}}, "thousands: ',' is the decimal mark already"),
    ):
        refuse(lambda wrong=wrong: nn.read_table(path, "y", classification=False, **wrong), said)
