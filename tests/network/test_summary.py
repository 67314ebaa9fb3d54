"""Facts about the table of the layers of a network."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import BatchNorm, LayerNorm, Residual

from ..support import Scale, refuse
from .common import of_kind


def rows_of(model):
    """The words of each line but the rules."""
    return [line.split() for line in model.summary().splitlines() if not line.startswith("-")]


def test_the_summary_shows_layers_output_shapes_and_numbers_of_parameters():
    model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=784)
    assert rows_of(model) == [
        ["layer", "output", "parameters"],
        ["X", "(M,", "784)"],
        ["Dense(64)", "(M,", "64)", "50,240"],
        ["ReLU()", "(M,", "64)"],
        ["Dense(10)", "(M,", "10)", "650"],
        ["Softmax()", "(M,", "10)"],
        ["total", "float32", "50,890"],
        ["engine", *"compiled if nnlite[fast] is installed, else textbook".split()],
    ]


def test_images_have_their_shape_and_a_projection_counts():
    block = nn.Residual([nn.Conv2D(4, 3, padding="same")], shortcut=[nn.Conv2D(4, 1)])
    model = nn.Model([block, nn.GlobalAveragePool2D(), nn.Dense(2), nn.Softmax()], n_features=(6, 5, 2))
    lines = model.summary().splitlines()
    assert lines[3].endswith("(M, 6, 5, 4)          88")
    assert lines[4].split() == ["GlobalAveragePool2D()", "(M,", "4)"]


def test_the_summary_names_a_layer_for_which_the_engine_has_no_kernel():
    assert nn.Model([Scale(), nn.Softmax()], n_features=5).summary().endswith("textbook, since Scale() has no kernel")


def test_the_columns_of_the_summary_are_aligned_between_two_rules():
    lines = of_kind().summary().splitlines()
    assert lines[1] == lines[-3] == "-" * len(lines[1])
    assert len(lines[1]) == max(map(len, lines[:-1]))
    shapes = [line.index("(M, ") for line in lines if "(M, " in line]
    assert set(shapes) == {lines[0].index("output")}


def test_the_numbers_of_parameters_end_below_the_end_of_their_title():
    model = nn.Model([nn.Dense(100), nn.ReLU(), nn.Dense(3), nn.Softmax()], n_features=7)
    lines = model.summary().splitlines()
    numbers = [line for line in lines if line.endswith((" 800", " 303", " 1,103"))]
    assert [len(line) for line in numbers] == [len(lines[0])] * 3


def test_the_summary_of_a_network_without_parameters_says_0():
    assert rows_of(nn.Model([nn.ReLU(), nn.Softmax()], n_features=3))[-2] == ["total", "float32", "0"]


def test_the_summary_shows_shapes_of_several_dimensions_and_the_dtype():
    rows = rows_of(nn.Model([nn.Flatten(), nn.Identity()], n_features=(4, 3), dtype="float64"))
    assert rows[1] == ["X", "(M,", "4,", "3)"]
    assert rows[-2][:2] == ["total", "float64"]


def test_the_summary_counts_the_parameters_of_a_users_layer():
    model = nn.Model([Scale(), nn.Softmax()], n_features=5)
    assert rows_of(model)[2] == ["Scale()", "(M,", "5)", "10"]


def test_the_summary_counts_the_parameters_of_inner_layers_with_the_layer_around_them():
    inner = Residual([nn.Dense(4), LayerNorm(), nn.Tanh()])
    layers = [
        nn.Dense(4),
        Residual([BatchNorm(), nn.Tanh(), nn.Dense(6), nn.Dropout(0.3), nn.Dense(4)]),
        Residual([inner, nn.Dense(4)]),
        nn.Dense(3),
        nn.Softmax(),
    ]
    rows = rows_of(nn.Model(layers, n_features=5))
    counts = [row[-1] for row in rows if row[0].startswith(("Dense", "Residual", "total"))]
    # 5 4 + 4,  8 + 4 6 + 6 + 6 4 + 4,  4 4 + 4 + 8 + 4 4 + 4,  4 3 + 3
    assert counts == ["24", "66", "48", "15", "153"]
    assert not any(row[0].startswith("BatchNorm") for row in rows)


def test_a_summary_needs_a_built_network():
    model = of_kind(n_features=None)
    refuse(model.summary, "summary: the network does not know its input size yet", error=nn.NotBuiltError)
    model.forward(np.ones((1, 5)))
    assert model.summary()


@pytest.mark.parametrize("trainable", [True, False])
def test_frozen_parameters_count_too(trainable):
    model = nn.Model([nn.Dense(3, trainable=trainable), nn.Softmax()], n_features=2)
    assert rows_of(model)[-2][-1] == "9"


def test_the_summary_names_what_the_network_knows_of_its_data():
    table = nn.Table({**{f"x{i}": [1.5, 2, 4, 7] for i in range(11)}, "k": ["u", "v"] * 2}, "k")
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(table, epochs=1, progress=False)
    lines = model.summary().splitlines()[-3:]
    assert [line.split()[0] for line in lines] == ["columns", "target", "classes"]
    assert lines[0].split(None, 1)[1] == "x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, ... (11) (as 11 numbers)"
    assert [line.split()[1:] for line in lines[1:]] == [["k"], ["u,", "v"]]
    assert "columns: x0" in model._repr_html_()
