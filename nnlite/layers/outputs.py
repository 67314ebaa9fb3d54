"""Output layers: activations that know the cost whose backward pass starts with dz[L] = Y_hat - Y.

Softmax with cross-entropy, Sigmoid with binary cross-entropy, Identity with half the squared error and Exponential
with half the Poisson deviance are the canonical links of four generalized linear models, which is why they share that
line. In the middle of a network each is differentiated like any other activation.
"""

import numbers
from typing import Any, ClassVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Activation, Cache

FEW_CLASSES = 64  # of more, columns written as rows are no gain


class Output(Activation):
    """Base class of the layers that can end a network.

    Attributes
    ----------
    classifies : bool
        Class attribute: True if Y_hat are probabilities of classes, so that there is an accuracy.
    """

    classifies: ClassVar[bool]

    def check_units(self, units: int) -> None:
        """Raise ArgumentError if this output makes no sense for that number of units."""

    def n_classes(self, units: int) -> int | None:
        """Between how many classes an output of so many units chooses; None if it does not."""
        return None

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Return ``y`` as class indices (M,) or as rows (M, units), or raise ArgumentError."""
        raise NotImplementedError

    def target_rows(self, y: Array, units: int, cache: Cache) -> Array:
        """Y (M, units) as the cost takes it, from what `check_targets` gave: class indices become one-hot rows."""
        if y.ndim > 1:
            return self.smoothed(_cast(y, cache), cache)
        Y = cache.array("Y", (len(y), units))
        Y.fill(0)
        Y[cache.row_numbers(len(y)), y] = 1
        return self.smoothed(Y, cache)

    def smoothed(self, Y: Array, cache: Cache) -> Array:
        """Y as the cost takes it, with label smoothing where there is any."""
        return Y

    def losses(self, Y: Array, cache: Cache) -> Array:
        """L(y_hat, y) of each example, (M,), from what `forward` left in the cache."""
        raise NotImplementedError

    def start_backward(self, Y: Array, cache: Cache) -> Array:
        """``dz[L] = Y_hat - Y``, the derivative of each example's loss by its z[L]."""
        Y_hat = cache.a
        dz: Array = np.subtract(Y_hat, Y, out=cache.array("dz", Y.shape))
        return dz

    def predict(self, Y_hat: Array) -> Array:
        """What the network says, from Y_hat (M, units): classes, or values."""
        raise NotImplementedError

    def predict_proba(self, Y_hat: Array) -> Array:
        """Probabilities of the classes, (M, C), from Y_hat (M, units)."""
        raise ArgumentError(f"predict_proba: a network that ends in {self} has values, no probabilities; use predict")

    def truth(self, y: Array, cache: Cache) -> Array:
        """What `n_correct` compares with, of each example, from what `check_targets` gave; by default just that.

        A class that overrides `n_correct` alone gets just that, too.
        """
        return y

    def n_correct(self, truth: Array, cache: Cache) -> float:
        """How many of the M examples are classified as they should be; with several labels the mean over them."""
        raise NotImplementedError


