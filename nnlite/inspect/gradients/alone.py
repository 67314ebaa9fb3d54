"""One layer by itself: its backward pass must give the derivatives of its forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.inspect.gradients.comparison import Comparer
from nnlite.inspect.gradients.report import LayerCheck
from nnlite.layers import Cache, Layer, Output, chain
from nnlite.network.network import Network
from nnlite.network.vectors import Segment


class LayerAlone:
    """A layer with the input that it gets in the network, a random da, and the same random draws in each evaluation.

    Parameters
    ----------
    network : Network
        In float64. `examine` leaves its parameters and state as they were.
    layer : Layer
    a_prev : ndarray, (M, ...)
        The input that the layer gets.
    segments : sequence of Segment
        The parameters to check.
    comparer : Comparer
    may_return_none : bool
        Whether nobody needs the gradient of its input, because no layer in front of it learns.
    """

    def __init__(
        self,
        network: Network,
        layer: Layer,
        a_prev: Array,
        segments: Sequence[Segment],
        comparer: Comparer,
        may_return_none: bool,
    ) -> None:
        self.network = network
        self.theta, self.state = network.theta.copy(), network.state.copy()
        self.layer = layer
        self.a_prev = a_prev
        self.shapes = [a_prev.shape[1:], layer.output_shape(a_prev.shape[1:])]
        self.segments = segments
        self.comparer = comparer
        self.may_return_none = may_return_none
        self.da: Array = np.ones(1)
        self._returned: list[Any] = []

    def examine(self, check: LayerCheck) -> None:
        """Add to ``check`` what is wrong with the layer."""
        self._examine_forward(check)
        compare = self.comparer.compare
        da_prev, gradients = self._examine_backward(check)
        if da_prev is not None:
            check.comparisons.append(compare("da_prev", da_prev, self.a_prev, self._values, self.da))
        for segment, gradient in gradients:
            theta = segment.view(self.network.theta)
            check.comparisons.append(compare(f"d{segment.name}", gradient, theta, self._values, self.da))
        self._restore()

    # ---- the two passes ---------------------------------------------------------------------------------------

    def _restore(self) -> None:
        self.network.theta, self.network.state = self.theta, self.state

    def _forward(self) -> Array:
        """Return the output, a new array, from the same state and random draws each time."""
        self.network.state = self.state
        self.cache = Cache(training=True, rng=np.random.default_rng(0), observer=self._observe)
        return chain.forward([self.layer], self.a_prev, [self.cache], self.shapes).copy()

    def _values(self) -> Array:
        """Return the values whose sum, weighted with da, is differentiated."""
        return self._forward()

    def _backward(self) -> Array | None:
        """Return da_prev; ArgumentError if the layer breaks a rule."""
        self._returned = []
        return chain.backward([self.layer], self.da, [self.cache], self.shapes)

    def _observe(self, layer: Layer, method: str, given: Array, returned: Any) -> None:
        """Keep what `backward` of the layer returned, before the rules are checked."""
        if layer is self.layer and method == "backward":
            self._returned = [returned]

    # ---- the rules --------------------------------------------------------------------------------------------

    def _examine_forward(self, check: LayerCheck) -> None:
        a = self._forward()
        self.da = np.asarray(self.comparer.rng.standard_normal(a.shape))
        if not np.array_equal(a, self._forward(), equal_nan=True):
            check.faults.append(
                "forward returns different outputs for the same input and the same random draws (draw from cache.rng, "
                "and keep what belongs to a pass in the cache)"
            )
        self._examine_parameters(check, "forward")

    def _examine_backward(self, check: LayerCheck) -> tuple[Array | None, list[tuple[Segment, Array]]]:
        """Return da_prev, if it is one, and the gradients that the layer sets."""
        grad, grads = self.network.grad, []
        for before in (0, 1):  # a gradient that is added to, or not set, depends on what was there before
            self._forward()
            grad[...] = before
            da_prev, fault = self._try_backward()
            grads.append(grad.copy())
        if fault:
            check.faults.append(fault)
        self._examine_parameters(check, "backward")
        return da_prev, list(self._set_gradients(check, *grads)) if self._returned else []

    def _try_backward(self) -> tuple[Array | None, str]:
        """Return a copy of da_prev, and the rule that the layer breaks; "" if it breaks none."""
        try:
            da_prev = self._backward()
        except ArgumentError as error:
            if self.may_return_none and self._returned and self._returned[0] is None:
                return None, ""
            return None, str(error).removeprefix(f"layers: {self.layer}.")
        return np.array(da_prev), ""

    def _examine_parameters(self, check: LayerCheck, method: str) -> None:
        """Check that ``method`` did not change parameters, and restore them."""
        for segment in self.segments:
            if not np.array_equal(segment.view(self.network.theta), segment.view(self.theta), equal_nan=True):
                rule = "but only the optimizer may change parameters"
                check.faults.append(f"{method} changes self.{segment.attribute}, {rule}")
        self._restore()

    def _set_gradients(self, check: LayerCheck, grad: Array, grad_again: Array) -> Iterator[tuple[Segment, Array]]:
        """Yield each gradient, and check that the layer sets it; ``grad`` was 0 before, ``grad_again`` 1."""
        for segment in self.segments:
            g, again = segment.view(grad), segment.view(grad_again)
            if not segment.trainable or not segment.size:
                continue
            left = (g == 0) & (again == 1)
            if left.all():
                check.faults.append(f"backward does not set {_gradient_of(segment)}")
                continue
            if np.allclose(again - g, 1, rtol=0, atol=min(0.5, 1e-9 * max(1.0, float(np.abs(g).max())))):
                check.faults.append(f"backward adds to {_gradient_of(segment)} instead of setting it")
            elif left.any():
                check.faults.append(f"backward sets only a part of {_gradient_of(segment)}")
            yield segment, g


def _gradient_of(segment: Segment) -> str:
    """Name a gradient as the layer does and as the network does."""
    return f"self.d{segment.attribute} (d{segment.name} in the network)"


class OutputAlone(LayerAlone):
    """The output layer with its cost ``J = sum_i w_i L_i``: it must start the backward pass with the right dz.

    Parameters
    ----------
    network, layer, a_prev, comparer
        As in `LayerAlone`.
    Y : ndarray, (M, n[L])
    weights : ndarray, (M,), optional
        Weights of the examples.
    """

    layer: Output

    def __init__(
        self, network: Network, layer: Layer, a_prev: Array, comparer: Comparer, *, Y: Array, weights: Array | None
    ) -> None:
        super().__init__(network, layer, a_prev, (), comparer, may_return_none=True)
        self.Y = Y
        self.weights = np.ones(len(Y)) if weights is None else weights
        self.weights = self.weights / self.weights.sum()

    def examine(self, check: LayerCheck) -> None:
        """Add to ``check`` what is wrong with the layer. Its parameters, if it has any, count in the network."""
        self._examine_forward(check)
        self.da = self.weights
        self._forward()
        dz = self.layer.start_backward(self.Y, self.cache) * self.weights[:, None]
        check.comparisons.append(self.comparer.compare("dz", dz, self.a_prev, self._values, self.da))
        self._restore()

    def _values(self) -> Array:
        self._forward()
        return self.layer.losses(self.Y, self.cache).copy()
