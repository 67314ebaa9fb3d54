"""Weights beside an ONNX file, and files that are damaged or hostile."""

# ruff: noqa: E501 (a row of a table is a file)

import numpy as np
import onnx
import pytest
from onnx import TensorProto

import nnlite as nn
from tests.onnx.files import node, save
from tests.support import network, refuse


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


RNG = np.random.default_rng(0)
W, V, b = (RNG.normal(size=shape).astype(np.float32) for shape in ((4, 3), (3, 4), (3,)))
ONE, TWO = np.float32(1), np.float32(2)


# ---- weights in another file -----------------------------------------------------------------------------------------


def save_beside(path, location, offset=0, length=None, dims=(4, 3)):
    """Write a file whose weights lie at ``location``."""
    model = save(path, [node("MatMul", "X", "W")], {"W": W})
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    del tensor.dims[:]
    tensor.dims.extend(dims)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        if value is not None:
            tensor.external_data.add(key=key, value=str(value))
    path.write_bytes(model.SerializeToString())


def test_weights_beside_the_file_are_read(path, tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "weights").write_bytes(b"12345678" + W.tobytes() + b"rest")
    save_beside(path, "sub/weights", 8, 48)
    np.testing.assert_array_equal(nn.onnx.load(path).layers[0].W, W)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(nn.onnx.load(path.name).layers[0].W, W)


def test_weights_outside_of_the_directory_are_never_read(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(W.tobytes())
    (tmp_path / "inside-not").mkdir()
    (tmp_path / "inside-not" / "secret").write_bytes(W.tobytes())
    (inside / "link").symlink_to(tmp_path / "secret")
    path = inside / "model.onnx"
    for location in ("../secret", str(tmp_path / "secret"), "link", "../inside-not/secret", "a/../../secret"):
        save_beside(path, location)
        refuse(lambda: nn.onnx.load(path), f"{path}: ", "outside of its directory", error=nn.ModelFileError)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"location": "missing"}, "not there"),
        ({"location": "."}, "not a file"),
        ({"location": ""}, "outside"),
        ({"location": "a\0b"}, "outside"),
        ({"location": "weights", "offset": 8}, "ends too early"),
        ({"location": "weights", "length": 4}, "needs 48 bytes, and has 4"),
        ({"location": "weights", "offset": -8}, "no number"),
        ({"location": "weights", "offset": "9" * 30}, "no number"),
        ({"location": "weights", "dims": (2**40, 2**20)}, "ends too early"),
        ({"location": "weights", "dims": (-4, -3)}, "shape"),
    ],
    ids=str,
)
def test_wrong_places_of_weights(path, options, message):
    (path.parent / "weights").write_bytes(W.tobytes())
    save_beside(path, **options)
    refuse(lambda: nn.onnx.load(path), f"{path}: ", message, error=nn.ModelFileError)


# ---- damaged and hostile files ---------------------------------------------------------------------------------------


def good(path):
    nn.onnx.export(network(nn.Dense(5), nn.BatchNorm(), nn.GELU()), path)
    return path.read_bytes()


@pytest.mark.parametrize(
    "raw",
    [b"", b"x", b"not a model, but a sentence of some length", b"\x08", b"\xff" * 100, b"\x0b" * 10, b"PK\3\4" + b"\0" * 50,
     b"\x3a\xff\xff\xff\xff\x0f", b"\x3a\x02\x0a\x00" * 2**19],
    ids=["empty", "one byte", "text", "half a field", "ones", "groups", "zip", "a length", "a million nodes"],
)  # fmt: skip
def test_what_is_no_onnx_file(path, raw):
    path.write_bytes(raw)
    refuse(lambda: nn.onnx.load(path), f"{path}: ", error=nn.ModelFileError)


def test_every_cut_and_many_changed_bytes_are_refused_or_give_a_network(path):
    raw, rng = good(path), np.random.default_rng(0)
    cut = [raw[:n] for n in range(0, len(raw), 97)]
    changed = []
    for _ in range(60):
        copy = bytearray(raw)
        for place in rng.integers(0, len(raw), 3):
            copy[place] = rng.integers(256)
        changed.append(bytes(copy))
    outcomes = set()
    for content in cut + changed:
        path.write_bytes(content)
        try:
            outcomes.add(type(nn.onnx.load(path)))
        except nn.ModelFileError as error:
            outcomes.add((type(error), str(error).startswith(f"{path}: ")))
    assert outcomes == {nn.Model, (nn.ModelFileError, True)}


def test_constants_that_are_not_complete(path):
    model = save(path, [node("MatMul", "X", "W")], {"W": W})
    for change in (
        lambda t: t.dims.__setitem__(0, 2**40),
        lambda t: t.dims.__setitem__(0, -1),
        lambda t: setattr(t, "raw_data", b"123"),
        lambda t: setattr(t, "data_type", TensorProto.COMPLEX64),
        lambda t: setattr(t, "data_type", 99),
    ):
        other = onnx.ModelProto.FromString(model.SerializeToString())
        change(other.graph.initializer[0])
        path.write_bytes(other.SerializeToString())
        refuse(lambda: nn.onnx.load(path), f"{path}: ", error=nn.ModelFileError)


def test_files_that_are_not_there_or_no_files(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.onnx.load(path)
    refuse(lambda: nn.onnx.load(tmp_path), f"{tmp_path}: is not a file", error=nn.ModelFileError)
    refuse(lambda: nn.onnx.load(3), "path: expected a path")


def test_without_onnx_the_extra_is_named(path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(ImportError, match=r'nnlite.onnx.load needs onnx; run pip install "nnlite\[onnx\]"'):
        nn.onnx.load(path)
