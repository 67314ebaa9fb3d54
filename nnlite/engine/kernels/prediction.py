"""Prediction: Dense layers that read W where it lies in theta, row by row, since it may change between two calls.

A few examples lie row by row: in a matrix with a single panel, which is as wide as the layer. Many examples go through
the network in blocks; threads take block after block until none is left.
"""

from nnlite.engine.kernels.outputs import keep
from nnlite.engine.kernels.products import cell, n_panels, run_all
from nnlite.engine.kernels.steps import FIRST, SPINS, STEP, M
from nnlite.engine.language import (
    ARRIVED,
    MOST_ROWS,
    NOW_WORDS,
    SIZE,
    WIDE,
    WORDS,
    WRONG,
    Integer,
    Matrix,
    T,
    Vector,
    add,
    flush_denormals,
    give_way,
    inline,
    integers,
    kernel,
    load,
    multiply_rows,
    numbers,
    pause,
    restore_flags,
    run,
    store,
    word,
)

COLUMNS = 1024  # columns of W at a time: four rows of them, and their part of z, fit the first cache
SHORT = 1024  # bytes: tiles read longer rows of W more slowly than it takes to copy a panel of them
PADDING = 64  # numbers at the beginning of the workspace, for the biases of a panel


# Words of the box in which a job is left for a helper, apart from each other, since two threads write
JOB, TICKET, FINISHED, ALIVE, OP_OF_JOB, NOW_OF_JOB = 0, 16, 32, 48, 64, 65
BOX_WORDS = 80
IDLE = 8000  # rounds in which a helper waits for the next job: about a tenth of a millisecond


@kernel
def predict(
    ops: Integer, n_ops: Integer, n_examples: Integer, block: Integer, alone: Integer, boxes: Integer, n_boxes: Integer,
    now: int, shared: int,
) -> None:  # fmt: skip
    """Carry out the instructions for one block of examples after another.

    Several threads take the next block from a counter until none is left. A thread that works ``alone`` needs no
    counter. The thread that has ``boxes`` opens them for the helpers.
    """
    flags = flush_denormals()
    words = integers(now, NOW_WORDS)
    n_blocks = (n_examples + block - 1) // block
    if alone == 1 or n_boxes > 0:
        store(shared + 8 * WRONG, 0)
        store(shared + 8 * ARRIVED, 0)
    for i in range(n_boxes):
        open_box(word(boxes, i))
    number = next_block(-1, alone, shared)
    while number < n_blocks:
        words[STEP] = number
        words[FIRST] = number * block
        words[M] = min(block, n_examples - number * block)
        for i in range(n_ops):
            run(ops + 8 * WORDS * i, now, 0, 0, 0)
        number = next_block(number, alone, shared)
    for i in range(n_boxes):
        close_box(word(boxes, i))
    restore_flags(flags)


@inline
def next_block(before: int, alone: int, shared: int) -> int:
    """The number of the next block for this thread."""
    return before + 1 if alone == 1 else add(shared + 8 * ARRIVED, 1)


@inline
def open_box(box: int) -> None:
    """Let a helper take the job: whoever draws ticket 0 has it.

    The number of the job is there before its ticket: a helper that still looks for the job before draws the ticket of
    this one, and then finds its number.
    """
    store(box + 8 * JOB, load(box + 8 * JOB) + 1)
    store(box + 8 * TICKET, 0)


@inline
def close_box(box: int) -> None:
    """Withdraw a job that no helper has taken; otherwise wait until it is finished."""
    rounds = 0
    if add(box + 8 * TICKET, 1) != 0:
        while load(box + 8 * FINISHED) != load(box + 8 * JOB):
            rounds += 1
            if rounds < SPINS:
                pause()
            else:
                give_way()


@kernel
def stand_by(box: Integer) -> None:
    """Carry out one job after another; end when none has come for a while."""
    seen, rounds = -1, 0
    while rounds < IDLE:
        rounds += 1
        if load(box + 8 * JOB) != seen:
            seen = load(box + 8 * JOB)
            if add(box + 8 * TICKET, 1) == 0:
                seen = load(box + 8 * JOB)  # there may be a new job meanwhile
                run(word(box, OP_OF_JOB), word(box, NOW_OF_JOB), 0, 0, 0)
                store(box + 8 * FINISHED, seen)
                rounds = 0
        else:
            pause()
    add(box + 8 * ALIVE, -1)


@inline
def check_panel(z: Matrix, p: int, rows: int, n: int, shared: int) -> None:
    """Raise the flag WRONG if one of n numbers in a row of a panel of z is NaN or infinite.

    A number of x or W that is NaN or infinite makes numbers of ``x W`` NaN or infinite. ReLU would make 0 of NaN.
    """
    total = T(0)
    for i in range(rows):
        row = numbers(cell(z, p, i), n)
        for j in range(n):
            total += row[j] * T(0)
    if total != T(0):
        store(shared + 8 * WRONG, 1)


@kernel
def check_rows(x: Matrix, M: int, shared: int) -> None:
    """Raise the flag WRONG if a number of x is NaN or infinite."""
    total = T(0)
    for p in range(n_panels(x)):
        block = numbers(cell(x, p, 0), M * x.width)
        for i in range(block.size):
            total += block[i] * T(0)
    if total != T(0):
        store(shared + 8 * WRONG, 1)


