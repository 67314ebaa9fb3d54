"""The operators of ONNX that can be part of a network of nnlite, in NumPy and float64.

They are evaluated on a few rows, to find out which layer some of them compute together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.functional import SELU_ALPHA, SELU_LAMBDA, erf, gelu, hard_swish, sigmoid, softplus
from nnlite.layers import Cache, Softmax
from nnlite.onnx.graph import ML_DOMAIN
from nnlite.onnx.parsing import Node

LARGEST = 2**24  # numbers of a result
FLOATS = (1, 10, 11, 16)  # FLOAT, FLOAT16, DOUBLE, BFLOAT16 of TensorProto
INTEGERS = {2: np.uint8, 3: np.int8, 4: np.uint16, 5: np.int16, 6: np.int32, 7: np.int64, 12: np.uint32}
BOOL = 9

Operator = Callable[["Call"], Array]
OPERATORS: dict[str, Operator] = {}


class Call:
    """A node with the values of its inputs.

    Parameters
    ----------
    node : Node
    values : list of ndarray or None
        None for an input that is left out.
    opset : int
    """

    def __init__(self, node: Node, values: Sequence[Array | None], opset: int) -> None:
        self.node, self.values, self.opset = node, values, opset

    def __getitem__(self, i: int) -> Array:
        """Return the value of an input that must be there."""
        value = self.get(i)
        if value is None:
            raise ModelFileError(f"is damaged: {self.node} has too few inputs")
        return value

    def get(self, i: int) -> Array | None:
        """Return the value of an input; None if it is left out."""
        return self.values[i] if i < len(self.values) else None

    def given(self) -> list[Array]:
        """Return the values of all inputs."""
        return [self[i] for i in range(len(self.values))]

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, or what ONNX says for a node without it."""
        value = self.node.attributes.get(name)
        return default if value is None else value

    def number(self, name: str, default: float) -> float:
        """Return an attribute that is a number; float32 in the file, so that 0.01 is meant by 0.0099999998."""
        return short(float(self.attribute(name, default)))

    def axes(self, i: int, ndim: int) -> tuple[int, ...] | None:
        """Return the axes, an attribute or the input i; None for all."""
        axes = self.attribute("axes")
        if axes is None and self.get(i) is not None:
            axes = self[i].ravel().tolist()
        return None if axes is None else tuple(int(axis) % ndim for axis in axes)


def evaluate(node: Node, values: Sequence[Array | None], opset: int) -> Array:
    """Return the first output of a node; ModelFileError if its operator is unknown or its result too large."""
    with np.errstate(all="ignore"):
        result = np.asarray(OPERATORS[node.operator](Call(node, values, opset)))
    return result.astype(np.float64) if result.dtype == np.float32 and result.size <= 2**16 else result


def short(value: float) -> float:
    """Return the decimal number with the fewest digits that is the same in float32."""
    return float(str(np.float32(value))) if float(np.float32(value)) == value else value


def check_size(shape: Sequence[int], node: Node) -> None:
    """Raise ModelFileError if an array of that shape would be too large."""
    if math.prod(shape) > LARGEST:
        raise ModelFileError(f"{node} would compute {math.prod(shape)} numbers")


def _operator(*names: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


# ---- number by number ------------------------------------------------------------------------------------------------

UNARY: dict[str, Callable[[Array], Array]] = {
    "Abs": np.abs,
    "Erf": erf,
    "Exp": np.exp,
    "HardSwish": hard_swish,
    "Identity": np.asarray,
    "Log": np.log,
    "Neg": np.negative,
    "Not": np.logical_not,
    "Reciprocal": np.reciprocal,
    "Relu": lambda z: np.maximum(0, z),
    "Sigmoid": sigmoid,
    "Softplus": softplus,
    "Sqrt": np.sqrt,
    "Tanh": np.tanh,
}
BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "And": np.logical_and,
    "Div": lambda a, b: a // b if a.dtype.kind in "iu" and b.dtype.kind in "iu" else a / b,
    "Equal": np.equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Max": np.maximum,
    "Min": np.minimum,
    "Mul": np.multiply,
    "Or": np.logical_or,
    "Pow": np.power,
    "Sub": np.subtract,
    "Sum": np.add,
}


@_operator(*UNARY)
def _unary(call: Call) -> Array:
    return UNARY[call.node.operator](call[0])


