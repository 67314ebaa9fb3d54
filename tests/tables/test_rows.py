"""Facts about the rows of a CSV file: lines are counted, text is decoded, and what would fill the memory is refused."""

import gzip
import os
import re

import pytest

from nnlite import content, load_csv
from nnlite.errors import DataFileError

from .untrusted import MEGABYTE, refuse_file


@pytest.mark.parametrize(
    "text",
    [
        "a,b,y\n1,2,0\n",
        "\n\n  \na,b,y\n\n1,2,0\n \n",
        "\ufeffa,b,y\n1,2,0\n",
        "a,b,y\r\n1,2,0\r\n",
        "a,b,y\r1,2,0",
        '"a","b",y\n"1",2,"0"',
    ],
    ids=["plain", "empty rows", "byte order mark", "Windows", "old Mac", "quotes"],
)
def test_every_form_of_lines_is_the_same_table(write, text):
    table = load_csv(write(text))
    assert table.feature_names == ("a", "b")
    assert table.X.tolist() == [[1, 2]]
    assert table.class_names == ("0",)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le", "cp1252", "utf-8-sig"])
def test_other_encodings_are_read_if_they_are_named(write, encoding):
    path = write("größe,art\n1,Käfer\n".encode(encoding))
    table = load_csv(path, encoding=encoding)
    assert (table.feature_names, table.class_names) == (("größe",), ("Käfer",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b,y\n1,2,0\n1,2\n", "line 3: has 2 columns, expected 3 as in the first row"),
        ("a,b,y\n1,2,0\n1,2,3,4\n", "line 3: has 4 columns, expected 3"),
        ('a,b,y\n1,"2,0\n1,2,0\n', "line 3: is not a row of a CSV file"),
        ('a,b,y\n1,"2"3,0\n', "line 2: is not a row of a CSV file"),
        ("a,b,y\n1,2\0,0\n", "line 2: contains a NUL byte"),
        ("", "is empty"),
        ("\n\n \n", "is empty"),
        ("a,b,y\n", "has a header, but no examples"),
    ],
)
def test_a_row_that_breaks_the_format_is_refused_with_its_line(write, text, said):
    refuse_file(write(text), re.escape(said))
    refuse_file(write(gzip.compress(text.encode())), re.escape(said))


def test_lines_are_counted_as_an_editor_counts_them(write):
    refuse_file(write('a,"b\nc",y\n1,2,0\n\n1,2,\n'), "line 5: column 3")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,y\n1,Käfer\n".encode("latin-1"), "line 2: is not text in utf-8 .*encoding="),
        (b"1,a\n" * 5000 + b"1,\xff\n", "line 5001: is not text in utf-8"),
        ("a,y\n1,x\n".encode("utf-16-le"), "line 1: contains a NUL byte, .*encoding='utf-16'"),
        (bytes(range(256)) * 20, "line 2: is not text"),
        (b"\x80\x04K\x01.", "line 1: is not text"),
        (b"\x1f\x8b", "cannot be read or decompressed"),
        (gzip.compress(b"1,2\n" * 500, mtime=0)[:-9], "cannot be read or decompressed"),
        (gzip.compress(b"1,2\n" * 500, mtime=0) + b"behind", "cannot be read or decompressed"),
        (gzip.compress(gzip.compress(b"1,2\n", mtime=0), mtime=0), "line 1: "),
    ],
)
def test_what_is_not_text_is_refused(write, content, said):
    refuse_file(write(content), said)


def test_a_directory_or_a_pipe_is_refused_and_not_waited_for(tmp_path):
    refuse_file(tmp_path, "is not a regular file")
    refuse_file(tmp_path / "..", "is not a regular file")
    with pytest.raises(DataFileError, match=r"none\.csv: cannot be read \(No such file"):
        load_csv(tmp_path / "none.csv")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataFileError, match="pipe: is not a regular file"):
            load_csv(tmp_path / "pipe")


# --- what would fill the memory -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"1," * (8 * MEGABYTE), "longer than 1048576 characters|more than 65536 columns"),
        (b"1" * (8 * MEGABYTE), "line 1: the row is longer than 1048576 characters"),
        (b"," * MEGABYTE, "line 1: the row has more than 65536 columns"),
        (b'"' + b"1\n" * (4 * MEGABYTE), r"is not a row of a CSV file \(field larger than field limit"),
        (b'1,"' + b'","\n' * MEGABYTE, "more than 65536 columns|longer than"),
        (b'"\n",' * MEGABYTE, "more than 65536 columns|longer than"),
        (b"x" * 200_000 + b",1\n", "field larger than field limit"),
        (b"1,2\n" * 5_000 + b"3\n", "line 5001: has 1 column, expected 2"),
        pytest.param(b"12,34," * 10_900 + b"1\n" + b"12,34," * 10_900 + b"\n", "missing value", marks=pytest.mark.slow),
        (b"".join(b"0,%x!\n" % i for i in range(12_000)), "column 2 has 12000 different texts in 12000 rows"),
        (b"".join(b"0,%d\n" % i for i in range(12_000)), "12000 different whole numbers"),
        (gzip.compress(b"1" * (16 * MEGABYTE), 1, mtime=0), "the row is longer than"),
        (gzip.compress(b"\0" * (16 * MEGABYTE), 1, mtime=0), "the row is longer than|NUL byte"),
    ],
    ids=lambda value: None if isinstance(value, str) else f"{value[:8]!r} {len(value)}",
)
def test_a_file_that_would_fill_the_memory_is_refused(write, content, said):
    refuse_file(write(content), said)


@pytest.mark.slow
@pytest.mark.parametrize("line", [b"1,2\n", b"\n"])
def test_a_file_that_expands_a_thousandfold_is_refused(write, monkeypatch, line):
    monkeypatch.setattr(content, "UNASKED", 2**14)
    refuse_file(write(gzip.compress(line * (MEGABYTE // 4))), "expands to more than 100 times its size")


@pytest.mark.slow
def test_repetitive_tables_are_no_bombs(write):
    path = write(gzip.compress(b"0,0,0,0,0,0,0,0,1\n" * 50_000))
    assert load_csv(path).X.shape == (50_000, 8)
