"""What each layer got and returned in one pass: an observer of `nnlite.network.passes.Pass`."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.layers import Layer


@dataclass
class Record:
    """What one layer got and returned; None if the pass did not reach it.

    Attributes
    ----------
    a_prev, a : ndarray or None
        Input and output of `forward`.
    da, da_prev : ndarray or None
        Input and output of `backward`.
    """

    a_prev: Array | None = None
    a: Array | None = None
    da: Array | None = None
    da_prev: Array | None = None


class Records:
    """The records of all layers that a pass reached. Give it to the pass as its observer.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Softmax()], n_features=2, dtype="float64")
    >>> records = Records()
    >>> step = model.new_pass(training=True, observer=records)
    >>> Y_hat = step.forward(np.zeros((1, 2)))
    >>> records[model.layers[0]].a
    array([[0.5, 0.5]])
    """

    def __init__(self) -> None:
        self._of: dict[Layer, Record] = {}

    def __call__(self, layer: Layer, method: str, given: Array, returned: Any) -> None:
        """Record copies: a user's layer may use its memory again."""
        record = self._of.setdefault(layer, Record())
        result = np.array(returned) if isinstance(returned, np.ndarray) else None
        if method == "forward":
            record.a_prev, record.a = np.array(given), result
        else:
            record.da, record.da_prev = np.array(given), result

    def __getitem__(self, layer: Layer) -> Record:
        return self._of.get(layer) or Record()
