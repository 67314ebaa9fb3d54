"""Weights in safetensors files: PyTorch's, ours, and damaged ones."""

import builtins
import json
import os
import struct

import numpy as np
import pytest

import nnlite as nn
from tests.support import away_from_zero, network, refuse

library = pytest.importorskip("safetensors.numpy")


def make(seed=0, dtype="float32"):
    model = network(
        nn.Dense(5), nn.BatchNorm(), nn.ReLU(), nn.Residual([nn.Dense(5), nn.LayerNorm()]), seed=seed, dtype=dtype
    )
    model.layers[1].running_mean, model.layers[1].running_weight = 0.5, 1 - 0.9**3
    return away_from_zero(model, seed=seed)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_makes_the_network_again(path, dtype):
    model = make(dtype=dtype)
    model.class_names = ["a", "b", "ç"]
    nn.safetensors.save(model, path)
    again = nn.safetensors.load(path)
    assert (repr(again), again.dtype, again.class_names) == (repr(model), model.dtype, model.class_names)
    np.testing.assert_array_equal(again.theta, model.theta)
    np.testing.assert_allclose(again.state, model.state, rtol=1e-6)
    assert again.layers[0].W.flags.writeable


def test_a_network_that_knows_a_table_comes_back_with_it(path):
    table = nn.Table(
        {"size": [1, 2, 3, 4], "coat": ["x", "y", "x", "y"], "price": [1.5, 2.5, 3.0, 4.0]}, target="price"
    )
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    model.fit(table, epochs=2, progress=False)
    nn.safetensors.save(model, path)
    np.testing.assert_array_equal(nn.safetensors.load(path).predict(table), model.predict(table))


def test_a_file_fills_a_network_that_is_there(path):
    model, other = make(), make(seed=1)
    nn.safetensors.save(model, path)
    assert nn.safetensors.load(other, path) is other
    np.testing.assert_array_equal(other.theta, model.theta)
    third = make(seed=2)
    assert nn.safetensors.load(path, third) is third  # either order
    np.testing.assert_array_equal(third.theta, model.theta)


def test_the_library_reads_what_a_state_dict_has(path):
    model = make()
    nn.safetensors.save(model, path)
    read = library.load_file(path)
    assert read.keys() == model.state_dict().keys()
    for key, array in model.state_dict().items():
        np.testing.assert_array_equal(read[key], array)


def test_weights_of_pytorch(path):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file

    twin = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    save_file(twin.state_dict(), path)
    model = nn.Model([nn.Dense(5), nn.ReLU(), nn.Dense(3), nn.Identity()], n_features=4)
    nn.safetensors.load(model, path)
    X = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)
    with torch.no_grad():
        np.testing.assert_allclose(model.predict(X), twin(torch.from_numpy(X)).numpy(), atol=1e-6)
    refuse(
        lambda: nn.safetensors.load(path), str(path), "nnlite.safetensors.load(model, path)", error=nn.ModelFileError
    )
    nn.safetensors.save(model, path)
    twin.load_state_dict(load_file(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.pop("0.weight"), "missing '0.weight'"),
        (lambda state: state.update(extra=np.ones(2)), "unexpected 'extra'"),
        (lambda state: state.update({"0.bias": np.ones((5, 1))}), "'0.bias' must have the shape (5,), got (5, 1)"),
        (lambda state: state.update({"0.bias": np.full(5, np.inf)}), "finite"),
    ],
    ids=["missing", "unexpected", "shape", "infinite"],
)
def test_a_file_that_does_not_fit_changes_nothing(path, change, message):
    state = make(seed=1).state_dict()
    change(state)
    library.save_file(state, path)
    model = make()
    before = model.theta.copy()
    refuse(lambda: nn.safetensors.load(model, path), f"{path}: ", message, error=nn.ModelFileError)
    np.testing.assert_array_equal(model.theta, before)


def forged(header, body=b""):
    raw = json.dumps(header).encode() if isinstance(header, dict) else header
    return struct.pack("<Q", len(raw)) + raw + body


DAMAGED = {
    "empty": b"",
    "text": b"this is not a file of tensors, but a sentence",
    "short": struct.pack("<Q", 100) + b"{}",
    "long header": struct.pack("<Q", 2**60) + b"{}",
    "no JSON": forged(b"[[[[[[[["),
    "beyond the end": forged({"0.weight": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
    "other size": forged({"0.weight": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 8]}}, b"\0" * 8),
    "overflow": forged({"0.weight": {"dtype": "F32", "shape": [2**63, 2], "data_offsets": [0, 0]}}),
    "bfloat16": forged({"0.weight": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}, b"\0" * 4),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_refused(path, name):
    path.write_bytes(DAMAGED[name])
    for call in (lambda: nn.safetensors.load(path), lambda: nn.safetensors.load(make(), path)):
        refuse(call, f"{path}: ", error=nn.ModelFileError)


def test_a_description_that_claims_more_than_the_file_has_is_refused(path):
    model = make()
    nn.safetensors.save(model, path)
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    for before, after in (('{"units":5}', '{"units":5000000000}'), ('"Dense"', '"os.system"'), ("nnlite model", "x")):
        library.save_file(model.state_dict(), path, {"nnlite": metadata["nnlite"].replace(before, after)})
        refuse(lambda: nn.safetensors.load(path), f"{path}: ", error=nn.ModelFileError)


def test_files_that_are_not_there_or_no_files(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.safetensors.load(path)
    refuse(lambda: nn.safetensors.load(tmp_path), str(tmp_path), "not a file", error=nn.ModelFileError)
    os.mkfifo(path)
    refuse(lambda: nn.safetensors.load(path), str(path), "not a file", error=nn.ModelFileError)


def test_wrong_calls(path):
    refuse(lambda: nn.safetensors.save(None, path), "model: expected a Model, got NoneType")
    refuse(lambda: nn.safetensors.save(make(), 3), "path: expected a path")
    refuse(lambda: nn.safetensors.load(3), "model: expected a path")
    refuse(lambda: nn.safetensors.load(make()), "path: load needs this argument")
    refuse(lambda: nn.safetensors.load(3, path), "model: expected a Model, got int")
    unbuilt = nn.Model([nn.Dense(3), nn.Softmax()])
    for call in (lambda: nn.safetensors.save(unbuilt, path), lambda: nn.safetensors.load(unbuilt, path)):
        with pytest.raises(nn.NotBuiltError):
            call()
    assert not path.exists()


def test_without_the_library_the_extra_is_named(path, monkeypatch):
    real = builtins.__import__
    monkeypatch.setattr("importlib.import_module", lambda name: real("no_such_module_at_all"))
    for call in (lambda: nn.safetensors.save(make(), path), lambda: nn.safetensors.load(path)):
        with pytest.raises(ImportError, match=r'pip install "nnlite\[safetensors\]"'):
            call()
