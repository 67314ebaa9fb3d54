"""Facts about the key of the cache: it is another one if anything has changed that decides the machine code."""

import ast
import io
import shutil
from pathlib import Path

import pytest

pytest.importorskip("numba")

from nnlite.engine import cache, llvm

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


@pytest.mark.slow
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
    before = cache.key()
    cache.key.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(cache, "version", lambda name, real=cache.version: "0.0" if name == package else real(name))
        other = cache.key()
    cache.key.cache_clear()
    assert other != before == cache.key()


def test_a_processor_with_fewer_instructions_has_another_key(monkeypatch):
    before, known = cache.key(), cache._this_processor()
    cache.key.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(cache, "_this_processor", lambda: [*known[:-1], "flags: fpu sse sse2"])
        other = cache.key()
    cache.key.cache_clear()
    assert other != before == cache.key()


PROCESSOR = """processor	: 0
vendor_id	: AuthenticAMD
cpu family	: 25
model		: 17
model name	: AMD EPYC
stepping	: 1
cpu MHz		: {MHz}
flags		: fpu sse avx2 {more}
bogomips	: 5192.28

processor	: 1
flags		: fpu
"""


def test_a_processor_is_known_by_its_kind_and_not_by_its_present_clock(monkeypatch):
    def told(text):
        monkeypatch.setattr("builtins.open", lambda path, **options: io.StringIO(text))
        return cache._this_processor()

    first = told(PROCESSOR.format(MHz=2500, more="avx512f"))
    assert first == told(PROCESSOR.format(MHz=3100, more="avx512f"))
    assert first != told(PROCESSOR.format(MHz=2500, more=""))
    assert first[-1] == "flags\t\t: fpu sse avx2 avx512f"


def test_without_a_description_of_the_processor_llvm_tells(monkeypatch):
    def nowhere(path, **options):
        raise FileNotFoundError(path)

    monkeypatch.setattr("builtins.open", nowhere)
    assert cache._this_processor() == list(llvm.host())


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
