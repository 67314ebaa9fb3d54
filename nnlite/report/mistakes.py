"""The part of a report about what went wrong: the most confident mistakes, or the largest errors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.report.data import features, image
from nnlite.report.numbers import short, signed
from nnlite.report.run import Pictures, Run

MOST_MISTAKES = 12
MOST_FEATURES = 10


class Mistake(NamedTuple):
    """A test example that was predicted wrong.

    ``predicted`` and ``true`` are class names or values; ``certainty`` says how confident the network was, or how large
    the error is; ``address`` is a data URI for images, else ""; ``place`` is the file of a picture, or the row.
    """

    row: int
    place: str
    predicted: str
    true: str
    certainty: str
    features: list[tuple[str, str]]
    address: str


def confident_mistakes(run: Run, P: Array, order: Sequence[str]) -> list[Mistake]:
    """Return the wrong predictions with the largest probabilities, features in ``order``."""
    guess, confidence = P.argmax(axis=1), P.max(axis=1)
    wrong = np.flatnonzero(guess != run.test.y)
    chosen = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    names = run.class_names
    return [
        _mistake(run, int(i), names[guess[i]], names[run.test.y[i]], f"{100 * confidence[i]:.0f} % sure", order)
        for i in chosen
    ]


def largest_errors(run: Run, Y_hat: Array, order: Sequence[str]) -> list[Mistake]:
    """Return the values with the largest errors, features in ``order``."""
    error = np.asarray(Y_hat, np.float64) - run.test.y
    chosen = np.argsort(-np.abs(error), kind="stable")[:MOST_MISTAKES]
    return [_mistake(run, int(i), short(Y_hat[i]), short(run.test.y[i]), signed(error[i]), order) for i in chosen]


def _mistake(run: Run, i: int, predicted: str, true: str, certainty: str, order: Sequence[str]) -> Mistake:
    is_image = run.image_shape is not None
    shown = [] if is_image else features(run, i, order, MOST_FEATURES)
    files = run.test.files if isinstance(run.test, Pictures) else ()
    place = shortened(files[i]) if files else f"row {i}"
    return Mistake(i, place, predicted, true, certainty, shown, image(run, i) if is_image else "")


def shortened(path: str) -> str:
    """Return the end of a path: the file and the folder that it lies in."""
    return os.path.join(*os.path.normpath(path).split(os.sep)[-2:])
