"""A wrong value for every public argument; what is said against it stands in docs/errors.md.

`tests/test_errors_table.py` goes through the public names, and fails where an argument is missing here or a message is
another than the one in the document. ``python tests/refusals/wrong_values.py`` writes the document anew.
"""

import inspect
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import nnlite as nn
from nnlite.datasets import load_csv
from nnlite.optimizers.base import Options

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "errors.md"
# to a function that the user names, or to Matplotlib
PASSED_ON = {"arguments", "line_options", "fit_options"}
EVENTS = ("train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end")


class Thing:
    """A callable, the arguments with which it works, and a wrong value for each of its arguments.

    Where the message names another argument, since one of two that do not fit must be named, it is in ``names``.
    """

    def __init__(self, call, good=(), /, *, wrong, names=()):
        self.call, self.good, self.wrong, self.names = call, dict(good), wrong, dict(names)

    def refusal(self, argument):
        """What is said where this argument has its wrong value and all others are right."""
        value = self.wrong[argument]
        parameter = inspect.signature(self.call).parameters.get(argument)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                if parameter is not None and parameter.kind is parameter.VAR_POSITIONAL:
                    self.call(*value)
                else:
                    self.call(**{**self.good, argument: value})
            except nn.NnliteError as error:
                return str(error).replace(FOLDER.name, "folder")
        raise AssertionError(f"{argument}={value!r} is not refused")

    def arguments(self):
        """Its arguments; those that it takes with ``**`` by their names."""
        names = []
        for name, parameter in inspect.signature(self.call).parameters.items():
            if name in PASSED_ON:
                continue
            if parameter.kind is not parameter.VAR_KEYWORD:
                names.append(name)
            elif isinstance(self.call, type) and issubclass(self.call, nn.Optimizer):
                names += [name for name in Options.__annotations__ if name not in names]
            elif self.call is nn.LambdaCallback:
                names += [f"on_{event}" for event in EVENTS]
        return names


def method(make, name):
    """A method of an object that is made anew for every call."""

    def call(**arguments):
        return getattr(make(), name)(**arguments)

    call.__signature__ = inspect.signature(getattr(make(), name))
    return call


# ---- right values --------------------------------------------------------------------------------------------------

FOLDER = tempfile.TemporaryDirectory()  # of the files that are read
CSV = Path(FOLDER.name, "pets.csv")
CSV.write_text("width,kind\n1.5,cat\n2.5,dog\n")
TEXT = Path(FOLDER.name, "text.npz")
TEXT.write_text("Nothing to see here.\n")

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
y = np.arange(8) % 4
P = np.full((8, 4), 0.25)
VALUES = np.linspace(0, 1, 8)


def model():
    """A network that has seen a batch."""
    made = nn.Model([nn.Dense(5), nn.Tanh(), nn.Dense(4), nn.Softmax()], n_features=3, seed=0)
    made.forward(X)
    return made


def history():
    """Of two epochs."""
    made = nn.History()
    for loss in (2.0, 1.0):
        made.append({"loss": loss})
    return made


# ---- and wrong ones ------------------------------------------------------------------------------------------------

NAN = float("nan")
NEGATIVE_WEIGHTS = [1, -1, 1, 1, 1, 1, 1, 1]
WRONG_OPTIONS = {"weight_decay": -1, "l1": -1, "clip_value": 0, "clip_norm": 0, "max_norm": NAN}


def optimizer(rule, **wrong):
    return Thing(rule, {"learning_rate": 0.1}, wrong={"learning_rate": 0, **wrong, **WRONG_OPTIONS})


def decay(schedule, good, **wrong):
    return Thing(schedule, {"initial_learning_rate": 0.1, **good}, wrong={"initial_learning_rate": 0, **wrong})


def score(function, **wrong):
    """A metric of classes."""
    wrong = {"y": [0, 1], "Y_hat": "cat", "multi_label": True, "sample_weight": NEGATIVE_WEIGHTS, **wrong}
    return Thing(function, {"y": y, "Y_hat": P}, wrong=wrong, names={"y": "Y_hat"})