class Softmax(Output):
    r"""``a_j = e^{z_j} / sum_k e^{z_k}``: probabilities of C classes that exclude one another.

    As the output, its cost is the cross-entropy ``L = - sum_j y_j log y_hat_j``, computed from z as
    ``L = log sum_k e^{z_k} - sum_j y_j z_j``; ``y`` is given as class indices (M,), as one-hot rows or as
    probabilities (M, C).

    Parameters
    ----------
    label_smoothing : float, default 0
        epsilon in [0, 1): the cost takes ``(1 - epsilon) y_j + epsilon / C`` for y_j, so that no class is to become
        certain (C. Szegedy et al., "Rethinking the Inception architecture", 2016, section 7).

    Notes
    -----
    z (M, C) -> a (M, C), rows sum to 1. Backward as an output: ``dz = Y_hat - Y``; in the middle of a network:
    ``dz = a (da - sum_j da_j a_j)``.

    References
    ----------
    J. S. Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """

    classifies = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(self, label_smoothing)

    def smoothed(self, Y: Array, cache: Cache) -> Array:
        """``(1 - epsilon) y + epsilon / C``."""
        return _smoothed(Y, self.label_smoothing, 1 / Y.shape[1], cache)

    def n_classes(self, units: int) -> int:
        """As many as units."""
        return units

    def check_units(self, units: int) -> None:
        """At least two classes: the softmax of a single unit is always 1."""
        if units < 2:
            raise ArgumentError(
                "layers: Softmax over 1 unit is always 1; for two classes use Dense(2), Softmax() or "
                "Dense(1), Sigmoid()"
            )

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Class indices (M,), or rows (M, C) that sum to 1."""
        array = checks.numeric_array(name, y)
        if array.ndim == 1:
            return checks.class_indices(name, array, units, of=f" for a network with {units} output units")
        if array.ndim != 2 or array.shape[1] != units:
            raise ArgumentError(
                f"{name}: expected class indices of shape (M,) or rows of shape (M, {units}), got shape {array.shape}"
                + (f"; {name}.ravel() makes it one-dimensional" if array.shape[1:] == (1,) else "")
                + (f"; {name}.T has such rows" if array.ndim == 2 and array.shape[0] == units else "")
            )
        checks.in_unit_interval(name, array, "probabilities")
        sums = array.sum(axis=1, dtype=np.float64)
        wrong = np.abs(sums - 1) > 1e-3
        if wrong.any():
            i = int(wrong.argmax())
            raise ArgumentError(f"{name}: the rows must sum to 1, row {i} sums to {sums[i]:g}")
        return array

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = e^{z - max z} / sum e^{z - max z}``."""
        z = cache.z = a_prev
        shape, M, C = z.shape, z.shape[:-1], z.shape[-1:]
        cache.largest = _largest(z, cache)
        a: Array = np.subtract(z, cache.rows(cache.largest[..., None], shape), out=cache.array("a", shape))
        np.exp(a, out=a)
        cache.a = a
        cache.sum = a.dot(cache.full(1, C), out=cache.array("sum", M))
        a /= cache.rows(cache.sum[..., None], shape)
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = e^{z - max z} / sum e^{z - max z}``."""
        a: Array = a_prev - np.maximum.reduce(a_prev, axis=-1, keepdims=True)
        np.exp(a, out=a)
        a /= np.add.reduce(a, axis=-1, keepdims=True)
        return a

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = log sum_k e^{z_k} - sum_j y_j z_j``."""
        largest = cache.rows(cache.largest[..., None], Y.shape)
        shifted = np.subtract(cache.z, largest, out=cache.array("shifted", Y.shape))
        np.maximum(shifted, np.finfo(shifted.dtype).min, out=shifted)  # instead of -inf: 0 * -inf is no loss
        shifted *= Y
        y_z = shifted.dot(cache.full(1, Y.shape[-1:]), out=cache.array("y_z", Y.shape[:-1]))
        L: Array = np.log(cache.sum, out=cache.array("L", Y.shape[:-1]))
        L -= y_z
        return L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz_j = a_j (da_j - sum_k da_k a_k)``, in the middle of a network."""
        a: Array = cache.a
        da_a = np.multiply(da, a, out=cache.array("da_a", a.shape))
        da -= np.sum(da_a, axis=-1, keepdims=True, out=cache.array("sum_da_a", (*a.shape[:-1], 1)))
        da *= a
        return da

    def predict(self, Y_hat: Array) -> Array:
        """Return the most probable class of each example (the first of equals), (M,)."""
        classes: Array = Y_hat.argmax(axis=1)
        return classes

    def predict_proba(self, Y_hat: Array) -> Array:
        """Y_hat itself, (M, C)."""
        return Y_hat

    def truth(self, y: Array, cache: Cache) -> Array:
        """The class, (M,); of rows the most probable one."""
        truth = cache.array("truth", (len(y),), np.intp)
        if y.ndim > 1:
            return np.argmax(y, axis=1, out=truth)
        truth[...] = y
        return truth

    def n_correct(self, truth: Array, cache: Cache) -> float:
        """How often the most probable class is the true one."""
        guess = np.argmax(cache.a, axis=1, out=cache.array("guess", truth.shape, np.intp))
        return int(np.count_nonzero(np.equal(guess, truth, out=cache.array("right", truth.shape, bool))))


class Sigmoid(Output):
    r"""``a = 1 / (1 + e^{-z})``: the probability of class 1, or of each of C labels that do not exclude one another.

    As the output, its cost is the binary cross-entropy, summed over the units,
    ``L = - sum_j (y_j log y_hat_j + (1 - y_j) log(1 - y_hat_j))``, computed from z as
    ``L = sum_j (max(0, z_j) - y_j z_j + log(1 + e^{-|z_j|}))``. With one unit, ``y`` is 0 or 1 (or a probability),
    of shape (M,) or (M, 1); with C units, rows (M, C) of such.

    Parameters
    ----------
    label_smoothing : float, default 0
        epsilon in [0, 1): the cost takes ``(1 - epsilon) y_j + epsilon / 2`` for y_j.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) in [0, 1]. Backward as an output: ``dz = Y_hat - Y``; in the middle of a network:
    ``dz = da a (1 - a)``.
    """

    classifies = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(self, label_smoothing)

    def smoothed(self, Y: Array, cache: Cache) -> Array:
        """``(1 - epsilon) y + epsilon / 2``."""
        return _smoothed(Y, self.label_smoothing, 1 / 2, cache)

    def n_classes(self, units: int) -> int | None:
        """Two, with one unit; several labels do not exclude one another."""
        return 2 if units == 1 else None

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """0, 1 or probabilities, (M,) or (M, units)."""
        rows = _value_rows(y, units, name)
        checks.in_unit_interval(name, rows, "0, 1 or probabilities")
        return rows

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = 1 / (1 + e^{-z})``; where e^{-z} is too large for a float, it is infinite and a is 0."""
        cache.z = a_prev
        a = np.negative(a_prev, out=cache.array("a", a_prev.shape))
        with np.errstate(over="ignore"):
            np.exp(a, out=a)
        a += 1
        cache.a = np.divide(1, a, out=a)
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = 1 / (1 + e^{-z})``."""
        with np.errstate(over="ignore"):
            a: Array = np.exp(-a_prev)
        a += 1
        return np.divide(1, a, out=a)

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = sum_j (max(0, z_j) - y_j z_j + log(1 + e^{-|z_j|}))``."""
        z = cache.z
        L = np.abs(z, out=cache.array("L", z.shape))
        np.negative(L, out=L)
        np.exp(L, out=L)
        np.log1p(L, out=L)
        L += np.maximum(z, cache.full(0, z.shape), out=cache.array("term", z.shape))
        L -= np.multiply(Y, z, out=cache.array("term", z.shape))
        sum_L: Array = np.sum(L, axis=-1, out=cache.array("sum_L", Y.shape[:-1]))
        return sum_L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da a (1 - a)``, in the middle of a network."""
        a = cache.a
        da *= a
        da *= np.subtract(1, a, out=cache.array("one_minus_a", a.shape))
        return da

    def predict(self, Y_hat: Array) -> Array:
        """1 where the probability is above one half: (M,) with one unit, (M, C) with C."""
        classes = (Y_hat > 0.5).astype(np.intp)
        return classes[:, 0] if classes.shape[1] == 1 else classes

    def predict_proba(self, Y_hat: Array) -> Array:
        """With one unit ``[1 - y_hat, y_hat]``, (M, 2), as softmax would give; with C the C probabilities."""
        return np.hstack([1 - Y_hat, Y_hat]) if Y_hat.shape[1] == 1 else Y_hat

    def truth(self, y: Array, cache: Cache) -> Array:
        """Whether y is above one half, (M, units)."""
        return np.greater(y, 0.5, out=cache.array("truth", y.shape, bool))

    def n_correct(self, truth: Array, cache: Cache) -> float:
        """How often Y_hat and y are on the same side of one half, in the mean over the units."""
        guess = np.greater(cache.a, 0.5, out=cache.array("guess", truth.shape, bool))
        return int(np.count_nonzero(np.equal(guess, truth, out=guess))) / int(truth.shape[1])


class Identity(Output):
    r"""``a = z``: values, for regression.

    As the output, its cost is half the squared error, summed over the units, ``L = 1/2 sum_j (y_hat_j - y_j)^2``;
    ``y`` has shape (M, units), or (M,) with one unit.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]). Backward as an output: ``dz = Y_hat - Y``; in the middle of a network: ``dz = da``.
    """

    classifies = False

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Values, (M,) or (M, units)."""
        return _value_rows(y, units, name)

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = z``."""
        cache.a = a_prev
        return a_prev

    def _infer(self, a_prev: Array) -> Array:
        """``a = z``."""
        return a_prev.copy()

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = 1/2 sum_j (y_hat_j - y_j)^2``."""
        error = np.subtract(cache.a, Y, out=cache.array("error", Y.shape))
        np.square(error, out=error)
        L = np.sum(error, axis=-1, out=cache.array("L", Y.shape[:-1]))
        L *= 0.5
        return L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da``."""
        return da

    def predict(self, Y_hat: Array) -> Array:
        """Y_hat: (M,) with one unit, (M, units) with more."""
        return Y_hat[:, 0] if Y_hat.shape[1] == 1 else Y_hat


class Exponential(Output):
    r"""``a = e^z``: expected counts (Poisson regression).

    As the output, its cost is half the Poisson deviance, summed over the units,
    ``L = sum_j (y_j log(y_j / y_hat_j) - y_j + y_hat_j)``: 0 where Y_hat is Y. ``y`` are counts or other numbers of at
    least 0, of shape (M, units), or (M,) with one unit.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above 0. Backward as an output: ``dz = Y_hat - Y``; in the middle of a network:
    ``dz = da a``.

    References
    ----------
    P. McCullagh and J. Nelder, "Generalized linear models", 1989, section 2.3.
    """

    classifies = False

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Numbers of at least 0, (M,) or (M, units)."""
        rows = _value_rows(y, units, name)
        if rows.size and rows.min() < 0:
            raise ArgumentError(f"{name}: expected counts of at least 0, got {rows.min():g}")
        return rows

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """``a = e^z``."""
        cache.z = a_prev
        with np.errstate(over="ignore"):  # to infinity, and so does the loss
            a: Array = np.exp(a_prev, out=cache.array("a", a_prev.shape))
        cache.a = a
        return a

    def _infer(self, a_prev: Array) -> Array:
        """``a = e^z``."""
        with np.errstate(over="ignore"):
            a: Array = np.exp(a_prev)
        return a

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = sum_j (y_j (log y_j - z_j) - y_j + e^{z_j})``, with ``0 log 0 = 0``."""
        L = np.maximum(Y, np.finfo(Y.dtype).tiny, out=cache.array("L", Y.shape))
        np.log(L, out=L)
        L -= cache.z
        L -= 1
        L *= Y
        L += cache.a
        sum_L: Array = np.sum(L, axis=-1, out=cache.array("sum_L", Y.shape[:-1]))
        return sum_L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da a``."""
        da *= cache.a
        return da

    def predict(self, Y_hat: Array) -> Array:
        """Y_hat: (M,) with one unit, (M, units) with more."""
        return Y_hat[:, 0] if Y_hat.shape[1] == 1 else Y_hat


