"""Numerical derivatives: difference quotients, and where they mean something."""

from collections.abc import Callable

import numpy as np

from nnlite.checks import Array

H = 1e-5  # step of the quotients, times max(1, |x|): near the third root of float64's precision
FINER = (1e-1, 1e-2)  # fractions of H to try if the quotient and the analytic derivative disagree
ROUNDING = 64 * np.finfo(np.float64).eps  # error of a function value, relative to its size


class Quotients:
    """Difference quotients of ``f(x) = sum(da * function())`` with respect to the entries of x.

    Parameters
    ----------
    x : ndarray
        What ``function`` depends on. Entries are changed in place for an evaluation, and restored.
    function : callable
        Returns a new array.
    da : ndarray
        Weights of the values, of the same shape.
    """

    def __init__(self, x: Array, function: Callable[[], Array], da: Array) -> None:
        self.x = x
        self.function = function
        self.da = da
        self.here = function()

    @property
    def noise(self) -> float:
        """How much rounding contributes to a quotient with step H."""
        return float(ROUNDING / H * (norm(self.da * self.here) + norm(self.da)))

    def central(self, entry: tuple[int, ...], h: float = H) -> float:
        """``(f(x + h) - f(x - h)) / 2h``, with ``h max(1, |x|)`` for h."""
        right, left, step = self._sides(entry, h)
        return float(np.sum(self.da * (right - left)) / (2 * step))

    def finer(self, entry: tuple[int, ...], a: float, n: float) -> tuple[float, bool]:
        """Return the quotient that agrees best with ``a``, and whether the entry lies on a kink.

        The candidates are ``n`` and the quotients with smaller steps, which cross fewer kinks. The entry lies on a kink
        if the derivatives from the left and from the right differ however small the step is.
        """
        gaps = []
        for fraction in FINER:
            right, left, step = self._sides(entry, H * fraction)
            from_right = float(np.sum(self.da * (right - self.here)) / step)
            from_left = float(np.sum(self.da * (self.here - left)) / step)
            central = (from_right + from_left) / 2
            gaps.append(abs(from_right - from_left))
            if abs(central - a) < abs(n - a) or np.isnan(n):
                n = central
        lasting = gaps[-1] > 0.5 * gaps[0]  # at a smooth point, a tenth of the step gives a tenth of the gap
        return n, bool(lasting and gaps[-1] > 10 * self.noise)

    def _sides(self, entry: tuple[int, ...], h: float) -> tuple[Array, Array, float]:
        """Return the values at ``x + h`` and at ``x - h``, and the step after rounding."""
        at = self.x[entry]
        h = h * max(1.0, abs(at))
        self.x[entry] = at + h
        right, above = self.function(), self.x[entry]
        self.x[entry] = at - h
        left, below = self.function(), self.x[entry]
        self.x[entry] = at
        return right, left, float(above - below) / 2


def norm(values: Array) -> float:
    """Return the Euclidean norm."""
    return float(np.linalg.norm(values))
