"""What runs in each framework's process: it waits for a command, carries it out, answers, and waits again.

Commands and answers are JSON, one a line. While it waits it sleeps in a read and takes no time from the others.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

if sys.argv[1:] and sys.argv[1] in ("own", "own_compiled", "openblas_products"):
    import nnlite  # noqa: F401  before NumPy, so that it can choose OpenBLAS's kernels

import numpy as np

from benchmarks import images, networks
from benchmarks.networks import Network
from benchmarks.peak import peak_MiB

CHUNK_SECONDS = 0.02  # calls of a prediction that are timed together


class Worker:
    """The commands, for the framework of one module of `benchmarks.peers`."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.network: Any = None
        self.loss: Callable[[Any, Any, Any], float]  # of weights on X and y
        self.peer: Any = importlib.import_module(f"benchmarks.peers.{module}")

    def begin_training(self, network: list[Any]) -> dict[str, Any]:
        """Make a network and train it for an epoch that does not count: compilers compile, threads start."""
        asked = Network(*network)
        asked = self.network = asked._replace(sizes=tuple(asked.sizes))
        self.X, self.y = networks.examples(asked)
        weights = networks.initial_weights(asked.sizes)
        self.loss = networks.loss
        return self._begin(self.peer, weights)

    def begin_training_on_images(self, network: list[Any]) -> dict[str, Any]:
        """Make a convolutional network and train it for an epoch that does not count."""
        of_images: Any = importlib.import_module(f"benchmarks.peers.images_{self.module}")
        asked = self.network = images.from_json(network)
        self.X, self.y = images.examples(asked)
        self.loss = functools.partial(images.loss, asked, padded=of_images.PADDED)
        return self._begin(of_images, images.initial_weights(asked))

    def _begin(self, peer: Any, weights: Any) -> dict[str, Any]:
        before = self.loss(weights, self.X, self.y)
        start = time.perf_counter()
        self.training = peer.Training(self.network, weights, self.X, self.y)
        self.training.train(1)
        return {"seconds": time.perf_counter() - start, "loss_before": before}

    def train(self, epochs: int) -> dict[str, Any]:
        """Train for some epochs; return the microseconds a step and the loss that the framework reports."""
        start = time.perf_counter()
        loss = self.training.train(epochs)
        seconds = time.perf_counter() - start
        return {"us": seconds / (epochs * self.network.steps) * 1e6, "loss": loss}

    def end_training(self) -> dict[str, Any]:
        """What the weights that the framework hands out are worth: their loss, computed in NumPy."""
        loss = self.loss(self.training.weights(), self.X, self.y)
        del self.training, self.X, self.y
        return {"loss": loss}

    def products(self, network: list[Any], steps: int) -> dict[str, Any]:
        """Microseconds that the matrix products of a step take."""
        asked = Network(*network)
        return {"us": self.peer.seconds_of_products(asked, steps) / steps * 1e6}

    def parts(self, network: list[Any]) -> dict[str, Any]:
        """Microseconds of each part of a step, and of its matrix products alone."""
        asked = Network(*network)
        epochs, steps = asked.epochs, asked.steps
        self.begin_training(list(asked._replace(all_epochs=1 + 2 * epochs)))
        self.training.train(epochs)  # as warm as where steps are measured
        seconds = self.peer.seconds_of_parts(self.training, epochs)
        products = self.peer.seconds_of_products(self.network, steps)
        self.end_training()
        in_us = {part: value / (epochs * steps) * 1e6 for part, value in seconds.items()}
        return {"parts": in_us, "alone": {"products alone": products / steps * 1e6}}

    def kernels(self, network: list[Any]) -> dict[str, Any]:
        """Microseconds of each kernel in a step of one thread."""
        asked = Network(*network)
        self.begin_training(list(asked._replace(all_epochs=1)))
        seconds = self.peer.seconds_of_parts(self.training, asked)
        del self.training, self.X, self.y
        return {"parts": {part: value * 1e6 for part, value in seconds.items()}, "alone": {}}

    def begin_prediction(self, sizes: list[int], batches: list[int]) -> dict[str, Any]:
        """Make a predictor, see that it is right, and warm it up for each size of batch."""
        weights = networks.initial_weights(tuple(sizes))
        start = time.perf_counter()
        self.predict: Callable[[Any], Any] = self.peer.predictor(weights)
        error = 0.0
        for batch in batches:
            X = _inputs(sizes[0], batch)
            Y_hat = self.predict(X)
            for _ in range(20):
                self.predict(X)
            error = max(error, float(abs(Y_hat - networks.probabilities(weights, X)).max()))
        if error > 1e-3:
            raise ValueError(f"the predictions are off by {error}")
        return {"seconds": time.perf_counter() - start, "off_by": error}

    def time_prediction(self, width: int, batch: int, seconds: float) -> dict[str, Any]:
        """Microseconds a call, the median over short runs of calls."""
        X, predict = _inputs(width, batch), self.predict
        start = time.perf_counter()
        for _ in range(10):
            predict(X)
        calls = max(1, round(CHUNK_SECONDS / ((time.perf_counter() - start) / 10)))
        chunks: list[float] = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or not chunks:
            start = time.perf_counter()
            for _ in range(calls):
                predict(X)
            chunks.append((time.perf_counter() - start) / calls)
        chunks.sort()
        return {"us": chunks[len(chunks) // 2] * 1e6}

    def peak_memory(self) -> dict[str, Any]:
        """MiB that this process has held at its peak."""
        return {"MiB": peak_MiB()}


def _inputs(width: int, batch: int) -> Any:
    return np.random.default_rng(2).random((batch, width), np.float32)


def main() -> None:
    """Answer every command on standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a framework prints is no answer
    worker: Worker | None = None
    slept, busy = time.monotonic(), time.process_time()
    for line in sys.stdin:
        # a skeptic's check: did this process take time from the one that was measured while it should have slept?
        idle_until = time.process_time()
        idle = {"idle_seconds": time.monotonic() - slept, "idle_cpu": idle_until - busy}
        command = json.loads(line)
        try:
            worker = worker or Worker(sys.argv[1])
            answer = getattr(worker, command.pop("command"))(**command)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
        answer |= idle | {"cpu_seconds": time.process_time() - idle_until}
        print(json.dumps(answer), file=answers, flush=True)
        slept, busy = time.monotonic(), time.process_time()


if __name__ == "__main__":
    main()
