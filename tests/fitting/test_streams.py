"""Facts about sources of batches: lists, sequences, iterables and generators train as arrays do, and are checked."""

import numpy as np
import pytest

import nnlite as nn

from ..support import Spy, for_each, refuse, table, without_seconds

M, SIZE = 22, 5  # the last of five batches has two examples
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, 4))
y = RNG.integers(0, 3, M)
weight = RNG.integers(0, 3, M).astype(float)
NUMBERS = np.arange(M)
PARTS = [slice(start, start + SIZE) for start in range(0, M, SIZE)]
PAIRS = [(X[part], y[part]) for part in PARTS]
TRIPLES = [(X[part], y[part], weight[part]) for part in PARTS]


def classifier(*, dtype="float64", **options):
    layers = [nn.Dense(5), nn.Tanh(), nn.Dense(3), nn.Softmax()]
    return nn.Model(layers, seed=0, dtype=dtype, **options)


class Again:
    """An iterable that starts again each time and counts how often it was started."""

    def __init__(self, items):
        self.items, self.n_started = items, 0

    def __iter__(self):
        self.n_started += 1
        return iter(self.items)


class Loader:
    """An iterable that is its own iterator and starts again at ``iter``, as many people write them."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __iter__(self):
        self.position = 0
        return self

    def __next__(self):
        if self.position == len(self.items):
            raise StopIteration
        self.position += 1
        return self.items[self.position - 1]


class Numbered:
    """A sequence of batches that has a length, items by number, and nothing else."""

    def __init__(self, items):
        self.items, self.asked = items, []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        self.asked.append(i)
        return self.items[i]


class Sequence(Numbered):
    """The same with a method for the end of an epoch."""

    epochs = 0

    def on_epoch_end(self):
        self.epochs += 1
        self.asked.append("end")


def forever(items, asked=None):
    while True:
        for i, item in enumerate(items):
            if asked is not None:
                asked.append(i)
            yield item


def refused_unbuilt(source, *fragments, **options):
    model = classifier()
    state = model.rng.bit_generator.state
    refuse(lambda: model.fit(source, **options), *fragments)
    assert not model.built
    assert model.rng.bit_generator.state == state


# ---- a source trains like arrays --------------------------------------------------------------------------------

SOURCES = {
    "list": lambda items: (items, {"shuffle": False}),
    "tuple": lambda items: (tuple(items), {"shuffle": False}),
    "list of lists": lambda items: ([list(item) for item in items], {"shuffle": False}),
    "numbered": lambda items: (Numbered(items), {"shuffle": False}),
    "sequence": lambda items: (Sequence(items), {"shuffle": False}),
    "iterable": lambda items: (Again(items), {}),
    "loader": lambda items: (Loader(items), {}),
    "loader with steps": lambda items: (Loader(items), {"steps_per_epoch": len(items)}),
    "generator": lambda items: (forever(items), {"steps_per_epoch": len(items)}),
    "iterator": lambda items: (iter(items * 3), {"steps_per_epoch": len(items)}),
}


@for_each("dtype", ["float32", "float64"])
@for_each("kind", SOURCES)
def test_a_source_trains_like_arrays_in_the_same_order(kind, dtype):
    from_arrays, from_source = classifier(dtype=dtype), classifier(dtype=dtype)
    options = {"epochs": 3, "validation_data": (X, y)}
    expected = from_arrays.fit(X, y, batch_size=SIZE, shuffle=False, **options)
    source, more = SOURCES[kind](PAIRS)
    history = from_source.fit(source, **options, **more)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)
    assert without_seconds(history) == without_seconds(expected)


@for_each("kind", SOURCES)
def test_weights_from_a_source_are_sample_weights(kind):
    from_arrays, from_source = classifier(), classifier()
    expected = from_arrays.fit(X, y, sample_weight=weight, batch_size=SIZE, shuffle=False, epochs=3)
    source, more = SOURCES[kind](TRIPLES)
    history = from_source.fit(source, epochs=3, **more)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)
    assert without_seconds(history) == without_seconds(expected)


def test_pairs_and_triples_may_be_mixed():
    from_arrays, from_source = classifier(), classifier()
    mixed = [TRIPLES[0], PAIRS[1], (*PAIRS[2], None), *TRIPLES[3:]]
    weights = np.where((SIZE <= NUMBERS) & (NUMBERS < 3 * SIZE), 1, weight)
    expected = from_arrays.fit(X, y, sample_weight=weights, batch_size=SIZE, shuffle=False, epochs=2)
    history = from_source.fit(mixed, shuffle=False, epochs=2)
    np.testing.assert_allclose(from_source.theta, from_arrays.theta, rtol=1e-12)
    assert history["loss"] == pytest.approx(expected["loss"], rel=1e-12)


@pytest.mark.parametrize("shuffle", [True, False])
def test_fit_on_batches_is_a_loop_by_hand_over_them(shuffle):
    fitted, by_hand, optimizer = classifier(), classifier(), nn.SGD(0.1)
    batches = nn.batches(X, y, SIZE, 7, shuffle=shuffle)
    history = fitted.fit(batches, epochs=3, optimizer=nn.SGD(0.1), engine="textbook")
    source, losses = nn.batches(X, y, SIZE, 7, shuffle=shuffle), []
    for _ in range(3):
        total = 0
        for X_batch, y_batch in source:
            by_hand.forward(X_batch)
            total += by_hand.cost(y_batch) * len(y_batch)
            by_hand.backward(y_batch)
            optimizer.step(by_hand)
        losses.append(total / M)
    np.testing.assert_array_equal(fitted.theta, by_hand.theta)
    assert history["loss"] == pytest.approx(losses, rel=1e-12)


def test_all_weights_of_a_batch_may_be_0():
    one = np.where(NUMBERS == 0, 1.0, 0.0)
    from_arrays, from_source = classifier(), classifier()
    expected = from_arrays.fit(X, y, sample_weight=one, batch_size=SIZE, shuffle=False, epochs=2)
    history = from_source.fit(nn.batches(X, y, SIZE, shuffle=False, sample_weight=one), epochs=2)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)
    assert without_seconds(history) == without_seconds(expected)


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 2.0, 2: 0.5}, [1, 2, 0.5]])
def test_class_weights_work_with_a_source(weights):
    from_arrays, from_source = classifier(), classifier()
    from_arrays.fit(X, y, class_weight=weights, batch_size=SIZE, shuffle=False, epochs=2)
    from_source.fit(PAIRS, class_weight=weights, shuffle=False, epochs=2)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)


def test_batches_may_vary_in_size_and_the_history_is_the_mean_over_examples():
    parts = [slice(0, 1), slice(1, 12), slice(12, 14), slice(14, M)]
    model = classifier(n_features=4)
    before = model.evaluate(X, y)
    history = model.fit([(X[part], y[part]) for part in parts], optimizer=nn.SGD(1e-30), epochs=1)
    assert history["loss"] == [pytest.approx(before["loss"], rel=1e-12)]
    assert history["accuracy"] == [pytest.approx(before["accuracy"], rel=1e-12)]


def test_each_batch_may_have_labels_of_another_form():
    from_classes, from_forms = classifier(), classifier()
    forms = [y[PARTS[0]].tolist(), nn.one_hot(y[PARTS[1]], 3), y[PARTS[2]].astype(np.uint8), *(y[p] for p in PARTS[3:])]
    mixed = [(a.tolist(), form) for (a, _), form in zip(PAIRS, forms, strict=True)]
    from_classes.fit(PAIRS, shuffle=False, epochs=2)
    from_forms.fit(mixed, shuffle=False, epochs=2)
    np.testing.assert_array_equal(from_forms.theta, from_classes.theta)


def test_a_network_is_built_from_the_first_batch():
    images = [(np.ones((3, 2, 2), np.uint8), [0, 1, 2])] * 2
    model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], seed=0)
    model.fit(forever(images), steps_per_epoch=2, epochs=1)
    assert model.input_shape == (2, 2)


def test_the_arrays_of_a_source_are_not_written():
    given = [tuple(array.copy() for array in triple) for triple in TRIPLES]
    for triple in given:
        for array in triple:
            array.flags.writeable = False
    classifier().fit(given, epochs=2)


def test_a_generator_may_use_its_arrays_again():
    def reusing():
        X_batch, y_batch = np.empty((SIZE, 4)), np.empty(SIZE, int)
        while True:
            for a, b in PAIRS[:-1]:
                X_batch[...], y_batch[...] = a, b
                yield X_batch, y_batch

    expected, reused = classifier(), classifier()
    options = {"steps_per_epoch": 4, "epochs": 2}
    history = expected.fit(forever(PAIRS[:-1]), **options)
    again = reused.fit(reusing(), **options)
    np.testing.assert_array_equal(reused.theta, expected.theta)
    assert without_seconds(again) == without_seconds(history)


# ---- epochs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [list, Numbered, Sequence])
def test_a_sequence_is_visited_in_another_order_in_every_epoch(make):
    items = [(np.full((2, 1), float(i)), [0, 1]) for i in range(8)]
    model = nn.Model([spy := Spy(), nn.Dense(2), nn.Softmax()], n_features=1, seed=0)
    model.fit(make(items), epochs=3)
    orders = np.reshape([batch[0] for batch in spy.trained], (3, 8))
    np.testing.assert_array_equal(np.sort(orders), [np.arange(8)] * 3)
    assert len({tuple(order) for order in orders}) == 3


def test_on_epoch_end_of_a_sequence_is_called():
    source = Sequence(PAIRS)
    classifier().fit(source, shuffle=False, epochs=3)
    assert source.asked == [0, *[0, 1, 2, 3, 4, "end"] * 3]  # the first batch says what the network is built for


def test_a_change_in_on_epoch_end_takes_effect_in_the_next_epoch():
    class Growing(Sequence):
        def on_epoch_end(self):
            self.items = [(2 * a, b) for a, b in self.items]

    grown, by_hand = classifier(), classifier()
    grown.fit(Growing(PAIRS), shuffle=False, epochs=2)
    by_hand.fit(PAIRS, shuffle=False, epochs=1)
    by_hand.fit([(2 * a, b) for a, b in PAIRS], shuffle=False, epochs=1)
    np.testing.assert_array_equal(grown.theta, by_hand.theta)


def test_an_iterable_starts_once_in_each_epoch():
    source = Again(PAIRS)
    classifier().fit(source, epochs=3)
    assert source.n_started == 3


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_generator_continues_from_epoch_to_epoch_and_gives_no_batch_too_many(epochs):
    asked = []
    source = forever(PAIRS, asked)
    model = classifier()
    history = model.fit(source, steps_per_epoch=3, epochs=epochs)
    assert history.epochs == epochs
    assert asked == [i % 5 for i in range(3 * epochs)]
    model.fit(source, steps_per_epoch=2, epochs=1)
    assert asked == [i % 5 for i in range(3 * epochs + 2)]


@pytest.mark.parametrize("make", [list, Numbered, Again, Loader])
def test_steps_per_epoch_shortens_an_epoch(make):
    steps = []
    count = nn.LambdaCallback(on_batch_end=lambda batch, logs: steps.append(batch))
    classifier().fit(make(PAIRS), steps_per_epoch=2, epochs=3, callbacks=[count])
    assert steps == [0, 1] * 3


@pytest.mark.parametrize("make", [list, Numbered, Loader])
def test_more_steps_than_a_source_has_are_refused(make):
    refused_unbuilt(make(PAIRS), "steps_per_epoch: expected at most 5", "got 6", steps_per_epoch=6)


def test_a_generator_needs_steps_per_epoch():
    refused_unbuilt(forever(PAIRS), "steps_per_epoch: ", "generator", "expected a number")
    refused_unbuilt(iter(PAIRS), "steps_per_epoch: ", "expected a number")


def test_a_generator_that_ends_within_an_epoch_ends_the_training_with_a_warning():
    steps = []
    count = nn.LambdaCallback(on_batch_end=lambda batch, logs: steps.append(batch))
    with pytest.warns(UserWarning, match="ended after 2 of 3 in epoch 2; the training ends here"):
        history = classifier().fit(iter(PAIRS), steps_per_epoch=3, epochs=4, callbacks=[count])
    assert (history.epochs, steps) == (2, [0, 1, 2, 0, 1])


def test_a_generator_that_ends_between_epochs_keeps_the_epochs_before():
    model, twin, ended = classifier(), classifier(), []
    end = nn.LambdaCallback(on_train_end=ended.append)
    with pytest.warns(UserWarning, match="ended after 0 of 5 in epoch 2"):
        history = model.fit(iter(PAIRS), steps_per_epoch=5, epochs=3, callbacks=[end])
    expected = twin.fit(PAIRS, shuffle=False, epochs=1)
    assert history["loss"] == expected["loss"]
    assert ended[0]["loss"] == history["loss"][-1]
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_an_iterable_that_works_only_once_trains_one_epoch():
    class Once:
        items = iter(PAIRS)

        def __iter__(self):
            return iter(self.items)

    with pytest.warns(UserWarning, match="ended after 0 in epoch 2"):
        assert classifier().fit(Once(), epochs=2).epochs == 1


def test_a_generator_can_be_used_again_after_training_stopped_in_the_middle():
    asked = []
    source = forever(PAIRS, asked)
    model = classifier()
    stop = nn.LambdaCallback(on_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 1))
    model.fit(source, steps_per_epoch=4, callbacks=[stop])
    model.fit(source, steps_per_epoch=1, epochs=1)
    assert asked == [0, 1, 2]


# ---- wrong sources ----------------------------------------------------------------------------------------------


@for_each(
    ("source", "options"),
    [([], {}), ((), {}), (Numbered([]), {}), (Again([]), {}), (Loader([]), {}), (iter([]), {"steps_per_epoch": 1})],
)
def test_an_empty_source_is_refused(source, options):
    refused_unbuilt(source, "X: the source of batches is empty", **options)


BAD = [
    ("array", X, ["X: expected a source of batches (X, y) or (X, y, sample_weight)", "ndarray of 22", "batch {n}"]),
    ("X alone", (X,), ["X: expected a source of batches", "tuple of 1", "batch {n}"]),
    ("four", (X, y, weight, y), ["X: expected a source of batches", "tuple of 4", "batch {n}"]),
    ("None", None, ["X: expected a source of batches", "NoneType", "batch {n}"]),
    ("dict", {"X": X, "z": y}, ["X: expected a source of batches", "'labels'", "dict of 'X', 'z'", "batch {n}"]),
    ("two X", {"X": X, "Z": X, "y": y}, ["X: expected a source of batches", "dict of 'X', 'Z', 'y'", "batch {n}"]),
    (
        "two weights",
        {"X": X, "y": y, "sample_weight": y, "sample_weights": y},
        ["X: expected a source of batches", "dict of 'X', 'y', 'sample_weight', 'sample_weights'"],
    ),
    ("no X", {"y": y}, ["X: expected a source of batches", "dict of 'y'", "batch {n}"]),
    ("two y", {"X": X, "y": y, "label": y}, ["X: expected a source of batches", "'y', 'label'", "batch {n}"]),
    ("example", (X[0], y[0]), ["batch {n} X: ", "two dimensions", "batch {n} X.reshape(1, -1)"]),
    ("no rows", (X[:0], y[:0]), ["batch {n} X: ", "at least one example"]),
    ("nan", (X * np.nan, y), ["batch {n} X: ", "finite"]),
    ("label", (X, y + 1), ["batch {n} y: ", "label 3 is out of range", "0..2"]),
    ("lengths", (X, y[1:]), ["batch {n} y: ", "expected 22 labels", "got 21"]),
    ("weights", (X, y, weight[1:]), ["batch {n} sample_weight: ", "22 examples", "(21,)"]),
    ("negative weight", (X, y, -weight), ["batch {n} sample_weight: ", "at least 0", "-2"]),
    ("nan weight", (X, y, weight * np.nan), ["batch {n} sample_weight: ", "finite"]),
]


@pytest.mark.parametrize(("bad", "fragments"), table(BAD))
def test_a_bad_batch_is_named(bad, fragments):
    first = [fragment.format(n=0) for fragment in fragments]
    refused_unbuilt([bad, *PAIRS], *first)
    refused_unbuilt(iter([bad, *PAIRS]), *first, steps_per_epoch=2)
    third = [fragment.format(n=2) for fragment in fragments]
    items = [*PAIRS[:2], bad, *PAIRS[2:]]
    refuse(lambda: classifier().fit(items, shuffle=False), *third)
    refuse(lambda: classifier().fit(items), *third)  # by its place in the list, whatever the order
    refuse(lambda: classifier().fit(Again(items)), *third)
    refuse(lambda: classifier().fit(iter(items), steps_per_epoch=5), *third)


def test_another_width_in_a_later_batch_is_refused():
    items = [*PAIRS, (X[:, :2], y)]
    refuse(lambda: classifier().fit(items), "batch 5 X: ", "expected 4 features", "got 2 features")
    refuse(lambda: classifier(n_features=3).fit(PAIRS), "batch 0 X: ", "expected 3 features", "got 4 features")


def test_after_a_bad_batch_the_network_can_be_trained():
    model, twin = classifier(), classifier()
    refuse(lambda: model.fit([*PAIRS, (X, y + 1)], shuffle=False), "batch 5 y: ")
    twin.fit(PAIRS, shuffle=False, epochs=1)
    model.fit(PAIRS, shuffle=False, epochs=1)
    twin.fit(PAIRS, shuffle=False, epochs=1)
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_metrics_take_batches_with_indices_and_with_rows():
    X, y = np.random.default_rng(0).standard_normal((12, 4)), np.arange(12) % 3
    mixed = [(X[:6], y[:6]), (X[6:], np.eye(3)[y[6:]])]
    alike = [(X[:6], y[:6]), (X[6:], y[6:])]
    histories = []
    for source in mixed, alike:
        model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
        histories.append(model.fit(source, epochs=3, metrics=["f1"], shuffle=False))
    for key in "loss", "accuracy", "f1":
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-6)


def test_kernels_are_compiled_before_the_first_batch_so_that_ctrl_c_need_not_wait_for_it(monkeypatch):
    pytest.importorskip("numba")
    from nnlite.engine.trainer import Trainer

    def interrupted(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "prepare", interrupted)
    begun = []
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    source = [(np.ones((4, 2)), np.zeros(4, int))] * 3
    callback = nn.LambdaCallback(on_batch_begin=lambda batch, logs: begun.append(batch))
    with pytest.raises(KeyboardInterrupt):
        model.fit(source, epochs=1, callbacks=[callback], progress=False, engine="compiled")
    assert begun == []
