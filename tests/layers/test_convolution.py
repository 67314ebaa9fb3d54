"""Facts about convolutions."""

import math

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import windows

from ..derivatives import derivatives, relative_error
from ..support import refuse, training_cache
from .common import network_of
from .images import convolved

# the shape of an example, the arguments of the layer
IMAGES = [
    ((5, 6, 2), (4, 3), {}),
    ((5, 6, 1), (3, (2, 4)), {"padding": "same"}),
    ((7, 5, 3), (2, 3), {"strides": 2}),
    ((7, 6, 2), (3, 3), {"strides": (2, 3), "padding": "same"}),
    ((7, 8, 2), (2, (2, 3)), {"dilation": 2}),
    ((6, 5, 2), (2, 3), {"dilation": (1, 2), "padding": "same"}),
    ((4, 5, 4), (6, 2), {"groups": 2, "padding": "same"}),  # an even kernel: the odd zero is behind
    ((4, 4, 3), (6, 3), {"groups": 3, "strides": 2, "padding": "same"}),  # depthwise, two filters for each channel
    ((3, 4, 2), (3, 1), {}),  # each pixel by itself
    ((3, 4, 2), (3, (3, 4)), {}),  # the kernel is as large as the image
    ((6, 5, 1), (2, 1), {"strides": 3}),  # pixels between the places of the kernel are not seen
    ((2, 2, 1), (1, 5), {"padding": "same"}),
    ((1, 1, 1), (1, 1), {}),
]
SEQUENCES = [
    ((6, 2), (4, 3), {}),
    ((7, 2), (4, 4), {"strides": 3, "padding": "same", "groups": 2}),
    ((9, 1), (2, 3), {"dilation": 3}),
]
CASES = [(nn.Conv2D, *case) for case in IMAGES] + [(nn.Conv1D, *case) for case in SEQUENCES]


def drawn(cls, shape, arguments, options, M=2):
    """A layer with random parameters, and a batch."""
    layer = cls(*arguments, **options)
    network_of([layer], shape)
    return layer, np.random.default_rng(1).normal(size=(M, *shape))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_convolution_is_the_sum_over_the_kernel_at_each_place(case):
    layer, a_prev = drawn(*case)
    z = layer.forward(a_prev, nn.Cache())
    np.testing.assert_allclose(z, convolved(a_prev, layer, layer.W, layer.b), rtol=1e-13, atol=1e-13)
    assert z.shape[1:] == layer.output_shape(a_prev.shape[1:])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_backward_is_the_derivative(case):
    """By every weight, bias and pixel; z depends on each of them linearly."""
    layer, a_prev = drawn(*case)
    cache = training_cache()
    da = np.random.default_rng(2).normal(size=layer.forward(a_prev, cache).shape)
    da_prev = layer.backward(da, cache)

    def J():
        return np.sum(da * layer.forward(a_prev, nn.Cache()))

    for gradient, by in ((da_prev, a_prev), (layer.dW, layer.W), (layer.db, layer.b)):
        assert relative_error(gradient, derivatives(J, by)) < 1e-10


def test_a_convolution_is_linear_and_follows_a_shift_of_the_image():
    """What moves by the stride in the image moves by one place in z."""
    layer, a = drawn(nn.Conv2D, (9, 9, 2), (3, 3), {"strides": 2})
    layer.b = 0
    z = layer.forward(a, nn.Cache())
    np.testing.assert_allclose(layer.forward(-3 * a, nn.Cache()), -3 * z, rtol=1e-12)
    shifted = layer.forward(np.roll(a, (2, 4), axis=(1, 2)), nn.Cache())
    np.testing.assert_allclose(shifted[:, 1:, 2:], z[:, :-1, :-2], rtol=1e-12)


