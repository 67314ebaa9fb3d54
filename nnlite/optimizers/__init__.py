"""Optimizers: rules that turn grad into a step of theta."""

from nnlite.optimizers.adam import Adam, AdamW, NAdam
from nnlite.optimizers.adaptive import Adagrad, Lion, RMSProp
from nnlite.optimizers.base import Optimizer
from nnlite.optimizers.check import check_optimizer
from nnlite.optimizers.sgd import SGD
from nnlite.optimizers.state import OptimizerState, Part

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "NAdam",
    "Optimizer",
    "OptimizerState",
    "Part",
    "RMSProp",
    "check_optimizer",
]
