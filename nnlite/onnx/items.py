"""What a network from a file is made of, before it becomes layers: their arrays are known, and neighbors may merge."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nnlite import layers
from nnlite.checks import Array
from nnlite.layers import Layer


@dataclass(frozen=True)
class Item:
    """One layer with its arrays.

    Attributes
    ----------
    make : callable
        Returns a new layer.
    arrays : dict of str to ndarray
        What it learns and keeps, by the names of its attributes.
    inner, shortcut : tuple of Item
        The layers inside a Residual, and those of its shortcut.
    """

    make: Any
    arrays: dict[str, Array] = field(default_factory=dict)
    inner: tuple[Item, ...] = ()
    shortcut: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Affine(Item):
    """``s z + t`` for each unit. No layer computes it alone; `merged` gives it to a neighbor, or to a BatchNorm."""

    @property
    def scale(self) -> Array:
        """The factor s."""
        return self.arrays["scale"]

    @property
    def shift(self) -> Array:
        """The number t that is added."""
        return self.arrays["shift"]

    def does_nothing(self) -> bool:
        """Whether it is ``z``."""
        return bool((self.scale == 1).all() and (self.shift == 0).all())


def affine(scale: Array, shift: Array) -> Affine:
    """Return the item that computes ``scale z + shift``."""
    return Affine(None, {"scale": scale, "shift": shift})


def dense(W: Array, b: Array) -> Item:
    """Return a Dense layer with these parameters."""
    return Item(lambda: layers.Dense(W.shape[1]), {"W": W, "b": b})


def merged(items: list[Item]) -> list[Item]:
    """Give each Affine to the layer before it, if that is linear in its parameters, and else make it a BatchNorm."""
    done: list[Item] = []
    for item in items:
        if not isinstance(item, Affine):
            inner, shortcut = (tuple(merged(list(chain))) for chain in (item.inner, item.shortcut))
            done.append(replace(item, inner=inner, shortcut=shortcut))
        elif not item.does_nothing():
            last = done.pop() if done and _takes_affine(done[-1]) else None
            done.append(item if last is None else _with_affine(last, item))
    return [_as_batch_norm(item) if isinstance(item, Affine) else item for item in done]


def _takes_affine(item: Item) -> bool:
    return isinstance(item, Affine) or bool({"b", "beta"} & item.arrays.keys())


def _with_affine(item: Item, following: Affine) -> Item:
    """Return the layer whose output is ``s a + t`` in place of a."""
    s, t = following.scale, following.shift
    if isinstance(item, Affine):
        return affine(item.scale * s, item.shift * s + t)
    weight, bias = ("W", "b") if "W" in item.arrays else ("gamma", "beta")
    arrays = {weight: item.arrays[weight] * s, bias: item.arrays[bias] * s + t}
    return replace(item, arrays=item.arrays | arrays)


def _as_batch_norm(item: Affine) -> Item:
    """``s z + t = s (z - c)`` with ``c = -t / s``, which keeps its digits where z is large.

    The running variance is chosen such that sigma is 1.
    """
    s, t = item.scale, item.shift
    with np.errstate(all="ignore"):
        c = np.where(s == 0, 0, -t / s)
    far = ~np.isfinite(c) | (np.abs(c) > 1e30)
    arrays = {
        "gamma": s,
        "beta": np.where(far | (s == 0), t, 0),
        "running_mean": np.where(far, 0, c),
        "running_variance": np.full(s.shape, 1 - EPSILON),
        "running_weight": np.ones(s.shape),
    }
    return Item(lambda: layers.BatchNorm(epsilon=EPSILON), arrays)


EPSILON = 2.0**-17  # a power of 2, so that 1 - EPSILON + EPSILON is 1 in float32


def make_layer(item: Item) -> Layer:
    """Return a new layer, without its arrays."""
    if item.inner:
        shortcut = [make_layer(inner) for inner in item.shortcut] or None
        return layers.Residual([make_layer(inner) for inner in item.inner], shortcut=shortcut)
    made: Layer = item.make()
    return made


def set_arrays(item: Item, layer: Layer) -> None:
    """Give the layer of a built network its arrays."""
    for inner, inner_layer in zip(item.inner + item.shortcut, layer.inner_layers, strict=True):
        set_arrays(inner, inner_layer)
    for name, array in item.arrays.items():
        setattr(layer, name, array)
