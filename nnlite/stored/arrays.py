"""`StoredArrays`: examples on the disk, which are read a block at a time."""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple, Never

import numpy as np

from nnlite import checks
from nnlite.ahead import Ahead
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.stored.order import Share, all_of, selected, share_key
from nnlite.stored.rows import Kept, Range, Rows
from nnlite.stored.temporary import copied
from nnlite.words import Explained, explained

SMALLEST, LARGEST, OF_DATA = 24 * 2**20, 384 * 2**20, 8  # bytes that a training keeps, and this part of the data
WINDOWS = 3  # in memory at once: the one that is trained on, the next one, and the one after it while they change
BLOCKS = 128  # of a window, if blocks need not be smaller or larger than this:
SMALLEST_BLOCK, LARGEST_BLOCK = 2**16, 2**20
CHUNKS = 64  # of a window, where neighbours are alike; by default, if memory for them is no more than
OF_CHUNKED = 4  # this part of the data
PIECE = 2**20  # bytes that are read at once to evaluate and to predict
LOOKED_AT = 16  # rows that identify the data


class Part(NamedTuple):
    """Some examples as they are stored.

    Attributes
    ----------
    X : ndarray
    y, weights : ndarray or None
    start, stop : int
        The rows of the data that they are from, some of which may belong to another part of a split.
    """

    X: Array
    y: Array | None
    weights: Array | None
    start: int
    stop: int


