"""nnlite: multilayer neural networks from scratch in NumPy.

>>> import nnlite as nn
>>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
"""

import importlib
from typing import TYPE_CHECKING, Any

from nnlite.engine import openblas

openblas.prepare()

if TYPE_CHECKING:
    from nnlite.callbacks import (
        EMA,
        SWA,
        Callback,
        CSVLogger,
        EarlyStopping,
        LambdaCallback,
        ModelCheckpoint,
        ReduceOnPlateau,
    )
    from nnlite.datasets import (
        Dataset,
        Table,
        load_csv,
        load_digits,
        load_iris,
        load_mnist,
        make_blobs,
        make_moons,
        make_spirals,
    )
    from nnlite.errors import ArgumentError, DataFileError, DivergenceError, ModelFileError, NnliteError, NotBuiltError
    from nnlite.fitting.batches import batches
    from nnlite.fitting.history import History
    from nnlite.functional import (
        binary_cross_entropy,
        cross_entropy,
        elu,
        erf,
        gelu,
        hard_swish,
        hardmax,
        leaky_relu,
        log_softmax,
        one_hot,
        relu,
        selu,
        sigmoid,
        silu,
        softmax,
        softplus,
        tanh,
    )
    from nnlite.initializers import (
        Constant,
        GlorotNormal,
        GlorotUniform,
        HeNormal,
        HeUniform,
        Initializer,
        LeCunNormal,
        LeCunUniform,
        Orthogonal,
        TruncatedNormal,
        Zeros,
    )
    from nnlite.inspect.diagnose import Diagnose, Diagnosis, Finding, diagnose
    from nnlite.inspect.gradient_check import GradientCheck, gradient_check
    from nnlite.inspect.learning_rate import RangeTest, find_learning_rate
    from nnlite.inspect.trace import Trace, trace
    from nnlite.layers import (
        ELU,
        GELU,
        SELU,
        Activation,
        AlphaDropout,
        BatchNorm,
        Cache,
        Dense,
        Dropout,
        Exponential,
        Flatten,
        GaussianNoise,
        HardSwish,
        Identity,
        Layer,
        LayerNorm,
        LeakyReLU,
        Output,
        ReLU,
        Reshape,
        Residual,
        Sigmoid,
        SiLU,
        Softmax,
        Softplus,
        Tanh,
    )
    from nnlite.model import Model, load
    from nnlite.optimizers import SGD, Adagrad, Adam, AdamW, Lion, NAdam, Optimizer, RMSProp
    from nnlite.schedules import (
        ConstantRate,
        CosineDecay,
        CosineDecayRestarts,
        ExponentialDecay,
        LinearWarmup,
        OneCycle,
        PolynomialDecay,
        Schedule,
        SequentialSchedule,
        StepDecay,
    )
    from nnlite.storage.checkpoints import Checkpoint

__version__ = "0.1.0.dev0"

# Where each public name lives. A module is loaded when one of its names is first used, so that `import nnlite` is
# as light as `import numpy`; for type checkers and editors the names are imported above.
_HOMES = {
    "callbacks": "CSVLogger Callback EMA EarlyStopping LambdaCallback ModelCheckpoint ReduceOnPlateau SWA",
    "storage.checkpoints": "Checkpoint",
    "datasets": "Dataset Table load_csv load_digits load_iris load_mnist make_blobs make_moons make_spirals",
    "errors": "ArgumentError DataFileError DivergenceError ModelFileError NnliteError NotBuiltError",
    "functional": (
        "binary_cross_entropy cross_entropy elu erf gelu hard_swish hardmax leaky_relu log_softmax "
        "one_hot relu selu sigmoid silu softmax softplus tanh"
    ),
    "fitting.history": "History",
    "initializers": (
        "Constant GlorotNormal GlorotUniform HeNormal HeUniform Initializer LeCunNormal LeCunUniform "
        "Orthogonal TruncatedNormal Zeros"
    ),
    "inspect.diagnose": "Diagnose Diagnosis Finding diagnose",
    "inspect.gradient_check": "GradientCheck gradient_check",
    "inspect.learning_rate": "RangeTest find_learning_rate",
    "inspect.trace": "Trace trace",
    "layers": (
        "Activation AlphaDropout BatchNorm Cache Dense Dropout ELU Exponential Flatten GELU "
        "GaussianNoise HardSwish Identity Layer LayerNorm LeakyReLU Output ReLU Reshape Residual SELU "
        "SiLU Sigmoid Softmax Softplus Tanh"
    ),
    "model": "Model load",
    "optimizers": "Adagrad Adam AdamW Lion NAdam Optimizer RMSProp SGD",
    "schedules": (
        "ConstantRate CosineDecay CosineDecayRestarts ExponentialDecay LinearWarmup OneCycle "
        "PolynomialDecay Schedule SequentialSchedule StepDecay"
    ),
    "fitting.batches": "batches",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}
_MODULES = {
    "callbacks",
    "datasets",
    "functional",
    "initializers",
    "inspect",
    "layers",
    "metrics",
    "optimizers",
    "plots",
    "schedules",
}

__all__ = [
    "ELU",
    "EMA",
    "GELU",
    "SELU",
    "SGD",
    "SWA",
    "Activation",
    "Adagrad",
    "Adam",
    "AdamW",
    "AlphaDropout",
    "ArgumentError",
    "BatchNorm",
    "CSVLogger",
    "Cache",
    "Callback",
    "Checkpoint",
    "Constant",
    "ConstantRate",
    "CosineDecay",
    "CosineDecayRestarts",
    "DataFileError",
    "Dataset",
    "Dense",
    "Diagnose",
    "Diagnosis",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Exponential",
    "ExponentialDecay",
    "Finding",
    "Flatten",
    "GaussianNoise",
    "GlorotNormal",
    "GlorotUniform",
    "GradientCheck",
    "HardSwish",
    "HeNormal",
    "HeUniform",
    "History",
    "Identity",
    "Initializer",
    "LambdaCallback",
    "Layer",
    "LayerNorm",
    "LeCunNormal",
    "LeCunUniform",
    "LeakyReLU",
    "LinearWarmup",
    "Lion",
    "Model",
    "ModelCheckpoint",
    "ModelFileError",
    "NAdam",
    "NnliteError",
    "NotBuiltError",
    "OneCycle",
    "Optimizer",
    "Orthogonal",
    "Output",
    "PolynomialDecay",
    "RMSProp",
    "RangeTest",
    "ReLU",
    "ReduceOnPlateau",
    "Reshape",
    "Residual",
    "Schedule",
    "SequentialSchedule",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "StepDecay",
    "Table",
    "Tanh",
    "Trace",
    "TruncatedNormal",
    "Zeros",
    "batches",
    "binary_cross_entropy",
    "cross_entropy",
    "diagnose",
    "elu",
    "erf",
    "find_learning_rate",
    "gelu",
    "gradient_check",
    "hard_swish",
    "hardmax",
    "leaky_relu",
    "load",
    "load_csv",
    "load_digits",
    "load_iris",
    "load_mnist",
    "log_softmax",
    "make_blobs",
    "make_moons",
    "make_spirals",
    "one_hot",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
    "trace",
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
