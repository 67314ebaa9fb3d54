"""Facts about how a CSV file is written: separators, comments, quotes, encodings and compressions are recognized."""

import bz2
import gzip
import io
import lzma
import sys
import zipfile

import numpy as np
import pytest

import nnlite as nn
from nnlite import content
from nnlite.tables import load_csv, read_table

from ..support import refuse
from .untrusted import refuse_file

ROWS = [("size", "coat", "kind"), ("1.5", "long", "cat"), ("2.5", "short", "dog"), ("3.5", "long", "cat")]
PETS = "\n".join(map(",".join, ROWS)) + "\n"


def check(table):
    assert table.feature_names == ("size", "coat")
    assert table["size"].tolist() == [1.5, 2.5, 3.5]
    assert table["coat"].tolist() == ["long", "short", "long"]
    assert (table.y.tolist(), table.class_names) == ([0, 1, 0], ("cat", "dog"))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", " ", "  \t ", ", ", " ; "])
def test_the_delimiter_is_recognized(write, delimiter):
    check(load_csv(write("\n".join(map(delimiter.join, ROWS)) + "\n")))


@pytest.mark.parametrize(
    "text",
    [
        PETS.replace("\n", "\r\n"),
        PETS.replace("\n", "\r"),
        PETS.rstrip("\n"),
        "\ufeff" + PETS,
        "sep=,\n" + PETS,
        '"sep=,"\n' + PETS,
        "# made by hand\n# in two lines\n" + PETS,
        "% as in ARFF\n" + PETS,
        PETS.replace("2.5", "# a comment\n2.5"),
        '"' + PETS.replace(",", '", "').replace("\n", '"\n"').rstrip('"'),
        PETS.replace(",", ",  "),
        PETS.replace(",", " , "),
        PETS.replace("\n", ",\n"),
        PETS.replace("\n", ",,,\n"),
        "size,coat,kind\n" + PETS.split("\n", 1)[1].replace("\n", ",\n"),
        PETS + ",,\n,,\n\n",
        "\n\n" + PETS.replace("\n", "\n\n"),
        PETS.replace("kind\n", "kind,\n"),
        "'" + PETS.replace(",", "','").replace("\n", "'\n'").rstrip("'"),
        PETS.replace("long", "'long'").replace("short", "'short'"),
    ],
    ids=repr,
)
def test_every_habit_of_writing_is_the_same_table(write, text):
    check(load_csv(write(text), "kind"))


def test_a_comma_may_be_that_of_numbers(write):
    for text in ("a;k\n1,5;x\n2,5;y\n", "a\tk\n1,5\tx\n2,5\ty\n", "1,5;2,5;x\n3,5;4,5;y\n"):
        table = load_csv(write(text))
        assert nn.Encoding.learn(table).columns[0].center == 2 + 0.5 * ("3,5" in text)
        assert table.class_names == ("x", "y")


def test_quotes_keep_delimiters_and_lines_together(write):
    table = load_csv(write('name,x,k\n"a, b",1,u\n"c\nd",2,v\n"e ""f""",3,u\n'))
    assert table["name"].tolist() == ["a, b", "c\nd", 'e "f"']


def test_a_header_that_begins_with_a_comment_sign_is_a_header(write):
    assert load_csv(write("#size,coat,kind\n" + PETS.split("\n", 1)[1])).feature_names == ("#size", "coat")
    assert load_csv(write("#size,coat\n" + PETS), comment="#").feature_names == ("size", "coat")
    refuse_file(write("# note\n" + PETS), "has 3 columns, expected 1|none of them is a feature", comment="")


def test_what_the_user_says_is_not_guessed(write):
    assert load_csv(write("a;b,k\n1;2,x\n3;4,y\n"), delimiter=",").feature_names == ("a;b",)
    assert load_csv(write("!1,x\n2,y\n3,x\n"), comment="!")["column 1"].tolist() == [2, 3]


def test_rows_of_other_lengths_are_refused_with_a_hint(write):
    refuse_file(
        write("a,b,k\n1,2,x\nend of file\n"), "line 3: has 1 column, expected 3 .*; if it is a comment, pass comment="
    )
    refuse_file(write("a,b,k\n1,2,x\n1,5,2,x\n"), "line 3: has 4 columns, expected 3 .*decimal commas")


