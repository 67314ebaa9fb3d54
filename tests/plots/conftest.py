"""What the tests of pictures share: a canvas without a screen, small fixed networks, and the look of a picture.

``pytest tests/plots --update-baselines`` draws the pictures in tests/plots/baseline anew. Look at them before they are
committed.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pytest

import nnlite as nn

matplotlib.use("Agg")

BASELINE = Path(__file__).parent / "baseline"
TOLERANCE = 4.0  # root mean square of the difference, of 255; from version to version of matplotlib it is below 2


def pytest_addoption(parser):
    parser.addoption("--update-baselines", action="store_true", help="draw the baseline pictures of tests/plots anew")


@pytest.fixture(autouse=True)
def plt():
    """Pyplot, with no figure open before and after each test, and matplotlib's own settings."""
    import matplotlib.pyplot as plt

    with plt.style.context("default"):
        plt.close("all")
        yield plt
        plt.close("all")


@pytest.fixture
def fixed():
    """A function that makes networks whose parameters are the same wherever the tests run."""

    def make(layers, n_features, scale=1.0):
        model = nn.Model(layers, n_features=n_features, seed=0)
        model.theta = scale * np.sin(1.7 * np.arange(model.n_parameters) + 0.5)
        return model

    return make


@pytest.fixture
def difference(request, tmp_path):
    """``difference(axes, name)``: by how much a picture differs from its baseline, without texts; 0 within TOLERANCE.

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
    """Fonts differ from machine to machine; what is written is tested as text."""
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text

    for ax in figure.findobj(Axes):
        ax.tick_params(which="both", labelbottom=False, labelleft=False, labelright=False, labeltop=False)
    for artist in figure.findobj(lambda artist: isinstance(artist, (Text, Legend))):
        artist.set_visible(False)
