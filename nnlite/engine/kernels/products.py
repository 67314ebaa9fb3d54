"""Matrix products of a Dense layer: forward, to the layer before, and the gradient of W.

After each panel, or each block of rows of it, the instructions that follow (``after``) work on these numbers while
they are in the cache.
"""

from nnlite.engine.language import (
    CACHE,
    LANES,
    MOST_ROWS,
    SIZE,
    TRANSPOSE,
    WORDS,
    ZEROS,
    Integer,
    Matrix,
    fetch,
    inline,
    kernel,
    multiply,
    run,
    transpose,
    word,
)

AHEAD = 2  # panels of W that are fetched before they are turned
G_NUMBERS = 1024  # numbers at the beginning of a thread's workspace, for a tile of a gradient


@inline
def share(n: int, thread: int, n_threads: int) -> tuple[int, int]:
    """The first and last + 1 of n things for this thread."""
    return n * thread // n_threads, n * (thread + 1) // n_threads


@inline
def n_panels(x: Matrix) -> int:
    """The number of panels of a matrix."""
    return (x.units + x.width - 1) // x.width


@inline
def cell(x: Matrix, panel: int, row: int) -> int:
    """The address of a row of a panel."""
    return x.address + (panel * x.rows + row) * x.width * SIZE


@inline
def run_all(after: int, n_after: int, now: int, r0: int, r1: int, panel: int) -> None:
    """Carry out instructions one after the other."""
    for i in range(n_after):
        run(after + 8 * WORDS * i, now, r0, r1, panel)


@inline
def product(tiles: int, x: Matrix, r0: int, r1: int, b: int, w: int, c: int, start: int, ahead: int) -> None:
    """``c = start + x[r0:r1] b`` for a panel b of w columns, tile after tile.

    Meanwhile the numbers at ``ahead``, as many as b has, come into the cache.
    """
    rows, most, K = r1 - r0, word(tiles, MOST_ROWS), x.units
    n = (rows + most - 1) // most
    height = (rows + n - 1) // n
    part = (K * w * SIZE + n - 1) // n
    step = (part + K - 1) // K
    jump = (x.rows - 1) * x.width * SIZE
    i, fetched = 0, ahead
    while i < rows:
        h = min(height, rows - i)
        multiply(
            word(tiles, 16 * w + h), K, cell(x, 0, r0 + i), x.width * SIZE, SIZE, x.width, jump, b,
            c + i * w * SIZE, w * SIZE, start, 0, fetched, fetched, fetched, step,
        )  # fmt: skip
        i += h
        fetched += part


@kernel
def dense_forward(
    x: Matrix, W: Matrix, b: Integer, z: Matrix, by_rows: Integer, block: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int, tiles: int,
) -> None:  # fmt: skip
    """``z = x W + b``. A thread takes panels of units, or rows of the batch."""
    p0, p1, begin, end = 0, n_panels(z), 0, M
    if by_rows == 1:
        begin, end = share(M, thread, n_threads)
    else:
        p0, p1 = share(p1, thread, n_threads)
    r0 = begin
    while r0 < end:
        r1 = min(r0 + block, end)
        for p in range(p0, p1):
            ahead = cell(W, p + 1, 0) if p + 1 < p1 else cell(W, p, 0)
            product(tiles, x, r0, r1, cell(W, p, 0), z.width, cell(z, p, r0), b + p * z.width * SIZE, ahead)
            run_all(after, n_after, now, r0, r1, p)
        r0 = r1


@kernel
def dense_backward(
    dz: Matrix, W: Matrix, da: Matrix, by_rows: Integer, block: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int, tiles: int, workspace: int,
) -> None:  # fmt: skip
    """``da = dz W^T``, for the layer before. The panels of W^T are made on the way."""
    p0, p1, begin, end = 0, n_panels(da), 0, M
    if by_rows == 1:
        begin, end = share(M, thread, n_threads)
    else:
        p0, p1 = share(p1, thread, n_threads)
    transposed = workspace + G_NUMBERS * SIZE
    zeros = word(tiles, ZEROS)
    r0 = begin
    while r0 < end:
        r1 = min(r0 + block, end)
        for p in range(p0, p1):
            turn(tiles, W, p * da.width, da.width, transposed)
            product(tiles, dz, r0, r1, transposed, da.width, cell(da, p, r0), zeros, transposed)
            run_all(after, n_after, now, r0, r1, p)
        r0 = r1


@inline
def turn(tiles: int, W: Matrix, k: int, w: int, target: int) -> None:
    """The rows k..k+w of W become the columns of a panel."""
    lanes, n = word(tiles, LANES), n_panels(W)
    for p in range(n):
        if p + AHEAD < n:
            for line in range(cell(W, p + AHEAD, k), cell(W, p + AHEAD, k + w), 64):
                fetch(line)
        for j in range(0, W.width, lanes):
            for i in range(0, w, lanes):
                to = target + ((p * W.width + j) * w + i) * SIZE
                transpose(word(tiles, TRANSPOSE), cell(W, p, k + i) + j * SIZE, W.width * SIZE, to, w * SIZE)


@kernel
def dense_gradient(
    x: Matrix, dz: Matrix, W: Matrix, by_rows: Integer, before: Integer, n_before: Integer, after: Integer,
    n_after: Integer, last: Integer, n_last: Integer, state: Integer, more_state: Integer,
    now: int, thread: int, n_threads: int, M: int, tiles: int, workspace: int,
) -> None:  # fmt: skip
    """``dW = x^T dz``, a tile at a time; the instructions after it use the tile, which is never written to memory.

    A thread takes panels of units, or panels of inputs. The instructions of ``before`` are carried out before each
    panel of units, those of ``last`` after it. Meanwhile W and what the optimizer remembers come into the cache:
    ``state`` and ``more_state`` are their distances from W in bytes.
    """
    p0, p1, q0, q1 = 0, n_panels(W), 0, n_panels(x)
    if by_rows == 1:
        q0, q1 = share(q1, thread, n_threads)
    else:
        p0, p1 = share(p1, thread, n_threads)
    most, zeros, w = word(tiles, MOST_ROWS), word(tiles, ZEROS), W.width
    block = max(1, word(tiles, CACHE) // (M * x.width * SIZE))  # panels of x that stay in the second cache
    for begin in range(q0, q1, block):
        end = min(begin + block, q1)
        for p in range(p0, p1):
            if begin == q0:
                run_all(before, n_before, now, 0, M, p)
            for q in range(begin, end):
                n = min(x.width, x.units - q * x.width)
                n_tiles = (n + most - 1) // most
                height = (n + n_tiles - 1) // n_tiles
                k = 0
                while k < n:
                    h = min(height, n - k)
                    row = q * x.width + k
                    here = cell(W, p, row)
                    multiply(
                        word(tiles, 16 * w + h), M, cell(x, q, 0) + k * SIZE, SIZE, x.width * SIZE, M, 0,
                        cell(dz, p, 0), workspace, w * SIZE, zeros, 0, here, here + state, here + more_state,
                        (h * w * SIZE + M - 1) // M,
                    )  # fmt: skip
                    run_all(after, n_after, now, row, row + h, p)
                    k += h
            if end == q1:
                run_all(last, n_last, now, 0, x.units, p)
