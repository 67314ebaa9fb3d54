"""Call a kernel by itself, on vectors."""

import numpy as np

from nnlite.engine.language import KERNELS, NOW_WORDS, OPERANDS, SIZES, WORDS
from nnlite.engine.library import library


def call(name, dtype, *operands):
    """Carry out a kernel on blocks (vectors of equal length) and numbers, in the order of its parameters."""
    kernels, blocks = library(dtype), [x for x in operands if isinstance(x, np.ndarray)]
    op, at = np.zeros(WORDS, np.int64), OPERANDS
    op[0], op[1] = kernels.address(name), blocks[0].size
    for kind, operand in zip(filter(None, KERNELS[name].kinds.values()), operands, strict=True):
        if kind == "block":
            assert operand.dtype == dtype
            op[at] = operand.ctypes.data
        else:
            op[at : at + 1].view(np.float64)[...] = operand
        at += SIZES[kind]
    unused, now = np.zeros(2, np.int64), np.zeros(NOW_WORDS, np.int64)
    kernels.function(name)(unused.ctypes.data, unused.ctypes.data, op.ctypes.data, now.ctypes.data, 0, 1, 0)
