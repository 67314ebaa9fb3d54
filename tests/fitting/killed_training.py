"""A training that is killed at random moments and started again: ``python killed_training.py DIRECTORY KILLS SEED``.

DIRECTORY/first and DIRECTORY/whole get a training without kills: the first may compile kernels, so the second tells how
long a training takes. DIRECTORY/0, DIRECTORY/1, ... get trainings that are killed and resumed until they end, as many
as it takes for KILLS kills. Each attempt is a process of its own, forked from one that has imported nnlite and computed
nothing.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import nnlite as nn

EPOCHS = 8
LONGEST = 60.0  # seconds of a training without kills


def train(directory):
    """Train with every layer and callback that keeps something, and write how it ended."""
    digits = nn.load_digits()
    layers = [nn.Dense(48), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.2), nn.Dense(10), nn.Softmax()]
    model = nn.Model(layers, seed=1)
    history = model.fit(
        digits.X_train[:800],
        digits.y_train[:800],
        optimizer=nn.Adam(nn.CosineDecay(0.003, 23 * EPOCHS)),
        epochs=EPOCHS,
        validation_split=0.1,
        metrics=["f1"],
        callbacks=[
            nn.EarlyStopping(patience=EPOCHS, restore_best_weights=False),
            nn.EMA(0.98),
            nn.CSVLogger(directory / "log.csv"),
        ],
        checkpoint=nn.Checkpoint(directory / "checkpoints", every=7),
        resume=True,
        progress=False,
    )
    del history["seconds"]
    np.save(directory / "theta.npy", model.theta)
    evaluated = model.evaluate(digits.X_test, digits.y_test)
    (directory / "history.json").write_text(json.dumps([history, evaluated]), encoding="utf-8")


def attempt(directory, seconds=LONGEST):
    """Train in a process of its own; kill it after some seconds. Return whether it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            train(directory)
            os._exit(0)
        except BaseException as error:
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    end = time.monotonic() + seconds
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.001)
    if ended[1] != 0:
        sys.exit("the training failed")
    return True


def main(directory, kills, seed):
    """Make trainings without kills, then others until ``kills`` processes were killed."""
    rng = random.Random(seed)
    seconds = 0.0
    for name in ("first", "whole"):
        (directory / name).mkdir()
        start = time.monotonic()
        if not attempt(directory / name):
            sys.exit("the training takes too long")
        seconds = time.monotonic() - start
    killed = trainings = 0
    while killed < kills:
        of_this = directory / str(trainings)
        of_this.mkdir()
        ended = False
        while not ended:  # without kills at last, or it would never end where most of the time is the beginning
            ended = attempt(of_this, rng.uniform(0.1, 1.0) * seconds if killed < kills else LONGEST)
            killed += not ended
        trainings += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
