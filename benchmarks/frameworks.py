"""Who takes part, and what brings them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from typing import NamedTuple


class Framework(NamedTuple):
    """One way to train or to use a network.

    Attributes
    ----------
    title : str
        As it stands in the tables.
    module : str
        In `benchmarks.peers`: how it trains and predicts.
    packages : tuple of str
        What must be importable.
    distributions : tuple of str
        Their names for pip.
    imports : str
        Python code that imports it as a user would; empty where another framework stands for it.
    script : str
        In `benchmarks.mnist`: the script that goes from nothing to 97 %; empty where there is none.
    trains, predicts : bool
        Whether it can.
    """

    title: str
    module: str
    packages: tuple[str, ...]
    distributions: tuple[str, ...]
    imports: str = ""
    script: str = ""
    trains: bool = True
    predicts: bool = True

    def missing(self) -> list[str]:
        """The distributions that are not installed."""
        pairs = zip(self.packages, self.distributions, strict=True)
        return [distribution for package, distribution in pairs if importlib.util.find_spec(package) is None]

    def versions(self) -> dict[str, str]:
        """Of its distributions."""
        return {name: importlib.metadata.version(name) for name in self.distributions}


FRAMEWORKS = {
    "nnlite": Framework(
        "nnlite",
        "own",
        ("nnlite",),
        ("nnlite",),
        # nnlite loads its modules when they are first used: this uses all of them
        "from nnlite import *; Model([Dense(2), Softmax()], n_features=2)",
        script="own",
    ),
    "torch": Framework("PyTorch", "pytorch", ("torch",), ("torch",), "import torch", script="pytorch"),
    # compiling takes longer than all of MNIST: no script
    "torch-compile": Framework("torch.compile", "pytorch_compiled", ("torch",), ("torch",)),
    "jax": Framework(
        "JAX", "jitted_jax", ("jax", "optax"), ("jax", "optax"), "import jax, jax.numpy", script="jitted_jax"
    ),
    "jax-scan": Framework("JAX (scan)", "scanned_jax", ("jax", "optax"), ("jax", "optax"), predicts=False),
    "keras": Framework(
        "Keras (JAX)", "keras_on_jax", ("keras", "jax"), ("keras", "jax"), "import keras", script="keras_on_jax"
    ),
    "sklearn": Framework(
        "scikit-learn",
        "scikit",
        ("sklearn",),
        ("scikit-learn",),
        "import sklearn.neural_network",
        script="scikit",
    ),
    "onnx": Framework(
        "ONNX Runtime",
        "onnx_runtime",
        ("onnxruntime", "onnx"),
        ("onnxruntime", "onnx"),
        trains=False,
    ),
}
OWN = "nnlite"
ON_DEMAND = ("jax-scan",)  # a whole epoch in one call: no step can be watched, and no training loop written
