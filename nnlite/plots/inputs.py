"""What pictures of predictions take: ``(y, Y_hat)``, as the metrics do, or ``(model, X, y)``."""

from typing import TYPE_CHECKING, Any, NamedTuple

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.layers import Sigmoid
from nnlite.metrics.arguments import one_against_rest

if TYPE_CHECKING:
    from nnlite.model import Model

VALUES = "plots.prediction_error draws values against the truth"


class Pair(NamedTuple):
    """Truth and prediction; ``labels`` is True where each column of Y_hat is a label of its own.

    None leaves that to the sums of the rows, as in `nnlite.metrics`.
    """

    y: Any
    Y_hat: Any
    labels: bool | None = None


class Scored(NamedTuple):
    """The truth as columns of True and False, and the score of each, (M, C)."""

    truth: Array
    scores: Array
    labels: bool


def require_model(model: Any) -> "Model":
    """``model``, if it is a Model that knows its input size; else the error says so."""
    from nnlite.model import Model

    if not isinstance(model, Model):
        hint = f"; write {model.__name__}(...)" if isinstance(model, type) else ""
        raise ArgumentError(f"model: expected a Model, got {type(model).__name__}{hint}")
    model.theta  # noqa: B018  raises NotBuiltError where there is none yet
    return model


def pair(data: tuple[Any, ...], what: str) -> Pair:
    """``(y, Y_hat)`` of a classifier, from what was given for the picture called ``what``."""
    from nnlite.model import Model

    if len(data) == 3 and isinstance(data[0], Model):
        model, X, y = require_model(data[0]), data[1], data[2]
        if not model.output.classifies:
            raise ArgumentError(
                f"{what}: is for classes, and a network that ends in {model.output} gives values; {VALUES}"
            )
        Y_hat = model.predict_proba(X)
        y = _as_the_network_takes_it(model, y, len(Y_hat))
        return Pair(y, Y_hat, isinstance(model.output, Sigmoid) and output_units(model) > 1)
    if len(data) == 2 and not isinstance(data[0], Model):
        return Pair(*data)
    raise ArgumentError(f"{what}: expected (y, Y_hat) or (model, X, y), got {_describe(data)}")


def values(data: tuple[Any, ...], what: str) -> tuple[Array, Array]:
    """``y`` and ``Y_hat`` (M, n) of a regression, from what was given for the picture called ``what``."""
    from nnlite.model import Model

    if len(data) == 3 and isinstance(data[0], Model):
        model, X, y = require_model(data[0]), data[1], data[2]
        if model.output.classifies:
            raise ArgumentError(
                f"{what}: is for values, and a network that ends in {model.output} gives classes; "
                "plots.confusion_matrix shows those"
            )
        Y_hat = model.predict(X)
    elif len(data) == 2 and not isinstance(data[0], Model):
        y, Y_hat = data
    else:
        raise ArgumentError(f"{what}: expected (y, Y_hat) or (model, X, y), got {_describe(data)}")
    rows = []
    for name, given in (("y", y), ("Y_hat", Y_hat)):
        array = checks.numeric_array(name, given)
        if array.ndim not in (1, 2) or not array.size:
            raise ArgumentError(f"{name}: expected values (M,) or (M, n) of at least one example, got {array.shape}")
        checks.finite(name, array)
        rows.append(array.reshape(len(array), -1))
    if rows[0].shape != rows[1].shape:
        raise ArgumentError(f"Y_hat: expected the shape of y, {rows[0].shape}, got {rows[1].shape}")
    return rows[0], rows[1]


def scored(data: tuple[Any, ...], what: str, *, any_scores: bool = False) -> Scored:
    """Truth and scores, column by column, of a classifier.

    ``any_scores`` is for pictures for which only the order of the scores matters.
    """
    y, Y_hat, labels = pair(data, what)
    truth, scores, several = one_against_rest(y, Y_hat, labels, any_scores=any_scores)
    return Scored(truth, scores, several)


def output_units(model: "Model") -> int:
    """n[L], how many units the output has."""
    shape = model.input_shape or ()
    for layer in model.layers:
        shape = layer.output_shape(shape)
    return shape[0]


def _as_the_network_takes_it(model: "Model", y: Any, n: int) -> Array:
    """``y`` as class indices or rows, checked by the output layer."""
    targets = model.output.check_targets(y, output_units(model))
    if len(targets) != n:
        raise ArgumentError(f"y: expected {n} labels, one for each row of X, got {len(targets)}")
    return targets


def _describe(data: tuple[Any, ...]) -> str:
    return f"({', '.join(type(entry).__name__ for entry in data)})"
