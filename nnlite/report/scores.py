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
    """The scores of one class.

    Attributes
    ----------
    name : str
    precision, recall, f1 : float
        0 where they are 0 / 0, as in scikit-learn's ``classification_report``.
    support : int
        Number of examples of the class.
    occurs : bool
        Whether there are examples of the class, or it is predicted; otherwise it is in no mean.
    """

    name: str
    precision: float
    recall: float
    f1: float
    support: int
    occurs: bool = True


class Trivial(NamedTuple):
    """What the trivial guess knows: how often each class occurs, or the mean of the values.

    Attributes
    ----------
    counts : ndarray of int, (C,)
        Empty for values.
    mean : ndarray
        Of the values, one for each target; 0 for classes.
    of_training : bool
        Whether these are the training examples; otherwise those that are scored.
    """

    counts: Array
    mean: Array
    of_training: bool = True

    @classmethod
    def learn(cls, y: Any, C: int | None, of_training: bool = True) -> Trivial:
        """Return what examples with these targets tell; ``C`` is the number of classes, None for values."""
        if C is None:
            return cls(np.array([], np.int64), np.mean(np.asarray(y, np.float64), axis=0), of_training)
        return cls(np.bincount(y, minlength=C), np.array(0.0), of_training)

    def to_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {"class_counts": self.counts.tolist()} if len(self.counts) else {"mean": self.mean.tolist()}

    @classmethod
    def from_json(cls, content: Any, C: int | None) -> Trivial | None:
        """Return what `to_json` wrote of the training; None if it does not fit, or is something else."""
        found = content.get("mean" if C is None else "class_counts") if isinstance(content, dict) else None
        try:
            values = np.array(found, np.float64)
        except (TypeError, ValueError):
            return None
        if not np.isfinite(values).all():
            return None
        if C is None:
            return cls(np.array([], np.int64), values)
        if values.shape != (C,) or values.min() < 0 or values.sum() < 1:
            return None
        return cls(values.astype(np.int64), np.array(0.0))


class ClassScores(NamedTuple):
    """The scores of a classifier.

    Attributes
    ----------
    n : int
        Number of examples.
    accuracy, loss, precision, recall, f1, ece : float
        ``loss`` is the log loss, ``ece`` the expected calibration error. Precision, recall and F1 are the means over
        the classes that occur in the truth or in the predictions, as in scikit-learn's ``classification_report``.
    baseline : float
        The accuracy of always guessing ``guess``, the most frequent class in training.
    baseline_loss : float
        The log loss of always giving the class frequencies of the training, (n_c + 1) / (n + C).
    guess : str
    of_training : bool
        Whether the trivial guess has learned from training examples; otherwise from those that are scored.
    rows : list of ClassRow
    confusion : ndarray of int, (C, C)
        Rows are true classes, columns predicted ones.
    learned_nothing : bool
        Whether the network is, up to chance, no better than the trivial guess, neither in classes nor in log loss.
        With ``balanced``, each class counts the same in both.
    balanced : bool
        Whether the training weighted the classes, so that accuracy is not what it was for.
    """

    n: int
    accuracy: float
    loss: float
    precision: float
    recall: float
    f1: float
    ece: float
    baseline: float
    baseline_loss: float
    guess: str
    rows: list[ClassRow]
    confusion: Array
    learned_nothing: bool
    of_training: bool = True
    balanced: bool = False

    @property
    def balanced_accuracy(self) -> float:
        """The mean recall of the classes that occur: the accuracy if all were equally frequent."""
        return float(np.mean([row.recall for row in self.rows if row.support]))

    @property
    def balanced_baseline(self) -> float:
        """The mean recall of always guessing the same class."""
        return 1 / sum(row.support > 0 for row in self.rows)

    @property
    def verdict(self) -> str:
        """How the network compares to the trivial guess, in a sentence."""
        guess = f"always guessing {self.guess!r}"
        if self.balanced and self.learned_nothing:
            return (
                f"The network has learned nothing: its balanced accuracy (the mean recall of the classes) of "
                f"{percent(self.balanced_accuracy)} is, up to chance, no better than that of always guessing the same "
                f"class ({percent(self.balanced_baseline)})."
            )
        if self.balanced:
            return (
                f"On average {percent(self.balanced_accuracy)} of a class are recognized (balanced accuracy); always "
                f"guessing the same class has {percent(self.balanced_baseline)}. The training weighted the classes, so "
                f"that accuracy ({percent(self.accuracy)}; {guess}: {percent(self.baseline)}) is not what it aimed at."
            )
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
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "expected_calibration_error": self.ece,
            "baseline_accuracy": self.baseline,
            "baseline_log_loss": self.baseline_loss,
            **({"balanced_accuracy": self.balanced_accuracy} if self.balanced else {}),
        }

    def __str__(self) -> str:
        """Return the classification report."""
        names = [row.name if len(row.name) <= 24 else row.name[:23] + "…" for row in self.rows]
        width = max(len("macro mean"), *map(len, names))
        lines = [f"{'':<{width}}  precision  recall     f1  examples"]
        for name, row in zip(names, self.rows, strict=True):
            scored = [f"{score:.3f}" if row.occurs else "-" for score in (row.precision, row.recall, row.f1)]
            lines.append(_line(name, width, scored, row.support))
        means = [f"{score:.3f}" for score in (self.precision, self.recall, self.f1)]
        lines.append(_line("macro mean", width, means, self.n))
        absent = sum(not row.occurs for row in self.rows)
        if absent:
            lines.append(
                f"(- : no such row here, and none predicted; not in the mean: {absent:,} of {len(self.rows):,})"
            )
        if self.balanced:
            lines += [
                "",
                f"balanced accuracy (mean recall): {self.balanced_accuracy:.2%}  (always the same class: "
                f"{self.balanced_baseline:.2%}); the training weighted the classes",
            ]
        where = "in training" if self.of_training else "in these rows"
        return "\n".join(
            [
                *lines,
                "",
                f"test accuracy: {self.accuracy:.2%}  (always {self.guess!r}, the commonest {where}: "
                f"{self.baseline:.2%})",
                f"log loss:      {self.loss:.4f}  (always the class frequencies {where}: {self.baseline_loss:.4f})",
            ]
        )


