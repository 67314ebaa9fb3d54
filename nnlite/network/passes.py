"""The forward pass of one batch through a network, its losses, and the backward pass."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Cache, Layer, Output, chain
from nnlite.layers.base import BatchPart, Observer, Shape


class Pass:
    """One batch on its way through the network and back. Each pass has its own caches.

    Parameters
    ----------
    layers : sequence of Layer
        From the first hidden layer to the output.
    shapes : sequence of tuple
        Shapes of one example before the first layer and after each layer.
    training : bool
        True for a training step, False for prediction.
    rng : numpy.random.Generator
        The random generator of the model.
    first : int, default -1
        Index of the first layer that learns: the backward pass ends there. -1 continues to dJ/dX.
    frozen : sequence of ndarray, optional
        The gradients of frozen layers, which the backward pass sets to 0.
    observer : callable, optional
        Called after each layer: see `nnlite.Cache`.
    part : BatchPart, optional
        The part of the batch that this process has. Cost and gradients are then its share of those of the whole batch:
        their sums over all processes are J and dJ/dtheta.

    Attributes
    ----------
    caches : list of Cache
        One for each layer.
    Y_hat : ndarray, (M, n[L])
        a[L], after `forward`.
    """

    Y_hat: Array

    def __init__(
        self,
        layers: Sequence[Layer],
        shapes: Sequence[Shape],
        *,
        training: bool,
        rng: np.random.Generator,
        first: int = -1,
        frozen: Sequence[Array] = (),
        observer: Observer | None = None,
        part: BatchPart | None = None,
    ) -> None:
        self.layers = layers
        self.weight = None if part is None else part.weight
        self.shapes = shapes
        self.first = first
        self.frozen = frozen
        self.caches = [
            Cache(
                training=training,
                rng=rng if training else None,
                input_gradient=i > first,
                observer=observer,
                part=part,
            )
            for i in range(len(layers))
        ]

    @property
    def output(self) -> Output:
        """The last layer, which knows the cost."""
        return self.layers[-1]  # type: ignore[return-value]

    def forward(self, X: Array) -> Array:
        """Compute Y_hat = a[L] from X = a[0], layer by layer."""
        with self._naming():
            self.Y_hat = chain.forward(self.layers, X, self.caches, self.shapes)
        return self.Y_hat

    def losses(self, Y: Array) -> Array:
        """Return L(y_hat, y) of each example, (M,)."""
        output, cache = self.output, self.caches[-1]
        with self._naming():
            with chain.explaining(output, "losses", cache):
                losses = output.losses(chain.read_only(Y), cache)
            chain.check_result(output, "losses", losses, self.Y_hat.shape[:1], getattr(losses, "dtype", None))
        return losses

    def cost(self, Y: Array, weights: Array | None = None) -> float:
        """``J = 1/M sum_i L_i`` or, with weights, ``J = sum_i w_i L_i / sum_i w_i`` (0 if all weights are 0)."""
        return mean_loss(self.losses(Y), weights, self.weight)

    def backward(self, Y: Array, weights: Array | None = None) -> Array | None:
        """``dz[L] = Y_hat - Y``, then dW[l], db[l] and da[l-1] down to the first layer that learns.

        The gradients are those of J. Return dJ/dX, or None if the pass ends at a layer that learns.
        """
        output, cache, dX = self.output, self.caches[-1], None
        with self._naming():
            with chain.explaining(output, "start_backward", cache):
                dz = output.start_backward(chain.read_only(Y), cache)
            chain.check_result(output, "start_backward", dz, (len(Y), *self.shapes[-2]), self.Y_hat.dtype)
            dz = gradient_of_mean(dz, weights, self.weight)  # applied here once, not in each dW and db
            if self.first < len(self.layers) - 1:  # a layer in front of the output learns
                dX = chain.backward(self.layers[:-1], dz, self.caches[:-1], self.shapes[:-1])
        for gradient in self.frozen:
            gradient[...] = 0
        return dX

    @contextlib.contextmanager
    def _naming(self) -> Iterator[None]:
        """Add the place of the layer to an error about a layer."""
        try:
            yield
        except ArgumentError as error:
            chain.add_place(error, self.layers)
            raise


def mean_loss(losses: Array, weights: Array | None = None, of_all: float | None = None) -> float:
    """``1/M sum_i L_i`` or, with weights, ``sum_i w_i L_i / sum_i w_i`` (0 if all weights are 0).

    ``of_all`` takes the place of M, or of the sum of the weights, if these examples are a part of a batch.
    """
    if weights is None:
        return float(losses.sum(dtype=np.float64)) / (of_all or len(losses))
    return float(losses @ weights / (of_all or weights.sum() or 1))


def gradient_of_mean(dz: Array, weights: Array | None = None, of_all: float | None = None) -> Array:
    """``1/M dz_i`` or, with weights, ``w_i / sum_i w_i dz_i``: the gradients of `mean_loss`."""
    if weights is None:
        return dz / (of_all or len(dz))
    shares: Array = (weights / (of_all or weights.sum() or 1)).astype(dz.dtype)
    return dz * shares[:, None]
