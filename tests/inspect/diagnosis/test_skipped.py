"""Facts about checks that are not made: the report gives the reason, in place of a verdict."""

import numpy as np
import pytest

from nnlite.inspect import Diagnose, Diagnosis, diagnose
from nnlite.inspect.diagnosis.curves import unstable_validation
from nnlite.inspect.diagnosis.report import Skipped
from nnlite.layers import Dense, Softmax, Tanh
from nnlite.optimizers import SGD

from ...support import chain
from .setups import digits, iris, ready, report_of, trained_on

X, y, X_test, y_test = iris()
NO_STEP = "no step changed the weights (frozen, without a gradient, or by less than their dtype shows)"


def frozen():
    return chain(Dense(8, trainable=False), Tanh(), Dense(3, trainable=False), Softmax())


def softmax_regression():
    return chain(Dense(3), Softmax())


ALONE = {"gradients by layer": "fewer than two layers with weights get a gradient"}
UNITS = ("dead units", "saturated units")
FEW = {"labels fit inputs": "there are fewer than 100 examples, or X or y does not vary"}


@pytest.mark.parametrize(
    ("phase", "model", "n", "reasons"),
    [
        ("before", frozen, 120, {"a handful by heart": "no layer learns"} | ALONE),
        ("before", softmax_regression, 120, ALONE),
        ("before", lambda: ready(3), 1, {"a handful by heart": "there are too few different examples"}),
        ("during", frozen, 120, {"size of updates": NO_STEP}),
        ("during", lambda: ready(3), 19, dict.fromkeys(UNITS, "there are fewer than 20 examples")),
        ("during", softmax_regression, 120, dict.fromkeys(UNITS, "there is no hidden activation")),
        ("data", lambda: ready(3), 99, FEW),
        ("data", lambda: ready(3), 120, {"validation data": "there are none"}),
    ],
)
def test_a_check_that_is_not_made_says_why(phase, model, n, reasons):
    report = report_of(phase, model(), X[:n], y[:n])
    assert reasons.items() <= report.skipped.items()
    for check, reason in reasons.items():
        assert check not in [finding.check for finding in report]
        with pytest.raises(KeyError, match="was not checked: ") as caught:
            report[check]
        assert reason in str(caught.value)


def test_a_rate_too_small_for_the_dtype_changes_no_weight():
    assert report_of("during", ready(3), X, y, optimizer=SGD(1e-30)).skipped["size of updates"] == NO_STEP


def test_a_layer_that_a_step_does_not_change_is_named():
    half = chain(Dense(8, trainable=False), Tanh(), Dense(3), Softmax())
    assert "It does not change W1 (frozen, " in report_of("during", half, X, y)["size of updates"].message


def test_units_of_a_network_that_has_diverged_are_not_judged():
    model = chain(Dense(8), Tanh(), Dense(3), Softmax(), n_features=4)
    model.theta[0] = np.nan
    report = report_of("during", model, X, y, trained=True)
    assert report.skipped["saturated units"] == "the weights are no longer finite"


def test_a_few_validation_examples_say_nothing_about_shift_and_calibration():
    held_out = X_test[:19], y_test[:19]
    report = report_of("data", ready(3), X, y, validation_data=held_out)
    assert report.skipped["validation shift"] == "there are fewer than 20 validation examples"
    model, history = trained_on(X, y, n_classes=3, epochs=5, validation_data=held_out)
    report = report_of("after", model, X, y, history=history, validation_data=held_out)
    assert report.skipped["calibration"] == "there are fewer than 50 validation examples"
    assert report.skipped["steady validation"].startswith("there are fewer than 6 epochs")


def test_a_short_curve_is_skipped_and_a_missing_one_is_not_mentioned():
    ((check, _),) = unstable_validation({"val_loss": [1.0] * 5})
    assert check == "steady validation"
    assert unstable_validation({"loss": [1.0] * 5}) == []


def test_the_callback_gives_the_reasons_too():
    doctor = Diagnose()
    frozen().fit(X, y, epochs=1, callbacks=[doctor])
    assert doctor.report.skipped == {
        "the data, before training": "Diagnose was made without X and y",
        "size of updates": NO_STEP,
    }


def test_the_report_groups_the_checks_by_reason():
    report = Diagnosis.of([Skipped("a", "no data"), Skipped("b", "no data"), Skipped("c", "no time")])
    assert str(report).splitlines()[-3:] == ["Not checked", "  a, b: no data", "  c: no time"]
    assert list(report) == []


def test_nothing_is_skipped_without_a_reason():
    report = diagnose(ready(), *digits()[:2], validation_data=digits()[2:])
    checks = {finding.check for finding in report}
    assert not checks & report.skipped.keys()
    assert all(report.skipped.values())
