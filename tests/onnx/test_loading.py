"""Networks read from ONNX files: what other libraries export, and what is refused."""

# ruff: noqa: E501 (a row of a table is a file)

import functools
import subprocess
import sys
import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import nnlite as nn
from tests.onnx.files import node, save
from tests.onnx.running import run
from tests.support import network, refuse, table


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.onnx"


RNG = np.random.default_rng(0)
W, V, b = (RNG.normal(size=shape).astype(np.float32) for shape in ((4, 3), (3, 4), (3,)))
ONE, TWO = np.float32(1), np.float32(2)

# nodes, constants, what is recognized

KNOWN = table([
    ("Gemm", [node("Gemm", "X", "W", "b")], {"W": W, "b": b}, "[Dense(3), Identity()]"),
    ("Gemm with all it has", [node("Gemm", "X", "V", "b", transB=1, alpha=2.0, beta=0.5)], {"V": V, "b": b},
     "[Dense(3), Identity()]"),
    ("no bias", [node("MatMul", "X", "W")], {"W": W}, "[Dense(3), Identity()]"),
    ("product and sum", [node("MatMul", "X", "W", to="z"), node("Add", "b", "z")], {"W": W, "b": b}, "[Dense(3), Identity()]"),
    ("weights that are computed", [node("Transpose", "V", to="W", perm=[1, 0]), node("Mul", "W", "two", to="W2"),
     node("MatMul", "X", "W2")], {"V": V, "two": TWO}, "[Dense(3), Identity()]"),
    ("scaled twice", [node("MatMul", "X", "W", to="z"), node("Mul", "z", "b", to="u"), node("Sub", "two", "u")],
     {"W": W, "b": b, "two": TWO}, "[Dense(3), Identity()]"),
    ("standardized", [node("Sub", "X", "m", to="z"), node("Div", "z", "s", to="u"), node("MatMul", "u", "W")],
     {"m": np.float32([1, 2, 3, 4]), "s": np.float32([1, 2, 4, 8]), "W": W}, "Dense(3), Identity()]"),
    ("Clip is ReLU", [node("MatMul", "X", "W", to="z"), node("Clip", "z", "zero")], {"W": W, "zero": np.float32(0)},
     "[Dense(3), ReLU(), Identity()]"),
    ("PRelu is LeakyReLU", [node("MatMul", "X", "W", to="z"), node("PRelu", "z", "s")],
     {"W": W, "s": np.full(3, 0.25, np.float32)}, "[Dense(3), LeakyReLU(negative_slope=0.25), Identity()]"),
    ("a sigmoid written out", [node("MatMul", "X", "W", to="z"), node("Neg", "z", to="n"), node("Exp", "n", to="e"),
     node("Add", "e", "one", to="d"), node("Reciprocal", "d")], {"W": W, "one": ONE}, "[Dense(3), Sigmoid()]"),
    ("a softmax written out", [node("MatMul", "X", "W", to="z"), node("ReduceMax", "z", to="m", axes=[-1]),
     node("Sub", "z", "m", to="s"), node("Exp", "s", to="e"), node("ReduceSum", "e", "axes", to="t"), node("Div", "e", "t")],
     {"W": W, "axes": np.int64([1])}, "[Dense(3), Softmax()]"),
    ("softplus written out", [node("MatMul", "X", "W", to="z"), node("Exp", "z", to="e"), node("Add", "e", "one", to="d"),
     node("Log", "d")], {"W": W, "one": ONE}, "[Dense(3), Softplus(), Identity()]"),
    ("swish", [node("MatMul", "X", "W", to="z"), node("Sigmoid", "z", to="g"), node("Mul", "g", "z")], {"W": W},
     "[Dense(3), SiLU(), Identity()]"),
    ("residual", [node("Relu", "X", to="r"), node("Add", "r", "X", to="z"), node("MatMul", "z", "W")], {"W": W},
     "[Residual((ReLU(),)), Dense(3), Identity()]"),
    ("residual inside a residual", [node("MatMul", "X", "Q", to="q"), node("Tanh", "q", to="t"), node("Add", "q", "t", to="u"),
     node("Add", "X", "u", to="v"), node("MatMul", "v", "W")], {"Q": np.eye(4, dtype=np.float32) * 2, "W": W},
     "[Residual((Dense(4), Residual((Tanh(),)))), Dense(3), Identity()]"),
    ("two branches", [node("MatMul", "X", "W", to="u"), node("MatMul", "X", "Z", to="v"), node("Add", "u", "v")],
     {"W": W, "Z": W}, "[Residual((Dense(3),), shortcut=(Dense(3),)), Identity()]"),
    ("dropout is left out", [node("Dropout", "X", to="d"), node("Identity", "d", to="i"), node("MatMul", "i", "W")], {"W": W},
     "[Dense(3), Identity()]"),
    ("half precision", [node("MatMul", "X", "W")], {"W": W.astype(np.float16).astype(np.float32)}, "[Dense(3), Identity()]"),
])  # fmt: skip


