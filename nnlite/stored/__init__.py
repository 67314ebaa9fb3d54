"""Examples on the disk: `open_data` opens arrays in files, `open_table` tables; a training reads blocks of them."""

from nnlite.stored.arrays import StoredArrays
from nnlite.stored.opening import open_data
from nnlite.stored.table import StoredTable, open_table

__all__ = ["StoredArrays", "StoredTable", "open_data", "open_table"]
