"""Facts about images on the command line: folders are trained on, pictures predicted, and both are kept apart."""

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import cli

from ..images.pictures import RNG, gray, write, write_classes
from ..support import refuse

pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module", autouse=True)
def _no_pictures_of_curves():
    """The pictures of a run are tested elsewhere, and take most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nnlite.cli.results.write_pictures", lambda run, directory: {})
        yield


@pytest.fixture(scope="module")
def pets(tmp_path_factory, _no_pictures_of_curves):
    """A folder of class folders, and a run that has learned it."""
    folder = tmp_path_factory.mktemp("images")
    write_classes(folder / "pets", n=30, names=("dark", "light"))
    options = ["--epochs", "30", "--no-progress", "--no-report", "--out", str(folder / "run")]
    assert cli.main(["train", str(folder / "pets"), *options]) == 0
    return folder


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_folder_is_learned_and_the_network_knows_its_pictures(run, pets):
    model = nn.load(pets / "run" / "model.npz")
    assert model.class_names == ("dark", "light")
    assert model.image_encoding == nn.ImageEncoding((6, 5))
    assert json.loads((pets / "run" / "results.json").read_text())["accuracy"] == 1
    code, out, _ = run(f"evaluate {pets / 'run'} --json")
    assert (code, json.loads(out)["accuracy"]) == (0, 1)
    assert "pictures: 6 x 5 pixels, gray" in run(f"summary {pets / 'run'}")[1]


def test_the_classes_of_a_folder_are_summed_up(run, pets):
    code, out, _ = run(f"summary {pets / 'pets'}")
    assert code == 0
    assert [line.split() for line in out.splitlines()] == [["class", "pictures"], ["dark", "30"], ["light", "30"]]
    assert json.loads(run(f"export {pets / 'run'} -o - --format json")[1])["image_encoding"]["image_shape"] == [6, 5]


def test_a_picture_or_a_folder_is_predicted(run, pets):
    one = pets / "pets" / "light" / "3.png"
    rows = rows_of(run(f"predict {pets / 'run'} {one}")[1])
    assert [row["file"] for row in rows] == [str(one)]
    assert rows[0]["prediction"] == "light"
    rows = rows_of(run(f"predict {pets / 'run'} {pets / 'pets' / 'dark'} --proba")[1])
    assert len(rows) == 30
    assert {row["prediction"] for row in rows} == {"dark"}
    assert float(rows[0]["probability_dark"]) > 0.5


def test_a_second_folder_is_scored_by_the_names_of_its_classes(run, pets, tmp_path):
    write(tmp_path / "new" / "light" / "a.png", gray(210))
    code, out, _ = run(f"evaluate {pets / 'run'} {tmp_path / 'new'} --json")
    assert (code, json.loads(out)["accuracy"]) == (0, 1)
    write(tmp_path / "new" / "green" / "b.png", gray(100))
    code, _, err = run(f"evaluate {pets / 'run'} {tmp_path / 'new'}")
    assert code == 1
    assert "green/b.png: the class 'green' is not one of 'dark', 'light'" in err
    write(tmp_path / "new" / "green" / "c.png", gray(100))
    err = run(f"evaluate {pets / 'run'} {tmp_path / 'new'}")[2]  # a line for the folder, not for each picture
    assert "new/green: 2 files, each: the class 'green' is not one of 'dark', 'light'" in err
    assert "c.png" not in err
    code, _, err = run(f"evaluate {pets / 'run'} {tmp_path / 'new' / 'green'}")
    assert code == 1
    assert "expected a folder for each class" in err


def test_another_size_is_refused_unless_the_training_resized(run, pets, tmp_path):
    write(tmp_path / "large.png", gray(210, (12, 10)))
    code, out, err = run(f"predict {pets / 'run'} {tmp_path / 'large.png'}")
    assert (code, out) == (1, "")
    assert "large.png: has 12 x 10 pixels, expected 6 x 5, as in the training" in err
    run(f"train {pets / 'pets'} --size 3,4 --epochs 5 --no-progress --no-report --out {tmp_path / 'small'}")
    rows = rows_of(run(f"predict {tmp_path / 'small'} {tmp_path / 'large.png'}")[1])
    assert rows[0]["prediction"] == "light"


def test_a_network_of_tables_refuses_pictures_and_pictures_refuse_columns(run, pets, folder):
    run("train iris --epochs 1 --no-report --no-progress --out i")
    code, _, err = run(f"predict i {pets / 'pets'}")
    assert code == 2
    assert "has not learned from pictures" in err
    code, _, err = run(f"predict {pets / 'run'} {pets / 'pets'} --keep id")
    assert code == 2
    assert "--keep" in err
    code, _, err = run(f"train {pets / 'pets'} --decimal ,")
    assert code == 2
    assert "--decimal: is for a table" in err


@pytest.mark.filterwarnings("default:left out")
def test_bad_pictures_are_named_in_one_error_and_left_out_on_request(run, pets, folder):
    write_classes(folder / "set", n=10)
    (folder / "set" / "dark" / "bad.png").write_text("no")
    code, _, err = run("train set --no-report --no-progress")
    assert code == 1
    assert "bad.png: is no picture" in err
    assert "--skip-bad leaves them out" in err
    assert not (folder / "runs").exists()
    code, _, err = run("train set --no-report --no-progress --skip-bad --epochs 2 --out r")
    assert code == 0
    assert "bad.png" in err


def test_the_run_is_repeated_bit_for_bit_with_augmentation(run, pets, folder):
    run(f"train {pets / 'pets'} --augment 'shift, Rotate(5)' --epochs 3 --no-report --no-progress --out a")
    assert run("train --config a/config.json --out b --no-report --no-progress")[0] == 0
    one, other = nn.load("a/model.npz"), nn.load("b/model.npz")
    np.testing.assert_array_equal(one.theta, other.theta)
    run(f"train {pets / 'pets'} --epochs 3 --no-report --no-progress --out c")
    assert not np.array_equal(nn.load("c/model.npz").theta, one.theta)
    assert json.loads(Path("a/config.json").read_text())["options"]["augment"] == "shift, Rotate(5)"


def test_parts_and_a_second_folder_to_test_with(run, folder):
    for part in ("train", "val", "test"):
        write_classes(folder / "set" / part, n=4)
    code, out, _ = run("train set --epochs 2 --no-report --no-progress")
    assert code == 0
    assert "8 training examples, 8 for validation, 8 test examples" in out
    write_classes(folder / "alone", n=8)
    code, out, _ = run("train alone --test set/test --epochs 2 --no-report --no-progress")
    assert code == 0
    assert "8 test examples" in out
    assert run("train set --test-size 0.3")[0] == 2
    code, _, err = run("train set --validation-size 0.3 --epochs 1")
    assert (code, "--validation-size: set has validation examples of its own" in err) == (2, True)
    (folder / "set" / "test").rename(folder / "other")  # then val is for the test
    assert run("train set --test-size 0.3")[0] == 2


def test_pixels_in_files_are_images(run, folder):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    X = rng.integers(0, 100, (60, 4, 4)) + 150 * y[:, None, None]
    np.savez(folder / "a.npz", X=X.astype(np.uint8), y=y)
    np.savetxt(folder / "a.csv", np.column_stack([X.reshape(60, 16), y]), fmt="%d", delimiter=",")
    for data, options in (("a.npz", ""), ("a.csv", "--image-shape 4,4")):
        code, _, err = run(f"train {data} {options} --epochs 40 --no-report --no-progress --out {data[-3:]}")
        assert code == 0, err
        model = nn.load(f"{data[-3:]}/model.npz")
        assert model.image_encoding == nn.ImageEncoding((4, 4))
    np.savetxt(folder / "new.csv", X[:6].reshape(6, 16), fmt="%d", delimiter=",")
    predicted = [int(row["prediction"]) for row in rows_of(run("predict csv new.csv")[1])]
    assert predicted == y[:6].tolist()
    first, names = np.column_stack([y, X.reshape(60, 16)]), ",".join(["label", *(f"p{i}" for i in range(16))])
    first[:, -1] = 0  # a margin, which could be the class 0
    np.savetxt(folder / "first.csv", first, fmt="%d", delimiter=",", header=names, comments="")
    for command in ("evaluate csv first.csv", "train first.csv --image-shape 4,4"):
        code, _, err = run(command)
        assert code != 0
        assert "--target: the classes may be in the column 'label' of first.csv or in the last one, 'p15'" in err
    assert json.loads(run("evaluate csv first.csv --target label --json")[1])["accuracy"] > 0.9


def test_classes_in_the_first_column_are_asked_for(run, folder):
    """As in copies of MNIST: no header, the label first, black margins last."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 4
    X = rng.integers(0, 256, (60, 16))
    X[:, -1] = 0
    np.savetxt(folder / "first.csv", np.column_stack([y, X]), fmt="%d", delimiter=",")
    np.savetxt(folder / "last.csv", np.column_stack([X, y]), fmt="%d", delimiter=",")
    code, _, err = run("train first.csv --image-shape 4,4")
    assert code == 2
    assert "the classes of first.csv seem to be in the first column" in err
    assert "give --target 0 for the first column, or --target -1 for the last" in err
    refuse(lambda: nn.load_csv("first.csv"), "target: the classes of first.csv seem to be in the first column")
    assert nn.load_csv("first.csv", 0).y.tolist() == nn.load_csv("last.csv").y.tolist() == y.tolist()
    assert set(nn.load_csv("first.csv", -1).y.tolist()) == {0}
    np.savetxt(folder / "binary.csv", np.column_stack([X > 100, y]), fmt="%d", delimiter=",")
    assert nn.load_csv("binary.csv").y.tolist() == y.tolist()
    assert run("train last.csv --image-shape 4,4 --epochs 2 --no-report --no-progress --out r")[0] == 0
    assert "--target 0" in run("evaluate r first.csv")[2]
    assert run("evaluate r first.csv --target 0")[0] == run("evaluate r last.csv")[0] == 0
    assert "--ignore 'column 17' or --ignore 'column 1'" in run("predict r first.csv")[2]
    assert run("predict r first.csv --ignore 'column 1'")[1] == run("predict r last.csv --ignore 'column 17'")[1] != ""


