"""Facts about `fit(augment=...)`: which images a step sees, that they depend on the seed alone, and what is refused."""

import itertools
import threading

import numpy as np
import pytest

import nnlite as nn
from nnlite import counters
from nnlite.augment.base import Batch

from ..support import refuse, without_seconds
from .resuming import NEVER, CrashError, Crashing

augment = nn.augment
M, SIZE = 70, 16
RNG = np.random.default_rng(0)
y = np.arange(M) % 3
X = np.stack([np.kron(np.eye(4)[[k, 3]], RNG.random((4, 2))) for k in y])  # (M, 8, 8)
MOVES = [augment.Rotate(20), augment.Elastic(), augment.Crop(1)]
MIXES = [augment.Flip(), augment.Mixup(0.5)]
VALID = RNG.random((9, 8, 8)), np.arange(9) % 3


def classifier(*extra, output=None, units=3, dtype="float64"):
    layers = [nn.Flatten(), nn.Dense(6), nn.Tanh(), *extra, nn.Dense(units), output or nn.Softmax()]
    return nn.Model(layers, n_features=(8, 8), seed=0, dtype=dtype)


def trained(model=None, X=X, y=y, **options):
    model = classifier() if model is None else model
    options = {"optimizer": nn.SGD(0.2, momentum=0.9), "epochs": 2, "batch_size": SIZE, "progress": False} | options
    history = model.fit(X, y, **options)
    return model, history


def by_hand(moves, weights=None):
    """The same training as a loop by hand: an order and a key for each epoch, a generator for each batch."""
    model, optimizer = classifier(), nn.SGD(0.2, momentum=0.9)
    chain = augment.Compose(moves)
    for _ in range(2):
        order, key = model.rng.permutation(M), counters.draw_key(model.rng)
        for number, start in enumerate(range(0, M, SIZE)):
            rows = order[start : start + SIZE]
            rng = np.random.Generator(np.random.Philox(key=np.array([key, number], np.uint64)))
            w = None if weights is None else weights[rows]
            batch = chain.augment(Batch(X[rows][..., None], np.eye(3)[y[rows]], w), rng)
            model.forward(batch.images[..., 0])
            model.cost(batch.Y, batch.weights)
            model.backward(batch.Y, batch.weights)
            optimizer.step(model)
    return model


@pytest.mark.parametrize("moves", [MOVES, MIXES], ids=["moves", "mixes"])
def test_fit_is_a_loop_by_hand_with_augmented_batches(moves):
    np.testing.assert_array_equal(trained(augment=moves, engine="textbook")[0].theta, by_hand(moves).theta)


def test_mixup_mixes_the_weights_of_examples_too():
    weights = RNG.integers(0, 3, M).astype(float)
    ours = trained(augment=MIXES, sample_weight=weights, engine="textbook")[0]
    np.testing.assert_array_equal(ours.theta, by_hand(MIXES, weights).theta)


@pytest.mark.parametrize("moves", [MOVES, MIXES], ids=["moves", "mixes"])
def test_the_compiled_engine_trains_on_the_same_images(moves):
    for X_given in (X, np.rint(255 * X).astype(np.uint8)):
        options = {"augment": moves, "metrics": ["top_2_accuracy"] * (moves is MOVES)}
        scale = 0.2 / (1 if X_given is X else 255)
        results = [
            trained(X=X_given, optimizer=nn.SGD(scale), engine=engine, **options) for engine in ("textbook", "compiled")
        ]
        (one, first), (other, second) = results
        np.testing.assert_allclose(other.theta, one.theta, rtol=1e-9, atol=1e-12)
        for key in without_seconds(first):
            np.testing.assert_allclose(second[key], first[key], rtol=1e-9)


@pytest.mark.parametrize("engine", ["textbook", "compiled"])
def test_any_number_of_threads_prepares_the_same_batches(engine, monkeypatch):
    """For the compiled engine, the steps have one thread in each case: their last bits depend on their number."""
    thetas = []
    for n in (1, 2, 5):
        monkeypatch.setattr("nnlite.fitting.augmented.wanted_threads", lambda n=n: n)
        monkeypatch.setattr("nnlite.fitting.augmented.PIECE", [2**20, 64 * SIZE, 130 * SIZE][n % 3])
        thetas.append(trained(augment=MOVES, engine=engine)[0].theta)
    for theta in thetas[1:]:
        np.testing.assert_array_equal(theta, thetas[0])


