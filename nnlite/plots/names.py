"""What is written in a picture: names of classes, layers and quantities, and shares in percent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ArgumentError
from nnlite.layers import Dense, Layer
from nnlite.layers.convolution import Convolution

QUANTITIES = {"loss": "loss J", "learning_rate": "learning rate", "seconds": "seconds per epoch", "r2": "R2"}


def checked_names(names: Any, n: int, argument: str = "class_names") -> list[str]:
    """Return ``names`` as n strings; None gives "0", "1", ... Raise ArgumentError for another number of names."""
    if names is None:
        return [str(c) for c in range(n)]
    if isinstance(names, (str, Mapping)) or not hasattr(names, "__iter__") or len(names) != n:
        n_given = len(names) if hasattr(names, "__len__") and not isinstance(names, str) else repr(names)
        raise ArgumentError(f"{argument}: expected {n} names, got {n_given}")
    return [str(name) for name in names]


def given_or_own_names(class_names: Any, model: Any) -> Any:
    """Return ``class_names``, or those of ``model`` if they are None; ``model`` may be any object."""
    return getattr(model, "class_names", None) if class_names is None else class_names


def chosen_from(known: Sequence[str], chosen: Any, argument: str) -> list[str]:
    """Return ``chosen``, one name or several, as a list. Raise ArgumentError unless each is in ``known``."""
    names = [chosen] if isinstance(chosen, str) else chosen
    choices = ", ".join(known) or "nothing"
    if not isinstance(names, (Sequence, np.ndarray)) or not len(names):
        raise ArgumentError(f"{argument}: expected some of {choices}, got {chosen!r}")
    for name in names:
        if name not in known:
            raise ArgumentError(f"{argument}: there is no {name!r}; choose from {choices}")
    return list(names)


def layer_name(layer: Layer) -> str:
    """Return ``Dense(64)`` for a layer; leave out further arguments if the text would be long."""
    text, kind = repr(layer), type(layer).__name__
    if len(text) <= 24:
        return text
    if isinstance(layer, Convolution):
        return f"{kind}({layer.filters}, {layer.kernel_size}, ...)"
    return f"{kind}({layer.units}, ...)" if isinstance(layer, Dense) else f"{kind}(...)"


def quantity_name(key: str) -> str:
    """Return the axis label of what a History or a metric calls ``key``."""
    return QUANTITIES.get(key, key.replace("_", " "))


def percent(share: float) -> str:
    """Return a share in [0, 1] in whole percent; 0 % and 100 % mean exactly 0 and 1."""
    if 0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1:
        return ">99 %"
    return f"{100 * share:.0f} %"
