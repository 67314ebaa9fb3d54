"""Animations: a picture of a network for each epoch of its training, as a GIF."""

import inspect
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.atomic import replacing
from nnlite.callbacks import Callback
from nnlite.callbacks.base import Logs
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.plots.axes import LAYOUT, axes_or_new


class Frame(NamedTuple):
    """The parameters and running averages of the network at one moment of the training."""

    title: str
    theta: Array
    state: Array


class Animation(Callback):
    """Record the network during `Model.fit`; afterwards ``save`` draws each moment and writes a GIF.

    It records parameters and running averages, from which any picture of the network can be drawn.

    Parameters
    ----------
    plot : callable
        Called as ``plot(model, *arguments, ax=ax, **options)``: a function such as `decision_boundary` or
        `first_layer_weights`, or your own.
    *arguments
        Arguments of ``plot`` after the model, such as X and y.
    every : int, default 1
        Number of epochs (or batches) between two frames, at least 1. The first frame is the network before training.
    per : {"epoch", "batch"}, default "epoch"
        Whether to count epochs or batches.
    **options
        Keyword arguments of ``plot``.

    Attributes
    ----------
    frames : list of Frame
        The recorded moments. A second `fit` of the same network adds to them; another network starts again.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import nnlite as nn
    >>> X, y = nn.make_moons(100, seed=0)
    >>> model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(2), nn.Softmax()], seed=0)
    >>> film = nn.plots.Animation(nn.plots.decision_boundary, X, y, every=5, resolution=50)
    >>> history = model.fit(X, y, epochs=10, callbacks=[film])
    >>> [frame.title for frame in film.frames]
    ['epoch 0', 'epoch 5', 'epoch 10']
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "moons.gif")
    ...     film.save(path, fps=2, dpi=40)
    ...     path.read_bytes()[:6]
    b'GIF89a'
    """

    may_add_keys = False  # to the logs
    first_process_only = True

    def __init__(
        self, plot: Callable[..., Any], *arguments: Any, every: int = 1, per: str = "epoch", **options: Any
    ) -> None:
        if per not in ("epoch", "batch"):
            raise ArgumentError(f"per: expected 'epoch' or 'batch', got {per!r}")
        _check_plot(plot, arguments, options)
        self.plot = plot
        self.arguments = arguments
        self.every = checks.integer("every", every)
        self.per = per
        self.options = options
        self.frames: list[Frame] = []
        self._network: Network | None = None
        self._count = 0

    def on_train_begin(self, logs: Logs) -> None:
        """Record the network before its first step."""
        if self._network is not self.model:
            self.frames, self._network, self._count = [], self.model, 0
            self._record()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Record the network after an epoch."""
        if self.per == "epoch":
            self._tick()

    def on_batch_end(self, batch: int, logs: Logs) -> None:
        """Record the network after a step."""
        if self.per == "batch":
            self._tick()

    def _tick(self) -> None:
        self._count += 1
        if self._count % self.every == 0:
            self._record()

    def _record(self) -> None:
        title = f"{self.per} {self._count}"
        self.frames.append(Frame(title, self.model.theta.copy(), self.model.state.copy()))

    def draw(self, frame: int, ax: Any = None) -> Any:
        """Draw one frame.

        Parameters
        ----------
        frame : int
            Index of the frame. Negative indices count from the end.
        ax : matplotlib Axes, optional
            Where to draw. By default a new figure.

        Returns
        -------
        Axes
            The Axes with the picture.

        Raises
        ------
        ArgumentError
            If there is no such frame, or ``ax`` is not matplotlib Axes.
        """
        self._require_frames()
        n = len(self.frames)
        frame = checks.integer("frame", frame, minimum=-n)
        if frame >= n:
            raise ArgumentError(f"frame: expected one of 0..{n - 1}, got {frame}")
        return self._draw(self._copy(), self.frames[frame], axes_or_new(ax))

    def save(
        self, path: str | os.PathLike[str], *, fps: float = 5, dpi: float = 100, figsize: tuple[float, float] = (5, 4)
    ) -> None:
        """Write a GIF that repeats and shows its last picture for one more second.

        Parameters
        ----------
        path : path-like
            Name of the file, which ends in .gif. An existing file is replaced.
        fps : float, default 5
            Pictures per second, above 0.
        dpi : float, default 100
            Pixels per inch, above 0.
        figsize : (float, float), default (5, 4)
            Width and height in inches.

        Raises
        ------
        ArgumentError
            If nothing was recorded, or an argument has a wrong value.
        OSError
            If the file cannot be written.
        """
        name = checks.path("path", path)
        if not name.lower().endswith(".gif"):
            raise ArgumentError(f"path: expected a name that ends in .gif, got {name!r}")
        fps, dpi = checks.real("fps", fps, above=0), checks.real("dpi", dpi, above=0)
        size = _check_figsize(figsize)
        self._require_frames()
        with replacing(name) as file, tempfile.TemporaryDirectory() as folder:
            unfinished = os.path.join(folder, "animation.gif")  # matplotlib writes to a path, not into an open file
            self._write(unfinished, fps, dpi, size)
            with open(unfinished, "rb") as gif:
                shutil.copyfileobj(gif, file)

    def _write(self, path: str, fps: float, dpi: float, size: tuple[float, float]) -> None:
        """Draw all frames, and the last one again for a second."""
        from matplotlib.animation import PillowWriter
        from matplotlib.figure import Figure

        figure = Figure(figsize=size, dpi=dpi, layout=LAYOUT)
        writer, model = PillowWriter(fps=fps), self._copy()  # type: ignore[arg-type]  # any number will do
        writer.setup(figure, path, dpi=dpi)
        for frame in [*self.frames, *self.frames[-1:] * round(fps)]:
            figure.clear()
            self._draw(model, frame, figure.subplots())
            writer.grab_frame()
        writer.finish()

    def _draw(self, model: Network, frame: Frame, ax: Any) -> Any:
        model.theta, model.state = frame.theta, frame.state
        self.plot(model, *self.arguments, ax=ax, **self.options)
        ax.set_title(" - ".join(filter(None, (frame.title, ax.get_title()))), fontsize="medium")
        return ax

    def _copy(self) -> Network:
        """Return a copy of the network, to draw from without changing it."""
        assert self._network is not None
        return self._network.copy()

    def _require_frames(self) -> None:
        if not self.frames:
            raise ArgumentError("animation: nothing was recorded yet; train with fit(..., callbacks=[animation]) first")


def _check_plot(plot: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
    """Raise ArgumentError unless ``plot(model, *arguments, ax=ax, **options)`` is a possible call."""
    if not callable(plot):
        raise ArgumentError(f"plot: expected a function that draws, such as decision_boundary, got {plot!r}")
    if "ax" in options:
        raise ArgumentError("ax: each picture has its own figure; to choose the Axes, use draw(frame, ax)")
    try:
        inspect.signature(plot).bind("model", *arguments, ax=None, **options)
    except TypeError as error:
        name = getattr(plot, "__name__", repr(plot))
        raise ArgumentError(
            f"plot: expected a function that draws a network, as plot(model, ..., ax=ax); {name} does not take "
            f"these arguments ({error})"
        ) from None


def _check_figsize(figsize: Any) -> tuple[float, float]:
    if not isinstance(figsize, (tuple, list, np.ndarray)) or len(figsize) != 2:
        raise ArgumentError(f"figsize: expected width and height in inches, got {figsize!r}")
    width, height = (checks.real("figsize", side, above=0) for side in figsize)
    return width, height
