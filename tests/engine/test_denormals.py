"""Facts about numbers below 1e-38."""

import warnings

import numpy as np
import pytest

import nnlite as nn
from nnlite.engine import denormals

TINY = np.full(4, 1e-39, np.float32)


def flushes():
    return not (TINY * np.float32(0.5)).any()


@pytest.fixture(autouse=True)
def known():
    with denormals.Flushed():
        if not flushes():
            pytest.skip("the flags of this processor are not known")


def test_the_flags_of_the_thread_are_as_before_afterwards():
    assert not flushes()
    with denormals.Flushed():
        assert flushes()
        with denormals.Flushed():
            assert flushes()
        assert flushes()
    assert not flushes()


def test_an_error_inside_leaves_the_flags_as_before():
    with pytest.raises(ZeroDivisionError), denormals.Flushed():
        1 / 0  # noqa: B018
    assert not flushes()


def test_numpy_says_nothing_about_its_smallest_number():
    with warnings.catch_warnings(), denormals.Flushed():
        warnings.simplefilter("error")
        assert np.finfo(np.float32).smallest_subnormal > 0 or flushes()


@pytest.mark.parametrize("engine", ["textbook", "auto"])
def test_momentum_that_has_decayed_is_0(engine):
    """A pixel that was on once: its momentum halves with every step, and would be denormal after 130 steps."""
    X = np.zeros((200, 2))
    X[:, 0], X[0, 1] = 1, 1
    model = nn.Model([nn.Dense(2), nn.Identity()], seed=0)
    rule = nn.SGD(0.1, momentum=0.5)
    callback = nn.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(flushes()))
    seen = []
    model.fit(
        X,
        np.eye(2)[np.arange(200) % 2],
        optimizer=rule,
        epochs=1,
        batch_size=1,
        shuffle=False,
        callbacks=[callback],
        engine=engine,
    )
    v = rule.get_state(model)["vectors"]["velocity"][:4].reshape(2, 2)
    assert v[0].all()
    assert not v[1].any()
    assert not any(seen)  # callbacks have the flags of the program
