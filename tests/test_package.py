"""The package as a whole: what it exports, what importing it costs, and that imports run one way."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import nnlite as nn

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "nnlite").rglob("*.py"))


def imports(path):
    """The nnlite modules that a file imports when it is loaded (not for type checkers, not inside functions)."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nnlite"):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def test_every_public_name_is_there_and_listed_once_for_each_reader():
    tree = ast.parse((ROOT / "nnlite" / "__init__.py").read_text(encoding="utf-8"))
    (for_type_checkers,) = [node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name)]
    typed = [alias.name for node in for_type_checkers.body for alias in node.names]
    assert sorted(nn.__all__) == sorted(typed) == sorted(nn._HOME)
    for name in nn.__all__:
        assert getattr(nn, name).__doc__, name
    assert set(nn.__all__) <= set(dir(nn))


def test_an_unknown_name_is_an_attribute_error():
    assert not hasattr(nn, "Convolution")


def test_importing_loads_nothing_heavy():
    code = "import sys, nnlite; nnlite.Model; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"matplotlib", "tqdm", "numpy.random", "urllib.request", "gzip", "IPython"} & set(loaded)


def test_the_core_depends_on_numpy_matplotlib_and_tqdm_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert [requirement.split(">")[0] for requirement in project["dependencies"]] == ["numpy", "matplotlib", "tqdm"]


def test_imports_run_one_way():
    modules = {module_name(path): path for path in SOURCES}
    needs = {name: {m for m in imports(path) if m in modules and m != name} for name, path in modules.items()}
    while free := {name for name, needed in needs.items() if not needed & needs.keys()}:
        for name in free:
            del needs[name]
    assert not needs  # what is left imports itself in a circle


def test_the_wheel_has_the_types():
    assert (ROOT / "nnlite" / "py.typed").exists()
