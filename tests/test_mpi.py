"""Trainings in real processes that ``mpiexec`` starts. tests/fitting/test_parallel.py tells the same of threads."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn

from .support import refuse

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("mpi_program.py")
SECONDS = 10  # until the others end, when one process has died


def mpiexec():
    beside_python = Path(sys.executable).with_name("mpiexec")
    return str(beside_python) if beside_python.exists() else shutil.which("mpiexec")


def start(n, *command, timeout=120, cwd=None):
    """Run a program in n processes; return the exit code and all output."""
    pytest.importorskip("mpi4py")
    if mpiexec() is None:
        pytest.skip("there is no mpiexec")
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OPENBLAS_NUM_THREADS": "1"}
    of_open_mpi = ["--oversubscribe"] if "Open" in version() else []
    ran = subprocess.run(
        [mpiexec(), *of_open_mpi, "-n", str(n), *map(str, command)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
        cwd=cwd,
        env={**os.environ, **as_root, "PYTHONPATH": str(PROGRAM.parents[1])},
    )
    return ran.returncode, ran.stdout + ran.stderr


def version():
    return subprocess.run([mpiexec(), "--version"], capture_output=True, text=True, check=False).stdout


def run(n, mode, folder, **options):
    folder.mkdir(exist_ok=True)
    return start(n, sys.executable, PROGRAM, mode, folder, **options)


def ends(folder, n):
    """What all processes have at the end, which must be the same bit for bit."""
    found = [dict(np.load(folder / f"{rank}.npz")) for rank in range(n)]
    for other in found[1:]:
        for name, value in other.items():
            np.testing.assert_array_equal(value, found[0][name])
    assert found[0]["n"] == n
    return found[0]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The training in a single process."""
    folder = tmp_path_factory.mktemp("alone")
    code, text = run(1, "plain", folder)
    assert code == 0, text
    return ends(folder, 1)


@pytest.mark.parametrize(
    ("n", "mode"),
    [
        (2, "plain"),
        (3, "plain"),
        (2, "compiled"),
        (3, "shares"),
        (2, "pieces"),
        (3, "pieces"),
        (3, "pieces compiled"),
    ],
)
def test_processes_end_with_the_weights_of_one(n, mode, alone, tmp_path):
    if "compiled" in mode:
        pytest.importorskip("numba")
    code, text = run(n, mode, tmp_path)
    assert code == 0, text
    assert text.count("epoch 4/4") == 1  # one process shows the progress
    found = ends(tmp_path, n)
    if mode == "shares":  # of the data in its order, where the training above shuffles
        assert found["loss"][-1] < found["loss"][0]
        return
    np.testing.assert_allclose(found["theta"], alone["theta"], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["loss"], alone["loss"], rtol=1e-12)
    np.testing.assert_array_equal(found["val"], alone["val"])


def test_pieces_on_their_way_and_synchronized_batch_norm_do_not_cross(tmp_path):
    found = []
    for n, mode in ((1, "norm"), (3, "norm"), (3, "norm pieces")):
        code, text = run(n, mode, tmp_path / f"{n} {mode}")
        assert code == 0, text
        found.append(ends(tmp_path / f"{n} {mode}", n))
    alone, whole, pieces = found
    for other in (whole, pieces):
        np.testing.assert_allclose(other["theta"], alone["theta"], rtol=0, atol=1e-9)
        np.testing.assert_allclose(other["loss"], alone["loss"], rtol=1e-9)
    assert whole["pieces"] == 0
    assert pieces["pieces"] == 4 * 11 * 3  # epochs, steps, layers


