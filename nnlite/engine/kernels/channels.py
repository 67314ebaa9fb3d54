"""BatchNorm over the channels of images: mean and variance over all pixels of the batch.

A thread takes some examples. It sums up their numbers, the team meets, and each thread adds what all of them have found
in the same order. The sums over all examples are float64.

Rows of ``n`` channels are short loops. So a piece of several pixels is one row, and what belongs to channels (mu, the
factors) is written out for each of its pixels first: see `repeat`.
"""

from nnlite.checks import Array
from nnlite.engine.functions import sqrt
from nnlite.engine.kernels.convolutions import pixel
from nnlite.engine.kernels.normalization import average
from nnlite.engine.kernels.products import run_all, share
from nnlite.engine.language import SIZE, Image, Integer, Number, T, doubles, inline, kernel, numbers

PIECE = 512  # numbers of a piece, or those of one pixel if it has more


@inline
def piece_of(x: Image) -> int:
    """How many numbers a piece has: whole pixels."""
    return min(x.height * x.width, max(1, PIECE // x.channels)) * x.channels


@inline
def repeat(row: Array, channels: int) -> None:
    """Write the first ``channels`` numbers out again and again."""
    for j in range(channels, row.size):
        row[j] = row[j - channels]


@inline
def fold(row: Array, channels: int, c: int) -> float:
    """The sum of a piece over its pixels, for channel c."""
    total = 0.0
    for j in range(c, row.size, channels):
        total += float(row[j])
    return total


@inline
def clear(row: Array) -> None:
    """Set to 0."""
    for j in range(row.size):
        row[j] = T(0)


# ---- forward -----------------------------------------------------------------------------------------------------


@kernel
def channel_statistics(
    x: Image, found: Integer, apart: Integer, thread: int, n_threads: int, M: int, workspace: int
) -> None:
    """Count, mean and sum of squared distances from it, for each channel of the examples of this thread.

    The mean of an example comes first, then the distances from it, while it is in the cache; examples are put together
    as in T. F. Chan, G. H. Golub and R. J. LeVeque (1979).
    """
    C, n, pixels = x.channels, piece_of(x), x.height * x.width
    of = doubles(found + thread * apart, 1 + 2 * C)
    for k in range(1 + 2 * C):
        of[k] = 0.0
    sums, squares, mean = numbers(workspace, n), numbers(workspace + n * SIZE, n), numbers(workspace + 2 * n * SIZE, n)
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        image = numbers(pixel(x, m, 0, 0), pixels * C)
        clear(sums)
        add_up(image, sums)
        for c in range(C):
            mean[c] = T(fold(sums, C, c) / pixels)
        repeat(mean, C)
        clear(sums)
        clear(squares)
        add_distances(image, mean, sums, squares)
        for c in range(C):
            rounded, before = fold(sums, C, c), of[0]
            apart_from_mean = float(mean[c]) + rounded / pixels - of[1 + c]
            of[1 + c] += apart_from_mean * (pixels / (before + pixels))
            of[1 + C + c] += fold(squares, C, c) - rounded * rounded / pixels
            of[1 + C + c] += apart_from_mean * apart_from_mean * (before * pixels / (before + pixels))
        of[0] += pixels


@inline
def add_up(image: Array, sums: Array) -> None:
    """Add the pieces of an image."""
    n = sums.size
    for start in range(0, image.size, n):
        piece = image[start : min(start + n, image.size)]
        for j in range(piece.size):
            sums[j] += piece[j]


@inline
def add_distances(image: Array, mean: Array, sums: Array, squares: Array) -> None:
    """Add the distances from the mean, and their squares."""
    n = sums.size
    for start in range(0, image.size, n):
        piece = image[start : min(start + n, image.size)]
        for j in range(piece.size):
            distance = piece[j] - mean[j]
            sums[j] += distance
            squares[j] += distance * distance


@inline
def of_all_threads(found: int, apart: int, n_threads: int, C: int, c: int) -> tuple[float, float, float]:
    """Count, mean and variance of channel c in the whole batch."""
    count, mean, squares = 0.0, 0.0, 0.0
    for thread in range(n_threads):
        of = doubles(found + thread * apart, 1 + 2 * C)
        if of[0] > 0.0:
            distance, before = of[1 + c] - mean, count
            count += of[0]
            mean += distance * (of[0] / count)
            squares += of[1 + C + c] + distance * distance * (before * of[0] / count)
    return count, mean, squares / count


@kernel
def channel_norm_forward(
    x: Image, a: Image, found: Integer, apart: Integer, gamma: Integer, beta: Integer, mu: Integer,
    running_mean: Integer, running_variance: Integer, running_weight: Integer, momentum: Number, epsilon: Number,
    resolution: Number, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int, workspace: int,
) -> None:  # fmt: skip
    """``a = gamma (x - mu) / sqrt(sigma^2 + epsilon) + beta`` with mean and variance of each channel of the batch.

    Each thread keeps for the backward pass, at ``mu``: mu, what it lost by rounding, and 1 / sigma.
    """
    C, n = x.channels, piece_of(x)
    kept = numbers(mu + thread * 3 * C * SIZE, 3 * C)
    scale, shift = numbers(gamma, C), numbers(beta, C)
    center, factor, add = numbers(workspace, n), numbers(workspace + n * SIZE, n), numbers(workspace + 2 * n * SIZE, n)
    for c in range(C):
        count, mean, variance = of_all_threads(found, apart, n_threads, C, c)
        kept[c] = T(mean)
        kept[C + c] = T(mean - float(kept[c]))
        kept[2 * C + c] = T(1.0 / (variance + float(epsilon)) ** 0.5)
        center[c] = kept[c]
        factor[c] = scale[c] * kept[2 * C + c]
        add[c] = shift[c] - kept[C + c] * factor[c]
        if thread == 0 and count > 1.0:
            average(
                c, T(mean), T(variance * (count / (count - 1.0))), numbers(running_mean, C),
                numbers(running_variance, C), numbers(running_weight, C), momentum, resolution,
            )  # fmt: skip
    repeat(center, C)
    repeat(factor, C)
    repeat(add, C)
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        normalize(pixel(x, m, 0, 0), pixel(a, m, 0, 0), x.height * x.width * C, center, factor, add)
        run_all(after, n_after, now, m * a.height, (m + 1) * a.height, 0)


@inline
def normalize(source: int, target: int, size: int, center: Array, factor: Array, add: Array) -> None:
    """``target = (source - center) factor + add``, piece by piece."""
    n = center.size
    for start in range(0, size, n):
        length = min(n, size - start)
        of, to = numbers(source + start * SIZE, length), numbers(target + start * SIZE, length)
        for j in range(length):
            to[j] = (of[j] - center[j]) * factor[j] + add[j]


@kernel
def frozen_channels_forward(
    x: Image, a: Image, gamma: Integer, beta: Integer, running_mean: Integer, running_variance: Integer,
    epsilon: Number, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int, workspace: int,
) -> None:  # fmt: skip
    """``a = gamma (x - mu) / sqrt(sigma^2 + epsilon) + beta`` with the running averages of each channel."""
    C, n = x.channels, piece_of(x)
    scale, shift, mu, variance = (
        numbers(gamma, C),
        numbers(beta, C),
        numbers(running_mean, C),
        numbers(running_variance, C),
    )
    center, factor, add = numbers(workspace, n), numbers(workspace + n * SIZE, n), numbers(workspace + 2 * n * SIZE, n)
    for c in range(C):
        center[c] = mu[c]
        factor[c] = scale[c] / sqrt(variance[c] + epsilon)
        add[c] = shift[c]
    repeat(center, C)
    repeat(factor, C)
    repeat(add, C)
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        normalize(pixel(x, m, 0, 0), pixel(a, m, 0, 0), x.height * x.width * C, center, factor, add)
        run_all(after, n_after, now, m * a.height, (m + 1) * a.height, 0)


# ---- backward ----------------------------------------------------------------------------------------------------


@kernel
def channel_sums(
    x: Image, da: Image, found: Integer, apart: Integer, mu: Integer, dgamma: Integer, dbeta: Integer,
    of_parts: Integer, thread: int, n_threads: int, M: int, workspace: int,
) -> None:  # fmt: skip
    """``dbeta = sum da`` and ``dgamma = sum da x_hat`` for each channel of the examples of this thread.

    They are left twice: as float64 for `channel_norm_backward`, and in the memory from which `add_parts` takes them.
    """
    C, n = x.channels, piece_of(x)
    kept = numbers(mu + thread * 3 * C * SIZE, 3 * C)
    of = doubles(found + thread * apart, 2 * C)
    for k in range(2 * C):
        of[k] = 0.0
    sums, products, mean = numbers(workspace, n), numbers(workspace + n * SIZE, n), numbers(workspace + 2 * n * SIZE, n)
    for c in range(C):
        mean[c] = kept[c]
    repeat(mean, C)
    begin, end = share(M, thread, n_threads)
    size = x.height * x.width * C
    for m in range(begin, end):
        clear(sums)
        clear(products)
        add_products(numbers(pixel(x, m, 0, 0), size), numbers(pixel(da, m, 0, 0), size), mean, sums, products)
        for c in range(C):
            total = fold(sums, C, c)
            of[c] += total
            of[C + c] += (fold(products, C, c) - float(kept[C + c]) * total) * float(kept[2 * C + c])
    to_beta, to_gamma = numbers(dbeta + thread * of_parts, C), numbers(dgamma + thread * of_parts, C)
    for c in range(C):
        to_beta[c] = T(of[c])
        to_gamma[c] = T(of[C + c])


@inline
def add_products(image: Array, gradient: Array, mean: Array, sums: Array, products: Array) -> None:
    """Add da, and da times the distance from the mean."""
    n = sums.size
    for start in range(0, image.size, n):
        piece, of_da = image[start : min(start + n, image.size)], gradient[start : min(start + n, image.size)]
        for j in range(piece.size):
            sums[j] += of_da[j]
            products[j] += of_da[j] * (piece[j] - mean[j])


@kernel
def channel_norm_backward(
    x: Image, da: Image, dx: Image, found: Integer, apart: Integer, gamma: Integer, mu: Integer, after: Integer,
    n_after: Integer, now: int, thread: int, n_threads: int, M: int, workspace: int,
) -> None:  # fmt: skip
    """``dx = gamma / sigma (da - dbeta / n - x_hat dgamma / n)``, where n counts the pixels of the batch."""
    C, n, size = x.channels, piece_of(x), x.height * x.width * x.channels
    kept, scale = numbers(mu + thread * 3 * C * SIZE, 3 * C), numbers(gamma, C)
    center, of_da = numbers(workspace, n), numbers(workspace + n * SIZE, n)
    of_x, mean = numbers(workspace + 2 * n * SIZE, n), numbers(workspace + 3 * n * SIZE, n)
    count = float(M) * x.height * x.width
    for c in range(C):
        dbeta, dgamma = 0.0, 0.0
        for other in range(n_threads):
            sums = doubles(found + other * apart, 2 * C)
            dbeta += sums[c]
            dgamma += sums[C + c]
        inverse = float(kept[2 * C + c])
        factor = float(scale[c]) * inverse
        center[c] = kept[c]
        of_da[c] = T(factor)
        of_x[c] = T(-factor * inverse * dgamma / count)
        mean[c] = T((dbeta - float(kept[C + c]) * inverse * dgamma) / count)
    repeat(center, C)
    repeat(of_da, C)
    repeat(of_x, C)
    repeat(mean, C)
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        for start in range(0, size, n):
            length = min(n, size - start)
            image, to = (
                numbers(pixel(x, m, 0, 0) + start * SIZE, length),
                numbers(pixel(dx, m, 0, 0) + start * SIZE, length),
            )
            combine(image, numbers(pixel(da, m, 0, 0) + start * SIZE, length), to, center, of_da, of_x, mean)
        run_all(after, n_after, now, m * dx.height, (m + 1) * dx.height, 0)


@inline
def combine(image: Array, da: Array, to: Array, center: Array, of_da: Array, of_x: Array, mean: Array) -> None:
    """``dx = (da - mean) of_da + (x - center) of_x``."""
    for j in range(to.size):
        to[j] = (da[j] - mean[j]) * of_da[j] + (image[j] - center[j]) * of_x[j]


@kernel
def frozen_channels_backward(
    da: Image, dx: Image, gamma: Integer, running_variance: Integer, epsilon: Number, after: Integer, n_after: Integer,
    now: int, thread: int, n_threads: int, M: int, workspace: int,
) -> None:  # fmt: skip
    """``dx = da gamma / sigma``: mu and sigma are constants."""
    C, n = da.channels, piece_of(da)
    scale, variance = numbers(gamma, C), numbers(running_variance, C)
    center, factor, add = numbers(workspace, n), numbers(workspace + n * SIZE, n), numbers(workspace + 2 * n * SIZE, n)
    for c in range(C):
        center[c] = T(0)
        factor[c] = scale[c] / sqrt(variance[c] + epsilon)
        add[c] = T(0)
    repeat(center, C)
    repeat(factor, C)
    repeat(add, C)
    begin, end = share(M, thread, n_threads)
    for m in range(begin, end):
        normalize(pixel(da, m, 0, 0), pixel(dx, m, 0, 0), da.height * da.width * C, center, factor, add)
        run_all(after, n_after, now, m * dx.height, (m + 1) * dx.height, 0)
