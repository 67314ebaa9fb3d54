"""Twenty public data sets as people have them are trained on, saved, and predicted in a file that lacks the target.

The slow tests of the command line compare the scores with those of gradient boosting.
"""

import io

import numpy as np
import pytest

import nnlite as nn

from .public_sets import SETS

N, N_TRAIN = 240, 180


def parts(name, n, n_train):
    rng = np.random.default_rng(0)
    made = SETS[name](rng, n)
    order = rng.permutation(n)
    return made, order[:n_train], order[n_train:]


def read(made, rows, **options):
    """A table of some rows, from the text of a file."""
    return nn.read_table(io.BytesIO(made.write(rows)), made.target_column, **options)


def network(table, hidden=32):
    n_classes = len(table.class_names)
    output = [nn.Dense(n_classes), nn.Softmax()] if n_classes else [nn.Dense(1), nn.Identity()]
    return nn.Model([nn.Dense(hidden), nn.ReLU(), nn.Dense(hidden), nn.ReLU(), *output], seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_file_is_trained_on_saved_and_predicted(name, tmp_path):
    made, train, test = parts(name, N, N_TRAIN)
    table = read(made, train, **made.options)
    assert len(table) == N_TRAIN
    assert bool(table.class_names) != made.values
    if made.values:
        np.testing.assert_allclose(table.y, np.float32(np.asarray(made.target)[train]), rtol=1e-5)
    else:
        assert [table.class_names[k] for k in table.y] == np.asarray(made.target)[train].astype(str).tolist()
    model = network(table)
    history = model.fit(table, optimizer=nn.Adam(3e-3), epochs=8, validation_split=0.2, progress=False)
    assert history["loss"][-1] < history["loss"][0]

    model.save(tmp_path / "model.npz")
    loaded = nn.load(tmp_path / "model.npz")
    form = {key: value for key, value in made.options.items() if key == "encoding"}
    with_target = read(made, test, like=loaded, **form)
    without = nn.read_table(io.BytesIO(made.write(test, with_target=False)), like=loaded, **form)
    assert (len(without), without.y) == (len(test), None)
    predicted = loaded.predict(without, names=not made.values)
    np.testing.assert_array_equal(predicted, loaded.predict(with_target, names=not made.values))
    np.testing.assert_array_equal(predicted, model.predict(with_target, names=not made.values))
    truth = np.asarray(made.target)[test]
    scores = loaded.evaluate(with_target, metrics=[] if not made.values else ["r2"])
    if made.values:
        assert scores["r2"] == pytest.approx(nn.metrics.r2(truth, predicted), abs=1e-4)
    else:
        assert scores["accuracy"] == pytest.approx((predicted == truth.astype(str)).mean())
