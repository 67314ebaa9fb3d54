"""Facts about layers as plain values: every layer and argument comes back from a file, or saving it is refused."""

import builtins
import inspect
import json

import numpy as np
import pytest

import nnlite as nn
from nnlite import layers
from nnlite.layers import Dense, Flatten, Layer, Output, ReLU, Residual, Softmax
from nnlite.layers.normalization import BatchNorm

from ..support import NEVER_SAVED, network, refuse
from . import forging
from .round_trips import X, Y, assert_same, saved_and_loaded, trained

pytestmark = NEVER_SAVED

# arguments of the layers that need some
REQUIRED = {
    "Conv1D": {"filters": 4, "kernel_size": 2, "strides": 2, "padding": "same", "groups": 2},
    "Conv2D": {"filters": 4, "kernel_size": (2, 1), "dilation": (1, 2), "padding": "same"},
    "Dense": {"units": 5},
    "Dropout1D": {"rate": 0.25},
    "Dropout2D": {"rate": 0.25},
    "MaxPool2D": {"pool_size": (1, 2), "strides": (2, 1), "padding": "same"},
    "ZeroPadding1D": {"padding": (2, 0)},
    "ZeroPadding2D": {"padding": ((1, 0), (0, 2))},
    "Dropout": {"rate": 0.25},
    "AlphaDropout": {"rate": 0.25},
    "GaussianNoise": {"stddev": 0.1},
    "Reshape": {"target_shape": (2, -1)},
    "Residual": {"layers": [BatchNorm(), Dense(8), ReLU()]},
}
CLASSES = sorted(
    name
    for name, cls in vars(layers).items()
    if isinstance(cls, type) and issubclass(cls, Layer) and cls.forward is not Layer.forward
)


def other_value(default):
    """Another value than the default, which every layer accepts."""
    if isinstance(default, bool):
        return not default
    return default / 2 + 0.03 if isinstance(default, float) else default


def make(name, *, defaults):
    """A layer of the class ``name``, with the default arguments or with others."""
    cls = getattr(layers, name)
    optional = {} if defaults else {
        p.name: other_value(p.default)
        for p in inspect.signature(cls).parameters.values()
        if p.default is not inspect.Parameter.empty and p.name not in REQUIRED.get(name, {})
    }  # fmt: skip
    required = {key: _fresh(value) for key, value in REQUIRED.get(name, {}).items()}
    return cls(**optional, **required)


def _fresh(value):
    return [type(layer)(**layer.hyperparameters()) for layer in value] if isinstance(value, list) else value


# ---- what is saved comes back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("defaults", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CLASSES)
def test_every_layer_comes_back_and_learns_the_same_from_then_on(tmp_path, name, dtype, defaults):
    shape = {"1D": (4, 2), "2D": (2, 2, 2)}.get(name[-2:], (8,))
    layers_in_between = [nn.Reshape(shape), make(name, defaults=defaults), Flatten()]
    model = trained([Dense(8), *layers_in_between, Dense(3), Softmax()], dtype)
    loaded = saved_and_loaded(model, tmp_path)
    assert_same(loaded, model)
    loaded.rng.bit_generator.state = model.rng.bit_generator.state
    for each in (model, loaded):
        each.fit(X, Y, epochs=2, progress=False, optimizer=nn.SGD(0.05))
    assert_same(loaded, model)


@pytest.mark.parametrize("name", [name for name in CLASSES if issubclass(getattr(layers, name), Output)])
def test_every_output_comes_back(tmp_path, name):
    for defaults in (True, False):
        model = nn.Model([Dense(4), ReLU(), Dense(3), make(name, defaults=defaults)], n_features=8, seed=0)
        assert_same(saved_and_loaded(model, tmp_path), model)


def test_all_layers_are_among_those_tested():
    assert {"Dense", "ReLU", "Softmax", "Identity"} <= set(CLASSES)
    assert not {"Layer", "Activation", "Output"} & set(CLASSES)


def test_layers_inside_layers_come_back(tmp_path):
    inner = Residual(
        [Dense(8, initializer=nn.GlorotUniform(0.3)), Residual([BatchNorm(momentum=0.3), ReLU()])],
        shortcut=[Dense(8), BatchNorm()],
    )
    model = trained([Dense(8, initializer=nn.Zeros()), inner, Dense(3), Softmax()])
    loaded = saved_and_loaded(model, tmp_path)
    assert_same(loaded, model)
    assert loaded.layers[1].layers[0].initializer == nn.GlorotUniform(0.3)
    assert loaded.layers[1].layers[1].layers[0].momentum == 0.3


def test_floats_among_the_arguments_come_back_exactly(tmp_path):
    for epsilon in (0.1, 1 / 3, 5e-324, np.nextafter(1.0, 2.0), np.float32(0.1)):
        model = network(BatchNorm(epsilon=epsilon))
        assert saved_and_loaded(model, tmp_path).layers[0].epsilon == float(epsilon)


# ---- your own layers -------------------------------------------------------------------------------------------


class Scale(Layer):
    """A layer with parameters, ``a = g a_prev``, and arguments of many kinds."""

    def __init__(self, start=1.0, names=(), nested=None):
        self.start, self.names, self.nested = start, names, nested

    def parameter_shapes(self, input_shape):
        return {"g": input_shape}

    def initialize(self, rng, initializer):
        self.g[...] = self.start

    def forward(self, a_prev, cache):
        cache.a_prev = a_prev
        return a_prev * self.g

    def backward(self, da, cache):
        self.dg = (da * cache.a_prev).sum(axis=0)
        return da * self.g


