"""Facts about wrong calls: each is refused with a message that helps, and changes nothing; odd but right ones work."""

import numpy as np
import pytest

import nnlite as nn

M, N = 8, 3  # examples and features of the data in this file
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, N)).astype(np.float32)
y = np.arange(M) % 4
ROWS = np.eye(4, dtype=np.float32)[y]


class SparseStub:
    """What a sparse matrix looks like from outside."""

    shape = (M, N)

    def toarray(self):
        return X.copy()


class TableStub:
    """What a data frame looks like from outside."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype=dtype)


class Broken(nn.Initializer):
    """Draws weights, and then something goes wrong."""

    def __init__(self, error):
        self.error = error

    def __call__(self, shape, rng):
        rng.standard_normal(shape)
        raise self.error


class WrongShape(nn.Initializer):
    def __call__(self, shape, rng):
        return rng.standard_normal((shape[0] + 1, shape[1]))


OUTPUTS = {
    "softmax": (4, nn.Softmax, y),
    "sigmoid": (1, nn.Sigmoid, y % 2),
    "labels": (2, nn.Sigmoid, np.stack([y % 2, y // 2], axis=1)),
    "identity": (1, nn.Identity, np.linspace(-1, 1, M)),
    "values": (2, nn.Identity, np.stack([X[:, 0], X[:, 1]], axis=1)),
}


def make_model(kind="softmax", *, built=True, dtype="float32"):
    """A network in the middle of its work: a batch has been seen, and its gradient computed."""
    units, output, targets = OUTPUTS[kind]
    layers = [nn.Dense(5), nn.Tanh(), nn.Dense(units), output()]
    if not built:
        return nn.Model(layers, seed=1, dtype=dtype)
    model = nn.Model(layers, n_features=N, seed=1, dtype=dtype)
    model.forward(X)
    model.backward(targets)
    return model


def state_of(model, kind="softmax"):
    """All that a wrong call must leave as it was."""
    state = {
        "rng": model.rng.bit_generator.state,
        "built": model.built,
        "input_shape": model.input_shape,
        "layers": [sorted(name for name in vars(layer) if name[0] != "_") for layer in model.layers],
    }
    if model.built:
        state |= {
            "theta": model.theta.tobytes(),
            "grad": model.grad.tobytes(),
            "W1": model.layers[0].W.tobytes(),
            "cost": model.cost(OUTPUTS[kind][2]),
        }
    return state


def bytes_of(value):
    if isinstance(value, np.ndarray) and value.dtype != object:
        return value.tobytes()
    return repr(value)


def refuse(call, fragments, error=nn.ArgumentError):
    """``call`` must raise ``error``, with a message that starts with the first fragment and has all the others."""
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(fragments[0]), message
    for fragment in fragments[1:]:
        assert fragment in message


def refused_unchanged(model, call, fragments, *data, kind="softmax", error=nn.ArgumentError):
    before, data_before = state_of(model, kind), [bytes_of(value) for value in data]
    refuse(call, fragments, error)
    assert state_of(model, kind) == before
    assert [bytes_of(value) for value in data] == data_before


def with_entry(array, index, value, dtype=None):
    array = np.array(array, dtype or array.dtype)
    array[index] = value
    return array


def table(rows):
    """Rows of (id, ...) as parameters."""
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


# ---- X ----------------------------------------------------------------------------------------------------------

WRONG_X = [
    ("nan", with_entry(X, (1, 2), np.nan), ["expected finite numbers", "nan at {X}[1, 2]", "1 of 24"]),
    ("inf", with_entry(X, (0, 0), np.inf), ["expected finite numbers", "inf at {X}[0, 0]"]),
    ("minus inf", with_entry(X, (7, 1), -np.inf), ["expected finite numbers", "-inf at {X}[7, 1]"]),
    ("float16 inf", with_entry(X, (2, 1), np.inf, np.float16), ["expected finite numbers", "inf at {X}[2, 1]"]),
    ("too large", with_entry(X, (3, 0), 1e39, float), ["1e+39 at {X}[3, 0]", "too large for float32"]),
    ("too negative", with_entry(X, (3, 0), -1e39, float), ["-1e+39 at {X}[3, 0]", "too large for float32"]),
    ("no rows", np.empty((0, N)), ["at least one example", "shape (0, 3)"]),
    ("no columns", np.empty((M, 0)), ["at least one example and one feature", "shape (8, 0)"]),
    ("nothing", [], ["expected two dimensions", "shape (0,)"]),
    ("strings", [["1", "2", "3"]] * M, ["expected numbers", "dtype <U1", "'1'"]),
    ("bytes", [[b"1", b"2", b"3"]] * M, ["expected numbers", "dtype |S1"]),
    ("object", X.astype(object), ["expected numbers", "dtype object"]),
    ("a gap in a list", [[1.0, None, 2.0]] * M, ["expected numbers", "dtype object"]),
    ("complex", X.astype(complex), ["expected numbers", "dtype complex128"]),
    ("datetime", np.zeros((M, N), "datetime64[s]"), ["expected numbers", "dtype datetime64[s]"]),
    ("timedelta", np.zeros((M, N), "timedelta64[s]"), ["expected numbers", "dtype timedelta64[s]"]),
    ("structured", np.zeros((M, N), [("a", "f4")]), ["expected numbers", "dtype [('a', '<f4')]"]),
    ("ragged", [[1.0, 2.0, 3.0], [1.0, 2.0]] * 4, ["different lengths", "expected a rectangular array"]),
    ("one dimension", X[0], ["expected two dimensions", "shape (3,)", "{X}.reshape(1, -1)"]),
    ("no dimension", 3.0, ["expected two dimensions", "shape ()"]),
    ("images", X.reshape(M, N, 1), ["features", "of shape (3, 1)"]),
    ("sparse", SparseStub(), ["sparse", "pass {X}.toarray()"]),
    ("None", None, ["expected numbers", "None"]),
    ("dict", {"X": X}, ["expected numbers", "dtype object"]),
]

CALLS_WITH_X = {
    "forward": lambda model, X: model.forward(X),
    "predict": lambda model, X: model.predict(X),
    "predict_proba": lambda model, X: model.predict_proba(X),
    "evaluate": lambda model, X: model.evaluate(X, y),
    "fit": lambda model, X: model.fit(X, y, epochs=1),
}
BUILDING_CALLS = ("forward", "fit")  # the others need a network that has parameters


@pytest.mark.parametrize(("wrong", "fragments"), table(WRONG_X))
@pytest.mark.parametrize("call", CALLS_WITH_X)
def test_wrong_x_is_refused_by_a_built_network(call, wrong, fragments):
    model = make_model()
    fragments = ["X: ", *(fragment.format(X="X") for fragment in fragments)]
    refused_unchanged(model, lambda: CALLS_WITH_X[call](model, wrong), fragments, wrong)


@pytest.mark.parametrize(("wrong", "fragments"), table(WRONG_X))
@pytest.mark.parametrize("call", BUILDING_CALLS)
def test_wrong_x_does_not_build_a_network(call, wrong, fragments):
    model = make_model(built=False)
    fragments = ["X: ", *(fragment.format(X="X") for fragment in fragments)]
    refused_unchanged(model, lambda: CALLS_WITH_X[call](model, wrong), fragments, wrong)


@pytest.mark.parametrize(("wrong", "fragments"), table(WRONG_X))
@pytest.mark.parametrize("built", [True, False])
def test_wrong_x_to_validate_with_is_refused(built, wrong, fragments):
    model = make_model(built=built)
    fragments = ["validation_data X: ", *(fragment.format(X="validation_data X") for fragment in fragments)]
    refused_unchanged(model, lambda: model.fit(X, y, validation_data=(wrong, y)), fragments, wrong)


@pytest.mark.parametrize("width", [1, 2, 4, 300])
@pytest.mark.parametrize("call", CALLS_WITH_X)
def test_another_width_than_the_networks_is_refused(call, width):
    model = make_model()
    wrong = np.zeros((M, width), np.float32)
    fragments = ["X: ", "expected 3 features", f"got {width} features", f"shape (8, {width})"]
    refused_unchanged(model, lambda: CALLS_WITH_X[call](model, wrong), fragments, wrong)


@pytest.mark.parametrize("call", CALLS_WITH_X)
def test_only_what_the_networks_dtype_cannot_hold_is_too_large(call):
    CALLS_WITH_X[call](make_model(dtype="float64"), with_entry(X, (3, 0), 1e39, float))
    if np.finfo(np.longdouble).max > np.finfo(float).max:
        wrong = with_entry(X, (3, 0), np.longdouble("1e400"), np.longdouble)
        model = make_model(dtype="float64")
        fragments = ["X: ", "at X[3, 0]", "too large for float64"]
        refused_unchanged(model, lambda: CALLS_WITH_X[call](model, wrong), fragments, wrong)


def test_one_wrong_number_among_many_is_found():
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    many = np.zeros((3000, N), np.float32)
    many[2999, 2] = np.nan
    refused_unchanged(model, lambda: model.fit(many, np.zeros(3000, int)), ["X: ", "nan at X[2999, 2]"], many)


# ---- y ----------------------------------------------------------------------------------------------------------

WRONG_Y = [
    ("softmax", "negative label", with_entry(y, 2, -1), ["label -1 is out of range", "4 output units", "0..3"]),
    ("softmax", "label C", with_entry(y, 2, 4), ["label 4 is out of range", "4 output units", "0..3"]),
    ("softmax", "uint8 label", with_entry(y, 2, 255, np.uint8), ["label 255 is out of range", "0..3"]),
    ("softmax", "huge label", [2**70] * M, ["expected numbers", "dtype object"]),
    ("softmax", "too few", y[:-1], ["expected 8 labels", "got 7"]),
    ("softmax", "too many", np.append(y, 0), ["expected 8 labels", "got 9"]),
    ("softmax", "too few rows", ROWS[:-1], ["expected 8 labels", "got 7"]),
    ("softmax", "empty", [], ["expected 8 labels", "got 0"]),
    ("softmax", "float classes", y.astype(np.float32), ["must be integers", "float32", "y.astype(int)"]),
    ("softmax", "nan classes", np.full(M, np.nan), ["must be integers", "first entry nan"]),
    ("softmax", "sum below 1", ROWS * 0.5, ["rows must sum to 1", "row 0 sums to 0.5"]),
    ("softmax", "one sum above 1", with_entry(ROWS, (3, 0), 0.5), ["must sum to 1", "row 3 sums to 1.5"]),
    ("softmax", "row of zeros", with_entry(ROWS, 6, 0), ["must sum to 1", "row 6 sums to 0"]),
    ("softmax", "negative probability", with_entry(ROWS, 0, [2, -1, 0, 0]), ["in [0, 1]", "from -1 to 2"]),
    ("softmax", "nan in rows", with_entry(ROWS, (5, 1), np.nan), ["nan", "expected"]),
    ("softmax", "inf in rows", with_entry(ROWS, (5, 1), np.inf), ["inf", "expected"]),
    ("softmax", "narrow rows", np.eye(3)[y % 3], ["(M,)", "(M, 4)", "got shape (8, 3)"]),
    ("softmax", "wide rows", np.eye(5)[y], ["(M,)", "(M, 4)", "got shape (8, 5)"]),
    ("softmax", "column", y[:, None], ["(M,)", "(M, 4)", "got shape (8, 1)", "{y}.ravel()"]),
    ("softmax", "one number", 1, ["(M,)", "(M, 4)", "got shape ()"]),
    ("softmax", "three dimensions", ROWS[:, None], ["(M,)", "(M, 4)", "got shape (8, 1, 4)"]),
    ("softmax", "names", ["a", "b"] * 4, ["expected numbers", "dtype <U1"]),
    ("softmax", "objects", y.astype(object), ["expected numbers", "dtype object"]),
    ("softmax", "complex", y.astype(complex), ["expected numbers", "dtype complex128"]),
    ("softmax", "datetimes", np.zeros(M, "datetime64[s]"), ["expected numbers", "datetime64[s]"]),
    ("softmax", "ragged", [[1, 0, 0, 0], [1]] * 4, ["different lengths"]),
    ("softmax", "sparse", SparseStub(), ["sparse", "{y}.toarray()"]),
    ("softmax", "None", None, ["expected numbers", "None"]),
    ("sigmoid", "two", with_entry(y % 2, 0, 2), ["0, 1 or probabilities in [0, 1]", "from 0 to 2"]),
    ("sigmoid", "minus one", with_entry(y % 2, 0, -1), ["in [0, 1]", "from -1 to 1"]),
    ("sigmoid", "one and a half", with_entry(y % 2, 0, 1.5, float), ["in [0, 1]", "from 0 to 1.5"]),
    ("sigmoid", "nan", with_entry(y % 2, 4, np.nan, float), ["finite", "nan at {y}[4"]),
    ("sigmoid", "too few", y[:5] % 2, ["expected 8 labels", "got 5"]),
    ("sigmoid", "two columns", np.eye(2)[y % 2], ["(M,) or (M, 1)", "1 output unit", "got (8, 2)"]),
    ("sigmoid", "names", ["no", "yes"] * 4, ["expected numbers", "dtype <U3"]),
    ("sigmoid", "None", None, ["expected numbers", "None"]),
    ("labels", "one column", y % 2, ["(M, 2)", "2 output units", "got (8,)"]),
    ("labels", "three columns", np.zeros((M, 3)), ["(M, 2)", "2 output units", "got (8, 3)"]),
    ("labels", "two", np.full((M, 2), 2), ["in [0, 1]", "from 2 to 2"]),
    ("identity", "strings", ["1.5"] * M, ["expected numbers", "dtype <U3"]),
    ("identity", "nan", with_entry(np.zeros(M), 3, np.nan), ["finite", "nan at {y}[3"]),
    ("identity", "inf", with_entry(np.zeros(M), 3, -np.inf), ["finite", "-inf at {y}[3"]),
    ("identity", "too large", with_entry(np.zeros(M), 3, 1e39), ["1e+39 at {y}[3", "too large for float32"]),
    ("identity", "too many", np.zeros(9), ["expected 8 labels", "got 9"]),
    ("identity", "two columns", np.zeros((M, 2)), ["(M,) or (M, 1)", "got (8, 2)"]),
    ("identity", "None", None, ["expected numbers", "None"]),
    ("values", "one column", np.zeros((M, 1)), ["(M, 2)", "2 output units", "got (8, 1)"]),
    ("values", "flat", np.zeros(M), ["(M, 2)", "2 output units", "got (8,)"]),
]
WRONG_Y_TABLE = [pytest.param(kind, wrong, fragments, id=f"{kind}: {name}") for kind, name, wrong, fragments in WRONG_Y]
CALLS_WITH_Y = {
    "cost": ("Y", lambda model, y: model.cost(y)),
    "backward": ("Y", lambda model, y: model.backward(y)),
    "evaluate": ("y", lambda model, y: model.evaluate(X, y)),
    "fit": ("y", lambda model, y: model.fit(X, y, epochs=1)),
}


@pytest.mark.parametrize(("kind", "wrong", "fragments"), WRONG_Y_TABLE)
@pytest.mark.parametrize("call", CALLS_WITH_Y)
def test_wrong_y_is_refused_by_a_built_network(call, kind, wrong, fragments):
    model = make_model(kind)
    name, function = CALLS_WITH_Y[call]
    fragments = [f"{name}: ", *(f.replace("y.astype", f"{name}.astype").format(y=name) for f in fragments)]
    refused_unchanged(model, lambda: function(model, wrong), fragments, wrong, kind=kind)


@pytest.mark.parametrize(("kind", "wrong", "fragments"), WRONG_Y_TABLE)
def test_wrong_y_does_not_build_a_network(kind, wrong, fragments):
    model = make_model(kind, built=False)
    fragments = ["y: ", *(fragment.format(y="y") for fragment in fragments)]
    refused_unchanged(model, lambda: model.fit(X, wrong), fragments, wrong, X, kind=kind)


@pytest.mark.parametrize(("kind", "wrong", "fragments"), WRONG_Y_TABLE)
@pytest.mark.parametrize("built", [True, False])
def test_wrong_y_to_validate_with_is_refused(built, kind, wrong, fragments):
    model = make_model(kind, built=built)
    name, right = "validation_data y", OUTPUTS[kind][2]
    fragments = [f"{name}: ", *(fragment.format(y=name) for fragment in fragments)]
    call = lambda: model.fit(X, right, validation_data=(X, wrong))  # noqa: E731
    refused_unchanged(model, call, fragments, wrong, right, kind=kind)


def test_a_label_out_of_range_is_shown_as_it_came():
    wrong = with_entry(y, 2, 2**64 - 1, np.uint64)
    model = make_model()
    refused_unchanged(model, lambda: model.fit(X, wrong), ["y: ", f"label {2**64 - 1} is out of range", "0..3"], wrong)


def test_a_length_that_does_not_fit_names_both_arguments():
    model = make_model()
    refuse(lambda: model.cost(y[:-1]), ["Y: ", "8", "forward saw", "7"])
    refuse(lambda: model.evaluate(X, y[:-1]), ["y: ", "8", "of X", "7"])


# ---- layers, model, initializers --------------------------------------------------------------------------------


def built_elsewhere():
    layer = nn.Dense(4)
    nn.Model([layer, nn.Softmax()], n_features=N, seed=0)
    return layer


TWICE = nn.Dense(4)
WRONG_MODELS = [
    ("no layer", lambda: nn.Model([]), ["layers: ", "at least one layer", "got []"]),
    ("None", lambda: nn.Model(None), ["layers: ", "expected a list", "got None"]),
    ("single layer", lambda: nn.Model(nn.Softmax()), ["layers: ", "expected a list", "got Softmax()"]),
    ("number", lambda: nn.Model(3), ["layers: ", "expected a list", "got 3"]),
    ("generator", lambda: nn.Model(iter([nn.Softmax()])), ["layers: ", "expected a list"]),
    ("string", lambda: nn.Model("Softmax"), ["layers: ", "entry 0 is no layer", "'S'"]),
    ("class", lambda: nn.Model([nn.Dense(4), nn.Softmax]), ["layers: ", "entry 1 is no layer", "nn.Softmax()"]),
    ("function", lambda: nn.Model([nn.Dense(4), nn.softmax]), ["layers: ", "entry 1 is no layer"]),
    ("no output", lambda: nn.Model([nn.Dense(4)]), ["layers: ", "the last must be", "Softmax", "got Dense(4)"]),
    ("ReLU last", lambda: nn.Model([nn.Dense(4), nn.ReLU()]), ["layers: ", "the last must be", "got ReLU()"]),
    (
        "same layer twice",
        lambda: nn.Model([TWICE, nn.ReLU(), TWICE, nn.Softmax()]),
        ["layers: ", "Dense(4)", "twice", "one layer for each place"],
    ),
    (
        "layer of another model",
        lambda: nn.Model([built_elsewhere(), nn.Softmax()], n_features=N),
        ["layers: ", "Dense(4)", "another model", "make a new one"],
    ),
    (
        "softmax over one unit",
        lambda: nn.Model([nn.Dense(1), nn.Softmax()], n_features=N),
        ["layers: ", "1 unit", "Dense(2), Softmax()", "Dense(1), Sigmoid()"],
    ),
    ("dense on images", lambda: nn.Model([nn.Dense(2), nn.Softmax()], n_features=(8, 8)), ["n_features: ", "(8, 8)"]),
    (
        "output of images",
        lambda: nn.Model([nn.ReLU(), nn.Identity()], n_features=(8, 8)),
        ["layers: ", "rows of units", "(8, 8)"],
    ),
    *(
        (
            f"Dense({units!r})",
            lambda units=units: nn.Dense(units),
            ["units: ", "integer of at least 1", f"got {units!r}"],
        )
        for units in (0, -1, 2.5, 2.0, True, "8", None, [8])
    ),
    *(
        (
            f"Dense(4, {initializer!r})",
            lambda initializer=initializer: nn.Dense(4, initializer),
            ["initializer: ", "nn.HeNormal()", f"got {initializer!r}"],
        )
        for initializer in ("he", nn.HeNormal, 0.1, np.zeros)
    ),
    *(
        (
            f"dtype {dtype!r}",
            lambda dtype=dtype: nn.Model([nn.Dense(4), nn.Softmax()], dtype=dtype),
            ["dtype: ", "'float32' or 'float64'", f"got {dtype!r}"],
        )
        for dtype in ("float16", None, int, "double float", ">f4", complex, 32, {"a": 1}, "float32,,")
    ),
    *(
        (
            f"n_features {n!r}",
            lambda n=n: nn.Model([nn.Dense(4), nn.Softmax()], n_features=n),
            ["n_features: ", "integer of at least 1", f"got {shown}"],
        )
        for n, shown in ((0, "0"), (-1, "-1"), ("a", "'a'"), (2.5, "2.5"), (True, "True"), ((), "()"), ((3, 0), "0"))
    ),
    *(
        (
            f"seed {seed!r}",
            lambda seed=seed: nn.Model([nn.Dense(4), nn.Softmax()], seed=seed),
            ["seed: ", "integer of at least 0", f"got {seed!r}"],
        )
        for seed in (-1, 1.5, "a", True, [1])
    ),
    *(
        (f"gain {gain!r:.20}", lambda gain=gain: nn.GlorotUniform(gain), ["gain: ", "above 0", f"got {gain!r}"])
        for gain in (0, -1, float("nan"), float("inf"), "a", None, True, [1.0], 10**400)
    ),
]


@pytest.mark.parametrize(("make", "fragments"), table(WRONG_MODELS))
def test_a_wrong_network_is_refused(make, fragments):
    refuse(make, fragments)


def test_a_layer_of_another_model_is_refused_and_the_owner_keeps_it():
    owner = make_model()
    before = state_of(owner)
    guest = nn.Model([owner.layers[0], nn.Softmax()], seed=3)
    guest_before = state_of(guest)["rng"]
    for call in (lambda: guest.forward(X), lambda: guest.fit(X, y)):
        refuse(call, ["layers: ", "Dense(5)", "another model"])
    assert state_of(owner) == before
    assert not guest.built
    assert state_of(guest)["rng"] == guest_before


def test_a_network_that_was_refused_leaves_its_layers_free():
    layers = [nn.Dense(4), nn.Softmax()]
    for options in ({"dtype": int}, {"seed": -1}, {"n_features": 0}, {"n_features": (8, 8)}):
        with pytest.raises(nn.ArgumentError):
            nn.Model(layers, **options)
    assert nn.Model(layers, n_features=N).built


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(lambda: nn.Dense(4, Broken(ZeroDivisionError())), id="initializer that raises"),
        pytest.param(lambda: nn.Dense(4, Broken(KeyboardInterrupt())), id="initializer that is interrupted"),
        pytest.param(lambda: nn.Dense(4, WrongShape()), id="initializer of another shape"),
        pytest.param(lambda: nn.Dense(4, nn.Initializer()), id="initializer without a rule"),
        pytest.param(lambda: nn.Dense(10**15), id="more units than any memory holds"),
    ],
)
@pytest.mark.parametrize("call", BUILDING_CALLS)
def test_a_network_that_could_not_be_built_is_as_it_was(call, layer):
    model = nn.Model([nn.Dense(5), nn.ReLU(), layer(), nn.ReLU(), nn.Dense(4), nn.Softmax()], seed=0)
    before = state_of(model)
    with pytest.raises(BaseException):  # noqa: B017
        CALLS_WITH_X[call](model, X)
    assert not model.built
    assert state_of(model) == before


def test_a_network_that_could_not_be_built_can_be_built_later():
    class FailsOnce(nn.HeNormal):
        failed = False

        def __call__(self, shape, rng):
            weights = super().__call__(shape, rng)
            if not self.failed:
                self.failed = True
                raise KeyboardInterrupt
            return weights

    model = nn.Model([nn.Dense(5), nn.ReLU(), nn.Dense(4, FailsOnce()), nn.Softmax()], seed=0)
    with pytest.raises(KeyboardInterrupt):
        model.forward(X)
    twin = nn.Model([nn.Dense(5), nn.ReLU(), nn.Dense(4, nn.HeNormal()), nn.Softmax()], seed=0)
    np.testing.assert_array_equal(model.forward(X), twin.forward(X))


# ---- optimizers -------------------------------------------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
WRONG_OPTIMIZERS = [
    *(({"learning_rate": v}, ["learning_rate: ", "above 0"], v) for v in (0, 0.0, -0.1, NAN, INF, -INF)),
    *(({"learning_rate": v}, ["learning_rate: ", "finite number"], v) for v in ("0.1", None, True, [0.1], 1j)),
    *(({"learning_rate": v}, ["learning_rate: ", "finite number"], v) for v in (10**400, [1, [2, 3]], np.ones(2))),
    *(
        ({"momentum": v}, ["momentum: ", "at least 0 and below 1"], v)
        for v in (1, 1.0, -0.1, 2, NAN, "0.9", None, True)
    ),
    *(({"weight_decay": v}, ["weight_decay: ", "at least 0"], v) for v in (-1e-4, NAN, INF, "1e-4", None, False)),
]


@pytest.mark.parametrize(
    ("options", "fragments", "value"),
    [pytest.param(*row, id=f"{next(iter(row[0]))}={row[2]!r:.20}") for row in WRONG_OPTIMIZERS],
)
def test_a_wrong_optimizer_is_refused(options, fragments, value):
    refuse(lambda: nn.SGD(**{"learning_rate": 0.1, **options}), [*fragments, f"got {value!r}"])


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0}, {"momentum": 0.0}])
def test_nesterov_without_momentum_is_refused(momentum):
    refuse(lambda: nn.SGD(0.1, nesterov=True, **momentum), ["nesterov: ", "needs momentum above 0", "got 0"])


@pytest.mark.parametrize("wrong", [None, "model", nn.Dense, np.zeros(3)])
def test_only_a_model_can_be_stepped(wrong):
    refuse(lambda: nn.SGD(0.1).step(wrong), ["model: "])


# ---- fit --------------------------------------------------------------------------------------------------------

PAIR = "expected (X, y) or (X, y, sample_weight)"

WRONG_FITS = [
    *((f"epochs {v!r}", {"epochs": v}, ["epochs: ", "integer of at least 1", f"got {v!r}"])
      for v in (0, -1, 1.5, 2.0, True, "3", None, [1])),
    *((f"batch_size {v!r}", {"batch_size": v}, ["batch_size: ", "integer of at least 1", f"got {v!r}"])
      for v in (0, -1, 2.5, 32.0, True, "32", [32])),
    *((f"optimizer {v!r}", {"optimizer": v}, ["optimizer: ", "nn.SGD(0.1)", f"got {v!r}"])
      for v in ("sgd", nn.SGD, 0.1, {}, False)),
    *((f"validation_split {v!r}", {"validation_split": v}, ["validation_split: ", "above 0 and below 1", f"got {v!r}"])
      for v in (0, 0.0, 1, 1.0, 1.5, -0.1, NAN, INF, "0.1", True, [0.1])),
    ("nothing held out", {"validation_split": 0.01}, ["validation_split: ", "0.01", "8 examples", "holds out 0"]),
    ("nothing left", {"validation_split": 0.99}, ["validation_split: ", "0.99", "8 examples", "holds out 8"]),
    (
        "split and data",
        {"validation_split": 0.5, "validation_data": (X, y)},
        ["validation_split: ", "validation_data", "not both"],
    ),
    ("validation X alone", {"validation_data": X}, ["validation_data: ", PAIR, "ndarray"]),
    ("validation dict", {"validation_data": {"X": X}}, ["validation_data: ", PAIR, "dict"]),
    ("validation four", {"validation_data": (X, y, y, y)}, ["validation_data: ", PAIR, "tuple of 4"]),
    ("validation weights", {"validation_data": (X, y, -y)}, ["validation_data sample_weight: ", "at least 0", "-3"]),
    ("validation single", {"validation_data": (X,)}, ["validation_data: ", PAIR, "tuple of 1"]),
    ("validation number", {"validation_data": 0.2}, ["validation_data: ", PAIR, "float"]),
    ("validation True", {"validation_data": True}, ["validation_data: ", PAIR, "bool"]),
    ("validation swapped", {"validation_data": (y, X)}, ["validation_data X: ", "two dimensions"]),
    ("validation width", {"validation_data": (X[:, :2], y)}, ["validation_data", "2", "3"]),
    ("validation length", {"validation_data": (X[:5], y)}, ["validation_data y: ", "expected 5 labels", "got 8"]),
    ("validation label", {"validation_data": (X, y + 1)}, ["validation_data y: ", "label 4 is out of range", "0..3"]),
    ("validation empty", {"validation_data": (X[:0], y[:0])}, ["validation_data X: ", "at least one example"]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "fragments"), table(WRONG_FITS))
@pytest.mark.parametrize("built", [True, False])
def test_a_wrong_fit_is_refused(built, options, fragments):
    model = make_model(built=built)
    refused_unchanged(model, lambda: model.fit(X, y, **options), fragments, X, y)


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_a_split_that_leaves_a_part_empty_is_refused_under_the_name_the_caller_knows(fraction):
    model = make_model()
    refuse(lambda: model.fit(X, y, validation_split=fraction), [f"validation_split: {fraction} of 8 examples"])


def test_a_refused_fit_leaves_the_optimizer_as_it_was():
    model, twin = make_model(), make_model()
    optimizer, fresh = nn.SGD(0.1, momentum=0.9), nn.SGD(0.1, momentum=0.9)
    model.fit(X, y, optimizer=optimizer, epochs=2)
    twin.fit(X, y, optimizer=fresh, epochs=2)
    for wrong in ({"epochs": 0}, {"validation_split": 2}):
        with pytest.raises(nn.ArgumentError):
            model.fit(X, y, optimizer=optimizer, **wrong)
    with pytest.raises(nn.ArgumentError):
        model.fit(X * np.nan, y, optimizer=optimizer)
    model.fit(X, y, optimizer=optimizer, epochs=2)
    twin.fit(X, y, optimizer=fresh, epochs=2)
    np.testing.assert_array_equal(model.theta, twin.theta)


# ---- too early --------------------------------------------------------------------------------------------------

CALLS_THAT_NEED_PARAMETERS = {
    "predict": lambda model: model.predict(X),
    "predict_proba": lambda model: model.predict_proba(X),
    "evaluate": lambda model: model.evaluate(X, y),
    "summary": lambda model: model.summary(),
    "theta": lambda model: model.theta,
    "grad": lambda model: model.grad,
    "n_parameters": lambda model: model.n_parameters,
    "parameters": lambda model: model.parameters,
    "gradients": lambda model: model.gradients,
    "n_weights": lambda model: model.n_weights,
    "step": lambda model: nn.SGD(0.1).step(model),
}


@pytest.mark.parametrize("call", CALLS_THAT_NEED_PARAMETERS)
def test_what_needs_parameters_says_how_to_get_them(call):
    model = make_model(built=False)
    named = {"step": "theta"}.get(call, call)
    fragments = [f"{named}: ", "input size", "fit or forward", "n_features"]
    refused_unchanged(model, lambda: CALLS_THAT_NEED_PARAMETERS[call](model), fragments, error=nn.NotBuiltError)


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("call", ["cost", "backward"])
def test_cost_and_backward_need_a_forward_pass(call, built):
    model = nn.Model([nn.Dense(4), nn.Softmax()], n_features=N if built else None, seed=0)
    rng = model.rng.bit_generator.state
    for _ in range(2):
        refuse(lambda: getattr(model, call)(y), [f"{call}: ", "forward(X) first"], nn.NotBuiltError)
        if built:
            model.predict(X)  # a prediction is no forward pass of a training step
    assert model.built is built
    assert model.rng.bit_generator.state == rng


def test_values_have_no_probabilities():
    model = make_model("identity")
    fragments = ["predict_proba: ", "Identity()", "use predict"]
    refused_unchanged(model, lambda: model.predict_proba(X), fragments, X, kind="identity")


def test_wrong_arguments_are_value_errors_and_type_errors():
    assert issubclass(nn.ArgumentError, (ValueError, TypeError))
    assert issubclass(nn.ArgumentError, ValueError)
    assert issubclass(nn.ArgumentError, TypeError)
    assert issubclass(nn.NotBuiltError, AttributeError)  # hasattr(model, "theta") is False, not an error
    assert not hasattr(make_model(built=False), "theta")


# ---- odd, but right ---------------------------------------------------------------------------------------------

WHOLE = np.arange(M * N).reshape(M, N) % 7


def big_view(array):
    """The same numbers as every second row and column of a larger array."""
    large = np.full((2 * len(array), 2 * array.shape[1]), 99, array.dtype)
    large[::2, ::2] = array
    return large[::2, ::2]


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


SAME_X = [
    ("lists", WHOLE.tolist()),
    ("tuples", tuple(map(tuple, WHOLE.tolist()))),
    ("list of arrays", list(WHOLE)),
    ("int64", WHOLE),
    ("int8", WHOLE.astype(np.int8)),
    ("uint8", WHOLE.astype(np.uint8)),
    ("uint64", WHOLE.astype(np.uint64)),
    ("float16", WHOLE.astype(np.float16)),
    ("float64", WHOLE.astype(np.float64)),
    ("longdouble", WHOLE.astype(np.longdouble)),
    ("Fortran order", np.asfortranarray(WHOLE, np.float32)),
    ("big-endian float32", WHOLE.astype(">f4")),
    ("big-endian float64", WHOLE.astype(">f8")),
    ("big-endian int16", WHOLE.astype(">i2")),
    ("view", big_view(WHOLE.astype(np.float32))),
    ("reversed view", WHOLE[::-1].astype(np.float32)[::-1]),
    ("read-only", read_only(WHOLE.astype(np.float32))),
    ("data frame", TableStub(WHOLE)),
]


@pytest.mark.parametrize("x", table(SAME_X))
@pytest.mark.parametrize(
    "options", [{}, {"shuffle": False}, {"batch_size": None}], ids=["shuffled", "in order", "full"]
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_form_of_x_makes_no_difference(x, options, dtype):
    expected, model = (nn.Model([nn.Dense(5), nn.ReLU(), nn.Dense(4), nn.Softmax()], seed=0, dtype=dtype) for _ in "ab")
    options = {"epochs": 2, "batch_size": 3, **options}
    expected.fit(WHOLE.astype(dtype), y, **options)
    model.fit(x, y, **options)
    np.testing.assert_allclose(model.theta, expected.theta, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.forward(x), expected.forward(WHOLE), rtol=1e-5)
    np.testing.assert_allclose(model.predict_proba(x), expected.predict_proba(WHOLE), rtol=1e-5)
    np.testing.assert_array_equal(model.predict(x), expected.predict(WHOLE))
    assert model.evaluate(x, y) == pytest.approx(expected.evaluate(WHOLE, y))


def test_booleans_are_numbers():
    flags = WHOLE > 3
    model, expected = (nn.Model([nn.Dense(4), nn.Softmax()], seed=0) for _ in "ab")
    model.fit(flags, y, epochs=2)
    expected.fit(flags.astype(np.float32), y, epochs=2)
    np.testing.assert_array_equal(model.theta, expected.theta)


SAME_Y = [
    ("softmax", "list", y.tolist()),
    ("softmax", "uint8", y.astype(np.uint8)),
    ("softmax", "int32", y.astype(np.int32)),
    ("softmax", "uint64", y.astype(np.uint64)),
    ("softmax", "big-endian", y.astype(">i4")),
    ("softmax", "view", np.repeat(y, 2)[::2]),
    ("softmax", "read-only", read_only(y)),
    ("softmax", "series", TableStub(y)),
    ("softmax", "one-hot float32", ROWS),
    ("softmax", "one-hot float64", ROWS.astype(float)),
    ("softmax", "one-hot int", ROWS.astype(int)),
    ("softmax", "one-hot bool", ROWS.astype(bool)),
    ("softmax", "one-hot float16", ROWS.astype(np.float16)),
    ("softmax", "one-hot Fortran order", np.asfortranarray(ROWS)),
    ("softmax", "one-hot big-endian", ROWS.astype(">f8")),
    ("softmax", "one-hot view", big_view(ROWS)),
    ("softmax", "one-hot lists", ROWS.tolist()),
    ("softmax", "one-hot read-only", read_only(ROWS)),
    ("sigmoid", "list", (y % 2).tolist()),
    ("sigmoid", "column", (y % 2)[:, None]),
    ("sigmoid", "bool", y % 2 == 1),
    ("sigmoid", "floats", (y % 2).astype(float)),
    ("sigmoid", "big-endian", (y % 2).astype(">f4")),
    ("labels", "lists", OUTPUTS["labels"][2].tolist()),
    ("labels", "bool", OUTPUTS["labels"][2].astype(bool)),
    ("identity", "column", OUTPUTS["identity"][2][:, None]),
    ("identity", "list", OUTPUTS["identity"][2].tolist()),
    ("identity", "big-endian", OUTPUTS["identity"][2].astype(">f8")),
    ("values", "Fortran order", np.asfortranarray(OUTPUTS["values"][2])),
]


@pytest.mark.parametrize(
    ("kind", "targets"), [pytest.param(kind, targets, id=f"{kind}: {name}") for kind, name, targets in SAME_Y]
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_form_of_y_makes_no_difference(kind, targets, shuffle):
    model, expected = make_model(kind), make_model(kind)
    right = OUTPUTS[kind][2]
    assert model.cost(targets) == expected.cost(right)
    model.backward(targets)
    expected.backward(right)
    np.testing.assert_array_equal(model.grad, expected.grad)
    options = {"epochs": 2, "batch_size": 3, "shuffle": shuffle, "validation_split": 0.25}
    history, expected_history = model.fit(X, targets, **options), expected.fit(X, right, **options)
    np.testing.assert_array_equal(model.theta, expected.theta)
    assert history["val_loss"] == expected_history["val_loss"]
    assert model.evaluate(X, targets) == expected.evaluate(X, right)


def test_soft_labels_are_labels():
    soft = np.full((M, 4), 0.25)
    model = nn.Model([nn.Dense(4, nn.Zeros()), nn.Softmax()], n_features=N)
    model.forward(X)
    assert model.cost(soft) == pytest.approx(np.log(4))
    model.backward(soft)
    np.testing.assert_array_equal(model.grad, 0)


@pytest.mark.parametrize("batch_size", [M, M + 1, 10**6])
def test_a_batch_larger_than_the_data_set_is_the_data_set(batch_size):
    model, expected = make_model(), make_model()
    model.fit(X, y, batch_size=batch_size, epochs=3)
    expected.fit(X, y, batch_size=None, epochs=3)
    np.testing.assert_array_equal(model.theta, expected.theta)


def test_data_to_validate_with_may_be_a_list_and_weighted():
    pair, weighted = (
        make_model().fit(X, y, epochs=1, validation_data=validation)["val_loss"]
        for validation in ([X, y], [X, y, np.ones(M)])
    )
    assert pair == pytest.approx(weighted, rel=1e-6)


def test_a_single_example_is_a_data_set():
    model = nn.Model([nn.Dense(4), nn.Softmax()], seed=0)
    model.fit(X[:1], y[:1], epochs=1)
    assert model.predict(X[:1]).shape == (1,)
    assert set(model.evaluate(X[:1], y[:1])) == {"loss", "accuracy"}


def test_numpy_numbers_are_numbers():
    layers = [nn.Dense(np.int64(4)), nn.Softmax()]
    model = nn.Model(layers, n_features=np.int32(N), seed=np.uint8(7), dtype=np.float64)
    optimizer = nn.SGD(np.float32(0.5), momentum=np.array(0.5))
    model.fit(X, y, optimizer=optimizer, epochs=np.int64(2), batch_size=np.int64(4), validation_split=np.float32(0.5))
    assert model.dtype == np.float64


def test_a_layer_list_may_be_a_tuple_and_dtypes_have_several_names():
    for dtype, expected in (("f4", np.float32), (np.float32, np.float32), (float, np.float64), ("d", np.float64)):
        assert nn.Model((nn.Dense(4), nn.Softmax()), n_features=N, dtype=dtype).theta.dtype == expected


def test_a_network_trains_on_uint8_images():
    images = RNG.integers(0, 256, (40, 16), dtype=np.uint8)
    before = images.tobytes()
    labels = (images[:, 0] > 127).astype(np.uint8)
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(images, labels, optimizer=nn.SGD(1e-4), epochs=2, validation_data=(images, labels))
    assert images.tobytes() == before
    np.testing.assert_array_equal(model.predict(images), model.predict(images.astype(np.float32)))


def test_a_wrong_training_flag_builds_nothing():
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    with pytest.raises(nn.ArgumentError, match="training: expected True or False, got 'no'"):
        model.forward([[1.0, 2.0]], training="no")
    assert not model.built
