"""Gradients by the compiled engine, without a step of the optimizer: for processes that add them up first."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.counters import GAMMA
from nnlite.engine.optimizing import RULES, Rule
from nnlite.engine.trainer import Batch, Stretch, Trainer
from nnlite.layers import Layer
from nnlite.optimizers import Optimizer


class NoStep(Optimizer):
    """The rule that leaves theta as it is."""


RULES[NoStep] = lambda rule: Rule([], lambda t, rates: rates[:, None])


class GradientTrainer(Trainer):
    """Computes gradients with compiled kernels: ``network.grad`` is that of a batch afterwards, and theta as before.

    Parameters
    ----------
    network : Network
        Built; every layer has a kernel.
    awaited : container of Layer
        Layers whose gradients are delivered as soon as they are there. Those that are not Dense come at the end.
    deliver : callable
        ``deliver(layer)`` is called when the gradient of the weights of an awaited layer is in ``network.grad``.
    **options
        As for `Trainer`.
    """

    def __init__(
        self, network: Any, *, awaited: Container[Layer] = (), deliver: Callable[[Layer], None], **options: Any
    ) -> None:
        super().__init__(network, NoStep(1.0), n_steps=1, **options)
        self._awaited, self._deliver = awaited, deliver
        self._start = 0
        self._stretches: list[tuple[int, Layer | None]] = []

    def prepare(self) -> None:
        """Make the plan, and divide it into stretches that end with an awaited gradient."""
        before = self._made_for
        super().prepare()
        if self._made_for is not before:
            self._stretches = self.plan.stretches(self._awaited)

    def _carry_out_plan(self, watch: Callable[[int], bool]) -> tuple[int, bool]:
        for stretch, layer in self._stretches:
            self.team.run(stretch, watch)
            if self.team.wrong:
                return 1, True
            if layer is not None:
                self._deliver(layer)
        return 1, False

    def gradient(self, batch: Batch, start: int) -> Stretch:
        """Compute cost and gradient of a part of a batch. ``start`` is the place of its first example in the batch."""
        self._start = start
        return self.run(batch, 1, lambda n: False, wants_Y_hat=True)

    def skip(self) -> None:
        """Draw what a part of a batch without examples draws."""
        self.prepare()
        self._draw_keys(1)

    def _draw_keys(self, n: int) -> Array:
        """Draw the keys. The numbers of an example depend on its place in the whole batch."""
        keys = super()._draw_keys(n)
        draws = self.plan.structure.draws
        places = np.array([self._start * draws[which] for which in range(keys.shape[1])], np.uint64)
        return (keys.view(np.uint64) + places * GAMMA).view(np.int64)

    def _unload(self, n: int, rate: float) -> None:
        """Copy the running averages out of the panels; theta has not changed."""
        network = self.network
        for parameter in self.plan.states:
            for target, source in parameter.theta.beside(parameter.place.view(network.state)):
                np.copyto(source, target)
        for gradient in self._unlearned:
            gradient[...] = 0
