"""The processor at hand: its name, the size of its registers, the number of threads to use.

LLVM knows the name and the registers. The cache keeps what it said, so that later processes need not load it.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import platform

from nnlite.engine import cache, llvm
from nnlite.engine.shapes import Processor
from nnlite.errors import ArgumentError


@functools.cache
def processor() -> Processor:
    """Return the processor of this machine, or the one that NUMBA_CPU_NAME names."""
    kept = cache.read(cache.PROCESSOR)
    if kept is not None:
        name, features, size, registers = kept.decode().splitlines()
        return Processor(name, features, int(size), int(registers))
    return _look_up()


def keep() -> None:
    """Keep what LLVM knows of the processor beside the kernels, if it is not there."""
    if cache.read(cache.PROCESSOR) is None:
        cache.write(cache.PROCESSOR, "\n".join(map(str, processor())).encode())


def _look_up() -> Processor:
    """Return the processor, as LLVM knows it."""
    host, host_features = llvm.host()
    name = os.environ.get("NUMBA_CPU_NAME") or host
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = host_features if name == host else ""
    size = _vector_bytes(name, features)
    many = size == 64 or platform.machine().lower() in ("aarch64", "arm64")
    return Processor(name, features, size, 32 if many else 16)


def _vector_bytes(name: str, features: str) -> int:
    """Find the size of a register in the code of an addition of 16 numbers."""
    code = """
    define void @f(ptr %p) {
      %x = load <16 x float>, ptr %p
      %y = fadd <16 x float> %x, %x
      store <16 x float> %y, ptr %p
      ret void
    }"""
    assembly = llvm.assembly_code(code, name, features)
    return 64 if "zmm" in assembly else 32 if "ymm" in assembly else 16


def available_threads() -> int:
    """Return how many threads this process can run at once: its affinity, and the quota of its container."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(affinity, _quota())))


@functools.cache
def second_cache() -> int:
    """Return the size of the second cache of a core, in bytes; a common size if the system does not tell."""
    with (
        contextlib.suppress(OSError, ValueError, KeyError, IndexError),
        open("/sys/devices/system/cpu/cpu0/cache/index2/size") as file,
    ):
        text = file.read().strip()
        return int(text[:-1]) * {"K": 2**10, "M": 2**20}[text[-1]]
    return 2**20


def _quota() -> float:
    """Return the processors that the container allows (cgroup v2 or v1), or infinity."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            limit, period = file.read().split()
        return math.inf if limit == "max" else int(limit) / int(period)
    except (OSError, ValueError):
        pass
    try:
        with open("/sys/fs/cgroup/cpu/cpu.cfs_quota_us") as file:
            quota = int(file.read())
        with open("/sys/fs/cgroup/cpu/cpu.cfs_period_us") as file:
            return quota / int(file.read()) if quota > 0 else math.inf
    except (OSError, ValueError):
        return math.inf


def wanted_threads() -> int | None:
    """Return the number of threads in NNLITE_NUM_THREADS, or None."""
    text = os.environ.get("NNLITE_NUM_THREADS", "").strip()
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentError(f"NNLITE_NUM_THREADS: expected an integer of at least 1, got {text!r}")
    return int(text)
