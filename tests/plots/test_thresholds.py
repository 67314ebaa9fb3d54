"""ROC and precision-recall curves."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import metrics, plots

from ..support import network, refuse
from .reading import legend, points

REFERENCE = Path(__file__).parents[1] / "reference" / "curves"
spec = importlib.util.spec_from_file_location("curves_reference", REFERENCE.with_suffix(".py"))
reference = importlib.util.module_from_spec(spec)
spec.loader.exec_module(reference)
CASES = {name: case for name, *case in reference.cases()}
FIGURES = np.load(REFERENCE.with_suffix(".npz"))

RNG = np.random.default_rng(1)
Y, P = RNG.integers(0, 3, 90), RNG.dirichlet(np.ones(3), 90)
MANY, P_MANY = RNG.integers(0, 100, 2000), RNG.dirichlet(np.ones(100), 2000)
LABELS, P_LABELS = (RNG.random((50, 4)) < 0.4) * 1, RNG.random((50, 4))


@pytest.mark.parametrize("name", CASES)
def test_curves_and_areas_are_those_of_scikit_learn(name):
    y, scores = CASES[name]
    auc, ap = FIGURES[f"areas/{name}"]
    roc, pr = plots.roc_curve(y, scores), plots.precision_recall_curve(y, scores)
    np.testing.assert_allclose(points(roc.get_lines()[0]), FIGURES[f"roc/{name}"], atol=1e-12)
    assert legend(roc) == [f"AUC = {auc:.3f}"]
    ours, theirs = points(pr.get_lines()[0]), FIGURES[f"precision recall/{name}"]
    n = theirs.shape[1]  # scikit-learn stops at the first threshold that finds all positives
    np.testing.assert_allclose(ours[:, :n], theirs, atol=1e-12)
    assert (ours[0, n:] == 1).all()
    assert legend(pr) == [f"AP = {ap:.3f}"]
    assert pr.get_lines()[0].get_drawstyle() == "steps-pre"
    guessing = pr.get_lines()[1]
    assert list(guessing.get_ydata()) == [y.mean()] * 2


def test_each_of_several_classes_has_a_curve_against_the_rest():
    ax = plots.roc_curve(Y, P, class_names=["a", "b", "c"])
    areas = metrics.roc_auc(Y, P, average=None)
    assert legend(ax) == [f"{name}: AUC = {area:.3f}" for name, area in zip("abc", areas, strict=True)]
    assert len({(line.get_color(), line.get_linestyle()) for line in ax.get_lines()}) == 4
    ax = plots.roc_curve(Y, P, classes=[2])
    np.testing.assert_array_equal(points(ax.get_lines()[0]), points(plots.roc_curve((Y == 2) * 1, P[:, 2]).lines[0]))


def test_each_of_several_labels_has_a_curve():
    ax = plots.precision_recall_curve(LABELS, P_LABELS)
    assert len(legend(ax)) == 4
    alone = plots.precision_recall_curve(LABELS[:, 3], P_LABELS[:, 3])
    assert legend(ax)[3] == f"3: {legend(alone)[0]}"


def test_labels_of_a_network_are_labels_even_if_their_rows_sum_to_one():
    model = network(units=4, output=nn.Sigmoid(), n_features=2)
    y = np.eye(4)[np.arange(20) % 4]
    assert len(legend(plots.roc_curve(model, RNG.normal(size=(20, 2)), y))) == 4


def test_the_names_are_those_of_the_network():
    model = network(n_features=2)
    model.class_names = ["cat", "dog", "owl"]
    assert [entry.split(":")[0] for entry in legend(plots.roc_curve(model, RNG.normal(size=(90, 2)), Y))] == [
        "cat",
        "dog",
        "owl",
    ]


def test_a_hundred_classes_are_gray_behind_their_mean():
    auc = metrics.roc_auc(MANY, P_MANY)
    ax = plots.roc_curve(MANY, P_MANY)
    assert legend(ax) == ["each class", f"mean of 100: AUC = {auc:.3f}"]
    mean = points(ax.get_lines()[100])
    assert np.trapezoid(mean[1], mean[0]) == pytest.approx(auc, abs=2e-3)
    ax = plots.precision_recall_curve(MANY, P_MANY)
    recall, precision = points(ax.get_lines()[100])
    ap = float(legend(ax)[1].split("= ")[1])
    assert np.mean(precision) == pytest.approx(ap, abs=2e-3)
    assert recall[-1] == 1


def test_a_class_without_examples_has_no_curve():
    y = np.where(Y == 1, 0, Y)
    assert [text[0] for text in legend(plots.roc_curve(y, P))] == ["0", "2"]
    refuse(
        lambda: plots.roc_curve(np.zeros(5, int), P[:5]),
        "y: roc_curve needs a class with examples of it and examples of other classes",
    )
    refuse(
        lambda: plots.precision_recall_curve(y, P, classes=[1]),
        "y: precision_recall_curve needs a class with examples of it",
    )


@pytest.mark.parametrize("picture", [plots.roc_curve, plots.precision_recall_curve])
@pytest.mark.parametrize(
    ("Y_hat", "options", "message"),
    [
        (Y, {}, "Y_hat: expected probabilities as predict_proba returns them, got predicted classes"),
        (P, {"classes": [3]}, "classes: label 3 is out of range for 3 classes (labels are 0..2"),
        (P, {"classes": []}, "classes: expected at least one of 0..2, got []"),
        (P, {"class_names": ["a"]}, "class_names: expected 3 names, got 1"),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(picture, Y_hat, options, message, plt):
    refuse(lambda: picture(Y, Y_hat, **options), message)
    assert plt.get_fignums() == []
