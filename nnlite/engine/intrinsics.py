"""What kernels need and Python has no word for: addresses, atomic numbers, the flags of the processor, calls.

This module needs Numba. `language` explains each word.
"""

from __future__ import annotations

import platform
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from nnlite.engine.language import GROUP

I8, I32, I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
FLOAT = ir.FloatType()
X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
ARM = platform.machine().lower() in ("aarch64", "arm64")
FLUSH = 0x8040 if X86 else 1 << 24 if ARM else 0  # the flags for denormal numbers: FTZ and DAZ of MXCSR, FZ of FPCR
YIELD = "SwitchToThread" if sys.platform == "win32" else "sched_yield"


def _pointer(builder: Any, address: Any, kind: Any) -> Any:
    return builder.inttoptr(address, kind.as_pointer())


def _vector(item: Any, llvm: Any, size: int) -> Any:
    """Return the intrinsic (address, n) -> a vector of that type."""

    @intrinsic
    def vector(typing: Any, address: Any, n: Any) -> Any:
        kind = types.Array(item, 1, "C")

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            array = make_array(kind)(context, builder)
            data = _pointer(builder, arguments[0], llvm)
            populate_array(
                array, data=data, shape=[arguments[1]], strides=[I64(size)], itemsize=I64(size), meminfo=None
            )
            return array._getvalue()

        return kind(types.int64, types.int64), generate

    return vector


LLVM = {
    "float32": (types.float32, FLOAT, 4),
    "float64": (types.float64, ir.DoubleType(), 8),
    "int8": (types.int8, I8, 1),
    "uint8": (types.uint8, I8, 1),
    "bool": (types.uint8, I8, 1),
    "int16": (types.int16, ir.IntType(16), 2),
    "uint16": (types.uint16, ir.IntType(16), 2),
    "int32": (types.int32, I32, 4),
    "uint32": (types.uint32, I32, 4),
    "int64": (types.int64, I64, 8),
    "uint64": (types.uint64, I64, 8),
}
VECTORS = {name: _vector(*of) for name, of in LLVM.items()}


@intrinsic
def word(typing: Any, address: Any, i: Any) -> Any:
    """Word i of the words at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(builder.gep(_pointer(builder, arguments[0], I64), [arguments[1]]))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def double(typing: Any, address: Any, i: Any) -> Any:
    """Word i of the words at an address, as a float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(builder.gep(_pointer(builder, arguments[0], ir.DoubleType()), [arguments[1]]))

    return types.float64(types.int64, types.int64), generate


@intrinsic
def load(typing: Any, address: Any) -> Any:
    """The word at an address, as all threads see it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_pointer(builder, arguments[0], I64), "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def store(typing: Any, address: Any, value: Any) -> Any:
    """Write a word so that all threads see it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[1], _pointer(builder, arguments[0], I64), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def add(typing: Any, address: Any, n: Any) -> Any:
    """Add n to the word at an address in one step, and return what was there."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.atomic_rmw("add", _pointer(builder, arguments[0], I64), arguments[1], "seq_cst")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the processor that this is a loop of waiting."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if X86:
            name = "llvm.x86.sse2.pause"
            builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), []), name), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def give_way(typing: Any) -> Any:
    """Let another thread run."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(I32, []), YIELD)
        builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), generate


def _flags(builder: Any, name: str, pointer: Any) -> None:
    kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer()])
    function = cgutils.get_or_insert_function(builder.module, kind, name)
    builder.call(function, [builder.bitcast(pointer, I8.as_pointer())])


def _read_flags(builder: Any) -> Any:
    """The flags of the processor for this thread, as 64 bits."""
    if X86:
        place = cgutils.alloca_once(builder, I32)
        _flags(builder, "llvm.x86.sse.stmxcsr", place)
        return builder.zext(builder.load(place), I64)
    return builder.asm(ir.FunctionType(I64, []), "mrs $0, fpcr", "=r", [], True)


def _write_flags(builder: Any, flags: Any) -> None:
    if X86:
        place = cgutils.alloca_once_value(builder, builder.trunc(flags, I32))
        _flags(builder, "llvm.x86.sse.ldmxcsr", place)
    else:
        builder.asm(ir.FunctionType(ir.VoidType(), [I64]), "msr fpcr, $0", "r", [flags], True)