def distance(function):
    """A metric of values."""
    wrong = {"y": "cat", "Y_hat": [0.5], "sample_weight": NEGATIVE_WEIGHTS}
    return Thing(function, {"y": VALUES, "Y_hat": VALUES}, wrong=wrong)


def function(name, **wrong):
    return Thing(getattr(nn, name), {"z": X}, wrong={"z": "cat", **wrong})


EQUATIONS = {
    **{name: function(name) for name in "erf hard_swish relu selu sigmoid silu softplus tanh".split()},
    "softmax": function("softmax", axis=2),
    "log_softmax": function("log_softmax", axis=2),
    "hardmax": function("hardmax", axis=2),
    "elu": function("elu", alpha=-1),
    "gelu": function("gelu", approximate="yes"),
    "leaky_relu": function("leaky_relu", negative_slope="steep"),
    "cross_entropy": Thing(nn.cross_entropy, {"Y_hat": P, "Y": P}, wrong={"Y_hat": -P, "Y": P[:, :3]}),
    "binary_cross_entropy": Thing(
        nn.binary_cross_entropy, {"Y_hat": [0.5], "Y": [1]}, wrong={"Y_hat": [2], "Y": [0, 1]}
    ),
    "one_hot": Thing(nn.one_hot, {"y": y}, wrong={"y": [0, -1], "n_classes": 0, "dtype": "text"}),
}
for name in ("softmax", "log_softmax", "hardmax"):
    EQUATIONS[name].names["axis"] = "z"

LAYERS = {
    "Dense": Thing(nn.Dense, {"units": 3}, wrong={"units": 2.5, "initializer": "he", "trainable": "yes"}),
    "LeakyReLU": Thing(nn.LeakyReLU, wrong={"negative_slope": NAN}),
    "ELU": Thing(nn.ELU, wrong={"alpha": -1}),
    "GELU": Thing(nn.GELU, wrong={"approximate": True}),
    "Softmax": Thing(nn.Softmax, wrong={"label_smoothing": 1}),
    "Sigmoid": Thing(nn.Sigmoid, wrong={"label_smoothing": -0.1}),
    "Dropout": Thing(nn.Dropout, wrong={"rate": 1}),
    "AlphaDropout": Thing(nn.AlphaDropout, wrong={"rate": 1}),
    "GaussianNoise": Thing(nn.GaussianNoise, wrong={"stddev": -1}),
    "BatchNorm": Thing(nn.BatchNorm, wrong={"momentum": 2, "epsilon": 0, "trainable": 1}),
    "LayerNorm": Thing(nn.LayerNorm, wrong={"epsilon": 0, "trainable": None}),
    "Reshape": Thing(nn.Reshape, wrong={"target_shape": (-1, -1)}),
    "Residual": Thing(nn.Residual, {"layers": [nn.ReLU()]}, wrong={"layers": [], "trainable": "no"}),
    "Constant": Thing(nn.Constant, wrong={"value": NAN}),
    "GlorotUniform": Thing(nn.GlorotUniform, wrong={"gain": 0}),
    "Orthogonal": Thing(nn.Orthogonal, wrong={"gain": -1}),
    "TruncatedNormal": Thing(nn.TruncatedNormal, wrong={"mean": NAN, "stddev": 0}),
}

