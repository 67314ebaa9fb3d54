"""Data sets for comparisons of accuracy: those that scikit-learn ships, data from equations, and images."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import nnlite as nn


class Data(NamedTuple):
    """A data set: X is scaled; y are class indices, or standardized values."""

    name: str
    X: Any
    y: Any
    classifies: bool

    def split(self, seed: int) -> list[Any]:
        """Return X_train, X_test, y_train, y_test: a quarter is for the test, other examples for each seed."""
        strata = self.y if self.classifies else None
        return train_test_split(self.X, self.y, test_size=0.25, random_state=seed, stratify=strata)


def data_sets() -> Iterator[Data]:
    """Yield the data sets."""
    for name in ("iris", "wine", "breast_cancer"):
        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        yield Data(name.replace("_", " "), _scaled(X), y, True)
    X, y = datasets.load_digits(return_X_y=True)
    yield Data("digits", (X / 16).astype(np.float32), y, True)
    yield from _equations()
    for variable, name in (("NNLITE_MNIST", "MNIST, 1,000 images"), ("NNLITE_FASHION", "Fashion-MNIST, 1,000 images")):
        if folder := os.environ.get(variable):
            yield Data(name, *_images(Path(folder), 1333), True)
    X, y = datasets.load_diabetes(return_X_y=True)
    yield Data("diabetes", _scaled(X), _scaled(y[:, None]), False)
    X, y = datasets.make_friedman1(600, noise=0.5, random_state=0)
    yield Data("Friedman 1", _scaled(X), _scaled(y[:, None]), False)


def _equations() -> Iterator[Data]:
    X, y = nn.datasets.make_spirals(600, seed=0)
    yield Data("spirals", _scaled(X), y, True)
    X, y = nn.datasets.make_moons(500, noise=0.25, seed=0)
    yield Data("moons", _scaled(X), y, True)
    X, y = datasets.make_circles(500, noise=0.15, factor=0.5, random_state=0)
    yield Data("circles", _scaled(X), y, True)
    X, y = datasets.make_classification(1000, 20, n_informative=10, n_classes=4, random_state=0)
    yield Data("classification, 20 features", _scaled(X), y, True)
    X, y = datasets.make_gaussian_quantiles(n_samples=1000, n_features=10, n_classes=3, random_state=0)
    yield Data("Gaussian quantiles", _scaled(X), y, True)
    X, y = datasets.make_hastie_10_2(1000, random_state=0)
    yield Data("Hastie 10.2", _scaled(X), (y > 0).astype(int), True)


def _scaled(X: Any) -> Any:
    return StandardScaler().fit_transform(X).astype(np.float32)


def _images(folder: Path, n: int) -> tuple[Any, Any]:
    """Return the first images of a folder in MNIST's format, of which a quarter will be for the test."""
    contents = []
    for name, start in (("train-images-idx3-ubyte", 16), ("train-labels-idx1-ubyte", 8)):
        path = folder / name
        raw = path.read_bytes() if path.exists() else gzip.decompress((folder / f"{name}.gz").read_bytes())
        contents.append(np.frombuffer(raw, np.uint8)[start:])
    return contents[0].reshape(-1, 784)[:n].astype(np.float32) / 255, contents[1][:n].astype(int)
