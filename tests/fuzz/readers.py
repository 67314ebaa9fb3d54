"""The readers of files as functions of bytes: each returns what was read, or None if the file was refused."""

import atexit
import gzip
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np

import nnlite as nn
from nnlite.datasets.idx import read_idx
from nnlite.errors import DataFileError, ModelFileError
from nnlite.storage import npz
from nnlite.tables import load_csv

CORPUS = Path(__file__).resolve().parent / "corpus"
# thousands of files are written, so use a file system in memory if there is one
FOLDER = Path(tempfile.mkdtemp(dir=None if os.environ.get("TMPDIR") or not os.path.isdir("/dev/shm") else "/dev/shm"))
PATH = FOLDER / "tried"
atexit.register(shutil.rmtree, FOLDER, True)


def make_model():
    """Return a small network with all that a file can hold: nested layers, a state, class names, tuples."""
    layers = [nn.Dense(2, nn.Constant(0.5)), nn.Residual([nn.BatchNorm(), nn.Dropout(0.5)]), nn.Reshape((2,))]
    model = nn.Model([*layers, nn.Dense(2), nn.Softmax()], n_features=2, seed=0)
    model.class_names = ("no", "yes")
    return model


make_model().save(PATH)
MODEL = PATH.read_bytes()
with np.load(PATH) as vectors:
    HEADER, THETA, STATE = vectors["header"].tobytes(), vectors["theta"], vectors["state"]


def forge(header):
    """Return a model file with this header, whose other members and checksum are right."""
    members = {"header": np.frombuffer(header, np.uint8), "theta": THETA, "state": STATE}
    npz.write(file := io.BytesIO(), members)
    return file.getvalue()


def read_model(content):
    """Read a network from a model file."""
    PATH.write_bytes(content)
    try:
        model = nn.load(PATH)
    except ModelFileError:
        return None
    assert isinstance(model, nn.Model)
    assert model.theta.nbytes + model.state.nbytes <= len(content)
    return model


def read_header(content):
    """Read a network from a model file with the header ``content`` and otherwise right."""
    return read_model(forge(content))


def read_images(content):
    """Read images of 2 x 3 pixels from an IDX file."""
    try:
        images = read_idx(io.BytesIO(content), "file", (2, 3))
    except DataFileError:
        return None
    assert images.shape[1:] == (2, 3)
    assert images.dtype == np.uint8
    return images


OPTIONS = [
    {},
    {"target": None, "delimiter": ";"},
    {"target": 0, "header": False},
    {"encoding": "latin-1", "classification": True},
    {"encoding": "utf-16", "delimiter": ";"},
    {"classification": False, "dtype": "float64"},
]


def read_table(content):
    """Read a table from a CSV file with each of several options, and return the first that succeeds."""
    PATH.write_bytes(content)
    tables = [table for table in map(read_table_with, OPTIONS) if table is not None]
    return tables[0] if tables else None


def read_table_with(options):
    """Read a table from the file with these options."""
    try:
        table = load_csv(PATH, **options)
    except DataFileError:
        return None
    assert np.isfinite(table.X).all()
    assert table.y is None or (table.y.shape == table.X.shape[:1] and np.isfinite(table.y).all())
    assert not table.class_names or set(table.y.tolist()) == set(range(len(table.class_names)))
    return table


READERS = {"model": read_model, "header": read_header, "idx": read_images, "csv": read_table}

_idx = b"\0\0\x08\3" + np.array([3, 2, 3], ">u4").tobytes() + bytes(range(18))
_csv = 'a,"b, c",y\n1.5,-2e3,cat\r\n.25,0,"dog, large"\n\n 3 ,4,cat\n'
SEEDS = {
    "model": [MODEL],
    "header": [HEADER, json.dumps(json.loads(HEADER), indent=1).encode()],
    "idx": [_idx, gzip.compress(_idx, mtime=0), gzip.compress(_idx[:9], mtime=0) + gzip.compress(_idx[9:], mtime=0)],
    "csv": [
        _csv.encode(),
        gzip.compress(_csv.encode(), mtime=0),
        b"1,2,0\n3,4,1\n5,6,1\n",
        b"7;1.5;1\n8;2.5;0\n",
        "\ufeffx,y\n1,0.5\n2,1\n".encode(),
        "1;2;ä\n3;4;ö\n".encode("utf-16"),
    ],
}
TOKENS = {
    "model": [b"PK\1\2", b"PK\5\6", b"PK\6\6", b"'|O'", b"(9999999999,)", b"\xff\xff\xff\xff"],
    "header": [
        b'{"layer":"Dense","arguments":{"units":99999}}',
        b"1e999",
        b"-1",
        b"null",
        b"[[[[[[[[",
        b"true",
        b'"os"',
    ],
    "idx": [b"\0\0\x08\3", b"\xff\xff\xff\xff", b"\x1f\x8b\x08"],
    "csv": [b",", b'"', b"\n", b"\r\n", b"nan", b"1e999", b"\0", b"\xff", b",,,,", b"1_0", b"\xef\xbb\xbf"],
}


def seeds(kind):
    """Return good files, and those of the corpus that once reached new code."""
    return SEEDS[kind] + [path.read_bytes() for path in sorted((CORPUS / kind).iterdir())]


def mutated(content, kind, rng):
    """Return ``content`` with one to three random changes."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 4))):
        place = int(rng.integers(len(changed) + 1))
        length = int(rng.integers(1, 24))
        token = TOKENS[kind][int(rng.integers(len(TOKENS[kind])))]
        source = int(rng.integers(len(changed) + 1))
        change = int(rng.integers(8))
        if change <= 1 and place < len(changed):
            changed[place] ^= 1 << int(rng.integers(8))
        elif change == 2:
            del changed[place : place + length]
        elif change == 3:
            changed[place:place] = token
        elif change == 4:
            changed[place : place + len(token)] = token
        elif change == 5:
            changed[place:place] = changed[source : source + length]
        elif change == 6:
            changed[place : place + length] = rng.bytes(length)
        elif change == 7 and rng.integers(4) == 0:
            del changed[place:]
    return bytes(changed)
