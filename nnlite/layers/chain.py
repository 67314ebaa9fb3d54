"""Layers one after another: shapes along the chain, and the pass forward and back."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import OF_THE_NETWORK, Cache, Layer, Shape, fault


def flattened(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield every layer, and after each layer the layers inside it."""
    for layer in layers:
        yield layer
        yield from flattened(layer.inner_layers)


def with_input_shapes(layers: Sequence[Layer], input_shapes: Sequence[Shape]) -> Iterator[tuple[Layer, Shape]]:
    """Yield every layer, as `flattened` does, with the shape of one input example."""
    for layer, shape in zip(layers, input_shapes, strict=False):
        yield layer, shape
        yield from with_input_shapes(layer.inner_layers, layer.inner_input_shapes(shape))


def with_following(layers: Sequence[Layer], behind: Sequence[Layer] = ()) -> Iterator[tuple[Layer, list[Layer]]]:
    """Yield every layer, as `flattened` does, with the layers that follow it on the way to the output.

    ``behind`` are the layers that follow the chain.
    """
    for i, layer in enumerate(layers):
        after = [*flattened(layers[i + 1 :]), *behind]
        yield layer, [*flattened(layer.inner_layers), *after]
        for chain in layer.inner_chains.values():
            yield from with_following(chain, after)


def shapes_along(layers: Sequence[Layer], input_shape: Shape) -> list[Shape]:
    """Return the shapes of one example before the first layer and after each layer."""
    shapes = [input_shape]
    for layer in layers:
        shape = layer.output_shape(shapes[-1])
        if not is_shape(shape, minimum=1):
            raise fault(
                layer,
                ": output_shape must return the shape of one example, without the axis of the batch, such as (8,), "
                f"got {shape!r}",
            )
        shapes.append(tuple(shape))
    return shapes


def is_shape(shape: Any, minimum: int = 0) -> bool:
    """Whether ``shape`` is a tuple or list of integers of at least ``minimum``."""
    return isinstance(shape, (tuple, list)) and all(isinstance(n, (int, np.integer)) and n >= minimum for n in shape)


def with_places(layers: Sequence[Layer], within: str = "layers") -> Iterator[tuple[Layer, str]]:
    """Yield every layer, as `flattened` does, with its place: "layers[2]", "layers[2][0]"."""
    for i, layer in enumerate(layers):
        place = f"{within}[{i}]"
        yield layer, place
        for name, chain in layer.inner_chains.items():
            yield from with_places(chain, place if name == "layers" else f"{place}.{name}")


def places(layers: Sequence[Layer]) -> dict[Layer, str]:
    """Return the place of each layer, also of those inside others."""
    return dict(with_places(layers))


def add_place(error: ArgumentError, layers: Sequence[Layer]) -> None:
    """Write "layers[1] Dense(3)" in place of "layers: Dense(3)", if the error is about one of these layers."""
    place = next((place for layer, place in with_places(layers) if layer is error.layer), None)
    if place is not None:
        error.args = (f"{place} {str(error).removeprefix('layers: ')}",)
        error.layer = None


def require_backward(layers: Sequence[Layer]) -> None:
    """Raise ArgumentError if a layer that learns, or one behind it, has no backward pass. The last is the output."""
    learns = False
    for layer, place in with_places(layers[:-1]):
        learns = learns or any(
            inner.trainable and type(inner).parameter_shapes is not Layer.parameter_shapes
            for inner in flattened([layer])
        )
        if learns and type(layer).backward is Layer.backward:
            raise ArgumentError(f"{place} {layer} has no backward pass; define backward(self, da, cache)")


