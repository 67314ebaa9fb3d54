"""Whether a table of pixels may have its classes in the first column, where the last one would be taken."""

from __future__ import annotations

import numpy as np

from nnlite.checks import Array
from nnlite.tables.cells import to_number
from nnlite.tables.frames import Column, Frame, Text

FEWEST_PIXELS = 16
MOST_CLASSES = 100
WHITE = 255
FIRST_OR_LAST = (
    "the classes of {} seem to be in the first column, and not in the last; pass target=0 for the first column, or "
    "target=-1 for the last"
)


def may_be_first(frame: Frame) -> bool:
    """Return whether all columns are pixels, 0..255, and the first one looks like classes, but the last one does not.

    Classes are all of the numbers 0..C-1 or 1..C. If both columns look so, classes are the one with other numbers than
    the pixels have.
    """
    if len(frame.names) < FEWEST_PIXELS + 1:
        return False
    columns = list(frame.columns.values())
    first, last = _pixels(columns[0]), _pixels(columns[-1])
    if first is None or last is None or not _are_classes(first):
        return False
    brightest = 0.0
    for column in columns[1:-1]:
        pixels = _pixels(column)
        if pixels is None:
            return False
        brightest = max(brightest, float(pixels.max()))
    return not _are_classes(last) or bool(last.max() == brightest != first.max())


def _pixels(column: Column) -> Array | None:
    """Return whole numbers from 0 to 255; None if the column holds anything else."""
    if isinstance(column, Text):
        numbers = [to_number(cell) for cell in column.cells]
        if None in numbers:
            return None
        values = np.array(numbers, np.float64)[column.codes]
    elif column.dtype.kind in "uif":
        values = column
    else:
        return None
    right = values.min() >= 0 and values.max() <= WHITE and (values == np.floor(values)).all()
    return values if right else None


def _are_classes(values: Array) -> bool:
    distinct = np.unique(values)
    n = len(distinct)
    return 2 <= n <= MOST_CLASSES and distinct[0] in (0, 1) and bool((np.diff(distinct) == 1).all())
