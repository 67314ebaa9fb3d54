"""Output layers: activations with the cost whose backward pass starts from dz[L] = Y_hat - Y.

Softmax with cross-entropy, Sigmoid with binary cross-entropy, Identity with half the squared error and Exponential with
half the Poisson deviance share this line because each is the canonical link of a generalized linear model. In the
middle of a network each is an activation like any other.
"""

import numbers
from typing import Any, ClassVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Activation, Cache


class Output(Activation):
    """Base class of the layers that can end a network.

    A subclass overrides `forward`, `losses` and `check_targets`, and leaves ``cache.a`` = Y_hat in `forward`.

    Attributes
    ----------
    classifies : bool
        Class attribute: True if Y_hat are probabilities of classes, so that the network has an accuracy.

    Examples
    --------
    Regression with the cost ``L = sum_j log cosh(y_hat_j - y_j)``, which outliers change less than the squared error:

    >>> import numpy as np
    >>> import nnlite as nn
    >>> class LogCosh(nn.Identity):
    ...     def losses(self, Y, cache):
    ...         return np.log(np.cosh(cache.a - Y)).sum(axis=-1)
    ...
    ...     def start_backward(self, Y, cache):
    ...         return np.tanh(cache.a - Y)
    >>> model = nn.Model([nn.Dense(1), LogCosh()], seed=0)
    >>> round(model.fit([[0.0], [1.0]], [0.0, 2.0], epochs=200)["loss"][-1], 2)
    0.0
    """

    classifies: ClassVar[bool] = False

    def check_units(self, units: int) -> None:
        """Raise ArgumentError if the output does not work with that number of units."""

    def n_classes(self, units: int) -> int | None:
        """Return the number of classes that an output of ``units`` chooses from; None if it does not choose."""
        return None

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Return ``y`` as class indices (M,) or as rows (M, units), or raise ArgumentError."""
        raise NotImplementedError(f"{type(self).__name__} has no check_targets")

    def target_rows(self, y: Array, units: int, dtype: Any) -> Array:
        """Return Y (M, units) for the cost, from checked targets: class indices become one-hot rows."""
        if y.ndim > 1:
            return self.smoothed(y.astype(dtype, copy=False))
        Y = np.zeros((len(y), units), dtype)
        Y[np.arange(len(y)), y] = 1
        return self.smoothed(Y)

    def smoothed(self, Y: Array) -> Array:
        """Apply label smoothing to Y; by default none."""
        return Y

    def losses(self, Y: Array, cache: Cache) -> Array:
        """Return L(y_hat, y) of each example, (M,), from what `forward` left in the cache."""
        raise NotImplementedError(f"{type(self).__name__} has no losses")

    def start_backward(self, Y: Array, cache: Cache) -> Array:
        """``dz[L] = Y_hat - Y``: the derivative of each example's loss with respect to its z[L]."""
        dz: Array = cache.a - Y
        return dz

    def predict(self, Y_hat: Array) -> Array:
        """Return classes or values from Y_hat; by default Y_hat: (M,) with one unit, (M, units) with more."""
        return Y_hat[:, 0] if Y_hat.shape[1] == 1 else Y_hat

    def predict_proba(self, Y_hat: Array) -> Array:
        """Return probabilities of the classes, (M, C), from Y_hat (M, units)."""
        raise ArgumentError(f"predict_proba: a network that ends in {self} has values, not probabilities; use predict")

    def n_correct(self, y: Array, Y_hat: Array) -> float:
        """Return how many examples are classified correctly; with several labels the mean over the labels.

        ``y`` is what `check_targets` returned.
        """
        raise NotImplementedError(f"{type(self).__name__} has no n_correct")


