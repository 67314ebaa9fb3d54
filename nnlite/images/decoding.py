"""One picture from a file, by Pillow: its header, and its pixels as bytes.

Files may come from strangers. The number of pixels is known from the header, and limited, before anything is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.content import open_file
from nnlite.errors import DataFileError
from nnlite.extras import require

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "PPM")
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".pbm")
MOST_PIXELS = 2**26  # of a picture: 8192 x 8192; a file of some kilobytes may claim to have more
ORIENTATION = 0x0112  # the tag of EXIF
SIDEWAYS = (5, 6, 7, 8)  # its values that exchange rows and columns
DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I")  # modes of gray pictures with 16 bits


class Header(NamedTuple):
    """What a file says about its picture: rows, columns (as it is seen), and whether it is gray."""

    size: tuple[int, int]
    is_gray: bool


def require_pillow() -> Any:
    """Return Pillow; ImportError names the extra if it is not installed."""
    return require("PIL.Image", "images", "nnlite.load_images")


def read_header(path: str) -> Header:
    """Return what a file says about its picture, without decoding it.

    Raises
    ------
    DataFileError
        If it is no picture, or too large.
    """
    with _opened(path) as image:
        columns, rows = image.size
        if image.getexif().get(ORIENTATION) in SIDEWAYS:
            rows, columns = columns, rows
        return Header((rows, columns), _is_gray(image))


def read_pixels(path: str, image_shape: tuple[int, ...]) -> Array:
    """Return the pixels of a picture as bytes, gray (H, W) or in color (H, W, 3), resized if it has another size.

    It is turned as its camera says (EXIF); transparent parts are white; 16 bits become 8. Resizing does not keep the
    proportions.

    Raises
    ------
    DataFileError
        If it is no picture, too large or damaged.
    """
    with _opened(path) as image:
        from PIL import Image, ImageOps

        seen = _on_white(_in_8_bits(ImageOps.exif_transpose(image), path))
        seen = seen.convert("L" if len(image_shape) == 2 else "RGB")
        rows, columns = image_shape[:2]
        if seen.size != (columns, rows):
            seen = seen.resize((columns, rows), Image.Resampling.BILINEAR)
        return np.array(seen, np.uint8)


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    """Open a picture. What Pillow raises in the block, for it may be anything, becomes a DataFileError."""
    Image = require_pillow()
    with open_file(path) as file:
        try:
            image = Image.open(file, formats=FORMATS)
            _check(image, path)
            yield image
        except (DataFileError, MemoryError):
            raise
        except Image.UnidentifiedImageError:
            file.seek(0)
            what = "is no picture in a known format (PNG, JPEG, ...)" if file.read(1) else "is empty"
            raise DataFileError(f"{path}: {what}") from None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise DataFileError(f"{path}: claims to have more than {MOST_PIXELS:,} pixels") from None
        except Exception as error:
            text = " ".join(str(error).split()) or type(error).__name__
            raise DataFileError(f"{path}: is damaged ({text:.200})") from error


def _check(image: Any, path: str) -> None:
    columns, rows = image.size
    if rows * columns > MOST_PIXELS:
        raise DataFileError(f"{path}: has {rows} x {columns} pixels, more than {MOST_PIXELS:,}")
    if image.mode == "F":
        raise DataFileError(f"{path}: has fractions as pixels, expected whole numbers")
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":  # of a camera: a photo, and a small or second one
        raise DataFileError(f"{path}: has {image.n_frames} frames, expected a single picture")


def _is_gray(image: Any) -> bool:
    if image.mode == "P":
        palette = np.reshape(image.getpalette() or [], (-1, 3))
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", *DEEP)


def _in_8_bits(image: Any, path: str) -> Any:
    """Return a gray picture of 16 bits as one of 8: ``round(255 v / 65535)``; others as they are."""
    if image.mode not in DEEP:
        return image
    from PIL import Image

    values = np.asarray(image).astype(np.int64)
    if values.size and not (values.min() >= 0 and values.max() <= 65535):
        raise DataFileError(f"{path}: has gray values from {values.min()} to {values.max()}, expected at most 16 bits")
    return Image.fromarray(((255 * values + 32767) // 65535).astype(np.uint8))


def _on_white(image: Any) -> Any:
    """Return a picture without transparency: on white."""
    if not image.has_transparency_data:
        return image
    from PIL import Image

    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")
