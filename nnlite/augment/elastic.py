"""Elastic distortion: each pixel is moved a little, neighbors by nearly the same."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import numpy as np

from nnlite import checks
from nnlite.augment.base import uniform
from nnlite.augment.geometry import Warp
from nnlite.augment.images import check_fill
from nnlite.augment.warps import Field
from nnlite.checks import Array

PAPER = 28  # pixels: the size for which the paper gives its numbers
REACH = 4.0  # standard deviations after which the Gaussian is cut off


class Elastic(Warp):
    r"""Elastic distortion: the new image at p is the old one at ``p + alpha (G_sigma * u)(p)``.

    u has two numbers for each pixel, uniform in [-1, 1]; ``G_sigma *`` is the convolution with a Gaussian, which makes
    displacements of neighbors alike, as those of a trembling hand are.

    Parameters
    ----------
    alpha : float, optional
        How far, at least 0; the standard deviation of the displacement is about ``alpha / (6.1 sigma)`` pixels. By
        default 34 for images of 28 x 28, and for others in proportion to the area: ``34 (H / 28)^2``.
    sigma : float, optional
        Standard deviation of the Gaussian in pixels, above 0, at most 10,000. By default ``H / 7``, 4 for 28 pixels.
    fill : float or "edge", default 0
        What comes in from outside: a value, or the pixels at the edge.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Notes
    -----
    Outside of the image u is 0, so the displacements get smaller towards the edge. The Gaussian is cut off at
    ``4 sigma`` and sums to 1.

    References
    ----------
    P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", 2003, section 2.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> distorted = nn.augment.Elastic()(digits.X_train, seed=0, image_shape=(8, 8))
    >>> distorted.shape
    (1438, 64)
    """

    def __init__(self, alpha: float | None = None, sigma: float | None = None, *, fill: float | str = 0.0) -> None:
        self.alpha = alpha if alpha is None else checks.real("alpha", alpha, minimum=0)
        self.sigma = sigma if sigma is None else checks.real("sigma", sigma, above=0, maximum=10_000)
        self.fill = check_fill(fill)

    def draw(self, M: int, H: int, W: int, rng: np.random.Generator) -> Field:
        """``q = p + alpha G_sigma * u``."""
        alpha = 34 * (H / PAPER) ** 2 if self.alpha is None else self.alpha
        sigma = H / 7 if self.sigma is None else self.sigma
        u = uniform(rng, -1, 1, (M, 2, H, W), np.float32)
        return Field(np.float32(alpha) * smoothed(u, sigma))


def smoothed(u: Array, sigma: float) -> Array:
    """Return ``G_sigma * u`` over the last two axes: ``G_H u G_W`` with a matrix for each axis."""
    along_rows = u @ gaussian_matrix(u.shape[-1], sigma).astype(u.dtype)
    along_both: Array = gaussian_matrix(u.shape[-2], sigma).astype(u.dtype) @ along_rows
    return along_both


def gaussian_matrix(n: int, sigma: float) -> Array:
    """Return G (n, n): ``G_ij = g(i - j)`` with ``g(k) = e^{-k^2 / (2 sigma^2)}``, divided by the sum of all g(k)."""
    reach = int(REACH * sigma + 0.5)
    g = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    offset = np.subtract.outer(np.arange(n), np.arange(n))
    near = np.abs(offset) <= reach
    matrix = np.zeros((n, n))
    matrix[near] = (g / g.sum())[offset[near] + reach]
    return matrix
