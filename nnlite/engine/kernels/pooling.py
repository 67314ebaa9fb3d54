"""Pooling: the largest or the mean number of each window of an image, channel by channel. A thread takes examples."""

from nnlite.checks import Array
from nnlite.engine.kernels.convolutions import fill_with_zeros, pixel
from nnlite.engine.kernels.products import run_all, share
from nnlite.engine.language import Image, Integer, T, Window, inline, kernel, numbers


@inline
def inside(place: int, stride: int, before: int, entries: int, size: int) -> tuple[int, int, int]:
    """Where a window begins along an axis, and its first and last + 1 entry that lie in the image."""
    start = place * stride - before
    return start, max(0, -start), min(entries, size - start)


@kernel
def max_pool_forward(
    x: Image, a: Image, of: Window, largest: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``a[i,j,c] = max_{p,q} x[s i + p, s j + q, c]``. ``largest`` gets the number of the first entry that is so large."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        for i in range(a.height):
            y, p0, p1 = inside(i, of.down, of.top, of.height, x.height)
            for j in range(a.width):
                x0, q0, q1 = inside(j, of.right, of.left, of.width, x.width)
                place = pixel(a, m, i, j)
                best = numbers(place, a.channels)
                which = numbers(place - a.address + largest, a.channels)
                first = numbers(pixel(x, m, y + p0, x0 + q0), a.channels)
                for c in range(a.channels):
                    best[c] = first[c]
                    which[c] = T(p0 * of.width + q0)
                for p in range(p0, p1):
                    for q in range(q0, q1):
                        compare(pixel(x, m, y + p, x0 + q), best, which, a.channels, T(p * of.width + q))
        run_all(after, n_after, now, m * a.height, (m + 1) * a.height, 0)


@inline
def compare(source: int, best: Array, which: Array, channels: int, entry: float) -> None:
    """Keep numbers that are larger than the largest before, or NaN."""
    of = numbers(source, channels)
    for c in range(channels):
        more = of[c] > best[c] or of[c] != of[c]
        best[c] = of[c] if more else best[c]
        which[c] = entry if more else which[c]


@kernel
def max_pool_backward(
    da: Image, largest: Integer, dx: Image, of: Window, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``dx = da`` where the largest number of a window is, else 0; each pixel adds up its windows."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        fill_with_zeros(pixel(dx, m, 0, 0), dx.height * dx.width * dx.channels)
        for i in range(da.height):
            y, p0, p1 = inside(i, of.down, of.top, of.height, dx.height)
            for j in range(da.width):
                x0, q0, q1 = inside(j, of.right, of.left, of.width, dx.width)
                place = pixel(da, m, i, j)
                gradient = numbers(place, da.channels)
                which = numbers(place - da.address + largest, da.channels)
                for p in range(p0, p1):
                    for q in range(q0, q1):
                        to, entry = numbers(pixel(dx, m, y + p, x0 + q), da.channels), T(p * of.width + q)
                        for c in range(da.channels):
                            to[c] += gradient[c] if which[c] == entry else T(0)
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


