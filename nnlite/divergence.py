"""When a cost or a gradient is NaN or infinite: noticed in the step, and told with what went wrong first."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import DivergenceError

if TYPE_CHECKING:
    from nnlite.model import Model
    from nnlite.passes import Pass

ADVICE = (
    "What usually helps: a smaller learning rate, features of about one size, clip_norm=1.0 for the optimizer, "
    "or a look at the data and at layers of your own"
)


def sensor(model: "Model") -> Array:
    """The part of the gradient that shows every NaN and infinity that goes backward: the biases', a few numbers.

    Each dz that is not finite makes db so, since db is its sum; what is not finite forward shows in dz[L] already.
    """
    biases = model.grad[model.n_weights :]
    return biases if biases.size else model.grad


def is_finite(gradient: Array) -> bool:
    """Whether the sum of the squares is finite: one product, a hundredth of the smallest step."""
    return math.isfinite(gradient.dot(gradient))


def error(where: str, epoch: int, step: int) -> DivergenceError:
    """The error to raise, once the network has its best weights again."""
    return DivergenceError(
        f"the training diverged in epoch {epoch + 1}, step {step + 1}: {where}. "
        f"The network has the best weights so far. {ADVICE}",
        epoch=epoch,
        step=step,
        where=where,
    )


def first_wrong(model: "Model", step: "Pass", X: Array) -> str | None:
    """What went wrong first on the way forward and back: a layer's weights, its output, or its gradient."""
    for segment in model._vectors.segments:
        if not np.isfinite(segment.view(model.theta)).all():
            return f"{segment.name} of layer {_place(model, segment.layer)}, is not finite, after the step before"
    a = X if X.dtype == model.dtype else X.astype(model.dtype)
    for i, (layer, cache) in enumerate(zip(model.layers, step.caches, strict=True)):
        a = layer.forward(a, cache)
        if not np.isfinite(a).all():
            return f"the output of layer {i + 1}, {layer}, is not finite"
    for segment in reversed(model._vectors.segments):
        if not np.isfinite(segment.view(model.grad)).all():
            return f"the gradient d{segment.name} of layer {_place(model, segment.layer)}, is not finite"
    return None


def _place(model: "Model", layer: object) -> str:
    for i, outer in enumerate(model.layers):
        if layer is outer or layer in outer.inner_layers:
            return f"{i + 1}, {layer}"
    return str(layer)


class Best:
    """The best weights so far: those at the end of the epoch with the lowest loss, at first those given.

    Parameters
    ----------
    model : Model
        Once it is built.

    Attributes
    ----------
    loss : float or None
        Theirs; None as long as no batch has been seen.
    """

    def __init__(self, model: "Model") -> None:
        self.loss: float | None = None
        self.theta, self.state = model.theta.copy(), model.state.copy()

    def consider(self, model: "Model", values: Mapping[str, float]) -> None:
        """Keep the present weights if the loss (of validation, where there is such) is lower than before."""
        loss = values.get("val_loss", values["loss"])
        if self.loss is None or not loss >= self.loss:
            self.loss = loss
            self.theta[...], self.state[...] = model.theta, model.state

    def restore(self, model: "Model") -> None:
        """Give the network these weights."""
        model.theta, model.state = self.theta, self.state

    def get_state(self) -> dict[str, Any]:
        """What `set_state` needs to be the same."""
        return {"loss": self.loss, "theta": self.theta, "state": self.state}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Be as one that gave this state."""
        self.loss, self.theta, self.state = state["loss"], state["theta"], state["state"]
