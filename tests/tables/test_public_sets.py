"""Twenty public data sets as people have them are trained on, saved, and predicted in a file that lacks the target."""

import io
import warnings

import numpy as np
import pytest

import nnlite as nn

from .public_sets import SETS

N, N_TRAIN = 240, 180
SLOW_N = 1500


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


def sklearn_scores(made, train, test):
    """The scores of gradient boosting, and of an MLP behind scaling and one-hot, on the clean columns."""
    pytest.importorskip("sklearn")
    pd = pytest.importorskip("pandas")
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X, y = pd.DataFrame(made.columns), np.asarray(made.target)
    numbers, text = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")

    def prepared(model):
        scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        return make_pipeline(
            make_column_transformer(
                (scaled, numbers), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), text)
            ),
            model,
        )

    if made.values:
        mlp = MLPRegressor(hidden_layer_sizes=(64, 64), max_iter=300, random_state=0)
        models = [HistGradientBoostingRegressor(random_state=0), mlp]
        scale = y[train].mean(), y[train].std()
        y = (y - scale[0]) / scale[1]
    else:
        models = [HistGradientBoostingClassifier(random_state=0), MLPClassifier((64, 64), max_iter=300, random_state=0)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [prepared(model).fit(X.iloc[train], y[train]).score(X.iloc[test], y[test]) for model in models]


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_it_predicts_as_well_as_scikit_learn(name):
    """At most 5 points below gradient boosting, or as good as an MLP on clean columns, on the same rows."""
    made, train, test = parts(name, SLOW_N, SLOW_N * 3 // 4)
    table = read(made, train, **made.options)
    model = network(table, 64)
    model.fit(
        table, optimizer=nn.AdamW(2e-3, weight_decay=0.05), epochs=200, validation_split=0.15,
        callbacks=[nn.EarlyStopping(patience=20)], progress=False,
    )  # fmt: skip
    form = {key: value for key, value in made.options.items() if key == "encoding"}
    scores = model.evaluate(read(made, test, like=model, **form), metrics=["r2"] if made.values else [])
    score = scores["r2" if made.values else "accuracy"]
    boosting, mlp = sklearn_scores(made, train, test)
    print(f"{name}: nnlite {score:.3f}, gradient boosting {boosting:.3f}, MLP {mlp:.3f}")
    assert score >= min(boosting - 0.05, mlp)
