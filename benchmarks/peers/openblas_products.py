"""Matrix products by the OpenBLAS that NumPy has, with the kernels that nnlite chooses for it."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

from benchmarks.networks import Network
from benchmarks.products import Products


def library() -> ctypes.CDLL:
    """Return NumPy's OpenBLAS, which lies beside NumPy in its wheels for Linux and Windows, and within it for macOS."""
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in folder.glob("*openblas64*"):
            return ctypes.CDLL(str(path))
    raise FileNotFoundError("this NumPy comes without OpenBLAS")


def seconds_of_products(network: Network, steps: int) -> float:
    """Return the seconds of the matrix products alone of ``steps`` steps."""
    return Products(library().scipy_cblas_sgemm64_, ctypes.c_int64, network).seconds(steps)
