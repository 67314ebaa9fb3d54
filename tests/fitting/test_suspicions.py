"""Facts about the warnings of `fit`: each says what is probably a mistake and its cause, and none is a false alarm."""

import itertools
import warnings

import numpy as np
import pytest

import nnlite as nn

from ..support import ENGINES_SLOWLY, for_each, refuse

DIGITS, IRIS = nn.load_digits(), nn.load_iris()


def classifier(*hidden, units=10, seed=0):
    return nn.Model([nn.Dense(32), nn.ReLU(), *hidden, nn.Dense(units), nn.Softmax()], seed=seed)


def regression(seed=0):
    return nn.Model([nn.Dense(16), nn.ReLU(), nn.Dense(1), nn.Identity()], seed=seed)


def train(model, X, y=None, *, epochs=10, **options):
    return model.fit(X, y, epochs=epochs, progress=False, **options)


def table(seed=0, n=900):
    """Features and a value that they determine."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5))
    return X, X @ [1, -2, 0.5, 0, 3] + 0.1 * rng.normal(size=n)


# ---- nothing learned ----------------------------------------------------------------------------------------------


def stuck():
    """Trainings that learn nothing: the network, its data and what the warning says of the cause."""
    X, y = table()
    rng = np.random.default_rng(0)
    raw = (DIGITS.X_train * 255).astype(np.uint8)
    labels = DIGITS.y_train
    several = (labels[:, None] == [1, 3, 5]).astype(int)
    dead = nn.Model([nn.Dense(32), nn.ReLU(), nn.Dense(10), nn.Softmax()], n_features=64, seed=0)
    dead.parameters["b1"] = -1e6
    house_prices = 2e5 + 5e4 * y
    return {
        "no steps": (classifier(), DIGITS.X_train, labels, nn.SGD(1e-12), "commonest class", "learning rate"),
        "raw bytes": (classifier(), raw, labels, nn.SGD(0.5), "commonest class", "divide X by 255"),
        "dead units": (dead, DIGITS.X_train, labels, nn.SGD(0.1), "commonest class", "layers that block"),
        "rare class": (
            nn.Model([nn.Dense(1), nn.Sigmoid()], seed=0), X, (y > 6).astype(int), nn.SGD(1e-9), "commoner answer", "",
        ),
        "several labels": (
            nn.Model([nn.Dense(3), nn.Sigmoid()], seed=0), DIGITS.X_train, several, nn.SGD(1e-9), "commoner answer", "",
        ),
        "no relation": (
            nn.Model([nn.Dense(1), nn.Identity()], seed=0), rng.normal(size=(4000, 2)), rng.normal(size=4000),
            nn.SGD(0.01), "guessing the mean of y", "inputs that say nothing",
        ),
        "large targets": (regression(), X, house_prices, nn.SGD(1e-9), "guessing the mean of y", "targets are large"),
        "counts": (
            nn.Model([nn.Dense(1), nn.Exponential()], seed=0), X, rng.poisson(90, len(X)), nn.SGD(1e-9),
            "guessing the mean of y", "counts are large",
        ),
    }  # fmt: skip


def test_raw_pixels_that_end_at_chance_are_named_however_short_the_training_was():
    """35 steps are too few to judge a network, but the pixels are the cause, whatever it would learn later."""
    rng = np.random.default_rng(0)
    raw, y = rng.integers(0, 256, (200, 8, 8, 1), dtype=np.uint8), np.arange(200) % 4
    rng.shuffle(y)
    for X, warned in ((raw, True), (raw / 255, False)):
        model = nn.Model([nn.Conv2D(4, 3), nn.ReLU(), nn.Flatten(), nn.Dense(4), nn.Softmax()], seed=0)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            train(model, X, y, epochs=5, optimizer=nn.SGD(0.5))
        texts = [str(one.message) for one in said if issubclass(one.category, nn.NothingLearnedWarning)]
        assert [("divide X by 255" in text) for text in texts] == [True] * warned


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
@pytest.mark.parametrize("case", stuck())
def test_a_training_that_learned_nothing_says_so_once_with_the_cause(case, engine):
    model, X, y, optimizer, guess, cause = stuck()[case]
    with pytest.warns(nn.NothingLearnedWarning) as caught:
        train(model, X, y, optimizer=optimizer, epochs=12, engine=engine)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert message.startswith("after 12 epochs the network is no better than always guessing"), message
    assert guess in message
    assert cause in message
    assert "nn.diagnose" in message
    assert caught[0].filename == __file__


def test_random_weights_that_tell_classes_apart_by_chance_have_not_learned_it():
    X, y = table()
    for seed in range(4):  # some of these networks are right more often than the best constant guess
        model = nn.Model([nn.Dense(1), nn.Sigmoid()], seed=seed)
        with pytest.warns(nn.NothingLearnedWarning, match="commoner answer"):
            train(model, X, (y > 6).astype(int), optimizer=nn.SGD(1e-12), epochs=12)


def test_a_stream_that_teaches_nothing_says_so_too():
    X, y = DIGITS.X_train, DIGITS.y_train
    with pytest.warns(nn.NothingLearnedWarning, match="after 8 epochs .* commonest class"):
        train(classifier(), nn.batches(X, y, seed=0), epochs=8, optimizer=nn.SGD(1e-12))
    rng = np.random.default_rng(0)
    endless = ((X[rows], y[rows]) for rows in (rng.integers(0, len(X), 32) for _ in itertools.count()))
    with pytest.warns(nn.NothingLearnedWarning):
        train(classifier(), endless, epochs=8, steps_per_epoch=40, optimizer=nn.SGD(1e-12))


def weighted_alarm():
    """A weighted training, which judges by its weights."""
    X, y = table()
    rare = (y > 6).astype(int)
    return X, rare, {"class_weight": "balanced"}


def honest():
    """Trainings that have learned something, or have not had the chance to."""
    X, y = table()
    rng = np.random.default_rng(1)
    labels = DIGITS.y_train
    noisy = (X[:, 0] + 4 * rng.normal(size=len(X)) > 5).astype(int)
    few_X, few_y = rng.normal(size=(30, 3)), rng.integers(0, 2, 30)
    return {
        "one epoch of a demonstration": (classifier(), DIGITS.X_train, labels, {"epochs": 1, "batch_size": 1}),
        "too few steps": (classifier(), DIGITS.X_train, labels, {"epochs": 4, "optimizer": nn.SGD(1e-9)}),
        "too few examples": (classifier(units=2), few_X, few_y, {"epochs": 400, "optimizer": nn.SGD(1e-9)}),
        "learned": (classifier(), DIGITS.X_train, labels, {}),
        "slow": (classifier(), DIGITS.X_train, labels, {"optimizer": nn.SGD(0.003)}),
        "dropout": (classifier(nn.Dropout(0.9)), DIGITS.X_train, labels, {}),
        "regression": (regression(), X, y, {"optimizer": nn.SGD(0.01)}),
        "rare class, weakly related": (
            nn.Model([nn.Dense(1), nn.Sigmoid()], seed=0), X, noisy, {"optimizer": nn.SGD(0.5), "epochs": 20},
        ),
        "balanced": (nn.Model([nn.Dense(1), nn.Sigmoid()], seed=0), *weighted_alarm()),
        "all the same": (classifier(units=2), X, np.zeros(len(X), int), {}),
        "soft labels": (
            classifier(units=2), X, np.stack([0.5 + 0.1 * np.tanh(X[:, 0]), 0.5 - 0.1 * np.tanh(X[:, 0])], 1),
            {"optimizer": nn.Adam(0.01), "epochs": 20},
        ),
        "frozen": (
            nn.Model([nn.Dense(10, trainable=False), nn.Softmax()], seed=0), DIGITS.X_train, labels, {"epochs": 10},
        ),
    }  # fmt: skip


@pytest.mark.parametrize("case", honest())
def test_no_false_alarm(case):
    model, X, y, options = honest()[case]
    with warnings.catch_warnings(action="error"):
        train(model, X, y, **options)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("load", [nn.load_digits, nn.load_iris])
def test_no_false_alarm_on_the_data_that_come_with_nnlite(load, seed):
    data = load()
    units = int(data.y_train.max()) + 1
    for optimizer in (nn.SGD(0.1), nn.Adam(1e-3), nn.RMSProp(1e-3)):
        with warnings.catch_warnings(action="error"):
            train(classifier(units=units, seed=seed), data.X_train, data.y_train, optimizer=optimizer, epochs=4)


def test_a_training_that_ctrl_c_or_too_few_epochs_cut_short_says_nothing():
    class Stop(nn.Callback):
        def on_epoch_end(self, epoch, logs):
            self.model.stop_training = epoch == 0

    with warnings.catch_warnings(action="error"):
        train(classifier(), DIGITS.X_train, DIGITS.y_train, optimizer=nn.SGD(1e-12), callbacks=[Stop()])


# ---- divergence ---------------------------------------------------------------------------------------------------


def test_a_regression_that_diverges_names_the_scale_of_the_targets():
    X, y = table()
    model = regression()
    refuse(
        lambda: train(model, X, 1e6 * y, optimizer=nn.SGD(0.1)),
        "the training diverged",
        "the targets are large (from ",
        "(y - y.mean()) / y.std()",
        error=nn.DivergenceError,
    )
    refuse(
        lambda: train(regression(), 1e6 * X, y, optimizer=nn.SGD(0.1)),
        "the training diverged",
        "the inputs are large",
        "standardize each feature",
        error=nn.DivergenceError,
    )


def test_a_regression_that_diverges_for_another_reason_does_not_blame_the_targets():
    X, y = table()
    with pytest.raises(nn.DivergenceError, match="a smaller learning rate") as caught:
        train(regression(), X, y, optimizer=nn.SGD(1e9))
    assert "targets" not in str(caught.value)


def test_a_stream_that_diverges_names_the_cause_too():
    X, y = table()
    source = nn.batches(X, 1e6 * y, seed=0)
    with pytest.raises(nn.DivergenceError, match="the targets are large"):
        train(regression(), source, optimizer=nn.SGD(0.1))


# ---- a wide output ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["classes", "rows", "batches"])
def test_an_output_that_is_wider_than_the_classes_is_suspected(form):
    X, y = DIGITS.X_train, DIGITS.y_train
    model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Softmax()], seed=0)
    data = {"classes": (X, y), "rows": (X, nn.one_hot(y, 64)), "batches": (nn.batches(X, y),)}[form]
    with pytest.warns(nn.TrainingWarning, match=r"has 64 units, but y has only the classes 0\.\.9; .*nn\.Dense\(10\)"):
        train(model, *data, epochs=1)


@for_each(
    ("units", "labels"),
    [(10, range(10)), (10, range(9)), (11, range(10)), (3, [0, 1]), (64, [0]), (100, [0, 1, 99]), (20, range(15))],
)
def test_an_output_that_fits_the_classes_or_may_fit_them_is_not_suspected(units, labels):
    y = np.resize(list(labels), 600)
    model = nn.Model([nn.Dense(units), nn.Softmax()], seed=0)
    with warnings.catch_warnings(action="error"):
        train(model, np.random.default_rng(0).normal(size=(600, 4)), y, epochs=1)


def test_few_examples_or_named_classes_are_no_reason_for_suspicion():
    X, y = IRIS.X_train, IRIS.y_train
    named = nn.Model([nn.Dense(9), nn.Softmax()], n_features=4, seed=0)
    named.class_names = list("abcdefghi")
    with warnings.catch_warnings(action="error"):
        train(named, X, y, epochs=1)
        train(nn.Model([nn.Dense(9), nn.Softmax()], seed=0), X[[0, 1, -1]], y[[0, 1, -1]], epochs=1)


# ---- the schedule -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        (nn.OneCycle(0.1, 100), r"OneCycle has total_steps=100, but the training has 225 steps: .*total_steps=225"),
        (nn.CosineDecay(0.1, 100), "is below 0.0001 of its highest rate from about step 100 on"),
        (nn.LinearWarmup(10, nn.CosineDecay(0.1, 100)), "from about step 1.. on, but the training has 225 steps"),
    ],
    ids=str,
)
def test_a_schedule_that_ends_before_the_training_is_suspected(schedule, said):
    with pytest.warns(nn.TrainingWarning, match=said):
        train(classifier(), DIGITS.X_train, DIGITS.y_train, optimizer=nn.SGD(schedule), epochs=5)


@pytest.mark.parametrize(
    "schedule",
    [
        nn.OneCycle(0.1, 225),
        nn.OneCycle(0.1, 1000),
        nn.CosineDecay(0.1, 225),
        nn.CosineDecay(0.1, 100, alpha=0.1),
        nn.CosineDecayRestarts(0.1, 50),
        nn.StepDecay(0.1, 100),
        pytest.param(lambda step: 0.1 if step < 10 else 0.0, id="a function that stops after ten steps"),
    ],
    ids=str,
)
def test_a_schedule_that_fits_the_training_is_not_suspected(schedule):
    with warnings.catch_warnings(action="error"):
        train(classifier(), DIGITS.X_train, DIGITS.y_train, optimizer=nn.SGD(schedule), epochs=5)


def test_steps_of_an_earlier_fit_count():
    optimizer, model = nn.SGD(nn.OneCycle(0.1, 225)), classifier()
    train(model, DIGITS.X_train, DIGITS.y_train, optimizer=optimizer, epochs=5)
    with pytest.warns(nn.TrainingWarning, match=r"has 270 steps \(225 of them before this call\)"):
        train(model, DIGITS.X_train, DIGITS.y_train, optimizer=optimizer, epochs=1)


# ---- batches of one -----------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::nnlite.NothingLearnedWarning")
def test_batch_normalization_of_batches_of_one_example_is_suspected():
    X, y = IRIS.X_train, IRIS.y_train
    model = nn.Model([nn.Dense(8), nn.BatchNorm(), nn.Dense(3), nn.Softmax()], seed=0)
    with pytest.warns(nn.TrainingWarning, match="batch_size: BatchNorm learns nothing from batches of one example"):
        train(model, X, y, batch_size=1, epochs=2)
    frozen = nn.Model([nn.Dense(8), nn.BatchNorm(trainable=False), nn.Dense(3), nn.Softmax()], seed=0)
    with warnings.catch_warnings(action="error"):
        train(frozen, X, y, batch_size=1, epochs=2)
        train(nn.Model([nn.Dense(8), nn.LayerNorm(), nn.Dense(3), nn.Softmax()], seed=0), X, y, batch_size=1, epochs=2)
        channels = [nn.Reshape((2, 2)), nn.BatchNorm(), nn.Flatten(), nn.Dense(3), nn.Softmax()]
        twice = np.repeat(X, 2, axis=0), np.repeat(y, 2)
        train(nn.Model(channels, seed=0), *twice, batch_size=1, epochs=1)  # one image has many pixels
