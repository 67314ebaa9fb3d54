"""Facts about networks that cannot be built: they and their layers are as they were before."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each, refuse
from .cases.examples import N, X, model_for, y
from .unchanged import portrait


class Broken(nn.Initializer):
    """Draws weights, and then something goes wrong."""

    def __init__(self, error):
        self.error = error

    def __call__(self, shape, rng):
        rng.standard_normal(shape)
        raise self.error


class WrongShape(nn.Initializer):
    def __call__(self, shape, rng):
        return rng.standard_normal((shape[0] + 1, shape[1]))


def test_a_layer_of_another_model_is_refused_and_the_owner_keeps_it():
    owner = model_for()
    guest = nn.Model([owner.layers[0], nn.Softmax()], seed=3)
    before, guest_rng = portrait(owner), guest.rng.bit_generator.state
    for call in (lambda: guest.forward(X), lambda: guest.fit(X, y)):
        refuse(call, "layers[0] ", "Dense(5)", "another model")
    assert portrait(owner) == before
    assert not guest.built
    assert guest.rng.bit_generator.state == guest_rng


def test_a_network_that_was_refused_leaves_its_layers_free():
    layers = [nn.Dense(4), nn.Softmax()]
    for options in ({"dtype": int}, {"seed": -1}, {"n_features": 0}, {"n_features": (8, 8)}):
        with pytest.raises(nn.ArgumentError):
            nn.Model(layers, **options)
    assert nn.Model(layers, n_features=N).built


@for_each(
    "layer",
    [
        pytest.param(lambda: nn.Dense(4, Broken(ZeroDivisionError())), id="initializer that raises"),
        pytest.param(lambda: nn.Dense(4, Broken(KeyboardInterrupt())), id="initializer that is interrupted"),
        pytest.param(lambda: nn.Dense(4, WrongShape()), id="initializer of another shape"),
        pytest.param(lambda: nn.Dense(4, nn.Initializer()), id="initializer without a rule"),
        pytest.param(lambda: nn.Dense(10**15), id="more units than any memory holds"),
    ],
)
@for_each("call", [lambda model: model.forward(X), lambda model: model.fit(X, y)], ids=["forward", "fit"])
def test_a_network_that_could_not_be_built_is_as_it_was(call, layer):
    model = nn.Model([nn.Dense(5), nn.ReLU(), layer(), nn.ReLU(), nn.Dense(4), nn.Softmax()], seed=0)
    before = portrait(model)
    with pytest.raises(BaseException):  # noqa: B017
        model.forward(X) if call == "forward" else model.fit(X, y)
    assert not model.built
    assert portrait(model) == before


def test_a_network_that_could_not_be_built_can_be_built_later():
    class FailsOnce(nn.HeNormal):
        failed = False

        def __call__(self, shape, rng):
            weights = super().__call__(shape, rng)
            if not self.failed:
                self.failed = True
                raise KeyboardInterrupt
            return weights

    model = nn.Model([nn.Dense(5), nn.ReLU(), nn.Dense(4, FailsOnce()), nn.Softmax()], seed=0)
    with pytest.raises(KeyboardInterrupt):
        model.forward(X)
    twin = nn.Model([nn.Dense(5), nn.ReLU(), nn.Dense(4, nn.HeNormal()), nn.Softmax()], seed=0)
    np.testing.assert_array_equal(model.forward(X), twin.forward(X))