def test_gradients_of_sixteen_bits_learn_as_well(alone, tmp_path):
    code, text = run(2, "bits", tmp_path)
    assert code == 0, text
    found = ends(tmp_path, 2)
    assert 0 < abs(found["loss"][-1] - alone["loss"][-1]) < 0.1


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("killed", "1"),
        ("raises", "OSError: the disk is full"),
        ("exits", "SystemExit: 3"),
        ("pieces killed", "1"),
        ("pieces raises", "OSError: the disk is full"),
    ],
)
def test_a_process_that_dies_ends_all_and_the_checkpoint_goes_on(mode, told, alone, tmp_path):
    code, text = run(3, mode, tmp_path, timeout=60)
    seconds = time.time() - float((tmp_path / "died").read_text())
    assert code != 0
    assert told in text
    assert "killed" in mode or "nnlite: rank 1 of 3 ended with an error" in text
    assert "killed" in mode or text.count(f"\n{told} (rank 1 of 3)") == 1
    assert seconds < SECONDS
    assert not list(tmp_path.glob("*.npz"))
    for n in (3, 2):
        shutil.copytree(tmp_path / "run", tmp_path / str(n) / "run")
        code, text = run(n, f"{'pieces ' * ('pieces' in mode)}resumed", tmp_path / str(n))
        assert code == 0, text
        np.testing.assert_allclose(ends(tmp_path / str(n), n)["theta"], alone["theta"], rtol=0, atol=1e-12)


def test_a_resumed_training_has_the_bits_of_an_undisturbed_one(tmp_path):
    run(2, "plain", tmp_path / "whole")
    run(2, "killed", tmp_path / "again")
    code, text = run(2, "resumed", tmp_path / "again")
    assert code == 0, text
    whole, again = (ends(tmp_path / name, 2) for name in ("whole", "again"))
    np.testing.assert_array_equal(again["theta"], whole["theta"])


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("seed", "rank 1 has seed 1, rank 0 has 0"),
        ("version", "rank 1 has nnlite 0.0.1, rank 0 has"),
        ("empty", "rank 1 refused this training, ArgumentError: X: expected at least one example"),
    ],
)
def test_a_process_that_differs_is_refused_with_an_error_in_each(mode, told, tmp_path):
    code, text = run(2, mode, tmp_path, timeout=60)
    assert code != 0
    assert text.count(told) == (1 if mode == "empty" else 2)
    assert mode != "empty" or "got shape (0, 64) (rank 1 of 2)" in text
    for rank in range(2):
        assert f"nnlite: rank {rank} of 2 ended with an error" in text
    assert "epoch 1" not in text


@pytest.mark.parametrize(("mode", "told"), [("before", "ValueError: there is no data"), ("leaves", "rank 1 has ended")])
def test_a_process_that_never_comes_to_fit_ends_all(mode, told, tmp_path):
    code, text = run(2, mode, tmp_path, timeout=60)
    assert code != 0
    assert told in text


def test_the_command_line_trains_in_all_processes_and_writes_one_run(tmp_path):
    command = "-m nnlite train digits --epochs 3 --seed 1 --no-report"
    code, text = start(2, sys.executable, *command.split(), "--mpi", "--out", "two", cwd=tmp_path)
    assert code == 0, text
    assert text.count("training examples") == 1
    code, text = start(1, sys.executable, *command.split(), "--out", "one", cwd=tmp_path)
    assert code == 0, text
    one, two = (nn.load(tmp_path / name / "model.npz") for name in ("one", "two"))
    np.testing.assert_allclose(two.theta, one.theta, rtol=0, atol=1e-4)
    code, text = start(2, sys.executable, *command.split(), "--mpi", "--out", "two", cwd=tmp_path)
    assert code != 0
    assert "'two' has a training already" in text
    assert "parallel: rank 0 refused this training" in text


def test_a_world_of_one_process_needs_no_mpiexec():
    pytest.importorskip("mpi4py")
    world = nn.mpi.world(sync_batch_norm=True)
    assert (world.rank, world.size, world.sync_batch_norm, world.gather("a")) == (0, 1, True, ["a"])
    vector = np.ones(3)
    world.sum(vector)
    world.meet()
    assert vector.tolist() == [1, 1, 1]
    assert world.exchange(np.ones((1, 2))).tolist() == [[1, 1]]
    refuse(lambda: nn.mpi.world("all"), "comm: expected a communicator of mpi4py such as MPI.COMM_WORLD, got 'all'")
