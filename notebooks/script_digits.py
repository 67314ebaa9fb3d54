"""Train a network on digits, and write the network, its history, a report and pictures to a directory.

    python notebooks/script_digits.py --hidden 128 64 --out runs/my_digits
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import nnlite as nn  # before Matplotlib, which imports NumPy: nnlite sets NumPy up for faster products

import matplotlib.pyplot as plt


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train a network on 8 x 8 digits, and write a report.")
    parser.add_argument("--hidden", type=int, nargs="*", default=[128], help="units of each hidden layer")
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--epochs", type=int, default=60, help="maximum; early stopping may end it before")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/script_digits"))
    return parser.parse_args(arguments)


def train(data: nn.Dataset, options: argparse.Namespace) -> tuple[nn.Model, nn.History]:
    """Train a network until its validation loss stops improving."""
    hidden = [layer for units in options.hidden for layer in (nn.Dense(units), nn.ReLU())]
    model = nn.Model([*hidden, nn.Dense(10), nn.Softmax()], seed=options.seed)
    history = model.fit(
        data.X_train,
        data.y_train,
        optimizer=nn.SGD(options.learning_rate, momentum=0.9),
        epochs=options.epochs,
        validation_split=0.1,
        callbacks=[nn.EarlyStopping(patience=10)],
    )
    return model, history


def write_pictures(folder: Path, model: nn.Model, history: nn.History, data: nn.Dataset) -> None:
    """Write learning curves, confusion matrix and the most confident mistakes."""
    pictures = {
        "learning_curves": history.plot,
        "confusion_matrix": lambda: nn.plots.confusion_matrix(model, data.X_test, data.y_test),
        "mistakes": lambda: nn.plots.most_confident_mistakes(model, data.X_test, data.y_test),
    }
    for name, draw in pictures.items():
        draw()
        plt.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
        plt.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, evaluate, and write the results."""
    options = parse(arguments)
    data = nn.load_digits()
    model, history = train(data, options)
    report = model.evaluate(data.X_test, data.y_test, metrics=["f1", "top_3_accuracy"])

    options.out.mkdir(parents=True, exist_ok=True)
    model.save(options.out / "model.npz")
    history.to_csv(options.out / "history.csv")
    (options.out / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    write_pictures(options.out, model, history, data)

    print(f"{history.epochs} epochs; on the test set:")
    for name, value in report.items():
        print(f"  {name:15}{value:.3f}")
    print(f"written to {options.out}")


if __name__ == "__main__":
    main()