def test_a_kernel_of_the_size_of_the_image_is_a_dense_layer():
    layer, a = drawn(nn.Conv2D, (3, 4, 2), (5, (3, 4)), {})
    z = a.reshape(2, -1) @ layer.W.reshape(-1, 5) + layer.b
    np.testing.assert_allclose(layer.forward(a, nn.Cache())[:, 0, 0], z, rtol=1e-12)


def test_a_sequence_is_an_image_of_height_1():
    options = {"strides": 2, "padding": "same", "groups": 2}
    one, a = drawn(nn.Conv1D, (9, 4), (6, 3), options)
    two, _ = drawn(nn.Conv2D, (1, 9, 4), (6, (1, 3)), options)
    two.W, two.b = one.W[None], one.b
    np.testing.assert_allclose(two.forward(a[:, None], nn.Cache())[:, 0], one.forward(a, nn.Cache()), rtol=1e-13)


def test_large_batches_are_computed_in_blocks_of_examples(monkeypatch):
    """The memory of the windows is bounded; the numbers stay the same."""
    layer, a = drawn(nn.Conv2D, (6, 5, 2), (3, 3), {"groups": 1}, M=7)
    results = []
    for largest in (2**25, 3 * 4 * 3 * 9 * 2 * 8, 1):  # all examples, three of them, one
        monkeypatch.setattr(windows, "LARGEST_BLOCK", largest)
        blocks = [range(7)[block] for block in layer.windows.blocks(a)]
        assert [i for block in blocks for i in block] == [*range(7)]
        assert max(map(len, blocks)) == {2**25: 7, 1: 1}.get(largest, 3)
        cache = training_cache()
        z = layer.forward(a, cache)
        results.append((z, layer.backward(z.copy(), cache), layer.dW.copy()))
    for other in results[1:]:
        for value, expected in zip(other, results[0], strict=True):
            np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-12)


