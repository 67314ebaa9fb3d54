"""Read the files of Keras 3: ``.keras``, which is a zip, and ``.weights.h5``, which is the HDF5 file inside of it.

In the HDF5 file the arrays of the third Dense layer are ``layers/dense_2/vars/0`` and ``.../1``. Each kind of layer is
numbered by itself, in the order of the network.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ModelFileError
from nnlite.storage.untrusted import refusing

WEIGHTS, CONFIG = "model.weights.h5", "config.json"
LARGEST_CONFIG = 2**22  # bytes
HDF5 = b"\x89HDF\r\n\x1a\n"
GROUPS = ("layers", "_layer_checkpoint_dependencies")  # what the layers are called, since Keras 3.1 and before
NUMBERED = re.compile(r"(.+?)(?:_([0-9]{1,9}))?")
MOST_LAYERS = 4096


class Arrays(NamedTuple):
    """The arrays of one layer of a file, and its place there."""

    place: str
    values: list[Array]


class Content(NamedTuple):
    """What a file has.

    Attributes
    ----------
    config : dict or None
        What ``config.json`` says of the network; None for weights alone.
    layers : dict of str to list of Arrays
        The layers of each kind that have arrays, in order: "dense", "batch_normalization".
    """

    config: dict[str, Any] | None
    layers: dict[str, list[Arrays]]


def read(library: Any, path: str) -> Content:
    """Read a file; it may come from a stranger. Nothing in it is executed, and links out of it are not followed.

    Raises
    ------
    ModelFileError
        If it is damaged or not a file of Keras 3.
    OSError
        If it does not exist or cannot be read.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise ModelFileError("is not a file, but a directory, device or pipe")
    with open(path, "rb") as file:
        start = file.read(8)
        file.seek(0)
        if start.startswith(HDF5):
            return Content(None, _layers(library, file, found.st_size))
        if not start.startswith(b"PK"):
            raise ModelFileError("is not a file of Keras 3 (.keras or .weights.h5)")
        with refusing():
            archive = zipfile.ZipFile(file)
            infos = {info.filename: info for info in archive.infolist()}
            if WEIGHTS not in infos or CONFIG not in infos:
                raise ModelFileError(f"is not a .keras file: it has no {WEIGHTS if CONFIG in infos else CONFIG}")
            config = json.loads(_member(archive, infos[CONFIG], LARGEST_CONFIG))
            weights = infos[WEIGHTS]
            if weights.compress_type != zipfile.ZIP_STORED:
                raise ModelFileError(f"is damaged: {WEIGHTS} is compressed, which Keras never does")
            raw = _member(archive, weights, found.st_size)
    if not isinstance(config, dict):
        raise ModelFileError(f"is damaged: {CONFIG} is not an object")
    return Content(config, _layers(library, io.BytesIO(raw), len(raw)))


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, largest: int) -> bytes:
    if info.file_size > largest:
        raise ModelFileError(f"is damaged: {info.filename} claims {info.file_size} bytes")
    with archive.open(info) as member:
        return member.read(largest + 1)


def _layers(library: Any, file: BinaryIO, size: int) -> dict[str, list[Arrays]]:
    """Return the layers of each kind that have arrays."""
    with refusing("is not an HDF5 file of Keras"), library.File(file, "r") as weights:
        names = [name for name in GROUPS if name in weights]
        if not names:
            hint = "; it is one of Keras 2: load it there, and save it with Keras 3"
            raise ModelFileError(f"has no group 'layers'{hint if 'model_weights' in weights else ''}")
        group = _inside(library, weights, names[0])
        found: dict[str, list[tuple[int, Arrays]]] = {}
        if len(group) > MOST_LAYERS:
            raise ModelFileError(f"has more than {MOST_LAYERS} layers")
        left = [size]
        for name in group:
            match = NUMBERED.fullmatch(name)
            assert match is not None
            arrays = list(_arrays(library, _inside(library, group, name), left))
            if arrays:
                place = Arrays(f"{names[0]}/{name}", arrays)
                found.setdefault(match[1], []).append((int(match[2] or 0), place))
    return {kind: [arrays for _, arrays in sorted(of_kind, key=_number)] for kind, of_kind in found.items()}


def _number(entry: tuple[int, Arrays]) -> int:
    return entry[0]


def _inside(library: Any, group: Any, name: str) -> Any:
    """Return what a group has under a name; ModelFileError for a link to another place or file."""
    if not isinstance(group.get(name, getlink=True), library.HardLink):
        raise ModelFileError(f"is damaged: {name!r:.100} is a link")
    return group[name]


def _arrays(library: Any, layer: Any, left: list[int]) -> Iterator[Array]:
    """Yield the arrays of a layer. ``left`` is how many bytes the file can still have."""
    if not isinstance(layer, library.Group) or "vars" not in layer:
        raise ModelFileError(f"is damaged: {getattr(layer, 'name', '')!r:.100} is not a layer")
    inner = [name for name in layer if name not in ("vars", "seed_generator")]
    if inner:
        raise ModelFileError(f"has the layer {layer.name!r:.100} with layers inside ({inner[0]!r:.100})")
    variables = _inside(library, layer, "vars")
    for name in sorted(variables, key=lambda name: (len(name), name)):
        dataset = _inside(library, variables, name)
        if isinstance(dataset, library.Dataset) and dataset.dtype.kind in "iu":  # Normalization counts, lookups number
            raise ModelFileError(f"has the layer {layer.name!r:.100}, whose arrays no layer of nnlite takes")
        if not isinstance(dataset, library.Dataset) or dataset.dtype.kind != "f":
            raise ModelFileError(f"is damaged: {variables.name}/{name:.20} is not an array of floats")
        if dataset.external or dataset.is_virtual or dataset.chunks is not None:
            raise ModelFileError(f"is damaged: {dataset.name} is compressed or lies in another file")
        left[0] -= dataset.nbytes
        if left[0] < 0:
            raise ModelFileError(f"is damaged: {dataset.name} claims more numbers than the file has")
        yield np.asarray(dataset[()])


@contextlib.contextmanager
def naming(path: str) -> Iterator[None]:
    """Let each ModelFileError in the block begin with the path."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error.__cause__
