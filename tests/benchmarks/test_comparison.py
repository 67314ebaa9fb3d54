"""Facts about what the benchmarks compare: the same networks, examples and weights, and all must learn."""

import numpy as np
import pytest

from benchmarks import networks
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.networks import NETWORKS
from benchmarks.peers import own, own_compiled
from benchmarks.processes import Worker
from benchmarks.rows.turns import check_losses

from .common import TINY, TINY_REGULARIZED, session


def test_the_networks_are_called_as_people_call_them():
    assert list(NETWORKS) == [
        "64-32-10",
        "784-128-10",
        "784-512-512-10",
        "784-8x256-10",
        "784-4096-10",
        "784-3x2048-10",
        "784-512-512-10-regularized",
    ]
    assert NETWORKS["784-8x256-10"].title == "784-8x256-10, batch 64, Adam"
    title = "784-512-512-10 with BatchNorm and Dropout, batch 128, AdamW with clipping and one-cycle"
    assert NETWORKS["784-512-512-10-regularized"].title == title
    assert all(network.n_examples % network.batch == 0 for network in NETWORKS.values())


def test_everyone_gets_the_same_examples_and_weights():
    for once, again in zip(networks.examples(TINY), networks.examples(TINY), strict=True):
        assert np.array_equal(once, again)
    X, y = networks.examples(TINY)
    assert X.dtype == np.float32
    assert set(y) == set(range(10))
    assert abs(X.mean()) < 0.1
    assert X.std() == pytest.approx(1, abs=0.1)
    weights = networks.initial_weights(TINY.sizes)
    assert [W.shape for W, _ in weights] == [(8, 16), (16, 10)]
    assert networks.loss(weights, X, y) == pytest.approx(np.log(10), abs=0.1)


def test_the_yardstick_agrees_with_nnlite():
    X, y = networks.examples(TINY)
    weights = [(W, b + np.float32(0.1)) for W, b in networks.initial_weights(TINY.sizes)]
    model = own.model_of(weights)
    np.testing.assert_allclose(networks.probabilities(weights, X), model.predict_proba(X), atol=1e-6)
    assert networks.loss(weights, X, y) == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("peer", "engine"), [(own, "textbook"), pytest.param(own_compiled, "compiled", marks=pytest.mark.slow)]
)
def test_nnlite_trains_as_said_and_hands_out_what_it_has_learned(peer, engine, monkeypatch):
    monkeypatch.setenv("NNLITE_ENGINE", engine)
    X, y = networks.examples(TINY)
    start = networks.initial_weights(TINY.sizes)
    training = peer.Training(TINY, start, X, y)
    assert all(np.array_equal(W, W0) for (W, _), (W0, _) in zip(training.weights(), start, strict=True))
    training.train(20)
    assert networks.loss(training.weights(), X, y) < networks.loss(start, X, y) / 2
    assert repr(training.optimizer) == "Adam(0.01)"


def test_a_regularized_network_is_worth_what_it_predicts(monkeypatch):
    monkeypatch.setenv("NNLITE_ENGINE", "textbook")
    X, y = networks.examples(TINY_REGULARIZED)
    training = own.Training(TINY_REGULARIZED, networks.initial_weights(TINY_REGULARIZED.sizes), X, y)
    training.train(TINY_REGULARIZED.all_epochs)
    kinds = [type(layer).__name__ for layer in training.model.layers]
    assert kinds == ["Dense", "BatchNorm", "ReLU", "Dropout"] * 2 + ["Dense", "Softmax"]
    assert training.optimizer.clip_norm == networks.CLIP_NORM
    assert training.optimizer.rate_of(TINY_REGULARIZED.all_steps - 1) < 1e-4 * TINY_REGULARIZED.rate
    folded = networks.loss(training.weights(), X, y)
    assert folded == pytest.approx(training.model.evaluate(X, y)["loss"], rel=1e-4)


def test_another_engine_than_the_one_that_is_measured_is_an_error(monkeypatch):
    monkeypatch.setenv("NNLITE_ENGINE", "textbook")
    X, y = networks.examples(TINY)
    training = own_compiled.Training(TINY, networks.initial_weights(TINY.sizes), X, y)
    with pytest.raises(RuntimeError, match="expected the engine 'compiled', but 'textbook' trained"):
        training.train(1)


def test_who_has_no_batch_normalization_does_not_train_networks_with_it():
    able = [name for name in FRAMEWORKS if FRAMEWORKS[name].can_train(TINY_REGULARIZED)]
    assert able == ["nnlite", "nnlite-fast", "torch", "torch-compile", "jax", "jax-scan", "keras"]
    assert FRAMEWORKS["sklearn"].can_train(TINY)


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_everyone_trains_hands_out_what_it_has_learned_and_predicts(name):
    if FRAMEWORKS[name].missing():
        pytest.skip(f"needs {FRAMEWORKS[name].missing()}")
    worker = Worker(FRAMEWORKS[name])
    try:
        for network in (TINY, TINY_REGULARIZED):
            if FRAMEWORKS[name].can_train(network):
                before = worker.ask("begin_training", network=network)["loss_before"]
                worker.ask("train", epochs=20)
                assert worker.ask("end_training")["loss"] < before / 2
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


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 2.25])
def test_a_loss_that_has_hardly_fallen_is_a_failure_even_if_all_share_it(loss):
    run = session()
    entry = run.results.open("training", "a case", "nnlite", "us")
    entry.samples, entry.facts = [1.0], {"loss_before": 2.3, "loss": loss}
    check_losses(run, "a case", [entry])
    assert not entry.counts
