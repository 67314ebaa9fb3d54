"""Facts about trainings on stored examples: they are those of arrays in memory, in blocks."""

import functools

import numpy as np
import pytest

import nnlite as nn
from nnlite.fitting.stored import StoredBatches
from nnlite.stored.rows import FileRows

from ..support import ENGINES_SLOWLY, for_each, refuse
from .stored_examples import MEMORY, WIDTH, N, examples, network, stored, trained


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("stored"), *examples())


def same(first, second):
    np.testing.assert_array_equal(first[0].theta, second[0].theta)
    assert first[1] == second[1]


def batches(data, seed=0, batch_size=64, skip=0, shuffle=True):
    """The rows of an epoch, batch by batch; the first feature of each example is its row."""
    source = StoredBatches(network().signature_for_array(np.zeros((1, *data.shape[1:]), np.float32)), data, batch_size,
                           shuffle, np.arange(3))  # fmt: skip
    source.begin(np.random.default_rng(seed))
    return [batch.X[:, 0].astype(int).tolist() for batch in source.batches(skip)]


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    X = np.zeros((N, WIDTH), np.float32)
    X[:, 0] = np.arange(N)
    return stored(tmp_path_factory.mktemp("numbered"), X, np.arange(N) % 3)


# ---- the batches ---------------------------------------------------------------------------------------------------


@for_each("batch_size", [64, 512, 700, 5999])
def test_an_epoch_has_every_example_once(numbered, batch_size):
    found = batches(numbered, batch_size=batch_size)
    assert [len(batch) for batch in found[:-1]] == [batch_size] * (len(found) - 1)
    assert sorted(np.concatenate(found).tolist()) == list(range(N))


def test_the_seed_decides_the_batches(numbered):
    assert batches(numbered, seed=1) == batches(numbered, seed=1)
    assert batches(numbered, seed=1) != batches(numbered, seed=2)
    assert batches(numbered, shuffle=False) == [list(range(start, min(start + 64, N))) for start in range(0, N, 64)]


def test_an_epoch_that_is_begun_in_its_middle_has_the_same_batches(numbered):
    whole = batches(numbered)
    for skip in (1, 7, 8, 50, len(whole) - 1):
        assert batches(numbered, skip=skip) == whole[skip:]


@for_each("batch_size, n_threads", [(64, 1), (64, 3), (700, 1), (700, 3), (5999, 3)])
def test_who_reads_ahead_makes_no_difference(numbered, monkeypatch, batch_size, n_threads):
    """A thread, the system while all processors train, or nobody; as many batches at once as lie together."""
    monkeypatch.setattr("nnlite.fitting.stored.available_threads", lambda: n_threads)
    expected = batches(numbered, batch_size=batch_size)
    for ahead, skip in [(True, 0), (False, 0), (False, 3), (True, 3)]:
        source = StoredBatches(network().signature_for_array(np.zeros((1, WIDTH), np.float32)), numbered, batch_size,
                               True, np.arange(3))  # fmt: skip
        source.begin(np.random.default_rng(0))
        found, first, calls = [], min(skip, source.n_batches - 1), 0
        start = first * batch_size
        with source.reader(ahead=ahead) as several:
            while first < source.n_batches:
                n = source.n_together(first)
                examples = several(first, n)
                rows = examples.batch(slice(None))
                np.testing.assert_array_equal(rows.y, rows.X[:, 0] % 3)
                found += rows.X[:, 0].astype(int).tolist()
                first, calls = first + n, calls + 1
        assert found == np.concatenate(expected).tolist()[start:]
        assert calls <= len(source.data.counts)  # a window has one block here, so a batch in two windows is no call


def test_batches_come_from_many_places(numbered):
    """Each window has one block here, and a batch that lies in one window has rows of one block."""
    first = batches(numbered)[0]
    assert len(set(np.diff(sorted(first)).tolist())) > 5  # not a run of neighbours
    assert np.corrcoef(np.concatenate(batches(numbered)), np.arange(N))[0, 1] < 0.9