@pytest.mark.parametrize(("nodes", "arrays", "expected"), KNOWN)
def test_operators_become_layers(path, nodes, arrays, expected):
    save(path, nodes, arrays)
    model = nn.onnx.load(path)
    assert repr(model).endswith(f"{expected})")
    assert model.dtype == np.float32
    for M in (1, 9):
        X = RNG.normal(0, 2, (M, 4)).astype(np.float32)
        np.testing.assert_allclose(model.forward(X, training=False), run(path, X), rtol=1e-6, atol=1e-6)


def test_a_float64_file_makes_a_float64_network(path):
    save(path, [node("Gemm", "X", "W", "b")], {"W": W.astype(float), "b": b.astype(float)}, dtype=TensorProto.DOUBLE)
    model = nn.onnx.load(path)
    assert model.dtype == np.float64
    np.testing.assert_array_equal(model.layers[0].W, W)


def test_a_fixed_batch_becomes_any(path):
    nodes = [node("Reshape", "X", "shape", to="r"), node("MatMul", "r", "W")]
    save(path, nodes, {"shape": np.int64([5, 4]), "W": W}, dims=[5, 2, 2])
    model = nn.onnx.load(path)
    assert repr(model) == "Model([Flatten(), Dense(3), Identity()])"
    assert model.predict(np.ones((8, 2, 2))).shape == (8, 3)


def test_the_size_of_the_input_may_follow_from_the_weights(path):
    save(path, [node("MatMul", "X", "W")], {"W": W}, dims=["M", "n"])
    assert nn.onnx.load(path).input_shape == (4,)


def test_logits_get_the_output_that_is_asked_for(path):
    save(path, [node("Gemm", "X", "W", "b")], {"W": W, "b": b})
    model = nn.onnx.load(path, output=nn.Softmax())
    X = RNG.normal(size=(5, 4)).astype(np.float32)
    np.testing.assert_allclose(model.predict_proba(X), nn.softmax(run(path, X)), atol=1e-6)
    for wrong in (nn.ReLU(), "softmax", nn.Softmax):
        refuse(functools.partial(nn.onnx.load, path, output=wrong), "output: expected an output layer")


def test_class_names_come_back(path):
    model = network(nn.Dense(5), nn.ReLU())
    model.class_names = ["a", "b", "é"]
    nn.onnx.export(model, path)
    assert nn.onnx.load(path).class_names == ("a", "b", "é")
    file = onnx.load(path)
    for text in ('["a", "b"]', "[1, 2, 3]", "no JSON", "[" * 100_000, '{"a": 1}'):  # they do not fit: no names
        file.metadata_props[0].value = text
        onnx.save(file, path)
        assert nn.onnx.load(path).class_names is None


# ---- what PyTorch, scikit-learn and Keras export ---------------------------------------------------------------------


def pytorch_network(torch, dtype):
    t = torch.nn
    torch.manual_seed(0)
    layers = [
        t.Flatten(), t.Linear(12, 9), t.BatchNorm1d(9), t.ReLU(), t.Linear(9, 8), t.LayerNorm(8), t.GELU(), t.Dropout(0.3),
        t.Linear(8, 8), t.SiLU(), t.Linear(8, 8), t.ELU(), t.Linear(8, 8), t.SELU(), t.Linear(8, 8), t.LeakyReLU(0.01),
        t.Linear(8, 8), t.Hardswish(), t.Linear(8, 8), t.Softplus(), t.Linear(8, 8), t.Tanh(), t.BatchNorm1d(8),
        t.GELU("tanh"), t.Linear(8, 4), t.Softmax(dim=1),
    ]  # fmt: skip
    made = t.Sequential(*layers).to(dtype)
    for _ in range(3):
        made(torch.randn(16, 3, 4, dtype=dtype) * 2 + 1)
    return made.eval()


