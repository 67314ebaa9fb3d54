"""Pictures from files as one array, in a common form; what cannot be used is named, all of it at once."""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.engine.processor import available_threads
from nnlite.errors import ArgumentError, DataFileError
from nnlite.images.decoding import Header, read_header, read_pixels, require_pillow
from nnlite.images.encoding import ImageEncoding, Shape
from nnlite.images.folders import (
    EMPTY,
    Fault,
    Picture,
    check_folder,
    has_classes,
    pictures_by_class,
    pictures_without_class,
)
from nnlite.progress import make_bar
from nnlite.tables.cells import canonical_label, sorted_names

MOST_BYTES = 2**34  # of all pixels together
SHOWN = 100  # faults in a message
ALIKE = 10  # so many equal faults in a folder are one line
UNKNOWN_CLASS = "the class "
BLOCK = 512  # files that threads get at once
COMMON = 0.5  # share of the pictures that must have the same size, so that the others are the faults

Item = TypeVar("Item")
Result = TypeVar("Result")


class Images(NamedTuple):
    """Pictures from files.

    Attributes
    ----------
    X : ndarray, (M, H, W) or (M, H, W, 3)
        uint8, black is 0 and white is 255. If a network said what they should be like: floats, as it takes them.
    y : ndarray of int64, (M,), or None
        Class indices; None if the pictures were not in class folders.
    class_names : tuple of str
        Empty if there are no classes.
    files : tuple of str
        The path of each picture.

    Examples
    --------
    >>> import nnlite as nn
    >>> images = nn.read_images("pets/")                  # doctest: +SKIP
    >>> images                                            # doctest: +SKIP
    Images(X (50, 64, 64, 3), 2 classes)
    """

    X: Array
    y: Array | None
    class_names: tuple[str, ...]
    files: tuple[str, ...]

    def __repr__(self) -> str:
        classes = f", {len(self.class_names)} classes" if self.y is not None else ""
        return f"Images(X {self.X.shape}{classes})"


class Form(NamedTuple):
    """What pictures should be: rows and columns, gray or not, None where the pictures decide; whether to resize."""

    size: tuple[int, int] | None
    grayscale: bool | None
    resize: bool


def read_images(
    path: Any,
    *,
    like: Any = None,
    size: Any = None,
    grayscale: bool | None = None,
    skip_bad: bool = False,
    progress: bool = True,
) -> Images:
    """Read pictures: a file, a list of files, or a folder, whose class folders give the labels if it has some.

    Parameters
    ----------
    path : path-like or sequence of them
        A picture, several, or a folder with pictures or with a folder of pictures for each class. Formats: PNG, JPEG,
        BMP, GIF, WebP, PPM.
    like : Model or Dataset, optional
        Size, gray or color, and the names of the classes are those of the network (``model.image_encoding``,
        ``model.class_names``) or of the data set.
    size : (int, int), optional
        Rows and columns that all pictures are resized to, without keeping their proportions. By default all pictures
        must have the same size.
    grayscale : bool, optional
        Gray (M, H, W) or in color (M, H, W, 3). By default gray if all pictures are.
    skip_bad : bool, default False
        Leave out what cannot be used, with a warning that names it, instead of raising an error.
    progress : bool, default True
        Show a progress bar in a terminal or a notebook.

    Returns
    -------
    Images

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.
    DataFileError
        If there are no pictures, or some cannot be used: damaged, no pictures, of another size, of an unknown class,
        links that lead out of the folder. The message names all of them.
    ImportError
        If Pillow is not installed (``pip install "nnlite[images]"``).

    Notes
    -----
    A picture is turned as its camera says (EXIF). Transparent parts become white. 16 bits become 8. The first and only
    frame of a GIF is read; a film is refused. A picture has at most 67 million pixels.

    Examples
    --------
    >>> import nnlite as nn
    >>> new = nn.read_images("new/", like=model)          # doctest: +SKIP
    >>> model.predict(new.X, names=True)                  # doctest: +SKIP
    array(['cat', 'dog', 'cat'], dtype='<U3')
    """
    form, names, encoding, input_shape = like_what(like)
    form = with_options(form, size, grayscale)
    skip_bad, progress = checks.boolean("skip_bad", skip_bad), checks.boolean("progress", progress)
    faults: list[Fault] = []
    where, pictures = _listed(path, faults)
    if names is not None:  # a folder may lack a class of the network
        faults = [fault for fault in faults if fault.reason != EMPTY]
    reader = Reader(where, form, skip_bad=skip_bad, progress=progress)
    pixels, kept = reader.read(pictures, faults, names)
    found = names or class_names_of(kept)
    y = None if not kept or kept[0].label is None else class_indices(kept, found)
    if encoding is not None and names is None and y is not None and like.n_classes not in (None, len(found)):
        raise ArgumentError(
            f"like: the network does not know the names of its {like.n_classes} classes, and {where} has "
            f"{len(found)} class folder{'s' * (len(found) > 1)}; set model.class_names"
        )
    X = pixels
    if encoding is not None:
        X = encoding.transform(pixels, input_shape=input_shape)
    return Images(X, y, found if y is not None else (), tuple(picture.path for picture in kept))


