"""Models on disk.

A model is an ``.npz`` file with four vectors: ``header``, the bytes of a JSON object that says what the network is;
``theta`` and ``state``, its parameters and what else its layers keep; and ``sha256``, of the bytes of these three.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.initializers import Initializer, Zeros
from nnlite.layers import Layer, chain
from nnlite.layers.base import Shape
from nnlite.network.class_names import check_class_names
from nnlite.network.network import Network
from nnlite.storage import npz
from nnlite.storage.atomic import replacing
from nnlite.storage.layers_json import Known, decode_layers, encode, known_classes, own_classes
from nnlite.storage.npz import Members, refusing

FORMAT = "nnlite model"
VERSION = 1  # of the format
MEMBERS = ("header", "theta", "state", "sha256")
LARGEST_HEADER = 2**20  # bytes
MOST_VALUES = 2**16  # in the header: a small file could otherwise fill much memory
MOST_DIMENSIONS = 63  # of one example; NumPy's 64 with the batch


Made = TypeVar("Made", bound=Network)


class Header(NamedTuple):
    """What the header says, but for format and versions."""

    dtype: str
    input_shape: Shape
    class_names: tuple[str, ...] | None
    seed: int | None
    entropy: int
    layers: list[Any]
    trainable: list[bool]


def save(model: Network, path: str | os.PathLike[str]) -> None:
    """Write the network to a file, as a whole or not at all; `load` reads it.

    Parameters
    ----------
    model : Model
        Once it is built.
    path : path-like
        The file, which is kept under just that name; one that exists is replaced.

    Raises
    ------
    ArgumentError
        If a layer has an argument that a file cannot hold, or cannot be made again from its arguments. Nothing is
        written then.
    NotBuiltError
        If the network has no parameters yet.
    OSError
        If the file cannot be written; one that was there is whole.

    Notes
    -----
    The layers and their arguments, whether each is frozen, the parameters, running averages, class names and the seed
    are saved; the state of the random generator and of an optimizer are not.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(model, os.path.join(folder, "model.npz"))
    ...     again = load(os.path.join(folder, "model.npz"))
    >>> bool((again.theta == model.theta).all())
    True
    """
    model.theta  # noqa: B018  # NotBuiltError
    name = checks.path("path", path)
    header = np.frombuffer(_write_header(model), np.uint8)
    # copies: what is written is what the checksum is of, even if another thread trains meanwhile
    theta, state = (npz.little_endian(vector.copy()) for vector in (model.theta, model.state))
    digest = hashlib.sha256()
    for vector in (header, theta, state):
        for part in npz.parts(vector):
            digest.update(part)
    sha256 = np.frombuffer(digest.digest(), np.uint8)
    with replacing(name) as file:
        npz.write(file, {"header": header, "theta": theta, "state": state, "sha256": sha256})


def load(
    path: str | os.PathLike[str],
    *,
    layers: Iterable[type[Layer] | type[Initializer]] = (),
    make: type[Made] = Network,  # type: ignore[assignment]
) -> Made:
    """Read a network that `Model.save` has written; it predicts bit for bit the same.

    The file may come from a stranger: nothing in it is executed or imported, and reading it takes no more memory than
    four times its size (and some megabytes).

    Parameters
    ----------
    path : path-like
    layers : list of classes, optional
        Classes of one's own (of layers, or initializers) that the network is made of. Names in the file are looked up
        among these and nnlite's own.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If the file is damaged or no model, has a layer that is not known, or was written by a later version of the
        format.
    ArgumentError
        If ``layers`` is no list of classes, or two have the same name.
    OSError
        If the file is not there (FileNotFoundError) or may not be read.

    Notes
    -----
    The file is no proof of anything: whoever can write it decides what the network says.
    """
    name = checks.path("path", path)
    known = known_classes(layers)
    try:
        with _open_regular(name) as file:
            return _read(file, known, make)
    except ModelFileError as error:
        raise ModelFileError(f"{name}: {error}") from error.__cause__


@contextlib.contextmanager
def _open_regular(name: str) -> Iterator[BinaryIO]:
    """The file, open to be read; what is no file (a pipe, say, on which one would wait for ever) is none of a model."""
    if not stat.S_ISREG(os.stat(name).st_mode):
        raise ModelFileError("is no file")
    with open(name, "rb") as file:
        yield file


# ---- the header --------------------------------------------------------------------------------------------------


def _write_header(model: Network) -> bytes:
    """The JSON of the header, from which the same layers have been made for a test."""
    from nnlite.version import __version__

    classes: set[type] = set()
    header = {
        "format": FORMAT,
        "version": VERSION,
        "nnlite": __version__,
        "dtype": model.dtype.name,
        "input_shape": list(model.input_shape or ()),
        "class_names": check_class_names(model.class_names, model.output, model.n_units),
        "seed": encode(model.seed, "seed", classes),
        "entropy": encode(model.entropy, "seed", classes),
        "layers": [encode(layer, "layers", classes) for layer in model.layers],
        "trainable": [bool(layer.trainable) for layer in model.all_layers()],
    }
    raw = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    known = known_classes(sorted(classes, key=lambda cls: cls.__name__))
    try:
        _check_size(raw)
        again, segments = _plan(_check_header(_parse(raw)), known, Network)
        _check_lengths(segments, model.theta.size, model.state.size)
    except ModelFileError as error:
        raise ArgumentError(f"layers: the network could not be read again from a file: {error}") from error.__cause__
    for layer, made in zip(model.layers, again.layers, strict=True):
        if encode(made, "layers", set()) != encode(layer, "layers", set()):
            raise ArgumentError(
                f"layers: {layer}, made again from its arguments, is {made}; "
                f"{type(layer).__name__}.__init__ must store its arguments as they are given"
            )
    return raw


def _read_header(members: Members) -> tuple[bytes, dict[str, Any]]:
    """The header's bytes and what it says, of a version that can be read."""
    if members.size("header", np.uint8) > LARGEST_HEADER:
        raise ModelFileError(f"the header is larger than {LARGEST_HEADER} bytes")
    raw = b"".join(block.tobytes() for block in members.blocks("header"))
    header = _parse(raw)
    version: Any = header.get("version")
    if header.get("format") != FORMAT or not _is_integer(version, 1):
        raise ModelFileError(f"is no model file: its header has no format {FORMAT!r} or no version")
    if version > VERSION:
        writer = header.get("nnlite")
        named = isinstance(writer, str) and re.fullmatch(r"[\w.+-]{1,40}", writer, re.ASCII)
        needed = f"nnlite {writer} or newer" if named else "a newer nnlite"
        raise ModelFileError(
            f"has version {version} of the format, which needs {needed}; this one knows up to {VERSION}"
        )
    return raw, header


