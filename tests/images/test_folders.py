"""Facts about folders of pictures: classes, parts, sizes, and that nothing is lost in silence."""

import os
import pickle

import numpy as np
import pytest

import nnlite as nn
from nnlite import DataFileError

from ..support import Terminal, refuse
from .pictures import gray, write, write_classes

pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    """A folder with six pictures in each of two classes."""
    write_classes(tmp_path / "set")
    return tmp_path / "set"


def refused(call, *fragments):
    refuse(call, *map(str, fragments), error=DataFileError)


def test_class_folders_become_a_data_set(tmp_path):
    pixels = write_classes(tmp_path / "set", n=10)
    data = nn.load_images(tmp_path / "set")
    assert repr(data) == "Dataset(set: X_train (16, 6, 5), y_train (16,), X_test (4, 6, 5), y_test (4,), 2 classes)"
    assert data.class_names == ("dark", "light")
    assert data.image_shape == (6, 5)
    assert data.X_train.dtype == np.uint8
    all_of_them = {image.tobytes() for image in pixels.values()}
    assert {image.tobytes() for image in (*data.X_train, *data.X_test)} == all_of_them
    for X, y in ((data.X_train, data.y_train), (data.X_test, data.y_test)):
        np.testing.assert_array_equal(X.mean(axis=(1, 2)) > 127, y)
        assert y.sum() * 2 == len(y)
    again = nn.load_images(str(tmp_path / "set"), seed=0, test_fraction=0.2)
    np.testing.assert_array_equal(again.X_train, data.X_train)
    assert not np.array_equal(nn.load_images(tmp_path / "set", seed=1).X_train, data.X_train)


def test_parts_are_recognized_by_their_names(tmp_path):
    for part, n in (("train", 6), ("test", 2), ("val", 3)):
        write_classes(tmp_path / "set" / part, n)
    data = nn.load_images(tmp_path / "set")
    assert [len(X) for X in (data.X_train, data.X_validation, data.X_test)] == [12, 6, 4]
    np.testing.assert_array_equal(data.y_test, [0, 0, 1, 1])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(data)).X_validation, data.X_validation)
    renamed = data._replace(name="another")
    assert renamed.name == "another"
    np.testing.assert_array_equal(renamed.X_validation, data.X_validation)
    (tmp_path / "set" / "test").rename(tmp_path / "other")
    without = nn.load_images(tmp_path / "set")
    assert len(without.X_test) == 6
    assert without.X_validation is None
    refuse(lambda: nn.load_images(tmp_path / "set", test_fraction=0.5), "test_fraction: ", "has its own test examples")
    write_classes(tmp_path / "set" / "Validation")
    refused(lambda: nn.load_images(tmp_path / "set"), tmp_path, "two folders for validation: Validation and val")


def test_a_class_may_be_called_train(tmp_path):
    write_classes(tmp_path, names=("train", "plane"))
    assert nn.load_images(tmp_path).class_names == ("plane", "train")


def test_parts_beside_other_folders_are_refused(tmp_path):
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "cats")
    refused(lambda: nn.load_images(tmp_path), tmp_path, "expected train alone", "it also has cats")
    os.rename(tmp_path / "train", tmp_path / "test")
    refused(lambda: nn.load_images(tmp_path), tmp_path, "has test, but no folder train")


def test_a_test_folder_may_lack_a_class_but_has_no_new_one(folder, tmp_path):
    data = nn.load_images(folder)
    write(tmp_path / "some" / "light" / "a.png", gray(200))
    (tmp_path / "some" / "dark").mkdir()
    images = nn.read_images(tmp_path / "some", like=data)
    assert images.y.tolist() == [1]
    assert images.class_names == ("dark", "light")
    write(tmp_path / "some" / "green" / "a.png", gray(100))
    refused(
        lambda: nn.read_images(tmp_path / "some", like=data), tmp_path, "green", "'green' is not one of 'dark', 'light'"
    )
    folder.rename(tmp_path / "train")
    (tmp_path / "some").rename(tmp_path / "test")
    (tmp_path / "whole").mkdir()
    for part in ("train", "test"):
        (tmp_path / part).rename(tmp_path / "whole" / part)
    refused(lambda: nn.load_images(tmp_path / "whole"), tmp_path, "the class 'green' is not one of")


def test_classes_that_are_numbers_are_in_their_order(tmp_path):
    names = ("10", "9", "1")
    write_classes(tmp_path, names=names, levels=(100, 100, 100))
    assert nn.load_images(tmp_path).class_names == ("1", "9", "10")


