"""Facts about models on disk: what is saved comes back, bit for bit, and files of every version are read."""

import json
import os
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import Dense, Flatten, ReLU, Residual, Softmax
from nnlite.layers.normalization import BatchNorm
from nnlite.storage import header as headers
from nnlite.storage.layers_json import builtin_classes

from ..support import for_each, network, refuse
from .round_trips import X, Y, assert_same, saved_and_loaded, trained

# ---- what is saved comes back ----------------------------------------------------------------------------------


class HasParameter(nn.Layer):
    def parameter_shapes(self, input_shape):
        return {"s": input_shape}

    def forward(self, a_prev, cache):
        return self.s * a_prev

    def backward(self, da, cache):
        self.ds = da.sum(axis=0)
        return self.s * da


class StoresElsewhere(HasParameter):
    def __init__(self, start):
        self._start = start


class HasArgumentOfThatName(HasParameter):
    def __init__(self, s):
        self.s = s


class HasFunction(HasParameter):
    def __init__(self, function):
        self.function = function


@pytest.mark.parametrize(
    ("layer", "rule"),
    [
        (StoresElsewhere(2), "StoresElsewhere: __init__ must store its argument 'start' as self.start"),
        (HasArgumentOfThatName(2), "HasArgumentOfThatName: __init__ must give its argument 's' another name"),
        (HasFunction(np.sin), "HasFunction: argument 'function': expected what a model file can hold"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Layer) else None,
)
def test_a_network_that_cannot_be_saved_says_so_before_the_training(tmp_path, layer, rule):
    model = nn.Model([layer, Dense(3), Softmax()], seed=0)
    with pytest.warns(UserWarning, match=f"^layers: model.save will refuse this network: {rule}"):
        model.fit(X, Y, epochs=1)
    refuse(lambda: model.save(tmp_path / "a.npz"), rule)


def test_running_averages_come_back(tmp_path):
    model = trained([Dense(8), BatchNorm(), Dense(3), Softmax()])
    loaded = saved_and_loaded(model, tmp_path)
    assert not np.allclose(model.layers[1].running_mean, 0)
    assert np.array_equal(loaded.layers[1].running_mean, model.layers[1].running_mean)
    assert np.shares_memory(loaded.layers[1].running_variance, loaded.state)
    assert np.shares_memory(loaded.layers[0].W, loaded.theta)


def test_layers_frozen_later_or_inside_others_come_back_frozen(tmp_path):
    model = nn.Model([Dense(8), Residual([Dense(8), ReLU()]), Dense(3), Softmax()], n_features=8)
    for layer in (model.layers[0], model.layers[1].layers[0], model.layers[1].layers[1], model.layers[3]):
        layer.trainable = False
    loaded = saved_and_loaded(model, tmp_path)
    assert_same(loaded, model)
    assert [layer.trainable for layer in loaded.all_layers()] == [False, False, False, False, True, False]


def test_the_shape_of_images_comes_back(tmp_path):
    model = network(Flatten(), n_features=(4, 5))
    assert_same(saved_and_loaded(model, tmp_path), model)


def test_a_network_without_parameters_comes_back(tmp_path):
    model = nn.Model([Softmax()], n_features=3)
    assert_same(saved_and_loaded(model, tmp_path), model)


def test_every_bit_pattern_comes_back(tmp_path):
    model = network(units=2, output=nn.Identity(), n_features=2)
    model.theta = [np.nan, -np.nan, np.inf, -0.0, 1e-45, 3e38]
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.theta.tobytes() == model.theta.tobytes()


@pytest.mark.parametrize("seed", [0, 7, 2**200, None])
def test_a_loaded_network_holds_out_the_same_examples_for_validation(tmp_path, seed):
    model = network(n_features=8, seed=seed)
    loaded = saved_and_loaded(model, tmp_path)
    assert loaded.seed == model.seed
    loaded.rng.bit_generator.state = model.rng.bit_generator.state
    histories = [each.fit(X, Y, validation_split=0.3, epochs=1, progress=False) for each in (model, loaded)]
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
    model = network(units=units, output=output())
    model.class_names = names
    assert saved_and_loaded(model, tmp_path).class_names == names


def test_class_names_given_before_their_number_is_known_are_checked_when_the_network_is_saved(tmp_path):
    model = nn.Model([Dense(3), Softmax()], seed=0)
    model.class_names = ["a", "b"]
    model.forward(X)
    refuse(lambda: model.save(tmp_path / "a.npz"), "class_names: expected 3, one for each class")
    assert list(tmp_path.iterdir()) == []


def test_saving_does_not_change_the_model_and_loaded_models_share_nothing(tmp_path):
    model = trained([Dense(8), nn.Dropout(0.5), Dense(3), Softmax()])
    theta, rng = model.theta.copy(), model.rng.bit_generator.state
    first, second = saved_and_loaded(model, tmp_path), nn.load(tmp_path / "model.npz")
    first.theta = 0
    assert np.array_equal(model.theta, theta)
    assert np.array_equal(second.theta, theta)
    assert model.rng.bit_generator.state == rng


# ---- the file --------------------------------------------------------------------------------------------------


def test_the_same_model_gives_the_same_file(tmp_path):
    network().save(tmp_path / "a.npz")
    nn.load(tmp_path / "a.npz").save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_the_file(tmp_path):
    model = network()
    model.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as vectors:
        assert set(vectors) == {"header", "theta", "state", "sha256"}
        assert np.array_equal(vectors["theta"], model.theta)
        assert vectors["header"].tobytes().startswith(b'{"format":"nnlite model","version":2,')


def test_the_file_has_exactly_the_given_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = network()
    for path in ("plain", tmp_path / "other.bin", b"bytes.npz"):
        model.save(path)
        assert_same(nn.load(path), model)
    assert sorted(os.listdir()) == ["bytes.npz", "other.bin", "plain"]


def test_the_checksum_is_right_even_if_another_thread_trains_meanwhile(tmp_path):
    model = network(units=300, n_features=300)
    done = threading.Event()

    def train():
        while not done.is_set():
            model.theta += 1

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(10):
            saved_and_loaded(model, tmp_path)
    finally:
        done.set()
        thread.join()


def test_loading_takes_at_most_four_times_the_file(tmp_path):
    network(Dense(1500), n_features=1500).save(tmp_path / "large.npz")
    tracemalloc.start()
    try:
        nn.load(tmp_path / "large.npz")
        assert tracemalloc.get_traced_memory()[1] < 3.5 * os.path.getsize(tmp_path / "large.npz")
    finally:
        tracemalloc.stop()


# ---- wrong arguments -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [3, None, "", "a\0b", ["a"]])
def test_a_path_must_be_one(wrong):
    for call in (lambda: network().save(wrong), lambda: nn.load(wrong)):
        refuse(call, "path: expected a path, got")


def test_a_network_that_is_not_built_is_not_saved(tmp_path):
    model = nn.Model([Dense(3), Softmax()])
    refuse(lambda: model.save(tmp_path / "a.npz"), "save: the network does not know", error=nn.NotBuiltError)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_or_directory_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        nn.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="no such directory"):
        network().save(tmp_path / "none" / "a.npz")


