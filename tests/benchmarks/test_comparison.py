"""Facts about what the benchmarks compare: the same networks, examples and weights, and all must learn."""

import numpy as np
import pytest

from benchmarks import networks
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.networks import NETWORKS
from benchmarks.peers import own
from benchmarks.processes import Worker
from benchmarks.rows.turns import check_losses

from .common import TINY, session


def test_the_networks_are_called_as_people_call_them():
    assert list(NETWORKS) == [
        "64-32-10",
        "784-128-10",
        "784-512-512-10",
        "784-8x256-10",
        "784-4096-10",
        "784-3x2048-10",
    ]
    assert NETWORKS["784-8x256-10"].title == "784-8x256-10, batch 64, Adam"
    assert all(network.n_examples % network.batch == 0 for network in NETWORKS.values())


def test_everyone_gets_the_same_examples_and_weights():
    for once, again in zip(networks.examples(TINY), networks.examples(TINY), strict=True):
        assert np.array_equal(once, again)
    X, y = networks.examples(TINY)
    assert X.dtype == np.float32
    assert set(y) == set(range(10))
    weights = networks.initial_weights(TINY.sizes)
    assert [W.shape for W, _ in weights] == [(8, 16), (16, 10)]
    assert networks.loss(weights, X, y) == pytest.approx(np.log(10), abs=0.1)


def test_the_yardstick_agrees_with_nnlite():
    X, y = networks.examples(TINY)
    weights = [(W, b + np.float32(0.1)) for W, b in networks.initial_weights(TINY.sizes)]
    model = own.model_of(weights)
    np.testing.assert_allclose(networks.probabilities(weights, X), model.predict_proba(X), atol=1e-6)
    assert networks.loss(weights, X, y) == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-5)


def test_nnlite_trains_as_said_and_hands_out_what_it_has_learned():
    X, y = networks.examples(TINY)
    start = networks.initial_weights(TINY.sizes)
    training = own.Training(TINY, start, X, y)
    assert all(np.array_equal(W, W0) for (W, _), (W0, _) in zip(training.weights(), start, strict=True))
    training.train(20)
    assert networks.loss(training.weights(), X, y) < networks.loss(start, X, y) / 2
    assert repr(training.optimizer) == "Adam(0.01)"


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FRAMEWORKS if name != "nnlite"])
def test_a_peer_trains_hands_out_what_it_has_learned_and_predicts(name):
    if FRAMEWORKS[name].missing():
        pytest.skip(f"needs {FRAMEWORKS[name].missing()}")
    X, y = networks.examples(TINY)
    weights = networks.initial_weights(TINY.sizes)
    worker = Worker(FRAMEWORKS[name].module, draws=False)
    try:
        if FRAMEWORKS[name].trains:
            worker.ask("begin_training", network=TINY)
            worker.ask("train", epochs=20)
            assert worker.ask("end_training")["loss"] < networks.loss(weights, X, y) / 2
        if FRAMEWORKS[name].predicts:
            assert worker.ask("begin_prediction", sizes=TINY.sizes, batches=[1, 5])["off_by"] < 1e-5
    finally:
        worker.end()


@pytest.mark.parametrize(
    ("losses", "failing"),
    [({"nnlite": 0.6, "torch": 0.61, "jax": 0.5}, []), ({"nnlite": 0.6, "torch": 2.2, "jax": 0.6}, ["torch"])],
)
def test_who_has_not_learned_does_not_count(losses, failing, capsys):
    run = session()
    entries = []
    for framework, loss in losses.items():
        entry = run.results.open("training", "a case", framework, "us")
        entry.samples, entry.facts = [1.0], {"loss_before": 2.3, "loss": loss}
        entries.append(entry)
    check_losses(run, "a case", entries)
    assert [entry.framework for entry in entries if not entry.counts] == failing
    assert len(run.failures) == len(failing)
    assert capsys.readouterr().out.count("did not learn") == len(failing)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1.2])
def test_a_loss_that_has_not_fallen_to_half_is_a_failure_even_if_all_share_it(loss):
    run = session()
    entry = run.results.open("training", "a case", "nnlite", "us")
    entry.samples, entry.facts = [1.0], {"loss_before": 2.3, "loss": loss}
    check_losses(run, "a case", [entry])
    assert not entry.counts
