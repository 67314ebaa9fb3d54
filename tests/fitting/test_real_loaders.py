"""Facts about the loaders of PyTorch, TensorFlow and Hugging Face, with the real libraries."""

import contextlib
import importlib
import itertools
import sys

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse, without_seconds
from .resuming import CrashError, Crashing

pytestmark = [
    pytest.mark.slow,  # importing one of them takes seconds
    pytest.mark.filterwarnings("default"),  # theirs
]

M, SIZE, EPOCHS = 50, 8, 3  # seven batches in an epoch
RNG = np.random.default_rng(0)
X = RNG.standard_normal((M, 4)).astype(np.float32)
y = RNG.integers(0, 3, M)


def classifier():
    return nn.Model([nn.Dense(5), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)


def trained(source, *, epochs=EPOCHS, **options):
    model = classifier()
    history = model.fit(source, epochs=epochs, progress=False, **options)
    return model.theta.copy(), without_seconds(history)


def assert_same(found, expected):
    np.testing.assert_array_equal(found[0], expected[0])
    assert found[1] == expected[1]


def crashed_and_resumed(make, folder, crash_at, **options):
    """Train with a crash after ``crash_at`` steps, then resume with a new source; a checkpoint follows every step."""
    checkpoint = nn.Checkpoint(folder, every=1)
    with contextlib.suppress(CrashError):
        trained(make(), checkpoint=checkpoint, callbacks=[Crashing(iter(range(crash_at)))], **options)
    return trained(make(), checkpoint=checkpoint, resume=True, callbacks=[Crashing(itertools.count())], **options)


# ---- PyTorch -------------------------------------------------------------------------------------------------------


@pytest.fixture
def torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    return torch


class Noisy:
    """Examples with noise of PyTorch's generator, which a worker draws from a seed of its own."""

    def __len__(self):
        return M

    def __getitem__(self, i):
        torch = sys.modules["torch"]
        return torch.from_numpy(X[i]) + 0.1 * torch.randn(4), int(y[i])


class Dictionaries(Noisy):
    def __getitem__(self, i):
        return {"pixel_values": X[i], "label": y[i]}


class Streamed:
    def __iter__(self):
        return iter([(X[i], y[i]) for i in range(M)])


def loader(torch, dataset=None, **options):
    tensors = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    return torch.utils.data.DataLoader(dataset or tensors, batch_size=SIZE, **options)


@pytest.mark.parametrize("n_workers", [0, 2])
def test_a_dataloader_trains_and_validates_like_arrays(torch, n_workers):
    source = loader(torch, num_workers=n_workers)
    found = trained(source, validation_data=source)
    model = classifier()
    history = model.fit(X, y, batch_size=SIZE, shuffle=False, epochs=EPOCHS, validation_data=(X, y))
    np.testing.assert_array_equal(found[0], model.theta)
    for key, values in found[1].items():
        np.testing.assert_allclose(values, history[key], rtol=1e-6)
    assert model.evaluate(source)["loss"] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-6)


def test_a_dataloader_of_dictionaries(torch):
    assert_same(trained(loader(torch, Dictionaries())), trained(loader(torch)))


def test_a_dataloader_decides_its_order_and_fit_does_not_disturb_it(torch):
    by_hand = loader(torch, shuffle=True, generator=torch.Generator().manual_seed(3))
    batches = [(a.numpy(), b.numpy()) for _ in range(EPOCHS) for a, b in by_hand]
    given = loader(torch, shuffle=True, generator=torch.Generator().manual_seed(3))
    assert_same(trained(given), trained(iter(batches), steps_per_epoch=7))


@pytest.mark.parametrize("n_workers", [1, 3])
def test_workers_keep_their_order_and_seed(torch, n_workers):
    def once():
        generator = torch.Generator().manual_seed(3)
        return trained(loader(torch, Noisy(), shuffle=True, num_workers=n_workers, generator=generator))

    torch.manual_seed(1)
    first = once()
    torch.manual_seed(2)
    assert_same(once(), first)


def test_the_number_of_workers_makes_no_difference_without_random_examples(torch):
    def once(n_workers):
        generator = torch.Generator().manual_seed(3)
        return trained(loader(torch, shuffle=True, num_workers=n_workers, generator=generator))

    assert_same(once(4), once(0))


