"""BatchNorm, on all rows of a panel, and LayerNorm, on rows."""

from nnlite.checks import Array
from nnlite.engine.functions import sqrt
from nnlite.engine.kernels.products import cell, n_panels, share
from nnlite.engine.language import Block, Integer, Matrix, Number, T, Units, inline, kernel, numbers


@kernel
def batch_norm_forward(
    z: Block, gamma: Units, beta: Units, running_mean: Units, running_variance: Units, running_weight: Units,
    mu: Units, sigma: Units, z_hat: Block, momentum: Number, epsilon: Number, resolution: Number, width: int,
) -> None:  # fmt: skip
    """``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta`` with mean and variance of the batch.

    z - mu is stored before its mean is taken: so the compiler cannot undo the subtraction.
    """
    rows = z.size // width
    center(z, mu, sigma, z_hat, rows, width)
    for j in range(width):
        sigma[j] = T(0)
    for i in range(rows):
        hat = z_hat[i * width : i * width + width]
        for j in range(width):
            sigma[j] += hat[j] * hat[j]
    for j in range(width):
        variance = sigma[j] / T(rows)
        if rows > 1:
            unbiased = variance * (T(rows) / T(rows - 1))
            average(j, mu[j], unbiased, running_mean, running_variance, running_weight, momentum, resolution)
        sigma[j] = sqrt(variance + epsilon)
    for i in range(rows):
        row, hat = z[i * width : i * width + width], z_hat[i * width : i * width + width]
        for j in range(width):
            hat[j] = hat[j] / sigma[j]
            row[j] = gamma[j] * hat[j] + beta[j]


@inline
def center(z: Array, mu: Array, rounded: Array, centered: Array, rows: int, width: int) -> None:
    """``mu = mean z`` and ``centered = z - mu``, of columns; ``rounded`` is room for what mu lost by rounding."""
    for j in range(width):
        mu[j] = T(0)
        rounded[j] = T(0)
    for i in range(rows):
        row = z[i * width : i * width + width]
        for j in range(width):
            mu[j] += row[j]
    for j in range(width):
        mu[j] /= T(rows)
    for i in range(rows):
        row, difference = z[i * width : i * width + width], centered[i * width : i * width + width]
        for j in range(width):
            difference[j] = row[j] - mu[j]
    for i in range(rows):
        difference = centered[i * width : i * width + width]
        for j in range(width):
            rounded[j] += difference[j]
    for j in range(width):
        rounded[j] /= T(rows)
        mu[j] += rounded[j]
    for i in range(rows):
        difference = centered[i * width : i * width + width]
        for j in range(width):
            difference[j] -= rounded[j]


@inline
def average(
    j: int, mu: float, variance: float, running_mean: Array, running_variance: Array, running_weight: Array,
    momentum: float, resolution: float,
) -> None:  # fmt: skip
    """Move the running averages of unit j toward mean and variance of the batch."""
    rate = T(1)
    if running_weight[j] > T(0):
        rate = momentum / (running_weight[j] + momentum * (T(1) - running_weight[j]))
    running_weight[j] += momentum * (T(1) - running_weight[j])
    running_variance[j] += rate * (variance - running_variance[j])
    to_go = mu - running_mean[j]
    least = resolution * abs(running_mean[j])
    step = rate * to_go
    if abs(step) < least:
        step = min(max(to_go, -least), least)
    running_mean[j] += step


@kernel
def batch_norm_backward(
    da: Block, gamma: Units, dgamma: Units, dbeta: Units, sigma: Units, z_hat: Block, width: int
) -> None:
    """``dz = gamma / sigma (da - dbeta / M - z_hat dgamma / M)``."""
    rows = da.size // width
    for j in range(width):
        dgamma[j] = T(0)
        dbeta[j] = T(0)
    for i in range(rows):
        row, hat = da[i * width : i * width + width], z_hat[i * width : i * width + width]
        for j in range(width):
            dgamma[j] += row[j] * hat[j]
            dbeta[j] += row[j]
    for i in range(rows):
        row, hat = da[i * width : i * width + width], z_hat[i * width : i * width + width]
        for j in range(width):
            row[j] = gamma[j] / sigma[j] * (row[j] - dbeta[j] / T(rows) - hat[j] * (dgamma[j] / T(rows)))


