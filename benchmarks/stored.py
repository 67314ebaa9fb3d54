"""Training on data that do not fit into memory: memory and throughput, beside the same data in memory.

``python -m benchmarks.stored --gigabytes 8`` writes a file of that size into a temporary folder, trains on it in a
process whose data may take a quarter of it, and prints what it took. ``--throughput`` compares with arrays in memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import nnlite as nn
from benchmarks.peak import peak_MiB

WIDTH, CLASSES, BATCH = 256, 10, 256
REPETITIONS = 9
BLOCK = 2**14  # rows that are written at once


def write(folder: Path, n_rows: int) -> None:
    """Write X.npy and y.npy: sorted classes, whose means differ."""
    rng = np.random.default_rng(0)
    means = rng.standard_normal((CLASSES, WIDTH)).astype(np.float32)
    noise = rng.standard_normal((BLOCK, WIDTH)).astype(np.float32)
    y = np.arange(n_rows) * CLASSES // n_rows
    np.save(folder / "y.npy", y)
    with open(folder / "X.npy", "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, WIDTH)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, n_rows, BLOCK):
            classes = y[start : start + BLOCK]
            file.write((means[classes] + 3 * np.roll(noise, start // BLOCK, axis=1)[: len(classes)]).data)


def read_from_disk(path: Path) -> None:
    """Let the page cache hold a file as reading leaves it, in large pieces, and not as writing does."""
    with open(path, "rb") as file:
        if hasattr(os, "posix_fadvise"):
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        while file.read(2**20):
            pass


def network(hidden: int) -> nn.Model:
    """Return a network, the same each time."""
    return nn.Model([nn.Dense(hidden), nn.ReLU(), nn.Dense(CLASSES), nn.Softmax()], seed=0)


def train(data: tuple[object, ...], hidden: int, engine: str) -> float:
    """Train for two epochs, and return the seconds of the second one."""
    history = network(hidden).fit(*data, optimizer=nn.Adam(1e-3), epochs=2, batch_size=BATCH, engine=engine,
                                  progress=False)  # fmt: skip
    return history["seconds"][-1]


def in_bounded_memory(folder: Path, limit: int) -> None:
    """Train, evaluate and predict in this process, whose data may take ``limit`` bytes; print what it took."""
    before = peak_MiB()
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    data = nn.open_data(folder / "X.npy", folder / "y.npy")
    model, peaks = network(64), []
    start = time.perf_counter()
    watch = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: peaks.append(peak_MiB()))
    history = model.fit(data, optimizer=nn.Adam(1e-3), epochs=3, batch_size=BATCH, callbacks=[watch], progress=False)
    seconds = time.perf_counter() - start
    accuracy = model.evaluate(data)["accuracy"]
    predicted = len(model.predict(data))
    print(json.dumps({"MiB before": before, "MiB after each epoch": peaks, "MiB": peak_MiB(), "seconds": seconds,
                      "accuracy": accuracy, "predicted": predicted, "engine": history.engine,
                      "seconds of each epoch": history["seconds"]}))  # fmt: skip


def throughput(folder: Path) -> None:
    """Print seconds of an epoch from the disk and from memory: least and median of some, which take turns."""
    read_from_disk(folder / "X.npy")
    stored = (nn.open_data(folder / "X.npy", folder / "y.npy"),)
    mapped = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    memory = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    for engine, sizes in (("compiled", (16, 128, 512)), ("textbook", (128,))):
        for hidden in sizes:
            found: dict[str, list[float]] = {"memory": [], "open_data": [], "memmap": []}
            for _ in range(REPETITIONS):
                for name, data in (("memory", memory), ("open_data", stored), ("memmap", mapped)):
                    found[name].append(train(data, hidden, engine))
            for what, of in (("least", min), ("median", np.median)):
                seconds = {name: float(of(values)) for name, values in found.items()}
                ratios = {name: seconds["memory"] / value for name, value in seconds.items()}
                print(f"{engine:9} {hidden:4} units, {what:6}:", "  ".join(
                    f"{name} {seconds[name]:.3f} s ({ratios[name]:.2f})" for name in seconds
                ), flush=True)  # fmt: skip


def main() -> None:
    """Write the data, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=0.25)
    parser.add_argument("--folder", type=Path, help="where the data are written; by default a temporary folder")
    parser.add_argument("--throughput", action="store_true")
    parser.add_argument("--limit", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.limit:
        in_bounded_memory(options.folder, options.limit)
        return
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="nnlite-stored-") as made:
        folder, n_bytes = Path(made), int(options.gigabytes * 2**30)
        write(folder, n_bytes // (4 * WIDTH))
        if options.throughput:
            throughput(folder)
            return
        command = [sys.executable, "-m", "benchmarks.stored", "--folder", str(folder), "--limit", str(n_bytes // 4)]
        print(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
