"""Verdicts on numbers, and the words for them."""

from collections.abc import Sequence

from nnlite.checks import Array

VERDICTS = ("ok", "notice", "problem")


def judge(value: float, notice: float, problem: float) -> str:
    """Return the verdict on a number that should be small; NaN is a problem."""
    if not value < problem:
        return "problem"
    return "ok" if value < notice else "notice"


def worst(*verdicts: str) -> str:
    """Return the worst of several verdicts."""
    return max(verdicts, key=VERDICTS.index)


def advise(verdict: str, advice: str) -> str:
    """Return ``advice``, or "" if all is well."""
    return "" if verdict == "ok" else advice


def listed(numbers: Sequence[int] | Array, most: int = 5, names: Sequence[str] | None = None) -> str:
    """Return some numbers in words: "3, 5 and 7", or "3, 5, 7, ... (12 of them)"; with ``names``, those of classes."""
    items = [str(int(number)) for number in numbers[:most]]
    if names is not None:
        items = [item if names[int(item)] == item else repr(names[int(item)]) for item in items]
    if len(numbers) > most:
        return f"{', '.join(items)}, ... ({len(numbers)} of them)"
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))
