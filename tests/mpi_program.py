"""What each process of tests/test_mpi.py runs: ``mpiexec -n N python mpi_program.py MODE FOLDER``.

Process r writes what it has at the end to FOLDER/r.npz.
"""

import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

import nnlite as nn
from nnlite.fitting import gradient_sum

EPOCHS = 4
DYING = ("killed", "raises", "exits")


class Die(nn.Callback):
    """Ends process 1 in the middle of the third epoch, in one of several ways."""

    def __init__(self, mode, folder, rank):
        self.mode, self.folder, self.rank = mode, folder, rank

    def on_train_begin(self, logs):
        self.epochs = 0

    def on_epoch_end(self, epoch, logs):
        self.epochs += 1

    def on_batch_end(self, batch, logs):
        if not self.mode or (self.rank, self.epochs, batch) != (1, 2, 4):
            return
        (self.folder / "died").write_text(str(time.time()))
        if self.mode == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "raises":
            raise OSError("the disk is full")
        sys.exit(3)


def differ(mode):
    """Do something else in process 1 than in the others, before the training."""
    if mode == "before":
        raise ValueError("there is no data")
    if mode == "leaves":
        sys.exit()
    if mode == "version":
        from nnlite import version

        version.__version__ = "0.0.1"


def counting(world):
    """Count the sums that a world starts, and leaves for later."""
    counted, start = [], world.start_sum

    def started(vector):
        counted.append(1)
        return start(vector)

    world.start_sum = started
    return counted


def main(mode, folder):
    """Train on digits, and write the weights."""
    world = nn.mpi.world(
        gradient_bits=16 if mode == "bits" else None,
        overlap=True if "pieces" in mode else None,
        sync_batch_norm="norm" in mode,
    )
    counted = counting(world)
    if "pieces" in mode:
        gradient_sum.PACKED, gradient_sum.PIECE = 100, 200  # those of small networks, too
    if world.rank == 1:
        differ(mode)
    data = nn.load_digits()
    rows = slice(world.rank, None, world.size) if mode == "shares" else slice(None)
    X, y = data.X_train[:331][rows], data.y_train[:331][rows]
    if mode == "empty" and world.rank == 1:
        X, y = X[:0], y[:0]
    options = {}
    dying = next((way for way in DYING if way in mode), "")
    if dying or "resumed" in mode:
        checkpoint = nn.Checkpoint(folder / "run", every=3)
        options = {"checkpoint": checkpoint, "resume": True, "callbacks": [Die(dying, folder, world.rank)]}
    middle = [nn.BatchNorm(), nn.ReLU(), nn.Dense(24), nn.BatchNorm()] if "norm" in mode else []
    layers = [nn.Dense(24), *middle, nn.ReLU(), nn.Dropout(0.2), nn.Dense(10), nn.Softmax()]
    model = nn.Model(layers, seed=world.rank if mode == "seed" else 0, dtype="float64")
    history = model.fit(
        X,
        y,
        optimizer=nn.Adam(0.003),
        epochs=EPOCHS,
        batch_size=32,
        shuffle=mode != "shares",
        validation_data=(data.X_test[:100], data.y_test[:100]),
        engine="compiled" if "compiled" in mode else "textbook",
        parallel=world,
        **options,
    )
    found = {
        "pieces": len(counted),
        "theta": model.theta,
        "loss": history["loss"],
        "val": history["val_accuracy"],
        "n": world.size,
    }
    np.savez(folder / f"{world.rank}.npz", **found)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
