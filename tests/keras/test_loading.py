"""Networks and weights from the files of Keras 3: written by h5py here, and by Keras in the slow tests."""

import importlib.util
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import nnlite as nn
from tests.support import network, refuse, table

h5py = pytest.importorskip("h5py")

RNG = np.random.default_rng(0)
ARRAYS = {
    "dense": [RNG.normal(size=(4, 5)), RNG.normal(size=5)],
    "batch_normalization": [RNG.normal(size=5), RNG.normal(size=5), RNG.normal(size=5), RNG.uniform(0.5, 2, 5)],
    "activation": [],
    "dense_1": [RNG.normal(size=(5, 3)), RNG.normal(size=3)],
    "dropout": [],
}
CONFIG = {
    "class_name": "Sequential",
    "config": {
        "layers": [
            {"class_name": "InputLayer", "config": {"batch_shape": [None, 4]}},
            {
                "class_name": "Dense",
                "config": {"units": 5, "activation": "linear", "use_bias": True, "dtype": "float32"},
            },
            {"class_name": "BatchNormalization", "config": {"momentum": 0.99, "epsilon": 0.001, "axis": -1}},
            {"class_name": "Activation", "config": {"activation": "silu"}},
            {"class_name": "Dropout", "config": {"rate": 0.5}},
            {"class_name": "Dense", "config": {"units": 3, "activation": "softmax", "use_bias": True}},
        ]
    },
}


def write_h5(path, arrays=ARRAYS, group="layers", change=None, **options):
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            variables = file.create_group(f"{group}/{name}/vars")
            for i, value in enumerate(values):
                variables.create_dataset(str(i), data=value, **options)
        if change is not None:
            change(file)


def write_keras(path, arrays=ARRAYS, config=CONFIG, compression=zipfile.ZIP_STORED, change=None):
    weights = path.with_suffix(".tmp")
    write_h5(weights, arrays, change=change)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("config.json", config if isinstance(config, str) else json.dumps(config))
        archive.write(weights, "model.weights.h5")


def make(epsilon=0.001, dtype="float32"):
    layers = [nn.Dense(5), nn.BatchNorm(0.01, epsilon), nn.SiLU(), nn.Dropout(0.5), nn.Dense(3), nn.Softmax()]
    return nn.Model(layers, n_features=4, seed=0, dtype=dtype)


def expected(X):
    (W, b), (gamma, beta, mean, variance), (V, c) = (ARRAYS[n] for n in ("dense", "batch_normalization", "dense_1"))
    z = gamma * (X @ W + b - mean) / np.sqrt(variance + 0.001) + beta
    return nn.softmax(nn.silu(z) @ V + c)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.keras"


X = RNG.normal(size=(7, 4))


def write_older(path):
    write_h5(path, group="_layer_checkpoint_dependencies")


@pytest.mark.parametrize("write", [write_h5, write_keras, write_older])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-13)])
def test_weights_go_into_a_network(path, write, dtype, tolerance):
    write(path)
    model = make(dtype=dtype)
    nn.keras.load_weights(model, path)
    np.testing.assert_allclose(model.predict_proba(X), expected(X), rtol=0, atol=tolerance)


def test_a_network_comes_from_its_description(path):
    write_keras(path)
    model = nn.keras.load(path)
    assert repr(model) == (
        "Model([Dense(5), BatchNorm(momentum=0.01, epsilon=0.001), SiLU(), Dropout(0.5), Dense(3), Softmax()])"
    )
    np.testing.assert_allclose(model.predict_proba(X), expected(X), rtol=0, atol=1e-6)


def test_more_than_ten_layers_are_in_the_order_of_their_numbers(path):
    names = ["dense", *(f"dense_{i}" for i in range(1, 12))]
    arrays = {name: [np.full((1, 1), i + 2.0), np.zeros(1)] for i, name in enumerate(names)}
    write_h5(path, arrays)
    model = nn.Model([*(nn.Dense(1) for _ in names), nn.Identity()], n_features=1)
    nn.keras.load_weights(model, path)
    assert [float(layer.W[0, 0]) for layer in model.layers[:-1]] == [i + 2.0 for i in range(12)]


def test_arrays_that_keras_leaves_out_are_filled(path):
    arrays = {
        "dense": [ARRAYS["dense"][0]],
        "batch_normalization": ARRAYS["batch_normalization"][2:],
        "dense_1": ARRAYS["dense_1"],
    }
    config = json.loads(json.dumps(CONFIG))
    config["config"]["layers"][1]["config"]["use_bias"] = False
    config["config"]["layers"][2]["config"] |= {"center": False, "scale": False}
    write_keras(path, arrays, config)
    for model in (nn.keras.load(path), make()):
        nn.keras.load_weights(model, path)
        assert (model.layers[0].b == 0).all()
        assert (model.layers[1].gamma == 1).all()
        assert (model.layers[1].beta == 0).all()
        np.testing.assert_allclose(model.layers[1].running_mean, arrays["batch_normalization"][0], rtol=1e-6)


