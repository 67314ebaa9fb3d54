"""Facts about tables: they say what they hold, and are split as the shipped data sets are."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.tables import load_csv

from ..support import refuse


def test_the_repr_is_one_short_line(write):
    assert repr(load_csv(write("1.5,a\n2.5,b\n"))) == "Table(table.csv: 2 rows, 1 column, y (2,), 2 classes)"
    assert repr(load_csv(write("1,2\n3,4\n"), target=None)) == "Table(table.csv: 2 rows, 2 columns, no y)"


def test_a_table_is_split_shuffled_and_stratified(write):
    table = load_csv(write("x,y\n" + "".join(f"{i},{'abc'[i % 3]}\n" for i in range(90))))
    data = table.split(0.2, seed=1)
    assert sorted(np.concatenate([data.X_train, data.X_test]).ravel().tolist()) == list(range(90))
    assert np.bincount(data.y_test).tolist() == [6, 6, 6]
    assert np.array_equal(data.X_train[:, 0] % 3, data.y_train)
    assert not np.array_equal(np.sort(data.X_train[:, 0]), data.X_train[:, 0])
    assert (data.class_names, data.feature_names, data.name) == (("a", "b", "c"), ("x",), "table.csv")
    np.testing.assert_array_equal(table.split(0.2, seed=1).X_test, data.X_test)
    assert not np.array_equal(table.split(0.2, seed=2).X_test, data.X_test)


def test_a_network_learns_from_a_table(write):
    table = load_csv(write("x,y\n" + "".join(f"{i},{'ab'[i > 45]}\n" for i in range(90))))
    data = table.split()
    model = nn.Model([nn.BatchNorm(), nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(data.X_train, data.y_train, optimizer=nn.SGD(0.5), epochs=20)
    assert model.evaluate(data.X_test, data.y_test)["accuracy"] > 0.85


def test_values_are_split_without_classes(write):
    data = load_csv(write("".join(f"{i},{i}.5\n" for i in range(50)))).split()
    assert (len(data.y_train), len(data.y_test)) == (40, 10)
    np.testing.assert_array_equal(data.X_test[:, 0] + 0.5, data.y_test)
    assert (repr(data.train), repr(data.test)) == (
        "Table(table.csv: 40 rows, 1 column, y (40,))",
        "Table(table.csv: 10 rows, 1 column, y (10,))",
    )


def test_a_table_without_a_target_cannot_be_split(write):
    refuse(load_csv(write("1,2\n"), target=None).split, "y: table.csv has no target")


@pytest.mark.parametrize(("argument", "value"), [("test_fraction", 1), ("test_fraction", "a"), ("seed", -1)])
def test_a_wrong_split_is_refused(write, argument, value):
    table = load_csv(write("1,a\n2,b\n3,a\n"))
    refuse(lambda: table.split(**{argument: value}), f"{argument}: ")
