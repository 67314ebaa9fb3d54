"""Check the names of the classes that a network chooses between."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.errors import ArgumentError
from nnlite.layers import Output


def check_class_names(names: Any, output: Output, units: int | None) -> tuple[str, ...] | None:
    """Return ``names`` as a tuple with one string for each class (or label) of the output layer; None stays None.

    Parameters
    ----------
    names : sequence of str, or None
    output : Output
    units : int or None
        n[L], or None if it is not known yet: then the number of names is not checked.

    Raises
    ------
    ArgumentError
        If ``names`` are not different strings, there are too many or too few, or the output layer is not a classifier.
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
            raise ArgumentError(f"class_names: expected a different name for each class, got {name!r:.200} twice")
        seen.add(name)
    n = None if units is None else output.n_classes(units) or units
    if n is not None and len(names) != n:
        raise ArgumentError(f"class_names: expected {n}, one for each class of the network, got {len(names)}")
    return tuple(str(name) for name in names)
