"""Images between layers: copies, padding, the way into panels and back, and what each thread has summed up."""

from nnlite.engine.kernels.convolutions import copy_numbers, fill_with_zeros, pixel
from nnlite.engine.kernels.noise import uniform
from nnlite.engine.kernels.products import cell, n_panels, run_all, share
from nnlite.engine.language import (
    WRONG,
    Block,
    Image,
    Integer,
    Integers,
    Matrix,
    Number,
    T,
    kernel,
    numbers,
    store,
)


@kernel
def images(
    x: Image, target: Image, after: Integer, n_after: Integer, now: int, thread: int, n_threads: int, M: int
) -> None:
    """``target = x``, unless they are the same, example by example; then the instructions that follow."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        if x.address != target.address:
            copy_numbers(pixel(x, m, 0, 0), pixel(target, m, 0, 0), x.height * x.width * x.channels)
        run_all(after, n_after, now, m * target.height, (m + 1) * target.height, 0)


@kernel
def pad_forward(
    x: Image, a: Image, top: Integer, left: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``a[i + top, j + left, c] = x[i,j,c]``, else 0."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        fill_with_zeros(pixel(a, m, 0, 0), a.height * a.width * a.channels)
        for i in range(x.height):
            copy_numbers(pixel(x, m, i, 0), pixel(a, m, i + top, left), x.width * x.channels)
        run_all(after, n_after, now, m * a.height, (m + 1) * a.height, 0)


@kernel
def pad_backward(
    da: Image, dx: Image, top: Integer, left: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``dx[i,j,c] = da[i + top, j + left, c]``."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        for i in range(dx.height):
            copy_numbers(pixel(da, m, i + top, left), pixel(dx, m, i, 0), dx.width * dx.channels)
        run_all(after, n_after, now, m * dx.height, (m + 1) * dx.height, 0)


@kernel
def into_panels(x: Integer, z: Matrix, thread: int, n_threads: int, M: int) -> None:
    """Rows, one after the other, become a matrix in panels; a thread takes some of the rows."""
    begin, end = share(M, thread, n_threads)
    for i in range(begin, end):
        row = Matrix(x, M, z.units, z.units)
        for p in range(n_panels(z)):
            k = p * z.width
            source, n = numbers(cell(row, 0, i), z.units), min(z.width, z.units - k)
            to = numbers(cell(z, p, i), n)
            for j in range(n):
                to[j] = source[k + j]


@kernel
def out_of_panels(
    x: Matrix, z: Integer, height: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """A matrix in panels becomes rows, one after the other, each an image of ``height`` lines."""
    begin, end = share(M, thread, n_threads)
    for i in range(begin, end):
        row = Matrix(z, M, x.units, x.units)
        for p in range(n_panels(x)):
            k = p * x.width
            to, n = numbers(cell(row, 0, i), x.units), min(x.width, x.units - k)
            source = numbers(cell(x, p, i), n)
            for j in range(n):
                to[k + j] = source[j]
        run_all(after, n_after, now, i * height, (i + 1) * height, 0)


@kernel
def drop_channels(
    a: Block, rate: Number, keys: Integers, n_keys: Integer, which: Integer, height: Integer, channels: Integer,
    step: int, r0: int, width: int,
) -> None:  # fmt: skip
    """``a = a d / (1 - rate)`` with one d for each channel of an example; backward the same for da."""
    key, scale = keys[step * n_keys + which], T(1) / (T(1) - rate)
    for i in range(a.size // width):
        place = (r0 + i) // height * channels
        for c in range(channels):
            d = T(1) if uniform(key, place + c) >= rate else T(0)
            for j in range(i * width + c, i * width + width, channels):
                a[j] = a[j] * d * scale


@kernel
def add_parts(
    g: Block, parts: Integer, of_panel: Integer, of_row: Integer, apart: Integer, n_threads: int, r0: int, panel: int
) -> None:
    """``g`` is the sum of what the threads have summed up, in their order."""
    for i in range(g.size):
        g[i] = T(0)
    for thread in range(n_threads):
        part = numbers(parts + panel * of_panel + r0 * of_row + thread * apart, g.size)
        for i in range(g.size):
            g[i] += part[i]


@kernel
def check_block(z: Block, shared: int) -> None:
    """Raise the flag WRONG if a number is NaN or infinite."""
    total = T(0)
    for i in range(z.size):
        total += z[i] * T(0)
    if total != T(0):
        store(shared + 8 * WRONG, 1)
