"""How the cost depends on the input."""

from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError, NotBuiltError
from nnlite.inspect.walk import Walk, check_batch, target_rows
from nnlite.model import Model

BLOCK = 1024  # examples that go through the network at once


def input_gradient(model: Model, X: Any, y: Any) -> Array:
    r"""``dJ/dX``: the backward pass taken one line further, ``da[0] = dz[1] W[1]^T``.

    J is the mean loss over the examples given, ``J = 1/M sum_i L(y_hat_i, y_i)``, so that row i is
    ``1/M dL_i/dx_i``: M times it is the gradient of that example's own loss. The network computes as prediction
    does: nothing is dropped, and running averages are used as they are. Frozen layers pass the gradient on.

    Parameters
    ----------
    model : Model
        Stays as it is, its gradients too.
    X : array_like, (M, n[0])
        Any number of examples; they go through the network in blocks.
    y : array_like, (M,) or (M, n[L])
        The truth, or what the network is to be led to, in any form that the output layer takes.

    Returns
    -------
    ndarray, as X
        dJ/dX in the network's dtype; a new array. It shows which inputs matter (a saliency map), and a small step
        along its sign is the shortest way to a larger loss.

    Raises
    ------
    ArgumentError
        If X or y is not what the network takes, or a layer's ``backward`` does not return the gradient of its input.
    NotBuiltError
        If the network has no parameters yet.

    References
    ----------
    K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside convolutional networks: visualising image classification
    models and saliency maps", 2014; I. J. Goodfellow, J. Shlens and C. Szegedy, "Explaining and harnessing adversarial
    examples", 2015.

    Examples
    --------
    The pixels of a digit on which its loss depends most:

    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    >>> dX = input_gradient(model, digits.X_test[:1], digits.y_test[:1])
    >>> abs(dX).reshape(8, 8).shape
    (8, 8)
    """
    if not isinstance(model, Model):
        raise ArgumentError(f"model: expected a Model, got {model!r}")
    if not model.built:
        raise NotBuiltError(
            "input_gradient: the network does not know its input size yet; call fit or forward first, or make it with "
            "Model(layers, n_features=...)"
        )
    X, y, other = check_batch(model, X, y, "input_gradient")
    walk = Walk(other, training=False)
    dX = np.empty(X.shape, model.dtype)
    for start in range(0, len(X), BLOCK):
        block = slice(start, start + BLOCK)
        walk.forward(X[block].astype(model.dtype))
        Y = other.output.smoothed(target_rows(other, y[block]), walk.caches[-1])
        dX[block] = walk.backward(Y, n_examples=len(X))
    return dX
