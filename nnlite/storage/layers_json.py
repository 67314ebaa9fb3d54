"""Convert layers to plain values that JSON can hold, and back.

A layer becomes ``{"layer": class name, "arguments": {name: value}}``, an initializer ``{"initializer": class name,
"arguments": ...}`` and a tuple ``{"tuple": [...]}``. Class names are looked up among nnlite's own classes and those
that the caller gives, nowhere else.
"""

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import initializers, layers
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.initializers import Initializer
from nnlite.layers import Layer
from nnlite.storage.untrusted import refusing

MOST_LAYERS = 4096
DEEPEST = 32  # levels of values inside values
LONGEST_INTEGER = 1024  # bits


# ---- classes by name -------------------------------------------------------------------------------------------


class KnownClasses(NamedTuple):
    """The classes of layers and of initializers by name."""

    layers: dict[str, type[Layer]]
    initializers: dict[str, type[Initializer]]


def builtin_classes() -> KnownClasses:
    """Return nnlite's own classes, without the abstract base classes."""
    return KnownClasses(
        {name: c for name, c in _public(layers, Layer) if c.forward is not Layer.forward},
        {name: c for name, c in _public(initializers, Initializer) if c.__call__ is not Initializer.__call__},
    )


def _public(module: Any, base: type) -> list[tuple[str, Any]]:
    found = [(name, value) for name, value in vars(module).items() if not name.startswith("_")]
    return [(name, value) for name, value in found if isinstance(value, type) and issubclass(value, base)]


def known_classes(given: Iterable[Any], argument: str = "layers") -> KnownClasses:
    """Return nnlite's own classes together with the given ones.

    Raises
    ------
    ArgumentError
        If ``given`` is not a list of classes of layers and initializers, or two classes have the same name.
    """
    if isinstance(given, (type, str, Mapping)) or not isinstance(given, Iterable):
        raise ArgumentError(f"{argument}: expected a list of classes such as [MyLayer], got {given!r}")
    known = builtin_classes()
    for cls in given:
        if not (isinstance(cls, type) and issubclass(cls, (Layer, Initializer))):
            hint = f"; pass the class, {type(cls).__name__}" if isinstance(cls, (Layer, Initializer)) else ""
            raise ArgumentError(f"{argument}: expected classes of layers (or initializers), got {cls!r}{hint}")
        home: dict[str, Any] = known.layers if issubclass(cls, Layer) else known.initializers
        if home.setdefault(cls.__name__, cls) is not cls:
            raise ArgumentError(
                f"{argument}: two classes are called {cls.__name__}, {home[cls.__name__]!r} and {cls!r}; "
                "a file knows them by name, so rename one"
            )
    return known


# ---- to plain values -------------------------------------------------------------------------------------------


def encode_layers(layers: Sequence[Layer]) -> tuple[list[Any], set[type]]:
    """Return the layers in plain values, and the classes of all layers and initializers in them.

    Raises
    ------
    ArgumentError
        If a layer has an argument that a model file cannot hold.
    """
    classes: set[type] = set()
    return [encode(layer, "layers", classes) for layer in layers], classes


def encode(value: Any, what: str, classes: set[type], depth: int = 0) -> Any:
    """Return ``value`` in plain values, and add the classes of the layers and initializers in it to ``classes``.

    ``what`` names the value in the message of an ArgumentError.
    """
    if depth > DEEPEST:
        raise ArgumentError(f"{what}: is nested more than {DEEPEST} deep, which a model file cannot hold")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int) and value.bit_length() <= LONGEST_INTEGER:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if isinstance(value, (list, tuple)):
        entries = [encode(entry, what, classes, depth + 1) for entry in value]
        return {"tuple": entries} if isinstance(value, tuple) else entries
    if isinstance(value, (Layer, Initializer)):
        return _encode_object(value, classes, depth)
    text = repr(value)
    raise ArgumentError(
        f"{what}: expected what a model file can hold (finite numbers, strings, True, False, None, lists and tuples "
        f"of these, layers, initializers), got {text if len(text) <= 100 else text[:100] + '...'} "
        f"of type {type(value).__name__}"
    )


def _encode_object(value: Layer | Initializer, classes: set[type], depth: int) -> dict[str, Any]:
    name = type(value).__name__
    classes.add(type(value))
    arguments = value.hyperparameters() if isinstance(value, Layer) else _arguments_of(value)
    return {
        "layer" if isinstance(value, Layer) else "initializer": name,
        "arguments": {
            argument: encode(entry, f"{name}: argument {argument!r}", classes, depth + 1)
            for argument, entry in arguments.items()
        },
    }


def _arguments_of(initializer: Initializer) -> dict[str, Any]:
    """Return the arguments of ``__init__`` that make an equal initializer."""
    cls = type(initializer)
    arguments = {}
    for name in inspect.signature(cls).parameters:
        if not hasattr(initializer, name):
            raise ArgumentError(f"{cls.__name__}: __init__ must store its argument {name!r} as self.{name}")
        arguments[name] = getattr(initializer, name)
    return arguments


# ---- from plain values -----------------------------------------------------------------------------------------


def decode_layers(records: Sequence[Any], known: KnownClasses) -> list[Layer]:
    """Make the layers that `encode_layers` has encoded; whether all of them are layers, the network checks.

    Raises
    ------
    ModelFileError
        If a record is not what `encode` returns, or names a class that is not known.
    """
    decoder = _Decoder(known)
    return [decoder.value(record, 0) for record in records]


class _Decoder:
    """Decode values, and count the layers and initializers among them."""

    def __init__(self, known: KnownClasses) -> None:
        self.known = known
        self.n_objects = 0

    def value(self, value: Any, depth: int) -> Any:
        if depth > DEEPEST:
            raise ModelFileError(f"layers: are nested more than {DEEPEST} deep")
        if isinstance(value, list):
            return [self.value(entry, depth + 1) for entry in value]
        if isinstance(value, dict):
            return self.composite(value, depth)
        if isinstance(value, float) and not math.isfinite(value):
            raise ModelFileError("layers: a number is not finite")
        if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
            raise ModelFileError("layers: an integer is too large")
        return value

    def composite(self, value: dict[str, Any], depth: int) -> Any:
        """Decode a tuple, a layer or an initializer."""
        keys = set(value)
        if keys == {"tuple"} and isinstance(value["tuple"], list):
            return tuple(self.value(value["tuple"], depth))
        if keys in ({"layer", "arguments"}, {"initializer", "arguments"}) and isinstance(value["arguments"], dict):
            cls = self.class_named("layer" if "layer" in value else "initializer", value)
            arguments = {name: self.value(entry, depth + 1) for name, entry in value["arguments"].items()}
            with refusing(f"{cls.__name__} cannot be made with these arguments"):
                return cls(**arguments)
        raise ModelFileError("layers: an entry is not a layer, an initializer or a tuple")

    def class_named(self, kind: str, value: dict[str, Any]) -> Any:
        self.n_objects += 1
        if self.n_objects > MOST_LAYERS:
            raise ModelFileError(f"layers: there are more than {MOST_LAYERS}")
        name = value[kind]
        if not isinstance(name, str) or not name.isidentifier() or len(name) > 100:
            raise ModelFileError(f"layers: the class name of one {kind} is not a name")
        cls = (self.known.layers if kind == "layer" else self.known.initializers).get(name)
        if cls is None:
            raise ModelFileError(
                f"needs the {kind} {name!r}, which nnlite does not have; "
                f"if the class is yours, load(path, layers=[{name}])"
            )
        return cls
