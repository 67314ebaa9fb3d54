"""The colors, dashes and markers of all pictures."""

from typing import Any

import numpy as np

from nnlite.checks import Array

# The palette of Okabe and Ito (2008), which color-blind readers can tell apart. Its yellow is too pale for lines and
# is used for areas only. 5 dashes, 6 markers and 7 colors have no common divisor, so combinations repeat late.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
FILLS = (*COLORS[:6], "#F0E442", "#777777")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
GRAY = "#777777"
RIGHT, WRONG = COLORS[0], COLORS[1]
SEQUENTIAL, DIVERGING = "Blues", "RdBu_r"  # both keep their order for color-blind readers and in print

TRAINING = {"color": COLORS[0], "linestyle": "-"}
VALIDATION = {"color": COLORS[1], "linestyle": "--"}
BAND = {"alpha": 0.15, "linewidth": 0}


def color(i: int) -> str:
    """Return the color of line or class i."""
    return COLORS[i % len(COLORS)]


def marker(i: int) -> str:
    """Return the marker of line or class i."""
    return MARKERS[i % len(MARKERS)]


def line_style(i: int) -> dict[str, Any]:
    """Return the color and dashes of line i."""
    return {"color": color(i), "linestyle": DASHES[i % len(DASHES)]}


def fills(n: int) -> Array:
    """Return n different colors for areas as rows (n, 3): the palette, or a scale from dark to light for large n."""
    from matplotlib import colormaps
    from matplotlib.colors import to_rgb

    if n <= len(FILLS):
        return np.array([to_rgb(color) for color in FILLS[:n]])
    return np.asarray(colormaps["viridis"](np.linspace(0, 1, n)))[:, :3]


def text_color(background: Any) -> str:
    """Return "black" or "white", whichever has more contrast with ``background``.

    The contrast of luminances ``Y_1 > Y_2`` is ``(Y_1 + 0.05) / (Y_2 + 0.05)``, so black and white are equal at
    ``Y = sqrt(1.05 * 0.05) - 0.05`` (W3C, "Web content accessibility guidelines 2.1", 2018).
    """
    from matplotlib.colors import to_rgb

    rgb = np.asarray(to_rgb(background))
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return "black" if luminance > 0.179 else "white"
