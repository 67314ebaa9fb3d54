"""Pictures of a network: its weights, what it says of images, what goes on inside, its diagram, its film."""

import numpy as np
import pytest

import nnlite as nn
from nnlite import plots
from nnlite.plots.style import WRONG

RNG = np.random.default_rng(0)
X = RNG.random((30, 16))
Y = np.arange(30) % 3


def network(*hidden, outputs=(3, nn.Softmax), n_features=16):
    return nn.Model([*hidden, nn.Dense(outputs[0]), outputs[1]()], n_features=n_features, seed=0)


def texts(ax):
    return [text.get_text() for text in ax.texts]


# ---- weights ------------------------------------------------------------------------------------------------------


def test_each_unit_has_its_weights_as_an_image_on_a_symmetric_scale():
    model = network(nn.Dense(5), nn.ReLU())
    ax = plots.first_layer_weights(model)
    mosaic = np.ma.filled(ax.images[0].get_array(), np.nan)
    assert mosaic.shape == (2 * 4, 3 * 4)
    W = model.parameters["W1"]
    for u in range(5):
        row, column = divmod(u, 3)
        image = mosaic[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        np.testing.assert_array_equal(image, W[:, u].reshape(4, 4))
    assert np.isnan(mosaic[4:, 8:]).all()
    limit = np.abs(W).max()
    assert ax.images[0].get_clim() == pytest.approx((-limit, limit))
    assert ax.get_xlabel() == "5 units, 4 x 4 weights each"


def test_only_the_first_units_are_drawn_and_the_scale_can_be_fixed():
    model = network(nn.Dense(100), nn.ReLU())
    ax = plots.first_layer_weights(model, n_units=1, limit=2)
    np.testing.assert_array_equal(ax.images[0].get_array(), model.parameters["W1"][:, 0].reshape(4, 4))
    assert ax.images[0].get_clim() == (-2, 2)
    assert ax.get_xlabel() == "the first 1 of 100 units, 4 x 4 weights each"


def test_the_shape_of_an_image_comes_from_the_input_or_the_user():
    model = network(nn.Flatten(), nn.Dense(1), nn.ReLU(), n_features=(2, 8))
    assert plots.first_layer_weights(model).images[0].get_array().shape == (2, 8)
    assert plots.first_layer_weights(model, image_shape=(8, 2)).images[0].get_array().shape == (8, 2)
    inside = network(nn.Residual([nn.Dense(16), nn.ReLU()]))
    assert plots.first_layer_weights(inside, n_units=1).images[0].get_array().shape == (4, 4)


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        (network(n_features=13), {}, r"image_shape: 13 features in the shape \(13,\) are not obviously an image; if"),
        (network(), {"image_shape": (3, 5)}, r"image_shape: expected \(rows, columns\) of 16 pixels, got \(3, 5\)"),
        (network(), {"image_shape": 16}, r"image_shape: expected \(rows, columns\) of 16 pixels, got 16"),
        (network(), {"n_units": 0}, "n_units: expected an integer of at least 1, got 0"),
        (network(), {"limit": 0}, "limit: expected a finite number above 0, got 0"),
        (nn.Model([nn.Softmax()], n_features=4), {}, "model: expected a Dense layer, whose weights are drawn"),
    ],
)
def test_weights_that_make_no_images_are_refused(model, options, message, plt):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        plots.first_layer_weights(model, **options)
    assert plt.get_fignums() == []


# ---- images -------------------------------------------------------------------------------------------------------


def test_examples_are_shown_with_what_the_network_says_and_wrong_ones_are_framed():
    model = network(nn.Dense(8), nn.ReLU())
    says, P = model.predict(X), model.predict_proba(X)
    axes = plots.predictions(model, X, Y, n=7, class_names="red green blue".split())
    assert len(axes) == 7
    for i, ax in enumerate(axes):
        np.testing.assert_array_equal(ax.images[0].get_array(), X[i].reshape(4, 4))
        name = "red green blue".split()[says[i]]
        right = says[i] == Y[i]
        title = f"{name} ({100 * P[i].max():.0f} %)"
        assert ax.get_title() == (title if right else f"{title}\nis {'red green blue'.split()[Y[i]]}")
        assert (ax.title.get_color() == WRONG) == (not right)
        assert (ax.spines["left"].get_linewidth() == 3) == (not right)
    assert 0 < sum(says[:7] == Y[:7]) < 7


