"""The columns of a CSV file: their names, which are features, and which is the target."""

from collections.abc import Sequence
from typing import NamedTuple

from nnlite.datasets.tables.cells import is_float, is_missing
from nnlite.datasets.tables.rows import Rows
from nnlite.errors import ArgumentError


class Columns(NamedTuple):
    """The role of each column; columns are counted from 0.

    Attributes
    ----------
    n : int
        Number of columns, ignored ones included.
    names : tuple of str or None
        The header; None if the file has no header.
    target : int or None
        The column to predict; None if there is no target.
    features : tuple of int
        The columns of X.
    """

    n: int
    names: tuple[str, ...] | None
    target: int | None
    features: tuple[int, ...]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features; empty without a header."""
        return tuple(self.names[i] or f"column {i + 1}" for i in self.features) if self.names else ()

    @property
    def target_name(self) -> str:
        """Name of the target; empty without a header or a target."""
        return self.names[self.target] if self.names and self.target is not None else ""

    def label(self, i: int) -> str:
        """Return what error messages call column ``i``: its number, counted from 1, and its name."""
        return f"column {i + 1}" + (f" ({self.names[i]!r:.100})" if self.names and self.names[i] else "")


def choose_columns(
    first: list[str], rows: Rows, target: int | str | None, ignore: Sequence[int | str], header: bool | None
) -> Columns:
    """Decide the role of each column from the first row and the arguments of `load_csv`.

    Raises
    ------
    ArgumentError
        If ``target`` or ``ignore`` names a column that does not exist, or both name the same column.
    DataFileError
        If no column is left for the features.
    """
    names = tuple(name.strip() for name in first)
    by_name = [column for column in (target, *ignore) if isinstance(column, str)]
    if by_name and header is False:
        raise ArgumentError(f"header: with header=False no column is called {by_name[0]!r}; give its position")
    target_position = None if target is None else _position("target", target, names, rows.source)
    ignored = {_position("ignore", column, names, rows.source) for column in ignore}
    if target_position in ignored:
        raise ArgumentError(f"ignore: column {target_position} is the target; to read no target, pass target=None")
    features = tuple(i for i in range(len(first)) if i != target_position and i not in ignored)
    if not features:
        _refuse_no_features(first, rows)
    if header is None:
        header = bool(by_name) or _is_header([first[i] for i in features])
    return Columns(len(first), names if header else None, target_position, features)


def _position(argument: str, column: int | str, names: Sequence[str], source: str) -> int:
    """Return the position of a column, counted from 0."""
    if isinstance(column, str):
        if names.count(column) != 1:
            problem = "several columns are called" if column in names else "there is no column"
            shown = ", ".join(repr(name) for name in names[:20]) + (", ..." if len(names) > 20 else "")
            raise ArgumentError(f"{argument}: {problem} {column!r} in {source}, which has {shown:.1000}")
        return names.index(column)
    if not -len(names) <= column < len(names):
        raise ArgumentError(
            f"{argument}: expected a position in {-len(names)}..{len(names) - 1}, because {source} has "
            f"{len(names)} column{'s' * (len(names) > 1)}, got {column}"
        )
    return column % len(names)


def _refuse_no_features(first: list[str], rows: Rows) -> None:
    n = len(first)
    hint = next((f"; is delimiter={mark!r} right?" for mark in ";\t|,:" if n == 1 and mark in first[0]), "")
    rows.refuse(f"has {n} column{'s' * (n > 1)} and none of them is a feature{hint}")


def _is_header(features: Sequence[str]) -> bool:
    """Return whether the first row has text and no numbers; missing values do not count."""
    cells = [cell for cell in features if not is_missing(cell)]
    return bool(cells) and not any(map(is_float, cells))
