"""Settings of OpenBLAS, which computes NumPy's matrix products. They must be made before NumPy is loaded."""

import os
import sys
from collections.abc import Mapping
from itertools import takewhile

TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
KERNELS = "OPENBLAS_CORETYPE"
THREADS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")  # the first that is set counts

added: set[str] = set()  # variables that `prepare` has set
rounding = ""  # what decides the last digits of products: the kernels, and the number of threads


def prepare() -> None:
    """Set the environment variables of `settings`, unless NumPy is loaded already or the user has set them."""
    global rounding  # noqa: PLW0603
    if "numpy" not in sys.modules:
        for name, value in settings().items():
            if name not in os.environ:
                os.environ[name] = value
                added.add(name)
    rounding = _rounding()


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rounding() -> str:
    """Describe what decides the last digits of products."""
    kernels = f"{KERNELS}={os.environ[KERNELS]}" if os.environ.get(KERNELS) else "OpenBLAS's own choice of kernels"
    given = (int(os.environ[name]) for name in THREADS if os.environ.get(name, "").isdecimal())
    n = min(next(filter(None, given), processors()), processors())
    return f"{kernels} and {n} thread{'s' * (n > 1)}"


def settings() -> dict[str, str]:
    """Return the environment variables for this processor.

    The threads of OpenBLAS wait for the next product in a loop, by default for 2^26 cycles, and keep their processors
    busy meanwhile. 2^19 cycles, a fifth of a millisecond, are enough for the next product of the same step.

    On AMD Zen 4, OpenBLAS chooses its AVX-512 kernels. This processor splits operations of 512 bits in two: the AVX2
    kernels, made for Zen 2 and 3, are a tenth faster.
    """
    found = {TIMEOUT: "19"}
    if _is_zen_4(_first_processor()):
        found[KERNELS] = "Zen"
    return found


def _first_processor() -> dict[str, str]:
    """Return what Linux tells about the first processor; nothing on other systems."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = takewhile(str.strip, file)  # an empty line ends it
            return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    except (OSError, UnicodeDecodeError):
        return {}


def _is_zen_4(processor: Mapping[str, str]) -> bool:
    """Return whether it is a Zen 4: AMD's family 25 (Zen 3 and 4) with AVX-512, which Zen 3 lacks."""
    family = processor.get("vendor_id"), processor.get("cpu family")
    return family == ("AuthenticAMD", "25") and "avx512f" in processor.get("flags", "").split()
