"""What a report says, as plain values for its template."""

from __future__ import annotations

import math
import platform
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.inspect import PermutationImportance, permutation_importance
from nnlite.network.summary import layer_rows
from nnlite.report.data import class_counts, columns, parts, samples, value_range
from nnlite.report.doctor import examine, ranked
from nnlite.report.figures import calibration, confusion, curve, heat_image, learning_rate, prediction_error, residuals
from nnlite.report.mistakes import MOST_MISTAKES, confident_mistakes, largest_errors
from nnlite.report.numbers import percent, short
from nnlite.report.run import Run
from nnlite.report.scores import ClassScores, Scores, ValueScores, scores
from nnlite.version import __version__

LARGEST_MATRIX = 12  # classes whose confusion matrix is a table of text; more of them are a picture
MOST_EPOCHS = 12  # rows of the table of the history
MOST_IMPORTANCES = 20
EXAMPLES_FOR_IMPORTANCE = 1000  # more take long and say little more
PREDICTIONS_FOR_IMPORTANCE = 2_000_000  # examples that are predicted for all features and repeats
MOST_REPEATS = 10
MOST_PIXELS = 1024  # numbers of an image whose importance is measured


class Tile(NamedTuple):
    """A number that is shown large, what it is, and a remark."""

    label: str
    value: str
    note: str


class Bar(NamedTuple):
    """An importance: the bar from ``left`` to ``left + width`` and its spread, in percent of the width of the page."""

    name: str
    mean: str
    std: str
    width: float
    low: float
    spread: float


