"""Facts about what is opened: names of arrays in groups, and what to write in place of what is no data on the disk."""

import tracemalloc

import numpy as np
import pytest

import nnlite as nn

from ..fitting.stored_examples import examples, network
from ..support import refuse

X, Y = examples(300)


def test_a_folder_with_X_and_y(tmp_path):
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", Y)
    np.save(tmp_path / "other.npy", Y[::-1])
    data = nn.open_data(tmp_path)
    np.testing.assert_array_equal(data.read(10, 20)[0], X[10:20])
    np.testing.assert_array_equal(data.read(10, 20)[1], Y[10:20])
    np.testing.assert_array_equal(nn.open_data(tmp_path, "other").read(0, 300)[1], Y[::-1])
    refuse(lambda: nn.open_data(tmp_path, "z"), f"y: {tmp_path} has no array 'z'; it has 'X', 'other', 'y'")


def test_arrays_in_groups_have_paths_with_or_without_a_slash(tmp_path):
    h5py, zarr = pytest.importorskip("h5py"), pytest.importorskip("zarr")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["train/X"], file["train/y"] = X, Y
    group = zarr.open_group(tmp_path / "a.zarr", mode="w").create_group("train")
    for name, array in (("X", X), ("y", Y)):
        group.create_array(name, shape=array.shape, dtype=array.dtype)[...] = array
    for path in (tmp_path / "a.h5", tmp_path / "a.zarr"):
        for before in ("", "/"):
            data = nn.open_data(path, f"{before}train/y", X=f"{before}train/X")
            np.testing.assert_array_equal(data.read(0, 300)[1], Y)
        refuse(lambda path=path: nn.open_data(path), f"{path}: has no", "'train/X', 'train/y'", error=nn.DataFileError)


def test_zarr_in_a_zip_file(tmp_path):
    zarr = pytest.importorskip("zarr")
    store = zarr.storage.ZipStore(tmp_path / "a.zarr.zip", mode="w")
    group = zarr.open_group(store, mode="w")
    for name, array in (("X", X), ("y", Y)):
        group.create_array(name, shape=array.shape, dtype=array.dtype)[...] = array
    store.close()
    data = nn.open_data(tmp_path / "a.zarr.zip")
    np.testing.assert_array_equal(data.read(10, 20)[0], X[10:20])


def test_targets_may_be_anything_with_slices():
    class Source:
        shape, dtype = (300,), Y.dtype

        def __getitem__(self, rows):
            return Y[rows]

    np.testing.assert_array_equal(nn.open_data(X, Source()).read(5, 9)[1], Y[5:9])


def test_what_is_no_data_gets_the_way_to_open_it(tmp_path):
    model = network()
    model.build((8,))
    for call in (model.fit, model.evaluate):
        refuse(
            lambda call=call: call(str(tmp_path / "X.npy"), Y),
            "X: expected examples or a source of batches, got the path",
            "nn.open_data",
        )
    refuse(lambda: model.fit(tmp_path), "X: expected examples or a source of batches, got the path", "nn.open_table")
    for opener in (nn.open_data, nn.open_table):
        refuse(lambda opener=opener: opener([]), "source: expected at least one file, got an empty list")
        refuse(
            lambda opener=opener: opener(tmp_path.glob("*")), "source: expected a list of files, got a", "sorted(...)"
        )
    refuse(lambda: nn.open_table({"a": [1]}), "source: expected files, got a dict, which lies in memory", "nn.Table(")


def test_a_file_or_group_of_a_library_is_not_an_array(tmp_path):
    h5py, zarr = pytest.importorskip("h5py"), pytest.importorskip("zarr")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["X"] = X
        dataset = file["X"]
        refuse(lambda: nn.open_data(file), "source: expected an array, got a File of h5py", "nn.open_data")
        refuse(lambda: network().fit(file, Y), "X: expected an array, got a File of h5py")
    refuse(lambda: network().fit(dataset, Y), "X: the HDF5 file is closed; keep it open")
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    refuse(lambda: nn.open_data(group), "source: expected an array, got a Group of zarr")


