"""Compiled kernels: their addresses, from the cache or freshly compiled."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import Any

import numpy as np

from nnlite.engine import cache, waiting
from nnlite.engine.language import CACHE, LANES, MOST_ROWS, TILE_WORDS, TRANSPOSE, ZEROS
from nnlite.engine.processor import processor, second_cache, target_machine
from nnlite.engine.tiles import tile_name, tile_shape

CALL = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, *[ctypes.c_int64] * 5)


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
        from llvmlite import binding

        self.dtype = dtype
        self.processor = processor()
        self.shape = tile_shape(self.processor.vector_bytes, self.processor.registers, dtype)
        self._addresses: dict[str, int] = {}
        self._compiler: Any = None
        self._engine = binding.create_mcjit_compiler(
            binding.parse_assembly(""), target_machine(self.processor.name, self.processor.features)
        )
        self._zeros = np.zeros(64)
        self.tiles = np.zeros(TILE_WORDS, np.int64)
        self._add_tiles()

    def address(self, name: str, variant: str = "") -> int:
        """Return the address of a kernel; it is compiled if it is not in the cache."""
        symbol = "_".join(["nnlite", name, self.dtype, *([variant] if variant else [])])
        with _lock:
            if symbol not in self._addresses:
                self._load(symbol, lambda: self._compile().kernel(name, variant))
                self._addresses[symbol] = self._engine.get_function_address(symbol)
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

    def _load(self, symbol: str, compiled: Any) -> None:
        from llvmlite import binding

        code = cache.read(symbol)
        if code is None:
            code = compiled()
            cache.write(symbol, code)
        self._engine.add_object_file(binding.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def _add_tiles(self) -> None:
        self._load(f"nnlite_tiles_{self.dtype}", lambda: self._compile().tiles())
        self.tiles[[MOST_ROWS, LANES]] = self.shape.rows, self.shape.lanes
        self.tiles[CACHE] = second_cache() // 2
        self.tiles[ZEROS] = self._zeros.ctypes.data
        self.tiles[TRANSPOSE] = self._engine.get_function_address("transpose")
        for width in self.shape.widths:
            for rows in range(1, self.shape.rows + 1):
                self.tiles[16 * width + rows] = self._engine.get_function_address(tile_name(width, rows))


_libraries: dict[str, Library] = {}
_lock = threading.RLock()


def library(dtype: str) -> Library:
    """Return the library for that type of numbers; the first call makes it."""
    if dtype not in _libraries:
        with _lock:
            if dtype not in _libraries:
                _libraries[dtype] = Library(dtype)
    return _libraries[dtype]


def forget() -> None:
    """Forget the loaded kernels, as in a new process. What has their addresses keeps the library that it has."""
    with _lock:
        _libraries.clear()


if hasattr(os, "register_at_fork"):  # a child must not inherit a kernel that is half compiled, nor a lock that is taken
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)
