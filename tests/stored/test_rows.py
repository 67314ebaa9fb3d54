"""Facts about rows on the disk: what is read is what was written, and damage is named with its file and row."""

import os
import tracemalloc

import numpy as np
import pytest

import nnlite as nn
from nnlite.stored.opening import as_stored
from nnlite.stored.rows import FileRows, mapped_rows

from ..support import for_each, refuse

RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3, 2)).astype(np.float32)
Y = RNG.integers(0, 4, 40)


def large_map(folder, dtype=np.float32, shape=(2**16, 128), mode="r"):
    """An array of 32 MiB in a file of holes, with some numbers in it, as np.memmap maps it."""
    array = np.lib.format.open_memmap(folder / "X.npy", mode="w+", dtype=dtype, shape=shape)
    array[::1000] = np.arange(len(array[::1000]))[:, None]
    array.flush()
    return np.load(folder / "X.npy", mmap_mode=mode)


def written(folder, how):
    """Files with X and Y in three parts, and what `open_data` gets."""
    parts = [slice(0, 15), slice(15, 16), slice(16, 40)]
    for i, part in enumerate(parts):
        if how == "npy":
            np.save(folder / f"x{i}.npy", X[part])
            np.save(folder / f"y{i}.npy", Y[part])
        else:
            save = np.savez_compressed if how == "compressed" else np.savez
            save(folder / f"part{i}.npz", X=X[part], y=Y[part])
    if how == "npy":
        return nn.open_data([folder / f"x{i}.npy" for i in range(3)], [folder / f"y{i}.npy" for i in range(3)])
    return nn.open_data(folder)


@for_each("how", ["npy", "npz", "compressed"])
def test_files_are_read_in_any_range_as_they_were_written(tmp_path_factory, how):
    data = written(tmp_path_factory.mktemp(how), how)
    assert (len(data), data.shape, data.dtype) == (40, X.shape, X.dtype)
    for start, stop in [(0, 40), (3, 4), (14, 17), (39, 40), (15, 16)]:
        read = data.read(start, stop)
        np.testing.assert_array_equal(read[0], X[start:stop])
        np.testing.assert_array_equal(read[1], Y[start:stop])


@for_each("how", ["npy", "npz", "compressed"])
def test_ranges_are_read_one_after_the_other_also_across_files(tmp_path_factory, how):
    data = written(tmp_path_factory.mktemp(how), how)
    for rows, array in ((data.X_rows, X), (data.y_rows, Y)):
        read = np.empty((29, *array.shape[1:]), array.dtype)
        rows.fill_ranges([(30, 40), (3, 4), (13, 18), (0, 13)], read)
        np.testing.assert_array_equal(read, np.concatenate([array[30:40], array[3:4], array[13:18], array[:13]]))
        rows.advise([(0, 40), (16, 17)])  # changes nothing


def test_pieces_follow_each_other_and_are_all_of_the_data(tmp_path):
    pieces = list(written(tmp_path, "npz").pieces(100))
    assert len(pieces) > 3
    np.testing.assert_array_equal(np.concatenate([piece.X for piece in pieces]), X)
    np.testing.assert_array_equal(np.concatenate([piece.y for piece in pieces]), Y)


@for_each("dtype", [">f4", "<f8", ">i2", "u1", "?", "<f2"])
def test_numbers_of_any_type_and_byte_order_are_read_in_that_of_the_machine(tmp_path_factory, dtype):
    path, array = tmp_path_factory.mktemp("t") / "x.npy", np.arange(12).reshape(6, 2).astype(dtype)
    np.save(path, array)
    (read,) = nn.open_data(path).read(1, 5)
    assert read.dtype.isnative
    np.testing.assert_array_equal(read, array[1:5])


