"""Facts about tables in CSV files: X and y are what the file says, or the message says where it is wrong."""

import codecs
import csv
import gzip
import io
import os
import re
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn
from nnlite.datasets import content, csv_file, load_csv
from nnlite.errors import ArgumentError, DataFileError

PETS = "width,height,kind\n1.5,30,dog\n2.5,70,cat\n-1e1,.5,dog\n"
MEGABYTE = 2**20
BESIDE = 20 * MEGABYTE  # what the longest row may take on top, as Python objects


@pytest.fixture
def write(tmp_path):
    """``write(text)`` gives the path of a file with that content."""

    def write(text, name="table.csv"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def refused(path, match, error=DataFileError, seconds=10.0, **options):
    """What is said against this file, which must be soon and in little memory."""
    start = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(error, match=match) as caught:
            load_csv(path, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * os.path.getsize(path) + BESIDE
    assert time.perf_counter() - start < seconds
    assert len(str(caught.value)) < 1500 + len(str(path))
    if error is DataFileError:
        assert str(caught.value).startswith(f"{path}: ")


# --- what is in the file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda text: gzip.compress(text[:9]) + gzip.compress(text[9:])])
def test_numbers_and_labels_are_read_plain_and_compressed(write, pack):
    table = load_csv(write(pack(PETS.encode())))
    np.testing.assert_array_equal(table.X, np.float32([[1.5, 30], [2.5, 70], [-10, 0.5]]))
    assert table.y.tolist() == [1, 0, 1]
    assert table.class_names == ("cat", "dog")
    assert table.feature_names == ("width", "height")
    assert (table.target_name, table.name) == ("kind", "table.csv")
    assert (table.X.dtype, table.y.dtype) == (np.float32, np.int64)
    assert table.X.flags.writeable
    assert table.X.flags.c_contiguous
    assert repr(table) == "Table(table.csv: X (3, 2), y (3,), 2 classes)"


def test_the_iris_file_is_the_shipped_data_set():
    folder = os.path.join(os.path.dirname(__file__), "..", "..", "datasets")
    table, data = load_csv(os.path.join(folder, "iris.csv")), nn.load_iris()
    assert table.class_names == data.class_names
    assert table.feature_names == data.feature_names
    rows = {(*row, label) for row, label in zip(table.X.tolist(), table.y.tolist(), strict=True)}
    assert rows == {
        (*row, label)
        for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test))
        for row, label in zip(X.tolist(), y.tolist(), strict=True)
    }
    digits = load_csv(os.path.join(folder, "digits.csv.gz"))
    assert (digits.X.shape, digits.class_names) == ((1797, 64), tuple("0123456789"))


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(
        st.tuples(*[st.floats(width=32, allow_nan=False, allow_infinity=False)] * 3), min_size=1, max_size=9
    ),
    labels=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9), min_size=9, max_size=9),
    dialect=st.sampled_from(["excel", "excel-tab", "unix"]),
    place=st.integers(0, 3),
)
def test_what_pythons_csv_module_writes_is_read_again(tmp_path_factory, numbers, labels, dialect, place):
    labels = [f"<{label}>" for label in labels[: len(numbers)]]
    path = tmp_path_factory.mktemp("csv") / "any.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, dialect)
        writer.writerows([*row[:place], label, *row[place:]] for row, label in zip(numbers, labels, strict=True))
    table = load_csv(path, place, delimiter="\t" if dialect == "excel-tab" else ",")
    np.testing.assert_array_equal(table.X, np.float32(numbers))
    assert [table.class_names[i] for i in table.y] == labels
    assert list(table.class_names) == sorted(set(labels))


def test_the_target_is_any_column_by_name_or_place(write):
    path = write("kind,width,id\n3,1.5,x\n1,2.5,y\n")
    for target in ("kind", 0, -3):
        table = load_csv(path, target, ignore=["id"])
        np.testing.assert_array_equal(table.X, [[1.5], [2.5]])
        assert (table.y.tolist(), table.class_names) == ([1, 0], ("1", "3"))
        assert (table.feature_names, table.target_name) == (("width",), "kind")
    assert load_csv(path, 0, ignore=[-1]).X.shape == (2, 1)
    wide = load_csv(write("1,2,3,4,0\n5,6,7,8,1\n"), ignore=[1, -2])
    np.testing.assert_array_equal(wide.X, [[1, 3], [5, 7]])


