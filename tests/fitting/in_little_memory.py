"""A training, an evaluation and a prediction on a file larger than the memory for it.

Arguments: the folder with X.npy and y.npy, "map" or "open", and the limit of the process's data in bytes (0: none).
It prints the MiB at the peak of this process before, after each epoch, and at the end.
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np

import nnlite as nn


def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def main(folder, how, limit):
    y = np.load(folder / "y.npy")
    model = nn.Model([nn.Dense(16), nn.ReLU(), nn.Dense(4), nn.Softmax()], seed=0)
    width = np.load(folder / "X.npy", mmap_mode="r").shape[1]
    rng = np.random.default_rng(0)
    small = rng.standard_normal((5000, width), np.float32), rng.integers(0, 4, 5000)
    model.copy().fit(
        *small, optimizer="adam", epochs=2, batch_size=256, progress=False
    )  # compiles, and loads libraries
    model.fit(*small, optimizer="adam", epochs=1, batch_size=256, progress=False)
    model.evaluate(*small), model.predict(small[0])
    if limit:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    before, after = peak(), []
    X = np.load(folder / "X.npy", mmap_mode="r") if how == "map" else nn.open_data(folder / "X.npy", y)
    data = (X, y) if how == "map" else (X,)
    watch = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: after.append(peak()))
    history = model.fit(*data, optimizer="adam", epochs=4, batch_size=256, callbacks=[watch], progress=False)
    accuracy, predicted = model.evaluate(*data)["accuracy"], len(model.predict(X))
    print(json.dumps([before, after, peak(), accuracy, predicted, history["loss"]]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
