"""Facts about healthy set-ups: the doctor finds no problem before training, and none after it."""

import numpy as np
import pytest

from nnlite.initializers import GlorotNormal, HeUniform, Orthogonal, TruncatedNormal
from nnlite.inspect import Diagnose, diagnose
from nnlite.layers import (
    ELU,
    GELU,
    SELU,
    AlphaDropout,
    BatchNorm,
    Dense,
    Dropout,
    Exponential,
    Flatten,
    GaussianNoise,
    Identity,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Residual,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nnlite.optimizers import SGD, Adam, AdamW, RMSProp
from nnlite.schedules import CosineDecay, LinearWarmup, OneCycle

from ...support import chain
from .setups import blobs, counts, digits, iris, labels, moons, spirals, two_values, values

HEALTHY = {
    "digits, ReLU, SGD": (digits, lambda: [Dense(64), ReLU(), Dense(10), Softmax()], lambda: SGD(0.1)),
    "digits, softmax regression": (digits, lambda: [Dense(10), Softmax()], lambda: SGD(0.1)),
    "digits, BatchNorm, dropout, AdamW": (
        digits,
        lambda: [Dense(64), BatchNorm(), ReLU(), Dropout(0.3), Dense(10), Softmax()],
        lambda: AdamW(3e-3, weight_decay=0.01),
    ),
    "digits, residual, label smoothing, one cycle": (
        digits,
        lambda: [Dense(48), ReLU(), Residual([Dense(48), ReLU()]), Dense(10), Softmax(label_smoothing=0.1)],
        lambda: SGD(OneCycle(0.2, 500), momentum=0.9),
    ),
    "digits, three hidden layers, He uniform, warm-up": (
        digits,
        lambda: [x for _ in range(3) for x in (Dense(48, HeUniform()), ReLU())] + [Dense(10), Softmax()],
        lambda: Adam(LinearWarmup(1000, CosineDecay(2e-3, 2000))),
    ),
    "digits, SELU, alpha dropout": (
        digits,
        lambda: [Dense(64), SELU(), AlphaDropout(0.1), Dense(64), SELU(), Dense(10), Softmax()],
        lambda: SGD(0.05, momentum=0.9),
    ),
    "digits, GELU, LayerNorm": (
        digits,
        lambda: [Dense(64), LayerNorm(), GELU(), Dense(10), Softmax()],
        lambda: Adam(3e-3),
    ),
    "iris, Tanh, SGD": (iris, lambda: [Dense(16), Tanh(), Dense(3), Softmax()], lambda: SGD(0.1)),
    "iris, Sigmoid, RMSProp": (iris, lambda: [Dense(16), Sigmoid(), Dense(3), Softmax()], lambda: RMSProp(0.005)),
    "iris, ELU, orthogonal": (
        iris,
        lambda: [Dense(16, Orthogonal()), ELU(), Dense(3), Softmax()],
        lambda: SGD(0.05, momentum=0.9, nesterov=True),
    ),
    "blobs, LeakyReLU": (blobs, lambda: [Dense(16), LeakyReLU(), Dense(3), Softmax()], lambda: SGD(0.1)),
    "blobs, noise, full batch": (
        blobs,
        lambda: [GaussianNoise(0.1), Dense(16), ReLU(), Dense(3), Softmax()],
        lambda: Adam(0.01),
    ),
    "moons, one sigmoid unit": (moons, lambda: [Dense(16), ReLU(), Dense(1), Sigmoid()], lambda: Adam(0.01)),
    "moons, logistic regression": (moons, lambda: [Dense(1), Sigmoid()], lambda: SGD(0.5)),
    "spirals, two hidden layers": (
        spirals,
        lambda: [Dense(32), ReLU(), Dense(32), ReLU(), Dense(3), Softmax()],
        lambda: Adam(0.01),
    ),
    "spirals, Tanh, Glorot normal, float64": (
        spirals,
        lambda: [Dense(32, GlorotNormal()), Tanh(), Dense(32, GlorotNormal()), Tanh(), Dense(3), Softmax()],
        lambda: SGD(0.05, momentum=0.9),
    ),
    "values, SiLU": (values, lambda: [Dense(32), SiLU(), Dense(1), Identity()], lambda: Adam(0.01)),
    "two values, Tanh": (two_values, lambda: [Dense(32), Tanh(), Dense(2), Identity()], lambda: SGD(0.05)),
    "counts, Softplus": (counts, lambda: [Dense(16), Softplus(), Dense(1), Exponential()], lambda: Adam(0.01)),
    "several labels": (labels, lambda: [Dense(16), ReLU(), Dense(3), Sigmoid()], lambda: SGD(0.1)),
    "digits as images, uint8 scaled by BatchNorm": (
        lambda: tuple((16 * part).astype(np.uint8).reshape(-1, 8, 8) if part.ndim == 2 else part for part in digits()),
        lambda: [BatchNorm(), Flatten(), Dense(64), ReLU(), Dense(10), Softmax()],
        lambda: SGD(0.1),
    ),
    "digits, truncated normal, large batches": (
        digits,
        lambda: [Dense(64, TruncatedNormal(0.1)), ReLU(), Dense(10), Softmax()],
        lambda: Adam(3e-3),
    ),
}


EPOCHS = {"spirals": 60, "moons": 40, "iris": 40}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_set_up_has_no_problem_before_training(name):
    data, layers, optimizer = HEALTHY[name]
    X, y, X_test, y_test = data()
    batch_size = None if "full batch" in name else 128 if "large" in name else 32
    report = diagnose(
        chain(*layers(), dtype="float64" if "float64" in name else "float32"),
        X,
        y,
        validation_data=(X_test, y_test),
        optimizer=optimizer(),
        batch_size=batch_size,
    )
    assert report.ok, str(report)
    assert not report.notices, str(report)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name if i % 4 == 0 else pytest.param(name, marks=pytest.mark.slow) for i, name in enumerate(HEALTHY)]
)
def test_a_healthy_set_up_has_no_problem_after_training(name):
    data, layers, optimizer = HEALTHY[name]
    X, y, X_test, y_test = data()
    model = chain(*layers())
    doctor = Diagnose()
    epochs = next((n for key, n in EPOCHS.items() if name.startswith(key)), 20)
    history = model.fit(
        X, y, validation_data=(X_test, y_test), optimizer=optimizer(), epochs=epochs, callbacks=[doctor]
    )
    report = diagnose(model, X, y, validation_data=(X_test, y_test), optimizer=optimizer(), history=history)
    assert report.ok, str(report)
    assert doctor.report.ok, str(doctor.report)


def test_frozen_layers_are_no_fault():
    X, y, *_ = digits()
    model = chain(Dense(64, trainable=False), ReLU(), Dense(10), Softmax(), seed=0)
    report = diagnose(model, X, y)
    assert report.ok, str(report)