def test_without_a_target_every_column_is_a_feature(write):
    table = load_csv(write("a,b\n1,2\n3,4\n"), target=None)
    assert table.y is None
    assert table.class_names == ()
    np.testing.assert_array_equal(table.X, [[1, 2], [3, 4]])
    assert repr(table) == "Table(table.csv: X (2, 2), no y)"
    with pytest.raises(ArgumentError, match=r"^y: table.csv was read without a target"):
        table.split()


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
        ("1.5 abc 1.5", True, [0, 1, 0], ("1.5", "abc")),
        ("10 9 10", False, [10, 9, 10], ()),
        ("1_0 9 9", None, [0, 1, 1], ("1_0", "9")),
    ],
)
def test_text_and_whole_numbers_are_classes_and_other_numbers_values(write, cells, classification, y, class_names):
    table = load_csv(write("".join(f"0,{cell}\n" for cell in cells.split())), classification=classification)
    assert table.y.tolist() == y
    assert table.class_names == class_names
    assert table.y.dtype == (np.int64 if class_names else np.float32)


def test_many_whole_numbers_are_classes_or_values_as_one_says(write):
    path = write("".join(f"0,{i}\n" for i in range(101)))
    refused(path, "column 2 has more than 100 different whole numbers; say classification=True")
    assert len(load_csv(path, classification=True).class_names) == 101
    assert load_csv(path, classification=False).y.tolist() == list(range(101))
    assert len(load_csv(write("".join(f"0,{i}\n" for i in range(100)))).class_names) == 100


def test_many_values_are_values(write):
    numbers = [i / 7 for i in range(csv_file.MOST_CLASSES + 50)]
    table = load_csv(write("".join(f"0,{y!r}\n" for y in numbers)), dtype="float64")
    assert table.y.tolist() == numbers


@pytest.mark.parametrize(
    ("text", "feature_names", "n"),
    [
        ("a,b,y\n1,2,0\n", ("a", "b"), 1),
        (",b,y\n1,2,0\n", ("column 1", "b"), 1),
        ('"a, b"," c ",y\n1,2,0\n', ("a, b", "c"), 1),
        ("1,2,y\n1,2,z\n", (), 2),
        ("\n\n  \na,b,y\n\n1,2,0\n \n", ("a", "b"), 1),
        ("\ufeffa,b,y\n1,2,0\n", ("a", "b"), 1),
        ("a,b,y\r\n1,2,0\r\n", ("a", "b"), 1),
        ("a,b,y\r1,2,0", ("a", "b"), 1),
    ],
)
def test_a_first_row_without_numbers_is_the_header(write, text, feature_names, n):
    table = load_csv(write(text))
    assert table.feature_names == feature_names
    assert len(table.X) == n


def test_a_header_of_numbers_is_one_if_one_says_so(write):
    path = write("1,2,3\n4,5,6\n")
    assert load_csv(path).X.shape == (2, 2)
    assert load_csv(path, header=True).X.shape == (1, 2)
    assert load_csv(path, header=True, target="3").feature_names == ("1", "2")
    assert load_csv(path, target="3").feature_names == ("1", "2")
    refused(write("a,b,c\n4,5,6\n"), r"line 1: column 1: expected a number, got 'a'; .* header=True", header=False)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le", "cp1252", "utf-8-sig"])
def test_other_encodings_are_read_when_they_are_named(write, encoding):
    path = write("größe,art\n1,Käfer\n".encode(encoding))
    table = load_csv(path, encoding=encoding)
    assert (table.feature_names, table.class_names) == (("größe",), ("Käfer",))


def test_float64_keeps_what_float32_rounds(write):
    path = write("0.1,1e300,x\n")
    table = load_csv(path, dtype=np.float64)
    assert table.X.tolist() == [[0.1, 1e300]]
    refused(path, r"line 1: column 2: expected a finite number that float32 can hold, got 1e\+300")


# --- a network can learn from it ----------------------------------------------------------------------------------


