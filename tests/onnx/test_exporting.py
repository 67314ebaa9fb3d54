"""Exported networks: onnx.checker accepts them, and ONNX Runtime computes what the network predicts."""

import json

import numpy as np
import onnx
import pytest

import nnlite as nn
from tests.onnx.running import checked, run
from tests.support import Square, away_from_zero, network, refuse, table

LAYERS = table([
    ("ReLU", nn.ReLU), ("LeakyReLU", nn.LeakyReLU), ("steep LeakyReLU", lambda: nn.LeakyReLU(0.7)), ("ELU", nn.ELU),
    ("ELU(0.3)", lambda: nn.ELU(0.3)), ("SELU", nn.SELU), ("Tanh", nn.Tanh), ("GELU", nn.GELU),
    ("tanh GELU", lambda: nn.GELU("tanh")), ("SiLU", nn.SiLU), ("HardSwish", nn.HardSwish), ("Softplus", nn.Softplus),
    ("Sigmoid", nn.Sigmoid), ("Softmax", nn.Softmax), ("Exponential", nn.Exponential), ("Identity", nn.Identity),
    ("BatchNorm", lambda: nn.BatchNorm(epsilon=0.1)), ("LayerNorm", lambda: nn.LayerNorm(epsilon=0.1)),
    ("Dropout", lambda: nn.Dropout(0.5)), ("AlphaDropout", lambda: nn.AlphaDropout(0.5)),
    ("GaussianNoise", lambda: nn.GaussianNoise(0.5)), ("Dense", lambda: nn.Dense(5)), ("Flatten", nn.Flatten),
    ("Residual", lambda: nn.Residual([nn.Dense(5), nn.ReLU(), nn.Residual([nn.BatchNorm(), nn.Dense(5)])])),
])  # fmt: skip
C, S = nn.Conv2D, "same"
IMAGES = {  # a network of layers on images: the shape of one, and the layers in front of a Flatten
    "convolution": ((6, 5, 2), lambda: [C(3, (3, 2))]),
    "strides and dilation": ((7, 8, 2), lambda: [C(3, 3, strides=(2, 1)), C(2, 2, dilation=2)]),
    "same": ((6, 5, 2), lambda: [C(3, (4, 2), strides=2, padding=S), C(2, 2, dilation=2, padding=S)]),
    "groups": ((4, 4, 4), lambda: [C(6, 3, groups=2, padding=S), C(12, 2, groups=6)]),
    "pools": ((7, 6, 2), lambda: [nn.MaxPool2D(), nn.AveragePool2D(2, 1), nn.MaxPool2D(2, 1, S)]),
    "pools with padding": ((7, 6, 2), lambda: [nn.AveragePool2D((3, 2), 2, S), nn.MaxPool2D(3, 2, S), nn.GELU()]),
    "global": ((3, 4, 2), lambda: [nn.ZeroPadding2D(((1, 0), (0, 2))), nn.GlobalAveragePool2D()]),
    "normalization": ((3, 4, 2), lambda: [nn.BatchNorm(), nn.Dropout2D(0.5), nn.LayerNorm()]),
    "projection": ((5, 4, 2), lambda: [nn.Residual([C(3, 3, strides=2, padding=S), nn.BatchNorm(), nn.ReLU()],
                                                   shortcut=[C(3, 1, strides=2)]), nn.ReLU()]),
    "sequences": ((9, 2), lambda: [nn.ZeroPadding1D((2, 0)), nn.Conv1D(4, 3, groups=2), nn.MaxPool1D(3, 2, S),
                                   nn.Dropout1D(0.5), nn.AveragePool1D(2, padding=S), nn.GlobalAveragePool1D()]),
}  # fmt: skip
OUTPUTS = [nn.Softmax, nn.Sigmoid, nn.Identity, nn.Exponential]
DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-13)])


def drawn(layers, n_features, dtype):
    """A network whose parameters and running averages are drawn at random."""
    model = away_from_zero(nn.Model(layers, n_features=n_features, dtype=dtype), scale=0.4)
    model.state = np.random.default_rng(1).uniform(0.5, 2, model.state.size)
    return model


def same(model, path, tolerance, scale=1.5, sizes=(1, 2, 31)):
    """Export the network, check the file, and compare what it computes for batches of these sizes."""
    nn.onnx.export(model, path)
    checked(path)
    for M in sizes:
        X = np.random.default_rng(M).normal(0, scale, (M, *model.input_shape)).astype(model.dtype)
        expected = model.forward(X, training=False)
        got = run(path, X)
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


