"""Wrong arguments of `fit`, for a network in the middle of its work and for one that is not built yet."""

import math

import numpy as np

import nnlite as nn

from ..refusal import Call, case, changed, each
from .augmentations import OF_FIT
from .examples import (
    NO_Y,
    WEIGHT,
    WEIGHTS_OF_EACH_KIND,
    WIDTHS,
    WRONG_WEIGHTS,
    WRONG_X,
    WRONG_Y,
    X_OF_EACH_KIND,
    Y_OF_EACH_KIND,
    M,
    X,
    model_for,
    targets,
    y,
)
from .model import METRICS

NAN, INF = math.nan, math.inf


def right(model, on):
    """Right arguments, with an optimizer that remembers the network."""
    optimizer = nn.Adam(0.01)
    if model.built:
        optimizer.step(model)
    return {"X": X, "y": targets(on), "optimizer": optimizer, "epochs": 1, "progress": False}


def unbuilt(cases):
    """The same cases, before the network is built."""
    return changed_all(cases, lambda one: {"on": f"unbuilt {one.on or 'softmax'}"})


def changed_all(cases, changes):
    return [new for one in cases for new in changed([one], **changes(one))]


SOURCE = {"X": [(X, y)], "y": None}

# ---- X and y -------------------------------------------------------------------------------------------------------

FULL_X = [
    *unbuilt([one for one in WRONG_X if one.label not in ("width 2", "structured", "dict")]),
    case(np.zeros(M, [("a", "f4")]), "every column", "it is always 0", label="constant table", on="unbuilt softmax"),
    case({"a": X}, "column 'a': expected one value for each row", label="dict of matrices", on="unbuilt softmax"),
]
NAMES = case(["a", "b"] * 4, "has 2 classes ('a', 'b')", "Dense(2)", label="names")
OF_EACH_KIND = [one for one in Y_OF_EACH_KIND if one.label != "names"]
FULL_Y = [*unbuilt([one for one in WRONG_Y if one.label != "names"]), NAMES, *unbuilt([NAMES])]
NO_LABELS = case(None, "expected a label for each example of X, got None")
WITHOUT_Y = [  # X is no source of batches
    case(np.ones((M, 4)).tolist(), "expected a source of batches", "list of 4", label="lists", y=None),
    case((X, y), "expected a source of batches", "ndarray", label="pair", y=None),
    case(3, "source of batches", "got 3", y=None),
    case(None, "source of batches", "got None", y=None),
    case("data.csv", "source of batches", y=None),
    case({"X": X, "y": y}, "source of batches", label="dict", y=None),
    case(model_for, "source of batches", label="function", y=None),
    case([(X, y)], "different lengths", label="a source with y"),
]

# ---- validation ----------------------------------------------------------------------------------------------------

PAIR = "expected (X, y) or (X, y, sample_weight)"
VALIDATION = [
    case(X, PAIR, "ndarray", label="X alone"),
    case({"X": X}, PAIR, "dict", label="dict"),
    case((X, y, y, y), PAIR, "tuple of 4", label="four"),
    case((X,), PAIR, "tuple of 1", label="one"),
    case(0.2, PAIR, "float"),
    case(True, PAIR, "bool"),
    case((y, X), "two dimensions", named="validation_data X", label="swapped"),
    case((X[:5], y), "expected 5 labels", "got 8", named="validation_data y", label="lengths"),
    case((X, y + 1), "label 4 is out of range", "0..3", named="validation_data y", label="label"),
    case([X] * 5, PAIR, "list of 5", **SOURCE, label="a list of X"),
    case(iter([(X, y)]), "gone through after every epoch", "list_iterator", label="an iterator"),
    case((X[:, :2], y), "expected 3 features", named="validation_data X", **SOURCE, label="width with a source"),
]
WITH_X = changed_all(
    X_OF_EACH_KIND, lambda one: {"value": (one.value, y), "named": "validation_data X", "label": f"X {one.label}"}
)
WITH_Y = changed_all(
    [*Y_OF_EACH_KIND, *NO_Y],
    lambda one: {"value": (X, one.value), "named": "validation_data y", "label": f"y {one.label}"},
)
WITH_WEIGHTS = changed_all(
    WEIGHTS_OF_EACH_KIND,
    lambda one: {
        "value": (X, y, one.value),
        "named": "validation_data sample_weight",
        "label": f"weights {one.label}",
    },
)
SPLITS = [
    *each(1, 0, 0.0, 1.0, 1.5, -0.1, NAN, INF, "0.1", True, [0.1], says="above 0 and below 1"),
    case(0.01, "0.01 of 8 examples", "holds out 0"),
    case(0.99, "0.99 of 8 examples", "holds out 8"),
    case(0.5, "validation_data", "not both", validation_data=(X, y), label="with validation_data"),
    case(0.2, "is for arrays", "0.2", **SOURCE, label="with a source"),
]

# ---- weights of classes --------------------------------------------------------------------------------------------

