"""The part of a report about the data: how many examples, which classes, what each column is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.report.figures import picture
from nnlite.report.numbers import short
from nnlite.report.run import Part, Run

MOST_CLASSES = 40  # in the list of classes
MOST_COLUMNS = 100
MOST_IMAGES = 10


class ClassCount(NamedTuple):
    """How often a class occurs in each part; ``share`` is that of all examples in [0, 1]."""

    name: str
    counts: list[int]
    share: float
    bar: float  # in [0, 1], of the most frequent class


class Column(NamedTuple):
    """What a column is; text for people."""

    name: str
    kind: str
    missing: str
    shown: str
    becomes: str


class Sample(NamedTuple):
    """An example of a class as an image: its address (a data URI)."""

    name: str
    address: str


def parts(run: Run) -> dict[str, Part]:
    """Return the parts of the data that are known, by name."""
    found = {"training": run.train, "validation": run.validation, "test": run.test}
    return {name: part for name, part in found.items() if part is not None}


def class_counts(run: Run) -> list[ClassCount]:
    """Return how often each class occurs; empty for values."""
    if not run.classifies:
        return []
    C = len(run.class_names)
    by_part = np.array([np.bincount(part.y, minlength=C) for part in parts(run).values()])
    total = by_part.sum(axis=0)
    order = np.arange(C) if C <= MOST_CLASSES else np.sort(np.argsort(-total, kind="stable")[:MOST_CLASSES])
    return [
        ClassCount(
            run.class_names[c],
            [int(n) for n in by_part[:, c]],
            float(total[c] / max(1, total.sum())),
            float(total[c] / max(1, total.max())),
        )
        for c in order
    ]


def columns(run: Run) -> list[Column]:
    """Return what each column of the examples is; empty for images."""
    part = run.train or run.test
    if part.is_table:
        found = [*part.X.columns, *([] if part.X.target is None else [part.X.target])]
        return [
            Column(c.name, c.kind, f"{c.n_missing:,}" if c.n_missing else "", c.shown, c.becomes)
            for c in found[:MOST_COLUMNS]
        ]
    if run.image_shape is not None or not run.feature_names:
        return []
    X = part.X.reshape(part.size, -1)
    return [
        Column(
            name, "numeric", "", f"{short(X[:, j].min())} to {short(X[:, j].max())}", f"mean {short(X[:, j].mean())}"
        )
        for j, name in enumerate(run.feature_names[:MOST_COLUMNS])
    ]


def samples(run: Run) -> list[Sample]:
    """Return the first example of each class as an image, of the test if there is one; none if these are no images."""
    if run.image_shape is None or not run.classifies:
        return []
    found = []
    for c, name in enumerate(run.class_names[:MOST_IMAGES]):
        part = next((part for part in (run.test, *parts(run).values()) if (part.y == c).any()), None)
        if part is not None:
            found.append(Sample(name, image(run, int(np.argmax(part.y == c)), part)))
    return found


def image(run: Run, i: int, part: Part | None = None) -> str:
    """Return the address (a data URI) of an example as an image, by default of a test example."""
    X = run.test.X if part is None else part.X
    assert run.image_shape is not None
    return picture(np.reshape(X[i], run.image_shape), float(X.min()), float(X.max()))


def features(run: Run, i: int, order: Sequence[str], most: int) -> list[tuple[str, str]]:
    """Return name and value of the features of a test example, in ``order``, at most ``most`` of them."""
    if run.test.is_table:
        row = {name: str(value) or "missing" for name, value in run.test.X.row(i).items() if name != run.target_name}
    else:
        values: Any = np.ravel(run.test.X[i])
        names = run.feature_names or [f"x{j}" for j in range(len(values))]
        row = {name: short(float(value)) for name, value in zip(names, values, strict=False)}
    ordered = [*(name for name in order if name in row), *(name for name in row if name not in order)]
    return [(name, row[name]) for name in ordered[:most]]


def value_range(y: Array) -> str:
    """Return the range and the mean of values, as text."""
    return f"{short(float(np.min(y)))} to {short(float(np.max(y)))}, mean {short(float(np.mean(y)))}"
