"""An analytic gradient compared with a numerical one, entry by entry."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.gradients.differences import Quotients, norm
from nnlite.layers.base import Shape


@dataclass(frozen=True)
class Comparison:
    """An analytic gradient compared with a numerical one.

    Attributes
    ----------
    name : str
        "dW1", or "da_prev" for the gradient of a layer's input.
    relative_error : float
        ``|a - n| / (|a| + |n|)`` in Euclidean norms over the entries compared, or ``|a - n|`` relative to the rounding
        of the quotients if both gradients are smaller than that. NaN if one of them is NaN.
    worst : tuple of int
        Index of the entry that differs most.
    analytic, numerical : float
        Both gradients of this entry.
    n_compared, n_entries, n_kinks : int
        Number of entries compared, of all entries, and of those that were left out because they lie on a kink.
    ok : bool
        Whether the error is at most the tolerance.
    remark : str
        Describes the difference, such as "is 2 times the numerical one".
    """

    name: str
    relative_error: float
    worst: tuple[int, ...]
    analytic: float
    numerical: float
    n_compared: int
    n_entries: int
    n_kinks: int
    ok: bool
    remark: str

    def reason(self) -> str:
        """Return in words how the gradients differ."""
        if self.remark:
            return f"{self.name} {self.remark}"
        return (
            f"{self.name} is off by {self.relative_error:.2g} in norm, most at [{', '.join(map(str, self.worst))}], "
            f"where it is {self.analytic:.4g} and the numerical one {self.numerical:.4g}"
        )


class Comparer:
    """Compares gradients.

    Parameters
    ----------
    tolerance : float
        The largest relative error that is right.
    max_entries : int
        Number of entries to draw from a larger array.
    rng : numpy.random.Generator
        Draws the entries.
    M : int
        Number of examples.
    """

    def __init__(self, tolerance: float, max_entries: int, rng: np.random.Generator, M: int) -> None:
        self.tolerance = tolerance
        self.max_entries = max_entries
        self.rng = rng
        self.M = M

    def compare(self, name: str, analytic: Array, x: Array, function: Callable[[], Array], da: Array) -> Comparison:
        """Compare ``analytic`` with the numerical gradient of ``sum(da * function())`` with respect to x.

        Entries of ``x`` are changed in place for an evaluation, and restored.
        """
        entries = self._draw(x.shape)
        a = np.array([analytic[entry] for entry in entries])
        with np.errstate(all="ignore"):
            quotients = Quotients(x, function, da)
            n = np.array([quotients.central(entry) for entry in entries])
            smallest = quotients.noise * np.sqrt(max(1, len(entries))) / self.tolerance
            on_kink = np.zeros(len(entries), bool)
            error = _relative_error(a, n, smallest)
            if not error <= self.tolerance:
                limit = self.tolerance * max(norm(a) + norm(n), smallest) / np.sqrt(len(entries))
                for i in np.flatnonzero(~(np.abs(a - n) <= limit)):
                    n[i], on_kink[i] = quotients.finer(entries[i], a[i], n[i])
                error = _relative_error(a[~on_kink], n[~on_kink], smallest)
            difference = np.where(on_kink, -1, np.abs(a - n))
        worst = int(np.argmax(difference)) if len(entries) else None
        ok = bool(error <= self.tolerance)
        return Comparison(
            name,
            error,
            () if worst is None else entries[worst],
            np.nan if worst is None else float(a[worst]),
            np.nan if worst is None else float(n[worst]),
            n_compared=len(entries) - int(on_kink.sum()),
            n_entries=int(x.size),
            n_kinks=int(on_kink.sum()),
            ok=ok,
            remark="" if ok else _remark(a[~on_kink], n[~on_kink], self.M),
        )

    def _draw(self, shape: Shape) -> list[tuple[int, ...]]:
        """Return all indices of an array, or draw ``max_entries`` of them."""
        size = int(np.prod(shape))
        chosen = np.arange(size)
        if size > self.max_entries:
            chosen = np.sort(self.rng.choice(size, self.max_entries, replace=False))
        return [tuple(int(i) for i in np.unravel_index(k, shape)) for k in chosen]


def _relative_error(a: Array, n: Array, smallest: float) -> float:
    """``|a - n| / (|a| + |n|)``, or relative to ``smallest`` if that is larger."""
    return float(norm(a - n) / max(norm(a) + norm(n), smallest)) if len(a) else 0.0


def _remark(a: Array, n: Array, M: int) -> str:
    """Describe the difference if it has a simple form: NaN, all 0, or a factor."""
    if not np.isfinite(a).all():
        return "is not finite"
    if not np.isfinite(n).all():
        return "is finite, but the numerical one is not"
    if not a.any():
        return "is 0 everywhere, but the numerical one is not"
    factor = float(a @ n / (n @ n)) if n.any() else 0.0
    if not factor or norm(a - factor * n) > 1e-4 * norm(a):
        return ""
    remark = f"is {factor:.4g} times the numerical one"
    if M > 1 and abs(factor * M - 1) < 1e-4:
        remark += f" (1/M: the backward pass starts with the mean over the {M} examples; do not divide by M again)"
    return remark
