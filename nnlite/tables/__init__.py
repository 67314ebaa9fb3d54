"""Tables: examples with named columns of any kind, and what makes them into numbers.

A table is read, understood and encoded, in a module each:

1. `reading` has `read_table` and `load_csv`: `csv_file` reads the rows of a CSV file (`dialect` recognizes how it is
   written, `rows` are its rows, `builders` the columns that grow), `other_files` reads the rest.
2. `frames` makes whatever has named columns into one form, a `Frame`.
3. `kinds` decides what each column is; `cells`, `notation` and `dates` say what one cell may mean. `target` does
   the same for what is predicted, `labels` for names of classes in arrays.
4. `encoders` make columns into numbers; an `Encoding` has one for each column, and belongs to a network.

`table` has the public object, `summary` shows it.
"""

from nnlite.tables.encoding import Encoding
from nnlite.tables.reading import load_csv, read_table
from nnlite.tables.summary import ColumnSummary
from nnlite.tables.table import Split, Table

__all__ = ["ColumnSummary", "Encoding", "Split", "Table", "load_csv", "read_table"]
