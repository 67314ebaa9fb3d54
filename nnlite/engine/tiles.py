"""Tiles: the kernels of matrix products, written for the processor at hand.

A tile is ``C = start + A B`` for a few rows of A and one panel of B. It keeps its numbers of C in the registers of the
processor, so that each step along K loads one row of the panel (``width`` numbers) and one number for each row of A,
and multiplies them all. With 32 registers of 16 numbers (AVX-512) a tile has up to 14 rows and 32 columns: 28 registers
for C, two for B, one for a number of A.

The tiles are written in the language of LLVM, since a compiler that reads a loop does not find this arrangement.
"""

from __future__ import annotations

from typing import Any

from llvmlite import binding, ir

from nnlite.engine.shapes import SIZES, Shape, tile_name

I1, I8, I32, I64 = ir.IntType(1), ir.IntType(8), ir.IntType(32), ir.IntType(64)
NUMBERS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}
PREFETCH = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
MINIMUM_CHAINS = 10  # products that must be independent of each other to keep both multipliers busy


def module(shape: Shape, dtype: str) -> str:
    """Return LLVM code with a function for each width of panels and each number of rows.

    The parameters are those of `language.multiply`, after the first: K; the address of A, and in bytes from row to
    row, from step to step, to the next panel of A (after ``a_panel`` steps, ``a_jump`` in addition); the address of the
    panel of B; that of C and from row to row of it; the numbers that the product is added to, and from row to row of
    them (0 for the same in each row, such as the bias); three addresses to be fetched into the cache meanwhile,
    ``f_step`` bytes further in each step; and from row to row of B, or 0 for a panel, whose rows lie one after the
    other.
    """
    llvm = ir.Module("tiles")
    for width in shape.widths:
        for rows in range(1, shape.rows + 1):
            _tile(llvm, rows, width // shape.lanes, shape.lanes, dtype)
    _transpose(llvm, shape.lanes, dtype)
    llvm.triple = binding.get_process_triple()
    return str(llvm)


def _tile(llvm: ir.Module, rows: int, columns: int, lanes: int, dtype: str) -> None:
    """Add the function of a tile of ``rows`` rows and ``columns`` registers in each."""
    number, size = NUMBERS[dtype], SIZES[dtype]
    vector = ir.VectorType(number, lanes)
    function = ir.Function(llvm, ir.FunctionType(ir.VoidType(), [I64] * 16), tile_name(columns * lanes, rows))
    K, a, a_row, a_step, a_panel, a_jump, b, c, c_row, start, start_row, *fetched, f_step, b_row = function.args
    name = f"llvm.fmuladd.v{lanes}f{8 * size}"
    fma = llvm.globals.get(name) or ir.Function(llvm, ir.FunctionType(vector, [vector] * 3), name)
    prefetch = llvm.globals.get("llvm.prefetch.p0") or ir.Function(llvm, PREFETCH, "llvm.prefetch.p0")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    chains = -(-MINIMUM_CHAINS // (rows * columns))  # few rows: several sums for each number, over every chains-th step

    def load(address: Any) -> Any:
        value = builder.load(builder.inttoptr(address, vector.as_pointer()))
        value.align = size
        return value

    def cells(address: Any, step: Any) -> list[Any]:
        return [
            builder.add(builder.add(address, builder.mul(step, I64(i))), I64(j * lanes * size))
            for i in range(rows)
            for j in range(columns)
        ]

    zero = ir.Constant(vector, [0.0] * lanes)
    first = [load(cell) for cell in cells(start, start_row)]
    sums = first + [zero] * (rows * columns * (chains - 1))
    b_step = builder.select(builder.icmp_signed("==", b_row, I64(0)), I64(columns * lanes * size), b_row)
    odd = {i: builder.mul(a_row, I64(i)) for i in range(1, rows, 2)}

    def row(here: Any, i: int) -> Any:
        """The address of row i: one register for each odd multiple, which the processor doubles on its own."""
        if i == 0:
            return here
        doublings = (i & -i).bit_length() - 1
        return builder.add(here, builder.shl(odd[i >> doublings], I64(doublings)))

    def step(state: list[Any], chain: int) -> list[Any]:
        """One step along K: ``sums[i, j] += A[i, k] B[k, j]``."""
        left, here, at, ahead, *sums = state
        if chain == 0:
            for address in fetched:
                place = builder.inttoptr(builder.add(address, ahead), I8.as_pointer())
                builder.call(prefetch, [place, I32(0), I32(2), I32(1)])
        of_b = [load(builder.add(at, I64(j * lanes * size))) for j in range(columns)]
        for i in range(rows):
            x = builder.load(builder.inttoptr(row(here, i), number.as_pointer()))
            x.align = size
            single = builder.insert_element(ir.Constant(vector, ir.Undefined), x, I32(0))
            splat = builder.shuffle_vector(
                single, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(I32, lanes), [0] * lanes)
            )
            for j in range(columns):
                cell = (chain * rows + i) * columns + j
                sums[cell] = builder.call(fma, [splat, of_b[j], sums[cell]])
        return [
            builder.sub(left, I64(1)),
            builder.add(here, a_step),
            builder.add(at, b_step),
            builder.add(ahead, f_step) if chain == 0 else ahead,
            *sums,
        ]

    def panel(state: list[Any]) -> list[Any]:
        """The steps along one panel of A."""
        left, *rest = state
        n = builder.select(builder.icmp_signed("<", left, a_panel), left, a_panel)
        inner = _loop(builder, [n, *rest], chains - 1, lambda state: _several(step, state, chains))
        if chains > 1:
            inner = _loop(builder, inner, 0, lambda state: step(state, 0))
        _, here, *rest = inner
        return [builder.sub(left, n), builder.add(here, a_jump), *rest]

    sums = _loop(builder, [K, a, b, I64(0), *sums], 0, panel)[4:]
    cell_count = rows * columns
    for cell, address in enumerate(cells(c, c_row)):
        value = sums[cell]
        for chain in range(1, chains):
            value = builder.fadd(value, sums[chain * cell_count + cell])
        builder.store(value, builder.inttoptr(address, vector.as_pointer())).align = size
    builder.ret_void()


def _transpose(llvm: ir.Module, lanes: int, dtype: str) -> None:
    """Add the function that transposes a square of ``lanes`` rows: rows are exchanged in pairs, 1, 2, 4, ... apart."""
    size, vector, number = SIZES[dtype], ir.VectorType(NUMBERS[dtype], lanes), ir.VectorType(I32, lanes)
    function = ir.Function(llvm, ir.FunctionType(ir.VoidType(), [I64] * 4), "transpose")
    source, source_row, target, target_row = function.args
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    rows = []
    for i in range(lanes):
        row = builder.load(builder.inttoptr(builder.add(source, builder.mul(source_row, I64(i))), vector.as_pointer()))
        row.align = size
        rows.append(row)
    apart = 1
    while apart < lanes:
        low = ir.Constant(number, [j if not j & apart else lanes + j - apart for j in range(lanes)])
        high = ir.Constant(number, [j + apart if not j & apart else lanes + j for j in range(lanes)])
        for i in range(lanes):
            if not i & apart:
                pair = rows[i], rows[i + apart]
                rows[i] = builder.shuffle_vector(*pair, low)
                rows[i + apart] = builder.shuffle_vector(*pair, high)
        apart *= 2
    for i, row in enumerate(rows):
        place = builder.inttoptr(builder.add(target, builder.mul(target_row, I64(i))), vector.as_pointer())
        builder.store(row, place).align = size
    builder.ret_void()


def _several(step: Any, state: list[Any], chains: int) -> list[Any]:
    for chain in range(chains):
        state = step(state, chain)
    return state


def _loop(builder: ir.IRBuilder, state: list[Any], above: int, body: Any) -> list[Any]:
    """``while state[0] > above: state = body(state)``; return the state after it."""
    before, function = builder.block, builder.function
    inside, after = function.append_basic_block("inside"), function.append_basic_block("after")
    builder.cbranch(builder.icmp_signed(">", state[0], I64(above)), inside, after)
    builder.position_at_end(inside)
    current = [builder.phi(value.type) for value in state]
    following = body(list(current))
    builder.cbranch(builder.icmp_signed(">", following[0], I64(above)), inside, after)
    end = builder.block
    builder.position_at_end(after)
    result = [builder.phi(value.type) for value in state]
    for value, phi, new, last in zip(state, current, following, result, strict=True):
        phi.add_incoming(value, before)
        phi.add_incoming(new, end)
        last.add_incoming(value, before)
        last.add_incoming(new, end)
    return result