def test_the_first_layer_of_a_training_computes_no_gradient_of_its_input():
    layer, a = drawn(nn.Conv2D, (4, 4, 1), (2, 3), {})
    cache = training_cache(input_gradient=False)
    z = layer.forward(a, cache)
    assert layer.backward(z, cache) is None
    assert np.any(layer.dW != 0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_of_convolutions_keeps_its_dtype_and_learns(dtype):
    """Bars that are horizontal or vertical, at any place: a Dense layer would have to learn each place."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    X = np.zeros((200, 8, 8, 1))
    for image, label, place in zip(X, y, rng.integers(0, 8, 200), strict=True):
        image[(place, slice(None)) if label else (slice(None), place)] = 1
    layers = [nn.Conv2D(4, 3, padding="same"), nn.ReLU(), nn.GlobalAveragePool2D(), nn.Dense(2), nn.Softmax()]
    model = nn.Model(layers, seed=0, dtype=dtype)
    model.fit(X, y, optimizer=nn.Adam(0.02), epochs=20, progress=False)
    assert model.evaluate(X, y)["accuracy"] == 1
    assert model.forward(X[:2]).dtype == dtype


# ---- initial weights ------------------------------------------------------------------------------------------


def test_a_unit_has_as_many_inputs_as_its_receptive_field_has_numbers():
    """He: variance 2 / (9 * 16); Glorot: 2 / (9 * 16 + 9 * 64), as in Keras and PyTorch."""
    he, glorot = (nn.Conv2D(64, 3, start) for start in (nn.HeNormal(), nn.GlorotUniform()))
    nn.Model([nn.Conv2D(16, 3), he, glorot, nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=(9, 9, 1), seed=0)
    assert he.W.shape == (3, 3, 16, 64)
    assert math.isclose(he.W.var(), 2 / (9 * 16), rel_tol=0.05)
    assert glorot.W.shape == (3, 3, 64, 64)
    assert math.isclose(glorot.W.var(), 2 / (9 * 64 + 9 * 64), rel_tol=0.05)
    assert abs(glorot.W).max() <= math.sqrt(6 / (9 * 128))


def test_a_depthwise_unit_sees_one_channel():
    layer = nn.Conv2D(64, 5, nn.LeCunNormal(), groups=64)
    nn.Model([layer, nn.Flatten(), nn.Identity()], n_features=(5, 5, 64), seed=0)
    assert layer.W.shape == (5, 5, 1, 64)
    assert math.isclose(layer.W.var(), 1 / 25, rel_tol=0.15)


def test_the_default_initializer_is_that_of_the_activation_that_follows():
    convs = [nn.Conv2D(32, 3) for _ in range(4)]
    layers = [convs[0], nn.BatchNorm(), nn.ReLU(), convs[1], nn.Tanh(), convs[2], convs[3], nn.GlobalAveragePool2D()]
    nn.Model([*layers, nn.Softmax()], n_features=(12, 12, 32), seed=0)
    for conv, variance in zip(convs, (2 / 288, 1 / 288, 1 / 288, 0.01 / 288), strict=True):
        assert math.isclose(conv.W.var(), variance, rel_tol=0.1)
        assert not conv.b.any()


# ---- against PyTorch ------------------------------------------------------------------------------------------


def random_convolution(rng, axes):
    """A layer with padding "valid" that PyTorch has too, and the shape of its input."""
    groups = int(rng.choice([1, 1, 2, 3]))
    kernel, strides, dilation = (tuple(int(n) for n in rng.integers(1, m + 1, axes)) for m in (4, 3, 2))
    size = tuple((k - 1) * d + 1 + int(rng.integers(0, 6)) for k, d in zip(kernel, dilation, strict=True))
    cls = nn.Conv1D if axes == 1 else nn.Conv2D
    layer = cls(groups * int(rng.integers(1, 4)), kernel, strides=strides, dilation=dilation, groups=groups)
    return layer, (*size, groups * int(rng.integers(1, 4)))


def channels_first(a):
    return np.moveaxis(a, -1, 1)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("axes", [1, 2])
def test_random_convolutions_are_those_of_pytorch(axes):
    """Output and gradients, with zeros around the image on both sides or as "same" has them for stride 1."""
    torch = pytest.importorskip("torch")
    convolve = torch.nn.functional.conv1d if axes == 1 else torch.nn.functional.conv2d
    pad = nn.ZeroPadding1D if axes == 1 else nn.ZeroPadding2D
    rng = np.random.default_rng(axes)
    for _ in range(40):
        layer, shape = random_convolution(rng, axes)
        around = int(rng.integers(0, 3))
        options = {"padding": around}
        if layer.windows.strides == (1,) * axes and around:
            layer.padding, options, around = "same", {"padding": "same"}, 0
        network_of([pad(around), layer], shape)
        a_prev = rng.normal(size=(int(rng.integers(1, 4)), *shape))
        pads, cache, pad_cache = pad(around), training_cache(), training_cache()
        z = layer.forward(pads.forward(a_prev, pad_cache), cache)
        dz = rng.normal(size=z.shape)
        da_prev = pads.backward(layer.backward(dz, cache), pad_cache)
        x, W, b = (torch.tensor(np.ascontiguousarray(array), requires_grad=True) for array in (
            channels_first(a_prev), np.moveaxis(layer.W, (-1, -2), (0, 1)), layer.b))  # fmt: skip
        options |= {"stride": layer.windows.strides, "dilation": layer.windows.dilation, "groups": layer.groups}
        expected = convolve(x, W, b, **options)
        expected.backward(torch.tensor(np.ascontiguousarray(channels_first(dz))))
        for ours, theirs in (
            (channels_first(z), expected.detach()),
            (channels_first(da_prev), x.grad),
            (np.moveaxis(layer.dW, (-1, -2), (0, 1)), W.grad),
            (layer.db, b.grad),
        ):
            scale = max(float(theirs.abs().max()), 1)
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-12, atol=1e-12 * scale, err_msg=str(layer))


# ---- wrong use ------------------------------------------------------------------------------------------------


def build(*layers, shape):
    return lambda: nn.Model([*layers, nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=shape)


def test_examples_without_an_axis_of_channels_are_refused_with_what_to_do():
    refuse(
        build(nn.Conv2D(4, 3), shape=(28, 28)),
        "n_features: Conv2D(4, 3) expects images (height, width, channels), got examples of shape (28, 28)",
        "X[..., None]",
        "nn.Reshape((28, 28, 1))",
    )
    refuse(build(nn.Conv2D(4, 3), shape=784), "n_features: Conv2D(4, 3) expects images", "nn.Reshape((28, 28, 1))")
    refuse(build(nn.Conv2D(4, 3), shape=100_001), "n_features: ", "nn.Reshape((height, width, channels))")
    refuse(
        build(nn.Conv1D(4, 3), shape=100), "n_features: Conv1D(4, 3) expects sequences (length, channels)", "(100, 1)"
    )
    refuse(build(nn.Conv1D(4, 3), shape=(28, 28, 1)), "n_features: Conv1D(4, 3)", "for images write nn.Conv2D")
    model = nn.Model([nn.Conv2D(4, 3), nn.Flatten(), nn.Dense(2), nn.Softmax()])
    refuse(lambda: model.fit(np.zeros((5, 8, 8)), np.zeros(5, int)), "X: Conv2D(4, 3) expects images")
    assert not model.built


def test_a_network_that_is_built_says_how_to_turn_an_image():
    model = build(nn.Conv2D(4, 3), shape=(8, 9, 3))()
    refuse(lambda: model.predict(np.zeros((2, 3, 8, 9))), "X: expected examples", "np.moveaxis(X, 1, -1)")
    refuse(lambda: model.predict(np.zeros((2, 216))), "X: expected examples", "X.reshape(-1, 8, 9, 3)")
    gray = build(nn.Conv2D(4, 3), shape=(8, 9, 1))()
    refuse(lambda: gray.predict(np.zeros((2, 8, 9))), "X: expected examples", "X[..., None]")


def test_channels_first_are_refused():
    to_last = "X.transpose(0, 2, 3, 1)"
    refuse(build(nn.Conv2D(4, 3), shape=(3, 32, 32)), "n_features: Conv2D(4, 3)", "looks like 3 channels", to_last)
    refuse(build(nn.Conv2D(4, 3), shape=(1, 28, 28)), "n_features: Conv2D(4, 3): the kernel is larger", to_last)
    refuse(
        build(nn.BatchNorm(), nn.ReLU(), nn.MaxPool2D(1), shape=(3, 32, 32)),
        "n_features: MaxPool2D(pool_",
        to_last,
    )
    refuse(build(nn.Residual([nn.Conv2D(32, 1)]), shape=(3, 32, 32)), "n_features: Conv2D(32, 1)", to_last)
    # an image of height 3 with 32 channels is possible behind other layers, or if the first layer says so
    assert build(nn.Reshape((3, 32, 32)), nn.Conv2D(4, 3), shape=(3, 32, 32))().built
    assert build(nn.Conv2D(32, (1, 3)), nn.Conv2D(4, 3), shape=(3, 34, 1))().built


def test_a_kernel_larger_than_its_image_is_refused():
    message = "n_features: Conv2D(4, 5): the kernel is larger than its image: it covers 5 x 5 pixels"
    refuse(build(nn.Conv2D(4, 5), shape=(4, 9, 2)), message, "(4, 9, 2)", "padding='same'")
    refuse(
        build(nn.Conv2D(4, 3, dilation=2), shape=(4, 4, 9)),
        "n_features: Conv2D(4, 3, dilation=2): the kernel is larger",
    )
    refuse(build(nn.Conv1D(4, 5), shape=(4, 2)), "n_features: Conv1D(4, 5): the kernel is larger than its sequence")
    refuse(
        build(nn.MaxPool2D(5), shape=(4, 9, 2)),
        "n_features: MaxPool2D(pool_size=5): the kernel is",
    )
    assert build(nn.Conv2D(4, 5, padding="same"), shape=(4, 9, 2))().built


def test_groups_divide_the_channels_and_the_filters():
    refuse(lambda: nn.Conv2D(4, 3, groups=3), "groups: 3 groups need a multiple of 3 filters, got 4")
    refuse(build(nn.Conv2D(4, 3, groups=2), shape=(9, 9, 3)), "n_features: Conv2D(4, 3, groups=2): 2 groups need")


def test_a_dense_layer_behind_an_image_needs_rows():
    layers = [nn.Conv2D(4, 3), nn.ReLU(), nn.Dense(2), nn.Softmax()]
    refuse(lambda: nn.Model(layers, n_features=(9, 9, 1)), "n_features: Dense(2) expects", "(7, 7, 4)", "nn.Flatten()")
    layers = [nn.Conv2D(2, 3), nn.Softmax()]
    refuse(lambda: nn.Model(layers, n_features=(3, 3, 1)), "layers: the output must be rows", "nn.Flatten()")


@pytest.mark.parametrize(("make", "message"), [
    (lambda: nn.Conv2D(0, 3), "filters: expected an integer of at least 1, got 0"),
    (lambda: nn.Conv2D(8, 0), "kernel_size: expected an integer of at least 1, got 0"),
    (lambda: nn.Conv2D(8, (3, 3, 3)), "kernel_size: expected an integer or 2 of them, one for each axis of images"),
    (lambda: nn.Conv1D(8, (3, 3)), "kernel_size: expected an integer or 1 of them, one for each axis of sequences"),
    (lambda: nn.Conv2D(8, "3"), "kernel_size: expected an integer of at least 1, got '3'"),
    (lambda: nn.Conv2D(8, (3, 1.5)), "kernel_size: expected an integer of at least 1, got 1.5"),
    (lambda: nn.Conv2D(8, 3, 3), "initializer: expected an Initializer such as nn.HeNormal(), got 3 (Conv2D"),
    (lambda: nn.Conv2D(8, 3, "relu"), "initializer: expected an Initializer such as nn.HeNormal(), got 'relu' (an act"),
    (lambda: nn.Conv2D(8, 3, strides=0), "strides: expected an integer of at least 1, got 0"),
    (lambda: nn.Conv2D(8, 3, dilation=(1, 0)), "dilation: expected an integer of at least 1, got 0"),
    (lambda: nn.Conv2D(8, 3, padding="full"), "padding: expected 'valid' or 'same', got 'full'"),
    (lambda: nn.Conv2D(8, 3, padding=1), "padding: expected 'valid' or 'same', got 1; to pad with 1 zeros on each"),
    (lambda: nn.Conv2D(8, 3, groups=0), "groups: expected an integer of at least 1, got 0"),
    (lambda: nn.Conv2D(8, 3, trainable=1), "trainable: expected True or False, got 1"),
    (lambda: nn.Conv2D(8, 3, None, True, 2), "dilation"),
    (lambda: nn.Conv2D(8), "kernel_size: Conv2D needs this argument"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_arguments_out_of_range_are_refused(make, message):
    if message == "dilation":
        message = "trainable: Conv2D takes only filters, kernel_size, initializer, trainable without a name, got 5"
    refuse(make, message)


def test_repr_is_the_call_that_makes_the_layer():
    for layer in (
        nn.Conv2D(8, 3),
        nn.Conv2D(8, (3, 5), nn.HeUniform(), strides=2, padding="same", dilation=(1, 2), groups=4),
        nn.Conv1D(8, 3, trainable=False),
    ):
        assert repr(eval(repr(layer), vars(nn) | {n: getattr(nn, n) for n in nn.__all__})) == repr(layer)
    assert repr(nn.Conv2D(8, (3, 3), strides=(1, 1))) == "Conv2D(8, 3)"
