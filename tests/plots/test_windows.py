"""The curves of LivePlot in real windows, of Tk and of Qt."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

SCRIPT = """
import sys
import numpy as np
from matplotlib import pyplot as plt
import nnlite as nn

plt.switch_backend(sys.argv[1])
data = nn.load_iris()
live = nn.LivePlot(every=1e-9)
seen = []


def look(epoch, logs):
    canvas = live.figure.canvas
    n_points = len(live.figure.axes[0].get_lines()[0].get_xdata())
    if canvas.manager is None:  # it is closed
        return seen.append((False, None, n_points))
    window = canvas.manager.window
    visible = window.winfo_viewable() if hasattr(window, "winfo_viewable") else window.isVisible()
    seen.append((bool(visible), np.asarray(canvas.buffer_rgba()).copy(), n_points))
    if epoch == 3:
        plt.close(live.figure)  # as a user does while the network is trained


model = nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
history = model.fit(data.X_train, data.y_train, epochs=6, progress=False,
                    callbacks=[live, nn.LambdaCallback(on_epoch_end=look)])
assert history.epochs == 6
assert [visible for visible, _, _ in seen] == [True] * 4 + [False] * 2
assert [n for _, _, n in seen] == [1, 2, 3, 4, 5, 6]
for (_, before, _), (_, after, _) in zip(seen[:3], seen[1:4]):
    assert before.shape == after.shape and before.shape[0] > 100 and np.ptp(before[..., :3]) > 100
    assert (before != after).any()  # the window was drawn anew
print("drawn")
"""


@pytest.fixture
def draw():
    """Return a function that runs the script with a backend, on a virtual screen if there is no other."""
    server = shutil.which("xvfb-run")
    if not (server or os.environ.get("DISPLAY")):
        pytest.skip("there is no screen, and no xvfb-run: apt-get install xvfb xauth")

    def run(backend, **environment):
        done = subprocess.run(
            [*([server, "-a"] if server else []), sys.executable, "-c", SCRIPT, backend],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error::UserWarning"} | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.stdout == "drawn\n", done.stderr

    return run


def test_a_window_of_tk_is_drawn_while_the_network_is_trained(draw):
    pytest.importorskip("tkinter")
    draw("TkAgg")


def test_a_window_of_qt_is_drawn_while_the_network_is_trained(draw):
    if not any(importlib.util.find_spec(name) for name in ("PySide6", "PyQt6")):
        pytest.skip("there is no Qt: pip install PySide6-Essentials")
    draw("QtAgg", QT_QPA_PLATFORM="offscreen")  # without Qt's own libraries for the screen
