"""Facts about residual layers and the layers inside them."""

import math
import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import BatchNorm, Dropout, LayerNorm, Reshape, Residual

from ..support import assert_matches, for_each, refuse, training_cache
from .common import of_pytorch


def blocks():
    """A classifier with layers inside layers inside layers."""
    inner = Residual([nn.Dense(4), LayerNorm(), nn.Tanh()])
    return [
        nn.Dense(4),
        Residual([BatchNorm(), nn.Tanh(), nn.Dense(6), Dropout(0.3), nn.Dense(4)]),
        Residual([inner, nn.Dense(4)]),
        nn.Dense(3),
        nn.Softmax(),
    ]


def test_nested_residual_layers_are_those_of_pytorch():
    expected = of_pytorch("residual")
    layer = Residual([nn.Dense(4), BatchNorm(), nn.Tanh(), Residual([nn.Dense(4)])])
    model = nn.Model([layer, nn.Identity()], n_features=4, dtype="float64")
    for name, value in model.parameters.items():
        value[...] = expected[name]
    cache = training_cache()
    assert_matches(layer.forward(expected["a_prev"], cache), expected["a"])
    assert_matches(layer.backward(expected["da"].copy(), cache), expected["da_prev"])
    for name, gradient in model.gradients.items():
        if name == "db1":  # 0 but for rounding: a bias in front of batch normalization
            np.testing.assert_allclose(gradient, 0, atol=1e-13)
        else:
            assert_matches(gradient, expected[name])


def test_residual_layers_around_the_identity_add_up_the_signal():
    model = nn.Model([Residual([Residual([nn.Identity()])]), nn.Identity()], n_features=3, dtype="float64")
    X = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(model.forward(X), 3 * X)
    np.testing.assert_array_equal(model.predict(X), 3 * X)


# ---- the layers inside ----------------------------------------------------------------------------------------


def test_parameters_of_inner_layers_are_numbered_in_the_order_of_the_layers():
    model = nn.Model(blocks(), n_features=5, seed=0)
    shapes = {name: value.shape for name, value in model.parameters.items()}
    assert shapes == {
        "W1": (5, 4), "b1": (4,),
        "gamma1": (4,), "beta1": (4,),
        "W2": (4, 6), "b2": (6,),
        "W3": (6, 4), "b3": (4,),
        "W4": (4, 4), "b4": (4,),
        "gamma2": (4,), "beta2": (4,),
        "W5": (4, 4), "b5": (4,),
        "W6": (4, 3), "b6": (3,),
    }  # fmt: skip
    assert set(model.gradients) == {f"d{name}" for name in shapes}
    assert model.n_parameters == sum(math.prod(shape) for shape in shapes.values())
    assert model.n_weights == sum(math.prod(shape) for name, shape in shapes.items() if name[0] == "W")
    np.testing.assert_array_equal(model.layers[1].layers[2].W, model.parameters["W2"])
    np.testing.assert_array_equal(model.layers[2].layers[0].layers[0].W, model.parameters["W4"])


def test_all_layers_lists_each_layer_and_then_the_layers_inside_it():
    layers = blocks()
    first, second = layers[1:3]
    inner = second.layers[0]
    expected = [layers[0], first, *first.layers, second, inner, *inner.layers, second.layers[1], *layers[3:]]
    assert nn.Model(layers).all_layers() == expected


def test_inner_layers_draw_their_weights_and_their_dropout_from_the_models_seed():
    X, y = np.random.default_rng(0).normal(size=(40, 5)), np.arange(40) % 3
    ends = []
    for seed in (0, 0, 1):
        model = nn.Model(blocks(), seed=seed)
        model.fit(X, y, optimizer=nn.SGD(0.1), epochs=2, progress=False)
        ends.append(model.theta.copy())
    np.testing.assert_array_equal(ends[0], ends[1])
    assert np.any(ends[0] != ends[2])


def test_a_prediction_is_the_same_alone_in_a_batch_and_after_pickling():
    model = nn.Model(blocks(), n_features=5, seed=0, dtype="float64")
    X = np.random.default_rng(0).normal(size=(9, 5))
    for _ in range(3):
        model.forward(X)
    P = model.predict_proba(X)
    np.testing.assert_allclose(P, np.concatenate([model.predict_proba(x[None]) for x in X]), rtol=1e-12)
    np.testing.assert_allclose(model.forward(X, training=False), P, rtol=1e-12)
    twin = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(twin.predict_proba(X), P)
    np.testing.assert_array_equal(twin.forward(X), model.forward(X))  # both draw the same dropout


# ---- a projection ---------------------------------------------------------------------------------------------