def replaced(i, **config):
    """CONFIG with other arguments of its layer i, or of another class."""
    changed = json.loads(json.dumps(CONFIG))
    record = changed["config"]["layers"][i]
    record["class_name"] = config.pop("class_name", record["class_name"])
    record["config"] |= config
    return changed


MISMATCHES = table([
    ("layers", {k: v for k, v in ARRAYS.items() if k != "dense_1"}, None, "has 1 layers Dense, and the network has 2"),
    ("shapes", ARRAYS | {"dense": [np.ones((3, 5)), np.ones(5)]}, None, "W of Dense(5) must have the shape (4, 5)"),
    ("arrays", ARRAYS | {"dense": [np.ones((4, 5)), np.ones(5), np.ones(5)]}, None, "layers/dense has 3 arrays"),
    ("another kind", ARRAYS | {"conv3d": [np.ones((3, 3))]}, None, "has the layer 'layers/conv3d'"),
    ("not finite", ARRAYS | {"dense": [np.full((4, 5), np.nan), np.ones(5)]}, None, "finite"),
    ("integers", ARRAYS | {"dense": [np.ones((4, 5), int), np.ones(5)]}, None, "has the layer '/layers/dense', whose"),
    ("epsilon", ARRAYS, replaced(2, epsilon=0.5), "has epsilon 0.5", "write nn.BatchNorm(epsilon=0.5)"),
])  # fmt: skip


@pytest.mark.parametrize("row", [row.values for row in MISMATCHES], ids=[row.id for row in MISMATCHES])
def test_what_does_not_fit_is_named_and_nothing_changes(path, row):
    arrays, config, *fragments = row
    write_keras(path, arrays, config or CONFIG)
    model = make()
    before = model.theta.copy(), model.state.copy()
    refuse(lambda: nn.keras.load_weights(model, path), f"{path}: ", *fragments, error=nn.ModelFileError)
    np.testing.assert_array_equal(model.theta, before[0])
    np.testing.assert_array_equal(model.state, before[1])


def functional(i=None, follows=None, output="layer 5"):
    """CONFIG as a functional model; layer i may take the output of another than the one before it."""
    changed = json.loads(json.dumps(CONFIG)) | {"class_name": "Functional"}
    for n, record in enumerate(changed["config"]["layers"]):
        history = [follows if n == i else f"layer {n - 1}", 0, 0]
        tensor = {"class_name": "__keras_tensor__", "config": {"keras_history": history}}
        record |= {"name": f"layer {n}", "inbound_nodes": [{"args": [tensor], "kwargs": {}}] if n else []}
    changed["config"]["output_layers"] = [output, 0, 0]
    return changed


def test_a_functional_model_may_be_a_chain(path):
    write_keras(path, config=functional())
    model = nn.keras.load(path)
    assert len(model.layers) == 6
    np.testing.assert_allclose(model.predict_proba(X), expected(X), rtol=0, atol=1e-6)


UNKNOWN = table([
    ("a layer", replaced(3, class_name="Conv3D"), "has the layer Conv3D"),
    ("an activation", replaced(1, activation="mish"), "has the activation mish"),
    ("a function", replaced(1, activation={"class_name": "function", "config": "my_own"}), "has the activation my_own"),
    ("a bounded ReLU", replaced(3, class_name="ReLU", max_value=6.0), "max_value"),
    ("no inputs", {**CONFIG, "class_name": "Functional"}, "config.json is damaged"),
    ("a branch", functional(3, "layer 1"), "'layer 3' does not follow 'layer 2'"),
    ("an early output", functional(output="layer 4"), "whose input and output are not the ends of a chain"),
    ("huge layers", replaced(1, units=2**40), "its layers need"),
    ("a huge input", replaced(0, batch_shape=[None, 2**50]), "its layers need"),
    ("no units", replaced(1, units="many"), "config.json is damaged: units"),
    ("no shape", replaced(0, batch_shape=[None, None]), "shape of an example"),
    ("no JSON", "{", "is damaged"),
    ("no object", "[]", "not an object"),
    ("deep", "[" * 100_000, "is damaged"),
    ("empty", {}, "class"),
    ("no layers", {"class_name": "Sequential", "config": {}}, "config.json is damaged"),
])  # fmt: skip


