"""Rows of numbers that stay where they are, and of which a block is read at a time."""

from __future__ import annotations

import bisect
import contextlib
import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError, DataFileError
from nnlite.stored.stamps import OF_FILE, check_stamp, folder_stamp, stamp_of, stamp_of_open

LEAVE_OUT = "to leave out files of a folder, pass a list of the others"
AT_ONCE = 2**22  # bytes of a file that are read at once and then converted

Range = tuple[int, int]  # the rows start:stop


class Rows:
    """Rows (n, ...) of one type that are read a block at a time. A subclass says where they are.

    Parameters
    ----------
    name : str
        What messages call them: a file, or an array in a file.
    shape : tuple of int
        (n, ...); a row has the shape ``shape[1:]``.
    dtype : numpy.dtype
        The type of the numbers that are read, in the byte order of this machine.
    chunk : int
        How many rows are stored together, so that reading one of them means reading all.
    """

    def __init__(self, name: str, shape: Sequence[int], dtype: Any, chunk: int = 1) -> None:
        self.name, self.shape, self.chunk = name, tuple(map(int, shape)), chunk
        self.dtype: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
        self.row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))

    def __len__(self) -> int:
        return self.shape[0]

    def fill(self, start: int, out: Array) -> None:
        """Read ``len(out)`` rows from row ``start`` on into an array of the right shape and dtype.

        Raises
        ------
        DataFileError
            If they cannot be read, or the file is not what it was.
        """
        raise NotImplementedError

    def fill_ranges(self, ranges: Sequence[Range], out: Array) -> None:
        """Read the rows of some ranges, one range after the other, into an array as `fill` does."""
        done = 0
        for start, stop in ranges:
            self.fill(start, out[done : done + stop - start])
            done += stop - start

    @property
    def largest_chunk(self) -> int:
        """How many rows are read for one of them at most."""
        return self.chunk

    def check_unchanged(self) -> None:
        """Raise DataFileError if a file is not what it was when it was opened, as far as that is known."""

    @property
    def can_advise(self) -> bool:
        """Whether `advise` has an effect."""
        return False

    def advise(self, ranges: Sequence[Range]) -> None:
        """Let the operating system read the rows of some ranges into its memory meanwhile."""

    def read(self, start: int, stop: int) -> Array:
        """Return the rows ``start:stop`` as a new array."""
        out = np.empty((stop - start, *self.shape[1:]), self.dtype)
        self.fill(start, out)
        return out

    def place(self, row: int) -> str:
        """Return where a row is, for messages: "part-3.npz: X, row 17"; rows count from 0."""
        return f"{self.name}, row {row}"

    def edges(self, n_rows: int) -> Array:
        """Return the first row of each block, and the number of all rows: blocks of about ``n_rows``.

        Rows that are stored together are in one block.
        """
        size = max(self.chunk, n_rows // self.chunk * self.chunk, 1)
        return np.append(np.arange(0, len(self), size), len(self))


class InMemory(Rows):
    """Rows of an array in memory, such as the labels of examples on the disk.

    Parameters
    ----------
    name : str
    array : ndarray
    """

    def __init__(self, name: str, array: Array) -> None:
        super().__init__(name, array.shape, array.dtype)
        self._array = array

    def fill(self, start: int, out: Array) -> None:
        """Copy the rows."""
        out[...] = self._array[start : start + len(out)]


class Kept(Rows):
    """Rows that are read once and kept in memory, such as the labels of examples that stay on the disk.

    Parameters
    ----------
    rows : Rows
    """

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows.name, rows.shape, rows.dtype)
        self.place, self._array = rows.place, rows.read(0, len(rows))  # type: ignore[method-assign]

    def fill(self, start: int, out: Array) -> None:
        """Copy the rows."""
        out[...] = self._array[start : start + len(out)]


