"""The package as a whole: what it exports, what importing it costs, and that imports run one way."""

import ast
import functools
import importlib
import pydoc
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nnlite as nn

from .support import for_each

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "nnlite").rglob("*.py"))


@functools.cache
def parsed(path):
    """The syntax tree of a file, whose nodes several tests look at."""
    return [*ast.walk(ast.parse(path.read_text(encoding="utf-8")))]


def imports(path):
    """The nnlite modules that a file imports: at its top, inside functions, and for type checkers."""
    for node in parsed(path):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nnlite"):
            for alias in node.names:
                yield f"{node.module}.{alias.name}"
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("nnlite"))


def module_name(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def public_names():
    """Names and their homes, as type checkers and editors read them; the home of a public module is "nnlite"."""
    for node in ast.parse((ROOT / "nnlite" / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                assert alias.asname == alias.name  # otherwise type checkers take it for private
                yield alias.name, node.module


def test_type_checkers_and_dir_know_the_same_names_each_once():
    names = [name for name, _ in public_names()]
    assert sorted(names) == sorted(dir(nn))
    assert len(set(names)) == len(names)


def test_every_public_name_is_there_with_a_docstring_and_from_its_home():
    for name, home in public_names():
        value = getattr(nn, name)
        assert value.__doc__, name
        if home == "nnlite":
            assert value.__name__ == f"nnlite.{name}"
        elif name != "__version__":
            assert name in nn.__all__
            assert value is getattr(importlib.import_module(home), name)


def test_the_help_lists_the_public_names_by_their_homes_and_no_others():
    text = pydoc.render_doc(nn, renderer=pydoc.plaintext)
    contents, classes, functions = (text.index(f"\n{part}\n") for part in ("PACKAGE CONTENTS", "CLASSES", "FUNCTIONS"))
    assert max(map(len, text[:contents].splitlines())) <= 110
    unwrapped = re.sub(r"\n {8}", " ", text[:contents])
    listed = re.findall(r"^ {4}(nnlite[.\w]+): (.*)$", unwrapped, re.MULTILINE)
    assert {(name, home) for home, names in listed for name in names.split(", ")} == {
        (name, home) for name, home in public_names() if name in nn.__all__
    }
    described = re.findall(r"^ {4}class (\w+)", text[classes:functions], re.MULTILINE)
    described += re.findall(r"^ {4}(\w+)\(", text[functions:], re.MULTILINE)
    assert sorted(described) == sorted(nn.__all__)


@pytest.mark.parametrize("module", [nn.functional, nn.inspect, nn.metrics], ids=lambda module: module.__name__)
def test_a_package_of_functions_shows_its_public_names_alone(module):
    assert sorted(dir(module)) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__doc__, name


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
    """Also those inside functions and for type checkers. The package itself imports no names when it is loaded."""
    modules = {module_name(path): path for path in SOURCES if path != ROOT / "nnlite" / "__init__.py"}
    needs = {name: {m for m in imports(path) if m in modules and m != name} for name, path in modules.items()}
    while free := {name for name, needed in needs.items() if not needed & needs.keys()}:
        for name in free:
            del needs[name]
    assert not needs  # each of these imports itself in a circle


def private_uses(path):
    """Names with one underscore that a file takes from another object than ``self`` or ``cls``."""
    own = {node.name for node in parsed(path) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    own |= {node.attr for node in parsed(path) if isinstance(node, ast.Attribute) and on_self(node)}
    for node in parsed(path):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and not on_self(node) and node.attr not in own:
            yield f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nnlite"):
            for alias in node.names:
                if is_private(alias.name):
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {alias.name}"


NUMBA = {"_getvalue"}  # how Numba's own documentation says that an intrinsic returns an array


def is_private(name):
    named_tuple = {"_replace", "_asdict", "_fields"}  # public there
    return re.match("_[^_]", name) and name not in NUMBA | named_tuple


def on_self(node):
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


@for_each("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_uses_the_underscore_names_of_another(path):
    assert list(private_uses(path)) == []


def test_the_wheel_has_the_types_and_the_version_of_the_package():
    assert (ROOT / "nnlite" / "py.typed").exists()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["version"]["path"]
    assert f'__version__ = "{nn.__version__}"' in (ROOT / version).read_text()