@intrinsic
def flush_denormals(typing: Any) -> Any:
    """Let this thread take denormal numbers for 0; return its flags of before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not FLUSH:
            return I64(0)
        old = _read_flags(builder)
        _write_flags(builder, builder.or_(old, I64(FLUSH)))
        return old

    return types.int64(), generate


@intrinsic
def restore_flags(typing: Any, flags: Any) -> Any:
    """Give this thread its flags back."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if FLUSH:
            _write_flags(builder, arguments[0])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def run(typing: Any, op: Any, now: Any, r0: Any, r1: Any, panel: Any) -> Any:
    """Carry out an instruction: call its kernel."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(I32, [I8.as_pointer(), I8.as_pointer(), *[I64] * 5])  # what Numba makes of a kernel
        address = builder.load(_pointer(builder, arguments[0], I64))
        unused = builder.bitcast(cgutils.alloca_once(builder, I64), I8.as_pointer())
        builder.call(_pointer(builder, address, kind), [unused, unused, *arguments])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@intrinsic
def multiply(
    typing: Any,
    tile: Any, K: Any, a: Any, a_row: Any, a_step: Any, a_panel: Any, a_jump: Any, b: Any, c: Any, c_row: Any,
    start: Any, start_row: Any, f1: Any, f2: Any, f3: Any, f_step: Any,
) -> Any:  # fmt: skip
    """Call a tile: a product of two matrices of few rows."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64] * 16)
        builder.call(_pointer(builder, arguments[0], kind), [*arguments[1:], I64(0)])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 16), generate


@intrinsic
def multiply_rows(
    typing: Any,
    tile: Any, K: Any, a: Any, a_row: Any, a_step: Any, a_panel: Any, a_jump: Any, b: Any, c: Any, c_row: Any,
    start: Any, start_row: Any, f1: Any, f2: Any, f3: Any, f_step: Any, b_row: Any,
) -> Any:  # fmt: skip
    """Call a tile with a B that lies row by row in a wider matrix."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64] * 16)
        builder.call(_pointer(builder, arguments[0], kind), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 17), generate


@intrinsic
def fetch(typing: Any, address: Any) -> Any:
    """Bring a line of memory into the cache."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [_pointer(builder, arguments[0], I8), I32(0), I32(3), I32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def transpose(typing: Any, tile: Any, source: Any, source_row: Any, target: Any, target_row: Any) -> Any:
    """Call the tile that turns a square of a matrix."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64] * 4)
        builder.call(_pointer(builder, arguments[0], kind), arguments[1:])
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), generate


@intrinsic
def bits_as_float(typing: Any, i: Any) -> Any:
    """The float32 that has these bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], FLOAT)

    return types.float32(types.int32), generate


# ---- windows of up to GROUP channels -------------------------------------------------------------------------------


class _Group:
    """Writes LLVM code for the first n of GROUP numbers side by side. With fewer, the others are not touched."""

    def __init__(self, builder: Any, number: Any, size: int, n: Any) -> None:
        self.builder, self.number, self.size = builder, number, size
        self.kind = ir.VectorType(number, GROUP)
        self.whole = builder.icmp_signed("==", n, I64(GROUP))
        places = ir.Constant(ir.VectorType(I64, GROUP), list(range(GROUP)))
        self.mask = builder.icmp_signed("<", places, self.splat(n))

    def splat(self, value: Any) -> Any:
        """The same number in all places."""
        undefined = ir.Constant(ir.VectorType(value.type, GROUP), ir.Undefined)
        single = self.builder.insert_element(undefined, value, I32(0))
        return self.builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(I32, GROUP), [0] * GROUP))

    def constant(self, value: float) -> Any:
        """A number in all places."""
        return ir.Constant(self.kind, [value] * GROUP)

    def variable(self, value: Any) -> Any:
        """Room for a group, with these numbers."""
        room = cgutils.alloca_once(self.builder, self.kind)
        self.builder.store(value, room)
        return room

    def _masked(self, name: str, *arguments: Any) -> Any:
        kind = ir.FunctionType(
            self.kind if name == "load" else ir.VoidType(), [argument.type for argument in arguments]
        )
        full = f"llvm.masked.{name}.v{GROUP}f{8 * self.size}.p0"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, full), arguments)

    def load(self, address: Any) -> Any:
        """The numbers at an address."""
        builder, room = self.builder, self.variable(self.constant(0))
        pointer = _pointer(builder, address, self.kind)
        with builder.if_else(self.whole) as (whole, part):
            with whole:
                value = builder.load(pointer)
                value.align = self.size
                builder.store(value, room)
            with part:
                builder.store(self._masked("load", pointer, I32(self.size), self.mask, self.constant(0)), room)
        return builder.load(room)

    def store(self, value: Any, address: Any) -> None:
        """Write the numbers at an address."""
        builder = self.builder
        pointer = _pointer(builder, address, self.kind)
        with builder.if_else(self.whole) as (whole, part):
            with whole:
                builder.store(value, pointer).align = self.size
            with part:
                self._masked("store", value, pointer, I32(self.size), self.mask)

    def entries(self, down: Any, right: Any, lines: Any, pixels: Any, first: Any, line: Any) -> Any:
        """Go through the entries of a window: the distance from the first, and the number of the entry everywhere."""
        builder = self.builder
        with cgutils.for_range(builder, lines) as p, cgutils.for_range(builder, pixels) as q:
            distance = builder.add(builder.mul(p.index, down), builder.mul(q.index, right))
            entry = builder.add(builder.add(first, builder.mul(p.index, line)), q.index)
            yield distance, self.splat(builder.sitofp(entry, self.number))


