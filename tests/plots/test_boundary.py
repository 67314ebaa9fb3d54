"""Decision boundaries: what a network predicts over the plane of two features."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import refuse
from .reading import image, legend, overlap

RNG = np.random.default_rng(0)
X = RNG.uniform([-1, 0], [1, 10], (60, 2))
SPLIT = np.array([[-4.0, 4.0], [0.0, 0.0]])  # class 1 where the first feature is positive


def linear(W, output=nn.Softmax):
    """A network of one layer with the given weights."""
    W = np.asarray(W)
    model = nn.Model([nn.Dense(W.shape[1]), output()], n_features=len(W), seed=0)
    model.layers[0].W = W
    return model


def halves(scale=1.0):
    return linear(scale * SPLIT)


def strength(ax):
    """Distance of each pixel's color from white."""
    return 3 - image(ax)[..., :3].sum(axis=-1)


def line_of(ax):
    """Points of the line between the classes."""
    return np.concatenate([path.vertices for path in ax.collections[0].get_paths()])


def test_the_line_is_where_the_classes_are_equally_probable():
    ax = plots.decision_boundary(halves(), X)
    line = line_of(ax)
    np.testing.assert_allclose(line[:, 0], 0, atol=1e-3)
    assert line[:, 1].min() < X[:, 1].min()
    assert line[:, 1].max() > X[:, 1].max()


def test_colors_show_the_class_and_are_stronger_where_it_is_more_probable():
    ax = plots.decision_boundary(halves(), X)
    left, right = image(ax)[100, 0], image(ax)[100, -1]
    assert left[2] > left[0]  # blue
    assert right[0] > right[2]  # vermilion
    row = strength(ax)[100]
    assert (np.diff(row[:100]) <= 1e-9).all()
    assert (np.diff(row[100:]) >= -1e-9).all()
    unsure = plots.decision_boundary(halves(0.01), X)
    assert strength(unsure).max() < 0.3 * strength(ax).max()


def test_examples_are_drawn_where_they_are_and_each_class_has_its_own_marker():
    y = np.arange(60) % 2
    ax = plots.decision_boundary(halves(), X, y, class_names=["cat", "dog"], feature_names=["ears", "tail"])
    cats, dogs = ax.collections[1:]
    np.testing.assert_array_equal(cats.get_offsets(), X[y == 0])
    np.testing.assert_array_equal(dogs.get_offsets(), X[y == 1])
    assert len(cats.get_paths()[0].vertices) != len(dogs.get_paths()[0].vertices)
    assert legend(ax) == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("ears", "tail")


def test_one_hot_rows_are_labels_too():
    y = np.arange(60) % 2
    ax = plots.decision_boundary(halves(), X, nn.one_hot(y, 2))
    np.testing.assert_array_equal(ax.collections[2].get_offsets(), X[y == 1])


def test_one_sigmoid_unit_draws_as_two_softmax_units():
    one = linear(SPLIT[:, 1:] - SPLIT[:, :1], nn.Sigmoid)
    y = np.arange(60) % 2
    np.testing.assert_allclose(
        image(plots.decision_boundary(one, X, y)), image(plots.decision_boundary(halves(), X, y)), atol=1e-6
    )


def test_the_other_features_are_at_their_median_their_mean_or_the_given_values():
    X4 = np.column_stack([X, RNG.exponential(size=60), RNG.exponential(size=60)])
    model = linear([[0, 0], [-1, 1], [0, 0], [-1, 1]])  # the line is where x_1 = - x_3

    def height(**options):
        return -line_of(plots.decision_boundary(model, X4 - [0, 5, 0, 0], features=[0, 1], **options))[:, 1].mean()

    assert height() == pytest.approx(np.median(X4[:, 3]), abs=1e-3)
    assert height(others="mean") == pytest.approx(np.mean(X4[:, 3]), abs=1e-3)
    assert height(others=[0, 0, 0, 2.5]) == pytest.approx(2.5, abs=1e-3)
    ax = plots.decision_boundary(model, X4, features=[0, 1])
    assert ax.get_title() == "the 2 other features at their median"


