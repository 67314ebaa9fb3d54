"""Facts about the history of a training: a list for each key, a table, and a plot."""

import csv

import matplotlib
import numpy as np
import pytest

import nnlite as nn
from nnlite import plots

from ..support import refuse

matplotlib.use("Agg")


@pytest.fixture
def history():
    history = nn.History()
    for epoch in range(3):
        values = {"loss": 2.0 - epoch, "accuracy": 0.5 + epoch / 10, "val_loss": 2.1 - epoch, "val_accuracy": 0.4}
        history.append(values)
    return history


@pytest.fixture
def plt():
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def curves(ax):
    return {line.get_label(): list(line.get_ydata()) for line in ax.get_lines()}


def test_a_key_gives_one_number_per_epoch(history):
    assert history["loss"] == [2.0, 1.0, 0.0]
    assert history.epochs == 3
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert "loss=0" in repr(history)


def test_a_key_that_was_not_recorded_says_what_there_is(history):
    with pytest.raises(KeyError, match=r"'f1' was not recorded; the keys are loss, accuracy, val_loss"):
        history["f1"]


def test_the_csv_has_a_row_per_epoch_and_every_digit(history, tmp_path):
    history.append({"loss": 1 / 3, "accuracy": 0.1, "val_loss": 0.2, "val_accuracy": 1.0})
    history.to_csv(tmp_path / "history.csv")
    with open(tmp_path / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    assert float(rows[3]["loss"]) == 1 / 3
    assert np.loadtxt(tmp_path / "history.csv", delimiter=",", skiprows=1).shape == (4, 5)


def test_plot_draws_loss_and_accuracy_of_training_and_validation(history, plt):
    loss, accuracy = history.plot()
    assert curves(loss) == {"training": [2.0, 1.0, 0.0], "validation": [2.1, 1.1, pytest.approx(0.1)]}
    assert curves(accuracy)["training"] == history["accuracy"]
    assert (loss.get_xlabel(), loss.get_ylabel(), accuracy.get_ylabel()) == ("epoch", "loss J", "accuracy")
    assert list(loss.get_lines()[0].get_xdata()) == [1, 2, 3]
    assert loss.get_legend() is not None


def test_plot_draws_on_the_axes_that_it_is_given(history, plt):
    figure, (left, right) = plt.subplots(1, 2)
    drawn = history.plot((left, right))
    assert list(drawn) == [left, right]
    assert left.get_lines()
    assert right.get_lines()
    assert plt.get_fignums() == [figure.number]


def test_a_single_axes_gets_the_loss(history, plt):
    _, ax = plt.subplots()
    history.plot(axes=ax)
    assert curves(ax)["training"] == history["loss"]


def test_regression_without_validation_is_one_panel_with_one_curve(plt):
    history = nn.History()
    history.append({"loss": 1.0})
    (ax,) = history.plot()
    assert list(curves(ax)) == ["training"]
    assert ax.get_lines()[0].get_marker() == "o"  # one epoch is a point, a line would not show


def test_plot_of_nothing_and_on_something_else_is_refused(history):
    with pytest.raises(nn.ArgumentError, match="history: nothing to draw"):
        nn.History().plot()
    with pytest.raises(nn.ArgumentError, match="axes: expected matplotlib Axes, got 'left'"):
        plots.learning_curves(history, axes="left")


# ---- from a file ------------------------------------------------------------------------------------------------


def test_a_table_is_read_again(history, tmp_path):
    history["val_loss"][1] = float("nan")
    history.to_csv(tmp_path / "history.csv")
    again = nn.History.from_csv(tmp_path / "history.csv")
    assert isinstance(again, nn.History)
    assert list(again) == list(history)
    for key in history:
        np.testing.assert_array_equal(again[key], history[key])
    assert again.epochs == 3
    again.plot()
    plots.learning_curves({"before": history, "after": again})


def test_the_log_of_a_training_is_read_and_so_is_what_spreadsheets_make_of_it(tmp_path):
    iris, path = nn.load_iris(), tmp_path / "log.csv"
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    logger = nn.CSVLogger(path, append=True)
    first = model.fit(iris.X_train, iris.y_train, epochs=2, callbacks=[logger], progress=False)
    second = model.fit(iris.X_train, iris.y_train, epochs=1, callbacks=[logger], progress=False)
    read = nn.History.from_csv(path)
    assert read["loss"] == first["loss"] + second["loss"]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\r\n", b"\n").rstrip() + b"\n\n")
    assert nn.History.from_csv(str(path)) == read
    path.write_text("loss,val_loss\n0.5,\n0.4,0.6\n")
    assert nn.History.from_csv(path)["val_loss"][1] == 0.6
    assert np.isnan(nn.History.from_csv(path)["val_loss"][0])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected a header"),
        (b"a,b\n1,2\n", "expected a header such as epoch,loss,accuracy"),
        (b"epoch,loss,loss\n1,2,3\n", "a name for each column"),
        (b"epoch,loss\n1,2,3\n", "expected 2 cells in row 2, got 3"),
        (b"epoch,loss\n1,2\n2,x\n", "expected a number in row 3, column loss, got 'x'"),
        (b"epoch;loss\n1;0,5\n", "expected a header"),
        (b"\xff\xfee\x00", "is not a CSV file in UTF-8"),
    ],
)
def test_another_file_is_no_history(content, said, tmp_path):
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    refuse(lambda: nn.History.from_csv(path), str(path), said, error=nn.DataFileError)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        nn.History.from_csv(tmp_path / "missing.csv")
    refuse(lambda: nn.History.from_csv(3.5), "path: expected a path")


# ---- one epoch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compared", [False, True])
def test_the_curves_of_one_epoch_are_points_that_can_be_seen(compared):
    one = nn.History({"loss": [0.5], "val_loss": [0.6], "accuracy": [0.8], "val_accuracy": [0.7]})
    axes = plots.learning_curves({"a": one, "b": one} if compared else one)
    for ax in axes:
        ax.figure.canvas.draw()
        for line in ax.get_lines():
            assert line.get_marker() not in ("", "None", None)
            x, y = ax.transData.transform(line.get_xydata())[0]
            assert ax.bbox.contains(x, y)
        low, high = ax.get_xlim()
        assert [tick for tick in ax.get_xticks() if low <= tick <= high] == [1]