# ---- as arrays in memory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_without_a_shuffle_the_training_is_that_of_arrays_bit_for_bit(data, engine):
    X, y = examples()
    same(trained(data, shuffle=False, engine=engine), trained(X, y, shuffle=False, engine=engine))


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_weights_classes_validation_and_metrics_are_those_of_arrays(tmp_path, engine):
    X, y = examples()
    w = np.random.default_rng(1).uniform(0.5, 2, N)
    data = stored(tmp_path, X, y, sample_weight=w)
    options = {"shuffle": False, "engine": engine, "class_weight": "balanced", "metrics": ["f1"]}
    found = trained(data, validation_data=data, **options)
    expected = trained(X, y, sample_weight=w, validation_data=(X, y, w), **options)
    np.testing.assert_array_equal(found[0].theta, expected[0].theta)
    assert found[1].keys() == expected[1].keys()
    for key, values in expected[1].items():
        np.testing.assert_allclose(found[1][key], values, rtol=1e-6)


def test_what_fits_into_the_memory_is_trained_on_as_arrays_are(tmp_path):
    X, y = examples(600)
    data = stored(tmp_path, X, y, memory=None)
    assert data.fits_memory
    same(trained(data, validation_split=0.2), trained(X, y, validation_split=0.2))


def test_names_of_classes_are_learned(tmp_path):
    X, y = examples()
    names = np.array(["ant", "bee", "cat"])[y]
    found = trained(stored(tmp_path, X, names), shuffle=False)
    same(found, trained(X, names, shuffle=False))
    assert found[0].class_names == ("ant", "bee", "cat")


def test_a_target_can_be_standardized(tmp_path):
    X, _ = examples()
    y = 100 + 10 * X[:, 1]
    found = trained(stored(tmp_path, X, y), units=1, output=nn.Identity(), shuffle=False, standardize_target=True)
    expected = trained(X, y, units=1, output=nn.Identity(), shuffle=False, standardize_target=True)
    np.testing.assert_allclose(found[0].target_scale.mean, expected[0].target_scale.mean, rtol=1e-12)
    np.testing.assert_allclose(found[0].theta, expected[0].theta, rtol=1e-4, atol=1e-5)
    assert found[1]["rmse"][-1] < found[1]["rmse"][0]


def test_evaluate_and_predict_are_those_of_arrays(data):
    X, y = examples()
    model = trained(data)[0]
    found, expected = model.evaluate(data, metrics=["f1"]), model.evaluate(X, y, metrics=["f1"])
    assert found == pytest.approx(expected, rel=1e-6)
    np.testing.assert_array_equal(model.predict(data), model.predict(X))
    np.testing.assert_allclose(model.predict_proba(data), model.predict_proba(X), rtol=1e-5)


def test_a_single_example_of_a_library_is_predicted(tmp_path):
    h5py = pytest.importorskip("h5py")
    model = trained(*examples())[0]
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["X"] = np.ones(WIDTH)
        assert model.predict(file["X"]) == model.predict(np.ones(WIDTH))


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_the_same_seed_gives_the_same_training(data, engine):
    same(trained(data, engine=engine), trained(data, engine=engine))


@pytest.mark.slow
def test_both_engines_get_the_same_batches(data):
    pytest.importorskip("numba")
    found = [trained(data, engine=engine)[1]["loss"] for engine in ("textbook", "compiled")]
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)


