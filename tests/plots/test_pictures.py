"""Each picture looks as it did when someone looked at it, and a change shows."""

from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

EPOCHS = np.arange(1, 13)
M = 120
ANGLE = np.linspace(0, 4 * np.pi, M)
X2 = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)]) * np.linspace(0.2, 1, M)[:, None]
Y3 = np.arange(M) % 3
EVERY_5TH = np.arange(M) % 5 == 0
P3 = nn.softmax(3 * np.eye(3)[Y3] + 3 * np.sin(1.3 * np.arange(3 * M)).reshape(M, 3))
# from pixel to pixel little changes: versions of matplotlib differ in which of two it shows on the border
SMOOTH = np.sin(2.1 * np.arange(6)[:, None] + 0.01 * np.arange(64))
IMAGES = 0.5 + 0.5 * SMOOTH


def history(rate=0.3, shift=0.0):
    loss = 2 * np.exp(-rate * EPOCHS)
    values = {"loss": loss, "accuracy": 1 - loss / 2.2, "val_loss": loss + 0.2 + shift, "val_accuracy": 0.9 - loss / 3}
    return nn.History({key: list(curve) for key, curve in values.items()})


def seeds(rate):
    return [history(rate * factor) for factor in (0.8, 1, 1.25)]


def spirals(fixed, units=3, output=nn.Softmax):
    return fixed([nn.Dense(12), nn.Tanh(), nn.Dense(units), output()], 2, 1.5)


def digits(fixed):
    return fixed([nn.Dense(6), nn.ReLU(), nn.Dense(6), nn.Tanh(), nn.Dense(4), nn.Softmax()], 64, 0.4)


def weights_with_a_change(fixed, changed):
    model = digits(fixed)
    model.layers[0].W[...] = SMOOTH.T
    model.layers[0].W[:, 2] *= -1 if changed else 1
    return plots.first_layer_weights(model)


def activations_with_a_change(fixed, changed):
    model = digits(fixed)
    model.layers[0].b[:3] -= 20 if changed else 0
    return plots.activations(model, np.tile(IMAGES, (9, 1)))


def film(fixed, changed):
    model = spirals(fixed)
    film = plots.Animation(plots.decision_boundary, X2, Y3)
    model.fit(X2, Y3, epochs=1, optimizer=nn.SGD(1e-9), callbacks=[film])
    film.frames[0].theta[36] += 1 if changed else 0
    return film.draw(0)


# A picture, or the same with something changed that a user would notice.
PICTURES = {
    "learning_curves": lambda fixed, changed: plots.learning_curves(history(shift=0.1 * changed)),
    "learning_curves_compared": lambda fixed, changed: plots.learning_curves(
        {"slow": seeds(0.1), "fast": seeds(0.5 if changed else 0.4)}, keys="loss"
    ),
    "learning_curve_by_size": lambda fixed, changed: plots.learning_curve_by_size(
        ([50, 100, 400], [[1, 0.9], [0.95, 0.9], [0.9, 0.9]], [[0.5, 0.6], [0.7 + 0.1 * changed, 0.75], [0.85, 0.86]])
    ),
    "schedule": lambda fixed, changed: plots.schedule(nn.CosineDecay(0.1, 90 if changed else 100), 100),
    "confusion_matrix": lambda fixed, changed: plots.confusion_matrix(Y3, np.where(EVERY_5TH, changed, Y3)),
    "decision_boundary": lambda fixed, changed: plots.decision_boundary(
        spirals(fixed), X2, (Y3 + (np.arange(M) < 40 * changed)) % 3
    ),
    "decision_boundary_of_two": lambda fixed, changed: plots.decision_boundary(
        spirals(fixed, 1, nn.Sigmoid), X2 * (1.2 if changed else 1)
    ),
    "decision_boundary_of_values": lambda fixed, changed: plots.decision_boundary(
        spirals(fixed, 1, nn.Identity), X2, X2[:, 0] * (10 if changed else 3)
    ),
    "first_layer_weights": weights_with_a_change,
    "predictions": lambda fixed, changed: plots.predictions(digits(fixed), IMAGES, [0, 1, 2, 3, 3, 3 * changed]),
    "most_confident_mistakes": lambda fixed, changed: plots.most_confident_mistakes(
        digits(fixed), IMAGES[::-1] if changed else IMAGES, [0, 1, 2, 3, 0, 1]
    ),
    "activations": activations_with_a_change,
    "gradients": lambda fixed, changed: plots.gradients(
        digits(fixed), IMAGES, [0, 1, 2, 3, 0, 1], names=["dW1", "dW2", "dW2" if changed else "dW3"]
    ),
    "reliability_diagram": lambda fixed, changed: plots.reliability_diagram(Y3, P3, n_bins=9 if changed else 10),
    "roc_curve": lambda fixed, changed: plots.roc_curve(Y3, P3, classes=[0, 1] if changed else [0, 1, 2]),
    "precision_recall_curve": lambda fixed, changed: plots.precision_recall_curve(
        Y3, P3, classes=[0, 1] if changed else [0, 1, 2]
    ),
    "prediction_error": lambda fixed, changed: plots.prediction_error(X2, X2 + 0.1 * np.sin(9 * X2 + changed)),
    "network_diagram": lambda fixed, changed: plots.network_diagram(
        nn.Model(
            [nn.Dense(5), nn.ReLU(), nn.Residual([nn.Dense(5), nn.Tanh()]), nn.Dense(4 - changed), nn.Softmax()],
            n_features=40,
        )
    ),
    "animation": film,
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_looks_as_it_did(name, fixed, difference):
    assert difference(PICTURES[name](fixed, 0), name) == 0


@pytest.mark.parametrize("name", PICTURES)
def test_a_changed_picture_is_noticed(name, fixed, difference, request):
    if request.config.getoption("--update-baselines", default=False):
        pytest.skip("baselines are being drawn")
    assert difference(PICTURES[name](fixed, 1), name) > 0


def test_no_baseline_is_left_over_and_all_are_small():
    files = {file.stem: file.stat().st_size for file in (Path(__file__).parent / "baseline").glob("*.png")}
    assert set(files) == set(PICTURES)
    assert max(files.values()) < 20_000
