"""The network and the optimizer that the options of ``nnlite train`` describe."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping
from typing import Any

from nnlite import schedules
from nnlite.augment import Compose
from nnlite.callbacks import EMA, SWA, Callback, EarlyStopping, ReduceOnPlateau
from nnlite.cli.parts import (
    ACTIVATIONS,
    OPTIMIZERS,
    OUTPUTS,
    SCHEDULES,
    augmentations,
    classes,
    initializer_names,
    layer_list,
    named,
)
from nnlite.errors import ArgumentError
from nnlite.layers import (
    SELU,
    AlphaDropout,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Identity,
    Layer,
    LayerNorm,
    MaxPool2D,
    Output,
    Residual,
    Sigmoid,
    Softmax,
)
from nnlite.optimizers import Optimizer
from nnlite.schedules import LinearWarmup

Options = Mapping[str, Any]

# Names of schedules whose arguments follow from the number of steps, and what they become.
SHORT_SCHEDULES = ("constant", "cosine", "cosine-restarts", "exponential", "linear", "one-cycle", "step", "plateau")


# ---- the layers -----------------------------------------------------------------------------------------------------


def make_layers(options: Options, n_outputs: int, classifies: bool) -> list[Layer]:
    """Return the layers: those of ``--layers``, or a chain of ``--hidden`` with what belongs to each hidden layer."""
    output = _output(options, classifies)
    if isinstance(output, Sigmoid) and n_outputs > 2:
        raise ArgumentError(
            f"--output: sigmoid is for two classes, and the target has {n_outputs}; leave it to softmax"
        )
    last: list[Layer] = [Dense(1 if isinstance(output, Sigmoid) else n_outputs), output]
    if options["layers"] is not None:
        if options.get("conv"):
            raise ArgumentError("--conv: give either --conv or --layers, not both")
        given = layer_list("--layers", options["layers"])
        return given if given and isinstance(given[-1], Output) else [*given, *last]
    layers: list[Layer] = []
    if options["noise"]:
        layers.append(GaussianNoise(options["noise"]))
    if options.get("conv"):
        layers += [layer for filters in options["conv"] for layer in _convolution(options, filters)]
        layers.append(Flatten())
    width = None
    for units in options["hidden"]:
        block = _block(options, units)
        if options["residual"] and units == width:
            layers.append(Residual(block))
        else:
            layers += block
        width = units
    return [*layers, *last]


def _convolution(options: Options, filters: int) -> list[Layer]:
    """Return a convolution of 3 x 3: Conv2D, normalization, activation, pooling that halves rows and columns."""
    layers: list[Layer] = [Conv2D(filters, 3, _initializer(options), padding="same")]
    if options["batch_norm"]:
        layers.append(BatchNorm())
    return [*layers, named("--activation", options["activation"], classes(ACTIVATIONS)), MaxPool2D(2)]


def check_poolings(options: Options, image_shape: tuple[int, ...] | None) -> None:
    """Raise ArgumentError if ``--conv`` halves the images until nothing is left."""
    if options.get("conv") and image_shape is not None:
        side = min(image_shape[:2])
        most = side.bit_length() - 1
        if len(options["conv"]) > most:
            size, n = f"{image_shape[0]} x {image_shape[1]}", len(options["conv"])
            raise ArgumentError(
                f"--conv: each number halves rows and columns; images of {size} pixels take at most {most}, got {n}"
            )


def wants_images(options: Options) -> bool:
    """Return whether the first layers take images (H, W, C) instead of rows of pixels."""
    if options.get("conv"):
        return True
    given = [] if options.get("layers") is None else layer_list("--layers", options["layers"])
    return bool(given) and (isinstance(given[0], Flatten) or type(given[0]).__name__.endswith("2D"))


def make_augmentation(options: Options, image_shape: Any) -> Compose | None:
    """Return the augmentations of ``--augment``."""
    if options.get("augment") is None:
        return None
    found = Compose(augmentations("--augment", options["augment"]), image_shape=image_shape)
    if found.mixes and options.get("class_weight") is not None:
        raise ArgumentError("--class-weight: an example that mixup has mixed has two classes; leave out one of the two")
    return found


def _block(options: Options, units: int) -> list[Layer]:
    """Return a hidden layer: Dense, normalization, activation, dropout."""
    block: list[Layer] = [Dense(units, _initializer(options))]
    if options["batch_norm"]:
        block.append(BatchNorm())
    if options["layer_norm"]:
        block.append(LayerNorm())
    activation = named("--activation", options["activation"], classes(ACTIVATIONS))
    block.append(activation)
    if options["dropout"]:
        block.append((AlphaDropout if isinstance(activation, SELU) else Dropout)(options["dropout"]))
    return block


def _initializer(options: Options) -> Any:
    text = options["initializer"]
    return None if text is None else named("--initializer", text, classes(initializer_names()))


def _output(options: Options, classifies: bool) -> Any:
    smoothing = options["label_smoothing"]
    if options["output"] is None:
        return Softmax(smoothing or 0.0) if classifies else Identity()
    output = named("--output", options["output"], classes(OUTPUTS))
    if output.classifies != classifies:
        kind = "classes: softmax or sigmoid" if classifies else "values: identity, or exponential for counts"
        raise ArgumentError(f"--output: the target has {kind}, got {options['output']!r}")
    if smoothing:
        output.label_smoothing = smoothing
    return output


# ---- the optimizer --------------------------------------------------------------------------------------------------


def make_optimizer(options: Options, steps_per_epoch: int) -> Optimizer:
    """Return the optimizer with its schedule."""
    known = classes(OPTIMIZERS)
    made: Optimizer = named("--optimizer", options["optimizer"], known)
    given = {name: options[name] for name in ("weight_decay", "clip_norm", "momentum") if options[name] is not None}
    takes = _arguments(type(made))
    for name in given:
        if name not in takes:
            raise ArgumentError(f"--{name.replace('_', '-')}: {type(made).__name__} has no {name}")
    rate = options["learning_rate"]
    rate = made.learning_rate if rate is None else rate
    if options["schedule"] is not None or options["warmup"]:
        if callable(rate):
            raise ArgumentError("--schedule: --optimizer has a schedule already; give one of them")
        rate = make_schedule(options, float(rate), steps_per_epoch)
    made.learning_rate = rate
    for name, value in given.items():
        setattr(made, name, value)
    return type(made)(**{name: getattr(made, name) for name in takes if hasattr(made, name)})  # checks all of them


def _arguments(cls: type[Optimizer]) -> list[str]:
    """Return the names of all arguments of an optimizer."""
    own = [name for name, p in inspect.signature(cls).parameters.items() if p.kind is not p.VAR_KEYWORD]
    return list(dict.fromkeys([*own, "weight_decay", "l1", "clip_value", "clip_norm", "max_norm"]))


def make_schedule(options: Options, rate: float, steps_per_epoch: int) -> Any:
    """Return the schedule of ``--schedule`` and ``--warmup`` for ``epochs`` epochs of ``steps_per_epoch`` steps."""
    warmup = round((options["warmup"] or 0) * steps_per_epoch)
    steps = max(1, options["epochs"] * steps_per_epoch - warmup)
    schedule = _schedule(options["schedule"] or "constant", rate, steps)
    return LinearWarmup(warmup, schedule) if warmup else schedule


def _schedule(text: str, rate: float, steps: int) -> Any:
    """Return the schedule of a short name, or the one that is written out."""
    name = text.strip().lower().replace("_", "-")
    short: dict[str, Any] = {
        "constant": lambda: rate,
        "plateau": lambda: rate,  # a callback lowers it
        "cosine": lambda: schedules.CosineDecay(rate, steps),
        "cosine-restarts": lambda: schedules.CosineDecayRestarts(rate, max(1, math.ceil(steps / 7))),  # 1 + 2 + 4 parts
        "exponential": lambda: schedules.ExponentialDecay(rate, steps, 0.01),
        "linear": lambda: schedules.PolynomialDecay(rate, steps, 0.0),
        "one-cycle": lambda: schedules.OneCycle(rate, steps),
        "step": lambda: schedules.StepDecay(rate, max(1, math.ceil(steps / 3))),
    }
    if name in short:
        return short[name]()
    known = classes(SCHEDULES)
    if "(" not in text:
        simple = name.replace("-", "")
        if simple not in (own.lower() for own in SCHEDULES):
            raise ArgumentError(f"--schedule: {_near(text)}")
        raise ArgumentError(
            f"--schedule: {text} needs arguments, such as '{_full_name(simple)}(0.1, 1000)'; "
            f"short names that need none: {', '.join(SHORT_SCHEDULES)}"
        )
    return named("--schedule", text, known)


def _full_name(simple: str) -> str:
    return next(name for name in SCHEDULES if name.lower() == simple)


def _near(text: str) -> str:
    import difflib

    near = difflib.get_close_matches(text.lower(), SHORT_SCHEDULES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return (
        f"expected one of {', '.join(SHORT_SCHEDULES)}, or a call such as 'CosineDecay(0.1, 1000)', got {text!r}{hint}"
    )


def make_callbacks(options: Options, validated: bool) -> list[Callback]:
    """Return early stopping and the other callbacks that the options ask for."""
    callbacks: list[Callback] = []
    if options["schedule"] == "plateau":
        callbacks.append(
            ReduceOnPlateau("val_loss" if validated else "loss", patience=max(1, options["patience"] // 2))
        )
    if options["patience"] and validated:
        callbacks.append(EarlyStopping(patience=options["patience"]))
    if options["average"] is not None:  # last: it replaces the weights that early stopping restores
        callbacks.append(EMA() if options["average"] == "ema" else SWA(round(0.75 * options["epochs"])))
    return callbacks