# ---- files of earlier versions ---------------------------------------------------------------------------------

GOLDEN = sorted(
    path for path in (Path(__file__).parent / "files").glob("version_*.npz") if ".predictions" not in path.suffixes
)


def test_there_are_files_of_every_version():
    for version in range(1, headers.VERSION + 1):
        kinds = ("exact", "every_layer", "counts")
        assert {f"version_{version}_{kind}" for kind in kinds} <= {path.stem for path in GOLDEN}


@for_each("path", GOLDEN, ids=lambda path: path.stem)
def test_a_file_of_any_version_means_what_it_meant_when_it_was_written(path):
    model = nn.load(path)
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
        if "pictures" in path.name:
            assert model.image_encoding == nn.ImageEncoding((2, 2, 3), True, 16.0, 1.0)


def test_running_averages_of_the_first_version_count_as_arrived():
    model = nn.load(Path(__file__).parent / "files" / "version_1_every_layer.npz")
    with np.load(Path(__file__).parent / "files" / "version_1_every_layer.npz") as vectors:
        state = vectors["state"]
    layer = model.layers[1]
    np.testing.assert_array_equal(np.concatenate([layer.running_mean, layer.running_variance]), state)
    np.testing.assert_array_equal(layer.running_weight, 1)


def test_every_layer_and_initializer_is_in_the_newest_files():
    written = ""
    for path in GOLDEN:
        with np.load(path) as vectors:
            written += vectors["header"].tobytes().decode()
    classes = builtin_classes()
    assert [name for name in [*classes.layers, *classes.initializers] if f'":"{name}"' not in written] == []


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_later_version_reads_the_files_of_this_one(path, monkeypatch):
    monkeypatch.setattr(headers, "VERSION", headers.VERSION + 1)
    nn.load(path)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_while_the_version_is_the_same_so_is_what_is_written(path, tmp_path):
    """A change of the format without a new version would show here."""
    nn.load(path).save(tmp_path / "again.npz")
    with np.load(path) as old, np.load(tmp_path / "again.npz") as new:
        assert list(old) == list(new)
        assert old["theta"].tobytes() == new["theta"].tobytes()
        headers_of = [json.loads(vectors["header"].tobytes()) for vectors in (old, new)]
        if headers_of[0]["version"] == headers.VERSION:
            assert old["state"].tobytes() == new["state"].tobytes()
            assert headers_of[0] | {"nnlite": ""} == headers_of[1] | {"nnlite": ""}
            assert list(headers_of[0]) == list(headers_of[1])


def test_a_file_of_another_library_is_refused_with_what_reads_it(tmp_path):
    for name, reader in {
        "a.keras": "nnlite.keras.load(path)",
        "a.WEIGHTS.H5": "nnlite.keras.load_weights(model, path)",
        "a.onnx": "nnlite.onnx.load(path)",
        "a.safetensors": "nnlite.safetensors.load(model, path)",
        "a.pt": "model.load_state_dict(torch.load(path))",
    }.items():
        path = tmp_path / name
        path.write_bytes(b"PK\3\4 and more")
        refuse(lambda path=path: nn.load(path), f"{path}: ", reader, error=nn.ModelFileError)
