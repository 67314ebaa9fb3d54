"""Facts about `partial_fit` and predictions on data that stay on the disk."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.sklearn import MLPClassifier, MLPRegressor

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
        for part in data.pieces(data.window * data.row_bytes // 2):
            expected.partial_fit(part.X, part.y, classes=names)
    np.testing.assert_array_equal(found.coefs_[0], expected.coefs_[0])
    assert found.t_ == expected.t_ == 2 * len(X)
    np.testing.assert_array_equal(found.predict(data), found.predict(X))
    with pytest.raises(ValueError, match="has no targets"):
        found.partial_fit(nn.open_data(X))


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
