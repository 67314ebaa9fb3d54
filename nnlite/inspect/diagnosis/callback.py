"""The doctor as a callback: `Diagnose` watches a real training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.callbacks import Callback
from nnlite.callbacks.base import Logs
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.inspect.diagnosis import after, before, during
from nnlite.inspect.diagnosis.curves import course, unstable_validation
from nnlite.inspect.diagnosis.doctor import check_batch_size, examine_data, is_finite
from nnlite.inspect.diagnosis.parts import as_arrays, check_parts
from nnlite.inspect.diagnosis.probe import copied_weights, weight_matrices
from nnlite.inspect.diagnosis.report import Diagnosis, Finding, Result, Skipped
from nnlite.inspect.diagnosis.subject import BLOCK, Subject, quiet
from nnlite.inspect.diagnosis.trial import Record
from nnlite.inspect.diagnosis.units import units
from nnlite.network import guesses
from nnlite.network.knowledge import as_numbers
from nnlite.tables.table import Table

FIRST = 16  # examples for the first loss; the mean over fewer says little
WATCHED_STEPS = 20  # updates are measured in the first 20 steps, and then in every 20th

STOPPED = Finding(
    "end of the training",
    "during",
    "problem",
    "An error stopped the training.",
    advice="read the error; if a cost or a gradient was not finite, use a smaller learning rate, or scaled inputs.",
)


class Diagnose(Callback):
    """`diagnose` as a callback: it watches a real training, and ``report`` is complete when `fit` returns.

    It records the loss of each batch, and the size of the updates in the first 20 steps and then in every 20th. At the
    end it examines the units. With ``X`` and ``y`` it also makes the checks of `diagnose` before and after training.

    Parameters
    ----------
    X, y : array_like, optional
        As for `fit`.
    validation_data : (X, y) or (X, y, sample_weight), optional
        As for `fit`.
    batch_size : int or None, default 32
        As for `fit`; used by the checks before training.

    Attributes
    ----------
    report : Diagnosis or None
        None until a training has ended. If an error stopped the training, what was found until then.

    Notes
    -----
    Without ``X``, the units are examined with the first batches of another epoch, which a generator must provide. The
    training is the same, bit for bit, as without this callback.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> doctor = nn.Diagnose()
    >>> history = model.fit(digits.X_train, digits.y_train, optimizer=nn.SGD(100), epochs=2, callbacks=[doctor])
    >>> print(doctor.report["learning rate"])
    learning rate: problem: ...
    """

    first_process_only = True

    def __init__(
        self,
        X: Any = None,
        y: Any = None,
        *,
        validation_data: Sequence[Any] | None = None,
        batch_size: int | None = 32,
    ) -> None:
        if (X is None) != (y is None) and not isinstance(X, Table):
            raise ArgumentError("y: give both X and y, or neither")
        self.X, self.y, self.validation_data, self.batch_size = X, y, validation_data, batch_size
        self._report: Diagnosis | None = None
        self._begun = False

    @property
    def report(self) -> Diagnosis | None:
        """The findings about the last training."""
        if self._begun and "training_inputs" not in vars(self):  # `fit` ended without calling on_train_end
            self._begun = False
            with np.errstate(all="ignore"):
                found = [*self._results, during.updates(self._record), *course(self._history)]
            self._report = Diagnosis.of([*found, STOPPED])
        return self._report

    @property
    def may_add_keys(self) -> bool:
        """False: the logs of an epoch stay as they are."""
        return False

    def on_train_begin(self, logs: Logs) -> None:
        """Forget an earlier training; with data, make the checks before training."""
        self._report, self._begun = None, True
        self._record = Record()
        self._history: dict[str, list[float]] = {}
        self._weights: dict[str, Array] | None = None
        self._results: list[Result] = []
        self._trained = False
        self._n_first = 0
        if self.X is None:
            self._results = [Skipped("the data, before training", "Diagnose was made without X and y")]
            return
        subject = self._subject(trained=None)
        self._trained = subject.trained
        with np.errstate(all="ignore"):
            self._results = [*examine_data(subject), *before.check(subject)]

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Keep the weights, to measure the update."""
        step = len(self._record.losses)
        watched = step < WATCHED_STEPS or step % WATCHED_STEPS == 0
        self._weights = copied_weights(self.model) if watched else None

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Record the loss, and in some steps the update."""
        record = self._record
        record.losses.append(logs["loss"])
        if self._n_first < FIRST:
            self._n_first += int(logs["size"])
            record.first = sum(record.losses) / len(record.losses)
            record.blank = guesses.blank_cost(self.model.output, self.model.require_built("Diagnose")[-1][0])
        if self._weights is not None:
            with np.errstate(all="ignore"):
                record.note_update(self._weights, weight_matrices(self.model))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Record the learning curves."""
        for name, value in logs.items():
            self._history.setdefault(name, []).append(value)

    def on_train_end(self, logs: Logs) -> None:
        """Examine the units and what was learned, and write the report."""
        with np.errstate(all="ignore"):
            self._results += [
                during.updates(self._record),
                during.course_of_training(self._record, self._trained),
                *units(quiet(self.model), self._inputs()),
            ]
            if self.X is not None:
                self._results += after.check(self._subject(trained=True), self._history)
            else:
                self._results += [*course(self._history), *unstable_validation(self._history)]
        self._report, self._begun = Diagnosis.of(self._results), False
        del self._weights, self._record, self._results

    def _subject(self, trained: bool | None) -> Subject:
        """Return the set-up, with the present weights."""
        model, X, y, validation_data = as_arrays(self.model, self.X, self.y, self.validation_data)
        train, validation = check_parts(model, X, y, validation_data)
        if not is_finite(train, validation):
            raise ArgumentError("X: expected finite numbers, got not one finite example")
        return Subject(model, train, validation, self.optimizer, check_batch_size(self.batch_size), trained)

    def _inputs(self) -> Array:
        """Return some training examples; the random generator of the network does not change."""
        if self.X is not None:
            X = np.asarray(
                as_numbers(self.X, self.model.encoding, self.model.dtype, arrays=True)
            )  # often sorted by class: take examples from everywhere
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
