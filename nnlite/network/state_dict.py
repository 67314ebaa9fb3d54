"""The numbers of a network under PyTorch's names, and from them; `orientation` says in which order."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import BatchNorm, Dense, Layer, LayerNorm
from nnlite.layers.base import Shape
from nnlite.layers.convolution import Convolution
from nnlite.network.orientation import Orientation, orientation, views
from nnlite.network.vectors import Segment

# The names of what a layer keeps, here and in PyTorch. Other layers keep their own names.
NORMALIZATION = {
    "gamma": "weight",
    "beta": "bias",
    "running_mean": "running_mean",
    "running_variance": "running_var",
}
DENSE = {"W": "weight", "b": "bias"}
COUNTER = "num_batches_tracked"  # how many batches are in the running averages; in place of the weight that they have
WEIGHT = "running_weight"
MOST_NAMED = 10  # keys in a message


class Entry(NamedTuple):
    """The place of one array of a state dict.

    Attributes
    ----------
    segment : Segment
        Where its numbers lie in theta or in the state of the network.
    orientation : Orientation
        In which order PyTorch has its numbers.
    kept : bool
        True for what the layer keeps but does not learn.
    """

    segment: Segment
    orientation: Orientation
    kept: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self.orientation.shape


def entries(
    layers: Sequence[Layer], input_shape: Shape, segments: Sequence[Segment], kept: Sequence[Segment]
) -> dict[str, Entry]:
    """Return every array by its name, "0.weight", in the order of the layers."""
    seen_as = dict(views(layers, input_shape))
    of_layer: dict[Layer, list[tuple[Segment, bool]]] = {}
    for segment, is_kept in [*((s, False) for s in segments), *((s, True) for s in kept)]:
        of_layer.setdefault(segment.layer, []).append((segment, is_kept))
    named: dict[str, Entry] = {}
    for layer, place in _places(layers, ""):
        for segment, is_kept in of_layer.get(layer, ()):
            if isinstance(layer, BatchNorm) and segment.attribute == WEIGHT:
                continue
            name = _names(layer).get(segment.attribute, segment.attribute)
            turned = orientation(layer, segment.attribute, segment.shape, seen_as[layer])
            named[f"{place}.{name}"] = Entry(segment, turned, is_kept)
    return named


def counters(layers: Sequence[Layer]) -> dict[str, BatchNorm]:
    """Return each BatchNorm, by the name under which PyTorch counts its batches."""
    return {f"{place}.{COUNTER}": layer for layer, place in _places(layers, "") if isinstance(layer, BatchNorm)}


def count_of(layer: BatchNorm) -> int:
    """Return after how many batches the running averages have their weight, ``w = 1 - (1 - momentum)^t``."""
    w = float(layer.running_weight.max(initial=0))
    if w == 0 or layer.momentum == 1:
        return int(w > 0)
    return round(math.log(max(1 - w, np.finfo(layer.running_weight.dtype).eps / 4)) / math.log1p(-layer.momentum))


def weight_after(count: Any, name: str, layer: BatchNorm) -> float:
    """Return ``1 - (1 - momentum)^t`` for t batches; 1 if t is not known.

    Raises
    ------
    ArgumentError
        If ``count`` is not a whole number of at least 0.
    """
    if count is None:
        return 1.0
    t = as_array(name, count)
    if t.size != 1 or not t.ravel()[0] >= 0 or t.ravel()[0] % 1 != 0:
        raise ArgumentError(f"{name}: expected a number of batches, got {count!r:.100}")
    return float(1 - (1 - layer.momentum) ** min(float(t.ravel()[0]), 1e18))


def read(
    state_dict: Any, named: Mapping[str, Entry], optional: Collection[str], dtype: np.dtype[Any]
) -> dict[str, Array]:
    """Return the arrays of a state dict in the orientation and dtype of the network.

    Raises
    ------
    ArgumentError
        If it is not a mapping, a key is missing or unexpected, or an array has another shape or is not finite.
    """
    if not isinstance(state_dict, Mapping):
        hint = "; pass its state_dict()" if callable(getattr(state_dict, "state_dict", None)) else ""
        raise ArgumentError(f"state_dict: expected a mapping of names to arrays, got {type(state_dict).__name__}{hint}")
    _check_keys(state_dict, named, optional)
    arrays, wrong = {}, []
    for key, entry in named.items():
        array = as_array(f"state_dict[{key!r}]", state_dict[key])
        if array.shape != entry.shape:
            wrong.append(f"{key!r} must have the shape {entry.shape}, got {array.shape}")
        arrays[key] = array
    if wrong:
        raise ArgumentError(f"state_dict: {_shown(wrong, '; ')}")
    for key, entry in named.items():
        checks.finite(f"state_dict[{key!r}]", arrays[key], dtype)
        if entry.segment.attribute == "running_variance" and arrays[key].size and arrays[key].min() < 0:
            raise ArgumentError(f"state_dict[{key!r}]: expected variances of at least 0, got {arrays[key].min():g}")
        arrays[key] = entry.orientation.from_pytorch(arrays[key], entry.segment.shape).astype(dtype)
    return arrays


def as_array(name: str, value: Any) -> Array:
    """Return an array, or a tensor of PyTorch, as an array of numbers; PyTorch is not imported."""
    if callable(getattr(value, "detach", None)) and callable(getattr(value, "cpu", None)):
        try:
            tensor = value.detach().cpu()
            value = (tensor.float() if str(tensor.dtype).endswith("bfloat16") else tensor).numpy()
        except Exception as error:  # a sparse or quantized tensor, or one without numbers
            reason = " ".join(str(error).split())
            raise ArgumentError(f"{name}: expected a dense tensor of numbers ({reason:.200})") from error
    return checks.numeric_array(name, value)


def _check_keys(state_dict: Mapping[Any, Any], named: Mapping[str, Entry], optional: Collection[str]) -> None:
    """Raise ArgumentError if a key is missing or unexpected."""
    missing = [key for key in named if key not in state_dict]
    unexpected = [key for key in state_dict if key not in named and key not in optional]
    problems = []
    if missing:
        problems.append(f"missing {_shown(map(repr, missing))}")
    if unexpected:
        problems.append(f"unexpected {_shown(map(repr, unexpected))}")
    if problems:
        raise ArgumentError(f"state_dict: {'; '.join(problems)}{_hint(missing, unexpected, named)}")


def _hint(missing: Sequence[str], unexpected: Sequence[Any], named: Mapping[str, Entry]) -> str:
    """Say what the usual reason is."""
    if not unexpected and missing and all(key.endswith(".bias") for key in missing):
        shape = named[missing[0]].shape
        return f"; for a layer without bias add zeros: state_dict[{missing[0]!r}] = np.zeros({shape})"
    if len(missing) == len(named) and unexpected:
        return f"; the network has {_shown(map(repr, named))}: a key is the place of a layer and the name of its array"
    return ""


def _shown(values: Any, separator: str = ", ") -> str:
    shown = [f"{value:.100}" for value in values]
    return separator.join(shown[:MOST_NAMED]) + (f"{separator}..." if len(shown) > MOST_NAMED else "")


def _names(layer: Layer) -> dict[str, str]:
    """Return PyTorch's names of what a layer keeps."""
    if isinstance(layer, (Dense, Convolution)):
        return DENSE
    return NORMALIZATION if isinstance(layer, (BatchNorm, LayerNorm)) else {}


def _places(layers: Sequence[Layer], within: str) -> Iterator[tuple[Layer, str]]:
    """Yield each layer with its place: "2", and "2.layers.0" for the first layer inside the layer 2."""
    for i, layer in enumerate(layers):
        yield layer, f"{within}{i}"
        for name, chain in layer.inner_chains.items():
            yield from _places(chain, f"{within}{i}.{name}.")
