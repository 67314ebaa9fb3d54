"""Progress bars drawn by tqdm, in a form that suits the terminal or notebook."""

import sys
from typing import Any


def make_bar(**options: Any) -> Any:
    """Return ``tqdm(**options)`` for a notebook or a terminal, or None if the output goes to neither."""
    if in_notebook():
        import importlib.util

        if importlib.util.find_spec("ipywidgets"):
            from tqdm.notebook import tqdm as notebook_bar

            return notebook_bar(**options)
    elif not (sys.stderr and sys.stderr.isatty()):
        return None
    import shutil

    from tqdm import tqdm

    # some terminals report a size of 0 x 0, and tqdm would then draw nothing; get_terminal_size assumes 80 x 24
    columns, rows = shutil.get_terminal_size()
    return tqdm(**options, ncols=columns, nrows=rows)


def in_notebook() -> bool:
    """Return whether the code runs in a Jupyter kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    return any(base.__name__ == "ZMQInteractiveShell" for base in type(shell).__mro__)
