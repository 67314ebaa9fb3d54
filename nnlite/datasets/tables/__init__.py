"""Tables from CSV files.

`csv_file` has `load_csv`, which reads a file in four steps, a module each:

1. `rows`: rows of text, each of bounded length,
2. `columns`: which columns are features, which is the target, and what they are called,
3. `features`: the features become X, an array of numbers,
4. `target`: the target becomes y, class indices or values.

`cells` says what a single cell holds, and `table` has the result, a `Table`.
"""

from nnlite.datasets.tables.csv_file import load_csv
from nnlite.datasets.tables.table import Table

__all__ = ["Table", "load_csv"]
