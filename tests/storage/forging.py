"""Model files with any content, right or wrong, and what loading them does."""

import atexit
import hashlib
import io
import json
import shutil
import struct
import tempfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite.storage import npz

from ..support import Calls

MEGABYTE = 2**20
MOST_READ = 4  # times the file
MOST_CALLS = 1_000_000  # of functions
BESIDE = 8 * MEGABYTE  # memory for loading, in addition to four times the file: the largest header as Python objects

PATH = Path(tempfile.mkdtemp()) / "tried.npz"
atexit.register(shutil.rmtree, PATH.parent, True)


def make_model():
    """A small network with layers inside a layer, and a state."""
    residual = nn.Residual([nn.BatchNorm(), nn.Dense(3)])
    return nn.Model([nn.Dense(3), residual, nn.Dense(3), nn.Softmax()], n_features=4, seed=0)


MODEL = make_model()
MODEL.save(PATH)
GOOD = PATH.read_bytes()
with np.load(PATH) as _vectors:
    RAW_HEADER, THETA, STATE, SHA256 = (_vectors[name] for name in ("header", "theta", "state", "sha256"))
HEADER = json.loads(RAW_HEADER.tobytes())


def load(content, **options):
    """Load a model file with these bytes."""
    PATH.unlink(missing_ok=True)  # much faster than to overwrite a file
    PATH.write_bytes(content)
    return nn.load(PATH, **options)


class Counting(io.FileIO):
    """A file that counts the bytes that are read of all files of this kind."""

    n_read = 0

    def readinto(self, buffer):
        n = super().readinto(buffer)
        Counting.n_read += n
        return n


def refuse(content, match=None):
    """Check that loading these bytes is refused with a short message, after little work and in little memory."""
    Counting.n_read = 0
    tracemalloc.start()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(npz, "open", lambda path, mode: io.BufferedReader(Counting(path, mode)), raising=False)
            with pytest.raises(nn.ModelFileError, match=match) as caught, Calls() as calls:
                load(content)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert peak < 4 * len(content) + BESIDE
    assert min(1, len(content)) <= Counting.n_read <= MOST_READ * len(content) + MEGABYTE, Counting.n_read
    assert calls.n <= MOST_CALLS, calls.n
    assert message.startswith(f"{PATH}: ")
    assert len(message) < 1000 + len(str(PATH))


def is_refused_or_the_same(content):
    """Whether the bytes are refused, or mean the same as those of the good file."""
    try:
        return is_the_same(load(content))
    except nn.ModelFileError:
        return True


def is_the_same(model):
    """Whether this is the network in the good file."""
    return (
        repr(model) == repr(MODEL)
        and model.theta.tobytes() == MODEL.theta.tobytes()
        and model.state.tobytes() == MODEL.state.tobytes()
        and model.seed == MODEL.seed
    )


# ---- making files --------------------------------------------------------------------------------------------------


def forge(header=HEADER, theta=THETA, state=STATE, **others):
    """The bytes of a file with these vectors and, unless another is given, the right checksum."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    vectors = {"header": np.frombuffer(raw, np.uint8), "theta": theta, "state": state}
    digest = hashlib.sha256(b"".join(vector.tobytes() for vector in vectors.values())).digest()
    vectors |= {"sha256": np.frombuffer(digest, np.uint8)} | others
    return zipped([(f"{name}.npy", npy_of(vector)) for name, vector in vectors.items()])


def npy_of(vector):
    """The bytes of an ``.npy`` file with this vector."""
    dictionary = f"{{'descr': '{vector.dtype.str}', 'fortran_order': False, 'shape': ({len(vector)},), }}\n"
    return npy(dictionary, vector.tobytes())


def npy(dictionary, data=b"", version=b"\1\0"):
    """The bytes of an ``.npy`` file with any header."""
    text = dictionary.encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def zipped(members, compression=zipfile.ZIP_STORED):
    """The bytes of a zip with these pairs of name and content."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def members_of(content):
    """The pairs of name and content in a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def replaced(name, by):
    """The good file with other bytes in the member ``name``."""
    return zipped([(member, by if member == name else old) for member, old in members_of(GOOD)])
