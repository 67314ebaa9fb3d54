"""The names of the classes of a network."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.errors import ArgumentError
from nnlite.layers import Output


def check_class_names(names: Any, output: Output, units: int | None) -> tuple[str, ...] | None:
    """``names`` as a tuple of different strings, one for each class (or label) of the output; None stays None.

    ``units`` is n[L], or None where it is not known yet.
    """
    if names is None:
        return None
    if isinstance(names, (str, bytes)) or not isinstance(names, (Sequence, np.ndarray)) or not len(names):
        raise ArgumentError(f"class_names: expected a list of strings, one for each class, got {names!r:.200}")
    if not output.classifies:
        raise ArgumentError(f"class_names: {output} does not choose between classes, got {names!r:.200}")
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            raise ArgumentError(f"class_names: expected strings, got {name!r:.200} of type {type(name).__name__}")
        if name in seen:
            raise ArgumentError(f"class_names: {name!r:.200} is there twice; expected a name for each class")
        seen.add(str(name))
    n = None if units is None else output.n_classes(units) or units
    if n is not None and len(names) != n:
        raise ArgumentError(f"class_names: expected {n}, one for each class of the network, got {len(names)}")
    return tuple(str(name) for name in names)
