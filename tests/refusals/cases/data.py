"""Wrong arguments of what loads, makes and divides data."""

import numpy as np

import nnlite as nn

from ..refusal import FILES, Call, case
from .fit import BATCHES

PETS = FILES / "pets.csv"

COLUMNS = {"width": [1.0, 2.5], "kind": ["cat", "dog"]}
OF_A_TABLE = {
    "kinds": ["width"],
    "class_names": "cat",
    "like": 3,
    "missing": "NA",
    "decimal": ";",
    "thousands": "x",
    "dates": "ydm",
    "scaling": "log",
    "fill": "mean",
}


def encoding(on):
    """What makes a table of one column into numbers."""
    return nn.Encoding.learn(nn.Table({"width": [1.0, 2.0, 4.0]}))


def stored(on):
    """Three examples that are read in blocks."""
    return nn.open_data(np.zeros((3, 2)), [0, 1, 0])


CALLS = {
    "load_digits": Call(wrong={"test_fraction": 1, "seed": -1}),
    "load_iris": Call(wrong={"test_fraction": 0, "seed": 0.5}),
    "load_mnist": Call({"directory": FILES}, wrong={"directory": 3, "progress": "bar"}),
    "load_csv": Call(
        {"path": PETS},
        wrong={
            "path": 3, "target": "color", "classification": "yes", "header": 1, "delimiter": "->",
            "encoding": "morse", "ignore": "width", "dtype": "int", "comment": "a", **OF_A_TABLE,
        },
    ),
    "read_table": Call(
        {"path": PETS},
        wrong={
            "path": 3, "target": 1.5, "classification": 1, "header": "no", "delimiter": "", "encoding": "utf-9",
            "ignore": 3, "dtype": "float16", "comment": 3, **OF_A_TABLE,
        },
    ),
    "Table": Call(
        {"data": COLUMNS},
        wrong={
            "data": [[1, 2]], "target": "color", "classification": "yes", "ignore": "width", "dtype": "int", "name": 3,
            **OF_A_TABLE,
        },
    ),
    "Table.row": Call(of=lambda on: nn.load_csv(PETS), wrong={"i": 1.5}),
    "Table.rows": Call(of=lambda on: nn.load_csv(PETS), wrong={"indices": [99]}),
    "Table.replace": Call(
        {"name": "width", "values": [1, 2, 3]}, of=lambda on: nn.load_csv(PETS), wrong={"name": "color", "values": [1]}
    ),
    "Encoding.transform": Call(
        {"data": {"width": [1.0]}},
        of=encoding,
        wrong={"data": case({"height": [1.0]}, "no column 'width'", named="X"), "dtype": "int", "name": 3},
    ),
    "open_data": Call(
        {"source": np.zeros((3, 2))},
        wrong={
            "source": 3, "y": [1, 2], "sample_weight": [1, 2], "X": 3, "memory": 0,
        },
    ),
    "open_table": Call(
        {"source": PETS, "target": "kind"},
        wrong={
            "source": 3, "target": "color", "classification": 1, "header": "no", "delimiter": "", "encoding": "utf-9",
            "ignore": 3, "dtype": "float16", "comment": 3, "memory": 0,
            **OF_A_TABLE,
        },
    ),
    "StoredArrays.split": Call({"fraction": 0.5}, of=stored, wrong={"fraction": 1, "seed": -1}),
    "StoredArrays.read": Call({"start": 0, "stop": 2}, of=stored, wrong={"start": -1, "stop": 0}),
    "StoredTable.split": Call(
        {"fraction": 0.5}, of=lambda on: nn.open_table(PETS, "kind"), wrong={"fraction": 1, "seed": -1}
    ),
    "Table.split": Call(of=lambda on: nn.load_csv(PETS), wrong={"test_fraction": 1, "seed": -1}),
    "make_spirals": Call(wrong={"n_examples": 2, "n_classes": 0, "noise": -1, "turns": -1, "seed": -1}),
    "make_moons": Call(wrong={"n_examples": 1, "noise": -1, "seed": -1}),
    "make_blobs": Call(wrong={"n_examples": 2, "n_classes": 0, "n_features": 0, "spread": -1, "seed": -1}),
    "load_images": Call(
        {"path": FILES},
        wrong={
            "path": 3, "size": 3, "grayscale": "yes", "image_shape": 3, "target": "kind", "test_fraction": 1,
            "seed": -1, "skip_bad": "no", "progress": "bar",
        },
    ),
    "read_images": Call(
        {"path": FILES},
        wrong={"path": 3, "like": 3, "size": (8,), "grayscale": 1, "skip_bad": "no", "progress": "bar"},
    ),
    "ImageEncoding": Call(
        {"image_shape": (8, 8)}, wrong={"image_shape": (8, 8, 4), "resize": "yes", "scale": 0, "table_scale": -1}
    ),
    "batches": BATCHES,
}  # fmt: skip
