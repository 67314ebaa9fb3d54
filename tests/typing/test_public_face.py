"""Facts about types for users: a script that uses every public name passes mypy --strict and pyright."""

import ast
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nnlite as nn

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).parent / "public_face.py"


def test_the_script_uses_every_public_name():
    used = {
        node.attr
        for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "nn"
    }
    assert set(nn.__all__) - used == set()


def read_by(command, folder, script=SCRIPT):
    """Run a type checker outside of the repository, as for a user, who has the package and not its settings."""
    copy = folder / "script.py"
    copy.write_text(script if isinstance(script, str) else script.read_text(encoding="utf-8"), encoding="utf-8")
    environment = os.environ | {"MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command, copy.name],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )


WRONG = """
import nnlite as nn
model = nn.Model([nn.Dense(3), nn.Softmax()], seeed=0)
nn.Dens(3)
text: str = model.fit([], epochs=3)
"""


@pytest.fixture
def mypy(tmp_path):
    pytest.importorskip("mypy")
    (tmp_path / "mypy.ini").write_text("[mypy]\nfollow_imports = silent\n")  # the package itself is checked elsewhere
    return ["mypy", "--strict", f"--cache-dir={tmp_path}"]


@pytest.fixture
def pyright(tmp_path):
    if importlib.util.find_spec("pyright") is None:
        pytest.skip("pyright is not installed")
    (tmp_path / "pyrightconfig.json").write_text(f'{{"extraPaths": ["{ROOT}"], "typeCheckingMode": "standard"}}')
    return ["pyright", f"--pythonpath={sys.executable}"]


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_script_of_a_user_has_no_error(checker, request, tmp_path):
    result = read_by(request.getfixturevalue(checker), tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize("checker", ["mypy", "pyright"])
def test_a_wrong_script_has_errors(checker, request, tmp_path):
    result = read_by(request.getfixturevalue(checker), tmp_path, WRONG)
    assert result.returncode == 1
    for line in (3, 4, 5):
        assert f"script.py:{line}" in result.stdout
