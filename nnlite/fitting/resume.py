"""Checkpoints of a training: saving all that the rest of it depends on, and resuming it bit for bit."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.engine import openblas
from nnlite.errors import ArgumentError
from nnlite.fitting import divergence
from nnlite.fitting.loop import Loop, Position, Saver, Setup
from nnlite.optimizers import Optimizer
from nnlite.storage.directory import CheckpointDirectory, ReadDirectory

CONTENT_VERSION = 8  # of a checkpoint; one with another version cannot be resumed


class CheckpointSaver(Saver):
    """Saves checkpoints of a training in a directory, and resumes from the newest.

    Parameters
    ----------
    directory : CheckpointDirectory
    setup : Setup
    keys : list of str
        The keys of the history.

    Raises
    ------
    ArgumentError
        If the directory holds another training. Nothing has changed then.
    """

    saves = True

    def __init__(self, directory: CheckpointDirectory | ReadDirectory, setup: Setup, keys: list[str]) -> None:
        self.directory = directory
        self.every = directory.options.every
        self._described = _describe(setup, keys)
        self._initial = _numbers(setup.optimizer)
        self._schedule = setup.optimizer.learning_rate
        self._saved_at = time.monotonic()
        self._changed: set[str] = set()  # hyperparameters that callbacks have changed
        if directory.saved is not None:
            # the first process looks at the data for all: the same examples may have another dtype in the others
            looked_at = ("data", "validation data") if setup.world.rank else ()
            self._check_same(directory.path, directory.saved, looked_at)

    def begin(self, loop: Loop, epochs: int) -> bool:
        """Begin the training, or resume it. Return whether it is already complete."""
        if self.directory.saved is not None:
            return self._resume(loop, self.directory.saved, epochs)
        loop.begin()
        reason = loop.setup.source.why_not_restored()
        if reason is not None and loop.setup.warns:
            warnings.warn(
                f"checkpoint: the batches of a resumed training will be others than without the interruption, because "
                f"{reason}; give a source that has get_state and set_state, or arrays",
                stacklevel=2,
            )
        for callback in loop.hooks.callbacks:
            if callback.forgotten and loop.setup.warns:
                what = f"{type(callback).__name__} loses {', '.join(callback.forgotten)} when the training is resumed"
                warnings.warn(
                    f"checkpoint: {what}, because a file cannot hold it; see Callback.get_state", stacklevel=2
                )
        self.save(loop)
        return False

    def save(self, loop: Loop) -> None:
        """Save a checkpoint. Of several processes the first one does, and the others tell it what they have."""
        loop.gather_means()
        of_all = _of_all_processes(loop)
        if self.directory.writes:
            self.directory.save(loop.position.n_steps, self._state(loop, of_all))
        self._saved_at = time.monotonic()

    def save_after_epoch(self, loop: Loop) -> None:
        """Save a checkpoint at the end of an epoch, unless the last one is too recent."""
        if loop.of_first(time.monotonic() - self._saved_at >= self.directory.options.seconds):
            self.save(loop)

    def end(self, loop: Loop, interrupted: bool) -> None:
        """End the training. The last checkpoint holds the state before and after the callbacks end it."""
        network = loop.network
        if interrupted:
            self.save(loop)
        of_all = _of_all_processes(loop)
        if interrupted or not self.directory.writes:
            loop.end()
            return
        before = self._state(loop, of_all) | {"theta": network.theta.copy(), "state": network.state.copy()}
        loop.end()
        after = {"theta": network.theta, "state": network.state, "rng": network.rng.bit_generator.state}
        before["end"] = after | {"callbacks": [callback.get_state() for callback in loop.hooks.callbacks]}
        self.directory.save(loop.position.n_steps, before)

    def _state(self, loop: Loop, of_all: dict[str, Any]) -> dict[str, Any]:
        """Return everything that the rest of the training depends on, with what `_of_all_processes` returned.

        The arrays are live.
        """
        network, optimizer = loop.network, loop.optimizer
        self._check_schedule(optimizer)
        numbers = _numbers(optimizer)
        self._changed |= {name for name, value in numbers.items() if self._initial.get(name) != value}
        return {
            "form": CONTENT_VERSION,
            "set_up": self._described,
            "rounding": loop.rounding(),
            **asdict(loop.position),
            "stopped": network.stop_training,
            "theta": network.theta,
            "state": network.state,
            "end": None,
            "trainable": [layer.trainable for layer in network.all_layers()],
            "rng": network.rng.bit_generator.state,
            "entropy": network.actual_seed,
            "source": loop.setup.source.get_state(),
            **of_all,
            "optimizer": optimizer.get_state(network),
            "changed": {name: numbers[name] for name in sorted(self._changed)},
            "means": loop.means.get_state(),
            "history": dict(loop.history),
            "best": loop.best.get_state(),
            "callbacks": [callback.get_state() for callback in loop.hooks.callbacks],
        }

    def _check_schedule(self, optimizer: Optimizer) -> None:
        """Warn if a callback has set a schedule, which a file cannot hold."""
        if callable(optimizer.learning_rate) and optimizer.learning_rate is not self._schedule:
            warnings.warn(
                "checkpoint: the schedule that a callback has set is lost when the training is resumed, because a file "
                "cannot hold it",
                stacklevel=2,
            )
            self._schedule = optimizer.learning_rate

    def _resume(self, loop: Loop, saved: dict[str, Any], epochs: int) -> bool:
        """Restore the training from a checkpoint. Return whether it is already complete."""
        network = loop.network
        complete = saved["end"] is not None and (saved["epoch"] >= epochs or saved["stopped"])
        if saved["epoch"] > epochs and loop.setup.warns:
            checks.warn(
                f"resume: the checkpoint has {saved['epoch']} epochs already, so that epochs={epochs} trains nothing; "
                f"epochs counts those before too: to train {epochs} more, write epochs={saved['epoch'] + epochs}"
            )
        if not complete and loop.setup.warns:
            _compare_rounding(saved["rounding"], loop.rounding())
        _resume_callbacks(loop, saved, complete)
        for layer, trainable in zip(network.all_layers(), saved["trainable"], strict=True):
            if layer.trainable != trainable:
                layer.trainable = trainable
        network.theta, network.state = saved["theta"], saved["state"]
        network.actual_seed = saved["entropy"]
        network.stop_training = saved["stopped"]
        self._changed = set(saved["changed"])
        for name, value in saved["changed"].items():
            setattr(loop.optimizer, name, value)
        loop.optimizer.set_state(network, saved["optimizer"])
        loop.set_means(saved["means"])
        loop.set_rounded_off(saved["rounded_off"])
        loop.history.update(saved["history"])
        loop.history.resumed_at = saved["epoch"]
        loop.best = divergence.Best(network)
        loop.best.set_state(saved["best"])
        vars(loop.position).update({name: saved[name] for name in asdict(Position())})
        _resume_source(loop, saved)
        network.rng.bit_generator.state = saved["rng"]
        if complete:
            network.theta, network.state = saved["end"]["theta"], saved["end"]["state"]
            network.rng.bit_generator.state = saved["end"]["rng"]
        return complete

    def _check_same(self, path: str, saved: dict[str, Any], looked_at: Sequence[str]) -> None:
        """Raise ArgumentError if the checkpoint is of another training. Another process looks at ``looked_at``."""
        if saved.get("form") != CONTENT_VERSION:
            raise ArgumentError(
                f"checkpoint: {path!r} was written by another version of nnlite; resume with that version, or give "
                f"another directory"
            )
        for what, value in self._described.items():
            if what not in looked_at and saved["set_up"][what] != value:
                raise ArgumentError(
                    f"checkpoint: {path!r} is of another training, {_difference(what, saved['set_up'][what], value)}; "
                    f"use the same, or give another directory"
                )


def _resume_callbacks(loop: Loop, saved: dict[str, Any], complete: bool) -> None:
    """Restore the callbacks, before everything else: so what their `on_train_begin` changes has no effect."""
    states = saved["end"]["callbacks"] if complete else saved["callbacks"]
    for callback, state in zip(loop.hooks.callbacks, states, strict=True):
        if callback not in loop.hooks.active:
            continue
        if complete:
            callback.set_state(state)
        else:
            callback.on_train_resume(state)


def _resume_source(loop: Loop, saved: dict[str, Any]) -> None:
    """Restore the source of batches; in the middle of an epoch, draw its order again."""
    source, rng = loop.setup.source, loop.network.rng
    epoch_start = loop.position.epoch_start
    if loop.setup.together.described:
        state = saved["sources"][loop.setup.world.rank]
    else:
        state = saved["source"] if epoch_start is None else epoch_start["source"]
    source.set_state(state)
    if epoch_start is not None:
        rng.bit_generator.state = epoch_start["rng"]
        source.begin(rng)


def _of_all_processes(loop: Loop) -> dict[str, Any]:
    """Return what each process has of its own, as the first one has to know it. All must call it together."""
    return {"sources": _states_of_sources(loop), "rounded_off": loop.rounded_off()}


def _states_of_sources(loop: Loop) -> Sequence[Any]:
    """Return the state of each process's own source, where the present or next epoch begins."""
    if not loop.setup.together.described:
        return ()
    epoch_start = loop.position.epoch_start
    return loop.of_each(loop.setup.source.get_state() if epoch_start is None else epoch_start["source"])