def test_views_of_a_mapped_array_are_read_from_its_file(tmp_path):
    mapped = large_map(tmp_path)
    assert as_stored(mapped[:1000]) is None  # small
    for view in (mapped, mapped[100:60_000], mapped[::2], mapped[:, 5:90], mapped[3::3, ::1], np.asarray(mapped)):
        rows = mapped_rows(view, "X")
        assert isinstance(rows, FileRows)
        np.testing.assert_array_equal(rows.read(990, 1010), view[990:1010])


def test_a_view_whose_rows_are_scattered_is_read_through_the_map(tmp_path):
    mapped = large_map(tmp_path)
    for view in (mapped[:, ::2], mapped[::-1], mapped.reshape(-1, 64, 2).transpose(0, 2, 1), mapped[:, 7:3:-1]):
        rows = mapped_rows(view, "X")
        assert not isinstance(rows, FileRows)
        np.testing.assert_array_equal(rows.read(990, 1010), view[990:1010])


def test_a_few_columns_of_a_mapped_array_are_read_in_little_memory(tmp_path):
    np.lib.format.open_memmap(tmp_path / "X.npy", mode="w+", dtype=np.float32, shape=(4000, 5000))[:, 1] = range(4000)
    rows = mapped_rows(np.load(tmp_path / "X.npy", mmap_mode="r")[:, :2], "X")
    assert isinstance(rows, FileRows)
    tracemalloc.start()
    read = rows.read(0, 4000)
    assert tracemalloc.get_traced_memory()[1] < 2**24  # of 80 MB between the first and the last number
    tracemalloc.stop()
    np.testing.assert_array_equal(read, np.stack([np.zeros(4000), np.arange(4000)], axis=1))


def test_wide_targets_count_as_memory(tmp_path):
    X, targets = np.zeros((6000, 2), np.float32), np.zeros((6000, 1000), np.float32)
    data = nn.open_data(X, y=targets, memory=3 * 2**20)
    assert data.window == 2**20 // (8 + 4000)
    assert not data.fits_memory
    assert max(len(part.X) for part in data.pieces()) <= 2**20 // 4000


def test_an_array_in_memory_is_not_mapped(tmp_path):
    mapped = large_map(tmp_path)
    assert mapped_rows(mapped[np.arange(10)], "X") is None
    assert mapped_rows(np.ones((3, 2)), "X") is None
    assert as_stored(np.ones((2**20, 10), np.float32)) is None


def test_what_has_shape_dtype_and_slices_is_data():
    class Source:
        shape, dtype = (50, 3), np.dtype(np.float32)

        def __getitem__(self, rows):
            return np.arange(150, dtype=np.float32).reshape(50, 3)[rows]

    data = nn.open_data(Source(), y=list(range(50)))
    np.testing.assert_array_equal(data.read(10, 12)[0], [[30, 31, 32], [33, 34, 35]])
    assert data.read(10, 12)[1].tolist() == [10, 11]
    Source.dtype = np.dtype(np.int64)
    refuse(
        lambda: nn.open_data(Source()).read(1, 2), "source, row 0: expected int64", "float32", error=nn.DataFileError
    )
    Source.dtype = "torch.float32"
    refuse(lambda: nn.open_data(Source()), "source: expected a dtype of NumPy, got torch.float32")


def test_a_split_is_disjoint_complete_and_the_same_for_the_same_seed(tmp_path):
    data = nn.open_data(np.arange(20_000).reshape(-1, 2), y=np.arange(10_000))
    rest, held_out = data.split(0.2, seed=3)
    again, rows = data.split(0.2, seed=3)[1], held_out.read(0, len(held_out))[1]
    np.testing.assert_array_equal(again.read(0, len(again))[1], rows)
    assert sorted([*rows, *rest.read(0, len(rest))[1]]) == list(range(10_000))
    assert 1800 < len(held_out) < 2200  # 5 standard deviations
    assert not np.array_equal(data.split(0.2, seed=4)[1].read(0, 100)[1], rows[:100])
    train, test = rest.split(0.5, seed=3)  # a second split by the same seed is another draw
    assert 3700 < len(test) < 4300
    assert not set(test.read(0, len(test))[1].tolist()) & set(rows.tolist())
    assert len(train) + len(test) == len(rest)