def test_without_labels_nothing_is_wrong():
    axes = plots.predictions(network(), X)
    assert len(axes) == 20
    assert not any("\n" in ax.get_title() for ax in axes)


def test_mistakes_are_ordered_by_how_sure_the_network_is_of_them():
    model = network(nn.Dense(8), nn.ReLU())
    says, sure = model.predict(X), model.predict_proba(X).max(axis=1)
    axes = plots.most_confident_mistakes(model, X, Y, n=5)
    shown = [int(ax.get_xlabel()[2:-1]) for ax in axes]
    wrong = [i for i in range(30) if says[i] != Y[i]]
    assert shown == sorted(wrong, key=lambda i: -sure[i])[:5]
    np.testing.assert_array_equal(axes[0].images[0].get_array(), X[shown[0]].reshape(4, 4))
    everything = plots.most_confident_mistakes(model, X, Y, n=1000)
    assert len(everything) == len(wrong)


def test_a_network_without_mistakes_is_told_so():
    model = network()
    (ax,) = plots.most_confident_mistakes(model, X, model.predict(X))
    assert texts(ax) == ["no mistake among 30 examples"]


def test_one_sigmoid_unit_has_two_classes_and_colour_images_have_colours():
    model = nn.Model([nn.Flatten(), nn.Dense(1), nn.Sigmoid()], n_features=(2, 2, 3), seed=0)
    images = RNG.integers(0, 256, (3, 2, 2, 3)).astype(np.uint8)
    axes = plots.predictions(model, images, [0, 1, 1])
    assert axes[0].images[0].get_array().shape == (2, 2, 3)
    assert {ax.get_title().split()[0] for ax in axes} <= {"0", "1"}


REGRESSION = network(outputs=(1, nn.Identity))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.predictions(REGRESSION, X), "model: .* plots.prediction_error draws values against the truth"),
        (lambda: plots.most_confident_mistakes(REGRESSION, X, X[:, 0]), "model: .* plots.prediction_error draws"),
        (lambda: plots.predictions(network(outputs=(3, nn.Sigmoid)), X), "model: .* plots.roc_curve shows each label"),
        (lambda: plots.predictions(network(n_features=5), X[:, :5]), "image_shape: 5 features in the shape"),
        (lambda: plots.predictions(network(), X[:, :5]), "X: expected 16 features"),
        (lambda: plots.predictions(network(), X, Y[:5]), "y: expected 30 labels"),
        (lambda: plots.predictions(network(), X, n=0), "n: expected an integer of at least 1"),
        (lambda: plots.predictions(network(), X, image_shape=(2, 2, 4, 1)), r"image_shape: expected \(rows, columns\)"),
        (lambda: plots.most_confident_mistakes(network(), X, None), "y: expected the class of each example, got None"),
    ],
)
def test_what_has_no_images_or_classes_is_refused(call, message, plt):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        call()
    assert plt.get_fignums() == []


# ---- inside -------------------------------------------------------------------------------------------------------


def steps(ax):
    """Heights of the histogram of each row, from the top."""
    filled = [patch for patch in ax.patches if patch.get_fill()]
    return [patch.get_data().baseline - patch.get_data().values for patch in filled]


def notes(ax):
    return {(text.xy[1], text.get_text()) for text in ax.texts}


