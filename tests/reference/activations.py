"""Compute activations.npz with PyTorch in float64; run by hand: python tests/reference/activations.py

For each activation its values and its slopes (PyTorch's at the kinks), over tails, kinks and what is between; and the
variances of PyTorch's initializers, from its own formulas.
"""

from pathlib import Path

import numpy as np


def activations():
    from torch.nn import functional

    return {
        "leaky_relu": functional.leaky_relu,
        "leaky_relu_0.2": lambda z: functional.leaky_relu(z, 0.2),
        "elu": functional.elu,
        "elu_0.5": lambda z: functional.elu(z, 0.5),
        "elu_1.7": lambda z: functional.elu(z, 1.7),
        "selu": functional.selu,
        "gelu": functional.gelu,
        "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
        "silu": functional.silu,
        "hard_swish": functional.hardswish,
        # above its threshold, by default 20, PyTorch gives z, which is up to 2e-9 too little
        "softplus": lambda z: functional.softplus(z, threshold=40),
    }


TAILS = [20, 30, 36, 37, 40, 50, 80, 90, 100, 110, 300, 700, 710, 745, 750, 1e3, 3e3, 1e4]
SMALL = [0.0, 1e-300, 1e-30, 1e-17, 1e-9, 1e-5, 1e-3]
KINKS = [np.nextafter(3, 0), 3, np.nextafter(3, 4)]


def grid():
    positive = np.concatenate([SMALL, KINKS, TAILS, np.linspace(0.01, 16, 120)])
    return np.unique(np.concatenate([-positive, positive]))


def values_and_slopes(activation, z):
    import torch

    z = torch.tensor(z, dtype=torch.float64, requires_grad=True)
    a = activation(z)
    (slope,) = torch.autograd.grad(a.sum(), z)
    return a.detach().numpy(), slope.numpy()


def standard_deviations(n_in, n_out):
    """Of He, Glorot and LeCun weights; PyTorch writes W as (n_out, n_in)."""
    import torch
    from torch.nn import init

    W = torch.empty(n_out, n_in)
    fan_in, fan_out = init._calculate_fan_in_and_fan_out(W)
    he = init.calculate_gain("relu") / fan_in**0.5  # kaiming_normal_
    glorot = (2.0 / (fan_in + fan_out)) ** 0.5  # xavier_normal_
    lecun = init.calculate_gain("linear") / fan_in**0.5  # kaiming_normal_ with nonlinearity="linear"
    return [he, glorot, lecun]


def truncated_normal_moments(n=4_000_000):
    """Mean of x^2 and of x^4 of a standard normal cut at 2, with their standard errors, drawn by trunc_normal_."""
    import torch
    from torch.nn import init

    x = torch.empty(n, dtype=torch.float64)
    init.trunc_normal_(x, 0, 1, -2, 2, generator=torch.Generator().manual_seed(0))
    return [[float((x**p).mean()), float((x**p).std()) / n**0.5] for p in (2, 4)]


if __name__ == "__main__":
    z = grid()
    figures = {"z": z, "shapes": np.array([(30, 20), (7, 50), (400, 300)])}
    for name, activation in activations().items():
        figures[name], figures[f"d_{name}"] = values_and_slopes(activation, z)
    figures["standard_deviations"] = np.array([standard_deviations(*map(int, s)) for s in figures["shapes"]])
    figures["truncated_normal"] = np.array(truncated_normal_moments())
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **figures)
