"""Film how a network learns to tell three spirals apart: a GIF of its decision boundary.

    python notebooks/script_spirals_film.py --activation tanh --out spirals.gif
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import nnlite as nn

ACTIVATIONS: dict[str, type[nn.Layer]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "silu": nn.SiLU}


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, and write the film."""
    parser = argparse.ArgumentParser(description="Film the decision boundary of a network that learns spirals.")
    parser.add_argument("--activation", choices=ACTIVATIONS, default="relu")
    parser.add_argument("--units", type=int, default=16, help="units of each of the two hidden layers")
    parser.add_argument("--epochs", type=int, default=120)
    parser.add_argument("--every", type=int, default=4, help="epochs between two pictures")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("spirals.gif"))
    options = parser.parse_args(arguments)

    X, y = nn.make_spirals(seed=options.seed)
    activation = ACTIVATIONS[options.activation]
    layers = [nn.Dense(options.units), activation(), nn.Dense(options.units), activation(), nn.Dense(3), nn.Softmax()]
    film = nn.plots.Animation(nn.plots.decision_boundary, X, y, every=options.every, resolution=100)
    history = nn.Model(layers, seed=options.seed).fit(
        X, y, optimizer=nn.Adam(0.01), epochs=options.epochs, callbacks=[film]
    )

    options.out.parent.mkdir(parents=True, exist_ok=True)
    film.save(options.out, fps=8)
    print(f"accuracy {history['accuracy'][-1]:.0%}, {len(film.frames)} pictures: {options.out}")


if __name__ == "__main__":
    main()
