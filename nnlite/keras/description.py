"""The layers of a network from the description in a ``.keras`` file."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from nnlite import layers
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.layers import Layer
from nnlite.storage.untrusted import refusing

MOST_LAYERS = 4096
LARGEST_EXAMPLE = 2**26  # numbers that a layer makes of one example

# the words for activations, and what they mean in Keras 3
ACTIVATIONS: dict[str, Callable[[], Layer] | None] = {
    "elu": layers.ELU,
    "exponential": layers.Exponential,
    "gelu": layers.GELU,
    "hard_silu": layers.HardSwish,
    "hard_swish": layers.HardSwish,
    "leaky_relu": lambda: layers.LeakyReLU(0.2),
    "linear": None,
    "relu": layers.ReLU,
    "selu": layers.SELU,
    "sigmoid": layers.Sigmoid,
    "silu": layers.SiLU,
    "softmax": layers.Softmax,
    "softplus": layers.Softplus,
    "swish": layers.SiLU,
    "tanh": layers.Tanh,
}


class Described(NamedTuple):
    """A network as a ``.keras`` file describes it.

    Attributes
    ----------
    layers : list of Layer
    input_shape : tuple of int
    dtype : str
    """

    layers: list[Layer]
    input_shape: tuple[int, ...]
    dtype: str


def described(config: dict[str, Any]) -> Described:
    """Return the network that ``config.json`` describes.

    Raises
    ------
    ModelFileError
        If it is not a chain of layers, or has a layer that nnlite does not have; the message names the first.
    """
    with refusing("config.json is damaged"):
        records = entries(config)
        shape = input_shape = _input_shape(config, records)
        made: list[Layer] = []
        for record in records:
            for layer in _layers(record["class_name"], record["config"], shape):
                made.append(layer)
                shape = _after(layer, shape)
        return Described(made, input_shape, _dtype(records))


def _after(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    try:
        after = layer.output_shape(shape)
    except ArgumentError as error:
        raise ModelFileError(f"has a network that does not fit its input: {error}") from None
    has_arrays = bool(layer.parameter_shapes(shape))  # which are held against the file
    grows = math.prod(after) > math.prod(shape) and not has_arrays
    if grows and math.prod(after) > LARGEST_EXAMPLE:
        raise ModelFileError(f"is damaged: one example has {math.prod(after)} numbers behind {layer!r:.100}")
    return after


def entries(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the descriptions of the layers of a Sequential, or of a functional model that is a chain of layers.

    Raises
    ------
    ModelFileError
        For another network.
    """
    kind = config.get("class_name")
    if kind not in ("Sequential", "Functional"):
        raise ModelFileError(f"is a network of the class {kind!r:.100}; nnlite reads a Sequential")
    records = config["config"]["layers"]
    if not isinstance(records, list) or len(records) > MOST_LAYERS:
        raise ModelFileError(f"has more than {MOST_LAYERS} layers")
    if kind == "Functional":
        _check_chain(config["config"], records)
    return records


def _check_chain(config: dict[str, Any], records: list[dict[str, Any]]) -> None:
    """Raise ModelFileError unless each layer of a functional model takes what the one before it gives."""
    for before, record in pairwise(records):
        if _inputs(record) != [before["name"]]:
            raise ModelFileError(
                f"is a functional model in which {record['name']!r:.100} does not follow {before['name']!r:.100}; "
                "nnlite reads a chain of layers"
            )
    outputs = config["output_layers"]
    output = outputs[0] if len(outputs) == 1 else outputs  # [name, 0, 0], in a list or not
    if _inputs(records[0]) or output[0] != records[-1]["name"]:
        raise ModelFileError("is a functional model whose input and output are not the ends of a chain of layers")


def _inputs(record: dict[str, Any]) -> list[Any]:
    """Return the names of the layers whose outputs a layer takes, in all of its calls."""
    tensors = [value for node in record["inbound_nodes"] for value in node["args"]]
    return [tensor["config"]["keras_history"][0] if isinstance(tensor, dict) else tensor for tensor in tensors]


