"""Run directories: where ``nnlite train`` writes, and what the other commands read."""

from __future__ import annotations

import glob
import itertools
import json
import os
import shlex
import shutil
from collections.abc import Mapping
from typing import Any, NamedTuple

from nnlite.atomic import write_whole
from nnlite.errors import ArgumentError, DataFileError
from nnlite.model import Model, load
from nnlite.storage.directory import LOCK
from nnlite.version import __version__

FORMAT = "nnlite run"
TABLES = (".csv", ".tsv", ".txt", ".parquet", ".feather", ".arrow", ".xlsx")
LARGEST_CONFIG = 2**20  # bytes
MODEL, HISTORY, CONFIG, RESULTS, REPORT = "model.npz", "history.csv", "config.json", "results.json", "report.html"


class Config(NamedTuple):
    """What ``config.json`` says.

    Attributes
    ----------
    options : dict
        All options of the training, with the values that were used.
    engine : str
        "textbook" or "compiled".
    threads : int
        Number of threads of a compiled training, on which the last bits depend; 0 for the textbook.
    sha256 : mapping of str to str
        Checksums of the data files.
    command : str
        The command that repeats the run.
    """

    options: dict[str, Any]
    engine: str = ""
    threads: int = 0
    sha256: Mapping[str, str] = {}
    command: str = ""

    def write(self, directory: str) -> None:
        """Write ``config.json``."""
        content = {"format": FORMAT, "version": 1, "nnlite": __version__, **self._asdict()}
        write_whole(os.path.join(directory, CONFIG), (json.dumps(content, indent=2) + "\n").encode())


def read_config(path: str) -> Config:
    """Return what a ``config.json`` says, given by its name or by its run directory."""
    name = os.path.join(path, CONFIG) if os.path.isdir(path) else path
    content = read_json(name)
    if content.get("format") != FORMAT or not isinstance(content.get("options"), dict):
        raise DataFileError(f"{name}: is not the config.json of a run")
    fields = {field: content[field] for field in Config._fields if field in content}
    return Config(**fields)


def has_config(directory: str) -> bool:
    """Return whether a run directory has a ``config.json``."""
    return os.path.isfile(os.path.join(directory, CONFIG))


def read_json(name: str) -> dict[str, Any]:
    """Return the object in a JSON file; DataFileError if there is none."""
    with open(name, "rb") as file:
        raw = file.read(LARGEST_CONFIG + 1)
    try:
        content = json.loads(raw) if len(raw) <= LARGEST_CONFIG else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DataFileError(f"{name}: expected a JSON object of at most {LARGEST_CONFIG:,} bytes")
    return content


def command(directory: str) -> str:
    """Return the command that repeats the run of a directory."""
    return f"nnlite train --config {shlex.quote(os.path.join(directory, CONFIG))}"


# ---- directories ----------------------------------------------------------------------------------------------------


def run_directory(out: str | None, name: str, resume: bool) -> str:
    """Return the run directory, which is created if it does not exist.

    By default it is the next free of runs/NAME-1, runs/NAME-2, ..., or with ``resume`` the last that exists.
    """
    if out is not None:
        return _given_directory(out, resume)
    if resume and (last := last_run(name)) is not None:
        return last
    os.makedirs("runs", exist_ok=True)
    for number in itertools.count(1):
        directory = os.path.join("runs", f"{name}-{number}")
        try:
            os.mkdir(directory)
        except FileExistsError:
            continue
        break
    return directory


def last_run(name: str) -> str | None:
    """Return the last of runs/NAME-1, runs/NAME-2, ...; None if there is none."""
    entries = os.listdir("runs") if os.path.isdir("runs") else []
    suffixes = [entry.removeprefix(f"{name}-") for entry in entries if entry.startswith(f"{name}-")]
    numbers = [int(suffix) for suffix in suffixes if suffix.isdecimal()]
    return os.path.join("runs", f"{name}-{max(numbers)}") if numbers else None


def _given_directory(out: str, resume: bool) -> str:
    try:
        os.makedirs(out, exist_ok=True)
    except OSError as error:
        raise ArgumentError(f"--out: cannot create the directory {out!r} ({error.strerror})") from None
    if not resume and glob.glob(os.path.join(glob.escape(checkpoints(out)), "*.npz")):
        raise ArgumentError(f"--out: {out!r} has a training already; continue it with --resume, or choose another")
    return out


def remove_unused(directory: str) -> None:
    """Remove a run directory in which no training has begun."""
    inside = [os.path.join(folder, name) for folder, _, names in os.walk(directory) for name in names]
    if {os.path.basename(name) for name in inside} <= {CONFIG, LOCK}:
        shutil.rmtree(directory, ignore_errors=True)


def checkpoints(directory: str) -> str:
    """Return the directory of the checkpoints of a run."""
    return os.path.join(directory, "checkpoints")


# ---- reading --------------------------------------------------------------------------------------------------------


def load_run(path: str, file: str | None = None) -> tuple[Model, Config | None]:
    """Return the network of a run directory or a model file, and the config of the run if there is one.

    ``file`` is the second argument of the command: ArgumentError if that is the run, and ``path`` is not.
    """
    if file is not None and _is_run(file) and not _is_run(path):
        order = f"{shlex.quote(file)} {shlex.quote(path)}"
        raise ArgumentError(f"RUN: the run comes first, then the file: {order}")
    if os.path.isfile(path) and path.lower().endswith(TABLES):
        raise ArgumentError(f"RUN: {path} is not a run; the run comes first, then the file")
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise FileNotFoundError(f"{path}: there is no such run directory or model file")
        folder = os.path.dirname(path)
        is_of_run = os.path.basename(path) == MODEL and os.path.isfile(os.path.join(folder, CONFIG))
        return load(path), read_config(os.path.join(folder, CONFIG)) if is_of_run else None
    name = os.path.join(path, MODEL)
    if not os.path.isfile(name):
        unfinished = os.path.isdir(checkpoints(path))
        hint = f"; its training is not complete: nnlite train --out {path} --resume" if unfinished else ""
        raise FileNotFoundError(f"{path}: is not a run directory, since it has no {MODEL}{hint}")
    has_config = os.path.isfile(os.path.join(path, CONFIG))
    return load(name), read_config(path) if has_config else None


def _is_run(path: str) -> bool:
    return os.path.isfile(os.path.join(path, MODEL)) if os.path.isdir(path) else path.endswith(MODEL)


def read_history(directory: str) -> dict[str, list[float]]:
    """Return the columns of ``history.csv``; DataFileError if it is damaged."""
    import csv

    name = os.path.join(directory, HISTORY)
    with open(name, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    try:
        return {key: [float(row[key]) for row in rows] for key in (rows[0] if rows else {}) if key != "epoch"}
    except (TypeError, ValueError, KeyError):
        raise DataFileError(f"{name}: expected a table of numbers, a row for each epoch") from None


def read_results(directory: str) -> Mapping[str, Any]:
    """Return the test scores of a run; empty if there are none."""
    name = os.path.join(directory, RESULTS)
    return read_json(name) if os.path.isfile(name) else {}
