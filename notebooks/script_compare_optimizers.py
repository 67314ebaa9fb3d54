"""Which optimizer gets how far? Each with the learning rate of its own range test, over several seeds.

    python notebooks/script_compare_optimizers.py --epochs 20 --seeds 0 1 2 3 4 --out optimizers.png
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import nnlite as nn  # before NumPy, which Matplotlib imports: its products are faster then

import matplotlib.pyplot as plt

OPTIMIZERS: dict[str, Callable[[float], nn.Optimizer]] = {
    "SGD": nn.SGD,
    "SGD, momentum": lambda rate: nn.SGD(rate, momentum=0.9),
    "RMSProp": nn.RMSProp,
    "Adam": nn.Adam,
    "AdamW": lambda rate: nn.AdamW(rate, weight_decay=0.01),
}


def network(seed: int) -> nn.Model:
    """The same for all."""
    return nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=seed)


def compare(data: nn.Dataset, epochs: int, seeds: Sequence[int]) -> dict[str, list[nn.History]]:
    """The trainings of each optimizer, a seed each; prints a line when one is done."""
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
    """Compare, and draw the learning curves."""
    parser = argparse.ArgumentParser(description="Compare optimizers on 8 x 8 digits.")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("optimizers.png"), help="the picture")
    options = parser.parse_args(arguments)

    histories = compare(nn.load_digits(), options.epochs, options.seeds)
    fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    nn.plots.learning_curves(histories, axes, keys=["val_loss", "val_accuracy"])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(options.out, dpi=120)
    plt.close(fig)
    print(f"learning curves on validation, medians within the range of the seeds: {options.out}")


if __name__ == "__main__":
    main()
