"""Facts about arrays of HDF5 and Zarr, with the real libraries."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.stored.opening import as_stored

from ..fitting.stored_examples import examples, trained
from ..support import refuse

X, Y = examples(3000)
MEMORY = 3 * 2**13


def same_training(data, folder):
    np.savez(folder / "same.npz", X=X, y=Y)
    expected = trained(X, Y, shuffle=False)[0].theta
    np.testing.assert_array_equal(trained(data, shuffle=False)[0].theta, expected)
    assert trained(data)[1]["accuracy"][-1] > 0.6


@pytest.mark.parametrize("compression", [None, "gzip"])
def test_hdf5(tmp_path, compression):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("train/images", data=X, chunks=(70, 8), compression=compression)
        file.create_dataset("train/labels", data=Y)
    data = nn.open_data(path, X="train/images", y="train/labels", memory=MEMORY)
    assert set(np.diff(data.edges)[:-1]) == {140}  # blocks of whole chunks
    np.testing.assert_array_equal(data.read(65, 75)[0], X[65:75])
    same_training(data, tmp_path)
    refuse(lambda: nn.open_data(path, X="Z"), f"{path}: has no data set 'Z'", "train/images", error=nn.DataFileError)
    h5py.File(path, "r+").close()  # it is not open meanwhile: a process may have few open files
    with h5py.File(path) as file:
        small = as_stored(file["train/images"], file["train/labels"])
        assert len(small) == 3000
        model = trained(file["train/images"], file["train/labels"])[0]
        assert model.evaluate(file["train/images"], file["train/labels"])["accuracy"] > 0.6
        np.testing.assert_array_equal(model.predict(file["train/images"]), model.predict(X))


def test_hdf5_in_several_files_and_cut_off(tmp_path):
    h5py = pytest.importorskip("h5py")
    for i, part in enumerate((slice(0, 1000), slice(1000, 3000))):
        with h5py.File(tmp_path / f"part-{i}.h5", "w") as file:
            file["X"], file["y"] = X[part], Y[part]
    same_training(nn.open_data(tmp_path, memory=MEMORY), tmp_path.parent)
    raw = (tmp_path / "part-1.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(raw[: len(raw) // 2])
    said = f"{tmp_path}/cut.h5: is cut off or damaged (", "truncated file"
    refuse(lambda: nn.open_data(tmp_path / "cut.h5"), *said, error=nn.DataFileError)


def test_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    for name, array, chunks in (("X", X, (70, 8)), ("y", Y, (1000,))):
        group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=chunks)[...] = array
    data = nn.open_data(tmp_path / "a.zarr", memory=MEMORY)
    np.testing.assert_array_equal(data.read(65, 75)[0], X[65:75])
    same_training(data, tmp_path)
    model = trained(group["X"], group["y"])[0]
    np.testing.assert_array_equal(model.predict(group["X"]), model.predict(X))
    refuse(lambda: nn.open_data(tmp_path / "a.zarr", X="Z"), f"{tmp_path}/a.zarr: has no array 'Z'",
           error=nn.DataFileError)  # fmt: skip
