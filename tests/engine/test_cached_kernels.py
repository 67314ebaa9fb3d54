"""Facts about kernels in several processes: the first one compiles them, the next ones load them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

from nnlite.engine import cache

from .conftest import ROOT
from .test_machine_code import SIMPLE

RUN_RELU = """
import numpy as np
from nnlite.engine import kernels
from nnlite.engine.language import KERNEL, OPERANDS, WIDTH, WORDS
from nnlite.engine.library import library

z = np.array([-1, 2], np.float32)
op, now = np.zeros(WORDS, np.int64), np.zeros(16, np.int64)
op[WIDTH], op[OPERANDS] = 2, z.ctypes.data
unused = np.zeros(2, np.int64).ctypes.data
relu = library("float32").function("relu_forward")
relu(unused, unused, op.ctypes.data, now.ctypes.data, 0, 1, 0)
print(z)
"""
HAS_NUMBA = "import sys; print('numba' in sys.modules)"
HAS_LLVM = "import sys; print('llvmlite' in sys.modules)"


@pytest.mark.slow
def test_the_first_process_says_what_it_waits_for_and_the_next_neither_waits_nor_loads_numba(python):
    out, err = python(RUN_RELU + HAS_NUMBA)
    assert out == "[0. 2.]\nTrue\n"
    assert err == "nnlite: compiling the engine for this processor, once ...\n"
    assert python(RUN_RELU + HAS_NUMBA) == ("[0. 2.]\nFalse\n", "")


@pytest.mark.slow
@pytest.mark.skipif(not SIMPLE, reason="LLVM loads the kernels here")
def test_a_process_that_finds_all_kernels_does_not_load_llvm(python):
    python(TRAIN, NNLITE_CACHE="")  # the cache of the user, which other tests fill
    assert python(TRAIN + HAS_LLVM, NNLITE_CACHE="") == ("False\n", "")


@pytest.mark.slow
def test_the_engine_compiles_although_numba_is_switched_off_for_the_users_functions(python):
    of_the_user = "import numba; print(numba.njit(lambda: 1).__class__.__name__)"
    assert python(RUN_RELU + of_the_user, NUMBA_DISABLE_JIT="1")[0] == "[0. 2.]\nfunction\n"


@pytest.mark.slow
def test_a_damaged_kernel_is_compiled_anew(python):
    python(RUN_RELU)
    for file in Path(cache.folder()).iterdir():
        file.write_bytes(file.read_bytes()[:-9])
    assert python(RUN_RELU)[0] == "[0. 2.]\n"
    assert python(RUN_RELU + HAS_NUMBA) == ("[0. 2.]\nFalse\n", "")


@pytest.mark.slow
def test_two_processes_at_once(python):
    command = [sys.executable, "-c", RUN_RELU]
    both = [
        subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate()[0] for process in both] == ["[0. 2.]\n"] * 2
    assert python(RUN_RELU + HAS_NUMBA) == ("[0. 2.]\nFalse\n", "")
    assert all(file.suffix == ".kernel" for file in Path(cache.folder()).iterdir())


TRAIN = """
import numpy as np, nnlite as nn
model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0, dtype="float64")
model.fit(np.eye(2), np.arange(2), epochs=1, progress=False, engine="compiled")
"""


@pytest.mark.slow
def test_a_training_without_progress_says_nothing(python):
    assert python(TRAIN) == ("", "")


@pytest.mark.slow
def test_nothing_is_written_into_the_package(python, places):
    package = places / "site-packages" / "nnlite"
    shutil.copytree(ROOT / "nnlite", package, ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted(package.rglob("*"))
    python(RUN_RELU, package=package.parent, PYTHONDONTWRITEBYTECODE="1")
    assert sorted(package.rglob("*")) == before


# ---- other processors --------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(("name", "size"), [("haswell", 32), ("nehalem", 16)])
def test_the_same_folder_serves_several_processors(python, name, size):
    if python("import platform; print(platform.machine())")[0] != "x86_64\n":
        pytest.skip("these are processors of another kind")
    show = "from nnlite.engine.processor import processor; print(processor().vector_bytes)"
    assert python(RUN_RELU)[0] == "[0. 2.]\n"
    assert python(RUN_RELU + show, NUMBA_CPU_NAME=name)[0] == f"[0. 2.]\n{size}\n"
    assert len(list(Path(cache.folder()).parent.iterdir())) == 2


@pytest.mark.slow
def test_kernels_run_if_nothing_can_be_kept(python):
    nowhere = "import os, tempfile; tempfile.tempdir = os.devnull\n"
    out, err = python(nowhere + RUN_RELU, NNLITE_CACHE=os.devnull)
    assert out == "[0. 2.]\n"
    assert err.startswith("nnlite: compiling the engine for this processor, in each process, since no cache folder")
    assert err.count("\n") == 1
