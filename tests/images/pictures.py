"""Small picture files, written by Pillow, and some that are broken."""

import numpy as np

RNG = np.random.default_rng(0)
DARK, LIGHT = 40, 210


def gray(level, size=(6, 5)):
    """A gray picture about as light as ``level``, with some noise."""
    return np.clip(level + RNG.integers(-20, 21, size), 0, 255).astype(np.uint8)


def write(path, pixels, **options):
    """Write pixels as a picture; the ending says the format."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def write_classes(folder, n=6, names=("dark", "light"), levels=(DARK, LIGHT), size=(6, 5), ending=".png"):
    """Write a folder with n gray pictures for each class, and return all pixels by name."""
    found = {}
    for name, level in zip(names, levels, strict=True):
        for i in range(n):
            pixels = gray(level, size)
            write(folder / name / f"{i}{ending}", pixels)
            found[f"{name}/{i}"] = pixels
    return found
