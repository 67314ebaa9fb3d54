"""Animations of a network in training."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import for_each, network, refuse
from .reading import image

RNG = np.random.default_rng(0)
X, Y = RNG.random((30, 4)), np.arange(30) % 3


def film(**options):
    return plots.Animation(plots.first_layer_weights, n_units=2, **options)


def titles(recorder):
    return [frame.title for frame in recorder.frames]


def test_it_records_the_network_before_training_and_at_intervals():
    model, recorder, seen = network(), film(every=2), []
    watch = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.theta.copy()))
    start = model.theta.copy()
    model.fit(X, Y, epochs=5, callbacks=[recorder, watch])
    assert titles(recorder) == ["epoch 0", "epoch 2", "epoch 4"]
    for frame, theta in zip(recorder.frames, [start, seen[1], seen[3]], strict=True):
        np.testing.assert_array_equal(frame.theta, theta)
    model.fit(X, Y, epochs=1, callbacks=[recorder])
    assert titles(recorder)[3:] == ["epoch 6"]
    network().fit(X, Y, epochs=2, callbacks=[recorder])
    assert titles(recorder) == ["epoch 0", "epoch 2"]


def test_it_can_count_batches_and_changes_nothing_in_the_training():
    filmed, plain = network(), network()
    recorder = film(per="batch")
    with_film = filmed.fit(X, Y, epochs=2, batch_size=10, callbacks=[recorder])
    without = plain.fit(X, Y, epochs=2, batch_size=10)
    assert titles(recorder) == [f"batch {i}" for i in range(7)]
    assert with_film["loss"] == without["loss"]
    assert filmed.theta.tobytes() == plain.theta.tobytes()


def test_a_frame_is_the_picture_of_the_network_at_that_time(plt):
    model, recorder = network(nn.BatchNorm()), film()
    before = image(plots.first_layer_weights(model, n_units=2))
    model.fit(X, Y, epochs=2, callbacks=[recorder])
    theta = model.theta.copy()
    ax = plt.subplots()[1]
    assert recorder.draw(0, ax) is ax
    np.testing.assert_array_equal(image(ax), before)
    assert ax.get_title() == "epoch 0"
    after = image(plots.first_layer_weights(model, n_units=2))
    np.testing.assert_array_equal(image(recorder.draw(-1)), after)
    assert model.theta.tobytes() == theta.tobytes()


@pytest.mark.slow
def test_the_gif_has_a_picture_for_each_frame_and_they_differ(tmp_path, plt):
    from PIL import Image

    model, recorder = network(), film()
    model.fit(X, Y, epochs=2, optimizer=nn.SGD(5.0), callbacks=[recorder])
    recorder.save(tmp_path / "film.gif", fps=2, dpi=30, figsize=(4, 3))
    assert plt.get_fignums() == []
    with Image.open(tmp_path / "film.gif") as gif:
        assert (gif.n_frames, gif.size) == (3, (120, 90))
        pictures, durations = [], []
        for i in range(3):
            gif.seek(i)
            pictures.append(np.asarray(gif.convert("RGB")))
            durations.append(gif.info["duration"])
    assert not np.array_equal(pictures[0], pictures[1])
    assert durations == [500, 500, 500 + 1000]  # the last stays for one more second


def test_a_failure_in_the_users_function_leaves_the_old_file(tmp_path):
    (tmp_path / "film.gif").write_bytes(b"old")

    def draw(model, text, ax):
        ax.set_title(text)
        raise RuntimeError("my own bug")

    recorder = plots.Animation(draw, "hello")
    network().fit(X, Y, epochs=1, callbacks=[recorder])
    refuse(lambda: recorder.save(tmp_path / "film.gif"), "my own bug", error=RuntimeError)
    assert [file.name for file in tmp_path.iterdir()] == ["film.gif"]
    assert (tmp_path / "film.gif").read_bytes() == b"old"


def test_animate_is_another_name():
    assert plots.animate is plots.Animation


@for_each(
    ("call", "fragments"),
    [
        (lambda: plots.Animation("boundary"), ["plot: expected a function that draws, such as decision_boundary, got"]),
        (lambda: plots.Animation(plots.learning_curves), ["plot: ", "learning_curves does not take", "'ax'"]),
        (lambda: plots.Animation(plots.decision_boundary), ["plot: ", "decision_boundary does not take", "'X'"]),
        (lambda: film(every=0), ["every: expected an integer of at least 1, got 0"]),
        (lambda: film(per="step"), ["per: expected 'epoch' or 'batch', got 'step'"]),
        (lambda: film(ax=3), ["ax: each picture has its own figure; to choose the Axes, use draw(frame, ax)"]),
        (lambda: film().save("x.gif"), ["animation: nothing was recorded yet; train with fit(..., callbacks="]),
        (lambda: film().draw(0), ["animation: nothing was recorded yet"]),
        (lambda: film().save("x.mp4"), ["path: expected a name that ends in .gif, got 'x.mp4'"]),
        (lambda: film().save("x.gif", fps=0), ["fps: expected a finite number above 0, got 0"]),
        (lambda: film().save("x.gif", dpi=-1), ["dpi: expected a finite number above 0, got -1"]),
        (lambda: film().save("x.gif", figsize=4), ["figsize: expected width and height in inches, got 4"]),
    ],
)
def test_wrong_arguments_are_refused(call, fragments):
    refuse(call, *fragments)


def test_a_frame_that_was_not_recorded_is_refused():
    recorder = film()
    network().fit(X, Y, epochs=1, callbacks=[recorder])
    refuse(lambda: recorder.draw(2), "frame: expected one of 0..1, got 2")
