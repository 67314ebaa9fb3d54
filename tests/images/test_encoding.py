"""Facts about what makes pictures into numbers, and that a model file keeps it."""

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse


def test_pixels_are_divided_by_white():
    encoding = nn.ImageEncoding((2, 2), scale=16)
    X = np.array([[[0, 16], [8, 4]]], np.uint8)
    np.testing.assert_array_equal(encoding.transform(X), [[[0, 1], [0.5, 0.25]]])
    assert encoding.transform(X, input_shape=(4,), dtype="float64").shape == (1, 4)
    assert encoding.transform(X).dtype == np.float32
    assert encoding.describe() == "2 x 2 pixels, gray"
    assert nn.ImageEncoding([2, 2, 3]).describe() == "2 x 2 pixels, in color"
    refuse(lambda: encoding.transform(X[:, :1]), "X: expected pictures of shape (2, 2), got shape (1, 2)")
    refuse(lambda: encoding.transform(X, input_shape=(5,)), "input_shape: expected the shape of 4 pixels")


@pytest.mark.parametrize(
    "encoding", [nn.ImageEncoding((2, 2)), nn.ImageEncoding((2, 2), resize=True, scale=16.0), None]
)
def test_a_model_file_keeps_it(encoding, tmp_path):
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=4, seed=0)
    model.image_encoding = encoding
    model.save(tmp_path / "model.npz")
    assert nn.load(tmp_path / "model.npz").image_encoding == encoding
    assert model.copy().image_encoding == encoding
    model.fit(np.eye(4), [0, 1, 0, 1], epochs=1)
    assert model.image_encoding == encoding


def test_wrong_encodings_are_refused():
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=4)

    def set_to(value):
        model.image_encoding = value

    refuse(lambda: set_to((2, 2)), "image_encoding: expected nn.ImageEncoding((rows, columns)) or None", "(2, 2)")
    refuse(lambda: set_to(nn.ImageEncoding((3, 3))), "image_encoding: expected pictures of 4 numbers", "(3, 3)")
    assert model.image_encoding is None
    later = nn.Model([nn.Dense(2), nn.Softmax()])  # its size is not known yet; a file of both would not load
    later.image_encoding = nn.ImageEncoding((3, 3))
    refuse(lambda: later.fit(np.eye(4), [0, 1, 0, 1]), "image_encoding: expected pictures of 4 numbers", "(3, 3)")
    assert not later.built
    refuse(lambda: nn.ImageEncoding((3,)), "image_shape: expected (rows, columns)")
    refuse(lambda: nn.ImageEncoding((3, 3, 4)), "image_shape: expected (rows, columns) or (rows, columns, 3)")
    refuse(lambda: nn.ImageEncoding((3, 0)), "image_shape: expected an integer of at least 1")
    refuse(lambda: nn.ImageEncoding((3, 3), scale=0), "scale: expected", "above 0")
    refuse(lambda: nn.ImageEncoding((3, 3), resize="yes"), "resize: expected True or False")
