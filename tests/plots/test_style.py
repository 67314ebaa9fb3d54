"""Colors, dashes and markers."""

import numpy as np
from matplotlib.colors import to_rgb

from nnlite.plots.style import fills, line_style, marker, text_color

from ..support import for_each


def test_colors_of_lines_repeat_late_and_those_of_areas_never():
    assert len({repr(line_style(i)) for i in range(35)}) == 35
    assert len({(line_style(i)["color"], marker(i)) for i in range(42)}) == 42
    for n in (2, 8, 9, 100):
        assert len(np.unique(fills(n), axis=0)) == n


def luminance(color):
    """Relative luminance of the web content accessibility guidelines."""
    channels = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


@for_each("background", ["white", "black", "#0072B2", "#E69F00", "0.4", "0.5", *map(tuple, fills(12))])
def test_text_has_the_contrast_that_the_web_guidelines_ask_for(background):
    dark, light = sorted([luminance(background), luminance(text_color(background))])
    assert (light + 0.05) / (dark + 0.05) >= 4.5
