"""A parser of arguments that answers near-misses with "did you mean", and the types of its options."""

from __future__ import annotations

import argparse
import difflib
import itertools
import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

from nnlite import checks
from nnlite.cli.wording import split

Value = TypeVar("Value")


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with whole option names only, and a hint where an option or command is nearly right."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **options)
        self.commands: dict[str, Parser] = {}

    def option_names(self) -> list[str]:
        """Return the long names of the options."""
        return [name for action in self._actions for name in action.option_strings if name.startswith("--")]

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Return the options; exit with 2 and a hint if there is one that does not exist."""
        command = next((word for word in arguments if not word.startswith("-")), None)
        if self.commands and command is not None and command not in self.commands:
            self.error(f"there is no command {command!r}{did_you_mean(command, self.commands)}")
        options, unknown = self.parse_known_args(arguments)
        if unknown:
            parser = self.commands.get(command or "", self)
            parser.refuse(unknown, arguments)
        return options

    def refuse(self, unknown: Sequence[str], arguments: Sequence[str]) -> NoReturn:
        """Exit with 2 because of some of the arguments, which do not exist."""
        wrong = next((word for word in unknown if word.startswith("-")), None)
        if wrong is None:
            hint = "; in place of several files, name their folder" if all(map(os.path.exists, unknown)) else ""
            if ("--resume", unknown[0]) in itertools.pairwise(arguments) and "--out" in self.option_names():
                hint = f"; did you mean --out {unknown[0]} --resume?"
            self.error(f"too many arguments: {' '.join(unknown)}{hint}")
        name = wrong.split("=")[0]
        self.error(f"there is no option {name}{did_you_mean(name, self.option_names())}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return the end of a message: the nearest known word, or all of them if none is near and they are few."""
    known = list(known)
    plain = {name.lower().replace("_", "-").lstrip("-"): name for name in known}
    typed = word.lower().replace("_", "-").lstrip("-")
    near = difflib.get_close_matches(typed, plain, n=1, cutoff=0.6)
    if not near and len(typed) >= 3:
        near = [name for name in plain if name.startswith(typed) or typed.startswith(name)][:1]
    if near:
        return f"; did you mean {plain[near[0]]}?"
    return f"; choose from {', '.join(known)}" if len(known) <= 20 else "; --help lists them"


# ---- types: argparse puts the name of the option in front of their messages ----------------------------------------


def positive_integer(text: str) -> int:
    """Return an integer of at least 1."""
    return checked(lambda: checks.integer("value", int(text)), text, "an integer of at least 1")


def count(text: str) -> int:
    """Return an integer of at least 0."""
    return checked(lambda: checks.integer("value", int(text), minimum=0), text, "an integer of at least 0")


def positive_number(text: str) -> float:
    """Return a finite number above 0."""
    return checked(lambda: checks.real("value", float(text), above=0), text, "a finite number above 0")


def number_from_0(text: str) -> float:
    """Return a finite number of at least 0."""
    return checked(lambda: checks.real("value", float(text), minimum=0), text, "a finite number of at least 0")


def below_1(text: str) -> float:
    """Return a number in [0, 1)."""
    return checked(lambda: checks.real("value", float(text), minimum=0, below=1), text, "a number in [0, 1)")


def fraction(text: str) -> float:
    """Return a number between 0 and 1, both exclusive."""
    return checked(lambda: checks.real("value", float(text), above=0, below=1), text, "a number between 0 and 1")


def names(text: str) -> list[str]:
    """Return the words of a list with commas; one that has a comma in it stands in quotes."""
    return split(text)


def one_of(known: Sequence[str]) -> Callable[[str], str]:
    """Return a type that takes one of the ``known`` words, with a hint for a near-miss."""

    def choose(text: str) -> str:
        if text in known:
            return text
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(known)}, got {text!r}{_nearest(text, known)}")

    return choose


def _nearest(text: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(text.lower(), known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def checked(convert: Callable[[], Value], text: str, expected: str) -> Value:
    """Return what ``convert`` makes of a text, or say what was expected."""
    try:
        return convert()
    except (ValueError, TypeError):
        raise argparse.ArgumentTypeError(f"expected {expected}, got {text!r}") from None