def of_class(config: dict[str, Any] | None, name: str) -> list[dict[str, Any]] | None:
    """Return the arguments of each layer of a class, in order; None if there is no description of a chain."""
    if config is None:
        return None
    with refusing("config.json is damaged"), contextlib.suppress(ModelFileError):
        return [record["config"] for record in entries(config) if record["class_name"] == name]
    return None


def _input_shape(config: dict[str, Any], records: list[dict[str, Any]]) -> tuple[int, ...]:
    shapes = [record["config"].get("batch_shape") for record in records if record["class_name"] == "InputLayer"]
    shape = (shapes or [(config.get("build_config") or {}).get("input_shape")])[0]
    if not isinstance(shape, list) or len(shape) < 2 or not all(type(n) is int and n > 0 for n in shape[1:]):
        raise ModelFileError(f"does not say the shape of an example: it has {shape!r:.100}")
    return tuple(shape[1:])


def _dtype(records: list[dict[str, Any]]) -> str:
    for record in records:
        dtype = record["config"].get("dtype")
        name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
        if record["class_name"] != "InputLayer":
            return "float64" if name == "float64" else "float32"
    return "float32"


def _layers(name: Any, given: dict[str, Any], shape: tuple[int, ...]) -> Iterator[Layer]:
    """Yield the layers of nnlite that one of Keras becomes: Dense has its activation inside.

    ``shape`` is that of an example before the layer.
    """
    if name in NOT_COMPUTING:
        return
    make = LAYERS.get(name) if isinstance(name, str) else None
    if make is None:
        raise ModelFileError(f"has the layer {name!s:.100}, for which nnlite has none")
    _check_axes(name, given, shape)
    if name == "Conv1D" and given.get("padding") == "causal":
        yield layers.ZeroPadding1D(((_number(given["kernel_size"]) - 1) * _number(given["dilation_rate"]), 0))
        given = given | {"padding": "valid"}
    layer = make(given)
    if layer is not None:
        if given.get("trainable") is False:
            layer.trainable = False
        yield layer
    if name in ("Dense", "Activation", "Conv1D", "Conv2D"):
        yield from _activation(given.get("activation"))


def _activation(word: Any) -> Iterator[Layer]:
    if not isinstance(word, str) or word not in ACTIVATIONS:
        shown = word.get("config", word.get("class_name")) if isinstance(word, dict) else word
        raise ModelFileError(f"has the activation {shown!s:.100}, for which nnlite has no layer")
    make = ACTIVATIONS[word]
    if make is not None:
        yield make()


def _number(value: Any) -> int:
    """Return the number of a list of one."""
    (number,) = value if isinstance(value, list) else [value]
    return int(number)


def _check_axes(name: str, given: dict[str, Any], shape: tuple[int, ...]) -> None:
    """Refuse images with channels first, and a normalization along other axes than that of nnlite."""
    if given.get("data_format", "channels_last") not in ("channels_last", None):
        raise ModelFileError(f"has the layer {name} with channels first; nnlite has them last")
    if name not in ("BatchNormalization", "LayerNormalization"):
        return
    given_axes = given.get("axis", -1)
    axes = given_axes if isinstance(given_axes, list) else [given_axes]
    last = [len(shape)]
    needed = last if name == "BatchNormalization" else [*range(1, len(shape) + 1)]
    if sorted(axis % (len(shape) + 1) for axis in axes) != needed:
        works = "the channels, the last axis" if name == "BatchNormalization" else "all axes of an example"
        raise ModelFileError(f"has the layer {name} along axis {given_axes!r:.30}; nnlite's works along {works}")


def _convolution(given: dict[str, Any], make: Callable[..., Layer]) -> Layer:
    return make(
        given["filters"],
        given["kernel_size"],
        strides=given.get("strides", 1),
        padding=given.get("padding", "valid"),
        dilation=given.get("dilation_rate", 1),
        groups=given.get("groups", 1),
    )