NO_CLASSES = "does not choose between classes"
CLASS_WEIGHTS = [
    case("fair", "or 'balanced'", "'fair'"),
    case({0: 1, 1: 1, 3: 1}, "each of the classes 0..3", "missing: 2", label="misses one"),
    case({1: 1}, "each of the classes 0..3", "missing: 0, 2, 3", label="misses three"),
    case({}, "missing: 0, 1, 2, 3"),
    case(dict.fromkeys(range(5), 1), "each of the classes 0..3", "unknown: 4", label="has another"),
    case({"a": 1, "b": 1}, "missing: 0, 1, 2, 3", "unknown: 'a', 'b'", label="has names"),
    case({0: 1}, "each of the classes 0..1", "missing: 1", on="sigmoid", label="misses class 1"),
    case([1, 2], "4 finite numbers", "[1, 2]", label="too few"),
    case([1, 2, 3, 4, 5], "4 finite numbers", label="too many"),
    case([1], "2 finite numbers", on="sigmoid", label="one for each unit"),
    case(2.0, "4 finite numbers", "2.0"),
    case([1, -1, 1, 1], "at least 0", "[1, -1, 1, 1]", label="negative"),
    case({0: 1, 1: NAN, 2: 1, 3: 1}, "finite", label="nan"),
    case([0, 0, 0, 0], "not all 0", label="all 0"),
    case(["a", "b", "c", "d"], "expected numbers", label="words in a list"),
    case({0: 1, 1: None, 2: 1, 3: 1}, "expected numbers", label="None in a mapping"),
    case({1, 2, 3}, "expected numbers", label="set"),
    case([1, 1], "Identity()", NO_CLASSES, on="values", label="regression"),
    case("balanced", "Identity()", NO_CLASSES, on="values", label="balanced regression"),
    case({0: 1}, "Exponential()", NO_CLASSES, on="counts", label="counts"),
    case([1, 1], "Sigmoid()", NO_CLASSES, on="labels", label="several labels"),
    case("balanced", "'balanced' needs all labels", **SOURCE, label="balanced with a source"),
]

# ---- fit -----------------------------------------------------------------------------------------------------------

EPOCHS = each(0, -1, 1.5, 2.0, True, "3", None, [1], says="integer of at least 1")
SIZES = each(0, -1, 2.5, 32.0, True, "32", [32], says="integer of at least 1")
OPTIMIZERS = [
    case("sdg", "nn.SGD(0.1)", "did you mean 'sgd'?"),
    case(nn.Adam, "nn.SGD(0.1)", "write nn.Adam()"),
    case(type("Own", (nn.SGD,), {}), "write Own(...)", label="a user's class"),
    *each(0.1, {}, False, "momentum", says="nn.SGD(0.1)"),
]
STEPS = [
    case(3, "batch_size", label="with arrays"),
    *changed(each(0, 2.0, says="at least 1"), others=SOURCE),
]
CALLBACKS = [
    case([nn.EMA], "subclasses of Callback", "write EMA(...)", label="class"),
    case(nn.callbacks.Callback(), "expected a list", "write callbacks=[Callback()]", label="one"),
    case([nn.Checkpoint("runs/a")], "write checkpoint=Checkpoint('runs/a')", "ModelCheckpoint", label="Checkpoint"),
    case([print], "subclasses of Callback", "print", label="function"),
    case("EMA", "subclasses of Callback", "'E'"),
    case([None], "subclasses of Callback", "None"),
    case(3, "expected a list", "3"),
]
CHECKPOINTS = each(3, "", says="expected a path")
RESUMES = [case("yes", "True or False", "got 'yes'", checkpoint="unused"), case(True, "needs a directory")]


PARALLEL = [
    *each("mpi", 4, True, says="expected what nn.mpi.world() returns"),
    case(nn.mpi.world, "write parallel=nn.mpi.world()", label="the function"),
]


def alternating(cases):
    """Every second case for a network that is not built yet: these checks do not ask which it is."""
    return [*cases[::2], *unbuilt(cases[1::2])]


FIT = Call(
    right,
    of=model_for,
    wrong={
        "X": [*X_OF_EACH_KIND, *WIDTHS, *FULL_X, *unbuilt(WITHOUT_Y)],
        "y": [*OF_EACH_KIND, *FULL_Y, NO_LABELS, *unbuilt([NO_LABELS])],
        "optimizer": alternating(OPTIMIZERS),
        "epochs": alternating(EPOCHS),
        "batch_size": alternating(SIZES),
        "validation_data": [*VALIDATION, *unbuilt(WITH_X + WITH_Y), *WITH_WEIGHTS],
        "validation_split": alternating(SPLITS),
        "sample_weight": [
            *WEIGHTS_OF_EACH_KIND,
            *unbuilt(WRONG_WEIGHTS),
            case(WEIGHT, "is for arrays", **SOURCE, label="with a source"),
        ],
        "class_weight": alternating(CLASS_WEIGHTS),
        "shuffle": "yes",
        "steps_per_epoch": STEPS,
        "metrics": METRICS,
        "callbacks": alternating(CALLBACKS),
        "checkpoint": CHECKPOINTS,
        "resume": RESUMES,
        "progress": "bar",
        "engine": "fast",
        "standardize_target": "yes",
        "augment": alternating(OF_FIT),
        "parallel": alternating(PARALLEL),
    },
)

# ---- batches -------------------------------------------------------------------------------------------------------

BATCHES = Call(
    {"X": X, "y": y},
    wrong={
        "X": [one for one in X_OF_EACH_KIND if one.label not in ("width 2", "too large", "images")],
        "y": [
            case([0, 1], "expected 8 labels", "got 2"),
            case(3, "expected 8 labels", "3"),
            case(["a"] * M, "expected numbers", label="words"),
            case(np.where(np.arange(M) == 3, np.nan, 1), "nan at y[3]", label="nan"),
        ],
        "batch_size": each(0, -1, 2.5, None, "3", says="at least 1"),
        "seed": each(-1, 0.5, "0", True, says="at least 0"),
        "shuffle": each("yes", 1, "no", None, says="True or False"),
        "sample_weight": WEIGHTS_OF_EACH_KIND,
    },
)
CALLS = {"Model.fit": FIT}
