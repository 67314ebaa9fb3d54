"""A doctor for trainings: `diagnose` examines a set-up as an experienced engineer would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.fitting.class_weights import check_class_weight
from nnlite.inspect.diagnosis import after, before, during
from nnlite.inspect.diagnosis.duplicates import duplicates
from nnlite.inspect.diagnosis.inputs import constant_features, finite, scale
from nnlite.inspect.diagnosis.parts import FiniteExamples, as_arrays, check_parts
from nnlite.inspect.diagnosis.report import Diagnosis, Result, Skipped
from nnlite.inspect.diagnosis.subject import SAMPLE, Subject
from nnlite.inspect.diagnosis.targets import labels_fit_inputs, targets
from nnlite.inspect.diagnosis.validation import validation_classes, validation_shift
from nnlite.inspect.stored import in_memory, validation_in_memory
from nnlite.inspect.twins import require_network
from nnlite.network.examples import Examples
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer, check_optimizer

READ = 20_000  # examples of data on the disk


def diagnose(
    model: Network,
    X: Any,
    y: Any = None,
    *,
    validation_data: Sequence[Any] | None = None,
    optimizer: Optimizer | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
    batch_size: int | None = 32,
    trained: bool | None = None,
    class_weight: Any = None,
) -> Diagnosis:
    """Examine a training set-up: the data, and the network before, during and after training.

    Each check reports what it found, with numbers, whether that is a problem, and what to try. Checks that need
    training steps (learning a handful of examples by heart, 200 steps with your optimizer) make them on copies: the
    network and the optimizer do not change.

    Parameters
    ----------
    model : Model
        Built or not, trained or not.
    X : array_like, (M, n[0]), or examples on the disk
        Training examples. Unlike `fit`, this accepts NaN and infinity, and reports them. Of examples on the disk, as
        `open_data` and `open_table` open them, up to 20,000 are read, from all parts of the data; the report says so.
    y : array_like, (M,) or (M, n[L])
    validation_data : (X, y) or (X, y, sample_weight), or examples on the disk, optional
        As for `fit`.
    optimizer : Optimizer, default SGD(0.1)
        As for `fit`.
    history : History, optional
        What `fit` returned. With a history, the network counts as trained.
    batch_size : int or None, default 32
        As for `fit`.
    trained : bool, optional
        Whether the network has been trained. By default it counts as trained if there is a history, or if its cost is
        less than 70 % of the cost of the best constant guess.
    class_weight : mapping, sequence or "balanced", optional
        As for `fit`. What the network has learned is judged with these weights.

    Returns
    -------
    Diagnosis
        A sequence of findings; ``print`` shows a report. ``problems`` are the serious findings, ``ok`` is True if there
        are none, and ``diagnosis["learning rate"]`` is the finding of that check.

    Raises
    ------
    ArgumentError
        If `fit` would refuse an argument, except for numbers that are not finite.

    Notes
    -----
    It takes seconds: of large data sets it examines samples, and says so. Weights of examples are not taken into
    account, and those of classes only where it judges what was learned. The thresholds are named constants in the
    modules of `nnlite.inspect.diagnosis`, each with a reason.

    References
    ----------
    A. Karpathy, "A recipe for training neural networks", 2019; Y. Bengio, "Practical recommendations for
    gradient-based training of deep architectures", 2012.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> nn.diagnose(model, digits.X_train, digits.y_train).ok
    True
    >>> print(nn.diagnose(model, 255 * digits.X_train, digits.y_train).problems[0].message)
    Inputs from 0 to 255, root mean square 123; the initial weights are made for a root mean square of 1, so the first z
    are too large.
    """
    model = require_network(model)
    if not (history is None or hasattr(history, "keys")):
        raise ArgumentError(f"history: expected what fit returned, got {history!r}")
    trained = bool(history) or None if trained is None else checks.boolean("trained", trained)
    optimizer, batch_size = check_optimizer(optimizer), check_batch_size(batch_size)
    names = model.class_names
    X, y, said = in_memory(X, y, READ)
    validation_data = validation_in_memory(validation_data, READ)
    model, X, y, validation_data = as_arrays(model, X, y, validation_data)
    train, validation = check_parts(model, X, y, validation_data)
    weights = _weights(model, train, class_weight, names)
    if not is_finite(train, validation):
        return Diagnosis.of([finite(train, validation), Skipped("all else", "there are no finite examples")])
    subject = Subject(model, train, validation, optimizer, batch_size, trained)
    subject.class_weight = weights
    with np.errstate(all="ignore"):  # a set-up may overflow: that is reported
        results = [
            *examine_data(subject),
            *before.check(subject),
            *during.check(subject),
            *after.check(subject, history),
        ]
    return Diagnosis.of(results, sampled=f"{said} {_sampled(len(train.X))}".strip())


def examine_data(subject: Subject) -> list[Result]:
    """Return all findings about the data; except for the first, they are about the finite examples."""
    no_validation = [Skipped("validation data", "there are none")] if subject.validation is None else []
    return [
        finite(subject.train, subject.validation),
        constant_features(subject),
        scale(subject),
        *duplicates(subject),
        targets(subject),
        labels_fit_inputs(subject),
        *no_validation,
        *validation_classes(subject),
        *validation_shift(subject),
    ]


def _weights(model: Network, train: FiniteExamples, class_weight: Any, names: Sequence[str] | None) -> Array | None:
    """Return the weights of the classes as `fit` checks them."""
    if class_weight is None or not len(train.X):
        return None
    return check_class_weight(class_weight, model.signature_for(train.X), Examples(train.X, train.y), names)


def check_batch_size(batch_size: Any) -> int | None:
    """Return the batch size, or raise ArgumentError."""
    return None if batch_size is None else checks.integer("batch_size", batch_size)


def is_finite(train: FiniteExamples, validation: FiniteExamples | None) -> bool:
    """Return whether each set has at least one finite example."""
    return len(train.X) > 0 and (validation is None or len(validation.X) > 0)


def _sampled(n: int) -> str:
    if n <= SAMPLE:
        return f"All {n:,} training examples were examined."
    return f"The statistics are those of {SAMPLE:,} of {n:,} training examples, drawn at random."
