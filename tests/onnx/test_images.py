"""Networks on images read from ONNX files, which have channels first: ONNX Runtime is at the other end."""

# ruff: noqa: E501 (a row of a table is a file)

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import nnlite as nn
from tests.onnx.running import run
from tests.onnx.test_exporting import IMAGES, drawn
from tests.support import refuse, table

RNG = np.random.default_rng(0)


def weights(*shape):
    return RNG.normal(0, 0.5, shape).astype(np.float32)


def node(operator, *inputs, to="Y", **attributes):
    return helper.make_node(operator, inputs, [to], **attributes)


def save(path, nodes, arrays, dims):
    """Write a file whose input X has examples of the shape ``dims``, and whose output is Y."""
    given = helper.make_tensor_value_info("X", TensorProto.FLOAT, ["M", *dims])
    made = helper.make_tensor_value_info("Y", TensorProto.FLOAT, None)
    constants = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()]
    graph = helper.make_graph(nodes, "g", [given], [made], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


# nodes, constants, the shape of an image in the file, the layers

W, b = weights(4, 2, 3, 3), weights(4)
FLAT = [node("Flatten", "z", to="f"), node("Gemm", "f", "V")]
PER_CHANNEL = weights(1, 4, 1, 1)
KNOWN = table([
    ("convolution and product", [node("Conv", "X", "W", "b", to="z"), *FLAT], {"W": W, "b": b, "V": weights(4 * 3 * 4, 3)}, (2, 5, 6),
     "Conv2D(4, 3), Flatten(), Dense(3)"),
    ("no bias, strides, dilation, padding", [node("Conv", "X", "W", to="z", strides=[2, 1], dilations=[1, 2], pads=[1, 0, 2, 3]), *FLAT],
     {"W": W, "V": weights(4 * 3 * 5, 3)}, (2, 5, 6), "ZeroPadding2D(padding=((1, 2), (0, 3))), Conv2D(4, 3, strides=(2, 1), dilation=(1, 2)), Flatten(), Dense(3)"),
    ("same padding and groups", [node("Conv", "X", "W", "b", to="z", group=2, auto_pad="SAME_UPPER", strides=[2, 2]), *FLAT],
     {"W": weights(4, 1, 2, 2), "b": b, "V": weights(4 * 3 * 3, 3)}, (2, 5, 6), "Conv2D(4, 2, strides=2, padding='same', groups=2), Flatten(), Dense(3)"),
    ("the odd zero above", [node("Conv", "X", "W", "b", to="z", auto_pad="SAME_LOWER"), *FLAT], {"W": weights(4, 2, 2, 2), "b": b, "V": weights(4 * 5 * 6, 3)},
     (2, 5, 6), "ZeroPadding2D(padding=((1, 0), (1, 0))), Conv2D(4, 2), Flatten(), Dense(3)"),
    ("scale, shift and normalization", [node("Conv", "X", "W", to="c"), node("Mul", "c", "s", to="m"), node("Add", "m", "t", to="n"),
     node("Relu", "n", to="r"), node("BatchNormalization", "r", "g", "b", "b", "v", to="z"), *FLAT],
     {"W": W, "s": PER_CHANNEL, "t": weights(4, 1, 1), "g": b, "b": b, "v": np.float32([1, 2, 3, 4]), "V": weights(4 * 3 * 4, 3)}, (2, 5, 6),
     "Conv2D(4, 3), ReLU(), BatchNorm(), Flatten(), Dense(3)"),
    ("pools", [node("MaxPool", "X", to="p", kernel_shape=[2, 2], strides=[2, 2]), node("AveragePool", "p", to="z", kernel_shape=[2, 1]), *FLAT],
     {"V": weights(2 * 2 * 3, 3)}, (2, 6, 7), "MaxPool2D(), AveragePool2D(pool_size=(2, 1), strides=1), Flatten(), Dense(3)"),
    ("padding that counts", [node("AveragePool", "X", to="z", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), *FLAT],
     {"V": weights(2 * 4 * 3, 3)}, (2, 4, 3), "ZeroPadding2D(), AveragePool2D(pool_size=3, strides=1), Flatten(), Dense(3)"),
    ("padding that does not count", [node("AveragePool", "X", to="z", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), *FLAT],
     {"V": weights(2 * 4 * 3, 3)}, (2, 4, 3), "AveragePool2D(pool_size=3, strides=1, padding='same'), Flatten(), Dense(3)"),
    ("a maximum behind ReLU", [node("Relu", "X", to="r"), node("MaxPool", "r", to="z", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), *FLAT],
     {"V": weights(2 * 2 * 2, 3)}, (2, 4, 4), "ReLU(), ZeroPadding2D(), MaxPool2D(pool_size=3, strides=2), Flatten(), Dense(3)"),
    ("a global mean", [node("Conv", "X", "W", to="c"), node("GlobalAveragePool", "c", to="z"), *FLAT], {"W": W, "V": weights(4, 3)}, (2, 5, 6),
     "Conv2D(4, 3), GlobalAveragePool2D(), Dense(3)"),
    ("a mean over the pixels", [node("Conv", "X", "W", to="c"), node("ReduceMean", "c", to="f", axes=[2, 3], keepdims=0), node("Gemm", "f", "V")],
     {"W": W, "V": weights(4, 3)}, (2, 5, 6), "Conv2D(4, 3), GlobalAveragePool2D(), Dense(3)"),
    ("channels last, as tf2onnx writes them", [node("Transpose", "X", to="x", perm=[0, 3, 1, 2]), node("Conv", "x", "W", to="c"), node("Relu", "c", to="r"),
     node("Transpose", "r", to="z", perm=[0, 2, 3, 1]), *FLAT], {"W": W, "V": weights(4 * 3 * 4, 3)}, (5, 6, 2), "Conv2D(4, 3), ReLU(), Flatten(), Dense(3)"),
    ("padding of channels last", [node("Pad", "X", "pads", to="p"), node("Transpose", "p", to="x", perm=[0, 3, 1, 2]), node("Conv", "x", "W", to="z"), *FLAT],
     {"pads": np.int64([0, 1, 0, 0, 0, 0, 2, 0]), "W": W, "V": weights(4 * 4 * 6, 3)}, (5, 6, 2), "ZeroPadding2D(padding=((1, 0), (0, 2))), Conv2D(4, 3), Flatten(), Dense(3)"),
    ("rows as images", [node("Reshape", "X", "shape", to="x"), node("Conv", "x", "W", to="z"), *FLAT],
     {"shape": np.int64([-1, 1, 4, 5]), "W": weights(3, 1, 2, 2), "V": weights(3 * 3 * 4, 3)}, (20,), "Reshape((4, 5, 1)), Conv2D(3, 2), Flatten(), Dense(3)"),
    ("a projection", [node("Conv", "X", "W", to="c", pads=[1, 1, 1, 1]), node("Tanh", "c", to="a"), node("Conv", "a", "U", to="d"), node("Conv", "X", "S", to="s"),
     node("Add", "s", "d", to="z"), *FLAT], {"W": W, "U": weights(5, 4, 1, 1), "S": weights(5, 2, 1, 1), "V": weights(5 * 4 * 3, 3)}, (2, 4, 3),
     "Residual((Conv2D(4, 3, padding='same'), Tanh(), Conv2D(5, 1)), shortcut=(Conv2D(5, 1),)), Flatten(), Dense(3)"),
    ("a direct connection, and normalized rows", [node("Conv", "X", "W", to="c", pads=[1, 1, 1, 1]), node("Add", "c", "X", to="z"), node("Flatten", "z", to="f"),
     node("BatchNormalization", "f", "g", "g", "g", "v", to="n"), node("Gemm", "n", "V")],
     {"W": weights(2, 2, 3, 3), "g": weights(24), "v": np.arange(1, 25, dtype=np.float32), "V": weights(24, 3)}, (2, 4, 3),
     "Residual((Conv2D(2, 3, padding='same'),)), Flatten(), BatchNorm(), Dense(3)"),
    ("a scale for each pixel", [node("Mul", "X", "s", to="m"), node("Conv", "m", "W", to="z"), *FLAT], {"s": weights(2, 5, 6), "W": W, "V": weights(4 * 3 * 4, 3)},
     (2, 5, 6), "Flatten(), BatchNorm(epsilon=7.62939453125e-06), Reshape((5, 6, 2)), Conv2D(4, 3), Flatten(), Dense(3)"),
    ("a sequence as an image of height 1", [node("Transpose", "X", to="x", perm=[0, 2, 1]), node("Unsqueeze", "x", "two", to="u"),
     node("Conv", "u", "W", to="c"), node("Squeeze", "c", "two", to="z"), *FLAT], {"two": np.int64([2]), "W": weights(4, 3, 1, 2), "V": weights(4 * 8, 3)}, (9, 3),
     "Reshape((1, 9, 3)), Conv2D(4, (1, 2)), Reshape((8, 4)), Flatten(), Dense(3)"),
    ("sequences as images of one line", [node("Conv", "X", "W", to="z"), *FLAT], {"W": weights(4, 9, 1, 3), "V": weights(4 * 10, 3)}, (9, 1, 12),
     "Reshape((1, 12, 9)), Conv2D(4, (1, 3)), Flatten(), Dense(3)"),
    ("sequences", [node("Conv", "X", "W", "b", to="c", strides=[2]), node("MaxPool", "c", to="z", kernel_shape=[2]), *FLAT],
     {"W": weights(4, 3, 3), "b": b, "V": weights(4 * 4, 3)}, (3, 11), "Conv1D(4, 3, strides=2), MaxPool1D(strides=1), Flatten(), Dense(3)"),
])  # fmt: skip


@pytest.mark.parametrize(("nodes", "arrays", "dims", "expected"), KNOWN)
def test_operators_on_images_become_layers(tmp_path, nodes, arrays, dims, expected):
    """The network has the file's weights, and computes the same for images with channels last."""
    path = tmp_path / "m.onnx"
    save(path, nodes, arrays, dims)
    model = nn.onnx.load(path)
    assert repr(model) == f"Model([{expected}, Identity()])"
    X = RNG.normal(0, 1, (7, *dims)).astype(np.float32)
    last = X if model.input_shape == dims else np.moveaxis(X, 1, -1)
    got = model.forward(np.ascontiguousarray(last), training=False)
    np.testing.assert_allclose(got, run(path, X), rtol=1e-6, atol=1e-6 * max(1, np.abs(got).max()))


@pytest.mark.parametrize("what", IMAGES)
def test_what_nnlite_exports_comes_back(what, tmp_path):
    shape, make = IMAGES[what]
    model = drawn([*make(), nn.Flatten(), nn.Dense(3), nn.Softmax()], shape, "float32")
    nn.onnx.export(model, tmp_path / "m.onnx")
    again = nn.onnx.load(tmp_path / "m.onnx")
    X = RNG.normal(0, 1, (5, *shape)).astype(np.float32)
    assert again.input_shape == shape
    np.testing.assert_allclose(again.forward(X, training=False), model.forward(X, training=False), atol=2e-6)


UNKNOWN = table([
    ("three axes", [node("Conv", "X", "W", to="z"), *FLAT], {"W": weights(2, 2, 1, 1, 1), "V": weights(16, 3)}, (2, 2, 2, 2), "Conv works on 3 axes of an image"),
    ("rounding up", [node("MaxPool", "X", to="z", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1), *FLAT], {"V": weights(8, 3)}, (2, 3, 4),
     "MaxPool rounds the number of its windows up"),
    ("a maximum of negative numbers with zeros around", [node("MaxPool", "X", to="z", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), *FLAT],
     {"V": weights(8, 3)}, (2, 4, 4), "MaxPool with a padding"),
    ("other padding", [node("Pad", "X", "pads", to="p", mode="reflect"), node("Conv", "p", "W", to="z"), *FLAT],
     {"pads": np.int64([0, 0, 1, 1, 0, 0, 1, 1]), "W": W, "V": weights(4 * 5 * 6, 3)}, (2, 5, 6), "Pad pads an image with other numbers"),
    ("a kernel larger than its image", [node("Conv", "X", "W", to="z"), *FLAT], {"W": W, "V": weights(4, 3)}, (2, 2, 6), "a kernel that is larger than its image"),
    ("channels that do not fit", [node("Conv", "X", "W", to="z"), *FLAT], {"W": W, "V": weights(4, 3)}, (3, 5, 6), "has weights for 2 channels, and gets 3"),
    ("numbers of an image as the output", [node("Conv", "X", "W", to="z"), node("Flatten", "z")], {"W": W}, (2, 5, 6), "ends with the numbers of an image"),
])  # fmt: skip


@pytest.mark.parametrize(("nodes", "arrays", "dims", "message"), UNKNOWN)
def test_what_no_layer_computes_is_refused(tmp_path, nodes, arrays, dims, message):
    path = tmp_path / "m.onnx"
    save(path, nodes, arrays, dims)
    refuse(lambda: nn.onnx.load(path), f"{path}: ", message, error=nn.ModelFileError)


@pytest.mark.slow
def test_a_convolution_that_would_compute_for_hours_is_refused_at_once(tmp_path):
    path = tmp_path / "m.onnx"
    big = np.zeros((512, 64, 31, 31), np.float32)
    save(path, [node("Conv", "X", "W", to="z", pads=[15] * 4), node("Flatten", "z")], {"W": big}, (64, 60, 60))
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "would compute", error=nn.ModelFileError)
    save(path, [node("Conv", "X", "W", to="z", pads=[2**40] * 4), node("Flatten", "z")], {"W": W}, (2, 5, 6))
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "has pads", error=nn.ModelFileError)


