"""nnlite with its compiled engine, which ``pip install nnlite[fast]`` brings: the same ``fit``."""

from __future__ import annotations

from benchmarks.networks import Network
from benchmarks.peers import own
from nnlite.engine.profile import batch_of, seconds_of_kernels


class Training(own.Training):
    """As without Numba; `fit` chooses the compiled engine by itself, which is checked here."""

    engine = "compiled"


NAMES = {"softmax_labels": "softmax and J", "gather": "gather"}
REST = "rest of the optimizer"


def seconds_of_parts(training: Training, network: Network) -> dict[str, float]:
    """Return the seconds of each kernel in a step of one thread; the step changes the weights of the training."""
    found = seconds_of_kernels(training.model, training.optimizer, batch_of(training.X, training.y, network.batch))
    parts = dict.fromkeys(["gather", "dense_forward", "softmax and J", "dense_backward", "dense_gradient", REST], 0.0)
    for kernel, seconds in found.items():
        name = NAMES.get(kernel, kernel)
        parts[name if name in parts else REST] += seconds
    return parts


predictor = own.predictor
