"""The scores of a network on examples that stay on the disk."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnlite.checks import Array
from nnlite.network.examples import Examples
from nnlite.network.network import Network
from nnlite.network.pieces import check_shape, checked_pieces, table_pieces
from nnlite.report.scores import Scores, Trivial
from nnlite.report.streamed import class_scores_of, mean_of, value_scores_of
from nnlite.stored import StoredArrays, StoredTable


def stored_scores(
    model: Network, data: StoredArrays | StoredTable, trivial: Trivial | None = None, *, balanced: bool = False
) -> Scores:
    """Return the scores over all examples, a few megabytes at a time.

    Parameters
    ----------
    model : Network
    data : StoredArrays or StoredTable
    trivial : Trivial, optional
        By default the trivial guess learns from these examples; for values they are read twice then.
    balanced : bool, default False
        Whether the training weighted the classes.
    """
    if isinstance(data, StoredArrays):
        data = data.with_targets_at_hand()
    if model.n_classes is not None:
        names = model.class_names or tuple(map(str, range(model.n_classes)))
        return class_scores_of(_classified(model, data), names, trivial, balanced=balanced)
    if trivial is None:
        trivial = mean_of(examples.y for examples in _examples(model, data))
    return value_scores_of(_valued(model, data), trivial)


def _examples(model: Network, data: StoredArrays | StoredTable) -> Iterator[Examples]:
    if isinstance(data, StoredTable):
        return table_pieces(model.signature, data)
    check_shape(model.signature, data)
    return checked_pieces(model.signature, data)


def _classified(model: Network, data: StoredArrays | StoredTable) -> Iterator[tuple[Array, Array]]:
    """Yield the classes and their probabilities."""
    for examples in _examples(model, data):
        y = examples.y if examples.y.ndim == 1 else examples.y.argmax(axis=1) if examples.y.shape[1] > 1 else (
            examples.y[:, 0])  # fmt: skip
        yield y.astype(np.intp), model.output.predict_proba(model.predict_rows(examples.X))


def _valued(model: Network, data: StoredArrays | StoredTable) -> Iterator[tuple[Array, Array]]:
    """Yield the values and their predictions."""
    scale = model.target_scale
    for examples in _examples(model, data):
        Y_hat = model.predict_rows(examples.X)
        yield examples.y, model.output.predict(Y_hat if scale is None else scale.outside(Y_hat))
