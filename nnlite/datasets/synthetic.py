"""Data drawn from equations: spirals, moons and blobs."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.datasets.base import generator


def make_spirals(
    n_examples: int = 300,
    *,
    n_classes: int = 3,
    noise: float = 0.2,
    turns: float = 0.75,
    seed: int | None = None,
) -> tuple[Array, Array]:
    """Spirals in the plane, one arm a class: ``x = (r cos phi, r sin phi)``.

    With r evenly spaced in (0, 1] and ``phi = 2 pi (k / C + turns r) + noise eps``, where k is the class, C
    the number of classes and eps is drawn from the standard normal distribution.

    Parameters
    ----------
    n_examples : int, default 300
        At least ``n_classes``.
    n_classes : int, default 3
        Number of arms, at least 1.
    noise : float, default 0.2
        Standard deviation of the angle in radians, at least 0.
    turns : float, default 0.75
        How often an arm winds around the origin, from 0 (a straight ray) up.
    seed : int or None, default None
        The same seed gives the same data; None draws anew each time.

    Returns
    -------
    X : array of float32, shape (n_examples, 2)
        Points in the unit disc, in random order.
    y : array of int64, shape (n_examples,)
        Their classes 0..n_classes-1. No class has two examples more than another.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value.

    Notes
    -----
    After the two spirals of K. J. Lang and M. J. Witbrock, Learning to tell two spirals apart, 1988.

    Examples
    --------
    >>> X, y = make_spirals(300, seed=0)
    >>> X.shape, np.bincount(y)
    ((300, 2), array([100, 100, 100]))
    """
    n_classes = checks.integer("n_classes", n_classes)
    n_examples = checks.integer("n_examples", n_examples, minimum=n_classes)
    noise = checks.real("noise", noise, minimum=0, below=1e30)
    turns = checks.real("turns", turns, minimum=0, below=1e6)
    rng = generator(seed)
    y = np.arange(n_examples) % n_classes
    r = (np.arange(n_examples) // n_classes + 1) / math.ceil(n_examples / n_classes)
    phi = 2 * np.pi * (y / n_classes + turns * r) + noise * rng.standard_normal(n_examples)
    return _shuffled(np.column_stack([r * np.cos(phi), r * np.sin(phi)]), y, rng)


def make_moons(n_examples: int = 200, *, noise: float = 0.1, seed: int | None = None) -> tuple[Array, Array]:
    """Two half circles, one in the other: ``x = (cos t, sin t)`` and ``x = (1 - cos t, 1/2 - sin t)``.

    With t evenly spaced in (0, pi), plus ``noise eps`` on either coordinate, where eps is drawn from the
    standard normal distribution.

    Parameters
    ----------
    n_examples : int, default 200
        At least 2.
    noise : float, default 0.1
        Standard deviation of the coordinates, at least 0; the circles have radius 1.
    seed : int or None, default None
        The same seed gives the same data; None draws anew each time.

    Returns
    -------
    X : array of float32, shape (n_examples, 2)
        Points in random order.
    y : array of int64, shape (n_examples,)
        0 for the upper half circle, 1 for the lower one. Neither has two examples more than the other.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value.

    Notes
    -----
    The form is that of scikit-learn's data set of the same name.

    Examples
    --------
    >>> X, y = make_moons(200, seed=0)
    >>> X.shape, np.bincount(y)
    ((200, 2), array([100, 100]))
    """
    n_examples = checks.integer("n_examples", n_examples, minimum=2)
    noise = checks.real("noise", noise, minimum=0, below=1e30)
    rng = generator(seed)
    y = np.arange(n_examples) % 2
    t = np.pi * (np.arange(n_examples) // 2 + 0.5) / math.ceil(n_examples / 2)
    upper = np.column_stack([np.cos(t), np.sin(t)])
    lower = np.column_stack([1 - np.cos(t), 0.5 - np.sin(t)])
    X = np.where(y[:, np.newaxis] == 0, upper, lower) + noise * rng.standard_normal((n_examples, 2))
    return _shuffled(X, y, rng)


def make_blobs(
    n_examples: int = 300,
    *,
    n_classes: int = 3,
    n_features: int = 2,
    spread: float = 1.0,
    seed: int | None = None,
) -> tuple[Array, Array]:
    """One round Gaussian cloud a class: ``x = mu_k + spread eps``.

    The centre mu_k of class k is drawn uniformly from [-10, 10) in each coordinate, eps from the standard
    normal distribution. Centres may come to lie close to each other, so classes may overlap.

    Parameters
    ----------
    n_examples : int, default 300
        At least ``n_classes``.
    n_classes : int, default 3
        Number of clouds, at least 1.
    n_features : int, default 2
        Number of coordinates, at least 1.
    spread : float, default 1.0
        Standard deviation of a cloud in each coordinate, at least 0.
    seed : int or None, default None
        The same seed gives the same data; None draws anew each time.

    Returns
    -------
    X : array of float32, shape (n_examples, n_features)
        Points in random order.
    y : array of int64, shape (n_examples,)
        Their classes 0..n_classes-1. No class has two examples more than another.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value.

    Examples
    --------
    >>> X, y = make_blobs(300, n_features=5, seed=0)
    >>> X.shape, np.bincount(y)
    ((300, 5), array([100, 100, 100]))
    """
    n_classes = checks.integer("n_classes", n_classes)
    n_examples = checks.integer("n_examples", n_examples, minimum=n_classes)
    n_features = checks.integer("n_features", n_features)
    spread = checks.real("spread", spread, minimum=0, below=1e30)
    rng = generator(seed)
    y = np.arange(n_examples) % n_classes
    centres = rng.uniform(-10, 10, size=(n_classes, n_features))
    return _shuffled(centres[y] + spread * rng.standard_normal((n_examples, n_features)), y, rng)


def _shuffled(X: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    order = rng.permutation(len(y))
    return X[order].astype(np.float32), y[order].astype(np.int64)
