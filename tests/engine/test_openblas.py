"""Facts about the settings of OpenBLAS, which are made before NumPy loads it."""

import os
import subprocess
import sys

import pytest

from nnlite.engine import openblas

ZEN_4 = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
flags\t\t: fpu avx2 avx512f avx512dq

processor\t: 1
vendor_id\t: GenuineIntel
cpu family\t: 6
"""


def environment_after(code, **given):
    """The variables of OpenBLAS in the environment of a program after it has run ``code``."""
    show = "print(*(f'{name}={value}' for name, value in os.environ.items() if name.startswith('OPENBLAS')), sep='\\n')"
    program = f"import os\n{code}\n{show}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OPENBLAS")}
    run = subprocess.run([sys.executable, "-c", program], env=clean | given, capture_output=True, text=True, check=True)
    return dict(pair.split("=") for pair in run.stdout.splitlines() if pair)


@pytest.fixture
def cpuinfo(monkeypatch, tmp_path):
    """Let /proc/cpuinfo have another text."""

    def say(text):
        path = tmp_path / "cpuinfo"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        monkeypatch.setattr("builtins.open", lambda _, *args, real=open, **kwargs: real(path, *args, **kwargs))

    return say


def test_the_settings_are_made_if_nnlite_is_imported_before_numpy():
    assert environment_after("import nnlite, numpy") == openblas.settings()


def test_nothing_is_set_if_numpy_is_imported_before():
    assert environment_after("import numpy, nnlite") == {}


def test_settings_of_the_user_stay():
    given = {openblas.KERNELS: "Haswell", openblas.TIMEOUT: "26"}
    assert environment_after("import nnlite", **given) == given


ASK_OPENBLAS = """
import nnlite, numpy as np, ctypes, pathlib
W = np.eye(300, dtype=np.float32)
assert (W @ W == W).all()
libraries = (pathlib.Path(np.__file__).parent.parent / "numpy.libs").glob("libscipy_openblas64_*.so")
for library in libraries:
    name = ctypes.CDLL(str(library)).scipy_openblas_get_corename64_
    name.restype = ctypes.c_char_p
    os.environ["OPENBLAS_SAYS"] = name().decode()
"""


@pytest.mark.parametrize(
    ("given", "taken"), [("Nehalem", "Nehalem"), ("Sandybridge", "Sandybridge"), ("Zen", "Haswell")]
)
def test_openblas_takes_the_kernels_of_the_variable(given, taken):
    said = environment_after(ASK_OPENBLAS, **{openblas.KERNELS: given}).get("OPENBLAS_SAYS")
    if said is None:
        pytest.skip("this NumPy has another OpenBLAS")
    assert said in (given, taken)


def test_unknown_kernels_raise_no_error():
    environment_after(ASK_OPENBLAS, **{openblas.KERNELS: "no such kernels"})


@pytest.mark.parametrize(
    ("environment", "rounding"),
    [
        ({}, "OpenBLAS's own choice of kernels and 8 threads"),
        ({openblas.KERNELS: "Zen", "OMP_NUM_THREADS": "3"}, "OPENBLAS_CORETYPE=Zen and 3 threads"),
        ({"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "1"}, "OpenBLAS's own choice of kernels and 1 thread"),
        ({"OPENBLAS_NUM_THREADS": "0", "OMP_NUM_THREADS": "3"}, "OpenBLAS's own choice of kernels and 3 threads"),
        ({"OMP_NUM_THREADS": "many"}, "OpenBLAS's own choice of kernels and 8 threads"),
        ({"OPENBLAS_NUM_THREADS": "99"}, "OpenBLAS's own choice of kernels and 8 threads"),
    ],
)
def test_rounding_names_the_kernels_and_the_number_of_threads(monkeypatch, environment, rounding):
    monkeypatch.setattr(openblas, "processors", lambda: 8)
    monkeypatch.setattr(openblas, "rounding", "")
    for name in (openblas.KERNELS, *openblas.THREADS):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    openblas.prepare()
    assert openblas.rounding == rounding


def test_zen_4_gets_the_kernels_of_zen_2_and_3(cpuinfo):
    cpuinfo(ZEN_4)
    assert openblas.settings() == {openblas.TIMEOUT: "19", openblas.KERNELS: "Zen"}


@pytest.mark.parametrize(
    "text",
    [
        ZEN_4.replace("AuthenticAMD", "GenuineIntel"),
        ZEN_4.replace("25", "26"),  # Zen 5, which has units of 512 bits
        ZEN_4.replace("avx512f", ""),  # Zen 3
        ZEN_4.replace("flags", "features"),
        "",
        "\n",
        "no colon",  # nor an empty line at its end
        b"\xff\xfe",
    ],
)
def test_other_processors_get_the_kernels_that_openblas_chooses(cpuinfo, text):
    cpuinfo(text)
    assert openblas.settings() == {openblas.TIMEOUT: "19"}


def test_systems_without_cpuinfo_get_the_kernels_that_openblas_chooses(monkeypatch):
    def missing(*args, **kwargs):
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert openblas.settings() == {openblas.TIMEOUT: "19"}
