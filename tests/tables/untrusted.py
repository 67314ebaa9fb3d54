"""What the tests of reading tables share."""

import os
import tracemalloc

import pytest

from nnlite.errors import DataFileError
from nnlite.tables import load_csv

from ..support import Calls

MEGABYTE = 2**20
MOST_CALLS = 5_000_000  # of functions; the files have up to some megabytes
LONGEST_ROW = 20 * MEGABYTE  # what one row may take as Python objects


def refuse_file(path, match, **options):
    """Check that the file is refused with a short message, after little work and in little memory."""
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match=match) as caught, Calls() as calls:
            load_csv(path, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * os.path.getsize(path) + LONGEST_ROW
    assert calls.n < MOST_CALLS
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 1500 + len(str(path))