def _describe(setup: Setup, keys: list[str]) -> dict[str, str]:
    """Describe what must be the same when a training is resumed. Layers may be frozen meanwhile."""
    network, source, weights = setup.network, setup.source, setup.class_weight
    knowledge = source.signature.knowledge
    encoding, names, scale = knowledge.encoding, knowledge.class_names, knowledge.scale
    validation = "none" if setup.validation is None else "in shares"
    if setup.validation is not None and setup.together.validation:
        validation = setup.validation.fingerprint()
    described = setup.together.described or [(source.describe(), source.fingerprint())]
    batches, data = ("; ".join(texts) for texts in zip(*described, strict=True))
    return {
        "network": repr(network).replace(", trainable=False", ""),
        "features": str(source.signature.input_shape),
        "seed": str(network.seed),
        "dtype": network.dtype.name,
        "validation data": validation,
        "optimizer": type(setup.optimizer).__name__,
        "batches": batches,
        "data": data,
        "columns": "none" if encoding is None else encoding.fingerprint(),
        "classes": "none" if names is None else ", ".join(names),
        "scale of the target": "none" if scale is None else f"{scale.mean.tolist()}, {scale.std.tolist()}",
        "history": ", ".join(keys),
        "class weights": "none" if weights is None else str(weights.tolist()),
        "callbacks": ", ".join(type(callback).__name__ for callback in setup.hooks.callbacks) or "none",
    }