def test_a_table_is_split_as_the_shipped_sets_are(write):
    table = load_csv(write("x,y\n" + "".join(f"{i},{'abc'[i % 3]}\n" for i in range(90))))
    data = table.split(0.2, seed=1)
    assert sorted(np.concatenate([data.X_train, data.X_test]).ravel().tolist()) == list(range(90))
    assert np.bincount(data.y_test).tolist() == [6, 6, 6]
    assert np.array_equal(data.X_train[:, 0] % 3, data.y_train)
    assert not np.array_equal(np.sort(data.X_train[:, 0]), data.X_train[:, 0])
    assert (data.class_names, data.feature_names, data.name) == (("a", "b", "c"), ("x",), "table.csv")
    np.testing.assert_array_equal(table.split(0.2, seed=1).X_test, data.X_test)
    assert not np.array_equal(table.split(0.2, seed=2).X_test, data.X_test)
    model = nn.Model([nn.BatchNorm(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(data.X_train, data.y_train, epochs=1)


def test_values_are_split_without_classes(write):
    data = load_csv(write("".join(f"{i},{i}.5\n" for i in range(50)))).split()
    assert (len(data.y_train), len(data.y_test)) == (40, 10)
    np.testing.assert_array_equal(data.X_test[:, 0] + 0.5, data.y_test)
    assert repr(data) == "Dataset(table.csv: X_train (40, 1), y_train (40,), X_test (10, 1), y_test (10,))"


@pytest.mark.parametrize(("argument", "value"), [("test_fraction", 1), ("test_fraction", "a"), ("seed", -1)])
def test_a_wrong_split_is_refused(write, argument, value):
    with pytest.raises(ArgumentError, match=f"^{argument}: "):
        load_csv(write(PETS)).split(**{argument: value})


# --- what is wrong in the file, and where -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,y\n1,2,0\n1,,0\n", "line 3: column 2 ('b') is missing (''); fill it in"),
        ("a,b,y\n1,NA,0\n", "line 2: column 2 ('b') is missing ('NA')"),
        ("a,b,y\n1,2,0\n\n1, NaN ,0\n", "line 4: column 2 ('b') is missing ('nan')"),
        ("a,b,y\n1,2,\n", "line 2: column 3 ('y') is missing ('')"),
        ("1,2,a\n1,?,b\n", "line 2: column 2 is missing ('?')"),
        ("a,b,y\n1,red,0\n", "line 2: column 2 ('b'): expected a number, got 'red'; a column of text can"),
        ("1,red,0\n2,blue,1\n", "line 1: column 2: expected a number, got 'red'; if the first row has the names"),
        ('a,y\n"1,5",0\n', "line 2: column 1 ('a'): expected a number, got '1,5'; decimals are written with a point"),
        ("a,y\n1_000,0\n", "line 2: column 1 ('a'): expected a number, got '1_000'"),
        ("a,y\n١,0\n", "line 2: column 1 ('a'): expected a number, got '١'"),
        ("a,y\n0x10,0\n", "line 2: column 1 ('a'): expected a number, got '0x10'"),
        ("a,y\n1,0\ninf,0\n", "line 3: column 1 ('a'): expected a finite number that float32 can hold, got inf"),
        ("a,y\n1,0\n-1e39,0\n", "line 3: column 1 ('a'): expected a finite number that float32 can hold, got -1e+39"),
        ("a,y\n1,1.5\n1,inf\n", "line 3: column 2 ('y'): expected a finite number that float32 can hold, got inf"),
        ("a,y\n1,1.5\n1,1e99\n", "line 3: column 2 ('y'): expected a finite number that float32 can hold, got 1e+99"),
        ("a,y\n1,1.5\n1,red\n", "line 3: column 2 ('y'): expected a number, got 'red'; if all are names"),
        ("a,y\n1,red\n1,1.5\n", "line 3: column 2 ('y') has the number 1.5 and the text 'red'; if both are names"),
        ("a,b,y\n1,2,0\n1,2\n", "line 3: has 2 columns, expected 3 as in the first row"),
        ("a,b,y\n1,2,0\n1,2,3,4\n", "line 3: has 4 columns, expected 3"),
        ('a,b,y\n1,"2,0\n1,2,0\n', "line 3: is no row of a CSV file"),
        ('a,b,y\n1,"2"3,0\n', "line 2: is no row of a CSV file"),
        ("a,b,y\n1,2\0,0\n", "line 2: has a NUL byte"),
        ("", "is empty"),
        ("\n\n \n", "is empty"),
        ("a,b,y\n", "has a header, but no examples"),
        ("1;2;0\n3;4;1\n", "line 1: has 1 column, of which none is a feature; is delimiter=';' right?"),
        ("1\n2\n", "line 1: has 1 column, of which none is a feature"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_column(write, text, said):
    refused(write(text), re.escape(said))
    refused(write(gzip.compress(text.encode())), re.escape(said))


def test_a_number_that_is_no_value_is_refused_where_values_are_asked_for(write):
    refused(write("1,2\n1,red\n"), "line 2: column 2: expected a number, got 'red'$", classification=False)
    refused(write("1,2\n1,1e999\n"), "expected a finite number", classification=False)


def test_lines_are_counted_as_an_editor_counts_them(write):
    refused(write('a,"b\nc",y\n1,2,0\n\n1,x,0\n'), "line 5: column 2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,y\n1,Käfer\n".encode("latin-1"), "line 2: is no text in utf-8 .*encoding="),
        (("1,a\n" * 5000).encode() + b"1,\xff\n", "line 5001: is no text in utf-8"),
        ("a,y\n1,x\n".encode("utf-16"), "line 1: is no text in utf-8"),
        ("a,y\n1,x\n".encode("utf-16-le"), r"line 1: has a NUL byte, .*encoding='utf-16'"),
        (bytes(range(256)) * 20, "line 2: is no text"),
        (b"\x80\x04K\x01.", "line 1: is no text"),
        (b"\x1f\x8b", "cannot be read or decompressed"),
        (gzip.compress(b"1,2\n" * 500)[:-9], "cannot be read or decompressed"),
        (gzip.compress(b"1,2\n" * 500) + b"behind", "cannot be read or decompressed"),
        (gzip.compress(gzip.compress(b"1,2\n")), "line 1: "),
    ],
)
def test_what_is_no_text_is_refused(write, text, said):
    refused(write(text), said)


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path):
    refused(tmp_path, "is no file")
    refused(tmp_path / "..", "is no file")
    with pytest.raises(DataFileError, match=r"none\.csv: cannot be read \(No such file"):
        load_csv(tmp_path / "none.csv")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataFileError, match="pipe: is no file"):
            load_csv(tmp_path / "pipe")


