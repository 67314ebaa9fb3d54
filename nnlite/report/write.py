"""`write_report`: a page about a trained network, from Python."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.atomic import replacing
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.fitting.class_weights import check_class_weight
from nnlite.inspect.twins import require_network
from nnlite.network.examples import Examples
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer, check_optimizer
from nnlite.report.page import render
from nnlite.report.run import Part, Run
from nnlite.tables import Table


def write_report(
    path: str | os.PathLike[str],
    model: Network,
    X: Any,
    y: Any = None,
    *,
    train: Sequence[Any] | None = None,
    validation_data: Sequence[Any] | None = None,
    history: Mapping[str, Sequence[float]] | None = None,
    optimizer: Optimizer | None = None,
    feature_names: Sequence[str] = (),
    image_shape: tuple[int, ...] | None = None,
    title: str = "Training",
    class_weight: Any = None,
) -> None:
    """Write a report on a trained network: one HTML page that needs no network and no scripts.

    It shows the data, the network, learning curves, the confusion matrix and the scores of each class (or predicted
    against true values), calibration, `permutation_importance`, the most confident mistakes, what `diagnose` says, and
    how the network compares to the trivial guess.

    Parameters
    ----------
    path : path-like
        The file, such as "report.html". An existing file is replaced.
    model : Model
        Trained; it has one target.
    X : Table, data frame or array_like, (M, n[0])
        Test examples, by which the network is judged.
    y : array_like, (M,), optional
        Their classes or values; a table has them already.
    train : Table, or (X, y), optional
        The training examples, for the trivial guess and for `diagnose`.
    validation_data : Table, or (X, y), optional
    history : History, optional
        What `fit` returned.
    optimizer : Optimizer, optional
        The one that trained, for `diagnose`.
    feature_names : sequence of str, optional
        Names of the columns of an array.
    image_shape : (int, int) or (int, int, 3), optional
        Rows and columns, and 3 for colors, if the examples are images. By default that of ``model.image_encoding``.
    title : str, default "Training"
    class_weight : mapping, sequence or "balanced", optional
        What `fit` got. The network is then judged as if all classes were equally frequent.

    Raises
    ------
    ArgumentError
        If Jinja2 is missing (``pip install "nnlite[report]"``), the examples do not fit the network, or the network
        has several targets.
    NotBuiltError
        If the network has no parameters yet.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import nnlite as nn
    >>> data = nn.load_iris()
    >>> model = nn.Model([nn.Dense(16), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> history = model.fit(data.X_train, data.y_train, epochs=50, batch_size=16)
    >>> nn.write_report("report.html", model, data.X_test, data.y_test, history=history)   # doctest: +SKIP
    """
    name = checks.path("path", path)
    model = require_network(model)
    model.theta  # noqa: B018  raises NotBuiltError
    if model.n_units != 1 and model.n_classes is None:
        what, score = ("labels", "f1(Y, model.predict_proba(X), average=None, multi_label=True)")
        if not model.output.classifies:
            what, score = "values", "r2(y[:, j], model.predict(X)[:, j])"
        raise ArgumentError(
            f"model: expected one target, got a network with {model.n_units} values or labels; a report is about one "
            f"target. Score each of the {what} by itself, as in nn.metrics.{score}"
        )
    if not (history is None or hasattr(history, "keys")):
        raise ArgumentError(f"history: expected what fit returned, got {history!r}")
    if not isinstance(title, str):
        raise ArgumentError(f"title: expected a string, got {title!r}")
    run = Run(
        model,
        _part(model, X if y is None else (X, y), "X"),
        train=None if train is None else _part(model, train, "train"),
        validation=None if validation_data is None else _part(model, validation_data, "validation_data"),
        history=history,
        optimizer=None if optimizer is None else check_optimizer(optimizer),
        feature_names=_feature_names(model, feature_names),
        image_shape=_image_shape(model, image_shape),
        title=title,
        class_weight=class_weight,
    )
    known = (run.train or run.test).y
    check_class_weight(class_weight, model.signature, Examples(known, known), model.class_names)
    page = render(run)
    with replacing(name) as file:
        file.write(page.encode())


def _part(model: Network, given: Any, name: str) -> Part:
    """Return examples and their classes or values (M,), checked."""
    is_pair = isinstance(given, (tuple, list)) and len(given) == 2
    if not is_pair and not isinstance(given, Table):
        raise ArgumentError(f"{name}: expected a table with a target or (X, y), got {type(given).__name__}")
    X, y = given if is_pair else (given, None)
    examples = model.signature.check(X, y, prefix="" if name == "X" else f"{name} ")
    if model.encoding is None:
        return Part(examples.X, _targets(model, examples.y))
    return Part(X if isinstance(X, Table) else Table(X, like=model), _targets(model, examples.y))


def _targets(model: Network, y: Array) -> Array:
    if not model.output.classifies:
        return np.asarray(y, np.float64).reshape(len(y))
    if y.ndim == 1 and y.dtype.kind in "iu":
        return y
    return np.asarray(model.output.predict(y.reshape(len(y), -1)))


def _feature_names(model: Network, names: Any) -> tuple[str, ...]:
    """Return a name for each number of an example, or none at all."""
    if isinstance(names, str) or not isinstance(names, (Sequence, np.ndarray)):
        raise ArgumentError(f"feature_names: expected a list of names, got {names!r}")
    n = math.prod(model.require_built("write_report")[0])
    if len(names) not in (0, n):
        raise ArgumentError(f"feature_names: expected {n}, one for each feature, got {len(names)}")
    return tuple(map(str, names))


def _image_shape(model: Network, shape: Any) -> tuple[int, ...] | None:
    """Return rows and columns, and colors, of the images that the network takes; None if they are none."""
    if shape is None:
        return None if model.image_encoding is None else model.image_encoding.image_shape
    if not isinstance(shape, (tuple, list)) or len(shape) not in (2, 3):
        raise ArgumentError(f"image_shape: expected (rows, columns) or (rows, columns, 3), got {shape!r}")
    sides = tuple(checks.integer("image_shape", side) for side in shape)
    n = math.prod(model.require_built("write_report")[0])
    if math.prod(sides) != n or sides[2:] not in ((), (3,)):
        raise ArgumentError(f"image_shape: expected the shape of {n} pixels, got {shape!r}")
    return sides
