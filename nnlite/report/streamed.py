"""The scores of `nnlite.report.scores` for examples that come in pieces, in bounded memory: sums stand for examples."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.report.scores import CHANCE, ClassRow, ClassScores, Trivial, ValueScores

BINS = 15  # of the expected calibration error


class Moments:
    """Number, mean and sum of squared deviations of values in groups, (K,), which come piece by piece.

    References
    ----------
    T. Chan, G. Golub and R. LeVeque, "Algorithms for computing the sample variance", 1983.
    """

    def __init__(self, n_groups: int) -> None:
        self.n, self.mean, self.squares = (np.zeros(n_groups) for _ in range(3))

    def add(self, values: Array, groups: Array) -> None:
        """Add values (m,), each of one group."""
        n = np.bincount(groups, minlength=len(self.n)).astype(np.float64)
        mean = _quotient(np.bincount(groups, values, len(n)), n)
        squares = np.bincount(groups, (values - mean[groups]) ** 2, len(n))
        self._merge(n, mean, squares)

    def _merge(self, n: Array, mean: Array, squares: Array) -> None:
        total, delta = self.n + n, mean - self.mean
        self.squares += squares + delta**2 * _quotient(self.n * n, total)
        self.mean += delta * _quotient(n, total)
        self.n = total

    def spread(self, scale: Array, shift: Array) -> tuple[float, float]:
        """Return mean and standard deviation (of a sample) of ``scale value + shift`` over all groups."""
        means, total = scale * self.mean + shift, self.n.sum()
        mean = float(self.n @ means / total)
        squares = float(scale**2 @ self.squares + self.n @ (means - mean) ** 2)
        return mean, math.sqrt(squares / (total - 1)) if total > 1 else math.inf


def _quotient(above: Array, below: Array) -> Array:
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)


def _is_gain(mean: float, spread: float, n: int) -> bool:
    return mean > CHANCE * spread / math.sqrt(n)


def class_scores_of(
    pieces: Iterable[tuple[Array, Array]], names: tuple[str, ...], trivial: Trivial | None, *, balanced: bool = False
) -> ClassScores:
    """Return what `class_scores` does for pieces of classes y (m,) and probabilities P (m, C).

    Without ``trivial``, the trivial guess learns from these classes.
    """
    C = len(names)
    confusion, losses, gaps = np.zeros((C, C), np.int64), Moments(C), np.zeros(BINS)
    for y, P in pieces:
        guess, rows = P.argmax(axis=1), np.arange(len(y))
        confusion += np.bincount(y * C + guess, minlength=C * C).reshape(C, C)
        eps = np.finfo(P.dtype).eps
        losses.add(-np.log(np.clip(P[rows, y].astype(np.float64), eps, 1 - eps)), y)
        confidence = P[rows, guess]
        bins = np.searchsorted(np.arange(1, BINS) / BINS, confidence, side="left")
        gaps += np.bincount(bins, (guess == y) - confidence.astype(np.float64), BINS)
    support, right, n = confusion.sum(axis=1), np.diag(confusion), int(confusion.sum())
    counts = support if trivial is None else trivial.counts
    constant = -np.log((counts + 1) / (counts.sum() + C))  # Laplace's rule: no class is impossible
    guessed = (np.arange(C) == counts.argmax()).astype(np.float64)
    precision, recall = _quotient(right, confusion.sum(axis=0)), _quotient(right, support)
    f1 = _quotient(2.0 * right, support + confusion.sum(axis=0))
    occurs = support + confusion.sum(axis=0) > 0
    weights, shift = np.ones(C), constant
    if balanced:
        weights, shift = _quotient(np.full(C, float(n)), np.count_nonzero(support) * support), np.full(C, math.log(C))
    hits = Moments(C)
    hits.n, hits.mean, hits.squares = support.astype(np.float64), recall, support * recall * (1 - recall)
    gains = [losses.spread(-weights, weights * shift), hits.spread(weights, -weights * guessed)]
    columns = (names, precision.tolist(), recall.tolist(), f1.tolist(), support.tolist(), occurs.tolist())
    return ClassScores(
        n=n,
        accuracy=float(right.sum() / n),
        loss=float(losses.n @ losses.mean / n),
        precision=float(precision[occurs].mean()),
        recall=float(recall[occurs].mean()),
        f1=float(f1[occurs].mean()),
        ece=float(np.abs(gaps).sum() / n),
        baseline=float(support @ guessed / n),
        baseline_loss=float(support @ constant / n),
        guess=names[int(counts.argmax())],
        rows=[ClassRow(*row) for row in zip(*columns, strict=True)],
        confusion=confusion,
        learned_nothing=not any(_is_gain(*gain, n) for gain in gains),
        of_training=trivial is not None and trivial.of_training,
        balanced=balanced,
    )


def value_scores_of(pieces: Iterable[tuple[Array, Array]], trivial: Trivial) -> ValueScores:
    """Return what `value_scores` does for pieces of values y and predictions Y_hat, (m,) or (m, k)."""
    guess = np.atleast_1d(np.asarray(trivial.mean, np.float64))
    k, n = 0, 0
    for piece in pieces:
        y, Y_hat = (np.asarray(values, np.float64).reshape(len(values), -1) for values in piece)
        if not k:
            k = y.shape[1]
            truth, gain = Moments(k), Moments(1)
            low, high = np.full(k, math.inf), np.full(k, -math.inf)
            of_guess, of_network, wrong, guessed = (np.zeros(k) for _ in range(4))
        columns = np.tile(np.arange(k), len(y))
        truth.add(y.ravel(), columns)
        low, high = np.minimum(low, y.min(axis=0)), np.maximum(high, y.max(axis=0))
        gained = (y - guess) ** 2 - (y - Y_hat) ** 2
        gain.add(gained.ravel(), np.zeros(gained.size, np.intp))
        of_guess += ((y - guess) ** 2).sum(axis=0)
        of_network += ((y - Y_hat) ** 2).sum(axis=0)
        guessed += np.abs(y - guess).sum(axis=0)
        wrong += np.abs(y - Y_hat).sum(axis=0)
        n += len(y)
    mean, spread = gain.spread(np.ones(1), np.zeros(1))
    varies = (high > low) & (truth.squares > 0)
    return ValueScores(
        n=n,
        r2=_r2(of_network, truth.squares, varies, n),
        mae=float(wrong.sum() / (n * k)),
        rmse=math.sqrt(of_network.sum() / (n * k)),
        baseline_mae=float(guessed.sum() / (n * k)),
        baseline_rmse=math.sqrt(of_guess.sum() / (n * k)),
        baseline_r2=_r2(of_guess, truth.squares, varies, n),
        mean=float(np.mean(trivial.mean)),
        learned_nothing=bool(high.max() > low.min()) and not _is_gain(mean, spread, n * k),
        of_training=trivial.of_training,
    )


def _r2(unexplained: Array, total: Array, varies: Array, n: int) -> float:
    if n < 2:
        return math.nan
    share = np.divide(unexplained, total, out=(unexplained > 0).astype(np.float64), where=varies)
    return float(np.mean(1 - share))


def mean_of(pieces: Iterable[Any]) -> Trivial:
    """Return the trivial guess of values y, (m,) or (m, k), that come in pieces: their mean."""
    total, n = 0.0, 0
    for y in pieces:
        total, n = total + np.asarray(y, np.float64).sum(axis=0), n + len(y)
    return Trivial(np.array([], np.int64), np.asarray(total / n), of_training=False)
