"""What happens beside training: stopping early, saving, logging, averaging weights.

A callback's methods are called by `Model.fit` at the beginning and end of the training, of each epoch and of each
batch. Those that a callback does not override are never called.
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
