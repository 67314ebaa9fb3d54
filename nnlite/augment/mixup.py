"""Mixup: pairs of examples are mixed, and their targets too."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import numpy as np

from nnlite import checks
from nnlite.augment.base import Augmentation, Batch
from nnlite.errors import ArgumentError


class Mixup(Augmentation):
    r"""Mix each example with another of its batch: ``x <- l x + (1 - l) x'``, ``y <- l y + (1 - l) y'``.

    ``l ~ Beta(alpha, alpha)`` is drawn for each example. Targets become probabilities of classes. It is for networks
    that classify.

    Parameters
    ----------
    alpha : float, default 0.2
        Above 0. Small: most examples stay nearly as they are; 1: l is uniform.

    Raises
    ------
    ArgumentError
        If ``alpha`` is not above 0.

    Notes
    -----
    With weights w of the examples, the cost is that of both examples: the weight becomes
    ``l w + (1 - l) w'`` and the target ``(l w y + (1 - l) w' y') / (l w + (1 - l) w')``. The accuracy that `fit`
    reports counts a mixed example as right if the network finds the class with the larger part.

    References
    ----------
    H. Zhang et al., "mixup: Beyond empirical risk minimization", 2018.

    Examples
    --------
    >>> import nnlite as nn
    >>> X, Y = nn.augment.Mixup(1.0)([[[0.0]], [[10.0]]], [[1.0, 0.0], [0.0, 1.0]], seed=3)
    >>> X.round(2).tolist(), Y.round(3).tolist()
    ([[[7.34]], [[1.79]]], [[0.266, 0.734], [0.821, 0.179]])
    """

    mixes = True

    def __init__(self, alpha: float = 0.2) -> None:
        self.alpha = checks.real("alpha", alpha, above=0)

    def augment(self, batch: Batch, rng: np.random.Generator) -> Batch:
        """Mix the examples of a batch in pairs."""
        x, Y, w = batch
        if Y is None:
            raise ArgumentError(f"y: {self} mixes targets too, and got none")
        M = len(x)
        share = rng.beta(self.alpha, self.alpha, M)
        partner = rng.permutation(M)
        l = share.astype(x.dtype)[:, None, None, None]
        images = l * x + (1 - l) * x[partner]
        own, other = share, 1 - share
        if w is not None:
            own, other = share * w, (1 - share) * w[partner]
            w = own + other
            total = np.where(w > 0, w, 1)
            own, other = np.where(w > 0, own / total, 1), other / total
        mixed = own[:, None] * Y + other[:, None] * Y[partner]
        return Batch(images, mixed.astype(Y.dtype, copy=False), w)
