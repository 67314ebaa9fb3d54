"""Facts about where batches come from: `batches`, lists, sequences, iterables and generators, right and wrong ones."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn
from nnlite.fitting.batches import batches

M, SIZE = 22, 5  # the last of five batches has two examples
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, 4))
y = RNG.integers(0, 3, M)
weight = RNG.integers(0, 3, M).astype(float)
NUMBERS = np.arange(M)
PARTS = [slice(start, start + SIZE) for start in range(0, M, SIZE)]
PAIRS = [(X[part], y[part]) for part in PARTS]
TRIPLES = [(X[part], y[part], weight[part]) for part in PARTS]


def make_model(*, seed=0, dtype="float64", hidden=nn.Tanh, **options):
    layers = [nn.Dense(5), hidden(), nn.Dense(3), nn.Softmax()]
    return nn.Model(layers, seed=seed, dtype=dtype, **options)


def without_seconds(history):
    return {key: values for key, values in history.items() if key != "seconds"}


class Again:
    """An iterable that begins anew each time, and counts how often it was begun."""

    def __init__(self, items):
        self.items, self.begun = items, 0

    def __iter__(self):
        self.begun += 1
        return iter(self.items)


class Loader:
    """An iterable that is its own iterator and begins anew at ``iter``, as many people write them."""

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
    """A sequence of batches: with a length and items by number, and nothing else."""

    def __init__(self, items):
        self.items, self.asked = items, []

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        self.asked.append(i)
        return self.items[i]


class Sequence(Numbered):
    """The same, told when an epoch ends."""

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


def refuse(call, *fragments):
    with pytest.raises(nn.ArgumentError) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(fragments[0]), message
    for fragment in fragments[1:]:
        assert fragment in message, message


def refused_unbuilt(source, *fragments, **options):
    model = make_model()
    state = model.rng.bit_generator.state
    refuse(lambda: model.fit(source, **options), *fragments)
    assert not model.built
    assert model.rng.bit_generator.state == state


# ---- batches ----------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 45), st.booleans(), st.none() | st.integers(0, 9))
def test_batches_give_every_example_once(m, size, shuffle, seed):
    source = batches(np.arange(m)[:, None], np.arange(m) + 100, size, seed, shuffle=shuffle)
    for _ in range(2):
        given = list(source)
        assert len(given) == len(source) == math.ceil(m / size)
        assert [len(a) for a, _ in given] == [size] * (m // size) + ([m % size] if m % size else [])
        numbers = np.concatenate([a[:, 0] for a, _ in given])
        np.testing.assert_array_equal(np.concatenate([b for _, b in given]), numbers + 100)
        np.testing.assert_array_equal(numbers if not shuffle else np.sort(numbers), np.arange(m))


def orders(source, n=3):
    return [np.concatenate([a[:, 0] for a, *_ in source]).tolist() for _ in range(n)]


def numbered(**options):
    return batches(NUMBERS[:, None], y, **options)


def test_the_seed_says_the_orders_which_are_others_each_time():
    first = orders(numbered(seed=3))
    assert first == orders(numbered(seed=3))
    assert len({tuple(order) for order in [*first, *orders(numbered(seed=4)), *orders(numbered())]}) == 9


def test_without_shuffling_the_order_is_that_of_x():
    assert orders(numbered(shuffle=False)) == [NUMBERS.tolist()] * 3


def test_numpys_own_generator_plays_no_part():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    orders(numbered())
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("size", [SIZE, M])
def test_the_arrays_are_the_callers_own(shuffle, size):
    kept, labels, weights = X.copy(), y.copy(), weight.copy()
    given = list(batches(kept, labels, size, 0, shuffle=shuffle, sample_weight=weights))
    for arrays in given:
        for array in arrays:
            array[...] = 9
    np.testing.assert_array_equal(kept, X)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(weights, weight)


def test_a_batch_is_not_overwritten_by_the_next():
    source = batches(X, y, SIZE, shuffle=False)
    given = list(source)
    list(source)
    np.testing.assert_array_equal(np.concatenate([a for a, _ in given]), X)


def test_weights_go_with_their_examples():
    for a, _, w in batches(NUMBERS[:, None], y, SIZE, 0, sample_weight=NUMBERS + 1):
        np.testing.assert_array_equal(a[:, 0] + 1, w)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.int64, bool])
def test_batches_keep_the_dtype(dtype):
    (a, b), *_ = batches(np.ones((M, 2, 2), dtype), y.astype(np.uint8))
    assert (a.dtype, a.shape, b.dtype) == (dtype, (M, 2, 2), np.uint8)


def test_rows_lists_and_two_loops_at_once():
    (a, b), *_ = batches([[1], [2]], [[0.5, 0.5], [0, 1]], shuffle=False)
    assert (a.tolist(), b.tolist()) == ([[1], [2]], [[0.5, 0.5], [0, 1]])
    source = numbered(batch_size=3, shuffle=False)
    for (one, _), (other, _) in zip(source, source, strict=True):
        np.testing.assert_array_equal(one, other)


WRONG_BATCHES = [
    ("no labels", {"y": y[:-1]}, ["y: ", "expected 22 labels", "got 21"]),
    ("one number", {"y": 3}, ["y: ", "expected 22 labels", "3"]),
    ("words", {"y": ["a"] * M}, ["y: ", "expected numbers"]),
    ("nan in y", {"y": np.where(NUMBERS == 3, np.nan, 1)}, ["y: ", "nan at y[3]"]),
    ("nan in X", {"X": np.full((M, 1), np.nan)}, ["X: ", "nan at X[0, 0]"]),
    ("one dimension", {"X": NUMBERS}, ["X: ", "two dimensions"]),
    ("no rows", {"X": np.empty((0, 2)), "y": []}, ["X: ", "at least one example"]),
    *((f"size {v!r}", {"batch_size": v}, ["batch_size: ", "at least 1", repr(v)]) for v in (0, -1, 2.5, None, "3")),
    *((f"seed {v!r}", {"seed": v}, ["seed: ", "at least 0", repr(v)]) for v in (-1, 0.5, "0", True)),
    *((f"shuffle {v!r}", {"shuffle": v}, ["shuffle: ", "True or False", repr(v)]) for v in (1, "no", None)),
    ("weights", {"sample_weight": weight[:-1]}, ["sample_weight: ", "22 examples", "(21,)"]),
    ("negative weight", {"sample_weight": -weight}, ["sample_weight: ", "at least 0", "-2"]),
    ("no weight", {"sample_weight": 0 * weight}, ["sample_weight: ", "not all 0"]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "fragments"), [pytest.param(*row[1:], id=row[0]) for row in WRONG_BATCHES])
def test_wrong_arguments_of_batches_are_refused(options, fragments):
    refuse(lambda: batches(**({"X": X, "y": y} | options)), *fragments)


# ---- a source is as good as arrays ------------------------------------------------------------------------------

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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_trains_as_arrays_in_the_same_order_do(kind, dtype):
    from_arrays, from_source = make_model(dtype=dtype), make_model(dtype=dtype)
    options = {"epochs": 3, "validation_data": (X, y)}
    expected = from_arrays.fit(X, y, batch_size=SIZE, shuffle=False, **options)
    source, more = SOURCES[kind](PAIRS)
    history = from_source.fit(source, **options, **more)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)
    assert without_seconds(history) == without_seconds(expected)


@pytest.mark.parametrize("kind", SOURCES)
def test_weights_from_a_source_are_sample_weights(kind):
    from_arrays, from_source = make_model(), make_model()
    expected = from_arrays.fit(X, y, sample_weight=weight, batch_size=SIZE, shuffle=False, epochs=3)
    source, more = SOURCES[kind](TRIPLES)
    history = from_source.fit(source, epochs=3, **more)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)
    assert without_seconds(history) == without_seconds(expected)


def test_pairs_and_triples_may_be_mixed():
    from_arrays, from_source = make_model(), make_model()
    mixed = [TRIPLES[0], PAIRS[1], (*PAIRS[2], None), *TRIPLES[3:]]
    weights = np.where((SIZE <= NUMBERS) & (NUMBERS < 3 * SIZE), 1, weight)
    expected = from_arrays.fit(X, y, sample_weight=weights, batch_size=SIZE, shuffle=False, epochs=2)
    history = from_source.fit(mixed, shuffle=False, epochs=2)
    np.testing.assert_allclose(from_source.theta, from_arrays.theta, rtol=1e-12)
    assert history["loss"] == pytest.approx(expected["loss"], rel=1e-12)


@pytest.mark.parametrize("shuffle", [True, False])
def test_fit_on_batches_is_ones_own_loop_over_them(shuffle):
    fitted, by_hand, optimizer = make_model(), make_model(), nn.SGD(0.1)
    history = fitted.fit(batches(X, y, SIZE, 7, shuffle=shuffle), epochs=3, optimizer=nn.SGD(0.1))
    source, losses = batches(X, y, SIZE, 7, shuffle=shuffle), []
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


def test_a_shuffled_batch_may_have_no_weight_at_all():
    one = np.where(NUMBERS == 0, 1.0, 0.0)
    from_arrays, from_source = make_model(), make_model()
    expected = from_arrays.fit(X, y, sample_weight=one, batch_size=SIZE, shuffle=False, epochs=2)
    history = from_source.fit(batches(X, y, SIZE, shuffle=False, sample_weight=one), epochs=2)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)
    assert without_seconds(history) == without_seconds(expected)


@pytest.mark.parametrize("weights", [{0: 1.0, 1: 2.0, 2: 0.5}, [1, 2, 0.5]])
def test_class_weights_work_with_a_source(weights):
    from_arrays, from_source = make_model(), make_model()
    from_arrays.fit(X, y, class_weight=weights, batch_size=SIZE, shuffle=False, epochs=2)
    from_source.fit(PAIRS, class_weight=weights, shuffle=False, epochs=2)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)


def test_batches_may_vary_in_size_and_the_history_is_the_mean_over_examples():
    parts = [slice(0, 1), slice(1, 12), slice(12, 14), slice(14, M)]
    model = make_model(n_features=4)
    before = model.evaluate(X, y)
    history = model.fit([(X[part], y[part]) for part in parts], optimizer=nn.SGD(1e-30), epochs=1)
    assert history["loss"] == [pytest.approx(before["loss"], rel=1e-12)]
    assert history["accuracy"] == [pytest.approx(before["accuracy"], rel=1e-12)]


def test_labels_may_have_any_form_in_any_batch():
    from_classes, from_forms = make_model(), make_model()
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


def test_what_a_source_gives_is_only_read():
    given = [tuple(array.copy() for array in triple) for triple in TRIPLES]
    for triple in given:
        for array in triple:
            array.flags.writeable = False
    make_model().fit(given, epochs=2)


def test_a_generator_may_use_its_arrays_again():
    def reusing():
        X_batch, y_batch = np.empty((SIZE, 4)), np.empty(SIZE, int)
        while True:
            for a, b in PAIRS[:-1]:
                X_batch[...], y_batch[...] = a, b
                yield X_batch, y_batch

    expected, reused = make_model(), make_model()
    options = {"steps_per_epoch": 4, "epochs": 2}
    history = expected.fit(forever(PAIRS[:-1]), **options)
    again = reused.fit(reusing(), **options)
    np.testing.assert_array_equal(reused.theta, expected.theta)
    assert without_seconds(again) == without_seconds(history)


# ---- epochs -----------------------------------------------------------------------------------------------------


class Spy(nn.Layer):
    """Passes everything on, and notes the first feature of the first example of each batch."""

    def __init__(self):
        self.seen = []

    def forward(self, a_prev, cache):
        self.seen.append(a_prev[0, 0])
        return a_prev

    def backward(self, da, cache):
        return da


@pytest.mark.parametrize("make", [list, Numbered, Sequence])
def test_a_sequence_is_visited_in_another_order_in_every_epoch(make):
    items = [(np.full((2, 1), float(i)), [0, 1]) for i in range(8)]
    model = nn.Model([spy := Spy(), nn.Dense(2), nn.Softmax()], n_features=1, seed=0)
    spy.seen.clear()
    model.fit(make(items), epochs=3)
    orders = np.reshape(spy.seen, (3, 8))
    np.testing.assert_array_equal(np.sort(orders), [np.arange(8)] * 3)
    assert len({tuple(order) for order in orders}) == 3


def test_a_sequence_is_told_when_an_epoch_ends():
    source = Sequence(PAIRS)
    make_model().fit(source, shuffle=False, epochs=3)
    assert source.asked == [0, *[0, 1, 2, 3, 4, "end"] * 3]  # the first batch says what the network is built for


def test_what_a_sequence_changes_at_the_end_of_an_epoch_counts_for_the_next():
    class Growing(Sequence):
        def on_epoch_end(self):
            self.items = [(2 * a, b) for a, b in self.items]

    grown, by_hand = make_model(), make_model()
    grown.fit(Growing(PAIRS), shuffle=False, epochs=2)
    by_hand.fit(PAIRS, shuffle=False, epochs=1)
    by_hand.fit([(2 * a, b) for a, b in PAIRS], shuffle=False, epochs=1)
    np.testing.assert_array_equal(grown.theta, by_hand.theta)


def test_an_iterable_is_begun_once_for_each_epoch():
    source = Again(PAIRS)
    make_model().fit(source, epochs=3)
    assert source.begun == 3


@pytest.mark.parametrize("epochs", [1, 4])
def test_a_generator_goes_on_across_epochs_and_gives_no_more_than_is_needed(epochs):
    asked = []
    source = forever(PAIRS, asked)
    model = make_model()
    history = model.fit(source, steps_per_epoch=3, epochs=epochs)
    assert history.epochs == epochs
    assert asked == [i % 5 for i in range(3 * epochs)]
    model.fit(source, steps_per_epoch=2, epochs=1)
    assert asked == [i % 5 for i in range(3 * epochs + 2)]


@pytest.mark.parametrize("make", [list, Numbered, Again, Loader])
def test_steps_per_epoch_shortens_an_epoch(make):
    steps = []
    count = nn.LambdaCallback(on_batch_end=lambda batch, logs: steps.append(batch))
    make_model().fit(make(PAIRS), steps_per_epoch=2, epochs=3, callbacks=[count])
    assert steps == [0, 1] * 3


@pytest.mark.parametrize("make", [list, Numbered, Loader])
def test_more_steps_than_a_source_has_are_refused(make):
    refused_unbuilt(make(PAIRS), "steps_per_epoch: expected at most 5", "got 6", steps_per_epoch=6)


def test_a_generator_needs_the_length_of_an_epoch():
    refused_unbuilt(forever(PAIRS), "steps_per_epoch: ", "generator", "expected a number")
    refused_unbuilt(iter(PAIRS), "steps_per_epoch: ", "expected a number")


def test_a_generator_that_ends_within_an_epoch_ends_the_training_with_a_warning():
    steps = []
    count = nn.LambdaCallback(on_batch_end=lambda batch, logs: steps.append(batch))
    with pytest.warns(UserWarning, match="ended after 2 of 3 in epoch 2; the training ends here"):
        history = make_model().fit(iter(PAIRS), steps_per_epoch=3, epochs=4, callbacks=[count])
    assert (history.epochs, steps) == (2, [0, 1, 2, 0, 1])


def test_a_generator_that_has_run_dry_leaves_history_and_weights_of_the_epochs_before():
    model, twin, ended = make_model(), make_model(), []
    end = nn.LambdaCallback(on_train_end=ended.append)
    with pytest.warns(UserWarning, match="ended after 0 of 5 in epoch 2"):
        history = model.fit(iter(PAIRS), steps_per_epoch=5, epochs=3, callbacks=[end])
    expected = twin.fit(PAIRS, shuffle=False, epochs=1)
    assert history["loss"] == expected["loss"]
    assert ended[0]["loss"] == history["loss"][-1]
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_an_iterable_that_can_be_gone_through_only_once_is_gone_through_once():
    class Once:
        items = iter(PAIRS)

        def __iter__(self):
            return iter(self.items)

    with pytest.warns(UserWarning, match="ended after 0 in epoch 2"):
        assert make_model().fit(Once(), epochs=2).epochs == 1


def test_a_source_can_be_left_in_the_middle_and_gone_on_with():
    asked = []
    source = forever(PAIRS, asked)
    model = make_model()
    stop = nn.LambdaCallback(on_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 1))
    model.fit(source, steps_per_epoch=4, callbacks=[stop])
    model.fit(source, steps_per_epoch=1, epochs=1)
    assert asked == [0, 1, 2]


# ---- what is no source ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
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
    ("dict", {"X": X, "y": y}, ["X: expected a source of batches", "dict of 2", "batch {n}"]),
    ("example", (X[0], y[0]), ["batch {n} X: ", "two dimensions", "batch {n} X.reshape(1, -1)"]),
    ("no rows", (X[:0], y[:0]), ["batch {n} X: ", "at least one example"]),
    ("nan", (X * np.nan, y), ["batch {n} X: ", "finite"]),
    ("label", (X, y + 1), ["batch {n} y: ", "label 3 is out of range", "0..2"]),
    ("lengths", (X, y[1:]), ["batch {n} y: ", "expected 22 labels", "got 21"]),
    ("weights", (X, y, weight[1:]), ["batch {n} sample_weight: ", "22 examples", "(21,)"]),
    ("negative weight", (X, y, -weight), ["batch {n} sample_weight: ", "at least 0", "-2"]),
    ("nan weight", (X, y, weight * np.nan), ["batch {n} sample_weight: ", "finite"]),
]


@pytest.mark.parametrize(("bad", "fragments"), [pytest.param(*row[1:], id=row[0]) for row in BAD])
def test_a_bad_batch_is_named(bad, fragments):
    first = [fragment.format(n=0) for fragment in fragments]
    refused_unbuilt([bad, *PAIRS], *first)
    refused_unbuilt(iter([bad, *PAIRS]), *first, steps_per_epoch=2)
    third = [fragment.format(n=2) for fragment in fragments]
    items = [*PAIRS[:2], bad, *PAIRS[2:]]
    refuse(lambda: make_model().fit(items, shuffle=False), *third)
    refuse(lambda: make_model().fit(items), *third)  # by its place in the list, wherever it comes
    refuse(lambda: make_model().fit(Again(items)), *third)
    refuse(lambda: make_model().fit(iter(items), steps_per_epoch=5), *third)


def test_another_width_in_a_later_batch_is_refused():
    items = [*PAIRS, (X[:, :2], y)]
    refuse(lambda: make_model().fit(items), "batch 5 X: ", "expected 4 features", "got 2 features")
    refuse(lambda: make_model(n_features=3).fit(PAIRS), "batch 0 X: ", "expected 3 features", "got 4 features")


def test_a_network_that_met_a_bad_batch_trains_on():
    model, twin = make_model(), make_model()
    refuse(lambda: model.fit([*PAIRS, (X, y + 1)], shuffle=False), "batch 5 y: ")
    twin.fit(PAIRS, shuffle=False, epochs=1)
    model.fit(PAIRS, shuffle=False, epochs=1)
    twin.fit(PAIRS, shuffle=False, epochs=1)
    np.testing.assert_array_equal(model.theta, twin.theta)


REFUSED_WITH_A_SOURCE = [
    ({"validation_split": 0.2}, ["validation_split: is for arrays", "0.2"]),
    ({"sample_weight": weight}, ["sample_weight: is for arrays"]),
    ({"class_weight": "balanced"}, ["class_weight: 'balanced' needs all labels"]),
    ({"y": y}, ["X: "]),
    ({"steps_per_epoch": 0}, ["steps_per_epoch: ", "at least 1", "0"]),
    ({"steps_per_epoch": 2.0}, ["steps_per_epoch: ", "at least 1", "2.0"]),
    ({"validation_data": PAIRS}, ["validation_data: ", "list of 5"]),
    ({"validation_data": (X[:, :2], y)}, ["validation_data X: ", "expected 4 features"]),
]


@pytest.mark.parametrize(("options", "fragments"), REFUSED_WITH_A_SOURCE)
def test_what_is_for_arrays_is_refused_with_a_source(options, fragments):
    refused_unbuilt(batches(X, y), *fragments, **options)


def test_what_is_for_sources_is_refused_with_arrays():
    refuse(lambda: make_model().fit(X, y, steps_per_epoch=3), "steps_per_epoch: ", "batch_size")


@pytest.mark.parametrize(
    ("wrong", "fragments"),
    [
        (X, ["y: "]),
        (X.tolist(), ["X: expected a source of batches", "list of 4"]),
        ((X, y), ["X: expected a source of batches", "ndarray"]),
        (3, ["X: "]),
        (None, ["X: "]),
        ("data.csv", ["X: "]),
        ({"X": X, "y": y}, ["X: "]),
        (make_model, ["X: "]),
    ],
    ids=["array", "lists", "pair", "number", "None", "name", "dict", "function"],
)
def test_without_y_what_gives_no_batches_is_refused(wrong, fragments):
    refused_unbuilt(wrong, *fragments)


def test_batches_with_indices_and_with_rows_may_follow_each_other():
    X, y = np.random.default_rng(0).standard_normal((12, 4)), np.arange(12) % 3
    mixed = [(X[:6], y[:6]), (X[6:], np.eye(3)[y[6:]])]
    alike = [(X[:6], y[:6]), (X[6:], y[6:])]
    histories = []
    for source in mixed, alike:
        model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
        histories.append(model.fit(source, epochs=3, metrics=["f1"], shuffle=False))
    for key in "loss", "accuracy", "f1":
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-6)
