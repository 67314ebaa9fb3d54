"""Compiles kernels to machine code with Numba. Only this module and `intrinsics` import it."""

from __future__ import annotations

import contextlib
import dis
import types
from collections.abc import Iterator
from typing import Any

import numba
from llvmlite import binding
from numba.core import types as numba_types

from nnlite.engine import intrinsics, llvm, tiles
from nnlite.engine.language import KERNELS, NOW, OPERANDS, SIZES, STRUCTURES, Inline, Intrinsic, Kernel
from nnlite.engine.shapes import Processor, tile_shape

OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",  # a division by 0 is infinity: the check for it would keep loops from becoming wide
    "fastmath": {"reassoc", "contract", "nsz", "arcp"},  # NaN and infinity stay what they are
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "boundscheck": False,
    "_nrt": False,  # kernels allocate nothing
}
ENTRY = numba_types.void(*[numba_types.int64] * 5)


class Compiler:
    """Compiles kernels for one type of numbers and one processor.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    processor : Processor
    """

    def __init__(self, dtype: str, processor: Processor) -> None:
        self.dtype = dtype
        self.processor = processor
        self.machine: Any = llvm.target_machine(processor.name, processor.features)
        shape = tile_shape(processor.vector_bytes, processor.registers, dtype)
        self.words = {**intrinsics.words(dtype), "WIDE": shape.widths[1]}
        self._inlined: dict[int, Any] = {}

    def kernel(self, name: str, variant: str = "") -> bytes:
        """Return the object code of a kernel. ``variant`` is the type of `Other` operands, if there are any."""
        kernel = KERNELS[name]
        with _numba_enabled():
            body = self._translated(kernel.function, inline="always" if "width" in kernel.kinds else "never")
            entry = numba.njit(ENTRY, **OPTIONS)(_entry(kernel, body, self.words, variant))
        library = entry.overloads[entry.signatures[0]].library
        code = binding.parse_assembly(library.get_llvm_str())
        code.get_function(entry.overloads[entry.signatures[0]].fndesc.llvm_func_name).name = symbol(
            name, self.dtype, variant
        )
        return bytes(self.machine.emit_object(code))

    def tiles(self) -> bytes:
        """Return the object code of the tiles."""
        shape = tile_shape(self.processor.vector_bytes, self.processor.registers, self.dtype)
        code = binding.parse_assembly(tiles.module(shape, self.dtype))
        return bytes(self.machine.emit_object(code))

    def _translated(self, function: Any, inline: str = "never") -> Any:
        """Return a function that Numba compiles, with the words of the language in place of their descriptions."""
        return numba.njit(inline=inline, **OPTIONS)(self._with_words(function))

    def _with_words(self, function: Any) -> Any:
        names = {step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}
        known = {}
        for name in names:
            value = function.__globals__.get(name)
            if isinstance(value, Intrinsic) or name in ("T", "SIZE", "WIDE"):
                known[name] = self.words[name]
            elif isinstance(value, Inline):
                known[name] = self._inline(value)
        return types.FunctionType(
            function.__code__,
            {**function.__globals__, **known},
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )

    def _inline(self, helper: Inline) -> Any:
        if id(helper) not in self._inlined:
            self._inlined[id(helper)] = self._translated(helper.by_dtype.get(self.dtype, helper.function))
        return self._inlined[id(helper)]


@contextlib.contextmanager
def _numba_enabled() -> Iterator[None]:
    """Let Numba compile although NUMBA_DISABLE_JIT is set, which users do to debug functions of their own."""
    disabled = numba.config.DISABLE_JIT
    numba.config.DISABLE_JIT = 0
    try:
        yield
    finally:
        numba.config.DISABLE_JIT = disabled


def symbol(name: str, dtype: str, variant: str = "") -> str:
    """Return the name of a compiled kernel."""
    return "_".join(["nnlite", name, dtype, *([variant] if variant else [])])


def _entry(kernel: Kernel, body: Any, words: dict[str, Any], variant: str) -> Any:
    """Return the function (op, now, r0, r1, panel) that takes the operands from an instruction and calls the kernel."""
    lines, at = [], OPERANDS
    if "width" in kernel.kinds or any(kind in ("block", "units") for kind in kernel.kinds.values()):
        lines.append("width = word(op, 1)")
    lines += [
        f"{name} = word(now, {NOW.index(name)})" for name in NOW if name in kernel.kinds or name in ("thread", "step")
    ]
    for name, kind in kernel.kinds.items():
        if kind is not None:
            lines.append(f"{name} = {_operand(kind, at)}")
            at += SIZES[kind]
    source = "def entry(op, now, r0, r1, panel):\n" + "".join(f"    {line}\n" for line in lines)
    call = f"body({', '.join(kernel.kinds)})"
    if "width" in kernel.kinds:  # a constant, so that loops over the columns of a panel have no rest
        source += f"    if width == WIDE:\n        width = WIDE\n        {call}\n        return\n"
    source += f"    {call}\n"
    place = {**words, "body": body, "others": intrinsics.VECTORS.get(variant)}
    place |= {structure.__name__: structure for structure in STRUCTURES}
    exec(source, place)
    entry = place["entry"]
    entry.__name__ = f"{kernel.name}_entry"
    return entry


def _operand(kind: str, at: int) -> str:
    """Return the expression that reads an operand of that kind at that word of an instruction."""
    w = [f"word(op, {at + i})" for i in range(max(4, SIZES[kind]))]
    for structure, name in STRUCTURES.items():
        if name == kind:
            return f"{structure.__name__}({', '.join(w[: SIZES[kind]])})"
    return {
        "block": f"numbers({w[0]} + panel * {w[1]} + r0 * {w[2]} + thread * {w[3]}, (r1 - r0) * width)",
        "units": f"numbers({w[0]} + panel * {w[1]} + thread * {w[2]}, width)",
        "vector": f"numbers({w[0]}, {w[1]})",
        "others": f"others({w[0]}, {w[1]})",
        "integers": f"integers({w[0]}, {w[1]})",
        "per_step": f"numbers({w[0]} + step * {w[1]} * SIZE, {w[1]})",
        "number": f"T(double(op, {at}))",
        "integer": w[0],
    }[kind]
