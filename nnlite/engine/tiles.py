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
            _Tile(llvm, rows, width // shape.lanes, shape.lanes, dtype).build()
    _transpose(llvm, shape.lanes, dtype)
    llvm.triple = binding.get_process_triple()
    return str(llvm)


class _Tile:
    """The function of a tile of ``rows`` rows and ``columns`` registers in each."""

    def __init__(self, llvm: ir.Module, rows: int, columns: int, lanes: int, dtype: str) -> None:
        self.rows, self.columns, self.lanes = rows, columns, lanes
        self.number, self.size = NUMBERS[dtype], SIZES[dtype]
        self.vector = ir.VectorType(self.number, lanes)
        self.chains = -(-MINIMUM_CHAINS // (rows * columns))  # few rows: several sums for each number, in turns
        function = ir.Function(llvm, ir.FunctionType(ir.VoidType(), [I64] * 16), tile_name(columns * lanes, rows))
        name = f"llvm.fmuladd.v{lanes}f{8 * self.size}"
        self.fma = llvm.globals.get(name) or ir.Function(llvm, ir.FunctionType(self.vector, [self.vector] * 3), name)
        self.prefetch = llvm.globals.get("llvm.prefetch.p0") or ir.Function(llvm, PREFETCH, "llvm.prefetch.p0")
        self.builder = ir.IRBuilder(function.append_basic_block("entry"))
        self.arguments = function.args

    def build(self) -> None:
        """Add what the function does."""
        K, a, a_row, a_step, a_panel, a_jump, b, c, c_row, start, start_row, *fetched, f_step, b_row = self.arguments
        builder, zero = self.builder, ir.Constant(self.vector, [0.0] * self.lanes)
        first = [self._load(cell) for cell in self._cells(start, start_row)]
        sums = first + [zero] * (self.rows * self.columns * (self.chains - 1))
        row_of_b = I64(self.columns * self.lanes * self.size)
        self.b_step = builder.select(builder.icmp_signed("==", b_row, I64(0)), row_of_b, b_row)
        self.odd = {i: builder.mul(a_row, I64(i)) for i in range(1, self.rows, 2)}
        self.a_step, self.a_panel, self.a_jump = a_step, a_panel, a_jump
        self.fetched, self.f_step = fetched, f_step
        sums = _loop(builder, [K, a, b, I64(0), *sums], 0, self._panel)[4:]
        self._store(sums, self._cells(c, c_row))
        builder.ret_void()

    def _load(self, address: Any) -> Any:
        value = self.builder.load(self.builder.inttoptr(address, self.vector.as_pointer()))
        value.align = self.size
        return value

    def _cells(self, address: Any, step: Any) -> list[Any]:
        """The addresses of the registers of the tile in memory, row by row."""
        builder, register = self.builder, self.lanes * self.size
        return [
            builder.add(builder.add(address, builder.mul(step, I64(i))), I64(j * register))
            for i in range(self.rows)
            for j in range(self.columns)
        ]

    def _row(self, here: Any, i: int) -> Any:
        """The address of row i of A: one register for each odd multiple, which the processor doubles on its own."""
        if i == 0:
            return here
        doublings = (i & -i).bit_length() - 1
        return self.builder.add(here, self.builder.shl(self.odd[i >> doublings], I64(doublings)))

    def _step(self, state: list[Any], chain: int) -> list[Any]:
        """One step along K: ``sums[i, j] += A[i, k] B[k, j]``."""
        builder = self.builder
        left, here, at, ahead, *sums = state
        if chain == 0:
            for address in self.fetched:
                place = builder.inttoptr(builder.add(address, ahead), I8.as_pointer())
                builder.call(self.prefetch, [place, I32(0), I32(2), I32(1)])
        of_b = [self._load(builder.add(at, I64(j * self.lanes * self.size))) for j in range(self.columns)]
        for i in range(self.rows):
            splat = self._splat(self._row(here, i))
            for j in range(self.columns):
                cell = (chain * self.rows + i) * self.columns + j
                sums[cell] = builder.call(self.fma, [splat, of_b[j], sums[cell]])
        return [
            builder.sub(left, I64(1)),
            builder.add(here, self.a_step),
            builder.add(at, self.b_step),
            builder.add(ahead, self.f_step) if chain == 0 else ahead,
            *sums,
        ]

    def _splat(self, address: Any) -> Any:
        """The number at an address, in all places of a register."""
        nothing, zeros = ir.Constant(self.vector, ir.Undefined), [0] * self.lanes
        x = self.builder.load(self.builder.inttoptr(address, self.number.as_pointer()))
        x.align = self.size
        single = self.builder.insert_element(nothing, x, I32(0))
        return self.builder.shuffle_vector(single, nothing, ir.Constant(ir.VectorType(I32, self.lanes), zeros))

    def _steps(self, state: list[Any]) -> list[Any]:
        """A step for each chain."""
        for chain in range(self.chains):
            state = self._step(state, chain)
        return state

    def _panel(self, state: list[Any]) -> list[Any]:
        """The steps along one panel of A."""
        builder = self.builder
        left, *rest = state
        n = builder.select(builder.icmp_signed("<", left, self.a_panel), left, self.a_panel)
        inner = _loop(builder, [n, *rest], self.chains - 1, self._steps)
        if self.chains > 1:
            inner = _loop(builder, inner, 0, lambda state: self._step(state, 0))
        _, here, *rest = inner
        return [builder.sub(left, n), builder.add(here, self.a_jump), *rest]

    def _store(self, sums: list[Any], cells: list[Any]) -> None:
        """Add the sums of the chains, and store them."""
        for cell, address in enumerate(cells):
            value = sums[cell]
            for chain in range(1, self.chains):
                value = self.builder.fadd(value, sums[chain * len(cells) + cell])
            self.builder.store(value, self.builder.inttoptr(address, self.vector.as_pointer())).align = self.size


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