TRAINING = {
    "Optimizer": optimizer(nn.Optimizer),
    "SGD": optimizer(nn.SGD, momentum=1, nesterov="yes"),
    "Adagrad": optimizer(nn.Adagrad, initial_accumulator_value=-1, epsilon=0),
    "RMSProp": optimizer(nn.RMSProp, rho=1, momentum=-0.1, epsilon=0, centered=1),
    "Adam": optimizer(nn.Adam, beta_1=1, beta_2=-0.1, epsilon=0, amsgrad="no"),
    "AdamW": optimizer(nn.AdamW, beta_1=1, beta_2=-0.1, epsilon=0, amsgrad="no"),
    "NAdam": optimizer(nn.NAdam, beta_1=1, beta_2=1, epsilon=0, momentum_decay=-1),
    "Lion": optimizer(nn.Lion, beta_1=1, beta_2="large"),
    "Optimizer.step": Thing(method(lambda: nn.SGD(0.1), "step"), wrong={"model": nn.Dense}),
    "ConstantRate": Thing(nn.ConstantRate, wrong={"learning_rate": 0}),
    "StepDecay": decay(nn.StepDecay, {"step_size": 5}, step_size=0, gamma=2),
    "ExponentialDecay": decay(
        nn.ExponentialDecay, {"decay_steps": 5, "decay_rate": 0.5}, decay_steps=0, decay_rate=0, staircase="no"
    ),
    "PolynomialDecay": decay(
        nn.PolynomialDecay, {"decay_steps": 5}, decay_steps=2.5, end_learning_rate=-1, power=0
    ),
    "CosineDecay": decay(nn.CosineDecay, {"decay_steps": 5}, decay_steps=0, alpha=2),
    "CosineDecayRestarts": decay(
        nn.CosineDecayRestarts, {"first_decay_steps": 5}, first_decay_steps=0, t_mul=0.5, m_mul=0, alpha=-1
    ),
    "OneCycle": Thing(
        nn.OneCycle,
        {"max_learning_rate": 0.1, "total_steps": 10},
        wrong={
            "max_learning_rate": 0, "total_steps": 0, "pct_start": 2, "anneal_strategy": "steps",
            "div_factor": 0, "final_div_factor": 0,
        },
    ),
    "LinearWarmup": Thing(
        nn.LinearWarmup, {"warmup_steps": 5, "then": 0.1}, wrong={"warmup_steps": 0, "then": "fast", "start_factor": 2}
    ),
    "SequentialSchedule": Thing(
        nn.SequentialSchedule,
        {"schedules": [0.1, 0.01], "milestones": [5]},
        wrong={"schedules": [], "milestones": [5, 3]},
    ),
    "Schedule.__call__": Thing(method(lambda: nn.StepDecay(0.1, 5), "__call__"), wrong={"step": -1}),
    "EarlyStopping": Thing(
        nn.EarlyStopping,
        wrong={"monitor": 3, "min_delta": -1, "patience": -1, "mode": "up", "restore_best_weights": "yes"},
    ),
    "ReduceOnPlateau": Thing(
        nn.ReduceOnPlateau,
        wrong={
            "monitor": 3, "factor": 1, "patience": -1, "min_delta": -1, "mode": "up", "cooldown": -1,
            "min_learning_rate": -1,
        },
    ),
    "ModelCheckpoint": Thing(
        nn.ModelCheckpoint, {"path": "a"}, wrong={"path": 3, "monitor": 3, "save_best_only": 1, "mode": "up"}
    ),
    "CSVLogger": Thing(nn.CSVLogger, {"path": "a"}, wrong={"path": None, "append": "yes"}),
    "Checkpoint": Thing(nn.Checkpoint, {"directory": "runs"}, wrong={"directory": 3, "every": 0, "keep": 0}),
    "EMA": Thing(nn.EMA, wrong={"decay": 1}),
    "SWA": Thing(nn.SWA, wrong={"start_epoch": -1}),
    "LambdaCallback": Thing(nn.LambdaCallback, wrong={f"on_{event}": 3 for event in EVENTS}),
    "batches": Thing(
        nn.batches,
        {"X": X, "y": y},
        wrong={
            "X": X[0], "y": [0, 1], "batch_size": 0, "seed": -1, "shuffle": "yes", "sample_weight": NEGATIVE_WEIGHTS,
        },
    ),
}  # fmt: skip