def _line(name: str, width: int, scored: list[str], n: int) -> str:
    """Return a line of the classification report."""
    precision, recall, f1 = scored
    return f"{name:<{width}}  {precision:>9}  {recall:>6}  {f1:>5}  {n:8,}"


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
    of_training : bool
        Whether it is the mean of training examples; otherwise of those that are scored.
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
    of_training: bool = True

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
        whose = "in training" if self.of_training else "of these rows"
        about = f"(mean: always {short(self.mean)}, the mean {whose}; {self.n:,} examples)"
        lines = [f"{'test':<5} {'network':>12} {'mean':>12}    {about}"]
        return "\n".join([*lines, *(f"{name:<5} {short(ours):>12} {short(mean):>12}" for name, ours, mean in rows)])


Scores = ClassScores | ValueScores


def trivial_of(run: Run) -> Trivial:
    """Return the trivial guess of the training examples of a run; without any, of its test examples."""
    known = run.test.y if run.train is None else run.train.y
    return Trivial.learn(known, len(run.class_names) if run.classifies else None, of_training=run.train is not None)


def scores(run: Run, trivial: Trivial | None = None) -> Scores:
    """Return the scores of the network on the test examples, beside those of the trivial guess.

    By default the trivial guess learns from the training examples of the run.
    """
    trivial = trivial_of(run) if trivial is None else trivial
    if run.classifies:
        P, balanced = probabilities(run, run.test), run.class_weight is not None
        return class_scores(run.test.y, P, run.class_names, trivial, balanced=balanced)
    return value_scores(run.test.y, run.model.predict(run.test.X), trivial)


def probabilities(run: Run, part: Part) -> Array:
    """Return the probabilities of the classes, (M, C)."""
    return run.model.predict_proba(part.X)


def class_scores(
    y: Array, P: Array, names: tuple[str, ...], trivial: Trivial, *, balanced: bool = False
) -> ClassScores:
    """Return the scores of probabilities P (M, C) for classes y (M,), beside those of the trivial guess.

    With ``balanced`` something is learned if it shows where each class counts the same, as in a training with class
    weights: the trivial guess gives all classes the probability 1 / C then.
    """
    C, counts = P.shape[1], trivial.counts
    frequencies = (counts + 1) / (counts.sum() + C)  # Laplace's rule: no class is impossible
    confusion = metrics.confusion_matrix(y, P, n_classes=C)
    right, guessed = P.argmax(axis=1) == y, y == counts.argmax()
    losses, constant = -np.log(np.maximum(P[np.arange(len(y)), y], np.finfo(P.dtype).eps)), -np.log(frequencies[y])
    precision, recall, f1 = (metric(y, P, average=None) for metric in (metrics.precision, metrics.recall, metrics.f1))
    support = confusion.sum(axis=1)
    occurs = support + confusion.sum(axis=0) > 0
    gain_in_loss, weights = constant - losses, np.ones(len(y))
    if balanced:
        gain_in_loss, weights = math.log(C) - losses, len(y) / (np.count_nonzero(support) * support[y])
    columns = (names, precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), occurs.tolist())
    rows = [ClassRow(*row) for row in zip(*columns, strict=True)]
    return ClassScores(
        n=len(y),
        accuracy=metrics.accuracy(y, P),
        loss=metrics.log_loss(y, P),
        precision=float(precision[occurs].mean()),
        recall=float(recall[occurs].mean()),
        f1=float(f1[occurs].mean()),
        ece=metrics.expected_calibration_error(y, P),
        baseline=float(guessed.mean()),
        baseline_loss=float(constant.mean()),
        guess=names[int(counts.argmax())],
        rows=rows,
        confusion=confusion,
        learned_nothing=not any(_gains(weights * gain) for gain in (gain_in_loss, right.astype(float) - guessed)),
        of_training=trivial.of_training,
        balanced=balanced,
    )


def value_scores(y: Any, Y_hat: Any, trivial: Trivial) -> ValueScores:
    """Return the scores of values, beside those of the trivial guess."""
    y, Y_hat = np.asarray(y, np.float64), np.asarray(Y_hat, np.float64)
    guess = np.broadcast_to(trivial.mean, y.shape)
    return ValueScores(
        n=len(y),
        r2=metrics.r2(y, Y_hat),
        mae=metrics.mae(y, Y_hat),
        rmse=math.sqrt(metrics.mse(y, Y_hat)),
        baseline_mae=metrics.mae(y, guess),
        baseline_rmse=math.sqrt(metrics.mse(y, guess)),
        baseline_r2=metrics.r2(y, guess),
        mean=float(np.mean(trivial.mean)),
        learned_nothing=bool(np.ptp(y)) and not _gains((y - guess) ** 2 - (y - Y_hat) ** 2),
        of_training=trivial.of_training,
    )


def _gains(gain: Array) -> bool:
    """Return whether the mean of what each example gains is above 0 by more than chance."""
    gain = np.ravel(gain)
    spread = gain.std(ddof=1) if len(gain) > 1 else math.inf
    return bool(gain.mean() > CHANCE * spread / math.sqrt(len(gain)))
