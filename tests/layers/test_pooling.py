"""Facts about pooling."""

import numpy as np
import pytest

import nnlite as nn

from ..derivatives import derivatives, relative_error
from ..support import refuse, training_cache
from .images import pooled

# the shape of an example, the arguments of the layer
CASES = [
    ((6, 4, 2), (2,)),
    ((5, 7, 1), (2,)),  # what is left at the end is ignored
    ((5, 7, 2), (2, None, "same")),
    ((5, 6, 1), ((3, 2), (1, 2))),
    ((6, 5, 1), (3, 2, "same")),
    ((5, 4, 1), (2, 3)),  # a stride larger than the window
    ((3, 4, 2), ((3, 4),)),  # the window is the image
    ((2, 3, 1), (5, 1, "same")),
    ((3, 2, 3), (1,)),
]
SEQUENCES = [((7, 2), (3,)), ((8, 1), (3, 2, "same"))]
ALL = [(name + "2D", *case) for name in ("MaxPool", "AveragePool") for case in CASES]
ALL += [(name + "1D", *case) for name in ("MaxPool", "AveragePool") for case in SEQUENCES]


@pytest.mark.parametrize(("name", "shape", "arguments"), ALL, ids=str)
def test_pooling_is_that_of_each_window_forward_and_backward(name, shape, arguments):
    layer, cache = getattr(nn, name)(*arguments), training_cache()
    a_prev = np.random.default_rng(0).permutation(2 * int(np.prod(shape))).reshape(2, *shape) / 7.0  # no two are equal
    a = layer.forward(a_prev, cache)
    np.testing.assert_allclose(a, pooled(a_prev, layer, max if "Max" in name else np.mean), rtol=1e-14)
    assert a.shape[1:] == layer.output_shape(shape)
    da = np.random.default_rng(1).normal(size=a.shape)

    def J():
        return np.sum(da * layer.forward(a_prev, nn.Cache()))

    assert relative_error(layer.backward(da, cache), derivatives(J, a_prev)) < 1e-9


def test_the_gradient_of_the_largest_goes_to_the_first_of_several():
    a_prev = np.array([[1.0, 2.0], [2.0, 2.0]]).reshape(1, 2, 2, 1)
    layer, cache = nn.MaxPool2D(2), training_cache()
    layer.forward(a_prev, cache)
    da_prev = layer.backward(np.full((1, 1, 1, 1), 3.0), cache)
    np.testing.assert_array_equal(da_prev[0, :, :, 0], [[0, 3], [0, 0]])


def test_padding_is_never_the_largest_and_does_not_count_in_a_mean():
    a_prev = np.full((1, 3, 3, 1), -5.0)
    for layer in (nn.MaxPool2D(2, padding="same"), nn.AveragePool2D(2, padding="same")):
        np.testing.assert_array_equal(layer.forward(a_prev, nn.Cache()), np.full((1, 2, 2, 1), -5.0))


def test_a_number_that_is_not_finite_stays_visible():
    a_prev = np.zeros((1, 2, 2, 1))
    a_prev[0, 1, 1] = np.nan
    for layer in (nn.MaxPool2D(), nn.AveragePool2D(), nn.GlobalAveragePool2D()):
        assert np.isnan(layer.forward(a_prev, nn.Cache())).all()


@pytest.mark.parametrize(
    ("layer", "shape"), [(nn.GlobalAveragePool2D(), (3, 4, 2)), (nn.GlobalAveragePool1D(), (5, 2))]
)
def test_global_pooling_is_the_mean_of_each_channel(layer, shape):
    a_prev, cache = np.random.default_rng(0).normal(size=(3, *shape)), training_cache()
    a = layer.forward(a_prev, cache)
    np.testing.assert_allclose(a, a_prev.mean(axis=tuple(range(1, len(shape)))), rtol=1e-13)
    da = np.array([[6.0, 12.0], [0.0, 1.0], [2.0, 3.0]])
    n = a_prev[0].size // 2
    np.testing.assert_allclose(layer.backward(da, cache).sum(axis=tuple(range(1, len(shape)))), da, rtol=1e-13)
    np.testing.assert_allclose(
        layer.backward(da, cache)[:, 0, 0] if n == 12 else layer.backward(da, cache)[:, 0], da / n
    )


@pytest.mark.parametrize("axes", [1, 2])
def test_random_pooling_is_that_of_pytorch(axes):
    torch = pytest.importorskip("torch")
    functions = torch.nn.functional
    rng = np.random.default_rng(axes)
    for _ in range(30):
        kernel, strides = (tuple(int(n) for n in rng.integers(1, 4, axes)) for _ in range(2))
        shape = (*(k + int(rng.integers(0, 6)) for k in kernel), int(rng.integers(1, 4)))
        a_prev = rng.normal(size=(2, *shape))
        for name in ("Max", "Average"):
            layer, cache = getattr(nn, f"{name}Pool{axes}D")(kernel, strides), training_cache()
            a = layer.forward(a_prev, cache)
            da = rng.normal(size=a.shape)
            x = torch.tensor(np.ascontiguousarray(np.moveaxis(a_prev, -1, 1)), requires_grad=True)
            theirs = getattr(functions, f"{'max' if name == 'Max' else 'avg'}_pool{axes}d")(x, kernel, strides)
            theirs.backward(torch.tensor(np.ascontiguousarray(np.moveaxis(da, -1, 1))))
            np.testing.assert_allclose(np.moveaxis(a, -1, 1), theirs.detach(), rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(np.moveaxis(layer.backward(da, cache), -1, 1), x.grad, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: nn.MaxPool2D(0), "pool_size: expected an integer of at least 1, got 0"),
    (lambda: nn.MaxPool2D((2, 2, 2)), "pool_size: expected an integer or 2 of them"),
    (lambda: nn.AveragePool2D(2, 0), "strides: expected an integer of at least 1, got 0"),
    (lambda: nn.AveragePool1D(2, padding="causal"), "padding: expected 'valid' or 'same', got 'causal'"),
    (lambda: nn.MaxPool2D(2).output_shape((28, 28)), "MaxPool2D() expects images (height, width, channels)"),
    (lambda: nn.GlobalAveragePool2D().output_shape((28, 28)), "GlobalAveragePool2D() expects images"),
    (lambda: nn.GlobalAveragePool1D().output_shape((28,)), "GlobalAveragePool1D() expects sequences"),
    (lambda: nn.MaxPool1D(3).output_shape((2, 5)), "MaxPool1D(pool_size=3): the kernel is larger than its sequence"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_wrong_arguments_and_shapes_are_refused(make, message):
    refuse(make, message)


def test_repr_is_the_call_that_makes_the_layer():
    assert repr(nn.MaxPool2D()) == "MaxPool2D()"
    assert repr(nn.MaxPool2D((3, 3), (2, 1), "same")) == "MaxPool2D(pool_size=3, strides=(2, 1), padding='same')"