def test_activations_are_those_of_the_prediction_layer_by_layer():
    model = network(nn.Dense(8), nn.ReLU(), nn.Dropout(0.5))
    ax = plots.activations(model, X)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["1  Dense(8)", "2  ReLU()", "4  Dense(3)", "5  Softmax()"]
    z = X.astype(np.float32) @ model.layers[0].W + model.layers[0].b
    edges = ax.patches[0].get_data().edges
    count = np.histogram(z, edges)[0]
    np.testing.assert_allclose(steps(ax)[0], 0.85 * count / count.max(), atol=1e-6)
    medians = [line.get_xdata()[0] for line in ax.get_lines()]
    assert medians[0] == pytest.approx(np.median(z), rel=1e-5)
    assert medians[3] == pytest.approx(np.median(model.predict_proba(X)), rel=1e-5)


def test_zeros_and_dead_units_are_counted():
    model = network(nn.Dense(8), nn.ReLU())
    model.layers[0].b[:2] = -1000
    ax = plots.activations(model, X)
    a = np.maximum(0, X.astype(np.float32) @ model.layers[0].W + model.layers[0].b)
    dead = (a == 0).all(axis=0).sum()
    assert dead >= 2
    assert notes(ax) == {(-1, "zero"), (-1, "dead units"), (1, f"{100 * (a == 0).mean():.0f} %"), (1, f"{dead} of 8")}


def test_in_training_dropout_drops():
    model = network(nn.Dense(8), nn.Tanh(), nn.Dropout(0.5))
    assert notes(plots.activations(model, X)) == set()
    ax = plots.activations(model, X, training=True)
    assert "3  Dropout(0.5)" in [label.get_text() for label in ax.get_yticklabels()]
    ((_, share),) = [note for note in notes(ax) if note[0] == 2]
    assert 35 < int(share.removesuffix(" %")) < 65


def test_layers_inside_others_and_numbers_that_are_none_are_no_trouble():
    model = network(nn.Residual([nn.Dense(16), nn.Tanh()]), nn.LayerNorm())
    assert len(steps(plots.activations(model, X))) == 4
    model.layers[0].layers[0].b[0] = np.nan
    ax = plots.activations(model, X)
    ax.figure.canvas.draw()
    assert (0, " NaN!") in notes(ax)


def test_a_layer_of_zeros_has_an_empty_row():
    model = network(nn.Dense(8), nn.ReLU())
    model.layers[0].b[:] = -1000
    ax = plots.activations(model, X)
    assert steps(ax)[1].max() == 0
    assert {(1, "100 %"), (1, "8 of 8")} <= notes(ax)


def test_gradients_are_those_of_the_batch_on_a_logarithmic_scale():
    model = network(nn.Dense(8), nn.ReLU())
    ax = plots.gradients(model, X, Y)
    model.forward(X)
    model.backward(Y)
    size = np.abs(model.gradients["dW1"]).astype(float)
    edges = ax.patches[0].get_data().edges
    count = np.histogram(size[size > 0], edges)[0]
    np.testing.assert_allclose(steps(ax)[0], 0.85 * count / count.max(), atol=0.1)
    assert (0, f"{np.sqrt(np.mean(size**2)):.1e}") in notes(ax)
    assert ax.get_xscale() == "log"
    np.testing.assert_allclose(np.diff(np.log(edges)), np.log(edges[1] / edges[0]))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["dW1", "dW2"]


def test_gradients_of_any_parameter_can_be_chosen_and_weights_of_examples_count():
    model = network(nn.Dense(8), nn.BatchNorm(), nn.ReLU())
    ax = plots.gradients(model, X, Y, names=["db1", "dgamma1"])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["db1", "dgamma1"]
    model = network()
    weighted = plots.gradients(model, X, Y, sample_weight=np.eye(30)[4])
    assert notes(weighted) == notes(plots.gradients(model, X[4:5], Y[4:5]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.activations(network(), X[:, :3]), "X: expected 16 features"),
        (lambda: plots.activations(network(), X, training="yes"), "training: expected True or False, got 'yes'"),
        (lambda: plots.gradients(network(), X, Y[:3]), "y: expected 30 labels"),
        (lambda: plots.gradients(network(), X, Y + 1), "y: label 3 is out of range"),
        (lambda: plots.gradients(network(), X, Y, names="dW7"), "names: there is no 'dW7'; choose from dW1, db1"),
        (lambda: plots.gradients(network(), X, Y, names=[]), "names: expected some of dW1, db1"),
        (lambda: plots.gradients(network(), X, Y, sample_weight=[1]), "sample_weight: expected one weight for each"),
    ],
)
def test_a_batch_that_the_network_does_not_take_is_refused(call, message, plt):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        call()
    assert plt.get_fignums() == []