def test_the_seed_decides_the_images():
    one, again = trained(augment=MOVES)[0], trained(augment=MOVES)[0]
    np.testing.assert_array_equal(one.theta, again.theta)
    other = classifier()
    other.rng.random()
    assert not np.array_equal(trained(other, augment=MOVES)[0].theta, one.theta)
    assert not np.array_equal(trained()[0].theta, one.theta)


@pytest.mark.parametrize("engine", ["textbook", "compiled"])
@pytest.mark.parametrize("every", [None, 2])
def test_a_training_that_was_interrupted_ends_like_one_that_was_not(engine, every, tmp_path):
    def attempt(name, crash_after=NEVER):
        steps = itertools.count() if crash_after is NEVER else iter(range(crash_after))
        extra = [nn.Dropout(0.2)]
        model, history = trained(
            classifier(*extra),
            augment=MIXES + MOVES,
            engine=engine,
            epochs=3,
            checkpoint=nn.Checkpoint(tmp_path / name, every=every),
            resume=True,
            callbacks=[Crashing(steps)],
        )
        return model.theta.copy(), without_seconds(history), str(model.rng.bit_generator.state)

    whole = attempt("whole")
    for n in (2, 6, 3):
        with pytest.raises(CrashError):
            attempt("broken", n)
    for again in (attempt("broken"), attempt("broken")):
        np.testing.assert_array_equal(again[0], whole[0])
        assert again[1:] == whole[1:]


def test_another_augmentation_is_another_training(tmp_path):
    trained(augment=MOVES, checkpoint=tmp_path)
    for other in (None, MOVES[:2], [augment.Rotate(21), *MOVES[1:]]):
        refuse(lambda other=other: trained(augment=other, checkpoint=tmp_path, resume=True),
               "checkpoint: ", "another training", "augmented by")  # fmt: skip
    trained(augment=tuple(MOVES), checkpoint=tmp_path, resume=True)


class Far(augment.Augmentation):
    """Makes every image the same, far away."""

    def apply(self, images, rng):
        return np.full_like(images, 1000.0)


@pytest.mark.parametrize("split", [False, True])
def test_validation_data_are_never_augmented(split):
    options = {"validation_split": 0.2} if split else {"validation_data": VALID}
    _, history = trained(augment=Far(), optimizer=nn.SGD(1e-9), epochs=1, **options)
    plain = classifier()
    if not split:
        assert history["val_loss"][-1] == pytest.approx(plain.evaluate(*VALID)["loss"], rel=1e-4)
    _, of_plain = trained(plain, optimizer=nn.SGD(1e-9), epochs=1, **options)
    assert history["val_loss"] == pytest.approx(of_plain["val_loss"], rel=1e-4)
    assert history["loss"] != pytest.approx(of_plain["loss"], rel=1e-4)


def test_rows_of_pixels_and_channels_are_the_same_images():
    thetas = []
    for shape in ((8, 8), (64,), (8, 8, 1)):
        layers = [nn.Flatten(), nn.Dense(6), nn.Tanh(), nn.Dense(3), nn.Softmax()]
        model = nn.Model(layers, n_features=shape, seed=0)
        given = augment.Compose(MOVES, image_shape=(8, 8)) if shape == (64,) else MOVES
        thetas.append(trained(model, X.reshape(M, *shape), augment=given)[0].theta)
    np.testing.assert_array_equal(thetas[0], thetas[1])
    np.testing.assert_array_equal(thetas[0], thetas[2])


@pytest.mark.parametrize("engine", ["textbook", "compiled"])
@pytest.mark.parametrize("moves", [MOVES, MIXES], ids=["moves", "mixes"])
def test_batches_from_a_source_are_augmented_as_those_of_arrays_are(engine, moves):
    parts = [slice(start, start + SIZE) for start in range(0, M, SIZE)]
    options = {"augment": moves, "engine": engine, "shuffle": False}
    of_arrays, first = trained(**options)
    options.pop("shuffle")
    of_source, second = trained(X=[(X[part], y[part]) for part in parts], y=None, batch_size=None, shuffle=False,
                                augment=moves, engine=engine)  # fmt: skip
    np.testing.assert_allclose(of_source.theta, of_arrays.theta, rtol=1e-9, atol=1e-12)
    assert second["loss"] == pytest.approx(first["loss"])

    def forever():
        yield from itertools.cycle([(X[part], y[part]) for part in parts])

    of_generator, _ = trained(X=forever(), y=None, steps_per_epoch=5, augment=moves, engine=engine)
    np.testing.assert_allclose(of_generator.theta, of_source.theta, rtol=1e-9, atol=1e-12)