def _largest(number: Any, size: int) -> Any:
    @intrinsic
    def largest(
        typing: Any, source: Any, down: Any, right: Any, lines: Any, pixels: Any, first: Any, line: Any, best: Any,
        which: Any, n: Any,
    ) -> Any:  # fmt: skip
        """The largest numbers of a window, and which entries they are."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            source, *window, best, which, n = arguments
            group = _Group(builder, number, size, n)
            most = group.variable(group.constant(float("-inf")))
            place = group.variable(group.splat(builder.sitofp(window[4], number)))
            for distance, entry in group.entries(*window):
                x, before = group.load(builder.add(source, distance)), builder.load(most)
                larger = builder.or_(builder.fcmp_ordered(">", x, before), builder.fcmp_unordered("uno", x, x))
                builder.store(builder.select(larger, x, before), most)
                builder.store(builder.select(larger, entry, builder.load(place)), place)
            group.store(builder.load(most), best)
            group.store(builder.load(place), which)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 10), generate

    return largest


def _to_largest(number: Any, size: int) -> Any:
    @intrinsic
    def to_largest(
        typing: Any, da: Any, which: Any, target: Any, down: Any, right: Any, lines: Any, pixels: Any, first: Any,
        line: Any, adds: Any, n: Any,
    ) -> Any:  # fmt: skip
        """Give the gradient to the entries that were the largest, and 0 to the others; or add it."""

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            da, which, target, *window, adds, n = arguments
            group = _Group(builder, number, size, n)
            gradient, place = group.load(da), group.load(which)
            for distance, entry in group.entries(*window):
                here = builder.add(target, distance)
                part = builder.select(builder.fcmp_ordered("==", place, entry), gradient, group.constant(0))
                total = group.variable(part)
                with builder.if_then(builder.icmp_signed("!=", adds, I64(0))):
                    builder.store(builder.fadd(group.load(here), part), total)
                group.store(builder.load(total), here)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 11), generate

    return to_largest


WINDOWS = {
    name: {"largest": _largest(number, size), "to_largest": _to_largest(number, size)}
    for name, number, size in (("float32", FLOAT, 4), ("float64", ir.DoubleType(), 8))
}


def words(dtype: str) -> dict[str, Any]:
    """Return what each word of `language` means in kernels for numbers of that type."""
    item = np.dtype(dtype)
    return {
        "T": item.type,
        "SIZE": item.itemsize,
        "numbers": VECTORS[dtype],
        "integers": VECTORS["int64"],
        "doubles": VECTORS["float64"],
        "word": word,
        "double": double,
        "load": load,
        "store": store,
        "add": add,
        "pause": pause,
        "give_way": give_way,
        "flush_denormals": flush_denormals,
        "restore_flags": restore_flags,
        "run": run,
        "multiply": multiply,
        "multiply_rows": multiply_rows,
        "transpose": transpose,
        "fetch": fetch,
        "bits_as_float": bits_as_float,
        **WINDOWS[dtype],
    }
