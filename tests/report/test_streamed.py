"""Facts about scores of examples that come in pieces: they are those of all examples together."""

import numpy as np
import pytest

from nnlite.report.scores import Trivial, class_scores, value_scores
from nnlite.report.streamed import Moments, class_scores_of, mean_of, value_scores_of

from ..support import for_each

RNG = np.random.default_rng(0)
NAMES = ("a", "b", "c", "d")


def probabilities(y, skill):
    """Probabilities (M, 4) of a guess with some skill; class 3 never occurs."""
    z = RNG.standard_normal((len(y), 4)) + skill * np.eye(4)[y]
    e = np.exp(z)
    return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)


def pieces(*arrays):
    return list(zip(*(np.split(array, [1, 40, 41]) for array in arrays), strict=True))


def same(found, expected):
    assert found._fields == expected._fields
    for name in found._fields:
        ours, theirs = getattr(found, name), getattr(expected, name)
        if name == "rows":
            for one, other in zip(ours, theirs, strict=True):
                assert (one.name, one.occurs) == (other.name, other.occurs)
                assert one[1:5] == pytest.approx(other[1:5], rel=1e-6)
        elif name == "confusion":
            np.testing.assert_array_equal(ours, theirs)
        else:
            assert ours == (pytest.approx(theirs, rel=1e-6, abs=1e-9) if isinstance(theirs, float) else theirs), name


@for_each("skill", [0.0, 0.3, 4.0])
def test_class_scores_of_pieces_are_those_of_all_examples(skill):
    y = RNG.choice(3, 200, p=[0.7, 0.2, 0.1])
    P = probabilities(y, skill)
    for of_training in (True, False):
        known = Trivial(np.array([50, 40, 10, 0]), np.array(0.0)) if of_training else Trivial.learn(y, 4, False)
        for balanced in (False, True):
            found = class_scores_of(pieces(y, P), NAMES, known if of_training else None, balanced=balanced)
            same(found, class_scores(y, P, NAMES, known, balanced=balanced))


def test_whether_something_was_learned_is_judged_alike_whatever_the_skill():
    verdicts = set()
    for skill in np.linspace(0, 3, 25):
        y = RNG.choice(3, 150)
        P, known = probabilities(y, skill), Trivial.learn(RNG.choice(3, 100), 4)
        found, expected = class_scores_of(pieces(y, P), NAMES, known), class_scores(y, P, NAMES, known)
        assert found.learned_nothing == expected.learned_nothing
        verdicts.add(found.learned_nothing)
    assert verdicts == {True, False}


@for_each("noise", [0.1, 1.0, 30.0])
def test_value_scores_of_pieces_are_those_of_all_examples(noise):
    for shape in ((200,), (200, 2)):
        y = 1e4 + RNG.standard_normal(shape)
        Y_hat = (y + noise * RNG.standard_normal(shape)).astype(np.float32)
        for trivial in (Trivial(np.array([], np.int64), np.asarray(y[:50].mean(axis=0))), mean_of(np.split(y, [7]))):
            same(value_scores_of(pieces(y, Y_hat), trivial), value_scores(y, Y_hat, trivial))


def test_values_that_do_not_vary_are_no_gain():
    y, guess = np.full(60, 3.0), Trivial(np.array([], np.int64), np.array(3.0))
    for Y_hat in (y, y + 1):
        same(value_scores_of(pieces(y, Y_hat), guess), value_scores(y, Y_hat, guess))


def test_moments_of_pieces_are_those_of_numpy():
    values, groups = 1e6 + RNG.standard_normal(500), RNG.integers(0, 3, 500)
    moments = Moments(4)
    for some, which in zip(np.split(values, [1, 2, 300]), np.split(groups, [1, 2, 300]), strict=True):
        moments.add(some, which)
    scale, shift = np.array([2.0, -1.0, 0.5, 7.0]), np.array([0.0, 1.0, 2.0, 3.0])
    expected = scale[groups] * values + shift[groups]
    assert moments.spread(scale, shift) == pytest.approx((expected.mean(), expected.std(ddof=1)), rel=1e-9)
