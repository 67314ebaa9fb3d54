"""LLVM, which makes the machine code: what nnlite asks it for. It is imported when it is asked.

Kernels in the cache are used without it (see `machine_code`), since loading it takes 50 MB and a tenth of a second.
"""

from __future__ import annotations

import os
import threading
from typing import Any

lock = threading.RLock()  # is held while kernels are compiled or loaded


def host() -> tuple[str, str]:
    """Return the name and the features of the processor of this machine, as LLVM calls them."""
    with lock:
        from llvmlite import binding

        return binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()


def target_machine(name: str, features: str) -> Any:
    """Return LLVM's code generator for a processor."""
    with lock:
        from llvmlite import binding

        binding.initialize_native_target()
        binding.initialize_native_asmprinter()
        target = binding.Target.from_triple(binding.get_process_triple())
        return target.create_target_machine(cpu=name, features=features, opt=3, jit=True)


def object_code(assembly: str, name: str, features: str) -> bytes:
    """Translate a module in LLVM's own language to object code."""
    with lock:
        from llvmlite import binding

        return bytes(target_machine(name, features).emit_object(binding.parse_assembly(assembly)))


def assembly_code(assembly: str, name: str, features: str) -> str:
    """Translate a module in LLVM's own language to the processor's, as text."""
    with lock:
        from llvmlite import binding

        return str(target_machine(name, features).emit_assembly(binding.parse_assembly(assembly)))


if hasattr(os, "register_at_fork"):  # a child must not inherit a kernel that is half compiled, nor a lock that is taken
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
