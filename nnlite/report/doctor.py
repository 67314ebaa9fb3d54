"""What `diagnose` says of a run."""

from __future__ import annotations

from nnlite.errors import ArgumentError
from nnlite.inspect import Diagnosis, Finding, diagnose
from nnlite.report.run import Run

MOST_EXAMPLES = 20_000


def examine(run: Run) -> Diagnosis | None:
    """Return the diagnosis of a run; None without training examples, or if the doctor refuses them."""
    if run.train is None:
        return None
    train, validation = (None if part is None else part.sample(MOST_EXAMPLES) for part in (run.train, run.validation))
    assert train is not None  # run.train is not
    try:
        return diagnose(
            run.model,
            train.X,
            None if train.has_target else train.y,
            validation_data=None if validation is None else validation.X if validation.has_target else validation,
            optimizer=run.optimizer,
            history=run.history,
            batch_size=run.batch_size,
            class_weight=run.class_weight,
        )
    except ArgumentError:
        return None


def ranked(diagnosis: Diagnosis | None) -> list[tuple[Finding, list[Finding]]]:
    """Return the findings in the order in which to read them, each with those that are probably its consequences."""
    if diagnosis is None:
        return []
    roots = diagnosis.root_problems
    inside = {root.check: diagnosis.consequences(root) for root in roots}
    seen = {finding.check for finding in (*roots, *(one for found in inside.values() for one in found))}
    rest = [finding for finding in diagnosis if finding.check not in seen]
    order = ("problem", "notice", "ok")
    rest.sort(key=lambda finding: order.index(finding.verdict))
    return [*((root, inside[root.check]) for root in roots), *((finding, []) for finding in rest)]
