"""Facts about zeros around images and sequences."""

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse, training_cache


@pytest.mark.parametrize(("layer", "pads"), [
    (nn.ZeroPadding2D(), [(1, 1), (1, 1)]),
    (nn.ZeroPadding2D(2), [(2, 2), (2, 2)]),
    (nn.ZeroPadding2D((0, 3)), [(0, 0), (3, 3)]),
    (nn.ZeroPadding2D(((1, 2), (0, 4))), [(1, 2), (0, 4)]),
    (nn.ZeroPadding2D(((1, 0), (1, 0))), [(1, 0), (1, 0)]),
    (nn.ZeroPadding2D(((1, 1), (2, 2))), [(1, 1), (2, 2)]),
    (nn.ZeroPadding1D((2, 0)), [(2, 0)]),
    (nn.ZeroPadding1D(1), [(1, 1)]),
    (nn.ZeroPadding1D(0), [(0, 0)]),
], ids=repr)  # fmt: skip
def test_the_image_is_inside_and_zeros_are_around(layer, pads):
    shape = (3, 4, 2)[-len(pads) - 1 :]
    a_prev, cache = np.random.default_rng(0).normal(size=(2, *shape)), training_cache()
    a = layer.forward(a_prev, cache)
    np.testing.assert_array_equal(a, np.pad(a_prev, [(0, 0), *pads, (0, 0)]))
    assert a.shape[1:] == layer.output_shape(shape)
    da = np.random.default_rng(1).normal(size=a.shape)
    assert np.sum(layer.backward(da, cache) * a_prev) == pytest.approx(np.sum(da * a), rel=1e-12)
    assert repr(eval(repr(layer), {type(layer).__name__: type(layer)})) == repr(layer)


def test_same_padding_with_stride_1_is_padding_in_front():
    shape = (5, 6, 1)
    same = nn.Conv2D(2, 3, padding="same")
    nn.Model([same, nn.Flatten(), nn.Identity()], n_features=shape, seed=0, dtype="float64")
    valid = nn.Conv2D(2, 3)
    model = nn.Model([nn.ZeroPadding2D(1), valid, nn.Flatten(), nn.Identity()], n_features=shape, dtype="float64")
    valid.W = same.W
    X = np.random.default_rng(0).normal(size=(2, *shape))
    np.testing.assert_allclose(model.predict(X), same.forward(X, nn.Cache()).reshape(2, -1), rtol=1e-12)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: nn.ZeroPadding2D(-1), "padding: expected an integer of at least 0, got -1"),
    (lambda: nn.ZeroPadding2D("same"), "padding: expected an integer of at least 0, got 'same'"),
    (lambda: nn.ZeroPadding2D((1, 2, 3)), "padding: expected an integer or a pair, got (1, 2, 3)"),
    (lambda: nn.ZeroPadding2D((((1, 2), 1), 1)), "padding: expected ((top, bottom), (left, right)), got"),
    (lambda: nn.ZeroPadding1D(((1, 2), (1, 2))), "padding: expected an integer or (left, right), got"),
    (lambda: nn.ZeroPadding2D().output_shape((4, 4)), "ZeroPadding2D() expects images"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_wrong_padding_is_refused(make, message):
    refuse(make, message)