def forward(layers: Sequence[Layer], a: Array, caches: Sequence[Cache], shapes: Sequence[Shape]) -> Array:
    """Send ``a`` forward through the layers: ``a = layer.forward(a, cache)`` for each of them.

    ``shapes`` are those of one example before the first layer and after each layer. ArgumentError if a layer writes
    into its input, or returns anything else than an array of its shape and the dtype of ``a``.
    """
    M, dtype = len(a), a.dtype
    try:
        for layer, cache, shape in zip(layers, caches, shapes[1:], strict=True):
            a_prev = read_only(a)
            a = layer.forward(a_prev, cache)
            check_result(layer, "forward", a, (M, *shape), dtype)
            if cache.observer is not None:
                cache.observer(layer, "forward", a_prev, a)
    except (ValueError, AttributeError) as error:
        explain(error, layer, "forward", cache)
        raise
    return a


def backward(layers: Sequence[Layer], da: Array, caches: Sequence[Cache], shapes: Sequence[Shape]) -> Array | None:
    """Send ``da`` back through the layers: ``da = layer.backward(da, cache)``, from the last to the first.

    It ends at the layer whose cache has ``input_gradient`` False, and returns None then. ArgumentError as in
    `forward`.
    """
    M, dtype = len(da), da.dtype
    result: Any = da
    try:
        for layer, cache, shape in zip(reversed(layers), reversed(caches), reversed(shapes[:-1]), strict=True):
            da = read_only(result)
            result = layer.backward(da, cache)
            if cache.observer is not None:
                cache.observer(layer, "backward", da, result)
            if not cache.input_gradient:
                return None
            check_result(layer, "backward", result, (M, *shape), dtype)
    except (ValueError, AttributeError) as error:
        explain(error, layer, "backward", cache, "a_prev")
        raise
    return result


def read_only(array: Array) -> Array:
    """Return a view through which nobody can change the array."""
    view = array.view()
    view.setflags(write=False)
    return view


def check_result(layer: Layer, method: str, result: Any, shape: Shape, dtype: Any) -> None:
    """Raise ArgumentError unless ``result`` is an array (not of a subclass) of that shape and dtype."""
    is_array = type(result) is np.ndarray
    if is_array and result.shape == shape and result.dtype == dtype:
        return
    got = f"shape {result.shape} and dtype {result.dtype}" if is_array else type(result).__name__
    if is_array and result.shape == shape:
        got += "; convert it with .astype"
    elif is_array and method == "forward":
        got += "; a layer that changes the shape of an example overrides output_shape"
    raise fault(layer, f".{method} must return an array of shape {shape} and dtype {dtype}, got {got}")


@contextlib.contextmanager
def explaining(layer: Layer, method: str, cache: Cache) -> Iterator[None]:
    """Raise ArgumentError that names the layer, if ``method``, called in the block, breaks a rule: see `explain`."""
    try:
        yield
    except (ValueError, AttributeError) as error:
        explain(error, layer, method, cache)
        raise


def explain(error: ValueError | AttributeError, layer: Layer, method: str, cache: Cache, *read_only_too: str) -> None:
    """Raise ArgumentError that names the layer, if ``method`` misuses its cache or writes where it must not.

    It must not write into its first argument and ``read_only_too``.
    """
    if isinstance(error, ArgumentError):
        return
    if isinstance(error, AttributeError):
        if error.obj is cache and error.name in OF_THE_NETWORK:
            problem = f".{method} sets cache.{error.name}, which the network needs; keep the array under another name"
            raise fault(layer, problem) from error
        if error.obj is cache:
            rule = "forward must set it, with the cache that it gets, before it is read"
            raise fault(layer, f".{method} reads cache.{error.name}, which is not set: {rule}") from error
    elif "read-only" in str(error):
        given = next(iter(inspect.signature(getattr(layer, method)).parameters))
        arrays = f"{', '.join([given, *read_only_too])} and views of {'them' if read_only_too else 'it'}"
        raise fault(
            layer,
            f".{method} writes into a read-only array: {arrays} are read-only, and so are results of "
            f"np.broadcast_to; compute a new array, such as {given} * 2 instead of {given} *= 2",
        ) from error
