"""One batch on its way through the network, and back."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Cache, Layer, Output
from nnlite.layers.base import Shape, definer
from nnlite.network import examples as data


def _gives_away(layer: Layer) -> bool:
    """Whether what the layer returns may be overwritten: its class says so where it defines what the layer does."""
    forward, backward = definer(layer, "forward"), definer(layer, "backward")
    return forward is backward and not vars(forward).get("reads_output", True)


def shortcut(layer: Layer) -> Callable[[Array], Array] | None:
    """What one of nnlite's layers has to predict without a cache, unless a class derived from it has its own way."""
    if hasattr(type(layer), "_infer"):
        owner = definer(layer, "_infer")
        if owner.__module__.startswith("nnlite.") and issubclass(owner, definer(layer, "forward")):
            return layer._infer  # type: ignore[attr-defined, no-any-return]
    return None


class Pass:
    """The forward pass of a batch, its cost and its backward pass, with a cache for each layer and one for the batch.

    Several passes can be under way through the same layers at once, each in a thread of its own. The arrays are used
    again in the next pass: what a method returns is good until then.

    Parameters
    ----------
    layers : sequence of Layer
        With their parameters bound.
    shapes : sequence of tuple
        Of one example in a[0] .. a[L].
    dtype : numpy.dtype
    rng : numpy.random.Generator, optional
        For layers that draw in training; without it the pass is one of prediction.
    first : int, default 0
        Index of the first layer that has parameters, where the backward pass ends.

    Attributes
    ----------
    batch : Cache
        For the arrays of the batch itself.
    z, Y_hat : ndarray or None
        z[L] and a[L] of the last batch.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        shapes: Sequence[Shape],
        dtype: Any,
        *,
        rng: np.random.Generator | None = None,
        first: int = 0,
    ) -> None:
        self.layers = layers
        self.shapes = shapes
        self.batch = Cache(dtype, rng)
        shared = Cache(dtype)
        self.caches = [
            Cache(
                dtype,
                rng,
                input_gradient=i > first,
                may_overwrite=i > 0 and _gives_away(layers[i - 1]),
                shared=shared,
            )
            for i in range(len(layers))
        ]
        self.first = first
        self._forward_steps = list(zip(layers, self.caches, strict=True))[:-1]  # as far as z[L]
        self._backward_steps = list(enumerate(self._forward_steps))[first:][::-1]
        self.trainable: tuple[bool, ...] = ()  # which of the network's parameters were when `first` was found
        self.z: Any = None
        self.Y_hat: Array | None = None

    @property
    def output(self) -> Output:
        """The last layer, which knows the cost."""
        return self.layers[-1]  # type: ignore[return-value]

    def forward(self, X: Array, *, copy: bool = False, training: bool | None = None) -> Array:
        """``a[l] = g[l](a[l-1])`` for l = 1 .. L, from a[0] = X; return a[L].

        ``copy`` is for an X whose owner may change it before the backward pass; ``training`` False lets a training
        pass compute as prediction does.
        """
        if training is not None and training != self.batch.training:
            for cache in (self.batch, *self.caches):
                cache.set_training(training)
        z = self.forward_to_z(data.cast(X, "X", self.batch, copy=True) if copy else X)
        Y_hat = self.Y_hat = self.layers[-1].forward(z, self.caches[-1])
        return Y_hat

    def forward_to_z(self, X: Array) -> Array:
        """Forward as far as z[L], which goes into the output layer."""
        a = X if X.dtype == self.batch.dtype else data.cast(X, "X", self.batch)
        for layer, cache in self._forward_steps:
            a = layer.forward(a, cache)
        self.z = a
        return a

    def check_forward(self) -> None:
        """Send one example of zeros forward; ArgumentError if a layer returns something else than it announced."""
        a = np.zeros((1, *self.shapes[0]), self.batch.dtype)
        for i, (layer, cache) in enumerate(zip(self.layers, self.caches, strict=True)):
            a = layer.forward(a, cache)
            self._check_result(i, "forward", a, (1, *self.shapes[i + 1]))

    def target_rows(self, y: Array) -> Array:
        """Y (M, n[L]) in the dtype of the network, from checked targets: class indices become one-hot rows."""
        return self.output.target_rows(y, self.shapes[-1][0], self.batch)

    def losses(self, Y: Array) -> Array:
        """L(y_hat, y) of each example, (M,)."""
        return self.output.losses(Y, self.caches[-1])

    def backward(self, Y: Array, weights: Array | None = None) -> None:
        """``dz[L] = Y_hat - Y``, then dW[l], db[l], da[l-1] down to the first layer that learns.

        With weights, ``J = sum_i w_i L_i / sum_i w_i`` (and 0 where all weights are).
        """
        dz = self.output.start_backward(Y, self.caches[-1])
        if weights is None:
            dz *= 1 / len(Y)  # J is the mean of the losses
        else:
            dz *= (weights / (weights.sum() or 1)).astype(dz.dtype)[:, None]
        da: Array | None = dz
        for i, (layer, cache) in self._backward_steps:
            da = layer.backward(da, cache)  # type: ignore[arg-type]
            if i > self.first and (da is None or da.shape[1:] != self.shapes[i]):
                self._check_result(i, "backward", da, (len(Y), *self.shapes[i]))

    def forget(self) -> None:
        """Let go of everything but the memory that is used again: of the user's X, above all."""
        self.z = self.Y_hat = None
        for cache in (self.batch, *self.caches):
            cache.forget()

    def _check_result(self, i: int, method: str, result: Any, shape: Shape) -> None:
        """A layer of a user's own may forget to return, or return something else than it announced."""
        dtype = self.batch.dtype
        if not isinstance(result, np.ndarray) or result.shape != shape or result.dtype != dtype:
            array = isinstance(result, np.ndarray)
            got = f"shape {result.shape} and dtype {result.dtype}" if array else type(result).__name__
            raise ArgumentError(
                f"layers: {self.layers[i]}.{method} must return an array of shape {shape} and dtype {dtype}, got {got}"
            )
