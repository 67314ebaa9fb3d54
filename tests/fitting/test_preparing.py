"""Facts about trainings on tables: what is learned comes from the training rows, and a refused call changes nothing."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each, refuse

RNG = np.random.default_rng(0)
N = 100
SIZE = RNG.normal(30, 10, N)
PETS = {"size": SIZE, "coat": RNG.choice(["long", "short", "curly"], N)}
KINDS = np.where(SIZE > 30, "dog", "cat")
TABLE = nn.Table(PETS | {"kind": KINDS}, "kind")


def classifier(units=2, output=None):
    return nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(units), output or nn.Softmax()], seed=0)


def fit(model, *data, **options):
    return model.fit(*data, **({"epochs": 3, "progress": False} | options))


def test_a_table_trains_as_its_numbers_do():
    by_table, by_numbers = classifier(), classifier()
    fit(by_table, TABLE)
    fit(by_numbers, nn.Encoding.learn(TABLE).transform(TABLE), (KINDS == "dog").astype(int))
    np.testing.assert_array_equal(by_table.theta, by_numbers.theta)
    assert by_table.class_names == ("cat", "dog")
    assert by_numbers.class_names is None


def test_a_frame_with_labels_trains_as_the_table():
    by_table, by_frame = classifier(), classifier()
    fit(by_table, TABLE)
    fit(by_frame, PETS, KINDS)
    np.testing.assert_array_equal(by_table.theta, by_frame.theta)
    assert by_frame.encoding.columns == by_table.encoding.columns


def test_what_is_held_out_is_not_learned_from():
    """The held-out rows of a column are huge: they must not show in the mean."""
    model = classifier()
    table = nn.Table({"n": np.arange(N) % 50, "x": SIZE, "kind": KINDS}, "kind")
    fit(model, table, validation_split=0.25)
    assert model.encoding.columns[1].center != SIZE.mean()
    changed = table.replace("x", np.where(np.isin(np.arange(N), held_out(model, table)), 1e6, SIZE))
    again = classifier()
    fit(again, changed, validation_split=0.25)
    assert again.encoding == model.encoding
    np.testing.assert_array_equal(again.theta, model.theta)


def held_out(model, table):
    """The rows that a validation split of a quarter holds out, from the same public split."""
    from nnlite.splits import stratified_split

    rng = np.random.default_rng(np.random.SeedSequence(model.actual_seed, spawn_key=(1,)))
    return stratified_split(table.y, 0.25, rng)[1]


def test_validation_data_may_be_a_table_or_a_frame():
    histories = [
        fit(classifier(), TABLE, validation_data=data)
        for data in (TABLE, (PETS, KINDS), (TABLE, None), [PETS, list(KINDS)], (PETS, KINDS, np.ones(N)))
    ]
    for history in histories[1:]:
        assert history["val_loss"] == histories[0]["val_loss"]


def test_another_fit_continues_with_the_same_encoding():
    model = classifier()
    fit(model, TABLE)
    encoding = model.encoding
    other = nn.Table({"size": SIZE * 2, "coat": ["long"] * N, "kind": KINDS}, "kind", kinds={"coat": "category"})
    fit(model, other)
    assert model.encoding is encoding
    refuse(lambda: fit(model, {"size": SIZE}, KINDS), "X: there is no column 'coat'")
    refuse(lambda: fit(model, np.ones((N, 4)), KINDS), "X: expected a table with the columns 'size', 'coat'")
    refuse(lambda: fit(model, PETS, np.where(SIZE > 30, "cow", "cat")), "y: the class 'cow' is not one of the network")


@for_each(
    ("model", "data", "options", "said"),
    [
        (classifier(3), (TABLE,), {}, "y: has 2 classes ('cat', 'dog'), and the network chooses from 3; let it"),
        (classifier(1, nn.Identity()), (PETS, KINDS), {}, "y: expected numbers for a network that ends in Identity()"),
        (classifier(), (nn.Table(PETS),), {}, "y: table has no target"),
        (classifier(), (PETS,), {}, "X: expected an array of examples or a source"),
        (classifier(), (PETS, KINDS[:-1]), {}, "y: expected 100 labels, one for each row of X"),
        (classifier(), (PETS, KINDS[:-1]), {"validation_split": 0.2}, "y: expected 100 labels"),
        (classifier(), ({"size": SIZE, "coat": ["x"] * (N - 1)}, KINDS), {}, "X: column 'coat' has 99 rows"),
        (classifier(), (PETS, KINDS), {"validation_data": ({"size": SIZE}, KINDS)}, "validation_data X: there is"),
        (classifier(), (PETS, KINDS), {"validation_data": (PETS, ["cow"] * N)}, "validation_data y: the class 'cow'"),
        (classifier(), (PETS, KINDS), {"validation_data": PETS}, "validation_data: expected (X, y) or"),
        (nn.Model([nn.Dense(2), nn.Softmax()], n_features=9), (TABLE,), {}, "X: expected 9 features"),
    ],
)  # fmt: skip
def test_a_refused_training_changes_nothing(model, data, options, said):
    refuse(lambda: fit(model, *data, **options), said)
    assert (model.encoding, model.class_names, model.target_scale) == (None, None, None)


def test_booleans_have_names_too():
    model = classifier()
    fit(model, PETS, SIZE > 30)
    assert model.class_names == ("False", "True")
    one = classifier(1, nn.Sigmoid())
    fit(one, PETS, KINDS, epochs=60)
    assert (one.predict(PETS, names=True) == KINDS).mean() > 0.9


def test_class_weights_follow_the_names():
    """A weight of 0 for a class: the network never learns it."""
    model = classifier()
    fit(model, TABLE, class_weight=[0.0, 1.0], epochs=30)
    assert set(model.predict(PETS, names=True)) == {"dog"}


# ---- resuming --------------------------------------------------------------------------------------------------------


def test_a_resumed_training_has_the_same_encoding_and_weights(tmp_path):
    whole, first, second = classifier(), classifier(), classifier()
    options = {"validation_split": 0.2, "checkpoint": tmp_path / "run"}
    fit(whole, TABLE, epochs=6, validation_split=0.2)
    fit(first, TABLE, epochs=3, **options)
    fit(second, TABLE, epochs=6, resume=True, **options)
    np.testing.assert_array_equal(second.theta, whole.theta)
    assert second.encoding == whole.encoding
    assert second.class_names == whole.class_names


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": SIZE + 1}, "validation data|data|columns"),
        ({"coat": np.where(PETS["coat"] == "curly", "wavy", PETS["coat"])}, "validation data|columns"),
        ({"kind": np.where(KINDS == "dog", "wolf", "cat")}, "classes|data"),
    ],
)
def test_resuming_with_another_table_is_refused(tmp_path, change, said):
    options = {"validation_split": 0.2, "checkpoint": tmp_path / "run"}
    fit(classifier(), TABLE, epochs=2, **options)
    other = nn.Table(PETS | {"kind": KINDS} | change, "kind")
    model = classifier()
    with pytest.raises(nn.ArgumentError, match=f"is of another training, .*({said})"):
        fit(model, other, epochs=4, resume=True, **options)
    assert model.encoding is None


def test_callbacks_save_and_average_networks_of_tables(tmp_path):
    model = classifier()
    callbacks = [nn.ModelCheckpoint(tmp_path / "best.npz", monitor="loss"), nn.EMA(0.9), nn.Diagnose(TABLE)]
    fit(model, TABLE, callbacks=callbacks)
    assert nn.load(tmp_path / "best.npz").encoding == model.encoding
    assert callbacks[2].report is not None


def test_batches_of_tables_go_through_a_network_that_knows_them():
    model = classifier()
    fit(model, TABLE)
    history = fit(model, [(PETS, KINDS), (TABLE, None)])
    assert history.epochs == 3
    refuse(lambda: fit(classifier(), [(PETS, KINDS)]), "batch 0 X: ")


def test_a_target_that_nothing_explains_is_said_so_in_its_own_scale():
    """The warning compares with the mean of the standardized target; a network that learns gets none."""
    x, noise = RNG.normal(size=200), RNG.normal(size=200)
    prices = nn.Table({"x": x, "price": 3e5 + 1e4 * x}, "price")
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    fit(model, prices, epochs=40, optimizer=nn.Adam(0.05))
    assert model.evaluate(prices, metrics=["r2"])["r2"] > 0.9
    useless = nn.Table({"x": x, "price": 3e5 + 1e4 * noise}, "price")
    with pytest.warns(nn.NothingLearnedWarning, match="always guessing the mean"):
        fit(nn.Model([nn.Dense(1), nn.Identity()], seed=0), useless, epochs=40)