def _largest(z: Array, cache: Cache) -> Array:
    """``max_j z_j`` of each example; of few classes NumPy finds it sooner among columns written as rows."""
    M, C = z.shape[:-1], z.shape[-1]
    largest = cache.array("largest", M)
    if z.ndim == 2 and len(z) > C <= FEW_CLASSES:
        columns = cache.scratch("columns", (C, *M))
        columns[...] = z.T
        return np.maximum.reduce(columns, axis=0, out=largest)
    return np.maximum.reduce(z, axis=-1, out=largest)


def _cast(y: Array, cache: Cache) -> Array:
    """``y`` in the network's dtype."""
    if y.dtype == cache.dtype:
        return y
    Y = cache.array("Y", y.shape)
    Y[...] = y
    return Y


def _checked_smoothing(output: Output, value: object) -> float:
    """In [0, 1); a number of units, as other libraries take one here, is answered with where it belongs."""
    try:
        return checks.real("label_smoothing", value, minimum=0, below=1)
    except ArgumentError as error:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 2:
            raise
        hint = f"a number of units is given to the Dense layer before it: Dense({value}), {type(output).__name__}()"
        raise ArgumentError(f"{error}; {hint}") from None


def _smoothed(Y: Array, epsilon: float, even: float, cache: Cache) -> Array:
    """``(1 - epsilon) Y + epsilon even``."""
    if epsilon == 0:
        return Y
    Y = np.multiply(Y, 1 - epsilon, out=cache.array("Y_smoothed", Y.shape))
    Y += epsilon * even
    return Y


def _value_rows(y: Any, units: int, name: str) -> Array:
    """``y`` as finite rows (M, units), from (M, units) or, for one unit, (M,)."""
    array = checks.numeric_array(name, y)
    checks.finite(name, array)
    if array.ndim == 1 and units == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != units:
        raise ArgumentError(
            f"{name}: expected shape {'(M,) or (M, 1)' if units == 1 else f'(M, {units})'} "
            f"for a network with {units} output unit{'s' if units > 1 else ''}, got {array.shape}"
        )
    return array