class StoredArrays(Explained):
    """Examples on the disk. `fit`, `evaluate` and `predict` take them in place of arrays, in bounded memory.

    `open_data` makes one. A training reads blocks of examples in a random order, some dozens of them at once, and draws
    its batches from those; the next ones are read meanwhile.

    Attributes
    ----------
    shape : tuple of int
        (M, ...), the shape that X would have in memory.
    dtype : numpy.dtype
        Of X.
    memory : int
        Bytes of examples that a training keeps in memory at most.
    row_bytes : int
        Of an example with its target and its weight.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> import nnlite as nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "part-0.npz")
    ...     np.savez(path, X=np.eye(4, dtype=np.float32), y=np.array([0, 1, 0, 1]))
    ...     data = nn.open_data([path])
    ...     X, y = data.read(1, 3)
    >>> len(data), X.shape, y.tolist()
    (4, (2, 4), [1, 0])
    """

    def __init__(
        self, X: Rows, y: Rows | None, weights: Rows | None = None, memory: int | None = None,
        shares: tuple[Share, ...] = (),
    ) -> None:  # fmt: skip
        self.X_rows, self.y_rows, self.weight_rows, self.shares = X, y, weights, shares
        for name, rows in (("y", y), ("sample_weight", weights)):
            if rows is not None and len(rows) != len(X):
                raise ArgumentError(f"{name}: expected {len(X)} rows, one for each row of X in {X.name}, "
                                    f"got {len(rows)}")  # fmt: skip
        if not len(X):
            raise ArgumentError(f"X: {X.name} has no rows")
        if X.dtype.kind not in "buif":
            raise ArgumentError(f"X: expected numbers in {X.name}, got {X.dtype}")
        if len(X.shape) < 2:
            raise ArgumentError(f"X: expected two dimensions (examples, features) in {X.name}, got shape {X.shape}")
        if not X.row_bytes:
            raise ArgumentError(f"X: expected at least one feature in {X.name}, got shape {X.shape}")
        self.row_bytes = sum(rows.row_bytes for rows in (X, y, weights) if rows is not None)
        whole = len(X) * self.row_bytes
        self.memory = self._default_memory(whole) if memory is None else memory
        window = max(1, self.memory // WINDOWS)
        block = min(max(window // BLOCKS, SMALLEST_BLOCK), LARGEST_BLOCK, window)
        self.window = max(1, window // self.row_bytes)
        self.edges = X.edges(max(1, block // self.row_bytes))
        self.counts = np.diff(self.edges)
        if shares:
            ranges = zip(self.edges[:-1].tolist(), self.edges[1:].tolist(), strict=True)
            self.counts = np.array([np.sum(all_of(shares, start, stop)) for start, stop in ranges])
        self._starts = np.cumsum(self.counts) - self.counts
        self._at_hand: StoredArrays | None = None
        self.n = int(self.counts.sum())

    def _default_memory(self, whole: int) -> int:
        """Return how many bytes a training keeps, of the bytes of the whole data."""
        chunk = self.X_rows.largest_chunk
        for_chunks = min(WINDOWS * CHUNKS * chunk * self.row_bytes, whole // OF_CHUNKED) if chunk > 1 else 0
        return min(max(whole // OF_DATA, SMALLEST, for_chunks), LARGEST)

    def __len__(self) -> int:
        return self.n

    @property
    def shape(self) -> tuple[int, ...]:
        """(M, ...), the shape that X would have in memory."""
        return (self.n, *self.X_rows.shape[1:])

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """The type of X."""
        return self.X_rows.dtype

    def __repr__(self) -> str:
        targets = "" if self.y_rows is None else f", y {(self.n, *self.y_rows.shape[1:])}"
        return f"StoredArrays({self.X_rows.name}: X {self.shape} {self.dtype}{targets})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Never:
        """Raise ArgumentError: NumPy calls this to make an array of what need not fit into memory."""
        raise ArgumentError(
            f"{self!r} stays on the disk, and is for fit, evaluate and predict; for all else read some examples, such "
            f"as read(0, {min(1000, self.n)})"
        )

    # ---- parts -----------------------------------------------------------------------------------------------------

    @explained
    def split(self, fraction: float, seed: int = 0) -> tuple[StoredArrays, StoredArrays]:
        """Return what is left, and the part that is held out. Nothing is copied.

        Parameters
        ----------
        fraction : float
            The probability with which each example is held out, in (0, 1). So the share of the examples is about as
            large; the shares of the classes are those of chance.
        seed : int, default 0
            The same seed holds out the same examples: an example is held out by its place in the data alone.

        Returns
        -------
        rest, held_out : StoredArrays

        Raises
        ------
        ArgumentError
            If an argument has a wrong value, or a part would be empty.
        """
        fraction = checks.real("fraction", fraction, above=0, below=1)
        key = share_key(checks.integer("seed", seed, minimum=0), len(self.shares))
        rest, held_out = (
            StoredArrays(self.X_rows, self.y_rows, self.weight_rows, self.memory,
                         (*self.shares, Share(key, fraction, part)))
            for part in (False, True)
        )  # fmt: skip
        if not len(rest) or not len(held_out):
            raise ArgumentError(f"fraction: {fraction:g} of {len(self)} examples leaves a part without any")
        return rest, held_out

    # ---- reading ---------------------------------------------------------------------------------------------------

    @explained
    def read(self, start: int, stop: int) -> tuple[Array, ...]:
        """Return the examples ``start:stop`` in the order of the data, as new arrays.

        Parameters
        ----------
        start, stop : int
            From 0 to M.

        Returns
        -------
        (X,), (X, y) or (X, y, sample_weight)

        Raises
        ------
        ArgumentError
            If there are no such examples.
        DataFileError
            If they cannot be read, or a file has changed.
        """
        start, stop = checks.integer("start", start, minimum=0), checks.integer("stop", stop, minimum=1)
        if not start < stop <= self.n:
            raise ArgumentError(f"stop: expected start < stop <= {self.n}, got {start} and {stop}")
        parts = []
        for block in range(int(np.searchsorted(self._starts, start, side="right")) - 1, len(self.counts)):
            before = int(self._starts[block])
            if before >= stop:
                break
            rows = slice(max(0, start - before), stop - before)
            part = self.block(block)
            parts.append([array[rows] for array in part[:3] if array is not None])
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def block(self, block: int) -> Part:
        """Return the examples of a block."""
        start, stop = int(self.edges[block]), int(self.edges[block + 1])
        return self.part(start, stop)

    def part(self, start: int, stop: int) -> Part:
        """Return the examples among some rows of the data."""
        kept = selected(self.shares, start, stop)
        arrays = [
            None if rows is None else rows.read(start, stop) for rows in (self.X_rows, self.y_rows, self.weight_rows)
        ]
        X, y, weights = (array if array is None or kept is None else array[kept] for array in arrays)
        assert X is not None
        return Part(X, y, weights, start, stop)

    def with_targets_in_memory(self, n_bytes: int) -> StoredArrays:
        """Return the same examples, with targets and weights in memory if they are numbers and no more than that."""
        y, weights = (
            Kept(rows) if rows is not None and rows.dtype.kind in "buif" and len(rows) * rows.row_bytes <= n_bytes
            else rows for rows in (self.y_rows, self.weight_rows)
        )  # fmt: skip
        return self._with(y, weights)

    def with_targets_at_hand(self) -> StoredArrays:
        """Return the same examples, with targets and weights that are read a block at a time.

        Those of chunks that are larger than the blocks of X would be read and decoded anew for each block, so they are
        copied into a temporary file.
        """
        if self._at_hand is not None:
            return self._at_hand
        most = 2 * int(np.diff(self.edges).max())
        y, weights = (
            copied(rows) if rows is not None and rows.largest_chunk > most and rows.dtype.kind in "buif" else rows
            for rows in (self.y_rows, self.weight_rows)
        )
        found = self._with(y, weights)
        if found is not self:  # the copy stays as long as these examples are there
            self._at_hand = found
        return found

    def _with(self, y: Rows | None, weights: Rows | None) -> StoredArrays:
        """Return the same examples with targets and weights that lie elsewhere."""
        if y is self.y_rows and weights is self.weight_rows:
            return self
        return StoredArrays(self.X_rows, y, weights, self.memory, self.shares)

    def warn_of_large_chunks(self, alike: bool) -> None:
        """Warn if what is stored together, and so read together, is so large that a window has few pieces.

        A piece that is larger than a window also takes more memory. Smaller ones are worth a warning if neighbours are
        alike: batches of a window with few pieces have few classes.
        """
        rows, window = int(np.diff(self.edges).max()), self.memory // WINDOWS
        n_bytes, n_pieces = rows * self.row_bytes, window // (rows * self.row_bytes)
        if self.X_rows.largest_chunk <= 1 or self.fits_memory:
            return
        if n_bytes > max(window, LARGEST_BLOCK):
            problem = (
                f"The training keeps {WINDOWS} such chunks in memory ({WINDOWS * n_bytes / 2**20:,.0f} MiB in place of "
                f"{self.memory / 2**20:,.0f}), and shuffles within each of them"
            )
        elif alike and n_pieces < CHUNKS and n_bytes > SMALLEST_BLOCK:
            problem = (
                f"Rows are shuffled within {n_pieces} such chunks at a time, and neighbours have the same class, so "
                f"that the batches are badly mixed"
            )
        else:
            return
        needed = min(WINDOWS * CHUNKS * n_bytes, self.n * self.row_bytes)
        checks.warn(
            f"{self.X_rows.name}: {rows:,} rows ({n_bytes / 2**20:,.1f} MiB) are stored together, and are read as a "
            f"whole. {problem}. Give open_data memory={math.ceil(needed / 2**20)} * 2**20, or write chunks (or, for "
            f".npz, files) of about {max(1, window // CHUNKS // self.row_bytes):,} rows",
            UserWarning,
        )

    def ranges_of(self, blocks: Array) -> list[Range]:
        """Return the rows ``(start, stop)`` of each of some blocks; some may belong to another part of a split."""
        return list(zip(self.edges[blocks].tolist(), self.edges[blocks + 1].tolist(), strict=True))

    def fill(self, blocks: Array, X: Array, y: Array | None, weights: Array | None) -> None:
        """Read the examples of some blocks, one block after the other, into arrays of the right shapes."""
        ranges = self.ranges_of(blocks)
        for rows, array in ((self.X_rows, X), (self.y_rows, y), (self.weight_rows, weights)):
            if rows is None or array is None:
                continue
            if not self.shares:
                rows.fill_ranges(ranges, array)
                continue
            stops = np.cumsum(self.counts[blocks]).tolist()
            for (start, stop), first, last in zip(ranges, [0, *stops], stops, strict=False):
                array[first:last] = rows.read(start, stop)[selected(self.shares, start, stop)]

    def of_blocks(self, blocks: Array) -> Part:
        """Return the examples of some blocks, one block after the other. Each is read into its place."""
        n = int(self.counts[blocks].sum())
        X, y, weights = (
            None if rows is None else np.empty((n, *rows.shape[1:]), rows.dtype)
            for rows in (self.X_rows, self.y_rows, self.weight_rows)
        )
        assert X is not None
        self.fill(blocks, X, y, weights)
        return Part(X, y, weights, 0, len(self.X_rows))

    def pieces(self, n_bytes: int = PIECE) -> Iterator[Part]:
        """Yield the examples in the order of the data, about ``n_bytes`` at a time. A thread reads ahead."""
        ranges = self.ranges(n_bytes)
        ahead = Ahead(lambda i: self.part(*ranges[i]), len(ranges), int(len(ranges) > 1), 1)
        try:
            for i in range(len(ranges)):
                (part,) = ahead.take(i, 1)
                if len(part.X):
                    yield part
        finally:
            ahead.close()

    def ranges(self, n_bytes: int = PIECE) -> list[Range]:
        """Return the rows of the pieces: rows that are stored together are read together."""
        edges = self.X_rows.edges(max(1, n_bytes // self.row_bytes)).tolist()
        return list(itertools.pairwise(edges))

    def in_memory(self) -> Part:
        """Return all examples."""
        return self.of_blocks(np.arange(len(self.counts)))

    @property
    def fits_memory(self) -> bool:
        """Whether all examples together are no more than a training may keep in memory."""
        return bool(self.n * self.row_bytes <= self.memory)

    def row_of(self, part: Part, i: int) -> int:
        """Return the row of the data that example ``i`` of a part is from."""
        kept = selected(self.shares, part.start, part.stop)
        return part.start + (i if kept is None else int(np.flatnonzero(kept)[i]))

    # ---- identity --------------------------------------------------------------------------------------------------

    def check_unchanged(self) -> None:
        """Raise DataFileError if a file is not what it was when it was opened. An epoch begins with it."""
        for rows in (self.X_rows, self.y_rows, self.weight_rows):
            if rows is not None:
                rows.check_unchanged()

    def describe(self) -> str:
        """Describe what decides the order of a training."""
        shares = "".join(f", {'' if s.held_out else 'not '}of {s.fraction:g} by {s.key:x}" for s in self.shares)
        return f"{self.n} stored examples in {len(self.counts)} blocks, windows of {self.window}{shares}"

    def fingerprint(self) -> str:
        """Return a checksum (CRC-32) of some rows, evenly spread, and of the shape."""
        number = zlib.crc32(repr((self.X_rows.shape, self.dtype.str)).encode())
        for block in np.unique(np.linspace(0, len(self.counts) - 1, LOOKED_AT).astype(int)):
            row = int(self.edges[block])
            for rows in (self.X_rows, self.y_rows, self.weight_rows):
                if rows is not None:
                    read = rows.read(row, row + 1)
                    raw = repr(read.tolist()).encode() if read.dtype.hasobject else np.ascontiguousarray(read).data
                    number = zlib.crc32(raw, number)
        return f"{number:08x}"
