"""Weights of classes, as weights of their examples."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.examples import Examples
from nnlite.network.signature import Signature


def check_class_weight(
    class_weight: Any, signature: Signature, examples: Examples | None, class_names: Sequence[str] | None = None
) -> Array | None:
    """Return a weight for each class, (C,), from a mapping, a sequence or "balanced"; None stays None.

    The keys of a mapping are classes 0 .. C-1 or their names. "balanced" is ``M / (C M_c)``, as in scikit-learn; it
    needs ``examples``.
    """
    if class_weight is None:
        return None
    n_classes = signature.n_classes
    if n_classes is None:
        raise ArgumentError(f"class_weight: {signature.output} does not choose between classes, got {class_weight!r}")
    if isinstance(class_weight, str):
        if not is_balanced(class_weight):
            raise ArgumentError(f"class_weight: expected a weight for each class or 'balanced', got {class_weight!r}")
        if examples is None:
            raise ArgumentError("class_weight: 'balanced' needs all labels: pass arrays, not a source of batches")
        return balanced(count_classes(examples, n_classes))
    if checks.is_mapping(class_weight):
        class_weight = _in_order(checks.mapping("class_weight", class_weight), n_classes, class_names)
    weights = checks.numeric_array("class_weight", class_weight)
    wrong = weights.shape != (n_classes,) or not np.isfinite(weights).all() or weights.min() < 0 or not weights.any()
    if wrong:
        raise ArgumentError(
            f"class_weight: expected {n_classes} finite numbers of at least 0, not all 0, one for each class, "
            f"got {class_weight!r}"
        )
    return weights.astype(np.float64)


def is_balanced(class_weight: Any) -> bool:
    """Return whether the weights of the classes follow from their numbers of examples."""
    return isinstance(class_weight, str) and class_weight == "balanced"


def balanced(n_of_class: Array) -> Array:
    """``M / (C M_c)`` for each class c with M_c examples; 0 for a class without examples."""
    C = len(n_of_class)
    weights: Array = np.divide(n_of_class.sum(), C * n_of_class, out=np.zeros(C), where=n_of_class > 0)
    return weights


def count_classes(examples: Examples, n_classes: int) -> Array:
    """Return how many examples each class has, (C,)."""
    classes = classes_of(examples.y if examples.rows is None else examples.y[examples.rows])
    return np.bincount(classes, minlength=n_classes)


def _in_order(class_weight: Mapping[Any, Any], n_classes: int, names: Sequence[str] | None) -> list[Any]:
    """Return the weights of a mapping in the order of the classes. Its keys are class indices or names."""
    classes: dict[Any, int] = {name: c for c, name in enumerate(names or ())} | {c: c for c in range(n_classes)}
    by_class: dict[int, Any] = {}
    unknown = []
    for key, weight in class_weight.items():
        c = classes.get(key) if isinstance(key, (str, int, float)) else None
        if c is None:
            unknown.append(key)
        elif c in by_class:
            raise ArgumentError(f"class_weight: class {key!r} has two weights, {by_class[c]!r} and {weight!r}")
        else:
            by_class[c] = weight
    missing = [c for c in range(n_classes) if c not in by_class]
    if missing or unknown:
        hint = ""
        if names is None and any(isinstance(key, str) for key in unknown):
            hint = "; names are known after model.class_names = [...]"
        raise ArgumentError(
            f"class_weight: expected a weight for each of the classes 0..{n_classes - 1}"
            + (f" or {', '.join(map(repr, names))}" if names is not None else "")
            + (f"; missing: {', '.join(map(str, missing))}" if missing else "")
            + (" (1 leaves a class as it is)" if not unknown else "")
            + (f"; unknown: {', '.join(map(repr, unknown))}" if unknown else "")
            + hint
        )
    return [by_class[c] for c in range(n_classes)]


def check_sum(examples: Examples, of_class: Array | None, name: str = "sample_weight") -> None:
    """Raise ArgumentError if the weights of all examples are 0 together, or too large to be added."""
    rows = slice(None) if examples.rows is None else examples.rows
    with np.errstate(over="ignore"):
        weights = weighted(None if examples.weights is None else examples.weights[rows], of_class, examples.y[rows])
        if weights is None or 0 < weights.sum() < np.inf:
            return
    what = name if of_class is None else "class_weight" if examples.weights is None else f"class_weight and {name}"
    if weights.any():
        raise ArgumentError(f"{what}: the sum of the weights is infinite; divide them by their largest")
    raise ArgumentError(
        f"{what}: the weights of all {len(weights)} examples are 0, so that there is nothing to learn from"
        + ("" if of_class is None else "; give a weight above 0 to a class that has weighted examples")
    )


def weighted(weights: Array | None, of_class: Array | None, y: Array) -> Array | None:
    """Multiply the weights of a batch by those of its classes; None stands for 1."""
    if of_class is None:
        return weights
    of_examples: Array = of_class[classes_of(y)]
    return of_examples if weights is None else of_examples * weights


def classes_of(y: Array) -> Array:
    """Return the class of each example, from class indices or rows."""
    if y.ndim == 1:
        return y
    return (y[:, 0] > 0.5).astype(np.intp) if y.shape[1] == 1 else y.argmax(axis=1)
