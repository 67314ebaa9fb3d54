"""Convolutions: forward, to the layer before, and the gradients of W and b.

A thread takes some examples. A pixel of the output is a sum over the entries of the kernel and the channels; in an
image with channels last, the numbers that one line of the kernel sees lie side by side. So a tile
(`nnlite.engine.tiles`) reads them where they lie, and goes on to the next line of the image with one jump: no matrix of
windows is made. Such a run of numbers is a *span*. With gaps between the entries (dilation), each entry of the kernel
is a span of its own.

Lines that need padding are first copied into the thread's workspace, a few at a time.
"""

from nnlite.engine.kernels.products import G_NUMBERS, cell, n_panels, run_all, share
from nnlite.engine.language import (
    MOST_ROWS,
    SIZE,
    Image,
    Integer,
    Matrix,
    T,
    Window,
    inline,
    kernel,
    multiply,
    numbers,
    word,
)

# ---- what a kernel sees ------------------------------------------------------------------------------------------


@inline
def pixel(x: Image, m: int, i: int, j: int) -> int:
    """The address of a pixel of image m."""
    return x.address + ((m * x.height + i) * x.width + j) * x.channels * SIZE


@inline
def spans_of_line(of: Window) -> int:
    """The number of spans in a line of the kernel: 1, or one for each entry if there are gaps."""
    return 1 if of.gap_right == 1 else of.width


@inline
def span_length(x: Image, of: Window) -> int:
    """How many numbers a span has."""
    return x.channels * (of.width if of.gap_right == 1 else 1)


@inline
def start_of_span(s: int, x: Image, of: Window, line: int) -> int:
    """How many numbers span s is behind the first one, in lines of ``line`` numbers."""
    n = spans_of_line(of)
    return s // n * of.gap_down * line + s % n * of.gap_right * x.channels


@inline
def pixels_seen(n: int, stride: int, entries: int, gap: int) -> int:
    """How many pixels n places of a kernel see along an axis."""
    return (n - 1) * stride + (entries - 1) * gap + 1


@inline
def lines_seen(x: Image, m: int, y0: int, n: int, line: int, of: Window, padded: int, workspace: int) -> int:
    """The address of the n lines that the output sees from its line y0 on; with padding it is that of a copy.

    A line has ``line`` numbers.
    """
    first = y0 * of.down - of.top
    if padded == 0:
        return pixel(x, m, first, 0)
    fill_with_zeros(workspace, n * line)
    inside = min(x.width * x.channels, line - of.left * x.channels)
    for i in range(max(0, -first), min(n, x.height - first)):
        copy_numbers(pixel(x, m, first + i, 0), workspace + (i * line + of.left * x.channels) * SIZE, inside)
    return workspace


@inline
def fill_with_zeros(address: int, n: int) -> None:
    """Set n numbers to 0."""
    to = numbers(address, n)
    for i in range(n):
        to[i] = T(0)


@inline
def copy_numbers(source: int, target: int, n: int) -> None:
    """``target = source``, n numbers."""
    of, to = numbers(source, n), numbers(target, n)
    for j in range(n):
        to[j] = of[j]


# ---- forward -----------------------------------------------------------------------------------------------------


@kernel
def convolution_forward(
    x: Image, W: Matrix, b: Integer, z: Image, of: Window, line: Integer, padded: Integer, band: Integer,
    after: Integer, n_after: Integer, now: int, thread: int, n_threads: int, M: int, tiles: int, workspace: int,
) -> None:  # fmt: skip
    """``z[i,j,f] = sum_{p,q,c} x[s i + d p, s j + d q, c] W[p,q,c,f] + b[f]``, a band of lines at a time."""
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        for y0 in range(0, z.height, band):
            y1 = min(y0 + band, z.height)
            n = pixels_seen(y1 - y0, of.down, of.height, of.gap_down)
            source = lines_seen(x, m, y0, n, line, of, padded, workspace + G_NUMBERS * SIZE)
            for p in range(n_panels(W)):
                convolve(tiles, source, line, x, W, p, b, z, of, m, y0, y1, workspace)
            run_all(after, n_after, now, m * z.height + y0, m * z.height + y1, 0)


@inline
def convolve(
    tiles: int, source: int, line: int, x: Image, W: Matrix, p: int, b: int, z: Image, of: Window, m: int,
    y0: int, y1: int, workspace: int,
) -> None:  # fmt: skip
    """A band of lines of z for the filters of panel p. Tiles take pixels of a line, or of a column if it is longer."""
    across, along, right, down = z.width, y1 - y0, of.right * x.channels, of.down * line
    to_right, to_down = z.channels, z.width * z.channels
    if across < along:
        across, along, right, down, to_right, to_down = along, across, down, right, to_down, to_right
    most, n = word(tiles, MOST_ROWS), min(W.width, z.channels - p * W.width)
    n_tiles = (across + most - 1) // most
    height = (across + n_tiles - 1) // n_tiles
    target = pixel(z, m, y0, 0) + p * W.width * SIZE
    for i in range(along):
        j = 0
        while j < across:
            h = min(height, across - j)
            a = source + (i * down + j * right) * SIZE
            c, row = target + (i * to_down + j * to_right) * SIZE, to_right
            if n < W.width:
                tile_of_pixels(tiles, a, right, line, x, W, p, b, of, h, workspace, W.width)
                copy_pixels(workspace, W.width, c, row, h, n)
            else:
                tile_of_pixels(tiles, a, right, line, x, W, p, b, of, h, c, row)
            j += h


