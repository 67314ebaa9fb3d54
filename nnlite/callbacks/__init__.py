"""Callbacks of `Model.fit`: stopping early, saving, logging, averaging weights.

`Model.fit` calls the methods of a callback at the beginning and end of the training, of each epoch and of each batch.
Methods that a callback does not override cost nothing.
"""

from nnlite.callbacks.averaging import EMA, SWA
from nnlite.callbacks.base import Callback, Hooks, LambdaCallback, check_callbacks
from nnlite.callbacks.logging import CSVLogger
from nnlite.callbacks.monitors import EarlyStopping, ModelCheckpoint, Monitor, ReduceOnPlateau

__all__ = [
    "EMA",
    "SWA",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "Hooks",
    "LambdaCallback",
    "ModelCheckpoint",
    "Monitor",
    "ReduceOnPlateau",
    "check_callbacks",
]