def test_columns_of_the_files_of_a_table_may_have_any_order(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,y\n" + "1,2,no\n3,5,yes\n" * 20)
    (tmp_path / "b.csv").write_text("y,b,a\n" + "no,2,1\nyes,5,3\n" * 20)
    table = nn.open_table(tmp_path, target="y")
    pieces = list(table.pieces())
    for name in ("a", "b"):
        np.testing.assert_array_equal(pieces[0].frame.columns[name], pieces[1].frame.columns[name])
    assert table.names == ("a", "b", "y")


def test_a_stray_file_is_blamed_and_not_the_others(tmp_path):
    out = "to leave out files of a folder, pass a list of the others"
    for i in range(3):
        (tmp_path / f"p{i}.csv").write_text("a,b,y\n1,2,no\n3,5,yes\n")
    for name, content, said in [
        ("notes.txt", "hello\n", "has the columns 'hello', unlike the other 3 files; "),
        ("bare.csv", "1,2,no\n3,5,yes\n", "has the columns '1', '2', 'no', unlike the other 3 files; this file seems "
         "to have no header; "),
        ("c.csv", "a,c,y\n1,2,no\n", "there is no column 'b' and column 'c' is new; expected those of "
         f"{tmp_path}/p0.csv; "),
    ]:  # fmt: skip
        (tmp_path / name).write_text(content)
        refuse(lambda name=name, said=said: nn.open_table(tmp_path, target="y"), f"{tmp_path}/{name}: {said}", out,
               error=nn.DataFileError)  # fmt: skip
        (tmp_path / name).unlink()


def test_a_stray_array_is_blamed_and_not_the_others(tmp_path):
    for i in range(3):
        np.savez(tmp_path / f"p{i}.npz", X=X[:10], y=Y[:10])
    out = "to leave out files of a folder, pass a list of the others"
    np.save(tmp_path / "a.npy", X)
    refuse(lambda: nn.open_data(tmp_path), f"{tmp_path}/a.npy: has one array without a name", out,
           error=nn.DataFileError)  # fmt: skip
    (tmp_path / "a.npy").unlink()
    np.savez(tmp_path / "a.npz", X=X[:10, :3], y=Y[:10])
    refuse(lambda: nn.open_data(tmp_path), f"{tmp_path}/a.npz: X: expected rows of shape (8,)", out,
           error=nn.DataFileError)  # fmt: skip
    np.savez(tmp_path / "a.npz", X=X[:10])
    refuse(lambda: nn.open_data(tmp_path), f"{tmp_path}/a.npz: has no array 'y'; it has 'X'; {out}",
           error=nn.DataFileError)  # fmt: skip
    np.savez(tmp_path / "a.npz", Z=X[:10])
    refuse(lambda: nn.open_data(tmp_path), f"{tmp_path}/a.npz: has no array 'X'", out, error=nn.DataFileError)
    refuse(lambda: nn.open_data(tmp_path / "a.npz"), f"{tmp_path}/a.npz: has no array 'X'; it has 'Z'; name the arrays",
           "open_data(path, y=..., X=...)", error=nn.DataFileError)  # fmt: skip
    refuse(lambda: nn.open_table(tmp_path), f"{tmp_path}/a.npz: holds arrays, not a table", error=nn.DataFileError)


def test_files_that_are_cut_off(tmp_path):
    np.savez(tmp_path / "a.npz", X=X)
    raw = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(raw[: len(raw) // 2])
    refuse(
        lambda: nn.open_data(tmp_path / "a.npz"), f"{tmp_path}/a.npz: is cut off, or no .npz", error=nn.DataFileError
    )
    (tmp_path / "a.csv").write_text("a,b,y\n1,2,no\n3,5,yes\n3,")
    table = nn.open_table(tmp_path / "a.csv")
    refuse(lambda: list(table.pieces()), f"{tmp_path}/a.csv: line 4: has 2 columns, expected 3",
           "it is the last line: is the file cut off?", error=nn.DataFileError)  # fmt: skip


@pytest.mark.parametrize("split", [False, True])
def test_examples_that_fit_into_memory_are_read_without_a_second_copy(tmp_path, split):
    X, y = np.arange(2**20, dtype=np.float32).reshape(-1, 64), np.arange(2**14)
    for i in range(2):
        np.savez(tmp_path / f"{i}.npz", X=X[i::2], y=y[i::2])
    data = nn.open_data(tmp_path, memory=2**24)
    data = data.split(0.2)[0] if split else data
    tracemalloc.start()
    found = data.in_memory()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * len(data) * data.row_bytes
    for one, other in zip(found[:2], data.read(0, len(data)), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found.X, X[found.y])
