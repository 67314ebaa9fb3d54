"""Output layers: Y_hat, the cost, and ``dz = Y_hat - Y``, where the backward pass starts.

Each thread takes some rows of the batch and leaves its part of the cost and of the number of correct predictions in
``results``. J is the mean over the batch: its 1/M, or ``w_i / sum w``, is applied to dz here.
"""

import math

from nnlite.engine.functions import exp, log1p, sigmoid
from nnlite.engine.kernels.examples import example
from nnlite.engine.kernels.products import cell, n_panels, share
from nnlite.engine.language import (
    LANES,
    SIZE,
    TRANSPOSE,
    WRONG,
    Integer,
    Integers,
    Matrix,
    Number,
    T,
    Vector,
    doubles,
    inline,
    kernel,
    numbers,
    store,
    transpose,
    word,
)

FEW_CLASSES = 32  # most classes that are turned: they fit the first part of the workspace


@inline
def sum_of_weights(weights: Integer, order: Integers, first: int, M: int) -> float:
    """``sum w`` of the batch; M without weights; 1 if all of them are 0."""
    if weights == 0:
        return float(M)
    total = 0.0
    for i in range(M):
        total += doubles(weights + 8 * example(order, first + i), 1)[0]
    return total if total != 0.0 else 1.0


@inline
def weight(weights: Integer, number: int) -> float:
    """The weight of an example; 1 without weights."""
    return doubles(weights + 8 * number, 1)[0] if weights != 0 else 1.0


@inline
def report(results: int, step: int, thread: int, n_threads: int, shared: int, cost: float, correct: float) -> None:
    """Leave the cost and the number of correct predictions; raise the flag WRONG if the cost is not finite."""
    place = doubles(results + 16 * (step * n_threads + thread), 2)
    place[0] = cost
    place[1] = correct
    if cost - cost != 0.0:
        store(shared + 8 * (WRONG + step % 2), 1)


@inline
def keep(a: Matrix, i: int, Y_hat: Integer, row: int) -> None:
    """Write row i of a panel matrix into a row of Y_hat, if somebody wants it (its address is not 0)."""
    if Y_hat != 0:
        for p in range(n_panels(a)):
            n = min(a.width, a.units - p * a.width)
            of, to = numbers(cell(a, p, i), n), numbers(Y_hat + (row * a.units + p * a.width) * SIZE, n)
            for j in range(n):
                to[j] = of[j]


@inline
def keep_multiple(a: Matrix, i: int, factor: float, Y_hat: int, row: int) -> None:
    """Write ``factor a_i`` into a row of Y_hat."""
    out = numbers(Y_hat + row * a.units * SIZE, a.units)
    for p in range(n_panels(a)):
        k = p * a.width
        of = numbers(cell(a, p, i), min(a.width, a.units - k))
        for j in range(of.size):
            out[k + j] = of[j] * factor


@inline
def keep_columns(t: Vector, n: int, sums: Vector, Y_hat: int) -> None:
    """Write ``t / sums`` of n classes, for several examples, into rows of Y_hat."""
    lanes = sums.size
    for l in range(lanes):
        out, factor = numbers(Y_hat + l * n * SIZE, n), T(1) / sums[l]
        for j in range(n):
            out[j] = t[j * lanes + l] * factor


@inline
def softmax_rows(z: Matrix, a: Matrix, begin: int, end: int, sums: Vector) -> None:
    """``a = e^{z - max z}`` for rows begin..end; their sums, and in the second half of ``sums`` ``max z``."""
    n, w, half = z.units, z.width, sums.size // 2
    for i in range(begin, end):
        top = numbers(cell(z, 0, i), 1)[0]
        for p in range(n_panels(z)):
            row = numbers(cell(z, p, i), min(w, n - p * w))
            for j in range(row.size):
                top = max(top, row[j])
        sums[half + i] = top
        for p in range(n_panels(z)):
            row, to = numbers(cell(z, p, i), w), numbers(cell(a, p, i), w)
            for j in range(w):
                to[j] = row[j] - top
    for p in range(n_panels(z)):
        to = numbers(cell(a, p, begin), (end - begin) * w)
        for i in range(to.size):
            to[i] = exp(to[i])
    for i in range(begin, end):
        total = T(0)
        for p in range(n_panels(z)):
            row = numbers(cell(a, p, i), min(w, n - p * w))
            for j in range(row.size):
                total += row[j]
        sums[i] = total


