"""The words in which kernels are written: plain Python functions that the compiler knows.

A kernel is a function with annotated parameters. `kernel` registers it. The compiler (`compiler`) translates it for one
type of numbers, float32 or float64, and one processor. What a kernel is given comes from an *instruction*, a row of
64-bit words that `plan` writes: the address of the kernel, the width of a panel, and the operands in the order of the
parameters.

Matrices lie in *panels*: all rows of the first ``width`` columns, one after the other, then all rows of the next
``width`` columns, and so on. Columns that fill up the last panel are 0.

This module and the kernels do not import Numba, so that a process that finds compiled kernels in the cache starts fast.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import numpy as np

from nnlite.checks import Array

WORDS = 40  # words of an instruction
KERNEL, WIDTH, OPERANDS = 0, 1, 2  # places in an instruction

# ---- what a kernel is given --------------------------------------------------------------------------------------

Block = Annotated[Array, "block"]  # rows r0..r1 of one panel, as one vector of (r1 - r0) width numbers
Units = Annotated[Array, "units"]  # one number for each column of the panel
Vector = Annotated[Array, "vector"]  # a vector of known length
Integers = Annotated[Array, "integers"]  # a vector of 64-bit integers
Others = Annotated[Array, "others"]  # a vector of another type, which is given when the kernel is compiled
PerStep = Annotated[Array, "per_step"]  # the numbers of the present step
Number = Annotated[float, "number"]
Integer = Annotated[int, "integer"]


class Matrix(NamedTuple):
    """A whole matrix in panels.

    Attributes
    ----------
    address : int
    rows : int
        Rows for which a panel has room.
    width : int
        Columns of a panel.
    units : int
        Columns that count; the rest fill up the last panel.
    """

    address: int
    rows: int
    width: int
    units: int


class Image(NamedTuple):
    """Images of a batch, one after the other: lines of pixels, each with its channels.

    Attributes
    ----------
    address : int
    height, width : int
        Lines, and pixels of a line.
    channels : int
    """

    address: int
    height: int
    width: int
    channels: int


class Window(NamedTuple):
    """What a kernel of weights, or a pool, sees at each of its places.

    Attributes
    ----------
    height, width : int
        Entries.
    down, right : int
        Strides: how many lines and pixels it moves from place to place.
    gap_down, gap_right : int
        Dilation: how many lines and pixels are from entry to entry.
    top, left : int
        Lines and pixels of padding in front of the image.
    """

    height: int
    width: int
    down: int
    right: int
    gap_down: int
    gap_right: int
    top: int
    left: int


# How many words each kind of operand takes
SIZES = {
    "block": 4,  # address, and in bytes: from panel to panel, from row to row, from thread to thread
    "units": 3,  # address, and in bytes: from panel to panel, from thread to thread
    "vector": 2,  # address, length
    "integers": 2,
    "others": 2,
    "per_step": 2,  # address, numbers per step
    "number": 1,  # the bits of a float64
    "integer": 1,
    "matrix": 4,
    "image": 4,
    "window": 8,
}
STRUCTURES: dict[Any, str] = {Matrix: "matrix", Image: "image", Window: "window"}

# Parameters without annotation: what each thread knows of the present step
NOW = ("thread", "n_threads", "step", "M", "first", "tiles", "shared", "workspace")
NOW_WORDS = 16
GIVEN = ("op", "now", "r0", "r1", "panel", "width", *NOW)

# Words of the memory that the threads share, 16 words apart where several threads write. Two words for even and odd
# steps: a thread may be one step ahead of another
ARRIVED, GENERATION, STOP, STOPPING, WRONG, DONE, ABORT, CROWDED = 0, 16, 32, 48, 64, 80, 96, 112
SHARED_WORDS = 128

# Words of the table of tiles: the address of the tile with that width and number of rows is at 16 width + rows
MOST_ROWS, ZEROS, TRANSPOSE, LANES, CACHE = 0, 1, 2, 3, 4  # CACHE: bytes that stay in the second cache
TILE_WORDS = 16 * 33


class Kernel(NamedTuple):
    """A registered kernel: its function, and the kind of each of its parameters (None for those in `GIVEN`)."""

    function: Callable[..., Any]
    kinds: dict[str, str | None]

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.__name__


KERNELS: dict[str, Kernel] = {}


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a kernel."""
    kinds: dict[str, str | None] = {}
    for name in inspect.signature(function).parameters:
        annotation = function.__annotations__[name]
        kinds[name] = None if name in GIVEN else STRUCTURES.get(annotation) or annotation.__metadata__[0]
    KERNELS[function.__name__] = Kernel(function, kinds)
    return function


