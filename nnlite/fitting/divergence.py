"""When a cost or a gradient is NaN or infinite: noticed in the step, and told with what went wrong first."""

import math
from collections.abc import Callable, Mapping
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import DivergenceError

if TYPE_CHECKING:
    from nnlite.model import Model
    from nnlite.network.passes import Pass

ADVICE = (
    "What usually helps: a smaller learning rate, features of about one size, clip_norm=1.0 for the optimizer, "
    "or a look at the data and at layers of your own"
)


def sensor(model: "Model") -> Array:
    """The part of the gradient in which every dz that is not finite shows at once: that of the biases, a few numbers.

    db is the sum of dz, and what is not finite forward shows in dz[L]. (A dW that overflows all by itself makes
    weights that are not finite, and so shows in the next step, or at the end of the epoch.) Where a layer that learns
    has nothing but weights, it is the whole gradient.
    """
    weights: set[object] = set()
    others: set[object] = set()
    for segment in model._vectors.segments:
        if segment.layer.trainable:
            (weights if segment.decayed else others).add(segment.layer)
    return model.grad[model.n_weights :] if weights and weights <= others else model.grad


def is_finite(vector: Array) -> bool:
    """Whether the sum of the squares is finite: one product, a hundredth of the smallest step."""
    return isfinite(vector.dot(vector))  # not vdot, which takes longer to begin: fit ignores that it may overflow


def all_finite(vector: Array) -> bool:
    """Whether each number is finite, even where the sum of the squares is not."""
    return is_finite(vector) or bool(np.isfinite(vector).all())


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
    weights = wrong_weights(model)
    if weights is not None:
        return weights
    a = X if X.dtype == model.dtype else X.astype(model.dtype)
    for i, (layer, cache) in enumerate(zip(model.layers, step.caches, strict=True)):
        a = layer.forward(a, cache)
        if not np.isfinite(a).all():
            return f"the output of layer {i + 1}, {layer}, is not finite"
    for segment in reversed(model._vectors.segments):
        if not np.isfinite(segment.view(model.grad)).all():
            return f"the gradient d{segment.name} of layer {_place(model, segment.layer)}, is not finite"
    return None


def wrong_weights(model: "Model") -> str | None:
    """The first parameter that is not finite."""
    if all_finite(model.theta):
        return None
    for segment in model._vectors.segments:
        if not all_finite(segment.view(model.theta).reshape(-1)):
            return f"{segment.name} of layer {_place(model, segment.layer)}, is not finite, after the step before"
    return None


def _place(model: "Model", layer: object) -> str:
    for i, outer in enumerate(model.layers):
        if layer is outer or layer in outer.inner_layers:
            return f"{i + 1}, {layer}"
    return str(layer)


class Best:
    """The best weights so far: those at the end of the epoch with the lowest loss, or those that were given.

    Parameters
    ----------
    model : Model
        Once it is built.
    """

    def __init__(self, model: "Model") -> None:
        self.loss = math.inf
        self.given: tuple[Array, Array] | None = (model.theta.copy(), model.state.copy())
        self.theta, self.state = model.theta.copy(), model.state.copy()

    def consider(self, model: "Model", values: Mapping[str, float]) -> None:
        """Keep the present weights if the loss (of validation, where there is such) is lower than before."""
        loss = values.get("val_loss", values["loss"])
        if loss < self.loss:
            self.loss = loss
            self.theta[...], self.state[...] = model.theta, model.state

    def restore(self, model: "Model", loss: Callable[[], float]) -> None:
        """Give the network the best weights; ``loss`` says how good those are that it has."""
        model.theta, model.state = self.theta, self.state
        if self.given is not None and math.isfinite(self.loss):
            of_best = loss()
            model.theta, model.state = self.given
            if not loss() < of_best:
                model.theta, model.state = self.theta, self.state

    def get_state(self) -> dict[str, Any]:
        """What `set_state` needs to be the same, but for the weights that were given."""
        return {"loss": self.loss, "theta": self.theta, "state": self.state}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Be as one that gave this state."""
        self.given = None
        self.loss, self.theta, self.state = state["loss"], state["theta"], state["state"]