def _pool(given: dict[str, Any], make: Callable[..., Layer]) -> Layer:
    return make(given["pool_size"], given.get("strides"), given.get("padding", "valid"))


def _global(given: dict[str, Any], make: Callable[..., Layer]) -> Layer:
    if given.get("keepdims"):
        raise ModelFileError("has a global pooling with keepdims, for which nnlite has none")
    return make()


def _zeros(given: dict[str, Any], make: Callable[..., Layer]) -> Layer:
    return make(given["padding"])


def _with(convert: Callable[[dict[str, Any], Callable[..., Layer]], Layer], make: Callable[..., Layer]) -> Any:
    """Return what makes a layer of the class ``make``."""
    return lambda given: convert(given, make)


def _relu(given: dict[str, Any]) -> Layer:
    if given.get("max_value") is not None or given.get("threshold"):
        raise ModelFileError("has the layer ReLU with max_value or threshold, for which nnlite has none")
    slope = given.get("negative_slope") or 0
    return layers.LeakyReLU(slope) if slope else layers.ReLU()


def _softmax(given: dict[str, Any]) -> Layer:
    if given.get("axis", -1) not in (-1, [-1]):
        raise ModelFileError(f"has the layer Softmax along axis {given['axis']!r:.20}; nnlite's works along the last")
    return layers.Softmax()


def _batch_norm(given: dict[str, Any]) -> Layer:
    return layers.BatchNorm(momentum=_rest(given["momentum"]), epsilon=given["epsilon"])


def _rest(momentum: float) -> float:
    """``1 - momentum``, the weight of the new batch, as short as it is written: 0.01 for 0.99."""
    rest = 1 - momentum
    rounded = round(rest, 12)
    return rounded if math.isclose(rest, rounded, rel_tol=1e-9) else rest


def _layer_norm(given: dict[str, Any]) -> Layer:
    if given.get("rms_scaling"):
        raise ModelFileError("has the layer LayerNormalization with rms_scaling, for which nnlite has none")
    return layers.LayerNorm(epsilon=given["epsilon"])


NOT_COMPUTING = ("InputLayer",)
LAYERS: dict[str, Callable[[dict[str, Any]], Layer | None]] = {
    "Activation": lambda given: None,
    "AlphaDropout": lambda given: layers.AlphaDropout(given["rate"]),
    "AveragePooling1D": _with(_pool, layers.AveragePool1D),
    "AveragePooling2D": _with(_pool, layers.AveragePool2D),
    "BatchNormalization": _batch_norm,
    "Conv1D": _with(_convolution, layers.Conv1D),
    "Conv2D": _with(_convolution, layers.Conv2D),
    "Dense": lambda given: layers.Dense(given["units"]),
    "Dropout": lambda given: layers.Dropout(given["rate"]),
    "ELU": lambda given: layers.ELU(given["alpha"]),
    "Flatten": lambda given: layers.Flatten(),
    "GaussianNoise": lambda given: layers.GaussianNoise(given["stddev"]),
    "GlobalAveragePooling1D": _with(_global, layers.GlobalAveragePool1D),
    "GlobalAveragePooling2D": _with(_global, layers.GlobalAveragePool2D),
    "Identity": lambda given: None,
    "LayerNormalization": _layer_norm,
    "LeakyReLU": lambda given: layers.LeakyReLU(given["negative_slope"]),
    "MaxPooling1D": _with(_pool, layers.MaxPool1D),
    "MaxPooling2D": _with(_pool, layers.MaxPool2D),
    "ReLU": _relu,
    "Reshape": lambda given: layers.Reshape(tuple(given["target_shape"])),
    "Softmax": _softmax,
    "SpatialDropout1D": lambda given: layers.Dropout1D(given["rate"]),
    "SpatialDropout2D": lambda given: layers.Dropout2D(given["rate"]),
    "ZeroPadding1D": _with(_zeros, layers.ZeroPadding1D),
    "ZeroPadding2D": _with(_zeros, layers.ZeroPadding2D),
}
