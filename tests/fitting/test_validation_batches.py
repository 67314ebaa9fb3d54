"""Facts about validation on a source of batches: it gives what arrays give, in every epoch."""

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse, without_seconds
from .test_streams import PAIRS, TRIPLES, Again, Loader, Numbered, Spy, X, classifier, forever, weight, y

SOURCES = {"list": list, "tuple": tuple, "numbered": Numbered, "iterable": Again, "loader": Loader}


@pytest.mark.parametrize("engine", ["textbook", "compiled"])
@pytest.mark.parametrize("kind", SOURCES)
def test_batches_validate_like_arrays(kind, engine):
    if engine == "compiled":
        pytest.importorskip("numba")
    from_arrays, from_source = classifier(), classifier()
    options = {"epochs": 3, "engine": engine, "metrics": ["f1"]}
    expected = from_arrays.fit(X, y, validation_data=(X, y), **options)
    history = from_source.fit(X, y, validation_data=SOURCES[kind](PAIRS), **options)
    np.testing.assert_array_equal(from_source.theta, from_arrays.theta)
    assert history.keys() == expected.keys()
    for key in without_seconds(history):
        np.testing.assert_allclose(history[key], expected[key], rtol=1e-12, err_msg=key)


def test_weights_of_batches_count_as_those_of_arrays():
    expected = classifier().fit(X, y, validation_data=(X, y, weight))
    history = classifier().fit(X, y, validation_data=Again(TRIPLES))
    np.testing.assert_allclose(history["val_loss"], expected["val_loss"], rtol=1e-12)
    assert history["val_accuracy"] == expected["val_accuracy"]


def test_a_source_validates_a_training_on_a_source():
    expected = classifier().fit(PAIRS, validation_data=(X, y), epochs=2, shuffle=False)
    history = classifier().fit(Again(PAIRS), validation_data=Again(PAIRS), epochs=2)
    np.testing.assert_allclose(history["val_loss"], expected["val_loss"], rtol=1e-12)


def test_validation_goes_through_the_source_once_in_each_epoch_from_its_beginning():
    source, spy = Again(PAIRS[:2]), Spy()
    model = nn.Model([spy, nn.Dense(3), nn.Softmax()], seed=0, dtype="float64")
    model.fit(X, y, validation_data=source, epochs=3, batch_size=None)
    assert source.n_started == 1 + 3  # once to look at the first batch
    assert [len(a) for a in spy.predicted][-6:] == [5, 5] * 3


def test_a_list_of_two_batches_is_not_taken_for_X_and_y():
    history = classifier().fit(X, y, validation_data=PAIRS[:2], epochs=1)
    expected = classifier().fit(X, y, validation_data=(X[:10], y[:10]), epochs=1)
    np.testing.assert_allclose(history["val_loss"], expected["val_loss"], rtol=1e-12)


def test_lists_of_numbers_are_still_X_and_y():
    history = classifier().fit(X, y, validation_data=[X[:2].tolist(), y[:2].tolist()], epochs=1)
    expected = classifier().fit(X, y, validation_data=(X[:2], y[:2]), epochs=1)
    assert history["val_loss"] == expected["val_loss"]


def test_early_stopping_knows_the_validation():
    stopping = nn.EarlyStopping(patience=1)
    model = classifier()
    history = model.fit(X, y, validation_data=Again(PAIRS), epochs=50, optimizer=nn.SGD(3.0), callbacks=[stopping])
    assert history.epochs < 50
    assert model.evaluate(X, y)["loss"] == pytest.approx(min(history["val_loss"]), rel=1e-12)


def test_a_training_that_diverges_ends_with_the_best_weights_of_the_validation():
    model = nn.Model([nn.Dense(1), nn.Identity()], n_features=4, seed=0)
    before = model.theta.copy()
    with pytest.raises(nn.DivergenceError):
        model.fit(X, 1.0 * y, validation_data=Again(PAIRS), optimizer=nn.SGD(1e12), epochs=20)
    np.testing.assert_array_equal(model.theta, before)


def test_a_table_as_the_encoding_of_batches():
    table = nn.Table({"a": [1.0, 2, 3, 4], "b": list("xyxy"), "class": list("pqpq")}, target="class")
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    history = model.fit(table, validation_data=[{"a": [1.0, 4], "b": ["x", "y"], "class": ["p", "q"]}], epochs=1)
    expected = model.evaluate({"a": [1.0, 4], "b": ["x", "y"]}, ["p", "q"])
    assert history["val_loss"][-1] == pytest.approx(expected["loss"], rel=1e-6)


# ---- evaluate ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SOURCES)
def test_evaluate_takes_batches(kind):
    model = classifier(n_features=4)
    expected = model.evaluate(X, y, metrics=["f1"])
    found = model.evaluate(SOURCES[kind](PAIRS), metrics=["f1"])
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, rel=1e-12), key


# ---- refused -------------------------------------------------------------------------------------------------------


def refused(validation_data, *fragments, **options):
    model = classifier()
    refuse(lambda: model.fit(X, y, validation_data=validation_data, **options), *fragments)
    assert not model.built


def test_a_generator_is_refused_because_it_has_only_one_end():
    refused(forever(PAIRS), "validation_data: ", "gone through after every epoch", "generator", "list(batches)")
    refused(iter(PAIRS), "validation_data: ", "list_iterator")


def test_an_empty_source_is_refused():
    refused(Again([]), "validation_data: the source of batches is empty")


def test_a_first_batch_that_does_not_fit_is_refused_before_anything_changes():
    refused(Again([(X[:, :2], y)]), "validation_data batch 0 X: ", "expected 4 features")
    refused(Again([X]), "X: expected a source of batches", "validation_data batch 0")


def test_a_later_batch_is_named():
    refuse(
        lambda: classifier().fit(X, y, validation_data=Again([*PAIRS, (X, y + 1)])),
        "validation_data batch 5 y: label 3 is out of range",
    )