def content(run: Run) -> dict[str, Any]:
    """Return what the template shows, by name."""
    found = scores(run)
    diagnosis = examine(run)
    importance = _importance(run)
    order = () if importance is None else [importance.feature_names[j] for j in importance.order]
    numbers = iter(range(1, 100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a picture of few or equal numbers may warn
        return {
            "run": run,
            "scores": found,
            "learned_nothing": found.learned_nothing,
            "verdict": found.verdict,
            "tiles": _tiles(run, found),
            "parts": {name: part.size for name, part in parts(run).items()},
            "class_counts": class_counts(run),
            "target_range": "" if run.classifies else value_range((run.train or run.test).y),
            "columns": columns(run),
            "samples": samples(run),
            "layers": layer_rows(run.model),
            "n_parameters": run.model.n_parameters,
            "curves": _curves(run, numbers),
            "epochs": _epochs(run),
            **_judged(run, found, order, numbers),
            "importance": None if importance is None else _bars(importance),
            "importance_of": importance,
            "importance_image": _importance_image(run, importance),
            "diagnosis": diagnosis,
            "findings": ranked(diagnosis),
            "versions": _versions(),
        }


def _tiles(run: Run, found: Scores) -> list[Tile]:
    """Return the figures at the top of the page."""
    where = "in training" if found.of_training else "in the test"
    if isinstance(found, ClassScores):
        tiles = [
            Tile("accuracy", percent(found.accuracy), f"{found.n:,} test examples"),
            Tile("trivial guess", percent(found.baseline), f"always {found.guess!r}, the commonest {where}"),
            Tile("log loss", f"{found.loss:.3f}", f"class frequencies {where}: {found.baseline_loss:.3f}"),
            Tile("F1", f"{found.f1:.3f}", "mean over the classes"),
        ]
        if found.balanced:
            note = f"mean recall; always the same class: {percent(found.balanced_baseline)}"
            tiles.insert(0, Tile("balanced accuracy", percent(found.balanced_accuracy), note))
    else:
        tiles = [
            Tile("R²", f"{found.r2:.3f}", f"{found.n:,} test examples"),
            Tile("mean absolute error", short(found.mae), f"always the mean: {short(found.baseline_mae)}"),
            Tile("root mean square error", short(found.rmse), f"always the mean: {short(found.baseline_rmse)}"),
        ]
    if run.history and "seconds" in run.history:
        epochs = len(run.history["seconds"])
        seconds = sum(run.history["seconds"])
        tiles.append(
            Tile(
                "training",
                f"{seconds:.2g} s" if seconds < 10 else f"{seconds:,.0f} s",
                f"{epochs} epoch{'s' * (epochs != 1)}",
            )
        )
    return tiles


# ---- the training -------------------------------------------------------------------------------------------------


def _curves(run: Run, numbers: Iterator[int]) -> list[tuple[str, str]]:
    """Return title and picture of each learning curve."""
    history = run.history or {}
    shown = [key for key in ("loss", "accuracy", "rmse") if len(history.get(key, ())) > 0]
    found = [(key, curve(history, key, run.best_epoch, next(numbers))) for key in shown]
    rates = history.get("learning_rate", ())
    if len(set(rates)) > 1:
        found.append(("learning rate", learning_rate(history, next(numbers))))
    return found


def _epochs(run: Run) -> dict[str, Any]:
    """Return the columns of the history and some of its rows: the first, the last, the best, and some between."""
    history = {key: list(values) for key, values in (run.history or {}).items() if key != "seconds"}
    n = max(map(len, history.values()), default=0)
    chosen = {
        *np.linspace(1, n, min(n, MOST_EPOCHS)).astype(int).tolist(),
        *([run.best_epoch] if run.best_epoch else []),
    }
    rows = [(epoch, [history[key][epoch - 1] for key in history]) for epoch in sorted(chosen) if 0 < epoch <= n]
    return {"keys": [*history], "rows": rows}


# ---- the predictions ----------------------------------------------------------------------------------------------


def _judged(run: Run, found: Scores, order: Any, numbers: Iterator[int]) -> dict[str, Any]:
    """Return pictures and tables of the predictions."""
    if isinstance(found, ClassScores):
        return _judged_classes(run, found, order, numbers)
    return _judged_values(run, found, order, numbers)


def _judged_classes(run: Run, found: ClassScores, order: Any, numbers: Iterator[int]) -> dict[str, Any]:
    P = run.model.predict_proba(run.test.X)
    is_table = len(found.rows) <= LARGEST_MATRIX
    mistakes = confident_mistakes(run, P, order)
    return {
        "matrix": _shares(found.confusion) if is_table else None,
        "matrix_picture": "" if is_table else confusion(run.test.y, P, run.class_names, next(numbers)),
        "calibration": calibration(run.test.y, P, next(numbers)),
        "mistakes": mistakes,
        "n_mistakes": int(found.n - np.trace(found.confusion)),
    }


def _judged_values(run: Run, found: ValueScores, order: Any, numbers: Iterator[int]) -> dict[str, Any]:
    Y_hat = np.asarray(run.model.predict(run.test.X), np.float64)
    y = np.asarray(run.test.y, np.float64)
    return {
        "error_pictures": [
            prediction_error(y, Y_hat, next(numbers)),
            residuals(y, Y_hat, next(numbers)),
        ],
        "mistakes": largest_errors(run, Y_hat, order) if y.ndim == 1 else [],
        "n_mistakes": min(found.n, MOST_MISTAKES),
    }


def _shares(confusion: Array) -> list[list[tuple[int, int]]]:
    """Return count and percentage of the true class for each cell."""
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    return [
        [(int(n), round(100 * s)) for n, s in zip(*row, strict=True)] for row in zip(confusion, shares, strict=True)
    ]


# ---- the features -------------------------------------------------------------------------------------------------


def _importance(run: Run) -> PermutationImportance | None:
    """Return the permutation importance on (some of) the test examples; None for fewer than two."""
    part = run.test.sample(EXAMPLES_FOR_IMPORTANCE)
    if part.size < 2 or _takes_long(run):
        return None
    n_features = len(run.model.encoding.names) if run.model.encoding is not None else int(np.prod(part.X.shape[1:]))
    repeats = int(np.clip(PREDICTIONS_FOR_IMPORTANCE // max(1, part.size * n_features), 1, MOST_REPEATS))
    names = list(run.feature_names) if not part.is_table and len(run.feature_names) == n_features else None
    return permutation_importance(run.model, part.X, part.y, n_repeats=repeats, feature_names=names)


def _takes_long(run: Run) -> bool:
    """Return whether the network would have to predict too often: it has convolutions, or very many pixels."""
    shape = run.model.input_shape or ()
    return run.image_shape is not None and (len(shape) > 1 or math.prod(shape) > MOST_PIXELS)


def _bars(importance: PermutationImportance) -> list[Bar]:
    """Return a bar for each of the most important features."""
    shown = importance.order[:MOST_IMPORTANCES]
    mean, std = importance.importances_mean, importance.importances_std
    most = max(1e-12, float((mean + std)[shown].max()))

    def share(value: float) -> float:
        return round(100 * min(1.0, max(0.0, value / most)), 2)

    return [
        Bar(
            importance.feature_names[j],
            f"{mean[j]:.3g}",
            f"{std[j]:.2g}",
            share(mean[j]),
            share(mean[j] - std[j]),
            share(mean[j] + std[j]) - share(mean[j] - std[j]),
        )
        for j in shown
    ]


def _importance_image(run: Run, importance: PermutationImportance | None) -> str:
    if run.image_shape is None or importance is None:
        return ""
    by_pixel = importance.importances_mean.reshape(run.image_shape)
    return heat_image(by_pixel if by_pixel.ndim == 2 else by_pixel.sum(axis=2))


# ---- the machine --------------------------------------------------------------------------------------------------


def _versions() -> dict[str, str]:
    import matplotlib as mpl

    return {
        "nnlite": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "Matplotlib": mpl.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }
