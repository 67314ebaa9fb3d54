"""Facts about MNIST: what is in it, where its files are looked for, and what is downloaded."""

import gzip
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from nnlite.datasets import load_mnist, mnist_files
from nnlite.errors import DataFileError

from ..support import refuse

REAL_MNIST = Path(__file__).resolve().parents[3] / "shared" / "data" / "mnist"
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array):
    array = np.asarray(array, dtype=np.uint8)
    return bytes((0, 0, 8, array.ndim)) + np.array(array.shape, dtype=">u4").tobytes() + array.tobytes()


def small_mnist(n_train=7, n_test=3):
    """The four files of a small set, decompressed."""
    rng = np.random.default_rng(0)
    return {
        f"{part}-{kind}": idx(rng.integers(0, top, (n, *shape)))
        for part, n in (("train", n_train), ("t10k", n_test))
        for kind, top, shape in (("images-idx3-ubyte", 256, (28, 28)), ("labels-idx1-ubyte", 10, ()))
    }


def compressed(files):
    return {f"{name}.gz": gzip.compress(content) for name, content in files.items()}


def write(directory, files):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


SMALL = small_mnist()
ARCHIVES = compressed(SMALL)


# --- the real files ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_mnist(tmp_path_factory):
    """The real files as the cache of load_mnist, so that their checksums are verified; without mirrors."""
    if not REAL_MNIST.is_dir():
        pytest.skip(f"the files of MNIST are not in {REAL_MNIST}")
    cache = tmp_path_factory.mktemp("cache")
    (cache / "mnist").symlink_to(REAL_MNIST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NNLITE_DATA", str(cache))
        patch.setattr(mnist_files, "MIRRORS", ())
        return load_mnist()


def test_mnist_has_the_known_counts_and_sums(real_mnist):
    data = real_mnist
    assert data.X_train.shape == (60000, 784)
    assert data.X_test.shape == (10000, 784)
    assert np.bincount(data.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    np.testing.assert_allclose(data.X_train.sum(dtype=np.float64) * 255, 1567298545, rtol=1e-6)
    np.testing.assert_allclose(data.X_test.sum(dtype=np.float64) * 255, 264923200, rtol=1e-6)
    assert data.name == "mnist"
    assert "CC BY-SA 3.0" in data.description


def test_mnist_pixels_are_from_0_to_exactly_1(real_mnist):
    for X in (real_mnist.X_train, real_mnist.X_test):
        assert X.min() == 0
        assert X.max() == 1


# --- from a directory -------------------------------------------------------------------------------------


@pytest.mark.parametrize("files", [SMALL, ARCHIVES], ids=["plain", "compressed"])
def test_files_are_read_plain_and_compressed(tmp_path, files):
    data = load_mnist(write(tmp_path / "fashion", files))
    pixels = np.frombuffer(SMALL[IMAGES], dtype=np.uint8, offset=16).reshape(7, 784)
    np.testing.assert_array_equal(data.X_train, (pixels / 255).astype(np.float32))
    assert data.X_train.dtype == data.X_test.dtype == np.float32
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert data.y_train.tolist() == list(SMALL[LABELS][8:])
    assert data.X_test.shape == (3, 784)
    assert data.image_shape == (28, 28)
    assert data.name == "fashion"
    assert str(tmp_path / "fashion") in data.description


def test_a_path_may_be_a_string_or_begin_with_the_home_directory(tmp_path, monkeypatch):
    write(tmp_path / "set", SMALL)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for path in (str(tmp_path / "set"), os.fsencode(tmp_path / "set"), "~/set"):
        assert len(load_mnist(path).y_train) == 7


def test_a_file_that_a_browser_decompressed_under_its_old_name_is_read(tmp_path):
    write(tmp_path, ARCHIVES | {f"{IMAGES}.gz": SMALL[IMAGES]})
    assert len(load_mnist(tmp_path).X_train) == 7


def test_missing_files_are_named_with_where_to_get_them(tmp_path):
    write(tmp_path, {IMAGES: SMALL[IMAGES]})
    with pytest.raises(DataFileError) as raised:
        load_mnist(tmp_path)
    message = str(raised.value)
    assert message.startswith(f"{tmp_path}: ")
    assert LABELS in message
    assert IMAGES not in message
    assert all(mirror in message for mirror in mnist_files.MIRRORS)


def test_a_directory_that_is_not_there_lacks_all_files(tmp_path):
    with pytest.raises(DataFileError, match="t10k-labels-idx1-ubyte"):
        load_mnist(tmp_path / "nowhere")


@pytest.mark.parametrize("directory", [3, 1.5, ["a"], object()])
def test_a_directory_that_is_no_path_is_refused(directory):
    refuse(lambda: load_mnist(directory), "directory: expected a path")


def test_a_damaged_file_is_refused_by_name(tmp_path):
    write(tmp_path, ARCHIVES | {f"{IMAGES}.gz": ARCHIVES[f"{IMAGES}.gz"][:-10]})
    with pytest.raises(DataFileError, match=rf"^{tmp_path / IMAGES}\.gz: "):
        load_mnist(tmp_path)


def test_a_file_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    write(tmp_path, SMALL)

    def refuse(path, *arguments, **options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(DataFileError, match=f"{IMAGES}.*Permission denied"):
        load_mnist(tmp_path)


def test_a_label_above_9_is_refused(tmp_path):
    write(tmp_path, SMALL | {LABELS: idx([0, 1, 2, 3, 4, 5, 10])})
    with pytest.raises(DataFileError, match=f"^{tmp_path}.*{LABELS}.*label 10 is out of range"):
        load_mnist(tmp_path)


def test_as_many_labels_as_images_are_demanded(tmp_path):
    write(tmp_path, SMALL | {LABELS: idx([0, 1])})
    with pytest.raises(DataFileError, match=r"got 7 images .* and 2 labels"):
        load_mnist(tmp_path)


# --- from the cache ---------------------------------------------------------------------------------------


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("NNLITE_DATA", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert Path(mnist_files.cache_directory()) == tmp_path / ".cache" / "nnlite" / "mnist"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Path(mnist_files.cache_directory()) == tmp_path / "xdg" / "nnlite" / "mnist"
    monkeypatch.setenv("NNLITE_DATA", str(tmp_path / "own"))
    assert Path(mnist_files.cache_directory()) == tmp_path / "own" / "mnist"


@pytest.fixture
def mirror(serve, monkeypatch):
    """The only mirror, which has the small set; the checksums are those of the small set."""
    server = serve(ARCHIVES)
    monkeypatch.setattr(mnist_files, "MIRRORS", (server.url,))
    for name, content in SMALL.items():
        monkeypatch.setitem(mnist_files.SHA256, name, hashlib.sha256(content).hexdigest())
    return server


@pytest.fixture
def cache(tmp_path, monkeypatch, mirror):
    """The cache directory, which does not exist yet."""
    monkeypatch.setenv("NNLITE_DATA", str(tmp_path / "data"))
    return tmp_path / "data" / "mnist"


def test_what_is_missing_is_downloaded_once(cache, mirror):
    for _ in range(2):
        assert load_mnist().y_train.tolist() == list(SMALL[LABELS][8:])
        assert sorted(path.name for path in cache.iterdir()) == sorted(ARCHIVES)
        assert sorted(mirror.asked) == sorted(ARCHIVES)
    (cache / f"{LABELS}.gz").unlink()
    mirror.asked.clear()
    load_mnist()
    assert mirror.asked == [f"{LABELS}.gz"]


def test_files_put_there_by_hand_are_not_downloaded(cache, mirror):
    write(cache, SMALL)
    assert len(load_mnist().y_test) == 3
    assert mirror.asked == []


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (compressed(small_mnist(6, 2))[f"{IMAGES}.gz"], "SHA-256"),
        (ARCHIVES[f"{IMAGES}.gz"][:-100], "cannot be read or decompressed"),
        (b"<html>moved</html>", "is not an IDX file"),
    ],
    ids=["other contents", "truncated", "a page"],
)
def test_a_wrong_download_is_refused_and_nothing_is_left(cache, mirror, archive, said):
    mirror.files[f"{IMAGES}.gz"] = archive
    with pytest.raises(DataFileError, match=rf"{mirror.url}{IMAGES}\.gz: .*{said}"):
        load_mnist()
    assert not cache.exists()


def test_without_a_network_the_message_says_what_was_tried_and_what_to_do(cache, gone, monkeypatch):
    again = gone.replace("mnist", "again")
    monkeypatch.setattr(mnist_files, "MIRRORS", (gone, again))
    with pytest.raises(DataFileError) as raised:
        load_mnist()
    message = str(raised.value)
    assert message.startswith(f"{IMAGES}: cannot be downloaded:\n")
    assert f"{gone}{IMAGES}.gz: " in message
    assert f"{again}{IMAGES}.gz: " in message
    assert str(cache) in message
    assert "directory=" in message


def test_an_interrupted_download_is_taken_up_again(cache, monkeypatch):
    def interrupt(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupt)
        with pytest.raises(DataFileError, match=r"cannot be written to .*No space left"):
            load_mnist()
    assert list(cache.iterdir()) == []
    assert len(load_mnist().X_train) == 7


def test_a_cache_that_cannot_be_written_says_so(cache):
    cache.parent.write_text("a file where the directory should be")
    with pytest.raises(DataFileError, match=r"cannot be written to .*NNLITE_DATA"):
        load_mnist()


def test_a_damaged_cache_says_which_file_to_delete(cache):
    load_mnist()
    write(cache, compressed({IMAGES: small_mnist(4)[IMAGES]}))
    with pytest.raises(DataFileError, match=rf"{IMAGES}\.gz: .*SHA-256.*delete this file"):
        load_mnist()
    (cache / f"{IMAGES}.gz").unlink()
    assert len(load_mnist().X_train) == 7


@pytest.mark.parametrize(("options", "shown"), [({}, True), ({"progress": False}, False)])
def test_progress_is_shown_unless_declined(cache, monkeypatch, options, shown):
    def download(urls, verify, progress):
        raise DataFileError(f"progress is {progress}")

    monkeypatch.setattr(mnist_files, "download", download)
    with pytest.raises(DataFileError, match=f"progress is {shown}"):
        load_mnist(**options)