@pytest.mark.parametrize("crash_at", [3, 7, 12])
@pytest.mark.parametrize("kind", ["own generator", "global generator", "noise", "workers with noise", "validation"])
def test_a_training_on_a_dataloader_resumes_bit_for_bit(torch, tmp_path, kind, crash_at):
    def make():
        torch.manual_seed(5)  # as a script that is run again
        options = {"shuffle": True}
        if kind in ("own generator", "workers with noise"):
            options["generator"] = torch.Generator().manual_seed(3)
        if kind == "workers with noise":
            options["num_workers"] = 2
        return loader(torch, Noisy() if "noise" in kind else None, **options)

    options = {"validation_data": loader(torch, shuffle=True)} if kind == "validation" else {}
    whole = trained(make(), **options)
    assert_same(crashed_and_resumed(make, tmp_path, crash_at, **options), whole)


def test_validation_draws_nothing_from_the_global_generator(torch):
    def once(**options):
        torch.manual_seed(5)
        return trained(loader(torch, shuffle=True), **options)

    with_validation = once(validation_data=loader(torch, shuffle=True))
    np.testing.assert_array_equal(with_validation[0], once()[0])


def test_a_stream_of_pytorch_trains_and_says_that_it_cannot_be_set_back(torch, tmp_path):
    class Stream(Streamed, torch.utils.data.IterableDataset):
        pass

    assert_same(trained(loader(torch, Stream())), trained(loader(torch)))
    with pytest.warns(
        UserWarning, match="checkpoint: the batches of a resumed training will be others .* IterableDatas"
    ):
        trained(loader(torch, Stream()), checkpoint=tmp_path)


def test_a_data_set_of_pytorch_needs_a_dataloader(torch):
    dataset = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    refuse(lambda: classifier().fit(dataset), "X: expected a source of batches", "DataLoader(dataset")


def test_tensors_are_arrays(torch):
    model, twin = classifier(), classifier()
    model.fit(torch.from_numpy(X), torch.from_numpy(y), epochs=1)
    twin.fit(X, y, epochs=1)
    np.testing.assert_array_equal(model.theta, twin.theta)
    np.testing.assert_array_equal(model.predict(torch.from_numpy(X)), twin.predict(X))
    half = [(torch.from_numpy(X).bfloat16().requires_grad_(), torch.from_numpy(y))]
    assert np.isfinite(trained(half, epochs=1)[0]).all()


# ---- Hugging Face --------------------------------------------------------------------------------------------------


@pytest.fixture
def rows():
    pytest.importorskip("datasets.arrow_dataset")  # the checkout has a folder datasets/ too
    return importlib.import_module("datasets").Dataset.from_dict({"features": X, "label": y}).with_format("numpy")


def test_rows_of_hugging_face_train_and_validate_like_arrays(rows):
    found = trained(rows, batch_size=SIZE, validation_data=rows)
    model = classifier()
    history = model.fit(X, y, batch_size=SIZE, epochs=EPOCHS, validation_data=(X, y), progress=False)
    np.testing.assert_array_equal(found[0], model.theta)  # the network draws the same order
    for key, values in found[1].items():
        np.testing.assert_allclose(values, history[key], rtol=1e-6)
    assert model.evaluate(rows)["loss"] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-6)


@pytest.mark.parametrize("form", ["python", "torch"])
def test_rows_in_another_format(rows, form):
    if form == "torch":
        pytest.importorskip("torch")
    expected = trained(rows, batch_size=SIZE, shuffle=False)
    given = rows.with_format(None if form == "python" else form)
    np.testing.assert_allclose(trained(given, batch_size=SIZE, shuffle=False)[0], expected[0], rtol=1e-5)


@pytest.mark.parametrize("crash_at", [3, 12])
def test_a_training_on_rows_resumes_bit_for_bit(rows, tmp_path, crash_at):
    whole = trained(rows, batch_size=SIZE)
    assert_same(crashed_and_resumed(lambda: rows, tmp_path, crash_at, batch_size=SIZE), whole)


@pytest.mark.parametrize("batched", [False, True])
def test_a_stream_of_hugging_face_trains_like_arrays(rows, batched):
    stream = rows.to_iterable_dataset()
    stream = stream.batch(SIZE) if batched else stream
    model = classifier()
    model.fit(X, y, batch_size=SIZE, shuffle=False, epochs=EPOCHS)
    np.testing.assert_array_equal(trained(stream, batch_size=SIZE)[0], model.theta)


@pytest.mark.parametrize("crash_at", [3, 12])
def test_a_shuffled_stream_has_another_order_in_each_epoch_and_resumes_bit_for_bit(rows, tmp_path, crash_at):
    def make():
        return rows.to_iterable_dataset(num_shards=4).shuffle(seed=3, buffer_size=20)

    whole = trained(make(), batch_size=SIZE)
    assert_same(crashed_and_resumed(make, tmp_path, crash_at, batch_size=SIZE), whole)
    first = [example["label"].item() for example in make()]
    second = make()
    second.set_epoch(1)
    assert [example["label"].item() for example in second] != first


