"""Facts about snapshots: what is written is read, and damage is noticed."""

import contextlib

import numpy as np
import pytest

import nnlite as nn
from nnlite.storage import snapshots

from ..support import network


def assert_equal(one, other):
    """Check that two values are equal, and their arrays bit for bit."""
    first, second = [], []
    assert snapshots.encode(one, first) == snapshots.encode(other, second)
    for a, b in zip(first, second, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_what_was_written_is_read(tmp_path):
    values = {
        "none": None, "true": True, "int": 2**127, "float": 0.1, "inf": -np.inf, "text": "ü",
        "list": [1, [2.5, "x"]], "tuple": (1, (2,)), "floats": [0.1 * i for i in range(20)],
        "dict": {"array": {"dict": 1}},
        "arrays": [np.arange(6).astype(t).reshape(2, 3) for t in ("f4", "f8", "i8", "u1", "?", "f2")],
        "many": [np.full(3, i) for i in range(200)],
        "pairs": {1: 2, (3, 4): np.ones(2)},
        "long": [(i, 0.5) for i in range(5_000)],
        "empty": np.zeros((0, 3)), "transposed": np.arange(6.0).reshape(2, 3).T, "scalar": np.float32(0.5),
    }  # fmt: skip
    snapshots.write(str(tmp_path / "a.npz"), values)
    found = snapshots.read(str(tmp_path / "a.npz"))
    assert_equal(found, values)
    assert type(found["tuple"]) is tuple
    assert found["pairs"].keys() == values["pairs"].keys()
    assert all(array.flags.writeable and array.flags.owndata for array in found["many"])


@pytest.mark.parametrize(
    "value",
    [object(), np.array(["a"]), np.array([object()]), len, {"a": {3}}],
    ids=["an object", "strings", "objects", "a function", "a set"],
)
def test_what_no_file_can_hold_is_refused_and_nothing_is_written(tmp_path, value):
    with pytest.raises(snapshots.UnsavableError):
        snapshots.write(str(tmp_path / "a.npz"), {"value": value})
    assert not snapshots.can_hold({"value": value})
    assert list(tmp_path.iterdir()) == []


def test_a_long_list_of_floats_takes_eight_bytes_for_each(tmp_path):
    snapshots.write(str(tmp_path / "a.npz"), {"losses": [i / 7 for i in range(10_000)]})
    assert (tmp_path / "a.npz").stat().st_size < 82_000


def test_values_that_take_too_much_memory_are_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots, "LARGEST_HEADER", 1000)  # the real limit would take 256 MB
    with pytest.raises(snapshots.UnsavableError, match="bytes of values outside arrays, more than 1000"):
        snapshots.write(str(tmp_path / "a.npz"), {"text": "x" * 1000})
    assert list(tmp_path.iterdir()) == []


def test_any_flipped_bit_or_missing_end_is_noticed(tmp_path):
    path = tmp_path / "a.npz"
    values = {"theta": np.arange(50, dtype=np.float32), "epoch": 3, "history": {"loss": [0.5, 0.25]}}
    snapshots.write(str(path), values)
    whole = path.read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(1000):
        content = bytearray(whole)
        if rng.random() < 0.3:
            del content[rng.integers(len(content)) :]
        else:
            content[rng.integers(len(content))] ^= 1 << rng.integers(8)
        path.unlink()  # much faster than to overwrite a file
        path.write_bytes(content)
        found = values
        with contextlib.suppress(nn.ModelFileError):
            found = snapshots.read(str(path))
        assert_equal(found, values)  # if it is not refused, the bit means nothing
        refused += found is values
    assert refused > 900


def test_a_model_file_is_not_a_checkpoint_and_a_checkpoint_is_not_a_model(tmp_path):
    network().save(tmp_path / "model.npz")
    with pytest.raises(nn.ModelFileError, match=r"model\.npz: is not an nnlite checkpoint: .* is 'nnlite model'"):
        snapshots.read(str(tmp_path / "model.npz"))
    snapshots.write(str(tmp_path / "checkpoint.npz"), {})
    with pytest.raises(nn.ModelFileError, match=r"checkpoint\.npz: is a checkpoint .* call fit .*resume=True"):
        nn.load(tmp_path / "checkpoint.npz")


def test_a_later_version_says_what_it_needs(tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr(snapshots, "VERSION", 2)
        snapshots.write(str(tmp_path / "a.npz"), {})
    with pytest.raises(nn.ModelFileError, match=f"has version 2 .* needs nnlite {nn.__version__} or newer"):
        snapshots.read(str(tmp_path / "a.npz"))
