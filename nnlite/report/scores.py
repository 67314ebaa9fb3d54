"""How good a network is on test examples, beside the trivial guess: always the same class, or always the mean."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from nnlite import metrics
from nnlite.checks import Array
from nnlite.report.numbers import percent, short
from nnlite.report.run import Part, Run

CHANCE = 2.0  # standard errors: a smaller gain over the trivial guess may be chance


class ClassRow(NamedTuple):
    """The scores of one class."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


class ClassScores(NamedTuple):
    """The scores of a classifier.

    Attributes
    ----------
    n : int
        Number of examples.
    accuracy, loss, f1, ece : float
        ``loss`` is the log loss, ``f1`` the mean over the classes, ``ece`` the expected calibration error.
    baseline : float
        The accuracy of always guessing ``guess``, the most frequent class in training.
    baseline_loss : float
        The log loss of always giving the class frequencies of the training.
    guess : str
    rows : list of ClassRow
    confusion : ndarray of int, (C, C)
        Rows are true classes, columns predicted ones.
    learned_nothing : bool
        Whether the network is, up to chance, no better than the trivial guess, neither in classes nor in log loss.
    """

    n: int
    accuracy: float
    loss: float
    f1: float
    ece: float
    baseline: float
    baseline_loss: float
    guess: str
    rows: list[ClassRow]
    confusion: Array
    learned_nothing: bool

    @property
    def verdict(self) -> str:
        """How the network compares to the trivial guess, in a sentence."""
        guess = f"always guessing {self.guess!r}"
        if self.learned_nothing:
            return (
                f"The network has learned nothing: its accuracy of {percent(self.accuracy)} is, up to chance, no "
                f"better than {guess} ({percent(self.baseline)})."
            )
        return (
            f"{percent(self.accuracy)} of {self.n:,} test examples are right; {guess} is right for "
            f"{percent(self.baseline)}."
        )

    def as_dict(self) -> dict[str, float]:
        """Return the main scores by name."""
        return {
            "accuracy": self.accuracy,
            "log_loss": self.loss,
            "f1": self.f1,
            "expected_calibration_error": self.ece,
            "baseline_accuracy": self.baseline,
            "baseline_log_loss": self.baseline_loss,
        }

    def __str__(self) -> str:
        """Return the classification report."""
        names = [row.name if len(row.name) <= 24 else row.name[:23] + "…" for row in self.rows]
        width = max(len("macro mean"), *map(len, names))
        lines = [f"{'':<{width}}  precision  recall    f1  examples"]
        for name, row in zip(names, self.rows, strict=True):
            lines.append(f"{name:<{width}}  {row.precision:9.3f}  {row.recall:6.3f}  {row.f1:.2f}  {row.support:8,}")
        means = [np.mean([row[i] for row in self.rows if row.support]) for i in (1, 2, 3)]
        lines.append(f"{'macro mean':<{width}}  {means[0]:9.3f}  {means[1]:6.3f}  {means[2]:.2f}  {self.n:8,}")
        return "\n".join(
            [
                *lines,
                "",
                f"test accuracy: {self.accuracy:.2%}  (always {self.guess!r}: {self.baseline:.2%})",
                f"log loss:      {self.loss:.4f}  (class frequencies: {self.baseline_loss:.4f})",
            ]
        )


class ValueScores(NamedTuple):
    """The scores of a regression network.

    Attributes
    ----------
    n : int
        Number of examples.
    r2, mae, rmse : float
    baseline_mae, baseline_rmse, baseline_r2 : float
        Those of always guessing the mean of the training.
    mean : float
        That mean.
    learned_nothing : bool
        Whether the squared error is, up to chance, no better than that of the mean.
    """

    n: int
    r2: float
    mae: float
    rmse: float
    baseline_mae: float
    baseline_rmse: float
    baseline_r2: float
    mean: float
    learned_nothing: bool

    @property
    def verdict(self) -> str:
        """How the network compares to the trivial guess, in a sentence."""
        guess = f"always guessing the mean ({short(self.mean)}) is wrong by {short(self.baseline_mae)}"
        if self.learned_nothing:
            return (
                f"The network has learned nothing: its root mean square error of {short(self.rmse)} is, up to chance, "
                f"no better than that of always guessing the mean, {short(self.baseline_rmse)}."
            )
        return f"On average a prediction is wrong by {short(self.mae)}; {guess}."

    def as_dict(self) -> dict[str, float]:
        """Return the main scores by name."""
        return {
            "r2": self.r2,
            "mae": self.mae,
            "rmse": self.rmse,
            "baseline_r2": self.baseline_r2,
            "baseline_mae": self.baseline_mae,
            "baseline_rmse": self.baseline_rmse,
        }

    def __str__(self) -> str:
        """Return a table of the scores."""
        rows = [("R2", self.r2, self.baseline_r2), ("MAE", self.mae, self.baseline_mae)]
        rows.append(("RMSE", self.rmse, self.baseline_rmse))
        lines = [f"{'test':<5} {'network':>12} {'mean':>12}    (mean: always {short(self.mean)}; {self.n:,} examples)"]
        return "\n".join([*lines, *(f"{name:<5} {short(ours):>12} {short(mean):>12}" for name, ours, mean in rows)])


