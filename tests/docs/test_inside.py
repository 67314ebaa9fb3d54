"""The pages on the inside name what is there: files, folders and functions."""

import ast
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each

ROOT = Path(__file__).parents[2]
INSIDE = ROOT / "docs" / "inside"
STEP, HOUSE = ((INSIDE / page).read_text(encoding="utf-8") for page in ("step.md", "house.md"))
ROW = r"^\| `([\w/]+\.py)` \| `([\w.]+)` \|"
STEPS = re.findall(ROW, STEP, re.MULTILINE)
ENTRIES = re.findall(r"`([\w/.]+)`", "\n".join(re.findall(r"^\| (.*?) \|", HOUSE, re.MULTILINE)))
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


def test_a_training_in_the_textbook_calls_each_function_up_to_the_update():
    way = re.findall(ROW, STEP.partition("## The same, compiled")[0], re.MULTILINE)
    called = set()

    def note(frame, event, _):
        if event == "call":
            path = Path(frame.f_code.co_filename)
            called.add((path.name, frame.f_code.co_qualname.removesuffix(".__init__")))

    model = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    X, y = np.zeros((6, 2)), np.array([0, 1, 2, 0, 1, 2])
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        model.fit(X, y, optimizer=nn.Adam(), epochs=1, batch_size=3, progress=False, engine="textbook")
    finally:
        sys.setprofile(before)
    assert len(way) > 25
    assert [(file, function) for file, function in way if (Path(file).name, function) not in called] == []


def test_the_way_goes_from_fit_to_the_first_layer_and_to_the_update():
    functions = [function for _, function in STEPS]
    assert functions[0] == "Model.fit"
    assert {"Dense.forward", "Dense.backward", "Optimizer.step"} <= {*functions}


@for_each("room", ROOMS)
def test_a_room_of_the_house_exists(room):
    assert (ROOT / room).exists()


def test_a_room_stands_in_the_map_once():
    assert "nnlite/counters.py" in ENTRIES
    assert sorted(ENTRIES) == sorted({*ENTRIES})


def test_the_map_shows_every_room():
    there = {f"nnlite/{path.name}/" for path in (ROOT / "nnlite").iterdir() if (path / "__init__.py").is_file()}
    there |= {f"nnlite/{path.name}" for path in (ROOT / "nnlite").glob("*.py") if not path.name.startswith("__")}
    assert there <= {*ROOMS}
