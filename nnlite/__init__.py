# __init__.pyi lists the public names and the modules they live in.
"""Multilayer neural networks from scratch in NumPy.

>>> import nnlite as nn
>>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)

Public names and the modules they live in:

"""

import ast
import importlib
import pkgutil
import textwrap
from typing import Any

from nnlite.engine import openblas

openblas.prepare()

# The public names are listed once, in __init__.pyi, where type checkers and editors look for them. Each is imported
# when it is first used, so that `import nnlite` is as light as `import numpy`.
_homes = {
    alias.name: statement.module or ""
    for statement in ast.parse(pkgutil.get_data(__name__, "__init__.pyi") or b"").body
    if isinstance(statement, ast.ImportFrom)
    for alias in statement.names
}
__all__ = [name for name, home in _homes.items() if home != __name__ and name != "__version__"]
__doc__ = (__doc__ or "") + "\n".join(  # None under python -OO
    textwrap.fill(
        f"{home}: {', '.join(sorted(name for name in __all__ if _homes[name] == home))}", 100, subsequent_indent="    "
    )
    for home in sorted({_homes[name] for name in __all__})
)


def __getattr__(name: str) -> Any:
    if name not in _homes:
        if name.startswith("__"):  # asked by another library, which needs no hint
            raise AttributeError(f"module 'nnlite' has no attribute {name!r}")
        hint = importlib.import_module("nnlite.words").instead_of_name(name, __all__)
        unknown = importlib.import_module("nnlite.errors").UnknownNameError
        raise unknown(f"module 'nnlite' has no attribute {name!r}{hint}")
    if _homes[name] == __name__:
        return importlib.import_module(f"{__name__}.{name}")
    value = globals()[name] = getattr(importlib.import_module(_homes[name]), name)
    return value


def __dir__() -> list[str]:
    return list(_homes)
