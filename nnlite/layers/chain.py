"""Layers one after another: shapes along the chain, and the pass forward and back."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers.base import Cache, Layer, Shape


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
            raise ArgumentError(
                f"layers: {layer}: output_shape must return the shape of one example, without the axis of the batch, "
                f"such as (8,), got {shape!r}"
            )
        shapes.append(tuple(shape))
    return shapes


def is_shape(shape: Any, minimum: int = 0) -> bool:
    """Whether ``shape`` is a tuple or list of integers of at least ``minimum``."""
    return isinstance(shape, (tuple, list)) and all(isinstance(n, (int, np.integer)) and n >= minimum for n in shape)


def places(layers: Sequence[Layer], within: str = "layers") -> dict[Layer, str]:
    """Return the place of each layer, also of those inside others: "layers[2]", "layers[2][0]"."""
    found: dict[Layer, str] = {}
    for i, layer in enumerate(layers):
        found[layer] = f"{within}[{i}]"
        for name, chain in layer.inner_chains.items():
            found |= places(chain, found[layer] if name == "layers" else f"{found[layer]}.{name}")
    return found


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
    except ValueError as error:
        explain(error, layer, "forward")
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
    except ValueError as error:
        explain(error, layer, "backward", "a_prev")
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
    raise ArgumentError(f"layers: {layer}.{method} must return an array of shape {shape} and dtype {dtype}, got {got}")


@contextlib.contextmanager
def explaining(layer: Layer, method: str) -> Iterator[None]:
    """Raise ArgumentError that names the layer, if ``method``, called in the block, writes into what it gets."""
    try:
        yield
    except ValueError as error:
        explain(error, layer, method)
        raise


def explain(error: ValueError, layer: Layer, method: str, *read_only_too: str) -> None:
    """Raise ArgumentError that names the layer, if ``error`` is NumPy's about a read-only array.

    That is the first argument of ``method``, or one of ``read_only_too``.
    """
    if "read-only" in str(error) and not isinstance(error, ArgumentError):
        given = next(iter(inspect.signature(getattr(layer, method)).parameters))
        arrays = " or ".join([given, *read_only_too])
        raise ArgumentError(
            f"layers: {layer}.{method} must not write into {arrays}; compute a new array, such as {given} * 2 instead "
            f"of {given} *= 2"
        ) from error
