"""Moments of PyTorch's initializers, for tests/test_initializers.py. Run by hand, with PyTorch installed."""

from pathlib import Path

import numpy as np

N_IN, N_OUT = 300, 200
DRAWS = 50  # matrices of N_IN x N_OUT: three million numbers


def main():
    """Draw, and store mean, standard deviation, fourth moment over squared variance, and largest size."""
    import torch
    from torch.nn import init

    torch.manual_seed(0)
    rules = {
        "HeNormal": lambda w: init.kaiming_normal_(w, nonlinearity="relu"),
        "HeUniform": lambda w: init.kaiming_uniform_(w, nonlinearity="relu"),
        "LeCunNormal": lambda w: init.kaiming_normal_(w, nonlinearity="linear"),
        "LeCunUniform": lambda w: init.kaiming_uniform_(w, nonlinearity="linear"),
        "GlorotNormal": init.xavier_normal_,
        "GlorotUniform": init.xavier_uniform_,
        "Orthogonal": init.orthogonal_,
        "TruncatedNormal": lambda w: init.trunc_normal_(w, std=0.05, a=-0.1, b=0.1),
        "Constant": lambda w: init.constant_(w, 0.3),
        "Zeros": init.zeros_,
    }
    figures = {}
    for name, rule in rules.items():
        draws = [rule(torch.empty(N_OUT, N_IN, dtype=torch.float64)).numpy() for _ in range(DRAWS)]
        figures[name] = moments(np.array(draws))
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **figures)


def moments(w):
    """Mean, standard deviation, kurtosis, largest absolute value."""
    variance = w.var()
    kurtosis = ((w - w.mean()) ** 4).mean() / variance**2 if variance > 1e-20 else 0.0
    return np.array([w.mean(), np.sqrt(variance), kurtosis, np.abs(w).max()])


if __name__ == "__main__":
    main()
