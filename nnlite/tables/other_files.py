"""Tables in other files than CSV: Parquet and Feather through pyarrow, Excel through openpyxl, .npz and .npy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np

from nnlite.checks import Array
from nnlite.content import EXPANSION, UNASKED, open_file
from nnlite.errors import ArgumentError, DataFileError
from nnlite.tables.frames import MOST_COLUMNS, Frame, frame_of

NPY = b"\x93NUMPY"


def read_other(path: str, source: str) -> Frame | None:
    """Return the columns of a file that is not CSV; None for a file that may be CSV.

    Raises
    ------
    DataFileError
        If the file is missing or damaged, or what reads its format is not installed.
    """
    with open_file(path) as file:
        start = file.read(8)
        reader = _reader(start, file)
        if reader is None:
            return None
        file.seek(0)
        try:
            return frame_of(reader(file, source), source)
        except (ArgumentError, DataFileError) as error:
            raise DataFileError(f"{source}: {str(error).removeprefix(f'{source}: ')}") from None
        except MemoryError:
            raise
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise DataFileError(f"{source}: cannot be read ({text:.300})") from error


def _reader(start: bytes, file: BinaryIO) -> Any:  # noqa: PLR0911  a line for each format
    """Return the function that reads a file with these first bytes; None if it may be CSV."""
    if start.startswith(b"PAR1"):
        return _read_parquet
    if start.startswith(b"ARROW1"):
        return _read_feather
    if start.startswith(NPY):
        return _read_npy
    if start.startswith(b"PK\3\4"):
        import zipfile

        try:
            names = zipfile.ZipFile(file).namelist()
        except zipfile.BadZipFile:
            return None
        if "xl/workbook.xml" in names:
            return _read_excel
        if names and all(name.endswith(".npy") for name in names):
            return _read_npz
    return None


def _read_parquet(file: BinaryIO, source: str) -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise DataFileError('is a Parquet file, which needs pyarrow: pip install "nnlite[tables]"') from None
    return pyarrow.parquet.read_table(file)


def _read_feather(file: BinaryIO, source: str) -> Any:
    try:
        import pyarrow.feather
    except ImportError:
        raise DataFileError('is a Feather file, which needs pyarrow: pip install "nnlite[tables]"') from None
    return pyarrow.feather.read_table(file)


def _read_excel(file: BinaryIO, source: str) -> Any:
    """Return the columns of the first sheet, whose first row has the names."""
    try:
        import openpyxl
    except ImportError:
        raise DataFileError(
            'is an Excel file, which needs openpyxl: pip install "nnlite[tables]"; or save it as CSV'
        ) from None
    _check_expansion(file)
    file.seek(0)
    book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    rows = [row for row in book.worksheets[0].iter_rows(values_only=True) if any(cell is not None for cell in row)]
    if len(rows) < 2:
        raise DataFileError("its first sheet has no row below the names of the columns")
    names = [f"Unnamed: {i}" if cell is None else str(cell).strip() for i, cell in enumerate(rows[0])]
    columns = dict(zip(names, zip(*rows[1:], strict=True), strict=True))
    return {name: list(cells) for name, cells in columns.items() if any(cell is not None for cell in cells)}


def _read_npy(file: BinaryIO, source: str) -> Any:
    array = _read_array(file, _size(file))
    return array if array.dtype.names else _columns_of("column", array)


def read_arrays(path: str) -> dict[str, Array]:
    """Return the arrays of an .npz file by name; DataFileError if it is damaged, or expands too much."""
    with open_file(path) as file:
        try:
            return dict(_members(file))
        except DataFileError as error:
            raise DataFileError(f"{path}: {error}") from None
        except MemoryError:
            raise
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise DataFileError(f"{path}: cannot be read ({text:.300})") from error


def dimensions(path: str) -> list[int]:
    """Return how many dimensions each array of an .npz file has; those of a damaged file are left out."""
    found = []
    with open_file(path) as file, contextlib.suppress(Exception):
        archive = _check_expansion(file)  # a header may claim to be of gigabytes
        for member in archive.infolist():
            with archive.open(member) as content:
                found.append(len(_read_header(content)[0]))
    return found


def _members(file: BinaryIO) -> Iterator[tuple[str, Array]]:
    """Yield name and array of each member of an .npz file."""
    archive = _check_expansion(file)
    for member in archive.infolist():
        with archive.open(member) as content:
            yield member.filename.removesuffix(".npy"), _read_array(content, member.file_size)


def _read_npz(file: BinaryIO, source: str) -> Any:
    """Return the arrays of a file as columns; a matrix "X" becomes "X 1", "X 2", ..."""
    columns: dict[str, Array] = {}
    for name, array in _members(file):
        if array.ndim == 0:
            raise DataFileError(f"the array {name!r} has no rows")
        columns |= {name: array} if array.ndim == 1 else _columns_of(name, array)
        if len(columns) > MOST_COLUMNS:
            raise DataFileError(f"has more than {MOST_COLUMNS} columns")
    return columns


def _columns_of(name: str, array: Array) -> dict[str, Array]:
    if array.ndim < 2:
        raise DataFileError(f"expected a matrix with a row for each example, got shape {array.shape}")
    rows = array.reshape(len(array), -1)
    if rows.shape[1] > MOST_COLUMNS:
        raise DataFileError(f"has more than {MOST_COLUMNS} columns")
    return {f"{name} {i + 1}": rows[:, i] for i in range(rows.shape[1])}


def _read_array(content: Any, size: int) -> Array:
    """Return the array of an .npy; DataFileError if it holds Python objects, or claims to be larger than it is."""
    shape, fortran, dtype = _read_header(content)
    if dtype.hasobject:
        raise DataFileError("holds Python objects, which nnlite never reads, because that can run code")
    n_bytes = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if n_bytes > size:
        raise DataFileError(f"claims to hold {n_bytes} bytes of numbers, but has {size}")
    raw = content.read(n_bytes)
    if len(raw) < n_bytes:
        raise DataFileError("ends too early")
    return np.frombuffer(raw, dtype).reshape(shape, order="F" if fortran else "C")


def _read_header(content: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and dtype of an .npy."""
    version = np.lib.format.read_magic(content)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read_header(content)


def _check_expansion(file: BinaryIO) -> Any:
    """Return the zip in a file; DataFileError if it would expand too much."""
    import zipfile

    archive = zipfile.ZipFile(file)
    if sum(member.file_size for member in archive.infolist()) > UNASKED + EXPANSION * _size(file):
        raise DataFileError(f"expands to more than {EXPANSION} times its size, as no real data does")
    return archive


def _size(file: BinaryIO) -> int:
    position = file.tell()
    size = file.seek(0, 2)
    file.seek(position)
    return size
