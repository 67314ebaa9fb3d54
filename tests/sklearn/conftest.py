"""What the tests of the estimators need."""

import importlib.util

import pytest

if importlib.util.find_spec("sklearn") is None:
    collect_ignore_glob = ["*.py"]


@pytest.fixture(params=["textbook", pytest.param("compiled", marks=pytest.mark.slow)])
def engine(request, monkeypatch):
    """Run the test with both engines. The kernels for float64 are compiled for many seconds."""
    if request.param == "compiled":
        pytest.importorskip("numba")
    monkeypatch.setenv("NNLITE_ENGINE", request.param)
    return request.param
