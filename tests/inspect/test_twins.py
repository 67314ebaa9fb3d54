"""Facts about the copies of a network that inspect works on, and about the records of a pass."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.inspect.records import Records
from nnlite.inspect.twins import in_float64, twin
from nnlite.layers.chain import places

from ..support import Square, away_from_zero, everything
from .networks import X, deep


def test_a_twin_of_an_unbuilt_network_has_the_weights_that_fit_would_draw():
    model = nn.Model([nn.Dense(4), nn.Softmax()], seed=3)
    theta = twin(model, (3,)).theta
    assert not model.built
    model.forward(X)
    assert np.array_equal(model.theta, theta)


def test_a_twin_is_independent():
    model = deep(nn.BatchNorm())
    before = everything(model)
    other = away_from_zero(twin(model, (3,)), seed=1)
    other.forward(X)
    assert everything(model) == before


def test_the_copy_in_float64_predicts_the_same():
    model = deep(nn.BatchNorm(), nn.Tanh(), nn.Dense(4, trainable=False), dtype="float32")
    model.forward(X)  # moves the running averages
    other = in_float64(model)
    assert other.theta.dtype == np.float64
    assert [layer.trainable for layer in other.layers] == [layer.trainable for layer in model.layers]
    assert other.predict_proba(X) == pytest.approx(model.predict_proba(X), rel=1e-5)
    assert other.rng.bit_generator.state == model.rng.bit_generator.state


def test_each_layer_has_its_place_also_inside_others():
    layers = nn.Tanh(), nn.Residual([nn.ReLU(), nn.Residual([nn.Tanh()])])
    assert list(places(layers).values()) == [
        "layers[0]",
        "layers[1]",
        "layers[1][0]",
        "layers[1][1]",
        "layers[1][1][0]",
    ]


def test_records_hold_what_each_layer_got_and_returned():
    class Reused(Square):
        """Returns the same memory each time."""

        def forward(self, a_prev, cache):
            self.memory = getattr(self, "memory", np.empty(a_prev.shape, a_prev.dtype))
            self.memory[...] = super().forward(a_prev, cache)
            return self.memory

    inner = nn.Dense(4)
    model = nn.Model([nn.Residual([inner]), Reused(), nn.Softmax()], n_features=4, dtype="float64", seed=0)
    data = np.random.default_rng(0).normal(size=(1, 4))
    records = Records()
    step = model.new_pass(training=True, observer=records)
    step.forward(data)
    step.backward(np.eye(4)[:1])
    model.forward(np.zeros((1, 4)))
    assert np.array_equal(records[inner].a, data @ inner.W + inner.b)
    assert np.array_equal(records[model.layers[1]].a, np.square(data + records[inner].a))
    assert np.array_equal(records[model.layers[1]].da_prev, records[model.layers[0]].da)
    assert records[nn.ReLU()].a is None
