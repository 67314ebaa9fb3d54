"""What the tests of pictures share: a canvas without a screen, and the comparison of a picture with its baseline.

``pytest tests/plots --update-baselines`` draws the pictures in tests/plots/baseline again. Look at them before you
commit them.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

BASELINE = Path(__file__).parent / "baseline"
TOLERANCE = 4.0  # root mean square of the difference, of 255; between versions of matplotlib it is below 2


def pytest_addoption(parser):
    parser.addoption("--update-baselines", action="store_true", help="draw the baseline pictures of tests/plots again")


@pytest.fixture(autouse=True)
def plt():
    """Pyplot with matplotlib's own settings, and no open figure before and after each test."""
    import matplotlib.pyplot as plt

    with plt.style.context("default"):
        plt.close("all")
        yield plt
        plt.close("all")


@pytest.fixture
def difference(request, tmp_path):
    """``difference(axes, name)``: how much a picture without its texts differs from its baseline; 0 within TOLERANCE.

    With ``--update-baselines`` the picture becomes the baseline.
    """
    from matplotlib.testing.compare import compare_images

    def compare(axes, name):
        figure = np.ravel(axes)[0].figure
        hide_texts(figure)
        baseline, drawn = BASELINE / f"{name}.png", tmp_path / f"{name}.png"
        if request.config.getoption("--update-baselines", default=False):
            BASELINE.mkdir(exist_ok=True)
            save(figure, baseline)
            return 0.0
        save(figure, drawn)
        found = compare_images(str(baseline), str(drawn), TOLERANCE, in_decorator=True)
        return 0.0 if found is None else found["rms"]

    return compare


def save(figure, path):
    figure.savefig(path, dpi=32, metadata={"Software": None})


def hide_texts(figure):
    """Hide all texts, because fonts differ between machines; other tests check what is written."""
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text

    for ax in figure.findobj(Axes):
        ax.tick_params(which="both", labelbottom=False, labelleft=False, labelright=False, labeltop=False)
    for artist in figure.findobj(lambda artist: isinstance(artist, (Text, Legend))):
        artist.set_visible(False)
