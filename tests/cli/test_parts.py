"""Facts about layers, optimizers and schedules that are written as options."""

import re

import pytest

import nnlite as nn
from nnlite.cli import parts
from nnlite.cli.network import SHORT_SCHEDULES, make_callbacks, make_layers, make_optimizer

from ..support import for_each

DEFAULTS = {
    "layers": None,
    "hidden": [8],
    "activation": "relu",
    "dropout": None,
    "noise": None,
    "batch_norm": None,
    "layer_norm": None,
    "residual": None,
    "initializer": None,
    "output": None,
    "label_smoothing": None,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "momentum": None,
    "weight_decay": None,
    "clip_norm": None,
    "schedule": None,
    "warmup": None,
    "epochs": 10,
    "patience": 5,
    "average": None,
}


def layers(n_outputs=3, classifies=True, **options):
    return repr(make_layers({**DEFAULTS, **options}, n_outputs, classifies))


def optimizer(**options):
    return repr(make_optimizer({**DEFAULTS, **options}, steps_per_epoch=20))


# --- layers ---------------------------------------------------------------------------------------------------------


@for_each(
    ("options", "expected"),
    [
        ({}, "[Dense(8), ReLU(), Dense(3), Softmax()]"),
        ({"hidden": []}, "[Dense(3), Softmax()]"),
        ({"classifies": False, "n_outputs": 1}, "[Dense(8), ReLU(), Dense(1), Identity()]"),
        ({"output": "exponential", "classifies": False, "n_outputs": 1}, "[Dense(8), ReLU(), Dense(1), Exponential()]"),
        ({"output": "sigmoid", "n_outputs": 2}, "[Dense(8), ReLU(), Dense(1), Sigmoid()]"),
        (
            {"dropout": 0.2, "batch_norm": True, "activation": "tanh"},
            "[Dense(8), BatchNorm(), Tanh(), Dropout(0.2), Dense(3), Softmax()]",
        ),
        ({"activation": "selu", "dropout": 0.1}, "[Dense(8), SELU(), AlphaDropout(0.1), Dense(3), Softmax()]"),
        ({"activation": "LeakyReLU(0.2)"}, "[Dense(8), LeakyReLU(negative_slope=0.2), Dense(3), Softmax()]"),
        ({"noise": 0.1, "hidden": []}, "[GaussianNoise(0.1), Dense(3), Softmax()]"),
        (
            {"residual": True, "hidden": [8, 8]},
            "[Dense(8), ReLU(), Residual((Dense(8), ReLU())), Dense(3), Softmax()]",
        ),
        ({"layers": "Dense(4), GELU()"}, "[Dense(4), GELU(), Dense(3), Softmax()]"),
        ({"layers": "[Dense(3), Softmax()]"}, "[Dense(3), Softmax()]"),
        (
            {"layers": "Residual([Dense(4), ReLU()]), Dense(3), Softmax()"},
            "[Residual((Dense(4), ReLU())), Dense(3), Softmax()]",
        ),
        ({"label_smoothing": 0.1, "hidden": []}, "[Dense(3), Softmax(label_smoothing=0.1)]"),
    ],
)
def test_options_become_layers(options, expected):
    assert layers(**options) == expected


@for_each("name", parts.ACTIVATIONS)
def test_every_activation_has_a_name_on_the_command_line(name):
    spelled = re.sub("(?<=[a-z])(?=[A-Z])", "-", name).lower()
    assert f", {name}()" in layers(activation=spelled)
    assert isinstance(getattr(nn, name)(), nn.Layer)


def test_every_layer_of_nnlite_can_be_written_out():
    names = [
        name for name in dir(nn) if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Layer)
    ]
    written = {
        "Dense": "Dense(2)",
        "Dropout": "Dropout(0.1)",
        "AlphaDropout": "AlphaDropout(0.1)",
        "GaussianNoise": "GaussianNoise(0.1)",
        "Dropout1D": "Dropout1D(0.1)",
        "Dropout2D": "Dropout2D(0.1)",
        "Conv1D": "Conv1D(8, 3)",
        "Conv2D": "Conv2D(8, 3, padding='same')",
        "Reshape": "Reshape((2, 2))",
        "Residual": "Residual([ReLU()])",
        **{f"Conv{axes}D": f"Conv{axes}D(2, 3)" for axes in (1, 2)},
        **{f"Dropout{axes}D": f"Dropout{axes}D(0.1)" for axes in (1, 2)},
    }
    for name in set(names) - {"Layer", "Activation", "Output"}:
        (layer,) = parts.layer_list("--layers", written.get(name, name))
        assert type(layer).__name__ == name


def test_an_output_that_does_not_fit_the_target_is_refused():
    for options in (
        {"output": "sigmoid"},
        {"output": "identity"},
        {"output": "softmax", "classifies": False, "n_outputs": 1},
    ):
        with pytest.raises(nn.ArgumentError, match=r"^--output: "):
            layers(**options)


# --- optimizers and schedules ---------------------------------------------------------------------------------------


@for_each("name", parts.OPTIMIZERS)
def test_every_optimizer_has_a_name_and_takes_the_learning_rate(name):
    assert parts.OPTIMIZERS.count(name) == 1
    assert optimizer(optimizer=name.lower(), learning_rate=3e-4).startswith(f"{name}(0.0003")


