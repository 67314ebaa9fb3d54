"""What `diagnose` says of a run; a table is examined as the numbers that the network gets."""

from __future__ import annotations

import numpy as np

from nnlite.errors import ArgumentError
from nnlite.inspect import Diagnosis, Finding, diagnose
from nnlite.network.network import Network
from nnlite.report.run import Part, Run

MOST_EXAMPLES = 20_000


def examine(run: Run) -> Diagnosis | None:
    """Return the diagnosis of a run; None without training examples, or if the doctor refuses them."""
    if run.train is None:
        return None
    train, validation = (None if part is None else numbers(run.model, part) for part in (run.train, run.validation))
    assert train is not None  # run.train is not
    try:
        return diagnose(
            without_tables(run.model),
            train.X,
            train.y,
            validation_data=validation,
            optimizer=run.optimizer,
            history=run.history,
            batch_size=run.batch_size,
        )
    except ArgumentError:
        return None


def ranked(diagnosis: Diagnosis | None) -> list[tuple[Finding, list[Finding]]]:
    """Return the findings in the order in which to read them, each with those that are probably its consequences."""
    if diagnosis is None:
        return []
    roots = getattr(diagnosis, "root_problems", diagnosis.problems)
    inside = {root.check: list(getattr(diagnosis, "consequences", lambda root: [])(root)) for root in roots}
    seen = {finding.check for finding in (*roots, *(one for found in inside.values() for one in found))}
    rest = [finding for finding in diagnosis if finding.check not in seen]
    order = ("problem", "notice", "ok")
    rest.sort(key=lambda finding: order.index(finding.verdict))
    return [*((root, inside[root.check]) for root in roots), *((finding, []) for finding in rest)]


def without_tables(model: Network) -> Network:
    """Return a network that takes and gives the numbers inside: encoded columns, and the standardized target."""
    if model.encoding is None and model.target_scale is None:
        return model
    inside = model.copy()
    inside.encoding = inside.target_scale = None
    return inside


def numbers(model: Network, part: Part) -> Part:
    """Return examples as the network computes with them, or some of them at random if there are many."""
    part = part.sample(MOST_EXAMPLES)
    X = part.X if model.encoding is None else model.encoding.transform(part.X)
    y = part.y if model.target_scale is None else model.target_scale.inside(np.reshape(part.y, (part.size, -1)))
    return Part(X, y)
