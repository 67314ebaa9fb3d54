"""Wrong arguments of what loads, makes and divides data."""

import nnlite as nn

from ..refusal import FILES, Call
from .fit import BATCHES

PETS = FILES / "pets.csv"

CALLS = {
    "load_digits": Call(wrong={"test_fraction": 1, "seed": -1}),
    "load_iris": Call(wrong={"test_fraction": 0, "seed": 0.5}),
    "load_mnist": Call({"directory": FILES}, wrong={"directory": 3, "progress": "bar"}),
    "load_csv": Call(
        {"path": PETS},
        wrong={
            "path": 3, "target": "color", "classification": "yes", "header": 1, "delimiter": "->",
            "encoding": "morse", "ignore": "width", "dtype": "int",
        },
    ),
    "Table.split": Call(of=lambda on: nn.load_csv(PETS), wrong={"test_fraction": 1, "seed": -1}),
    "make_spirals": Call(wrong={"n_examples": 2, "n_classes": 0, "noise": -1, "turns": -1, "seed": -1}),
    "make_moons": Call(wrong={"n_examples": 1, "noise": -1, "seed": -1}),
    "make_blobs": Call(wrong={"n_examples": 2, "n_classes": 0, "n_features": 0, "spread": -1, "seed": -1}),
    "batches": BATCHES,
}  # fmt: skip
