"""Gradient descent: rules that turn grad into a step of theta."""

from nnlite.optimizers.adam import Adam, AdamW, NAdam
from nnlite.optimizers.adaptive import Adagrad, Lion, RMSProp
from nnlite.optimizers.base import Block, Optimizer, OptimizerState
from nnlite.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Block",
    "Lion",
    "NAdam",
    "Optimizer",
    "OptimizerState",
    "RMSProp",
]
