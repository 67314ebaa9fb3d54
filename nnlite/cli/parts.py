"""Layers, optimizers and schedules by name, or as Python writes them: ``adamw`` or ``AdamW(weight_decay=0.1)``.

Nothing is executed: the text is parsed, and may hold names of nnlite, calls of them and plain values.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from nnlite import augment, optimizers, schedules
from nnlite.errors import ArgumentError
from nnlite.layers import Layer
from nnlite.storage.layers_json import builtin_classes

ACTIVATIONS = ("ReLU", "LeakyReLU", "ELU", "SELU", "GELU", "SiLU", "HardSwish", "Softplus", "Tanh", "Sigmoid")
OUTPUTS = ("Softmax", "Sigmoid", "Identity", "Exponential")
OPTIMIZERS = ("SGD", "Adam", "AdamW", "NAdam", "RMSProp", "Adagrad", "Lion")
SCHEDULES = tuple(name for name in schedules.__all__ if name != "Schedule")
OTHER_WORDS = {"swish": "SiLU", "momentum": "SGD", "linear": "Identity", "batchnormalization": "BatchNorm"}
AUGMENTATIONS = tuple(name.lower() for name in augment.__all__ if name not in ("Augmentation", "Compose"))
EXAMPLES = {"--augment": "Rotate(10)", "--optimizer": "Adam(beta_1=0.8)", "--schedule": "StepDecay(0.1, 1000)"}
LONGEST = 10_000  # characters


def named(what: str, text: str, known: Mapping[str, Any]) -> Any:
    """Return the object that a text describes.

    Parameters
    ----------
    what : str
        The option, for messages.
    text : str
        A name in any spelling (``adamw``, ``leaky-relu``), or a call as in Python.
    known : mapping of str to class
        What the text may name.
    """
    tree = _parsed(what, text)
    if isinstance(tree, ast.Name) or not isinstance(tree, ast.Call):
        return _make(what, _class(what, text, known), [], {})
    return _value(what, tree, known)


def classes(names: Sequence[str]) -> dict[str, Any]:
    """Return classes of nnlite by name."""
    built_in = builtin_classes()
    known = {**built_in.layers, **built_in.initializers, **vars(optimizers), **vars(schedules)}
    return {name: known[name] for name in names}


def initializer_names() -> list[str]:
    """Return the names of the initializers."""
    return [*builtin_classes().initializers]


def layer_list(what: str, text: str) -> list[Any]:
    """Return the layers of a list such as ``Dense(64), BatchNorm(), ReLU()``."""
    built_in = builtin_classes()
    known = {**built_in.layers, **built_in.initializers}
    tree = _parsed(what, f"[{text.strip().removeprefix('[').removesuffix(']')}]")
    if not isinstance(tree, ast.List):
        raise _refused(what, text)
    found = [_value(what, entry, known) for entry in tree.elts]
    for layer in found:
        if not isinstance(layer, Layer):
            raise ArgumentError(f"{what}: expected layers such as Dense(64), ReLU(), got {layer!r}")
    return found


def augmentations(what: str, text: str) -> list[Any]:
    """Return the augmentations of a list such as ``shift, Rotate(10)``."""
    known = {
        name: cls for name, cls in vars(augment).items() if name.lower() in AUGMENTATIONS and name in augment.__all__
    }
    tree = _parsed(what, f"[{text.strip().removeprefix('[').removesuffix(']')}]")
    if not isinstance(tree, ast.List) or not tree.elts:
        raise _refused(what, text)
    found = [_value(what, entry, known) for entry in tree.elts]
    for one in found:
        if not isinstance(one, augment.Augmentation):
            raise ArgumentError(f"{what}: expected augmentations such as shift or Rotate(10), got {one!r}")
    return found


# ---- parsing --------------------------------------------------------------------------------------------------------


def _parsed(what: str, text: str) -> ast.expr | None:
    if len(text) > LONGEST:
        raise ArgumentError(f"{what}: is longer than {LONGEST:,} characters")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _value(what: str, tree: ast.expr, known: Mapping[str, Any]) -> Any:
    """Return the value of an expression of calls, lists and constants."""
    if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name):
        cls = _class(what, tree.func.id, known)
        arguments = [_argument(what, argument, known, tree) for argument in tree.args]
        named_ones = {str(word.arg): _argument(what, word.value, known, tree) for word in tree.keywords}
        return _make(what, cls, arguments, named_ones)
    if isinstance(tree, ast.Name):
        return _make(what, _class(what, tree.id, known), [], {})
    if isinstance(tree, (ast.List, ast.Tuple)):
        entries = [_value(what, entry, known) for entry in tree.elts]
        return entries if isinstance(tree, ast.List) else tuple(entries)
    try:
        return ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _refused(what, ast.unparse(tree)) from None


def _argument(what: str, tree: ast.expr, known: Mapping[str, Any], call: ast.Call) -> Any:
    """Return the value of an argument of a call; a word that is no name of nnlite gets the forms that there are."""
    words = {_plain(name) for name in known}
    if isinstance(tree, ast.Name) and _plain(tree.id) not in words | set(OTHER_WORDS):
        near = difflib.get_close_matches(_plain(tree.id), words, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ArgumentError(
            f"{what}: {ast.unparse(call)}: an argument is a number, True, False, None, a text in quotes, or several of "
            f"them as (1, 2), got {tree.id}{hint}"
        )
    return _value(what, tree, known)


def _class(what: str, text: str, known: Mapping[str, Any]) -> Any:
    """Return the class of a name in any spelling."""
    plain = {_plain(name): name for name in known}
    typed = _plain(text)
    typed = _plain(OTHER_WORDS.get(typed, typed))
    if typed in plain:
        return known[plain[typed]]
    near = difflib.get_close_matches(typed, plain, n=1, cutoff=0.5)
    hint = f"; did you mean {plain[near[0]].lower()}?" if near else ""
    raise ArgumentError(f"{what}: expected one of {', '.join(name.lower() for name in known)}, got {text!r}{hint}")


def _make(what: str, cls: Any, arguments: list[Any], named_ones: dict[str, Any]) -> Any:
    try:
        return cls(*arguments, **named_ones)
    except ArgumentError as error:
        raise ArgumentError(f"{what}: {error}") from None


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "").replace("_", "").replace(" ", "")


def _refused(what: str, text: str) -> ArgumentError:
    example = EXAMPLES.get(what, "Dropout(0.2)")
    return ArgumentError(f"{what}: expected a name or a call such as {example}, got {text!r}")