@inline
def scale_row(a: Matrix, i: int, factor: float) -> None:
    """``a_i = factor a_i``; the columns that fill up the last panel become 0."""
    n, w = a.units, a.width
    for p in range(n_panels(a)):
        row = numbers(cell(a, p, i), w)
        m = min(w, n - p * w)
        for j in range(m):
            row[j] *= factor
        for j in range(m, w):
            row[j] = T(0)


@inline
def is_first(z: Matrix, i: int, label: int, top: float) -> bool:
    """Whether no class before the label has the largest z too: the first one is predicted."""
    for p in range(label // z.width + 1):
        row = numbers(cell(z, p, i), min(z.width, label - p * z.width))
        for j in range(row.size):
            if row[j] == top:
                return False
    return True


@inline
def mean_above(z: Matrix, i: int, top: float) -> float:
    """``1/C sum_j (z_j - max z)``."""
    total = 0.0
    for p in range(n_panels(z)):
        row = numbers(cell(z, p, i), min(z.width, z.units - p * z.width))
        for j in range(row.size):
            total += float(row[j] - top)
    return T(total / z.units)


@inline
def subtract_from_row(a: Matrix, i: int, number: float) -> None:
    """``a_i = a_i - number``."""
    for p in range(n_panels(a)):
        row = numbers(cell(a, p, i), min(a.width, a.units - p * a.width))
        for j in range(row.size):
            row[j] -= number


@inline
def exponentials(t: Vector, n: int, top: Vector, best: Vector, sums: Vector) -> None:
    """``t = e^{t - max t}`` over n classes, for several examples at once; the largest t, its class, and the sums."""
    lanes = top.size
    for l in range(lanes):
        top[l] = t[l]
        best[l] = T(0)
        sums[l] = T(0)
    for j in range(1, n):
        of_class = t[j * lanes : (j + 1) * lanes]
        for l in range(lanes):
            larger = of_class[l] > top[l]
            top[l] = of_class[l] if larger else top[l]
            best[l] = T(j) if larger else best[l]
    for j in range(n):
        of_class = t[j * lanes : (j + 1) * lanes]
        for l in range(lanes):
            of_class[l] -= top[l]
    for k in range(n * lanes):
        t[k] = exp(t[k])
    for j in range(n):
        of_class = t[j * lanes : (j + 1) * lanes]
        for l in range(lanes):
            sums[l] += of_class[l]


@inline
def softmax_columns(
    z: Matrix, dz: Matrix, i: int, y: Integers, weights: Integer, order: Integers, first: int, total: float,
    Y_hat: int, tiles: int, workspace: int,
) -> tuple[float, float]:  # fmt: skip
    """The same as `softmax_labels` for as many examples as a register has numbers, from row i.

    They are turned, so that a register holds a class of all of them. Returned are their cost and how many are correct.
    """
    lanes, n, w = word(tiles, LANES), z.units, z.width
    padded, size = (n + lanes - 1) // lanes * lanes, lanes * SIZE
    t, after = numbers(workspace, padded * lanes), workspace + padded * size
    top, best = numbers(after, lanes), numbers(after + size, lanes)
    sums, of_label = numbers(after + 2 * size, lanes), numbers(after + 3 * size, lanes)
    for c in range(0, padded, lanes):
        transpose(word(tiles, TRANSPOSE), cell(z, c // w, i) + c % w * SIZE, w * SIZE, workspace + c * size, size)
    for l in range(lanes):
        of_label[l] = t[y[example(order, first + i + l)] * lanes + l]
    exponentials(t, n, top, best, sums)
    if Y_hat != 0:
        keep_columns(t, n, sums, Y_hat + (first + i) * n * SIZE)
    cost, correct = 0.0, 0.0
    for l in range(lanes):
        number = example(order, first + i + l)
        w_i = weight(weights, number)
        correct += best[l] == T(y[number])
        cost += w_i * float(T(math.log(sums[l])) - (of_label[l] - top[l]))
        of_label[l] = T(w_i / total)
        sums[l] = of_label[l] / sums[l]
    for j in range(n):
        of_class = t[j * lanes : (j + 1) * lanes]
        for l in range(lanes):
            of_class[l] *= sums[l]
    for l in range(lanes):
        t[y[example(order, first + i + l)] * lanes + l] -= of_label[l]
    for k in range(n * lanes, t.size):
        t[k] = T(0)
    for c in range(0, padded, lanes):
        transpose(word(tiles, TRANSPOSE), workspace + c * size, size, cell(dz, c // w, i) + c % w * SIZE, w * SIZE)
    return cost, correct


@kernel
def softmax_labels(
    z: Matrix, dz: Matrix, sums: Vector, y: Integers, weights: Integer, order: Integers, smoothing: Number,
    Y_hat: Integer, results: Integer, step: int, first: int, M: int, thread: int, n_threads: int, shared: int,
    tiles: int, workspace: int,
) -> None:  # fmt: skip
    """``a = e^z / sum``, ``L = log sum - sum_j y_j z_j``, ``dz = a - y``, for class indices y."""
    w = z.width
    begin, end = share(M, thread, n_threads)
    total = sum_of_weights(weights, order, first, M)
    cost, correct = 0.0, 0.0
    lanes = word(tiles, LANES)
    turned = z.units <= FEW_CLASSES and w % lanes == 0 and smoothing == T(0)
    while turned and begin + lanes <= end:
        of_columns = softmax_columns(z, dz, begin, y, weights, order, first, total, Y_hat, tiles, workspace)
        cost += of_columns[0]
        correct += of_columns[1]
        begin += lanes
    softmax_rows(z, dz, begin, end, sums)
    for i in range(begin, end):
        number = example(order, first + i)
        label, top = y[number], sums[sums.size // 2 + i]
        of_label = numbers(cell(z, label // w, i), w)[label % w] - top
        correct += of_label == T(0) and is_first(z, i, label, top)
        w_i = weight(weights, number)
        loss = T(math.log(sums[i])) - (T(1) - smoothing) * of_label
        if smoothing != T(0):
            loss -= smoothing * mean_above(z, i, top)
        cost += w_i * float(loss)
        if Y_hat != 0:
            keep_multiple(dz, i, T(1) / sums[i], Y_hat, first + i)
        factor = T(w_i / total)
        scale_row(dz, i, factor / sums[i])
        if smoothing != T(0):
            subtract_from_row(dz, i, factor * smoothing / T(z.units))
        numbers(cell(dz, label // w, i), w)[label % w] -= factor * (T(1) - smoothing)
    report(results, step, thread, n_threads, shared, cost, correct)


@kernel
def softmax_targets(
    z: Matrix, dz: Matrix, sums: Vector, Y: Vector, weights: Integer, order: Integers,
    Y_hat: Integer, results: Integer, step: int, first: int, M: int, thread: int, n_threads: int, shared: int,
) -> None:  # fmt: skip
    """``a = e^z / sum``, ``L = log sum - sum_j y_j z_j``, ``dz = a - y``, for rows of probabilities y."""
    n, w = z.units, z.width
    begin, end = share(M, thread, n_threads)
    total = sum_of_weights(weights, order, first, M)
    softmax_rows(z, dz, begin, end, sums)
    cost, correct = 0.0, 0.0
    for i in range(begin, end):
        number = example(order, first + i)
        y = Y[number * n : number * n + n]
        top = sums[sums.size // 2 + i]
        at, y_at = 0, 0
        largest, dot = T(-1), 0.0
        for p in range(n_panels(z)):
            row, z_row = numbers(cell(dz, p, i), min(w, n - p * w)), numbers(cell(z, p, i), w)
            for j in range(row.size):
                if row[j] > largest:
                    largest = row[j]
                    at = p * w + j
                if y[p * w + j] > y[y_at]:
                    y_at = p * w + j
                if y[p * w + j] != T(0):
                    dot += float(y[p * w + j]) * float(z_row[j] - top)
        correct += at == y_at
        w_i = weight(weights, number)
        cost += w_i * (math.log(float(sums[i])) - dot)
        scale_row(dz, i, T(1) / sums[i])
        keep(dz, i, Y_hat, first + i)
        factor = T(w_i / total)
        for p in range(n_panels(z)):
            row = numbers(cell(dz, p, i), min(w, n - p * w))
            for j in range(row.size):
                row[j] = factor * (row[j] - y[p * w + j])
    report(results, step, thread, n_threads, shared, cost, correct)


@kernel
def sigmoid_targets(
    z: Matrix, dz: Matrix, Y: Vector, weights: Integer, order: Integers, Y_hat: Integer, results: Integer,
    step: int, first: int, M: int, thread: int, n_threads: int, shared: int,
) -> None:  # fmt: skip
    """``a = 1 / (1 + e^{-z})``, ``L = sum_j (max(0, z) - y z + log(1 + e^{-|z|}))``, ``dz = a - y``."""
    n, w = z.units, z.width
    begin, end = share(M, thread, n_threads)
    total = sum_of_weights(weights, order, first, M)
    cost, correct = 0.0, 0.0
    for i in range(begin, end):
        number = example(order, first + i)
        loss, right = T(0), 0.0
        for p in range(n_panels(z)):
            m = min(w, n - p * w)
            row, out = numbers(cell(z, p, i), m), numbers(cell(dz, p, i), m)
            y = Y[number * n + p * w : number * n + p * w + m]
            for j in range(m):
                loss += max(row[j], T(0)) - y[j] * row[j] + log1p(exp(-abs(row[j])))
                out[j] = sigmoid(row[j])
                right += (out[j] > T(0.5)) == (y[j] > T(0.5))
        keep(dz, i, Y_hat, first + i)
        w_i = weight(weights, number)
        cost += w_i * float(loss)
        correct += right / n
        subtract_targets(dz, i, Y, number, T(w_i / total))
    report(results, step, thread, n_threads, shared, cost, correct)


@inline
def subtract_targets(dz: Matrix, i: int, Y: Vector, number: int, factor: float) -> None:
    """``dz = factor (a - y)`` for row i."""
    n, w = dz.units, dz.width
    for p in range(n_panels(dz)):
        m = min(w, n - p * w)
        out, y = numbers(cell(dz, p, i), m), Y[number * n + p * w : number * n + p * w + m]
        for j in range(m):
            out[j] = factor * (out[j] - y[j])


@kernel
def identity_targets(
    z: Matrix, dz: Matrix, Y: Vector, weights: Integer, order: Integers, Y_hat: Integer, results: Integer,
    step: int, first: int, M: int, thread: int, n_threads: int, shared: int,
) -> None:  # fmt: skip
    """``a = z``, ``L = 1/2 sum_j (a - y)^2``, ``dz = a - y``."""
    n, w = z.units, z.width
    begin, end = share(M, thread, n_threads)
    total = sum_of_weights(weights, order, first, M)
    cost = 0.0
    for i in range(begin, end):
        number = example(order, first + i)
        loss = T(0)
        for p in range(n_panels(z)):
            m = min(w, n - p * w)
            row, out = numbers(cell(z, p, i), m), numbers(cell(dz, p, i), m)
            y = Y[number * n + p * w : number * n + p * w + m]
            for j in range(m):
                out[j] = row[j]
                loss += T(0.5) * (row[j] - y[j]) * (row[j] - y[j])
        keep(dz, i, Y_hat, first + i)
        w_i = weight(weights, number)
        cost += w_i * float(loss)
        subtract_targets(dz, i, Y, number, T(w_i / total))
    report(results, step, thread, n_threads, shared, cost, 0.0)


@kernel
def exponential_targets(
    z: Matrix, dz: Matrix, Y: Vector, weights: Integer, order: Integers, Y_hat: Integer, results: Integer,
    step: int, first: int, M: int, thread: int, n_threads: int, shared: int,
) -> None:  # fmt: skip
    """``a = e^z``, ``L = sum_j (y (log y - z) - y + a)``, ``dz = a - y``."""
    n, w = z.units, z.width
    begin, end = share(M, thread, n_threads)
    total = sum_of_weights(weights, order, first, M)
    cost = 0.0
    for i in range(begin, end):
        number = example(order, first + i)
        loss = T(0)
        for p in range(n_panels(z)):
            m = min(w, n - p * w)
            row, out = numbers(cell(z, p, i), m), numbers(cell(dz, p, i), m)
            y = Y[number * n + p * w : number * n + p * w + m]
            for j in range(m):
                out[j] = exp(row[j])
                log_y = T(math.log(float(y[j]))) if y[j] > T(0) else T(0)
                loss += y[j] * (log_y - row[j] - T(1)) + out[j]
        keep(dz, i, Y_hat, first + i)
        w_i = weight(weights, number)
        cost += w_i * float(loss)
        subtract_targets(dz, i, Y, number, T(w_i / total))
    report(results, step, thread, n_threads, shared, cost, 0.0)


@kernel
def softmax_forward(z: Matrix, a: Matrix, sums: Vector, M: int, thread: int, n_threads: int) -> None:
    """``a = e^{z - max z} / sum``, in the middle of a network."""
    begin, end = share(M, thread, n_threads)
    softmax_rows(z, a, begin, end, sums)
    for i in range(begin, end):
        scale_row(a, i, T(1) / sums[i])


@inline
def address_of(x: Matrix, i: int, j: int) -> int:
    """The address of the number in row i and column j."""
    return cell(x, j // x.width, i) + j % x.width * SIZE


@kernel
def softmax_groups_forward(z: Matrix, a: Matrix, group: Integer, M: int, thread: int, n_threads: int) -> None:
    """`softmax_forward` on each ``group`` of neighboring numbers, for the last axis of images."""
    begin, end = share(M, thread, n_threads)
    for i in range(begin, end):
        for start in range(0, z.units, group):
            top = numbers(address_of(z, i, start), 1)[0]
            for j in range(start, start + group):
                top = max(top, numbers(address_of(z, i, j), 1)[0])
            total = T(0)
            for j in range(start, start + group):
                e = exp(numbers(address_of(z, i, j), 1)[0] - top)
                numbers(address_of(a, i, j), 1)[0] = e
                total += e
            for j in range(start, start + group):
                numbers(address_of(a, i, j), 1)[0] /= total


@kernel
def softmax_groups_backward(
    da: Matrix, a: Matrix, dz: Matrix, group: Integer, M: int, thread: int, n_threads: int
) -> None:
    """`softmax_backward` on each ``group`` of neighboring numbers."""
    begin, end = share(M, thread, n_threads)
    for i in range(begin, end):
        for start in range(0, a.units, group):
            dot = T(0)
            for j in range(start, start + group):
                dot += numbers(address_of(da, i, j), 1)[0] * numbers(address_of(a, i, j), 1)[0]
            for j in range(start, start + group):
                of_da = numbers(address_of(da, i, j), 1)[0]
                numbers(address_of(dz, i, j), 1)[0] = numbers(address_of(a, i, j), 1)[0] * (of_da - dot)


@kernel
def softmax_backward(da: Matrix, a: Matrix, dz: Matrix, M: int, thread: int, n_threads: int) -> None:
    """``dz_j = a_j (da_j - sum_k da_k a_k)``, in the middle of a network."""
    n, w = a.units, a.width
    begin, end = share(M, thread, n_threads)
    for i in range(begin, end):
        dot = T(0)
        for p in range(n_panels(a)):
            m = min(w, n - p * w)
            of_a, of_da = numbers(cell(a, p, i), m), numbers(cell(da, p, i), m)
            for j in range(m):
                dot += of_a[j] * of_da[j]
        for p in range(n_panels(a)):
            m = min(w, n - p * w)
            of_a, of_da, out = numbers(cell(a, p, i), m), numbers(cell(da, p, i), m), numbers(cell(dz, p, i), m)
            for j in range(m):
                out[j] = of_a[j] * (of_da[j] - dot)
