"""Confusion matrices."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import metrics, plots

from ..support import network, refuse
from .reading import image, texts, tick_labels

RNG = np.random.default_rng(1)
Y, P = RNG.integers(0, 3, 90), RNG.dirichlet(np.ones(3), 90)
LABELS, P_LABELS = RNG.random((50, 4)) < 0.4, RNG.random((50, 4))


def test_it_has_counts_and_shares_of_the_true_class():
    ax = plots.confusion_matrix([0] * 3 + [1] * 200 + [2], [0, 0, 1] + [1] * 199 + [2, 2], class_names=["a", "b", "c"])
    assert texts(ax) == ["2\n67 %", "1\n33 %", "199\n>99 %", "1\n<1 %", "1\n100 %"]
    np.testing.assert_allclose(image(ax), [[2 / 3, 1 / 3, 0], [0, 0.995, 0.005], [0, 0, 1]])
    assert tick_labels(ax.xaxis) == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    positions = [text.get_position() for text in ax.texts]
    assert positions == [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)]  # (predicted, true)


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_the_colors_are_the_shares_of_the_metric(normalize):
    ax = plots.confusion_matrix(Y, P, normalize=normalize)
    np.testing.assert_allclose(image(ax), metrics.confusion_matrix(Y, P, normalize=normalize))


def test_numbers_are_black_on_pale_cells_and_white_on_dark_ones():
    colors = {text.get_text(): text.get_color() for text in plots.confusion_matrix([0, 0, 1, 1], [0, 0, 1, 0]).texts}
    assert colors == {"2\n100 %": "white", "1\n50 %": "black"}


@pytest.mark.parametrize("layout", ["constrained", None])
@pytest.mark.parametrize("n", [3, 10, 15])
def test_numbers_stay_inside_their_cells(n, layout, plt):
    y = np.repeat(np.arange(n), 999)
    figure, (left, ax) = plt.subplots(1, 2, figsize=(8, 4), layout=layout)
    left.set_axis_off()
    plots.confusion_matrix(y, y, ax=ax)
    figure.draw_without_rendering()
    for text in ax.texts:
        assert text.get_window_extent().width <= ax.get_window_extent().width / n


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 3, 10])
@pytest.mark.parametrize("name", ["c", "Rechnung", "a rather long class name", "x" * 200])
def test_long_names_neither_shrink_the_matrix_nor_are_cut_off(n, name):
    y = np.arange(n)
    ax = plots.confusion_matrix(y, y, class_names=[f"{c}{name}" for c in range(n)])
    ax.figure.draw_without_rendering()
    width, height = ax.figure.get_size_inches()
    box = ax.figure.get_tightbbox()  # inches
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height  # noqa: PT018
    assert min(ax.bbox.width, ax.bbox.height) >= 2 * ax.figure.dpi
    assert width <= 12 and height <= 10  # noqa: PT018


@pytest.mark.slow
def test_many_classes_have_counts_alone_and_very_many_only_colors():
    y = np.arange(15)
    assert texts(plots.confusion_matrix(y, y)) == ["1"] * 15
    ax = plots.confusion_matrix(np.arange(100), np.arange(100))
    assert texts(ax) == []
    assert tick_labels(ax.xaxis) == [str(c) for c in range(0, 100, 5)]


def test_a_network_and_its_predictions_give_the_same_picture():
    X, y = nn.make_moons(60, seed=0)
    model = network(units=1, output=nn.Sigmoid(), n_features=2)
    from_model = texts(plots.confusion_matrix(model, X, y))
    assert from_model == texts(plots.confusion_matrix(y, model.predict_proba(X)))
    assert from_model == texts(plots.confusion_matrix(y, model.predict(X)))


def test_classes_with_names_are_drawn_even_if_they_do_not_occur():
    assert image(plots.confusion_matrix([0, 1], [0, 1], class_names=["a", "b", "c"])).shape == (3, 3)


def test_the_names_are_those_of_the_network_unless_others_are_given():
    X = RNG.standard_normal((90, 2))
    model = network(n_features=2)
    model.class_names = ["cat", "dog", "owl"]
    assert tick_labels(plots.confusion_matrix(model, X, Y).xaxis) == ["cat", "dog", "owl"]
    assert tick_labels(plots.confusion_matrix(model, X, Y, class_names=["a", "b", "c"]).xaxis) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("data", "options", "fragments"),
    [
        ((Y, P), {"normalize": "rows"}, ["normalize: expected 'true', 'pred' or 'all', got 'rows'"]),
        ((Y, P), {"class_names": ["a", "b"]}, ["class_names: expected 3 names, got 2"]),
        ((Y, P), {"class_names": "abc"}, ["class_names: expected 3 names, got 'abc'"]),
        (([0, 1], [1, 2]), {"class_names": ["a"]}, ["class_names: expected a name for each class, at least 3, got 1"]),
        ((Y, P[:5]), {}, ["Y_hat: expected probabilities"]),
        ((LABELS * 1, P_LABELS), {}, ["y: ", "a confusion matrix", "exclude one another"]),
        (
            (network(units=4, output=nn.Sigmoid(), n_features=2), P_LABELS[:, :2], LABELS),
            {},
            ["confusion_matrix: ", "one at a time: confusion_matrix(y["],
        ),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(data, options, fragments, plt):
    refuse(lambda: plots.confusion_matrix(*data, **options), *fragments)
    assert plt.get_fignums() == []