def test_everything_that_cannot_be_used_is_named_at_once(folder):
    write(folder / "dark" / "large.png", gray(40, (9, 9)))
    (folder / "light" / "broken.png").write_bytes((folder / "light" / "0.png").read_bytes()[:60])
    (folder / "light" / "text.jpg").write_text("no picture")
    (folder / "light" / "notes.txt").write_text("no picture either")
    (folder / "nothing").mkdir()
    write(folder / "beside.png", gray(0))
    wanted = [
        ("large.png", "has 9 x 9 pixels, expected 6 x 5, as the others have"),
        ("broken.png", "is damaged"),
        ("text.jpg", "is no picture in a known format"),
        ("notes.txt", "is no picture file, by its name"),
        ("nothing", "is a class folder without pictures"),
        ("beside.png", "lies beside the class folders"),
    ]
    with pytest.raises(DataFileError) as caught:
        nn.load_images(folder)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{folder}: 6 cannot be used (12 can):"
    assert len(lines) == 8
    for name, reason in wanted:
        assert any(f"{name}: {reason}" in line for line in lines), name
    with pytest.warns(UserWarning, match="left out: .*6 cannot be used"):
        data = nn.load_images(folder, skip_bad=True)
    assert len(data.X_train) + len(data.X_test) == 12


def test_what_systems_leave_behind_is_passed_over(folder):
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._0.png"):
        (folder / "dark" / name).write_bytes(b"x")
    (folder / "__MACOSX").mkdir()
    (folder / ".git").mkdir()
    (folder / "README.md").write_text("# Two classes")
    assert nn.load_images(folder).class_names == ("dark", "light")


def test_folders_within_a_class_belong_to_it(folder):
    write(folder / "dark" / "more" / "deep" / "a.png", gray(40))
    data = nn.load_images(folder)
    assert sum(map(len, (data.y_train, data.y_test))) == 13


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="the system has no links")
def test_links_that_lead_out_are_refused_and_those_inside_are_not(folder, tmp_path):
    write(tmp_path / "secret" / "a.png", gray(40))
    (folder / "dark" / "inside.png").symlink_to(folder / "dark" / "0.png")
    assert len(nn.read_images(folder).X) == 13
    (folder / "dark" / "out.png").symlink_to(tmp_path / "secret" / "a.png")
    (folder / "dark" / "round").symlink_to(folder)
    (folder / "dark" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    (folder / "other").symlink_to(tmp_path / "secret")
    with pytest.raises(DataFileError) as caught:
        nn.load_images(folder)
    text = str(caught.value)
    assert "out.png: is a link that leads out of the folder" in text
    assert "round: is a link to a folder, which is not followed" in text
    assert "lost.png: is a link to nothing" in text
    assert "other: is a link to a folder" in text
    write_classes(tmp_path / "parts" / "train")
    (tmp_path / "parts" / "test").symlink_to(tmp_path / "parts" / "train")
    refused(lambda: nn.load_images(tmp_path / "parts"), tmp_path / "parts" / "test", "is a link to a folder")


def test_gray_and_color(folder):
    assert nn.read_images(folder).X.shape == (12, 6, 5)
    assert nn.read_images(folder, grayscale=False).X.shape == (12, 6, 5, 3)
    write(folder / "dark" / "red.png", np.full((6, 5, 3), (255, 0, 0), np.uint8))
    mixed = nn.read_images(folder)
    assert mixed.X.shape == (13, 6, 5, 3)
    assert nn.read_images(folder, grayscale=True).X.shape == (13, 6, 5)
    assert mixed.X[mixed.files.index(str(folder / "dark" / "red.png"))][0, 0].tolist() == [255, 0, 0]


def test_sizes(folder, tmp_path):
    assert nn.read_images(folder, size=(3, 4)).X.shape == (12, 3, 4)
    for i, side in enumerate((5, 8, 20, 31)):
        write(tmp_path / "photos" / f"{i}.png", gray(99, (side, side + 1)))
    refused(
        lambda: nn.read_images(tmp_path / "photos"),
        tmp_path,
        "have 4 sizes, from 5 x 6 to 31 x 32",
        "size=(rows, columns)",
    )
    assert nn.read_images(tmp_path / "photos", size=(4, 4)).X.shape == (4, 4, 4)
    refused(lambda: nn.read_images(folder, size=(2**20, 2**20)), folder, "12 pictures", "GiB", "smaller size")


def test_pictures_without_classes(folder, tmp_path):
    images = nn.read_images(folder / "dark")
    assert images.y is None
    assert images.class_names == ()
    assert [os.path.basename(path) for path in images.files] == [f"{i}.png" for i in range(6)]
    one = nn.read_images(folder / "dark" / "3.png")
    np.testing.assert_array_equal(one.X[0], images.X[3])
    some = nn.read_images([folder / "dark" / "3.png", str(folder / "light" / "0.png")])
    assert repr(some) == "Images(X (2, 6, 5))"
    twice = nn.read_images([some.files[0], some.files[1], some.files[0]])
    np.testing.assert_array_equal(twice.X, some.X[[0, 1, 0]])
    assert repr(nn.read_images(folder)) == "Images(X (12, 6, 5), 2 classes)"


def test_the_network_decides_size_color_and_classes(folder, tmp_path):
    model = nn.Model([nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=(6, 5), seed=0)
    refuse(lambda: nn.read_images(folder, like=model), "like: expected a network", "set model.image_encoding")
    model.image_encoding = nn.ImageEncoding((6, 5))
    assert nn.read_images(folder, like=model).class_names == ("dark", "light")
    three = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], n_features=(6, 5), seed=0)
    three.image_encoding = model.image_encoding
    refuse(lambda: nn.read_images(folder, like=three), "like: the network does not know the names of its 3 classes",
           "has 2 class folders", "set model.class_names")  # fmt: skip
    model.class_names = ["light", "dark"]
    images = nn.read_images(folder, like=model)
    assert images.X.dtype == np.float32
    assert 0 <= images.X.min() < images.X.max() <= 1
    np.testing.assert_array_equal(images.y, images.X.mean(axis=(1, 2)) < 0.5)
    assert model.predict(images.X, names=True).shape == (12,)
    write(tmp_path / "red.png", np.full((6, 5, 3), (255, 0, 0), np.uint8))
    np.testing.assert_allclose(nn.read_images(tmp_path / "red.png", like=model).X, 76 / 255)
    write(tmp_path / "large.png", gray(40, (12, 10)))
    refused(
        lambda: nn.read_images(tmp_path / "large.png", like=model),
        tmp_path,
        "has 12 x 10 pixels, expected 6 x 5, as in the training",
    )
    refuse(lambda: nn.read_images(folder, like=model, size=(3, 3)), "size: expected (6, 5), as in the training")
    refuse(lambda: nn.read_images(folder, like=model, grayscale=False), "grayscale: expected True, as in the training")
    model.image_encoding = nn.ImageEncoding((6, 5), resize=True)
    assert nn.read_images(tmp_path / "large.png", like=model).X.shape == (1, 6, 5)


