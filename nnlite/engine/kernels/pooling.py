"""Pooling: the largest or the mean number of each window of an image, channel by channel. A thread takes examples.

Images may have few channels, and loops over few numbers are slow. So `largest` and `to_largest` go through a window for
a group of channels at once, in the registers: nnlite.engine.intrinsics writes them in the language of LLVM.
"""

from nnlite.engine.kernels.convolutions import fill_with_zeros, pixel
from nnlite.engine.kernels.products import run_all, share
from nnlite.engine.language import (
    GROUP,
    SIZE,
    Image,
    Integer,
    T,
    Window,
    inline,
    kernel,
    largest,
    numbers,
    to_largest,
)


@inline
def inside(place: int, stride: int, before: int, entries: int, size: int) -> tuple[int, int, int]:
    """Where a window begins along an axis, and its first and last + 1 entry that lie in the image."""
    start = place * stride - before
    return start, max(0, -start), min(entries, size - start)


@kernel
def max_pool_forward(
    x: Image, a: Image, of: Window, entries: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``a[i,j,c] = max_{p,q} x[s i + p, s j + q, c]``.

    ``entries`` gets the numbers of the entries that are so large, the first of each window.
    """
    begin, end = share(M, thread, n_threads)
    line, pixel_size = x.width * x.channels * SIZE, x.channels * SIZE
    for m in range(begin, end):
        for i in range(a.height):
            y, p0, p1 = inside(i, of.down, of.top, of.height, x.height)
            for j in range(a.width):
                left, q0, q1 = inside(j, of.right, of.left, of.width, x.width)
                source, to, first = pixel(x, m, y + p0, left + q0), pixel(a, m, i, j), p0 * of.width + q0
                for c in range(0, x.channels, GROUP):
                    here = to + c * SIZE
                    largest(
                        source + c * SIZE, line, pixel_size, p1 - p0, q1 - q0, first, of.width, here,
                        here - a.address + entries, min(GROUP, x.channels - c),
                    )  # fmt: skip
        run_all(after, n_after, now, m * a.height, (m + 1) * a.height, 0)


@kernel
def max_pool_backward(
    da: Image, entries: Integer, dx: Image, of: Window, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``dx = da`` where the largest number of a window is, else 0; each pixel adds up its windows."""
    begin, end = share(M, thread, n_threads)
    line, pixel_size = dx.width * dx.channels * SIZE, dx.channels * SIZE
    overlap = 1 if of.down < of.height or of.right < of.width else 0
    side_by_side = of.down == of.height and of.right == of.width
    cover = side_by_side and da.height * of.height >= dx.height and da.width * of.width >= dx.width
    for m in range(begin, end):
        if not cover:
            fill_with_zeros(pixel(dx, m, 0, 0), dx.height * dx.width * dx.channels)
        for i in range(da.height):
            y, p0, p1 = inside(i, of.down, of.top, of.height, dx.height)
            for j in range(da.width):
                left, q0, q1 = inside(j, of.right, of.left, of.width, dx.width)
                target, source, first = pixel(dx, m, y + p0, left + q0), pixel(da, m, i, j), p0 * of.width + q0
                for c in range(0, dx.channels, GROUP):
                    here = source + c * SIZE
                    to_largest(
                        here, here - da.address + entries, target + c * SIZE, line, pixel_size, p1 - p0, q1 - q0,
                        first, of.width, overlap, min(GROUP, dx.channels - c),
                    )  # fmt: skip
        run_all(after, n_after, now, m * dx.height, (m + 1) * dx.height, 0)


@kernel
def average_pool_forward(
    x: Image, a: Image, of: Window, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``a[i,j,c] = 1/n sum_{p,q} x[s i + p, s j + q, c]``, where n counts the pixels that lie in the image."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        for i in range(a.height):
            y, p0, p1 = inside(i, of.down, of.top, of.height, x.height)
            for j in range(a.width):
                x0, q0, q1 = inside(j, of.right, of.left, of.width, x.width)
                to = numbers(pixel(a, m, i, j), a.channels)
                for c in range(a.channels):
                    to[c] = T(0)
                for p in range(p0, p1):
                    for q in range(q0, q1):
                        source = numbers(pixel(x, m, y + p, x0 + q), a.channels)
                        for c in range(a.channels):
                            to[c] += source[c]
                n = T((p1 - p0) * (q1 - q0))
                for c in range(a.channels):
                    to[c] = to[c] / n
        run_all(after, n_after, now, m * a.height, (m + 1) * a.height, 0)


@kernel
def average_pool_backward(
    da: Image, dx: Image, of: Window, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``dx = da / n`` for each pixel of a window; each pixel adds up its windows."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        fill_with_zeros(pixel(dx, m, 0, 0), dx.height * dx.width * dx.channels)
        for i in range(da.height):
            y, p0, p1 = inside(i, of.down, of.top, of.height, dx.height)
            for j in range(da.width):
                x0, q0, q1 = inside(j, of.right, of.left, of.width, dx.width)
                gradient, n = numbers(pixel(da, m, i, j), da.channels), T((p1 - p0) * (q1 - q0))
                for p in range(p0, p1):
                    for q in range(q0, q1):
                        to = numbers(pixel(dx, m, y + p, x0 + q), da.channels)
                        for c in range(da.channels):
                            to[c] += gradient[c] / n
        run_all(after, n_after, now, m * dx.height, (m + 1) * dx.height, 0)