@DTYPES
@pytest.mark.parametrize("make", LAYERS)
def test_a_layer_alone_and_between_others(make, dtype, tolerance, tmp_path):
    same(drawn([make(), nn.Identity()], 5, dtype), tmp_path / "alone.onnx", tolerance, scale=3)
    model = drawn([nn.Dense(5), make(), nn.Dense(4), nn.Softmax()], 3, dtype)
    same(model, tmp_path / "between.onnx", tolerance)


@DTYPES
@pytest.mark.parametrize("what", IMAGES)
def test_layers_on_images(what, dtype, tolerance, tmp_path):
    shape, make = IMAGES[what]
    model = drawn([*make(), nn.Flatten(), nn.Dense(3), nn.Softmax()], shape, dtype)
    same(model, tmp_path / "m.onnx", tolerance)


def test_every_layer_is_tried():
    classes = [getattr(nn, name) for name in nn.__all__ if isinstance(getattr(nn, name), type)]
    names = {cls.__name__ for cls in classes if issubclass(cls, nn.Layer) and cls.forward is not nn.Layer.forward}
    tried = {type(row.values[0]()).__name__ for row in LAYERS}
    tried |= {type(layer).__name__ for _, make in IMAGES.values() for layer in make()}
    assert names - tried == {"Reshape"}  # below


@DTYPES
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("units", [1, 4])
def test_every_output(output, units, dtype, tolerance, tmp_path):
    if output is nn.Softmax and units == 1:
        units = 2
    same(drawn([nn.Dense(6), nn.Tanh(), nn.Dense(units), output()], 3, dtype), tmp_path / "m.onnx", tolerance)


@DTYPES
def test_examples_of_more_dimensions(dtype, tolerance, tmp_path):
    layers = [
        nn.BatchNorm(), nn.Reshape((4, -1)), nn.LayerNorm(), nn.GELU(), nn.Flatten(), nn.Dense(6), nn.Reshape((2, 3)),
        nn.Softmax(), nn.Flatten(), nn.Dense(2), nn.Softmax(),
    ]  # fmt: skip
    same(drawn(layers, (2, 3, 4), dtype), tmp_path / "m.onnx", tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_large_and_extreme_inputs(dtype, tmp_path):
    smooth = [nn.GELU, lambda: nn.GELU("tanh"), nn.SiLU, nn.Softplus, nn.HardSwish]
    X = np.array([[-1e4, -90, -40, -6, -1e-3, 0, 1e-3, 6, 40, 90, 1e4]], dtype)
    for make in [*smooth, nn.ELU, nn.SELU, nn.Sigmoid, nn.Tanh]:
        model = drawn([make(), nn.Identity()], X.shape[1], dtype)
        nn.onnx.export(model, tmp_path / "m.onnx")
        np.testing.assert_allclose(run(tmp_path / "m.onnx", X), model.forward(X, training=False), rtol=1e-6, atol=1e-6)


def test_normalization_keeps_its_digits_where_a_mean_is_large(tmp_path):
    model = drawn([nn.BatchNorm(), nn.Identity()], 3, "float32")
    model.layers[0].running_mean = 2000
    nn.onnx.export(model, tmp_path / "m.onnx")
    X = np.random.default_rng(0).normal(2000, 1, (50, 3)).astype(np.float32)
    np.testing.assert_allclose(run(tmp_path / "m.onnx", X), model.predict(X), atol=1e-6)


def test_a_trained_network_predicts_the_same_classes(tmp_path):
    data = nn.load_digits()
    model = nn.Model([nn.Dense(32), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.2), nn.Dense(10), nn.Softmax()], seed=0)
    model.fit(data.X_train, data.y_train, epochs=2, progress=False)
    model.class_names = data.class_names
    nn.onnx.export(model, tmp_path / "m.onnx")
    got = run(tmp_path / "m.onnx", data.X_test.astype(np.float32))
    np.testing.assert_allclose(got, model.predict_proba(data.X_test), atol=1e-6)
    np.testing.assert_array_equal(got.argmax(axis=1), model.predict(data.X_test))
    metadata = {entry.key: entry.value for entry in onnx.load(tmp_path / "m.onnx").metadata_props}
    assert tuple(json.loads(metadata["class_names"])) == data.class_names


