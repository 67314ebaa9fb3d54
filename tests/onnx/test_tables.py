"""Networks that know a table, exported: an input for each column."""

import numpy as np
import pytest

import nnlite as nn
from tests.onnx.running import checked, run
from tests.support import network, refuse


def columns(rng, M, missing=0.1):
    """Columns of every kind but dates."""
    age = rng.uniform(18, 90, M).round(1)
    age[rng.random(M) < missing] = np.nan
    return {
        "seen": rng.uniform(1.6e9, 1.7e9, M),
        "city": rng.choice(["a", "b", "ç=é", "", "rare"], M, p=[0.4, 0.3, 0.2, 0.08, 0.02]).tolist(),
        "age": age,
        "flag": rng.random(M) < 0.5,
        "consent": rng.choice(["yes", "no", ""], M, p=[0.5, 0.5 - missing / 2, missing / 2]).tolist(),
        "job": rng.choice(["x", "y"], M).tolist(),
        "zip": rng.integers(1, 4, M),
        "count": rng.integers(0, 100, M),
    }


def trained(target, output, dtype="float32", **options):
    rng = np.random.default_rng(0)
    data = columns(rng, 200)
    table = nn.Table({**data, "target": target(rng, data)}, target="target", kinds={"zip": "category"}, **options)
    units = len(table.class_names) or 1
    model = nn.Model([nn.Dense(12), nn.GELU(), nn.BatchNorm(), nn.Dense(units), output], seed=0, dtype=dtype)
    model.fit(table, epochs=2, progress=False)
    return model


def classes(rng, data):
    return rng.choice(["cat", "dog", "émeu"], len(data["age"])).tolist()


def prices(rng, data):
    return data["seen"] * 1e3 + rng.normal(0, 1e9, len(data["seen"]))


DTYPES = pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-12)])


@DTYPES
@pytest.mark.parametrize("options", [{}, {"scaling": "robust", "fill": 0.0}, {"scaling": "none"}], ids=str)
def test_classes_of_a_table(dtype, tolerance, options, tmp_path):
    model = trained(classes, nn.Softmax(), dtype, **options)
    path = tmp_path / "m.onnx"
    nn.onnx.export(model, path)
    assert [given.name for given in checked(path).graph.input] == list(model.encoding.names)
    for M in (1, 7, 100):
        new = columns(np.random.default_rng(M), M)
        new["city"][0], new["age"][0] = "never seen", np.nan
        new["consent"][-1] = "NA"  # missing, as the file of a table writes it
        got = run(path, nn.onnx.inputs(model, new))
        np.testing.assert_allclose(got, model.predict_proba(new), rtol=0, atol=tolerance)


@DTYPES
def test_values_come_out_in_their_own_units(dtype, tolerance, tmp_path):
    model = trained(prices, nn.Identity(), dtype)
    assert model.target_scale is not None
    nn.onnx.export(model, tmp_path / "m.onnx")
    checked(tmp_path / "m.onnx")
    new = columns(np.random.default_rng(1), 9)
    got = run(tmp_path / "m.onnx", nn.onnx.inputs(model, new))
    assert got.shape == (9, 1)
    np.testing.assert_allclose(got[:, 0], model.predict(new), rtol=tolerance)


def test_columns_as_a_program_gives_them_and_marks_of_missing_values(tmp_path):
    """Without `inputs`: text as it is, numbers with NaN, booleans as 1 and 0."""
    data = {"x": ["1", "2", "?", "4", "5", "6"] * 5, "c": ["a", "b", "n/a", "a", "b", "a"] * 5, "f": [True, False] * 15}
    table = nn.Table({**data, "y": ["u", "v"] * 15}, target="y")
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(table, epochs=1, progress=False)
    nn.onnx.export(model, tmp_path / "m.onnx")
    feeds = {
        "x": np.array([[1.0], [np.nan], [6.0], [2.0]]),
        "c": np.array([["a"], ["N/A"], [""], ["other"]], object),
        "f": np.array([[1.0], [0.0], [np.nan], [1.0]]),
    }
    expected = model.predict_proba(
        {"x": [1, None, 6, 2], "c": ["a", "n/a", "", "other"], "f": [True, False, None, True]}
    )
    np.testing.assert_allclose(run(tmp_path / "m.onnx", feeds), expected, atol=1e-6)


def test_numbers_that_mark_a_missing_value(tmp_path):
    table = nn.Table(
        {"x": [1.0, -999, 3, 4] * 5, "c": ["a", "b", "-", "b"] * 5, "y": [1.0, 2, 3, 4] * 5},
        target="y",
        classification=False,
        missing=["-999", "-"],
    )
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    model.fit(table, epochs=1, progress=False)
    nn.onnx.export(model, tmp_path / "m.onnx")
    feeds = {"x": np.array([[-999.0], [1.0]]), "c": np.array([["-"], ["a"]], object)}
    expected = model.predict({"x": [-999.0, 1.0], "c": ["-", "a"]})
    np.testing.assert_allclose(run(tmp_path / "m.onnx", feeds)[:, 0], expected, rtol=1e-6)


def test_columns_whose_names_are_those_of_the_graph(tmp_path):
    data = {"X": [1.0, 2, 3, 4], "W1": [2.0, 1, 3, 4], "fill": ["a", "b", "a", "b"], "é x": [0.0, 1, 5, 3]}
    for more in ({}, {"Y_hat": [1.0, 2, 4, 3]}):
        table = nn.Table({**data, **more, "y": ["u", "v", "u", "v"]}, target="y")
        model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
        model.fit(table, epochs=1, progress=False)
        if not more:
            nn.onnx.export(model, tmp_path / "m.onnx")
            checked(tmp_path / "m.onnx")
            got = run(tmp_path / "m.onnx", nn.onnx.inputs(model, table))
            np.testing.assert_allclose(got, model.predict_proba(table), atol=1e-6)
    refuse(lambda: nn.onnx.export(model, tmp_path / "m.onnx"), "model: a column is called 'Y_hat'")


def test_dates_are_refused_by_the_name_of_their_column(tmp_path):
    data = {"born": ["2001-02-03", "2002-03-04", "2004-05-06", "2003-01-02"], "x": [1.0, 2, 3, 4]}
    table = nn.Table({**data, "y": ["u", "v", "u", "v"]}, target="y")
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(table, epochs=1, progress=False)
    for call in (lambda: nn.onnx.export(model, tmp_path / "m.onnx"), lambda: nn.onnx.inputs(model, table)):
        refuse(call, "model: the column 'born' holds dates", "ignore=['born']")
    assert not (tmp_path / "m.onnx").exists()


def test_inputs_refuses_what_predict_refuses():
    model = trained(classes, nn.Softmax())
    new = columns(np.random.default_rng(0), 3)
    refuse(lambda: nn.onnx.inputs(model, {k: v for k, v in new.items() if k != "age"}), "data: ", "'age'")
    refuse(lambda: nn.onnx.inputs(model, {**new, "more": [1, 2, 3]}), "data: unknown column 'more'")
    refuse(lambda: nn.onnx.inputs(model, {**new, "flag": ["maybe"] * 3}), "data: column 'flag'", "yes or no")
    refuse(lambda: nn.onnx.inputs(network(), new), "model: expected a network that was trained on a table")