def projected():
    """A ResNet block that changes the number of channels and halves the image."""
    chain = [nn.Conv2D(4, 3, strides=2, padding="same"), BatchNorm(), nn.ReLU(), nn.Conv2D(4, 3, padding="same")]
    return Residual([*chain, BatchNorm()], shortcut=[nn.Conv2D(4, 1, strides=2), BatchNorm()])


def test_a_projection_adds_what_two_chains_make_of_the_same_input():
    block = projected()
    layers = [block, nn.ReLU(), nn.GlobalAveragePool2D(), nn.Dense(3), nn.Softmax()]
    model = nn.Model(layers, n_features=(6, 5, 2), seed=0, dtype="float64")
    X = np.random.default_rng(0).normal(size=(4, 6, 5, 2))
    a = X
    for layer in block.layers:
        a = layer.forward(a, nn.Cache())
    s = block.shortcut[1].forward(block.shortcut[0].forward(X, nn.Cache()), nn.Cache())
    np.testing.assert_allclose(block.forward(X, nn.Cache()), s + a, rtol=1e-12)
    assert model.shapes[1] == (3, 3, 4)
    names = {name: value.shape for name, value in model.parameters.items() if name[0] == "W"}
    assert names == {"W1": (3, 3, 2, 4), "W2": (3, 3, 4, 4), "W3": (1, 1, 2, 4), "W4": (4, 3)}
    np.testing.assert_array_equal(model.parameters["W3"], block.shortcut[0].W)
    assert "layers[0].shortcut[1]" in nn.layers.chain.places(model.layers).values()


def test_the_layers_before_the_sum_draw_for_the_activation_behind_it():
    """SELU has LeCun's weights, of variance 1 / n_in; Glorot's would have 2 / (n_in + n_out), two thirds of it."""
    block = Residual([nn.Conv2D(64, 3, padding="same")], shortcut=[nn.Conv2D(64, 1)])
    nn.Model([block, nn.SELU(), nn.GlobalAveragePool2D(), nn.Dense(2), nn.Softmax()], n_features=(4, 4, 32), seed=0)
    assert block.layers[0].W.var() == pytest.approx(1 / (9 * 32), rel=0.05)
    assert block.shortcut[0].W.var() == pytest.approx(1 / 32, rel=0.1)


def test_a_projection_is_frozen_with_its_block_and_named_in_repr():
    block = projected()
    block.trainable = False
    assert not any(layer.trainable for layer in block.inner_layers)
    block.shortcut[0].trainable = True
    assert block.trainable
    text = "Residual((Dense(3), ReLU()), shortcut=(Dense(3),))"
    assert repr(Residual([nn.Dense(3), "relu"], shortcut=[nn.Dense(3)])) == text


def test_a_projection_has_the_shape_of_the_chain():
    wrong = [Residual([nn.Conv2D(4, 3)], shortcut=[nn.Conv2D(4, 1)]), nn.Flatten(), nn.Identity()]
    refuse(lambda: nn.Model(wrong, n_features=(5, 5, 1)), "layers[0] Residual(", "(3, 3, 4)", "it gives (5, 5, 4)")
    without = [Residual([nn.Conv2D(4, 1)]), nn.Flatten(), nn.Identity()]
    refuse(lambda: nn.Model(without, n_features=(5, 5, 1)), "layers[0] Residual(", "shortcut=[nn.Conv2D(")
    for shortcut in ([], "relu", nn.Dense(3), 3):
        refuse(lambda shortcut=shortcut: Residual([nn.Dense(3)], shortcut=shortcut), "shortcut: expected a list")
    refuse(lambda: Residual([nn.Dense(3)], shortcut=[3]), "shortcut: entry 0 is not a layer, got 3; write nn.Dense(3)")
    dense = nn.Dense(3)
    refuse(lambda: Residual([nn.ReLU(), dense], shortcut=[dense]), "shortcut: entry 0, Dense(3), occurs twice")


# ---- freezing -------------------------------------------------------------------------------------------------


def test_freezing_a_residual_layer_freezes_all_layers_inside():
    layer = Residual([nn.Dense(4), Residual([BatchNorm(), nn.Dense(4)])])
    model = nn.Model([nn.Dense(4), layer, nn.Dense(2), nn.Softmax()], n_features=3, seed=0, dtype="float64")
    X, y = np.random.default_rng(0).normal(size=(30, 3)), np.arange(30) % 2
    layer.trainable = False
    assert not layer.trainable
    assert not layer.layers[1].layers[0].trainable
    start = model.copy()
    model.fit(X, y, optimizer=nn.SGD(0.1), epochs=2, progress=False)
    frozen = {"W2", "b2", "gamma1", "beta1", "W3", "b3"}
    for name, value in model.parameters.items():
        assert np.array_equal(value, start.parameters[name]) == (name in frozen), name
    np.testing.assert_array_equal(model.state, start.state)
    layer.trainable = True
    assert layer.layers[1].layers[1].trainable
    model.fit(X, y, optimizer=nn.SGD(0.1), epochs=1, progress=False)
    for name, value in model.parameters.items():
        assert not np.array_equal(value, start.parameters[name]), name


