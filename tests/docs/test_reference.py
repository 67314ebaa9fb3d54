"""Every public name has its place: on a page of the reference, and in the textbook if it is an equation."""

import importlib
import importlib.util
import inspect
import re
from pathlib import Path

import nnlite as nn

from ..support import for_each

DOCS = Path(__file__).parents[2] / "docs"
METRICS = getattr(nn.metrics, "__all__", None) or [
    name
    for name, found in vars(nn.metrics).items()
    if inspect.isfunction(found) and not name.startswith("_") and list(inspect.signature(found).parameters)[:1] == ["y"]
]
EXCHANGE = (nn.onnx, nn.safetensors, nn.keras)
NAMES = [
    *nn.__all__,
    *(f"metrics.{name}" for name in METRICS if name not in ("METRICS", "resolve", "try_out")),
    *(f"plots.{name}" for name in nn.plots.__all__),
    *(f"augment.{name}" for name in nn.augment.__all__),
    *(f"datasets.{name}" for name in nn.datasets.__all__),
    *(
        f"{room.__name__.removeprefix('nnlite.')}.{name}"
        for room in (nn.onnx, nn.safetensors, nn.keras, nn.mpi)
        for name in room.__all__
    ),
]


def listed():
    """The names in the tables of the reference, without "nnlite."."""
    names = []
    for page in DOCS.glob("reference/*.rst"):
        module = ""
        for line in page.read_text(encoding="utf-8").splitlines():
            if found := re.match(r"\.\. currentmodule:: nnlite\.?(.*)", line):
                module = f"{found[1]}." if found[1] else ""
            elif found := re.match(r"   (\w+)$", line):
                names.append(module + found[1])
    return names


LISTED = listed()


@for_each("name", NAMES)
def test_a_public_name_is_on_one_page_of_the_reference(name):
    assert LISTED.count(name.removeprefix("datasets.")) == 1


@for_each("name", NAMES)
def test_a_public_name_has_an_example(name):
    found = nn
    for part in name.split("."):
        found = getattr(found, part)
    assert ">>>" in found.__doc__


def test_the_reference_lists_nothing_that_is_not_there():
    for name in LISTED:
        if name not in {page.stem for page in DOCS.glob("reference/*.rst")}:  # the pages, listed in index.rst
            module, _, short = name.rpartition(".")
            if module == "sklearn" and importlib.util.find_spec("sklearn") is None:
                continue  # it is imported by its name, since it needs scikit-learn
            assert hasattr(importlib.import_module(f"nnlite.{module}") if module else nn, short), name


EQUATIONS = [
    name
    for name in nn.__all__
    if isinstance(found := getattr(nn, name), type)
    and issubclass(found, (nn.Layer, nn.Optimizer, nn.Initializer, nn.Schedule))
    and name not in ("Layer", "Activation", "Output", "Initializer", "Schedule")
]


@for_each("name", EQUATIONS)
def test_a_name_that_is_an_equation_is_in_the_textbook(name):
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("textbook/*.md")]
    assert any(f"{{py:class}}`~nnlite.{name}`" in page for page in pages)
