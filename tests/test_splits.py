"""Facts about splitting examples into two parts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite.errors import ArgumentError
from nnlite.splits import stratified_split

from .support import for_each

labels = st.lists(st.integers(0, 6), min_size=2, max_size=80)
fractions = st.floats(0.01, 0.99)


def held_out_counts(y, held_out):
    return {int(k): int(np.sum(y[held_out] == k)) for k in np.unique(y)}


def split_where_possible(y, fraction, seed=0):
    """The split, or None where one part would be empty."""
    if not 0 < round(fraction * len(y)) < len(y):
        with pytest.raises(ArgumentError):
            stratified_split(y, fraction, np.random.default_rng(seed))
        return None
    return stratified_split(y, fraction, np.random.default_rng(seed))


@given(labels, fractions)
def test_every_example_is_in_one_part(y, fraction):
    parts = split_where_possible(np.array(y), fraction)
    if parts is not None:
        first, held_out = parts
        np.testing.assert_array_equal(np.sort(np.concatenate([first, held_out])), np.arange(len(y)))


@given(labels, fractions)
def test_the_rounded_fraction_of_the_examples_is_held_out(y, fraction):
    parts = split_where_possible(np.array(y), fraction)
    if parts is not None:
        assert len(parts[1]) == round(fraction * len(y))


@given(labels, fractions)
def test_both_parts_are_in_ascending_order(y, fraction):
    for part in split_where_possible(np.array(y), fraction) or ():
        assert np.all(np.diff(part) > 0)


@given(labels, fractions)
def test_a_class_of_two_or_more_is_in_both_parts_if_the_number_allows_it(y, fraction):
    y = np.array(y)
    parts = split_where_possible(y, fraction)
    classes, counts = np.unique(y, return_counts=True)
    several = classes[counts >= 2]
    for part in parts or ():
        if len(part) >= len(several):
            assert set(several) <= set(y[part])


@given(st.lists(st.integers(20, 60), min_size=1, max_size=5), st.floats(0.1, 0.9))
def test_every_class_contributes_its_share_within_one_example(counts, fraction):
    y = np.repeat(np.arange(len(counts)), counts)
    held_out = stratified_split(y, fraction, np.random.default_rng(0))[1]
    for k, n_held_out in held_out_counts(y, held_out).items():
        assert abs(n_held_out - len(held_out) * counts[k] / len(y)) < 1


def test_what_the_whole_parts_leave_goes_to_the_largest_remainders():
    # 10 of 20: the shares are 6.5, 2.5, 1.0; the tie between the first two goes to the lower class
    y = np.repeat([0, 1, 2], [13, 5, 2])
    assert held_out_counts(y, stratified_split(y, 0.5, np.random.default_rng(0))[1]) == {0: 7, 1: 2, 2: 1}
    # 5 of 20: the shares are 3.25, 1.25, 0.5
    assert held_out_counts(y, stratified_split(y, 0.25, np.random.default_rng(0))[1]) == {0: 3, 1: 1, 2: 1}


def test_too_few_held_out_for_every_class_go_to_the_largest_classes():
    y = np.repeat([0, 1, 2, 3], [2, 30, 3, 5])
    assert held_out_counts(y, stratified_split(y, 2 / 40, np.random.default_rng(0))[1]) == {
        0: 0,
        1: 1,
        2: 0,
        3: 1,
    }


def test_a_rare_class_is_not_left_out():
    y = np.repeat([0, 1], [98, 2])
    for fraction in (0.1, 0.9):
        held_out = stratified_split(y, fraction, np.random.default_rng(0))[1]
        assert held_out_counts(y, held_out)[1] == 1


def test_the_same_generator_state_gives_the_same_split():
    y = np.arange(100) % 3
    for first, again in zip(*(stratified_split(y, 0.3, np.random.default_rng(5)) for _ in "ab"), strict=True):
        np.testing.assert_array_equal(first, again)


def test_another_generator_state_gives_another_split():
    y = np.arange(100) % 3
    one, two = (stratified_split(y, 0.3, np.random.default_rng(seed))[1] for seed in (5, 6))
    assert not np.array_equal(one, two)


def test_each_example_of_a_class_is_held_out_equally_often():
    y = np.repeat([0, 1], [6, 4])
    rng = np.random.default_rng(0)
    times = np.zeros(10)
    for _ in range(2000):
        times[stratified_split(y, 0.5, rng)[1]] += 1
    # binomial with p = 1/2: the standard deviation is 22
    np.testing.assert_allclose(times, 1000, atol=110)


def test_any_integers_are_class_indices():
    for y in ([7, 7, -3, -3], np.array([7, 7, 200, 200], dtype=np.uint8)):
        first, held_out = stratified_split(y, 0.5, np.random.default_rng(0))
        assert set(np.asarray(y)[first]) == set(np.asarray(y)[held_out]) == set(y)


def test_as_many_classes_as_examples_are_split_at_random():
    first, held_out = stratified_split(np.arange(10), 0.4, np.random.default_rng(0))
    assert (len(first), len(held_out)) == (6, 4)


@pytest.mark.parametrize("y", [[], [0]])
def test_too_few_examples_cannot_be_split(y):
    with pytest.raises(ArgumentError):
        stratified_split(np.array(y, dtype=int), 0.5, np.random.default_rng(0))


@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_an_empty_part_is_refused_by_the_name_the_caller_uses(fraction):
    with pytest.raises(ArgumentError, match=r"^validation_split: .* of 10 examples"):
        stratified_split(np.arange(10) % 2, fraction, np.random.default_rng(0), name="validation_split")


@for_each("fraction", [0, 1, -0.5, 1.5, float("nan"), "half", None, True, [0.5]])
def test_a_fraction_outside_0_and_1_is_refused(fraction):
    with pytest.raises(ArgumentError, match=r"^fraction: "):
        stratified_split(np.arange(10) % 2, fraction, np.random.default_rng(0))


@for_each("y", [[0.0, 1.0], [[0, 1], [1, 0]], ["a", "b"], [True, False], 3, None])
def test_anything_but_a_row_of_integers_is_refused(y):
    with pytest.raises(ArgumentError, match=r"^y: "):
        stratified_split(y, 0.5, np.random.default_rng(0))


@pytest.mark.parametrize("rng", [0, None, np.random])
def test_anything_but_a_generator_is_refused(rng):
    with pytest.raises(ArgumentError, match=r"^rng: "):
        stratified_split([0, 1, 0, 1], 0.5, rng)
