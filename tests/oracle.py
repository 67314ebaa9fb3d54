"""The equations of a multilayer network once more, to be differentiated by autograd instead of by hand.

Nothing here comes from nnlite. A network is a list of pairs (W, b), the name of the activation behind each, and X.
"""

import math

import autograd.numpy as np
import numpy
from autograd import grad
from autograd.extend import defvjp, primitive


def softmax(z):
    temp = np.exp(z)
    return temp / np.sum(temp, axis=1, keepdims=True)


erf = primitive(numpy.vectorize(math.erf, otypes=[float]))
defvjp(erf, lambda a, z: lambda da: da * 2 / math.sqrt(math.pi) * np.exp(-(z**2)))

ACTIVATIONS = {
    "ReLU": lambda z: np.where(z > 0, z, 0.0),
    "LeakyReLU": lambda z: np.where(z > 0, z, 0.01 * z),
    "ELU": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "SELU": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * (np.exp(z) - 1)),
    "GELU": lambda z: 0.5 * z * (1 + erf(z / math.sqrt(2))),
    "SiLU": lambda z: z / (1 + np.exp(-z)),
    "HardSwish": lambda z: np.where(z > -3, np.where(z < 3, z * (z + 3) / 6, z), 0.0),
    "Softplus": lambda z: np.log(1 + np.exp(z)),
    "Tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "Sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "Softmax": softmax,
    "Identity": lambda z: z,
    "Exponential": np.exp,
    "nothing": lambda z: z,
}

LOSSES = {
    "Softmax": lambda Y_hat, Y: -np.sum(Y * np.log(Y_hat), axis=1),
    "Sigmoid": lambda Y_hat, Y: -np.sum(Y * np.log(Y_hat) + (1 - Y) * np.log(1 - Y_hat), axis=1),
    "Identity": lambda Y_hat, Y: 0.5 * np.sum((Y_hat - Y) ** 2, axis=1),
    "Exponential": lambda Y_hat, Y: np.sum(Y * np.log(Y / Y_hat) - Y + Y_hat, axis=1),
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


# where an activation has no derivative, or its derivative has none
KINKS = {"ReLU": [0], "LeakyReLU": [0], "ELU": [0], "SELU": [0], "HardSwish": [-3, 3]}


def distance_to_kinks(parameters, activations, X):
    """For each example, how near one of its units is to a point where its activation has a kink."""
    distance = np.full(len(X), np.inf)
    for (z, _), name in zip(forward(parameters, activations, X), activations, strict=True):
        for kink in KINKS.get(name, []):
            distance = np.minimum(distance, np.min(np.abs(z - kink), axis=1))
    return distance
