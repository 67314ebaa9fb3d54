"""The base class of all augmentations."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from typing import Any, ClassVar, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.augment.images import as_floats, image_form, in_dtype
from nnlite.checks import Array
from nnlite.draws import generator
from nnlite.errors import ArgumentError
from nnlite.words import Explained


class Batch(NamedTuple):
    """A batch on its way through augmentations.

    Attributes
    ----------
    images : ndarray, (M, H, W, C)
        float32 or float64.
    Y : ndarray or None, (M, n[L])
        Targets as rows; None if no augmentation needs them.
    weights : ndarray or None, (M,)
        Weights of the examples in the cost; None stands for 1.
    """

    images: Array
    Y: Array | None = None
    weights: Array | None = None


class Augmentation(Explained):
    """Base class of the augmentations: images as they could have been, drawn anew in every epoch.

    A subclass overrides `apply`. ``__init__`` stores its arguments under their own names.

    Attributes
    ----------
    mixes : bool
        Class attribute: whether it changes targets too, as `Mixup` does.

    Notes
    -----
    ``model.fit(X, y, augment=[...])`` augments each training batch, in several threads: `apply` keeps nothing on the
    object. An augmentation can also be called with an array:
    ``augmentation(X, seed=0)`` returns augmented copies.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> class Brightness(nn.augment.Augmentation):
    ...     "x <- (1 + u) x, with u uniform in [-most, most] for each image"
    ...
    ...     def __init__(self, most=0.2):
    ...         self.most = most
    ...
    ...     def apply(self, images, rng):
    ...         u = rng.uniform(-self.most, self.most, (len(images), 1, 1, 1))
    ...         return images * (1 + u)
    >>> Brightness()(np.ones((2, 8, 8)), seed=0)[:, 0, 0].round(3)
    array([1.055, 0.908])
    """

    mixes: ClassVar[bool] = False

    def apply(self, images: Array, rng: np.random.Generator) -> Array:
        """Return augmented images, new ones of the same shape.

        Parameters
        ----------
        images : ndarray, (M, H, W, C)
            float32 or float64; must not be written to.
        rng : numpy.random.Generator
            The only source of randomness. The same state gives the same images.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define apply(images, rng)")

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Return an augmented batch; by default its images go through `apply`."""
        given = batch.images.view()
        given.flags.writeable = False  # they may be the user's own
        images = self.apply(given, rng)
        if np.shape(images) != given.shape:
            raise ArgumentError(
                f"augment: {self}: apply must return images of the same shape {given.shape}, got {np.shape(images)}"
            )
        images = np.asarray(images, given.dtype)
        return batch._replace(images=images.copy() if np.may_share_memory(images, given) else images)

    def __call__(
        self,
        X: Any,
        y: Any = None,
        *,
        seed: int | np.random.Generator | None = None,
        image_shape: tuple[int, ...] | None = None,
    ) -> Any:
        """Return augmented copies of images, in the dtype of X.

        Parameters
        ----------
        X : array_like, (M, H, W), (M, H, W, C) or (M, H W C)
        y : array_like, (M, C), optional
            Targets as rows, which `Mixup` mixes; others leave them as they are.
        seed : int or numpy.random.Generator, optional
            The same seed gives the same images. By default each call gives others.
        image_shape : (int, int) or (int, int, int), optional
            Rows and columns, and channels; needed if X has rows of pixels.

        Returns
        -------
        ndarray, of the shape of X; with ``y``, the pair (X, y)

        Raises
        ------
        ArgumentError
            If X are no images, or ``y`` is missing or no rows where targets are mixed.
        """
        array = checks.numeric_array("X", X)
        if array.ndim < 2 or array.size == 0:
            raise ArgumentError(f"X: expected images of shape (M, H, W) or (M, H, W, C), got shape {array.shape}")
        checks.finite("X", array)
        form = image_form(array.shape[1:], image_shape)
        Y = None if y is None else _check_rows(y, len(array))
        if self.mixes and Y is None:
            raise ArgumentError(f"y: {self} mixes targets too; pass rows (M, C), such as nn.one_hot(y, C)")
        rng: Any = seed if hasattr(seed, "bit_generator") else generator(seed)
        batch = self.augment(Batch(as_floats(form.images(array)), Y), rng)
        augmented = in_dtype(form.examples(batch.images), array.dtype)
        return augmented if y is None else (augmented, batch.Y)

    def __repr__(self) -> str:
        arguments = (f"{name}={_shown(value)}" for name, value in vars(self).items() if not name.startswith("_"))
        return f"{type(self).__name__}({', '.join(arguments)})"


def _check_rows(y: Any, M: int) -> Array:
    """Return targets as rows of floats (M, C)."""
    rows = checks.floats("y", y)
    if rows.ndim != 2 or len(rows) != M:
        raise ArgumentError(f"y: expected rows of shape ({M}, C), such as nn.one_hot(y, C), got shape {rows.shape}")
    checks.finite("y", rows)
    return rows


def _shown(value: Any) -> str:
    """Return a value as text that is the same in every process."""
    return str(getattr(value, "__qualname__", None) or repr(value))


def interval(name: str, value: Any, most: float | None = None) -> tuple[float, float]:
    """Return (low, high) from a pair, or (-d, d) from a number d of at least 0 (and at most ``most``)."""
    if isinstance(value, (tuple, list)) and len(value) == 2:
        low, high = (checks.real(name, side) for side in value)
        if low <= high:
            return low, high
    elif not isinstance(value, (tuple, list)):
        d = checks.real(name, value, minimum=0, maximum=most)
        return -d, d
    raise ArgumentError(f"{name}: expected a number of at least 0 or a pair (low, high), got {value!r}")


def uniform(rng: np.random.Generator, low: float, high: float, shape: Any, dtype: Any = np.float64) -> Array:
    """Draw uniform numbers in [low, high): the same ones in float32 and float64, to rounding."""
    drawn: Array = low + (high - low) * rng.random(shape, np.float32).astype(dtype, copy=False)
    return drawn
