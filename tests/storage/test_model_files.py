"""Facts about models on disk: what is saved comes back, bit for bit, and no old file is lost."""

import errno
import inspect
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import layers
from nnlite.errors import ArgumentError, ModelFileError, NotBuiltError
from nnlite.layers import Dense, Flatten, Layer, Output, ReLU, Residual, Softmax
from nnlite.layers.normalization import BatchNorm
from nnlite.storage import atomic
from nnlite.storage import layers_json as architecture
from nnlite.storage import model_files as files
from nnlite.storage.model_files import load, save

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
    assert loaded._predict_rows(inputs, "predict").tobytes() == model._predict_rows(inputs, "predict").tobytes()


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


@pytest.mark.parametrize(
    ("output", "units", "names"),
    [
        (Softmax, 3, ("setosa", "日本", "\ud800")),
        (nn.Sigmoid, 1, ("no", "yes")),
        (nn.Sigmoid, 3, ("red", "large", "")),
        (Softmax, 3, None),
        (nn.Identity, 3, None),
    ],
)
def test_class_names_come_back(tmp_path, output, units, names):
    model = nn.Model([Dense(units), output()], n_features=2)
    model.class_names = names
    assert saved_and_loaded(model, tmp_path).class_names == names
    if names:
        for same in (list(names), np.array(names)):
            model.class_names = same
            assert saved_and_loaded(model, tmp_path).class_names == names


@pytest.mark.parametrize(
    ("output", "names", "said"),
    [
        (Softmax, "abc", "expected a list of strings, one for each class, got 'abc'"),
        (Softmax, 3, "expected a list of strings"),
        (Softmax, [], "expected a list of strings"),
        (Softmax, {"a", "b", "c"}, "expected a list of strings"),
        (Softmax, ["a", "b", 3], "expected strings, got 3 of type int"),
        (Softmax, ["a", "b", "a"], "'a' is there twice; expected a name for each class"),
        (Softmax, ["a", "b"], "expected 3, one for each class of the network, got 2"),
        (nn.Identity, ["a", "b", "c"], r"Identity\(\) does not choose between classes"),
    ],
)
def test_class_names_that_do_not_fit_are_not_saved(tmp_path, output, names, said):
    model = nn.Model([Dense(3), output()], n_features=2)

    def set_and_save():
        model.class_names = names
        save(model, tmp_path / "a.npz")

    with pytest.raises(ArgumentError, match=f"class_names: {said}"):
        set_and_save()
    assert list(tmp_path.iterdir()) == []


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
        return a_prev * self.g

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
    """Counts every call that goes to the disk (write, fsync, rename, permissions); at the n-th, the disk is full."""

    def __init__(self, monkeypatch, full_at=None, *, stays_full=True):
        self.calls, self.full_at, self.stays_full = [], full_at, stays_full
        for name in ("fsync", "replace", "chmod"):
            monkeypatch.setattr(os, name, self.counting(name, UNPATCHED[name]))
        monkeypatch.setattr(atomic, "open", self.open, raising=False)

    def counting(self, name, call):
        def counted(*arguments):
            self.calls.append(name)
            place = len(self.calls) - 1
            if self.full_at is not None and (place == self.full_at or (self.stays_full and place > self.full_at)):
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*arguments)

        return counted

    def open(self, path, mode):
        raw = io.FileIO(path, mode.replace("b", ""))

        class Raw(io.RawIOBase):
            write = staticmethod(self.counting("write", raw.write))
            seek, tell, fileno = raw.seek, raw.tell, raw.fileno

            def writable(self):
                return True

            def seekable(self):
                return True

            def close(self):
                super().close()
                raw.close()

        return io.BufferedWriter(Raw(), buffer_size=64)  # so small that nearly every write goes to the disk


UNPATCHED = {name: getattr(os, name) for name in ("fsync", "replace", "chmod")}