def like_what(like: Any) -> tuple[Form, tuple[str, ...] | None, ImageEncoding | None, Shape | None]:
    """Return the form, the names of the classes, and for a network its encoding and the shape of its input."""
    if like is None:
        return Form(None, None, False), None, None, None
    encoding = getattr(like, "image_encoding", None)
    if isinstance(encoding, ImageEncoding):
        form = Form(encoding.size, encoding.grayscale, encoding.resize)
        return form, like.class_names, encoding, like.input_shape
    shape = getattr(like, "image_shape", None)
    if shape is not None and hasattr(like, "class_names"):
        return Form(tuple(shape[:2]), len(shape) == 2, False), tuple(like.class_names) or None, None, None
    hint = "; set model.image_encoding = nn.ImageEncoding(...)" if hasattr(like, "image_encoding") else ""
    raise ArgumentError(
        f"like: expected a network that learned pictures or a data set of pictures, got {like!r:.100}{hint}"
    )


def with_options(form: Form, size: Any, grayscale: Any) -> Form:
    """Return the form with what the arguments ``size`` and ``grayscale`` say, where they say something."""
    if size is not None:
        if not isinstance(size, (tuple, list)) or len(size) != 2:
            raise ArgumentError(f"size: expected (rows, columns), got {size!r}")
        wanted = checks.integer("size", size[0]), checks.integer("size", size[1])
        if form.size is not None and form.size != wanted:
            raise ArgumentError(f"size: expected {form.size}, as in the training, got {size!r}")
        form = form._replace(size=wanted, resize=True)
    if grayscale is not None:
        wanted_gray = checks.boolean("grayscale", grayscale)
        if form.grayscale is not None and form.grayscale != wanted_gray:
            raise ArgumentError(f"grayscale: expected {form.grayscale}, as in the training, got {grayscale!r}")
        form = form._replace(grayscale=wanted_gray)
    return form


def _listed(path: Any, faults: list[Fault]) -> tuple[str, list[Picture]]:
    """Return what messages call the source, and its pictures."""
    if isinstance(path, (list, tuple)):
        if not path:
            raise ArgumentError("path: expected at least one picture, got an empty list")
        return f"{len(path)} files", [Picture(checks.path("path", one), None) for one in path]
    name = checks.path("path", path)
    if os.path.isfile(name):
        return name, [Picture(name, None)]
    check_folder(name)
    return name, (pictures_by_class if has_classes(name) else pictures_without_class)(name, faults)


def class_names_of(pictures: Iterable[Picture]) -> tuple[str, ...]:
    """Return the names of the classes of pictures, in their order."""
    return tuple(sorted_names({picture.label for picture in pictures if picture.label is not None}))


def class_indices(pictures: Sequence[Picture], names: Sequence[str]) -> Array:
    """Return the class of each picture as an index into ``names``."""
    place = {canonical_label(name): k for k, name in enumerate(names)} | {name: k for k, name in enumerate(names)}
    return np.array([place[_known(picture.label, place)] for picture in pictures], np.int64)


def _known(label: str | None, place: dict[str, int]) -> str:
    return str(label) if label in place else canonical_label(str(label))