MODEL = {
    "Model": Thing(
        nn.Model,
        {"layers": [nn.Dense(2), nn.Softmax()]},
        wrong={"layers": [nn.Dense(2)], "n_features": 0, "seed": -1, "dtype": "float16"},
    ),
    "Model.forward": Thing(method(model, "forward"), {"X": X}, wrong={"X": X[:, :2], "training": "no"}),
    "Model.cost": Thing(method(model, "cost"), {"Y": y}, wrong={"Y": y + 1, "sample_weight": NEGATIVE_WEIGHTS}),
    "Model.backward": Thing(method(model, "backward"), {"Y": y}, wrong={"Y": y[:3], "sample_weight": [1, 2]}),
    "Model.predict": Thing(method(model, "predict"), wrong={"X": X[0]}),
    "Model.predict_proba": Thing(method(model, "predict_proba"), wrong={"X": X * NAN}),
    "Model.evaluate": Thing(
        method(model, "evaluate"),
        {"X": X, "y": y},
        wrong={"X": "cat", "y": y / 2, "sample_weight": NEGATIVE_WEIGHTS, "metrics": ["beauty"]},
    ),
    "Model.fit": Thing(
        method(model, "fit"),
        {"X": X, "y": y, "epochs": 1, "progress": False},
        wrong={
            "X": X[:, :2], "y": P * 2, "optimizer": "sgd", "epochs": 0, "batch_size": 0, "validation_data": X,
            "validation_split": 1, "sample_weight": NEGATIVE_WEIGHTS, "class_weight": "fair", "shuffle": "yes",
            "steps_per_epoch": 3, "metrics": "beauty", "callbacks": [nn.EMA], "checkpoint": 3,
            "resume": "yes", "progress": "bar",
        },
    ),
    "Model.save": Thing(method(model, "save"), wrong={"path": 3}),
    "Model.input_gradient": Thing(method(model, "input_gradient"), {"X": X, "y": y}, wrong={"X": X[0], "y": y[:3]}),
    "History.to_csv": Thing(method(history, "to_csv"), wrong={"path": None}),
    "History.plot": Thing(method(history, "plot"), wrong={"axes": 3, "keys": "beauty"}),
    "load": Thing(nn.load, {"path": TEXT}, wrong={"path": 3, "layers": [3]}),
}  # fmt: skip

DATA = {
    "load_digits": Thing(nn.load_digits, wrong={"test_fraction": 1, "seed": -1}),
    "load_iris": Thing(nn.load_iris, wrong={"test_fraction": 0, "seed": 0.5}),
    "load_mnist": Thing(nn.load_mnist, {"directory": FOLDER.name}, wrong={"directory": 3, "progress": "bar"}),
    "load_csv": Thing(
        load_csv,
        {"path": CSV},
        wrong={
            "path": 3, "target": "color", "classification": "yes", "header": 1, "delimiter": "->",
            "encoding": "morse", "ignore": "width", "dtype": "int",
        },
    ),
    "Table.split": Thing(method(lambda: load_csv(CSV), "split"), wrong={"test_fraction": 1, "seed": -1}),
    "make_spirals": Thing(
        nn.make_spirals, wrong={"n_examples": 2, "n_classes": 0, "noise": -1, "turns": -1, "seed": -1}
    ),
    "make_moons": Thing(nn.make_moons, wrong={"n_examples": 1, "noise": -1, "seed": -1}),
    "make_blobs": Thing(
        nn.make_blobs, wrong={"n_examples": 2, "n_classes": 0, "n_features": 0, "spread": -1, "seed": -1}
    ),
}  # fmt: skip

METRICS = {
    "metrics.accuracy": score(nn.metrics.accuracy),
    "metrics.top_k_accuracy": Thing(
        nn.metrics.top_k_accuracy,
        {"y": y, "Y_hat": P, "k": 2},
        wrong={"y": [0, 1], "Y_hat": "cat", "k": 5, "multi_label": "no", "sample_weight": NEGATIVE_WEIGHTS},
        names={"y": "Y_hat"},
    ),
    "metrics.confusion_matrix": score(nn.metrics.confusion_matrix, n_classes=2, normalize="rows"),
    "metrics.precision": score(nn.metrics.precision, average="mean", zero_division=2),
    "metrics.recall": score(nn.metrics.recall, average="mean", zero_division="warn"),
    "metrics.f1": score(nn.metrics.f1, average=3, zero_division=-1),
    "metrics.log_loss": score(nn.metrics.log_loss),
    "metrics.roc_auc": score(nn.metrics.roc_auc, average="mean"),
    "metrics.expected_calibration_error": score(nn.metrics.expected_calibration_error, n_bins=0),
    "metrics.r2": distance(nn.metrics.r2),
    "metrics.mae": distance(nn.metrics.mae),
    "metrics.mse": distance(nn.metrics.mse),
}

TRAINED = model()


