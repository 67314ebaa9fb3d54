"""Convolutions with groups, each of whose filters sees some of the channels only: plain loops. A thread takes examples.

W lies row by row here: all filters of an entry of the kernel and a channel of the group side by side. The loops are
wide where each channel has one filter (depthwise); otherwise they take a number at a time.
"""

from nnlite.checks import Array
from nnlite.engine.kernels.convolutions import fill_with_zeros, pixel
from nnlite.engine.kernels.products import run_all, share
from nnlite.engine.language import SIZE, Image, Integer, Window, inline, kernel, numbers


@inline
def within(i: int, j: int, x: Image) -> bool:
    """Whether a pixel lies in the image."""
    return 0 <= i and i < x.height and 0 <= j and j < x.width  # noqa: SIM300, PLR1716


@kernel
def grouped_forward(
    x: Image, W: Integer, b: Integer, z: Image, of: Window, groups: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``z[i,j,f] = sum_{p,q,c} x[s i + d p, s j + d q, c] W[p,q,c,f] + b[f]`` over the channels c of the group of f."""
    begin, end = share(M, thread, n_threads)
    F, C = z.channels, x.channels // groups
    bias = numbers(b, F)
    for m in range(begin, end):
        for i in range(z.height):
            for j in range(z.width):
                out = numbers(pixel(z, m, i, j), F)
                for f in range(F):
                    out[f] = bias[f]
                for p in range(of.height):
                    for q in range(of.width):
                        y, at = i * of.down + p * of.gap_down - of.top, j * of.right + q * of.gap_right - of.left
                        if within(y, at, x):
                            for c in range(C):
                                row = numbers(W + ((p * of.width + q) * C + c) * F * SIZE, F)
                                multiply_filters(numbers(pixel(x, m, y, at), x.channels), c, row, out, groups)
        run_all(after, n_after, now, m * z.height, (m + 1) * z.height, 0)


@inline
def multiply_filters(seen: Array, c: int, row: Array, out: Array, groups: int) -> None:
    """``out_f += x_c W_f`` with channel c of the group of f."""
    if row.size == groups and seen.size == groups:
        for f in range(groups):
            out[f] += seen[f] * row[f]
        return
    C, n = seen.size // groups, row.size // groups
    for g in range(groups):
        x = seen[g * C + c]
        for f in range(g * n, g * n + n):
            out[f] += x * row[f]


@kernel
def grouped_backward(
    dz: Image, W: Integer, da: Image, of: Window, groups: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``da[x,y,c] = sum_{p,q,f} dz[i,j,f] W[p,q,c,f]`` over the filters f of the group of c."""
    begin, end = share(M, thread, n_threads)
    F, C = dz.channels, da.channels // groups
    for m in range(begin, end):
        fill_with_zeros(pixel(da, m, 0, 0), da.height * da.width * da.channels)
        for i in range(dz.height):
            for j in range(dz.width):
                for p in range(of.height):
                    for q in range(of.width):
                        y, at = i * of.down + p * of.gap_down - of.top, j * of.right + q * of.gap_right - of.left
                        if within(y, at, da):
                            for c in range(C):
                                row = numbers(W + ((p * of.width + q) * C + c) * F * SIZE, F)
                                to = numbers(pixel(da, m, y, at), da.channels)
                                spread_filters(numbers(pixel(dz, m, i, j), F), c, row, to, groups)
        run_all(after, n_after, now, m * da.height, (m + 1) * da.height, 0)


@inline
def spread_filters(dz: Array, c: int, row: Array, to: Array, groups: int) -> None:
    """``da_c += sum_f dz_f W_f`` over the filters f of the group of channel c."""
    if row.size == groups and to.size == groups:
        for f in range(groups):
            to[f] += dz[f] * row[f]
        return
    C, n = to.size // groups, row.size // groups
    for g in range(groups):
        for f in range(g * n, g * n + n):
            to[g * C + c] += dz[f] * row[f]


@kernel
def grouped_gradient(
    x: Image, dz: Image, dW: Integer, db: Integer, apart: Integer, apart_b: Integer, of: Window, groups: Integer,
    thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``dW[p,q,c,f] = sum_{i,j} x[s i + d p, s j + d q, c] dz[i,j,f]`` and ``db[f] = sum_{i,j} dz[i,j,f]``.

    Each thread sums up its own examples. Those of the next thread are ``apart`` bytes further, for b ``apart_b``.
    """
    begin, end = share(M, thread, n_threads)
    F, C = dz.channels, x.channels // groups
    of_W, bias = dW + thread * apart, numbers(db + thread * apart_b, F)
    fill_with_zeros(of_W, of.height * of.width * C * F)
    fill_with_zeros(db + thread * apart_b, F)
    for m in range(begin, end):
        for i in range(dz.height):
            for j in range(dz.width):
                gradient = numbers(pixel(dz, m, i, j), F)
                for f in range(F):
                    bias[f] += gradient[f]
                for p in range(of.height):
                    for q in range(of.width):
                        y, at = i * of.down + p * of.gap_down - of.top, j * of.right + q * of.gap_right - of.left
                        if within(y, at, x):
                            for c in range(C):
                                row = numbers(of_W + ((p * of.width + q) * C + c) * F * SIZE, F)
                                multiply_all(numbers(pixel(x, m, y, at), x.channels), c, gradient, row, groups)


@inline
def multiply_all(seen: Array, c: int, dz: Array, row: Array, groups: int) -> None:
    """``dW_f += x_c dz_f`` with channel c of the group of f."""
    if row.size == groups and seen.size == groups:
        for f in range(groups):
            row[f] += seen[f] * dz[f]
        return
    C, n = seen.size // groups, row.size // groups
    for g in range(groups):
        x = seen[g * C + c]
        for f in range(g * n, g * n + n):
            row[f] += x * dz[f]