def _parse(raw: bytes) -> dict[str, Any]:
    _check_size(raw)
    with refusing("the header is no JSON"):
        header = json.loads(raw.decode(), object_pairs_hook=_distinct, parse_constant=_no_number)
    if not isinstance(header, dict):
        raise ModelFileError("the header is no JSON object")
    return header


def _check_size(raw: bytes) -> None:
    """ModelFileError if the header is too large to be read, or could become so."""
    if len(raw) > LARGEST_HEADER:
        raise ModelFileError(f"the header is larger than {LARGEST_HEADER} bytes")
    if sum(map(raw.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise ModelFileError(f"the header has more than {MOST_VALUES} values")


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    distinct = dict(pairs)
    if len(distinct) != len(pairs):
        raise ValueError("a name is there twice")
    return distinct


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _is_integer(value: Any, minimum: int, bits: int = 63) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum and value.bit_length() <= bits


def _list_of(accept: Callable[[Any], bool], most: int = MOST_VALUES) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and 0 < len(value) <= most and all(map(accept, value))


FIELDS: dict[str, Callable[[Any], bool]] = {
    "format": lambda value: bool(value == FORMAT),
    "version": lambda value: _is_integer(value, 1),
    "nnlite": lambda value: isinstance(value, str),
    "dtype": lambda value: value in ("float32", "float64"),
    "input_shape": _list_of(lambda n: _is_integer(n, 1), MOST_DIMENSIONS),
    "class_names": lambda value: value is None or _list_of(lambda name: isinstance(name, str))(value),
    "seed": lambda value: value is None or _is_integer(value, 0, 1024),
    "entropy": lambda value: _is_integer(value, 0, 1024),
    "layers": _list_of(lambda layer: isinstance(layer, dict)),
    "trainable": _list_of(lambda flag: isinstance(flag, bool)),
}


def _check_header(header: dict[str, Any]) -> Header:
    """The header's fields, each of the right type."""
    if header.keys() != FIELDS.keys():
        raise ModelFileError(f"the header is damaged: expected the fields {', '.join(FIELDS)}")
    for field, accept in FIELDS.items():
        if not accept(header[field]):
            raise ModelFileError(f"the header is damaged: {field} has a wrong value")
    names = header["class_names"]
    return Header(
        dtype=header["dtype"],
        input_shape=tuple(header["input_shape"]),
        class_names=None if names is None else tuple(names),
        seed=header["seed"],
        entropy=header["entropy"],
        layers=header["layers"],
        trainable=header["trainable"],
    )


# ---- the network -------------------------------------------------------------------------------------------------


def _read(file: BinaryIO, known: Known, make: type[Made]) -> Made:
    """The network in the file. Every size is checked before there is memory for it."""
    members = Members(file)
    raw, fields = _read_header(members)
    members.require(MEMBERS)
    header = _check_header(fields)
    lengths = members.size("theta", header.dtype), members.size("state", header.dtype)
    _check_digest(members, raw)
    model, segments = _plan(header, known, make)
    _check_lengths(segments, *lengths)
    _build(model, header)
    with refusing("the network cannot be made"):
        model.class_names = header.class_names
    for name, vector in (("theta", model.theta), ("state", model.state)):
        _fill(vector, members.blocks(name))
    return model


def _check_digest(members: Members, raw: bytes) -> None:
    """ModelFileError unless the bytes of header, theta and state have the SHA-256 that the file names."""
    digest = hashlib.sha256(raw)
    for name in ("theta", "state"):
        for block in members.blocks(name):
            digest.update(block.data)
    if members.size("sha256", np.uint8) != digest.digest_size:
        raise ModelFileError("is damaged: its SHA-256 is none")
    if b"".join(block.tobytes() for block in members.blocks("sha256")) != digest.digest():
        raise ModelFileError("is damaged: its content has another SHA-256 than it had when it was written")


Plan = list[tuple[Layer, Shape]]


def _plan(header: Header, known: Known, make: type[Made]) -> tuple[Made, Plan]:
    """The network without its parameters, and every layer with the shape of what goes into it."""
    layers = decode_layers(header.layers, known)
    with refusing("the network cannot be made"):
        model = make(layers, seed=header.entropy, dtype=header.dtype)
        model.seed = header.seed
        all_layers = model.all_layers()
        if len(all_layers) != len(header.trainable):
            raise ModelFileError(
                f"has {len(all_layers)} layers, but says of {len(header.trainable)} whether they learn"
            )
        for layer, flag in zip(all_layers, header.trainable, strict=True):  # outer ones before those inside them
            if layer.trainable != flag:
                layer.trainable = flag
        return model, list(chain.with_input_shapes(model.layers, model.infer_shapes(header.input_shape)))


def _check_lengths(plan: Plan, n_theta: int, n_state: int) -> None:
    """ModelFileError unless the layers have so many parameters, and so many other numbers."""
    with refusing("the network cannot be made"):
        needed = (
            _count(layer.parameter_shapes(shape) for layer, shape in plan),
            _count(layer.state_shapes(shape) for layer, shape in plan),
        )
    for what, n, found in zip(("theta", "state"), needed, (n_theta, n_state), strict=True):
        if n != found:
            raise ModelFileError(f"its layers need {n} numbers in {what}, but there are {found}")


def _count(shapes: Iterable[dict[str, Shape]]) -> int:
    return sum(math.prod(shape) for of_layer in shapes for shape in of_layer.values())


def _build(model: Network, header: Header) -> None:
    """Give the network its vectors. No weights are drawn, and nothing goes forward, which could take any memory."""
    own = {cls.initialize for cls in own_classes().layers.values()}
    with refusing("the network cannot be made"):
        model.lay_out(header.input_shape)
        for layer in model.all_layers():
            if type(layer).initialize not in own:  # a user's layer may prepare more than its parameters there
                layer.initialize(np.random.default_rng(0), Zeros())


def _fill(vector: Array, blocks: Iterable[Array]) -> None:
    start = 0
    for block in blocks:
        vector[start : start + len(block)] = block
        start += len(block)
