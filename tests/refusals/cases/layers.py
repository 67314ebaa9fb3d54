"""Wrong arguments of layers, initializers and Model itself."""

import numpy as np

import nnlite as nn

from ..refusal import Call, Made, case, each

NAN, INF = float("nan"), float("inf")
N = 3  # features
GAINS = each(0, -1, NAN, INF, "a", None, True, [1.0], 10**400, says="above 0")
TWICE = nn.Dense(4)


def of_another_model():
    """A layer that belongs to a model already, in front of an output."""
    layer = nn.Dense(4)
    nn.Model([layer, nn.Softmax()], n_features=N, seed=0)
    return [layer, nn.Softmax()]


OF_SHAPE = {"named": "n_features", "label": "images"}
LAYERS = [
    case([nn.Dense(2)], "the last must be", "Softmax", "got Dense(2)", label="no output"),
    case([], "at least one layer", "got []"),
    case(None, "expected a list", "got None"),
    case(nn.Softmax(), "expected a list", "got Softmax()", label="one layer"),
    case(3, "expected a list", "got 3"),
    case(iter([nn.Softmax()]), "expected a list", label="iterator"),
    case("Softmax", "expected a list", "got 'Softmax'"),
    case(["rellu", nn.Softmax()], "entry 0 is not a layer", "did you mean 'relu'?", label="name"),
    case([nn.Dense(4), nn.Softmax], "entry 1 is not a layer", "nn.Softmax()", label="class"),
    case([nn.Dense(4), nn.softmax], "entry 1 is not a layer", label="function"),
    case([nn.Dense(4), nn.ReLU()], "the last must be", "got ReLU()", label="ReLU last"),
    case([TWICE, nn.ReLU(), TWICE, nn.Softmax()], "Dense(4)", "twice", "one layer for each place", label="twice"),
    case(Made(of_another_model), "Dense(4)", "another model", "make a new layer", label="of a model", n_features=N),
    case(
        [nn.Dense(1), nn.Softmax()],
        "1 unit", "Dense(2), Softmax()", "Dense(1), Sigmoid()",
        label="Softmax over one unit", n_features=N,
    ),
    case([nn.Conv2D(4, 3), nn.Flatten(), nn.Softmax()], "channels", "X[..., None]", **OF_SHAPE, n_features=(8, 8)),
    case([nn.Conv2D(4, 3), nn.Flatten(), nn.Softmax()], "last", "X.transpose(0, 2", **OF_SHAPE, n_features=(1, 28, 28)),
    case([nn.Conv2D(4, 9), nn.Flatten(), nn.Softmax()], "larger than its image", **OF_SHAPE, n_features=(8, 8, 3)),
    case([nn.Conv2D(4, 3), nn.Dense(2), nn.Softmax()], "nn.Flatten()", **OF_SHAPE, n_features=(8, 8, 3)),
    case([nn.ReLU(), nn.Identity()], "rows of units", "(8, 8)", label="output of images", n_features=(8, 8)),
]  # fmt: skip
SIZES = [
    *each(0, -1, "a", 2.5, True, (), says="integer of at least 1"),
    case((3, 0), "integer of at least 1", "got 0"),
    case((8, 8), "(8, 8)", label="images for Dense"),
]
DTYPES = ("float16", None, int, "double float", ">f4", complex, 32, {"a": 1}, "float32,,")

CALLS = {
    "Model": Call(
        {"layers": [nn.Dense(2), nn.Softmax()]},
        wrong={
            "layers": LAYERS,
            "n_features": SIZES,
            "seed": each(-1, 1.5, "a", True, [1], says="integer of at least 0"),
            "dtype": each(*DTYPES, says="'float32' or 'float64'"),
        },
    ),
    "Dense": Call(
        {"units": 3},
        wrong={
            "units": each(2.5, 0, -1, 2.0, True, "8", None, [8], says="integer of at least 1"),
            "initializer": each("he", nn.HeNormal, 0.1, np.zeros, says="nn.HeNormal()"),
            "trainable": "yes",
        },
    ),
    "Conv2D": Call(
        {"filters": 8, "kernel_size": 3},
        wrong={
            "filters": each(0, 2.5, True, "8", says="integer of at least 1"),
            "kernel_size": [
                *each(0, "3", None, says="integer of at least 1"),
                case((3, 3, 3), "an integer or 2 of them"),
                case((3, 0), "integer of at least 1"),
            ],
            "initializer": [*each("he", nn.HeNormal, says="nn.HeNormal()"), case(16, "write nn.Conv2D(3, 16)")],
            "trainable": "yes",
            "strides": [case(0, "at least 1"), case((1, 1, 1), "an integer or 2 of them")],
            "padding": [
                case("full", "'valid' or 'same'"),
                case(1, "nn.ZeroPadding2D(1)"),
                case(0, "0 is 'valid'"),
                case(None, "'valid'"),
            ],
            "dilation": each(0, 1.5, says="at least 1"),
            "groups": [case(0, "at least 1"), case(3, "a multiple of 3 filters, got 8")],
        },
    ),
    "Conv1D": Call(
        {"filters": 8, "kernel_size": 3},
        wrong={
            "filters": 0,
            "kernel_size": case((3, 3), "an integer or 1 of them"),
            "initializer": "he",
            "trainable": 1,
            "strides": 0,
            "padding": case("causal", "'valid' or 'same'"),
            "dilation": 0,
            "groups": 3,
        },
    ),
    **{
        name: Call(wrong={"pool_size": 0, "strides": -1, "padding": case("full", "'valid' or 'same'")})
        for name in ("MaxPool2D", "MaxPool1D", "AveragePool2D", "AveragePool1D")
    },
    "ZeroPadding2D": Call(wrong={"padding": [case(-1, "at least 0"), case((1, 2, 3), "an integer or a pair")]}),
    "ZeroPadding1D": Call(wrong={"padding": [case(-1, "at least 0"), case(((1, 1), (1, 1)), "(left, right)")]}),
    "Dropout2D": Call(wrong={"rate": 1}),
    "Dropout1D": Call(wrong={"rate": -0.1}),
    "LeakyReLU": Call(wrong={"negative_slope": NAN}),
    "ELU": Call(wrong={"alpha": -1}),
    "GELU": Call(wrong={"approximate": True}),
    "Softmax": Call(wrong={"label_smoothing": 1}),
    "Sigmoid": Call(wrong={"label_smoothing": -0.1}),
    "Dropout": Call(wrong={"rate": 1}),
    "AlphaDropout": Call(wrong={"rate": 1}),
    "GaussianNoise": Call(wrong={"stddev": -1}),
    "BatchNorm": Call(wrong={"momentum": 2, "epsilon": 0, "trainable": 1}),
    "LayerNorm": Call(wrong={"epsilon": 0, "trainable": None}),
    "Reshape": Call(wrong={"target_shape": (-1, -1)}),
    "Residual": Call(
        {"layers": [nn.ReLU()]},
        wrong={"layers": [], "trainable": "no", "shortcut": [case([], "a list of at least one"), case(3, "a list")]},
    ),
    "Constant": Call(wrong={"value": NAN}),
    "GlorotUniform": Call(wrong={"gain": GAINS}),
    "Orthogonal": Call(wrong={"gain": -1}),
    "TruncatedNormal": Call(wrong={"mean": NAN, "stddev": 0}),
}
MODEL = {"Model": CALLS.pop("Model")}