def test_your_own_layer_comes_back_if_its_class_is_given(tmp_path):
    nested = [None, True, "text", 3, (1.5, ["x", ()]), nn.HeNormal()]
    model = trained([Dense(4), Scale(0.5, ("a", "b"), nested), Dense(3), Softmax()])
    loaded = saved_and_loaded(model, tmp_path, Scale)
    assert_same(loaded, model)
    assert loaded.layers[1].nested == nested
    assert loaded.layers[1].names == ("a", "b")


def test_without_its_class_the_message_says_how_to_give_it(tmp_path):
    path = tmp_path / "a.npz"
    network(Scale()).save(path)
    expected = f"{path}: needs the layer 'Scale', which nnlite does not have; "
    hint = "if the class is yours, load(path, layers=[Scale])"
    refuse(lambda: nn.load(path), expected + hint, error=nn.ModelFileError)


def test_an_unknown_layer_is_never_imported(monkeypatch):
    imported = []
    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: (imported.append(name), original(name, *rest))[1])
    for name in ("system", "Popen", "Model", "antigravity"):
        content = forging.forge(forging.HEADER | {"layers": [{"layer": name, "arguments": {}}]})
        forging.refuse(content, f"needs the layer {name!r}, which nnlite does not have")
        assert name not in imported


class Block(Layer):
    """A layer that makes its inner layers itself."""

    def __init__(self, units):
        self.units = units
        self.inner_layers = (Dense(units), Dense(units))

    def output_shape(self, input_shape):
        return (self.units,)

    def inner_input_shapes(self, input_shape):
        return [input_shape, (self.units,)]

    def forward(self, a_prev, cache):
        first, second = cache.inner(2)
        return self.inner_layers[1].forward(self.inner_layers[0].forward(a_prev, first), second)


def test_a_layer_frozen_inside_your_own_comes_back_frozen(tmp_path):
    model = nn.Model([Block(4), Softmax()], n_features=2)
    model.layers[0].inner_layers[1].trainable = False
    assert_same(saved_and_loaded(model, tmp_path, Block), model)


class Stores(Layer):
    """A layer with one argument, of any kind."""

    def __init__(self, value):
        self.value = value

    def forward(self, a_prev, cache):
        return a_prev


@pytest.mark.parametrize(
    ("value", "said"), [("1e999", "a number is not finite"), ("9" * 400, "an integer is too large")]
)
def test_numbers_that_are_never_written_are_refused(value, said):
    record = {"layer": "Stores", "arguments": {"value": "HERE"}}
    header = json.dumps(forging.HEADER | {"layers": [record, *forging.HEADER["layers"]]}).replace('"HERE"', value)
    content = forging.forge(header.encode())
    refuse(lambda: forging.load(content, layers=[Stores]), f"{forging.PATH}: layers: {said}", error=nn.ModelFileError)


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 1j, b"bytes", {"a": 1}, {1, 2}, np.ones(3), print, object(), Dense, 2**5000,
     [1, [2, [object()]]], np.datetime64("2020-01-01")],
    ids=lambda value: repr(value).partition(" at 0x")[0],  # an address is another in each process
)  # fmt: skip
def test_an_argument_that_a_file_cannot_hold_is_named_and_nothing_is_written(tmp_path, value):
    model = network(Stores(value))
    refuse(lambda: model.save(tmp_path / "a.npz"), "Stores: argument 'value': expected what a model file can hold")
    assert list(tmp_path.iterdir()) == []


def test_an_argument_nested_without_end_is_refused(tmp_path):
    endless = []
    endless.append(endless)
    model = network(Stores(endless))
    refuse(lambda: model.save(tmp_path / "a.npz"), "Stores: argument 'value': is nested more than")


class OnlyByPlace(Stores):
    def __init__(self, value, /):
        self.value = value


class StoresAnother(Stores):
    def __init__(self, value):
        self.value = value + 1


class DoesNotStore(Stores):
    def __init__(self, other):
        pass


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (OnlyByPlace(1), "OnlyByPlace cannot be made with these arguments"),
        (StoresAnother(1), "StoresAnother.__init__ must store its arguments as they are given"),
        (DoesNotStore(1), "DoesNotStore: __init__ must store its argument 'other' as self.other"),
        (Stores("x" * 2**21), "the header is larger than"),
        (Stores([0] * 70_000), "the header has more than"),
        (Stores([nn.Zeros()] * 4096), "there are more than 4096"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else None,
)
def test_what_could_not_be_loaded_again_is_not_saved(tmp_path, layer, expected):
    model = nn.Model([layer, Softmax()], n_features=2)
    refuse(lambda: model.save(tmp_path / "a.npz"), "", expected)
    assert list(tmp_path.iterdir()) == []


def test_two_classes_with_the_same_name_are_refused(tmp_path):
    dense, stores, path = type("Dense", (Stores,), {}), type("Stores", (Layer,), {}), tmp_path / "a.npz"
    refuse(lambda: nn.load(path, layers=[dense]), "layers: two classes are called Dense")
    refuse(lambda: network(dense(1)).save(path), "layers: two classes are called Dense")
    refuse(lambda: nn.load(path, layers=[Stores, stores]), "layers: two classes are called Stores")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [Stores, "Stores", 3, None, [Stores(1)], ["Stores"], [int], {"Stores": Stores}])
def test_layers_must_be_a_list_of_classes(wrong):
    refuse(lambda: nn.load(forging.PATH, layers=wrong), "layers: expected")


def test_a_class_may_be_given_twice_or_be_one_of_nnlites(tmp_path):
    model = network(Stores(1))
    assert_same(saved_and_loaded(model, tmp_path, Stores, Stores, Softmax), model)
