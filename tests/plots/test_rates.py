"""Pictures of learning rates."""

import pytest

import nnlite as nn
from nnlite import plots

from ..support import refuse
from .reading import legend


def test_the_picture_has_the_learning_rate_of_every_step(plt):
    schedule = nn.LinearWarmup(10, nn.CosineDecay(0.1, 90))
    ax = plots.schedule(schedule, 120)
    (line,) = ax.get_lines()
    assert list(line.get_xdata()) == list(range(120))
    assert list(line.get_ydata()) == [schedule(t) for t in range(120)]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_legend()) == ("step", "learning rate", None)
    assert len(plt.get_fignums()) == 1
    low, high = ax.get_xlim()
    assert (low < 0, high > 119) == (True, True)
    low, high = ax.get_ylim()
    assert (low < 0, 0.1 < high < 0.12) == (True, True)


def test_a_number_and_a_function_are_schedules_too():
    assert list(plots.schedule(0.1, 3).get_lines()[0].get_ydata()) == [0.1, 0.1, 0.1]
    assert list(plots.schedule(lambda step: step**2, 3).get_lines()[0].get_ydata()) == [0, 1, 4]


def test_schedules_on_the_same_axes_have_different_colors(plt):
    figure, ax = plt.subplots()
    for label, schedule in {
        "cosine": nn.CosineDecay(0.1, 90),
        "stairs": nn.StepDecay(0.1, 30),
        "constant": 0.2,
    }.items():
        assert plots.schedule(schedule, 100, ax, label=label) is ax
    assert plt.get_fignums() == [figure.number]
    assert len({line.get_color() for line in ax.get_lines()}) == 3
    assert legend(ax) == ["cosine", "stairs", "constant"]
    assert ax.get_ylim()[1] > 0.2


def test_line_options_of_matplotlib_and_their_short_names_are_taken():
    (line,) = plots.schedule(0.1, 5, c="black", lw=3, linestyle=":").get_lines()
    assert (line.get_color(), line.get_linewidth(), line.get_linestyle()) == ("black", 3, ":")


def test_a_single_step_is_a_point():
    assert plots.schedule(0.1, 1).get_lines()[0].get_marker() == "o"


LINE_OPTIONS = "line_options: expected options of matplotlib's Line2D, got "


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("fast", 10), {}, "schedule: "),
        ((nn.CosineDecay, 10), {}, "schedule: "),
        ((0.1, 0), {}, "n_steps: expected an integer of at least 1, got 0"),
        ((0.1, 1e3), {}, "n_steps: expected an integer of at least 1, got 1000.0"),
        ((lambda t: 2.0 - t, 10), {}, "schedule at step 3: expected a finite number of at least 0, got -1.0"),
        ((lambda t: None, 10), {}, "schedule at step 0: expected a finite number of at least 0, got None"),
        ((0.1, 10, "left"), {}, "ax: expected matplotlib Axes, got 'left'"),
        ((0.1, 10), {"colour": "red"}, LINE_OPTIONS),
        ((0.1, 10), {"color": "reddish"}, LINE_OPTIONS),
        ((0.1, 10), {"lw": 1, "linewidth": 2}, LINE_OPTIONS),
    ],
)
def test_wrong_arguments_are_refused_before_a_figure_is_made(plt, arguments, options, message):
    refuse(lambda: plots.schedule(*arguments, **options), message)
    assert plt.get_fignums() == []