Scores = ClassScores | ValueScores


def scores(run: Run) -> Scores:
    """Return the scores of the network on the test examples; the trivial guess comes from the training examples."""
    known = run.test.y if run.train is None else run.train.y
    if run.classifies:
        return class_scores(run.test.y, probabilities(run, run.test), run.class_names, known)
    return value_scores(run.test.y, run.model.predict(run.test.X), known)


def probabilities(run: Run, part: Part) -> Array:
    """Return the probabilities of the classes, (M, C)."""
    return run.model.predict_proba(part.X)


def class_scores(y: Array, P: Array, names: tuple[str, ...], known: Array) -> ClassScores:
    """Return the scores of probabilities P (M, C) for classes y (M,); ``known`` are the classes seen in training."""
    C = P.shape[1]
    counts = np.bincount(known, minlength=C)
    frequencies = (counts + 1) / (counts.sum() + C)  # Laplace's rule: no class is impossible
    confusion = metrics.confusion_matrix(y, P, n_classes=C)
    right, guessed = P.argmax(axis=1) == y, y == counts.argmax()
    losses, trivial = -np.log(np.maximum(P[np.arange(len(y)), y], np.finfo(P.dtype).eps)), -np.log(frequencies[y])
    precision, recall, f1 = (metric(y, P, average=None) for metric in (metrics.precision, metrics.recall, metrics.f1))
    support = confusion.sum(axis=1)
    columns = (names, precision.tolist(), recall.tolist(), f1.tolist(), support.tolist())
    rows = [ClassRow(*row) for row in zip(*columns, strict=True)]
    return ClassScores(
        n=len(y),
        accuracy=metrics.accuracy(y, P),
        loss=metrics.log_loss(y, P),
        f1=float(metrics.f1(y, P)),
        ece=metrics.expected_calibration_error(y, P),
        baseline=float(guessed.mean()),
        baseline_loss=float(trivial.mean()),
        guess=names[int(counts.argmax())],
        rows=rows,
        confusion=confusion,
        learned_nothing=not _gains(trivial - losses) and not _gains(right.astype(float) - guessed),
    )


def value_scores(y: Any, Y_hat: Any, known: Any) -> ValueScores:
    """Return the scores of values; ``known`` are the values seen in training."""
    y, Y_hat = np.asarray(y, np.float64), np.asarray(Y_hat, np.float64)
    mean = np.mean(np.asarray(known, np.float64), axis=0)
    guess = np.broadcast_to(mean, y.shape)
    return ValueScores(
        n=len(y),
        r2=metrics.r2(y, Y_hat),
        mae=metrics.mae(y, Y_hat),
        rmse=math.sqrt(metrics.mse(y, Y_hat)),
        baseline_mae=metrics.mae(y, guess),
        baseline_rmse=math.sqrt(metrics.mse(y, guess)),
        baseline_r2=metrics.r2(y, guess),
        mean=float(np.mean(mean)),
        learned_nothing=bool(np.ptp(y)) and not _gains((y - guess) ** 2 - (y - Y_hat) ** 2),
    )


def _gains(gain: Array) -> bool:
    """Return whether the mean of what each example gains is above 0 by more than chance."""
    gain = np.ravel(gain)
    spread = gain.std(ddof=1) if len(gain) > 1 else math.inf
    return bool(gain.mean() > CHANCE * spread / math.sqrt(len(gain)))
