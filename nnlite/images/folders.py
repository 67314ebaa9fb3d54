"""Which picture files a folder has, and which class and part (training, validation, test) each belongs to.

Hidden files and what systems leave behind (.DS_Store, Thumbs.db) are passed over. Everything else that cannot be used
is a fault, by its path, so that nothing is lost in silence.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nnlite.errors import DataFileError
from nnlite.images.decoding import ENDINGS
from nnlite.tables.cells import sorted_names

LEFT_BEHIND = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r")
PARTS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
EMPTY = "is a class folder without pictures"
DEEPEST = 20  # folders within folders


class Picture(NamedTuple):
    """A picture file and the name of its class; None if it has none."""

    path: str
    label: str | None


class Fault(NamedTuple):
    """What cannot be used, and why."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def check_folder(folder: str) -> None:
    """Raise DataFileError unless there is a folder of that name; that it is no file is known."""
    if not os.path.isdir(folder):
        exists = os.path.exists(folder)
        what = "is neither a file nor a folder" if exists else "there is no such file or folder"
        raise DataFileError(f"{folder}: {what}")


def parts_of(folder: str) -> dict[str, str]:
    """Return the folders of the parts by what they are, "train", "validation", "test"; {} if there are no parts.

    A folder is a part if it has such a name, and folders in it but no pictures. (So a class may be called "train".)

    Raises
    ------
    DataFileError
        If there are parts without a training part, two folders for one part, a link for a folder, or other folders
        beside parts.
    """
    found: dict[str, str] = {}
    others = []
    for name in folders_in(folder):
        part = next((part for part, names in PARTS.items() if name.lower() in names), None)
        path = os.path.join(folder, name)
        if part is None or not folders_in(path) or pictures_in(path):
            others.append(name)
        elif part in found:
            raise DataFileError(f"{folder}: has two folders for {part}: {os.path.basename(found[part])} and {name}")
        elif os.path.islink(path):
            raise DataFileError(f"{path}: is a link to a folder, which is not followed")
        else:
            found[part] = path
    if not found:
        return {}
    names = ", ".join(map(os.path.basename, found.values()))
    if "train" not in found:
        raise DataFileError(f"{folder}: has {names}, but no folder train")
    if others:
        raise DataFileError(f"{folder}: expected {names} alone, or class folders alone; it also has {_shown(others)}")
    return found


def has_classes(folder: str) -> bool:
    """Return whether a folder has class folders in it, rather than pictures."""
    return bool(folders_in(folder)) and not pictures_in(folder)


def pictures_by_class(folder: str, faults: list[Fault]) -> list[Picture]:
    """Return the pictures in the class folders of a folder, class by class, in the order of their names.

    Folders within a class folder belong to the class.
    """
    found = []
    faults += [Fault(path, "lies beside the class folders") for path in pictures_in(folder)]
    for name in sorted_names(folders_in(folder)):
        inside = os.path.join(folder, name)
        if os.path.islink(inside):
            faults.append(Fault(inside, "is a link to a folder, which is not followed"))
            continue
        paths = list(_walk(inside, os.path.realpath(folder), faults))
        if not paths and not any(fault.path.startswith(inside + os.sep) for fault in faults):
            faults.append(Fault(inside, EMPTY))
        found += [Picture(path, name) for path in paths]
    return found


def pictures_without_class(folder: str, faults: list[Fault]) -> list[Picture]:
    """Return all pictures in a folder and in the folders within it."""
    return [Picture(path, None) for path in _walk(folder, os.path.realpath(folder), faults)]


# ---- what is in a folder --------------------------------------------------------------------------------------------


def folders_in(folder: str) -> list[str]:
    """Return the names of the folders in a folder, sorted."""
    return [name for name in _names(folder) if os.path.isdir(os.path.join(folder, name))]


def pictures_in(folder: str) -> list[str]:
    """Return the paths of the files in a folder whose names are those of pictures, sorted."""
    paths = [os.path.join(folder, name) for name in _names(folder) if name.lower().endswith(ENDINGS)]
    return [path for path in paths if not os.path.isdir(path)]


def _names(folder: str) -> list[str]:
    try:
        names = os.listdir(folder)
    except OSError as error:
        raise DataFileError(f"{folder}: cannot be read ({error.strerror or error})") from error
    return sorted(name for name in names if not name.startswith(".") and name.lower() not in LEFT_BEHIND)


def _walk(folder: str, root: str, faults: list[Fault], depth: int = 0) -> Iterator[str]:
    """Yield the paths of the pictures in a folder and in those within it."""
    for name in _names(folder):
        path = os.path.join(folder, name)
        reason = _why_not(path, root)
        if reason:
            faults.append(Fault(path, reason))
        elif not os.path.isdir(path):
            yield path
        elif depth == DEEPEST:
            faults.append(Fault(path, f"is more than {DEEPEST} folders deep"))
        else:
            yield from _walk(path, root, faults, depth + 1)


def _why_not(path: str, root: str) -> str:
    """Return why a file or folder cannot be used; "" if it can."""
    if os.path.islink(path):
        if not os.path.exists(path):
            return "is a link to nothing"
        if os.path.isdir(path):
            return "is a link to a folder, which is not followed"
        if os.path.commonpath([root, os.path.realpath(path)]) != root:
            return "is a link that leads out of the folder"
    if os.path.isdir(path) or path.lower().endswith(ENDINGS):
        return ""
    return "is no picture file, by its name"


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
