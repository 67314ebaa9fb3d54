"""Where a step of nnlite's goes: a clock at each layer and at the optimizer, while ``fit`` runs as always."""

from __future__ import annotations

import time
from typing import Any

import nnlite as nn

DENSE, HIDDEN, OUTPUT, OPTIMIZER, REST = "Dense layers", "other layers", "softmax and J", "optimizer", "rest of fit"


class Clock:
    """Counts the seconds that a network's layers and its optimizer take.

    Parameters
    ----------
    model : nn.Model
    optimizer : nn.Optimizer

    Attributes
    ----------
    seconds : dict of str to float
        By part; most of what the clock itself takes, a fifth of a microsecond a call, is in none.
    """

    def __init__(self, model: nn.Model, optimizer: nn.Optimizer) -> None:
        self.seconds = dict.fromkeys((DENSE, HIDDEN, OUTPUT, OPTIMIZER), 0.0)
        for layer in model.layers:
            part = DENSE if isinstance(layer, nn.Dense) else OUTPUT if layer is model.output else HIDDEN
            for method in ("forward", "backward"):
                self._watch(layer, method, part)
        for method in ("start_backward", "losses", "n_correct"):
            self._watch(model.output, method, OUTPUT)
        self._watch(optimizer, "step", OPTIMIZER)

    def _watch(self, thing: Any, method: str, part: str) -> None:
        call, seconds, now = getattr(thing, method), self.seconds, time.perf_counter

        def timed(*arguments: Any) -> Any:
            start = now()
            result = call(*arguments)
            seconds[part] += now() - start
            return result

        setattr(thing, method, timed)
