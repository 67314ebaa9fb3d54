"""What each process of tests/test_mpi.py runs: ``mpiexec -n N python mpi_program.py MODE FOLDER``.

Process r writes what it has at the end to FOLDER/r.npz.
"""

import os
import signal
import sys
from pathlib import Path

import numpy as np

import nnlite as nn

EPOCHS = 4
MODE, FOLDER = sys.argv[1], Path(sys.argv[2])


class Die(nn.Callback):
    """Ends process 1 in the middle of the third epoch."""

    def on_batch_end(self, batch, logs):
        if batch == 4 and len(self.seen) == 2 and world.rank == 1:
            if MODE == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if MODE == "raises":
                raise OSError("the disk is full")
            if MODE == "exits":
                sys.exit(3)

    def on_train_begin(self, logs):
        self.seen = []

    def on_epoch_end(self, epoch, logs):
        self.seen.append(epoch)


def network(seed=0):
    layers = [nn.Dense(24), nn.ReLU(), nn.Dropout(0.2), nn.Dense(10), nn.Softmax()]
    return nn.Model(layers, seed=seed, dtype="float64")


def train(parallel, model=None, **options):
    data = nn.load_digits()
    model = model or network()
    X, y = data.X_train[:331], data.y_train[:331]
    if MODE == "empty" and world.rank == 1:
        X, y = X[:0], y[:0]
    if MODE == "shares":
        X, y = X[world.rank :: world.size], y[world.rank :: world.size]
    history = model.fit(
        X,
        y,
        optimizer=nn.Adam(0.003),
        epochs=EPOCHS,
        batch_size=32,
        validation_data=(data.X_test[:100], data.y_test[:100]),
        parallel=parallel,
        **({"engine": "textbook"} | options),
    )
    return model, history


world = nn.mpi.world(gradient_bits=16 if MODE == "bits" else None)
if MODE == "before" and world.rank == 1:
    raise ValueError("there is no data")
if MODE == "leaves" and world.rank == 1:
    sys.exit()
if MODE == "version" and world.rank == 1:
    from nnlite import version

    version.__version__ = "0.0.1"
options = {}
if MODE in ("killed", "raises", "exits", "resumed"):
    options = {"checkpoint": nn.Checkpoint(FOLDER / "run", every=3), "resume": True, "callbacks": [Die()]}
if MODE == "shares":
    options = {"shuffle": False}
if MODE == "compiled":
    options = {"engine": "compiled"}
model, history = train(world, network(world.rank if MODE == "seed" else 0), **options)
np.savez(
    FOLDER / f"{world.rank}.npz", theta=model.theta, loss=history["loss"], val=history["val_accuracy"], n=world.size
)
