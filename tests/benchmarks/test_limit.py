"""Facts about the limit: every product of a step is made, whole, by threads that share the work."""

import ctypes
import importlib.metadata

import numpy as np
import pytest

from benchmarks import products
from benchmarks.frameworks import FRAMEWORKS
from benchmarks.networks import Network
from benchmarks.peers import openblas_products
from benchmarks.processes import Worker
from nnlite.engine import openblas

pytestmark = pytest.mark.slow

ODD = Network((7, 5, 3, 10), 9, "SGD", 0.1, 90, epochs=1)


@pytest.mark.parametrize("by_units", [True, False])
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_parts_of_the_threads_are_the_products_of_a_step(monkeypatch, by_units, n_threads):
    monkeypatch.setattr(openblas, "processors", lambda: n_threads)
    step = products.Products(openblas_products.library().scipy_cblas_sgemm64_, ctypes.c_int64, ODD)
    for *_, z, dW, da in step._layers:
        for array in (z, dW, da):
            array[...] = 0
    step._seconds(1, by_units)
    for number, (a, W, dz, z, dW, da) in enumerate(step._layers):
        np.testing.assert_allclose(z, a @ W, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(dW, a.T @ dz, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(da, dz @ W.T if number else np.zeros_like(da), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("library", ["mkl", "openblas"])
def test_a_library_computes_with_one_thread_on_each_core(library):
    framework = FRAMEWORKS[library]
    if framework.missing():
        pytest.skip(f"needs {framework.missing()}")
    assert set(framework.settings.values()) == {"1"}
    worker = Worker(framework)
    try:
        assert worker.ask("products", network=ODD, steps=2)["us"] > 0
    finally:
        worker.end()


def test_numpys_own_library_is_found():
    assert importlib.metadata.version("numpy")
    assert hasattr(openblas_products.library(), "scipy_cblas_sgemm64_")
