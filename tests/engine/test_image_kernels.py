"""The kernels for images and sequences do what the layers of the textbook do."""

import itertools

import numpy as np
import pytest

import nnlite as nn

pytest.importorskip("numba")

from nnlite.engine import predictor
from nnlite.engine.geometry import COPIED, Bands, Window
from nnlite.engine.stages import Stages

from .agreement import Training, assert_agrees, first_step
from .image_layers import EXAMPLES, NETWORKS, around, network
from .stretches import batch, steps

slow = pytest.mark.slow
DTYPES = ["float64", "float32"]


def momentum():
    return nn.SGD(0.05, momentum=0.9)


# ---- agreement with the textbook ------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_network_for_images_agrees(n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    layers, shape = network("all at once")
    assert_agrees(Training(layers, momentum, n_features=shape, M=11, batch_size=4, epochs=(3,)), "float64")


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_layer_agrees_forward_and_backward(name, dtype):
    for example in EXAMPLES[name]:
        layers, shape = around(name, example)
        assert_agrees(first_step(Training(layers, n_features=shape)), dtype, allowed=1)


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_layer_agrees_after_50_steps(name, dtype):
    for example in EXAMPLES[name]:
        layers, shape = around(name, example)
        assert_agrees(Training(layers, lambda: nn.SGD(0.02), n_features=shape), dtype)


@slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_networks_agree_with_any_number_of_threads(name, n_threads, dtype, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    layers, shape = network(name)
    for batch_size in (1, 2, 7):
        training = Training(
            layers, momentum, n_features=shape, M=2 * batch_size + 1, batch_size=batch_size, epochs=(3,)
        )
        assert_agrees(training, dtype)


OPTIONS = {
    "clip_norm": lambda: nn.AdamW(0.003, weight_decay=0.1, clip_norm=0.1),
    "max_norm": lambda: nn.SGD(0.1, max_norm=0.4),
    "the others": lambda: nn.RMSProp(0.003, momentum=0.5, l1=0.01, clip_value=0.01, weight_decay=0.05),
}


@slow
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("optimizer", OPTIONS.values(), ids=OPTIONS)
def test_the_options_of_optimizers_agree(optimizer, n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    layers, shape = network("all at once")
    assert_agrees(Training(layers, optimizer, n_features=shape, epochs=(4,)), "float64")


@slow
def test_frozen_layers_agree():
    for which in range(9):

        def freeze(model, which=which):
            learning = [layer for layer in model.all_layers() if isinstance(layer, (nn.Conv2D, nn.BatchNorm, nn.Dense))]
            for layer in learning[:which] if which % 2 else learning[which:]:
                layer.trainable = False

        layers, shape = network("all at once")
        assert_agrees(Training(layers, momentum, n_features=shape, prepare=freeze, epochs=(2,)), "float64")


# ---- large images, ties, large numbers ------------------------------------------------------------------------------


@slow
@pytest.mark.parametrize("shape", [(70, 60, 20), (5, 300, 40)])
def test_images_that_are_convolved_in_several_bands_agree(shape):
    bands = Bands.of(Window(3, 3, 1, 1, 1, 1, 1, 1), shape, (*shape[:2], 20), 32, 8)
    assert bands.forward < shape[0]
    assert bands.backward < shape[0]

    def layers():
        same = {"padding": "same"}
        strided = nn.Conv2D(20, 5, strides=2, **same)
        return [nn.Conv2D(20, 3, **same), nn.ReLU(), strided, nn.GlobalAveragePool2D(), nn.Softmax()]

    assert_agrees(Training(layers, n_features=shape, M=3, batch_size=2, epochs=(1,)), "float64")


def test_a_thread_copies_no_more_than_the_stated_number_of_bytes():
    """Unless the lines that one line of the output sees are more."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        height, width, channels, filters, entries, stride, gap = (int(n) for n in rng.integers(1, 9, 7))
        before = 8 * height + 64, 8 * width + 64, 4 * channels
        window = Window(entries, entries, stride, stride, gap, gap, 1, 1)
        after = (before[0] - window.lines(1)) // stride + 1, (before[1] - window.pixels(1)) // stride + 1, filters
        for size in (4, 8):
            bands = Bands.of(window, before, after, 32, size)
            least = Bands.of(window, before, (1, *after[1:]), 32, size).workspace
            assert bands.workspace * size <= max(COPIED + 64 * size, least * size)


@slow
def test_the_first_of_several_largest_numbers_gets_the_gradient():
    def constant(model):
        model.parameters["W1"][...] = 0

    def layers():
        return [nn.Conv2D(3, 1), nn.MaxPool2D(3, 2, "same"), nn.Flatten(), nn.Dense(3), nn.Softmax()]

    assert_agrees(Training(layers, n_features=(6, 5, 2), prepare=constant, epochs=(1,)), "float64", allowed=1)


@slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_norm_of_large_and_nearly_equal_numbers_agrees(dtype):
    def shift(model):
        model.parameters["b1"][...] = 1000

    def layers():
        return [nn.Conv2D(3, 2), nn.BatchNorm(), nn.ReLU(), nn.Flatten(), nn.Dense(3), nn.Softmax()]

    assert_agrees(Training(layers, n_features=(6, 5, 2), prepare=shift, epochs=(2,)), dtype)


# ---- bits, prediction, errors ---------------------------------------------------------------------------------------


def model_for(name, dtype="float32"):
    layers, shape = network(name)
    return nn.Model(layers(), n_features=shape, seed=0, dtype=dtype)


@slow
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_same_number_of_threads_gives_the_same_bits(n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(n_threads))
    found = []
    for _ in range(3):
        model = model_for("all at once")
        steps(model, nn.Adam(), batch(model, epochs=2), 10)
        found.append((model.theta.tobytes(), model.state.tobytes(), model.grad.tobytes()))
    assert found[0] == found[1] == found[2]


@slow
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_predictions_agree(name, dtype, monkeypatch):
    model, exact = model_for(name, dtype), model_for(name, "float64")
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((700, *model.input_shape)).astype(dtype), rng.integers(0, 3, 700)
    monkeypatch.setenv("NNLITE_ENGINE", "textbook")
    model.fit(X[:20], y[:20], epochs=2, progress=False)
    exact.theta, exact.state = model.theta, model.state
    expected, J = exact.predict_proba(X), exact.evaluate(X, y)["loss"]
    monkeypatch.setenv("NNLITE_ENGINE", "compiled")
    copied = model_for(name, dtype)
    copied.theta, copied.state = model.theta, model.state
    allowed = 1e-12 if dtype == "float64" else 2e-5
    for n in (1, 5, 16, 17, 700):
        np.testing.assert_allclose(copied.predict_proba(X[:n]), expected[:n], rtol=0, atol=allowed)
    assert copied.evaluate(X, y)["loss"] == pytest.approx(J, rel=allowed)


@slow
def test_large_images_are_predicted_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(predictor, "NUMBERS_OF_IMAGES", 3 * 9 * 8 * 8)
    monkeypatch.setenv("NNLITE_ENGINE", "compiled")
    model = model_for("all at once", "float64")
    assert predictor.most_examples(model.layers, model.input_shape) == 3
    X, y = np.random.default_rng(0).standard_normal((17, *model.input_shape)), np.arange(17) % 3
    found = [model.predict_proba(X[:n]) for n in (1, 2, 3, 4, 17)]
    J = model.evaluate(X, y)["loss"]
    monkeypatch.setenv("NNLITE_ENGINE", "textbook")
    expected = model_for("all at once", "float64")
    for Y_hat in found:
        np.testing.assert_allclose(Y_hat, expected.predict_proba(X[: len(Y_hat)]), rtol=0, atol=1e-12)
    assert pytest.approx(expected.evaluate(X, y)["loss"], rel=1e-12) == J


@slow
def test_a_weight_that_is_not_finite_is_an_error(monkeypatch):
    monkeypatch.setenv("NNLITE_ENGINE", "compiled")
    model = model_for("all at once")
    X = np.ones((3, *model.input_shape), np.float32)
    model.predict_proba(X)
    for name in ("W1", "b1", "gamma2"):
        broken = model_for("all at once")
        broken.parameters[name].flat[0] = np.nan
        with pytest.raises(nn.NnliteError):
            broken.predict_proba(X)


@slow
@pytest.mark.parametrize("n_threads", ["1", "2"])
def test_numbers_that_become_infinite_are_an_error_that_names_epoch_and_layer(n_threads, monkeypatch):
    monkeypatch.setenv("NNLITE_NUM_THREADS", n_threads)
    model = model_for("sequences")
    X = np.random.default_rng(0).standard_normal((8, *model.input_shape)) * 1e18
    with pytest.raises(nn.DivergenceError, match="epoch"):
        model.fit(X, [0, 1, 2, 0, 1, 2, 0, 1], optimizer=nn.SGD(1e30), epochs=9, progress=False, engine="compiled")


# ---- meetings -------------------------------------------------------------------------------------------------------


def test_threads_meet_between_convolutions_for_batch_norm_alone():
    C, pool = nn.Conv2D, nn.MaxPool2D
    model = nn.Model(
        [C(4, 3), nn.ReLU(), pool(), C(4, 3), nn.Flatten(), nn.Dense(3), nn.Softmax()], n_features=(12, 12, 1)
    )
    stages = Stages(model.layers, model.input_shape).stages
    assert [stage.kind for stage in stages] == ["input", "convolution", "pooling", "convolution", "copy", "dense"]
    assert all(stage.writes_own and following.reads_own for stage, following in itertools.pairwise(stages[:5]))
    assert not stages[4].writes_own


def test_a_stage_gets_images_of_the_size_that_it_works_on():
    """What follows a stage is carried out line by line, so both must have the same lines."""
    for layers, shape in NETWORKS.values():
        stages = Stages([*layers(), nn.Flatten(), nn.Dense(3), nn.Softmax()], shape).stages
        for stage in stages:
            if stage.kind not in ("input", "copy") and stage.size_before is not None:
                assert stages[stage.source].size == stage.size_before
            for one in stage.unitwise:
                if one.kind == "join":
                    assert stages[one.partner].size == stage.size