@_operator(*BINARY)
def _binary(call: Call) -> Array:
    function = BINARY[call.node.operator]
    result, *others = call.given()
    for other in others:
        check_size(np.broadcast_shapes(result.shape, other.shape), call.node)
        result = function(result, other)
    return result


@_operator("Where")
def _where(call: Call) -> Array:
    check_size(np.broadcast_shapes(*(value.shape for value in call.given())), call.node)
    return np.where(call[0], call[1], call[2])


@_operator("Elu")
def _elu(call: Call) -> Array:
    z, alpha = call[0], call.number("alpha", 1.0)
    return np.maximum(0, z) + alpha * np.expm1(np.minimum(0, z))


@_operator("Selu")
def _selu(call: Call) -> Array:
    z, alpha, scale = call[0], call.number("alpha", SELU_ALPHA), call.number("gamma", SELU_LAMBDA)
    return scale * (np.maximum(0, z) + alpha * np.expm1(np.minimum(0, z)))


@_operator("LeakyRelu")
def _leaky_relu(call: Call) -> Array:
    return np.where(call[0] > 0, call[0], call.number("alpha", 0.01) * call[0])


@_operator("PRelu")
def _p_relu(call: Call) -> Array:
    check_size(np.broadcast_shapes(call[0].shape, call[1].shape), call.node)
    return np.where(call[0] > 0, call[0], call[1] * call[0])


@_operator("HardSigmoid")
def _hard_sigmoid(call: Call) -> Array:
    return np.clip(call.attribute("alpha", 0.2) * call[0] + call.attribute("beta", 0.5), 0, 1)


@_operator("Gelu")
def _gelu(call: Call) -> Array:
    return gelu(call[0], approximate=call.attribute("approximate", "none"))


@_operator("Swish")
def _swish(call: Call) -> Array:
    return call[0] * sigmoid(call.number("alpha", 1.0) * call[0])


@_operator("Clip")
def _clip(call: Call) -> Array:
    low, high = call.get(1), call.get(2)
    return np.clip(
        call[0],
        call.attribute("min", -np.inf) if low is None else low,
        call.attribute("max", np.inf) if high is None else high,
    )


@_operator("Dropout")
def _dropout(call: Call) -> Array:
    return call[0]


@_operator("Cast", "CastLike")
def _cast(call: Call) -> Array:
    if call.node.operator == "CastLike":
        return call[0].astype(np.float64 if call[1].dtype.kind == "f" else call[1].dtype)
    to = call.attribute("to")
    if to in FLOATS and call[0].dtype.kind in "fiub":
        return call[0] if call[0].dtype.kind == "f" else call[0].astype(np.float64)
    if to == BOOL or to in INTEGERS:
        return call[0].astype(bool if to == BOOL else INTEGERS[to])
    raise ModelFileError(f"{call.node} converts numbers to a type that nnlite does not have")


# ---- rows ------------------------------------------------------------------------------------------------------------


@_operator("Softmax")
def _softmax(call: Call) -> Array:
    axis = call.attribute("axis", -1 if call.opset >= 13 else 1)
    if axis % call[0].ndim != call[0].ndim - 1:
        raise ModelFileError(f"{call.node} works along axis {axis}, and the layer Softmax along the last")
    return Softmax().forward(call[0], Cache())  # also over a single unit


REDUCTIONS: dict[str, Callable[..., Array]] = {
    "ReduceMax": np.max,
    "ReduceMean": np.mean,
    "ReduceSum": np.sum,
    "ReduceSumSquare": lambda z, **options: np.sum(np.square(z), **options),
}


@_operator(*REDUCTIONS)
def _reduce(call: Call) -> Array:
    axes = call.axes(1, max(1, call[0].ndim))
    if axes is None and call.attribute("noop_with_empty_axes", 0):
        return call[0]
    return REDUCTIONS[call.node.operator](call[0], axis=axes, keepdims=bool(call.attribute("keepdims", 1)))


# ---- products and normalizations -------------------------------------------------------------------------------------


@_operator("MatMul")
def _matmul(call: Call) -> Array:
    check_size((*call[0].shape[:-1], call[1].shape[-1]), call.node)
    return call[0] @ call[1]


@_operator("Gemm")
def _gemm(call: Call) -> Array:
    a = call[0].T if call.attribute("transA", 0) else call[0]
    b = call[1].T if call.attribute("transB", 0) else call[1]
    check_size((a.shape[0], b.shape[1]), call.node)
    product = call.number("alpha", 1.0) * (a @ b)
    c = call.get(2)
    return product if c is None else product + call.number("beta", 1.0) * c


