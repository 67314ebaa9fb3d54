"""Facts about all rules: fifty steps are those of PyTorch's optimizers, in float64."""

import itertools

import numpy as np

import nnlite as nn

from ..support import for_each, reference
from .common import make

PYTORCH = reference("optimizers")


def nine_parameters():
    """A network with six weights, then three biases."""
    return nn.Model([nn.Dense(3), nn.Identity()], n_features=2, seed=0, dtype="float64")


@for_each("case", range(len(PYTORCH["calls"])), ids=PYTORCH["calls"].tolist())
def test_fifty_steps_are_those_of_pytorch(case):
    """To 1e-12 of the largest parameter, at ten of the fifty steps."""
    factor, scale, noise = PYTORCH["factors"][case], PYTORCH["scale"], PYTORCH["noise"]
    model, optimizer = nine_parameters(), make(PYTORCH["calls"][case])
    model.theta = PYTORCH["start"]
    path = []
    for t in range(50):
        theta = model.theta
        model.grad = factor * (scale * theta + 0.1 * theta * theta * theta + noise[t % 5])
        optimizer.step(model)
        path.append(model.theta.copy())
    expected = PYTORCH["paths"][case]
    size = np.abs(expected).max()
    np.testing.assert_allclose(np.array(path)[PYTORCH["after"] - 1], expected, rtol=0, atol=1e-12 * size)


def test_the_cases_of_pytorch_differ():
    """So the test above tells each option from its absence."""
    paths = dict(zip(PYTORCH["calls"].tolist(), PYTORCH["paths"], strict=True))
    del paths["AdamW(0.05, weight_decay=0.0)"]  # is Adam
    for one, other in itertools.combinations(paths, 2):
        assert np.abs(paths[one] - paths[other]).max() > 1e-5, (one, other)
    rules = {call.split("(")[0] for call in paths}
    assert rules == {"SGD", "Adagrad", "RMSProp", "Adam", "AdamW", "NAdam"}