def same_as_pytorch(torch, network, path, tolerance, shape, dtype):
    model = nn.onnx.load(path)
    for M in (1, 7):
        X = np.random.default_rng(M).normal(0, 2, (M, *shape)).astype(dtype)
        with torch.no_grad():
            expected = network(torch.from_numpy(X)).numpy()
        np.testing.assert_allclose(model.forward(X, training=False), expected, rtol=0, atol=tolerance)
    return model


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("opset", [11, 13, 17])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-8)])
def test_pytorchs_old_exporter(path, opset, dtype, tolerance):
    torch = pytest.importorskip("torch")
    twin = pytorch_network(torch, getattr(torch, dtype))
    example = torch.zeros(5, 3, 4, dtype=getattr(torch, dtype))
    torch.onnx.export(twin, example, path, dynamo=False, opset_version=opset)
    same_as_pytorch(torch, twin, path, tolerance, (3, 4), dtype)


class Block:
    """A network with residual connections, made where PyTorch is there."""

    def __new__(cls, torch):
        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b, self.out = (torch.nn.Linear(6, n) for n in (6, 6, 3))
                self.norm = torch.nn.LayerNorm(6)

            def forward(self, x):
                x = x + torch.relu(self.a(x))
                x = x + self.b(self.norm(x))
                return torch.sigmoid(self.out(torch.nn.functional.silu(x)))

        torch.manual_seed(0)
        return Net().eval()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamic", [False, True])
def test_pytorchs_new_exporter(path, dynamic):
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    twin = pytorch_network(torch, torch.float32)
    shapes = ({0: "batch"},) if dynamic else None
    torch.onnx.export(twin, (torch.zeros(5, 3, 4),), path, dynamo=True, dynamic_shapes=shapes)
    assert (path.parent / "model.onnx.data").stat().st_size > 0  # some weights lie beside it
    same_as_pytorch(torch, twin, path, 1e-6, (3, 4), "float32")


