"""Gradients that travel in pieces while the backward pass goes on. tests/test_mpi.py has real processes."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.fitting import gradient_sum
from nnlite.fitting.gradient_sum import GradientSum, cut

from ..support import Square, for_each
from .processes import WEIGHTS, X, agree, rng, same_on_all, train, y


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(gradient_sum, "PACKED", 4)
    monkeypatch.setattr(gradient_sum, "PIECE", 20)


def both(n, *hidden, sync_batch_norm=False, callbacks=(), **options):
    """Train in n processes, in pieces and at once; the sums of threads are in the order of the ranks in both."""

    def run(world):
        return train(world, *[make() for make in hidden], callbacks=[make() for make in callbacks], **options)

    options_of_world = {"sync_batch_norm": sync_batch_norm}
    return [same_on_all(nn.mpi.simulate(n, run, overlap=overlap, **options_of_world)) for overlap in (True, False)]


# ---- the pieces -----------------------------------------------------------------------------------------------------


def test_pieces_are_all_weights_from_the_last_layer_to_the_first(monkeypatch):
    monkeypatch.setattr(gradient_sum, "PIECE", 60)
    inner = nn.Residual([nn.Dense(8), nn.ReLU(), nn.Dense(8)])
    layers = [nn.Dense(8), nn.LayerNorm(), inner, nn.Dense(3), nn.Dense(4), nn.Softmax()]
    model = nn.Model(layers, n_features=5, seed=0)
    pieces = cut(model)
    stops = [piece.place.stop for piece in pieces]
    assert stops[0] == model.n_weights
    assert [piece.place.start for piece in pieces] == [*stops[1:], 0]
    assert [piece.layer for piece in pieces] == [inner, layers[0]]  # 24 + 12 weights are too few
    assert pieces[0].learning == (inner.layers[0], inner.layers[2], layers[3], layers[4])


@for_each(
    "overlap, bits, size, expected",
    [(True, None, 4, 2), (False, None, 4, 0), (None, None, 4, 0), (None, 16, 4, 0), (True, None, 2000, 0)],
)
def test_what_is_large_and_allowed_is_sent_in_pieces(overlap, bits, size, expected, request):
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.setattr(gradient_sum, "PACKED", size)
    monkeypatch.setattr(gradient_sum, "PIECE", 20)
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=6, seed=0)
    sums = GradientSum(nn.mpi.World(overlap=overlap, gradient_bits=bits), model, lambda gradient: None)
    assert len(sums.pieces) == expected
    assert sums.overlaps == bool(expected)


def test_machines_that_differ_overlap_by_default(small_pieces):
    class Machines(nn.mpi.World):
        def gather(self, value):
            return [value, f"not {value}"]

    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=6, seed=0)
    assert GradientSum(Machines(), model, lambda gradient: None).overlaps
    assert not GradientSum(Machines(overlap=False), model, lambda gradient: None).overlaps


# ---- when they are sent ---------------------------------------------------------------------------------------------


class Noting(nn.mpi.World):
    """One of two processes, the other of which has no gradient: it notes when a sum is started and awaited."""

    size = 2

    def __init__(self, notes):
        super().__init__(overlap=True)
        self.notes = notes

    def gather(self, value):
        return [value] * 2

    def start_sum(self, vector):
        self.notes.append(vector.size)
        return lambda: self.notes.append("waited")


class Note(nn.Activation):
    def __init__(self, notes):
        self.notes = notes

    def forward(self, z, cache):
        return z.copy()

    def backward(self, da, cache):
        self.notes.append("backward")
        return da


def test_a_piece_is_sent_before_the_layers_in_front_are_computed(small_pieces):
    notes = []
    hidden = nn.Dense(4), Note(notes), nn.Dense(5), Note(notes)
    train(Noting(notes), *hidden, epochs=1, batch_size=None)  # 6-8-4-5-3
    assert notes == ["backward", 35, "backward", 32, 48, *["waited"] * 3]  # 20 + 15 weights, then 8 x 4, and 6 x 8


@pytest.mark.slow
def test_compiled_kernels_deliver_a_piece_before_the_next_is_computed(small_pieces):
    pytest.importorskip("numba")
    notes = []

    class Watching(Noting):
        def start_sum(self, vector):
            notes.append([float(np.abs(part).max()) > 0 for part in self.parts()])
            return super().start_sum(vector)

        def parts(self):
            return self.model.grad[:48], self.model.grad[48:80], self.model.grad[80:115]

    world = Watching([])
    layers = [nn.Dense(8), nn.Tanh(), nn.Dense(4), nn.Tanh(), nn.Dense(5), nn.Tanh(), nn.Dense(3), nn.Softmax()]
    world.model = nn.Model(layers, n_features=6, seed=0)
    world.model.grad = 0
    world.model.fit(X, y, epochs=1, batch_size=None, engine="compiled", parallel=world, progress=False)
    assert notes == [[False, False, True], [False, True, True], [True, True, True]]


# ---- what comes out -------------------------------------------------------------------------------------------------


@for_each(
    "options",
    [
        {"n": 2},
        {"n": 3, "sample_weight": WEIGHTS, "batch_size": 20},
        {"n": 5, "batch_size": 3},  # fewer examples than processes
        {"n": 2, "engine": "compiled"},
        {"n": 3, "engine": "compiled", "sample_weight": WEIGHTS, "batch_size": 25},
        {"n": 5, "engine": "compiled", "batch_size": 3, "optimizer": nn.SGD(0.01)},
        {"n": 2, "optimizer": nn.SGD(0.1, clip_norm=0.05, weight_decay=0.01)},
    ],
    ids=str,
)
def test_pieces_give_the_bits_of_one_message(options, small_pieces):
    if options.get("engine") == "compiled":
        pytest.importorskip("numba")
    options = {"engine": "textbook", **options}
    n, hidden = options.pop("n"), [lambda: nn.Dense(8), nn.Tanh, lambda: nn.Dropout(0.2), lambda: nn.Dense(6), nn.ReLU]
    pieces, whole = both(n, *hidden, **options)
    np.testing.assert_array_equal(pieces[0].theta, whole[0].theta)
    assert pieces[1] == whole[1]
    alone = train(None, *[make() for make in hidden], **options)
    agree(pieces, alone, 1e-12)


def test_synchronized_batch_norm_and_pieces_do_not_cross(small_pieces):
    hidden = [nn.BatchNorm, nn.Tanh, lambda: nn.Dense(8), nn.BatchNorm, nn.Tanh]
    options = {"optimizer": nn.SGD(0.05), "batch_size": 20}
    pieces, whole = both(3, *hidden, sync_batch_norm=True, **options)
    np.testing.assert_array_equal(pieces[0].theta, whole[0].theta)
    agree(pieces, train(None, *[make() for make in hidden], **options))


@for_each("engine", ["textbook", "compiled"])
def test_a_layer_that_is_frozen_meanwhile_keeps_its_weights(engine, request):
    request.getfixturevalue("small_pieces")
    if engine == "compiled":
        pytest.importorskip("numba")

    class Freeze(nn.Callback):
        def on_epoch_begin(self, epoch, logs):
            layer = self.model.layers[0]
            layer.trainable = epoch != 1
            if epoch == 2:
                np.testing.assert_array_equal(layer.W, self.W)
            self.W = layer.W.copy()

    pieces, whole = both(2, lambda: nn.Dense(8), nn.Tanh, epochs=3, callbacks=[Freeze], engine=engine, optimizer="adam")
    np.testing.assert_array_equal(pieces[0].theta, whole[0].theta)


@pytest.mark.slow  # compiles kernels of images
def test_convolutions_inside_a_piece_come_at_the_end(small_pieces):
    """The kernels add up the gradients of filters at the end of a step: no piece with them may be sent before."""
    pytest.importorskip("numba")
    examples = rng.standard_normal((30, 16)), y[:30]

    def run(world):
        layers = [nn.Dense(16), nn.Reshape((4, 4, 1)), nn.Conv2D(2, 3), nn.ReLU(), nn.Flatten(), nn.Dense(3)]
        model = nn.Model([*layers, nn.Softmax()], seed=0, dtype="float64")
        history = model.fit(*examples, epochs=2, batch_size=8, progress=False, engine="compiled", parallel=world)
        del history["seconds"]
        return model, history

    pieces = same_on_all(nn.mpi.simulate(2, run, overlap=True))
    np.testing.assert_array_equal(pieces[0].theta, same_on_all(nn.mpi.simulate(2, run))[0].theta)


@for_each("engine", ["textbook", "compiled"])
def test_a_training_in_pieces_that_diverges_raises_the_same_error_everywhere(engine, request):
    request.getfixturevalue("small_pieces")
    if engine == "compiled":
        pytest.importorskip("numba")

    def run(world):
        hidden = [Square()] if engine == "textbook" else [nn.Dense(8), nn.ReLU()]
        options = {"optimizer": nn.SGD(1e200), "epochs": 9, "engine": engine, "output": nn.Identity()}
        with pytest.raises(nn.DivergenceError) as caught:
            train(world, *hidden, examples=(X, X[:, :3]), **options)
        return str(caught.value)

    first, second = nn.mpi.simulate(2, run, overlap=True)
    assert first == second


def test_a_gradient_that_a_layer_does_not_set_is_refused_before_it_travels(small_pieces):
    class Forgetful(nn.Dense):
        def backward(self, dz, cache):
            return dz @ self.W.T

    with pytest.raises(nn.ArgumentError, match=r"backward must set self\.dW"):
        nn.mpi.simulate(2, lambda world: train(world, Forgetful(8), nn.Tanh()), overlap=True)