@_operator("BatchNormalization")
def _batch_normalization(call: Call) -> Array:
    gamma, beta, mean, variance = (_per_channel(call[i], call[0].ndim) for i in range(1, 5))
    sigma = np.sqrt(variance + call.number("epsilon", 1e-5))
    return gamma * ((call[0] - mean) / sigma) + beta


@_operator("LayerNormalization")
def _layer_normalization(call: Call) -> Array:
    z = call[0]
    axes = tuple(range(call.attribute("axis", -1) % z.ndim, z.ndim))
    sigma = np.sqrt(z.var(axis=axes, keepdims=True) + call.number("epsilon", 1e-5))
    result = (z - z.mean(axis=axes, keepdims=True)) / sigma * call[1]
    beta = call.get(2)
    return result if beta is None else result + beta


@_operator(f"{ML_DOMAIN}.Scaler")
def _scaler(call: Call) -> Array:
    return (call[0] - np.array(call.attribute("offset", [0.0]))) * np.array(call.attribute("scale", [1.0]))


def _per_channel(values: Array, ndim: int) -> Array:
    return values.reshape(-1, *[1] * (ndim - 2))


# ---- shapes ----------------------------------------------------------------------------------------------------------


@_operator("Constant")
def _constant(call: Call) -> Array:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if call.attribute(name) is not None:
            return np.asarray(call.attribute(name))
    raise ModelFileError(f"{call.node} has no value")


@_operator("Shape")
def _shape(call: Call) -> Array:
    return np.array(call[0].shape, np.int64)[call.attribute("start", 0) : call.attribute("end")]


@_operator("Reshape")
def _reshape(call: Call) -> Array:
    target = [int(n) for n in call[1].ravel()[:64]]
    if not call.attribute("allowzero", 0):
        target = [call[0].shape[i] if n == 0 else n for i, n in enumerate(target)]
    return call[0].reshape(target)


@_operator("Flatten")
def _flatten(call: Call) -> Array:
    axis = call.attribute("axis", 1)
    axis = axis + call[0].ndim if axis < 0 else axis
    return call[0].reshape(math.prod(call[0].shape[:axis]), -1)


@_operator("Squeeze")
def _squeeze(call: Call) -> Array:
    axes = call.axes(1, call[0].ndim)
    return call[0].squeeze(axes)


@_operator("Unsqueeze")
def _unsqueeze(call: Call) -> Array:
    axes = call.attribute("axes") or call[1].ravel().tolist()
    return np.expand_dims(call[0], tuple(int(axis) for axis in axes))


@_operator("Concat")
def _concat(call: Call) -> Array:
    check_size([sum(value.size for value in call.given())], call.node)
    return np.concatenate(call.given(), axis=call.attribute("axis", 0))


@_operator("Gather")
def _gather(call: Call) -> Array:
    axis = call.attribute("axis", 0)
    check_size([call[1].size, call[0].size // max(1, call[0].shape[axis])], call.node)
    return np.take(call[0], call[1].astype(np.int64), axis=axis)


@_operator("Slice")
def _slice(call: Call) -> Array:
    starts, ends = call[1].ravel().tolist(), call[2].ravel().tolist()
    axes_given, steps_given = call.get(3), call.get(4)
    axes = range(len(starts)) if axes_given is None else axes_given.ravel().tolist()
    steps = [1] * len(starts) if steps_given is None else steps_given.ravel().tolist()
    index: list[Any] = [slice(None)] * call[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        index[axis] = slice(start, end, step)
    return call[0][tuple(index)]


@_operator("Expand")
def _expand(call: Call) -> Array:
    shape = np.broadcast_shapes(call[0].shape, tuple(int(n) for n in call[1].ravel()[:64]))
    check_size(shape, call.node)
    return np.broadcast_to(call[0], shape)


@_operator("ConstantOfShape")
def _constant_of_shape(call: Call) -> Array:
    shape = tuple(int(n) for n in call[0].ravel()[:64])
    check_size(shape, call.node)
    value = np.asarray(call.attribute("value", np.zeros(1, np.float32))).ravel()[0]
    return np.full(shape, value)


@_operator("Transpose")
def _transpose(call: Call) -> Array:
    return call[0].transpose(call.attribute("perm"))
