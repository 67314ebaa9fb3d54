"""Compiled kernels: their addresses, from the cache or freshly compiled."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.engine import cache, llvm, machine_code, waiting
from nnlite.engine.language import CACHE, LANES, MOST_ROWS, TILE_WORDS, TRANSPOSE, ZEROS
from nnlite.engine.processor import keep, processor, second_cache
from nnlite.engine.shapes import tile_name, tile_shape

CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 5)


def loaded(symbol: str, compiled: Callable[[], bytes]) -> machine_code.Find:
    """Load object code from the cache. If it is not there, it is compiled and kept.

    Return what finds the addresses of its functions.
    """
    code = cache.read(symbol)
    if code is None:
        code = compiled()
        cache.write(symbol, code)
        keep()
    return machine_code.load(code)


class Library:
    """The compiled kernels for one type of numbers.

    Parameters
    ----------
    dtype : {"float32", "float64"}

    Attributes
    ----------
    shape : Shape
        The shape of the tiles.
    tiles : ndarray of int64
        The table of tiles.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.processor = processor()
        self.shape = tile_shape(self.processor.vector_bytes, self.processor.registers, dtype)
        self._addresses: dict[str, int] = {}
        self._compiler: Any = None
        self._zeros = np.zeros(64)
        self.tiles = np.zeros(TILE_WORDS, np.int64)
        self._add_tiles()

    def address(self, name: str, variant: str = "") -> int:
        """Return the address of a kernel; it is compiled if it is not in the cache."""
        symbol = "_".join(["nnlite", name, self.dtype, *([variant] if variant else [])])
        with llvm.lock:
            if symbol not in self._addresses:
                self._addresses[symbol] = loaded(symbol, lambda: self._compile().kernel(name, variant))(symbol)
            return self._addresses[symbol]

    def name_at(self, address: int) -> str:
        """Return the name of the kernel at an address."""
        symbol = next(symbol for symbol, at in self._addresses.items() if at == address)
        return symbol.removeprefix("nnlite_").partition(f"_{self.dtype}")[0]

    def function(self, name: str) -> Any:
        """Return a kernel as a function that Python can call, without the interpreter's lock."""
        return CALL(self.address(name))

    def _compile(self) -> Any:
        """Return the compiler."""
        if self._compiler is None:
            waiting.announce()
            from nnlite.engine.compiler import Compiler

            self._compiler = Compiler(self.dtype, self.processor)
        return self._compiler

    def _add_tiles(self) -> None:
        find = loaded(f"nnlite_tiles_{self.dtype}", lambda: self._compile().tiles())
        self.tiles[[MOST_ROWS, LANES]] = self.shape.rows, self.shape.lanes
        self.tiles[CACHE] = second_cache() // 2
        self.tiles[ZEROS] = self._zeros.ctypes.data
        self.tiles[TRANSPOSE] = find("transpose")
        for width in self.shape.widths:
            for rows in range(1, self.shape.rows + 1):
                self.tiles[16 * width + rows] = find(tile_name(width, rows))


_libraries: dict[str, Library] = {}


def library(dtype: str) -> Library:
    """Return the library for that type of numbers; the first call makes it."""
    if dtype not in _libraries:
        with llvm.lock:
            if dtype not in _libraries:
                _libraries[dtype] = Library(dtype)
    return _libraries[dtype]


def forget() -> None:
    """Forget the loaded kernels, as in a new process. What has their addresses keeps the library that it has."""
    with llvm.lock:
        _libraries.clear()
