"""Facts about the shuffle: every row once in an epoch, far from its neighbours, and all of it decided by the key."""

import numpy as np

from nnlite.stored.order import Order, Share, selected, share_key

from ..support import for_each


def epoch(n, block, window, key):
    """The rows of an epoch in their order."""
    counts = np.diff(np.append(np.arange(0, n, block), n))
    starts, order = np.cumsum(counts) - counts, Order(counts, window, key)
    rows = []
    for i, blocks in enumerate(order.windows):
        of_window = np.concatenate([np.arange(starts[b], starts[b] + counts[b]) for b in blocks])
        assert len(of_window) < window + block
        rows.append(of_window[order.rows(i)])
        assert order.window_at(int(order.starts[i])) == i
    return np.concatenate(rows)


@for_each("n, block, window", [(1000, 10, 100), (1001, 10, 95), (7, 10, 100), (500, 1, 1), (500, 100, 10)])
def test_every_row_is_there_once(n, block, window):
    for key in (None, np.uint64(1), np.uint64(2**64 - 1)):
        assert sorted(epoch(n, block, window, key)) == list(range(n))


def test_without_a_key_the_order_is_that_of_the_data():
    assert epoch(1003, 10, 100, None).tolist() == list(range(1003))


def test_the_key_alone_decides_the_order():
    first, again, other = (epoch(1000, 10, 100, np.uint64(key)) for key in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first == other).mean() < 0.05


def test_the_shuffle_forgets_the_order_of_the_data():
    """The rank correlation of place and row has mean 0 and a standard deviation of 1 / sqrt(n_blocks)."""
    n, block = 64_000, 100
    found = [np.corrcoef(epoch(n, block, 6400, np.uint64(key)), np.arange(n))[0, 1] for key in range(20)]
    assert abs(np.mean(found)) < 4 / np.sqrt(20 * n / block)
    assert 0.5 / np.sqrt(n / block) < np.std(found) < 2 / np.sqrt(n / block)


def test_a_window_mixes_sorted_classes_like_as_many_draws_as_it_has_blocks():
    """Data sorted by 10 classes, 64 blocks in a window: the share of a class has the deviation sqrt(p q / 64)."""
    n, block, window = 640_000, 100, 6400
    classes = epoch(n, block, window, np.uint64(7)) // (n // 10)
    shares = np.array([np.bincount(part, minlength=10) / window for part in classes.reshape(-1, window)])
    assert 0.8 < shares.std() / np.sqrt(0.1 * 0.9 / 64) < 1.2


def test_neighbours_in_the_data_are_rarely_neighbours_in_an_epoch():
    rows = epoch(64_000, 100, 6400, np.uint64(3))
    assert (np.abs(np.diff(rows)) == 1).mean() < 0.001  # of 6400 rows in a window, 2 are neighbours of a row


def test_shares_are_the_same_in_any_range():
    share = Share(share_key(3, 0), 0.3, True)
    whole = selected((share,), 0, 1000)
    np.testing.assert_array_equal(np.concatenate([share.rows(i, i + 100) for i in range(0, 1000, 100)]), whole)
    assert 0.25 < whole.mean() < 0.35
    np.testing.assert_array_equal(share._replace(held_out=False).rows(0, 1000), ~whole)


@for_each("key", [None, np.uint64(9)])
def test_windows_that_are_read_together_have_the_same_order(key):
    counts = np.full(101, 10)
    single = Order(counts, 95, key)
    together = single.together(3)
    assert len(together.windows) == -(-len(single.windows) // 3)
    assert together.starts[-1] == single.starts[-1] == 1010

    def rows(order):
        of_windows = [np.concatenate([np.arange(10 * b, 10 * b + 10) for b in blocks]) for blocks in order.windows]
        return np.concatenate([of_window[order.rows(i)] for i, of_window in enumerate(of_windows)])

    np.testing.assert_array_equal(rows(together), rows(single))