def test_wrong_folders_are_refused(tmp_path):
    refused(lambda: nn.load_images(tmp_path / "no"), tmp_path / "no", "there is no such file or folder")
    (tmp_path / "empty").mkdir()
    refused(lambda: nn.load_images(tmp_path / "empty"), tmp_path, "expected a folder for each class")
    refused(lambda: nn.read_images(tmp_path / "empty"), tmp_path, "has no pictures")
    write_classes(tmp_path / "wrapped" / "data")
    refused(lambda: nn.load_images(tmp_path / "wrapped"), tmp_path, "at least two classes, got data", "is it")
    write(tmp_path / "flat" / "a.png", gray(3))
    refused(lambda: nn.load_images(tmp_path / "flat"), tmp_path, "expected a folder for each class")
    write_classes(tmp_path / "small", n=1)
    refused(lambda: nn.load_images(tmp_path / "small"), tmp_path, "too few examples")
    refuse(lambda: nn.load_images(3), "path: expected a path")
    refuse(lambda: nn.read_images([]), "path: expected at least one picture")
    refuse(lambda: nn.load_images(tmp_path / "small", size=3), "size: expected (rows, columns), got 3")
    refuse(lambda: nn.load_images(tmp_path / "small", skip_bad="no"), "skip_bad: expected True or False")
    refuse(lambda: nn.load_images(tmp_path / "small", image_shape=(2, 2)), "image_shape: is for a file")
    refuse(lambda: nn.load_images(tmp_path / "small", test_fraction=2), "test_fraction: expected")


def test_many_pictures_show_their_progress(folder, monkeypatch):
    shown = Terminal()
    monkeypatch.setattr("sys.stderr", shown)
    nn.load_images(folder)
    assert "reading images" in shown.getvalue()
    quiet = Terminal()
    monkeypatch.setattr("sys.stderr", quiet)
    nn.load_images(folder, progress=False)
    assert quiet.getvalue() == ""


def test_a_data_set_in_place_of_an_array_is_answered_with_its_arrays(folder):
    data = nn.load_images(folder)
    images = nn.read_images(folder)
    model = nn.Model([nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=images.X.shape[1:])
    refuse(lambda: model.fit(data), "X: expected an array, got ImageDataset", "pass its X_train, and its y_train")
    refuse(lambda: model.evaluate(images), "X: expected an array, got Images", "pass its X, and its y")
    refuse(lambda: model.predict(images), "X: expected an array, got Images")


def test_pictures_of_another_size_than_in_the_training_need_a_network_that_resizes(folder, tmp_path):
    model = nn.Model([nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=(6, 5))
    model.image_encoding = nn.ImageEncoding((6, 5))
    write(tmp_path / "one.png", gray(0, (9, 9)))
    refused(
        lambda: nn.read_images(tmp_path / "one.png", like=model),
        tmp_path / "one.png",
        "expected 6 x 5, as in the training; a network that is trained with size=(rows, columns) resizes it",
    )


def test_loose_pictures_are_counted(folder):
    refused(
        lambda: nn.load_images(folder / "dark"),
        folder / "dark",
        "expected a folder for each class",
        "it has 6 pictures beside",
    )
