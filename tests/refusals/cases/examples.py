"""Networks in the middle of their work, and wrong examples, targets and weights for them."""

import numpy as np

import nnlite as nn

from ..refusal import case, changed, labeled

M, N = 8, 3  # examples and features
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, N)).astype(np.float32)
y = np.arange(M) % 4
ROWS = np.eye(4, dtype=np.float32)[y]
WEIGHT = np.array([2, 1, 0, 3, 1, 2, 1, 1])

OUTPUTS = {  # units, output layer, targets
    "softmax": (4, nn.Softmax, y),
    "sigmoid": (1, nn.Sigmoid, y % 2),
    "labels": (2, nn.Sigmoid, np.stack([y % 2, y // 2], axis=1)),
    "identity": (1, nn.Identity, np.linspace(-1, 1, M)),
    "values": (2, nn.Identity, np.stack([X[:, 0], X[:, 1]], axis=1)),
    "counts": (1, nn.Exponential, np.arange(M)),
}


def targets(on):
    """Right targets for ``model_for(on)``."""
    return OUTPUTS[on.removeprefix("unbuilt ") or "softmax"][2]


def model_for(on="softmax", dtype="float32"):
    """A network named by its output; it has seen X and has a gradient, or "unbuilt ..." does not know its input yet."""
    units, output, right = OUTPUTS[on.removeprefix("unbuilt ") or "softmax"]
    layers = [nn.Dense(5), nn.Tanh(), nn.Dense(units), output()]
    if on.startswith("unbuilt"):
        return nn.Model(layers, seed=1, dtype=dtype)
    model = nn.Model(layers, n_features=N, seed=1, dtype=dtype)
    model.forward(X)
    model.backward(right)
    return model


def with_entry(array, index, value, dtype=None):
    """A copy of ``array`` with one entry replaced."""
    array = np.array(array, dtype or array.dtype)
    array[index] = value
    return array


class SparseMatrix:
    """What a sparse matrix looks like from outside."""

    shape = (M, N)

    def toarray(self):
        return X.copy()


# ---- X -------------------------------------------------------------------------------------------------------------

WRONG_X = [
    case(X[:, :2], "expected 3 features", "got 2 features", "shape (8, 2)", label="width 2"),
    case(with_entry(X, (1, 2), np.nan), "expected finite numbers", "nan at {name}[1, 2]", "1 of 24", label="nan"),
    case(with_entry(X, (0, 0), np.inf), "expected finite numbers", "inf at {name}[0, 0]", label="inf"),
    case(with_entry(X, (7, 1), -np.inf), "expected finite numbers", "-inf at {name}[7, 1]", label="minus inf"),
    case(with_entry(X, (2, 1), np.inf, np.float16), "finite", "inf at {name}[2, 1]", label="float16 inf"),
    case(with_entry(X, (3, 0), 1e39, float), "1e+39 at {name}[3, 0]", "too large for float32", label="too large"),
    case(with_entry(X, (3, 0), -1e39, float), "-1e+39 at {name}[3, 0]", "too large for float32", label="too negative"),
    case(np.empty((0, N)), "at least one example", "shape (0, 3)", label="no rows"),
    case(np.empty((M, 0)), "at least one example and one feature", "shape (8, 0)", label="no columns"),
    case([], "expected two dimensions", "shape (0,)", label="nothing"),
    case([["1", "2", "3"]] * M, "expected numbers", "dtype <U1", "'1'", label="strings"),
    case([[b"1", b"2", b"3"]] * M, "expected numbers", "dtype |S1", label="bytes"),
    case(X.astype(object), "expected numbers", "dtype object", label="objects"),
    case([[1.0, None, 2.0]] * M, "expected numbers", "dtype object", label="a gap in a list"),
    case(X.astype(complex), "expected numbers", "dtype complex128", label="complex"),
    case(np.zeros((M, N), "datetime64[s]"), "expected numbers", "dtype datetime64[s]", label="datetimes"),
    case(np.zeros((M, N), "timedelta64[s]"), "expected numbers", "dtype timedelta64[s]", label="timedeltas"),
    case(np.zeros((M, N), [("a", "f4")]), "expected numbers", "dtype [('a', '<f4')]", label="structured"),
    case([[1.0, 2.0, 3.0], [1.0, 2.0]] * 4, "different lengths", "expected a rectangular array", label="ragged"),
    case(X[:, 0], "expected two dimensions", f"shape ({M},)", label="one dimension"),
    case(3.0, "expected two dimensions", "shape ()", label="a number"),
    case(X.reshape(M, N, 1), "features", "of shape (3, 1)", label="images"),
    case(SparseMatrix(), "sparse", "pass {name}.toarray()", label="sparse"),
    case({"X": X}, "expected numbers", "dtype object", label="dict"),
    case(None, "expected numbers", "None"),
]  # fmt: skip
WIDTHS = [
    case(np.zeros((M, width), np.float32), "expected 3 features", f"got {width} features", f"shape (8, {width})",
         label=f"width {width}")
    for width in (1, 4, 300)
]  # fmt: skip
# one for each line of the check: the calls for which the whole list would find nothing more
X_OF_EACH_KIND = labeled(
    WRONG_X, "width 2", "nan", "too large", "no rows", "strings", "ragged", "one dimension", "images", "sparse"
)
X_UNBUILT = changed([one for one in WRONG_X if one.label != "width 2"], on="unbuilt softmax")

# ---- y -------------------------------------------------------------------------------------------------------------


def of(kind, *cases):
    """The same cases, for the network with this output."""
    return changed(cases, on=kind)


RANGE = ("is out of range", "4 output units", "0..3")
SHAPES = ("(M,)", "(M, 4)")
WRONG_Y = [
    *of(
        "softmax",
        case(with_entry(y, 2, -1), "label -1", *RANGE, label="negative label"),
        case(with_entry(y, 2, 4), "label 4", *RANGE, label="label C"),
        case(with_entry(y, 2, 255, np.uint8), "label 255 is out of range", "0..3", label="uint8 label"),
        case(with_entry(y, 2, 2**64 - 1, np.uint64), f"label {2**64 - 1}", *RANGE, label="largest uint64"),
        case([2**70] * M, "expected numbers", "dtype object", label="huge label"),
        case(y[:-1], "expected 8 labels", "got 7", label="too few"),
        case(np.append(y, 0), "expected 8 labels", "got 9", label="too many"),
        case(ROWS[:-1], "expected 8 labels", "got 7", label="too few rows"),
        case([], "expected 8 labels", "got 0", label="empty"),
        case(y.astype(np.float32), "must be integers", "float32", "{name}.astype(int)", label="float classes"),
        case(np.full(M, np.nan), "must be integers", "first entry nan", label="nan classes"),
        case(np.r_[np.zeros(M - 1), np.nan], "must be integers", "is missing (nan)", label="a nan class"),
        case(ROWS * 0.5, "rows must sum to 1", "row 0 sums to 0.5", label="sum below 1"),
        case(with_entry(ROWS, (3, 0), 0.5), "must sum to 1", "row 3 sums to 1.5", label="one sum above 1"),
        case(with_entry(ROWS, 6, 0), "must sum to 1", "row 6 sums to 0", label="row of zeros"),
        case(with_entry(ROWS, 0, [2, -1, 0, 0]), "in [0, 1]", "from -1 to 2", label="negative probability"),
        case(with_entry(ROWS, (5, 1), np.nan), "nan", "expected", label="nan in rows"),
        case(with_entry(ROWS, (5, 1), np.inf), "inf", "expected", label="inf in rows"),
        case(np.eye(3)[y % 3], *SHAPES, "got shape (8, 3)", label="narrow rows"),
        case(np.eye(5)[y], *SHAPES, "got shape (8, 5)", label="wide rows"),
        case(y[:, None], *SHAPES, "got shape (8, 1)", "{name}.ravel()", label="column"),
        case(1, *SHAPES, "got shape ()", label="one number"),
        case(ROWS[:, None], *SHAPES, "got shape (8, 1, 4)", label="three dimensions"),
        case(["a", "b"] * 4, "expected numbers", "'a'", label="names"),
        case(y.astype(object), "expected numbers", "dtype object", label="objects"),
        case(y.astype(complex), "expected numbers", "dtype complex128", label="complex"),
        case(np.zeros(M, "datetime64[s]"), "expected numbers", "datetime64[s]", label="datetimes"),
        case([[1, 0, 0, 0], [1]] * 4, "different lengths", label="ragged"),
        case(SparseMatrix(), "sparse", "{name}.toarray()", label="sparse"),
    ),
    *of(
        "sigmoid",
        case(with_entry(y % 2, 0, 2), "0, 1 or probabilities in [0, 1]", "from 0 to 2", label="two"),
        case(with_entry(y % 2, 0, -1), "in [0, 1]", "from -1 to 1", label="minus one"),
        case(with_entry(y % 2, 0, 1.5, float), "in [0, 1]", "from 0 to 1.5", label="one and a half"),
        case(with_entry(y % 2, 4, np.nan, float), "finite", "nan at {name}[4", label="nan"),
        case(y[:5] % 2, "expected 8 labels", "got 5", label="too few"),
        case(np.eye(2)[y % 2], "(M,) or (M, 1)", "1 output unit", "got (8, 2)", label="two columns"),
        case(["no", "yes"] * 4, "expected numbers", "'no'", label="names"),
    ),
    *of(
        "labels",
        case(y % 2, "(M, 2)", "2 output units", "got (8,)", label="one column"),
        case(np.zeros((M, 3)), "(M, 2)", "2 output units", "got (8, 3)", label="three columns"),
        case(np.full((M, 2), 2), "in [0, 1]", "from 2 to 2", label="two"),
    ),
    *of(
        "identity",
        case(["1.5"] * M, "expected numbers", "'1.5'", label="strings"),
        case(with_entry(np.zeros(M), 3, np.nan), "finite", "nan at {name}[3", label="nan"),
        case(with_entry(np.zeros(M), 3, -np.inf), "finite", "-inf at {name}[3", label="inf"),
        case(with_entry(np.zeros(M), 3, 1e39), "1e+39 at {name}[3", "too large for float32", label="too large"),
        case(np.zeros(9), "expected 8 labels", "got 9", label="too many"),
        case(np.zeros((M, 2)), "(M,) or (M, 1)", "got (8, 2)", label="two columns"),
    ),
    *of(
        "values",
        case(np.zeros((M, 1)), "(M, 2)", "2 output units", "got (8, 1)", label="one column"),
        case(np.zeros(M), "(M, 2)", "2 output units", "got (8,)", label="flat"),
    ),
]
Y_UNBUILT = [one for case_ in WRONG_Y for one in changed([case_], on=f"unbuilt {case_.on}")]
NO_Y = [*of("softmax", case(None, "expected numbers")), *of("sigmoid", case(None)), *of("identity", case(None))]
# one for each line of the checks of each output layer
LINES = {
    "softmax": ("label C", "too few", "float classes", "sum below 1", "negative probability", "nan in rows",
                "narrow rows", "names", "sparse"),
    "sigmoid": ("two", "nan", "two columns", "names"),
    "identity": ("nan", "too large", "two columns", "strings"),
    "values": ("one column",),
}  # fmt: skip
Y_OF_EACH_KIND = [
    one for kind, labels in LINES.items() for one in labeled([w for w in WRONG_Y if w.on == kind], *labels)
]

# ---- weights -------------------------------------------------------------------------------------------------------

WRONG_WEIGHTS = [
    case(-WEIGHT, "at least 0", "-3", label="negative"),
    case(np.ones(M - 1), "one weight for each of 8 examples", "(7,)", label="too few"),
    case(np.ones(M + 1), "one weight for each of 8 examples", "(9,)", label="too many"),
    case(np.ones((M, 1)), "one weight for each of 8 examples", "(8, 1)", label="column"),
    case(2.0, "one weight for each of 8 examples", "()", label="number"),
    case(np.zeros(M), "not all 0", label="all 0"),
    case(np.where(WEIGHT == 3, np.nan, 1), "finite", "nan at {name}[3]", label="nan"),
    case(np.where(WEIGHT == 3, np.inf, 1), "finite", "inf at {name}[3]", label="inf"),
    case(["1"] * M, "expected numbers", label="words"),
    case({0: 1.0}, "expected numbers", label="mapping"),
]
WEIGHTS_OF_EACH_KIND = labeled(WRONG_WEIGHTS, "negative", "too few", "all 0", "nan", "words")
