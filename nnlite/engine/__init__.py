"""Speed: everything that makes training fast on the processor at hand, and nothing that the equations need.

For the textbook: settings of OpenBLAS (`openblas`), memory (`memory`) and denormal numbers (`denormals`).

The compiled engine carries out a training as a list of instructions. Read it in this order:

1. `kernels` has the equations as loops, in the words of `language`. `functions` has exp and the like.
2. `tiles` writes the matrix products for the registers of the `processor`; `panels` is the order of matrices in memory.
3. `compiler` translates kernels with Numba and `intrinsics`; `cache` keeps the machine code; `library` finds it.
4. `support` and `optimizing` say which layers and rules have kernels; `choice` picks the engine.
5. `stages`, `parameters`, `updates` and `plan` turn a network into `instructions`; `trainer` and `team` carry them out.

The page "How the engine is fast" of the documentation explains why (docs/inside/engine.md).
"""
