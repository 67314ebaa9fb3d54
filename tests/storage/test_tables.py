"""Facts about model files of networks that know a table: all of it comes back, and a forged file is refused."""

import copy
import json

import numpy as np
import pytest

import nnlite as nn
from nnlite.atomic import replacing
from nnlite.storage import npz

from .forging import refuse

RNG = np.random.default_rng(0)
N = 40
DATA = {
    "size": [f"{i},5" if i % 7 else "" for i in range(N)],
    "coat": RNG.choice(["long", "short", "日本"], N),
    "tame": RNG.choice(["yes", "no"], N),
    "born": [f"{1 + i % 28}.0{1 + i % 9}.20{10 + i % 13}" for i in range(N)],
    "id": [f"n{i}" for i in range(N)],
}
PRICE = 3e5 + 1e4 * RNG.normal(size=N)


def trained(target, output, **options):
    model = nn.Model([nn.Dense(4), nn.ReLU(), *output], seed=0)
    model.fit(nn.Table(DATA | {"y": target}, "y", **options), epochs=1, progress=False)
    return model


MODELS = {
    "classes": trained(RNG.choice(["dog", "cat", "no\u00efve \U0001f600"], N), [nn.Dense(3), nn.Softmax()]),
    "two": trained(RNG.choice([True, False], N), [nn.Dense(1), nn.Sigmoid()]),
    "values": trained(PRICE, [nn.Dense(1), nn.Identity()]),
    "robust": trained(PRICE, [nn.Dense(1), nn.Identity()], scaling="robust", fill=3, missing=["?", "-999"]),
}


@pytest.mark.parametrize("name", MODELS)
def test_what_a_network_knows_comes_back(name, tmp_path):
    model = MODELS[name]
    model.save(tmp_path / "model.npz")
    loaded = nn.load(tmp_path / "model.npz")
    assert loaded.encoding == model.encoding
    assert loaded.class_names == model.class_names
    assert str(loaded.target_scale) == str(model.target_scale)
    assert loaded.encoding.options.missing == model.encoding.options.missing
    np.testing.assert_array_equal(loaded.predict(DATA), model.predict(DATA))
    loaded.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / "model.npz").read_bytes()


def test_a_network_of_arrays_is_written_without_the_fields_of_tables(tmp_path):
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=3, seed=0)
    model.save(tmp_path / "model.npz")
    header = json.loads(np.load(tmp_path / "model.npz")["header"].tobytes())
    assert header["version"] == 2
    assert "encoding" not in header


def parts(name, tmp_path):
    """Header, theta and state of a file."""
    MODELS[name].save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        return json.loads(file["header"].tobytes()), file["theta"], file["state"]


def forged(header, theta, state, tmp_path):
    """The bytes of a file with this header and a right checksum."""
    raw = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with replacing(str(tmp_path / "forged.npz")) as file:
        npz.write(file, {"header": raw, "theta": theta, "state": state})
    return (tmp_path / "forged.npz").read_bytes()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("encoding", [], "encoding has a wrong value"),
        ("encoding", {}, "the encoding of the table is damaged"),
        (
            "encoding",
            {"columns": [], "left_out": {}, "target_name": "", "missing": None},
            "columns need different names",
        ),
        ("target_scale", [[1.0], [0.0]], "target_scale has a wrong value"),
        ("target_scale", [[1.0], [-1.0]], "target_scale has a wrong value"),
        ("target_scale", [[1.0, 2.0], [1.0]], "target_scale has a wrong value"),
        ("target_scale", [[1.0, 2.0], [1.0, 1.0]], "its target has 2 scales for 1 outputs"),
        ("target_scale", "1", "target_scale has a wrong value"),
        ("target_scale", [[True], [1.0]], "target_scale has a wrong value"),
        ("class_names", ["a"], "class_names"),
    ],
)
def test_a_wrong_field_is_refused(tmp_path, field, value, said):
    header, theta, state = parts("values", tmp_path)
    refuse(forged(header | {field: value}, theta, state, tmp_path), said)


def test_a_table_that_does_not_fit_the_network_is_refused(tmp_path):
    header, theta, state = parts("values", tmp_path)
    fewer = copy.deepcopy(header)
    fewer["encoding"]["columns"].pop()
    refuse(
        forged(fewer, theta, state, tmp_path),
        r"its table becomes \d numbers, and the network takes \(1\d,\)",
    )


@pytest.mark.slow
def test_every_field_of_the_encoding_is_checked(tmp_path):
    """Whatever one field is, the file is refused or predicts finite numbers."""
    header, theta, state = parts("values", tmp_path)
    rows = {name: column[:3] for name, column in DATA.items()}
    for i, column in enumerate(header["encoding"]["columns"]):
        for name in column:
            for value in (None, "x", -1, [], {}, True, 1e300, [1], ["a"], "date"):
                forgery = copy.deepcopy(header)
                forgery["encoding"]["columns"][i][name] = value
                path = tmp_path / "try.npz"
                path.write_bytes(forged(forgery, theta, state, tmp_path))
                try:
                    model = nn.load(path)
                    predicted = model.predict(rows)
                except (nn.ModelFileError, nn.ArgumentError):
                    continue
                assert predicted.shape == (3,)
