"""The base class of callbacks, and the methods that `Model.fit` calls."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer
from nnlite.storage.checkpoints import Checkpoint
from nnlite.storage.snapshots import can_hold
from nnlite.words import Explained

Logs = Mapping[str, float]
NOT_STATE = ("model", "optimizer", "training_inputs")  # set by `fit`
LONGEST_SHOWN = 40  # characters of an argument in repr
EVENTS = ("train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end")


class Remembering:
    """Base class of what a checkpoint saves and restores."""

    def get_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        raise NotImplementedError

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the state returned by `get_state`."""
        raise NotImplementedError


class Callback(Remembering, Explained):
    """Base class of callbacks: override the methods that you need.

    Epochs and batches are numbered from 0. ``logs`` holds ``loss`` and ``size`` at the end of a batch, and the values
    of the history at the end of an epoch.

    Attributes
    ----------
    first_process_only : bool
        Class attribute: True for a callback that writes or shows something. Of several processes that train together,
        only the first one calls its methods then. By default each process calls them.
    model : Model
        The network that is trained; set before `on_train_begin`.
    optimizer : Optimizer
        Its optimizer.
    training_inputs : callable
        ``training_inputs()`` iterates once over X of the training batches (for a generator, over the batches of one
        more epoch). It exists only during the training.

    Examples
    --------
    >>> import nnlite as nn
    >>> class StopAtLoss(nn.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         if logs["loss"] < 0.1:
    ...             self.model.stop_training = True
    """

    first_process_only: ClassVar[bool] = False

    model: Network
    optimizer: Optimizer
    training_inputs: Callable[[], Iterator[Array]]

    def __repr__(self) -> str:
        inner = [value for value in vars(self).values() if isinstance(value, Remembering)]
        known = {name: value for holder in [*inner, self] for name, value in vars(holder).items()}
        given = []
        for name, argument in inspect.signature(type(self)).parameters.items():
            text = repr(known[name]) if name in known else "..."
            text = text if len(text) <= LONGEST_SHOWN else "..."
            if argument.default is argument.empty:
                given.append(text)
            elif name in known and text != repr(argument.default):
                given.append(f"{name}={text}")
        return f"{type(self).__name__}({', '.join(given)})"

    @property
    def may_add_keys(self) -> bool:
        """Whether the callback may add keys to the logs of an epoch, for the callbacks after it."""
        own = type(self).__module__.startswith("nnlite.callbacks.") and not isinstance(self, LambdaCallback)
        return not own and _overrides(self, "on_epoch_end")

    def check_keys(self, keys: Sequence[str]) -> None:
        """Raise ArgumentError if ``keys``, the keys of the logs of an epoch, lack one that this callback needs.

        `fit` calls this before anything changes.
        """

    def get_state(self) -> dict[str, Any]:
        """Return the state for a checkpoint.

        By default the state is all attributes that are not arguments of ``__init__`` and that a file can hold: numbers,
        strings, arrays, and lists, tuples and dicts of these.
        """
        values, inner, _ = self._sorted()
        return {"values": values, "inner": {name: value.get_state() for name, value in inner.items()}}

    def _sorted(self) -> tuple[dict[str, Any], dict[str, Remembering], list[str]]:
        """Return the attributes that a file can hold, those with a state of their own, and the names of the rest."""
        given = {*inspect.signature(type(self)).parameters, *NOT_STATE}
        inner = {name: value for name, value in vars(self).items() if isinstance(value, Remembering)}
        own = {name: value for name, value in vars(self).items() if name not in given and name not in inner}
        values = {name: value for name, value in own.items() if can_hold(value)}
        return values, inner, [name for name in own if name not in values]

    @property
    def forgotten(self) -> list[str]:
        """Names of the attributes that are lost when a training is resumed, because a file cannot hold them."""
        return self._sorted()[2] if type(self).get_state is Callback.get_state else []

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the state returned by `get_state`."""
        vars(self).update(state["values"])
        for name, inner in state["inner"].items():
            getattr(self, name).set_state(inner)

    def on_train_resume(self, state: Mapping[str, Any]) -> None:
        """Called instead of `on_train_begin` when a training is resumed; by default calls that, then `set_state`."""
        self.on_train_begin({})
        self.set_state(state)

    def on_train_begin(self, logs: Logs) -> None:
        """Called before the first epoch."""

    def on_train_end(self, logs: Logs) -> None:
        """Called after the last epoch, with its logs."""

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Called before the first batch of an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Called after the validation of an epoch."""

    def on_batch_begin(self, batch: int, logs: Logs) -> None:
        """Called before a step."""

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Called after a step."""


class Hooks:
    """The overridden methods of all callbacks, by event.

    Parameters
    ----------
    callbacks : iterable of Callback
    first_process : bool, default True
        Whether this is the first of the processes that train together, or the only one.

    Attributes
    ----------
    active : list of Callback
        Those whose methods this process calls.
    """

    def __init__(self, callbacks: Iterable[Callback], first_process: bool = True) -> None:
        self.callbacks = list(callbacks)
        self.active = [c for c in self.callbacks if first_process or not c.first_process_only]
        for event in EVENTS:
            name = f"on_{event}"
            methods = [getattr(c, name) for c in self.active if _overrides(c, name)]
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
    """Return ``callbacks`` as a list, or raise ArgumentError."""
    if callbacks is None:
        return []
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        hint = f"; write callbacks=[{callbacks!r}]" if isinstance(callbacks, Callback) else ""
        raise ArgumentError(f"callbacks: expected a list of callbacks, got {callbacks!r}{hint}")
    result = list(callbacks)
    for callback in result:
        if not isinstance(callback, Callback):
            hint = f"; write {callback.__name__}(...)" if isinstance(callback, type) else ""
            if isinstance(callback, Checkpoint):
                hint = f"; write checkpoint={callback!r}, or use ModelCheckpoint, which saves the model alone"
            raise ArgumentError(f"callbacks: expected objects of subclasses of Callback, got {callback!r}{hint}")
    return result


class LambdaCallback(Callback):
    """A callback made of functions.

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
        If a name is not an event or a value is not callable.

    Examples
    --------
    >>> import nnlite as nn
    >>> show = nn.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
    """

    def __init__(self, **functions: Callable[..., None]) -> None:
        events = [f"on_{event}" for event in EVENTS]
        for name, function in functions.items():
            if name not in events:
                raise ArgumentError(f"{name}: is not an event; choose from {', '.join(events)}")
            if not callable(function):
                raise ArgumentError(f"{name}: expected a function, got {function!r}")
            setattr(self, name, function)
