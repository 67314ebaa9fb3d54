"""Instructions: rows of words that say which kernel works on which memory."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import kernels
from nnlite.engine.language import KERNELS, SIZES, WORDS
from nnlite.engine.library import Library

assert kernels  # registers them

Operands = Sequence[Any]


def _bits(number: float) -> int:
    """The bits of a float64 as an integer."""
    bits: int = struct.unpack("<q", struct.pack("<d", number))[0]
    return bits


class Instructions:
    """Makes instructions and keeps the memory in which they lie.

    Parameters
    ----------
    library : Library
        Where the kernels are.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.operands: dict[str, list[tuple[Array, int]]] = {}  # words that change: by name, instruction and place
        self._placed: list[Array] = []

    def op(self, name: str, operands: Operands, width: int = 0, variant: str = "", **varying: int) -> Array:
        """Return an instruction. A float becomes its bits.

        ``varying`` are the places of words that `set` changes, by the names that it is given.
        """
        words = [self.library.address(name, variant), width]
        for operand in operands:
            for value in operand if isinstance(operand, (list, tuple)) else [operand]:
                words.append(_bits(value) if isinstance(value, float) else int(value))  # noqa: PERF401
        expected = 2 + sum(SIZES[kind] for kind in KERNELS[name].kinds.values() if kind)
        assert len(words) == expected, (name, len(words), expected)
        instruction = np.zeros(WORDS, np.int64)
        instruction[: len(words)] = words
        for operand, at in varying.items():
            self.operands.setdefault(operand, []).append((instruction, at))
        return instruction

    def place(self, ops: Sequence[Array]) -> tuple[int, int]:
        """Put instructions one after the other; return their address and number."""
        placed = np.array(ops, np.int64).reshape(-1, WORDS)
        self._placed.append(placed)
        for op, row in zip(ops, placed, strict=True):
            for uses in self.operands.values():
                for i, (array, at) in enumerate(uses):
                    if array is op:
                        uses[i] = (row, at)
        return int(placed.ctypes.data), len(placed)

    def set(self, name: str, *words: int) -> None:
        """Change an operand in every instruction that has it."""
        for array, at in self.operands.get(name, ()):
            for i, value in enumerate(words):  # faster than a slice of an array, for a word or two
                array[at + i] = value
