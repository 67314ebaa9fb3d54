"""Facts about batches that are dictionaries or tensors; the tensors are stand-ins, see test_real_loaders.py."""

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse, without_seconds
from .test_streams import PAIRS, TRIPLES, Again, X, classifier, y


class Tensor:
    """What a tensor of PyTorch has, that is on another device and part of a graph."""

    dtype = "torch.float32"

    def __init__(self, values, at="gpu with a graph"):
        self.values, self.at = values, at

    def __array__(self, dtype=None, copy=None):
        raise TypeError(f"it is on the {self.at}")

    def detach(self):
        return Tensor(self.values, "gpu")

    def cpu(self):
        assert self.at == "gpu"
        return Tensor(self.values, "cpu")

    def numpy(self):
        assert self.at == "cpu"
        return self.values


def trained(items, **options):
    model = classifier()
    history = model.fit(Again(items), epochs=2, **options)
    return model.theta, without_seconds(history)


def same(items, expected, **options):
    (theta, history), (theta_expected, history_expected) = trained(items, **options), trained(expected, **options)
    np.testing.assert_array_equal(theta, theta_expected)
    assert history == history_expected


@pytest.mark.parametrize("target", ["y", "label", "labels", "target", "targets"])
@pytest.mark.parametrize("features", ["X", "image", "pixel_values"])
def test_a_dictionary_is_a_batch(features, target):
    same([{features: a, target: b} for a, b in PAIRS], PAIRS)
    same([{target: b, features: a} for a, b in PAIRS], PAIRS)


def test_weights_in_a_dictionary():
    same([{"x": a, "y": b, "sample_weight": w} for a, b, w in TRIPLES], TRIPLES)


def test_tensors_are_taken_from_their_device_and_graph():
    same([(Tensor(a), Tensor(b)) for a, b in PAIRS], PAIRS)
    same([{"x": Tensor(a), "y": Tensor(b)} for a, b in PAIRS], PAIRS)
    same([[Tensor(a), Tensor(b), Tensor(w)] for a, b, w in TRIPLES], TRIPLES)


def test_tensors_validate():
    expected = classifier().fit(X, y, validation_data=PAIRS, epochs=1)
    history = classifier().fit(X, y, validation_data=Again([(Tensor(a), Tensor(b)) for a, b in PAIRS]), epochs=1)
    assert history["val_loss"] == expected["val_loss"]


def test_a_length_that_nobody_knows_is_no_length():
    class Unknown(Again):
        def __len__(self):
            raise TypeError("it is a stream")

    model, twin = classifier(), classifier()
    model.fit(Unknown(PAIRS), epochs=2)
    twin.fit(PAIRS, shuffle=False, epochs=2)
    np.testing.assert_array_equal(model.theta, twin.theta)


def test_a_network_that_knows_its_columns_takes_them_from_batches():
    rng = np.random.default_rng(0)
    columns = {"age": rng.uniform(20, 60, 40), "job": rng.choice(["a", "b", "c"], 40)}
    table = nn.Table({**columns, "class": np.where(columns["age"] > 40, "old", "young")}, target="class")
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(table, epochs=1)
    twin = model.copy()
    batches = [{name: table[name][i : i + 8] for name in ("age", "job", "class")} for i in range(0, 40, 8)]
    model.fit(batches, epochs=1, shuffle=False)
    twin.fit(table, epochs=1, batch_size=8, shuffle=False)
    np.testing.assert_allclose(model.theta, twin.theta, rtol=1e-6)


# ---- tables ----------------------------------------------------------------------------------------------------------

COLUMNS = {"size": np.arange(40.0), "coat": np.array(["long", "short"] * 20)}
KINDS = np.array(["cat", "dog"] * 20)
ROWS = [slice(0, 20), slice(20, 40)]
BATCHES = [({name: column[rows] for name, column in COLUMNS.items()}, KINDS[rows]) for rows in ROWS]


def knowing_its_columns():
    model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    model.encoding, model.class_names = nn.Encoding.learn(COLUMNS), ["cat", "dog"]
    return model


def test_a_stream_of_tables_is_a_training_on_their_numbers():
    tables = [nn.Table({**columns, "kind": kinds}, "kind") for columns, kinds in BATCHES]
    arrays = [
        (nn.Encoding.learn(COLUMNS).transform(columns), (kinds == "dog").astype(int)) for columns, kinds in BATCHES
    ]
    expected = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    expected.fit(Again(arrays), epochs=2, progress=False)
    for batches in (BATCHES, tables):
        model = knowing_its_columns()
        model.fit(Again(batches), epochs=2, progress=False)
        np.testing.assert_array_equal(model.theta, expected.theta)
        assert model.predict(COLUMNS, names=True).shape == (40,)


def test_a_stream_of_tables_needs_to_know_the_columns():
    for batches in (BATCHES, [nn.Table({**columns, "kind": kinds}, "kind") for columns, kinds in BATCHES]):
        model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
        refuse(lambda: model.fit(Again(batches), progress=False), "batch 0 X: is a table", "nn.Encoding.learn(table)")  # noqa: B023
