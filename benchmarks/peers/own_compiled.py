"""nnlite with its compiled engine, which ``pip install nnlite[fast]`` brings: the same ``fit``."""

from __future__ import annotations

from benchmarks.peers import own


class Training(own.Training):
    """As without Numba; `fit` chooses the compiled engine by itself, which is checked here."""

    engine = "compiled"


predictor = own.predictor
