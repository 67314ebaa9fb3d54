"""Pictures of how good a classifier is, and of how good a regression: confusion, thresholds, calibration, values."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import metrics, plots

REFERENCE = Path(__file__).parents[1] / "reference" / "curves"
spec = importlib.util.spec_from_file_location("curves_reference", REFERENCE.with_suffix(".py"))
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)
CASES = {name: case for name, *case in reference.cases()}
FIGURES = np.load(REFERENCE.with_suffix(".npz"))

RNG = np.random.default_rng(1)
Y = RNG.integers(0, 3, 90)
P = RNG.dirichlet(np.ones(3), 90)
MANY = RNG.integers(0, 100, 2000)
P_MANY = RNG.dirichlet(np.ones(100), 2000)
LABELS = RNG.random((50, 4)) < 0.4
P_LABELS = RNG.random((50, 4))


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def points(line):
    return np.array([line.get_xdata(), line.get_ydata()])


def several_labels():
    return nn.Model([nn.Dense(4), nn.Sigmoid()], n_features=2, seed=0)


# ---- confusion matrix ---------------------------------------------------------------------------------------------


def test_the_confusion_matrix_has_counts_and_shares_of_the_true_class():
    ax = plots.confusion_matrix([0] * 3 + [1] * 200 + [2], [0, 0, 1] + [1] * 199 + [2, 2], class_names=["a", "b", "c"])
    assert texts(ax) == ["2\n67 %", "1\n33 %", "199\n>99 %", "1\n<1 %", "1\n100 %"]
    np.testing.assert_allclose(ax.images[0].get_array(), [[2 / 3, 1 / 3, 0], [0, 0.995, 0.005], [0, 0, 1]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")
    positions = [text.get_position() for text in ax.texts]
    assert positions == [(0, 0), (1, 0), (1, 1), (2, 1), (2, 2)]  # (predicted, true)


@pytest.mark.parametrize("normalize", ["true", "pred", "all"])
def test_the_colours_are_the_shares_that_were_asked_for(normalize):
    ax = plots.confusion_matrix(Y, P, normalize=normalize)
    np.testing.assert_allclose(ax.images[0].get_array(), metrics.confusion_matrix(Y, P, normalize=normalize))


def test_text_stands_out_from_its_cell():
    for text in plots.confusion_matrix([0, 0, 1, 1, 1], [0, 0, 1, 0, 1]).texts:
        share = {"2\n100 %": 1, "1\n33 %": 1 / 3, "2\n67 %": 2 / 3}[text.get_text()]
        assert text.get_color() == ("white" if share > 0.5 else "black")


def test_many_classes_have_counts_alone_and_very_many_colours_alone():
    y = np.arange(15)
    assert texts(plots.confusion_matrix(y, y)) == ["1"] * 15
    ax = plots.confusion_matrix(MANY, P_MANY)
    assert texts(ax) == []
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(c) for c in range(0, 100, 5)]


def test_a_network_and_its_predictions_give_the_same_picture():
    X, y = nn.make_moons(60, seed=0)
    model = nn.Model([nn.Dense(1), nn.Sigmoid()], n_features=2, seed=0)
    from_model = plots.confusion_matrix(model, X, y)
    assert texts(from_model) == texts(plots.confusion_matrix(y, model.predict_proba(X)))
    assert texts(from_model) == texts(plots.confusion_matrix(y, model.predict(X)))


def test_names_tell_of_classes_that_did_not_occur():
    ax = plots.confusion_matrix([0, 1], [0, 1], class_names=["a", "b", "c"])
    assert ax.images[0].get_array().shape == (3, 3)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ((Y, P), {"normalize": "rows"}, "normalize: expected 'true', 'pred' or 'all', got 'rows'"),
        ((Y, P), {"class_names": ["a", "b"]}, "class_names: expected 3 names, got 2"),
        ((Y, P), {"class_names": "abc"}, "class_names: expected 3 names, got 'abc'"),
        ((Y, P[:5]), {}, "Y_hat: expected probabilities"),
        ((LABELS * 1, P_LABELS), {}, "y: the classes of a confusion matrix must exclude one another"),
        ((several_labels(), P_LABELS[:, :2], LABELS), {}, r"confusion_matrix: .* one at a time: confusion_matrix\(y\["),
    ],
)
def test_a_confusion_matrix_refuses_what_it_cannot_show(data, options, message, plt):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        plots.confusion_matrix(*data, **options)
    assert plt.get_fignums() == []


# ---- thresholds ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_curves_and_areas_are_those_of_scikit_learn(name):
    y, scores = CASES[name]
    auc, ap = FIGURES[f"areas/{name}"]
    roc, pr = plots.roc_curve(y, scores), plots.precision_recall_curve(y, scores)
    np.testing.assert_allclose(points(roc.get_lines()[0]), FIGURES[f"roc/{name}"], atol=1e-12)
    assert legend(roc) == [f"AUC = {auc:.3f}"]
    ours, theirs = points(pr.get_lines()[0]), FIGURES[f"precision recall/{name}"]
    n = theirs.shape[1]  # scikit-learn has no thresholds below that which finds all
    np.testing.assert_allclose(ours[:, :n], theirs, atol=1e-12)
    assert (ours[0, n:] == 1).all()
    assert legend(pr) == [f"AP = {ap:.3f}"]
    assert pr.get_lines()[0].get_drawstyle() == "steps-pre"
    chance = pr.get_lines()[1]
    assert list(chance.get_ydata()) == [y.mean()] * 2


def test_each_of_several_classes_has_a_curve_against_the_rest():
    ax = plots.roc_curve(Y, P, class_names=["a", "b", "c"])
    areas = metrics.roc_auc(Y, P, average=None)
    assert legend(ax) == [f"{name}: AUC = {area:.3f}" for name, area in zip("abc", areas, strict=True)]
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.get_lines()}) == 4
    ax = plots.roc_curve(Y, P, classes=[2])
    np.testing.assert_array_equal(points(ax.get_lines()[0]), points(plots.roc_curve((Y == 2) * 1, P[:, 2]).lines[0]))


def test_each_of_several_labels_has_a_curve():
    ax = plots.precision_recall_curve(LABELS * 1, P_LABELS)
    assert len(legend(ax)) == 4
    alone = plots.precision_recall_curve(LABELS[:, 3] * 1, P_LABELS[:, 3])
    assert legend(ax)[3] == f"3: {legend(alone)[0]}"


def test_a_network_with_labels_that_happen_to_sum_to_one_still_has_labels():
    model, X = several_labels(), RNG.normal(size=(20, 2))
    y = np.eye(4)[np.arange(20) % 4]
    assert len(legend(plots.roc_curve(model, X, y))) == 4


def test_a_hundred_classes_are_gray_behind_their_mean():
    ax = plots.roc_curve(MANY, P_MANY)
    assert legend(ax) == ["each class", f"mean of 100: AUC = {metrics.roc_auc(MANY, P_MANY):.3f}"]
    mean = points(ax.get_lines()[100])
    assert np.trapezoid(mean[1], mean[0]) == pytest.approx(metrics.roc_auc(MANY, P_MANY), abs=2e-3)
    ax = plots.precision_recall_curve(MANY, P_MANY)
    recall, precision = points(ax.get_lines()[100])
    ap = float(legend(ax)[1].split("= ")[1])
    assert np.mean(precision) == pytest.approx(ap, abs=2e-3)
    assert recall[-1] == 1


def test_a_class_without_examples_has_no_curve():
    y = np.where(Y == 1, 0, Y)
    assert [text[0] for text in legend(plots.roc_curve(y, P))] == ["0", "2"]
    with pytest.raises(nn.ArgumentError, match=r"^y: roc_curve needs examples of it and of others"):
        plots.roc_curve(np.zeros(5, int), P[:5])
    with pytest.raises(nn.ArgumentError, match=r"^y: precision_recall_curve needs an example of it"):
        plots.precision_recall_curve(y, P, classes=[1])


def test_predicted_classes_and_unknown_classes_are_refused(plt):
    with pytest.raises(nn.ArgumentError, match=r"^Y_hat: expected probabilities .* got predicted classes"):
        plots.roc_curve(Y, Y)
    with pytest.raises(nn.ArgumentError, match=r"^classes: label 3 is out of range for 3 classes \(labels are 0..2"):
        plots.roc_curve(Y, P, classes=[3])
    with pytest.raises(nn.ArgumentError, match=r"^classes: "):
        plots.roc_curve(Y, P, classes=[])
    assert plt.get_fignums() == []


# ---- calibration --------------------------------------------------------------------------------------------------


def bars(ax):
    accuracy, gap = ax.containers
    return [(bar.get_height(), hatched.get_height()) for bar, hatched in zip(accuracy, gap, strict=True)]


def test_bars_are_accuracies_and_the_hatched_gaps_reach_to_the_confidence():
    ax = plots.reliability_diagram([1, 1, 0, 0, 1], [0.8, 0.8, 0.8, 0.3, 0.6], n_bins=5)
    # confidence 0.6 and 0.7, both right, in (0.6 - 0.2, 0.6] and (0.6, 0.8], where 0.8 is right twice of three times
    np.testing.assert_allclose(bars(ax), [(1, -0.4), (0.75, 0.775 - 0.75)], atol=1e-12)
    assert texts(ax) == ["1", "4", "examples"]
    assert [bar.get_x() for bar in ax.containers[0]] == pytest.approx([0.4, 0.6])


@pytest.mark.parametrize(("y", "Y_hat"), [(Y, P), (LABELS * 1, P_LABELS), (MANY, P_MANY)])
@pytest.mark.parametrize("n_bins", [1, 7, 15])
def test_the_error_is_that_of_the_metric(y, Y_hat, n_bins):
    ax = plots.reliability_diagram(y, Y_hat, n_bins=n_bins)
    ece = metrics.expected_calibration_error(y, Y_hat, n_bins=n_bins)
    assert ax.get_title() == f"ECE = {ece:.3f}"
    counts = [int(text) for text in texts(ax)[:-1]]
    gaps = [abs(gap) for _, gap in bars(ax)]
    assert np.dot(counts, gaps) / sum(counts) == pytest.approx(ece)
    assert sum(counts) == np.size(Y_hat) if np.ndim(y) == 2 else len(y)


def test_a_diagram_refuses_no_bins_and_classes_in_place_of_probabilities(plt):
    with pytest.raises(nn.ArgumentError, match=r"^n_bins: "):
        plots.reliability_diagram(Y, P, n_bins=0)
    with pytest.raises(nn.ArgumentError, match="got predicted classes"):
        plots.reliability_diagram(Y, Y)
    assert plt.get_fignums() == []


# ---- values -------------------------------------------------------------------------------------------------------


def test_values_are_drawn_against_the_truth_with_their_r2():
    y, y_hat = np.array([1.0, 2, 3]), np.array([1.5, 2, 2])
    ax = plots.prediction_error(y, y_hat)
    np.testing.assert_array_equal(points(ax.get_lines()[0]), [y, y_hat])
    assert legend(ax) == [f"R2 = {metrics.r2(y, y_hat):.3f}"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("true value", "predicted value")
    ax = plots.prediction_error(np.eye(3), np.eye(3), names=["a", "b", "c"])
    assert legend(ax) == ["a: R2 = 1.000", "b: R2 = 1.000", "c: R2 = 1.000"]


def test_a_regression_network_gives_the_same_picture_as_its_predictions():
    X = RNG.normal(size=(9, 2))
    model = nn.Model([nn.Dense(1), nn.Identity()], n_features=2, seed=0)
    ax = plots.prediction_error(model, X, X[:, 0])
    np.testing.assert_array_equal(points(ax.get_lines()[0]), [X[:, 0], model.predict(X)])


def test_values_refuse_classes_and_shapes_that_differ(plt):
    with pytest.raises(nn.ArgumentError, match=r"^prediction_error: is for values, .* plots.confusion_matrix shows"):
        plots.prediction_error(several_labels(), P_LABELS[:, :2], LABELS)
    with pytest.raises(nn.ArgumentError, match=r"^Y_hat: expected the shape of y, \(3, 1\), got \(2, 1\)"):
        plots.prediction_error([1, 2, 3], [1, 2])
    with pytest.raises(nn.ArgumentError, match=r"^Y_hat: expected finite numbers"):
        plots.prediction_error([1.0, 2], [1, np.nan])
    assert plt.get_fignums() == []


def test_the_names_are_those_of_the_model_unless_others_are_given():
    X, y = np.random.default_rng(0).standard_normal((30, 2)), np.arange(30) % 3
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    model.class_names = ["cat", "dog", "owl"]
    ax = plots.confusion_matrix(model, X, y)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["cat", "dog", "owl"]
    ax = plots.confusion_matrix(model, X, y, class_names=["a", "b", "c"])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b", "c"]
    legend = plots.roc_curve(model, X, y).get_legend()
    assert "owl" in " ".join(text.get_text() for text in legend.get_texts())
