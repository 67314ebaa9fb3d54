"""The history of a training: one value per epoch of each quantity."""

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlite import checks, markup
from nnlite.errors import DataFileError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST_FILE = 2**26  # bytes; a million epochs take less


class History(dict[str, list[float]]):
    """The learning curves of one call of `Model.fit`: ``history["loss"]`` is a list with one number per epoch.

    The keys are ``loss``, ``accuracy`` (for classifiers), the same with ``val_`` in front (with validation data), the
    metrics, ``learning_rate`` and ``seconds``. A history is a dict, so ``pandas.DataFrame(history)`` is a table.

    Attributes
    ----------
    interrupted : bool
        Whether Ctrl-C ended the training.
    engine : str
        Which engine trained: "textbook" or "compiled".
    shares : bool
        Whether several processes trained together, each on examples of its own.
    resumed_at : int or None
        Number of epochs in the checkpoint from which the training was resumed; None if it was not.

    Examples
    --------
    >>> import nnlite as nn
    >>> history = nn.History()
    >>> history.append({"loss": 2.3, "accuracy": 0.1})
    >>> history.append({"loss": 1.9, "accuracy": 0.4})
    >>> history["loss"], history.epochs
    ([2.3, 1.9], 2)
    """

    interrupted = False
    engine = "textbook"
    shares = False
    resumed_at: int | None = None

    def __missing__(self, key: str) -> list[float]:
        raise KeyError(f"{key!r} was not recorded; the keys are {', '.join(self) or 'none'}")

    def __repr__(self) -> str:
        last = ", ".join(f"{key}={values[-1]:.4g}" for key, values in self.items())
        return f"History({self.epochs} epochs; last: {last})" if self.epochs else "History(0 epochs)"

    def _repr_html_(self) -> str:
        told = [f"{self.epochs} epoch{'s' * (self.epochs != 1)}", f"{self.engine} engine"]
        if "seconds" in self:
            told.append(f"{sum(self['seconds']):.3g} s")
        if self.resumed_at is not None:
            told.append(f"resumed after {self.resumed_at} epochs")
        if self.interrupted:
            told.append("interrupted by Ctrl-C")
        rows = []
        for key, values in self.items():
            if not key.startswith("val_") or key.removeprefix("val_") not in self:
                rows += [self._html_row(key, values), *self._html_of_validation(key)]
        headings = ("", "curve", "first", "last", "lowest", "highest")
        return markup.box(
            markup.paragraph(f"History: {', '.join(told)}"), markup.table(headings, rows, numbers=(2, 3, 4, 5))
        )

    def _html_of_validation(self, key: str) -> list[str]:
        return [self._html_row(f"val_{key}", self[f"val_{key}"])] if f"val_{key}" in self else []

    def _html_row(self, key: str, values: Sequence[float]) -> str:
        curve = markup.sparkline([(values, markup.ORANGE if key.startswith("val_") else markup.BLUE)])
        numbers = [f"{value:.4g}" for value in (values[0], values[-1])] if values else ["", ""]
        finite = [value for value in values if math.isfinite(value)]
        extremes = (min(finite), max(finite)) if finite else ()
        numbers += [f"{best:.4g} in epoch {values.index(best) + 1}" for best in extremes]
        cells = [markup.cell(markup.text(number), "number") for number in numbers]
        return markup.row([markup.cell(markup.text(key)), markup.cell(curve), *cells])

    @property
    def epochs(self) -> int:
        """Number of epochs recorded."""
        return max(map(len, self.values()), default=0)

    @property
    def history(self) -> "History":
        """The history itself, for those who write ``history.history["loss"]`` as in Keras."""
        return self

    def append(self, values: Mapping[str, float]) -> None:
        """Record an epoch.

        Parameters
        ----------
        values : mapping of str to float
        """
        for key, value in values.items():
            self.setdefault(key, []).append(float(value))

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> "History":
        """Read a table that `to_csv`, `CSVLogger` or ``nnlite train`` wrote.

        Parameters
        ----------
        path : path-like
            A CSV file with a header and a row for each epoch. The column ``epoch`` is left out, an empty cell is NaN.

        Returns
        -------
        History

        Raises
        ------
        DataFileError
            If the file is not such a table.
        OSError
            If it cannot be read.

        Examples
        --------
        >>> import os, tempfile
        >>> import nnlite as nn
        >>> history = nn.History({"loss": [2.3, 1.9], "val_loss": [2.4, 2.2]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     history.to_csv(os.path.join(folder, "history.csv"))
        ...     nn.History.from_csv(os.path.join(folder, "history.csv")) == history
        True
        """
        import csv

        name = checks.path("path", path)
        if os.path.getsize(name) > LARGEST_FILE:
            raise DataFileError(f"{name}: is larger than {LARGEST_FILE} bytes, which no history is")
        with open(name, newline="", encoding="utf-8-sig") as file:
            try:
                rows = [row for row in csv.reader(file, strict=True) if row]
            except (csv.Error, UnicodeDecodeError) as error:
                raise DataFileError(f"{name}: is not a CSV file in UTF-8 ({error})") from None
        keys = [key.strip() for key in rows[0]] if rows else []
        if not {"loss", "epoch"} & {*keys} or len({*keys}) != len(keys):
            raise DataFileError(
                f"{name}: expected a header such as epoch,loss,accuracy with a name for each column, got {keys!r:.200}"
            )
        history = cls({key: [] for key in keys if key != "epoch"})
        for line, row in enumerate(rows[1:], start=2):
            if len(row) != len(keys):
                raise DataFileError(f"{name}: expected {len(keys)} cells in row {line}, got {len(row)}")
            for key, cell in zip(keys, row, strict=True):
                if key != "epoch":
                    history[key].append(_number(name, line, key, cell))
        return history

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a table with a row per epoch: ``epoch`` (from 1) and a column for each key.

        Parameters
        ----------
        path : path-like
            The file; an existing file is replaced.

        Raises
        ------
        ArgumentError
            If ``path`` is not a path.
        """
        import csv

        with open(checks.path("path", path), "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", *self])
            writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*self.values(), strict=True), start=1))

    def plot(self, axes: "Axes | Sequence[Axes] | None" = None, *, keys: str | Sequence[str] | None = None) -> Any:
        """Draw the learning curves of loss and accuracy, for training and validation.

        `nnlite.plots.learning_curves` also compares several histories.

        Parameters
        ----------
        axes : matplotlib Axes, or a sequence of two, optional
            Draw the loss on the first and the accuracy on the second. By default a new figure.
        keys : str or sequence of str, optional
            Keys to draw instead of loss and accuracy, such as ``["loss", "f1", "learning_rate"]``, or "all".

        Returns
        -------
        ndarray of Axes
            The axes; ``axes[0].figure`` is the figure.

        Raises
        ------
        ArgumentError
            If there is nothing to draw, a key was not recorded, or ``axes`` are not Axes.
        """
        from nnlite import plots

        return plots.learning_curves(self, axes, keys=keys)


def _number(path: str, line: int, key: str, cell: str) -> float:
    """Return a cell as a float, NaN if it is empty; DataFileError for anything else."""
    try:
        return float(cell) if cell.strip() else math.nan
    except ValueError:
        raise DataFileError(f"{path}: expected a number in row {line}, column {key}, got {cell!r:.200}") from None
