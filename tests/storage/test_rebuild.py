"""Facts about a network that is made again from a file: memory only for what is in the file, and no weights drawn."""

import tracemalloc

import numpy as np

import nnlite as nn

from .forging import BESIDE, HEADER, STATE, THETA, forge, load, refuse


def dense(**arguments):
    """The header with other arguments of the first layer."""
    return HEADER | {"layers": [{"layer": "Dense", "arguments": arguments}, *HEADER["layers"][1:]]}


def test_a_network_that_is_larger_than_the_file_is_refused_before_memory_is_allocated():
    for units in (10**9, 10**18, 10**300):
        refuse(forge(dense(units=units)), "its layers need|cannot be made")
    refuse(forge(HEADER | {"input_shape": [2**62]}), "its layers need")
    refuse(forge(HEADER | {"input_shape": [2**62] * 63}))


def test_other_numbers_than_the_layers_need_are_refused():
    refuse(forge(theta=THETA[:-1]), "its layers need 45 numbers in theta, but there are 44")
    refuse(forge(state=np.append(STATE, STATE)), "its layers need 9 numbers in state, but there are 18")
    refuse(forge(HEADER | {"trainable": [True] * 5}), "has 6 layers, but 5 values of trainable")


def test_an_input_of_any_size_takes_no_memory_until_there_is_one():
    layers = [{"layer": "ReLU", "arguments": {}}, {"layer": "Softmax", "arguments": {}}]
    wide = HEADER | {"layers": layers, "trainable": [True, True], "input_shape": [2**62]}
    tracemalloc.start()
    try:
        assert load(forge(wide, THETA[:0], STATE[:0])).n_parameters == 0
        assert tracemalloc.get_traced_memory()[1] < BESIDE
    finally:
        tracemalloc.stop()


def test_no_weights_are_drawn():
    class Slow(nn.Initializer):
        def __call__(self, shape, rng):
            raise AssertionError("drawn")

    slow = dense(units=3, initializer={"initializer": "Slow", "arguments": {}})
    model = load(forge(slow), layers=[Slow])
    assert model.theta.tobytes() == THETA.tobytes()
    assert model.layers[0].initializer == Slow()


class Prepared(nn.Layer):
    """A layer whose ``initialize`` prepares more than its parameters."""

    def parameter_shapes(self, input_shape):
        return {"g": input_shape}

    def initialize(self, rng, initializer):
        self.g[...] = 1
        self.prepared = True

    def forward(self, a_prev, cache):
        assert self.prepared
        return a_prev * self.g


def test_a_layer_of_your_own_is_initialized_before_its_parameters_are_read(tmp_path):
    model = nn.Model([Prepared(), nn.Softmax()], n_features=2)
    model.theta = [3, 4]
    model.save(tmp_path / "a.npz")
    loaded = nn.load(tmp_path / "a.npz", layers=[Prepared])
    assert loaded.theta.tolist() == [3, 4]
    np.testing.assert_array_equal(loaded.predict_proba(np.eye(2)), model.predict_proba(np.eye(2)))
