"""What a network says over the plane of two features."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

RNG = np.random.default_rng(0)
X = RNG.uniform([-1, 0], [1, 10], (60, 2))
SPLIT = np.array([[-4.0, 4.0], [0.0, 0.0]])  # class 1 where the first feature is positive


def halves(scale=1.0):
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=2, seed=0)
    model.layers[0].W = scale * SPLIT
    return model


def shade(ax):
    """Distance of each pixel's colour from white."""
    return 3 - np.asarray(ax.images[0].get_array())[..., :3].sum(axis=-1)


def line_of(ax):
    """Points of the line between the classes."""
    return np.concatenate([path.vertices for path in ax.collections[0].get_paths()])


def test_the_line_is_where_the_classes_are_equally_probable():
    ax = plots.decision_boundary(halves(), X)
    line = line_of(ax)
    np.testing.assert_allclose(line[:, 0], 0, atol=1e-3)
    assert line[:, 1].min() < X[:, 1].min()
    assert line[:, 1].max() > X[:, 1].max()


def test_colours_are_of_the_class_and_stronger_where_it_is_surer():
    ax = plots.decision_boundary(halves(), X)
    pixels = np.asarray(ax.images[0].get_array())
    left, right = pixels[100, 0], pixels[100, -1]
    assert left[2] > left[0]  # blue
    assert right[0] > right[2]  # vermilion
    strength = shade(ax)[100]
    assert (np.diff(strength[:100]) <= 1e-9).all()
    assert (np.diff(strength[100:]) >= -1e-9).all()
    unsure = plots.decision_boundary(halves(0.01), X)
    assert shade(unsure).max() < 0.3 * shade(ax).max()


def test_examples_are_drawn_where_they_are_each_class_with_a_marker_of_its_own():
    y = np.arange(60) % 2
    ax = plots.decision_boundary(halves(), X, y, class_names=["cat", "dog"], feature_names=["ears", "tail"])
    cats, dogs = ax.collections[1:]
    np.testing.assert_array_equal(cats.get_offsets(), X[y == 0])
    np.testing.assert_array_equal(dogs.get_offsets(), X[y == 1])
    assert len(cats.get_paths()[0].vertices) != len(dogs.get_paths()[0].vertices)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["cat", "dog"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("ears", "tail")


@pytest.mark.parametrize("form", ["indices", "rows"])
def test_labels_may_have_any_form_that_the_network_takes(form):
    y = np.arange(60) % 2
    ax = plots.decision_boundary(halves(), X, y if form == "indices" else nn.one_hot(y, 2))
    np.testing.assert_array_equal(ax.collections[2].get_offsets(), X[y == 1])


def test_one_sigmoid_unit_draws_as_two_softmax_units():
    one = nn.Model([nn.Dense(1), nn.Sigmoid()], n_features=2, seed=0)
    one.layers[0].W = SPLIT[:, 1:] - SPLIT[:, :1]
    y = np.arange(60) % 2
    np.testing.assert_allclose(
        plots.decision_boundary(one, X, y).images[0].get_array(),
        plots.decision_boundary(halves(), X, y).images[0].get_array(),
        atol=1e-6,
    )


def test_the_other_features_stay_at_their_median_their_mean_or_where_they_are_put():
    X4 = np.column_stack([X, RNG.exponential(size=60), RNG.exponential(size=60)])
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=4, seed=0)
    model.layers[0].W = [[0, 0], [-1, 1], [0, 0], [-1, 1]]  # the line is where x_1 = - x_3

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


@pytest.mark.parametrize("C", [3, 8, 9, 20, 100])
def test_any_number_of_classes_can_be_drawn(C):
    model = nn.Model([nn.Dense(C), nn.Softmax()], n_features=2, seed=0)
    model.theta = 3 * np.sin(np.arange(model.n_parameters))
    ax = plots.decision_boundary(model, X, np.arange(60) % C, resolution=30)
    ax.figure.canvas.draw()
    assert (ax.get_legend() is None) == (C > 10)
    assert len(ax.child_axes) == (C > 10)  # the bar of colours


