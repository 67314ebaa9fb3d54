"""Curves that schedules are made of, as functions of a fraction of the way."""

import math


def between(a: float, b: float, fraction: float) -> float:
    """Return the point on the straight line from a (fraction 0) to b (fraction 1)."""
    return a * (1 - fraction) + b * fraction  # a + (b - a) fraction would not be exact at both ends


def half_cosine(fraction: float) -> float:
    """``(1 + cos(pi fraction)) / 2``: from 1 (fraction 0) to 0 (fraction 1)."""
    return (1 + math.cos(math.pi * fraction)) / 2