@inline
def tile_of_pixels(
    tiles: int, a: int, step: int, line: int, x: Image, W: Matrix, p: int, b: int, of: Window, h: int, c: int, row: int,
) -> None:  # fmt: skip
    """``c = b + a W`` for h pixels that are ``step`` numbers apart; those of the result are ``row`` numbers apart."""
    w, span = W.width, span_length(x, of)
    tile, here, bias = word(tiles, 16 * w + h), cell(W, p, 0), b + p * w * SIZE
    if of.gap_right == 1:
        multiply(
            tile, of.height * span, a, step * SIZE, SIZE, span, (of.gap_down * line - span) * SIZE, here,
            c, row * SIZE, bias, 0, here, here, here, 0,
        )  # fmt: skip
        return
    for s in range(of.height * of.width):
        start, start_row = (bias, 0) if s == 0 else (c, row * SIZE)
        of_span, of_W = a + start_of_span(s, x, of, line) * SIZE, here + s * span * w * SIZE
        multiply(
            tile, span, of_span, step * SIZE, SIZE, span, 0, of_W, c, row * SIZE, start, start_row, here, here, here, 0
        )


@inline
def copy_pixels(source: int, source_row: int, target: int, target_row: int, n: int, channels: int) -> None:
    """Copy some channels of n pixels."""
    for i in range(n):
        copy_numbers(source + i * source_row * SIZE, target + i * target_row * SIZE, channels)


# ---- to the layer before -----------------------------------------------------------------------------------------


@kernel
def turn_filters(
    W: Matrix, target: Integer, columns: Integer, span: Integer, n_spans: Integer, thread: int, n_threads: int
) -> None:
    """Each span of W becomes panels of ``columns`` inputs with a row for each filter. Threads divide the panels."""
    n = (span + columns - 1) // columns
    begin, end = share(n_spans * n, thread, n_threads)
    for q in range(begin, end):
        k, m = q // n * span + q % n * columns, min(columns, span - q % n * columns)
        for p in range(n_panels(W)):
            filters = min(W.width, W.units - p * W.width)
            for f in range(filters):
                to = numbers(target + (q * W.units + p * W.width + f) * columns * SIZE, columns)
                for j in range(m):
                    to[j] = numbers(cell(W, p, k + j), W.width)[f]


@kernel
def convolution_backward(
    dz: Image, turned: Integer, columns: Integer, da: Image, of: Window, band: Integer, after: Integer,
    n_after: Integer, now: int, thread: int, n_threads: int, M: int, tiles: int, workspace: int,
) -> None:  # fmt: skip
    """``da[x,y,c] = sum_{p,q,f} dz[i,j,f] W[p,q,c,f]`` over the i, j with ``s i + d p = x`` and ``s j + d q = y``.

    Each pixel of dz is multiplied with the spans of W, and the results are added to the lines of da where the spans
    come from. Tiles take pixels of a column, so that no two rows of a tile add to the same number.
    """
    begin, end = share(M, thread, n_threads)
    seen = pixels_seen(dz.width, of.right, of.width, of.gap_right)
    line = max(seen, of.left + da.width) * da.channels
    for m in range(begin, end):
        for y0 in range(0, da.height, band):
            y1 = min(y0 + band, da.height)
            fill_with_zeros(workspace, (y1 - y0) * line + columns)
            for p in range(of.height):
                spread_line_of_kernel(tiles, dz, turned, columns, da, of, p, m, y0, y1, line, workspace)
            for i in range(y1 - y0):
                here = workspace + (i * line + of.left * da.channels) * SIZE
                copy_numbers(here, pixel(da, m, y0 + i, 0), da.width * da.channels)
            run_all(after, n_after, now, m * da.height + y0, m * da.height + y1, 0)


