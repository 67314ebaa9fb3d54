"""Synthetic data drawn from equations: spirals, moons and blobs."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import math

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.draws import generator


def make_spirals(
    n_examples: int = 300,
    *,
    n_classes: int = 3,
    noise: float = 0.2,
    turns: float = 0.75,
    seed: int | None = None,
) -> tuple[Array, Array]:
    """Draw spirals in the plane, one arm per class: ``x = (r cos phi, r sin phi)``.

    r is evenly spaced in (0, 1], and ``phi = 2 pi (k / C + turns r) + noise eps`` for class k of C classes, with
    eps from the standard normal distribution.

    Parameters
    ----------
    n_examples : int, default 300
        At least ``n_classes``.
    n_classes : int, default 3
        Number of arms, at least 1.
    noise : float, default 0.2
        Standard deviation of the angle in radians, at least 0.
    turns : float, default 0.75
        Number of times that an arm winds around the origin, at least 0; 0 gives straight rays.
    seed : int or None, default None
        The same seed gives the same data; None gives other data on each call.

    Returns
    -------
    X : array of float32, shape (n_examples, 2)
        Points in the unit disc, in random order.
    y : array of int64, shape (n_examples,)
        Their classes 0..n_classes-1. The sizes of two classes differ by at most 1.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value.

    Notes
    -----
    A generalization of the two spirals of K. J. Lang and M. J. Witbrock, Learning to tell two spirals apart, 1988.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> X, y = nn.make_spirals(300, seed=0)
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
    """Draw two interleaving half circles: ``x = (cos t, sin t)`` and ``x = (1 - cos t, 1/2 - sin t)``.

    t is evenly spaced in (0, pi). Each coordinate has ``noise eps`` added, with eps from the standard normal
    distribution.

    Parameters
    ----------
    n_examples : int, default 200
        At least 2.
    noise : float, default 0.1
        Standard deviation of the noise in each coordinate, at least 0. The circles have radius 1.
    seed : int or None, default None
        The same seed gives the same data; None gives other data on each call.

    Returns
    -------
    X : array of float32, shape (n_examples, 2)
        Points in random order.
    y : array of int64, shape (n_examples,)
        0 for the upper half circle, 1 for the lower one. Their sizes differ by at most 1.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value.

    Notes
    -----
    The shape is that of scikit-learn's data set of the same name.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> X, y = nn.make_moons(200, seed=0)
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
    """Draw one round Gaussian cloud per class: ``x = mu_k + spread eps``.

    The center mu_k of class k is drawn uniformly from [-10, 10) in each coordinate, and eps from the standard
    normal distribution. Classes overlap if their centers are close to each other.

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
        The same seed gives the same data; None gives other data on each call.

    Returns
    -------
    X : array of float32, shape (n_examples, n_features)
        Points in random order.
    y : array of int64, shape (n_examples,)
        Their classes 0..n_classes-1. The sizes of two classes differ by at most 1.

    Raises
    ------
    ArgumentError
        If an argument has the wrong type or value.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> X, y = nn.make_blobs(300, n_features=5, seed=0)
    >>> X.shape, np.bincount(y)
    ((300, 5), array([100, 100, 100]))
    """
    n_classes = checks.integer("n_classes", n_classes)
    n_examples = checks.integer("n_examples", n_examples, minimum=n_classes)
    n_features = checks.integer("n_features", n_features)
    spread = checks.real("spread", spread, minimum=0, below=1e30)
    rng = generator(seed)
    y = np.arange(n_examples) % n_classes
    centers = rng.uniform(-10, 10, size=(n_classes, n_features))
    return _shuffled(centers[y] + spread * rng.standard_normal((n_examples, n_features)), y, rng)


def _shuffled(X: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    order = rng.permutation(len(y))
    return X[order].astype(np.float32), y[order].astype(np.int64)
