"""Likely mistakes that `fit` warns of, before the first step and after the last, each with its cause."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import NothingLearnedWarning
from nnlite.fitting.batches import Numbered
from nnlite.fitting.class_weights import weighted
from nnlite.fitting.streams import Stream
from nnlite.layers import BatchNorm, Exponential, Identity, Output, Sigmoid, Softmax, chain
from nnlite.network import guesses
from nnlite.network.examples import Examples
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer
from nnlite.schedules import OneCycle, Schedule

# A short training has not had the chance to learn: nothing is said about it.
LONG_ENOUGH = (200, 2)  # steps, epochs
FEW_STEPS = 20
JUDGED_FROM = 50  # examples: the accuracy over fewer says little
UNLEARNED = 0.98  # of what there is to learn is left: J minus the least cost, over that of the best constant guess
MUCH = 0.5  # a loss below this share of that guess's is far below
ABOVE_CHANCE = 3.0  # standard errors of an accuracy; less may be chance
TOLD_APART = 0.1  # probability of a class where it is true, minus that where it is not
EXPLAINED = 0.02  # R2

LARGE_TARGETS, LARGE_COUNTS, LARGE_INPUTS = 10.0, 50.0, 20.0  # root mean square, or mean of counts

STANDARDIZE = "standardize each feature, (X - X.mean(0)) / X.std(0)"

WIDE = (1.5, 2)  # output units over classes, and output units minus classes
BY_CHANCE = 14.0  # e^-14 is the chance that so many examples have none of the other classes, if all are as frequent

STILL = (1e-4, 0.1)  # learning rate over its highest, and the share of the steps at the end with less than that
LOOKED_AT = 200  # steps


# ---- before the training -------------------------------------------------------------------------------------------


def warn_before(
    network: Network,
    optimizer: Optimizer,
    source: Numbered | Stream,
    epochs: int,
    *,
    resumed: bool,
    labels: Labels | None,
) -> None:
    """Warn of what is probably a mistake, before the first step. A stream is looked at after its first epoch."""
    if labels is not None:
        warn(wide_output(network, source.signature.units, labels))
    shapes = chain.with_input_shapes(network.layers, network.infer_shapes(source.signature.input_shape))
    of_rows = (layer for layer, shape in shapes if isinstance(layer, BatchNorm) and len(shape) == 1)
    normalizes = any(layer.trainable for layer in of_rows)
    long = source.n_steps is None or source.n_steps * epochs >= LONG_ENOUGH[0]
    if source.batch_size == 1 and long and normalizes:
        warn(
            "batch_size: BatchNorm learns nothing from batches of one example, whose z_hat is always 0; take a larger "
            "batch_size, such as 32, or LayerNorm"
        )
    if source.n_steps is not None:
        before = 0 if resumed else optimizer.n_steps(network)
        warn(short_schedule(optimizer, before, source.n_steps * epochs))


def warn_if_output_is_wide(network: Network, examples: Examples | None) -> None:
    """Warn, after the first epoch of a stream, if there are many more output units than classes."""
    if examples is not None:
        warn(wide_output(network, network.signature.units, labels_of(network, examples.y)))


class Labels(NamedTuple):
    """What the labels of a training are: the highest, and how many there are."""

    highest: int
    n: int


def labels_of(network: Network, y: Array) -> Labels | None:
    """Return what the labels are, if the output has a unit for each class, and the classes have no names."""
    if not isinstance(network.output, Softmax) or network.class_names is not None:
        return None
    return Labels(int(y.max()) if y.ndim == 1 else int(np.flatnonzero(y.any(axis=0)).max()), len(y))


def wide_output(network: Network, units: int, labels: Labels | None) -> str:
    """Return what to say if there are many more output units than classes; "" if all is well."""
    if labels is None:
        return ""
    n = labels.highest + 1
    enough = n >= 2 and labels.n * math.log(units / n) > BY_CHANCE
    if not enough or units < WIDE[0] * n or units < WIDE[1] + n:
        return ""
    return (
        f"layers: the output has {units} units, but y has only the classes 0..{n - 1}; a unit of Softmax is a class. "
        f"Is the last Dense layer missing? End with nn.Dense({n}), nn.Softmax(). If the other classes are still to "
        f"come, name them all with model.class_names = [...]"
    )


def short_schedule(optimizer: Optimizer, before: int, n_steps: int) -> str:
    """Return what to say if the schedule ends long before the training; "" if all is well."""
    schedule = optimizer.learning_rate
    if not isinstance(schedule, Schedule) or not type(schedule).__module__.startswith("nnlite.schedules"):
        return ""  # a function of the user may count its calls
    end = before + n_steps
    also = f" ({before} of them before this call)" if before else ""
    if isinstance(schedule, OneCycle) and end > 1.01 * schedule.total_steps:
        return (
            f"learning_rate: OneCycle has total_steps={schedule.total_steps}, but the training has {end} steps{also}: "
            f"from step {schedule.total_steps} on the rate stays at {schedule(end):.3g}; write total_steps={end} "
            f"(epochs times batches in an epoch)"
        )
    if end < LONG_ENOUGH[0]:
        return ""
    steps = np.unique(np.linspace(before, end - 1, LOOKED_AT).astype(int))
    rates = np.array([schedule(int(step)) for step in steps])
    lively = np.flatnonzero(rates > STILL[0] * rates.max())
    last = int(steps[lively.max()]) if len(lively) else before
    if not len(lively) or end - 1 - last <= STILL[1] * n_steps:
        return ""
    return (
        f"learning_rate: {schedule!r} is below {STILL[0]:g} of its highest rate from about step {last + 1} on, but the "
        f"training has {end} steps{also}: in the rest it learns next to nothing; stretch the schedule over the whole "
        f"training, or train for fewer epochs"
    )


# ---- after the training --------------------------------------------------------------------------------------------


def is_long_enough(n_steps: int, epochs: int, examples: Examples | None) -> bool:
    """Whether a training had the chance to learn; with raw pixels it need not be long, since they are the cause."""
    if epochs < LONG_ENOUGH[1]:
        return False
    if n_steps >= LONG_ENOUGH[0]:
        return True
    return n_steps >= FEW_STEPS and examples is not None and _are_raw_pixels(examples.batch(slice(None)).X)


def _are_raw_pixels(X: Array) -> bool:
    """Return whether X are large numbers from 0 to 255, as pixels in files are."""
    return _are_in_bytes(X) and bool(np.square(X, dtype=np.float64).mean() > LARGE_INPUTS**2)


def _are_in_bytes(X: Array) -> bool:
    """Return whether X are numbers from 0 to 255, and some are above 100."""
    return bool(X.min() >= 0 and 100 < X.max() <= 255)


def warn_if_nothing_was_learned(
    network: Network, examples: Examples | None, class_weight: Array | None, losses: Sequence[float]
) -> None:
    """Warn if the network is no better on its training examples than the best constant guess.

    ``losses`` are those of the epochs. If the last one says that much was learned, nothing is computed.
    """
    output = network.output
    if examples is None or examples.size < JUDGED_FROM or type(output) not in (Softmax, Sigmoid, Identity, Exponential):
        return
    if network.first_trainable == len(network.layers):  # all layers are frozen
        return
    if class_weight is None and _has_learned_much(network, examples, losses[-1]):
        return
    batch = examples.batch(slice(None))
    weights = weighted(batch.weights, class_weight, batch.y)
    if weights is not None and np.count_nonzero(weights) < JUDGED_FROM:
        return
    with np.errstate(all="ignore"):
        compared = _comparison(network, batch, weights, losses)
    if compared:
        causes = "; ".join(_causes_of(network, batch)) or (
            "a learning rate that is too high or too low, layers that block the gradient, labels that do not belong to "
            "the rows of X, or inputs that say nothing about y"
        )
        checks.warn(
            f"after {len(losses)} epochs the network is no better than {compared}. Likely: {causes}. "
            f"print(nn.diagnose(model, X, y, trained=True)) looks for the cause",
            NothingLearnedWarning,
        )


def _has_learned_much(network: Network, examples: Examples, loss: float) -> bool:
    """Whether the loss of the last epoch is far below that of the best constant guess, the entropy of the classes.

    Running averages may make the network predict worse than it trained, so that its loss says nothing then.
    """
    if not isinstance(network.output, Softmax) or examples.y.ndim > 1 or examples.weights is not None:
        return False
    shares = np.bincount(examples.y if examples.rows is None else examples.y[examples.rows]) / examples.size
    entropy = -float(sum(p * math.log(p) for p in shares.tolist() if p))
    return network.state.size == 0 and loss < MUCH * entropy


def _comparison(network: Network, batch: Examples, weights: Array | None, losses: Sequence[float]) -> str:
    """Return the guess that is as good as the network, with numbers; "" if the network is better."""
    output = network.output
    step = network.new_pass(training=False)
    Y_hat = step.forward(network.signature.cast(batch.X)).astype(np.float64)
    J = step.cost(network.signature.target_rows(batch.y), weights)
    Y = output.target_rows(network.signature.inside(batch.y), network.signature.units, np.float64)
    floor = guesses.least_cost(output, Y, weights)
    J_constant = guesses.constant_cost(output, Y, weights)
    to_learn = J_constant - floor
    if not to_learn > 1e-6 or J - floor < UNLEARNED * to_learn:
        return ""
    if not output.classifies:
        r2 = _r2(Y, Y_hat, weights)
        same = "" if r2 > EXPLAINED else f"always guessing the mean of y (R2 = {r2:.3g} on training examples)"
        return same if r2 > -1e6 else "always guessing the mean of y"
    own, constant, n = _accuracies(output, Y, Y_hat, weights)
    by_chance = ABOVE_CHANCE * math.sqrt(max(constant * (1 - constant), 1 / n) / n)
    guess = "the commonest class" if Y.shape[1] > 1 and isinstance(output, Softmax) else "the commoner answer"
    if own > constant + by_chance or _tells_apart(Y, Y_hat):
        if losses[-1] - floor < UNLEARNED * (losses[0] - floor):
            return ""
        return f"always guessing {guess} (J = {J:.3g} has not fallen; the guess has {J_constant:.3g})"  # random weights
    return f"always guessing {guess} (accuracy {own:.3g}; the guess has {constant:.3g}, on training examples)"


def _r2(Y: Array, Y_hat: Array, weights: Array | None) -> float:
    mean = np.average(Y, axis=0, weights=weights)
    left, all_of_it = (np.average(np.square(Y - guess).sum(axis=1), weights=weights) for guess in (Y_hat, mean))
    return float(1 - left / all_of_it)


def _accuracies(output: Output, Y: Array, Y_hat: Array, weights: Array | None) -> tuple[float, float, int]:
    """Return the accuracies of the network and of the best constant guess, and the number of answers."""
    if isinstance(output, Softmax):
        true = Y.argmax(axis=1)
        own = np.average(Y_hat.argmax(axis=1) == true, weights=weights)
        constant = np.average(np.eye(Y.shape[1])[true], axis=0, weights=weights).max()
        return float(own), float(constant), len(Y)
    own = np.average(((Y_hat > 0.5) == (Y > 0.5)).mean(axis=1), weights=weights)
    rates = np.average(Y > 0.5, axis=0, weights=weights)
    return float(own), float(np.maximum(rates, 1 - rates).mean()), Y.size


def _tells_apart(Y: Array, Y_hat: Array) -> bool:
    """Whether the probability of some class is clearly higher where it is true than where it is not."""
    true = Y > 0.5
    for j in range(Y.shape[1]):
        if 0 < np.count_nonzero(true[:, j]) < len(Y):
            inside, outside = Y_hat[true[:, j], j].mean(), Y_hat[~true[:, j], j].mean()
            if np.count_nonzero(true[:, j]) >= 10 and inside - outside > TOLD_APART:
                return True
    return False


# ---- causes --------------------------------------------------------------------------------------------------------


def causes(network: Network, examples: Examples | None) -> list[str]:
    """Return the likely causes of a training that diverged, the first one first."""
    return [] if examples is None else _causes_of(network, examples.batch(slice(None)))


def _causes_of(network: Network, batch: Examples) -> list[str]:
    found = []
    y, X = network.signature.inside(batch.y).astype(np.float64), batch.X
    if isinstance(network.output, Exponential) and y.mean() > LARGE_COUNTS:
        found.append(
            f"the counts are large (mean {y.mean():.3g}), and the first steps as large as they are; divide y by its "
            f"mean or by the exposure, or take clip_norm=1.0 for the optimizer"
        )
    rms = float(np.sqrt(np.square(y).mean()))
    if not network.output.classifies and not isinstance(network.output, Exponential) and rms > LARGE_TARGETS:
        found.append(
            f"the targets are large (from {y.min():.4g} to {y.max():.4g}), and so are the steps; train on "
            f"(y - y.mean()) / y.std(), and undo that after predict: fit(standardize_target=True) does both"
        )
    size = float(np.sqrt(np.square(X.astype(np.float64)).mean()))
    if size > LARGE_INPUTS and not isinstance(network.layers[0], BatchNorm):
        remedy = "divide X by 255" if _are_in_bytes(X) else STANDARDIZE
        found.append(f"the inputs are large (from {X.min():.4g} to {X.max():.4g}); {remedy}")
    return found


def warn(text: str) -> None:
    """Warn, if there is something to say."""
    if text:
        checks.warn(text)