def test_a_part_is_held_out_for_validation(data):
    model, history = trained(data, validation_split=0.2)
    assert len(history["val_loss"]) == 2
    assert model.evaluate(data.split(0.2, seed=0)[1])["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-6)


def test_callbacks_see_every_batch(data):
    seen = []
    callback = nn.LambdaCallback(on_batch_end=lambda batch, logs: seen.append((batch, logs["size"])))
    found = trained(data, callbacks=[callback])
    assert seen == 2 * [(i, 100) for i in range(60)]
    same(found, trained(data))


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_images_on_the_disk_are_augmented(tmp_path, engine):
    images = np.random.default_rng(0).uniform(0, 1, (3000, 4, 4)).astype(np.float32)
    data = stored(tmp_path, images, np.arange(3000) % 2)

    def run(engine):
        model = nn.Model([nn.Flatten(), nn.Dense(2), nn.Softmax()], seed=0)
        options = {"augment": [nn.augment.Shift(1)], "epochs": 1, "progress": False, "engine": engine}
        return model.fit(data, **options)["loss"]

    losses = run(engine)
    assert run(engine) == losses
    assert run("textbook") == pytest.approx(losses, rel=1e-5)


# ---- mapped arrays -------------------------------------------------------------------------------------------------


def test_a_mapped_array_is_read_from_its_file(tmp_path, monkeypatch):
    monkeypatch.setattr("nnlite.stored.opening.SMALL", 1000)
    monkeypatch.setattr("nnlite.stored.arrays.SMALLEST", MEMORY)
    X, y = examples()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    read = []
    fill = FileRows.fill_ranges
    monkeypatch.setattr(
        FileRows, "fill_ranges", lambda rows, ranges, out: read.append(len(out)) or fill(rows, ranges, out)
    )
    found = trained(mapped, y, shuffle=False)
    assert sum(read) > 2 * N
    same(found, trained(X, y, shuffle=False))
    assert found[0].evaluate(mapped, y)["loss"] == pytest.approx(found[0].evaluate(X, y)["loss"], rel=1e-6)
    np.testing.assert_array_equal(found[0].predict(mapped), found[0].predict(X))


# ---- resuming ------------------------------------------------------------------------------------------------------


class StoppedError(Exception):
    """What ends a training in the middle of an epoch."""


@pytest.mark.parametrize("engine", ENGINES_SLOWLY)
def test_a_training_that_is_resumed_in_an_epoch_ends_as_if_nothing_had_happened(data, tmp_path, engine):
    class Stop(nn.Callback):
        def on_batch_end(self, batch, logs):
            nonlocal left
            left -= 1
            if left == 0:
                raise StoppedError

    left = 10**9
    fit = functools.partial(trained, data, engine=engine, validation_split=0.1,
                            callbacks=[Stop()])  # fmt: skip
    expected = fit(checkpoint=tmp_path / "whole")
    for n in (25, 40, 30):
        left = n
        with pytest.raises(StoppedError):
            fit(checkpoint=nn.Checkpoint(tmp_path / "cut", every=7), resume=True)
    left = 10**9
    same(fit(checkpoint=nn.Checkpoint(tmp_path / "cut", every=7), resume=True), expected)


def test_other_data_cannot_be_resumed(data, tmp_path):
    trained(data, checkpoint=tmp_path / "run")
    X, y = examples()
    (tmp_path / "other").mkdir()
    other = stored(tmp_path / "other", X + 1, y)
    refuse(lambda: trained(other, checkpoint=tmp_path / "run", resume=True, epochs=3), "checkpoint:", "with data")
    (tmp_path / "blocks").mkdir()
    other = stored(tmp_path / "blocks", X, y, memory=2 * MEMORY)
    refuse(lambda: trained(other, checkpoint=tmp_path / "run", resume=True, epochs=3), "checkpoint:", "with batches")


# ---- damage and wrong use ------------------------------------------------------------------------------------------


@for_each("value", [np.nan, np.inf])
def test_a_number_that_is_not_finite_is_named_by_file_and_row(tmp_path_factory, value):
    X, y = examples()
    X[4600, 3] = value
    folder = tmp_path_factory.mktemp("nan")
    data = stored(folder, X, y)
    where = f"{folder}/part-3.npz: X, row 100, column 3: expected a finite number"
    refuse(lambda: trained(data), where, str(value), error=nn.DataFileError)
    model = network()
    model.build((WIDTH,))
    refuse(lambda: model.predict(data), where, error=nn.DataFileError)
    refuse(lambda: model.evaluate(data), where, error=nn.DataFileError)


def test_a_wrong_label_is_refused_before_anything_changes(tmp_path):
    X, y = examples()
    y[5000] = 3
    data, model = stored(tmp_path, X, y), network()
    refuse(lambda: model.fit(data, progress=False), f"{tmp_path}/part-", "label 3 is out of range",
           error=nn.DataFileError)  # fmt: skip
    assert not model.built


def test_wrong_targets_of_validation_are_refused_before_anything_changes(data, tmp_path):
    X, y = examples()
    model = network()
    y[5000] = 3
    wrong = stored(tmp_path, X, y)
    said = f"validation_data: {tmp_path}/part-3.npz: y, row 500: label 3 is out"
    refuse(lambda: model.fit(data, validation_data=wrong), said, error=nn.DataFileError)
    unweighted = nn.open_data(X, y % 3, sample_weight=np.zeros(N))
    refuse(lambda: model.fit(data, validation_data=unweighted), "validation_data sample_weight:", "all 6000 are 0")
    refuse(lambda: trained(data)[0].evaluate(unweighted), "sample_weight: expected weights", "all 6000 are 0")
    refuse(lambda: model.fit(data, validation_data=nn.open_data(X)), "y: StoredArrays", "has no targets")
    assert not model.built


def test_dates_are_no_targets(tmp_path):
    np.save(tmp_path / "x.npy", examples()[0])
    np.save(tmp_path / "y.npy", np.arange(N).astype("M8[s]"))
    dates = nn.open_data(tmp_path / "x.npy", tmp_path / "y.npy", memory=MEMORY)
    said = f"{tmp_path}/y.npy, row 0: expected numbers", "datetime64[s]"
    refuse(lambda: trained(dates), *said, error=nn.DataFileError)


def test_a_wrong_target_or_weight_names_its_own_file_or_array():
    X, y = examples(300)
    y[200] = 12
    weights = np.ones(300)
    weights[9] = -1
    said = "y, row 200: label 12 is out of range", "let the network end in Dense(13), Softmax()"
    refuse(lambda: trained(nn.open_data(X, y, memory=1000)), *said, error=nn.DataFileError)
    data = nn.open_data(X, y % 3, sample_weight=weights, memory=1000)
    refuse(lambda: trained(data), "sample_weight, row 9: expected weights of at least 0", error=nn.DataFileError)


def test_a_wrong_label_of_data_that_fit_into_memory_names_its_file(tmp_path):
    X, y = examples(300)
    y[200] = 5
    np.save(tmp_path / "y.npy", y)
    refuse(lambda: trained(nn.open_data(X, tmp_path / "y.npy")), f"{tmp_path}/y.npy, row 200: label 5 is out of range",
           "(labels are 0..2); let the network end in Dense(6), Softmax()", error=nn.DataFileError)  # fmt: skip


def test_a_file_that_changes_ends_the_training(tmp_path):
    X, y = examples()
    data = stored(tmp_path, X, y)

    def change(epoch, logs):
        np.savez(tmp_path / "part-1.npz", X=X[:1500], y=y[:1500])

    callback = nn.LambdaCallback(on_epoch_end=change)
    refuse(lambda: trained(data, callbacks=[callback]), f"{tmp_path}/part-1.npz: has changed", error=nn.DataFileError)


def test_wrong_use_is_refused(data):
    y = examples()[1]
    model = network()
    refuse(lambda: model.fit(data, y), "y: belongs into open_data")
    refuse(lambda: model.fit(data, sample_weight=y), "sample_weight: belongs into open_data")
    refuse(lambda: model.fit(data, batch_size=None), "batch_size: None makes one batch of all")
    refuse(lambda: model.fit(data, steps_per_epoch=3), "steps_per_epoch:")
    refuse(lambda: model.fit(data, validation_split=0.1, validation_data=data), "validation_split: give either")
    refuse(lambda: model.fit(data, validation_split=1e-9, progress=False), "validation_split: 1e-09 of 6000")
    refuse(lambda: model.fit(data, class_weight=[0, 0, 0]), "class_weight:")
    assert not model.built
    refuse(lambda: nn.find_learning_rate(model, data, y), "y: belongs into open_data")
    wide = nn.Model([nn.Dense(3), nn.Softmax()], n_features=9)
    for call in (wide.fit, wide.evaluate, wide.predict):
        refuse(lambda call=call: call(data), "X: expected examples of shape (9,)")


def test_an_output_that_is_too_wide_is_warned_of(data):
    with pytest.warns(nn.TrainingWarning, match="the output has 64 units, but y has only the classes 0..2"):
        trained(data, units=64, epochs=1)
