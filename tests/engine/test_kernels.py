"""Every layer, output, cost and rule that nnlite exports has a kernel, which does what the textbook does."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import schedules

pytest.importorskip("numba")

from nnlite.engine import support
from nnlite.engine.optimizing import RULES
from nnlite.engine.trainer import VARIANTS

from ..support import for_each
from . import image_layers
from .agreement import Training, assert_agrees, first_step

WITHOUT_KERNEL = set()  # names of layers and optimizers that deliberately have none
BASES = {"Layer", "Activation", "Output", "Optimizer"}
slow = pytest.mark.slow
DTYPES = ["float64", pytest.param("float32", marks=slow)]  # float64 alone tells whether an equation is right
# the kernels of nearly every network; the others take long to compile
COMMON = {"Dense", "ReLU", "Tanh", "Dropout", "Softmax", "Identity", "SGD", "Adam"}


def common_first(names):
    """Parameters for tests: what nearly every network has is quick, the rest is slow."""
    return [pytest.param(name, marks=[] if name in COMMON else slow) for name in sorted(names)]


def exported(base):
    """The names of all classes of that kind that nnlite exports."""
    classes = {name: getattr(nn, name) for name in nn.__all__}
    return sorted(n for n, c in classes.items() if isinstance(c, type) and issubclass(c, base) and n not in BASES)


def frozen(layer):
    layer.trainable = False
    return layer


# ---- layers in the middle of a network ------------------------------------------------------------------------------

EXAMPLES = {  # layers that take and give rows of 8 numbers
    "AlphaDropout": [lambda: nn.AlphaDropout(0.3), lambda: nn.AlphaDropout(0)],
    "BatchNorm": [nn.BatchNorm, lambda: nn.BatchNorm(0.5, epsilon=0.01), lambda: nn.BatchNorm(trainable=False)],
    "Dense": [lambda: nn.Dense(8), lambda: nn.Dense(8, trainable=False)],
    "Dropout": [lambda: nn.Dropout(0.3), lambda: nn.Dropout(0)],
    "ELU": [nn.ELU, lambda: nn.ELU(0.3)],
    "Exponential": [nn.Exponential],
    "Flatten": [nn.Flatten],
    "GELU": [nn.GELU, lambda: nn.GELU("tanh")],
    "GaussianNoise": [lambda: nn.GaussianNoise(0.5), lambda: nn.GaussianNoise(0)],
    "HardSwish": [nn.HardSwish],
    "Identity": [nn.Identity],
    "LayerNorm": [nn.LayerNorm, lambda: nn.LayerNorm(epsilon=0.01), lambda: nn.LayerNorm(trainable=False)],
    "LeakyReLU": [nn.LeakyReLU, lambda: nn.LeakyReLU(0.3), lambda: nn.LeakyReLU(0), lambda: nn.LeakyReLU(1)],
    "ReLU": [nn.ReLU],
    "Reshape": [lambda: nn.Reshape((2, -1))],
    "Residual": [lambda: nn.Residual([nn.Dense(8), nn.Tanh()]), lambda: nn.Residual([nn.ReLU()])],
    "SELU": [nn.SELU],
    "SiLU": [nn.SiLU],
    "Sigmoid": [nn.Sigmoid],
    "Softmax": [nn.Softmax],
    "Softplus": [nn.Softplus],
    "Tanh": [nn.Tanh],
}


@for_each("name", exported(nn.Layer))
def test_every_layer_has_a_kernel(name):
    if name not in WITHOUT_KERNEL:
        examples = (EXAMPLES | image_layers.EXAMPLES).get(name)
        assert examples, f"{name}: write a kernel, and an example of it in this table, or in that of layers for images"
        for example in examples:
            assert support.without_kernel([example(), nn.Dense(3), nn.Softmax()]) is None


def around(example):
    """Layers that learn before and behind the example, so that an error of any of its numbers spreads."""
    return lambda: [nn.Dense(8), example(), nn.Flatten(), nn.Dense(3), nn.Softmax()]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", common_first(EXAMPLES))
def test_a_layer_agrees_forward_and_backward(name, dtype):
    for example in EXAMPLES[name]:
        assert_agrees(first_step(Training(around(example))), dtype, allowed=0)


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_a_layer_agrees_after_50_steps(name, dtype):
    for example in EXAMPLES[name]:
        assert_agrees(Training(around(example)), dtype)


def stretched(model):
    """Let z of the first layer go from -100 to 100, where activations saturate."""
    model.parameters["W1"][...] *= np.logspace(-2, 2, 8)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", common_first({kind.__name__ for kind in support.ACTIVATIONS} - {"Exponential"}))
def test_an_activation_agrees_far_from_zero(name, dtype):
    for example in EXAMPLES[name]:
        assert_agrees(first_step(Training(around(example), prepare=stretched)), dtype, allowed=1)


# ---- layers at other places -----------------------------------------------------------------------------------------

D = nn.Dense
R = nn.Residual
PLACES = {
    "a single layer": lambda: [D(3), nn.Softmax()],
    "an activation before the output": lambda: [D(33), nn.ReLU(), nn.Softmax()],
    "an activation before a Softmax in the middle": lambda: [D(9), nn.Tanh(), nn.Softmax(), D(3), nn.Softmax()],
    "two activations": lambda: [D(9), nn.Sigmoid(), nn.Tanh(), nn.Tanh(), nn.ReLU(), D(3), nn.Softmax()],
    "BatchNorm before the output": lambda: [D(9), nn.BatchNorm(), nn.Softmax()],
    "LayerNorm before the output": lambda: [D(9), nn.LayerNorm(), nn.Softmax()],
    "Dropout before the output": lambda: [D(9), nn.Dropout(0.5), nn.Softmax()],
    "a residual connection before the output": lambda: [D(6), R([D(6), nn.Tanh()]), nn.Softmax()],
    "an activation at the beginning": lambda: [nn.Tanh(), D(9), nn.ReLU(), D(3), nn.Softmax()],
    "noise at the beginning": lambda: [nn.GaussianNoise(0.1), nn.Dropout(0.2), D(3), nn.Softmax()],
    "BatchNorm at the beginning": lambda: [nn.BatchNorm(), D(9), nn.ReLU(), D(3), nn.Softmax()],
    "LayerNorm at the beginning": lambda: [nn.LayerNorm(), D(9), nn.ReLU(), D(3), nn.Softmax()],
    "Softmax at the beginning": lambda: [nn.Softmax(), D(9), nn.ReLU(), D(3), nn.Softmax()],
    "a residual connection at the beginning": lambda: [R([D(6), nn.ReLU()]), D(3), nn.Softmax()],
    "a residual connection that learns nothing, at the beginning": lambda: [R([nn.Tanh()]), D(3), nn.Softmax()],
    "BatchNorm around dropout": lambda: [D(9), nn.BatchNorm(), nn.Dropout(0.2), nn.BatchNorm(), D(3), nn.Softmax()],
    "LayerNorm after LayerNorm": lambda: [D(9), nn.LayerNorm(), nn.LayerNorm(), nn.BatchNorm(), D(3), nn.Softmax()],
    "a residual connection around Softmax": lambda: [D(9), R([nn.Softmax()]), D(3), nn.Softmax()],
    "a residual connection around LayerNorm": lambda: [D(9), R([nn.LayerNorm()]), nn.ReLU(), D(3), nn.Softmax()],
    "a residual connection around BatchNorm": lambda: [D(9), R([nn.BatchNorm()]), nn.ReLU(), D(3), nn.Softmax()],
    "a residual connection around nothing": lambda: [D(9), R([nn.Identity()]), nn.Tanh(), D(3), nn.Softmax()],
    "residual connections in a row": lambda: [D(9), R([D(9), nn.Tanh()]), R([D(9)]), R([nn.ELU()]), D(3), nn.Softmax()],
    "a residual connection at the beginning of another": lambda: [D(9), R([R([D(9)]), nn.Tanh()]), D(3), nn.Softmax()],
    "a residual connection at the end of another": lambda: [D(9), R([nn.Tanh(), R([D(9)])]), D(3), nn.Softmax()],
    "three residual connections that end together": lambda: [D(9), R([D(9), R([R([D(9)])])]), D(3), nn.Softmax()],
    "three residual connections with activations between": lambda: [
        *(D(9), R([R([R([D(9), nn.Tanh()]), nn.ELU()]), nn.BatchNorm(), nn.SiLU()]), D(3), nn.Softmax()),
    ],
    "a residual connection within layers that do": lambda: [
        *(D(9), R([D(9), nn.ReLU(), R([nn.LayerNorm(), D(9), nn.GELU()]), nn.Dropout(0.2), D(9)]), D(3), nn.Softmax()),
    ],
    "narrow layers": lambda: [D(1), nn.Tanh(), D(2), nn.Tanh(), D(1), nn.Identity()],
    "layers that grow and shrink": lambda: [D(40), nn.ReLU(), D(3), nn.ReLU(), D(70), nn.ReLU(), D(2), nn.Softmax()],
}


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layers", PLACES.values(), ids=PLACES)
def test_layers_agree_at_every_place(layers, dtype):
    assert_agrees(Training(layers, epochs=(7,)), dtype)


IMAGES = {
    "Flatten": lambda: [nn.Flatten()],
    "Reshape": lambda: [nn.Reshape((40, 1)), nn.Flatten()],
    "activation": lambda: [nn.Tanh(), nn.Flatten()],
    "noise": lambda: [nn.Dropout(0.3), nn.GaussianNoise(0.1), nn.Flatten()],
    "BatchNorm": lambda: [nn.BatchNorm(), nn.Flatten()],
    "LayerNorm": lambda: [nn.LayerNorm(), nn.Flatten()],
    "Softmax": lambda: [nn.Softmax(), nn.Flatten()],
    "Residual": lambda: [nn.Residual([nn.LayerNorm(), nn.Tanh()]), nn.Flatten()],
    "rows as images": lambda: [
        nn.Flatten(),
        D(12),
        nn.Reshape((3, 4)),
        nn.LayerNorm(),
        nn.Softmax(),
        nn.Reshape((12,)),
    ],
}


@slow
@pytest.mark.parametrize("layers", IMAGES.values(), ids=IMAGES)
def test_layers_agree_on_images(layers):
    assert_agrees(Training(lambda: [*layers(), D(3), nn.Softmax()], n_features=(5, 8), epochs=(3,)), "float64")


NOTHING = {
    "an output": lambda: [nn.Softmax()],
    "an activation": lambda: [nn.ReLU(), nn.Softmax()],
    "frozen layers": lambda: [D(9, trainable=False), nn.BatchNorm(trainable=False), nn.Dropout(0.2), nn.Identity()],
}


@slow
@pytest.mark.parametrize("options", [{}, {"clip_norm": 1.0}], ids=["plain", "clip_norm"])
@pytest.mark.parametrize("layers", NOTHING.values(), ids=NOTHING)
def test_networks_that_learn_nothing_agree(layers, options):
    assert_agrees(Training(layers, lambda: nn.SGD(0.1, **options), epochs=(3,)), "float64")


# ---- frozen layers --------------------------------------------------------------------------------------------------


def all_kinds():
    """A network with every kind of layer that learns; some of them inside a residual connection."""
    inside = [nn.LayerNorm(), D(9), nn.BatchNorm()]
    return [D(9), nn.BatchNorm(), nn.LayerNorm(), nn.Residual(inside), nn.ReLU(), D(3), nn.Softmax()]


def learning(model):
    """The layers that learn."""
    return [layer for layer in model.all_layers() if type(layer) in (D, nn.BatchNorm, nn.LayerNorm)]


@slow
@pytest.mark.parametrize("which", [*range(7), "the first four", "the last four", "all"])
def test_frozen_layers_agree(which):
    def freeze(model):
        layers = learning(model)
        some = {"the first four": layers[:4], "the last four": layers[-4:], "all": layers}
        for layer in some[which] if isinstance(which, str) else [layers[which]]:
            layer.trainable = False

    assert_agrees(Training(all_kinds, nn.Adam, prepare=freeze, epochs=(3,)), "float64")


@slow
@pytest.mark.parametrize(
    "optimizer", [lambda: nn.SGD(0.1, momentum=0.9), nn.Adam, nn.NAdam], ids=["SGD", "Adam", "NAdam"]
)
@pytest.mark.parametrize("first", [True, False], ids=["the first layers", "the last layers"])
def test_layers_that_are_frozen_for_a_while_agree(optimizer, first):
    def exchange(model):
        for i, layer in enumerate(learning(model)):
            layer.trainable = (i < 4) == first if model.layers[0].trainable != first else True

    def prepare(model):
        for i, layer in enumerate(learning(model)):
            layer.trainable = (i < 4) != first

    assert_agrees(Training(all_kinds, optimizer, prepare=prepare, meanwhile=exchange, epochs=(3, 2, 3)), "float64")


# ---- outputs and costs ----------------------------------------------------------------------------------------------

OUTPUTS = {
    "Exponential": [nn.Exponential],
    "Identity": [nn.Identity],
    "Sigmoid": [nn.Sigmoid, lambda: nn.Sigmoid(0.1)],
    "Softmax": [nn.Softmax, lambda: nn.Softmax(0.1)],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("units", [1, 2, pytest.param(33, marks=slow)])
@pytest.mark.parametrize("name", common_first(exported(nn.layers.Output)))
def test_an_output_and_its_cost_agree(name, units, dtype):
    units = max(2, units) if name == "Softmax" else units
    for output in OUTPUTS[name]:
        for targets in ("labels", "rows") if name == "Softmax" else [""]:
            for weights in (False, True):
                training = Training(lambda output=output: [D(units), output()], targets=targets, weights=weights)
                assert_agrees(first_step(training), dtype, allowed=0)


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("targets", ["labels", "rows"])
@pytest.mark.parametrize("name", exported(nn.layers.Output))
def test_an_output_agrees_after_50_steps(name, targets, dtype):
    for output in OUTPUTS[name][-1:]:
        assert_agrees(Training(lambda output=output: [D(40), output()], targets=targets, weights=True), dtype)


@slow
@pytest.mark.parametrize("targets", ["labels", "rows"])
@pytest.mark.parametrize("class_weight", ["balanced", {0: 3.0, 1: 0.0, 2: 0.5}], ids=["balanced", "given"])
def test_class_weights_agree(class_weight, targets):
    layers = PLACES["a single layer"]
    for weights in (False, True):
        assert_agrees(Training(layers, targets="labels", weights=weights, class_weight=class_weight), "float64")


def test_a_batch_whose_weights_are_all_0_agrees():
    training = Training(PLACES["a single layer"], weights=True, batch_size=1, epochs=(2,))
    assert_agrees(training, "float64")


def large(model):
    """Let z of the output go from -500 to 500."""
    model.theta = 500 * np.random.default_rng(0).standard_normal(model.n_parameters)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", common_first(["Sigmoid", "Softmax"]))
def test_the_cost_agrees_where_probabilities_are_0_and_1(name, dtype):
    for output in OUTPUTS[name]:
        training = Training(lambda output=output: [D(3), output()], n_features=2, prepare=large)
        assert_agrees(first_step(training), dtype, allowed=1)


# ---- rules of optimizers --------------------------------------------------------------------------------------------

OF_ALL = {
    "weight_decay": {"weight_decay": 0.05},
    "l1": {"l1": 0.01},
    "clip_value": {"clip_value": 0.01},
    "clip_norm": {"clip_norm": 0.05},
    "clip_norm above": {"clip_norm": 1e6},
    "max_norm": {"max_norm": 0.5},
    "everything": {"weight_decay": 0.05, "l1": 0.01, "clip_value": 0.02, "clip_norm": 0.1, "max_norm": 0.5},
}
OF_SOME = {
    "SGD": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
    "Adagrad": [{"initial_accumulator_value": 0.1}, {"epsilon": 0.1}],
    "Adam": [{"amsgrad": True}, {"beta_1": 0.0, "beta_2": 0.5}, {"epsilon": 0.1}],
    "AdamW": [{"amsgrad": True}, {"weight_decay": 0.0}],
    "NAdam": [{"momentum_decay": 0.1}, {"beta_1": 0.0}],
    "RMSProp": [{"momentum": 0.9}, {"centered": True}, {"centered": True, "momentum": 0.5}, {"rho": 0.0}],
    "Lion": [{"beta_1": 0.0, "beta_2": 0.5}],
}
RATES = dict.fromkeys(OF_SOME, 0.01) | {"SGD": 0.1, "Lion": 0.003}


def two_layers():
    return [D(9), nn.Tanh(), nn.LayerNorm(), D(3), nn.Softmax()]


@for_each("name", exported(nn.Optimizer))
def test_every_optimizer_has_a_kernel(name):
    if name not in WITHOUT_KERNEL:
        assert getattr(nn, name) in RULES
        assert name in OF_SOME, f"{name}: write down its options in this table"


def rule(name, **options):
    """A function that makes an optimizer."""
    return lambda: getattr(nn, name)(RATES[name], **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", common_first(exported(nn.Optimizer)))
def test_an_optimizer_agrees(name, dtype):
    assert_agrees(Training(two_layers, rule(name)), dtype)


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("options", OF_ALL.values(), ids=OF_ALL)
@pytest.mark.parametrize("name", exported(nn.Optimizer))
def test_an_optimizer_agrees_with_the_options_of_all(name, options, dtype):
    assert_agrees(Training(two_layers, rule(name, **options)), dtype)


@slow
@pytest.mark.parametrize("options", [{}, pytest.param(OF_ALL["everything"], marks=slow)], ids=["alone", "with all"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", exported(nn.Optimizer))
def test_an_optimizer_agrees_with_its_own_options(name, dtype, options):
    for own in OF_SOME[name]:
        assert_agrees(Training(two_layers, rule(name, **{**options, **own})), dtype)


SCHEDULES = {
    "ConstantRate": lambda: schedules.ConstantRate(0.01),
    "CosineDecay": lambda: schedules.CosineDecay(0.01, 40),
    "OneCycle": lambda: schedules.OneCycle(0.02, 51),
    "StepDecay": lambda: schedules.StepDecay(0.01, 10),
    "a function": lambda: lambda step: 0.02 / (1 + step),
    "0 at the end": lambda: schedules.PolynomialDecay(0.01, 20),
}


@slow
@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("kind", [nn.AdamW, pytest.param(nn.SGD, marks=slow), pytest.param(nn.NAdam, marks=slow)])
def test_schedules_agree(kind, schedule):
    assert_agrees(Training(two_layers, lambda: kind(schedule(), weight_decay=0.1), epochs=(9, 8)), "float64")


@slow
@pytest.mark.parametrize(("dtype", "scale"), [("float32", 1e25), ("float64", 1e160)])
def test_the_norm_of_gradients_whose_squares_overflow_agrees(dtype, scale):
    def zeros(model):
        model.theta = 0

    clipped = rule("SGD", clip_norm=1.0)
    assert_agrees(Training(PLACES["a single layer"], clipped, prepare=zeros, X_scale=scale, epochs=(1,)), dtype)


def test_an_optimizer_that_is_changed_between_two_calls_agrees():
    optimizers = []

    def adam():
        optimizers.append(nn.Adam(0.01))
        return optimizers[-1]

    def change(model):
        optimizers[-1].learning_rate = 0.002
        optimizers[-1].beta_1 = 0.5
        optimizers[-1].clip_value = 0.01

    assert_agrees(Training(two_layers, adam, meanwhile=change, epochs=(2, 2)), "float64")


# ---- shapes, batches, threads, types --------------------------------------------------------------------------------

SHAPES = [(1, 33, 31), (32, 1, 32), (33, 31, 1), (7, 65, 33), (70, 2, 64)]


def with_norms(first, second):
    """Layers of these sizes, whose numbers depend on all rows and on all units."""
    return lambda: [D(first), nn.BatchNorm(), nn.ReLU(), D(second), nn.LayerNorm(), nn.Tanh(), D(2), nn.Softmax()]


@slow
@pytest.mark.parametrize(
    ("n_threads", "dtype"),
    [(1, "float32"), (2, "float64"), pytest.param(3, "float64", marks=slow), pytest.param(3, "float32", marks=slow)],
)
@pytest.mark.parametrize(("n_features", "first", "second"), SHAPES)
def test_any_shape_agrees_with_any_number_of_threads(n_features, first, second, n_threads, dtype, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    for batch_size in (1, 6, 33):
        M = 2 * batch_size + 1
        options = {"n_features": n_features, "M": M, "batch_size": batch_size, "epochs": (2,)}
        assert_agrees(Training(with_norms(first, second), nn.Adam, **options), dtype)


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("clip_norm", [None, 0.5])
@pytest.mark.parametrize(("n_features", "first", "second"), [(1000, 1000, 33), (31, 1000, 1000), (1000, 1, 1000)])
def test_large_layers_agree(n_features, first, second, clip_norm, n_threads, dtype, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    for batch_size in (1, 100):
        M = 2 * batch_size + 1
        options = {"n_features": n_features, "M": M, "batch_size": batch_size, "epochs": (2,)}
        optimizer = lambda: nn.SGD(0.05, momentum=0.9, clip_norm=clip_norm)  # noqa: E731
        assert_agrees(Training(with_norms(first, second), optimizer, **options), dtype)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_batch_of_more_rows_than_the_cache_holds_agrees(n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    layers = lambda: [D(70), nn.ReLU(), D(3), nn.Softmax()]  # noqa: E731
    assert_agrees(Training(layers, nn.Adam, n_features=900, M=700, batch_size=400, epochs=(2,)), "float64")


@slow
@pytest.mark.parametrize("X_dtype", [*VARIANTS, "float16"])
def test_examples_of_any_type_agree(X_dtype):
    for dtype in ("float64", "float32"):
        assert_agrees(Training(PLACES["a single layer"], X_dtype=X_dtype, epochs=(2,)), dtype)
