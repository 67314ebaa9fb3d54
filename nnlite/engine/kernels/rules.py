"""The rules of the optimizers, on a piece of theta whose gradient has just been made.

What changes from step to step, such as the learning rate, is in ``of_step``: `nnlite.engine.optimizing` computes it.
"""

import math

from nnlite.engine.functions import sqrt
from nnlite.engine.language import (
    SIZE,
    WRONG,
    Block,
    Integer,
    Number,
    PerStep,
    T,
    Units,
    doubles,
    kernel,
    numbers,
    store,
)

LARGE, SMALLER = 1e200, 2.0**-520  # sums of squares above LARGE are made of numbers times SMALLER


@kernel
def check_finite(g: Block, shared: int, step: int) -> None:
    """Raise the flag WRONG if a number of the gradient is NaN or infinite: ``0 g`` is not 0 then."""
    total = T(0)
    for i in range(g.size):
        total += g[i] * T(0)
    if total != T(0):
        store(shared + 8 * (WRONG + step % 2), 1)


@kernel
def adjust_gradient(g: Block, theta: Block, of_step: PerStep, clip_value: Number, l1: Number, decayed: Number) -> None:
    """``g`` clipped to [-clip_value, clip_value], ``+ l1 sign(theta) + lambda theta``. ``decayed`` is 1 or 0."""
    decay = decayed * of_step[of_step.size - 1]
    for i in range(g.size):
        sign = T(1) if theta[i] > T(0) else T(-1) if theta[i] < T(0) else T(0)
        g[i] = min(max(g[i], -clip_value), clip_value) + l1 * sign + decay * theta[i]


@kernel
def scale_gradient(g: Block, norms: Integer, limit: Number, n_threads: int) -> None:
    """``g = g min(1, limit / |grad|)``, with the norm of the whole gradient."""
    of_thread = doubles(norms, 8 * n_threads)
    squares, smaller = 0.0, 0.0
    for t in range(n_threads):
        squares += of_thread[8 * t]
        smaller += of_thread[8 * t + 1]
    norm = T(math.sqrt(squares))
    if smaller != 0.0:
        norm = T(math.sqrt(squares * SMALLER * SMALLER + smaller) / SMALLER)
    factor = limit / norm if norm > limit else T(1)
    for i in range(g.size):
        g[i] = g[i] * factor


@kernel
def add_squares(g: Block, norms: Integer, thread: int) -> None:
    """Add ``sum g^2`` to the part of this thread of the squared norm of the gradient.

    Squares that overflow are added to a second sum, in which all of them are smaller.
    """
    total = T(0)
    for i in range(g.size):
        total += g[i] * g[i]
    of_thread = doubles(norms + 64 * thread, 2)
    if float(total) < LARGE:
        of_thread[0] += float(total)
    else:
        for i in range(g.size):
            of_thread[1] += (float(g[i]) * SMALLER) * (float(g[i]) * SMALLER)


@kernel
def clear_squares(norms: Integer, thread: int) -> None:
    """Begin new sums."""
    of_thread = doubles(norms + 64 * thread, 2)
    of_thread[0] = 0.0
    of_thread[1] = 0.0


