"""What tests in several folders share."""

import functools
import importlib.util
import inspect
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

import nnlite as nn


def refuse(call, *fragments, error=nn.ArgumentError):
    """Check that ``call`` raises ``error``; its message starts with the first fragment and contains the others."""
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(fragments[0]), message
    for fragment in fragments[1:]:
        assert fragment in message, message


PARAM = type(pytest.param())


def for_each(names, values, ids=None):
    """Run a test with each of these values, in one go. It fails after the last of them, and names those that failed.

    The arguments are those of ``pytest.mark.parametrize``. This is for cases of a few milliseconds, since pytest takes
    about as long around each test. The cases share the fixtures of the test. A case that is skipped hides no failure.
    """
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    given = [v if isinstance(v, PARAM) else pytest.param(*(v if len(names) > 1 else [v])) for v in values]
    labels = [one.id or ", ".join(map(ids if callable(ids) else _label, one.values)) for one in given]
    labels = labels if ids is None or callable(ids) else list(ids)
    cases = [dict(zip(names, one.values, strict=True)) for one in given]
    assert len(labels) == len(cases) > 0
    assert not any(one.marks for one in given)

    def decorate(test):
        @functools.wraps(test)
        def run(**fixtures):
            errors, skipped = [], None
            for label, case in zip(labels, cases, strict=True):
                try:
                    test(**fixtures, **case)
                except pytest.skip.Exception as reason:
                    skipped = reason
                except (Exception, BaseExceptionGroup, pytest.fail.Exception) as error:
                    error.add_note(f"with {label}")
                    errors.append((label, error))
            if errors:
                text = f"{len(errors)} of {len(cases)} cases failed: {'; '.join(label for label, _ in errors)}"
                raise BaseExceptionGroup(text, [error for _, error in errors])
            if skipped is not None:
                raise skipped

        parameters = inspect.signature(test).parameters.values()
        run.__signature__ = inspect.Signature([one for one in parameters if one.name not in names])
        return run

    return decorate


def _label(value):
    return getattr(value, "__name__", None) or repr(value)[:80]


def table(rows):
    """Turn rows ``(id, value, ...)`` into parameters of a test."""
    return [pytest.param(*row[1:], id=row[0]) for row in rows]


def network(*hidden, units=3, output=None, n_features=4, seed=0, dtype="float32"):
    """A built network: the hidden layers, a Dense layer of ``units`` and the output (Softmax by default)."""
    layers = [*hidden, nn.Dense(units), output or nn.Softmax()]
    return nn.Model(layers, n_features=n_features, seed=seed, dtype=dtype)


class Square(nn.Layer):
    """A user's own activation, ``a = z^2``."""

    def forward(self, z, cache):
        cache.z = z
        return np.square(z)

    def backward(self, da, cache):
        return da * 2 * cache.z


def training_cache(seed=0, **options):
    """The cache of a layer in a training step, with a random generator of its own."""
    return nn.Cache(training=True, rng=np.random.default_rng(seed), **options)


def holds_for(*strategies):
    """Run the test for 60 draws of each strategy."""
    return lambda test: settings(deadline=None, max_examples=60)(given(*strategies)(test))


def away_from_zero(model, scale=0.5, seed=0):
    """Draw all parameters of ``model`` at random, also biases and scales, and return the model."""
    model.theta = np.random.default_rng(seed).normal(0, scale, model.n_parameters)
    return model


def everything(model, optimizer=None):
    """All numbers of a model, and what ``optimizer`` remembers of it: equal before and after if nothing changed."""
    arrays = [model.theta, model.grad, model.state]
    remembered = None
    if optimizer is not None:
        state = optimizer.state(model)
        arrays += state.vectors.values()
        remembered = state.n_steps, repr(optimizer)
    return [array.tobytes() for array in arrays], model.rng.bit_generator.state, remembered


class Calls:
    """Count the calls of Python's and C's functions in a ``with`` block: a measure of work without a clock."""

    def __enter__(self):
        self.n, self._before = 0, sys.getprofile()
        sys.setprofile(self._count)
        return self

    def __exit__(self, *exception):
        sys.setprofile(self._before)

    def _count(self, frame, event, argument):
        self.n += event in ("call", "c_call")


class Terminal(io.StringIO):
    """A stream in memory that claims to be a terminal, in place of ``sys.stderr``."""

    def isatty(self):
        return True


def reference(name):
    """The arrays that tests/reference/<name>.py has saved, by name."""
    return dict(np.load(Path(__file__).parent / "reference" / f"{name}.npz"))


def assert_matches(value, expected):
    """Check that ``value`` is ``expected`` to 1e-12 of its largest entry."""
    np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12 * np.abs(expected).max())


class Scale(nn.Layer):
    """A user's own layer with parameters, ``a = scale a_prev + shift``."""

    def __init__(self, start=1.0):
        self.start = start

    def parameter_shapes(self, input_shape):
        return {"shift": input_shape, "scale": input_shape}

    def initialize(self, rng, initializer):
        self.scale[...] = self.start

    def forward(self, a_prev, cache):
        cache.a_prev = a_prev
        return a_prev * self.scale + self.shift

    def backward(self, da, cache):
        self.dscale = (da * cache.a_prev).sum(axis=0)
        self.dshift = da.sum(axis=0)
        return da * self.scale


def without_seconds(history):
    """The history as a dict, without the seconds, which differ from run to run."""
    return {key: values for key, values in history.items() if key != "seconds"}


class Spy(nn.Layer):
    """Passes on what comes, and notes the first feature of each example: in training and in prediction."""

    def __init__(self):
        self.trained, self.predicted = [], []

    def forward(self, a_prev, cache):
        (self.trained if cache.training else self.predicted).append(a_prev[:, 0].copy())
        return a_prev

    def backward(self, da, cache):
        return da


class Recorder(nn.callbacks.Callback):
    """Keeps the parameters and the state after each epoch, and the parameters after each step."""

    def on_train_begin(self, logs):
        self.thetas, self.states, self.steps = [], [], []

    def on_epoch_end(self, epoch, logs):
        self.thetas.append(self.model.theta.copy())
        self.states.append(self.model.state.copy())

    def on_batch_end(self, batch, logs):
        self.steps.append(self.model.theta.copy())


def chain(*layers, seed=0, **options):
    """A network of these layers, the output among them; without ``n_features`` it is not built yet."""
    return nn.Model(list(layers), seed=seed, **options)


def small(*layers, output=None, seed=0):
    """A small unbuilt classifier, with these layers behind its first Dense layer."""
    return network(nn.Dense(8), *layers, nn.ReLU(), output=output, n_features=None, seed=seed)


NEVER_SAVED = pytest.mark.filterwarnings("ignore:layers. model.save will refuse")  # for layers made with functions
needs_numba = pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
ENGINES = ["textbook", pytest.param("compiled", marks=needs_numba)]
ENGINES_SLOWLY = ["textbook", pytest.param("compiled", marks=[needs_numba, pytest.mark.slow])]  # for many kernels