def test_a_network_of_pixels_from_0_to_1_sees_pictures_as_it_saw_them(run, folder):
    """A file may have other numbers for black and white than a picture; a table is taken as the file was."""
    X, y = RNG.integers(0, 256, (40, 4, 4)).astype(np.uint8), np.arange(40) % 2
    for i in range(4):
        write(folder / "test" / str(i % 2) / f"{i}.png", X[i])
    for white, name in ((1.0, "a"), (100.0, "b")):
        np.savez(folder / f"{name}.npz", X=(X / 255 * white).astype(np.float32), y=y)
        options = f"--test test --epochs 1 --no-report --no-progress --out {name}"
        code, _, err = run(f"train {name}.npz {options}")
        assert code == 0, err
        model = nn.load(f"{name}/model.npz")
        assert model.image_encoding.scale == 255
        assert model.image_encoding.table_scale == pytest.approx(white, rel=1e-6)
        files = sorted((folder / "test").rglob("*.png"), key=lambda file: file.stem)
        np.testing.assert_allclose(nn.read_images(files, like=model).X, X[:4].reshape(4, 16) / 255, rtol=1e-5)
        np.savetxt(folder / "rows.csv", (X[:4] / 255 * white).reshape(4, 16), delimiter=",")
        predicted = [rows_of(run(f"predict {name} {data}")[1]) for data in ("rows.csv", "test")]
        of_rows, of_pictures = ([float(row["probability"]) for row in rows] for rows in predicted)
        np.testing.assert_allclose(np.array(of_pictures)[[0, 2, 1, 3]], of_rows, rtol=1e-4)
        accuracy = json.loads(Path(f"{name}/results.json").read_text())["accuracy"]
        assert accuracy == np.mean(model.predict(X[:4].reshape(4, 16) / np.float32(255)) == y[:4])