class Inline:
    """A function that kernels call and that the compiler translates with them.

    ``by_dtype`` holds other functions for some types of numbers.
    """

    def __init__(self, function: Callable[..., Any], by_dtype: dict[str, Callable[..., Any]] | None = None) -> None:
        self.function = function
        self.by_dtype = by_dtype or {}
        self.__doc__ = function.__doc__

    def __call__(self, *arguments: Any) -> Any:
        """Call the function."""
        return self.function(*arguments)


def inline(function: Callable[..., Any]) -> Any:
    """Mark a function that kernels call."""
    return Inline(function)


class Intrinsic:
    """A word of the processor, without a body in Python: see `intrinsics`."""

    def __init__(self, name: str, doc: str) -> None:
        self.name = name
        self.__doc__ = doc

    def __call__(self, *arguments: Any) -> Any:
        """Raise NotImplementedError."""
        raise NotImplementedError(f"{self.name} exists in compiled kernels only")


T: Any = np.float64  # the type of numbers for which a kernel is compiled
SIZE = 8  # bytes of such a number
GROUP = 16  # channels that `largest` and `to_largest` take at once
WIDE = 16  # columns of a panel, but for narrow layers

numbers: Any = Intrinsic("numbers", "numbers(address, n): a vector of n numbers of type T at an address")
integers: Any = Intrinsic("integers", "integers(address, n): a vector of n 64-bit integers at an address")

doubles: Any = Intrinsic("doubles", "doubles(address, n): a vector of n float64 at an address")
word: Any = Intrinsic("word", "word(address, i): the i-th 64-bit word at an address")
double: Any = Intrinsic("double", "double(address, i): the i-th word at an address, as a float64")
load: Any = Intrinsic("load", "load(address): a word that other threads write")
store: Any = Intrinsic("store", "store(address, value): a word that other threads read")
add: Any = Intrinsic("add", "add(address, n): add to a word that other threads change, and return what it was")
pause: Any = Intrinsic("pause", "pause(): tell the processor that this is a waiting loop")
give_way: Any = Intrinsic("give_way", "give_way(): let another thread of the system run")
flush_denormals: Any = Intrinsic(
    "flush_denormals", "flush_denormals(): count numbers below 1e-38 as 0; returns the old flags"
)
restore_flags: Any = Intrinsic("restore_flags", "restore_flags(flags): as they were before flush_denormals")
run: Any = Intrinsic("run", "run(op, now, r0, r1, panel): carry out an instruction on rows r0..r1 of a panel")
multiply: Any = Intrinsic(
    "multiply",
    "multiply(tile, K, a, a_row, a_step, a_panel, a_jump, b, c, c_row, start, start_row, f1, f2, f3, f_step): "
    "a tile of a product: see `tiles`",
)
multiply_rows: Any = Intrinsic(
    "multiply_rows", "multiply_rows(..., b_row): the same for b in a wider matrix, ``b_row`` bytes from row to row"
)
fetch: Any = Intrinsic("fetch", "fetch(address): bring the line of memory at an address into the cache")
transpose: Any = Intrinsic(
    "transpose",
    "transpose(tile, source, source_row, target, target_row): as many rows as a register has numbers become columns",
)
largest: Any = Intrinsic(
    "largest",
    "largest(source, down, right, lines, pixels, first, line, best, which, n): the largest of a window for up to GROUP "
    "channels, and the number of its first entry that is so large: see `kernels.pooling`",
)
to_largest: Any = Intrinsic(
    "to_largest",
    "to_largest(da, which, target, down, right, lines, pixels, first, line, adds, n): the gradient of `largest`",
)
bits_as_float: Any = Intrinsic("bits_as_float", "bits_as_float(i): the float32 whose bits are those of an int32")
