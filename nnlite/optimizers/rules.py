"""What a rule that a user writes has to keep to: see `nnlite.Optimizer`."""

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.optimizers.state import Part

OF_A_PART = ("theta", "grad", "decayed", "n_missed", "t")  # attributes of every `Part`


def check_rule(optimizer: Any) -> None:
    """Raise ArgumentError if the class of the optimizer cannot work."""
    name, names = f"optimizer: {type(optimizer).__name__}", optimizer.state_names
    if not hasattr(optimizer, "learning_rate"):
        raise ArgumentError(f"{name}.__init__ must call super().__init__(learning_rate, **options)")
    if isinstance(names, str) or not all(isinstance(each, str) for each in names):
        raise ArgumentError(f"{name}.state_names must be a tuple of names such as ('velocity',), got {names!r}")
    for each in names:
        if each in OF_A_PART:
            raise ArgumentError(f"{name}.state_names: part.{each} has its own meaning; choose another name")
    if getattr(optimizer.update, "__qualname__", "") == "Optimizer.update":  # that of the base class
        raise ArgumentError(f"{name} has no update rule; define update(self, part, g, learning_rate)")
    if wrong := checks.wrong_arguments(optimizer.update, "part", "g", "learning_rate"):
        raise ArgumentError(f"{name}.update {wrong}")


def explain(error: ValueError | AttributeError, optimizer: Any) -> None:
    """Raise ArgumentError if ``error``, raised by `update`, comes from what a rule must not do."""
    name, said = f"optimizer: {type(optimizer).__name__}.update", str(error)
    if isinstance(error, AttributeError):
        if isinstance(error.obj, Part):
            names = (*optimizer.state_names, error.name)
            raise ArgumentError(f"{name} uses part.{error.name}; write state_names = {names!r} in the class") from error
        return
    if "read-only" in said:
        raise ArgumentError(
            f"{name} writes into a read-only array: g and views of it are read-only, and so are results of "
            f"np.broadcast_to; compute a new array, such as learning_rate * g instead of g *= learning_rate"
        ) from error
    kept = [name for name, value in vars(optimizer).items() if isinstance(value, np.ndarray)]
    if kept and "broadcast" in said:
        raise ArgumentError(
            f"{name} keeps an array on self, self.{kept[0]}, but is called for several parts of theta: write "
            f"state_names = ({kept[0]!r},) in the class, and part.{kept[0]} in update"
        ) from error