# ---- diagram ------------------------------------------------------------------------------------------------------


def circles(ax):
    """Number of units drawn in each column, from the left."""
    units = [scatter for scatter in ax.collections if hasattr(scatter, "get_sizes") and scatter.get_sizes()[0] == 90]
    return [len(scatter.get_offsets()) for scatter in units]


def test_the_diagram_has_a_column_for_each_layer_of_units_and_their_shapes():
    model = network(nn.Dense(5), nn.BatchNorm(), nn.ReLU(), nn.Dense(4), nn.Tanh())
    ax = plots.network_diagram(model)
    assert circles(ax) == [8, 5, 4, 3]  # 16 inputs are more than 10, of which 8 are drawn with dots between
    assert {"a[0] = X", "16", "a[1]", "5 units", "W 16 x 5", "Dense(5)\nBatchNorm()\nReLU()"} <= set(texts(ax))
    assert {"a[3]", "3 units", "W 4 x 3", "Dense(3)\nSoftmax()"} <= set(texts(ax))
    lines = [len(lines.get_segments()) for lines in ax.collections if hasattr(lines, "get_segments")]
    assert lines == [8 * 5, 5 * 4, 4 * 3]


@pytest.mark.parametrize(("units", "drawn"), [(1, 1), (2, 2), (6, 6), (7, 4), (1000, 4)])
def test_large_layers_are_shortened_by_dots(units, drawn):
    ax = plots.network_diagram(network(nn.Dense(units), n_features=2), most_units=6)
    assert circles(ax) == [2, drawn, 3]
    dots = [scatter for scatter in ax.collections if hasattr(scatter, "get_sizes") and scatter.get_sizes()[0] == 6]
    assert len(dots) == (units > 6)
    assert f"{units} unit{'s' * (units > 1)}" in texts(ax)


def test_residual_layers_have_an_arc_and_images_keep_their_shape():
    model = network(nn.Flatten(), nn.Dense(6), nn.Residual([nn.Dense(6), nn.ReLU()]), n_features=(4, 4))
    ax = plots.network_diagram(model)
    assert len(ax.patches) == 1
    assert {"4 x 4", "Flatten()", "Residual of\nDense(6)\nReLU()"} <= set(texts(ax))
    assert not plots.network_diagram(network()).patches


def test_a_diagram_needs_room_for_three_units(plt):
    with pytest.raises(nn.ArgumentError, match=r"^most_units: expected an integer of at least 3, got 2"):
        plots.network_diagram(network(), most_units=2)
    assert plt.get_fignums() == []


# ---- film ---------------------------------------------------------------------------------------------------------


def film(**options):
    return plots.Animation(plots.first_layer_weights, n_units=2, **options)


def test_a_film_records_the_network_before_training_and_every_so_often():
    model, recorder, seen = network(), film(every=2), []
    watch = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.theta.copy()))
    start = model.theta.copy()
    model.fit(X, Y, epochs=5, callbacks=[recorder, watch])
    assert [frame.title for frame in recorder.frames] == ["epoch 0", "epoch 2", "epoch 4"]
    for frame, theta in zip(recorder.frames, [start, seen[1], seen[3]], strict=True):
        np.testing.assert_array_equal(frame.theta, theta)
    model.fit(X, Y, epochs=1, callbacks=[recorder])
    assert [frame.title for frame in recorder.frames][3:] == ["epoch 6"]
    network().fit(X, Y, epochs=2, callbacks=[recorder])
    assert [frame.title for frame in recorder.frames] == ["epoch 0", "epoch 2"]


