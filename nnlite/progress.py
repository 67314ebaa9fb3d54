"""Progress bars: of tqdm, in the form that suits where the output goes."""

import sys
import time
from collections.abc import Mapping
from typing import Any

REDRAW_SECONDS = 0.1


class EpochBar:
    """A bar of epochs with the figures of the last one beside it; during a long epoch it moves too.

    Parameters
    ----------
    epochs : int
        Length of the bar.
    shown : bool
        False draws nothing; neither does True where the output is no terminal and no notebook.
    done : int, default 0
        Epochs that were done before.
    """

    def __init__(self, epochs: int, shown: bool, done: int = 0) -> None:
        bar_format = "{desc}|{bar}| {elapsed}<{remaining}{postfix}"
        self._bar: Any = make_bar(total=epochs, initial=done, bar_format=bar_format) if shown else None
        self._epochs = epochs
        self._next_drawing = 0.0

    def __enter__(self) -> "EpochBar":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    @property
    def shown(self) -> bool:
        """Whether there is a bar at all."""
        return self._bar is not None

    def within(self, epoch: int, fraction: float) -> None:
        """Show that ``fraction`` of the epoch is done, if the last drawing was long enough ago."""
        if self._bar is not None and time.monotonic() > self._next_drawing:
            self._draw(epoch + fraction)

    def finished(self, epoch: int, values: Mapping[str, float]) -> None:
        """Show that the epoch is done, and its loss and accuracy."""
        if self._bar is None:
            return
        self._bar.set_postfix_str(_figures(values), refresh=False)
        if time.monotonic() > self._next_drawing or epoch + 1 == self._epochs:
            self._draw(epoch + 1)

    def _draw(self, position: float) -> None:
        self._bar.n = position
        self._bar.set_description_str(f"epoch {min(int(position) + 1, self._epochs)}/{self._epochs} ", refresh=False)
        self._bar.refresh()
        self._next_drawing = time.monotonic() + REDRAW_SECONDS


def _figures(values: Mapping[str, float]) -> str:
    """Return "loss 0.123 val 0.234, accuracy 0.987 val 0.976", as far as there is such: it fits 80 columns."""
    return ", ".join(
        f"{key} {values[key]:.3f}" + (f" val {values[f'val_{key}']:.3f}" if f"val_{key}" in values else "")
        for key in ("loss", "accuracy")
        if key in values
    )


def make_bar(**options: Any) -> Any:
    """Make tqdm(**options) in the form that suits: for a notebook, for a terminal, and None where there is neither."""
    if in_notebook():
        import importlib.util

        if importlib.util.find_spec("ipywidgets"):
            from tqdm.notebook import tqdm as notebook_bar

            return notebook_bar(**options)
    elif not (sys.stderr and sys.stderr.isatty()):
        return None
    import shutil

    from tqdm import tqdm

    # tqdm believes a terminal that claims to have no rows and no columns, and would show nothing
    columns, rows = shutil.get_terminal_size()
    return tqdm(**options, ncols=columns, nrows=rows)


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return any(base.__name__ == "ZMQInteractiveShell" for base in type(shell).__mro__)
