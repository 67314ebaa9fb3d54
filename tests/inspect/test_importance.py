"""Facts about permutation importance: known features get what they are worth, and nothing changes."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.inspect import PermutationImportance, permutation_importance

from ..support import everything, refuse


def linear(weights, bias=0.0):
    """A regression network ``y = X w + b`` with known weights."""
    model = nn.Model([nn.Dense(1), nn.Identity()], n_features=len(weights), seed=0, dtype="float64")
    model.theta = [*weights, bias]
    return model


RNG = np.random.default_rng(0)
X = RNG.normal(size=(2000, 3))


def test_of_a_linear_function_it_is_twice_the_share_of_the_variance():
    # with column j permuted, the error is w_j (x_j - x'_j), whose variance is 2 w_j^2: R2 falls by 2 w_j^2 / var y
    w = np.array([2.0, 1.0, 0.0])
    found = permutation_importance(linear(w), X, X @ w, n_repeats=20)
    assert found.score == pytest.approx(1)
    assert found.importances_mean == pytest.approx(2 * w**2 / (w @ w), abs=0.05)
    assert found.importances[2].tolist() == [0] * 20
    assert found.order.tolist() == [0, 1, 2]


def test_a_class_that_follows_from_one_feature_is_lost_without_it():
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=3, seed=0)
    model.theta = [0, 5, 0, 0, 0, 0, 0, 0]  # class 1 where x_0 > 0
    y = (X[:, 0] > 0).astype(int)
    found = permutation_importance(model, X, y)
    assert found.metric == "accuracy"
    assert found.score == 1
    assert found.importances_mean == pytest.approx([0.5, 0, 0], abs=0.03)


@pytest.mark.parametrize(("metric", "worth"), [("mae", 1.0), ("mse", 2.0), ("loss", 1.0), ("r2", 2.0)])
def test_more_is_more_important_whether_a_metric_rises_or_falls(metric, worth):
    found = permutation_importance(linear([1.0, 0.0, 0.0]), X, X[:, 0], metric=metric)
    expected = {"mae": 2 / np.sqrt(np.pi)}.get(metric, worth)
    assert found.importances_mean[0] == pytest.approx(expected, rel=0.1)
    assert found.importances_mean[1:].tolist() == [0, 0]


def test_a_function_of_the_user_counts_as_better_where_it_is_larger():
    def minus_error(y, Y_hat):
        return -float(np.abs(y - Y_hat).mean())

    found = permutation_importance(linear([1.0, 0.0, 0.0]), X, X[:, 0], metric=minus_error)
    assert found.metric == "minus_error"
    assert found.importances_mean[0] > 1


def test_the_seed_decides_and_repeats_differ():
    w = [1.0, 0.5, 0.1]
    first, again = (permutation_importance(linear(w), X, X @ w, seed=3) for _ in range(2))
    assert (first.importances == again.importances).all()
    assert (permutation_importance(linear(w), X, X @ w, seed=4).importances != first.importances).any()
    assert (first.importances_std > 0).all()
    assert first.importances_std == pytest.approx(first.importances.std(axis=1))


def test_network_and_examples_stay_as_they_are():
    model, inputs = linear([1.0, 2.0, 3.0]), X.copy()
    before = everything(model)
    permutation_importance(model, inputs, X[:, 0], n_repeats=1)
    assert everything(model) == before
    assert (inputs == X).all()


def test_names_are_shown_the_most_important_first():
    found = permutation_importance(linear([0.0, 2.0, 1.0]), X, X @ [0, 2, 1], feature_names=["a", "b", "c"])
    lines = str(found).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["b", "c", "a"]
    assert "'b' is the most important" in repr(found)
    assert permutation_importance(linear([1.0]), X[:, :1], X[:, 0]).feature_names == ("x0",)


def test_a_picture_has_a_bar_for_each_feature_up_to_20():
    from matplotlib.figure import Figure

    found = PermutationImportance(RNG.uniform(size=(30, 4)), 1.0, "r2", [f"x{j}" for j in range(30)])
    ax = found.plot(Figure().subplots())
    assert len(ax.patches) == 20
    assert "... and 10 more" in str(found)


def test_images_are_permuted_pixel_by_pixel():
    model = nn.Model([nn.Flatten(), nn.Dense(1), nn.Identity()], n_features=(2, 2), seed=0, dtype="float64")
    model.theta = [0, 1, 0, 0, 0]
    pictures = RNG.normal(size=(500, 2, 2))
    found = permutation_importance(model, pictures, pictures[:, 0, 1])
    assert found.order[0] == 1
    assert found.importances.shape == (4, 5)


def test_a_table_is_permuted_by_its_own_columns():
    n = 300
    job = RNG.choice(["cook", "smith", "tailor"], n)
    table = nn.Table({"age": RNG.normal(40, 10, n), "job": job, "rich": np.where(job == "cook", "yes", "no")}, "rich")
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(table, optimizer=nn.Adam(0.01), epochs=30, progress=False)
    found = permutation_importance(model, table)
    assert found.feature_names == ("age", "job")
    assert found.importances_mean[1] > 0.2
    assert found.importances_mean[0] < 0.1


def test_wrong_arguments_are_named():
    model = linear([1.0, 2.0, 3.0])
    refuse(lambda: permutation_importance(3, X, X[:, 0]), "model: ")
    refuse(lambda: permutation_importance(model, X[:, :2], X[:, 0]), "X: ")
    refuse(lambda: permutation_importance(model, X[:1], X[:1, 0]), "X: expected at least 2")
    refuse(lambda: permutation_importance(model, X, X[:5, 0]), "y: ")
    refuse(lambda: permutation_importance(model, X, X[:, 0], metric="accuracy"), "metrics: 'accuracy'")
    refuse(lambda: permutation_importance(model, X, X[:, 0], metric="nonsense"), "metrics: ")
    refuse(lambda: permutation_importance(model, X, X[:, 0], n_repeats=0), "n_repeats: ")
    refuse(lambda: permutation_importance(model, X, X[:, 0], seed=-1), "seed: ")
    refuse(lambda: permutation_importance(model, X, X[:, 0], feature_names=["a"]), "feature_names: expected 3")
    unbuilt = nn.Model([nn.Dense(1), nn.Identity()])
    refuse(lambda: permutation_importance(unbuilt, X, X[:, 0]), "", error=nn.NotBuiltError)
