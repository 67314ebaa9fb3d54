"""What the figures were measured on."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.frameworks import FRAMEWORKS
from benchmarks.processes import ROOT, environment
from nnlite.engine import openblas

# what decides how fast NumPy's, PyTorch's or XLA's products are, if someone has set it
TELLING = (
    openblas.KERNELS, openblas.TIMEOUT, "OMP_WAIT_POLICY", "KMP_BLOCKTIME", "XLA_FLAGS",
    "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "MALLOC_ARENA_MAX", "LD_PRELOAD",
)  # fmt: skip


def describe(frameworks: Sequence[str]) -> dict[str, Any]:
    """Processor, cores, memory, system, versions, threads and the time of day."""
    versions = {"numpy": importlib.metadata.version("numpy")}
    for framework in frameworks:
        versions |= FRAMEWORKS[framework].versions()
    given = environment()
    if "jax" in versions:
        versions["jaxlib"] = importlib.metadata.version("jaxlib")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": openblas.processors(),
        "memory_GiB": _memory_GiB(),
        "system": _system(),
        "python": platform.python_version(),
        "versions": versions,
        "commit": _commit(),
        "environment": {name: value for name, value in given.items() if name in TELLING},
        "set_by_nnlite": {name: value for name, value in openblas.settings().items() if name not in given},
        "date": datetime.datetime.now().astimezone().isoformat(timespec="minutes"),
    }


def _commit() -> str:
    """Of nnlite's checkout; empty where git does not say."""
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.check_output([*git, "rev-parse", "--short", "HEAD"], stderr=subprocess.DEVNULL, text=True)
        changed = subprocess.check_output([*git, "status", "--porcelain", "-uno"], stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return commit.strip() + " with changes" * bool(changed)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    found = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    wide = " with AVX-512" if "avx512f" in found.get("flags", "") else ""
    return found.get("model name", platform.machine()) + wide


def _memory_GiB() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = f"{platform.system()} {platform.mac_ver()[0]}".strip()
    return f"{name}, kernel {platform.release()}"