@pytest.mark.parametrize("stays_full", [True, False])
def test_a_disk_that_is_full_at_any_call_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, stays_full):
    old = nn.Model([Dense(3), Softmax()], n_features=2, seed=0)
    new = nn.Model([Dense(4), Softmax()], n_features=2, seed=1)
    path = tmp_path / "a.npz"
    save(old, path)
    content = path.read_bytes()
    disk = FullDisk(monkeypatch)
    save(old, path)
    calls = disk.calls
    assert calls.count("write") > 10
    assert calls[-4:] == ["fsync", "chmod", "replace", "fsync"]  # of the file, and of the directory at the end
    for place, call in enumerate(calls):
        path.write_bytes(content)
        FullDisk(monkeypatch, place, stays_full=stays_full)
        if place == len(calls) - 1 or (call == "chmod" and not stays_full):  # the file is there already, or will be
            save(new, path)
            assert_same(load(path), new)
        else:
            with pytest.raises(OSError, match="No space left"):
                save(new, path)
            assert path.read_bytes() == content
        assert os.listdir(tmp_path) == ["a.npz"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 kB, where there is one to be had."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("no small disk can be mounted here (it takes root)")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_really_full_leaves_the_old_file_and_no_other(small_disk):
    old = nn.Model([Dense(3), Softmax()], n_features=2, seed=0)
    path = small_disk / "a.npz"
    save(old, path)
    content = path.read_bytes()
    for units in (10_000, 100_000):
        with pytest.raises(OSError, match="No space left"):
            save(nn.Model([Dense(units), Softmax()], n_features=2), path)
        assert path.read_bytes() == content
        assert os.listdir(small_disk) == ["a.npz"]
    save(old, path)
    assert_same(load(path), old)


def save_for_ever(path):
    """Write one model after the other; in each all parameters are the same number."""
    model = nn.Model([Dense(200), Softmax()], n_features=200)
    for i in itertools.count(1):
        model.theta = i
        save(model, path)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system knows no fork")
@pytest.mark.parametrize("n_kills", [25, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_save_that_is_killed_at_any_moment_leaves_the_old_file_or_the_new_one(tmp_path, n_kills):
    path, rng = tmp_path / "a.npz", np.random.default_rng(0)
    model = nn.Model([Dense(200), Softmax()], n_features=200)
    model.theta = 0
    save(model, path)
    found, unfinished = set(), 0
    for _ in range(n_kills):
        child = forked(lambda: save_for_ever(path))
        time.sleep(rng.uniform(0.005, 0.03))
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        theta = load(path).theta
        assert (theta == theta[0]).all()
        found.add(float(theta[0]))
        for name in set(os.listdir(tmp_path)) - {"a.npz"}:
            assert name.startswith(".unfinished-")
            unfinished += 1
            (tmp_path / name).unlink()
    assert len(found) > 1
    assert unfinished > 0  # so some were killed in the middle of it


def forked(work):
    """The number of a child process that does this, and nothing else."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking while there are threads
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child


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


# --- files of years ago -----------------------------------------------------------------------------------------

GOLDEN = sorted(
    path for path in (Path(__file__).parent / "files").glob("version_*.npz") if ".predictions" not in path.suffixes
)


def test_there_are_files_of_every_version():
    for version in range(1, files.VERSION + 1):
        assert {f"version_{version}_{kind}" for kind in ("exact", "every_layer")} <= {path.stem for path in GOLDEN}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_file_of_any_version_means_what_it_meant_when_it_was_written(path):
    model = load(path)
    with np.load(path.with_suffix(".predictions.npz")) as recorded:
        assert model.theta.tobytes() == recorded["theta"].tobytes()
        Y_hat = model.forward(recorded["X"], training=False)
        assert Y_hat.dtype == recorded["Y_hat"].dtype
        if "exact" in path.name:
            assert Y_hat.tobytes() == recorded["Y_hat"].tobytes()
            assert not model.layers[1].trainable
            assert model.layers[1].initializer == nn.Constant(0.5)
        np.testing.assert_allclose(Y_hat, recorded["Y_hat"], rtol=1e-12)  # sums may be made in another order
        if "every_layer" in path.name:
            assert model.class_names == ("setosa", "日本", "c")
            assert model.seed == 2**70


def test_every_layer_and_initializer_of_today_is_in_the_newest_files():
    headers = ""
    for path in GOLDEN:
        with np.load(path) as vectors:
            headers += vectors["header"].tobytes().decode()
    known = architecture.own_classes()
    assert [name for name in [*known.layers, *known.initializers] if f'":"{name}"' not in headers] == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_later_version_reads_the_files_of_this_one(path, monkeypatch):
    monkeypatch.setattr(files, "VERSION", files.VERSION + 1)
    load(path)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_while_the_version_is_the_same_so_is_what_is_written(path, tmp_path):
    """A change of the format without a new version would show here."""
    save(load(path), tmp_path / "again.npz")
    with np.load(path) as old, np.load(tmp_path / "again.npz") as new:
        assert set(old) == set(new)
        for name in ("theta", "state"):
            assert old[name].tobytes() == new[name].tobytes()
        headers = [json.loads(vectors["header"].tobytes()) for vectors in (old, new)]
        if headers[0]["version"] == files.VERSION:
            assert headers[0] | {"nnlite": ""} == headers[1] | {"nnlite": ""}
