"""Learning curves that are drawn again while a network is trained, in a notebook or in a window."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from nnlite import checks
from nnlite.callbacks import Callback
from nnlite.callbacks.base import Logs
from nnlite.errors import ArgumentError
from nnlite.plots.axes import LAYOUT
from nnlite.plots.learning import learning_curves
from nnlite.progress import in_notebook

WIDTH, HEIGHT = 5, 3.6  # inches of a picture


class LivePlot(Callback):
    """Draw the learning curves again and again while the network is trained.

    In a notebook (JupyterLab, Visual Studio Code, Colab) the picture below the cell is replaced. In a script it is a
    window, if matplotlib can open one; otherwise nothing is drawn.

    Parameters
    ----------
    keys : str or sequence of str, optional
        What to draw, as for `nnlite.plots.learning_curves`: keys of the History, or "all". By default loss and
        accuracy.
    every : float, default 2
        The least number of seconds between two pictures, above 0. The first epoch and the last one are always drawn.

    Attributes
    ----------
    figure : matplotlib Figure or None
        The picture; None before the first epoch.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Notes
    -----
    A picture takes about a tenth of a second. The training is the same, bit for bit, as without it. If drawing fails, a
    warning says why, and the training continues without pictures.

    Examples
    --------
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> history = model.fit(iris.X_train, iris.y_train, epochs=3, callbacks=[nn.LivePlot()])
    """

    may_add_keys = False  # to the logs
    first_process_only = True

    def __init__(self, keys: str | Sequence[str] | None = None, *, every: float = 2.0) -> None:
        if keys is not None and not isinstance(keys, str):
            if not isinstance(keys, Sequence) or not keys or not all(isinstance(key, str) for key in keys):
                raise ArgumentError(f"keys: expected keys of the history, or 'all', got {keys!r}")
            keys = list(keys)
        self.keys = keys
        self.every = checks.real("every", every, above=0)
        self.figure: Any = None
        self._curves: dict[str, list[float]] = {}
        self._stop()

    def _stop(self) -> None:
        self._screen: Notebook | Window | None = None
        self._due = 0.0

    def check_keys(self, keys: Sequence[str]) -> None:
        """Raise ArgumentError if one of the keys is not recorded."""
        wanted = [self.keys] if isinstance(self.keys, str) and self.keys != "all" else self.keys or []
        for key in [] if wanted == "all" else wanted:
            if key not in keys:
                raise ArgumentError(f"keys: {key!r} is not in the logs, which have {', '.join(keys)}")

    def get_state(self) -> dict[str, Any]:
        """Return the curves so far."""
        return {"curves": {key: list(values) for key, values in self._curves.items()}}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the curves."""
        self._curves = {key: list(values) for key, values in state["curves"].items()}

    def on_train_begin(self, logs: Logs) -> None:
        """Begin a new picture."""
        self._curves, self.figure = {}, None
        self._stop()
        self._screen = screen()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Draw the picture, if the last one is old enough."""
        for key, value in logs.items():
            self._curves.setdefault(key, []).append(float(value))
        if time.monotonic() >= self._due:
            self._draw()

    def on_train_end(self, logs: Logs) -> None:
        """Draw the last picture."""
        if self._curves:
            self._draw()
        if self._screen is not None:
            self._screen.end()
        self._screen = None

    def _draw(self) -> None:
        """Draw the curves and show them; after an error never again in this training."""
        if self._screen is None:
            return
        try:
            keys = self._shown()
            if self.figure is None:
                self.figure = self._screen.new_figure((WIDTH * len(keys), HEIGHT))
            self.figure.clear()
            learning_curves(self._curves, self.figure.subplots(1, len(keys)), keys=keys)
            self._screen.show(self.figure)
        except Exception as error:
            self._screen = None
            warnings.warn(f"LivePlot: draws no more pictures: {type(error).__name__}: {error}", stacklevel=2)
        self._due = time.monotonic() + self.every

    def _shown(self) -> list[str]:
        """Return the keys that have an Axes each."""
        curves = self._curves
        if self.keys == "all":
            return [key for key in curves if not key.startswith("val_") or key.removeprefix("val_") not in curves]
        if self.keys is None:
            return [key for key in ("loss", "accuracy") if key in curves]
        return [self.keys] if isinstance(self.keys, str) else list(self.keys)


class Notebook:
    """A place below the cell of a notebook, whose picture is replaced."""

    def __init__(self) -> None:
        self._handle: Any = None

    def new_figure(self, size: tuple[float, float]) -> Any:
        """Return a figure that the notebook does not show a second time at the end of the cell."""
        from matplotlib.figure import Figure

        return Figure(figsize=size, layout=LAYOUT)

    def show(self, figure: Any) -> None:
        """Show the figure in the place of the one before."""
        from io import BytesIO

        from IPython.display import Image, display  # type: ignore[import-not-found,unused-ignore]

        png = BytesIO()
        figure.savefig(png, format="png")
        picture = Image(data=png.getvalue(), format="png")
        if self._handle is None:
            self._handle = display(picture, display_id=True)
        else:
            self._handle.update(picture)

    def end(self) -> None:
        """Leave the last picture where it is."""


class Window:
    """A window of matplotlib."""

    def __init__(self) -> None:
        self._closed = False

    def new_figure(self, size: tuple[float, float]) -> Any:
        """Open a window."""
        import matplotlib.pyplot as plt

        figure = plt.figure(figsize=size, layout=LAYOUT)
        figure.canvas.mpl_connect("close_event", self._close)
        plt.show(block=False)
        return figure

    def _close(self, event: Any) -> None:
        self._closed = True

    def show(self, figure: Any) -> None:
        """Draw the figure, and let the window react to the mouse. A window that was closed stays closed."""
        if not self._closed:
            figure.canvas.draw_idle()
            figure.canvas.flush_events()

    def end(self) -> None:
        """Leave the window open, until the script ends or calls ``plt.show()``."""


def screen() -> Notebook | Window | None:
    """Return where pictures can be shown: a notebook, a window or, if there is neither, None."""
    if in_notebook():
        return Notebook()
    import matplotlib.pyplot as plt
    from matplotlib.backends.registry import BackendFilter, backend_registry

    try:
        backend = str(plt.get_backend()).lower()
    except ImportError:  # a backend that was asked for, without its library
        return None
    names: list[str] = backend_registry.list_builtin(BackendFilter.INTERACTIVE)  # type: ignore[no-untyped-call]
    windows = {name.lower() for name in names}
    return Window() if backend in windows - {"nbagg", "webagg"} else None
