"""Facts about the pictures of a report: their texts can be read, and do not cover each other."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from nnlite.report import figures


@pytest.fixture
def drawn(monkeypatch):
    """``drawn(picture, ...)`` returns the Axes on which a picture is drawn."""

    def draw_alone(draw, size, label, number):
        figure = Figure(figsize=size, layout="constrained")
        ax = figure.subplots()
        draw(ax)
        figure.draw_without_rendering()
        return ax

    monkeypatch.setattr(figures, "svg", draw_alone)
    return lambda picture, *arguments: picture(*arguments, 1)


def boxes(ax):
    """The place of each text above the axes, and of the numbers beside it."""
    texts = [*ax.texts, *ax.get_yticklabels()]
    return [text.get_window_extent() for text in texts if text.get_text()]


def test_the_numbers_above_the_reliability_diagram_stand_upright_and_apart(drawn):
    rng = np.random.default_rng(0)
    P = rng.dirichlet((1, 1, 1), 5000)
    ax = drawn(figures.calibration, (rng.random(5000) * 3).astype(int), P)
    assert len(ax.texts) > 5
    assert {text.get_rotation() for text in ax.texts} == {0}
    found = boxes(ax)
    assert not any(a.overlaps(b) for i, a in enumerate(found) for b in found[:i])


def test_the_epoch_that_was_kept_stands_above_the_curve(drawn):
    history = {"accuracy": [0.1, 0.99, 1.0, 1.0], "val_accuracy": [0.2, 1.0, 0.9, 0.9]}
    ax = drawn(figures.curve, history, "accuracy", 2)
    (kept,) = ax.texts
    assert kept.get_text() == "epoch 2"
    assert kept.get_window_extent().y0 >= ax.get_window_extent().y1
    assert not drawn(figures.curve, history, "accuracy", 4).texts  # the last one: nothing to say


def test_large_numbers_beside_an_axis_are_written_as_in_the_tables(drawn):
    y = np.linspace(0, 250_000, 40)
    ax = drawn(figures.prediction_error, y, y + 1)
    assert "200,000" in [label.get_text() for label in ax.get_xticklabels()]
    errors = drawn(figures.residuals, np.zeros(7), np.arange(7) / 10)
    assert all(float(label.get_text()) % 1 == 0 for label in errors.get_yticklabels())
