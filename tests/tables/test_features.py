"""Facts about the features of a CSV file: X has the numbers of the file, or the message says where one is wrong."""

import gzip
import os
import re
import tracemalloc

import numpy as np
import pytest

from nnlite.datasets import load_csv
from nnlite.datasets.tables import features

from .untrusted import refuse_file


def test_numbers_are_read_in_every_usual_notation(write):
    table = load_csv(write("1.5, 30,+2,0\n-1e1,.5,\u00a0007,0\n"))
    np.testing.assert_array_equal(table.X, np.float32([[1.5, 30, 2], [-10, 0.5, 7]]))
    assert table.X.dtype == np.float32
    assert table.X.flags.writeable
    assert table.X.flags.c_contiguous


def test_float64_keeps_what_float32_rounds(write):
    path = write("0.1,1e300,x\n")
    assert load_csv(path, dtype=np.float64).X.tolist() == [[0.1, 1e300]]
    refuse_file(path, r"line 1: column 2: expected a finite number that float32 can hold, got 1e\+300")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,y\n1,2,0\n1,,0\n", "line 3: column 2 ('b'): missing value ''; fill it in"),
        ("a,b,y\n1, NA ,0\n", "line 2: column 2 ('b'): missing value ' NA '"),
        ("a,b,y\n1,2,0\n\n1, NaN ,0\n", "line 4: column 2 ('b'): missing value 'nan'"),
        ("1,2,a\n1,?,b\n", "line 2: column 2: missing value '?'"),
        ("a,b,y\nnan,red,0\n", "line 2: column 1 ('a'): missing value 'nan'"),
        ("a,b,y\n1,red,0\n", "line 2: column 2 ('b'): expected a number, got 'red'; a column of text can"),
        ("1,red,0\n2,blue,1\n", "line 1: column 2: expected a number, got 'red'; if the first row has the names"),
        ('a,y\n"1,5",0\n', "line 2: column 1 ('a'): expected a number, got '1,5'; decimals are written with a point"),
        ("a,y\n1_000,0\n", "line 2: column 1 ('a'): expected a number, got '1_000'"),
        ("a,y\n١,0\n", "line 2: column 1 ('a'): expected a number, got '١'"),
        ("a,y\n0x10,0\n", "line 2: column 1 ('a'): expected a number, got '0x10'"),
        ("a,y\n1,0\ninf,0\n", "line 3: column 1 ('a'): expected a finite number that float32 can hold, got inf"),
        ("a,y\n1,0\n-1e39,0\n", "line 3: column 1 ('a'): expected a finite number that float32 can hold, got -1e+39"),
    ],
)
def test_a_feature_that_is_no_number_is_refused_with_its_line_and_column(write, text, said):
    refuse_file(write(text), re.escape(said))
    refuse_file(write(gzip.compress(text.encode())), re.escape(said))


def test_a_wrong_feature_is_found_in_every_block(write, monkeypatch):
    monkeypatch.setattr(features, "BLOCK", 8)
    for line in range(1, 20):
        rows = [b"1,2,0\n"] * 20
        rows[line - 1] = b"1,inf,0\n"
        refuse_file(write(b"".join(rows)), f"line {line}: column 2: expected a finite number")


@pytest.mark.parametrize("options", [{"classification": True}, {"classification": False}, {}])
def test_reading_takes_at_most_four_times_the_file(write, monkeypatch, options):
    monkeypatch.setattr(features, "BLOCK", 2**9)  # so that a small file outweighs the block
    path = write(b"0,5\n" * 2**15)
    load_csv(path, **options)  # imports what it needs
    tracemalloc.start()
    try:
        table = load_csv(path, **options)
        assert tracemalloc.get_traced_memory()[1] < 4.5 * os.path.getsize(path)
    finally:
        tracemalloc.stop()
    assert table.X.shape == (2**15, 1)
