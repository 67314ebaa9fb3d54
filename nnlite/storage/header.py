"""The header of a model file: a JSON object that describes the network, without its numbers."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nnlite.errors import ModelFileError
from nnlite.images.encoding import ImageEncoding
from nnlite.layers.base import Shape
from nnlite.storage.untrusted import check_format, refusing
from nnlite.tables.encoding import Encoding
from nnlite.version import __version__

FORMAT = "nnlite model"
# Of the format. In version 1, state lacks what layers have in `added_state`. Version 3 has the table of a network; one
# that was not trained on a table is written in version 2. Version 4 has what makes pictures into numbers.
VERSION = 4
LARGEST_HEADER = 2**20  # bytes
MOST_VALUES = 2**16  # a small header could otherwise fill much memory
MOST_DIMENSIONS = 63  # of one example; NumPy allows 64, and one is for the batch


class Header(NamedTuple):
    """What the header of a model file says.

    Attributes
    ----------
    dtype : str
    input_shape : tuple of int
        Of one example.
    class_names : tuple of str, or None
    seed : int or None
        As the user gave it.
    entropy : int
        ``actual_seed`` of the network: ``seed``, or the random number in its place.
    layers : list
        The layers in plain values, see `encode_layers`.
    trainable : list of bool
        For every layer, including layers inside other layers.
    encoding : Encoding or None
        What makes a table into numbers. Since version 3 of the format.
    target_scale : list of two lists of float, or None
        Mean and standard deviation of each output. Since version 3 of the format.
    image_encoding : ImageEncoding or None
        What makes pictures into numbers. Since version 4 of the format.
    """

    dtype: str
    input_shape: Shape
    class_names: tuple[str, ...] | None
    seed: int | None
    entropy: int
    layers: list[Any]
    trainable: list[bool]
    encoding: Encoding | None = None
    target_scale: list[list[float]] | None = None
    image_encoding: ImageEncoding | None = None

    def to_json(self) -> bytes:
        """Return the bytes of the JSON object; ModelFileError if they are too large for a header."""
        fields = {"format": FORMAT, "version": VERSION, "nnlite": __version__, **self._asdict()}
        fields["encoding"] = None if self.encoding is None else self.encoding.to_json()
        if self.image_encoding is not None:
            fields["image_encoding"] = self.image_encoding.to_json()
        else:  # in the first version that has all of it
            fields["version"] = 2 if self.encoding is None and self.target_scale is None else 3
            for field in SINCE_4 if fields["version"] == 3 else (*SINCE_3, *SINCE_4):
                del fields[field]
        raw = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()
        _check_size(raw)
        return raw

    @classmethod
    def from_json(cls, raw: bytes) -> "Header":
        """Return what the bytes of a header say; they may come from a stranger.

        Raises
        ------
        ModelFileError
            If they are too large, are not the header of a model file, are of a later version of the format, or a
            field has a wrong value.
        """
        fields = _parse(raw)
        check_format(fields, FORMAT, VERSION)
        if fields["version"] < 4:
            fields = {**dict.fromkeys(SINCE_4 if fields["version"] == 3 else (*SINCE_3, *SINCE_4)), **fields}
        if fields.keys() != {"format", "version", *FIELDS}:
            raise ModelFileError(f"the header is damaged: expected the fields format, version, {', '.join(FIELDS)}")
        for field, accept in FIELDS.items():
            if not accept(fields[field]):
                raise ModelFileError(f"the header is damaged: {field} has a wrong value")
        names = fields["class_names"]
        fields["input_shape"] = tuple(fields["input_shape"])
        fields["class_names"] = None if names is None else tuple(names)
        if fields["encoding"] is not None:
            with refusing("the header is damaged"):
                fields["encoding"] = Encoding.from_json(fields["encoding"])
        if fields["image_encoding"] is not None:
            with refusing("the header is damaged"):
                fields["image_encoding"] = ImageEncoding.from_json(fields["image_encoding"])
        return cls(**{field: fields[field] for field in cls._fields})


# ---- parsing ---------------------------------------------------------------------------------------------------


def _parse(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object strictly: each name once, no NaN or Infinity."""
    _check_size(raw)
    with refusing("the header is not JSON"):
        fields = json.loads(raw.decode(), object_pairs_hook=_distinct, parse_constant=_refuse_constant)
    if not isinstance(fields, dict):
        raise ModelFileError("the header is not a JSON object")
    return fields


def _check_size(raw: bytes) -> None:
    """Raise ModelFileError if the header, or the Python objects that it would become, take too much memory."""
    if len(raw) > LARGEST_HEADER:
        raise ModelFileError(f"the header is larger than {LARGEST_HEADER} bytes")
    if sum(map(raw.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise ModelFileError(f"the header has more than {MOST_VALUES} values")


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    distinct = dict(pairs)
    if len(distinct) != len(pairs):
        raise ValueError("a name appears twice")
    return distinct


def _refuse_constant(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number")


# ---- checks of the fields --------------------------------------------------------------------------------------


def _is_integer(value: Any, minimum: int, bits: int = 63) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum and value.bit_length() <= bits


def _list_of(accept: Callable[[Any], bool], most: int = MOST_VALUES) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and 0 < len(value) <= most and all(map(accept, value))


def _is_scale(value: Any) -> bool:
    """Return whether a value is a list of means and one of standard deviations above 0."""
    if not (isinstance(value, list) and len(value) == 2 and all(map(_list_of(_is_float), value))):
        return False
    return len(value[0]) == len(value[1]) and min(value[1]) > 0


def _is_float(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


SINCE_3 = ("encoding", "target_scale")
SINCE_4 = ("image_encoding",)
FIELDS: dict[str, Callable[[Any], bool]] = {
    "nnlite": lambda value: isinstance(value, str),
    "dtype": lambda value: value in ("float32", "float64"),
    "input_shape": _list_of(lambda n: _is_integer(n, 1), MOST_DIMENSIONS),
    "class_names": lambda value: value is None or _list_of(lambda name: isinstance(name, str))(value),
    "seed": lambda value: value is None or _is_integer(value, 0, 1024),
    "entropy": lambda value: _is_integer(value, 0, 1024),
    "layers": _list_of(lambda layer: isinstance(layer, dict)),
    "trainable": _list_of(lambda flag: isinstance(flag, bool)),
    "encoding": lambda value: value is None or isinstance(value, dict),
    "target_scale": lambda value: value is None or _is_scale(value),
    "image_encoding": lambda value: value is None or isinstance(value, dict),
}
