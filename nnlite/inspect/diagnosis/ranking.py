"""Which problem is the cause of which others: so that a report begins with what to mend first."""

from collections.abc import Mapping

LEARNING = frozenset({"size of updates", "learning rate", "course of the loss", "a handful by heart"})
UNITS = frozenset({"dead units", "saturated units"})
START = frozenset({"initial loss", "initial output"})
RESULT = frozenset({"underfitting", "confused classes", "silent classes", "calibration", "steady validation"})
ALL_THAT_FOLLOWS = START | {"gradients by layer"} | LEARNING | UNITS | RESULT | {"overfitting"}

# A check, and the checks that find something because of it. What comes first is mended first: the data, then the
# network, then how it is trained.
CONSEQUENCES: Mapping[str, frozenset[str]] = {
    "finite numbers": frozenset(),
    "scale of inputs": ALL_THAT_FOLLOWS,
    "scale of targets": ALL_THAT_FOLLOWS,
    "constant features": ALL_THAT_FOLLOWS | {"duplicates", "contradictory labels", "labels fit inputs"},
    "contradictory labels": RESULT | {"labels fit inputs", "a handful by heart", "overfitting"},
    "labels fit inputs": RESULT | {"learning rate", "course of the loss", "overfitting"},
    "class balance": RESULT | {"course of the loss"},
    "validation classes": frozenset({"overfitting", "steady validation", "silent classes", "confused classes"}),
    "validation shift": frozenset({"overfitting", "steady validation", "calibration", "confused classes"}),
    "different units": LEARNING | UNITS | RESULT | {"gradients by layer"},
    "gradients by layer": LEARNING | UNITS | RESULT,
    "initial loss": LEARNING | UNITS | RESULT | {"initial output"},
    "initial output": LEARNING | UNITS | RESULT,
    "end of the training": LEARNING | UNITS | RESULT,
    "learning rate": LEARNING | UNITS | RESULT,
    "size of updates": LEARNING | UNITS | RESULT,
    "dead units": LEARNING | RESULT,
    "saturated units": LEARNING | RESULT,
    "a handful by heart": LEARNING | RESULT,
    "course of the loss": RESULT,
    "underfitting": RESULT,
    "overfitting": frozenset({"calibration", "confused classes", "steady validation"}),
}


def causes_of(verdicts: Mapping[str, str]) -> dict[str, str]:
    """Return for each check whose finding is probably a consequence of another one's problem the name of that one.

    Parameters
    ----------
    verdicts : mapping of str to str
        The verdict of each check.

    Examples
    --------
    >>> causes_of({"scale of inputs": "problem", "learning rate": "problem", "duplicates": "notice"})
    {'learning rate': 'scale of inputs'}
    """
    causes: dict[str, str] = {}
    for root, consequences in CONSEQUENCES.items():
        if verdicts.get(root) == "problem" and root not in causes:
            for check, verdict in verdicts.items():
                if check in consequences and check not in causes and check != root and verdict != "ok":
                    causes[check] = root
    return causes


def rank(check: str) -> int:
    """Return the place of a check in the order in which problems are mended."""
    order = list(CONSEQUENCES)
    return order.index(check) if check in order else len(order)
