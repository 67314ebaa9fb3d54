"""Simple guesses of the targets, which show whether the inputs say anything about them."""

import numpy as np

from nnlite.checks import Array

MOST_FEATURES = 1000  # of more, as many are drawn
RIDGE = 0.1  # per example, on standardized features


class Clues:
    """How well the nearest other example and a linear model guess the targets. Nothing is trained.

    With y_i - mean(y) and the guess g_i - mean(y), the numbers ``s_i = (y_i - mean(y)) . (g_i - mean(y))`` have mean 0
    if inputs and labels are independent; z is their mean in standard errors.

    Parameters
    ----------
    X : ndarray, (M, n)
    Y : ndarray, (M, n[L])

    Attributes
    ----------
    z_nearest, z_linear : float
        z of the nearest example and of the linear model.
    linear : ndarray, (M, n[L])
        The guesses of the linear model, each for an example that it was not fitted to.
    """

    def __init__(self, X: Array, Y: Array) -> None:
        varying = np.flatnonzero(X.std(axis=0) > 0)
        if len(varying) > MOST_FEATURES:
            varying = np.sort(np.random.default_rng(0).choice(varying, MOST_FEATURES, replace=False))
        X = X[:, varying]
        X = (X - X.mean(axis=0)) / X.std(axis=0)
        std = Y.std(axis=0)
        centered = (Y - Y.mean(axis=0)) / np.where(std > 0, std, 1)
        self.z_nearest = _standard_errors(centered, centered[_nearest(X)])
        guesses = _linear_guesses(X, centered)
        self.z_linear = _standard_errors(centered, guesses)
        self.linear = guesses * std + Y.mean(axis=0)


def _standard_errors(Y: Array, guesses: Array) -> float:
    """Return the mean agreement of guesses and targets in standard errors."""
    s = (Y * guesses).sum(axis=1)
    spread = s.std() / np.sqrt(len(s))
    return float(s.mean() / spread) if spread > 0 else 0.0


def _nearest(X: Array) -> Array:
    """Return the index of the nearest other example of each example."""
    X = X.astype(np.float32)
    squares = np.square(X).sum(axis=1)
    distances = squares[:, None] + squares - 2 * (X @ X.T)
    np.fill_diagonal(distances, np.inf)
    nearest: Array = distances.argmin(axis=1)
    return nearest


def _linear_guesses(X: Array, Y: Array) -> Array:
    """Return the guesses of ridge regression, for each half of the examples fitted to the other half."""
    half = np.random.default_rng(0).permutation(len(X)) % 2 == 0
    guesses = np.zeros_like(Y)
    for fitted in (half, ~half):
        A = X[fitted]
        gram = A.T @ A + RIDGE * len(A) * np.eye(X.shape[1])
        guesses[~fitted] = X[~fitted] @ np.linalg.solve(gram, A.T @ Y[fitted])
    return guesses
