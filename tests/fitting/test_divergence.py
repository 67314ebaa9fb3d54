"""Facts about a cost or gradient that is NaN or infinite: it stops the training, and the error says what came first."""

import numpy as np
import pytest

import nnlite as nn

from ..support import NEVER_SAVED, for_each, network, small

pytestmark = NEVER_SAVED


def data(m=60, scale=1.0):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, m)
    return ((rng.standard_normal((m, 4)) + y[:, None]) * scale).astype(np.float32), y


class Fault(nn.Layer):
    """Passes on what comes; from one call on, its first number is wrong."""

    def __init__(self, at_forward=1e9, at_backward=1e9, value=np.nan):
        self.at_forward, self.at_backward, self.value = at_forward, at_backward, value
        self.n_forward = self.n_backward = 0

    def forward(self, a_prev, cache):
        self.n_forward += cache.training
        return self.spoilt(a_prev) if self.n_forward >= self.at_forward else a_prev

    def backward(self, da, cache):
        self.n_backward += 1
        return self.spoilt(da) if self.n_backward >= self.at_backward else da

    def spoilt(self, array):
        array = array.copy()
        array[0, 0] = self.value
        return array


class InfiniteWeight(nn.Callback):
    """Makes a weight infinite after one step."""

    def __init__(self, batch):
        self.batch = batch

    def on_train_begin(self, logs):
        self.n = 0

    def on_batch_end(self, batch, logs):
        self.n += 1
        if self.n == self.batch:
            self.model.parameters["W2"][0, 0] = np.inf


@for_each("value", [np.nan, np.inf, -np.inf])
@for_each("way", ["forward", "backward"])
def test_the_step_and_the_layer_are_named(way, value):
    fault = Fault(**{f"at_{way}": 9}, value=value)  # 6 steps to an epoch
    model = network(nn.Dense(8), nn.ReLU(), fault, n_features=None)
    with pytest.raises(nn.DivergenceError) as caught:
        model.fit(*data(), epochs=5, batch_size=10)
    error = caught.value
    assert (error.epoch, error.step) == (1, 2)
    assert "epoch 2, step 3" in str(error)
    assert "learning rate" in str(error)
    if way == "backward":
        assert "the gradient db1 of layers[0] Dense(8) is not finite" in str(error)
    else:
        assert "the output of layers[2] Fault(at_forward=9" in str(error)
    assert error.history.epochs == 1


def test_weights_that_are_not_finite_are_named_before_outputs():
    with pytest.raises(nn.DivergenceError, match=r"step 3: W2 of layers\[2\] Dense\(3\) is not finite after the"):
        small().fit(*data(), batch_size=10, callbacks=[InfiniteWeight(2)])


def test_too_large_a_learning_rate_is_stopped_and_the_best_weights_are_kept():
    X, _ = data()
    model = nn.Model([nn.Dense(16), nn.ReLU(), nn.Dense(1), nn.Identity()], seed=0)
    values = X @ np.ones(4)
    good = model.fit(X, values, optimizer=nn.SGD(0.01), epochs=3)
    weights = model.theta.copy()
    with pytest.raises(nn.DivergenceError) as caught:
        model.fit(X, values, optimizer=nn.SGD(1e6), epochs=10)
    assert caught.value.epoch <= 2
    assert np.isfinite(model.theta).all()
    if caught.value.epoch == 0:
        np.testing.assert_array_equal(model.theta, weights)
    assert model.evaluate(X, values)["loss"] <= good["loss"][-1] * 2


@pytest.mark.parametrize("validated", [True, False])
def test_the_best_weights_are_those_of_the_epoch_with_the_lowest_loss(validated):
    class Recorder(nn.Callback):
        def on_train_begin(self, logs):
            self.thetas, self.losses = [], []

        def on_epoch_end(self, epoch, logs):
            self.thetas.append(self.model.theta.copy())
            self.losses.append(logs["val_loss" if validated else "loss"])
            if epoch == 5:
                self.model.theta = np.nan

    recorder = Recorder()
    model = small()
    X, y = data()
    y = np.random.default_rng(1).permutation(y)  # nothing to learn: the loss goes up and down
    fraction = 0.3 if validated else None
    with pytest.raises(nn.DivergenceError):
        model.fit(X, y, optimizer=nn.SGD(0.5), epochs=9, validation_split=fraction, callbacks=[recorder])
    best = int(np.argmin(recorder.losses))
    np.testing.assert_array_equal(model.theta, recorder.thetas[best])


def test_weights_that_are_not_finite_are_never_the_best():
    class Rate:
        def __call__(self, step):
            return 0.1 if step != 11 else 1e300  # the last step of the second epoch: infinity in float32

    X, y = data()
    model = small()
    with pytest.raises(nn.DivergenceError, match=r"epoch 2, step 6: W\d of layer") as caught:
        model.fit(X, y, optimizer=nn.SGD(Rate()), epochs=4, batch_size=10)
    assert np.isfinite(model.theta).all()
    assert model.evaluate(X, y)["loss"] < 1
    assert caught.value.history.epochs == 1


