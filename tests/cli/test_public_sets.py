"""Twenty public data sets, rebuilt with the mess of the originals: trained and predicted from the command line.

They reach what gradient boosting reaches on the same rows, minus five points, where scikit-learn is installed.
"""

import csv
import io
import json

import numpy as np
import pytest

from ..tables.public_sets import SETS

pytestmark = pytest.mark.slow
N = 1500  # rows; a quarter of them to test with


def options_of(data):
    """What a user has to say on the command line, as text."""
    given = dict(data.options)
    kind = {True: ["--classes"], False: ["--values"], None: []}[given.pop("classification", None)]
    kinds = given.pop("kinds", None)
    texts = [f"--{name}='{','.join(value) if isinstance(value, list) else value}'" for name, value in given.items()]
    texts += [] if kinds is None else [f"--kinds='{','.join(f'{column}={k}' for column, k in kinds.items())}'"]
    return " ".join([f"--target='{data.target_column}'", *kind, *texts])


def boosting(data, train, test):
    """The score of gradient boosting on clean columns."""
    ensemble = pytest.importorskip("sklearn.ensemble")
    columns, categories = [], []
    for column in map(np.asarray, data.columns.values()):
        is_number = column.dtype.kind in "fiub"
        codes = column if is_number else np.unique(column.astype(str), return_inverse=True)[1]
        columns.append(codes.astype(float))
        categories.append(not is_number and len(np.unique(codes)) < 100)
    X, y = np.column_stack(columns), np.asarray(data.target)
    kind = ensemble.HistGradientBoostingRegressor if data.values else ensemble.HistGradientBoostingClassifier
    return kind(categorical_features=categories, random_state=0).fit(X[train], y[train]).score(X[test], y[test])


@pytest.mark.parametrize("name", SETS)
def test_a_public_data_set_is_learned_and_predicted(run, folder, name):
    data = SETS[name](np.random.default_rng(0), N)
    order = np.random.default_rng(1).permutation(len(data.target))
    test, train = np.split(order, [len(order) // 4])
    (folder / "train.csv").write_bytes(data.write(train))
    (folder / "test.csv").write_bytes(data.write(test))
    (folder / "new.csv").write_bytes(data.write(test, with_target=False))
    options = f"{options_of(data)} --no-report --no-progress --out r"
    code, _, err = run(f"train train.csv --test test.csv {options}")
    assert (code, err) == (0, "")
    results = json.loads((folder / "r" / "results.json").read_text())
    score = results["r2"] if data.values else results["accuracy"]
    code, out, err = run("predict r new.csv")
    assert (code, err) == (0, "")
    rows = [row["prediction"] for row in csv.DictReader(io.StringIO(out))]
    assert len(rows) == len(test)
    truth = np.asarray(data.target)[test]
    if data.values:
        assert 1 - np.mean((np.array(rows, float) - truth) ** 2) / truth.var() == pytest.approx(score, abs=1e-3)
    else:
        right = np.mean([predicted == str(label) for predicted, label in zip(rows, truth, strict=True)])
        assert right == pytest.approx(score, abs=1e-3)
    assert score >= boosting(data, train, test) - 0.05
