"""What the tests of optimizers share: every rule with every option, a small network, and a cost with a known slope."""

import itertools

import numpy as np

import nnlite as nn
from nnlite import optimizers, schedules

from ..support import network

STEPS = 50

RULES = [
    "SGD(0.05)",
    "SGD(0.05, momentum=0.9)",
    "SGD(0.05, momentum=0.9, nesterov=True)",
    "Adagrad(0.1)",
    "Adagrad(0.1, initial_accumulator_value=0.5)",
    "RMSProp(0.02)",
    "RMSProp(0.02, momentum=0.8, centered=True)",
    "Adam(0.05)",
    "Adam(0.05, beta_2=0.8, amsgrad=True)",
    "AdamW(0.05)",
    "NAdam(0.05)",
    "Lion(0.01)",
]
DECOUPLED = ["AdamW", "Lion"]
OPTIONS = ["weight_decay=0.2", "l1=0.1", "clip_value=0.3", "clip_norm=0.5", "max_norm=0.4"]


def with_option(rule, option):
    """The call of a rule with one more argument."""
    return f"{rule[:-1]}, {option})"


EVERY = [*RULES, *(with_option(rule, option) for rule, option in itertools.product(RULES, OPTIONS))]


def make(call):
    """The optimizer that a call makes."""
    return eval(call, vars(optimizers) | {"schedules": schedules})


def classifier(seed=0, dtype="float64", units=6):
    """A network with one hidden layer: W1 (4, units), b1, W2 (units, 3), b2."""
    return network(nn.Dense(units), nn.Tanh(), seed=seed, dtype=dtype)


def slope(theta):
    """The gradient of a cost with valleys, hills and another curvature in each direction."""
    scale = np.linspace(0.5, 2, theta.size)
    return scale * theta + np.sin(3 * theta) + np.cos(np.arange(theta.size))


def train(model, optimizer, steps=STEPS):
    """Theta after each step."""
    path = []
    for _ in range(steps):
        model.grad[:] = slope(model.theta)
        optimizer.step(model)
        path.append(model.theta.copy())
    return np.array(path)


def indices(model, *names):
    """Where parameters lie in theta."""
    numbers = model.theta.copy()
    model.theta[:] = np.arange(numbers.size)
    found = np.concatenate([model.parameters[name].ravel() for name in names]).astype(int)
    model.theta[:] = numbers
    return found


def decay_mask(model):
    """1 for the entries of theta that are weights, 0 for biases."""
    mask = np.zeros(model.theta.size)
    mask[indices(model, *(name for name in model.parameters if name[0] == "W"))] = 1
    return mask
