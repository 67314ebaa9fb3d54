"""Check what the pictures take: a network, its examples, or truth and predictions."""

from typing import Any, NamedTuple

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.metrics.arguments import one_against_rest, truth_and_values
from nnlite.network.examples import check_X
from nnlite.network.knowledge import as_numbers
from nnlite.network.network import Network
from nnlite.tables.table import Table

USE_PREDICTION_ERROR = "plots.prediction_error draws values against the truth"


class Pair(NamedTuple):
    """The truth and the prediction of a classifier.

    ``multi_label`` says whether the columns of Y_hat are labels that do not exclude one another; None leaves the
    decision to the sums of the rows, as in `nnlite.metrics`.
    """

    y: Any
    Y_hat: Any
    multi_label: bool | None = None


class Scored(NamedTuple):
    """The truth as booleans (M, C), the scores (M, C), and whether the columns are labels."""

    truth: Array
    scores: Array
    multi_label: bool


# ---- networks and their examples ----------------------------------------------------------------------------------


def require_model(model: Any) -> Network:
    """Return ``model``; raise ArgumentError unless it is a Model, NotBuiltError unless it is built."""
    if not isinstance(model, Network):
        hint = f"; write {model.__name__}(...)" if isinstance(model, type) else ""
        raise ArgumentError(f"model: expected a Model, got {type(model).__name__}{hint}")
    model.theta  # noqa: B018  raises NotBuiltError
    return model


def check_labelled(model: Network, X: Any, y: Any) -> tuple[Array, Array]:
    """Return X (M, ...) and y as class indices (M,) or rows (M, n[L]); raise ArgumentError if they do not fit."""
    examples = model.signature.check(X, y)
    return examples.X, examples.y


def check_examples(model: Network, X: Any, y: Any) -> tuple[Array, Array | None]:
    """Do the same as `check_labelled`, for a picture whose labels are optional."""
    if y is None:
        return check_X(as_numbers(X, model.encoding, model.dtype), model.input_shape, model.dtype), None
    return check_labelled(model, X, y)


def classes_of(model: Network, targets: Array) -> Array:
    """Return the class of each example, (M,), from checked targets."""
    return targets if targets.ndim == 1 else model.output.predict(targets)


# ---- truth and prediction -----------------------------------------------------------------------------------------


def pair(data: tuple[Any, ...], picture: str) -> Pair:
    """Return truth and prediction of a classifier from ``(y, Y_hat)`` or ``(model, X, y)``.

    ``picture`` is the name of the function that draws, for error messages.
    """
    if not _has_model(data, picture):
        return Pair(*data)
    model = require_model(data[0])
    if not model.output.classifies:
        raise ArgumentError(
            f"{picture}: is for classes, and a network that ends in {model.output} gives values; {USE_PREDICTION_ERROR}"
        )
    _, y = check_labelled(model, data[1], data[2] if len(data) > 2 else None)
    return Pair(y, model.predict_proba(data[1]), model.n_classes is None)


def scored(data: tuple[Any, ...], picture: str, *, any_scores: bool = False) -> Scored:
    """Return truth and scores of a classifier, one column for each class or label.

    Scores must be probabilities unless ``any_scores`` is True.
    """
    y, Y_hat, multi_label = pair(data, picture)
    return Scored(*one_against_rest(y, Y_hat, multi_label, any_scores=any_scores))


def values(data: tuple[Any, ...], picture: str) -> tuple[Array, Array]:
    """Return true and predicted values of a regression, (M, n) each, from ``(y, Y_hat)`` or ``(model, X, y)``."""
    y, Y_hat = _predicted_values(data, picture) if _has_model(data, picture) else data
    return truth_and_values(y, Y_hat)


def _has_model(data: tuple[Any, ...], picture: str) -> bool:
    """Return True for ``(model, X, y)``, False for ``(y, Y_hat)``; raise ArgumentError for anything else."""
    has_model = bool(data) and isinstance(data[0], Network)
    if has_model and len(data) == 2 and isinstance(data[1], Table):
        return True
    if len(data) != (3 if has_model else 2):
        given = ", ".join(type(entry).__name__ for entry in data)
        raise ArgumentError(f"{picture}: expected (y, Y_hat) or (model, X, y), got ({given})")
    return has_model


def _predicted_values(data: tuple[Any, ...], picture: str) -> tuple[Array, Array]:
    model = require_model(data[0])
    if model.output.classifies:
        raise ArgumentError(
            f"{picture}: is for values, and a network that ends in {model.output} gives classes; "
            "plots.confusion_matrix shows those"
        )
    _, y = check_labelled(model, data[1], data[2] if len(data) > 2 else None)
    return y, model.predict(data[1])