class Slices(Rows):
    """Rows of anything that has a shape, a dtype and slices ``source[start:stop]``.

    Parameters
    ----------
    name : str
    source : object
        For example an array of Zarr or a data set of HDF5.
    chunk : int, default 1
    path : str, optional
        Its file, whose change is an error; or a folder of files, which is looked through when an epoch begins.
    """

    def __init__(self, name: str, source: Any, chunk: int = 1, path: str | None = None) -> None:
        super().__init__(name, source.shape, source.dtype, chunk)
        self._source, self._path = source, path
        self._reading = threading.Lock()  # a source need not bear several threads at once
        self._is_folder = path is not None and os.path.isdir(path)
        self._stamp = None if path is None else folder_stamp(path) if self._is_folder else stamp_of(path)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_reading"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _reading=threading.Lock())

    def check_unchanged(self) -> None:
        """Raise DataFileError if the file, or one in the folder, is not what it was."""
        if self._path is not None:
            check_stamp(self._path, self._stamp)

    def fill(self, start: int, out: Array) -> None:
        """Read the rows as the source gives them."""
        if not self._is_folder:
            self.check_unchanged()
        try:
            with self._reading:
                read = np.asarray(self._source[start : start + len(out)])
        except MemoryError:
            raise
        except Exception as error:  # each library has its own
            text = " ".join(str(error).split()) or type(error).__name__
            raise DataFileError(f"{self.place(start)}: cannot be read ({text:.300})") from error
        if read.shape != out.shape:
            raise DataFileError(f"{self.place(start)}: expected rows of shape {out.shape}, got {read.shape}")
        if not np.can_cast(read.dtype, out.dtype, "same_kind"):
            raise DataFileError(f"{self.place(start)}: expected {out.dtype}, the dtype of all rows, got {read.dtype}")
        out[...] = read