@kernel
def dense_rows(
    x: Matrix, W: Integer, b: Integer, z: Matrix, checks: Integer, after: Integer, n_after: Integer,
    now: int, M: int, shared: int,
) -> None:  # fmt: skip
    """``z = x W + b`` for a few rows: ``z += x_k W_k``, four rows W_k of W at a time."""
    K, n = x.units, z.units
    bias = numbers(b, n)
    for i in range(M):
        row = numbers(cell(z, 0, i), n)
        for j in range(n):
            row[j] = bias[j]
    for c in range(0, n, COLUMNS):
        add_products(x, W + c * SIZE, n, z, c, min(COLUMNS, n - c), M, K)
    if checks == 1:
        check_panel(z, 0, M, n, shared)
    run_all(after, n_after, now, 0, M, 0)


@inline
def add_products(x: Matrix, W: int, stride: int, z: Matrix, c: int, n: int, rows: int, K: int) -> None:
    """``z += x W`` for n columns of W and z, of z from column c."""
    k = 0
    while k + 4 <= K:
        here = W + k * stride * SIZE
        w0, w1 = numbers(here, n), numbers(here + stride * SIZE, n)
        w2, w3 = numbers(here + 2 * stride * SIZE, n), numbers(here + 3 * stride * SIZE, n)
        for i in range(rows):
            factors, row = numbers(cell(x, 0, i) + k * SIZE, 4), numbers(cell(z, 0, i) + c * SIZE, n)
            x0, x1, x2, x3 = factors[0], factors[1], factors[2], factors[3]
            for j in range(n):
                row[j] += x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
        k += 4
    while k < K:
        w0 = numbers(W + k * stride * SIZE, n)
        for i in range(rows):
            x0, row = numbers(cell(x, 0, i) + k * SIZE, 1)[0], numbers(cell(z, 0, i) + c * SIZE, n)
            for j in range(n):
                row[j] += x0 * w0[j]
        k += 1


@kernel
def dense_blocks(
    x: Matrix, moves: Integer, W: Integer, b: Integer, z: Matrix, checks: Integer, after: Integer, n_after: Integer,
    now: int, first: int, M: int, tiles: int, workspace: int, shared: int,
) -> None:  # fmt: skip
    """``z = x W + b`` for a block of rows.

    Tiles read W as it lies if its rows are short. Otherwise each panel of W is copied to the workspace, and so is
    a panel that is not full. If ``moves`` is 1, x holds all examples, of which the block begins at row ``first``.
    """
    n, w = z.units, z.width
    block = Matrix(x.address + moves * first * x.width * SIZE, x.rows, x.width, x.units)
    panel = workspace + PADDING * SIZE
    for p in range(n_panels(z)):
        m = min(w, n - p * w)
        here = W + p * w * SIZE
        following = here + w * SIZE if p + 1 < n_panels(z) else here
        if m == w and n * SIZE <= SHORT:
            start = b + p * w * SIZE
            tiles_of_panel(tiles, block, M, here, n * SIZE, w, cell(z, p, 0), start, following, n * SIZE)
        else:
            copy_columns(b + p * w * SIZE, 1, n, m, workspace, w)
            copy_columns(here, x.units, n, m, panel, w)
            tiles_of_panel(tiles, block, M, panel, w * SIZE, w, cell(z, p, 0), workspace, following, n * SIZE)
        if checks == 1:
            check_panel(z, p, M, m, shared)
        run_all(after, n_after, now, 0, M, p)


@inline
def tiles_of_panel(
    tiles: int, x: Matrix, rows: int, b: int, b_row: int, w: int, c: int, start: int, ahead: int, stride: int
) -> None:
    """``c = start + x b`` for w columns b, tile after tile; ``b_row`` bytes are from row to row of b.

    During the first tile, the columns at ``ahead`` in rows of ``stride`` bytes come into the cache.
    """
    most, K = word(tiles, MOST_ROWS), x.units
    n = (rows + most - 1) // most
    height = (rows + n - 1) // n
    jump = (x.rows - 1) * x.width * SIZE
    i, half, step = 0, w * SIZE // 2, stride
    while i < rows:
        h = min(height, rows - i)
        multiply_rows(
            word(tiles, 16 * w + h), K, cell(x, 0, i), x.width * SIZE, SIZE, x.width, jump, b, c + i * w * SIZE,
            w * SIZE, start, 0, ahead, ahead + half, ahead + 2 * half - 1, step, b_row,
        )  # fmt: skip
        i += h
        ahead, step = b, 0


@inline
def copy_columns(source: int, rows: int, stride: int, n: int, target: int, w: int) -> None:
    """Copy n columns of a matrix with ``stride`` columns into a panel of w columns; those that fill it up become 0."""
    for k in range(rows):
        of, to = numbers(source + k * stride * SIZE, n), numbers(target + k * w * SIZE, w)
        if n == WIDE and w == WIDE:
            for j in range(WIDE):
                to[j] = of[j]
        else:
            for j in range(n):
                to[j] = of[j]
            for j in range(n, w):
                to[j] = T(0)


@kernel
def copy_vector(source: Vector, target: Vector, shared: int) -> None:
    """``target = source``. Raise the flag WRONG if a number is NaN or infinite."""
    total = T(0)
    for i in range(source.size):
        target[i] = source[i]
        total += source[i] * T(0)
    if total != T(0):
        store(shared + 8 * WRONG, 1)


@kernel
def load_filters(W: Integer, target: Matrix, shared: int) -> None:
    """Bring W, which lies row by row, into panels. Raise the flag WRONG if a number is NaN or infinite."""
    n, w = target.units, target.width
    for p in range(n_panels(target)):
        copy_columns(W + p * w * SIZE, target.rows, n, min(w, n - p * w), cell(target, p, 0), w)
        check_panel(target, p, target.rows, w, shared)


@kernel
def leave_rows(a: Matrix, Y_hat: Integer, M: int, first: int) -> None:
    """Write a block of the output into rows of Y_hat."""
    for i in range(M):
        keep(a, i, Y_hat, first + i)
