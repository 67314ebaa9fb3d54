"""Facts about the doctor as a callback."""

import numpy as np
import pytest

from nnlite.callbacks import Callback, EarlyStopping
from nnlite.inspect import Diagnose
from nnlite.layers import BatchNorm, Dense, Dropout, ReLU, Softmax
from nnlite.model import Model
from nnlite.optimizers import SGD, Adam

from ...support import chain, refuse
from .setups import digits, ready


def watched(model, X, y, optimizer, doctor=None, epochs=3, **options):
    doctor = Diagnose() if doctor is None else doctor
    model.fit(X, y, optimizer=optimizer, epochs=epochs, callbacks=[doctor], **options)
    return doctor.report


@pytest.mark.parametrize(
    ("optimizer", "check"),
    [
        (SGD(100), "learning rate"),
        (SGD(100), "dead units"),
        (Adam(3.0), "size of updates"),
        (SGD(1e-6), "size of updates"),
        (SGD(1e-6), "learning rate"),
    ],
)
def test_faults_show_in_a_real_training(optimizer, check):
    X, y, *_ = digits()
    assert watched(ready(seed=0), X, y, optimizer)[check].verdict == "problem"


@pytest.mark.parametrize(("optimizer", "size"), [(SGD(1e-5), "larger"), (SGD(3.0), "smaller")])
def test_a_loss_that_is_no_better_than_that_of_a_network_that_knows_nothing_has_not_fallen(optimizer, size):
    """Random weights cost more than ln C. Steps so large that all units die unlearn this, and nothing is learned."""
    X, y, *_ = digits()
    for seed in range(3):
        finding = watched(ready(seed=seed), X, y, optimizer, epochs=4)["learning rate"]
        assert finding.verdict == "problem", finding
        assert size in finding.advice


def test_with_data_the_callback_also_examines_before_and_after():
    X, y, X_test, y_test = digits()
    doctor = Diagnose(X, y, validation_data=(X_test, y_test))
    report = watched(ready(seed=0), X, y, Adam(3e-3), doctor, epochs=10, validation_data=(X_test, y_test))
    assert {finding.phase for finding in report} == {"data", "before", "during", "after"}
    assert report.ok, str(report)


def test_the_callback_changes_nothing_of_the_training():
    X, y, X_test, y_test = digits()
    for doctor in (None, Diagnose(), Diagnose(X, y, validation_data=(X_test, y_test))):
        model = chain(Dense(16), BatchNorm(), ReLU(), Dropout(0.2), Dense(10), Softmax(), seed=3)
        callbacks = [] if doctor is None else [doctor]
        for _ in range(2):  # what it left of the generator shows in the second training
            model.fit(X, y, optimizer=SGD(0.1, momentum=0.9), epochs=2, callbacks=callbacks)
        after_it = model.theta.tobytes(), model.state.tobytes(), model.rng.bit_generator.state
        if doctor is None:
            expected = after_it
        assert after_it == expected


def test_the_callback_works_with_batches_from_a_generator_and_forgets_an_earlier_training():
    X, y, *_ = digits()

    def endless():
        while True:
            yield X[:100], y[:100]

    doctor = Diagnose()
    assert doctor.report is None
    model = ready(seed=0)
    model.fit(endless(), optimizer=SGD(100), epochs=1, steps_per_epoch=30, callbacks=[doctor])
    assert not doctor.report.ok
    assert watched(ready(seed=0), X, y, SGD(0.1), doctor).ok


def test_a_callback_behind_the_doctor_finds_the_network_as_it_was():
    X, y, *_ = digits()
    model = ready(seed=0)

    class Compare(Callback):
        def on_train_end(self, logs):
            self.theta = self.model.theta.copy()

    class Before(Compare):
        pass

    first, last = Before(), Compare()
    model.fit(X, y, epochs=1, callbacks=[first, Diagnose(), last])
    assert first.theta.tobytes() == last.theta.tobytes()


def test_the_keys_of_callbacks_behind_the_doctor_are_checked():
    X, y, *_ = digits()
    callbacks = [Diagnose(), EarlyStopping(monitor="val_loss")]
    refuse(lambda: ready().fit(X, y, callbacks=callbacks), "monitor")


def test_the_callback_needs_both_x_and_y_or_neither():
    refuse(lambda: Diagnose(np.zeros((3, 2))), "y: give both X and y, or neither")


def test_the_callback_needs_a_finite_example():
    X, y, *_ = digits()
    refuse(lambda: ready().fit(X, y, callbacks=[Diagnose(np.full_like(X, np.nan), y)]), "X: expected finite numbers")


def test_a_training_that_an_error_has_stopped_has_a_report():
    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 3
    model = Model([Dense(8), ReLU(), Dense(3), Softmax()], seed=0)
    doctor = Diagnose(X, y)
    with pytest.raises(ArithmeticError, match="diverged"):
        model.fit(X, y, optimizer=SGD(1e30), epochs=5, callbacks=[doctor])
    assert doctor.report["end of the training"].verdict == "problem"
    assert "inputs" in str(doctor.report)
    model.fit(X, y, optimizer=SGD(0.1), epochs=2, callbacks=[doctor])
    assert "end of the training" not in [finding.check for finding in doctor.report]


def test_there_is_no_report_while_the_training_runs():
    class Asking(Callback):
        def on_epoch_end(self, epoch, logs):
            assert doctor.report is None

    X, y = np.random.default_rng(0).standard_normal((60, 3)), np.arange(60) % 3
    doctor = Diagnose()
    assert doctor.report is None
    Model([Dense(3), Softmax()], seed=0).fit(X, y, epochs=2, callbacks=[doctor, Asking()])
    assert doctor.report is not None
