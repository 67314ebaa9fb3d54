"""Facts about the memory of a training: freed memory is used again, and vectors are cut into pieces."""

import ctypes
import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnlite.engine import memory

from ..support import for_each, network

of_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library keeps memory by other rules")


# ---- memory that is used again --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def measured():
    """What a fresh process measures: in this one, the tests before have left holes in the memory."""
    script = Path(__file__).with_name("measure_memory.py")
    return json.loads(subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout)


@of_glibc
def test_inside_the_block_freed_memory_is_used_again(measured):
    assert measured["faults inside"] < measured["faults after"] / 10


@of_glibc
def test_after_the_block_freed_memory_goes_back_to_the_system(measured):
    assert measured["given back"] > measured["used"] / 2


def test_blocks_may_be_nested_and_the_last_one_returns_the_memory(monkeypatch):
    calls = []

    class Library:
        def mallopt(self, what, value):
            calls.append("mallopt")

        def malloc_trim(self, pad):
            calls.append("trim")

    monkeypatch.setattr(memory, "_glibc", Library)
    with memory.kept():
        with memory.kept():
            pass
        assert "trim" not in calls
    assert calls.count("trim") == 1


@of_glibc
def test_settings_of_the_user_are_left_alone():
    script = Path(__file__).with_name("measure_memory.py")
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "131072"}
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    measured = json.loads(ran.stdout)
    assert measured["faults inside"] > measured["faults after"] / 10


def test_an_error_in_the_block_is_raised_and_ends_it():
    with pytest.raises(KeyError), memory.kept():
        raise KeyError("x")


def elsewhere(monkeypatch, what):
    """The module as it is loaded on another system or with another C library."""
    spec = importlib.util.spec_from_file_location("nnlite.engine.elsewhere", memory.__file__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def missing(name):
        raise OSError("no C library")

    if what == "another system":
        monkeypatch.setattr(sys, "platform", "darwin")
    else:
        monkeypatch.setattr(ctypes, "CDLL", missing if what == "no C library" else lambda name: object())
    return module


@pytest.mark.parametrize("what", ["another system", "another C library", "no C library"])
def test_a_training_is_the_same_without_glibc(monkeypatch, what):
    X, y = np.random.default_rng(0).normal(size=(64, 4)), np.arange(64) % 3
    model, twin = network(dtype="float64"), network(dtype="float64")
    model.fit(X, y, epochs=2)
    monkeypatch.setattr(memory, "kept", elsewhere(monkeypatch, what).kept)
    twin.fit(X, y, epochs=2)
    np.testing.assert_array_equal(model.theta, twin.theta)


# ---- pieces ---------------------------------------------------------------------------------------------------


@for_each("start", [0, 7])
@for_each("n", [0, 1, memory.PIECE, memory.PIECE + 1, 2 * memory.PIECE, 5 * memory.PIECE + 3])
def test_pieces_cover_a_vector_once_and_in_order(start, n):
    pieces = list(memory.pieces(start, start + n))
    ends = [start, *(piece.stop for piece in pieces)]
    assert [piece.start for piece in pieces] == ends[:-1]
    assert ends[-1] == start + n


@pytest.mark.parametrize("n", [1, memory.PIECE, memory.PIECE + 1, 5 * memory.PIECE + 3])
def test_pieces_are_as_few_and_as_equal_as_possible(n):
    lengths = [piece.stop - piece.start for piece in memory.pieces(0, n)]
    assert max(lengths) <= memory.PIECE
    assert len(lengths) == -(-n // memory.PIECE)
    assert len(set(lengths[:-1])) <= 1
    assert 0 < lengths[-1] <= lengths[0]
