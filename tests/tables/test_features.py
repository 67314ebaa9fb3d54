"""Facts about the features of a CSV file: X has the numbers of the file, or the message says where one is wrong."""

import gzip
import os
import tracemalloc

import numpy as np
import pytest

from nnlite.tables import csv_file, load_csv

from ..support import refuse
from .untrusted import refuse_file


def test_numbers_are_read_in_every_usual_notation(write):
    table = load_csv(write("1.5, 30,+2,0\n-1e1,.5,\u00a07,0\n"))
    np.testing.assert_array_equal(table.X, np.float32([[1.5, 30, 2], [-10, 0.5, 7]]))
    assert table.X.dtype == np.float32
    assert table.X.flags.writeable
    assert table.X.flags.c_contiguous


def test_float64_keeps_what_float32_rounds(write):
    path = write("0.1,1e300,x\n")
    assert load_csv(path, dtype=np.float64).X.tolist() == [[0.1, 1e300]]
    refuse(
        lambda: load_csv(path).X,
        "X: column 'column 2' of table.csv, line 1: expected a finite number that float32 can hold, got 1e+300",
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,y\n1,2,0\n1,,0\n", "column 'b' of table.csv, line 3: a value is missing"),
        ("a,b,y\n1, NA ,0\n2,2,0\n", "column 'b' of table.csv, line 2: a value is missing"),
        ("a,b,y\n1,2,0\n\n1, NaN ,0\n", "column 'b' of table.csv, line 4: a value is missing"),
        ("1,2,a\n1,?,b\n", "column 'column 2' of table.csv, line 2: a value is missing"),
        ("a,b,y\n1,red,0\n", "column 'b' of table.csv holds text; give the table itself to fit"),
        ("a,b,y\n1,2024-05-03,0\n1,2024-05-04,0\n", "column 'b' of table.csv holds text"),
        ("a,y\n1_000,0\n", "column 'a' of table.csv holds text"),
        ("a,y\n١,0\n", "column 'a' of table.csv holds text"),
        ("a,y\n0x10,0\n", "column 'a' of table.csv holds text"),
        ("a,y\n1,0\n-1e39,0\n", "line 3: expected a finite number that float32 can hold, got -1e+39"),
    ],
)
def test_x_says_where_a_cell_is_no_number(write, text, said):
    refuse(lambda: load_csv(write(text)).X, "X: ", said)
    refuse(lambda: load_csv(write(gzip.compress(text.encode()))).X, "X: ", said)


def test_infinity_is_refused_with_its_line(write):
    refuse_file(write("a,y\n1,0\ninf,0\n"), r"line 3: column 1 \('a'\): expected a finite number, got inf")


def test_a_wrong_feature_is_found_in_every_block(write, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK", 8)
    for line in range(1, 20):
        rows = [b"1,2,0\n"] * 20
        rows[line - 1] = b"1,inf,0\n"
        refuse_file(write(b"".join(rows)), f"line {line}: column 2 .*: expected a finite number")


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"classification": True}, {"classification": False}, {}])
def test_reading_takes_little_more_memory_than_the_table(write, monkeypatch, options):
    monkeypatch.setattr(csv_file, "BLOCK", 2**9)  # so that a small file outweighs the block
    path = write(b"0,5\n" * 2**15)
    load_csv(path, **options)  # imports what it needs
    tracemalloc.start()
    try:
        table = load_csv(path, **options)
        assert tracemalloc.get_traced_memory()[1] < 3.5 * os.path.getsize(path)  # x is uint8, y int64
    finally:
        tracemalloc.stop()
    assert table.X.shape == (2**15, 1)


def test_numbers_are_kept_in_the_narrowest_type_that_holds_them(write, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK", 8)
    cells = {
        "uint8": ["0", "255", "7"], "int16": ["0", "-7", "300"], "int32": ["70000", "1", "0"],
        "float32": ["0.5", "1", "NA"],
        "float64": ["0.1", "1", "2"],
    }  # fmt: skip
    text = ",".join(cells) + "\n" + "".join(",".join(row) + "\n" for row in zip(*cells.values(), strict=True))
    table = load_csv(write(text), target=None)
    for name, column in cells.items():
        assert table.frame.columns[name].dtype == name
        expected = np.array([np.nan if cell == "NA" else float(cell) for cell in column])
        np.testing.assert_array_equal(table[name], expected)
        assert table[name].dtype == np.float64  # so that sums do not overflow


def test_a_code_with_leading_zeros_is_found_in_every_block(write, monkeypatch):
    monkeypatch.setattr(csv_file, "BLOCK", 8)
    rows = [f"{10000 + i % 3},{i}\n" for i in range(40)]
    for line in (0, 20, 39):
        codes = [*rows[:line], "01234,5\n", *rows[line:]]
        table = load_csv(write("zip,x\n" + "".join(codes)), target=None)
        assert table.kinds["zip"] == "category"
        assert table["zip"][line] == "01234"


def test_an_infinite_number_in_any_notation_is_refused_when_the_file_is_read(write):
    for cells in (["1,5", "1e999", "2,5"], ["€ 1.5", "1e999", "2.5"], ["1", "1e999", "7"]):
        path = write("a;y\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells * 10)))
        refuse_file(path, r"line 3: column .*a'\)?: expected a finite number, got ", target="y", classification=True)
    names = write("a,y\n" + "inf,0\nred,1\nblue,0\n" * 9)
    assert load_csv(names).kinds["a"] == "category"


def test_a_number_that_float64_cannot_hold_is_a_code(write):
    rows = "".join(f"{12345678901234567890 + i},{i % 2}\n" for i in range(30))
    table = load_csv(write("account,y\n" + rows))
    assert table.kinds["account"] == "id"
    assert table["account"][1] == "12345678901234567891"
    assert load_csv(write("x,y\n" + "".join(f"{2**53 - i},{i % 2}\n" for i in range(30)))).kinds["x"] == "numeric"
