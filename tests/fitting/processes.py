"""Several processes, which are threads here, and the examples and networks that they train."""

import numpy as np
import pytest

import nnlite as nn

M, EPOCHS = 101, 2
rng = np.random.default_rng(0)
y = rng.integers(0, 3, M)
X = rng.standard_normal((M, 6)) + y[:, None]
WEIGHTS = rng.uniform(0, 2, M)
VALIDATION = X[:31], y[:31]


def train(world=None, *hidden, examples=(X, y), seed=0, output=None, **options):
    """Train a small network in float64; return it with its history, without the seconds."""
    layers = [nn.Dense(8), *(hidden or [nn.Tanh()]), nn.Dense(3), output or nn.Softmax()]
    model = nn.Model(layers, seed=seed, dtype="float64")
    given = {"optimizer": nn.SGD(0.1, momentum=0.9), "epochs": EPOCHS, "batch_size": 16, "progress": False}
    history = model.fit(*examples, parallel=world, **(given | options))
    del history["seconds"]
    return model, history


def same_on_all(results):
    """The model and history of the first process; all others have the same, bit for bit."""
    model, history = results[0]
    for other, other_history in results[1:]:
        np.testing.assert_array_equal(other.theta, model.theta)
        np.testing.assert_array_equal(other.state, model.state)
        assert other.rng.bit_generator.state == model.rng.bit_generator.state
        assert other_history == history
    return model, history


def train_together(n, *hidden, sync_batch_norm=False, gradient_bits=None, **options):
    def run(world):
        return train(world, *hidden, **options)

    return same_on_all(nn.mpi.simulate(n, run, sync_batch_norm=sync_batch_norm, gradient_bits=gradient_bits))


def agree(found, expected, tolerance=1e-13):
    (model, history), (one, of_one) = found, expected
    np.testing.assert_allclose(model.theta, one.theta, rtol=0, atol=tolerance)
    np.testing.assert_allclose(model.state, one.state, rtol=0, atol=tolerance)
    assert history.keys() == of_one.keys()
    for key, values in of_one.items():
        np.testing.assert_allclose(history[key], values, rtol=0, atol=max(tolerance, 1e-14))


def errors_of(n, function, error=nn.ArgumentError):
    """The messages of the errors that each of n processes raises."""

    def run(world):
        with pytest.raises(error) as caught:
            function(world)
        return str(caught.value)

    return nn.mpi.simulate(n, run)