# --- what would fill the memory -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"1," * (8 * MEGABYTE), "longer than 1048576 characters|more than 65536 columns"),
        (b"1" * (8 * MEGABYTE), "line 1: the row is longer than 1048576 characters"),
        (b"," * MEGABYTE, "line 1: the row has more than 65536 columns"),
        (b'"' + b"1\n" * (4 * MEGABYTE), r"is no row of a CSV file \(field larger than field limit"),
        (b'1,"' + b'","\n' * MEGABYTE, "more than 65536 columns|longer than"),
        (b'"\n",' * MEGABYTE, "more than 65536 columns|longer than"),
        (b"x" * 200_000 + b",1\n", "field larger than field limit"),
        (b"1,2\n" * 50_000 + b"3\n", "line 50001: has 1 column, expected 2"),
        (b"12,34," * 10_900 + b"1\n" + b"12,34," * 10_900 + b"\n", "is missing"),
        (b"".join(b"0,%x!\n" % i for i in range(20_000)), "line 10001: column 2 has more than 10000 different labels"),
        (b"".join(b"0,%d\n" % i for i in range(30_000)), "more than 100 different whole numbers"),
        (gzip.compress(b"1" * (16 * MEGABYTE)), "the row is longer than"),
        (gzip.compress(b"\0" * (16 * MEGABYTE)), "the row is longer than|NUL byte"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{value[:8]!r} {len(value)}",
)
def test_a_file_that_would_fill_the_memory_is_refused(write, text, said):
    refused(write(text), said)


@pytest.mark.parametrize("line", [b"1,2\n", b"\n"])
def test_a_file_that_expands_a_thousandfold_is_refused(write, monkeypatch, line):
    monkeypatch.setattr(content, "UNASKED", 2**16)
    refused(write(gzip.compress(line * MEGABYTE)), "expands to more than 100 times its size")


