"""Where a step of the compiled engine goes: the processor time of each kernel."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np

from nnlite.engine.language import WORDS
from nnlite.engine.trainer import Batch, Trainer

REPETITIONS = 12


def seconds_of_kernels(network: Any, optimizer: Any, batch: Batch) -> dict[str, float]:
    """Return the seconds of each kernel in a step of one thread, the least of some repetitions, without the clock's own.

    The instructions that follow a kernel on the same numbers count with it: those of the activation with
    ``dense_forward``, those of the optimizer with ``dense_gradient``.

    Parameters
    ----------
    network : Network
        Built; every layer has a kernel. It makes a training step.
    optimizer : Optimizer
    batch : Batch
        The examples of one step.

    Returns
    -------
    dict of str to float
    """
    trainer = Trainer(
        network,
        optimizer,
        batch_size=len(batch.order),
        n_steps=1,
        n_threads=1,
        labels=batch.y.ndim == 1,
        variant=batch.X.dtype.name,
    )
    trainer.run(batch, 1, lambda n: False)
    address, n = trainer.plan.ops
    taken: dict[str, list[float]] = {}
    for op in range(address, address + 8 * WORDS * n, 8 * WORDS):
        function = ctypes.c_int64.from_address(op).value
        seconds = min(_seconds(trainer, function, op, len(batch.order)) for _ in range(REPETITIONS))
        taken.setdefault(trainer.library.name_at(function), []).append(seconds)
    of_the_clock = min(taken.pop("meet"))  # one thread meets nobody
    return {name: sum(max(0.0, one - of_the_clock) for one in all_of_it) for name, all_of_it in taken.items()}


def _seconds(trainer: Trainer, function: int, op: int, M: int) -> float:
    start = time.thread_time()
    trainer.team.carry_out_one(function, op, M)
    return time.thread_time() - start


def batch_of(X: Any, y: Any, M: int) -> Batch:
    """Return the first M examples as a batch: X (n, ...) float32 or float64, y (n,) class indices."""
    return Batch(np.ascontiguousarray(X), np.ascontiguousarray(y, np.int64), None, np.arange(M))