def test_a_residual_layer_learns_if_any_layer_inside_learns():
    first, second = nn.Dense(4), nn.Dense(4)
    layer = Residual([first, second])
    first.trainable = False
    assert layer.trainable
    second.trainable = False
    assert not layer.trainable


def test_trainable_false_freezes_the_layers_inside_from_the_start():
    layer = Residual([nn.Dense(3), nn.Tanh()], trainable=False)
    assert not layer.trainable
    assert not layer.layers[0].trainable
    assert repr(layer) == "Residual((Dense(3, trainable=False), Tanh()), trainable=False)"


@pytest.mark.parametrize("value", ["no", 1, None])
def test_trainable_is_true_or_false(value):
    refuse(lambda: Residual([nn.Dense(2)], trainable=value), "trainable: expected True or False")
    layer = Residual([nn.Dense(2)])
    refuse(lambda: setattr(layer, "trainable", value), "trainable: expected True or False")
    assert layer.trainable


# ---- wrong layers ---------------------------------------------------------------------------------------------


@for_each("layers", [None, 3, [], (), "Dense", nn.Dense(3), [nn.Dense], [nn.Dense(3), 3], {nn.Dense(3)}], ids=repr)
def test_a_residual_layer_needs_a_list_of_layers(layers):
    refuse(lambda: Residual(layers), "layers: ")


def test_a_layer_occurs_in_a_residual_layer_once():
    dense = nn.Dense(3)
    refuse(lambda: Residual([dense, dense]), "layers: entry 1, Dense(3), occurs twice")


@pytest.mark.parametrize("make", [
    lambda dense: [Residual([dense, Residual([dense])])],
    lambda dense: [dense, Residual([dense])],
    lambda dense: [Residual([dense]), Residual([dense])],
], ids=["inside and deeper", "outside and inside", "in two"])  # fmt: skip
def test_a_layer_occurs_in_a_network_once(make):
    """Else it would have two sets of parameters and use only one."""
    layers = make(nn.Dense(3))
    refuse(lambda: nn.Model([*layers, nn.Identity()], n_features=3), "layers[", "Dense(3) occurs twice", "first as")


@pytest.mark.parametrize("layers", [[nn.Dense(4)], [Reshape((1, 3))], [nn.Dense(5), nn.ReLU(), nn.Dense(2)]], ids=repr)
def test_a_chain_that_changes_the_shape_is_refused_with_both_shapes(layers):
    call = lambda: nn.Model([nn.Dense(3), Residual(layers), nn.Identity()], n_features=2)  # noqa: E731
    refuse(call, "layers[1] Residual(", "must keep the shape (3,)", "turns it into (")


class Column(nn.Layer):
    """Announces the shape of its input, and returns one number for each example, forward or backward."""

    def __init__(self, wrong):
        self.wrong = wrong

    def forward(self, a_prev, cache):
        return a_prev.sum(axis=1, keepdims=True) if self.wrong == "forward" else a_prev

    def backward(self, da, cache):
        return da.sum(axis=1, keepdims=True)


def test_an_inner_layer_must_return_the_shape_that_it_announces():
    """NumPy would add the single column to every unit of the direct connection."""
    call = lambda: nn.Model([Residual([nn.Dense(3), Column("forward")]), nn.Identity()], n_features=3)  # noqa: E731
    refuse(call, "layers[0][1] Column(", "forward must return", "shape (1, 3)", "got shape (1, 1)")
    model = nn.Model([nn.Dense(3), Residual([Column("backward")]), nn.Identity()], n_features=3)
    model.forward(np.ones((2, 3)))
    refuse(
        lambda: model.backward(np.ones((2, 3))),
        "layers[1][0] Column(",
        "backward must return",
        "shape (2, 3)",
        "got shape (2, 1)",
    )


@pytest.mark.parametrize("text", ["Residual((Dense(3), BatchNorm()))", "Residual((Residual((Dense(3),)),))"])
def test_repr_is_the_call_that_makes_the_layer(text):
    assert repr(eval(text, {"Residual": Residual, "Dense": nn.Dense, "BatchNorm": BatchNorm})) == text
