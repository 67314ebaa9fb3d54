"""Print what a fresh process measures of `nnlite.engine.memory.kept`, as JSON: run by test_memory.py."""

import json
import mmap
import resource

import numpy as np

from nnlite.engine import memory

MEGABYTES = 84  # in three arrays; glibc gives more than 64 MB of free memory back to the system by default


def use_and_free():
    """Write to every page of three arrays."""
    arrays = [np.empty(MEGABYTES // 3 * 2**20, np.uint8) for _ in range(3)]
    for array in arrays:
        array[::4096] = 1


def page_faults():
    """How often the system maps a page for `use_and_free`."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    use_and_free()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def resident():
    """Bytes of this process in memory."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * mmap.PAGESIZE


with memory.kept():
    use_and_free()
    faults_inside, bytes_inside = page_faults(), resident()
bytes_after = resident()
print(
    json.dumps(
        {
            "faults inside": faults_inside,
            "faults after": page_faults(),
            "given back": bytes_inside - bytes_after,
            "used": MEGABYTES * 2**20,
        }
    )
)
