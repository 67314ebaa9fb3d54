"""NaN and infinity in a training: what became wrong first, and the best weights so far."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import DivergenceError
from nnlite.layers import Layer, chain
from nnlite.network.network import Network

ADVICE = (
    "What usually helps: a smaller learning rate, features of similar size, or clip_norm=1.0 for the optimizer; "
    "check also the data and your own layers"
)


def all_finite(vector: Array) -> bool:
    """Whether each number is finite. If the sum of squares is finite, one product is enough to know."""
    return math.isfinite(vector.dot(vector)) or bool(np.isfinite(vector).all())


def error(where: str, epoch: int, step: int, causes: Sequence[str] = ()) -> DivergenceError:
    """Return the error to raise after the best weights are restored."""
    advice = f"Likely: {'; '.join(causes)}" if causes else ADVICE
    return DivergenceError(
        f"the training diverged in epoch {epoch + 1}, step {step + 1}: {where}. "
        f"The network has the best weights so far. {advice}",
        epoch=epoch,
        step=step,
        where=where,
    )


def first_wrong(network: Network, X: Array) -> str | None:
    """Describe what is not finite first: the weights of a layer, its output for ``X``, or its gradient.

    ArgumentError if a layer has not set its gradient.
    """
    weights = wrong_weights(network)
    if weights is not None:
        return weights
    outputs: list[tuple[Layer, Array]] = []
    step = network.new_pass(training=True, observer=lambda layer, method, _, a: outputs.append((layer, a)))
    step.forward(X)
    for layer, a in outputs:
        if not np.isfinite(a).all():
            return f"the output of {_place(network, layer)} is not finite"
    for segment in reversed(network.segments):
        network.require_gradient(segment)
        if not np.isfinite(segment.view(network.grad)).all():
            return f"the gradient d{segment.name} of {_place(network, segment.layer)} is not finite"
    return None


def wrong_weights(network: Network) -> str | None:
    """Name the first parameter that is not finite."""
    if all_finite(network.theta):
        return None
    for segment in network.segments:
        if not all_finite(segment.view(network.theta).reshape(-1)):
            return f"{segment.name} of {_place(network, segment.layer)} is not finite after the previous step"
    return None


def _place(network: Network, layer: Layer) -> str:
    """Return the layer with its place: "layers[2] Dense(10)"."""
    return f"{chain.places(network.layers)[layer]} {layer}"


class Best:
    """The best weights so far: those at the end of the epoch with the lowest loss, or the initial ones.

    Parameters
    ----------
    network : Network
        Once it is built.
    """

    def __init__(self, network: Network) -> None:
        self.loss = math.inf
        self.theta, self.state = network.theta.copy(), network.state.copy()
        self.initial: tuple[Array, Array] | None = (self.theta, self.state)

    def consider(self, network: Network, values: Mapping[str, float]) -> None:
        """Keep the present weights if the validation loss (or else the training loss) is lower than before."""
        loss = values.get("val_loss", values["loss"])
        if loss < self.loss:
            if self.initial is not None and self.theta is self.initial[0]:
                self.theta, self.state = np.empty_like(self.theta), np.empty_like(self.state)
            self.loss = loss
            self.theta[...], self.state[...] = network.theta, network.state

    def restore(self, network: Network, loss: Callable[[], float]) -> None:
        """Give the network the best weights. ``loss()`` measures the weights that the network has."""
        network.theta, network.state = self.theta, self.state
        if self.initial is not None and math.isfinite(self.loss):
            of_best = loss()
            network.theta, network.state = self.initial
            if math.isfinite(of_best) and not loss() < of_best:
                network.theta, network.state = self.theta, self.state

    def get_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint, without the initial weights."""
        return {"loss": self.loss, "theta": self.theta, "state": self.state}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the state returned by `get_state`."""
        self.initial = None
        self.loss, self.theta, self.state = state["loss"], state["theta"], state["state"]