def test_all_optimizers_of_nnlite_are_among_them():
    rules = {
        name for name in dir(nn) if isinstance(getattr(nn, name), type) and issubclass(getattr(nn, name), nn.Optimizer)
    }
    assert rules - {"Optimizer"} == set(parts.OPTIMIZERS)


def test_options_of_an_optimizer_are_checked_as_its_arguments():
    found = optimizer(optimizer="AdamW(beta_1=0.8)", weight_decay=0.05, clip_norm=1.0)
    for argument in ("beta_1=0.8", "weight_decay=0.05", "clip_norm=1.0"):
        assert argument in found
    assert "momentum=0.9" in optimizer(momentum=0.9)
    with pytest.raises(nn.ArgumentError, match=r"^--momentum: Adam has no momentum"):
        optimizer(optimizer="adam", momentum=0.9)
    with pytest.raises(nn.ArgumentError, match=r"^--optimizer: beta_1"):
        optimizer(optimizer="Adam(beta_1=2)")


def test_without_a_rate_the_optimizer_has_its_own():
    assert optimizer(optimizer="adam", learning_rate=None).startswith("Adam(0.001")


@for_each("name", SHORT_SCHEDULES)
def test_a_short_schedule_ends_with_the_training(name):
    made = make_optimizer({**DEFAULTS, "schedule": name, "epochs": 10}, steps_per_epoch=20)
    rate = made.learning_rate
    rates = [rate(t) if callable(rate) else rate for t in range(200)]
    assert max(rates) == pytest.approx(0.1, rel=0.02)
    falls = name not in ("constant", "plateau")
    assert (rates[-1] < 0.05) == falls


def test_every_schedule_of_nnlite_can_be_written_out():
    written = {
        "ConstantRate(0.1)",
        "CosineDecay(0.1, 100)",
        "CosineDecayRestarts(0.1, 10)",
        "ExponentialDecay(0.1, 100, 0.5)",
        "LinearWarmup(10, CosineDecay(0.1, 90))",
        "OneCycle(0.1, 100)",
        "PolynomialDecay(0.1, 100)",
        "SequentialSchedule([0.1, StepDecay(0.1, 10)], [50])",
        "StepDecay(0.1, 30)",
    }
    assert {text.split("(")[0] for text in written} == set(parts.SCHEDULES)
    for text in written:
        made = make_optimizer({**DEFAULTS, "schedule": text}, steps_per_epoch=20)
        assert text.split("(")[0] in repr(made)


def test_a_warmup_rises_from_0_and_leaves_the_rest_to_the_schedule():
    rate = make_optimizer({**DEFAULTS, "schedule": "cosine", "warmup": 2.0}, steps_per_epoch=20).learning_rate
    assert rate(0) == 0
    assert rate(20) == pytest.approx(0.05)
    assert rate(40) == pytest.approx(0.1)
    assert rate(200) == pytest.approx(0, abs=1e-9)


def test_callbacks_follow_from_the_options():
    def kinds(**options):
        return [type(callback).__name__ for callback in make_callbacks({**DEFAULTS, **options}, validated=True)]

    assert kinds() == ["EarlyStopping"]
    assert kinds(patience=0) == []
    assert kinds(schedule="plateau") == ["ReduceOnPlateau", "EarlyStopping"]
    assert kinds(average="ema") == ["EarlyStopping", "EMA"]


# --- what is refused ------------------------------------------------------------------------------------------------


@for_each(
    "text",
    [
        "__import__('os').system('true')",
        "Dense(__import__('os'))",
        "(lambda: 3)()",
        "Dense(3) if True else ReLU()",
        "Dense(units=open('x'))",
        "Dense.mro()",
        "Dense(3",
        "Dense(*[3])",
        "3",
        "'ReLU'",
        "Dense(" * 2000,
        "x" * 20_000,
    ],
)
def test_nothing_but_known_names_and_plain_values_is_accepted(text):
    with pytest.raises(nn.ArgumentError, match=r"^--layers"):
        parts.layer_list("--layers", text)


@pytest.mark.parametrize("option", ["--optimizer", "--schedule"])
def test_a_wrong_name_is_answered_with_the_names(option):
    with pytest.raises(nn.ArgumentError, match=rf"^{option}: expected one of"):
        optimizer(**{option.lstrip("-"): "nonsense"})


def test_an_argument_that_is_a_bare_word_is_answered_with_what_it_may_be():
    layers = parts.layer_list
    for option, text, read in (
        ("--augment", "Rotate(a)", parts.augmentations),
        ("--layers", "Dropout(b)", layers),
        ("--layers", "Dense(3, initializer=c)", layers),
    ):
        with pytest.raises(nn.ArgumentError) as caught:
            read(option, text)
        assert str(caught.value).startswith(f"{option}: {text}: an argument is a number, True, False, None, a text in")
    assert parts.layer_list("--layers", "Dense(3, initializer=he_normal)")[0].initializer.__class__ is nn.HeNormal
    with pytest.raises(nn.ArgumentError, match=r"such as Rotate\(10\)"):
        parts.augmentations("--augment", "Rotate(10 20)")
