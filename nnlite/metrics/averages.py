"""Averages of numbers that belong to classes."""

import math

import numpy as np

from nnlite.checks import Array


def mean_over_classes(values: Array, weights: Array | None) -> float:
    """Return the mean of ``values`` without the NaN among them; NaN if all are.

    The mean is weighted by ``weights``, unless these are None or all 0.
    """
    known = ~np.isnan(values)
    if not known.any():
        return math.nan
    if weights is None or weights[known].sum() == 0:
        return float(values[known].mean())
    return float(np.average(values[known], weights=weights[known]))
