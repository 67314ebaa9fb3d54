"""What a network knows of its table: the columns by name, and what makes each of them into numbers."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.tables.encoder_records import encoder_from_json
from nnlite.tables.encoders import Encoder, learn_encoder
from nnlite.tables.frames import Frame, frame_of
from nnlite.tables.kinds import IGNORED, INDEX_NAME, SHOWN, Kind, WrongCellError, as_written, shown_all
from nnlite.tables.options import Options, check_dtype
from nnlite.tables.table import Table
from nnlite.words import Explained, explained

LARGEST, MOST_VALUES = 2**20 - 2**15, 2**16 - 2**12  # bytes and values of an encoding that a model file can hold
MOST_NUMBERS = 2**16  # what one row of a table may become


class Encoding(Explained):
    """What makes a table into numbers: one encoder for each column, learned from the rows of a training.

    `Model.fit` makes it and keeps it as ``model.encoding``; `Model.save` writes it into the model file.

    Attributes
    ----------
    columns : tuple of Encoder
        The encoder of each column that is used, in order, with its ``name``, its ``kind`` and what it has learned.
    left_out : dict of str to str
        The columns that are left out, and why.
    target_name : str
        The column that is predicted; empty if it had no name.

    Examples
    --------
    >>> import nnlite as nn
    >>> pets = nn.Table({"size": [10, 30, 20, 40], "coat": ["long", "short", "long", "short"],
    ...                  "kind": ["cat", "dog", "cat", "dog"]}, target="kind")
    >>> model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    >>> history = model.fit(pets, epochs=1, progress=False)
    >>> model.encoding.feature_names
    ('size', 'coat=long', 'coat=short')
    >>> model.encoding.transform({"coat": ["long"], "size": [25]})
    array([[0., 1., 0.]], dtype=float32)
    """

    def __init__(
        self,
        columns: Sequence[Encoder],
        left_out: dict[str, str],
        target_name: str = "",
        options: Options | None = None,
    ) -> None:
        self.columns, self.left_out, self.target_name = tuple(columns), dict(left_out), target_name
        self.options = Options() if options is None else options

    @classmethod
    def learn(cls, table: Any, rows: Array | None = None) -> Encoding:
        """Return the encoding of a table, learned from some of its rows.

        Parameters
        ----------
        table : Table, or what becomes one
        rows : array of int, optional
            The rows of the training; by default all.

        Raises
        ------
        ArgumentError
            If no column is left that says something, or a row would become more than 65,536 numbers.
        """
        if not isinstance(table, Table):
            table = Table(table, name="X")
        frame = table.features if rows is None else table.features.take(rows)
        used = {name: kind for name, kind in table.column_kinds.items() if kind.used}
        left_out = {name: kind.reason for name, kind in table.column_kinds.items() if not kind.used}
        left_out |= dict.fromkeys(table.ignored, IGNORED.reason)
        if not used:
            why = "; ".join(f"{name!r}: {reason}" for name, reason in left_out.items())
            raise ArgumentError(f"X: every column of {table.name} is left out ({why:.500})")
        made = cls(
            [learn_encoder(name, frame.columns[name], kind, table.options) for name, kind in used.items()],
            left_out,
            table.target_name,
            table.options,
        )
        if len(made.feature_names) > MOST_NUMBERS:
            raise ArgumentError(f"X: each row would become {len(made.feature_names)} numbers, at most {MOST_NUMBERS}")
        raw = made.to_text()
        if len(raw) > LARGEST or sum(map(raw.count, "[{,")) > MOST_VALUES:
            raise ArgumentError(
                f"X: {table.name} has {len(used)} columns, more than a network knows by name; pass an array, "
                "such as X.to_numpy()"
            )
        return made

    # ---- names ---------------------------------------------------------------------------------------------------

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that are used, in the order of the training."""
        return tuple(encoder.name for encoder in self.columns)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the numbers that a row becomes."""
        return tuple(name for encoder in self.columns for name in encoder.feature_names)

    @property
    def kinds(self) -> dict[str, Kind]:
        """The kind of each column, those left out included."""
        made: dict[str, Kind] = {name: Kind("ignore", reason=reason) for name, reason in self.left_out.items()}
        for encoder in self.columns:
            made[encoder.name] = encoder.as_kind()
        return made

    # ---- use -----------------------------------------------------------------------------------------------------

    @explained
    def transform(self, data: Any, *, dtype: str = "float32", name: str = "X") -> Array:
        """Return the numbers of a table.

        Parameters
        ----------
        data : Table, data frame, dict of columns, list of dicts, structured array
            Its columns may have any order. The target, and columns that are left out, may be there or not.
        dtype : {"float32", "float64"}, default "float32"
        name : str, default "X"
            What messages call the data.

        Returns
        -------
        ndarray, (M, n)

        Raises
        ------
        ArgumentError
            If a column is missing or unknown, or a value is not of the kind that it was in training.

        Warns
        -----
        UserWarning
            If numbers have another unit than in training, or most values of a column of categories (and at least 3)
            are unknown.
        """
        dtype = check_dtype(dtype)
        if not isinstance(name, str):
            raise ArgumentError(f"name: expected text, got {name!r:.100}")
        frame = data.features if isinstance(data, Table) else frame_of(data, name)
        self.check_names(frame, name)
        X = np.empty((frame.n_rows, len(self.feature_names)), dtype)
        start, wrong = 0, []
        for encoder in self.columns:
            try:
                numbers = self._encode(encoder, frame)
            except WrongCellError as error:
                wrong.append(error)
                continue
            except ArgumentError as error:
                raise ArgumentError(f"{name}: {error}") from None
            stop = start + numbers.shape[1]
            X[:, start:stop] = numbers
            start = stop
        if wrong:
            text = next((error.column for error in wrong if error.words), "")
            raise WrongCellError(f"{name}: {self._all_wrong(wrong, frame)}", wrong[0].row, column=text)
        return X

    def _all_wrong(self, wrong: Sequence[WrongCellError], frame: Frame) -> str:
        """Return what is wrong in all columns, and what to say if the words there mean that a value is missing."""
        said = [f"{error} ({frame.place(error.row)})" if frame.tells_places else str(error) for error in wrong]
        words = list(dict.fromkeys(word for error in wrong for word in error.words[:SHOWN]))
        if not words:
            return said[0]
        given = self.options if frame.options is None or frame.options.missing is None else frame.options
        means = "this means" if len(words) == 1 else "these mean"
        marks = shown_all([*(given.missing or ()), *words])
        return f"{'; '.join(said[:SHOWN])}; if {means} that a value is missing, read the table with missing=[{marks}]"

    def _encode(self, encoder: Encoder, frame: Frame) -> Array:
        """Return the numbers of a column, which is written as in the training unless the frame says otherwise."""
        column, options = frame.columns[encoder.name], self.options.of(encoder.name)
        if frame.options is not None:
            own = frame.options.of(encoder.name)
            options = own if own.missing is not None else replace(own, missing=options.missing)
            encoder = encoder.written(as_written(encoder.as_kind(), column, options))
        encoder.check_plain(frame)
        numbers = encoder.encode(column, options)
        if doubt := encoder.doubt(column, options):
            checks.warn(doubt, UserWarning)
        return numbers

    def check_names(self, frame: Frame, name: str = "X") -> None:
        """Raise ArgumentError if a column is missing or unknown."""
        there = set(frame.columns)
        missing = [column for column in self.names if column not in there]
        known = {*self.names, *self.left_out, self.target_name}
        unknown = [column for column in frame.columns if column not in known and not INDEX_NAME.fullmatch(column)]
        if missing:
            close = f"; it has {', '.join(map(repr, unknown[:10]))}, which training did not have" if unknown else ""
            raise ArgumentError(f"{name}: there is no column {', '.join(map(repr, missing[:10]))}{close}")
        if unknown:
            raise ArgumentError(
                f"{name}: unknown column {', '.join(map(repr, unknown[:10]))}, which training did not have; "
                "leave it out"
            )

    def summary(self) -> str:
        """Return a printed table: each column, its kind, and the numbers that it becomes.

        Returns
        -------
        str
        """
        rows = [(encoder.name, encoder.kind, ", ".join(encoder.feature_names)) for encoder in self.columns]
        rows += [(name, "left out", reason) for name, reason in self.left_out.items()]
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        return "\n".join(
            f"{name[:40]:<{min(widths[0], 40)}}  {kind:<{widths[1]}}  {text:.100}" for name, kind, text in rows
        )

    def __repr__(self) -> str:
        return f"Encoding({len(self.columns)} columns, {len(self.feature_names)} numbers)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Encoding) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    # ---- files ---------------------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the encoding in plain values: numbers, strings, lists and dictionaries."""
        missing = self.options.missing
        return {
            "columns": [encoder.to_json() for encoder in self.columns],
            "left_out": dict(self.left_out),
            "target_name": self.target_name,
            "missing": None if missing is None else list(missing),
        }

    @classmethod
    def from_json(cls, record: Any) -> Encoding:
        """Return the encoding that `to_json` wrote; it may come from a stranger.

        Raises
        ------
        ValueError
            If the record is not one that `to_json` returns.
        """
        if not isinstance(record, dict) or record.keys() != {"columns", "left_out", "target_name", "missing"}:
            raise ValueError("the encoding of the table is damaged")
        left_out, missing = record["left_out"], record["missing"]
        strings = [*left_out, *left_out.values(), record["target_name"], *(missing or ())]
        if not all(isinstance(text, str) for text in strings) or not isinstance(missing, (list, type(None))):
            raise ValueError("the encoding of the table is damaged: names must be strings")
        columns = [encoder_from_json(column) for column in record["columns"]]
        if not columns or len({encoder.name for encoder in columns}) != len(columns):
            raise ValueError("the encoding of the table is damaged: its columns need different names")
        options = Options(missing=None if missing is None else tuple(missing))
        return cls(columns, left_out, record["target_name"], options)

    def fingerprint(self) -> str:
        """Return a checksum that identifies the encoding."""
        return f"{zlib.crc32(self.to_text().encode()):08x}"

    def to_text(self) -> str:
        """Return the JSON of `to_json`."""
        return json.dumps(self.to_json(), separators=(",", ":"))
