"""The check of the argument ``optimizer`` of `Model.fit` and others."""

import difflib
from typing import Any

from nnlite.errors import ArgumentError
from nnlite.optimizers.adam import Adam, AdamW, NAdam
from nnlite.optimizers.adaptive import Adagrad, Lion, RMSProp
from nnlite.optimizers.base import Optimizer
from nnlite.optimizers.rules import check_rule
from nnlite.optimizers.sgd import SGD
from nnlite.words import spelled

BY_NAME = {rule.__name__: rule for rule in (SGD, Adagrad, RMSProp, Adam, AdamW, NAdam, Lion)}


def check_optimizer(optimizer: Any) -> Optimizer:
    """Return the optimizer, by default SGD(0.1), or that of a name; ArgumentError if its rule cannot work."""
    if optimizer is None:
        return SGD(0.1)
    if isinstance(optimizer, str):
        found = spelled(optimizer, BY_NAME)
        if found is not None:
            return BY_NAME[found]()
    if not isinstance(optimizer, Optimizer):
        hint = _hint(optimizer)
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}{hint}")
    check_rule(optimizer)
    return optimizer


def _hint(value: Any) -> str:
    """Return the call that makes an optimizer of that class or name."""
    if isinstance(value, str):
        known = {name.lower(): name for name in BY_NAME}
        close = difflib.get_close_matches(value.lower(), known, n=1)
        return f"; did you mean {close[0]!r}?" if close else f"; rules by name are {', '.join(known)}"
    if isinstance(value, type) and value in BY_NAME.values():
        return f"; write nn.{value.__name__}()"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"; write nn.SGD({value})"
    return f"; write {value.__name__}(...)" if isinstance(value, type) and issubclass(value, Optimizer) else ""
