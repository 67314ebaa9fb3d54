"""The compiled function ``start(words)``, with which Python starts a program.

The words are the address of a kernel, its first two arguments, and the address of a flag to return. A call from Python
with one argument costs a fifth of one with seven.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from nnlite.engine import llvm
from nnlite.engine.library import loaded
from nnlite.engine.processor import processor

START = "nnlite_start"  # its file in the cache

CODE = """
define i32 @nnlite_start(ptr %words) {
  %kernel = load ptr, ptr %words
  %place1 = getelementptr i64, ptr %words, i64 1
  %op = load i64, ptr %place1
  %place2 = getelementptr i64, ptr %words, i64 2
  %now = load i64, ptr %place2
  %unused = alloca i64
  %state = call i32 %kernel(ptr %unused, ptr %unused, i64 %op, i64 %now, i64 0, i64 0, i64 0)
  %place3 = getelementptr i64, ptr %words, i64 3
  %shared = load ptr, ptr %place3
  %flag = load i32, ptr %shared
  ret i32 %flag
}"""

_found: list[Callable[[int], int]] = []


def start() -> Callable[[int], int]:
    """Return the function; the first call loads it."""
    with llvm.lock:
        if not _found:
            find = loaded(START, lambda: llvm.object_code(CODE, processor().name, processor().features))
            _found.append(ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(find(START)))
        return _found[0]
