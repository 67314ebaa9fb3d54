"""nnlite: multilayer neural networks from scratch in NumPy.

>>> import nnlite as nn
>>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nnlite.datasets import (
        Dataset,
        load_digits,
        load_iris,
        load_mnist,
        make_blobs,
        make_moons,
        make_spirals,
    )
    from nnlite.errors import ArgumentError, DataFileError, NnliteError, NotBuiltError
    from nnlite.functional import (
        binary_cross_entropy,
        cross_entropy,
        hardmax,
        log_softmax,
        one_hot,
        relu,
        sigmoid,
        softmax,
        tanh,
    )
    from nnlite.history import History
    from nnlite.initializers import GlorotUniform, HeNormal, Initializer, Zeros
    from nnlite.layers import Activation, Cache, Dense, Identity, Layer, Output, ReLU, Sigmoid, Softmax, Tanh
    from nnlite.model import Model
    from nnlite.optimizers import SGD, Optimizer

__version__ = "0.1.0.dev0"

# Where each public name lives. A module is loaded when one of its names is first used, so that `import nnlite` is
# as light as `import numpy`; for type checkers and editors the names are imported above.
_HOMES = {
    "datasets": "Dataset load_digits load_iris load_mnist make_blobs make_moons make_spirals",
    "errors": "ArgumentError DataFileError NnliteError NotBuiltError",
    "functional": "binary_cross_entropy cross_entropy hardmax log_softmax one_hot relu sigmoid softmax tanh",
    "history": "History",
    "initializers": "GlorotUniform HeNormal Initializer Zeros",
    "layers": "Activation Cache Dense Identity Layer Output ReLU Sigmoid Softmax Tanh",
    "model": "Model",
    "optimizers": "SGD Optimizer",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = {"datasets", "functional", "initializers", "layers", "optimizers", "plots"}

__all__ = [
    "SGD",
    "Activation",
    "ArgumentError",
    "Cache",
    "DataFileError",
    "Dataset",
    "Dense",
    "GlorotUniform",
    "HeNormal",
    "History",
    "Identity",
    "Initializer",
    "Layer",
    "Model",
    "NnliteError",
    "NotBuiltError",
    "Optimizer",
    "Output",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Zeros",
    "binary_cross_entropy",
    "cross_entropy",
    "hardmax",
    "load_digits",
    "load_iris",
    "load_mnist",
    "log_softmax",
    "make_blobs",
    "make_moons",
    "make_spirals",
    "one_hot",
    "relu",
    "sigmoid",
    "softmax",
    "tanh",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"nnlite.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'nnlite' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(f"nnlite.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
