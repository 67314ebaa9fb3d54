"""What OpenBLAS, in which NumPy makes its matrix products, is told before it is loaded."""

import os
import sys
from collections.abc import Mapping
from itertools import takewhile

TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
KERNELS = "OPENBLAS_CORETYPE"
THREADS = ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS")  # the first with a number counts

added: set[str] = set()  # variables that `prepare` has set, since the user had not
rounding = ""  # what decides about the last digits of products: the kernels, and how many threads share one


def prepare() -> None:
    """Set what makes trainings faster, unless NumPy is there already; what the user has set stays."""
    global rounding  # noqa: PLW0603
    if "numpy" not in sys.modules:
        for name, value in settings().items():
            if name not in os.environ:
                os.environ[name] = value
                added.add(name)
    rounding = _rounding()


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _rounding() -> str:
    """The value of `rounding`."""
    kernels = f"{KERNELS}={os.environ[KERNELS]}" if os.environ.get(KERNELS) else "OpenBLAS's own choice of kernels"
    given = (int(os.environ[name]) for name in THREADS if os.environ.get(name, "").isdecimal())
    n = min(next(filter(None, given), processors()), processors())
    return f"{kernels} and {n} thread{'s' * (n > 1)}"


def settings() -> dict[str, str]:
    """Environment variables for this machine.

    OpenBLAS's threads wait for the next product in a loop, for 2^26 cycles by default, in which they take a processor
    from the threads that share an optimizer's work. 2^19 is a fifth of a millisecond: shorter, and they have to be
    woken for many a product; longer, and they are in the optimizer's way.

    On Zen 4 it chooses the kernels for AVX-512. These processors work off 512 bits in two halves: the kernels for AVX2,
    which it has for their predecessors (and for Intel's Haswell), are a tenth faster.
    """
    found = {TIMEOUT: "19"}
    if _is_zen_4(_first_processor()):
        found[KERNELS] = "Zen"
    return found


def _first_processor() -> dict[str, str]:
    """What Linux says of the first processor; nothing on other systems."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            lines = takewhile(str.strip, file)  # an empty line ends it
            return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    except (OSError, UnicodeDecodeError):
        return {}


def _is_zen_4(processor: Mapping[str, str]) -> bool:
    """Whether it is of AMD's family 25 (Zen 3 and 4) and has AVX-512 (not Zen 3)."""
    family = processor.get("vendor_id"), processor.get("cpu family")
    return family == ("AuthenticAMD", "25") and "avx512f" in processor.get("flags", "").split()
