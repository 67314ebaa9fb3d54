"""Makes plateau.npz: the learning rates of PyTorch's ReduceLROnPlateau on some curves. Run by hand, with PyTorch 2.13.

    python tests/reference/plateau.py

The file has, under the call in this library's words, two rows: the curve, and the learning rate after each of its
values, from 1 on. Values are multiples of 1/64 (NaN among them in one curve), so that comparisons and differences
are exact, and values that differ by exactly ``min_delta`` are frequent. PyTorch's ``threshold_mode`` is "abs" and its
``eps`` is 0, as there is no such thing here.
"""

import pathlib

import numpy as np

CASES = [
    "factor=0.5, patience=0, min_delta=0",
    "factor=0.5, patience=2, min_delta=0",
    "factor=0.1, patience=3, min_delta=0.015625",
    "factor=0.1, patience=3, min_delta=0.0625",
    "factor=0.5, patience=1, min_delta=0, cooldown=1",
    "factor=0.5, patience=0, min_delta=0, cooldown=3",
    "factor=0.7, patience=2, min_delta=0.03125, cooldown=5",
    "factor=0.3, patience=1, min_delta=0, min_learning_rate=0.05",
    "factor=0.5, patience=0, min_delta=0, min_learning_rate=2.0",
    "factor=0.5, patience=1, min_delta=0, mode='max'",
    "factor=0.1, patience=2, min_delta=0.03125, mode='max', cooldown=2, min_learning_rate=0.001",
    "factor=0.9, patience=10, min_delta=0.0001",
]
N_EPOCHS = 60


def curves(rng):
    """Down with noise, up with noise, and with gaps from the first value on."""
    noise = rng.integers(-4, 5, N_EPOCHS)
    falling = (noise - np.round(0.4 * np.arange(N_EPOCHS))) / 64
    gaps = falling.copy()
    gaps[[0, *rng.integers(1, N_EPOCHS, 12)]] = np.nan
    return {"falling": falling, "rising": -falling, "gaps": gaps}


def pytorch_rates(curve, *, factor, patience, min_delta, mode="min", cooldown=0, min_learning_rate=0.0):
    """Learning rate after each value of the curve."""
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode,
        factor,
        patience,
        threshold=min_delta,
        threshold_mode="abs",
        cooldown=cooldown,
        min_lr=min_learning_rate,
        eps=0,
    )
    rates = []
    for value in curve:
        plateau.step(value)
        rates.append(optimizer.param_groups[0]["lr"])
    return rates


def main():
    """Write the file."""
    rng = np.random.default_rng(0)
    stored = {}
    for case in CASES:
        for name, curve in curves(rng).items():
            stored[f"{name}: {case}"] = np.array([curve, pytorch_rates(curve, **eval(f"dict({case})"))])
    np.savez_compressed(pathlib.Path(__file__).with_suffix(".npz"), **stored)


if __name__ == "__main__":
    main()
