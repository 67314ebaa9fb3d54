"""Read from matplotlib Axes what a picture shows."""

import itertools

import numpy as np


def texts(ax):
    """The texts in the axes."""
    return [text.get_text() for text in ax.texts]


def legend(ax):
    """The entries of the legend."""
    return [text.get_text() for text in ax.get_legend().get_texts()]


def tick_labels(axis):
    """The tick labels of ``ax.xaxis`` or ``ax.yaxis``."""
    return [label.get_text() for label in axis.get_ticklabels()]


def points(line):
    """The points of a line, (2, n)."""
    return np.array([line.get_xdata(), line.get_ydata()])


def image(ax):
    """The pixels of the first image, NaN where nothing is drawn."""
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def bands(ax):
    """The lower and upper edge of each band at each x."""
    found = []
    for band in ax.collections:
        x, y = band.get_paths()[0].vertices.T
        found.append([(y[x == at].min(), y[x == at].max()) for at in np.unique(x)])
    return found


def overlap(texts):
    """Whether any of the texts, from left to right, reaches into the next one. Draw the figure before."""
    boxes = [text.get_window_extent() for text in texts]
    return any(left.x1 > right.x0 for left, right in itertools.pairwise(boxes))
