"""Facts about recipes with known accuracies on MNIST and digits. They take minutes: ``pytest -m slow``.

The scripts train with the engine that nnlite chooses for a user: the compiled one, where Numba is installed.
"""

import os
import runpy
import statistics
import sys
from pathlib import Path

import pytest

import nnlite as nn

from .support import ENGINES

ROOT = Path(__file__).parent.parent
MNIST = ROOT.parent / "shared" / "data" / "mnist"

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def as_a_user_has_it(monkeypatch):
    monkeypatch.delenv("NNLITE_ENGINE", raising=False)


@pytest.fixture(autouse=True)
def needs_mnist(request):
    if not MNIST.is_dir() and "digits" not in request.node.name:
        pytest.skip(f"no copy of MNIST in {MNIST}")


def run(monkeypatch, name, *arguments):
    """Run the script and return its global variables."""
    data = [] if "digits" in name else ["--data", str(MNIST)]
    monkeypatch.setattr(sys, "argv", [name, *data, *arguments])
    return runpy.run_path(str(ROOT / "notebooks" / name))


@pytest.mark.parametrize("engine", ENGINES)
def test_plain_mini_batch_descent_reads_97_5_percent_of_mnist_within_15_epochs(engine):
    mnist = nn.load_mnist(MNIST)
    model = nn.Model([nn.Dense(128), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    model.fit(mnist.X_train, mnist.y_train, optimizer=nn.SGD(0.1), epochs=15, engine=engine)
    assert model.evaluate(mnist.X_test, mnist.y_test)["accuracy"] >= 0.975


def test_nielsens_network_of_30_units(monkeypatch):
    result = run(monkeypatch, "recipe_nielsen.py", "--seeds", "0")
    assert result["best"][0] == pytest.approx(0.965, abs=0.005)


def test_nielsens_network_of_100_units(monkeypatch):
    result = run(monkeypatch, "recipe_nielsen.py", "--seeds", "0", "--hidden", "100")
    assert result["best"][0] == pytest.approx(0.979, abs=0.004)


def test_relu_with_dropout_and_batch_normalization_reads_98_5_percent_within_20_epochs(monkeypatch):
    result = run(monkeypatch, "recipe_mnist_relu.py", "--seeds", "0")
    assert result["accuracies"][0] >= 0.985


def test_lenet_5_has_at_most_0_95_percent_errors_within_20_epochs(monkeypatch):
    result = run(monkeypatch, "recipe_mnist_lenet.py", "--seeds", "0")
    assert result["accuracies"][0] >= 1 - 0.0095


@pytest.mark.skipif("NNLITE_HOURS" not in os.environ, reason="takes ten minutes a seed; NNLITE_HOURS=1 runs it")
def test_a_small_vgg_with_augmentation_has_at_most_0_40_percent_errors(monkeypatch):
    result = run(monkeypatch, "recipe_mnist_vgg.py")
    assert statistics.median(result["accuracies"]) >= 1 - 0.0040


def test_the_digits_are_read_to_99_percent(monkeypatch):
    result = run(monkeypatch, "recipe_digits_conv.py")
    assert statistics.median(result["accuracies"]) >= 0.99
