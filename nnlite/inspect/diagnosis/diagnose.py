"""A doctor for trainings: examines a set-up as an experienced engineer would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.callbacks import Callback
from nnlite.callbacks.base import Logs
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.fitting.batches import check_examples
from nnlite.inspect.diagnosis import after, before, during
from nnlite.inspect.diagnosis import data as data_checks
from nnlite.inspect.diagnosis.layers import weight_matrices
from nnlite.inspect.diagnosis.report import Diagnosis, Finding
from nnlite.inspect.diagnosis.subject import BLOCK, SAMPLE, Part, Subject, quiet
from nnlite.network import examples as data

if TYPE_CHECKING:
    from nnlite.model import Model
    from nnlite.optimizers import Optimizer

FIRST = 16  # examples whose loss is that of the beginning; the mean of fewer says little

__all__ = ["Diagnose", "Diagnosis", "Finding", "diagnose"]


def diagnose(
    model: Model,
    X: Any,
    y: Any,
    *,
    validation_data: Sequence[Any] | None = None,
    optimizer: Optimizer | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
    batch_size: int | None = 32,
    trained: bool | None = None,
) -> Diagnosis:
    """Examine a training set-up: the data, and the network before, during and after training.

    Each check says what it saw, with its numbers, whether that is a problem, and what to try. What takes steps of
    training (learning a handful of examples by heart, two hundred steps with your optimizer) is done on copies: the
    network and the optimizer stay exactly as they are.

    Parameters
    ----------
    model : Model
        Built or not, trained or not.
    X : array_like, (M, n[0])
        Training examples. Unlike `fit`, this accepts NaN and infinity, and reports them.
    y : array_like, (M,) or (M, n[L])
    validation_data : (X, y) or (X, y, sample_weight), optional
        What `fit` is given.
    optimizer : Optimizer, default SGD(0.1)
        What `fit` is given.
    history : History, optional
        What `fit` returned; says that the network has been trained, and how it went.
    batch_size : int or None, default 32
        What `fit` is given.
    trained : bool, optional
        Whether the network has been trained. By default it has if there is a history, or if its cost is below 70 % of
        that of the best constant guess.

    Returns
    -------
    Diagnosis
        ``print`` it. It can be gone through, finding by finding; ``problems`` are the grave ones, ``ok`` says that
        there is none, and ``diagnosis["learning rate"]`` is the finding of that check.

    Raises
    ------
    ArgumentError
        If an argument is what `fit` would refuse, but for numbers that are not finite.

    Notes
    -----
    It takes seconds: of large data sets samples are looked at, which the report mentions. Weights of examples and
    classes are not considered. The thresholds are named constants, each with a reason, in the modules of
    `nnlite.inspect.diagnosis`.

    References
    ----------
    A. Karpathy, "A recipe for training neural networks", 2019; Y. Bengio, "Practical recommendations for
    gradient-based training of deep architectures", 2012.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> diagnose(model, digits.X_train, digits.y_train).ok
    True
    >>> print(diagnose(model, 255 * digits.X_train, digits.y_train).problems[0].message)
    Inputs from 0 to 255, root mean square 123; the initial weights suit 1, so that the first z are large.
    """
    subject_or_report = _prepared(model, X, y, validation_data, optimizer, history, batch_size, trained)
    if isinstance(subject_or_report, Diagnosis):
        return subject_or_report
    subject = subject_or_report
    with np.errstate(all="ignore"):  # a set-up that overflows is what this is for
        findings = data_checks.check(subject)
        skipped = {} if subject.validation is not None else {"validation data": "there are none"}
        for found, not_checked in (before.check(subject), during.check(subject), after.check(subject, history)):
            findings += found
            skipped |= not_checked
    return Diagnosis(findings, skipped=skipped, sampled=_sampled(subject))


def _sampled(subject: Subject) -> str:
    n = len(subject.train.X)
    if n <= SAMPLE:
        return f"All {n:,} training examples were looked at."
    return f"Statistics are those of {SAMPLE:,} of the {n:,} training examples, drawn at random."


def _prepared(
    model: Model,
    X: Any,
    y: Any,
    validation_data: Any,
    optimizer: Any,
    history: Any,
    batch_size: Any,
    trained: Any,
) -> Subject | Diagnosis:
    """Everything checked and copied; or a report at once, if there is not one example that is finite."""
    from nnlite.optimizers import SGD, Optimizer

    if not hasattr(type(model), "n_weights"):
        raise ArgumentError(f"model: expected a Model, got {model!r}")
    if not (optimizer is None or isinstance(optimizer, Optimizer)):
        raise ArgumentError(f"optimizer: expected an Optimizer such as nn.SGD(0.1), got {optimizer!r}")
    if not (history is None or hasattr(history, "keys")):
        raise ArgumentError(f"history: expected what fit returned, got {history!r}")
    batch_size = None if batch_size is None else checks.integer("batch_size", batch_size)
    trained = bool(history) or None if trained is None else checks.boolean("trained", trained)
    train = _part(model, X, y)
    validation = None
    if validation_data is not None:
        if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
            raise ArgumentError(f"validation_data: expected (X, y), got {type(validation_data).__name__}")
        shape = np.shape(train.X)[1:]
        validation = _part(model, *validation_data[:2], prefix="validation_data ", input_shape=shape)
    if not len(train.X) or (validation is not None and not len(validation.X)):
        return Diagnosis([data_checks.finite(train, validation)], skipped={"all else": "there are no finite examples"})
    return Subject(model, train, validation, SGD(0.1) if optimizer is None else optimizer, batch_size, trained)


def _part(model: Model, X: Any, y: Any, *, prefix: str = "", input_shape: tuple[int, ...] | None = None) -> Part:
    """The finite examples, checked as `fit` does."""
    X, y = checks.numeric_array(f"{prefix}X", X), checks.numeric_array(f"{prefix}y", y)
    if X.ndim < 2 or X.size == 0 or y.ndim == 0:
        check_examples(model, X, y, prefix=prefix)  # says what is wrong
    data.check_lengths(X, y, f"{prefix}X", f"{prefix}y")
    good_X, good_y = _finite_rows(X, model.dtype), _finite_rows(y, model.dtype)
    good = good_X & good_y
    if not good.all():
        X, y = X[good], y[good]
        if not good_y.all() and y.ndim == 1 and model.output.classifies and (y == np.round(y)).all():
            y = y.astype(np.intp)  # NaN among class indices had made them floats
    n_bad_X, n_bad_y = int(np.count_nonzero(~good_X)), int(np.count_nonzero(good_X & ~good_y))
    if not len(X):
        return Part(X, y, n_bad_X, n_bad_y)
    examples = check_examples(model, X, y, prefix=prefix, input_shape=input_shape)
    return Part(examples.X, examples.y, n_bad_X, n_bad_y)


def _finite_rows(array: Array, dtype: Any) -> Array:
    """Which examples have only numbers that the network can compute with."""
    if array.dtype.kind != "f":
        return np.ones(len(array), bool)
    largest = np.finfo(dtype).max
    with np.errstate(invalid="ignore"):
        if array.size and -largest <= array.min() and array.max() <= largest:
            return np.ones(len(array), bool)
        good: Array = (np.abs(array) <= largest).reshape(len(array), -1).all(axis=1)
    return good


STOPPED = Finding(
    "end of the training",
    "during",
    "problem",
    "An error stopped the training before its end.",
    advice="read the error; where a cost or gradient was no number, a smaller learning rate, or scaled inputs.",
)


class Diagnose(Callback):
    """`diagnose`, beside a real training: ``report`` is there when `fit` returns.

    It watches the loss of each batch and the size of the updates, in the first 20 steps and then in every 20th, and
    looks at the units when all is over. With ``X`` and ``y`` it also makes the checks of `diagnose` before and after.

    Parameters
    ----------
    X, y : array_like, optional
        What `fit` is given.
    validation_data : (X, y) or (X, y, sample_weight), optional
        What `fit` is given.
    batch_size : int or None, default 32
        What `fit` is given; for the trial of the checks before training.

    Attributes
    ----------
    report : Diagnosis or None
        None until a training has ended. Of one that an error has stopped it says what was seen until then.

    Notes
    -----
    Without ``X``, the units are looked at with the first batches of another epoch, and a generator is asked for them.
    The training is the same, bit for bit, as without this callback.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> doctor = Diagnose()
    >>> history = model.fit(digits.X_train, digits.y_train, optimizer=nn.SGD(100), epochs=2, callbacks=[doctor])
    >>> print(doctor.report["learning rate"])
    learning rate: problem: ...
    """

    def __init__(
        self,
        X: Any = None,
        y: Any = None,
        *,
        validation_data: Sequence[Any] | None = None,
        batch_size: int | None = 32,
    ) -> None:
        if (X is None) != (y is None):
            raise ArgumentError("y: give both X and y, or neither")
        self.X, self.y, self.validation_data, self.batch_size = X, y, validation_data, batch_size
        self._report: Diagnosis | None = None
        self._begun = False

    @property
    def report(self) -> Diagnosis | None:
        """What was found in the last training."""
        if self._begun and "training_inputs" not in vars(self):  # `fit` has ended without calling on_train_end
            self._begun = False
            with np.errstate(all="ignore"):
                found = [*self._findings, *during.updates(self._record), *after.course(self._history)]
            self._report = Diagnosis([*found, STOPPED], skipped=self._skipped)
        return self._report

    @property
    def may_add_keys(self) -> bool:
        """No: the callbacks behind it can be asked for what they need."""
        return False

    def on_train_begin(self, logs: Logs) -> None:
        """Examine the data and the network, if there are data; forget an earlier training."""
        self._report, self._begun = None, True
        self._record = during.Record()
        self._history: dict[str, list[float]] = {}
        self._weights: dict[str, Array] | None = None
        self._findings: list[Finding] = []
        self._skipped: dict[str, str] = {}
        self._trained = False
        self._n_first = 0
        if self.X is None:
            self._skipped = {"the data, before training": "they were not given to Diagnose(X, y)"}
            return
        subject = self._subject(trained=None)
        self._trained = subject.trained
        with np.errstate(all="ignore"):
            found, self._skipped = before.check(subject)
            self._findings = [*data_checks.check(subject), *found]

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Keep the weights, to compare."""
        first, every = during.WATCHED_STEPS
        step = len(self._record.losses)
        self._weights = during.weights_of(self.model) if step < first or step % every == 0 else None

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Note the loss and, now and then, how far the weights went."""
        record = self._record
        record.losses.append(logs["loss"])
        if self._n_first < FIRST:
            self._n_first += int(logs["size"])
            record.first = sum(record.losses) / len(record.losses)
        if self._weights is not None:
            with np.errstate(all="ignore"):
                record.note_update(self._weights, weight_matrices(self.model))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep the learning curves."""
        for name, value in logs.items():
            self._history.setdefault(name, []).append(value)

    def on_train_end(self, logs: Logs) -> None:
        """Look at the units and at what was learned, and write the report."""
        with np.errstate(all="ignore"):
            self._findings += [
                *during.updates(self._record),
                during.course_of_training(self._record, self._trained),
                *during.units(quiet(self.model), self._inputs()),
            ]
            if self.X is not None:
                subject = self._subject(trained=True)
                found, skipped = after.check(subject, self._history)
                self._skipped |= skipped
            else:
                found = [*after.course(self._history), *after.unstable_validation(self._history)]
        self._report, self._begun = Diagnosis(self._findings + found, skipped=self._skipped), False
        del self._weights, self._record, self._findings

    def _subject(self, trained: bool | None) -> Subject:
        subject = _prepared(
            self.model, self.X, self.y, self.validation_data, self.optimizer, None, self.batch_size, trained
        )
        if isinstance(subject, Diagnosis):
            raise ArgumentError("X: expected finite numbers, and there is no example that has only such")
        return subject

    def _inputs(self) -> Array:
        """Some training examples; the generator of the network stays as it is."""
        if self.X is not None:
            X = np.asarray(self.X)  # often sorted by class: examples from all over it
            return X[np.random.default_rng(0).permutation(len(X))[:BLOCK]]
        state = self.model.rng.bit_generator.state
        batches: list[Array] = []
        try:
            for X in self.training_inputs():
                batches.append(X)
                if sum(map(len, batches)) >= BLOCK:
                    break
        finally:
            self.model.rng.bit_generator.state = state
        return np.concatenate(batches)[:BLOCK] if batches else np.empty((0, 1))
