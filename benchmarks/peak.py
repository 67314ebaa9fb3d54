"""The most memory that this process has held. The standard library is all that it imports."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def peak_MiB() -> float:
    """MiB at the peak of this process.

    On Linux the kernel's own figure of this program (``VmHWM``): what ``getrusage`` gives there begins with the memory
    of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
