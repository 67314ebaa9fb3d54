"""Facts about files that change or are damaged while they are learned from: the error names the file."""

import os

import numpy as np
import pytest

import nnlite as nn

from ..fitting.stored_examples import examples, network
from ..support import for_each, refuse

X, Y = examples(3000)
MEMORY = 3 * 2**13


class After(nn.Callback):
    """Does something after the first epoch."""

    def __init__(self, act):
        self.act = act

    def on_epoch_end(self, *_):
        if self.act is not None:
            self.act()
        self.act = None


def refused(data, act, *fragments):
    """Check that a training on data is refused, whose files ``act`` changes after the first epoch."""
    refuse(
        lambda: network().fit(data, epochs=3, batch_size=100, progress=False, callbacks=[After(act)]),
        *fragments,
        error=nn.DataFileError,
    )


def replace(path, write):
    """Put another file in the place of one, as a program does that writes first and renames then."""
    kept = os.stat(path)
    write(f"{path}.new.npy")
    os.utime(f"{path}.new.npy", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    os.replace(f"{path}.new.npy", path)


@for_each("mode", ["r", "r+"])
def test_another_file_in_the_place_of_one_is_noticed_though_size_and_time_are_the_same(tmp_path_factory, mode):
    path = str(tmp_path_factory.mktemp("a") / "X.npy")
    np.save(path, X)
    opened = np.load(path, mmap_mode=mode)
    data = nn.open_data(opened, y=Y, memory=MEMORY)
    refused(data, lambda: replace(path, lambda name: np.save(name, X[::-1])), f"{path}: has been replaced since it was")


def test_an_array_whose_file_was_replaced_before_the_training_is_refused(tmp_path):
    path = str(tmp_path / "X.npy")
    np.save(path, X)
    opened = np.load(path, mmap_mode="r")
    replace(path, lambda name: np.save(name, X[::-1]))
    refuse(lambda: nn.open_data(opened, y=Y), f"{path}: is not the file that source maps", error=nn.DataFileError)


def test_a_file_cut_short_between_two_epochs_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    path = str(tmp_path / "a.npz")
    data = nn.open_data(path, memory=MEMORY)
    refused(data, lambda: os.truncate(path, os.path.getsize(path) // 2), f"{path}: has changed since it was opened")


def zarr_of(folder, **options):
    group = pytest.importorskip("zarr").open_group(folder, mode="w")
    for name, array in (("X", X), ("y", Y)):
        group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=(100, *array.shape[1:]), **options)
        group[name][...] = array
    return group


def chunks_of(folder):
    return sorted(path for path in (folder / "X").rglob("*") if path.is_file() and path.name != "zarr.json")


def test_a_chunk_of_zarr_that_changes_or_goes_is_noticed_in_the_next_epoch(tmp_path):
    group = zarr_of(tmp_path / "a.zarr")
    for data in (nn.open_data(tmp_path / "a.zarr", memory=MEMORY),
                 nn.open_data(group["X"], y=group["y"], memory=MEMORY)):  # fmt: skip
        refused(data, chunks_of(tmp_path / "a.zarr")[3].unlink, f"{tmp_path}/a.zarr/X: has changed since it was opened")


def test_a_damaged_chunk_of_zarr_is_an_error_with_its_array(tmp_path):
    group = zarr_of(tmp_path / "a.zarr")
    for path in chunks_of(tmp_path / "a.zarr")[10:]:
        path.write_bytes(b"\0\1\2" * 9)
    refuse(lambda: network().fit(nn.open_data(tmp_path / "a.zarr", memory=MEMORY), progress=False),
           f"{tmp_path}/a.zarr: X, row ", "cannot be read", error=nn.DataFileError)  # fmt: skip
    refuse(lambda: network().fit(group["X"], group["y"], progress=False),
           f"X ({tmp_path}/a.zarr/X: X), row ", "cannot be read", error=nn.DataFileError)  # fmt: skip


def test_a_damaged_chunk_of_hdf5_is_an_error_with_its_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        found = file.create_dataset("X", data=X, chunks=(100, 8), compression="gzip")
        file["y"] = Y
        places = [found.id.get_chunk_info(i).byte_offset for i in range(5, 30)]
    with open(path, "r+b") as file:
        for place in places:
            file.seek(place)
            file.write(bytes(50))
    refuse(lambda: network().fit(nn.open_data(path, memory=MEMORY), progress=False), f"{path}: X, row ",
           "cannot be read", error=nn.DataFileError)  # fmt: skip
    with h5py.File(path) as file:
        refuse(lambda: network().fit(file["X"], file["y"], progress=False), f"X ({path}: X), row ",
               "cannot be read", error=nn.DataFileError)  # fmt: skip


def table(n=2000):
    rng = np.random.default_rng(0)
    return {"a": rng.standard_normal(n), "b": rng.standard_normal(n), "y": np.array(["no", "yes"])[np.arange(n) % 2]}


@for_each("form", ["parquet", "feather"])
def test_a_damaged_table_is_an_error_with_its_file(tmp_path_factory, form):
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.feather")
    pytest.importorskip("pyarrow.parquet")
    path = tmp_path_factory.mktemp("t") / f"a.{form}"
    if form == "parquet":
        pyarrow.parquet.write_table(pyarrow.table(table()), path, row_group_size=500)
    else:
        pyarrow.feather.write_feather(pyarrow.table(table()), path, chunksize=500, compression="zstd")
    opened = nn.open_table(path, target="y")
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3 : len(raw) // 2] = bytes(len(raw) // 2 - len(raw) // 3)
    path.write_bytes(raw)
    model = nn.Model([nn.Dense(2), nn.Softmax()])
    refuse(lambda: model.fit(opened, progress=False), f"{path}: has changed since", error=nn.DataFileError)
    refuse(lambda: model.fit(nn.open_table(path, target="y"), progress=False), f"{path}: cannot be read",
           error=nn.DataFileError)  # fmt: skip
    os.truncate(path, 1000)
    refuse(lambda: nn.open_table(path, target="y"), f"{path}: is cut off or damaged (", error=nn.DataFileError)


def test_a_table_that_is_replaced_between_its_two_passes_is_refused(tmp_path, monkeypatch):
    """The rows are as many as before, but they are other rows."""
    path = tmp_path / "a.csv"
    path.write_text("a,y\n" + "1,no\n2,yes\n" * 50)
    opened = nn.open_table(path, target="y")
    nn.Model([nn.Dense(2), nn.Softmax()]).fit(opened, epochs=1, progress=False)
    path.write_text("a,y\n" + "1,no\n3,yes\n" * 50)
    os.utime(path)
    refuse(lambda: nn.Model([nn.Dense(2), nn.Softmax()]).fit(opened, progress=False), f"{path}: has changed since",
           error=nn.DataFileError)  # fmt: skip