def test_nothing_is_taken_from_a_source_ahead_of_the_training():
    taken = []

    def forever():
        for number in itertools.count():
            taken.append(number)
            yield X[:SIZE], y[:SIZE]

    class Stop(nn.Callback):
        def on_batch_end(self, batch, logs):
            self.model.stop_training = batch == 2

    trained(X=forever(), y=None, steps_per_epoch=50, augment=MOVES, callbacks=[Stop()])
    assert taken == [0, 1, 2]


def test_an_error_in_an_own_augmentation_reaches_the_user_and_no_thread_is_left():
    class Failing(augment.Augmentation):
        def apply(self, images, rng):
            if len(images) < SIZE:
                raise ZeroDivisionError("the last batch")
            return images

    for engine in ("textbook", "compiled"):
        with pytest.raises(ZeroDivisionError, match="the last batch"):
            trained(augment=Failing(), engine=engine)
        trained(augment=MOVES, engine=engine)
    assert not [thread for thread in threading.enumerate() if "ahead" in thread.name]


@pytest.mark.slow
def test_a_training_on_turned_digits_learns_them():
    """What augmentation is for: a network that has seen turned images knows them."""
    digits = nn.load_digits()
    X_train, X_test = (part.reshape(-1, 8, 8) for part in (digits.X_train, digits.X_test))
    turned = augment.Rotate((25, 25))(X_test)
    accuracy = []
    for moves in (None, augment.Rotate(30)):
        layers = [nn.Flatten(), nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()]
        model = nn.Model(layers, seed=0)
        model.fit(X_train, digits.y_train, optimizer="adam", epochs=12, augment=moves, progress=False)
        accuracy.append(model.evaluate(turned, digits.y_test)["accuracy"])
    assert accuracy[1] > accuracy[0] + 0.1


def test_swa_measures_batch_norm_on_augmented_batches():
    model, _ = trained(classifier(nn.BatchNorm()), augment=MOVES, callbacks=[nn.SWA(0)], epochs=2)
    assert np.isfinite(model.state).all()


def test_what_does_not_go_together_is_refused_and_changes_nothing():
    model = classifier()
    before = model.theta.copy(), str(model.rng.bit_generator.state)

    def fit(*data, **options):
        return lambda: model.fit(*(data or (X, y)), **options)

    refuse(fit(augment=3), "augment: expected augmentations", "3")
    refuse(fit(augment=augment.Compose(["flip"], image_shape=(4, 16))), "image_shape: expected that of the examples")
    refuse(fit(augment="mixup", class_weight="balanced"), "class_weight: a mixed example has two", "sample_weight")
    refuse(fit({"a": [1.0, 2.0]}, [0, 1], augment="flip"), "augment: is for images, and X is a table")
    refuse(fit([(X.reshape(M, 64), y)], augment="flip"), "batch 0 X: expected examples of shape (8, 8)")
    assert np.array_equal(model.theta, before[0])
    assert str(model.rng.bit_generator.state) == before[1]
    flat = nn.Model([nn.Dense(3), nn.Softmax()])
    refuse(lambda: flat.fit(X.reshape(M, 64), y, augment="flip"), "X: has rows of 64 numbers", "image_shape=(8, 8)")
    assert not flat.built
    values = classifier(units=1, output=nn.Identity())
    refuse(lambda: values.fit(X, y.astype(float), augment="mixup"), "augment: Mixup mixes classes", "Identity()")


def test_labels_of_a_sigmoid_are_mixed_too():
    _, history = trained(classifier(units=1, output=nn.Sigmoid()), y=y % 2, augment="mixup", epochs=5)
    assert history["loss"][-1] < history["loss"][0]
    rows = nn.one_hot(y, 3)
    one, _ = trained(augment=MIXES, y=rows)
    np.testing.assert_array_equal(one.theta, trained(augment=MIXES)[0].theta)  # rows and indices are the same