@pytest.mark.parametrize("options", [{"classification": True}, {"classification": False}, {}])
def test_reading_takes_at_most_four_times_the_file(write, monkeypatch, options):
    monkeypatch.setattr(
        csv_file, "BLOCK", 2**10
    )  # so that little beside the numbers counts in a file that is not large
    path = write(b"0,5\n" * 2**16)
    tracemalloc.start()
    try:
        table = load_csv(path, **options)
        assert tracemalloc.get_traced_memory()[1] < 4.5 * os.path.getsize(path)
    finally:
        tracemalloc.stop()
    assert table.X.shape == (2**16, 1)


def test_repetitive_tables_are_no_bombs(write):
    path = write(gzip.compress(b"0,0,0,0,0,0,0,0,1\n" * 50_000))
    assert load_csv(path).X.shape == (50_000, 8)


# --- wrong use ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("path", 3, "expected a path, got 3"),
        ("path", "", "expected a path"),
        ("target", "weight", r"there is no column 'weight' in .*, which has 'width', 'height', 'kind'"),
        ("target", 3, r"expected a place in -3\.\.2, because .* has 3 columns, got 3"),
        ("target", -4, r"expected a place in -3\.\.2"),
        ("target", 1.0, "expected the name of a column or its place"),
        ("target", True, "expected the name of a column or its place"),
        ("target", ["kind"], "expected the name of a column or its place"),
        ("classification", "yes", "expected True or False"),
        ("header", 0, "expected True or False"),
        ("delimiter", "", "expected one character that is in no number"),
        ("delimiter", ", ", "expected one character"),
        ("delimiter", ".", "expected one character"),
        ("delimiter", "\n", "expected one character"),
        ("delimiter", '"', "expected one character"),
        ("delimiter", b",", "expected one character"),
        ("delimiter", "e", "expected one character"),
        ("encoding", "utf-9", "expected an encoding of text such as 'utf-8' or 'latin-1', got 'utf-9'"),
        ("encoding", "hex", "expected an encoding of text"),
        ("encoding", "undefined", "expected an encoding of text"),
        ("encoding", None, "expected an encoding of text"),
        ("encoding", "a\0b", "expected an encoding of text"),
        ("ignore", "width", r"expected a list of columns such as \['id'\]"),
        ("ignore", 3, "expected a list of columns"),
        ("ignore", [None], "expected the name of a column or its place"),
        ("ignore", ["weight"], "there is no column 'weight'"),
        ("ignore", [2], "column 2 is the target; to read no target, pass target=None"),
        ("dtype", "float16", "expected 'float32' or 'float64', got 'float16'"),
        ("dtype", None, "expected 'float32' or 'float64'"),
        ("dtype", int, "expected 'float32' or 'float64'"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(write, argument, value, said):
    with pytest.raises(ArgumentError, match=f"^{argument}: {said}"):
        load_csv(**{"path": write(PETS), argument: value})


def test_two_columns_of_one_name_are_told_apart_by_place(write):
    path = write("a,a,y\n1,2,0\n")
    with pytest.raises(ArgumentError, match="target: there are several called 'a'"):
        load_csv(path, "a")
    assert load_csv(path, 0).class_names == ("1",)
    with pytest.raises(ArgumentError, match="header: is False, so there is no column called 'a'; give its place"):
        load_csv(path, "a", header=False)


def test_every_column_ignored_leaves_none(write):
    refused(write(PETS), "has 3 columns, of which none is a feature", ignore=[0, 1])


# --- whatever the bytes, a table or a DataFileError ----------------------------------------------------------------


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
    assert np.isfinite(table.X).all()
    assert table.X.ndim == 2
    assert table.y is None or (len(table.y) == len(table.X) and np.isfinite(table.y).all())
    if table.class_names:
        assert set(np.unique(table.y)) == set(range(len(table.class_names)))


def test_only_the_callers_encoding_is_ever_looked_up(write, monkeypatch):
    asked = []
    lookup = codecs.lookup
    monkeypatch.setattr(codecs, "lookup", lambda name: (asked.append(name), lookup(name))[1])
    load_csv(write("# -*- coding: rot13 -*-,y\n1,2\n"))
    assert set(asked) <= {"utf-8", "utf-8-sig", io.text_encoding(None)}