def test_features_of_images_are_counted_pixel_by_pixel():
    model = nn.Model([nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=(2, 2), seed=0)
    model.layers[1].W = [[0, 0], [0, 0], [-4, 4], [0, 0]]
    ax = plots.decision_boundary(model, RNG.uniform(-1, 1, (30, 2, 2)), features=(2, 1))
    np.testing.assert_allclose(line_of(ax)[:, 0], 0, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("C", [3, 8, 9, 20, 100])
def test_any_number_of_classes_can_be_drawn(C):
    model = nn.Model([nn.Dense(C), nn.Softmax()], n_features=2, seed=0)
    model.theta = 3 * np.sin(np.arange(model.n_parameters))
    ax = plots.decision_boundary(model, X, np.arange(60) % C, resolution=30)
    ax.figure.draw_without_rendering()
    assert (ax.get_legend() is None) == (C > 10)
    assert len(ax.child_axes) == (C > 10)  # the color bar


def test_a_plane_that_is_computed_in_several_blocks_is_correct_everywhere():
    W = np.zeros((30_000, 1))
    W[:2, 0] = 2, 3
    X_wide = np.zeros((2, 30_000), np.float32)
    X_wide[1] = 1
    ax = plots.decision_boundary(linear(W, nn.Identity), X_wide, features=(0, 1), resolution=15)
    side = np.linspace(-0.08, 1.08, 15)
    np.testing.assert_allclose(image(ax), 2 * side + 3 * side[:, None], atol=1e-5)


def test_one_label_of_several_is_drawn_as_two_classes():
    model = linear(SPLIT[::-1], nn.Sigmoid)  # by the second feature
    y = np.column_stack([np.zeros(60), X[:, 1] > 5])
    ax = plots.decision_boundary(model, X - [0, 5], y, unit=1)
    np.testing.assert_allclose(line_of(ax)[:, 1], 0, atol=1e-2)
    np.testing.assert_array_equal(ax.collections[2].get_offsets(), X[X[:, 1] > 5] - [0, 5])


def test_regression_draws_predicted_and_true_values_on_one_scale():
    y = np.column_stack([np.zeros(60), 9 * X[:, 0]])
    ax = plots.decision_boundary(linear([[0, 2], [0, 0]], nn.Identity), X, y, unit=1, resolution=50)
    across = np.linspace(*ax.get_xlim(), 50)
    np.testing.assert_allclose(image(ax), np.tile(2 * across, (50, 1)), rtol=1e-5)
    examples = ax.collections[-1]
    np.testing.assert_allclose(examples.get_array(), y[:, 1])
    assert examples.get_clim() == ax.images[0].get_clim() == pytest.approx((y.min(), y.max()))


def test_constant_features_and_a_single_class_are_drawn():
    model = linear(np.zeros((2, 2)))
    model.layers[0].b = [1, 0]
    ax = plots.decision_boundary(model, np.ones((3, 2)), [0, 0, 0])
    assert ax.get_xlim() == (0, 2)
    assert len(ax.collections) == 1


def test_long_tick_labels_do_not_overlap():
    far = X * [1.4e5, 1] + [4e4, 0]
    ax = plots.decision_boundary(halves(), far, np.arange(60) % 2, class_names=["no risk at all", "high risk"])
    ax.figure.draw_without_rendering()
    assert len(ax.get_xticklabels()) > 1
    assert not overlap(ax.get_xticklabels())


WIDE = linear(np.zeros((64, 2)))
ONES = np.ones((3, 64))
LABELS = linear(np.zeros((2, 3)), nn.Sigmoid)
VALUES = linear(np.zeros((2, 3)), nn.Identity)


@pytest.mark.parametrize(
    ("model", "X", "options", "message"),
    [
        (
            WIDE,
            ONES,
            {},
            "features: a picture has two and this network takes 64; choose a pair, such as features=(0, 1)",
        ),
        (WIDE, ONES, {"features": (1, 1)}, "features: expected two different indices in 0..63, got"),
        (WIDE, ONES, {"features": (1, 64)}, "features: expected two different indices in 0..63, got"),
        (WIDE, ONES, {"features": 3}, "features: expected a pair of indices, such as (0, 1), got 3"),
        (WIDE, ONES, {"features": (0, 1), "others": "mode"}, "others: expected 'median', 'mean' or 64"),
        (WIDE, ONES, {"features": (0, 1), "others": [0]}, "others: expected a value for each of 64"),
        (WIDE, ONES[:, :2], {}, "X: expected 64 features"),
        (linear(np.zeros((1, 2))), ONES[:, :1], {}, "model: a decision boundary is drawn over two features"),
        (LABELS, X, {}, "unit: this network gives 3 labels; choose one to draw, such as unit=0"),
        (VALUES, X, {}, "unit: this network gives 3 values; choose one to draw, such as unit=0"),
        (VALUES, X, {"unit": 3}, "unit: expected one of 0..2, got 3"),
        (halves(), X, {"unit": 0}, "unit: is for several labels or values, and this network has 2 classes"),
        (halves(), X, {"y": [0, 1]}, "y: expected 60 labels, one for each row of X"),
        (halves(), X, {"y": [0, 2] * 30}, "y: label 2 is out of range"),
        (halves(), X, {"resolution": 1}, "resolution: expected an integer of at least 2, got 1"),
        (halves(), X, {"class_names": ["a"]}, "class_names: expected 2 names, got 1"),
        (halves(), X, {"feature_names": ["a"]}, "feature_names: expected 2 names, got 1"),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(model, X, options, message, plt):
    refuse(lambda: plots.decision_boundary(model, X, **options), message)
    assert plt.get_fignums() == []