# ---- damage --------------------------------------------------------------------------------------------------------


def test_a_shard_of_other_rows_is_refused_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    np.savez(tmp_path / "b.npz", X=X[:, :2], y=Y)
    refuse(
        lambda: nn.open_data(tmp_path), f"{tmp_path}/b.npz: X: expected rows of shape (3, 2)", error=nn.DataFileError
    )
    np.savez(tmp_path / "b.npz", X=X.astype(np.float64), y=Y)
    refuse(lambda: nn.open_data(tmp_path), f"{tmp_path}/b.npz: X", "float64", error=nn.DataFileError)
    np.savez(tmp_path / "b.npz", Z=X, y=Y)
    refuse(lambda: nn.open_data(tmp_path), f"{tmp_path}/b.npz: has no array 'X'", "'Z'", error=nn.DataFileError)


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    np.save(tmp_path / "x.npy", X)
    os.truncate(tmp_path / "x.npy", 500)
    refuse(lambda: nn.open_data(tmp_path / "x.npy"), f"{tmp_path}/x.npy: is cut off", error=nn.DataFileError)


def test_a_file_that_changes_is_an_error_when_it_is_read(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    data = nn.open_data(tmp_path / "a.npz")
    data.read(0, 3)
    np.savez(tmp_path / "a.npz", X=X[:20], y=Y[:20])
    refuse(lambda: data.read(0, 3), f"{tmp_path}/a.npz: has changed since", error=nn.DataFileError)


def test_a_compressed_array_that_is_damaged_is_an_error_when_it_is_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=RNG.standard_normal((3000, 4)))
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    raw[2000:2100] = bytes(100)
    (tmp_path / "a.npz").write_bytes(raw)
    data = nn.open_data(tmp_path / "a.npz")
    refuse(lambda: data.read(0, 3000), f"{tmp_path}/a.npz: cannot be read", error=nn.DataFileError)


def test_objects_are_never_read(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([[{}]], object), y=Y[:1])
    refuse(lambda: nn.open_data(tmp_path), f"{tmp_path}/a.npz: X: holds Python objects", error=nn.DataFileError)


def test_wrong_arguments_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", X)
    (tmp_path / "t.txt").write_text("a,b\n1,2\n")
    refuse(lambda: nn.open_data(tmp_path / "x.npy", y=Y[:3]), "y: expected 40 rows", "got 3")
    refuse(lambda: nn.open_data(tmp_path / "t.txt"), f"{tmp_path}/t.txt: is none of", error=nn.DataFileError)
    refuse(lambda: nn.open_data(3), "source: expected an array, a path")
    refuse(lambda: nn.open_data(np.zeros(5)), "X: expected two dimensions")
    refuse(lambda: nn.open_data(np.zeros((0, 2))), "X: source has no rows")
    refuse(lambda: nn.open_data(np.zeros((2, 0))), "X: expected at least one feature in source, got shape (2, 0)")
    refuse(lambda: nn.open_data(np.float32(3)), "source: expected rows, got a single value")
    refuse(lambda: nn.open_data(np.zeros((2, 2)), y=np.array(3)), "y: expected an entry for each row of X")
    refuse(lambda: nn.open_data(tmp_path / "x.npy", memory=0), "memory: expected an integer of at least 1")
    data = nn.open_data(tmp_path / "x.npy")
    refuse(lambda: data.read(3, 41), "stop: expected start < stop <= 40")
    refuse(lambda: data.split(1.5), "fraction: expected a finite number")
    refuse(lambda: nn.Model([nn.Softmax()], n_features=6).fit(data), "y: StoredArrays", "has no targets")


def test_a_missing_library_is_named_with_its_extra(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(ImportError, match=r'pip install "nnlite\[hdf5\]"'):
        nn.open_data(tmp_path / "a.h5")