@kernel
def frozen_norm_forward(
    z: Block, gamma: Units, beta: Units, running_mean: Units, running_variance: Units, epsilon: Number, width: int
) -> None:
    """``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta`` with the running averages."""
    for i in range(z.size // width):
        row = z[i * width : i * width + width]
        for j in range(width):
            row[j] = gamma[j] * ((row[j] - running_mean[j]) / sqrt(running_variance[j] + epsilon)) + beta[j]


@kernel
def frozen_norm_backward(da: Block, gamma: Units, running_variance: Units, epsilon: Number, width: int) -> None:
    """``dz = da gamma / sigma``: mu and sigma are constants."""
    for i in range(da.size // width):
        row = da[i * width : i * width + width]
        for j in range(width):
            row[j] = row[j] * (gamma[j] / sqrt(running_variance[j] + epsilon))


@kernel
def layer_norm_forward(
    z: Matrix, a: Matrix, gamma: Integer, beta: Integer, z_hat: Matrix, sigma: Integer, epsilon: Number,
    thread: int, n_threads: int, M: int,
) -> None:  # fmt: skip
    """``a = gamma (z - mu) / sqrt(sigma^2 + epsilon) + beta`` with mean and variance of each row.

    z - mu is stored before its mean is taken, as in `batch_norm_forward`.
    """
    begin, end = share(M, thread, n_threads)
    n, w = z.units, z.width
    scale, shift = numbers(gamma, n_panels(z) * w), numbers(beta, n_panels(z) * w)
    sigmas = numbers(sigma, z.rows)
    for i in range(begin, end):
        total = T(0)
        for p in range(n_panels(z)):
            row = numbers(cell(z, p, i), min(w, n - p * w))
            for j in range(row.size):
                total += row[j]
        mu = total / T(n)
        for p in range(n_panels(z)):
            m = min(w, n - p * w)
            row, hat = numbers(cell(z, p, i), m), numbers(cell(z_hat, p, i), m)
            for j in range(m):
                hat[j] = row[j] - mu
        total = T(0)
        for p in range(n_panels(z)):
            hat = numbers(cell(z_hat, p, i), min(w, n - p * w))
            for j in range(hat.size):
                total += hat[j]
        rounded = total / T(n)
        squares = T(0)
        for p in range(n_panels(z)):
            hat = numbers(cell(z_hat, p, i), min(w, n - p * w))
            for j in range(hat.size):
                squares += (hat[j] - rounded) * (hat[j] - rounded)
        s = sqrt(squares / T(n) + epsilon)
        sigmas[i] = s
        for p in range(n_panels(z)):
            m = min(w, n - p * w)
            out, hat = numbers(cell(a, p, i), m), numbers(cell(z_hat, p, i), m)
            for j in range(m):
                hat[j] = (hat[j] - rounded) / s
                out[j] = scale[p * w + j] * hat[j] + shift[p * w + j]


@kernel
def layer_norm_backward(
    da: Matrix, dz: Matrix, gamma: Integer, z_hat: Matrix, sigma: Integer, thread: int, n_threads: int, M: int
) -> None:
    """``dz = (dz_hat - mean dz_hat - z_hat mean(dz_hat z_hat)) / sigma`` with ``dz_hat = da gamma``."""
    begin, end = share(M, thread, n_threads)
    n, w = da.units, da.width
    scale, sigmas = numbers(gamma, n_panels(da) * w), numbers(sigma, da.rows)
    for i in range(begin, end):
        total, along = T(0), T(0)
        for p in range(n_panels(da)):
            m = min(w, n - p * w)
            row, hat = numbers(cell(da, p, i), m), numbers(cell(z_hat, p, i), m)
            for j in range(m):
                total += row[j] * scale[p * w + j]
                along += row[j] * scale[p * w + j] * hat[j]
        total, along = total / T(n), along / T(n)
        for p in range(n_panels(da)):
            m = min(w, n - p * w)
            row, out, hat = numbers(cell(da, p, i), m), numbers(cell(dz, p, i), m), numbers(cell(z_hat, p, i), m)
            for j in range(m):
                out[j] = (row[j] * scale[p * w + j] - total - hat[j] * along) / sigmas[i]


@kernel
def layer_norm_gradient(da: Block, z_hat: Block, dgamma: Units, dbeta: Units, width: int) -> None:
    """``dgamma = sum_i da z_hat``, ``dbeta = sum_i da``, on all rows of a panel."""
    for j in range(width):
        dgamma[j] = T(0)
        dbeta[j] = T(0)
    for i in range(da.size // width):
        row, hat = da[i * width : i * width + width], z_hat[i * width : i * width + width]
        for j in range(width):
            dgamma[j] += row[j] * hat[j]
            dbeta[j] += row[j]


@kernel
def sum_rows(dz: Block, db: Units, width: int) -> None:
    """``db = sum_i dz``, on all rows of a panel."""
    for j in range(width):
        db[j] = T(0)
    for i in range(dz.size // width):
        row = dz[i * width : i * width + width]
        for j in range(width):
            db[j] += row[j]
