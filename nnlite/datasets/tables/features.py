"""The features of a table, read into X."""

from array import array
from itertools import compress
from typing import Never

import numpy as np

from nnlite.checks import Array
from nnlite.datasets.tables.cells import has_decimal_comma, is_missing, may_mislead_float, to_number
from nnlite.datasets.tables.columns import Columns
from nnlite.datasets.tables.rows import Rows

BLOCK = 2**15  # numbers held as Python objects, before they are converted to an array
REMEDY = "fill it in, remove the row, or leave the column out with ignore=[...]"


class FeatureColumns:
    """The columns of X, which grow row by row.

    Numbers are converted block by block: a Python float takes eight times the memory of a float32.

    Parameters
    ----------
    rows : Rows
        Where the rows come from, for the line numbers in error messages.
    columns : Columns
    dtype : {"float32", "float64"}
    """

    def __init__(self, rows: Rows, columns: Columns, dtype: str) -> None:
        self._rows, self._columns, self._dtype = rows, columns, dtype
        features = set(columns.features)
        self._is_feature = [i in features for i in range(columns.n)]
        self._converted = array(np.dtype(dtype).char)
        self._block: list[float] = []
        self._lines: list[int] = []  # of the rows in the block

    def add(self, row: list[str]) -> None:
        """Append the features of a row; raise DataFileError if one is missing or not a number."""
        cells = list(compress(row, self._is_feature))
        try:
            self._block.extend(map(float, cells))
        except ValueError:
            self._check_each(cells)
        if may_mislead_float("".join(cells)):
            self._check_each(cells)
        self._lines.append(self._rows.line)
        if len(self._block) >= BLOCK:
            self._convert_block()

    def to_array(self) -> Array:
        """Return X (M, n_features)."""
        if self._block:
            self._convert_block()
        return np.frombuffer(self._converted, self._dtype).reshape(-1, len(self._columns.features))

    def _check_each(self, cells: list[str]) -> None:
        for i, cell in zip(self._columns.features, cells, strict=True):
            if is_missing(cell) or to_number(cell) is None:
                self._refuse(i, cell)

    def _convert_block(self) -> None:
        block = np.array(self._block).reshape(len(self._lines), -1)
        wrong = np.argwhere(~(np.abs(block) <= np.finfo(self._dtype).max))
        if len(wrong):
            row, k = wrong[0]
            self._refuse_non_finite(self._columns.features[k], block[row, k], self._lines[row])
        self._converted.frombytes(np.ascontiguousarray(block, self._dtype).data.cast("B"))
        self._block, self._lines = [], []

    def _refuse(self, i: int, cell: str) -> Never:
        """Raise a DataFileError for a cell that is not a number."""
        where = self._columns.label(i)
        if is_missing(cell):
            self._rows.refuse(f"{where}: missing value {cell!r:.20}; {REMEDY}")
        if has_decimal_comma(cell):
            hint = "decimals are written with a point"
        elif self._columns.names is None and self._rows.line == 1:
            hint = "if the first row has the names of the columns, pass header=True"
        else:
            hint = "a column of text can be the target, or be left out with ignore=[...]"
        self._rows.refuse(f"{where}: expected a number, got {cell!r:.100}; {hint}")

    def _refuse_non_finite(self, i: int, value: float, line: int) -> Never:
        where = self._columns.label(i)
        if np.isnan(value):
            self._rows.refuse(f"{where}: missing value 'nan'; {REMEDY}", line)
        self._rows.refuse(f"{where}: expected a finite number that {self._dtype} can hold, got {value}", line)