@pytest.mark.parametrize("form", ["numpy", "torch", "stream", "loader"])
def test_class_labels_are_the_names_of_the_classes(rows, form):
    labels = importlib.import_module("datasets").ClassLabel
    given = rows.cast_column("label", labels(names=["ant", "bee", "cow"]))
    renamed = rows.from_dict({"features": X, "label": 2 - y}).cast_column("label", labels(names=["cow", "bee", "ant"]))
    renamed = renamed.with_format("numpy")
    source = given
    if form != "numpy":
        torch = pytest.importorskip("torch") if form != "stream" else None
        source = given.to_iterable_dataset() if form == "stream" else given.with_format("torch")
        source = torch.utils.data.DataLoader(source, batch_size=SIZE) if form == "loader" else source
    model = classifier()
    model.fit(source, epochs=2, batch_size=SIZE, shuffle=False, progress=False, validation_data=renamed)
    assert model.class_names == ("ant", "bee", "cow")
    assert model.predict(X, names=True).tolist() == np.array(model.class_names)[model.predict(X)].tolist()
    assert model.evaluate(renamed) == pytest.approx(model.evaluate(X, y))  # known by name, numbered otherwise
    other = rows.from_dict({"features": X, "label": y}).cast_column("label", labels(names=["ant", "bee", "dog"]))
    refuse(lambda: model.evaluate(other.with_format("numpy")), "batch 0 y: the class 'dog' is not one of the network")


def test_a_label_that_nobody_knows_is_refused(rows):
    labels = importlib.import_module("datasets").ClassLabel
    given = rows.from_dict({"features": X, "label": [-1, *y[1:]]}).cast_column("label", labels(names=["a", "b", "c"]))
    refuse(lambda: classifier().fit(given.with_format("numpy"), shuffle=False), "batch 0 y: ", "-1")


def test_columns_that_are_too_many_are_named(rows):
    more = rows.add_column("idx", list(range(M)))
    refuse(lambda: classifier().fit(more), "X: expected a source of batches", "'features', 'label', 'idx'")


# ---- TensorFlow ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


def test_tf_data_trains_and_validates_like_arrays(tf):
    source = tf.data.Dataset.from_tensor_slices((X, y)).batch(SIZE)
    found = trained(source, validation_data=source)
    model = classifier()
    history = model.fit(X, y, batch_size=SIZE, shuffle=False, epochs=EPOCHS, validation_data=(X, y))
    np.testing.assert_array_equal(found[0], model.theta)
    np.testing.assert_allclose(found[1]["val_loss"], history["val_loss"], rtol=1e-6)


def test_workers_of_tf_data_keep_their_order_and_seed(tf):
    def once(n_workers):
        examples = tf.data.Dataset.from_tensor_slices((X, y)).shuffle(M, seed=3)
        return trained(examples.map(lambda a, b: (2 * a, b), num_parallel_calls=n_workers).batch(SIZE).prefetch(2))

    assert_same(once(4), once(None))
    assert_same(once(4), once(4))


def test_tf_data_of_dictionaries_and_as_numpy(tf):
    source = tf.data.Dataset.from_tensor_slices({"image": X, "label": y}).batch(SIZE)
    expected = trained(tf.data.Dataset.from_tensor_slices((X, y)).batch(SIZE))
    assert_same(trained(source), expected)
    assert_same(trained(list(source.as_numpy_iterator()), shuffle=False), expected)


def test_tf_data_without_an_end_needs_steps_per_epoch(tf):
    source = tf.data.Dataset.from_tensor_slices((X, y)).batch(SIZE).repeat()
    whole = tf.data.Dataset.from_tensor_slices((X, y)).batch(SIZE)
    assert_same(trained(source, steps_per_epoch=7), trained(whole))


def test_tf_data_of_unknown_length(tf):
    source = tf.data.Dataset.from_tensor_slices((X, y)).filter(lambda a, b: True).batch(SIZE)
    assert_same(trained(source), trained(tf.data.Dataset.from_tensor_slices((X, y)).batch(SIZE)))


def test_tf_data_says_that_it_cannot_be_set_back(tf, tmp_path):
    source = tf.data.Dataset.from_tensor_slices((X, y)).shuffle(M, seed=0).batch(SIZE)
    with pytest.warns(UserWarning, match="checkpoint: the batches of a resumed training will be others .* TensorFlow"):
        trained(source, checkpoint=tmp_path)
