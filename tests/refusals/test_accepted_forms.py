"""Facts about arguments that look odd and are right: other types, shapes and memory orders with the same numbers."""

import copy

import numpy as np
import pytest

import nnlite as nn

from ..support import table
from .cases.examples import OUTPUTS, RNG, ROWS, M, N, X, model_for, y


class TableStub:
    """What a data frame looks like from outside."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


WHOLE = np.arange(M * N).reshape(M, N) % 7


def big_view(array):
    """The same numbers as every second row and column of a larger array."""
    large = np.full((2 * len(array), 2 * array.shape[1]), 99, array.dtype)
    large[::2, ::2] = array
    return large[::2, ::2]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


SAME_X = [
    ("lists", WHOLE.tolist()),
    ("tuples", tuple(map(tuple, WHOLE.tolist()))),
    ("list of arrays", list(WHOLE)),
    ("int64", WHOLE),
    ("int8", WHOLE.astype(np.int8)),
    ("uint8", WHOLE.astype(np.uint8)),
    ("uint64", WHOLE.astype(np.uint64)),
    ("float16", WHOLE.astype(np.float16)),
    ("float64", WHOLE.astype(np.float64)),
    ("longdouble", WHOLE.astype(np.longdouble)),
    ("Fortran order", np.asfortranarray(WHOLE, np.float32)),
    ("big-endian float32", WHOLE.astype(">f4")),
    ("big-endian float64", WHOLE.astype(">f8")),
    ("big-endian int16", WHOLE.astype(">i2")),
    ("view", big_view(WHOLE.astype(np.float32))),
    ("reversed view", WHOLE[::-1].astype(np.float32)[::-1]),
    ("read-only", read_only(WHOLE.astype(np.float32))),
    ("data frame", TableStub(WHOLE)),
]


@pytest.mark.parametrize("x", table(SAME_X))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_form_of_x_makes_no_difference(x, dtype):
    for changes in {}, {"shuffle": False}, {"batch_size": None}:
        layers = [nn.Dense(5), nn.ReLU(), nn.Dense(4), nn.Softmax()]
        model, expected = (nn.Model(copy.deepcopy(layers), seed=0, dtype=dtype) for _ in "ab")
        options = {"epochs": 2, "batch_size": 3, **changes}
        expected.fit(WHOLE.astype(dtype), y, **options)
        model.fit(x, y, **options)
        np.testing.assert_array_equal(model.theta, expected.theta)
        np.testing.assert_array_equal(model.forward(x), expected.forward(WHOLE))
        np.testing.assert_array_equal(model.predict_proba(x), expected.predict_proba(WHOLE))
        np.testing.assert_array_equal(model.predict(x), expected.predict(WHOLE))
        assert model.evaluate(x, y) == expected.evaluate(WHOLE, y)


def test_booleans_are_numbers():
    flags = WHOLE > 3
    model, expected = (nn.Model([nn.Dense(4), nn.Softmax()], seed=0) for _ in "ab")
    model.fit(flags, y, epochs=2)
    expected.fit(flags.astype(np.float32), y, epochs=2)
    np.testing.assert_array_equal(model.theta, expected.theta)


SAME_Y = [
    ("softmax", "list", y.tolist()),
    ("softmax", "uint8", y.astype(np.uint8)),
    ("softmax", "int32", y.astype(np.int32)),
    ("softmax", "uint64", y.astype(np.uint64)),
    ("softmax", "big-endian", y.astype(">i4")),
    ("softmax", "view", np.repeat(y, 2)[::2]),
    ("softmax", "read-only", read_only(y)),
    ("softmax", "series", TableStub(y)),
    ("softmax", "one-hot float32", ROWS),
    ("softmax", "one-hot float64", ROWS.astype(float)),
    ("softmax", "one-hot int", ROWS.astype(int)),
    ("softmax", "one-hot bool", ROWS.astype(bool)),
    ("softmax", "one-hot float16", ROWS.astype(np.float16)),
    ("softmax", "one-hot Fortran order", np.asfortranarray(ROWS)),
    ("softmax", "one-hot big-endian", ROWS.astype(">f8")),
    ("softmax", "one-hot view", big_view(ROWS)),
    ("softmax", "one-hot lists", ROWS.tolist()),
    ("softmax", "one-hot read-only", read_only(ROWS)),
    ("sigmoid", "list", (y % 2).tolist()),
    ("sigmoid", "column", (y % 2)[:, None]),
    ("sigmoid", "bool", y % 2 == 1),
    ("sigmoid", "floats", (y % 2).astype(float)),
    ("sigmoid", "big-endian", (y % 2).astype(">f4")),
    ("labels", "lists", OUTPUTS["labels"][2].tolist()),
    ("labels", "bool", OUTPUTS["labels"][2].astype(bool)),
    ("identity", "column", OUTPUTS["identity"][2][:, None]),
    ("identity", "list", OUTPUTS["identity"][2].tolist()),
    ("identity", "big-endian", OUTPUTS["identity"][2].astype(">f8")),
    ("values", "Fortran order", np.asfortranarray(OUTPUTS["values"][2])),
]


@pytest.mark.parametrize(
    ("kind", "targets"), [pytest.param(kind, targets, id=f"{kind}: {name}") for kind, name, targets in SAME_Y]
)
def test_the_form_of_y_makes_no_difference(kind, targets):
    right = OUTPUTS[kind][2]
    for shuffle in True, False:
        model, expected = model_for(kind), model_for(kind)
        assert model.cost(targets) == expected.cost(right)
        model.backward(targets)
        expected.backward(right)
        np.testing.assert_array_equal(model.grad, expected.grad)
        options = {"epochs": 2, "batch_size": 3, "shuffle": shuffle, "validation_split": 0.25}
        history, expected_history = model.fit(X, targets, **options), expected.fit(X, right, **options)
        np.testing.assert_array_equal(model.theta, expected.theta)
        assert history["val_loss"] == expected_history["val_loss"]
        assert model.evaluate(X, targets) == expected.evaluate(X, right)


def test_soft_labels_are_labels():
    soft = np.full((M, 4), 0.25)
    model = nn.Model([nn.Dense(4, nn.Zeros()), nn.Softmax()], n_features=N)
    model.forward(X)
    assert model.cost(soft) == pytest.approx(np.log(4))
    model.backward(soft)
    np.testing.assert_array_equal(model.grad, 0)


@pytest.mark.parametrize("batch_size", [M, M + 1, 10**6])
def test_a_batch_larger_than_the_data_set_is_the_data_set(batch_size):
    model, expected = model_for(), model_for()
    model.fit(X, y, batch_size=batch_size, epochs=3)
    expected.fit(X, y, batch_size=None, epochs=3)
    np.testing.assert_array_equal(model.theta, expected.theta)


def test_data_to_validate_with_may_be_a_list_and_weighted():
    pair, weighted = (
        model_for().fit(X, y, epochs=1, validation_data=validation)["val_loss"]
        for validation in ([X, y], [X, y, np.ones(M)])
    )
    assert pair == pytest.approx(weighted, rel=1e-6)


def test_a_single_example_is_a_data_set():
    model = nn.Model([nn.Dense(4), nn.Softmax()], seed=0)
    model.fit(X[:1], y[:1], epochs=1)
    assert model.predict(X[:1]).shape == (1,)
    assert set(model.evaluate(X[:1], y[:1])) == {"loss", "accuracy"}


def test_numpy_numbers_are_numbers():
    layers = [nn.Dense(np.int64(4)), nn.Softmax()]
    model = nn.Model(layers, n_features=np.int32(N), seed=np.uint8(7), dtype=np.float64)
    optimizer = nn.SGD(np.float32(0.5), momentum=np.array(0.5))
    model.fit(X, y, optimizer=optimizer, epochs=np.int64(2), batch_size=np.int64(4), validation_split=np.float32(0.5))
    assert model.dtype == np.float64


def test_a_layer_list_may_be_a_tuple_and_dtypes_have_several_names():
    for dtype, expected in (("f4", np.float32), (np.float32, np.float32), (float, np.float64), ("d", np.float64)):
        assert nn.Model((nn.Dense(4), nn.Softmax()), n_features=N, dtype=dtype).theta.dtype == expected


def test_a_network_trains_on_uint8_images():
    images = RNG.integers(0, 256, (40, 16), dtype=np.uint8)
    before = images.tobytes()
    labels = (images[:, 0] > 127).astype(np.uint8)
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(images, labels, optimizer=nn.SGD(1e-4), epochs=2, validation_data=(images, labels))
    assert images.tobytes() == before
    np.testing.assert_array_equal(model.predict(images), model.predict(images.astype(np.float32)))