def test_initial_weights_whose_first_batch_fits_by_chance_are_not_the_best():
    x = np.linspace(0, 3, 64, dtype=np.float32)[:, None]
    y = x[:, 0] ** 2

    class Spoiling(nn.Callback):
        def on_epoch_begin(self, epoch, logs):
            if epoch == 9:
                self.model.theta = np.nan

    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(1), nn.Identity()], seed=0)
    options = {"optimizer": nn.SGD(0.01), "epochs": 20, "batch_size": 4, "shuffle": False}
    with pytest.raises(nn.DivergenceError):
        model.fit(x, y, callbacks=[Spoiling()], **options)
    assert model.evaluate(x, y)["loss"] < 2


def test_a_validation_loss_of_nan_is_not_the_best():
    X, y = data()
    model = small()

    class Spoiling(nn.Callback):
        def on_epoch_end(self, epoch, logs):
            logs["val_loss"] = np.nan

    with pytest.raises(nn.DivergenceError):
        model.fit(X, y, optimizer=nn.SGD(1e30), epochs=5, batch_size=30, validation_data=(X, y))
    assert np.isfinite(model.evaluate(X, y)["loss"])


def test_a_sum_of_large_losses_is_no_divergence():
    X, _ = data(256)
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    history = model.fit(X, np.full(256, 1e18), optimizer=nn.SGD(1e-30), epochs=1, batch_size=4)
    assert np.isfinite(history["loss"]).all()


def test_an_overflow_in_the_optimizer_gives_no_warning():
    model = nn.Model([nn.Dense(600), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    X, y = np.random.default_rng(0).standard_normal((64, 600)), np.arange(64) % 3
    with pytest.raises(nn.DivergenceError):
        model.fit(X, y, optimizer=nn.SGD(1e38), epochs=3)


def test_a_frozen_layer_before_the_output_hides_nothing():
    class Weights(nn.Layer):
        def parameter_shapes(self, input_shape):
            return {"W": (input_shape[0], 5)}

        def output_shape(self, input_shape):
            return (5,)

        def initialize(self, rng, initializer):
            self.W = initializer(self.W.shape, rng)

        def forward(self, a_prev, cache):
            cache.a_prev = a_prev
            return a_prev @ self.W

        def backward(self, da, cache):
            self.dW = cache.a_prev.T @ da
            return da @ self.W.T

    model = nn.Model([Weights(), Fault(at_forward=3), nn.Dense(3, trainable=False), nn.Softmax()], seed=0)
    with pytest.raises(nn.DivergenceError, match="step 3"):
        model.fit(*data(), batch_size=10)


def test_a_cost_that_overflows_is_a_divergence_too():
    X, _ = data()
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    with pytest.raises(nn.DivergenceError, match="the cost J is inf"):
        model.fit(X, np.full(60, 3e19), optimizer=nn.SGD(1e-30), epochs=1, batch_size=60)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e15])
def test_large_and_small_numbers_are_no_divergence(scale):
    X, _ = data()
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0, dtype="float64")
    history = model.fit(X, X @ np.ones(4) * scale, optimizer=nn.SGD(0.01), epochs=3)
    assert np.isfinite(history["loss"]).all()


def test_gradients_whose_squares_overflow_are_no_divergence():
    model = nn.Model([nn.Dense(4), nn.Dense(2), nn.Softmax()], n_features=2, seed=0)
    model.parameters["W2"][...] = 1e20
    model.parameters["W2"][:, 0] = -1e20
    history = model.fit(np.zeros((10, 2)), np.ones(10, int), optimizer=nn.SGD(1e-30), epochs=1)
    assert np.abs(model.gradients["db1"]).max() > 1e19
    assert np.isfinite(history["loss"]).all()


def test_a_fault_before_a_frozen_layer_is_found():
    model = network(nn.Dense(8), nn.ReLU(), Fault(at_forward=4), n_features=None)
    model.layers[-2].trainable = False
    with pytest.raises(nn.DivergenceError, match="step 4"):
        model.fit(*data(), batch_size=10)


def test_a_network_without_biases_is_watched():
    class Scale(nn.Layer):
        decayed = frozenset({"W"})

        def parameter_shapes(self, input_shape):
            return {"W": input_shape}

        def initialize(self, rng, initializer):
            self.W = 1

        def forward(self, a_prev, cache):
            cache.a_prev = a_prev
            return a_prev * self.W

        def backward(self, da, cache):
            self.dW = (da * cache.a_prev).sum(axis=0)
            return da * self.W

    model = nn.Model([Scale(), Fault(at_forward=3), nn.Softmax()], seed=0)
    with pytest.raises(nn.DivergenceError, match="step 3"):
        model.fit(*data()[:1], data()[1] + 1, batch_size=10)


def test_a_training_that_diverged_can_be_resumed_once_the_fault_is_repaired(tmp_path):
    model = network(nn.Dense(8), nn.ReLU(), Fault(at_forward=9), n_features=None)
    with pytest.raises(nn.DivergenceError):
        model.fit(*data(), epochs=5, batch_size=10, checkpoint=tmp_path)
    again = network(nn.Dense(8), nn.ReLU(), fault := Fault(at_forward=9), n_features=None)
    fault.n_forward = -1000  # the fault is repaired
    history = again.fit(*data(), epochs=5, batch_size=10, checkpoint=tmp_path, resume=True)
    assert history.epochs == 5
