"""A small training that can crash and be resumed, for the tests of checkpoints."""

import itertools
import math

import numpy as np

import nnlite as nn

M = 90
EPOCHS = 3  # of six steps
NEVER = math.inf


class CrashError(Exception):
    """Stands for the end of the process."""


class Crashing(nn.Callback):
    """Raises CrashError at the end of the first step that ``steps``, an iterator, does not have."""

    def __init__(self, steps):
        self.steps = steps  # an argument: a checkpoint does not hold it

    def on_batch_end(self, batch, logs):
        if next(self.steps, None) is None:
            raise CrashError


def data(m=M, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, m)
    return (rng.standard_normal((m, 6)) + y[:, None]).astype(np.float32), y


class Loader:
    """Batches in random order, with a state that can be saved and restored."""

    def __init__(self):
        self.rng = np.random.default_rng(5)

    def get_state(self):
        return self.rng.bit_generator.state

    def set_state(self, state):
        self.rng.bit_generator.state = state

    def __len__(self):
        return 6

    def __iter__(self):
        X, y = data()
        for rows in self.rng.permutation(M).reshape(6, 15):
            yield X[rows], y[rows]


def generator():
    X, y = data()
    for i in itertools.count():
        rows = np.random.default_rng(i).permutation(M)[:20]
        yield X[rows], y[rows]


def fit(model, checkpoint=None, resume=True, source="arrays", crash_after=None, **options):
    """Train; return the history and the options, with the optimizer and the callbacks that were made for this call."""
    options = {"optimizer": nn.SGD(0.05, momentum=0.9), "epochs": EPOCHS, "progress": False, **options}
    options = {
        name: value() if name in ("optimizer", "callbacks") and callable(value) else value
        for name, value in options.items()
    }
    if crash_after is not None:
        steps = itertools.count() if crash_after == NEVER else iter(range(1, crash_after))
        options["callbacks"] = [*options.get("callbacks", []), Crashing(steps)]
    if checkpoint is not None:
        options |= {"checkpoint": checkpoint, "resume": resume}
    X, y = data()
    if source in ("arrays", "fewer", "other"):
        X, y = {"arrays": data(), "fewer": data(60), "other": data(seed=1)}[source]
        return model.fit(X, y, **{"batch_size": 16, **options}), options
    sources = {
        "batches": lambda: nn.batches(X, y, 16, seed=3),
        "list": lambda: [(X[i : i + 15], y[i : i + 15]) for i in range(0, M, 15)],
        "loader": Loader,
        "generator": generator,
    }
    if source == "generator":
        options["steps_per_epoch"] = 5
    return model.fit(sources[source](), **options), options