def test_a_first_row_of_text_that_comes_again_is_no_header(write):
    rows = ["p,x,s", "e,b,y", "p,x,y", "e,x,s"] * 5
    table = load_csv(write("\n".join(rows)))
    assert (len(table), table.feature_names) == (20, ("column 1", "column 2"))
    assert load_csv(write("\n".join(["class,cap,root", *rows]))).feature_names == ("class", "cap")


# ---- encodings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(write, encoding):
    table = load_csv(write("größe,art\n1,Käfer\n2,Wal\n".encode(encoding)))
    assert (table.feature_names, table.class_names) == (("größe",), ("Käfer", "Wal"))


def test_another_encoding_is_named_in_the_message(write):
    refuse_file(
        write("art,x\nKäfer,1\n".encode("cp1252")), "line 2: is not text in utf-8 .*pass the encoding of the file"
    )


# ---- compressions ----------------------------------------------------------------------------------------------------


def zipped(**members):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return packed.getvalue()


PACKED = {
    "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress,
    "zip": lambda raw: zipped(**{"pets.csv": raw}),
    "zip of a Mac": lambda raw: zipped(**{"a/": "", "a/pets.csv": raw, "__MACOSX/._pets.csv": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("pack", PACKED)
@pytest.mark.parametrize("name", ["pets.csv", "pets"])
def test_the_first_bytes_tell_the_compression(write, pack, name):
    path = write(PACKED[pack](PETS.encode()), name)
    check(load_csv(path))
    check(read_table(path, "kind"))


@pytest.mark.parametrize("pack", PACKED)
def test_a_damaged_archive_is_refused(write, pack):
    raw = PACKED[pack](PETS.encode() * 50)
    for damaged in (raw[:-10], raw[: len(raw) // 2], raw[:20] + b"\0\0\0\0" + raw[24:]):
        try:
            table = load_csv(write(damaged))
        except nn.DataFileError:
            continue
        assert len(table) > 0  # what was damaged is not the content


def test_a_zip_of_several_files_is_to_be_unpacked(write):
    refuse_file(
        write(zipped(**{"a.csv": PETS, "b.csv": PETS})), r"is a zip of 2 files \('a.csv', 'b.csv'\); unpack it first"
    )
    refuse_file(write(zipped()), "is a zip of 0 files|cannot be read|is not text")


@pytest.mark.slow
@pytest.mark.parametrize("pack", ["gzip", "bzip2", "xz", "zip"])
def test_what_expands_a_thousandfold_is_refused(write, monkeypatch, pack):
    monkeypatch.setattr(content, "UNASKED", 2**14)
    refuse_file(write(PACKED[pack](b"1,2\n" * 2**18)), "expands to more than 100 times its size")


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first"),
        (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
        (b"\x28\xb5\x2f\xfd", "Zstandard; unpack it first"),
        (b"%PDF-1.7", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", r"an old Excel file \(.xls\)"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"<!DOCTYPE html>", "an HTML page, perhaps that of a failed download"),
        (b"\x80\x04\x95", "a pickle, which nnlite never reads"),
    ],
)
def test_other_formats_are_called_by_their_names(write, start, said):
    refuse_file(write(start + b"1,2\n" * 50), said)


# ---- other files -----------------------------------------------------------------------------------------------------

DATA = {
    "size": np.array([1.5, 2.5, 3.5]),
    "coat": np.array(["long", "short", "long"]),
    "kind": np.array(["cat", "dog", "cat"]),
}


def test_npz_and_npy(write, tmp_path):
    np.savez(tmp_path / "pets.npz", **DATA)
    check(read_table(tmp_path / "pets.npz", "kind"))
    np.savez_compressed(tmp_path / "pets.npz", **DATA)
    check(read_table(tmp_path / "pets.npz", "kind"))
    np.save(tmp_path / "pets.npy", np.rec.fromarrays(list(DATA.values()), names=list(DATA)))
    check(read_table(tmp_path / "pets.npy", "kind"))
    np.savez(tmp_path / "pets.npz", X=np.arange(12.0).reshape(3, 2, 2), y=[0, 1, 0])
    table = read_table(tmp_path / "pets.npz", "y")
    assert table.feature_names == ("X 1", "X 2", "X 3", "X 4")
    np.testing.assert_array_equal(table.X, np.arange(12).reshape(3, 4))


def test_npz_with_objects_or_wrong_lengths_is_refused(tmp_path):
    path = tmp_path / "pets.npz"
    np.savez(path, a=np.array([{}, []], object))
    refuse(lambda: read_table(path), f"{path}: holds Python objects, which nnlite never reads", error=nn.DataFileError)
    np.savez(path, x_train=np.ones(3), x_test=np.ones(2))
    refuse(lambda: read_table(path), f"{path}: column 'x_test' has 2 rows, and 'x_train' has 3", error=nn.DataFileError)
    np.savez(path, a=3.0)
    refuse(lambda: read_table(path), f"{path}: the array 'a' has no rows", error=nn.DataFileError)


def test_an_npy_that_claims_terabytes_is_refused(write):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
    header = header.ljust(117) + b"\n"
    raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 64
    path = write(raw, "big.npy")
    refuse(lambda: read_table(path), f"{path}: claims to hold 8000000000000 bytes of numbers", error=nn.DataFileError)


@pytest.mark.parametrize("ending", ["parquet", "feather", "xlsx"])
def test_files_that_need_a_library(tmp_path, ending):
    pd = pytest.importorskip("pandas")
    pytest.importorskip("openpyxl" if ending == "xlsx" else "pyarrow")
    frame = pd.DataFrame(DATA)
    path = tmp_path / f"pets.{ending}"
    {"parquet": frame.to_parquet, "feather": frame.to_feather, "xlsx": lambda p: frame.to_excel(p, index=False)}[
        ending
    ](path)
    check(read_table(path, "kind"))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(nn.DataFileError):
        read_table(path, "kind")


@pytest.mark.parametrize(
    ("raw", "library"),
    [
        (b"PAR1" + b"\0" * 20, "pyarrow"),
        (b"ARROW1\0\0", "pyarrow"),
        (zipped(**{"xl/workbook.xml": "<x/>"}), "openpyxl"),
    ],
)
def test_without_its_library_the_message_says_what_to_install(write, monkeypatch, raw, library):
    monkeypatch.setitem(sys.modules, library, None)
    path = write(raw, "x")
    refuse(
        lambda: read_table(path),
        f"{path}: is a",
        f"needs {library}: pip install",
        "nnlite[tables]",
        error=nn.DataFileError,
    )


def test_an_open_file_is_read_to_its_end(write):
    check(read_table(io.BytesIO(PETS.encode()), "kind"))
    check(read_table(io.StringIO(PETS), "kind"))
    with open(write(gzip.compress(PETS.encode())), "rb") as file:
        check(read_table(file, "kind"))
    refuse(lambda: read_table(io.StringIO(""), "kind"), "<file>: is empty", error=nn.DataFileError)


# ---- columns that change their mind ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_text_after_thousands_of_numbers_makes_a_column_of_text(write):
    n = 70_000
    text = "a,b,k\n" + "".join(f"{i % 9},{i % 9},{'xy'[i % 2]}\n" for i in range(n)) + "many,1,x\n"
    table = load_csv(write(text))
    assert table["a"].tolist() == [str(i % 9) for i in range(n)] + ["many"]
    assert table["b"].tolist() == [i % 9 for i in range(n)] + [1]


def test_codes_with_leading_zeros_stay_text(write):
    table = load_csv(write("zip,x,k\n" + "01234,1,a\n98765,2,b\n" * 3))
    assert table["zip"].tolist()[:2] == ["01234", "98765"]
    assert table.kinds["zip"] == "category"


def test_an_apostrophe_is_no_quote(write):
    rows = [("5'2", "don't"), ("6'1", "'tis"), ("5'9", "rock'n'roll"), ("6'0", "'a'")]
    table = load_csv(write("height,word\n" + "".join(f"{a},{b}\n" for a, b in rows)), target=None)
    assert [*zip(table["height"], table["word"], strict=True)] == rows


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1, "y": 2}]', "is JSON; .*nnlite.Table"),
        ('\n{"a": [1, 2], "y": [1, 2]}', "is JSON"),
        ("@relation pets\n@attribute size numeric\n@data\n1\n", "is an ARFF file"),
        ("1 1:0.5 3:2\n-1 2:1e-3\n", "is in the format of LIBSVM"),
        (" \n <html><body>", "is an HTML page"),
        ("A table of pets\nsize,kind\n1,cat\n2,dog\n", "line 2: has 2 columns, .* the lines above are a title"),
    ],
)
def test_what_is_text_but_no_table_is_named(write, text, said):
    refuse_file(write(text), said)
