"""Examples on the disk: `open_data` opens arrays in files, `open_table` tables; a training reads blocks of them."""

from nnlite.stored.arrays import StoredArrays
from nnlite.stored.opening import open_data
from nnlite.stored.opening_tables import open_table
from nnlite.stored.table import StoredTable

__all__ = ["StoredArrays", "StoredTable", "open_data", "open_table"]