@pytest.mark.filterwarnings("ignore")
def test_residual_connections_of_pytorch(path):
    torch = pytest.importorskip("torch")
    twin = Block(torch)
    torch.onnx.export(twin, torch.zeros(2, 6), path, dynamo=False)
    model = same_as_pytorch(torch, twin, path, 1e-6, (6,), "float32")
    assert repr(model) == (
        "Model([Residual((Dense(6), ReLU())), Residual((LayerNorm(), Dense(6))), SiLU(), Dense(3), Sigmoid()])"
    )


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["three", "two", "names", "scaled"])
def test_classifiers_of_scikit_learn(path, kind, zipmap, dtype):
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = nn.load_iris()
    X, y = data.X_train.astype(dtype), data.y_train
    y = {"two": y > 0, "names": np.array(data.class_names)[y]}.get(kind, y)
    activation = {"two": "logistic", "names": "tanh"}.get(kind, "relu")
    fitted = MLPClassifier((8,), activation=activation, max_iter=20, random_state=0)
    fitted = (make_pipeline(StandardScaler(), fitted) if kind == "scaled" else fitted).fit(X, y)
    onnx.save(to_onnx(fitted, X[:1], options={"zipmap": zipmap}), path)
    model = nn.onnx.load(path)
    new = data.X_test.astype(dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(model.predict_proba(new), fitted.predict_proba(new), rtol=0, atol=tolerance)
    labels = fitted.predict(new).astype(int if kind != "names" else str).astype(str)
    np.testing.assert_array_equal(model.predict(new, names=True), labels)


@pytest.mark.filterwarnings("ignore")
def test_a_regressor_of_scikit_learn(path):
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    X = np.random.default_rng(0).normal(5, 2, (60, 3))
    fitted = make_pipeline(MinMaxScaler(), MLPRegressor(hidden_layer_sizes=(8,), max_iter=20)).fit(X, X.sum(axis=1))
    onnx.save(to_onnx(fitted, X[:1]), path)
    np.testing.assert_allclose(nn.onnx.load(path).predict(X), fitted.predict(X), rtol=1e-12)


@pytest.mark.filterwarnings("ignore")
def test_several_values_and_several_labels_of_scikit_learn(path):
    """skl2onnx puts several values below one another: the file gives (2 M, 1)."""
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    X = np.random.default_rng(0).normal(5, 2, (60, 3))
    Y = np.stack([X[:, 0] + X[:, 1], X[:, 2]], axis=1)
    fitted = MLPRegressor(hidden_layer_sizes=(8,), max_iter=20).fit(X, Y)
    onnx.save(to_onnx(fitted, X[:1]), path)
    np.testing.assert_allclose(nn.onnx.load(path).predict(X), fitted.predict(X), rtol=1e-12)
    fitted = MLPClassifier((8,), max_iter=20).fit(X, Y > 5)
    onnx.save(to_onnx(fitted, X[:1], options={"zipmap": False}), path)
    np.testing.assert_allclose(nn.onnx.load(path).predict_proba(X), fitted.predict_proba(X), atol=1e-12)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("exporter", ["jax2onnx", "tf2onnx"])
def test_a_network_of_keras(path, exporter):
    """jax2onnx is what Keras' own export uses with JAX."""
    backend, library = {"jax2onnx": ("jax", "jax"), "tf2onnx": ("tensorflow", "tensorflow")}[exporter]
    pytest.importorskip(exporter)
    pytest.importorskip(library)
    script = KERAS.format(backend=backend, export=EXPORTS[exporter], folder=str(path.parent))
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    X, expected = np.load(path.parent / "X.npy"), np.load(path.parent / "Y.npy")
    np.testing.assert_allclose(nn.onnx.load(path).predict_proba(X), expected, rtol=0, atol=1e-6)


KERAS = """
import os
os.environ["KERAS_BACKEND"] = "{backend}"
import keras, numpy as np
from keras import layers as L
keras.utils.set_random_seed(0)
k = keras.Sequential([L.Input((3, 4)), L.Flatten(), L.Dense(9), L.BatchNormalization(), L.Activation("relu"), L.Dense(8),
    L.LayerNormalization(), L.Activation(lambda z: keras.activations.gelu(z, approximate=True)), L.Dropout(0.3),
    L.Dense(8, activation="silu"), L.Dense(8, activation="elu"), L.Dense(8, activation="selu"), L.Dense(8),
    L.LeakyReLU(negative_slope=0.2), L.Dense(8, activation="softplus"), L.Dense(8, activation="tanh"),
    L.Dense(8, use_bias=False), L.Dense(4, activation="softmax")])
rng = np.random.default_rng(0)
k.layers[2].set_weights([rng.normal(size=9), rng.normal(size=9), rng.normal(size=9), rng.uniform(0.5, 2, 9)])
X = rng.normal(0, 2, (6, 3, 4)).astype("float32")
np.save("{folder}/X.npy", X)
np.save("{folder}/Y.npy", np.asarray(k(X, training=False)))
path = "{folder}/model.onnx"
{export}
"""
EXPORTS = {
    "jax2onnx": """
import jax2onnx, onnx
onnx.save(jax2onnx.to_onnx(lambda x: k(x, training=False), [("B", 3, 4)]), path)
""",
    "tf2onnx": """
import tf2onnx, tensorflow as tf
tf2onnx.convert.from_function(tf.function(lambda x: k(x, training=False)), output_path=path, opset=17,
    input_signature=[tf.TensorSpec((None, 3, 4), tf.float32)])
""",
}


# ---- what is refused -------------------------------------------------------------------------------------------------

UNKNOWN = table([
    ("a convolution", [node("Relu", "X", to="r"), node("ConvTranspose", "r", "W", to="c"), node("Abc", "c")], {"W": W},
     "operator ConvTranspose"),
    ("first of two", [node("LSTM", "X", "W", to="c"), node("Conv", "c", "W")], {"W": W}, "operator LSTM"),
    ("of another domain", [node("Gelu", "X", domain="com.microsoft")], {}, "operator com.microsoft.Gelu"),
    ("a trigonometric function", [node("MatMul", "X", "W", to="z"), node("Sin", "z")], {"W": W}, "operator Sin"),
    ("with its name", [node("Sin", "X", name="wave")], {}, "operator Sin (node 'wave')"),
    ("known alone, not together", [node("MatMul", "X", "W", to="z"), node("Softplus", "z", to="s"), node("Tanh", "s", to="t"),
     node("Mul", "z", "t")], {"W": W}, "operator Softplus, together with Tanh, Mul, for which nnlite has no layer"),
    ("a square", [node("MatMul", "X", "W", to="z"), node("Mul", "z", "z")], {"W": W}, "operator Mul"),
    ("a product of values", [node("Transpose", "X", to="T", perm=[1, 0]), node("MatMul", "X", "T")], {}, "Transpose"),
    ("a steep slope", [node("LeakyRelu", "X", alpha=3.0)], {}, "operator LeakyRelu"),
    ("rows that mix", [node("ReduceMean", "X", to="m", axes=[0]), node("Sub", "X", "m")], {}, "operator ReduceMean"),
    ("softmax of the columns", [node("Softmax", "X", axis=0)], {}, "Softmax"),
    ("a loop", [node("Loop", "X")], {}, "operator Loop"),
    ("no dependence", [node("Identity", "W")], {"W": W}, "does not depend on its input"),
    ("not finite", [node("MatMul", "X", "W")], {"W": W * np.inf}, "finite"),
    ("of another width", [node("MatMul", "X", "W")], {"W": W[:2]}, "MatMul"),
    ("a cycle", [node("Add", "X", "Y")], {}, "which nothing before it computes"),
    ("computed twice", [node("Relu", "X", to="X")], {}, "computed twice"),
    ("too large a constant", [node("ConstantOfShape", "s", to="c"), node("MatMul", "X", "c")],
     {"s": np.int64([4, 2**40])}, "would compute"),
    ("too large a sum", [node("Add", "u", "v", to="c"), node("MatMul", "X", "c")],
     {"u": np.ones((1, 2**14), np.float32), "v": np.ones((2**14, 1), np.float32)}, "would compute"),
    ("too large an expansion", [node("Expand", "one", "s", to="c"), node("Add", "X", "c")],
     {"one": ONE, "s": np.int64([2**50])}, ""),
])  # fmt: skip


@pytest.mark.parametrize(("nodes", "arrays", "message"), UNKNOWN)
def test_the_first_operator_without_a_layer_is_named(path, nodes, arrays, message):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(path, nodes, arrays)
    refuse(lambda: nn.onnx.load(path), f"{path}: ", message, error=nn.ModelFileError)


def test_two_chains_that_share_operators_are_no_residual_connection(path):
    """If each were read on its own, thirty additions would be two to the thirtieth layers."""
    nodes = [node("MatMul", "X", "S", to=name) for name in ("p0", "q0")]
    for i in range(30):
        nodes += [node("Add", f"p{i}", f"q{i}", to=f"p{i + 1}"), node("Add", f"q{i}", f"p{i}", to=f"q{i + 1}")]
    save(path, [*nodes, node("Add", "p30", "q30")], {"S": RNG.normal(size=(4, 4)).astype(np.float32)}, result=4)
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "for which nnlite has no layer", error=nn.ModelFileError)


