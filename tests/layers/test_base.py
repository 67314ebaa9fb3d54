"""Facts about the cache and the base class of layers, and about layers that a user writes."""

import numpy as np
import pytest

import nnlite as nn

from ..derivatives import assert_gradients_are_derivatives
from ..support import NEVER_SAVED, Scale, Square, for_each, network, refuse

pytestmark = NEVER_SAVED
RNG = np.random.default_rng(0)
X = RNG.standard_normal((24, 5))
y = RNG.integers(0, 3, 24)


class Pairs(nn.Layer):
    """A layer whose output has another shape than its input, ``a_j = z_2j + z_2j+1``."""

    def output_shape(self, input_shape):
        return (input_shape[0] // 2,)

    def forward(self, a_prev, cache):
        return a_prev[:, ::2] + a_prev[:, 1::2]

    def backward(self, da, cache):
        return np.repeat(da, 2, axis=1)


class Standardize(nn.Layer):
    """A layer whose arguments are arrays, ``a = (x - mean) / deviation``."""

    def __init__(self, mean, deviation=None):
        self.mean = mean
        self.deviation = deviation

    def forward(self, a_prev, cache):
        return ((a_prev - self.mean) / self.deviation).astype(a_prev.dtype)

    def backward(self, da, cache):
        return da / self.deviation


# ---- the cache ------------------------------------------------------------------------------------------------


def test_a_cache_is_for_prediction_unless_it_is_for_training():
    cache = nn.Cache()
    assert (cache.training, cache.rng, cache.input_gradient, cache.observer) == (False, None, True, None)
    assert nn.Cache(training=True, input_gradient=False).training


def test_a_layer_sets_any_attribute_on_its_cache():
    cache = nn.Cache()
    cache.anything = [1, 2]
    assert cache.anything == [1, 2]


def test_a_cache_says_that_backward_needs_forward():
    with pytest.raises(
        AttributeError,
        match=r"^cache.a_prev is not set: forward must set it, with this cache",
    ):
        _ = nn.Cache().a_prev


def test_inner_caches_are_new_and_like_the_outer_one_but_for_the_input_gradient():
    rng, observer = np.random.default_rng(0), print
    inner = nn.Cache(training=True, rng=rng, input_gradient=False, observer=observer).inner(3)
    assert len({id(cache) for cache in inner}) == 3
    for cache in inner:
        assert (cache.training, cache.rng, cache.input_gradient, cache.observer) == (True, rng, True, observer)


# ---- the base class -------------------------------------------------------------------------------------------


def test_by_default_a_layer_keeps_the_shape_and_has_no_parameters():
    layer = nn.Layer()
    assert layer.output_shape((4, 5)) == (4, 5)
    assert layer.parameter_shapes((4, 5)) == layer.state_shapes((4, 5)) == {}
    assert layer.inner_layers == ()
    assert layer.trainable


def test_by_default_inner_layers_form_a_chain():
    layer = nn.Layer()
    layer.inner_layers = (nn.Dense(6), nn.ReLU(), nn.Reshape((2, 3)), nn.Flatten())
    assert layer.inner_input_shapes((4,)) == [(4,), (6,), (6,), (2, 3)]


def test_a_layer_without_equations_says_so():
    for layer in (nn.Layer(), nn.Activation()):
        refuse(lambda: nn.Model([layer, nn.Softmax()]), f"layers[0] {layer} has no forward pass", "nn.ReLU()")  # noqa: B023
    refuse(lambda: nn.Layer().forward(X, nn.Cache()), "layers: Layer() has no forward pass", error=nn.ArgumentError)
    refuse(lambda: nn.Layer().backward(X, nn.Cache()), "layers: Layer() has no backward pass", error=nn.ArgumentError)


def test_an_activation_without_an_initializer_has_that_of_glorot():
    class Own(nn.layers.Activation):
        pass

    assert Own.initializer == nn.GlorotUniform()


def test_an_assignment_to_a_parameter_or_gradient_writes_into_the_models_vector():
    model = network()
    layer = model.layers[0]
    layer.W = 2
    layer.db = [1, 2, 3]
    np.testing.assert_array_equal(model.parameters["W1"], 2)
    np.testing.assert_array_equal(model.gradients["db1"], [1, 2, 3])
    assert np.shares_memory(layer.W, model.theta)
    assert np.count_nonzero(model.theta == 2) == 4 * 3


def test_a_layer_is_bound_while_it_belongs_to_a_built_model():
    layer = nn.Dense(3)
    assert not layer.bound
    model = nn.Model([layer, nn.Softmax()])
    assert not layer.bound
    model.forward(X)
    assert layer.bound
    refuse(lambda: nn.Model([layer, nn.Softmax()], n_features=5), "layers[0] Dense(3) already belongs to another model")


def test_a_layer_that_is_unbound_has_no_parameters():
    layer = nn.Dense(3)
    layer.bind({"W": np.ones((2, 3)), "dW": np.ones((2, 3))})
    assert layer.bound
    layer.unbind()
    assert not layer.bound
    assert not hasattr(layer, "W")
    layer.bind({"W": np.zeros((4, 3))})
    assert layer.W.shape == (4, 3)


@pytest.mark.parametrize("value", ["no", 1, None])
def test_trainable_is_true_or_false(value):
    layer = Square()
    refuse(lambda: setattr(layer, "trainable", value), "trainable: expected True or False")
    assert layer.trainable is True


# ---- how a layer is shown -------------------------------------------------------------------------------------


def test_repr_shows_required_arguments_and_those_that_differ_from_their_defaults():
    assert repr(Square()) == "Square()"
    assert repr(Scale()) == "Scale()"
    assert repr(Scale(2.0)) == "Scale(start=2.0)"
    assert repr(nn.Dense(4, trainable=False)) == "Dense(4, trainable=False)"
    assert Scale(2.0).hyperparameters() == {"start": 2.0}
    assert nn.Dense(4).hyperparameters() == {"units": 4}


def test_a_layer_that_does_not_store_its_arguments_has_no_hyperparameters():
    class Forgetful(nn.Layer):
        def __init__(self, size):
            self.width = size

    assert repr(Forgetful(3)) == "Forgetful(...)"
    refuse(Forgetful(3).hyperparameters, "Forgetful: __init__ must store its argument 'size' as self.size")


def test_a_layer_that_takes_any_arguments_has_no_hyperparameters():
    class Anything(nn.Dense):
        def __init__(self, *sizes, **options):
            super().__init__(sum(sizes), **options)

    assert repr(Anything(1, 2)) == "Anything(...)"
    refuse(Anything(1, 2).hyperparameters, "Anything: __init__ must name each of its arguments", "taking *sizes")


def test_a_layer_with_arrays_for_arguments_can_be_shown():
    mean, deviation = X.mean(axis=0), X.std(axis=0)
    model = nn.Model([Standardize(mean, deviation), nn.Dense(3), nn.Softmax()], n_features=5, seed=0)
    np.testing.assert_allclose(model.forward(X).sum(axis=1), 1, rtol=1e-6)
    assert repr(model).startswith("Model([Standardize(")
    assert "deviation=array(" in repr(model.layers[0])
    assert "Standardize(" in model.summary()
    assert "Standardize(" in repr(model.copy())


# ---- layers that a user writes --------------------------------------------------------------------------------


def test_a_users_layer_has_parameters_under_its_own_names():
    model = nn.Model([nn.Dense(4), Scale(), nn.Tanh(), nn.Dense(3), Scale(2.0), nn.Softmax()], n_features=5, seed=0)
    assert sorted(model.parameters) == ["W1", "W2", "b1", "b2", "scale1", "scale2", "shift1", "shift2"]
    assert sorted(model.gradients) == sorted(f"d{name}" for name in model.parameters)
    assert model.parameters["scale2"].tolist() == [2, 2, 2]
    assert model.layers[1].scale is not model.layers[4].scale
    assert model.n_weights == 5 * 4 + 4 * 3  # scale and shift are not decayed


def test_weight_decay_acts_on_the_parameters_that_a_layer_names():
    class DecayedScale(Scale):
        decayed = frozenset({"scale"})

    model = nn.Model([DecayedScale(), nn.Dense(3), nn.Softmax()], n_features=5, seed=0)
    assert model.n_weights == 5 + 15
    model.parameters["shift1"][...] = 1
    model.grad = 0
    nn.SGD(0.1, weight_decay=0.5).step(model)
    np.testing.assert_allclose(model.parameters["scale1"], 0.95, rtol=1e-6)
    np.testing.assert_array_equal(model.parameters["shift1"], 1)


@for_each(
    "layers",
    [
        pytest.param(lambda: [Scale(0.7), nn.Dense(3)], id="parameters, first"),
        pytest.param(lambda: [nn.Dense(4), Scale(), nn.Tanh(), nn.Dense(3)], id="parameters, hidden"),
        pytest.param(lambda: [nn.Dense(3), Scale(1.5)], id="parameters, before the output"),
        pytest.param(lambda: [nn.Dense(3), Square()], id="no parameters"),
        pytest.param(lambda: [Square(), nn.Dense(3)], id="no parameters, first"),
        pytest.param(lambda: [nn.Dense(6), Pairs()], id="another shape"),
        pytest.param(lambda: [Scale(), Scale(0.5), nn.Dense(3), Square(), Scale()], id="several"),
    ],
)
def test_gradients_through_a_users_layers_are_derivatives(layers):
    model = nn.Model([*layers(), nn.Softmax()], n_features=5, seed=0, dtype="float64")
    model.theta[:] += np.random.default_rng(1).normal(0, 0.3, model.n_parameters)
    assert_gradients_are_derivatives(model, X, y)


def test_a_users_layer_trains():
    history = network(nn.Dense(6), Square(), n_features=5).fit(X, y, epochs=20, optimizer=nn.SGD(0.1))
    assert history["loss"][-1] < history["loss"][0]


def test_a_users_layers_are_copied_with_the_network():
    model = nn.Model([nn.Dense(6), Scale(2.0), Square(), Pairs(), nn.Identity()], n_features=5, seed=0)
    twin = model.copy()
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    twin.layers[1].scale[...] = 0
    assert np.all(model.layers[1].scale == 2)


def test_a_subclass_of_a_layer_uses_its_own_equations():
    class Squashed(nn.Dense):
        """``a = tanh(a_prev W + b)``; backward reads what forward has returned."""

        def forward(self, a_prev, cache):
            cache.squashed = np.tanh(super().forward(a_prev, cache))
            return cache.squashed

        def backward(self, da, cache):
            return super().backward(da * (1 - cache.squashed**2), cache)

    own, chain = network(Squashed(6), nn.Tanh(), n_features=5), network(nn.Dense(6), nn.Tanh(), nn.Tanh(), n_features=5)
    chain.theta = own.theta
    for model in own, chain:
        model.forward(X)
        model.backward(y)
    np.testing.assert_allclose(own.grad, chain.grad, rtol=1e-5, atol=1e-8)


# ---- mistakes of a user's layer -------------------------------------------------------------------------------------


class Shifted(nn.Layer):
    """``a = a_prev + c``, with a gradient of c that a function makes of da."""

    def __init__(self, make=lambda da: da.sum(axis=0)):
        self.make = make

    def parameter_shapes(self, input_shape):
        return {"c": input_shape}

    def forward(self, a_prev, cache):
        return a_prev + self.c

    def backward(self, da, cache):
        self.dc = self.make(da)
        return da

    def __repr__(self):
        return "Shifted()"


@pytest.mark.parametrize(
    ("make", "got"), [(lambda da: da, r"\(5, 4\); sum over the examples"), (lambda da: da.sum(), r"\(\)")]
)
def test_a_gradient_of_another_shape_than_its_parameter_is_refused(make, got):
    model = nn.Model([Shifted(make), nn.Dense(3), nn.Softmax()], n_features=4)
    model.forward(np.ones((5, 4)))
    message = r"^layers\[0\] Shifted\(\): self.dc must have the shape \(4,\) of the parameter, got "
    with pytest.raises(nn.ArgumentError, match=message + got):
        model.backward([0, 1, 2, 0, 1])


class Forgets(Shifted):
    """Computes the gradient of c, but does not set it."""

    def backward(self, da, cache):
        self.make(da)
        return da


def test_a_gradient_that_backward_does_not_set_is_named_in_the_first_step():
    X, y, unset = (
        np.ones((5, 4)),
        [0, 1, 2, 0, 1],
        "layers[1] Shifted().backward must set self.dc, the gradient of self.c",
    )
    model = nn.Model([nn.Dense(4), Forgets(), nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    before = model.theta.copy()
    refuse(lambda: model.fit(X, y), unset)
    model.forward(X)
    model.backward(y)
    refuse(lambda: nn.SGD(0.1).step(model), unset)
    np.testing.assert_array_equal(model.theta, before)


def own(**methods):
    """A layer with these methods; by default it passes on what comes."""
    identity = {"forward": lambda self, a_prev, cache: a_prev, "backward": lambda self, da, cache: da}
    return type("Own", (nn.Layer,), identity | methods)()


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("forward", "a_prev, cache"),
        ("backward", "da, cache"),
        ("output_shape", "input_shape"),
        ("parameter_shapes", "input_shape"),
        ("initialize", "rng, initializer"),
    ],
)
def test_a_method_that_lacks_an_argument_is_named_when_the_network_is_made(method, arguments):
    layer = own(**{method: lambda self: None})
    refuse(lambda: network(layer), f"layers[0] Own().{method} must take (self, {arguments}), but takes (self)")
    refuse(lambda: network(nn.Residual([layer])), f"layers[0][0] Own().{method} must take")
    network(own(**{method: lambda self, *given: getattr(nn.Layer(), method, None)}), n_features=None)


@for_each("shape", [8, None, (None, 8), (8.0,), "8", (0,)])
def test_an_output_shape_is_that_of_one_example(shape):
    layer = own(output_shape=lambda self, input_shape: shape)
    refuse(
        lambda: network(layer), "layers[0] Own(): output_shape must return the shape of one example", f"got {shape!r}"
    )
    network(own(output_shape=lambda self, input_shape: list(input_shape)))  # a list will do


def test_parameter_shapes_are_a_dict():
    layer = own(parameter_shapes=lambda self, input_shape: input_shape)
    refuse(lambda: network(layer), "layers[0] Own(): parameter_shapes and state_shapes must return a dict", "got (4,)")


def test_a_parameter_of_a_layer_that_is_not_built_says_when_it_exists():
    layer = nn.Dense(3)
    missing = "W: Dense has no such attribute; if it is a parameter, it exists once the layer is in a network"
    refuse(lambda: layer.W, missing, error=nn.NotBuiltError)
    refuse(lambda: layer.forward(X, nn.Cache()), missing, error=nn.NotBuiltError)
    assert not hasattr(layer, "W")
    model = nn.Model([layer, nn.Softmax()], n_features=5)
    assert hasattr(layer, "W")
    with pytest.raises(AttributeError, match=r"^weights: Dense has no such attribute$"):
        _ = model.layers[0].weights


@pytest.mark.parametrize("shape", [8, "8", (8.0,), (-1,)])
def test_a_shape_of_a_parameter_is_a_tuple_of_integers(shape):
    class Odd(Shifted):
        def parameter_shapes(self, input_shape):
            return {"c": shape}

    with pytest.raises(
        nn.ArgumentError, match=r"^layers\[0\] Shifted\(\): the shape of c must be a tuple like \(8,\), got "
    ):
        nn.Model([Odd(), nn.Dense(3), nn.Softmax()], n_features=4)


class Gain(nn.Layer):
    """``a = gamma a_prev``; gamma is made by the user, at one of several places, and never announced."""

    def __init__(self, made="in initialize"):
        self.made = made
        if made == "in __init__":
            self.gamma = np.ones(4)

    def initialize(self, rng, initializer):
        if self.made == "in initialize":
            self.gamma = np.ones(4)

    def forward(self, a_prev, cache):
        if self.made == "in the first forward" and not hasattr(self, "gamma"):
            self.gamma = np.ones(4)
        self.a = a_prev * self.gamma.astype(a_prev.dtype)
        return self.a

    def backward(self, da, cache):
        self.da = da  # of an array that is another one in each pass: no parameter
        self.dgamma = (da * self.a).sum(axis=0)
        return da * self.gamma.astype(da.dtype)


@pytest.mark.parametrize("made", ["in __init__", "in initialize", "in the first forward"])
def test_an_array_with_a_gradient_that_is_not_announced_is_refused(made):
    model = network(nn.Dense(4), Gain(made))
    model.forward(np.ones((5, 4)))
    refuse(
        lambda: model.backward([0, 1, 2, 0, 1]),
        f"layers[1] {model.layers[1]}: self.gamma has a gradient, self.dgamma, but would not learn; announce it",
        "parameter_shapes must return {'gamma': (4,)}",
    )


def test_an_inner_layer_announces_its_parameters_too():
    model = network(nn.Dense(4), nn.Residual([Gain()]))
    with pytest.raises(nn.ArgumentError, match="announce it"):
        model.fit(np.ones((5, 4)), [0, 1, 2, 0, 1], epochs=1)


def test_a_layer_may_keep_what_is_no_parameter():
    class Fixed(Gain):
        def backward(self, da, cache):
            self.da, self.dgamma_of_each_example = da, da * self.a
            self.dgamma = da * self.a  # of another shape than gamma
            return da * self.gamma.astype(da.dtype)

    for layer in (Fixed(), Fixed("in __init__")):
        network(nn.Dense(4), layer).fit(np.ones((5, 4)), [0, 1, 2, 0, 1], epochs=2)


def test_a_layer_alone_may_set_what_it_likes():
    layer, cache = Gain("in __init__"), nn.Cache()
    layer.backward(layer.forward(np.ones((5, 4)), cache), cache)
    np.testing.assert_array_equal(layer.dgamma, np.full(4, 5.0))
