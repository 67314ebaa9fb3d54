"""The code on the pages of the site runs, and prints what its comments say."""

import importlib.util
from pathlib import Path

import pytest

from .blocks import code_blocks, missing_libraries, other_blocks, run_code

DOCS = Path(__file__).parents[2] / "docs"
ROOMS = ("guides", "textbook", "inside")
PAGES = [DOCS / "index.md", *sorted(page for room in ROOMS for page in DOCS.glob(f"{room}/*.md"))]
NEEDS = {"guides/from_scikit_learn.md": "sklearn", "guides/loggers.md": "tensorboard"}
OTHER = {
    "guides/from_keras.md": ["tensorflow"],
    "guides/from_pytorch.md": ["torch"],
    "guides/from_scikit_learn.md": ["sklearn"],
    "guides/loggers.md": ["mlflow", "wandb"],  # each of its blocks needs one of the two, and is complete by itself
}
SLOW = ("guides/", "index.md", "textbook/schedules.md")  # they train, and draw pictures of it
SLOW += ("inside/engine.md",)  # it compiles kernels of its own


def pages():
    """The pages with code, by their path."""
    for page in filter(code_blocks, PAGES):
        path = page.relative_to(DOCS).as_posix()
        marks = []
        if path.startswith(SLOW):  # some of these networks cannot learn, and `fit` says so
            marks = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::nnlite.NothingLearnedWarning")]
        if "torch" in page.read_text(encoding="utf-8"):  # which warns of itself
            marks.append(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
        yield pytest.param(page, id=path, marks=marks)


@pytest.mark.parametrize("page", [*pages()])
def test_the_code_of_a_page_runs_from_top_to_bottom(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = page.relative_to(DOCS).as_posix()
    if path in NEEDS:
        pytest.importorskip(NEEDS[path])
    namespace = {}
    for code in code_blocks(page):
        if not missing_libraries(code):
            run_code(code, namespace, capsys, path)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # those of the other libraries
@pytest.mark.parametrize("path", OTHER)
def test_the_code_with_another_library_runs_from_top_to_bottom(path, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # without a database
    monkeypatch.setenv("WANDB_MODE", "offline")
    missing = [library for library in OTHER[path] if importlib.util.find_spec(library) is None]
    if len(missing) == len(OTHER[path]):
        pytest.skip(f"needs {' or '.join(missing)}")
    namespace = {"__name__": "page"}
    for code in other_blocks(DOCS / path):
        if not any(f"import {library}" in code for library in missing):
            run_code(code, namespace, capsys, path)


def test_every_page_with_code_of_another_library_is_run():
    assert {page.relative_to(DOCS).as_posix() for page in PAGES if other_blocks(page)} == set(OTHER)


def test_the_directive_plot_is_among_the_code():
    assert any("learning_curves" in code for code in code_blocks(DOCS / "guides" / "learning_curves.md"))
