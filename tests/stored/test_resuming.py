"""Facts about trainings on data of each format: the seed decides the batches, and a resumed epoch ends bit for bit."""

import csv

import numpy as np
import pytest

import nnlite as nn

from ..fitting.stored_examples import examples, trained

X, Y = examples(1500)
MEMORY = 3 * 2**13


class StoppedError(Exception):
    """What ends a training in the middle of an epoch."""


class Stop(nn.Callback):
    def __init__(self, left):
        self.left = left

    def on_batch_end(self, batch, logs):
        self.left -= 1
        if self.left == 0:
            raise StoppedError


def opened(kind, folder):
    """Write the examples in a format, if they are not there, and open them."""
    path, is_new = folder / f"data.{kind}", not (folder / f"data.{kind}").exists()
    columns = {**{f"x{i}": X[:, i].astype(float) for i in range(8)}, "y": np.array(["a", "b", "c"])[Y]}
    if kind == "hdf5":
        h5py = pytest.importorskip("h5py")
        if is_new:
            with h5py.File(path, "w") as file:
                file.create_dataset("X", data=X, chunks=(50, 8), compression="gzip")
                file.create_dataset("y", data=Y, chunks=(1500,), compression="gzip")
    elif kind == "zarr":
        zarr = pytest.importorskip("zarr")
        if is_new:
            group = zarr.open_group(path, mode="w")
            for name, array in (("X", X), ("y", Y)):
                group.create_array(name, shape=array.shape, dtype=array.dtype, chunks=(50, *array.shape[1:]))[...] = (
                    array
                )
    elif kind == "npz":
        if is_new:
            path.mkdir()
            for i in range(30):
                np.savez_compressed(path / f"{i:02}.npz", X=X[50 * i : 50 * i + 50], y=Y[50 * i : 50 * i + 50])
    elif kind == "parquet":
        pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        if is_new:
            parquet.write_table(pyarrow.table(columns), path, row_group_size=400)
    elif is_new:
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([list(columns), *zip(*columns.values(), strict=True)])
    return nn.open_table(path, "y", memory=MEMORY) if kind in ("parquet", "csv") else nn.open_data(path, memory=MEMORY)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hdf5", "zarr", "npz", "parquet", "csv"])
def test_a_training_that_is_stopped_in_an_epoch_and_resumed_ends_bit_for_bit(tmp_path, kind, monkeypatch):
    monkeypatch.setattr("nnlite.fitting.stored.KEPT", 2**10)  # targets in large chunks are copied

    def fit(folder, left=10**9):
        return trained(opened(kind, tmp_path), validation_split=0.1, epochs=3, callbacks=[Stop(left)],
                       checkpoint=nn.Checkpoint(folder, every=4), resume=True)  # fmt: skip

    whole = fit(tmp_path / "whole")
    for n in (7, 10, 8):
        with pytest.raises(StoppedError):
            fit(tmp_path / "cut", n)
    model, history = fit(tmp_path / "cut")
    np.testing.assert_array_equal(model.theta, whole[0].theta)
    assert history == whole[1]
    assert trained(opened(kind, tmp_path))[1]["accuracy"][-1] > 0.6


def test_the_same_rows_and_chunks_make_the_same_training_in_each_format(tmp_path):
    """Where the blocks are the same, the files do not matter."""
    first = trained(opened("hdf5", tmp_path))[0].theta
    np.testing.assert_array_equal(trained(opened("zarr", tmp_path))[0].theta, first)
