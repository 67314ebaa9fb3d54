"""Matrix products by Intel's MKL, from the package ``mkl`` on PyPI."""

from __future__ import annotations

import ctypes
import importlib.metadata

from benchmarks.networks import Network
from benchmarks.products import Products


def library() -> ctypes.CDLL:
    """Return MKL's library, which chooses its kernels for the processor at hand."""
    files = importlib.metadata.files("mkl") or []
    (path,) = [file.locate() for file in files if file.name.startswith(("libmkl_rt.", "mkl_rt."))]
    return ctypes.CDLL(str(path))


def seconds_of_products(network: Network, steps: int) -> float:
    """Return the seconds of the matrix products alone of ``steps`` steps."""
    return Products(library().cblas_sgemm, ctypes.c_int, network).seconds(steps)