def _difference(what: str, before: str, now: str) -> str:
    """Say in what two trainings differ."""
    if before == "none":
        return f"without {what}, now with {what} {now}"
    return f"with {what}, now without" if now == "none" else f"with {what} {before}, got {now}"


def _compare_rounding(before: str, now: str) -> None:
    """Warn if results were rounded differently than they are now."""
    if before == now:
        return
    of_all = "start the same number of processes with the same arguments of nn.mpi.world each time"
    of_each = (
        f"use the same engine and set the same NNLITE_NUM_THREADS, {openblas.KERNELS} and {openblas.THREADS[0]} each "
        f"time, and import nnlite always before NumPy, or always after it"
    )
    differ = "the weights differ slightly" if "16 bits" in before + now else "the last digits may differ"
    (n_before, each_before), (n_now, each_now) = _processes(before), _processes(now)
    if each_before == each_now:
        before, now, remedy = n_before, n_now, of_all
    elif n_before == n_now:
        before, now, remedy = each_before, each_now, of_each
    else:
        remedy = f"{of_all}, {of_each}"
    warnings.warn(
        f"checkpoint: the training was made by {before}, and continues with {now}, so {differ} from those of a "
        f"training without interruption; for the same digits {remedy}",
        stacklevel=8,
    )


def _processes(rounding: str) -> tuple[str, str]:
    """Return what a text of `Loop.rounding` says of all processes, and of each of them."""
    processes, several, each = rounding.rpartition(", each with ")
    return (processes, each) if several else ("a single process", rounding)


def _numbers(optimizer: Optimizer) -> dict[str, Any]:
    """Return the hyperparameters that are numbers, which callbacks may change."""
    values = {name: value for name, value in vars(optimizer).items() if not name.startswith("_")}
    values["learning_rate"] = optimizer.learning_rate
    values = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {name: value for name, value in values.items() if value is None or isinstance(value, (bool, int, float))}
