"""Facts about `partial_fit` and predictions on data that stay on the disk."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.sklearn import MLPClassifier, MLPRegressor
from nnlite.sklearn.stored import parts_of

from ..fitting.stored_examples import MEMORY, examples, stored

OPTIONS = {"hidden_layer_sizes": (8,), "random_state": 0, "learning_rate_init": 0.01}


@pytest.mark.slow
def test_partial_fit_goes_through_the_parts(tmp_path):
    X, y = examples()
    data = stored(tmp_path, X, y, memory=MEMORY)
    found, expected = MLPClassifier(**OPTIONS), MLPClassifier(**OPTIONS)
    names = np.array([0, 1, 2])
    for _ in range(2):
        found.partial_fit(data, classes=names)
        for part in parts_of(expected, data, None, None):
            expected.partial_fit(*part, classes=names)
    np.testing.assert_array_equal(found.coefs_[0], expected.coefs_[0])
    assert found.t_ == expected.t_ == 2 * len(X)
    np.testing.assert_array_equal(found.predict(data), found.predict(X))
    with pytest.raises(ValueError, match="has no targets"):
        found.partial_fit(nn.open_data(X))


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_parts_of_sorted_examples_have_all_classes_and_each_row_once(tmp_path, monkeypatch, dtype, shuffle):
    monkeypatch.setattr("nnlite.stored.arrays.SMALLEST_BLOCK", 2**6)
    n = 6000
    rows, y = np.arange(n), np.arange(n) * 3 // n
    X = np.stack([rows % 250, rows // 250, y], axis=1).astype(dtype)
    data = stored(tmp_path, X, y, memory=3 * 2**14, sample_weight=rows / 2)
    parts = list(parts_of(MLPClassifier(shuffle=shuffle, random_state=0), data, None, None))
    assert len(parts) > 2
    assert max(part.nbytes // part.itemsize * 8 for part, _, _ in parts) <= 2**14
    read, y_read, weights = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    numbers = read[:, 0].astype(int) + 250 * read[:, 1].astype(int)
    np.testing.assert_array_equal(np.sort(numbers) if shuffle else numbers, rows)
    np.testing.assert_array_equal(y_read, y[numbers])
    np.testing.assert_array_equal(weights, numbers / 2)
    shares = [np.bincount(part_y, minlength=3).min() / len(part_y) for _, part_y, _ in parts[:-1]]
    assert (min(shares) > 0.1) == shuffle


def test_the_seed_draws_the_parts_and_a_generator_draws_on(tmp_path):
    X, y = examples()
    data = stored(tmp_path, X, y)

    def labels(estimator):
        return np.concatenate([part_y for _, part_y, _ in parts_of(estimator, data, None, None)]).tolist()

    one, other = MLPClassifier(random_state=1), MLPClassifier(random_state=2)
    assert labels(one) == labels(one) != labels(other)
    drawing, again = (MLPClassifier(random_state=np.random.RandomState(1)) for _ in range(2))
    first, second = labels(drawing), labels(drawing)
    assert first == labels(one) != second
    assert (first, second) == (labels(again), labels(again))


@pytest.mark.slow
def test_partial_fit_learns_from_files_that_are_sorted_by_class(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlite.stored.arrays.SMALLEST_BLOCK", 2**10)
    digits = nn.load_digits()
    order = np.argsort(digits.y_train, kind="stable")
    X, y = digits.X_train[order].astype(np.float32), digits.y_train[order]
    data = stored(tmp_path, X, y, memory=3 * 2**16, n_parts=10)

    def trained(shuffle):
        estimator = MLPClassifier((32,), batch_size=8, random_state=0, learning_rate_init=0.01, shuffle=shuffle)
        for _ in range(3):
            estimator.partial_fit(data, classes=np.arange(10))
        return estimator

    found = trained(True)
    assert found.score(X, y) > 0.9
    assert trained(False).score(X, y) < 0.5  # the order of the data does not learn: these examples tell the two apart
    np.testing.assert_array_equal(found.coefs_[0], trained(True).coefs_[0])


def test_a_table_in_files_is_refused_with_what_takes_it(tmp_path):
    (tmp_path / "pets.csv").write_text("size,kind\n1,cat\n9,dog\n")
    table = nn.open_table(tmp_path / "pets.csv", target="kind")
    estimator = MLPClassifier(**OPTIONS)
    with pytest.raises(TypeError, match=r"X: .*nn.Model.fit takes tables in files"):
        estimator.partial_fit(table, classes=["cat", "dog"])
    estimator.partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1])
    with pytest.raises(TypeError, match=r"X: .*open_data"):
        estimator.predict(table)


def test_a_mapped_array_is_data_on_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlite.stored.opening.SMALL", 1000)
    X = np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(2**13, 4))
    X[:, 0] = np.linspace(-1, 1, len(X))
    y = X[:, 0] * 2
    found = MLPRegressor(**OPTIONS).partial_fit(np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    assert found.t_ == len(X)
    np.testing.assert_array_equal(found.predict(np.load(tmp_path / "X.npy", mmap_mode="r")), found.predict(np.array(X)))
    assert np.abs(found.predict(X) - y).mean() < 0.9  # always guessing the mean is wrong by 1
