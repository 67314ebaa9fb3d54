"""Test scores, printed and written to the run directory together with network, history, pictures and report."""

from __future__ import annotations

import json
import os
from typing import Any

from nnlite.atomic import write_whole
from nnlite.cli.output import note, say
from nnlite.cli.pictures import write_pictures
from nnlite.cli.runs import HISTORY, MODEL, REPORT, RESULTS
from nnlite.model import Model
from nnlite.report import Run, Scores, can_render, render, trivial_of
from nnlite.report.page import INSTALL


def say_scores(found: Scores) -> None:
    """Print the scores with those of the trivial guess."""
    say(f"{found}\n")


def write_run(run: Run, model: Model, found: Scores, directory: str, *, with_report: bool) -> dict[str, str]:
    """Write network, history, scores, pictures and report, and return their paths by what they are."""
    paths = {"network": MODEL, "history": HISTORY, "scores": RESULTS}
    paths = {what: os.path.join(directory, name) for what, name in paths.items()}
    history: Any = run.history
    history.to_csv(paths["history"])
    model.save(paths["network"])
    write_whole(paths["scores"], (json.dumps(results(run, found), indent=2) + "\n").encode())
    paths |= write_pictures(run, directory)
    if with_report:
        if can_render():
            paths["report"] = os.path.join(directory, REPORT)
            write_whole(paths["report"], render(run).encode())
        else:
            note(f"no report.html, which needs Jinja2: {INSTALL}")
    return paths


def results(run: Run, found: Scores) -> dict[str, Any]:
    """Return what ``results.json`` says."""
    history: Any = run.history
    return {
        "kind": "classes" if run.classifies else "values",
        "test_examples": found.n,
        **found.as_dict(),
        "training": trivial_of(run).to_json(),  # for the trivial guess beside the scores of another file
        "learned_nothing": found.learned_nothing,
        "verdict": found.verdict,
        "epochs": history.epochs,
        "seconds": round(sum(history["seconds"]), 3),
        "best_epoch": run.best_epoch,
        "parameters": run.model.n_parameters,
        "network": repr(run.model),
        "optimizer": repr(run.optimizer),
    }