class FileRows(Rows):
    """Rows that lie one after the other in a file, as in ``.npy``: read with ``pread``, never mapped into memory.

    A mapped file counts as memory of the process as far as it was read; a file that is read does not.

    Parameters
    ----------
    path : str
    offset : int
        Where the first row begins, in bytes.
    shape, dtype
        Of the rows, as they are in the file.
    name : str, optional
        By default the path.
    stride : int, optional
        Bytes from one row to the next, if they are more than a row has.
    watched : bool, default True
        Whether a change of the file is an error. Into a file that is not watched its owner may write, but another file
        in its place is an error, too.
    """

    def __init__(
        self, path: str, offset: int, shape: Sequence[int], dtype: Any, *, name: str | None = None,
        stride: int | None = None, watched: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(path if name is None else name, shape, dtype)
        self._path, self._offset, self._in_file = path, offset, np.dtype(dtype)
        self._stride = self.row_bytes if stride is None else stride
        self._stamp = stamp_of(path) if watched else stamp_of(path)[:OF_FILE]
        self._as_it_lies = self._stride == self.row_bytes and self._in_file == self.dtype
        end = offset + (len(self) - 1) * self._stride + self.row_bytes
        if len(self) and (has := os.stat(path).st_size) < end:
            raise DataFileError(f"{self.name}: is cut off: expected {end} bytes, got {has}")

    def check_unchanged(self) -> None:
        """Raise DataFileError if the file is not what it was."""
        check_stamp(self._path, self._stamp)

    def fill(self, start: int, out: Array) -> None:
        """Read the rows into ``out``."""
        if self._as_it_lies and out.flags.c_contiguous:
            self.fill_ranges([(start, start + len(out))], out)
            return
        strides = (self._stride, *np.empty((1, *self.shape[1:]), self._in_file).strides[1:])
        at_once = max(1, AT_ONCE // max(1, self._stride))
        for first in range(0, len(out), at_once):  # between two rows may lie much more than they have
            part = out[first : first + at_once]
            raw = np.empty((len(part) - 1) * self._stride + self.row_bytes, np.uint8)
            with self._opened() as file:
                self._read_bytes(file, start + first, raw.data)
            part[...] = np.ndarray(part.shape, self._in_file, raw.data, strides=strides)

    def fill_ranges(self, ranges: Sequence[Range], out: Array) -> None:
        """Read the rows of some ranges. The file is opened once for all of them."""
        if not (self._as_it_lies and out.flags.c_contiguous):
            super().fill_ranges(ranges, out)
            return
        into, done = out.reshape(-1).view(np.uint8).data, 0
        with self._opened() as file:
            for start, stop in ranges:
                n_bytes = (stop - start) * self.row_bytes
                self._read_bytes(file, start, into[done : done + n_bytes])
                done += n_bytes

    @property
    def can_advise(self) -> bool:
        """Whether `advise` has an effect."""
        return hasattr(os, "posix_fadvise")

    def advise(self, ranges: Sequence[Range]) -> None:
        """Let the operating system read the rows of some ranges into its memory meanwhile."""
        with contextlib.suppress(OSError, DataFileError), self._opened() as file:  # reading them says what is wrong
            for start, stop in ranges:
                at = self._offset + start * self._stride
                os.posix_fadvise(file, at, (stop - start) * self._stride, os.POSIX_FADV_WILLNEED)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the file, and check that it is the one that it was."""
        try:
            file = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except OSError as error:
            raise DataFileError(f"{self._path}: cannot be read ({error.strerror or error})") from error
        try:
            if stamp_of_open(file)[: len(self._stamp)] != self._stamp:
                self.check_unchanged()
            yield file
        finally:
            os.close(file)

    def _read_bytes(self, file: int, start: int, into: memoryview) -> None:
        try:
            at, done = self._offset + start * self._stride, 0
            while done < len(into):
                n = _read_into(file, into[done:], at + done)
                if not n:
                    row = start + done // self._stride
                    raise DataFileError(f"{self.place(row)}: the file ends there; it was longer when it was opened")
                done += n
        except OSError as error:
            raise DataFileError(f"{self.place(start)}: cannot be read ({error.strerror or error})") from error


def _read_into(file: int, into: memoryview, at: int) -> int:
    """Read bytes of a file from a place on, as many as the system gives at once; return how many."""
    if hasattr(os, "preadv"):
        return os.preadv(file, [into], at)
    os.lseek(file, at, os.SEEK_SET)
    raw = os.read(file, len(into))
    into[: len(raw)] = raw
    return len(raw)


class Joined(Rows):
    """The rows of several sources, one after the other.

    Parameters
    ----------
    parts : sequence of Rows

    Raises
    ------
    DataFileError
        If their rows differ in shape or type; the message names the part.
    """

    def __init__(self, parts: Sequence[Rows]) -> None:
        first = parts[usual([(part.shape[1:], part.dtype) for part in parts])]
        for part in parts:
            if part.shape[1:] != first.shape[1:] or part.dtype != first.dtype:
                raise DataFileError(
                    f"{part.name}: expected rows of shape {first.shape[1:]} in {first.dtype}, as in {first.name}, "
                    f"got {part.shape[1:]} in {part.dtype}; {LEAVE_OUT}"
                )
        super().__init__(parts[0].name, (sum(map(len, parts)), *first.shape[1:]), first.dtype)
        self.parts = tuple(parts)
        self._starts = [0, *itertools.accumulate(map(len, parts))]

    def fill(self, start: int, out: Array) -> None:
        """Read the rows from each part that has some of them."""
        self.fill_ranges([(start, start + len(out))], out)

    def fill_ranges(self, ranges: Sequence[Range], out: Array) -> None:
        """Read the rows of some ranges, those of a part together."""
        done = 0
        for part, of_part in self._by_part(ranges):
            n = sum(stop - start for start, stop in of_part)
            part.fill_ranges(of_part, out[done : done + n])
            done += n

    @property
    def largest_chunk(self) -> int:
        """How many rows are read for one of them at most."""
        return max(part.chunk for part in self.parts)

    def check_unchanged(self) -> None:
        """Raise DataFileError if the file of a part is not what it was."""
        for part in self.parts:
            part.check_unchanged()

    @property
    def can_advise(self) -> bool:
        """Whether `advise` has an effect on all parts."""
        return all(part.can_advise for part in self.parts)

    def advise(self, ranges: Sequence[Range]) -> None:
        """Let the operating system read the rows of some ranges into its memory meanwhile."""
        for part, of_part in self._by_part(ranges):
            part.advise(of_part)

    def _by_part(self, ranges: Sequence[Range]) -> Iterator[tuple[Rows, list[Range]]]:
        """Yield each part that has some of the rows, and its ranges, counted within it."""
        pieces = itertools.chain.from_iterable(self._pieces(start, stop) for start, stop in ranges)
        for i, of_part in itertools.groupby(pieces, lambda piece: piece[0]):
            yield self.parts[i], [rows for _, rows in of_part]

    def _pieces(self, start: int, stop: int) -> Iterator[tuple[int, Range]]:
        """Yield the number of each part that has some of the rows ``start:stop``, and these rows within it."""
        while start < stop:
            i = bisect.bisect_right(self._starts, start) - 1
            end = min(stop, self._starts[i + 1])
            yield i, (start - self._starts[i], end - self._starts[i])
            start = end

    def place(self, row: int) -> str:
        """Return the part that a row is in, and its row there."""
        i = bisect.bisect_right(self._starts, row) - 1
        return self.parts[i].place(row - self._starts[i])

    def edges(self, n_rows: int) -> Array:
        """Return the first row of each block: no block has rows of two parts."""
        starts = [part.edges(n_rows)[:-1] + start for part, start in zip(self.parts, self._starts, strict=False)]
        return np.append(np.concatenate(starts), len(self))


def usual(values: Sequence[Any]) -> int:
    """Return where the value that occurs most often is first."""
    return values.index(Counter(values).most_common(1)[0][0])


def joined(parts: Sequence[Rows]) -> Rows:
    """Return the rows of one part as they are, and those of several as one."""
    return parts[0] if len(parts) == 1 else Joined(parts)


# ---- files that change -----------------------------------------------------------------------------------------------


# ---- arrays on the disk ----------------------------------------------------------------------------------------------


def rows_of(source: Any, name: str) -> Rows:
    """Return the rows of an array in memory or on the disk, or of anything with shape, dtype and slices.

    Raises
    ------
    ArgumentError
        If it is something else, or holds no numbers or text.
    """
    if isinstance(source, Rows):
        return source
    if isinstance(source, (list, tuple)):
        source = np.asarray(source)
    if hasattr(source, "shape") and not source.shape:
        raise ArgumentError(f"{name}: expected rows, got a single value")
    if isinstance(source, np.ndarray):
        return mapped_rows(source, name) or InMemory(name, np.asarray(source))
    missing = [word for word in ("shape", "dtype", "__getitem__") if not hasattr(source, word)]
    if missing:
        raise ArgumentError(
            f"{name}: expected an array, a path, or what has shape, dtype and slices [start:stop], "
            f"got {type(source).__name__}"
        )
    try:
        np.dtype(source.dtype)
    except TypeError:
        raise ArgumentError(f"{name}: expected a dtype of NumPy, got {source.dtype}") from None
    return Slices(f"{name}{_place_of(source)}", source, chunk_of(source), folder_of(source))


def chunk_of(source: Any) -> int:
    """Return how many rows of an array of HDF5 or Zarr are stored together."""
    chunks = getattr(source, "chunks", None)
    return int(chunks[0]) if isinstance(chunks, (tuple, list)) and chunks and isinstance(chunks[0], int) else 1


def _place_of(source: Any) -> str:
    """Return the file of an array of HDF5 or Zarr for messages; "" for anything else."""
    path = getattr(getattr(source, "file", None), "filename", None) or folder_of(source)
    inside = getattr(source, "name", "")
    return f" ({path}: {str(inside).lstrip('/')})" if isinstance(path, str) else ""


def folder_of(source: Any) -> str | None:
    """Return the folder of an array of Zarr on this machine."""
    root = getattr(getattr(source, "store", None), "root", None)
    inside = getattr(source, "path", "")
    folder = os.path.join(root, inside) if isinstance(root, os.PathLike) and isinstance(inside, str) else None
    return folder if folder is not None and os.path.isdir(folder) else None


def mapped_rows(array: Array, name: str) -> Rows | None:
    """Return the rows of an array that np.memmap maps from a file; None if it lies in memory.

    Views are recognized too. Where each row lies in one piece of the file, the file is read.
    """
    base: Any = array
    while base is not None and not isinstance(base, np.memmap):
        base = getattr(base, "base", None)
    if base is None or base.filename is None:
        return None
    while isinstance(base.base, np.memmap):
        base = base.base
    row_is_whole = array.ndim and array[:1].flags.c_contiguous and array.dtype.kind in "buif"
    stride = array.strides[0] if row_is_whole else 0
    if not row_is_whole or base.mode == "c" or stride < array[:1].nbytes or not os.path.exists(base.filename):
        return Slices(name, array)
    offset = base.offset + array.ctypes.data - base.ctypes.data
    path = os.fspath(base.filename)
    rows = FileRows(path, offset, array.shape, array.dtype, name=f"{name} ({path})", stride=stride,
                    watched=base.mode == "r")  # fmt: skip
    for i in {0, len(array) // 2, len(array) - 1} if len(array) else ():
        if rows.read(i, i + 1).tobytes() != array[i : i + 1].astype(rows.dtype).tobytes():
            raise DataFileError(f"{path}: is not the file that {name} maps; it has been replaced, so map it again")
    return rows
