"""Pictures of training, of networks and of their predictions, drawn with matplotlib.

Each function draws on the matplotlib Axes that are passed as ``ax`` (or ``axes`` for several pictures) or, by default,
on a new figure, and returns the Axes, so that you can change every detail. Pictures of predictions take ``(y, Y_hat)``,
as the metrics do, or ``(model, X, y)``. Drawing does not change a network. To draw several pictures in one figure, use
``plt.subplots(..., layout="constrained")``, which makes room for their labels.
"""

from nnlite.plots.animation import Animation
from nnlite.plots.boundary import decision_boundary
from nnlite.plots.calibration import reliability_diagram
from nnlite.plots.confusion import confusion_matrix
from nnlite.plots.convolutions import feature_maps, filters
from nnlite.plots.diagram import network_diagram
from nnlite.plots.images import most_confident_mistakes, predictions
from nnlite.plots.inside import activations, gradients
from nnlite.plots.learning import learning_curves
from nnlite.plots.rates import schedule
from nnlite.plots.sizes import ScoresBySize, learning_curve_by_size, scores_by_size
from nnlite.plots.thresholds import precision_recall_curve, roc_curve
from nnlite.plots.values import prediction_error
from nnlite.plots.weights import first_layer_weights

animate = Animation  # a verb for callbacks=[nn.plots.animate(nn.plots.decision_boundary, X, y)]

__all__ = [
    "Animation",
    "ScoresBySize",
    "activations",
    "confusion_matrix",
    "decision_boundary",
    "feature_maps",
    "filters",
    "first_layer_weights",
    "gradients",
    "learning_curve_by_size",
    "learning_curves",
    "most_confident_mistakes",
    "network_diagram",
    "precision_recall_curve",
    "prediction_error",
    "predictions",
    "reliability_diagram",
    "roc_curve",
    "schedule",
    "scores_by_size",
]


def __dir__() -> list[str]:
    return [*__all__, "animate"]
