"""Augmentation: training images as they could have been, drawn anew in every epoch.

``model.fit(X, y, augment=[nn.augment.Rotate(15), nn.augment.Shift(2)])`` augments the batches of a training. Each of
these can also be called with an array.
"""

from nnlite.augment.base import Augmentation
from nnlite.augment.compose import Compose
from nnlite.augment.cuts import Crop, Cutout, Flip
from nnlite.augment.elastic import Elastic
from nnlite.augment.geometry import Rotate, Scale, Shear, Shift
from nnlite.augment.mixup import Mixup

__all__ = [
    "Augmentation",
    "Compose",
    "Crop",
    "Cutout",
    "Elastic",
    "Flip",
    "Mixup",
    "Rotate",
    "Scale",
    "Shear",
    "Shift",
]


def __dir__() -> list[str]:
    return __all__
