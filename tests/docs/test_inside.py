"""The pages on the inside name what is there: files, folders and functions."""

import ast
import re
from pathlib import Path

import pytest

from ..support import for_each

ROOT = Path(__file__).parents[2]
INSIDE = ROOT / "docs" / "inside"
STEP, HOUSE = ((INSIDE / page).read_text(encoding="utf-8") for page in ("step.md", "house.md"))
STEPS = re.findall(r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|", STEP, re.MULTILINE)
ROOMS = sorted({*re.findall(r"`((?:nnlite|tests|docs)/[\w/]*(?:\.py|/))`", HOUSE)})


def defines(path, name):
    """Whether the file defines the function, class or method ``name``, such as "Dense.forward"."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for part in name.split("."):
        found = [node for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and node.name == part]
        if not found:
            return False
        body = found[0].body
    return True


@pytest.mark.parametrize(("file", "function"), STEPS, ids=[f"{file}: {function}" for file, function in STEPS])
def test_a_function_on_the_way_of_a_step_exists(file, function):
    assert (ROOT / file).is_file()
    assert defines(ROOT / file, function)


def test_the_way_goes_from_fit_to_the_first_layer_and_to_the_update():
    functions = [function for _, function in STEPS]
    assert functions[0] == "Model.fit"
    assert {"Dense.forward", "Dense.backward", "Optimizer.step"} <= {*functions}


@for_each("room", ROOMS)
def test_a_room_of_the_house_exists(room):
    assert (ROOT / room).exists()


def test_the_map_shows_every_room():
    there = {f"nnlite/{path.name}/" for path in (ROOT / "nnlite").iterdir() if (path / "__init__.py").is_file()}
    there |= {f"nnlite/{path.name}" for path in (ROOT / "nnlite").glob("*.py") if not path.name.startswith("__")}
    assert there <= {*ROOMS}
