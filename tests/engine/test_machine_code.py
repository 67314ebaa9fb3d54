"""Facts about object code that becomes functions in memory, with LLVM and without it."""

import ctypes
import math
import platform
import sys

import pytest

pytest.importorskip("numba")

from nnlite.engine import kernels, llvm, machine_code
from nnlite.engine.library import library

assert kernels  # registers them
SIMPLE = sys.platform == "linux" and platform.machine() == "x86_64"
CODE = """
@table = private constant [3 x double] [double 2.5, double -1.0, double 7.0]

declare double @exp(double)

define double @entry(i64 %i) {
  %place = getelementptr double, ptr @table, i64 %i
  %x = load double, ptr %place
  %y = call double @twice(double %x)
  %z = call double @exp(double %y)
  ret double %z
}

define double @twice(double %x) noinline {
  %y = fmul double %x, 2.0
  ret double %y
}

define i64 @pick(i64 %i) {
  switch i64 %i, label %others [ i64 0, label %a  i64 1, label %b  i64 2, label %c  i64 3, label %d  i64 4, label %e ]
a:
  ret i64 17
b:
  call void @nothing()
  ret i64 4
c:
  call void @nothing()
  ret i64 99
d:
  ret i64 -3
e:
  call void @nothing()
  ret i64 1000
others:
  ret i64 0
}

define void @nothing() noinline optnone {
  ret void
}
"""
GLOBAL = """
@counter = private global i64 5
define i64 @count() {
  %old = load i64, ptr @counter
  %new = add i64 %old, 1
  store i64 %new, ptr @counter
  ret i64 %new
}
"""
MISSING = """
declare void @nnlite_has_no_such_function()
define void @f() {
  call void @nnlite_has_no_such_function()
  ret void
}
"""


def compiled(text):
    """The object code of a module for this processor."""
    return llvm.object_code(text, *llvm.host())


@pytest.fixture
def llvm_is_used(monkeypatch):
    """The object codes that LLVM loads."""
    used, real = [], machine_code._loaded_by_llvm
    monkeypatch.setattr(machine_code, "_loaded_by_llvm", lambda code: used.append(code) or real(code))
    return used


@pytest.mark.parametrize("by_llvm", [False, True])
def test_functions_find_their_constants_each_other_and_the_c_library(by_llvm, llvm_is_used, monkeypatch):
    if by_llvm:
        monkeypatch.setattr(platform, "machine", lambda: "another")
    find = machine_code.load(compiled(CODE))
    entry = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(find("entry"))
    assert [entry(i) for i in range(3)] == [math.exp(5.0), math.exp(-2.0), math.exp(14.0)]
    pick = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(find("pick"))
    assert [pick(i) for i in range(-1, 6)] == [0, 17, 4, 99, -3, 1000, 0]
    assert bool(llvm_is_used) == (by_llvm or not SIMPLE)


def test_functions_with_memory_of_their_own_are_left_to_llvm(llvm_is_used):
    find = machine_code.load(compiled(CODE + GLOBAL))
    count = ctypes.CFUNCTYPE(ctypes.c_int64)(find("count"))
    assert [count() for _ in range(3)] == [6, 7, 8]
    assert llvm_is_used


@pytest.mark.skipif(not SIMPLE, reason="LLVM loads all code here")
@pytest.mark.parametrize(
    "damaged",
    [
        lambda code: b"",
        lambda code: code[:30],
        lambda code: b"\x7fELF\x01" + code[5:],
        lambda code: code[:18] + b"\xb7" + code[19:],  # ARM
        lambda code: compiled(MISSING),
    ],
    ids=["empty", "short", "32 bits", "another processor", "a function that nobody has"],
)
def test_what_is_not_simple_is_not_loaded_half(damaged):
    with pytest.raises(machine_code.NotSimpleError):
        machine_code._placed(damaged(compiled(CODE)))


@pytest.mark.skipif(not SIMPLE, reason="LLVM loads all code here")
@pytest.mark.parametrize("refused", ["mmap", "mprotect"])
def test_a_system_that_forbids_it_leaves_it_to_llvm(refused, llvm_is_used, monkeypatch):
    real = machine_code._c_library()

    class Refusing:
        mmap = staticmethod((lambda *a: ctypes.c_void_p(-1).value) if refused == "mmap" else real.mmap)
        mprotect = staticmethod((lambda *a: -1) if refused == "mprotect" else real.mprotect)

    monkeypatch.setattr(machine_code, "_c_library", lambda: Refusing)
    find = machine_code.load(compiled(CODE))
    assert ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64)(find("entry"))(1) == math.exp(-2.0)
    assert len(llvm_is_used) == 1


@pytest.mark.skipif(not SIMPLE, reason="LLVM loads all code here")
def test_code_is_executable_and_cannot_be_written():
    address = machine_code.load(compiled(CODE))("twice")
    with open("/proc/self/maps", encoding="ascii") as file:
        for line in file:
            limits, rights = line.split()[:2]
            start, stop = (int(limit, 16) for limit in limits.split("-"))
            if start <= address < stop:
                assert rights == "r-xp"
                return
    raise AssertionError("the code is nowhere")


@pytest.mark.skipif(not SIMPLE, reason="LLVM loads all code here")
def test_kernels_are_simple(llvm_is_used):
    library("float64").address("softmax_labels")
    library("float64").address("adam")
    assert not llvm_is_used