class Reader:
    """Reads pictures in a common form.

    Parameters
    ----------
    where : str
        What messages call the source.
    form : Form
    skip_bad : bool
        Whether faults are a warning instead of an error.
    progress : bool
    """

    def __init__(self, where: str, form: Form, *, skip_bad: bool, progress: bool) -> None:
        self.where, self.form, self.skip_bad, self.progress = where, form, skip_bad, progress

    def read(
        self, pictures: Sequence[Picture], faults: list[Fault], names: Sequence[str] | None = None
    ) -> tuple[Array, list[Picture]]:
        """Return the pixels, and the pictures that could be read.

        Parameters
        ----------
        pictures : sequence of Picture
        faults : list of Fault
            Those that are known; those that are found are added.
        names : sequence of str, optional
            The only classes that there may be.

        Raises
        ------
        DataFileError
            If there are faults, unless they are skipped, or no pictures.
        """
        require_pillow()
        kept = [picture for picture in pictures if not self._is_unknown(picture, names, faults)]
        headers = self._each(read_header, kept, "looking at images", faults)
        kept = [picture for picture, header in zip(kept, headers, strict=True) if header is not None]
        shape, kept = self._shape(kept, [header for header in headers if header is not None], faults)
        if not kept:
            self._report(faults, 0)
            raise DataFileError(f"{self.where}: has no pictures (.png, .jpg, ...)")
        pixels = self._array(len(kept), shape)
        places: dict[str, list[int]] = {}  # a list may name a picture twice
        for i, picture in enumerate(kept):
            places.setdefault(picture.path, []).append(i)

        def read(path: str) -> bool:
            pixels[places[path]] = read_pixels(path, shape)
            return True

        done = np.array([result is not None for result in self._each(read, kept, "reading images", faults)])
        self._report(faults, int(done.sum()))
        if not done.all():
            pixels, kept = pixels[done], [picture for picture, right in zip(kept, done, strict=True) if right]
        return pixels, kept

    def _is_unknown(self, picture: Picture, names: Sequence[str] | None, faults: list[Fault]) -> bool:
        if names is None or picture.label is None or {picture.label, canonical_label(picture.label)} & set(names):
            return False
        shown = ", ".join(map(repr, names[:10])) + (", ..." if len(names) > 10 else "")
        faults.append(Fault(picture.path, f"{UNKNOWN_CLASS}{picture.label!r:.100} is not one of {shown}"))
        return True

    def _shape(
        self, pictures: list[Picture], headers: list[Header], faults: list[Fault]
    ) -> tuple[Shape, list[Picture]]:
        """Return the shape of every picture, and those that have it or will be resized."""
        size, is_gray = self.form.size, self.form.grayscale
        if is_gray is None:
            is_gray = all(header.is_gray for header in headers)
        if size is None and headers:
            counts = Counter(header.size for header in headers)
            size, n = counts.most_common(1)[0]
            if n < COMMON * len(headers):
                sizes = sorted(counts, key=math.prod)
                faults.append(
                    Fault(
                        self.where,
                        f"its pictures have {len(counts)} sizes, from {_size(sizes[0])} to {_size(sizes[-1])}; "
                        f"size=(rows, columns) resizes them",
                    )
                )
                raise DataFileError(_message(self.where, faults, len(headers)))
        if size is None:
            return (), []
        if not self.form.resize:
            right = [header.size == size for header in headers]
            as_what, cure = "as the others have", "size=(rows, columns) resizes it"
            if self.form.size is not None:
                as_what, cure = "as in the training", "a network that is trained with size=(rows, columns) resizes it"
            for picture, header, is_right in zip(pictures, headers, right, strict=True):
                if not is_right:
                    reason = f"has {_size(header.size)} pixels, expected {_size(size)}, {as_what}"
                    faults.append(Fault(picture.path, f"{reason}; {cure}"))
            pictures = [picture for picture, is_right in zip(pictures, right, strict=True) if is_right]
        return (size if is_gray else (*size, 3)), pictures

    def _array(self, n: int, shape: Shape) -> Array:
        n_bytes = n * math.prod(shape)
        try:
            if n_bytes > MOST_BYTES:
                raise MemoryError
            return np.empty((n, *shape), np.uint8)
        except MemoryError:
            raise DataFileError(
                f"{self.where}: {n:,} pictures of {_size(shape)} pixels take {n_bytes / 2**30:.1f} GiB; give a smaller "
                f"size=(rows, columns)"
            ) from None

    def _each(
        self, function: Callable[[str], Result], pictures: Sequence[Picture], what: str, faults: list[Fault]
    ) -> list[Result | None]:
        """Return ``function(path)`` of each picture, made in threads; None, and a fault, if it raised DataFileError."""
        from concurrent.futures import ThreadPoolExecutor

        def attempt(picture: Picture) -> Result | Fault:
            try:
                return function(picture.path)
            except DataFileError as error:
                return Fault(picture.path, str(error).removeprefix(f"{picture.path}: "))

        bar = make_bar(desc=what, total=len(pictures), unit=" images", leave=False) if self.progress else None
        results: list[Result | Fault] = []
        with contextlib.nullcontext() if bar is None else bar, ThreadPoolExecutor(available_threads()) as pool:
            for start in range(0, len(pictures), BLOCK):
                block = pictures[start : start + BLOCK]
                results += pool.map(attempt, block)
                if bar is not None:
                    bar.update(len(block))
        faults += [result for result in results if isinstance(result, Fault)]
        return [None if isinstance(result, Fault) else result for result in results]

    def _report(self, faults: list[Fault], n_good: int) -> None:
        """Raise DataFileError that names all faults, or warn of them."""
        if not faults:
            return
        message = _message(self.where, faults, n_good)
        if not self.skip_bad:
            raise DataFileError(f"{message}\n  skip_bad=True leaves them out")
        warnings.warn(f"left out: {message}", stacklevel=2)


def _message(where: str, faults: Sequence[Fault], n_good: int) -> str:
    lines = _in_lines(faults)
    more = f"\n  and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
    text = "".join(f"\n  {line}" for line in lines[:SHOWN])
    return f"{where}: {len(faults):,} cannot be used ({n_good:,} can):{text}{more}"


def _in_lines(faults: Sequence[Fault]) -> list[str]:
    """Return a line for each fault, or one with their number where many pictures of a folder have the same."""
    alike = Counter((os.path.dirname(fault.path), fault.reason) for fault in faults)
    lines: dict[str, None] = {}  # each once, in order
    for fault in faults:
        folder, n = os.path.dirname(fault.path), alike[os.path.dirname(fault.path), fault.reason]
        together = n >= (ALIKE if not fault.reason.startswith(UNKNOWN_CLASS) else 2)
        lines[f"{folder}: {n:,} files, each: {fault.reason}" if together else str(fault)] = None
    return list(lines)


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} x {shape[1]}"