def diagnosed(**arguments):
    """A training with the callback, which looks at its arguments when it is given the network."""
    return model().fit(X, y, epochs=1, progress=False, callbacks=[nn.Diagnose(**arguments)])


diagnosed.__signature__ = inspect.signature(nn.Diagnose)
LABELLED = {"model": TRAINED, "X": X, "y": y}
INSPECTION = {
    "trace": Thing(
        nn.trace,
        LABELLED,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "example": 9, "optimizer": "sgd", "class_names": ["a"],
            "max_numbers": -1,
        },
    ),
    "gradient_check": Thing(
        nn.gradient_check,
        LABELLED,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "tolerance": 0, "sample_weight": NEGATIVE_WEIGHTS, "max_entries": 0,
            "seed": -1,
        },
    ),
    "diagnose": Thing(
        nn.diagnose,
        LABELLED,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "validation_data": X, "optimizer": "sgd", "history": 3, "batch_size": 0,
            "trained": "yes",
        },
    ),
    "Diagnose": Thing(
        diagnosed, {"X": X, "y": y}, wrong={"X": 3, "y": 3, "validation_data": X, "batch_size": 0}
    ),
    "find_learning_rate": Thing(
        nn.find_learning_rate,
        LABELLED,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "optimizer": "sgd", "batch_size": 0, "start": 0, "stop": 0,
            "n_steps": 1,
        },
    ),
}  # fmt: skip
DRAWN = {"model": TRAINED, "X": X}
SCORES = nn.plots.ScoresBySize(np.array([4, 8]), np.ones((2, 1)), np.ones((2, 1)))


def drawn(name, good, *data, wrong, names=()):
    """A function that draws; its data come first, without names."""
    plot = getattr(nn.plots, name)
    if not data:
        return Thing(plot, good, wrong=wrong, names=names)

    def call(*given, **options):
        return plot(*(given or data), **options)

    call.__signature__ = inspect.signature(plot)
    return Thing(call, good, wrong=wrong, names=names)


SIZES = {"model": TRAINED, "X": X, "y": y, "sizes": (0.5, 1), "repeats": 1, "epochs": 1}
PICTURES = {
    "plots.activations": drawn("activations", DRAWN, wrong={"model": 3, "X": X[0], "ax": 3, "training": "yes"}),
    "plots.Animation": drawn(
        "Animation", {"plot": nn.plots.network_diagram}, wrong={"plot": 3, "every": 0, "per": "step"}
    ),
    "plots.confusion_matrix": drawn(
        "confusion_matrix", {}, y, y,
        wrong={"data": (y, y[:3]), "ax": 3, "class_names": 3, "normalize": "rows"}, names={"data": "Y_hat"},
    ),
    "plots.decision_boundary": drawn(
        "decision_boundary", DRAWN | {"features": (0, 1)},
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "ax": 3, "features": (0, 9), "others": "mode", "unit": 9,
            "class_names": ["a"], "feature_names": ["x"], "resolution": 0,
        },
    ),
    "plots.first_layer_weights": drawn(
        "first_layer_weights", {"model": TRAINED, "image_shape": (1, 3)},
        wrong={"model": 3, "ax": 3, "image_shape": (2, 2), "n_units": 0, "limit": -1},
    ),
    "plots.gradients": drawn(
        "gradients", DRAWN | {"y": y},
        wrong={"model": 3, "X": X[0], "y": y[:3], "ax": 3, "names": ["W9"], "sample_weight": NEGATIVE_WEIGHTS},
    ),
    "plots.learning_curve_by_size": drawn(
        "learning_curve_by_size", {"scores": SCORES}, wrong={"scores": 3, "ax": 3}
    ),
    "plots.learning_curves": drawn(
        "learning_curves", {"history": history()}, wrong={"history": 3, "axes": 3, "keys": "beauty"}
    ),
    "plots.most_confident_mistakes": drawn(
        "most_confident_mistakes", DRAWN | {"y": y, "image_shape": (1, 3)},
        wrong={"model": 3, "X": X[0], "y": y[:3], "axes": 3, "n": 0, "image_shape": (2, 2), "class_names": ["a"]},
    ),
    "plots.network_diagram": drawn("network_diagram", {"model": TRAINED}, wrong={"model": 3, "ax": 3, "most_units": 0}),
    "plots.precision_recall_curve": drawn(
        "precision_recall_curve", {}, y, P, wrong={"data": (y, P[:3]), "ax": 3, "class_names": ["a"], "classes": [9]},
        names={"data": "Y_hat"},
    ),
    "plots.prediction_error": drawn(
        "prediction_error", {}, VALUES, VALUES, wrong={"data": (VALUES, VALUES[:3]), "ax": 3, "names": 3},
        names={"data": "Y_hat"},
    ),
    "plots.predictions": drawn(
        "predictions", DRAWN | {"image_shape": (1, 3)},
        wrong={"model": 3, "X": X[0], "y": y[:3], "axes": 3, "n": 0, "image_shape": (2, 2), "class_names": ["a"]},
    ),
    "plots.reliability_diagram": drawn(
        "reliability_diagram", {}, y, P, wrong={"data": (y, P[:3]), "ax": 3, "n_bins": 0}, names={"data": "Y_hat"}
    ),
    "plots.roc_curve": drawn(
        "roc_curve", {}, y, P, wrong={"data": (y, P[:3]), "ax": 3, "class_names": ["a"], "classes": [9]},
        names={"data": "Y_hat"},
    ),
    "plots.schedule": drawn(
        "schedule", {"schedule": 0.1, "n_steps": 5}, wrong={"schedule": "fast", "n_steps": 0, "ax": 3}
    ),
    "plots.scores_by_size": drawn(
        "scores_by_size", SIZES,
        wrong={
            "model": 3, "X": X[0], "y": y[:3], "sizes": [0], "repeats": 0, "validation_data": (X, y[:3]),
            "validation_split": 1, "score": "beauty", "seed": -1,
        },
        names={"score": "metrics", "y": "X", "validation_data": "y"},
    ),
}  # fmt: skip

