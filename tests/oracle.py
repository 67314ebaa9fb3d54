"""The equations of a multilayer network once more, to be differentiated by autograd instead of by hand.

Nothing here comes from nnlite. A network is a list of pairs (W, b), the name of the activation behind each, and X.
"""

import autograd.numpy as np
from autograd import grad


def softmax(z):
    temp = np.exp(z)
    return temp / np.sum(temp, axis=1, keepdims=True)


ACTIVATIONS = {
    "ReLU": lambda z: np.where(z > 0, z, 0.0),
    "Tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "Sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "Softmax": softmax,
    "Identity": lambda z: z,
    "nothing": lambda z: z,
}

LOSSES = {
    "Softmax": lambda Y_hat, Y: -np.sum(Y * np.log(Y_hat), axis=1),
    "Sigmoid": lambda Y_hat, Y: -np.sum(Y * np.log(Y_hat) + (1 - Y) * np.log(1 - Y_hat), axis=1),
    "Identity": lambda Y_hat, Y: 0.5 * np.sum((Y_hat - Y) ** 2, axis=1),
}


def forward(parameters, activations, X):
    """z[l] and a[l] of each layer."""
    a, passes = X, []
    for (W, b), name in zip(parameters, activations, strict=True):
        z = np.dot(a, W) + b
        a = ACTIVATIONS[name](z)
        passes.append((z, a))
    return passes


def cost(parameters, activations, X, Y):
    """``J = 1/M sum_i L(y_hat_i, y_i)``; the last activation says which L."""
    _, Y_hat = forward(parameters, activations, X)[-1]
    return np.mean(LOSSES[activations[-1]](Y_hat, Y))


gradients = grad(cost)  # for each (W, b) the pair (dW, db)


def distance_to_kinks(parameters, activations, X):
    """For each example, how near one of its ReLU units is to the point where ReLU has no derivative."""
    distance = np.full(len(X), np.inf)
    for (z, _), name in zip(forward(parameters, activations, X), activations, strict=True):
        if name == "ReLU":
            distance = np.minimum(distance, np.min(np.abs(z), axis=1))
    return distance
