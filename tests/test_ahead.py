"""Facts about results that threads compute ahead: their order, how far ahead, errors, and that no thread is left."""

import threading

import pytest

from nnlite.ahead import Ahead


def names():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("nnlite-ahead")]


@pytest.mark.parametrize("n_threads", [0, 1, 3])
def test_results_come_in_the_order_in_which_they_are_taken(n_threads):
    prepared = Ahead(lambda number: number**2, 20, n_threads, 4)
    found = prepared.take(2, 3) + prepared.take(5, 1) + prepared.take(6, 10) + prepared.take(16, 4)
    assert found == [number**2 for number in range(2, 20)]
    prepared.close()
    assert not names()


def test_threads_begin_with_the_next_ones_and_not_with_more():
    begun, done = [], threading.Event()

    def make(number):
        begun.append(number)
        if len(begun) == 5:
            done.set()
        return number

    prepared = Ahead(make, 20, 2, 3)
    assert prepared.take(0, 2) == [0, 1]
    assert done.wait(10)
    assert sorted(begun) == [0, 1, 2, 3, 4]
    assert prepared.take(2, 1) == [2]
    prepared.close()
    assert max(begun) <= 5


def test_an_error_is_raised_where_the_result_is_taken():
    prepared = Ahead(lambda number: 1 // (3 - number), 9, 2, 5)
    assert prepared.take(0, 3) == [0, 0, 1]
    with pytest.raises(ZeroDivisionError):
        prepared.take(3, 1)
    prepared.close()
    assert not names()