SECTIONS = {
    "Equations": EQUATIONS,
    "Layers and initializers": LAYERS,
    "The network": MODEL,
    "Training": TRAINING,
    "Data": DATA,
    "Metrics": METRICS,
    "Looking into a network": INSPECTION,
    "Pictures": PICTURES,
}
THINGS = {name: thing for section in SECTIONS.values() for name, thing in section.items()}


# ---- the document --------------------------------------------------------------------------------------------------

HEAD = """# What is refused, and with which words

For every public argument a wrong value and the message with which it is refused, as it reads. All of them are
`ArgumentError`, which is a `ValueError` and a `TypeError`; for files `DataFileError` and `ModelFileError`, and
`NotBuiltError` for what needs a network that knows its input size: all are `NnliteError`. A call that is refused leaves
the network, the optimizer and the data as they were.

The tests compare this table with what is said, and fail where an argument is not in it;
`python tests/refusals/wrong_values.py` writes it.
"""


def shown(value):
    """A wrong value as one would write it."""
    if isinstance(value, type):
        return f"nn.{value.__name__}"
    if isinstance(value, np.ndarray):
        text = f"an array of shape {value.shape}"
        return text + (" with NaN" if value.dtype.kind == "f" and np.isnan(value).any() else "")
    if isinstance(value, list) and any(isinstance(entry, type) for entry in value):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, tuple) and any(isinstance(entry, np.ndarray) for entry in value):
        return f"({', '.join(map(shown, value))})"
    return str(value).replace(FOLDER.name, "folder") if isinstance(value, Path) else repr(value)


def cell(text):
    """``text`` in one cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def document():
    """The whole of docs/errors.md."""
    lines = [HEAD]
    for title, things in SECTIONS.items():
        lines += [f"## {title}", "", "| call | argument | wrong | message |", "| --- | --- | --- | --- |"]
        for name in sorted(things, key=str.lower):
            for argument in things[name].arguments():
                value = cell(shown(things[name].wrong[argument]))
                lines.append(f"| `{name}` | `{argument}` | `{value}` | {cell(things[name].refusal(argument))} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(document(), encoding="utf-8")
    sys.stdout.write(f"{DOCUMENT}\n")
