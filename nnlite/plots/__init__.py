"""What people would rather look at than numbers.

Every function draws on matplotlib Axes that are passed in (``ax=``, or ``axes=`` where there are several pictures), or
makes a figure of its own, and returns the Axes, so that all can be restyled. Pictures of how good a classifier is take
``(y, Y_hat)``, as the metrics do, or ``(model, X, y)``. Nothing that is drawn changes a network. Several pictures in
one figure have room for their labels with ``plt.subplots(..., layout="constrained")``.
"""

from nnlite.plots.animation import Animation
from nnlite.plots.boundary import decision_boundary
from nnlite.plots.calibration import reliability_diagram
from nnlite.plots.confusion import confusion_matrix
from nnlite.plots.diagram import network_diagram
from nnlite.plots.images import first_layer_weights, most_confident_mistakes, predictions
from nnlite.plots.inside import activations, gradients
from nnlite.plots.learning import learning_curves
from nnlite.plots.rates import schedule
from nnlite.plots.sizes import ScoresBySize, learning_curve_by_size, scores_by_size
from nnlite.plots.thresholds import precision_recall_curve, roc_curve
from nnlite.plots.values import prediction_error

__all__ = [
    "Animation",
    "ScoresBySize",
    "activations",
    "confusion_matrix",
    "decision_boundary",
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

animate = Animation  # as a verb: fit(..., callbacks=[film := nn.plots.animate(nn.plots.decision_boundary, X, y)])
