"""Facts about random draws: a seed repeats them."""

import numpy as np
import pytest

from nnlite.draws import generator, train_test_rows

from .support import refuse


def test_the_same_seed_draws_the_same_numbers():
    assert generator(3).random() == generator(3).random() != generator(4).random()
    assert generator(None).random() != generator(None).random()


@pytest.mark.parametrize("seed", [-1, 0.5, "0", True])
def test_a_seed_that_is_no_integer_is_refused(seed):
    refuse(lambda: generator(seed), "seed: ")


def test_every_example_is_drawn_once_in_random_order():
    classes = np.arange(60) % 3
    train, test = train_test_rows(classes, 0.25, seed=0)
    assert sorted([*train, *test]) == list(range(60))
    assert np.bincount(classes[test]).tolist() == [5, 5, 5]
    for rows in (train, test):
        assert (np.diff(rows) < 0).any()
