"""nnlite on images with its compiled engine: the same ``fit``."""

from __future__ import annotations

from benchmarks.peers import images_own

PADDED = images_own.PADDED


class Training(images_own.Training):
    """As without Numba; `fit` chooses the compiled engine by itself, which is checked here."""

    engine = "compiled"
