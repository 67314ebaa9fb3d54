"""Steps of an optimizer on all of theta by compiled kernels, against the equations."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each

pytest.importorskip("numba")
from nnlite.engine.whole_steps import WholeSteps, changes_theta_alone

ALONE = {
    "SGD": lambda: nn.SGD(0.1),
    "momentum": lambda: nn.SGD(0.1, momentum=0.9),
    "Nesterov": lambda: nn.SGD(0.1, momentum=0.9, nesterov=True),
    "schedule": lambda: nn.SGD(nn.StepDecay(0.1, 2)),
    "Adam": lambda: nn.Adam(0.01),
    "AMSGrad": lambda: nn.Adam(0.01, amsgrad=True),
    "AdamW": lambda: nn.AdamW(0.01, weight_decay=0.1),
    "NAdam": lambda: nn.NAdam(0.01),
    "Adagrad": lambda: nn.Adagrad(0.01),
    "Lion": lambda: nn.Lion(0.01, weight_decay=0.1),
}
OTHERS = {
    "RMSProp": lambda: nn.RMSProp(0.01),
    "centered": lambda: nn.RMSProp(0.01, centered=True, momentum=0.5),
    "weight decay": lambda: nn.SGD(0.1, weight_decay=0.1),
    "clip_norm": lambda: nn.Adam(0.01, clip_norm=0.1),
    "clip_value": lambda: nn.Adam(0.01, clip_value=0.1),
    "max_norm": lambda: nn.SGD(0.1, max_norm=1.0),
    "l1": lambda: nn.SGD(0.1, l1=0.01),
}


def steps(make, n_threads, dtype="float64", change=None):
    """Make six steps with random gradients; return theta, the gradients after the last, and the optimizer's state."""
    model = nn.Model([nn.Dense(67), nn.LayerNorm(), nn.Dense(3), nn.Softmax()], n_features=130, seed=0, dtype=dtype)
    optimizer, rng = make(), np.random.default_rng(1)
    step = WholeSteps(model, optimizer, n_threads).step if n_threads else lambda: optimizer.step(model)
    for t in range(6):
        if change is not None:
            change(t, model, optimizer)
        model.grad = rng.standard_normal(model.n_parameters)
        model.grad[: model.layers[0].W.size] *= model.layers[0].trainable
        step()
    return model.theta, model.grad, optimizer.get_state(model)


def agree(found, expected, tolerance):
    for one, other in zip(found[:2], expected[:2], strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    (one, other) = found[2], expected[2]
    for name, vector in other["vectors"].items():
        np.testing.assert_allclose(one["vectors"][name], vector, rtol=tolerance, atol=tolerance)
    for name in ("n_steps", "learning_rate", "n_missed"):
        assert one[name] == other[name]


@pytest.mark.slow
@for_each("rule", [*ALONE])
def test_a_step_is_that_of_the_equations(rule):
    make = ALONE[rule]
    assert changes_theta_alone(make())
    for n_threads in (1, 2):
        agree(steps(make, n_threads), steps(make, 0), 1e-12)
    agree(steps(make, 1, "float32"), steps(make, 0, "float32"), 1e-4)


@for_each("rule", [*OTHERS])
def test_what_the_kernels_cannot_do_the_optimizer_does(rule):
    make = OTHERS[rule]
    assert not changes_theta_alone(make())
    agree(steps(make, 1), steps(make, 0), 0)


@for_each("rule", ["AdamW", "momentum"])
def test_layers_are_frozen_and_numbers_changed_between_two_steps(rule):
    def change(t, model, optimizer):
        model.layers[0].trainable = t not in (2, 3)
        optimizer.learning_rate = 0.01 if t < 4 else 0.005
        if t == 5:
            optimizer.clip_value = 1.0

    agree(steps(ALONE[rule], 2, change=change), steps(ALONE[rule], 0, change=change), 1e-12)