def test_the_batch_is_dynamic_and_the_file_says_who_wrote_it(tmp_path):
    nn.onnx.export(network(nn.Dense(5), nn.ReLU()), tmp_path / "m.onnx")
    file = checked(tmp_path / "m.onnx")
    (given,), (result,) = file.graph.input, file.graph.output
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["M", 4]
    assert [d.dim_param or d.dim_value for d in result.type.tensor_type.shape.dim] == ["M", 3]
    assert (given.name, result.name) == ("X", "Y_hat")
    assert (file.producer_name, file.producer_version) == ("nnlite", nn.__version__)
    assert [array.name for array in file.graph.initializer] == ["W1", "b1", "W2", "b2"]


def test_the_same_network_gives_the_same_file(tmp_path):
    for name in "ab":
        nn.onnx.export(network(nn.Dense(5), nn.GELU(), nn.LayerNorm(), dtype="float64"), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_an_output_with_a_cost_of_its_own_is_written_as_its_base(tmp_path):
    class LogCosh(nn.Identity):
        def losses(self, Y, cache):
            return np.log(np.cosh(cache.a - Y)).sum(axis=-1)

    same(drawn([nn.Dense(2), LogCosh()], 3, "float32"), tmp_path / "m.onnx", 1e-6)


def test_wrong_calls_write_nothing(tmp_path):
    path = tmp_path / "m.onnx"
    refuse(lambda: nn.onnx.export(None, path), "model: expected a Model, got NoneType")
    refuse(lambda: nn.onnx.export(network(), 7), "path: expected a path")
    refuse(lambda: nn.onnx.export(network(Square()), path), "layers[0]: Square() has a forward pass of its own")
    inside = network(nn.Residual([nn.ReLU(), Square()]))
    refuse(lambda: nn.onnx.export(inside, path), "layers[0][1]: Square() has a forward pass of its own")
    with pytest.raises(nn.NotBuiltError, match="export"):
        nn.onnx.export(nn.Model([nn.Dense(2), nn.Softmax()]), path)
    with pytest.raises(FileNotFoundError):
        nn.onnx.export(network(), tmp_path / "missing" / "m.onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(ImportError, match=r'nnlite.onnx.export needs onnx; run pip install "nnlite\[onnx\]"'):
        nn.onnx.export(network(), tmp_path / "m.onnx")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_a_random_network_there_and_back(seed, tmp_path):
    """What differs is at most what rounding to float32 changes in the network itself."""
    rng = np.random.default_rng(seed)
    dtype = str(rng.choice(["float32", "float64"]))
    n_features = int(rng.integers(1, 9))
    choices, n = rng.integers(2**31), int(rng.integers(1, 7))
    layers, _ = random_chain(np.random.default_rng(choices), n, n_features)
    exact, _ = random_chain(np.random.default_rng(choices), n, n_features)
    output, units = OUTPUTS[rng.integers(3)], int(rng.integers(2, 6))
    model = drawn([*layers, nn.Dense(units), output()], n_features, dtype)
    twin = drawn([*exact, nn.Dense(units), output()], n_features, "float64")
    twin.theta, twin.state = model.theta, model.state
    path = tmp_path / "m.onnx"
    nn.onnx.export(model, path)
    checked(path)
    again = nn.onnx.load(path)
    for M in (1, 3, 64):
        X = rng.normal(0, 1, (M, n_features)).astype(dtype)
        expected, ideal = model.forward(X, training=False), twin.forward(X, training=False)
        size = max(1.0, float(np.abs(expected).max()))
        rounding = 3 * np.abs(expected - ideal).max() if dtype == "float32" else 1e-10 * size
        np.testing.assert_allclose(run(path, X), expected, rtol=0, atol=1e-6 * size * (dtype == "float32") + rounding)
        got = again.forward(X, training=False)
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * size * (dtype == "float32") + rounding)


KEEPING = [row for row in LAYERS if row.id not in ("Exponential", "Dense", "Residual", "Flatten")]


def random_chain(rng, n, units):
    """A list of n random layers for rows of so many units, and how many units come out."""
    layers = []
    for _ in range(n):
        kind = rng.integers(4)
        if kind == 0:
            units = int(rng.integers(2, 12))
            layers.append(nn.Dense(units))
        elif kind == 1:
            inner, _ = random_chain(rng, int(rng.integers(0, 3)), units)
            layers.append(nn.Residual([*inner, nn.Dense(units)]))
        elif units > 1:
            layers.append(KEEPING[rng.integers(len(KEEPING))].values[0]())
    return layers, units
