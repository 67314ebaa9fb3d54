"""Facts about curves that are drawn while a network is trained; tests stand in for notebook and window."""

import contextlib
import itertools
import sys
import types

import numpy as np
import pytest

import nnlite as nn
from nnlite.plots import live

from ..fitting.resuming import CrashError, Crashing
from ..support import refuse

RNG = np.random.default_rng(0)
X, y = RNG.standard_normal((30, 3)), RNG.integers(0, 2, 30)


def train(*callbacks, epochs=4, **options):
    model = nn.Model([nn.Dense(3), nn.Tanh(), nn.Dense(2), nn.Softmax()], seed=0)
    history = model.fit(X, y, epochs=epochs, callbacks=callbacks, progress=False, **options)
    return model, history


class Screen:
    """Takes the figures, and notes how many points each line had then."""

    def __init__(self):
        self.seen, self.ended = [], 0

    def new_figure(self, size):
        from matplotlib.figure import Figure

        return Figure(figsize=size)

    def show(self, figure):
        self.seen.append([[len(line.get_xdata()) for line in ax.get_lines()] for ax in figure.axes])

    def end(self):
        self.ended += 1


@pytest.fixture
def screen(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(live, "screen", lambda: screen)
    return screen


def test_every_epoch_is_drawn_where_there_is_time(screen):
    train(nn.LivePlot(every=1e-9), validation_split=0.2)
    assert screen.seen == [[[n, n], [n, n]] for n in (1, 2, 3, 4, 4)]  # loss and accuracy; the end once more
    assert screen.ended == 1


def test_a_picture_is_drawn_at_most_every_n_seconds_but_the_first_and_the_last_always(screen, monkeypatch):
    clock = itertools.count(100.0, 0.25)  # a second has two epochs: one look before a picture, one after it
    monkeypatch.setattr(live.time, "monotonic", lambda: next(clock))
    train(nn.LivePlot("loss", every=1000), epochs=6)
    assert screen.seen == [[[1]], [[6]]]


@pytest.mark.parametrize(
    ("keys", "labels"),
    [
        ("loss", ["loss J"]),
        (["accuracy", "learning_rate"], ["accuracy", "learning rate"]),
        ("all", ["loss J", "accuracy", "learning rate", "seconds per epoch"]),
        (None, ["loss J", "accuracy"]),
    ],
)
def test_the_keys_decide_what_is_drawn(screen, keys, labels):
    plot = nn.LivePlot(keys)
    train(plot)
    assert [ax.get_ylabel().split(" (")[0].split(",")[0] for ax in plot.figure.axes] == labels


def test_the_training_is_the_same_as_without(screen):
    model, history = train(nn.LivePlot(every=1e-9))
    plain, expected = train()
    np.testing.assert_array_equal(model.theta, plain.theta)
    assert history["loss"] == expected["loss"]


def test_what_fails_gives_a_warning_and_no_more_pictures(screen, monkeypatch):
    def broken(figure):
        screen.seen.append("tried")
        raise RuntimeError("the display is gone")

    monkeypatch.setattr(screen, "show", broken)
    with pytest.warns(UserWarning, match="LivePlot: draws no more pictures: RuntimeError: the display is gone"):
        _, history = train(nn.LivePlot(every=1e-9))
    assert history.epochs == 4
    assert screen.seen == ["tried"]


def test_a_second_training_has_a_new_picture(screen):
    plot = nn.LivePlot(every=1e-9)
    train(plot)
    first = plot.figure
    train(plot, epochs=2)
    assert plot.figure is not first
    assert screen.seen[-1] == [[2], [2]]


def test_a_resumed_training_shows_the_epochs_before(screen, tmp_path):
    with contextlib.suppress(CrashError):
        train(nn.LivePlot(), Crashing(iter(range(2))), checkpoint=tmp_path)
    train(nn.LivePlot(), Crashing(itertools.count()), checkpoint=tmp_path, resume=True)
    assert screen.seen[-1] == [[4], [4]]


def test_without_a_notebook_or_a_window_nothing_is_drawn(monkeypatch):
    plot = nn.LivePlot(every=1e-9)
    train(plot)  # the tests draw into files
    assert plot.figure is None


def test_a_backend_with_windows_has_a_window(monkeypatch):
    import matplotlib.pyplot as plt

    for name, expected in {"TkAgg": live.Window, "qtagg": live.Window, "agg": type(None), "WebAgg": type(None)}.items():
        monkeypatch.setattr(plt, "get_backend", lambda name=name: name)
        assert type(live.screen()) is expected
    monkeypatch.setattr(plt, "get_backend", lambda: (_ for _ in ()).throw(ImportError("no Tk")))
    assert live.screen() is None


def test_a_window_is_drawn_until_it_is_closed(monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda block: None)
    window = live.Window()
    figure = window.new_figure((4, 3))
    drawn = []
    monkeypatch.setattr(figure.canvas, "draw_idle", lambda: drawn.append("draw"))
    monkeypatch.setattr(figure.canvas, "flush_events", lambda: drawn.append("flush"))
    window.show(figure)
    assert drawn == ["draw", "flush"]
    figure.canvas.callbacks.process("close_event", None)
    window.show(figure)
    assert drawn == ["draw", "flush"]
    plt.close(figure)


@pytest.mark.slow
def test_a_notebook_replaces_one_picture(monkeypatch):
    shown = []

    class Handle:
        def update(self, picture):
            shown.append(("update", picture))

    def display(picture, display_id):
        assert display_id is True
        shown.append(("display", picture))
        return Handle()

    fake = types.ModuleType("IPython.display")
    fake.display, fake.Image = display, lambda data, format: (format, data[:4])
    monkeypatch.setitem(sys.modules, "IPython", types.ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", fake)
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    train(nn.LivePlot(every=1e-9))
    assert [what for what, _ in shown] == ["display", *["update"] * 4]
    assert {picture for _, picture in shown} == {("png", b"\x89PNG")}


def test_wrong_arguments_are_refused():
    refuse(lambda: nn.LivePlot(every=0), "every: ", "above 0")
    refuse(lambda: nn.LivePlot(keys=3), "keys: ", "keys of the history")
    refuse(lambda: nn.LivePlot(keys=[]), "keys: ")
    refuse(lambda: train(nn.LivePlot("val_loss")), "keys: 'val_loss' is not in the logs", "loss, accuracy")
