"""Facts about wrong arguments: every public one is refused with a message that names it, as docs/errors.md has it."""

import inspect

import pytest

import nnlite as nn
from nnlite import datasets

from . import wrong_values
from .wrong_values import DOCUMENT, SECTIONS, THINGS

# what only holds what it is given, is a base class, or takes no argument of a user's
WITHOUT = {
    "ArgumentError", "DataFileError", "ModelFileError", "NnliteError", "NotBuiltError", "Dataset", "Table", "History",
    "Cache", "Callback", "Layer", "Initializer", "Schedule", "ScoresBySize", "Diagnosis", "DivergenceError", "Finding",
    "GradientCheck", "RangeTest", "Trace",
}  # fmt: skip
# for `Model.fit` and the network itself
INTERNAL_METRICS = {"resolve", "try_out"}
METHODS = {
    nn.Model: "Model", nn.History: "History", datasets.Table: "Table", nn.Optimizer: "Optimizer",
}  # fmt: skip
CALLED_BY_FIT = {
    "History.append", "Optimizer.prepare", "Optimizer.update", "Optimizer.state", "Optimizer.get_state",
    "Optimizer.set_state",
}  # fmt: skip


def public_callables():
    """All that a user may call, by name."""
    found = {name: getattr(nn, name) for name in nn.__all__ if name not in WITHOUT}
    found |= {name: getattr(datasets, name) for name in datasets.__all__ if name not in WITHOUT}
    found |= {
        f"metrics.{name}": function
        for name, function in vars(nn.metrics).items()
        if inspect.isfunction(function)
        and function.__module__.startswith("nnlite.metrics")
        and not name.startswith("_")
        and name not in INTERNAL_METRICS
    }
    found |= {f"plots.{name}": getattr(nn.plots, name) for name in nn.plots.__all__ if name not in WITHOUT}
    for cls, label in METHODS.items():
        for name, function in vars(cls).items():
            if inspect.isfunction(function) and not name.startswith("_") and f"{label}.{name}" not in CALLED_BY_FIT:
                found[f"{label}.{name}"] = function
    return {name: value for name, value in found.items() if callable(value)}


def arguments_of(name, value):
    if name in THINGS:
        return set(THINGS[name].arguments())
    return {parameter for parameter in inspect.signature(value).parameters if parameter != "self"}


PUBLIC = public_callables()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_argument_has_a_wrong_value(name):
    """A new argument needs one: add it to tests/refusals/wrong_values.py, and run that to write docs/errors.md."""
    arguments = arguments_of(name, PUBLIC[name])
    if arguments:
        assert name in THINGS, f"{name} has no entry"
        assert set(THINGS[name].wrong) == arguments


def test_the_table_is_of_what_there_is():
    assert set(THINGS) - set(PUBLIC) <= {"Schedule.__call__"}
    assert len(PUBLIC) > 80


CASES = [(name, argument) for name, thing in THINGS.items() for argument in thing.wrong]


@pytest.mark.parametrize(("name", "argument"), CASES, ids=[".".join(case) for case in CASES])
def test_a_wrong_argument_is_refused_by_its_name_and_as_the_table_says(name, argument):
    message = THINGS[name].refusal(argument)
    assert message.startswith(f"{THINGS[name].names.get(argument, argument)}: "), message
    assert f"| `{name}` | `{argument}` | " in DOCUMENT.read_text(encoding="utf-8")
    assert f" | {wrong_values.cell(message)} |\n" in DOCUMENT.read_text(encoding="utf-8")


def test_the_document_is_the_one_that_the_table_writes():
    assert DOCUMENT.read_text(encoding="utf-8") == wrong_values.document()


def test_every_section_is_in_the_document():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [line[3:] for line in text.splitlines() if line.startswith("## ")] == list(SECTIONS)
