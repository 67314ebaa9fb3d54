"""What the tests of reading tables share."""

import os
import time
import tracemalloc

import pytest

from nnlite.errors import DataFileError
from nnlite.tables import load_csv

MEGABYTE = 2**20
LONGEST_ROW = 20 * MEGABYTE  # what one row may take as Python objects


def refuse_file(path, match, seconds=10.0, **options):
    """Check that the file is refused with a short message, soon and in little memory."""
    start = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match=match) as caught:
            load_csv(path, **options)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * os.path.getsize(path) + LONGEST_ROW
    assert time.process_time() - start < seconds
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 1500 + len(str(path))
