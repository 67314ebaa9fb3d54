"""Augmentations that move pixels by an affine map: shift, rotation, scale and shear."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.augment.base import Augmentation, interval, uniform
from nnlite.augment.images import check_fill
from nnlite.augment.warps import Affine, Move, warp
from nnlite.checks import Array
from nnlite.errors import ArgumentError

Span = float | tuple[float, float]


class Warp(Augmentation):
    """Base class of the augmentations that move pixels. A subclass overrides `draw`.

    Those that follow one another in a `Compose` are one interpolation.

    Attributes
    ----------
    fill : float or "edge"
        What comes in from outside: a value, or the pixels at the edge.
    """

    fill: float | str

    def draw(self, M: int, H: int, W: int, rng: np.random.Generator) -> Move:
        """Draw a move for each of M images of H x W pixels."""
        raise NotImplementedError(f"{type(self).__name__} does not define draw(M, H, W, rng)")

    def apply(self, images: Array, rng: np.random.Generator) -> Array:
        """Return the images after a move that is drawn for each of them."""
        M, H, W, _ = images.shape
        return warp(images, [self.draw(M, H, W, rng)], self.fill)


class Shift(Warp):
    r"""Shift by t: the new image at p is the old one at ``p - t``, t uniform in a rectangle.

    Between pixels it interpolates. `Crop` shifts by whole pixels.

    Parameters
    ----------
    rows : float or (float, float), optional
        Pixels downwards: uniform in [-rows, rows], or between the two numbers. By default a fourteenth of the height,
        2 of 28 pixels.
    columns : float or (float, float), optional
        Pixels to the right. By default as ``rows``.
    fill : float or "edge", default 0
        What comes in from outside: a value, or the pixels at the edge.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    References
    ----------
    P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", 2003, section 2.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.augment.Shift((0, 0), (1, 1))([[[1, 2, 3]]])
    array([[[0, 1, 2]]])
    """

    def __init__(self, rows: Span | None = None, columns: Span | None = None, *, fill: float | str = 0.0) -> None:
        self.rows = rows if rows is None else _span("rows", rows)
        self.columns = columns if columns is None else _span("columns", columns)
        self.fill = check_fill(fill)

    def draw(self, M: int, H: int, W: int, rng: np.random.Generator) -> Affine:
        """``q = p - t``."""
        rows = (-H / 14, H / 14) if self.rows is None else interval("rows", self.rows)
        columns = rows if self.columns is None else interval("columns", self.columns)
        t = np.stack([uniform(rng, *rows, M), uniform(rng, *columns, M)], axis=1)
        return Affine(_identity(M), -t)


class Rotate(Warp):
    r"""Rotate about the center: the new image at p is the old one at ``R(-theta) p``, theta uniform.

    Parameters
    ----------
    degrees : float or (float, float), default 15
        The angle, counterclockwise: uniform in [-degrees, degrees], or between the two numbers.
    fill : float or "edge", default 0
        What comes in from outside: a value, or the pixels at the edge.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Notes
    -----
    With rows downwards, ``row = cos(theta) row' + sin(theta) column'`` and
    ``column = cos(theta) column' - sin(theta) row'``.

    References
    ----------
    P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", 2003, section 2; 15 degrees: D. Ciresan et al., "Deep, big, simple neural nets excel on handwritten digit
    recognition", 2010.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.augment.Rotate((90, 90))([[[1, 2], [3, 4]]])
    array([[[2, 4],
            [1, 3]]])
    """

    def __init__(self, degrees: Span = 15.0, *, fill: float | str = 0.0) -> None:
        self.degrees = _span("degrees", degrees)
        self.fill = check_fill(fill)

    def draw(self, M: int, H: int, W: int, rng: np.random.Generator) -> Affine:
        """``q = R(-theta) p``."""
        theta = np.deg2rad(uniform(rng, *interval("degrees", self.degrees), M))
        A = np.stack([np.cos(theta), np.sin(theta), -np.sin(theta), np.cos(theta)], axis=1)
        return Affine(A.reshape(M, 2, 2), np.zeros((M, 2)))


class Scale(Warp):
    r"""Make larger or smaller by s, about the center: the new image at p is the old one at ``p / s``.

    ``log s`` is uniform, so that twice and half as large are as likely.

    Parameters
    ----------
    factor : float or (float, float), default 1.15
        A number f of at least 1 stands for [1/f, f]; a pair gives the least and the largest s, above 0. Above 1 is
        larger.
    fill : float or "edge", default 0
        What comes in from outside: a value, or the pixels at the edge.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    References
    ----------
    15 percent: D. Ciresan et al., "Deep, big, simple neural nets excel on handwritten digit recognition", 2010.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.augment.Scale((3, 3))([[[0, 0, 0], [0, 9, 0], [0, 0, 0]]])
    array([[[4, 6, 4],
            [6, 9, 6],
            [4, 6, 4]]])
    """

    def __init__(self, factor: Span = 1.15, *, fill: float | str = 0.0) -> None:
        if isinstance(factor, (tuple, list)) and len(factor) == 2:
            low, high = (checks.real("factor", side, above=0) for side in factor)
            if low > high:
                raise ArgumentError(f"factor: expected a pair (low, high), got {factor!r}")
            self.factor: Span = (low, high)
        else:
            self.factor = checks.real("factor", factor, minimum=1)
        self.fill = check_fill(fill)

    def draw(self, M: int, H: int, W: int, rng: np.random.Generator) -> Affine:
        """``q = p / s``."""
        low, high = self.factor if isinstance(self.factor, tuple) else (1 / self.factor, self.factor)
        s = np.exp(uniform(rng, math.log(low), math.log(high), M))
        return Affine(_identity(M) / s[:, None, None], np.zeros((M, 2)))


class Shear(Warp):
    r"""Slant: the new image at (row, column) is the old one at ``(row, column - tan(phi) row)``, from the center.

    Upper rows go to the left and lower rows to the right for phi above 0.

    Parameters
    ----------
    degrees : float or (float, float), default 15
        The angle phi: uniform in [-degrees, degrees], or between the two numbers; less than 90 in size.
    fill : float or "edge", default 0
        What comes in from outside: a value, or the pixels at the edge.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    References
    ----------
    P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional neural networks applied to visual document
    analysis", 2003, section 2 (skewing); 15 degrees: D. Ciresan et al., "Deep, big, simple neural nets excel on
    handwritten digit recognition", 2010.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.augment.Shear((45, 45))([[[0, 1, 0], [0, 1, 0], [0, 1, 0]]])
    array([[[1, 0, 0],
            [0, 1, 0],
            [0, 0, 1]]])
    """

    def __init__(self, degrees: Span = 15.0, *, fill: float | str = 0.0) -> None:
        self.degrees = _span("degrees", degrees)
        low, high = interval("degrees", self.degrees)
        if not -90 < low <= high < 90:
            raise ArgumentError(f"degrees: expected angles above -90 and below 90, got {degrees!r}")
        self.fill = check_fill(fill)

    def draw(self, M: int, H: int, W: int, rng: np.random.Generator) -> Affine:
        """``q = (row, column - tan(phi) row)``."""
        phi = np.deg2rad(uniform(rng, *interval("degrees", self.degrees), M))
        A = _identity(M)
        A[:, 1, 0] = -np.tan(phi)
        return Affine(A, np.zeros((M, 2)))


def _identity(M: int) -> Array:
    """Return the matrix I for each of M images, (M, 2, 2)."""
    return np.tile(np.eye(2), (M, 1, 1))


def _span(name: str, value: Any) -> Span:
    """Return a checked number of at least 0, or a pair (low, high)."""
    low, high = interval(name, value)
    return (low, high) if isinstance(value, (tuple, list)) else high