def test_windows_that_would_fill_the_memory_are_refused(tmp_path):
    path, kernel = tmp_path / "m.onnx", np.zeros((1, 1, 64, 64), np.float32)
    save(path, [node("Conv", "X", "W", to="z"), node("Flatten", "z")], {"W": kernel}, (1, 362, 362))
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "numbers for one example", error=nn.ModelFileError)


# ---- PyTorch at the other end ----------------------------------------------------------------------------------------


def of_pytorch(torch):
    """LeNet-like and ResNet-like networks, with the shape of an image."""
    t = torch.nn

    class Block(t.Module):
        def __init__(self, chain, shortcut=None):
            super().__init__()
            self.chain, self.shortcut = t.Sequential(*chain), t.Sequential(*shortcut) if shortcut else t.Identity()

        def forward(self, x):
            return torch.relu(self.chain(x) + self.shortcut(x))

    torch.manual_seed(0)
    plain = [
        t.Conv2d(1, 6, 5, padding=2),
        t.Tanh(),
        t.AvgPool2d(2),
        t.Conv2d(6, 8, 3, groups=2),
        t.ReLU(),
        t.MaxPool2d(3, 2, 1),
    ]
    lenet = t.Sequential(
        *plain, t.Dropout2d(0.2), t.Flatten(), t.Linear(8 * 3 * 4, 10), t.ReLU(), t.Linear(10, 3), t.Softmax(1)
    )
    first = Block(
        [t.Conv2d(4, 6, 3, 2, 1, bias=False), t.BatchNorm2d(6), t.GELU(), t.Conv2d(6, 6, 3, padding=1)],
        [t.Conv2d(4, 6, 1, 2)],
    )
    second = Block([t.Conv2d(6, 6, 3, padding=1), t.BatchNorm2d(6)])
    resnet = t.Sequential(
        t.Conv2d(3, 4, 3),
        t.BatchNorm2d(4),
        t.ReLU(),
        first,
        second,
        t.AdaptiveAvgPool2d(1),
        t.Flatten(),
        t.Linear(6, 3),
    )
    for norm in (m for net in (lenet, resnet) for m in net.modules() if isinstance(m, t.BatchNorm2d)):
        norm.running_mean.uniform_(-1, 1)
        norm.running_var.uniform_(0.5, 2)
    return [(lenet.eval(), (1, 14, 18)), (resnet.eval(), (3, 11, 9))]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_convolutions_of_pytorch(tmp_path, dynamo):
    torch = pytest.importorskip("torch")
    for twin, dims in of_pytorch(torch):
        path, X = tmp_path / "m.onnx", RNG.normal(0, 1, (5, *dims)).astype(np.float32)
        torch.onnx.export(twin, (torch.from_numpy(X),), path, dynamo=dynamo)
        model = nn.onnx.load(path)
        with torch.no_grad():
            expected = twin(torch.from_numpy(X)).numpy()
        got = model.forward(np.moveaxis(X, 1, -1), training=False)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))
