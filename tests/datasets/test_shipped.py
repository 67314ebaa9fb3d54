"""Facts about the digits and the irises, and what happens when their files are missing or damaged."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from nnlite.datasets import load_digits, load_iris, shipped
from nnlite.errors import DataFileError

from ..support import refuse

FILES = Path(__file__).resolve().parents[2] / "datasets"

ZERO = """
    0  0  5 13  9  1  0  0
    0  0 13 15 10 15  5  0
    0  3 15  2  0 11  8  0
    0  4 12  0  0  8  8  0
    0  5  8  0  0  9  8  0
    0  4 11  0  1 12  7  0
    0  2 14  5 10 12  0  0
    0  0  6 13 10  0  0  0
"""

both = pytest.mark.parametrize("load", [load_digits, load_iris])


def whole(data):
    """All examples of a data set, training and test, in an order that no split changes."""
    X, y = np.concatenate([data.X_train, data.X_test]), np.concatenate([data.y_train, data.y_test])
    order = np.lexsort([y, *X.T])
    return X[order], y[order]


# --- what is in them --------------------------------------------------------------------------------------


def test_digits_have_the_known_counts_and_sums():
    X, y = whole(load_digits())
    assert X.shape == (1797, 64)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (X * 16).sum(dtype=np.float64) == 561718
    assert set(np.unique(X * 16)) == set(range(17))


def test_the_first_digit_of_the_file_is_a_zero():
    X, y = whole(load_digits())
    (found,) = np.flatnonzero((np.float32(ZERO.split()) == X * 16).all(axis=1))
    assert y[found] == 0


def test_irises_have_the_known_counts_and_sums():
    X, y = whole(load_iris())
    assert X.shape == (150, 4)
    assert np.bincount(y).tolist() == [50, 50, 50]
    np.testing.assert_allclose(X.sum(axis=0, dtype=np.float64), [876.5, 458.6, 563.7, 179.9], rtol=1e-6)
    np.testing.assert_array_equal(X.min(axis=0), np.float32([4.3, 2.0, 1.0, 0.1]))
    np.testing.assert_array_equal(X.max(axis=0), np.float32([7.9, 4.4, 6.9, 2.5]))


def test_setosa_is_the_iris_with_short_petals():
    data = load_iris()
    petal_length = data.X_train[:, data.feature_names.index("petal length (cm)")]
    setosa = data.y_train == data.class_names.index("setosa")
    assert petal_length[setosa].max() < petal_length[~setosa].min()


@pytest.mark.parametrize(
    ("content", "sha256"),
    [
        (
            gzip.decompress((FILES / "digits.csv.gz").read_bytes()),
            "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
        ),
        (
            (FILES / "iris.csv").read_bytes(),
            "f7fac79ad999fd2d001fd012dd70c0f42c738a7e7cfb7069e71371b55c29341e",
        ),
    ],
    ids=["digits", "iris"],
)
def test_the_files_are_those_in_the_readme(content, sha256):
    assert hashlib.sha256(content).hexdigest() == sha256
    assert sha256 in (FILES / "README.md").read_text()


@pytest.mark.parametrize(
    ("load", "n_features", "n_classes", "image_shape"),
    [(load_digits, 64, 10, (8, 8)), (load_iris, 4, 3, None)],
)
def test_a_shipped_set_says_what_it_is(load, n_features, n_classes, image_shape):
    data = load()
    assert data.X_train.shape[1] == data.X_test.shape[1] == n_features
    assert data.X_train.dtype == data.X_test.dtype == np.float32
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert len(data.class_names) == n_classes
    assert all(isinstance(name, str) for name in (*data.class_names, *data.feature_names))
    assert data.image_shape == image_shape
    assert "CC BY 4.0" in data.description
    assert data.X_train.flags.writeable
    assert data.X_train.flags.c_contiguous


# --- the split --------------------------------------------------------------------------------------------


@both
def test_the_split_is_stratified_and_disjoint(load):
    data = load(test_fraction=0.3, seed=1)
    counts = np.bincount(np.concatenate([data.y_train, data.y_test]))
    assert len(data.y_test) == round(0.3 * counts.sum())
    assert np.all(np.abs(np.bincount(data.y_test) - 0.3 * counts) <= 1)
    for one, other in zip(whole(data), whole(load(test_fraction=0.5, seed=2)), strict=True):
        np.testing.assert_array_equal(one, other)


@both
def test_the_same_seed_gives_the_same_data(load):
    one, two, other = load(seed=3), load(seed=3), load(seed=4)
    np.testing.assert_array_equal(one.X_train, two.X_train)
    np.testing.assert_array_equal(one.y_test, two.y_test)
    assert not np.array_equal(one.X_train, other.X_train)
    assert not np.array_equal(load(seed=None).X_train, load(seed=None).X_train)


def test_irises_are_shuffled_so_that_a_batch_holds_every_class():
    assert set(load_iris().y_train[:32]) == {0, 1, 2}


def test_every_load_returns_new_arrays():
    load_iris().X_train[:] = 0
    assert load_iris().X_train.min() > 0


@both
@pytest.mark.parametrize("fraction", [0, 1, -1, 2, float("nan"), "0.2", None, 1e-5, 1 - 1e-5])
def test_a_test_fraction_that_leaves_a_part_empty_is_refused(load, fraction):
    refuse(lambda: load(test_fraction=fraction), "test_fraction: ")


@both
def test_a_seed_that_is_no_integer_is_refused(load):
    refuse(lambda: load(seed=-1), "seed: ")


# --- where the files are ----------------------------------------------------------------------------------


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of another installation of nnlite, without the shipped files."""
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "nnlite" / "datasets" / "shipped.py"))
    return tmp_path / "nnlite"


def test_a_missing_file_is_named(package):
    with pytest.raises(DataFileError, match=r"^digits\.csv\.gz: .*_shipped.*reinstall nnlite"):
        load_digits()


@pytest.mark.parametrize(("load", "name"), [(load_digits, "digits.csv.gz"), (load_iris, "iris.csv")])
def test_files_in_the_package_have_precedence_over_those_in_the_checkout(load, name, package):
    content = (FILES / name).read_bytes()
    for folder in (package.parent / "datasets", package / "_shipped"):
        folder.mkdir(parents=True)
        (folder / name).write_bytes(content)
        assert len(load().y_test) > 0
        (folder / name).write_bytes(b"damaged")
        with pytest.raises(DataFileError, match=f"^{folder / name}: the file is damaged"):
            load()


@pytest.mark.parametrize(("load", "name"), [(load_digits, "digits.csv.gz"), (load_iris, "iris.csv")])
def test_a_damaged_file_is_refused(load, name, package):
    content = (FILES / name).read_bytes()
    (package / "_shipped").mkdir(parents=True)
    for damaged in (content[:-30], content[: len(content) // 2], b"1,2\n", b"\xff" * 100):
        (package / "_shipped" / name).write_bytes(damaged)
        with pytest.raises(DataFileError, match="damaged"):
            load()
