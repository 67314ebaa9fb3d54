"""What a reader sees of report.html in a real browser: at a desk, on a phone, in the dark, and on paper.

The tests need Chromium, Node.js and playwright-core, which ``tests/browser/install.sh`` installs, and are skipped if
one of them is missing.
"""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nnlite import cli

from ..cli.conftest import flowers, houses, write_csv

pytest.importorskip("jinja2")
pytestmark = pytest.mark.slow
LOOK = Path(__file__).with_name("look.js")
RUNS = {
    "classes": "flowers.csv --target species",
    "values": "houses.csv --target price --values",
    "images": "digits --epochs 5",
    "nothing": "noise.csv --target y --epochs 3",
}


@pytest.fixture(scope="module")
def programs():
    """Return the paths of Chromium and Node.js."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    node = shutil.which("node")
    if not (chromium and node):
        pytest.skip(f"there is no {'Node.js' if chromium else 'Chromium'}: tests/browser/install.sh")
    if subprocess.run([node, "-e", "require.resolve('playwright-core')"], check=False, capture_output=True).returncode:
        pytest.skip("there is no playwright-core in NODE_PATH: tests/browser/install.sh")
    return chromium, node


@pytest.fixture(scope="module", params=RUNS)
def seen(request, programs, tmp_path_factory):
    """Train, open the report, and return the run directory, what is wrong and what is seen."""
    folder = tmp_path_factory.mktemp(request.param)
    write_csv(folder / "flowers.csv", flowers())
    write_csv(folder / "houses.csv", houses())
    rng = np.random.default_rng(0)
    names = [f"a column with a long name, number {j}" for j in range(14)]
    rows = [[*rng.normal(size=14).round(4), rng.choice(["a" * 30, "b c d", "e"])] for _ in range(200)]
    write_csv(folder / "noise.csv", [[f'"{name}"' for name in names] + ["y"], *rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert cli.main(["train", *RUNS[request.param].split(), "--out", "r", "--no-progress"]) == 0
    command = [programs[1], str(LOOK), programs[0], str(folder / "r" / "report.html"), str(folder)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr
    print(f"screenshots: {folder}", file=sys.stderr)
    return folder, json.loads(result.stdout)


def test_the_page_reports_no_error_and_asks_for_nothing(seen):
    assert seen[1]["wrong"] == []


def test_nothing_is_wider_than_the_screen(seen):
    for name, view in seen[1]["seen"].items():
        assert view["width"] <= 0, name
        assert view["wide"] == [], name


def test_every_picture_is_shown(seen):
    for name, view in seen[1]["seen"].items():
        assert all(view["images"]), name
        assert view["pictures"], name
        assert all(p["width"] > 250 and p["height"] > 100 for p in view["pictures"]), name


def test_letters_can_be_read_in_the_light_and_in_the_dark(seen):
    for name, view in seen[1]["seen"].items():
        assert view["contrast"] >= 4.5, name  # of the Web Content Accessibility Guidelines, level AA
        assert view["smallest"] >= 10, name


def test_the_numbers_are_those_of_history_csv(seen):
    folder, found = seen
    with open(folder / "r" / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    shown = found["seen"]["desk light"]["values"]
    assert shown
    for key, value, text in shown:
        assert float(value) in [float(row[key]) for row in rows]
        assert float(text.replace(",", "")) == pytest.approx(float(value), rel=1e-3)
    assert {key for key, *_ in shown} == set(rows[0]) - {"epoch", "seconds"}


def test_no_picture_is_cut_on_paper(seen):
    folder, found = seen
    for part in found["seen"]["print"]["whole"]:
        assert part["kept"]
        assert part["height"] < found["height"]
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF")
