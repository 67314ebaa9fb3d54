"""Predictions for examples that are images."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots
from nnlite.plots.style import WRONG

from ..support import network, refuse
from .reading import image, overlap, texts

RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 16)), np.arange(30) % 3
NAMES = "red green blue".split()


@pytest.fixture(scope="module")
def model():
    return network(nn.Dense(8), nn.ReLU(), n_features=16)


@pytest.mark.slow
def test_examples_are_shown_with_their_predictions_and_wrong_ones_are_framed(model):
    guess, P = model.predict(X), model.predict_proba(X)
    axes = plots.predictions(model, X, Y, n=7, class_names=NAMES)
    assert len(axes) == 7
    for i, ax in enumerate(axes):
        np.testing.assert_array_equal(image(ax), X[i].reshape(4, 4))
        correct = guess[i] == Y[i]
        title = f"{NAMES[guess[i]]} ({100 * P[i].max():.0f} %)"
        assert ax.get_title() == (title if correct else f"{title}\nis {NAMES[Y[i]]}")
        assert (ax.title.get_color() == WRONG) == (not correct)
        assert (ax.spines["left"].get_linewidth() == 3) == (not correct)
    assert 0 < sum(guess[:7] == Y[:7]) < 7


def test_without_labels_no_prediction_is_wrong(model):
    axes = plots.predictions(model, X)
    assert len(axes) == 20
    assert not any("\n" in ax.get_title() for ax in axes)


def test_mistakes_are_ordered_by_confidence(model):
    guess, confidence = model.predict(X), model.predict_proba(X).max(axis=1)
    axes = plots.most_confident_mistakes(model, X, Y, n=5)
    shown = [int(ax.get_xlabel()[2:-1]) for ax in axes]
    wrong = [i for i in range(30) if guess[i] != Y[i]]
    assert shown == sorted(wrong, key=lambda i: -confidence[i])[:5]
    np.testing.assert_array_equal(image(axes[0]), X[shown[0]].reshape(4, 4))
    assert len(plots.most_confident_mistakes(model, X, Y, n=1000)) == len(wrong)


def test_a_picture_without_mistakes_says_so(model):
    (ax,) = plots.most_confident_mistakes(model, X, model.predict(X))
    assert texts(ax) == ["no mistake among 30 examples"]


def test_one_sigmoid_unit_has_two_classes_and_color_images_have_colors():
    model = network(nn.Flatten(), units=1, output=nn.Sigmoid(), n_features=(2, 2, 3))
    axes = plots.predictions(model, RNG.integers(0, 256, (3, 2, 2, 3)).astype(np.uint8), [0, 1, 1])
    assert image(axes[0]).shape == (2, 2, 3)
    assert {ax.get_title().split()[0] for ax in axes} <= {"0", "1"}


def test_long_class_names_do_not_reach_into_their_neighbors(model):
    names = ["rhododendron ferrugineum", "a very long name indeed", "no name"]
    axes = plots.most_confident_mistakes(model, X, Y, n=5, class_names=names)
    axes[0].figure.draw_without_rendering()
    assert not overlap([ax.title for ax in axes])


REGRESSION = network(units=1, output=nn.Identity(), n_features=16)
LABELS = network(output=nn.Sigmoid(), n_features=16)
CLASSES = network(n_features=16)


@pytest.mark.parametrize(
    ("call", "fragments"),
    [
        (
            lambda: plots.predictions(REGRESSION, X),
            ["model: ", "plots.prediction_error draws values"],
        ),
        (lambda: plots.most_confident_mistakes(REGRESSION, X, X[:, 0]), ["model: ", "plots.prediction_error draws"]),
        (lambda: plots.predictions(LABELS, X), ["model: ", "plots.roc_curve shows each label"]),
        (lambda: plots.predictions(network(n_features=5), X[:, :5]), ["image_shape: 5 features in the shape"]),
        (lambda: plots.predictions(CLASSES, X[:, :5]), ["X: expected 16 features"]),
        (lambda: plots.predictions(CLASSES, X, Y[:5]), ["y: expected 30 labels"]),
        (lambda: plots.predictions(CLASSES, X, n=0), ["n: expected an integer of at least 1"]),
        (
            lambda: plots.predictions(CLASSES, X, image_shape=(2, 2, 4, 1)),
            ["image_shape: expected (rows, columns) or (rows, columns, 3) of 16 pixels"],
        ),
        (lambda: plots.most_confident_mistakes(CLASSES, X, None), ["y: expected the class of each example, got None"]),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(call, fragments, plt):
    refuse(call, *fragments)
    assert plt.get_fignums() == []