@kernel
def store_gradient(g: Block, grad: Integer, units: Integer, r0: int, panel: int, width: int) -> None:
    """Write the gradient into ``model.grad``: rows r0..r1, some of ``units`` columns."""
    n = min(width, units - panel * width)
    for i in range(g.size // width):
        row = numbers(grad + ((r0 + i) * units + panel * width) * SIZE, n)
        for j in range(n):
            row[j] = g[i * width + j]


@kernel
def decay(theta: Block, of_step: PerStep) -> None:
    """``theta = theta - learning_rate lambda theta`` (decoupled weight decay)."""
    factor = T(1) - of_step[0] * of_step[of_step.size - 1]
    for i in range(theta.size):
        theta[i] *= factor


@kernel
def add_weights(theta: Block, squares: Integer, step: int, thread: int, n_threads: int) -> None:
    """Add ``sum theta^2`` to the part of this thread of ``|W|^2`` before the step."""
    total = T(0)
    for i in range(theta.size):
        total += theta[i] * theta[i]
    doubles(squares + 8 * (step * n_threads + thread), 1)[0] += float(total)


@kernel
def max_norm(theta: Block, norms: Units, limit: Number, width: int) -> None:
    """``w_j = w_j min(1, max_norm / |w_j|)`` for each column, on all rows of a panel."""
    for j in range(width):
        norms[j] = T(0)
    for i in range(theta.size // width):
        row = theta[i * width : i * width + width]
        for j in range(width):
            norms[j] += row[j] * row[j]
    for j in range(width):
        norms[j] = min(T(1), limit / max(sqrt(norms[j]), limit))
    for i in range(theta.size // width):
        row = theta[i * width : i * width + width]
        for j in range(width):
            row[j] *= norms[j]


@kernel
def sgd(theta: Block, g: Block, of_step: PerStep) -> None:
    """``theta = theta - learning_rate g``."""
    rate = of_step[0]
    for i in range(theta.size):
        theta[i] -= rate * g[i]


@kernel
def momentum(theta: Block, g: Block, v: Block, of_step: PerStep, mu: Number) -> None:
    """``v = mu v + g``, ``theta = theta - learning_rate v``."""
    rate = of_step[0]
    for i in range(theta.size):
        v[i] = mu * v[i] + g[i]
        theta[i] -= rate * v[i]


@kernel
def nesterov(theta: Block, g: Block, v: Block, of_step: PerStep, mu: Number) -> None:
    """``v = mu v + g``, ``theta = theta - learning_rate (g + mu v)``."""
    rate = of_step[0]
    for i in range(theta.size):
        v[i] = mu * v[i] + g[i]
        theta[i] -= rate * (g[i] + mu * v[i])


@kernel
def adam(
    theta: Block, g: Block, m: Block, v: Block, of_step: PerStep,
    beta_1: Number, rest_1: Number, beta_2: Number, rest_2: Number, epsilon: Number,
) -> None:  # fmt: skip
    """``m = beta_1 m + (1 - beta_1) g``, ``v = beta_2 v + (1 - beta_2) g^2``, and the step with m_hat and v_hat."""
    rate, root = of_step[1], of_step[2]
    for i in range(theta.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
        theta[i] -= rate * m[i] / (sqrt(v[i]) * root + epsilon)


@kernel
def amsgrad(
    theta: Block,
    g: Block,
    m: Block,
    v: Block,
    largest: Block,
    of_step: PerStep,
    beta_1: Number,
    rest_1: Number,
    beta_2: Number,
    rest_2: Number,
    epsilon: Number,
) -> None:
    """`adam` with the largest v so far in place of v."""
    rate, root = of_step[1], of_step[2]
    for i in range(m.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
    for i in range(v.size):
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
    for i in range(v.size):
        largest[i] = max(largest[i], v[i])
    for i in range(theta.size):
        theta[i] -= rate * m[i] / (sqrt(largest[i]) * root + epsilon)


@kernel
def nadam(
    theta: Block,
    g: Block,
    m: Block,
    v: Block,
    P: Block,
    of_step: PerStep,
    beta_1: Number,
    rest_1: Number,
    beta_2: Number,
    rest_2: Number,
    epsilon: Number,
) -> None:
    """`adam` that looks ahead: ``P = mu P``, and ``(1 - mu) / (1 - P) g + mu_next / (1 - P mu_next) m`` for m_hat."""
    rate, mu, mu_next, root = of_step[0], of_step[1], of_step[2], of_step[3]
    for i in range(m.size):
        m[i] = beta_1 * m[i] + rest_1 * g[i]
        v[i] = beta_2 * v[i] + rest_2 * g[i] * g[i]
    for i in range(theta.size):
        P[i] = mu * P[i]
        ahead = (T(1) - mu) / (T(1) - P[i]) * g[i] + mu_next / (T(1) - P[i] * mu_next) * m[i]
        theta[i] -= rate * ahead / (sqrt(v[i]) * root + epsilon)


@kernel
def adagrad(theta: Block, g: Block, s: Block, of_step: PerStep, epsilon: Number) -> None:
    """``s = s + g^2``, ``theta = theta - learning_rate g / (sqrt(s) + epsilon)``."""
    rate = of_step[0]
    for i in range(theta.size):
        s[i] += g[i] * g[i]
        theta[i] -= rate * g[i] / (sqrt(s[i]) + epsilon)


@kernel
def mean_square(g: Block, s: Block, rho: Number, rest: Number, epsilon: Number) -> None:
    """``s = rho s + (1 - rho) g^2``, and ``g / (sqrt(s) + epsilon)`` in place of g."""
    for i in range(g.size):
        s[i] = rho * s[i] + rest * g[i] * g[i]
        g[i] = g[i] / (sqrt(s[i]) + epsilon)


@kernel
def centered_mean_square(g: Block, s: Block, m: Block, rho: Number, rest: Number, epsilon: Number) -> None:
    """``m = rho m + (1 - rho) g`` too, and ``g / (sqrt(s - m^2) + epsilon)`` in place of g."""
    for i in range(g.size):
        s[i] = rho * s[i] + rest * g[i] * g[i]
        m[i] = rho * m[i] + rest * g[i]
        g[i] = g[i] / (sqrt(max(s[i] - m[i] * m[i], T(0))) + epsilon)


@kernel
def lion(
    theta: Block, g: Block, m: Block, of_step: PerStep, beta_1: Number, rest_1: Number, beta_2: Number, rest_2: Number,
) -> None:  # fmt: skip
    """``theta = theta - learning_rate sign(beta_1 m + (1 - beta_1) g)``, ``m = beta_2 m + (1 - beta_2) g``."""
    rate = of_step[0]
    for i in range(theta.size):
        c = beta_1 * m[i] + rest_1 * g[i]
        theta[i] -= rate if c > T(0) else -rate if c < T(0) else T(0)
        m[i] = beta_2 * m[i] + rest_2 * g[i]