@pytest.mark.parametrize(("config", "message"), UNKNOWN)
def test_a_description_without_layers_here_is_refused(path, config, message):
    write_keras(path, config=config)
    refuse(lambda: nn.keras.load(path), f"{path}: ", message, error=nn.ModelFileError)


def linked(kind):
    def change(file):
        del file["layers/dense/vars/0"]
        if kind == "soft":
            file["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense_1/vars/0")
        elif kind == "external":
            file["layers/dense/vars/0"] = h5py.ExternalLink("other.h5", "/secret")
        elif kind == "external data":
            file.create_dataset("layers/dense/vars/0", (4, 5), "f8", external=[("/etc/hostname", 0, 160)])
        elif kind == "chunks":
            file.create_dataset("layers/dense/vars/0", data=np.zeros((4, 5)), compression="gzip")
        elif kind == "huge":
            file.create_dataset("layers/dense/vars/0", (2**30, 2**10), "f8")
        elif kind == "virtual":
            layout = h5py.VirtualLayout((4, 5), "f8")
            layout[:] = h5py.VirtualSource("other.h5", "secret", (4, 5))
            file.create_virtual_dataset("layers/dense/vars/0", layout)
        elif kind == "group":
            file.create_group("layers/dense/vars/0")
        elif kind == "inner":
            file["layers/dense/inner/vars/0"] = np.ones(3)

    return change


@pytest.mark.parametrize("kind", ["soft", "external", "external data", "chunks", "huge", "virtual", "group", "inner"])
def test_links_bombs_and_strange_arrays_are_refused(path, kind):
    for write in (write_h5, write_keras):
        write(path, change=linked(kind))
        refuse(lambda: nn.keras.load_weights(make(), path), f"{path}: ", error=nn.ModelFileError)


def test_a_compressed_zip_is_refused(path):
    write_keras(path, compression=zipfile.ZIP_DEFLATED)
    refuse(lambda: nn.keras.load(path), f"{path}: ", "compressed", error=nn.ModelFileError)