class Softmax(Output):
    r"""Probabilities of C classes that exclude one another: ``a_j = e^{z_j} / sum_k e^{z_k}``.

    As the output, its cost is the cross-entropy ``L = - sum_j y_j log y_hat_j``, computed from z as
    ``L = log sum_k e^{z_k} - sum_j y_j z_j``. ``y`` are class indices (M,), one-hot rows or probabilities (M, C).

    Parameters
    ----------
    label_smoothing : float, default 0
        epsilon in [0, 1): the cost uses ``(1 - epsilon) y_j + epsilon / C`` instead of y_j, so that no probability has
        to become 1 (C. Szegedy et al., "Rethinking the Inception architecture", 2016, section 7).

    Notes
    -----
    z (M, C) -> a (M, C), whose rows sum to 1. Backward as the output: ``dz = Y_hat - Y``; in the middle of a network:
    ``dz = a (da - sum_j da_j a_j)``.

    References
    ----------
    J. S. Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.Softmax().forward(np.array([[5.0, 2.0, -1.0, 3.0]]), nn.Cache()).round(3)
    array([[0.842, 0.042, 0.002, 0.114]])
    """

    classifies = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(self, label_smoothing)

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = e^{z - max z} / sum_k e^{z_k - max z}``, which cannot overflow."""
        cache.shifted = z - z.max(axis=-1, keepdims=True)
        temp = np.exp(cache.shifted)
        cache.sum = temp.sum(axis=-1, keepdims=True)
        cache.a = temp / cache.sum
        return cache.a

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = log sum_k e^{z_k} - sum_j y_j z_j``, with z - max z for z: that changes nothing."""
        z = np.maximum(cache.shifted, np.finfo(Y.dtype).min)  # 0 * -inf would be NaN
        L: Array = np.log(cache.sum[..., 0]) - (Y * z).sum(axis=-1)
        return L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz_j = a_j (da_j - sum_k da_k a_k)``, in the middle of a network."""
        a: Array = cache.a
        return a * (da - (da * a).sum(axis=-1, keepdims=True))

    def smoothed(self, Y: Array) -> Array:
        """``(1 - epsilon) y + epsilon / C``."""
        return _smoothed(Y, self.label_smoothing, 1 / Y.shape[1])

    def predict(self, Y_hat: Array) -> Array:
        """Return the most probable class of each example, (M,); the first of equal ones."""
        classes: Array = Y_hat.argmax(axis=1)
        return classes

    def predict_proba(self, Y_hat: Array) -> Array:
        """Return Y_hat, (M, C)."""
        return Y_hat

    def n_correct(self, y: Array, Y_hat: Array) -> float:
        """Count the examples whose most probable class is the true one."""
        true = y if y.ndim == 1 else y.argmax(axis=1)
        return int(np.count_nonzero(Y_hat.argmax(axis=1) == true))

    def n_classes(self, units: int) -> int:
        """Return ``units``."""
        return units

    def check_units(self, units: int) -> None:
        """Raise ArgumentError for a single unit, whose softmax is always 1."""
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


class Sigmoid(Output):
    r"""Probability of class 1, or of each of C independent labels: ``a = 1 / (1 + e^{-z})``.

    As the output, its cost is the binary cross-entropy, summed over the units,
    ``L = - sum_j (y_j log y_hat_j + (1 - y_j) log(1 - y_hat_j))``, computed from z as
    ``L = sum_j (max(0, z_j) - y_j z_j + log(1 + e^{-|z_j|}))``. With one unit, ``y`` is 0, 1 or a probability, of shape
    (M,) or (M, 1); with C units, ``y`` has shape (M, C).

    Parameters
    ----------
    label_smoothing : float, default 0
        epsilon in [0, 1): the cost uses ``(1 - epsilon) y_j + epsilon / 2`` instead of y_j.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) in [0, 1]. Backward as the output: ``dz = Y_hat - Y``; in the middle of a network:
    ``dz = da a (1 - a)``.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.Sigmoid().forward(np.array([[-1e4, 0.0, 1e4]]), nn.Cache())
    array([[0. , 0.5, 1. ]])
    """

    classifies = True

    def __init__(self, label_smoothing: float = 0.0) -> None:
        self.label_smoothing = _checked_smoothing(self, label_smoothing)

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = 1 / (1 + e^{-z})``; where e^{-z} overflows to infinity, a is 0."""
        cache.z = z
        with np.errstate(over="ignore"):
            cache.a = 1 / (1 + np.exp(-z))
        return cache.a

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = sum_j (max(0, z_j) - y_j z_j + log(1 + e^{-|z_j|}))``."""
        z = cache.z
        L: Array = (np.maximum(0, z) - Y * z + np.log1p(np.exp(-np.abs(z)))).sum(axis=-1)
        return L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da a (1 - a)``, in the middle of a network."""
        return da * cache.a * (1 - cache.a)

    def smoothed(self, Y: Array) -> Array:
        """``(1 - epsilon) y + epsilon / 2``."""
        return _smoothed(Y, self.label_smoothing, 1 / 2)

    def predict(self, Y_hat: Array) -> Array:
        """Return 1 where the probability is above one half, else 0: (M,) with one unit, (M, C) with C."""
        classes = (Y_hat > 0.5).astype(np.intp)
        return classes[:, 0] if classes.shape[1] == 1 else classes

    def predict_proba(self, Y_hat: Array) -> Array:
        """Return ``[1 - y_hat, y_hat]``, (M, 2), with one unit; with C units the C probabilities."""
        return np.hstack([1 - Y_hat, Y_hat]) if Y_hat.shape[1] == 1 else Y_hat

    def n_correct(self, y: Array, Y_hat: Array) -> float:
        """Count the examples for which Y_hat and y are on the same side of one half; the mean over the units."""
        return int(np.count_nonzero((Y_hat > 0.5) == (y > 0.5))) / int(Y_hat.shape[1])

    def n_classes(self, units: int) -> int | None:
        """Return 2 for one unit, None for several labels, which do not exclude one another."""
        return 2 if units == 1 else None

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Return 0, 1 or probabilities as rows (M, units)."""
        rows = _value_rows(y, units, name)
        checks.in_unit_interval(name, rows, "0, 1 or probabilities")
        return rows


class Identity(Output):
    r"""Values, for regression: ``a = z``.

    As the output, its cost is half the squared error, summed over the units, ``L = 1/2 sum_j (y_hat_j - y_j)^2``.
    ``y`` has shape (M, units), or (M,) with one unit.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]). Backward as the output: ``dz = Y_hat - Y``; in the middle of a network: ``dz = da``.

    Examples
    --------
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(1), nn.Identity()], n_features=2, seed=0)
    >>> model.predict([[0.0, 0.0], [0.0, 0.0]])
    array([0., 0.], dtype=float32)
    """

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = z``."""
        cache.a = z
        return z

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = 1/2 sum_j (y_hat_j - y_j)^2``."""
        L: Array = 0.5 * ((cache.a - Y) ** 2).sum(axis=-1)
        return L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da``."""
        return da

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Return finite values as rows (M, units)."""
        return _value_rows(y, units, name)


class Exponential(Output):
    r"""Expected counts (Poisson regression): ``a = e^z``.

    As the output, its cost is half the Poisson deviance, summed over the units,
    ``L = sum_j (y_j log(y_j / y_hat_j) - y_j + y_hat_j)``, which is 0 where Y_hat equals Y. ``y`` are counts or other
    numbers of at least 0, of shape (M, units), or (M,) with one unit.

    Notes
    -----
    z (M, n[l]) -> a (M, n[l]) above 0. Backward as the output: ``dz = Y_hat - Y``; in the middle of a network:
    ``dz = da a``.

    References
    ----------
    P. McCullagh and J. Nelder, "Generalized linear models", 1989, section 2.3.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> nn.Exponential().forward(np.array([[0.0, 1.0]]), nn.Cache()).round(3)
    array([[1.   , 2.718]])
    """

    def forward(self, z: Array, cache: Cache) -> Array:
        """``a = e^z``; where it overflows to infinity, so does the loss."""
        cache.z = z
        with np.errstate(over="ignore"):
            cache.a = np.exp(z)
        return cache.a

    def losses(self, Y: Array, cache: Cache) -> Array:
        """``L = sum_j (y_j (log y_j - z_j) - y_j + e^{z_j})``, with ``0 log 0 = 0``."""
        log_Y = np.log(np.maximum(Y, np.finfo(Y.dtype).tiny))
        L: Array = (Y * (log_Y - cache.z - 1) + cache.a).sum(axis=-1)
        return L

    def backward(self, da: Array, cache: Cache) -> Array:
        """``dz = da a``."""
        return da * cache.a

    def check_targets(self, y: Any, units: int, name: str = "y") -> Array:
        """Return numbers of at least 0 as rows (M, units)."""
        rows = _value_rows(y, units, name)
        if rows.size and rows.min() < 0:
            raise ArgumentError(f"{name}: expected counts of at least 0, got {rows.min():g}")
        return rows


def _smoothed(Y: Array, epsilon: float, even: float) -> Array:
    """``(1 - epsilon) Y + epsilon even``."""
    return (1 - epsilon) * Y + epsilon * even if epsilon else Y


def _checked_smoothing(output: Output, value: object) -> float:
    """Return a smoothing in [0, 1); the error for a number of units says that it belongs to Dense."""
    try:
        return checks.real("label_smoothing", value, minimum=0, below=1)
    except ArgumentError as error:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 2:
            raise
        hint = f"a number of units is given to the Dense layer before it: Dense({value}), {type(output).__name__}()"
        raise ArgumentError(f"{error}; {hint}") from None


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
