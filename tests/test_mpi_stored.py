"""Examples on the disk in real processes that ``mpiexec`` starts: divided among them, or a folder for each."""

import sys

import numpy as np
import pytest

import nnlite as nn

from .fitting.stored_examples import MEMORY, examples, stored
from .mpi_stored_program import BATCH
from .test_mpi import ends, start

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders of examples, and those of the shares of 2 and 3 processes: batches in order are the same ones."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "nothing").mkdir()
    X, y = examples()
    order = np.random.default_rng(1).permutation(len(X))
    X, y = X[order], y[order]
    for what, rows in (("train", np.arange(4800)), ("validation", np.arange(4800, 5901))):
        parts = {what: rows}
        for n in (2, 3):
            parts |= {f"{what} {rank} of {n}": rows[rows % BATCH // (BATCH // n) == rank] for rank in range(n)}
        for name, part in parts.items():
            (folder / name).mkdir()
            stored(folder / name, X[part], y[part])
        (folder / f"{what} table").mkdir()
        for i, part in enumerate(np.array_split(rows, 3)):
            lines = [",".join([*map(str, X[row]), "abc"[y[row]]]) for row in part]
            head = ",".join([*(f"x{i}" for i in range(X.shape[1])), "y"])
            (folder / f"{what} table" / f"{i}.csv").write_text("\n".join([head, *lines]))
    for name in ("no rows 1 of 2", "nothing 1 of 2"):
        (folder / name).mkdir()
    np.savez(folder / "no rows 1 of 2" / "part.npz", X=X[:0], y=y[:0])
    return folder


def run(n, mode, folder, data, **options):
    folder.mkdir(exist_ok=True)
    return start(n, sys.executable, "-m", "tests.mpi_stored_program", mode, folder, data, **options)


def trained(n, mode, folder, data):
    """What n processes have at the end."""
    code, text = run(n, mode, folder, data)
    assert code == 0, text
    assert text.count("epoch 4/4") == 1
    return ends(folder, n)


def agree(found, expected, tolerance=1e-11):
    for name in ("theta", "loss", "val"):
        np.testing.assert_allclose(found[name], expected[name], rtol=tolerance, atol=tolerance)


@pytest.fixture(scope="module")
def alone(data, tmp_path_factory):
    """The training in a single process, shuffled."""
    return trained(1, "plain", tmp_path_factory.mktemp("alone") / "run", data)


@pytest.mark.parametrize(("n", "mode"), [(2, "plain"), (3, "plain"), (2, "compiled"), (3, "compiled")])
def test_data_that_all_processes_open_are_divided(n, mode, alone, data, tmp_path):
    if mode == "compiled":
        pytest.importorskip("numba")
    agree(trained(n, mode, tmp_path, data), alone)


@pytest.mark.parametrize("n", [2, 3])
def test_folders_of_their_own_are_one_data_set(n, data, tmp_path):
    """In order, the batches of all processes together are those of a single process, and so is the validation."""
    agree(trained(n, "shares, in order", tmp_path / "n", data), trained(1, "in order", tmp_path / "1", data))


def test_a_table_that_all_processes_open_is_divided(data, tmp_path):
    agree(trained(2, "table", tmp_path / "2", data), trained(1, "table", tmp_path / "1", data))


@pytest.mark.parametrize("mode", ["plain", "shares"])
def test_a_process_that_was_killed_is_resumed_bit_for_bit_in_the_middle_of_an_epoch(mode, data, tmp_path):
    whole = trained(2, f"{mode}, checkpoint", tmp_path / "whole", data)
    code, text = run(2, f"{mode}, checkpoint, killed", tmp_path / "again", data, timeout=60)
    assert code != 0, text
    agree(trained(2, f"{mode}, checkpoint", tmp_path / "again", data), whole, 0)


def test_another_number_of_processes_goes_on_with_data_that_all_open(alone, data, tmp_path):
    code, _ = run(3, "checkpoint, killed", tmp_path, data, timeout=60)
    assert code != 0
    agree(trained(2, "checkpoint", tmp_path, data), alone)


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("shares, no files", "nothing 1 of 2"),
        ("shares, no rows", "part.npz: X has no rows"),
    ],
)
def test_an_empty_folder_of_one_process_ends_all_before_the_first_step(mode, told, data, tmp_path):
    code, text = run(2, mode, tmp_path, data, timeout=60)
    assert code != 0
    assert told in text
    assert "epoch 1" not in text
    assert not list(tmp_path.glob("*.npz"))


def test_validation_in_shares_is_that_of_all_examples(data, tmp_path):
    found = trained(3, "shares", tmp_path, data)
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=8, dtype="float64")
    model.theta = found["theta"]
    expected = model.evaluate(nn.open_data(data / "validation", memory=MEMORY))
    np.testing.assert_allclose(found["val"][:, -1], [expected["loss"], expected["accuracy"]], rtol=1e-12)
    assert found["loss"][-1] < found["loss"][0]
