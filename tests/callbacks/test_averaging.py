"""Facts about averages of the weights, and the running averages of BatchNorm that go with them."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.callbacks import EMA, SWA

from ..support import Recorder, refuse
from .training import X, regression, train, y


@pytest.mark.parametrize("decay", [0, 0.5, 0.9, 0.999])
def test_ema_is_the_exponential_average_over_the_steps(decay):
    model, recorder, ema = regression(), Recorder(), EMA(decay)
    train(model, recorder, ema, optimizer=nn.SGD(0.3))
    weights = (1 - decay) * decay ** np.arange(len(recorder.steps))[::-1]
    weights[0] = decay ** (len(recorder.steps) - 1)  # the first step's weights are where the average begins
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(ema.average, weights @ recorder.steps, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(model.theta, ema.average)


@pytest.mark.parametrize("start_epoch", [0, 1, 3, 4])
def test_swa_is_the_mean_over_the_epochs(start_epoch):
    model, recorder, swa = regression(), Recorder(), SWA(start_epoch)
    train(model, recorder, swa, epochs=5, optimizer=nn.SGD(0.3))
    np.testing.assert_allclose(swa.average, np.mean(recorder.thetas[start_epoch:], axis=0), rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(model.theta, swa.average)


def test_swa_that_never_started_changes_nothing():
    model, recorder, swa = regression(nn.BatchNorm()), Recorder(), SWA(3)
    with pytest.warns(UserWarning, match="SWA: the training ended before epoch 3"):
        train(model, recorder, swa)
    assert swa.average is None
    np.testing.assert_array_equal(model.theta, recorder.thetas[-1])
    np.testing.assert_array_equal(model.state, recorder.states[-1])


@pytest.mark.parametrize("make", [lambda: EMA(0.5), lambda: SWA(0)], ids=["EMA", "SWA"])
def test_during_the_training_the_weights_are_not_averaged(make):
    plain, averaged = regression(), regression()
    train(plain, expected := Recorder())
    train(averaged, make(), recorder := Recorder())
    np.testing.assert_array_equal(recorder.steps, expected.steps)
    assert not np.array_equal(averaged.theta, plain.theta)


@pytest.mark.parametrize("make", [lambda: EMA(0.5), lambda: SWA(0)], ids=["EMA", "SWA"])
def test_a_second_training_starts_a_new_average(make):
    model, callback = regression(), make()
    train(model, callback)
    train(model, recorder := Recorder(), callback, epochs=1, batch_size=None)
    np.testing.assert_array_equal(model.theta, recorder.thetas[0])


def batch_norm(z, layer):
    z_hat = (z - z.mean(axis=0)) / np.sqrt(z.var(axis=0) + layer.epsilon)
    return z_hat * layer.gamma + layer.beta


@pytest.mark.parametrize("make", [lambda: EMA(0.5), lambda: SWA(1)], ids=["EMA", "SWA"])
def test_running_averages_become_means_over_the_training_batches_under_the_averaged_weights(make):
    first, second = nn.BatchNorm(momentum=0.3), nn.BatchNorm()
    layers = [nn.Dense(4), first, nn.Residual([nn.Dense(4), second]), nn.Dense(2), nn.Identity()]
    model = nn.Model(layers, seed=0, dtype="float64")
    train(model, make(), batch_size=5, shuffle=False)  # 5, 5 and 2 examples
    statistics = {first: [], second: []}
    for batch in (X[:5], X[5:10], X[10:]):
        z = batch @ layers[0].W + layers[0].b
        statistics[first].append((z.mean(axis=0), z.var(axis=0, ddof=1)))
        inner = layers[2].inner_layers[0]
        z = batch_norm(z, first) @ inner.W + inner.b
        statistics[second].append((z.mean(axis=0), z.var(axis=0, ddof=1)))
    for layer, of_batches in statistics.items():
        mean, variance = np.mean(of_batches, axis=0)
        np.testing.assert_allclose(layer.running_mean, mean, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(layer.running_variance, variance, rtol=1e-12)
    assert (first.momentum, second.momentum) == (0.3, 0.1)


def test_running_averages_of_a_frozen_layer_stay():
    frozen = nn.BatchNorm(trainable=False)
    train(regression(frozen), SWA(0))
    np.testing.assert_array_equal(frozen.running_mean, 0)
    np.testing.assert_array_equal(frozen.running_variance, 1)


def generated(n):
    """``n`` batches from a generator, and the list of those that were taken."""
    asked = []

    def generate():
        for k in range(n):
            asked.append(k)
            yield X[k % 3 :: 3], y[k % 3 :: 3]

    return generate(), asked


@pytest.mark.parametrize(("hidden", "n"), [([], 6), ([nn.BatchNorm], 9)])
def test_averaging_takes_one_more_epoch_from_a_generator_only_for_batch_norm(hidden, n):
    batches, asked = generated(100)
    model = regression(*(layer() for layer in hidden))
    model.fit(batches, epochs=2, steps_per_epoch=3, callbacks=[SWA(0)])
    assert len(asked) == n


def test_a_generator_that_has_ended_cannot_give_the_running_averages():
    batches, _ = generated(6)
    fit = lambda: regression(nn.BatchNorm()).fit(batches, epochs=2, steps_per_epoch=3, callbacks=[SWA(0)])  # noqa: E731
    refuse(fit, "X: SWA needs the batches of one more epoch", "BatchNorm", "the source has ended")


@pytest.mark.parametrize("first", [lambda: EMA(0.5), lambda: SWA(0)], ids=["EMA", "SWA"])
@pytest.mark.parametrize("reverse", [False, True])
def test_the_last_callback_that_sets_the_weights_at_the_end_wins(first, reverse):
    recorder, averaging, stopping = Recorder(), first(), nn.EarlyStopping("loss", patience=9)
    callbacks = [averaging, stopping][:: -1 if reverse else 1]
    model = regression()
    train(model, recorder, *callbacks)
    best = recorder.thetas[stopping.best_epoch]
    assert not np.array_equal(best, averaging.average)
    np.testing.assert_array_equal(model.theta, averaging.average if reverse else best)
