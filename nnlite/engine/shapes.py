"""What is known of a processor, and the shape of its tiles, which its registers decide: see `tiles`."""

from __future__ import annotations

from typing import NamedTuple

SIZES = {"float32": 4, "float64": 8}  # bytes of a number


class Processor(NamedTuple):
    """What the compiler has to know of the processor.

    Attributes
    ----------
    name, features : str
        As LLVM calls them.
    vector_bytes : int
        Size of a vector register: 64 with AVX-512, 32 with AVX2, 16 with SSE2 and NEON.
    registers : int
        Number of vector registers.
    """

    name: str
    features: str
    vector_bytes: int
    registers: int


class Shape(NamedTuple):
    """The tiles of a processor for one type of numbers.

    Attributes
    ----------
    lanes : int
        Numbers in a register.
    rows : int
        Most rows of a tile.
    widths : tuple of int
        Widths of panels: one register, for narrow layers, and two.
    """

    lanes: int
    rows: int
    widths: tuple[int, int]


def tile_shape(vector_bytes: int, registers: int, dtype: str) -> Shape:
    """Return the shape of tiles for registers of that size and number."""
    lanes = vector_bytes // SIZES[dtype]
    return Shape(lanes, (registers - 4) // 2, (lanes, 2 * lanes))


def tile_name(width: int, rows: int) -> str:
    """The name of the function of a tile."""
    return f"tile_{width}_{rows}"
