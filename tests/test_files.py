"""Facts about models on disk: what is saved comes back, bit for bit, and no old file is lost."""

import inspect
import os
import re
import threading

import numpy as np
import pytest

import nnlite as nn
from nnlite import architecture, atomic, files, layers
from nnlite.errors import ArgumentError, ModelFileError, NotBuiltError
from nnlite.files import load, save
from nnlite.layers import Dense, Flatten, Layer, Output, ReLU, Residual, Softmax
from nnlite.layers.normalization import BatchNorm

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 8))
Y = RNG.integers(0, 3, 40)

# of the layers that cannot be made without arguments
REQUIRED = {
    "Dense": {"units": 5},
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
    """A value that is not the default but, for the layers there are, as good."""
    if isinstance(default, bool):
        return not default
    return default / 2 + 0.03 if isinstance(default, float) else default


def make(name, *, defaults):
    cls = getattr(layers, name)
    optional = {} if defaults else {
        p.name: other_value(p.default)
        for p in inspect.signature(cls).parameters.values()
        if p.default is not inspect.Parameter.empty
    }  # fmt: skip
    required = {key: _fresh(value) for key, value in REQUIRED.get(name, {}).items()}
    return cls(**optional, **required)


def _fresh(value):
    return [type(layer)(**layer.hyperparameters()) for layer in value] if isinstance(value, list) else value


def trained(network, dtype="float32", **options):
    model = nn.Model(network, n_features=8, seed=3, dtype=dtype)
    model.fit(X, Y, epochs=1, progress=False, **options)
    return model


def saved_and_loaded(model, tmp_path, *own):
    save(model, tmp_path / "model.npz")
    return load(tmp_path / "model.npz", layers=own)


def assert_same(loaded, model):
    assert repr(loaded) == repr(model)
    assert loaded.dtype == model.dtype
    assert loaded.input_shape == model.input_shape
    assert loaded.theta.tobytes() == model.theta.tobytes()
    assert loaded.state.tobytes() == model.state.tobytes()
    assert [layer.trainable for layer in loaded.all_layers()] == [layer.trainable for layer in model.all_layers()]
    inputs = np.random.default_rng(1).standard_normal((50, *model.input_shape))
    assert loaded._predict_rows(inputs).tobytes() == model._predict_rows(inputs).tobytes()


# --- what is saved comes back ---------------------------------------------------------------------------------


@pytest.mark.parametrize("defaults", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CLASSES)
def test_every_layer_comes_back_and_goes_on_learning_the_same(tmp_path, name, dtype, defaults):
    model = trained([Dense(8), make(name, defaults=defaults), Flatten(), Dense(3), Softmax()], dtype)
    loaded = saved_and_loaded(model, tmp_path)
    assert_same(loaded, model)
    loaded.rng.bit_generator.state = model.rng.bit_generator.state
    for network in (model, loaded):
        network.fit(X, Y, epochs=2, progress=False, optimizer=nn.SGD(0.05))
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
    inner = Residual([Dense(8, initializer=nn.GlorotUniform(0.3)), Residual([BatchNorm(momentum=0.3), ReLU()])])
    model = trained([Dense(8, initializer=nn.Zeros()), inner, Dense(3), Softmax()])
    loaded = saved_and_loaded(model, tmp_path)
    assert_same(loaded, model)
    assert loaded.layers[1].layers[0].initializer == nn.GlorotUniform(0.3)
    assert loaded.layers[1].layers[1].layers[0].momentum == 0.3


def test_running_averages_come_back(tmp_path):
    model = trained([Dense(8), BatchNorm(), Dense(3), Softmax()])
    loaded = saved_and_loaded(model, tmp_path)
    assert not np.allclose(model.layers[1].running_mean, 0)
    assert np.array_equal(loaded.layers[1].running_mean, model.layers[1].running_mean)
    assert np.shares_memory(loaded.layers[1].running_variance, loaded.state)
    assert np.shares_memory(loaded.layers[0].W, loaded.theta)


def test_a_layer_frozen_later_and_deep_inside_comes_back_frozen(tmp_path):
    model = nn.Model([Dense(8), Residual([Dense(8), ReLU()]), Dense(3), Softmax()], n_features=8)
    model.layers[0].trainable = False
    model.layers[1].layers[0].trainable = False
    model.layers[1].layers[1].trainable = False
    model.layers[3].trainable = False
    loaded = saved_and_loaded(model, tmp_path)
    assert_same(loaded, model)
    assert [layer.trainable for layer in loaded.all_layers()] == [False, False, False, False, True, False]


def test_images_come_back(tmp_path):
    model = nn.Model([Flatten(), Dense(3), Softmax()], n_features=(4, 5), seed=0)
    assert_same(saved_and_loaded(model, tmp_path), model)


def test_a_network_without_parameters_comes_back(tmp_path):
    model = nn.Model([Softmax()], n_features=3)
    assert_same(saved_and_loaded(model, tmp_path), model)


def test_every_bit_pattern_comes_back(tmp_path):
    model = nn.Model([Dense(2), nn.Identity()], n_features=2)
    model.theta = [np.nan, -np.nan, np.inf, -0.0, 1e-45, 3e38]
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.theta.tobytes() == model.theta.tobytes()


def test_floats_among_the_arguments_come_back_exactly(tmp_path):
    for epsilon in (0.1, 1 / 3, 5e-324, np.nextafter(1.0, 2.0), np.float32(0.1)):
        model = nn.Model([Dense(2), BatchNorm(epsilon=epsilon), nn.Identity()], n_features=2)
        assert saved_and_loaded(model, tmp_path).layers[1].epsilon == float(epsilon)


@pytest.mark.parametrize("seed", [0, 7, 2**200, None])
def test_the_same_examples_are_held_out_before_and_after(tmp_path, seed):
    model = nn.Model([Dense(3), Softmax()], n_features=8, seed=seed)
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.seed == model.seed
    assert loaded._entropy == model._entropy
    loaded.rng.bit_generator.state = model.rng.bit_generator.state
    histories = [network.fit(X, Y, validation_split=0.3, epochs=1, progress=False) for network in (model, loaded)]
    assert histories[0]["val_loss"] == histories[1]["val_loss"]


def test_class_names_come_back(tmp_path):
    model = nn.Model([Dense(3), Softmax()], n_features=2)
    model.class_names = ("setosa", "日本", "\ud800")
    assert saved_and_loaded(model, tmp_path).class_names == ("setosa", "日本", "\ud800")
    for wrong in ("abc", [1, 2, 3]):
        model.class_names = wrong
        with pytest.raises(ArgumentError, match="class_names: expected strings"):
            save(model, tmp_path / "other.npz")


def test_no_weights_are_drawn_when_a_model_is_loaded(tmp_path):
    model = nn.Model([Dense(3, initializer=Once()), Softmax()], n_features=2)
    save(model, tmp_path / "a.npz")
    Once.spent = True
    assert_same(load(tmp_path / "a.npz", layers=[Once]), model)


class Once(nn.Initializer):
    spent = False

    def __call__(self, shape, rng):
        assert not self.spent
        return rng.standard_normal(shape)


def test_saving_leaves_the_model_as_it_is_and_loaded_models_share_nothing(tmp_path):
    model = trained([Dense(8), nn.layers.Dropout(0.5), Dense(3), Softmax()])
    theta, rng = model.theta.copy(), model.rng.bit_generator.state
    first, second = saved_and_loaded(model, tmp_path), load(tmp_path / "model.npz")
    first.theta = 0
    assert np.array_equal(model.theta, theta)
    assert np.array_equal(second.theta, theta)
    assert model.rng.bit_generator.state == rng


def test_the_same_model_gives_the_same_file(tmp_path):
    model = nn.Model([Dense(3), Softmax()], n_features=2, seed=0)
    save(model, tmp_path / "a.npz")
    save(load(tmp_path / "a.npz"), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_the_file(tmp_path):
    model = nn.Model([Dense(3), Softmax()], n_features=2)
    save(model, tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as vectors:
        assert set(vectors) == {"header", "theta", "state", "sha256"}
        assert np.array_equal(vectors["theta"], model.theta)
        assert vectors["header"].tobytes().startswith(b'{"format":"nnlite model","version":1,')


def test_a_path_is_taken_as_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = nn.Model([Dense(3), Softmax()], n_features=2)
    for path in ("plain", tmp_path / "other.bin", b"bytes.npz"):
        save(model, path)
        assert_same(load(path), model)
    assert sorted(os.listdir()) == ["bytes.npz", "other.bin", "plain"]


def test_what_is_written_belongs_together_while_another_thread_trains(tmp_path):
    model = nn.Model([Dense(300), Softmax()], n_features=300)
    done = threading.Event()

    def train():
        while not done.is_set():
            model.theta += 1

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(10):
            saved_and_loaded(model, tmp_path)  # the checksum is right
    finally:
        done.set()
        thread.join()


# --- layers of one's own ----------------------------------------------------------------------------------------


class Scale(Layer):
    def __init__(self, start=1.0, names=(), nested=None):
        self.start, self.names, self.nested = start, names, nested

    def parameter_shapes(self, input_shape):
        return {"g": input_shape}

    def initialize(self, rng, initializer):
        self.g[...] = self.start
        self.prepared = True

    def forward(self, a_prev, cache):
        assert self.prepared
        cache.a_prev = a_prev
        return np.multiply(a_prev, self.g, out=cache.array("a", a_prev.shape))

    def backward(self, da, cache):
        self.dg = (da * cache.a_prev).sum(axis=0)
        return da * self.g


def test_a_layer_of_ones_own_comes_back_when_its_class_is_given(tmp_path):
    nested = [None, True, "text", 3, (1.5, ["x", ()]), nn.HeNormal()]
    model = trained([Dense(4), Scale(0.5, ("a", "b"), nested), Dense(3), Softmax()])
    loaded = saved_and_loaded(model, tmp_path, Scale)
    assert_same(loaded, model)
    assert loaded.layers[1].nested == nested
    assert loaded.layers[1].names == ("a", "b")


def test_without_its_class_the_message_says_how_to_give_it(tmp_path):
    save(nn.Model([Scale(), Softmax()], n_features=2), tmp_path / "a.npz")
    expected = f"{tmp_path / 'a.npz'}: needs the layer 'Scale', which is none of nnlite's; "
    with pytest.raises(ModelFileError, match=re.escape(expected + "if the class is yours, load(path, layers=[Scale])")):
        load(tmp_path / "a.npz")


class Block(Layer):
    """Makes the layers inside it by itself."""

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


def test_what_is_frozen_inside_a_layer_of_ones_own_stays_frozen(tmp_path):
    model = nn.Model([Block(4), Softmax()], n_features=2)
    model.layers[0].inner_layers[1].trainable = False
    assert_same(saved_and_loaded(model, tmp_path, Block), model)


class Stores(Layer):
    def __init__(self, value):
        self.value = value

    def forward(self, a_prev, cache):
        return a_prev


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 1j, b"bytes", {"a": 1}, {1, 2}, np.ones(3), print, object(), Dense, 2**5000,
     [1, [2, [object()]]], np.datetime64("2020-01-01")],
    ids=repr,
)  # fmt: skip
def test_an_argument_that_a_file_cannot_hold_is_named_and_nothing_is_written(tmp_path, value):
    model = nn.Model([Stores(value), Softmax()], n_features=2)
    with pytest.raises(ArgumentError, match="Stores: argument 'value': expected what a model file can hold"):
        save(model, tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_an_argument_that_is_nested_without_end_is_refused(tmp_path):
    endless = []
    endless.append(endless)
    model = nn.Model([Stores(endless), Softmax()], n_features=2)
    with pytest.raises(ArgumentError, match="Stores: argument 'value': is nested more than"):
        save(model, tmp_path / "a.npz")


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
        (DoesNotStore(1), "DoesNotStore: __init__ must store its argument 'other' under that name"),
        (Stores("x" * 2**21), "the header is larger than"),
        (Stores([0] * 70_000), "the header has more than"),
        (Residual([Stores(1) for _ in range(20)]), "there are more than 20"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Layer) else None,
)
def test_what_could_not_be_loaded_again_is_not_saved(tmp_path, monkeypatch, layer, expected):
    monkeypatch.setattr(architecture, "MOST_LAYERS", 20)
    model = nn.Model([layer, Softmax()], n_features=2)
    with pytest.raises(ArgumentError, match=expected):
        save(model, tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_is_called_like_one_of_nnlites_is_refused(tmp_path):
    own_dense = type("Dense", (Stores,), {})
    with pytest.raises(ArgumentError, match="two classes are called Dense"):
        load(tmp_path / "none.npz", layers=[own_dense])
    with pytest.raises(ArgumentError, match="two classes are called Dense"):
        save(nn.Model([own_dense(1), Softmax()], n_features=2), tmp_path / "a.npz")
    with pytest.raises(ArgumentError, match="two classes are called Stores"):
        load(tmp_path / "none.npz", layers=[Stores, type("Stores", (Layer,), {})])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wrong", [Stores, "Stores", 3, None, [Stores(1)], ["Stores"], [int], {"Stores": Stores}])
def test_layers_must_be_a_list_of_classes(tmp_path, wrong):
    with pytest.raises(ArgumentError, match=r"layers: expected"):
        load(tmp_path / "none.npz", layers=wrong)


def test_a_class_may_be_given_twice_or_be_nnlites_own(tmp_path):
    model = nn.Model([Stores(1), Softmax()], n_features=2)
    assert_same(saved_and_loaded(model, tmp_path, Stores, Stores, Softmax), model)


@pytest.mark.parametrize("wrong", [3, None, "", "a\0b", ["a"]])
def test_a_path_must_be_one(wrong):
    model = nn.Model([Dense(3), Softmax()], n_features=2)
    for call in (lambda: save(model, wrong), lambda: load(wrong)):
        with pytest.raises(ArgumentError, match="path: expected a path, got"):
            call()


def test_an_unbuilt_network_is_not_saved(tmp_path):
    with pytest.raises(NotBuiltError, match="save"):
        save(nn.Model([Dense(3), Softmax()]), tmp_path / "a.npz")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_or_directory_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="no such directory"):
        save(nn.Model([Dense(3), Softmax()], n_features=2), tmp_path / "none" / "a.npz")


# --- no old file is lost ----------------------------------------------------------------------------------------


class FullDisk:
    """A file that fails at the n-th call."""

    def __init__(self, file, calls):
        self.file, self.left = file, calls

    def __getattr__(self, name):
        method = getattr(self.file, name)
        if name not in {"write", "flush", "seek"}:
            return method

        def call(*arguments):
            if self.left == 0:
                raise OSError(28, "No space left on device")
            self.left -= 1
            return method(*arguments)

        return call

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.file.close()


def test_a_write_that_fails_at_any_call_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    old = nn.Model([Dense(3), Softmax()], n_features=2, seed=0)
    new = nn.Model([Dense(4), Softmax()], n_features=2, seed=1)
    save(old, tmp_path / "a.npz")
    content = (tmp_path / "a.npz").read_bytes()
    calls = count_calls(monkeypatch, lambda: save(old, tmp_path / "a.npz"))
    assert calls > 10
    for i in range(calls):
        fail_at(i, monkeypatch)
        with pytest.raises(OSError, match="No space left"):
            save(new, tmp_path / "a.npz")
        assert (tmp_path / "a.npz").read_bytes() == content
        assert os.listdir(tmp_path) == ["a.npz"]
    fail_at(calls, monkeypatch)
    save(new, tmp_path / "a.npz")
    assert_same(load(tmp_path / "a.npz"), new)


def fail_at(call, monkeypatch):
    """Let the file that is written next fail at that call; return it once it is opened."""
    opened = []

    def open_failing(*arguments):
        opened.append(FullDisk(open(*arguments), call))  # noqa: SIM115
        return opened[0]

    monkeypatch.setattr(atomic, "open", open_failing, raising=False)
    return opened


def count_calls(monkeypatch, write):
    """How many calls it takes."""
    opened = fail_at(10_000, monkeypatch)
    write()
    return 10_000 - opened[0].left


@pytest.mark.parametrize("what", ["fsync", "replace"])
def test_an_interrupted_save_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, what):
    save(nn.Model([Dense(3), Softmax()], n_features=2), tmp_path / "a.npz")
    content = (tmp_path / "a.npz").read_bytes()

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, what, interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(nn.Model([Dense(4), Softmax()], n_features=2), tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == content
    assert os.listdir(tmp_path) == ["a.npz"]


def test_the_version_of_the_format_is_the_first():
    assert files.VERSION == 1