def test_damaged_files_are_refused(path):
    write_keras(path)
    raw = path.read_bytes()
    for content in (b"", b"text", raw[: len(raw) // 2], raw[:4], b"\x89HDF\r\n\x1a\n" + b"\0" * 100):
        path.write_bytes(content)
        for call in (lambda: nn.keras.load(path), lambda: nn.keras.load_weights(make(), path)):
            refuse(call, f"{path}: ", error=nn.ModelFileError)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x", "y")
    refuse(lambda: nn.keras.load(path), f"{path}: is not a .keras file", error=nn.ModelFileError)
    with h5py.File(path, "w") as file:
        file.create_group("model_weights")
    refuse(lambda: nn.keras.load_weights(make(), path), f"{path}: ", "Keras 2", error=nn.ModelFileError)


def test_wrong_calls(path, tmp_path, monkeypatch):
    write_h5(path)
    refuse(lambda: nn.keras.load(path), f"{path}: has weights alone", error=nn.ModelFileError)
    refuse(lambda: nn.keras.load_weights(path, make()), "model: expected a Model")
    refuse(lambda: nn.keras.load(7), "path: expected a path")
    refuse(lambda: nn.keras.load(tmp_path), f"{tmp_path}: is not a file", error=nn.ModelFileError)
    with pytest.raises(nn.NotBuiltError):
        nn.keras.load_weights(nn.Model([nn.Dense(3), nn.Softmax()]), path)
    with pytest.raises(FileNotFoundError):
        nn.keras.load_weights(network(), tmp_path / "missing.keras")

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", absent)
    for call in (lambda: nn.keras.load(path), lambda: nn.keras.load_weights(make(), path)):
        with pytest.raises(ImportError, match=r'needs h5py; run pip install "nnlite\[keras\]"'):
            call()


# ---- Keras at the other end ------------------------------------------------------------------------------------------

SCRIPT = """
import keras, numpy as np
from keras import layers as L
keras.config.set_floatx("{dtype}")
keras.utils.set_random_seed(0)
k = keras.Sequential([L.Input((3, 4)), L.Flatten(), L.Dense(9, activation="relu"), L.BatchNormalization(), L.Dense(8),
    L.LayerNormalization(), L.Activation("gelu"), L.Dropout(0.3), L.Dense(8, activation="silu"),
    L.Dense(8, activation="elu"), L.Dense(8, activation="selu"), L.Dense(8), L.LeakyReLU(negative_slope=0.3),
    L.Dense(8, activation="softplus"), L.Dense(8, activation="tanh"), L.Dense(8, activation="hard_silu"),
    L.Dense(8, activation="leaky_relu"), L.GaussianNoise(0.1), L.Dense(8, use_bias=False), L.ELU(0.5), L.Dense(8),
    L.BatchNormalization(center=False, epsilon=0.01, momentum=0.9), L.Dense(4, activation="softmax")])
rng = np.random.default_rng(0)
for layer in k.layers:
    layer.set_weights([rng.uniform(0.3, 1, w.shape) * (1 if w.ndim == 1 else rng.choice([-1, 1], w.shape))
                       for w in layer.get_weights()])
X = rng.normal(0, 2, (64, 3, 4)).astype("{dtype}")
np.save("{folder}/X.npy", X)
np.save("{folder}/Y.npy", np.asarray(k(X, training=False)))
k.save("{folder}/k.keras")
keras.Model(k.inputs, k.outputs).save("{folder}/functional.keras")
split = L.Dense(3)(k.inputs[0])
keras.Model(k.inputs, L.Dense(2)(L.Add()([split, L.Dense(3)(split)]))).save("{folder}/branches.keras")
k.save_weights("{folder}/k.weights.h5")
"""


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "dtype"), [("jax", "float32"), ("numpy", "float64")])
def test_a_sequential_of_keras_predicts_the_same(tmp_path, monkeypatch, backend, dtype):
    """Some of Keras' products are in float32 also if everything is in float64."""
    if importlib.util.find_spec("keras") is None or importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs keras and {backend}")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    script = SCRIPT.format(folder=tmp_path, dtype=dtype)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    X, Y = np.load(tmp_path / "X.npy"), np.load(tmp_path / "Y.npy")
    model = nn.keras.load(tmp_path / "k.keras")
    assert model.dtype == dtype
    np.testing.assert_array_equal(nn.keras.load(tmp_path / "functional.keras").theta, model.theta)
    branches = tmp_path / "branches.keras"
    refuse(lambda: nn.keras.load(branches), str(branches), "does not follow", error=nn.ModelFileError)
    np.testing.assert_allclose(model.predict_proba(X), Y, rtol=0, atol=1e-6)
    other = nn.keras.load(tmp_path / "k.keras")
    other.theta = other.state = 0.5
    nn.keras.load_weights(other, tmp_path / "k.keras")
    np.testing.assert_array_equal(other.theta, model.theta)
    path = tmp_path / "k.weights.h5"  # which arrays a layer without center has, it does not say
    refuse(lambda: nn.keras.load_weights(other, path), str(path), "3 arrays", error=nn.ModelFileError)


# ---- convolutions ----------------------------------------------------------------------------------------------------

CONV = [RNG.normal(size=(3, 2, 1, 4)), RNG.normal(size=4)]
NORM = [RNG.normal(size=4), RNG.normal(size=4), RNG.normal(size=4), RNG.uniform(0.5, 2, 4)]
LAST = [RNG.normal(size=(4, 3)), RNG.normal(size=3)]
OF_IMAGES = {"conv2d": CONV, "batch_normalization": NORM, "dense": LAST}


def of_images(**changes):
    """A description of a convolution, a normalization, pooling and a Dense layer, with changes for some classes."""
    described = {
        "InputLayer": {"batch_shape": [None, 6, 5, 1]},
        "ZeroPadding2D": {"padding": [[1, 0], [0, 2]], "data_format": "channels_last"},
        "Conv2D": {"filters": 4, "kernel_size": [3, 2], "strides": [2, 1], "padding": "same", "dilation_rate": [1, 1],
                   "groups": 1, "activation": "relu", "data_format": "channels_last"},
        "BatchNormalization": {"momentum": 0.99, "epsilon": 0.001, "axis": -1},
        "MaxPooling2D": {"pool_size": [2, 2], "strides": [1, 1], "padding": "same"},
        "SpatialDropout2D": {"rate": 0.5},
        "GlobalAveragePooling2D": {"keepdims": False},
        "Dense": {"units": 3, "activation": "softmax"},
    }  # fmt: skip
    records = [{"class_name": name, "config": given | changes.get(name, {})} for name, given in described.items()]
    return {"class_name": "Sequential", "config": {"layers": records}}


