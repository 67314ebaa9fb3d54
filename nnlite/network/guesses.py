"""Costs of guesses that know nothing of X, with which the cost of a network is compared."""

from __future__ import annotations

import math

import numpy as np

from nnlite.checks import Array
from nnlite.layers import Cache, Exponential, Output, Sigmoid, Softmax

TINY = 1e-12  # replaces 0 in log 0


def constant_cost(output: Output, Y: Array, weights: Array | None = None) -> float:
    """Return J of the best constant guess, the mean of Y.

    Parameters
    ----------
    output : Output
    Y : ndarray, (M, n[L])
        Targets in float64, smoothed as the output layer smooths them.
    weights : ndarray, (M,), optional
        Weights of the examples.
    """
    mean = np.average(Y, axis=0, weights=weights)
    return cost_of(output, np.broadcast_to(link(output, mean), Y.shape), Y, weights)


def blank_cost(output: Output, n_units: int) -> float:
    """Return J for z[L] = 0 if it does not depend on y (ln C for Softmax, ln 2 per unit for Sigmoid), else infinity."""
    if not isinstance(output, (Softmax, Sigmoid)):
        return math.inf
    return cost_of(output, np.zeros((1, n_units)), np.full((1, n_units), 1 / n_units))


def least_cost(output: Output, Y: Array, weights: Array | None = None) -> float:
    """Return J for Y_hat = Y: 0, or the entropy of soft or smoothed labels."""
    return cost_of(output, link(output, Y), Y, weights)


def link(output: Output, mean: Array) -> Array:
    """Return the z[L] for which a[L] is ``mean``."""
    if isinstance(output, (Softmax, Exponential)):
        return np.asarray(np.log(np.maximum(mean, TINY)))
    if isinstance(output, Sigmoid):
        inside = np.clip(mean, TINY, 1 - TINY)
        return np.asarray(np.log(inside / (1 - inside)))
    return mean


def cost_of(output: Output, Z: Array, Y: Array, weights: Array | None = None) -> float:
    """Return J for z[L] = Z."""
    cache = Cache()
    output.forward(np.array(Z, np.float64), cache)
    return float(np.average(output.losses(Y, cache), weights=weights))
