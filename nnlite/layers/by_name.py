"""Layers by name: "relu" in a list of layers stands for ReLU()."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from nnlite.errors import ArgumentError
from nnlite.layers.activations import ELU, SELU, LeakyReLU, ReLU, Tanh
from nnlite.layers.base import Layer
from nnlite.layers.convolution import Conv1D, Conv2D
from nnlite.layers.dense import Dense
from nnlite.layers.noise import AlphaDropout, Dropout, Dropout1D, Dropout2D, GaussianNoise
from nnlite.layers.normalization import BatchNorm, LayerNorm
from nnlite.layers.outputs import Exponential, Identity, Sigmoid, Softmax
from nnlite.layers.padding import ZeroPadding1D, ZeroPadding2D
from nnlite.layers.pooling import (
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool1D,
    GlobalAveragePool2D,
    MaxPool1D,
    MaxPool2D,
)
from nnlite.layers.shape import Flatten, Reshape
from nnlite.layers.smooth import GELU, HardSwish, SiLU, Softplus
from nnlite.words import spelled

# Activations that a name says all about.
BY_NAME: Mapping[str, type[Layer]] = {
    **{cls.__name__: cls for cls in (ELU, GELU, SELU, HardSwish, LeakyReLU, ReLU, SiLU, Softplus, Tanh)},
    **{cls.__name__: cls for cls in (Exponential, Identity, Sigmoid, Softmax)},
    **{"Swish": SiLU, "Linear": Identity, "Logistic": Sigmoid, "Exp": Exponential},
}
WINDOWS = (AveragePool1D, AveragePool2D, GlobalAveragePool1D, GlobalAveragePool2D, MaxPool1D, MaxPool2D)
PADDING = (ZeroPadding1D, ZeroPadding2D)
NEED_ARGUMENTS = (AlphaDropout, Conv1D, Conv2D, Dense, Dropout, Dropout1D, Dropout2D, GaussianNoise, Reshape)
OTHERS = (BatchNorm, Flatten, LayerNorm, *NEED_ARGUMENTS, *WINDOWS, *PADDING)


def as_layer(name: str, value: Any) -> Layer:
    """Return a layer as it is, and make that of a name; ArgumentError for anything else.

    Parameters
    ----------
    name : str
        What to call ``value`` in a message.
    value : Layer or str

    Examples
    --------
    >>> as_layer("layers", "leaky_relu")
    LeakyReLU()
    """
    if isinstance(value, Layer):
        return value
    if isinstance(value, str):
        found = spelled(value, BY_NAME)
        if found is not None:
            return BY_NAME[found]()
    raise ArgumentError(f"{name} is not a layer, got {value!r}{_hint(value)}")


def _hint(value: Any) -> str:
    """Return the call that makes the layer of that class or name."""
    if isinstance(value, str):
        others = {cls.__name__: cls for cls in OTHERS}
        found = spelled(value, others)
        if found is not None:
            return f"; write nn.{found}({'...' if others[found] in NEED_ARGUMENTS else ''})"
        known = {layer.lower(): layer for layer in BY_NAME}
        close = difflib.get_close_matches(value.lower(), known, n=1)
        return f"; did you mean {close[0]!r}?" if close else f"; activations by name are {', '.join(known)}"
    if isinstance(value, type) and issubclass(value, Layer):
        return f"; write nn.{value.__name__}()"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"; write nn.Dense({value})"
    return "; write one flat list of layers" if isinstance(value, (list, tuple)) else ""
