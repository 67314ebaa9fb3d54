"""Each picture looks like its baseline, which someone has looked at, and a change of the data shows."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from .conftest import BASELINE

EPOCHS = np.arange(1, 13)
M = 120
ANGLE = np.linspace(0, 4 * np.pi, M)
X2 = np.column_stack([np.cos(ANGLE), np.sin(ANGLE)]) * np.linspace(0.2, 1, M)[:, None]
Y3 = np.arange(M) % 3
P3 = nn.softmax(3 * np.eye(3)[Y3] + 3 * np.sin(1.3 * np.arange(3 * M)).reshape(M, 3))
# Neighboring pixels differ little, because versions of matplotlib differ in which of two they show on a border.
SMOOTH = np.sin(2.1 * np.arange(6)[:, None] + 0.01 * np.arange(64))
IMAGES = 0.5 + 0.5 * SMOOTH


# Each function draws a picture or, if ``changed``, the same picture with a change that a user would notice.
PICTURES = {}


def picture(function):
    PICTURES[function.__name__] = function
    return function


def fixed(layers, n_features, scale):
    """A network whose parameters are the same on every machine."""
    model = nn.Model(layers, n_features=n_features, seed=0)
    model.theta = scale * np.sin(1.7 * np.arange(model.n_parameters) + 0.5)
    return model


def plane_network(units=3, output=nn.Softmax):
    return fixed([nn.Dense(12), nn.Tanh(), nn.Dense(units), output()], 2, 1.5)


def image_network():
    return fixed([nn.Dense(6), nn.ReLU(), nn.Dense(6), nn.Tanh(), nn.Dense(4), nn.Softmax()], 64, 0.4)


def history(rate=0.3, shift=0.0):
    loss = 2 * np.exp(-rate * EPOCHS)
    values = {"loss": loss, "accuracy": 1 - loss / 2.2, "val_loss": loss + 0.2 + shift, "val_accuracy": 0.9 - loss / 3}
    return nn.History({key: list(curve) for key, curve in values.items()})


def seeds(rate):
    return [history(rate * factor) for factor in (0.8, 1, 1.25)]


@picture
def learning_curves(changed):
    return plots.learning_curves(history(shift=0.1 * changed))


@picture
def learning_curves_compared(changed):
    return plots.learning_curves({"slow": seeds(0.1), "fast": seeds(0.5 if changed else 0.4)}, keys="loss")


@picture
def learning_curve_by_size(changed):
    training, validation = [[1, 0.9], [0.95, 0.9], [0.9, 0.9]], [[0.5, 0.6], [0.7, 0.75], [0.85, 0.86]]
    validation[1][0] += 0.1 * changed
    return plots.learning_curve_by_size(([50, 100, 400], training, validation))


@picture
def schedule(changed):
    return plots.schedule(nn.CosineDecay(0.1, 90 if changed else 100), 100)


@picture
def confusion_matrix(changed):
    return plots.confusion_matrix(Y3, np.where(np.arange(M) % 5 == 0, int(changed), Y3))


@picture
def decision_boundary(changed):
    return plots.decision_boundary(plane_network(), X2, (Y3 + (np.arange(M) < 40 * changed)) % 3)


@picture
def decision_boundary_of_two(changed):
    return plots.decision_boundary(plane_network(1, nn.Sigmoid), X2 * (1.2 if changed else 1))


@picture
def decision_boundary_of_values(changed):
    return plots.decision_boundary(plane_network(1, nn.Identity), X2, X2[:, 0] * (10 if changed else 3))


@picture
def first_layer_weights(changed):
    model = image_network()
    model.layers[0].W[...] = SMOOTH.T
    model.layers[0].W[:, 2] *= -1 if changed else 1
    return plots.first_layer_weights(model)


@picture
def predictions(changed):
    return plots.predictions(image_network(), IMAGES, [0, 1, 2, 3, 3, 3 * changed])


@picture
def most_confident_mistakes(changed):
    return plots.most_confident_mistakes(image_network(), IMAGES[::-1] if changed else IMAGES, [0, 1, 2, 3, 0, 1])


@picture
def augmented_examples(changed):
    turned = nn.augment.Rotate((30, 60 if changed else 30))
    return plots.augmented_examples(turned, IMAGES[:2].reshape(-1, 8, 8), n_copies=3)


@picture
def activations(changed):
    model = image_network()
    model.layers[0].b[:3] -= 20 if changed else 0
    return plots.activations(model, np.tile(IMAGES, (9, 1)))


@picture
def gradients(changed):
    names = ["dW1", "dW2", "dW2" if changed else "dW3"]
    return plots.gradients(image_network(), IMAGES, [0, 1, 2, 3, 0, 1], names=names)


@picture
def reliability_diagram(changed):
    return plots.reliability_diagram(Y3, P3, n_bins=9 if changed else 10)


@picture
def roc_curve(changed):
    return plots.roc_curve(Y3, P3, classes=[0, 1] if changed else [0, 1, 2])


@picture
def precision_recall_curve(changed):
    return plots.precision_recall_curve(Y3, P3, classes=[0, 1] if changed else [0, 1, 2])


@picture
def prediction_error(changed):
    return plots.prediction_error(X2, X2 + 0.1 * np.sin(9 * X2 + changed))


@picture
def network_diagram(changed):
    residual = nn.Residual([nn.Dense(5), nn.Tanh()])
    layers = [nn.Dense(5), nn.ReLU(), residual, nn.Dense(4 - changed), nn.Softmax()]
    return plots.network_diagram(nn.Model(layers, n_features=40))


@picture
def animation(changed):
    model = plane_network()
    film = plots.Animation(plots.decision_boundary, X2, Y3)
    model.fit(X2, Y3, epochs=1, optimizer=nn.SGD(1e-9), callbacks=[film])
    film.frames[0].theta[36] += 1 if changed else 0
    return film.draw(0)


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_looks_like_its_baseline(name, difference):
    assert difference(PICTURES[name](changed=False), name) == 0


@pytest.mark.parametrize(
    "name", [name if i % 5 == 0 else pytest.param(name, marks=pytest.mark.slow) for i, name in enumerate(PICTURES)]
)
def test_a_changed_picture_is_noticed(name, difference, request):
    if request.config.getoption("--update-baselines", default=False):
        pytest.skip("the baselines are being drawn")
    assert difference(PICTURES[name](changed=True), name) > 0


def test_each_baseline_has_a_picture_and_all_are_small():
    files = {file.stem: file.stat().st_size for file in BASELINE.glob("*.png")}
    assert set(files) == set(PICTURES)
    assert max(files.values()) < 20_000
