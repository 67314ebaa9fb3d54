"""Facts about the run to 97 percent on MNIST."""

import numpy as np
import pytest

import nnlite as nn
from benchmarks import __main__ as command_line
from benchmarks.mnist.common import read_mnist
from benchmarks.rows import mnist
from benchmarks.session import Session

from .common import run, session


def test_without_mnist_its_row_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLITE_DATA", str(tmp_path / "nowhere"))
    monkeypatch.delenv("NNLITE_MNIST", raising=False)
    code, document = run(tmp_path, "--rows", "mnist", "--frameworks", "nnlite")
    assert code == 0
    assert document["measurements"] == []
    assert "Left out: MNIST's four .gz files are not in" in (tmp_path / "results.md").read_text()


def test_a_directory_without_mnist_is_refused_before_anything_is_measured(tmp_path, capsys):
    assert command_line.main(["--mnist", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "--mnist: expected train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_run_to_97_percent_is_timed_from_the_start_of_the_process(tmp_path, like_mnist):
    code, document = run(tmp_path, "--quick", "--rows", "mnist", "--frameworks", "nnlite", "--mnist", like_mnist)
    assert code == 0
    seconds, peak, as_before = document["measurements"]
    assert (seconds["row"], seconds["unit"], peak["row"], peak["unit"]) == ("mnist", "s", "memory", "MiB")
    assert 0.05 < seconds["median"] < 30
    assert seconds["facts"]["steps"][0] % 100 == 0
    assert peak["median"] > 20
    assert (as_before["case"], as_before["samples"]) == (mnist.KEPT, seconds["samples"])


def test_the_peers_read_what_nnlite_reads(like_mnist):
    data = nn.load_mnist(like_mnist)
    for theirs, ours in zip(read_mnist(like_mnist), data[:4], strict=True):
        assert theirs.dtype == ours.dtype
        assert np.array_equal(theirs, ours)


def test_mnist_is_found_where_the_option_or_the_variables_say(tmp_path, monkeypatch):
    monkeypatch.setenv("NNLITE_DATA", str(tmp_path))
    assert mnist.find(None) is None
    (tmp_path / "mnist").mkdir()
    for name in mnist.FILES:
        (tmp_path / "mnist" / name).touch()
    assert mnist.find(None) == str(tmp_path / "mnist")
    monkeypatch.setenv("NNLITE_DATA", "elsewhere")
    monkeypatch.setenv("NNLITE_MNIST", str(tmp_path / "mnist"))
    assert mnist.find(None) == mnist.find(str(tmp_path / "mnist")) == str(tmp_path / "mnist")
    assert mnist.find(str(tmp_path)) is None


def test_each_case_has_its_own_folder_of_compiled_programs(monkeypatch):
    frameworks, runs = ["nnlite", "nnlite-fast", "jax"], []

    def run_alone(self, _, script, *__, settings, **___):
        runs.append((script.rpartition(".")[2], settings))
        return float(len(runs)), '{"accuracy": 0.98, "steps": 100, "MiB": 1.0}'

    monkeypatch.setattr(Session, "run_alone", run_alone)
    monkeypatch.setattr(mnist, "RUNS", 2)
    measured = session(frameworks=frameworks)
    mnist.Runs(measured, "data", "folders").measure(frameworks)

    def folders(case, framework):
        """The folders of nnlite and, if it has one, of JAX in the runs of a case."""
        samples = measured.results.get("mnist", case, framework).samples
        settings = [runs[int(seconds) - 1][1] for seconds in samples]
        return {(found["NNLITE_CACHE"], found.get("JAX_COMPILATION_CACHE_DIR")) for found in settings}

    kept, on_request = "folders/kept", "folders/kept on request"
    assert folders(mnist.SECOND, "nnlite-fast") == folders(mnist.KEPT, "nnlite-fast") == {(kept, None)}
    assert folders(mnist.FIRST, "nnlite-fast") == {("folders/empty 0", None), ("folders/empty 1", None)}
    assert folders(mnist.SECOND, "jax") == folders(mnist.FIRST, "jax") == {(kept, None)}
    assert folders(mnist.KEPT, "jax") == {(on_request, on_request)}
    assert [script for script, _ in runs[:2]] == ["own", "jitted_jax"]  # these compile and do not count
    assert measured.results.get("memory", mnist.PEAK, "jax").samples == [1.0, 1.0]
