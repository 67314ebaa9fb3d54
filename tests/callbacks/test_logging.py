"""Facts about the CSV log of a training."""

import csv
import pathlib

import pytest

from nnlite.callbacks import CSVLogger, LambdaCallback, ModelCheckpoint

from ..support import refuse
from .training import X, regression, train, y


def test_the_log_is_the_table_of_the_history(tmp_path):
    history = train(regression(), CSVLogger(tmp_path / "log.csv"), validation_data=(X, y))
    history.to_csv(tmp_path / "history.csv")
    assert (tmp_path / "log.csv").read_bytes() == (tmp_path / "history.csv").read_bytes()


def test_a_row_is_written_as_soon_as_its_epoch_ends(tmp_path):
    path, lengths = tmp_path / "log.csv", []
    count = LambdaCallback(on_epoch_begin=lambda epoch, logs: lengths.append(len(path.read_text().splitlines())))
    train(regression(), CSVLogger(path), count)
    assert lengths == [0, 2, 3]


def test_a_second_training_replaces_the_log_or_appends_to_it(tmp_path):
    model, path = regression(), tmp_path / "log.csv"
    path.write_text("something else")
    train(model, CSVLogger(path), epochs=2)
    first = path.read_text()
    history = train(model, logger := CSVLogger(path, append=True), epochs=2)
    assert path.read_text().startswith(first)
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["epoch", "loss", "learning_rate", "seconds"]
    assert [row[0] for row in rows[1:]] == ["1", "2", "1", "2"]
    assert [float(row[1]) for row in rows[3:]] == history["loss"]
    train(model, logger, epochs=1)
    assert len(path.read_text().splitlines()) == 6
    train(model, CSVLogger(path), epochs=1)
    assert len(path.read_text().splitlines()) == 2


def test_a_missing_log_can_be_appended_to(tmp_path):
    train(regression(), CSVLogger(tmp_path / "log.csv", append=True), epochs=1)
    assert (tmp_path / "log.csv").read_text().startswith("epoch,loss")


def test_other_columns_are_not_appended(tmp_path):
    path = tmp_path / "log.csv"
    train(regression(), CSVLogger(path))
    before = path.read_text()
    again = lambda: train(regression(), CSVLogger(path, append=True), validation_data=(X, y))  # noqa: E731
    refuse(again, "append: ", "epoch, loss, learning_rate, seconds", "got epoch, loss, val_loss,", str(path))
    assert path.read_text() == before


def test_a_log_that_cannot_be_written_fails_before_the_first_batch(tmp_path):
    trained = []
    with pytest.raises(OSError, match=r"log\.csv"):
        train(
            regression(),
            CSVLogger(tmp_path / "missing" / "log.csv"),
            LambdaCallback(on_batch_begin=lambda batch, logs: trained.append(batch)),
        )
    assert trained == []


def test_paths_may_be_of_any_kind(tmp_path):
    for number, kind in enumerate((str, pathlib.Path, lambda path: str(path).encode())):
        train(regression(), CSVLogger(kind(tmp_path / f"{number}.csv")), ModelCheckpoint(kind(tmp_path / f"{number}")))
    assert len(list(tmp_path.iterdir())) == 6