def test_a_network_of_many_inputs_is_asked_block_by_block(monkeypatch):
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=50, seed=0)
    X50 = RNG.normal(size=(10, 50))
    whole = plots.decision_boundary(model, X50, features=(0, 1), resolution=20).images[0].get_array()
    monkeypatch.setattr("nnlite.plots.boundary.BLOCK", 2000)
    parts = plots.decision_boundary(model, X50, features=(0, 1), resolution=20).images[0].get_array()
    np.testing.assert_allclose(whole, parts, atol=1e-6)


def test_one_label_of_several_is_drawn_as_two_classes():
    model = nn.Model([nn.Dense(2), nn.Sigmoid()], n_features=2, seed=0)
    model.layers[0].W = SPLIT[::-1]  # by the second feature
    y = np.column_stack([np.zeros(60), X[:, 1] > 5])
    ax = plots.decision_boundary(model, X - [0, 5], y, unit=1)
    np.testing.assert_allclose(line_of(ax)[:, 1], 0, atol=1e-2)
    np.testing.assert_array_equal(ax.collections[2].get_offsets(), X[X[:, 1] > 5] - [0, 5])


def test_regression_draws_the_predicted_value_on_the_scale_of_the_true_ones():
    model = nn.Model([nn.Dense(2), nn.Identity()], n_features=2, seed=0)
    model.layers[0].W = [[0, 2], [0, 0]]
    y = np.column_stack([np.zeros(60), 9 * X[:, 0]])
    ax = plots.decision_boundary(model, X, y, unit=1, resolution=50)
    surface = np.asarray(ax.images[0].get_array())
    across = np.linspace(*ax.get_xlim(), 50)
    np.testing.assert_allclose(surface, np.tile(2 * across, (50, 1)), rtol=1e-5)
    points = ax.collections[-1]
    np.testing.assert_allclose(points.get_array(), y[:, 1])
    assert points.get_clim() == ax.images[0].get_clim() == pytest.approx((y.min(), y.max()))


def test_constant_features_and_a_single_class_are_drawn():
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=2, seed=0)
    model.layers[0].W, model.layers[0].b = 0, [1, 0]
    ax = plots.decision_boundary(model, np.ones((3, 2)), [0, 0, 0])
    assert ax.get_xlim() == (0, 2)
    assert len(ax.collections) == 1


PAIR = r"features: a picture has two and this network takes 64; choose a pair, such as features=\(0, 1\)"
WIDE = nn.Model([nn.Dense(2), nn.Softmax()], n_features=64, seed=0)
LABELS = nn.Model([nn.Dense(3), nn.Sigmoid()], n_features=2, seed=0)
VALUES = nn.Model([nn.Dense(3), nn.Identity()], n_features=2, seed=0)


@pytest.mark.parametrize(
    ("model", "X", "options", "message"),
    [
        (WIDE, np.ones((3, 64)), {}, PAIR),
        (WIDE, np.ones((3, 64)), {"features": (1, 1)}, r"features: expected two different indices in 0..63, got"),
        (WIDE, np.ones((3, 64)), {"features": (1, 64)}, r"features: expected two different indices in 0..63, got"),
        (WIDE, np.ones((3, 64)), {"features": 3}, r"features: expected a pair of indices, such as \(0, 1\), got 3"),
        (WIDE, np.ones((3, 64)), {"features": (0, 1), "others": "mode"}, "others: expected 'median', 'mean' or 64"),
        (WIDE, np.ones((3, 64)), {"features": (0, 1), "others": [0]}, "others: expected a value for each of 64"),
        (WIDE, np.ones((3, 2)), {}, "X: expected 64 features"),
        (nn.Model([nn.Dense(2), nn.Softmax()], n_features=1), np.ones((3, 1)), {}, "model: .* this network takes 1"),
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
def test_wrong_use_says_what_to_do_instead(model, X, options, message, plt):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        plots.decision_boundary(model, X, **options)
    assert plt.get_fignums() == []
