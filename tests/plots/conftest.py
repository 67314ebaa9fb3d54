"""What the tests of pictures share: a canvas without a screen, and the comparison of a picture with its baseline.

``pytest tests/plots --update-baselines`` draws the pictures in tests/plots/baseline again. Look at them before you
commit them.
"""

import io
from pathlib import Path

import matplotlib
import matplotlib.image
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
def difference(request):
    """``difference(axes, name)``: how much a picture without its texts differs from its baseline; 0 within TOLERANCE.

    With ``--update-baselines`` the picture becomes the baseline.
    """

    def compare(axes, name):
        picture = io.BytesIO()
        figure = np.ravel(axes)[0].figure
        hide_texts(figure)
        figure.savefig(picture, dpi=32, metadata={"Software": None})
        baseline = BASELINE / f"{name}.png"
        if request.config.getoption("--update-baselines", default=False):
            baseline.write_bytes(picture.getvalue())
            return 0.0
        picture.seek(0)
        drawn, expected = (255 * matplotlib.image.imread(file)[..., :3] for file in (picture, baseline))
        rms = np.sqrt(np.mean((drawn - expected) ** 2)) if drawn.shape == expected.shape else np.inf
        return rms if rms > TOLERANCE else 0.0

    return compare


def hide_texts(figure):
    """Hide all texts, because fonts differ between machines; other tests check what is written."""
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text

    for ax in figure.findobj(Axes):
        ax.tick_params(which="both", labelbottom=False, labelleft=False, labelright=False, labeltop=False)
    for artist in figure.findobj(lambda artist: isinstance(artist, (Text, Legend))):
        artist.set_visible(False)
