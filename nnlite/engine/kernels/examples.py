"""The examples of a batch on their way into the network."""

from nnlite.engine.kernels.products import cell, n_panels, run_all, share
from nnlite.engine.language import WIDE, Block, Integer, Integers, Matrix, Others, T, fetch, inline, kernel, numbers

AHEAD = 2**14  # bytes of a batch that is small: it stays in the first cache beside all that a step needs


@inline
def convert(source: Others, target: Block, n: int) -> None:
    """``target = source``, n numbers of another type."""
    for j in range(n):
        target[j] = T(source[j])


@inline
def example(order: Integers, i: int) -> int:
    """The number of the i-th example: ``order`` is empty if they are not shuffled."""
    return order[i] if order.size > 0 else i


@inline
def fetch_row(X: Others, start: int, n: int) -> None:
    """Bring n numbers of X into the cache."""
    here = X.ctypes.data + start * X.itemsize
    for line in range(here, here + n * X.itemsize, 64):
        fetch(line)


@kernel
def gather(X: Others, order: Integers, x: Matrix, thread: int, n_threads: int, first: int, M: int) -> None:
    """``x[i] = X[order[first + i]]``, in panels; each thread takes some of the rows.

    The rows of a small batch lie anywhere in X. Those of the next batch come into the cache during this step.
    """
    n, w = x.units, x.width
    begin, end = share(M, thread, n_threads)
    small = M * n * X.itemsize <= AHEAD
    for i in range(begin, end):
        if small and first + M + i < order.size:
            fetch_row(X, order[first + M + i] * n, n)
        number = example(order, first + i)
        row = X[number * n : number * n + n]
        for p in range(n // w):
            to, of = numbers(cell(x, p, i), w), row[p * w : p * w + w]
            if w == WIDE:
                convert(of, to, WIDE)
            else:
                convert(of, to, w)
        if n % w != 0:
            p = n // w
            convert(row[p * w : n], numbers(cell(x, p, i), w), n % w)


@kernel
def blocks(
    x: Matrix, target: Matrix, by_rows: Integer, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``target = x``, unless they are the same, panel by panel; then the instructions that follow."""
    p0, p1, r0, r1 = 0, n_panels(x), 0, M
    if by_rows == 1:
        r0, r1 = share(M, thread, n_threads)
    else:
        p0, p1 = share(p1, thread, n_threads)
    for p in range(p0, p1):
        if x.address != target.address:
            n = (r1 - r0) * x.width
            of, to = numbers(cell(x, p, r0), n), numbers(cell(target, p, r0), n)
            for i in range(of.size):
                to[i] = of[i]
        run_all(after, n_after, now, r0, r1, p)


@kernel
def pieces(
    W: Matrix, rows: Integer, height: Integer, by_rows: Integer, after: Integer, n_after: Integer, last: Integer,
    n_last: Integer, now: int, thread: int, n_threads: int,
) -> None:  # fmt: skip
    """Carry out instructions on pieces of ``height`` rows of parameters, and those of ``last`` after each panel."""
    p0, p1, k0, k1 = 0, n_panels(W), 0, rows
    if by_rows == 1:
        k0, k1 = share(rows, thread, n_threads)
    else:
        p0, p1 = share(p1, thread, n_threads)
    for p in range(p0, p1):
        k = k0
        while k < k1:
            run_all(after, n_after, now, k, min(k + height, k1), p)
            k += height
        run_all(last, n_last, now, k0, k1, p)


@kernel
def on_units(after: Integer, n_after: Integer, now: int, panel: int) -> None:
    """Carry out instructions on numbers that belong to the units of a panel, such as biases."""
    run_all(after, n_after, now, 0, 1, panel)


@kernel
def in_first_thread(after: Integer, n_after: Integer, panels: Integer, M: int, now: int, thread: int) -> None:
    """Carry out instructions for each panel, all rows, in the first thread."""
    if thread == 0:
        for p in range(panels):
            run_all(after, n_after, now, 0, M, p)