def test_a_network_of_digits_predicts_a_picture(run, folder):
    """Numbers in a table are taken as they are; pictures are scaled and resized."""
    run("train digits --epochs 3 --no-report --no-progress --out d")
    data = nn.load_digits()
    image = np.rint(255 * data.X_test[0]).astype(np.uint8).reshape(8, 8)
    write(folder / "one.png", np.kron(image, np.ones((4, 4), np.uint8)))
    rows = rows_of(run("predict d one.png")[1])
    assert int(rows[0]["prediction"]) == data.y_test[0]


@pytest.mark.slow
def test_the_report_shows_pictures_of_its_mistakes(run, folder):
    pytest.importorskip("jinja2")
    write_classes(folder / "set", n=30, levels=(120, 126))
    colored = np.full((6, 5, 3), (200, 30, 30), np.uint8)
    write(folder / "set" / "dark" / "red.png", colored)
    code, _, err = run("train set --epochs 2 --no-progress --out r")
    assert code == 0, err
    page = Path("r/report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 3
    mistakes = page[page.index('id="mistakes"') :]
    assert re.search(r"<br>(dark|light)/\w+\.png</figcaption>", mistakes)  # the file, not the number of the row
    assert "<br>row " not in mistakes


def test_convolutions_are_an_option(run, folder):
    assert run("train digits --test-size 0.8 --conv 4,8 --epochs 2 --no-report --no-progress --out d")[0] == 0
    model = nn.load("d/model.npz")
    assert model.input_shape == (8, 8, 1)
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Conv2D", "ReLU", "MaxPool2D"] * 2 + ["Flatten", "Dense", "ReLU", "Dense", "Softmax"]
    data = nn.load_digits()
    np.savetxt(folder / "pixels.csv", data.X_test[:5], delimiter=",")
    predicted = [int(row["prediction"]) for row in rows_of(run("predict d pixels.csv")[1])]
    assert predicted == model.predict(data.X_test[:5].reshape(5, 8, 8, 1)).tolist()
    image = np.rint(255 * data.X_test[0]).astype(np.uint8).reshape(8, 8)
    write(folder / "one.png", image)
    assert rows_of(run("predict d one.png")[1])[0]["prediction"] == str(predicted[0])
    options = "--test-size 0.8 --augment crop --epochs 1 --no-report --no-progress --out l"
    assert run(f"train digits --layers 'Conv2D(4, 3), ReLU(), Flatten()' {options}")[0] == 0


def test_wrong_options_are_refused(run, pets, folder):
    images = pets / "pets"
    for options, fragment in (
        (f"{images} --augment turn", "--augment: expected one of crop"),
        (f"{images} --augment 'Rotate(-3)'", "--augment: degrees: expected"),
        (f"{images} --size 3", "--size"),
        (f"{images} --image-shape 4,4", "--image-shape: is for a file"),
        ("iris --augment shift", "--augment: is for images, and iris has none"),
        ("digits --size 3,3", "--size: is for your own images"),
        ("digits --augment mixup --class-weight balanced", "--class-weight: an example that mixup has mixed"),
        (f"{images} --conv 2,2,2,2,2,2,2", "--conv: each number halves rows and columns; images of"),
        (f"{images} --target 1", "--target: is for a file"),
        ("digits --augment shift --conv zero", "--conv"),
        ("digits --conv 4 --layers 'ReLU()'", "--conv: give either --conv or --layers"),
        ("iris --conv 4", "--conv: is for images"),
    ):
        code, _, err = run(f"train {options} --no-report")
        assert code == 2, (options, err)
        assert fragment in err, (options, err)
    assert not (folder / "runs").exists()
