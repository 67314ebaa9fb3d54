"""Wrong calls: each has one wrong argument, is refused with a message that names it, and changes nothing."""

import functools
import inspect
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

import nnlite as nn

from .unchanged import portraits

FILES = Path(__file__).with_name("files")  # messages show this directory as "folder"
PASSED_ON = {"arguments", "line_options", "fit_options"}  # to a function that the user names, or to Matplotlib
EVENTS = ("train_begin", "train_end", "epoch_begin", "epoch_end", "batch_begin", "batch_end")
OPTIMIZER_OPTIONS = ("l1", "weight_decay", "clip_value", "clip_norm", "max_norm")


def public(name):
    """Return the public object of this name, such as "Dense" or "Model.fit"."""
    return functools.reduce(getattr, name.split("."), nn)


def arguments_of(name):
    """Return the names of the arguments of a public object, also of those that it takes with ``**``."""
    function = public(name)
    names = []
    for argument, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.VAR_KEYWORD:
            names.append(argument)
        elif function is nn.LambdaCallback:
            names += [f"on_{event}" for event in EVENTS]
        elif isinstance(function, type) and issubclass(function, nn.Optimizer):
            names += [option for option in OPTIMIZER_OPTIONS if option not in names]
    return [argument for argument in names if argument not in {"self", *PASSED_ON}]


@dataclass(frozen=True)
class Case:
    """A wrong value of one argument.

    Parameters
    ----------
    value : object
        The wrong value; for an argument ``*data``, the tuple of all of them.
    fragments : tuple of str
        What the message contains; "{name}" stands for the name at its beginning.
    label : str
        Shows the value in the name of the test; by default its repr.
    named : str
        The name at the beginning of the message, if it is not the argument's: of two that do not fit each other, the
        message names one.
    on : str
        Which object the method is called on; the table of the call says which there are.
    error : type
        The class of the error.
    others : dict
        Other arguments, in place of the right ones.
    """

    value: object
    fragments: tuple = ()
    label: str = ""
    named: str = ""
    on: str = ""
    error: type = nn.ArgumentError
    others: dict = field(default_factory=dict)


class Made:
    """A value that each call makes for itself."""

    def __init__(self, make):
        self.make = make


def case(value, *fragments, label="", named="", on="", error=nn.ArgumentError, **others):
    """Return a Case; any other keyword is another argument of the call."""
    return Case(value, fragments, label, named, on, error, others)


def each(*values, says=""):
    """Return a case for each value. The message contains ``says`` and ends with what came."""
    return [case(value, says, f"got {value!r}") for value in values]


def changed(cases, **changes):
    """Return the same cases with other attributes."""
    return [replace(one, **changes) for one in cases]


def labeled(cases, *labels):
    """Return the cases with these labels."""
    found = [one for one in cases if one.label in labels]
    assert len(found) == len(labels), set(labels) - {one.label for one in found}
    return found


class Call:
    """A public function, class or method, with arguments that are right and wrong values for each of them.

    Parameters
    ----------
    good : dict or callable
        Right arguments; or a function that makes them from the object and the case's ``on``.
    wrong : dict
        By argument a wrong value, a Case, or a list of Cases, whose first stands in docs/errors.md.
    of : callable, optional
        For a method: makes its object from the case's ``on``.
    function : callable, optional
        What is called, if it is not what the name of the call says.
    """

    def __init__(self, good=(), *, wrong, of=None, function=None):
        self.good, self.of, self.function = good, of, function
        self.wrong = {argument: _as_cases(value) for argument, value in wrong.items()}


def _as_cases(value):
    if isinstance(value, list) and value and all(isinstance(entry, Case) for entry in value):
        return value
    return [value if isinstance(value, Case) else Case(value)]


class Refusal:
    """One wrong call."""

    def __init__(self, name, call, argument, one):
        self.name, self.call, self.argument, self.case = name, call, argument, one

    def __str__(self):
        on = f" of {self.case.on}" if self.case.on else ""
        return f"{self.name}{on} {self.argument}={self.case.label or shown(self.case.value)[:50]}"

    @functools.cached_property
    def message(self):
        """The message of the error. AssertionError if the call is not refused or changes anything."""
        call, one = self.call, self.case
        subject = call.of(one.on) if call.of else None
        method = self.name.rpartition(".")[2]
        function = call.function or (getattr(subject, method) if call.of else public(self.name))
        right = call.good(subject, one.on) if callable(call.good) else dict(call.good)
        value = one.value.make() if isinstance(one.value, Made) else one.value
        arguments = right | one.others | {self.argument: value}
        objects = [subject, *arguments.values()]
        before = portraits(objects)
        try:
            _call(function, arguments)
        except one.error as error:
            assert portraits(objects) == before, f"{self} changes something"
            return str(error).replace(str(FILES), "folder")
        raise AssertionError(f"{self} is not refused")


def _call(function, arguments):
    """Call ``function``; the values of an argument ``*data`` are positional."""
    several = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.VAR_POSITIONAL]
    positional = arguments.get(several[0], ()) if several else ()
    return function(*positional, **{name: value for name, value in arguments.items() if name not in several})


def shown(value):
    """A wrong value as one would write it."""
    if isinstance(value, type):
        return f"nn.{value.__name__}"
    if isinstance(value, np.ndarray):
        text = f"an array of shape {value.shape}"
        return text + (" with NaN" if value.dtype.kind == "f" and np.isnan(value).any() else "")
    if isinstance(value, list) and any(isinstance(entry, type) for entry in value):
        return f"[{', '.join(map(shown, value))}]"
    if isinstance(value, tuple) and any(isinstance(entry, np.ndarray) for entry in value):
        return f"({', '.join(map(shown, value))})"
    return str(value).replace(str(FILES), "folder") if isinstance(value, Path) else repr(value)


def refusals(calls):
    """Return every wrong call of a table ``{name: Call}``."""
    return [
        Refusal(name, call, argument, one)
        for name, call in calls.items()
        for argument, cases in call.wrong.items()
        for one in cases
    ]
