"""The pictures of a run directory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any

from nnlite import plots
from nnlite.plots.axes import LAYOUT
from nnlite.plots.confusion import figure_size
from nnlite.report import Run

DPI = 120
DRAWN_BY = "nnlite"  # in each picture
HEAD = 4096  # bytes of a picture that say who has drawn it


def write_pictures(run: Run, directory: str) -> dict[str, str]:
    """Write the pictures of a run, and return their paths by what they show."""
    paths = {"learning curves": os.path.join(directory, "learning_curves.png")}
    history: Any = run.history
    keys = [key for key in ("loss", "accuracy", "rmse") if key in history]
    _save(
        paths["learning curves"],
        (5 * len(keys), 3.6),
        run.title,
        lambda figure: plots.learning_curves(history, figure.subplots(1, len(keys), squeeze=False)[0], keys=keys),
    )
    if run.classifies:
        paths["confusion matrix"] = os.path.join(directory, "confusion_matrix.png")
        P = run.model.predict_proba(run.test.X)
        _save(
            paths["confusion matrix"],
            figure_size(run.class_names),
            "",
            lambda figure: plots.confusion_matrix(
                run.test.y, P, ax=figure.subplots(), class_names=list(run.class_names)
            ),
        )
    else:
        paths["prediction error"] = os.path.join(directory, "prediction_error.png")
        Y_hat = run.model.predict(run.test.X)
        _save(
            paths["prediction error"],
            (4.8, 4.6),
            "",
            lambda figure: plots.prediction_error(run.test.y, Y_hat, ax=figure.subplots()),
        )
    return paths


def write_comparison(histories: dict[str, Any], path: str) -> None:
    """Write the learning curves of several runs side by side."""
    keys = [key for key in ("loss", "accuracy", "rmse") if any(key in history for history in histories.values())]
    _save(
        path,
        (5.2 * len(keys) + 1.5, 4.0),
        "",
        lambda figure: plots.learning_curves(histories, figure.subplots(1, len(keys), squeeze=False)[0], keys=keys),
    )


def _save(path: str, size: tuple[float, float], title: str, draw: Callable[[Any], Any]) -> None:
    from matplotlib.figure import Figure  # pyplot would need a display

    figure = Figure(figsize=size, layout=LAYOUT)
    draw(figure)
    if title:
        figure.suptitle(title)
    about: dict[str, Any] = {"metadata": {"Software": DRAWN_BY}} if path.lower().endswith(".png") else {}
    # "tight": whatever its letters are, nothing is cut
    figure.savefig(path, dpi=DPI, bbox_inches="tight", pad_inches=0.1, **about)


def unused_name(path: str) -> str:
    """Return ``path``, or with a number behind its name if there is such a file that nnlite has not drawn."""
    stem, ending = os.path.splitext(path)
    names = itertools.chain([path], (f"{stem}-{i}{ending}" for i in itertools.count(1)))
    return next(name for name in names if not os.path.lexists(name) or _is_ours(name))


def _is_ours(path: str) -> bool:
    """Return whether a file is a picture that says nnlite has drawn it."""
    if not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return f"Software\0{DRAWN_BY}".encode() in file.read(HEAD)
