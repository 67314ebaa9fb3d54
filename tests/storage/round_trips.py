"""Networks that are saved and loaded again."""

import numpy as np

import nnlite as nn

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 8))
Y = RNG.integers(0, 3, 40)


def trained(layers, dtype="float32"):
    """A network after one epoch."""
    model = nn.Model(layers, n_features=8, seed=3, dtype=dtype)
    model.fit(X, Y, epochs=1, progress=False)
    return model


def saved_and_loaded(model, tmp_path, *classes):
    """The network, saved to a file and loaded again with these classes."""
    model.save(tmp_path / "model.npz")
    return nn.load(tmp_path / "model.npz", layers=classes)


def assert_same(loaded, model):
    """Check that both networks are the same and predict the same, bit for bit."""
    assert repr(loaded) == repr(model)
    assert loaded.dtype == model.dtype
    assert loaded.input_shape == model.input_shape
    assert loaded.theta.tobytes() == model.theta.tobytes()
    assert loaded.state.tobytes() == model.state.tobytes()
    assert [layer.trainable for layer in loaded.all_layers()] == [layer.trainable for layer in model.all_layers()]
    inputs = np.random.default_rng(1).standard_normal((50, *model.input_shape))
    expected = model.forward(inputs, training=False)
    assert loaded.forward(inputs, training=False).tobytes() == expected.tobytes()
