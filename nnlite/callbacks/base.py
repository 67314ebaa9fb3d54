"""The base class, and how `Model.fit` calls what it overrides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer
from nnlite.storage.snapshots import can_hold

Logs = Mapping[str, float]
NOT_STATE = ("model", "optimizer", "training_inputs")  # `fit` sets them
EVENTS = ("train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end")


class Remembering:
    """What a training remembers to go on from a checkpoint."""

    def get_state(self) -> dict[str, Any]:
        """What `set_state` needs to be the same, as far as a file can hold it."""
        raise NotImplementedError

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Be as one that gave this state."""
        raise NotImplementedError


class Callback(Remembering):
    """Base class: override what you need.

    Epochs and batches count from 0. ``logs`` has what is known by then: at the end of a batch ``loss`` and ``size``,
    at the end of an epoch what the history records.

    Attributes
    ----------
    model : Model
        The network in training, set before `on_train_begin`.
    optimizer : Optimizer
        Its optimizer.
    training_inputs : callable
        ``training_inputs()`` iterates over the X of the training batches once (of a generator, those of one more
        epoch); there only until the training ends.

    Examples
    --------
    >>> class StopAtLoss(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         if logs["loss"] < 0.1:
    ...             self.model.stop_training = True
    """

    model: Network
    optimizer: Optimizer
    training_inputs: Callable[[], Iterator[Array]]

    @property
    def may_add_keys(self) -> bool:
        """Whether a user's code may add to the logs of an epoch, for the callbacks behind it."""
        own = type(self).__module__.startswith("nnlite.callbacks.") and not isinstance(self, LambdaCallback)
        return not own and _overrides(self, "on_epoch_end")

    def check_keys(self, keys: Sequence[str]) -> None:
        """Raise ArgumentError if the logs of an epoch, which will have ``keys``, will lack what is needed.

        `fit` asks before anything changes.
        """

    def get_state(self) -> dict[str, Any]:
        """What must be remembered for the training to go on from a checkpoint.

        By default all attributes that were not arguments of ``__init__``, as far as a file can hold them: numbers,
        strings, arrays, and lists, tuples and dicts of these.
        """
        values, inner, _ = self._sorted()
        return {"values": values, "inner": {name: value.get_state() for name, value in inner.items()}}

    def _sorted(self) -> tuple[dict[str, Any], dict[str, Remembering], list[str]]:
        """The attributes that are state: those that a file can hold, those that remember, and names of all others."""
        given = {*inspect.signature(type(self)).parameters, *NOT_STATE}
        inner = {name: value for name, value in vars(self).items() if isinstance(value, Remembering)}
        own = {name: value for name, value in vars(self).items() if name not in given and name not in inner}
        values = {name: value for name, value in own.items() if can_hold(value)}
        return values, inner, [name for name in own if name not in values]

    @property
    def forgotten(self) -> list[str]:
        """Attributes that are lost when a training goes on from a checkpoint, because a file cannot hold them."""
        return self._sorted()[2] if type(self).get_state is Callback.get_state else []

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Be as one that gave this state."""
        vars(self).update(state["values"])
        for name, inner in state["inner"].items():
            getattr(self, name).set_state(inner)

    def on_train_resume(self, state: Mapping[str, Any]) -> None:
        """In place of `on_train_begin`, where a training goes on: by default that, and then `set_state`."""
        self.on_train_begin({})
        self.set_state(state)

    def on_train_begin(self, logs: Logs) -> None:
        """Before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """After the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Before the first batch of an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After validation."""

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Before a step."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """After a step."""


class Hooks:
    """The methods of all callbacks that were overridden, by event.

    Parameters
    ----------
    callbacks : iterable of Callback
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = list(callbacks)
        for event in EVENTS:
            name = f"on_{event}"
            methods = [getattr(c, name) for c in self.callbacks if _overrides(c, name)]
            setattr(self, event, methods)

    train_begin: list[Callable[[Logs], None]]
    train_end: list[Callable[[Logs], None]]
    epoch_begin: list[Callable[[int, Logs], None]]
    epoch_end: list[Callable[[int, Logs], None]]
    batch_begin: list[Callable[[int, Logs], None]]
    batch_end: list[Callable[[int, Logs], None]]


def _overrides(callback: Callback, name: str) -> bool:
    return name in vars(callback) or getattr(type(callback), name) is not getattr(Callback, name)


def check_callbacks(callbacks: Any) -> list[Callback]:
    """``callbacks`` as a list; raises ArgumentError for what is none."""
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        raise ArgumentError(f"callbacks: expected a list of callbacks, got {callbacks!r}")
    result = list(callbacks)
    for callback in result:
        if not isinstance(callback, Callback):
            hint = f"; write {callback.__name__}(...)" if isinstance(callback, type) else ""
            raise ArgumentError(f"callbacks: expected objects of subclasses of Callback, got {callback!r}{hint}")
    return result


class LambdaCallback(Callback):
    """Functions in place of methods.

    Parameters
    ----------
    on_train_begin, on_train_end : callable, optional
        Called with ``(logs)``.
    on_epoch_begin, on_epoch_end : callable, optional
        Called with ``(epoch, logs)``.
    on_batch_begin, on_batch_end : callable, optional
        Called with ``(batch, logs)``.

    Raises
    ------
    ArgumentError
        If a name is no event or a value cannot be called.

    Examples
    --------
    >>> show = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(self, **functions: Callable[..., None]) -> None:
        events = [f"on_{event}" for event in EVENTS]
        for name, function in functions.items():
            if name not in events:
                raise ArgumentError(f"{name}: is no event; choose from {', '.join(events)}")
            if not callable(function):
                raise ArgumentError(f"{name}: expected a function, got {function!r}")
            setattr(self, name, function)
