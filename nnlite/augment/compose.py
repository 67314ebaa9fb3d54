"""Several augmentations, one after the other."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nnlite.augment.base import Augmentation, Batch
from nnlite.augment.cuts import Crop, Cutout, Flip
from nnlite.augment.elastic import Elastic
from nnlite.augment.geometry import Rotate, Scale, Shear, Shift, Warp
from nnlite.augment.images import check_image_shape
from nnlite.augment.mixup import Mixup
from nnlite.augment.warps import warp
from nnlite.errors import ArgumentError
from nnlite.words import spelled

KNOWN = (Crop, Cutout, Elastic, Flip, Mixup, Rotate, Scale, Shear, Shift)
BY_NAME = {cls.__name__: cls for cls in KNOWN}


class Compose(Augmentation):
    """Several augmentations, one after the other.

    Those that move pixels (`Shift`, `Rotate`, `Scale`, `Shear`, `Elastic`) and follow one another are one
    interpolation: so they are faster, and blur an image once.

    Parameters
    ----------
    augmentations : sequence of Augmentation or str
        A name, such as "rotate", is the augmentation with its defaults.
    image_shape : (int, int) or (int, int, int), optional
        Rows and columns, and channels, if the examples are rows of pixels. By default that of a `Compose` inside.

    Raises
    ------
    ArgumentError
        If an argument has a wrong value.

    Notes
    -----
    In such a chain of moves, the displacement of `Elastic` belongs to the pixel of the last image.

    Examples
    --------
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> augment = nn.augment.Compose([nn.augment.Rotate(10), nn.augment.Crop(1)], image_shape=(8, 8))
    >>> history = model.fit(digits.X_train, digits.y_train, epochs=2, augment=augment)
    """

    def __init__(self, augmentations: Sequence[Augmentation | str], image_shape: Any = None) -> None:
        if isinstance(augmentations, (str, Augmentation)) or not isinstance(augmentations, Iterable):
            raise ArgumentError(f"augmentations: expected a list of augmentations, got {augmentations!r}")
        self.augmentations = tuple(check_augmentation(one, "augmentations") for one in augmentations)
        if not self.augmentations:
            raise ArgumentError("augmentations: expected at least one augmentation, got an empty list")
        inner = (getattr(one, "image_shape", None) for one in self.augmentations)
        shape = next(filter(None, inner), None) if image_shape is None else image_shape
        if shape is not None:
            check_image_shape(shape)
        self.image_shape = shape if shape is None else tuple(shape)
        self.mixes = any(one.mixes for one in self.augmentations)  # type: ignore[misc]

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return the batch after all augmentations."""
        M, H, W, _ = batch.images.shape
        for fill, group in itertools.groupby(self.augmentations, key=_fill_of_warp):
            if fill is None:
                for augmentation in group:
                    batch = augmentation.augment(batch, rng)
            else:
                moves = [augmentation.draw(M, H, W, rng) for augmentation in group if isinstance(augmentation, Warp)]
                batch = batch._replace(images=warp(batch.images, moves, fill))
        return batch

    def __call__(self, X: Any, y: Any = None, *, seed: Any = None, image_shape: Any = None) -> Any:
        """Return augmented copies of images, as `Augmentation.__call__` does; image_shape is its own by default."""
        return super().__call__(X, y, seed=seed, image_shape=self.image_shape if image_shape is None else image_shape)

    def __repr__(self) -> str:
        shape = "" if self.image_shape is None else f", image_shape={self.image_shape}"
        return f"Compose([{', '.join(map(repr, self.augmentations))}]{shape})"


def _fill_of_warp(augmentation: Augmentation) -> float | str | None:
    """Return what an augmentation that moves pixels fills with: such ones in a row are one interpolation; None else.

    A user's subclass may do more than move pixels.
    """
    if not isinstance(augmentation, Warp):
        return None
    cls = type(augmentation)
    return augmentation.fill if cls.apply is Warp.apply and cls.augment is Augmentation.augment else None


def check_augmentation(augmentation: Any, name: str = "augment") -> Augmentation:
    """Return an augmentation, or the one of a name with its defaults; ArgumentError for anything else."""
    if isinstance(augmentation, Augmentation):
        return augmentation
    if isinstance(augmentation, str) and (found := spelled(augmentation, BY_NAME)) is not None:
        return BY_NAME[found]()
    hint = f"; choose from {', '.join(key.lower() for key in BY_NAME)}" if isinstance(augmentation, str) else ""
    if isinstance(augmentation, type) and issubclass(augmentation, Augmentation):
        hint = f"; write {augmentation.__name__}()"
    raise ArgumentError(
        f"{name}: expected augmentations such as nn.augment.Rotate(15), got {augmentation!r:.100}{hint}"
    )


def check_augment(augment: Any) -> Compose | None:
    """Return what ``fit(augment=...)`` got as a `Compose`; None stays None.

    Parameters
    ----------
    augment : Augmentation, str, sequence of them, or None
    """
    if augment is None or isinstance(augment, Compose):
        return augment
    if isinstance(augment, (list, tuple)):
        if not augment:
            raise ArgumentError("augment: expected at least one augmentation, got an empty list")
        return Compose([check_augmentation(one) for one in augment])
    return Compose([check_augmentation(augment)])
