"""The solver "lbfgs": SciPy minimizes the cost of all examples."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from nnlite.checks import Array
from nnlite.engine import memory
from nnlite.model import Model
from nnlite.sklearn.networks import BLOCK_NUMBERS


class Objective:
    """``J(theta) = sum_i w_i L_i / sum_i w_i + alpha / (2 sum_i w_i) |W|^2`` and its gradient.

    Parameters
    ----------
    network : Model
        Computes in float64. Its parameters change in each call.
    X : ndarray or sparse matrix, (M, n[0])
    Y : ndarray, (M, n[L])
    weights : ndarray or None, (M,)
    alpha : float
    """

    def __init__(self, network: Model, X: Any, Y: Array, weights: Array | None, alpha: float) -> None:
        self.network, self.X, self.alpha = network, X.astype(network.dtype, copy=False), alpha
        self.Y = np.asarray(Y, network.dtype).reshape(len(Y), -1)
        self.weights = np.ones(len(Y)) if weights is None else np.asarray(weights, np.float64)

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return J and its gradient, weights first as in theta."""
        network, total = self.network, self.weights.sum() or 1.0
        network.theta = theta
        J, gradient = 0.0, np.zeros(network.n_parameters)
        for part, X in self._blocks():
            weights = self.weights[part]
            step = network.new_pass(training=True)
            step.forward(X)
            share = weights.sum() / total
            J += share * step.cost(self.Y[part], weights)
            step.backward(self.Y[part], weights)
            gradient += share * network.grad
        W = network.theta[: network.n_weights]
        J += self.alpha / (2 * total) * float(W @ W)
        gradient[: network.n_weights] += self.alpha / total * W
        return J, gradient

    def _blocks(self) -> Any:
        """Yield all rows of X at once, or those of a sparse matrix block by block."""
        if isinstance(self.X, np.ndarray):
            yield slice(None), self.X
            return
        rows = max(1, BLOCK_NUMBERS // self.X.shape[1])
        for start in range(0, self.X.shape[0], rows):
            yield slice(start, start + rows), self.X[start : start + rows].toarray()


def fit_lbfgs(estimator: Any, objective: Objective, theta: Array) -> Array:
    """Minimize from theta. Return the best parameters, and set ``n_iter_`` and ``loss_``."""
    n_iter = 0

    def show(intermediate_result: Any) -> None:
        nonlocal n_iter
        n_iter += 1
        print(f"Iteration {n_iter}, loss = {intermediate_result.fun:.8f}")

    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    with memory.kept(), np.errstate(over="ignore", invalid="ignore"):
        found = minimize(
            objective,
            theta.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            options=options,
            callback=show if estimator.verbose else None,
        )
    estimator.n_iter_ = _check_optimize_result("lbfgs", found, estimator.max_iter)
    estimator.loss_ = float(found.fun)
    best: Array = found.x
    return best
