"""PyTorch with ``torch.compile``."""

from __future__ import annotations

from collections.abc import Callable

import torch

from benchmarks.networks import Array, Network, Weights
from benchmarks.peers import pytorch


class Training(pytorch.Training):
    """As eager, with the batch's gathering, the forward and the backward pass compiled; the optimizer is the fused one.

    - Gathering and loss are compiled together with the model: a little faster than the model alone.
    - Compiling the optimizer too, fused or not, was no faster than the fused optimizer as it is, nor were
      ``mode="max-autotune"`` and the ``cpp_wrapper`` option beyond the noise.
    - ``dynamic=False``: shapes never change here.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        super().__init__(network, weights, X, y)
        torch.compiler.reset()  # what was compiled for other networks counts against a limit
        self.batch_loss = torch.compile(super().batch_loss, dynamic=False)  # type: ignore[method-assign]


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """As eager, with model and softmax compiled."""
    model = pytorch.model_of(weights)
    compiled = torch.compile(lambda X: torch.softmax(model(X), 1), dynamic=False)

    def predict(X: Array) -> Array:
        with torch.inference_mode():
            probabilities: Array = compiled(torch.from_numpy(X)).numpy()
            return probabilities

    return predict
