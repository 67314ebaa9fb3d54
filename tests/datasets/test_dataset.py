"""Facts about the form in which all data sets come."""

import pickle

import numpy as np
import pytest

from nnlite.datasets import Dataset


@pytest.fixture
def data():
    X, y = np.zeros((5, 4), np.float32), np.arange(5) % 2
    return Dataset(X[:3], y[:3], X[3:], y[3:], ("no", "yes"), (), (2, 2), "tiny", "Five images.")


def test_the_repr_is_one_short_line(data):
    assert repr(data) == "Dataset(tiny: X_train (3, 4), y_train (3,), X_test (2, 4), y_test (2,), 2 classes)"


def test_a_data_set_is_frozen_and_can_be_pickled(data):
    with pytest.raises(AttributeError):
        data.X_train = None
    again = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(again.y_train, data.y_train)
    assert repr(again) == repr(data)
