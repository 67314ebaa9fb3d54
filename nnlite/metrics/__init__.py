"""How good predictions are: pure functions ``metric(y, Y_hat)`` of the truth and the predictions.

The truth comes first. Classification metrics take

- ``y``: class indices (M,), or names of classes as text; or rows (M, C) of 0 and 1, or of probabilities, whose largest
  entry is the class. For two classes also the probability of class 1, as floats (M,) or (M, 1).
- ``Y_hat``: probabilities (M, C), as `Model.predict_proba` returns them. For two classes also the probability of class
  1, as floats (M,) or (M, 1). Metrics that need only the class also take predicted classes, as integers (M,) or names.

In multi-label data each of the C columns is a label of its own: it is present where its number is above one half.
``multi_label=True`` says so. By default, data are multi-label if y and Y_hat both have shape (M, C) and a row of either
does not sum to 1. `Model.fit` and `Model.evaluate` decide by the network: several Sigmoid units are labels.

If several classes are equally probable, the first of them is the predicted class. Regression metrics take values, (M,)
or (M, n). All metrics compute in float64.

`METRICS` maps the names that ``fit(metrics=[...])`` accepts to the functions.
"""

from nnlite.metrics.by_name import METRICS
from nnlite.metrics.by_name import Metric as Metric
from nnlite.metrics.by_name import resolve as resolve
from nnlite.metrics.by_name import try_out as try_out
from nnlite.metrics.classification import accuracy, confusion_matrix, top_k_accuracy
from nnlite.metrics.precision_recall import f1, precision, recall
from nnlite.metrics.probabilities import expected_calibration_error, log_loss
from nnlite.metrics.ranking import roc_auc
from nnlite.metrics.regression import mae, mse, r2, rmse

__all__ = [
    "METRICS",
    "accuracy",
    "confusion_matrix",
    "expected_calibration_error",
    "f1",
    "log_loss",
    "mae",
    "mse",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "top_k_accuracy",
]


def __dir__() -> list[str]:
    return __all__
