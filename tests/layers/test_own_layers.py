"""Facts about mistakes in a layer that a user writes: which layer it is, what is wrong, and that nothing changes."""

import numpy as np
import pytest

import nnlite as nn

from ..support import NEVER_SAVED, for_each, network, refuse

pytestmark = NEVER_SAVED
X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
y = np.array([0, 1, 2, 0, 1])


class Own(nn.Layer):
    """Passes on what comes, unless a subclass does something else; all of them look alike."""

    def forward(self, z, cache):
        return z

    def backward(self, da, cache):
        return da

    def __repr__(self):
        return "Own()"


class ForwardOnly(nn.Layer):
    def forward(self, a_prev, cache):
        return a_prev * 2

    def __repr__(self):
        return "ForwardOnly()"


def trained(model, engine="auto"):
    return model.fit(X, y, epochs=1, progress=False, engine=engine)


# ---- the same forward and back --------------------------------------------------------------------------------


def test_of_two_layers_that_look_alike_the_wrong_one_is_named():
    class Wrong(Own):
        def forward(self, z, cache):
            return z[:, :2]

    refuse(lambda: network(Own(), Own(), Wrong()), "layers[2] Own().forward must return an array of shape")


def test_a_layer_that_is_tried_out_alone_has_no_place():
    with pytest.raises(nn.ArgumentError, match=r"^layers: Residual\(.* must keep the shape \(3,\)"):
        nn.Residual([nn.Dense(2)]).output_shape((3,))


def test_a_layer_that_writes_into_an_array_of_its_own_is_not_told_that_it_wrote_into_z():
    class Broadcast(Own):
        def forward(self, z, cache):
            ones = np.broadcast_to(np.float32(1), z.shape)
            ones *= 2
            return z + ones

    message = "layers[0] Own().forward writes into a read-only array: z and views of it are read-only, and so are"
    refuse(lambda: network(Broadcast()), message, "results of np.broadcast_to; compute a new array")


def test_what_forward_did_not_leave_on_the_cache_is_named_with_its_layer():
    class Forgetful(Own):
        def backward(self, da, cache):
            return da * cache.z

    model = network(nn.Dense(4), Own(), Forgetful())
    refuse(lambda: trained(model), "layers[2] Own().backward reads cache.z, which is not set: forward must set it")


def test_another_attribute_that_is_missing_is_raised_unchanged():
    class Careless(Own):
        def backward(self, da, cache):
            return da.sun()

    with pytest.raises(AttributeError, match="attribute 'sun'"):
        trained(network(nn.Dense(4), Careless()))


def test_the_trial_of_a_new_network_says_that_it_had_one_example():
    class Scaled(Own):
        def forward(self, z, cache):
            return z * np.float64(2)

    refuse(lambda: network(Scaled()), "layers[0] Own().forward must", "shape (1, 4)", "tried with one example")
    model = network(Scaled(), n_features=None, dtype="float64")
    assert trained(model).epochs == 1


@for_each("name", ["observer", "part", "inner", "input_gradient"])
def test_a_layer_must_not_set_what_the_network_has_on_the_cache(name):
    class Taking(Own):
        def forward(self, z, cache):
            setattr(cache, name, z)
            return z

    refuse(lambda: network(Taking()), f"layers[0] Own().forward sets cache.{name}, which the network needs; keep")
    with pytest.raises(AttributeError, match=rf"^cache\.{name}: the network needs this name"):
        setattr(nn.Cache(), name, X)


# ---- methods that are missing ---------------------------------------------------------------------------------


def test_a_layer_without_a_forward_pass_is_told_what_to_define():
    class BackwardOnly(nn.Layer):
        def backward(self, da, cache):
            return da

    refuse(
        lambda: network(nn.Dense(4), BackwardOnly(), n_features=None),
        "layers[1] BackwardOnly() has no forward pass; define forward(self, a_prev, cache)",
    )


@pytest.mark.parametrize("built", [True, False])
def test_a_layer_without_a_backward_pass_is_refused_before_a_training_begins(built):
    model = network(nn.Dense(4), ForwardOnly(), n_features=4 if built else None)
    before = model.theta.copy() if built else None
    message = "layers[1] ForwardOnly() has no backward pass; define backward(self, da, cache)"
    refuse(lambda: trained(model), message)
    assert model.built == built
    if built:
        np.testing.assert_array_equal(model.theta, before)
        assert np.isnan(model.grad).all()
        model.forward(X)
        refuse(lambda: model.backward(y), message)


def test_a_layer_without_a_backward_pass_is_refused_inside_another_too():
    model = network(nn.Dense(4), nn.Residual([nn.Tanh(), ForwardOnly()]))
    refuse(lambda: trained(model), "layers[1][1] ForwardOnly() has no backward pass")


def test_a_network_that_only_predicts_needs_no_backward_pass():
    model = network(ForwardOnly(), n_features=4)
    np.testing.assert_array_equal(model.predict(X), network(Own(), n_features=4).predict(2 * X))


def test_nobody_asks_a_layer_in_front_of_all_that_learn_for_its_backward_pass():
    trained(network(ForwardOnly()))
    frozen = network(nn.Dense(4), ForwardOnly())
    frozen.layers[0].trainable = False
    trained(frozen)


def test_dir_of_a_layer_shows_what_a_user_needs():
    names = {*dir(network(nn.Dense(4)).layers[0])}
    assert {"W", "dW", "forward", "backward", "trainable", "units", "output_shape"} <= names
    assert not {"bind", "unbind", "bound", "note_unannounced", "added_state"} & names
