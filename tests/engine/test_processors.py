"""Kernels for processors with smaller registers, AVX2 and SSE2, in processes that take the place of such processors."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba")

from nnlite.engine.intrinsics import X86

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not X86, reason="these are processors of another kind")]

PROCESSORS = {  # bytes of a register, and what must not occur in the code
    "haswell": (32, ("zmm",)),
    "nehalem": (16, ("zmm", "ymm", "vfmadd")),
}
TESTS = "test_a_network_for_images or float64 and (test_a_layer_agrees_forward or test_an_optimizer_agrees[ or "
TESTS += "test_an_output_and_its_cost or test_any_shape)"

LOOK = """
import sys
from nnlite.engine import kernels
from nnlite.engine.compiler import Compiler
from nnlite.engine.processor import processor

assert processor().vector_bytes == int(sys.argv[1]), processor()
for dtype in "float32", "float64":
    compiler, texts = Compiler(dtype, processor()), []

    class Machine:
        emit_object = staticmethod(lambda code, real=compiler.machine: texts.append(real.emit_assembly(code)) or b"")

    compiler.machine = Machine
    compiler.tiles()
    for name in "adam", "tanh_forward", "dense_forward", "batch_norm_backward":
        compiler.kernel(name)
    assert "xmm" in texts[0]
    for word in sys.argv[2:]:
        assert word not in "".join(texts), word
"""


@pytest.fixture(params=PROCESSORS)
def on(request, as_on):
    """Run Python as on that processor; it must succeed."""

    def run(*arguments):
        command = [sys.executable, *arguments]
        environment = os.environ | as_on(request.param)
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1800)
        assert ran.returncode == 0, (ran.stdout + ran.stderr)[-5000:]

    run.name = request.param
    return run


def test_its_code_uses_the_registers_of_the_processor_and_no_others(on):
    size, without = PROCESSORS[on.name]
    on("-c", LOOK, str(size), *without)


def test_its_kernels_agree_with_the_textbook(on):
    files = [str(Path(__file__).with_name(name)) for name in ("test_kernels.py", "test_image_kernels.py")]
    on("-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", "-m", "slow or not slow", "-k", TESTS, *files)
