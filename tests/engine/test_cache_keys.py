"""Facts about the key of the cache: it is another one if anything has changed that decides the machine code."""

import ast
import shutil
from pathlib import Path

import pytest

pytest.importorskip("numba")

from nnlite.engine import cache

from .conftest import ROOT

KEY = "from nnlite.engine import cache; print(cache.key())"


def test_the_key_is_the_same_in_each_process_and_another_for_each_processor(python):
    keys = [python(KEY)[0] for _ in range(2)] + [cache.key() + "\n"]
    assert len(set(keys)) == 1
    names = {} if python("import platform; print(platform.machine())")[0] != "x86_64\n" else {"haswell", "nehalem"}
    others = {python(KEY, NUMBA_CPU_NAME=name)[0] for name in names}
    assert len(others | set(keys)) == len(names) + 1


def test_settings_of_numba_that_change_the_code_change_the_key(python):
    keys = [python(KEY, **{name: "1"})[0] for name in ("NUMBA_NUM_THREADS", "NUMBA_OPT", "NUMBA_BOUNDSCHECK")]
    assert keys[0] == cache.key() + "\n"
    assert len(set(keys)) == 3


@pytest.mark.parametrize(
    ("file", "same"),
    [
        ("engine/kernels/rules.py", False),
        ("engine/functions.py", False),
        ("engine/compiler.py", False),
        ("version.py", False),
        ("engine/plan.py", True),
        ("layers/dense.py", True),
    ],
)
def test_a_change_of_what_decides_the_code_changes_the_key(python, places, file, same):
    shutil.copytree(ROOT / "nnlite", places / "nnlite", ignore=shutil.ignore_patterns("__pycache__"))
    before, _ = python(KEY, package=places)
    with open(places / "nnlite" / file, "a") as changed:
        changed.write('\n__version__ = "next"\n' if file == "version.py" else "\n# changed\n")
    after, _ = python(KEY, package=places)
    assert (before == after) == same


@pytest.mark.parametrize("package", ["numba", "llvmlite"])
def test_another_version_of_the_compiler_has_another_key(monkeypatch, package):
    import llvmlite

    before = cache.key()
    cache.key.cache_clear()
    with monkeypatch.context() as patch:
        if package == "numba":
            patch.setattr(cache, "version", lambda name: "0.0")
        else:
            patch.setattr(llvmlite, "__version__", "0.0")
        other = cache.key()
    cache.key.cache_clear()
    assert other != before == cache.key()


def imports(path):
    """The files of nnlite that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nnlite."):
            home = ROOT.joinpath(*node.module.split("."))
            yield from (file for name in node.names if (file := home / f"{name.name}.py").exists())
            yield from filter(Path.exists, [home.with_suffix(".py"), home / "__init__.py"])


def test_the_key_covers_each_file_that_the_compiler_imports():
    found, to_do = set(), [ROOT / "nnlite/engine/compiler.py", ROOT / "nnlite/engine/kernels/__init__.py"]
    while to_do:
        file = to_do.pop()
        if file not in found:
            found.add(file)
            to_do += imports(file)
    assert found - set(map(Path, cache.sources())) == {
        ROOT / "nnlite" / name for name in ("checks.py", "errors.py", "engine/__init__.py")
    }