def test_files_with_other_inputs_and_outputs(path):
    save(path, [node("Relu", "X")], dims=["M"])
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "1 dimensions; expected rows", error=nn.ModelFileError)
    save(path, [node("Relu", "X")], dims=["M", "n"])
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "is not fixed", error=nn.ModelFileError)
    save(path, [node("Relu", "X")], dims=["M", 2**20, 2**20])
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "more than 262144 numbers", error=nn.ModelFileError)
    model = save(path, [node("Relu", "X"), node("Tanh", "X", to="Z")])
    model.graph.output.append(helper.make_tensor_value_info("Z", TensorProto.FLOAT, ["M", 4]))
    onnx.save(model, path)
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "has 2 outputs ('Y', 'Z')", error=nn.ModelFileError)
    model.graph.input.append(helper.make_tensor_value_info("Q", TensorProto.FLOAT, ["M", 4]))
    onnx.save(model, path)
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "has 2 inputs ('X', 'Q')", error=nn.ModelFileError)


@pytest.mark.slow
def test_a_long_chain_of_operators_ends_quickly_and_in_bounded_memory(path):
    """Each keeps its result until the end, and the last has no layer."""
    n = 1500
    nodes = [node("Relu", f"v{i}" if i else "X", to=f"v{i + 1}") for i in range(n)]
    save(path, [*nodes, node("Mul", f"v{n}", f"v{n}")])
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "operator Mul", error=nn.ModelFileError)
    nodes = [node("Exp", "X", to=f"v{i}") for i in range(n)]
    save(path, [*nodes, node("Max", *(f"v{i}" for i in range(n)))], dims=["M", 2**17])
    refuse(lambda: nn.onnx.load(path), f"{path}: ", "more numbers than nnlite keeps", error=nn.ModelFileError)


def test_a_network_of_a_table_is_refused(path):
    table = nn.Table({"x": [1.0, 2, 3, 4], "c": ["a", "b", "a", "b"], "y": ["u", "v", "u", "v"]}, target="y")
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(table, epochs=1, progress=False)
    nn.onnx.export(model, path)
    refuse(lambda: nn.onnx.load(path), f"{path}: has 2 inputs ('x', 'c'): it takes a table", error=nn.ModelFileError)
