"""Who takes part, and how to install them."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.networks import Network

NOTHING: Mapping[str, str] = MappingProxyType({})
ALWAYS, ON_REQUEST = "always", "on request"


class Framework(NamedTuple):
    """One way to train or to use a network.

    Attributes
    ----------
    title : str
        Its name in the tables.
    module : str
        In `benchmarks.peers`: how it trains and predicts.
    distributions : tuple of str
        Names for pip of what it needs.
    imports : str
        Python code that imports it as a user would; empty where another framework stands for it.
    script : str
        In `benchmarks.mnist`: the script that goes from nothing to 97 %; empty if there is none.
    trains, predicts : bool
        Whether it can.
    regularizes : bool
        Whether it has BatchNorm and Dropout.
    convolves : bool
        Whether it trains convolutional networks here: in the module of `benchmarks.peers` with ``images_`` in front.
    keeps : {"", "always", "on request"}
        When it keeps compiled programs on disk for the next process.
    settings : mapping of str to str
        Environment variables of its processes.
    """

    title: str
    module: str
    distributions: tuple[str, ...]
    imports: str = ""
    script: str = ""
    trains: bool = True
    predicts: bool = True
    regularizes: bool = True
    convolves: bool = False
    keeps: str = ""
    settings: Mapping[str, str] = NOTHING

    @property
    def draws(self) -> bool:
        """Whether it draws a progress bar, and so has a terminal."""
        return self.module.startswith("own")

    def missing(self) -> list[str]:
        """Return the distributions that are not installed."""
        return [name for name in self.distributions if not is_installed(name)]

    def versions(self) -> dict[str, str]:
        """Return the versions of its distributions."""
        return {name: importlib.metadata.version(name) for name in self.distributions}

    def can_train(self, network: Network) -> bool:
        """Return whether it can train such a network."""
        return self.trains and (self.regularizes or not network.regularized)


def is_installed(distribution: str) -> bool:
    """Return whether a distribution is installed."""
    try:
        importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


# nnlite loads its modules when they are first used: this uses all that a training in NumPy needs
EVERYTHING = "from nnlite import *; Model([Dense(2), Softmax()], n_features=2)"
TEXTBOOK, FAST = "nnlite", "nnlite-fast"
OWN = (TEXTBOOK, FAST)
LIMITS = ("mkl", "openblas")  # they only multiply matrices
ONE_THREAD = {"MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

FRAMEWORKS = {
    TEXTBOOK: Framework(
        "nnlite", "own", ("nnlite",), EVERYTHING, script="own", convolves=True, settings={"NNLITE_ENGINE": "textbook"}
    ),
    FAST: Framework(
        "nnlite[fast]",
        "own_compiled",
        ("nnlite", "numba"),
        EVERYTHING + "; import numba",
        script="own",
        convolves=True,
        keeps=ALWAYS,
        settings={"NNLITE_ENGINE": "auto"},  # as without the variable, whatever is set outside
    ),
    "torch": Framework("PyTorch", "pytorch", ("torch",), "import torch", script="pytorch", convolves=True),
    # compiling takes longer than all of MNIST: no script
    "torch-compile": Framework("torch.compile", "pytorch_compiled", ("torch",)),
    "jax": Framework(
        "JAX",
        "jitted_jax",
        ("jax", "optax"),
        "import jax, jax.numpy",
        script="jitted_jax",
        convolves=True,
        keeps=ON_REQUEST,
    ),
    # a whole epoch in one call, so that Python sees nothing until it ends; it predicts as JAX does
    "jax-scan": Framework(
        "JAX (scan)",
        "scanned_jax",
        ("jax", "optax"),
        script="scanned_jax",
        predicts=False,
        convolves=True,
        keeps=ON_REQUEST,
    ),
    "keras": Framework(
        "Keras (JAX)", "keras_on_jax", ("keras", "jax"), "import keras", script="keras_on_jax", keeps=ON_REQUEST
    ),
    "sklearn": Framework(
        "scikit-learn", "scikit", ("scikit-learn",), "import sklearn.neural_network", script="scikit", regularizes=False
    ),
    "onnx": Framework("ONNX Runtime", "onnx_runtime", ("onnxruntime", "onnx"), trains=False),
    "mkl": Framework("MKL", "mkl_products", ("mkl", "numba"), trains=False, predicts=False, settings=ONE_THREAD),
    "openblas": Framework(
        "OpenBLAS", "openblas_products", ("numba",), trains=False, predicts=False, settings=ONE_THREAD
    ),
}