@inline
def spread_line_of_kernel(
    tiles: int, dz: Image, turned: int, columns: int, da: Image, of: Window, p: int, m: int, y0: int, y1: int,
    line: int, lines: int,
) -> None:  # fmt: skip
    """Add what line p of the kernel gives to lines y0..y1 of da, which are at ``lines``."""
    shift = of.top - p * of.gap_down  # line i of dz belongs to line ``i of.down - shift`` of da
    first, last = max(0, (y0 + shift + of.down - 1) // of.down), min(dz.height, (y1 + shift + of.down - 1) // of.down)
    span, n, K = span_length(da, of), spans_of_line(of), dz.channels
    panels = (span + columns - 1) // columns
    most = word(tiles, MOST_ROWS)
    n_tiles = (last - first + most - 1) // most
    for q in range(n * panels):
        b = turned + (p * n * panels + q) * K * columns * SIZE
        offset = q // panels * of.gap_right * da.channels + q % panels * columns
        for j in range(dz.width):
            i = first
            for t in range(n_tiles):
                h = (last - i + n_tiles - t - 1) // (n_tiles - t)
                c = lines + ((i * of.down - shift - y0) * line + j * of.right * da.channels + offset) * SIZE
                row = of.down * line * SIZE
                multiply(
                    word(tiles, 16 * columns + h), K, pixel(dz, m, i, j), dz.width * K * SIZE, SIZE, K, 0, b,
                    c, row, c, row, b, b, b, 0,
                )  # fmt: skip
                i += h


# ---- gradients ---------------------------------------------------------------------------------------------------


@kernel
def convolution_gradient(
    x: Image, dz: Image, dW: Matrix, db: Integer, apart: Integer, apart_b: Integer, ones: Integer, of: Window,
    line: Integer, padded: Integer, band: Integer, thread: int, n_threads: int, M: int, tiles: int, workspace: int,
) -> None:  # fmt: skip
    """``dW[p,q,c,f] = sum_{i,j} x[s i + d p, s j + d q, c] dz[i,j,f]`` and ``db[f] = sum_{i,j} dz[i,j,f]``.

    Each thread sums up its own examples. Those of the next thread are ``apart`` bytes further, for b ``apart_b``.
    """
    begin, end = share(M, thread, n_threads)
    own = Matrix(dW.address + thread * apart, dW.rows, dW.width, dW.units)
    bias = db + thread * apart_b
    for p in range(n_panels(dW)):
        fill_with_zeros(cell(own, p, 0), dW.rows * dW.width)
        fill_with_zeros(bias + p * dW.width * SIZE, dW.width)
    for m in range(begin, end):
        for y0 in range(0, dz.height, band):
            y1 = min(y0 + band, dz.height)
            n = pixels_seen(y1 - y0, of.down, of.height, of.gap_down)
            source = lines_seen(x, m, y0, n, line, of, padded, workspace)
            here = in_panels(dz, m, y0, y1, dW.width, workspace + padded * n * line * SIZE)
            for p in range(n_panels(dW)):
                b = here + p * (y1 - y0) * dz.width * dW.width * SIZE
                add_to_gradient(tiles, source, line, x, dz, b, y1 - y0, own, bias, p, of, ones)


@inline
def in_panels(dz: Image, m: int, y0: int, y1: int, width: int, room: int) -> int:
    """The address of lines y0..y1 in panels of ``width`` channels: that of a copy, if they do not lie like that."""
    if dz.channels == width:
        return pixel(dz, m, y0, 0)
    rows, panels = (y1 - y0) * dz.width, (dz.channels + width - 1) // width
    fill_with_zeros(room, panels * rows * width)
    for p in range(panels):
        here, row = pixel(dz, m, y0, 0) + p * width * SIZE, dz.channels
        copy_pixels(here, row, room + p * rows * width * SIZE, width, rows, min(width, dz.channels - p * width))
    return room


@inline
def add_to_gradient(
    tiles: int, source: int, line: int, x: Image, dz: Image, b: int, n_lines: int, dW: Matrix, db: int, p: int,
    of: Window, ones: int,
) -> None:  # fmt: skip
    """Add what some lines give to dW and db for the filters of panel p."""
    w, span, most = dW.width, span_length(x, of), word(tiles, MOST_ROWS)
    n_pixels = n_lines * dz.width
    right, along, jump = of.right * x.channels, dz.width, of.down * line - dz.width * of.right * x.channels
    if dz.width == 1:
        right, along, jump = of.down * line, n_pixels, 0
    bias = db + p * w * SIZE
    multiply(word(tiles, 16 * w + 1), n_pixels, ones, 0, 0, n_pixels, 0, b, bias, 0, bias, 0, b, b, b, 0)
    n_tiles = (span + most - 1) // most
    height = (span + n_tiles - 1) // n_tiles
    for s in range(of.height * spans_of_line(of)):
        here, k = source + start_of_span(s, x, of, line) * SIZE, 0
        while k < span:
            h = min(height, span - k)
            c = cell(dW, p, s * span + k)
            multiply(
                word(tiles, 16 * w + h), n_pixels, here + k * SIZE, SIZE, right * SIZE, along, jump * SIZE, b,
                c, w * SIZE, c, w * SIZE, b, b, b, 0,
            )  # fmt: skip
            k += h
