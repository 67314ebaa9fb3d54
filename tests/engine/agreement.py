"""What the tests of the engine share: a training that textbook and compiled kernels carry out, and its measure.

Each array must agree to 1e-12 (float64) or 1e-5 (float32) of its largest entry with the textbook in float64. But a
training can amplify rounding: BatchNorm in a batch of 2, Adam where a gradient is 0 but for rounding. Then the kernels
may be as far away as a few times the textbook is from itself when it rounds differently: in float32 instead of float64,
or with weights and examples that differ in their last bits. A gradient that is a difference of larger ones may be wrong
by a few times their last bits.
"""

import dataclasses
import re
from collections.abc import Callable

import numpy as np
import pytest

import nnlite as nn

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
SQUARES = ("v of", "largest_v of", "accumulator of", "mean_square of")
ALLOWED = 8  # how many times as far as rounding alone takes the textbook


@dataclasses.dataclass
class Training:
    """A training that both engines can carry out.

    ``targets`` is "labels" or "rows" for Softmax; the other outputs know their targets.
    """

    layers: Callable
    optimizer: Callable = lambda: nn.SGD(0.1)
    n_features: int | tuple = 6
    M: int = 21
    batch_size: int = 8
    epochs: tuple = (17,)  # `meanwhile` is called between them
    targets: str = "labels"
    weights: bool = False
    class_weight: object = None
    X_dtype: str = "float32"
    X_scale: float = 1.0
    seed: int = 0
    prepare: Callable = lambda model: None
    meanwhile: Callable = lambda model: None

    def model(self, dtype):
        """The network before the training."""
        model = nn.Model(self.layers(), n_features=self.n_features, seed=self.seed, dtype=dtype)
        self.prepare(model)
        return model

    def examples(self, model):
        """X, y and sample weights that float32 can represent."""
        rng = np.random.default_rng(self.seed + 1)
        X = rng.standard_normal((self.M, *model.input_shape)).astype(np.float32)
        if self.X_scale != 1:
            X = X.astype("float64") * self.X_scale
        if self.X_dtype != "float32":
            X = (X + 2).clip(0, 4).astype(self.X_dtype)
        weights = np.where(rng.random(self.M) < 0.2, 0, rng.random(self.M)) + (np.arange(self.M) == 0)
        return X, self._targets(model, rng), weights if self.weights else None

    def _targets(self, model, rng):
        shape = self.M, model.n_units
        match model.output:
            case nn.Softmax() if self.targets == "labels":
                return rng.integers(0, model.n_units, self.M)
            case nn.Softmax():
                rows = rng.integers(0, 16, shape) + (np.arange(model.n_units) == 0)
                return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
            case nn.Sigmoid():
                return rng.integers(0, 2, shape).astype(np.float32)
            case nn.Exponential():
                return rng.poisson(2, shape).astype(np.float32)
            case _:
                return rng.standard_normal(shape).astype(np.float32)


def train(training, engine, dtype, model=None, shaken=None):
    """Train, and return all that is left: arrays by name, and what must be the same in every bit."""
    model = training.model(dtype) if model is None else model
    X, y, weights = training.examples(model)
    if shaken is not None and (shaken or dtype == "float64"):  # float32 rounds differently from float64 anyway
        X, model.theta = (shake(x, 4 * np.finfo(dtype).eps, shaken) for x in (X, model.theta))
    optimizer = training.optimizer()
    arrays = {"loss": [], "accuracy": []}
    for i, epochs in enumerate(training.epochs):
        if i:
            training.meanwhile(model)
        history = model.fit(
            X,
            y,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=training.batch_size,
            sample_weight=weights,
            class_weight=training.class_weight,
            progress=False,
            engine=engine,
        )
        assert history.engine == engine
        for key, values in arrays.items():
            values.extend(history.get(key, []))
    state = optimizer.state(model)
    for segment in model.segments:
        vectors = {
            "": model.theta,
            "d": model.grad,
            **{f"{name} of ": vector for name, vector in state.vectors.items()},
        }
        arrays |= {prefix + segment.name: segment.view(vector) for prefix, vector in vectors.items()}
    arrays |= {segment.name: segment.view(model.state) for segment in model.state_segments}
    arrays = {name: np.array(array) for name, array in arrays.items()}
    return arrays, (state.n_steps, state.learning_rate, state.n_missed, model.rng.bit_generator.state)


def shake(x, size, seed):
    """Change each number by about ``size`` of it."""
    return x * (1 + size * np.random.default_rng(seed).standard_normal(x.shape)).astype(x.dtype)


def exact(training, dtype):
    """What counts as exact: the textbook in float64, from the weights and examples of a float32 network."""
    start, model = training.model(dtype), training.model("float64")
    model.theta, model.state = start.theta, start.state
    return train(training, "textbook", "float64", model)


def assert_agrees(training, dtype, allowed=ALLOWED):
    """Check that the kernels leave what the textbook leaves: see the module."""
    try:
        expected, same = exact(training, dtype)
    except nn.DivergenceError:
        assert diverges(training, "compiled", dtype) == diverges(training, "textbook", dtype)
        return
    compiled, same_compiled = train(training, "compiled", dtype)
    assert same_compiled == same
    assert compiled.keys() == expected.keys()
    own, eps = dict.fromkeys(expected, 0.0), float(np.finfo(dtype).eps)
    whole = {name: max(scale(other, expected) for other in expected if kind(other) == kind(name)) for name in expected}
    for seed in range(6 if allowed else 1):
        if allowed:
            rounded, _ = train(training, "textbook", dtype, shaken=seed)
            own = {name: max(own[name], distance(name, rounded, expected)) for name in expected}
        wrong = {}
        for name in expected:
            error = distance(name, compiled, expected)
            limit = tolerance(training, dtype, name) * scale(name, expected) + allowed * (own[name] + eps * whole[name])
            if not error <= limit:
                wrong[name] = f"off by {error:.1e}, allowed are {limit:.1e} (rounding alone: {own[name]:.1e})"
        if not wrong:
            return
    raise AssertionError(wrong)


def diverges(training, engine, dtype):
    """What the DivergenceError of a training says."""
    with pytest.raises(nn.DivergenceError) as caught:
        train(training, engine, dtype)
    return str(caught.value)


def kind(name):
    """Which vector an array is part of: theta, grad, or one that the optimizer remembers."""
    return name.rpartition(" ")[0] or name.startswith("d")


def distance(name, arrays, expected):
    """The largest error of an array. Of an average of squares the root counts, as in the rules of the optimizers."""
    if name.startswith(SQUARES):
        return largest(np.sqrt(arrays[name]) - np.sqrt(expected[name]))
    return largest(arrays[name] - expected[name])


def scale(name, arrays):
    """The largest entry of an array; for a bias or a shift that of W or gamma too, if it is larger."""
    partner = re.sub(r"beta(?=\d)", "gamma", re.sub(r"b(?=\d)", "W", name))
    found = max(largest(arrays[name]), largest(arrays[partner]))
    return found**0.5 if name.startswith(SQUARES) else found


def tolerance(training, dtype, name):
    """Float32 may find that another class is the most probable one in two examples."""
    return 2 / training.M if name == "accuracy" and dtype == "float32" else TOLERANCE[dtype]


def largest(array):
    """The largest absolute value; NaN if one is NaN."""
    return float(np.max(np.abs(array), initial=0.0))


def first_step(training):
    """The first step of a training alone."""
    return dataclasses.replace(training, M=training.batch_size, epochs=(1,))