def test_a_film_can_count_batches_and_changes_nothing_in_the_training():
    filmed, plain = network(), network()
    recorder = film(per="batch")
    with_film = filmed.fit(X, Y, epochs=2, batch_size=10, callbacks=[recorder])
    without = plain.fit(X, Y, epochs=2, batch_size=10)
    assert [frame.title for frame in recorder.frames] == [f"batch {i}" for i in range(7)]
    assert with_film["loss"] == without["loss"]
    assert filmed.theta.tobytes() == plain.theta.tobytes()


def test_a_frame_is_the_picture_of_the_network_as_it_was(plt):
    model, recorder = network(nn.BatchNorm()), film()
    before = plots.first_layer_weights(model, n_units=2).images[0].get_array()
    model.fit(X, Y, epochs=2, callbacks=[recorder])
    theta = model.theta.copy()
    ax = plt.subplots()[1]
    assert recorder.draw(0, ax) is ax
    np.testing.assert_array_equal(ax.images[0].get_array(), before)
    assert ax.get_title() == "epoch 0"
    after = plots.first_layer_weights(model, n_units=2).images[0].get_array()
    np.testing.assert_array_equal(recorder.draw(-1).images[0].get_array(), after)
    assert model.theta.tobytes() == theta.tobytes()


def test_the_gif_has_a_picture_for_each_frame_and_they_differ(tmp_path, plt):
    from PIL import Image

    model, recorder = network(), film()
    model.fit(X, Y, epochs=2, optimizer=nn.SGD(5.0), callbacks=[recorder])
    recorder.save(tmp_path / "film.gif", fps=4, dpi=30, figsize=(4, 3))
    assert plt.get_fignums() == []
    with Image.open(tmp_path / "film.gif") as gif:
        assert (gif.n_frames, gif.size) == (3, (120, 90))
        pictures, durations = [], []
        for i in range(3):
            gif.seek(i)
            pictures.append(np.asarray(gif.convert("RGB")))
            durations.append(gif.info["duration"])
    assert not np.array_equal(pictures[0], pictures[1])
    assert durations == [250, 250, 250 + 1000]  # the last stays for a second


def test_a_film_takes_functions_of_ones_own_and_a_failure_leaves_the_old_file(tmp_path):
    (tmp_path / "film.gif").write_bytes(b"old")

    def draw(model, text, ax):
        if not ax.set_title(text):
            raise AssertionError
        raise RuntimeError("my own bug")

    recorder = plots.Animation(draw, "hello")
    network().fit(X, Y, epochs=1, callbacks=[recorder])
    with pytest.raises(RuntimeError, match="my own bug"):
        recorder.save(tmp_path / "film.gif")
    assert [file.name for file in tmp_path.iterdir()] == ["film.gif"]
    assert (tmp_path / "film.gif").read_bytes() == b"old"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.Animation("boundary"), "plot: expected a function that draws, such as decision_boundary, got"),
        (lambda: film(every=0), "every: expected an integer of at least 1, got 0"),
        (lambda: film(per="step"), "per: expected 'epoch' or 'batch', got 'step'"),
        (lambda: film(ax=3), "ax: each picture has a figure of its own; see draw"),
        (lambda: film().save("x.gif"), r"animation: nothing was recorded yet; train with fit\(..., callbacks="),
        (lambda: film().draw(0), "animation: nothing was recorded yet"),
        (lambda: film().save("x.mp4"), r"path: expected a name that ends in .gif, got 'x.mp4'"),
        (lambda: film().save("x.gif", fps=0), "fps: expected a finite number above 0, got 0"),
        (lambda: film().save("x.gif", dpi=-1), "dpi: expected a finite number above 0, got -1"),
        (lambda: film().save("x.gif", figsize=4), "figsize: expected width and height in inches, got 4"),
    ],
)
def test_a_film_refuses_what_makes_none(call, message):
    with pytest.raises(nn.ArgumentError, match=f"^{message}"):
        call()


def test_a_frame_that_was_not_recorded_is_refused():
    recorder = film()
    network().fit(X, Y, epochs=1, callbacks=[recorder])
    with pytest.raises(nn.ArgumentError, match=r"^frame: expected one of 0..1, got 2"):
        recorder.draw(2)
