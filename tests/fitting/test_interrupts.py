"""Facts about Ctrl-C: the first one ends the training after the current batch, the second one stops at once."""

import os
import signal
import threading

import numpy as np
import pytest

import nnlite as nn

from ..support import small

pytestmark = pytest.mark.usefixtures("ctrl_c")


def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((60, 4)).astype(np.float32), rng.integers(0, 3, 60)


class Pressing(nn.Callback):
    """Presses Ctrl-C at the end of one batch of one epoch."""

    def __init__(self, epoch, batch, times=1):
        self.epoch, self.batch, self.times = epoch, batch, times

    def on_train_begin(self, logs):
        self.now, self.batches, self.ended = -1, 0, False

    def on_epoch_begin(self, epoch, logs):
        self.now = epoch

    def on_batch_end(self, batch, logs):
        self.batches += 1
        if (self.now, batch) == (self.epoch, self.batch):
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)

    def on_train_end(self, logs):
        self.ended = True


def test_the_first_ctrl_c_ends_the_training_after_the_batch_and_keeps_the_history():
    model, pressing = small(), Pressing(2, 1)
    history = model.fit(*data(), epochs=50, batch_size=10, callbacks=[pressing])
    assert history.interrupted
    assert history.epochs == 2
    assert (pressing.batches, pressing.ended) == (2 * 6 + 2, True)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert np.isfinite(model.predict_proba(data()[0])).all()
    assert model.fit(*data(), epochs=1).interrupted is False


def test_the_second_ctrl_c_stops_at_once():
    model = small()
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data(), epochs=50, callbacks=[Pressing(1, 0, times=2)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(*data(), epochs=1)


def test_ctrl_c_after_the_last_batch_of_an_epoch_loses_nothing(tmp_path):
    def run(pressing):
        model = small()
        history = model.fit(
            *data(),
            epochs=4,
            batch_size=10,
            callbacks=[pressing],
            validation_split=0.2,
            checkpoint=tmp_path,
            resume=True,
        )
        return model, history

    pressing = Pressing(1, 4)
    history = run(pressing)[1]
    assert (history.interrupted, history.epochs, pressing.ended) == (True, 1, True)
    model, history = run(Pressing(9, 9))
    whole = small()
    whole.fit(*data(), epochs=4, batch_size=10, validation_split=0.2)
    assert (history.interrupted, history.epochs) == (False, 4)
    np.testing.assert_array_equal(model.theta, whole.theta)


@pytest.mark.parametrize("batch", range(6))
def test_an_interrupted_training_that_is_resumed_ends_like_one_without_interruption(tmp_path, batch):
    def run(pressing):
        model = small(nn.BatchNorm(), nn.Dropout(0.2))
        callbacks = [pressing, nn.EMA(0.9)]  # replaces the weights at the end
        options = {"epochs": 3, "batch_size": 10, "optimizer": nn.Adam(0.01), "metrics": ["f1"], "resume": True}
        directory = tmp_path / str(pressing.epoch < 3)
        history = model.fit(*data(), **options, callbacks=callbacks, checkpoint=directory)
        del history["seconds"]
        return model, history

    whole, expected = run(Pressing(9, 0))
    interrupted, _ = run(Pressing(1, batch))
    assert not np.array_equal(interrupted.theta, whole.theta)
    resumed, history = run(Pressing(1, 99))
    np.testing.assert_array_equal(resumed.theta, whole.theta)
    assert history == expected


def test_ctrl_c_within_a_step_ends_the_training_after_that_step():
    class Rule(nn.SGD):
        pressed = False

        def update(self, part, g, learning_rate):
            if part.t == 3 and not self.pressed:
                self.pressed = True
                os.kill(os.getpid(), signal.SIGINT)
            super().update(part, g, learning_rate)

    model, rule = small(), Rule(0.1)
    history = model.fit(*data(), optimizer=rule, epochs=9, batch_size=1)
    assert (rule.state(model).n_steps, history.interrupted, history.epochs) == (3, True, 0)


def test_an_epoch_that_a_callback_stops_in_the_batch_of_ctrl_c_counts(tmp_path):
    class Stopping(Pressing):
        def on_batch_end(self, batch, logs):
            self.model.stop_training = (self.now, batch) == (self.epoch, self.batch)
            super().on_batch_end(batch, logs)

    options = {"epochs": 5, "batch_size": 10, "checkpoint": tmp_path, "resume": True}
    for _ in range(2):
        history = small().fit(*data(), callbacks=[Stopping(1, 2)], **options)
        assert history.epochs == 2


def test_a_handler_of_the_program_is_not_replaced():
    pressed = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    history = small().fit(*data(), epochs=3, callbacks=[Pressing(1, 0)])
    assert (len(pressed), history.epochs, history.interrupted) == (1, 3, False)


def test_fit_in_another_thread_handles_no_signals():
    histories = []
    thread = threading.Thread(target=lambda: histories.append(small().fit(*data(), epochs=2)))
    thread.start()
    thread.join()
    assert histories[0].epochs == 2


def test_after_an_error_the_handler_is_the_one_from_before():
    class Failing(nn.Callback):
        def on_batch_end(self, batch, logs):
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
            raise RuntimeError

    with pytest.raises(RuntimeError):
        small().fit(*data(), callbacks=[Failing()])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