def test_a_network_of_convolutions_comes_from_its_description(path):
    write_keras(path, OF_IMAGES, of_images())
    model = nn.keras.load(path)
    assert repr(model) == (
        "Model([ZeroPadding2D(padding=((1, 0), (0, 2))), Conv2D(4, (3, 2), strides=(2, 1), padding='same'), ReLU(), "
        "BatchNorm(momentum=0.01, epsilon=0.001), MaxPool2D(strides=1, padding='same'), Dropout2D(0.5), "
        "GlobalAveragePool2D(), Dense(3), Softmax()])"
    )
    np.testing.assert_allclose(model.parameters["W1"], CONV[0], rtol=1e-6)
    np.testing.assert_allclose(model.layers[3].running_variance, NORM[3], rtol=1e-6)
    model.theta = 0
    nn.keras.load_weights(model, path)
    np.testing.assert_allclose(model.parameters["b1"], CONV[1], rtol=1e-6)
    assert model.predict_proba(RNG.normal(size=(2, 6, 5, 1))).shape == (2, 3)


def test_convolutions_that_nnlite_does_not_have_are_refused(path):
    for changes, said in (
        ({"Conv2D": {"data_format": "channels_first"}}, "has the layer Conv2D with channels first"),
        ({"BatchNormalization": {"axis": 1}}, "has the layer BatchNormalization along axis 1; nnlite's works along"),
        ({"GlobalAveragePooling2D": {"keepdims": True}}, "has a global pooling with keepdims"),
        ({"Conv2D": {"kernel_size": [30, 2], "padding": "valid"}}, "does not fit its input: Conv2D(4, (30, 2)"),
        ({"Conv2D": {"padding": "full"}}, "padding: expected 'valid' or 'same', got 'full'"),
        ({"ZeroPadding2D": {"padding": [[2**40, 0], [0, 2]]}}, "is damaged: one example has "),
    ):
        write_keras(path, OF_IMAGES, of_images(**changes))
        refuse(lambda: nn.keras.load(path), f"{path}: ", said, error=nn.ModelFileError)
    config = of_images()
    config["config"]["layers"][2] |= {"class_name": "LayerNormalization", "config": {"epsilon": 0.001, "axis": -1}}
    write_keras(path, OF_IMAGES, config)
    refuse(lambda: nn.keras.load(path), f"{path}: ", "works along all axes of an example", error=nn.ModelFileError)


SCRIPT_OF_IMAGES = """
import keras, numpy as np
from keras import layers as L
keras.utils.set_random_seed(0)
networks = dict(
    images=((9, 8, 2), [L.Conv2D(6, 3, strides=2, padding="same", activation="relu"), L.BatchNormalization(),
        L.ZeroPadding2D(((1, 0), (0, 2))), L.Conv2D(8, (2, 3), dilation_rate=(1, 2), groups=2, use_bias=False),
        L.Activation("gelu"), L.SpatialDropout2D(0.2), L.MaxPooling2D(2, 1, padding="same"), L.AveragePooling2D(3, 2,
        padding="same"), L.Conv2D(5, 2, padding="same"), L.Flatten(), L.Dense(7, activation="tanh"), L.Dense(3,
        activation="softmax")]),
    sequences=((17, 3), [L.Conv1D(4, 4, strides=2, padding="same"), L.BatchNormalization(), L.ReLU(),
        L.ZeroPadding1D((2, 1)), L.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="silu"),
        L.MaxPooling1D(2), L.AveragePooling1D(2, 1, padding="same"), L.SpatialDropout1D(0.1),
        L.GlobalAveragePooling1D(), L.Dense(3, activation="softmax")]),
)
rng = np.random.default_rng(0)
for name, (shape, chain) in networks.items():
    k = keras.Sequential([L.Input(shape), *chain])
    for layer in k.layers:
        layer.set_weights([rng.uniform(0.3, 1, w.shape) * (1 if w.ndim == 1 else rng.choice([-1, 1], w.shape) / 3)
                           for w in layer.get_weights()])
    X = rng.normal(0, 1, (20, *shape)).astype("float32")
    np.savez("{folder}/" + name + ".npz", X=X, Y=keras.ops.convert_to_numpy(k(X, training=False)))
    k.save("{folder}/" + name + ".keras")
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])  # with PyTorch, Keras counts padding in a mean
def test_convolutions_of_keras_predict_the_same(tmp_path, monkeypatch, backend):
    if importlib.util.find_spec("keras") is None or importlib.util.find_spec(backend) is None:
        pytest.skip(f"needs keras and {backend}")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    script = SCRIPT_OF_IMAGES.replace("{folder}", str(tmp_path))
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    for name in ("images", "sequences"):
        model = nn.keras.load(tmp_path / f"{name}.keras")
        with np.load(tmp_path / f"{name}.npz") as arrays:
            np.testing.assert_allclose(model.predict_proba(arrays["X"]), arrays["Y"], rtol=0, atol=1e-6)
