"""Messages of the library in the words of the command line: ``missing=['n.d.']`` is ``--missing n.d.`` there.

The program passes all it says through `as_options`, so that no message advises what can only be typed in Python.
"""

from __future__ import annotations

import ast
import csv
import io
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

# Arguments of the library, and the options that stand for them.
FLAGS = {
    name: f"--{name.replace('_', '-')}"
    for name in (
        "target test kinds ignore missing decimal thousands dates delimiter encoding comment header scaling fill size "
        "image_shape skip_bad class_weight metrics clip_norm"
    ).split()
} | {"classification": "--classes or --values", "grayscale": "--gray", "test_fraction": "--test-size"}
WORDS = {  # values that have an option of their own, or a form that is no value
    "classification=True": "--classes",
    "classification=False": "--values",
    "target=None": "no --target",
    "header=False": "--no-header",
    "header=True": "--header",
    "skip_bad=True": "--skip-bad",
    "clip_norm=1.0 for the optimizer": "--clip-norm 1",
    "size=(rows, columns)": "--size ROWS,COLUMNS",
    "image_shape=(rows, columns)": "--image-shape ROWS,COLUMNS",
}
ADVICE = {  # what the doctor advises in Python; longer phrases first
    'fit(class_weight="balanced")': "--class-weight balanced",
    "fit(validation_split=0.1)": "--validation-size 0.1",
    "clip_norm=1 in the optimizer": "--clip-norm 1",
    "clip_norm=1": "--clip-norm 1",
    "; find_learning_rate suggests one": "",
    " (find_learning_rate suggests one)": "",
    "EarlyStopping on val_loss": "--patience",
    "EarlyStopping": "--patience",
    "weight_decay": "--weight-decay",
    "Dropout": "--dropout",
    "label smoothing": "--label-smoothing",
    "BatchNorm": "--batch-norm",
}
BY_COLUMN = ("decimal", "thousands", "dates")  # options that are given once for each column
ARGUMENT = re.compile(rf"(?<!\S)(?P<name>{'|'.join(FLAGS)})=")
HEAD = re.compile(rf"(?P<name>{'|'.join(FLAGS)}): ")
BRACKETS = {"[": "]", "{": "}", "(": ")"}
NUMBER = re.compile(r"-[0-9.]+")  # which argparse tells from an option
PLAIN_WORD = re.compile(r"[\w.+-]+")


def as_options(text: str) -> str:
    """Return a message in which arguments of Python functions are options, as they are typed."""
    head = HEAD.match(text)
    if head is not None:
        text = f"{FLAGS[head['name']]}: {text[head.end() :]}"
    pieces: list[str] = []
    start = 0
    while (found := ARGUMENT.search(text, start)) is not None:
        option, end = _option(text, found)
        between = text[start : found.start()]
        pieces += [" " if pieces and between == ", " else between, option]  # two options that belong together
        start = end
    text = "".join([*pieces, text[start:]]).replace(" or None, got", ", got")  # nobody can type None
    return re.sub(r"\bpass (--\w)", r"give \1", text)


def advice_as_options(text: str) -> str:
    """Return an advice of the doctor in which arguments and layers are options."""
    for phrase, option in ADVICE.items():
        text = text.replace(phrase, option)
    return text


def _option(text: str, found: re.Match[str]) -> tuple[str, int]:
    """Return the option for an argument in a message, and where the argument ends."""
    for word, option in WORDS.items():
        if text.startswith(word, found.start()):
            return option, found.start() + len(word)
    flag, end = FLAGS[found["name"]], _end_of_value(text, found.end())
    try:
        value = ast.literal_eval(text[found.end() : end])
    except (ValueError, SyntaxError):
        return flag, found.end()  # what follows is no value, as in "pass decimal= and thousands="
    if found["name"] in BY_COLUMN and isinstance(value, Mapping):
        return " ".join(f"{flag} {_quoted(f'{name}={mark}')}" for name, mark in value.items()), end
    text_of_value = typed(value)
    is_like_option = text_of_value.startswith("-") and NUMBER.fullmatch(text_of_value) is None
    joint = "=" if is_like_option else " "
    return f"{flag}{joint}{_quoted(text_of_value)}", end


def _quoted(text: str) -> str:
    """Return a word for the shell; one that ends in a mark gets quotes, too, so that it does not look like the text."""
    quoted = shlex.quote(text)
    return quoted if quoted != text or text[-1:].isalnum() else f"'{text}'"


def _end_of_value(text: str, start: int) -> int:
    """Return where a value ends that begins at ``start``: a string, brackets, or a word."""
    if start >= len(text):
        return start
    if text[start] not in "'\"" and text[start] not in BRACKETS:
        word = PLAIN_WORD.match(text, start)
        return start if word is None else word.end()
    closing: list[str] = []
    quote = ""
    i = start
    while i < len(text):
        letter = text[i]
        if quote:
            i += letter == "\\"  # the next one is part of the string
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in BRACKETS:
            closing.append(BRACKETS[letter])
        elif closing and letter == closing[-1]:
            closing.pop()
        i += 1
        if not quote and not closing:
            return i
    return start


def typed(value: Any) -> str:
    """Return a value as an option takes it: lists with commas, dictionaries as NAME=VALUE."""
    if isinstance(value, Mapping):
        return joined(f"{name}={entry}" for name, entry in value.items())
    if isinstance(value, (list, tuple)):
        return joined(map(str, value))
    return "tab" if value == "\t" else str(value)


def joined(words: Iterable[str]) -> str:
    """Return words with commas between them, as `split` reads them; those with a comma get quotes."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(list(words))
    return line.getvalue()


def split(text: str) -> list[str]:
    """Return the words of a list with commas, in which one with a comma may stand in quotes."""
    words = next(csv.reader([text], skipinitialspace=True), [])
    return [word.strip() for word in words if word.strip()]
