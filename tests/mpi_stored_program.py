"""What each process of tests/test_mpi_stored.py runs: ``python -m tests.mpi_stored_program MODE FOLDER DATA``.

It trains on examples that stay on the disk, and writes what process r has at the end to FOLDER/r.npz.
"""

import sys
from pathlib import Path

import numpy as np

import nnlite as nn

from .fitting.stored_examples import MEMORY
from .mpi_program import DYING, EPOCHS, Die

BATCH = 120


def opened(data, what, world, mode):
    """Open the examples of all processes, or the share of this one."""
    if "table" in mode:
        return nn.open_table(data / f"{what} table", target="y", memory=MEMORY)
    if "shares" not in mode:
        return nn.open_data(data / what, memory=MEMORY)
    if world.rank == 1 and what == "train":
        what = {"no files": "nothing", "no rows": "no rows"}.get(mode.partition(", ")[2], what)
    return nn.open_data(data / f"{what} {world.rank} of {world.size}", memory=MEMORY)


def main(mode, folder, data):
    """Train on stored examples, validate on others, and write the weights."""
    world = nn.mpi.world()
    train, validation = (opened(data, what, world, mode) for what in ("train", "validation"))
    options = {}
    if "checkpoint" in mode:
        dying = next((way for way in DYING if way in mode), "")
        checkpoint = nn.Checkpoint(folder / "run", every=7)
        options = {"checkpoint": checkpoint, "resume": True, "callbacks": [Die(dying, folder, world.rank)]}
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0, dtype="float64")
    history = model.fit(
        train,
        optimizer=nn.Adam(0.01),
        epochs=EPOCHS,
        batch_size=BATCH,
        shuffle="in order" not in mode,
        validation_data=validation,
        engine="compiled" if "compiled" in mode else "textbook",
        parallel=world,
        **options,
    )
    np.savez(
        folder / f"{world.rank}.npz",
        theta=model.theta,
        loss=history["loss"],
        val=[history["val_loss"], history["val_accuracy"]],
        n=world.size,
    )


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
