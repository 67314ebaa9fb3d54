"""How well scores rank the examples: the area under the ROC curve."""

import math
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.metrics.arguments import example_weights, one_against_rest
from nnlite.metrics.averages import mean_over_classes


def roc_auc(
    y: Any,
    Y_hat: Any,
    *,
    average: str | None = "macro",
    multi_label: bool | None = None,
    sample_weight: Any = None,
) -> Any:
    r"""``AUC = P(y_hat of a positive > y_hat of a negative) + 1/2 P(they are equal)``.

    This is the area under the curve of the true positive rate over the false positive rate. With two classes, the
    positives are the examples of class 1. With more classes, each class has an AUC against all others; in multi-label
    data, each label has one.

    Parameters
    ----------
    y : array_like, (M,) or (M, C)
        The truth.
    Y_hat : array_like, (M,) or (M, C)
        Probabilities, or any other scores: only their order matters.
    average : {"macro", "weighted", None}, default "macro"
        "macro": the mean over the classes. "weighted": the mean weighted by how often each class occurs in the truth.
        None: return one number for each class.
    multi_label : bool, optional
        Whether each column is a label of its own; by default the sums of the rows decide (see `nnlite.metrics`).
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0; by default 1.

    Returns
    -------
    float, or ndarray (C,) for ``average=None``
        In [0, 1]; one half for scores that carry no information.

        A class needs positive and negative examples for an AUC. A class without either is NaN in the array and left
        out of the mean, so that a small validation set still has a value in every epoch. If no class has an AUC, the
        mean is NaN.

    Raises
    ------
    ArgumentError
        If a shape, a label, a weight or ``average`` is wrong, or ``Y_hat`` holds predicted classes.

    References
    ----------
    J. A. Hanley and B. J. McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC)
    curve", 1982. F. Provost and P. Domingos, "Well-trained PETs: improving probability estimation trees", 2000 (one
    against the rest, weighted).

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.metrics.roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    checks.choice("average", average, ("macro", "weighted", None))
    truth, scores, multi_label = one_against_rest(y, Y_hat, multi_label)
    w = example_weights(sample_weight, truth)
    w = np.ones(len(truth)) if w is None else w
    C = truth.shape[1]
    if C == 2 and not multi_label:
        area = _area(scores[:, 1], truth[:, 1], w)
        return np.array([area, area]) if average is None else area
    areas = np.array([_area(scores[:, c], truth[:, c], w) for c in range(C)])
    return areas if average is None else mean_over_classes(areas, w @ truth if average == "weighted" else None)


def _area(scores: Array, positive: Array, w: Array) -> float:
    """Return the AUC of one class; NaN if no weight is on its positives or none on its negatives.

    ``AUC = sum_p w_p (W_<(p) + W_<=(p)) / (2 W+ W-)``: the sum runs over the positives p, and W_< and W_<= are the
    weights of the negatives that score below p, and at most as p.
    """
    above, below = scores[positive], scores[~positive]
    order = np.argsort(below)
    below, W = below[order], np.append(0, np.cumsum(w[~positive][order]))
    total = w[positive].sum() * W[-1]
    if total == 0:
        return math.nan
    beaten = W[np.searchsorted(below, above, "left")] + W[np.searchsorted(below, above, "right")]
    return min(1.0, float(w[positive] @ beaten / (2 * total)))
