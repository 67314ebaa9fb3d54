"""Compare optimizers over several seeds, each with the learning rate that its own range test suggests.

    python notebooks/script_compare_optimizers.py --epochs 20 --seeds 0 1 2 3 4 --out optimizers.png
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import nnlite as nn  # before Matplotlib, which imports NumPy: nnlite sets NumPy up for faster products

import matplotlib.pyplot as plt

OPTIMIZERS: dict[str, Callable[[float], nn.Optimizer]] = {
    "SGD": nn.SGD,
    "SGD, momentum": lambda rate: nn.SGD(rate, momentum=0.9),
    "RMSProp": nn.RMSProp,
    "Adam": nn.Adam,
    "AdamW": lambda rate: nn.AdamW(rate, weight_decay=0.01),
}


def network(seed: int) -> nn.Model:
    """Return the network that all optimizers train."""
    return nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=seed)


def compare(data: nn.Dataset, epochs: int, seeds: Sequence[int]) -> dict[str, list[nn.History]]:
    """Train with each optimizer and seed, print a line for each optimizer, and return the histories."""
    histories: dict[str, list[nn.History]] = {}
    for name, make in OPTIMIZERS.items():
        test = nn.find_learning_rate(network(seeds[0]), data.X_train, data.y_train, optimizer=make(0.01))
        rate = test.suggestion or 0.01
        histories[name] = [
            network(seed).fit(
                data.X_train, data.y_train, optimizer=make(rate), epochs=epochs, validation_split=0.2, progress=False
            )
            for seed in seeds
        ]
        accuracies = [history["val_accuracy"][-1] for history in histories[name]]
        print(f"{name:15}rate {rate:<9.2g}accuracy {median(accuracies):.1%}", flush=True)
    return histories


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the optimizers and draw their learning curves."""
    parser = argparse.ArgumentParser(description="Compare optimizers on 8 x 8 digits.")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("optimizers.png"), help="file for the picture")
    options = parser.parse_args(arguments)

    histories = compare(nn.load_digits(), options.epochs, options.seeds)
    fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    nn.plots.learning_curves(histories, axes, keys=["val_loss", "val_accuracy"])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(options.out, dpi=120)
    plt.close(fig)
    print(f"validation curves, median and range over the seeds: {options.out}")


if __name__ == "__main__":
    main()
