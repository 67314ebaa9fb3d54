"""The check of the argument ``optimizer`` of `Model.fit` and others."""

from typing import Any

from nnlite.errors import ArgumentError
from nnlite.optimizers.adam import Adam, AdamW, NAdam
from nnlite.optimizers.adaptive import Adagrad, Lion, RMSProp
from nnlite.optimizers.base import Optimizer
from nnlite.optimizers.rules import check_rule
from nnlite.optimizers.sgd import SGD

RULES = (SGD, Adagrad, RMSProp, Adam, AdamW, NAdam, Lion)


def check_optimizer(optimizer: Any) -> Optimizer:
    """Return the optimizer, by default SGD(0.1); ArgumentError if it is none, or its rule cannot work."""
    if optimizer is None:
        return SGD(0.1)
    if not isinstance(optimizer, Optimizer):
        hint = _hint(optimizer)
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}{hint}")
    check_rule(optimizer)
    return optimizer


def _hint(value: Any) -> str:
    """Return the call that makes an optimizer of that class or name."""
    for rule in RULES:
        if value is rule or (isinstance(value, str) and value.lower() == rule.__name__.lower()):
            return f"; write nn.{rule.__name__}()"
    return f"; write {value.__name__}(...)" if isinstance(value, type) and issubclass(value, Optimizer) else ""
