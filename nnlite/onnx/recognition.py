"""Find out which layer some operators compute together, from what they do to a few rows of numbers.

The same activation is written in many ways: GELU alone in three. So what counts is not how operators are written, but
what they compute: it is compared with the layers of nnlite, in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite import layers
from nnlite.checks import Array
from nnlite.layers import Activation, Cache
from nnlite.onnx.items import Affine, Item, affine
from nnlite.onnx.layout import Reshaped

TOLERANCE = 1e-6  # of activations, whose constants a file may have in float32
EXACT = 1e-9
MANY = 2**14  # numbers after which few rows are enough
SMALLEST_EPSILON, LARGEST_EPSILON = 1e-12, 1.0

Function = Callable[[Array], Array]  # of rows (M, ...)

# Each is what its name says, and nothing else is within TOLERANCE of it.
ACTIVATIONS: list[Callable[[], Activation]] = [
    layers.ReLU, layers.Tanh, layers.Sigmoid, layers.SiLU, layers.GELU, lambda: layers.GELU("tanh"), layers.Softplus,
    layers.HardSwish, layers.SELU, layers.Exponential,
]  # fmt: skip


def recognized(function: Function, rows: int, shape: tuple[int, ...]) -> Item | None:
    """Return the layer that a function of rows computes; None if there is none.

    Parameters
    ----------
    function : callable
        Of an array (rows, *shape); it may raise any error for what it was not made for.
    rows : int
    shape : tuple of int
        Of one example.
    """
    probes = _probes(rows, shape)
    results = [function(probe) for probe in probes]
    if any(result.shape[:1] != (rows,) or result.dtype.kind not in "fiub" for result in results):
        return None
    if all(r.size == p.size and np.array_equal(r.ravel(), p.ravel()) for p, r in zip(probes, results, strict=True)):
        return _reshape(results[0].shape[1:], shape)
    if results[0].shape != probes[0].shape:
        return None
    return (
        _activation(probes, results)
        or _affine(function, probes, results)
        or _softmax(probes, results)
        or _layer_norm(function, probes, results)
    )


def _probes(rows: int, shape: tuple[int, ...]) -> list[Array]:
    """Return arrays of numbers such that each unit sees large, small and usual ones of both signs."""
    rng = np.random.default_rng(0)
    n = max(1, -(-48 // rows)) if rows * math.prod(shape) <= MANY else 2
    usual = [rng.normal(0, 3, (rows, *shape)) for _ in range(n)]
    wide = [rng.uniform(-25, 25, (rows, *shape)) for _ in range(max(1, n // 2))]
    return [*usual, *wide, rng.normal(0, 1e-3, (rows, *shape))]


def _reshape(result: tuple[int, ...], shape: tuple[int, ...]) -> Item:
    if result == shape:
        return affine(np.ones(shape), np.zeros(shape))
    return Reshaped(None, shape=result)


# ---- number by number ------------------------------------------------------------------------------------------------


def _activation(probes: Sequence[Array], results: Sequence[Array]) -> Item | None:
    """Return the activation; a slope or a limit is read from what comes out for negative numbers."""
    for make in ACTIVATIONS:
        if _same(make(), probes, results):
            return Item(make)
    z, a = (np.concatenate([array.ravel() for array in arrays]) for arrays in (probes, results))
    lowest = int(z.argmin())
    slope, limit = _rounded(float(a[lowest] / z[lowest])), _rounded(float(a[lowest] / np.expm1(z[lowest])))
    for cls, value, largest in ((layers.LeakyReLU, slope, 1), (layers.ELU, limit, np.inf)):
        if 0 <= value <= largest:
            make_it = _maker(cls, value)
            if value != 1 and _same(make_it(), probes, results):
                return Item(make_it)
    return Item(layers.ELU) if _same(layers.ELU(), probes, results) else None


def _maker(cls: Any, value: float) -> Callable[[], Any]:
    return lambda: cls(value)


def _same(layer: Any, probes: Sequence[Array], results: Sequence[Array], tolerance: float = TOLERANCE) -> bool:
    return all(_close(r, layer.forward(p, Cache()), tolerance) for p, r in zip(probes, results, strict=True))


def _close(a: Array, b: Array, tolerance: float) -> bool:
    return bool((np.abs(a - b) <= tolerance * np.maximum(1, np.abs(b))).all())


def _affine(function: Function, probes: Sequence[Array], results: Sequence[Array]) -> Affine | None:
    """Return ``s z + t`` of each unit, from what comes out for 0 and for 1."""
    zeros, ones = function(np.zeros_like(probes[0])), function(np.ones_like(probes[0]))
    t = zeros[0].astype(np.float64)
    s = ones[0] - t
    if not (np.isfinite(s).all() and np.isfinite(t).all()):
        return None
    for probe, result in zip(probes, results, strict=True):
        size = np.abs(s * probe) + np.abs(t) + np.abs(s)
        if not (np.abs(result - (s * probe + t)) <= EXACT * size).all():
            return None
    return affine(s, t)


# ---- rows ------------------------------------------------------------------------------------------------------------


def _softmax(probes: Sequence[Array], results: Sequence[Array]) -> Item | None:
    return Item(layers.Softmax) if _same(layers.Softmax(), probes, results) else None


def _layer_norm(function: Function, probes: Sequence[Array], results: Sequence[Array]) -> Item | None:
    """Return LayerNorm, with gamma and beta from rows that are so large that epsilon says nothing, then epsilon."""
    large, small = probes[0] * 1e6, probes[-1]
    d, variance = _centered(large)
    hat, up, down = d / np.sqrt(np.maximum(variance, 1e-300)), function(large), function(-large)
    row = np.abs(hat).argmax(axis=0)[None]
    hat, up, down = (np.take_along_axis(array, row, axis=0)[0] for array in (hat, up, down))
    with np.errstate(all="ignore"):
        gamma, beta = (up - down) / (2 * hat), (up + down) / 2
        d, variance = _centered(small)
        place = np.unravel_index(np.argmax(np.abs(gamma * d)), d.shape)
        sigma = (gamma * d)[place] / (results[-1] - beta)[place]
        epsilon = _rounded(float(sigma**2 - variance.reshape(len(small))[place[0]]))
    if not (np.isfinite(gamma).all() and np.isfinite(beta).all() and SMALLEST_EPSILON <= epsilon <= LARGEST_EPSILON):
        return None
    for probe, result in zip(probes, results, strict=True):
        d, variance = _centered(probe)
        if not _close(result, gamma * d / np.sqrt(variance + epsilon) + beta, TOLERANCE):
            return None
    return Item(lambda: layers.LayerNorm(epsilon=epsilon), {"gamma": gamma, "beta": beta})


def _rounded(value: float) -> float:
    """Return 1e-5 for what float32 makes of 1e-5, and other numbers as they are."""
    decimal = float(f"{value:.6g}") if np.isfinite(value) else value
    return decimal if abs(decimal - value) <= 1e-7 * abs(value) else value


def _centered(rows: Array) -> tuple[Array, Array]:
    """Return z - mu and sigma^2 of each row."""
    axes = tuple(range(1, rows.ndim))
    d = rows - rows.mean(axis=axes, keepdims=True)
    variance: Array = (d**2).mean(axis=axes, keepdims=True)
    return d, variance
