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


COLUMNS = "epoch,loss,learning_rate,seconds"


@pytest.mark.parametrize("order", [[1, 2], [2, 1]])
def test_other_columns_are_refused_before_the_first_step(tmp_path, order):
    path, steps = tmp_path / "log.csv", []
    path.write_text("epoch,loss,accuracy\n1,0.5,0.9\n")
    count = LambdaCallback(on_batch_end=lambda batch, logs: steps.append(batch))
    model = regression()
    callbacks = [CSVLogger(path, append=True), count][:: 1 if order == [1, 2] else -1]
    refuse(
        lambda: train(model, *callbacks), "append: expected the columns of", "has no accuracy", "lacks learning_rate"
    )
    assert not model.built
    assert steps == []


def test_columns_in_another_order_or_with_semicolons_are_refused(tmp_path):
    path = tmp_path / "log.csv"
    for header in ("loss,epoch,learning_rate,seconds", COLUMNS.replace(",", ";"), "1,2,3,4", "\ufeff" * 2 + COLUMNS):
        path.write_text(header + "\n", encoding="utf-8")
        refuse(lambda: train(regression(), CSVLogger(path, append=True)), "append: ", "another file")
    path.write_text(COLUMNS, encoding="utf-16")
    refuse(lambda: train(regression(), CSVLogger(path, append=True)), "append: expected a log in UTF-8")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["", "whole"])
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_a_file_that_an_editor_has_saved_goes_on_right(tmp_path, newline, mark, end, rows):
    path = tmp_path / "log.csv"
    lines = [COLUMNS, *(f"{i + 1},0.5,0.1,0.01" for i in range(rows))]
    before = (mark + newline.join(lines)).encode() + (newline.encode() if end else b"")
    path.write_bytes(before)
    train(regression(), CSVLogger(path, append=True), epochs=2)
    after = path.read_bytes()
    assert after.startswith(before)
    if rows or end:  # a header alone without an end shows no kind of line
        assert after.replace(newline.encode(), b"").count(b"\n") == 0
    with open(path, newline="", encoding="utf-8-sig") as file:
        read = list(csv.reader(file))
    assert [row[0] for row in read] == ["epoch", *map(str, range(1, rows + 1)), "1", "2"]
    assert {len(row) for row in read} == {4}


def test_a_training_that_is_resumed_goes_on_in_the_same_form(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes(b"\xef\xbb\xbf" + COLUMNS.encode() + b"\n1,0.5,0.1,0.01")
    for epochs in (2, 3):
        train(regression(), CSVLogger(path, append=True), epochs=epochs, checkpoint=tmp_path / "run", resume=True)
    with open(path, newline="", encoding="utf-8-sig") as file:
        assert [row[0] for row in csv.reader(file)] == ["epoch", "1", "1", "2", "3"]
