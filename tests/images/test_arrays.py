"""Facts about images in one file: .npz files and tables of pixels."""

import tracemalloc
import zipfile

import numpy as np
import pytest

import nnlite as nn
from nnlite import DataFileError
from nnlite.images.arrays import has_images

from ..support import refuse

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (20, 4, 4)).astype(np.uint8)
y = np.arange(20) % 2


def refused(call, *fragments):
    refuse(call, *map(str, fragments), error=DataFileError)


def save(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_arrays_by_their_usual_names(tmp_path):
    whole = save(tmp_path / "a.npz", X=X, y=y)
    data = nn.load_images(whole)
    assert repr(data) == "Dataset(a: X_train (16, 4, 4), y_train (16,), X_test (4, 4, 4), y_test (4,), 2 classes)"
    assert {image.tobytes() for image in (*data.X_train, *data.X_test)} == {image.tobytes() for image in X}
    parts = save(tmp_path / "keras.npz", x_train=X, y_train=y + 3, x_test=X[:5], y_test=y[:5] + 3)
    data = nn.load_images(parts)
    np.testing.assert_array_equal(data.X_train, X)
    np.testing.assert_array_equal(data.y_test, y[:5])
    assert data.class_names == ("3", "4")


@pytest.mark.parametrize(
    ("images", "labels", "shape", "dtype"),
    [
        (X.reshape(20, 16), y, (4, 4), np.uint8),
        (X[..., None], nn.one_hot(y, 2), (4, 4), np.uint8),
        (np.repeat(X[..., None], 3, axis=3), np.array(["cat", "dog"])[y], (4, 4, 3), np.uint8),
        (X / 255, y[:, None], (4, 4), np.float32),
        (X.astype(np.int64), y.astype(float), (4, 4), np.uint8),
        (X > 99, y, (4, 4), np.uint8),
    ],
)
def test_every_form_of_images_and_labels(images, labels, shape, dtype, tmp_path):
    data = nn.load_images(save(tmp_path / "a.npz", images=images, labels=labels))
    assert data.image_shape == shape
    assert data.X_train.dtype == dtype
    assert data.class_names == (("cat", "dog") if labels.dtype.kind == "U" else ("0", "1"))
    assert len(data.X_train) == 16


def test_a_table_of_pixels(tmp_path):
    rows = np.column_stack([X.reshape(20, 16), y])
    np.savetxt(tmp_path / "last.csv", rows, fmt="%d", delimiter=",")
    data = nn.load_images(tmp_path / "last.csv")
    assert data.X_train.shape == (16, 4, 4)
    assert data.X_train.dtype == np.uint8
    names = ",".join(["label", *(f"p{i}" for i in range(16))])
    first = np.column_stack([y, X.reshape(20, 16) % 2])
    np.savetxt(tmp_path / "first.csv", first, fmt="%d", delimiter=",", header=names, comments="")
    refuse(lambda: nn.load_images(tmp_path / "first.csv"), "target: the classes may be in the column 'label'", "'p15'")
    np.testing.assert_array_equal(np.sort(nn.load_images(tmp_path / "first.csv", target=0).y_train), [0] * 8 + [1] * 8)
    names = ",".join(["kind", *(f"p{i}" for i in range(16))])
    np.savetxt(tmp_path / "named.csv", np.roll(rows, 1, axis=1), fmt="%d", delimiter=",", header=names, comments="")
    again = nn.load_images(tmp_path / "named.csv", target="kind", image_shape=(2, 8))
    assert again.X_train.shape == (16, 2, 8)
    np.testing.assert_array_equal(again.X_train.reshape(16, 16), data.X_train.reshape(16, 16))


def test_what_has_no_images_is_refused(tmp_path):
    refused(
        lambda: nn.load_images(save(tmp_path / "a.npz", a=X)),
        tmp_path,
        "expected images and labels as X and y",
        "it has a",
    )
    refused(
        lambda: nn.load_images(save(tmp_path / "b.npz", X=X, y=y[:3])), tmp_path, "a label for each image", "3 labels"
    )
    refused(lambda: nn.load_images(save(tmp_path / "c.npz", X=X[:, :, :3].reshape(20, 12), y=y)), tmp_path, "no square")
    refused(
        lambda: nn.load_images(save(tmp_path / "d.npz", X=X, y=np.zeros(20, int))), tmp_path, "at least two classes"
    )
    refused(
        lambda: nn.load_images(save(tmp_path / "e.npz", x_train=X, y_train=y, x_test=X, y_test=y + 1)),
        tmp_path, "the class '2' (test) is not among the training examples",
    )  # fmt: skip
    several = save(tmp_path / "j.npz", X=X, y=RNG.integers(0, 2, (20, 4)))
    refused(lambda: nn.load_images(several), tmp_path, "a label for each image, or rows with a single 1", "rows of 4")
    unknown = save(tmp_path / "k.npz", X=X, y=np.where(y > 0, np.nan, 0))
    refused(lambda: nn.load_images(unknown), tmp_path, "a label for each image", "NaN")
    refused(lambda: nn.load_images(save(tmp_path / "f.npz", X=np.full((4, 2, 2), np.nan), y=y[:4])), tmp_path, "finite")
    (tmp_path / "g.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
    refused(lambda: nn.load_images(tmp_path / "g.npz"), tmp_path)
    np.savez(tmp_path / "h.npz", X=np.array([{}], object), y=y[:1])
    refused(lambda: nn.load_images(tmp_path / "h.npz"), tmp_path, "Python objects")
    refuse(lambda: nn.load_images(tmp_path / "b.npz", size=(2, 2)), "size: is for a folder")
    refuse(lambda: nn.load_images(tmp_path / "b.npz", target="a"), "target: is for a table")
    channels_first = save(tmp_path / "i.npz", X=np.zeros((20, 3, 32, 32), np.uint8), y=y)
    refuse(lambda: nn.load_images(channels_first), str(tmp_path), "expected channels last")


def test_a_header_of_gigabytes_is_not_read(tmp_path):
    """The second version of the format has headers of up to 4 GiB; zeros take a thousandth in a file."""
    content = b"\x93NUMPY\x02\x00" + (2**24).to_bytes(4, "little") + bytes(2**24)
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", content)
    tracemalloc.start()
    assert not has_images(str(tmp_path / "bomb.npz"))
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
    refused(lambda: nn.load_images(tmp_path / "bomb.npz"), tmp_path, "expands to more than 100 times its size")
