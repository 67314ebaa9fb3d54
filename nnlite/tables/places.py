"""Where rows are from, for messages: "line 7", or "part-1.csv: line 7" for rows of several files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array


class Places(NamedTuple):
    """Where some rows are from.

    Attributes
    ----------
    words : tuple of str
        What stands before the number of a row, such as "line" or "part-1.csv: line".
    word : ndarray of int, (M,)
        Which of them, for each row.
    number : ndarray of int, (M,)
        The line, or the number of the row.
    """

    words: tuple[str, ...]
    word: Array
    number: Array

    @classmethod
    def of_rows(cls, first: int, n: int) -> Places:
        """Return the places of n rows that are counted from ``first`` on."""
        return cls(("row",), np.zeros(n, np.int32), np.arange(first, first + n))

    @classmethod
    def of_lines(cls, lines: Sequence[tuple[int, int]], n: int) -> Places:
        """Return the places of n rows: for some of them the line is given, after which each row is one line."""
        number = np.arange(n)
        for row, line in lines:
            number[row:] = np.arange(line, line + n - row)
        return cls(("line",), np.zeros(n, np.int32), number)

    @classmethod
    def joined(cls, parts: Sequence[Places]) -> Places:
        """Return the places of several parts, one after the other."""
        words = list(dict.fromkeys(word for part in parts for word in part.words))
        own = [np.array([words.index(word) for word in part.words], np.int32)[part.word] for part in parts]
        return cls(tuple(words), np.concatenate(own), np.concatenate([part.number for part in parts]))

    def take(self, rows: Any) -> Places:
        """Return the places of these rows."""
        return Places(self.words, self.word[rows], self.number[rows])

    def within(self, source: str) -> Places:
        """Return the places with the name of their file."""
        return self._replace(words=tuple(f"{source}: {word}" for word in self.words))

    def of(self, row: int) -> str:
        """Return where a row is."""
        return f"{self.words[self.word[row]]} {self.number[row]}"
