"""Facts about `load_csv`: X and y are what the file says, whatever wrote it, and wrong arguments are refused."""

import codecs
import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnlite.errors import ArgumentError, DataFileError
from nnlite.tables import load_csv

from ..support import refuse

PETS = "width,height,kind\n1.5,30,dog\n2.5,70,cat\n-1e1,.5,dog\n"
SHIPPED = Path(__file__).resolve().parents[2] / "datasets"


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:])])
def test_numbers_and_labels_are_read_plain_and_compressed(write, pack):
    table = load_csv(write(pack(PETS.encode())))
    np.testing.assert_array_equal(table.X, np.float32([[1.5, 30], [2.5, 70], [-10, 0.5]]))
    assert table.y.tolist() == [1, 0, 1]
    assert table.class_names == ("cat", "dog")
    assert table.feature_names == ("width", "height")
    assert (table.target_name, table.name) == ("kind", "table.csv")
    assert (table.X.dtype, table.y.dtype) == (np.float32, np.int64)


def test_numpy_reads_the_same_digits():
    table = load_csv(SHIPPED / "digits.csv.gz")
    expected = np.loadtxt(SHIPPED / "digits.csv.gz", delimiter=",", dtype=np.float32)
    np.testing.assert_array_equal(np.column_stack([table.X, table.y]), expected)
    assert table.class_names == tuple("0123456789")


def test_numpy_reads_the_same_irises():
    table = load_csv(SHIPPED / "iris.csv")
    expected = np.genfromtxt(SHIPPED / "iris.csv", delimiter=",", dtype=str)
    np.testing.assert_array_equal(table.X, expected[1:, :4].astype(np.float32))
    assert [table.class_names[k] for k in table.y] == expected[1:, 4].tolist()
    assert (*table.feature_names, table.target_name) == tuple(expected[0])


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(
        st.tuples(*[st.floats(width=32, allow_nan=False, allow_infinity=False)] * 3), min_size=1, max_size=9
    ),
    labels=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9), min_size=9, max_size=9),
    dialect=st.sampled_from(["excel", "excel-tab", "unix"]),
    position=st.integers(0, 3),
)
def test_what_pythons_csv_module_writes_is_read_back(tmp_path_factory, numbers, labels, dialect, position):
    labels = [f"<{label}>" for label in labels[: len(numbers)]]
    path = tmp_path_factory.getbasetemp() / "written.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, dialect)
        for row, label in zip(numbers, labels, strict=True):
            writer.writerow([*row[:position], label, *row[position:]])
    table = load_csv(path, position, delimiter="\t" if dialect == "excel-tab" else ",")
    np.testing.assert_array_equal(table.X, np.float32(numbers))
    assert [table.class_names[k] for k in table.y] == labels
    assert list(table.class_names) == sorted(set(labels))


@settings(max_examples=200, deadline=None)
@given(
    text=st.text(st.sampled_from('0123456789.,;"\n\r -ena\tx\0é'), max_size=60),
    options=st.fixed_dictionaries(
        {},
        optional={
            "target": st.sampled_from([None, 0, -1, "x"]),
            "classification": st.booleans(),
            "header": st.booleans(),
            "delimiter": st.sampled_from(",;\t "),
            "encoding": st.sampled_from(["utf-8", "latin-1", "utf-16"]),
        },
    ),
)
def test_any_text_is_a_table_or_refused(tmp_path_factory, text, options):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(text.encode())
    try:
        table = load_csv(path, **options)
    except (DataFileError, ArgumentError):
        return
    assert table.y is None or (len(table.y) == len(table) and np.isfinite(table.y).all())
    assert all(len(table[name]) == len(table) for name in table.feature_names)
    try:
        assert np.isfinite(table.X).all()
        assert table.X.shape == (len(table), len(table.feature_names))
    except ArgumentError:
        pass
    if table.class_names:
        assert set(np.unique(table.y)) == set(range(len(table.class_names)))


def test_only_the_callers_encoding_is_looked_up(write, monkeypatch):
    asked = []
    lookup = codecs.lookup
    monkeypatch.setattr(codecs, "lookup", lambda name: (asked.append(name), lookup(name))[1])
    load_csv(write("# -*- coding: rot13 -*-,y\n1,2\n"))
    assert set(asked) <= {"utf-8", "utf-8-sig", io.text_encoding(None)}


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("path", 3, "expected a path, got 3"),
        ("path", "", "expected a path"),
        ("target", 1.0, "expected the name of a column or its position"),
        ("target", True, "expected the name of a column or its position"),
        ("target", ["kind"], "expected the name of a column or its position"),
        ("classification", "yes", "expected True or False"),
        ("header", 0, "expected True or False"),
        ("delimiter", "", "expected one character that does not occur in numbers"),
        ("delimiter", ", ", "expected one character"),
        ("delimiter", ".", "expected one character"),
        ("delimiter", "\n", "expected one character"),
        ("delimiter", '"', "expected one character"),
        ("delimiter", b",", "expected one character"),
        ("delimiter", "e", "expected one character"),
        ("encoding", "utf-9", "expected the name of a text encoding such as 'utf-8' or 'latin-1', got 'utf-9'"),
        ("encoding", "hex", "expected the name of a text encoding"),
        ("encoding", "undefined", "expected the name of a text encoding"),
        ("encoding", "a\0b", "expected the name of a text encoding"),
        ("ignore", "width", "expected a list of columns such as ['id']"),
        ("ignore", 3, "expected a list of columns"),
        ("ignore", [None], "expected the name of a column or its position"),
        ("dtype", "float16", "expected 'float32' or 'float64', got 'float16'"),
        ("dtype", None, "expected 'float32' or 'float64'"),
        ("dtype", int, "expected 'float32' or 'float64'"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(write, argument, value, said):
    refuse(lambda: load_csv(**{"path": write(PETS), argument: value}), f"{argument}: {said}")
