"""The code on the pages of the site runs, and prints what its comments say."""

from pathlib import Path

import pytest

from .blocks import code_blocks, missing_libraries, run_code

DOCS = Path(__file__).parents[2] / "docs"
ROOMS = ("guides", "textbook", "inside")
PAGES = [DOCS / "index.md", *sorted(page for room in ROOMS for page in DOCS.glob(f"{room}/*.md"))]
SLOW = {"guides/inspect.md", "guides/learning_curves.md"}  # they train for their pictures


def pages():
    """The pages with code, by their path."""
    for page in filter(code_blocks, PAGES):
        path = page.relative_to(DOCS).as_posix()
        marks = [pytest.mark.slow] if path in SLOW else []
        if "torch" in page.read_text(encoding="utf-8"):  # which warns of itself
            marks.append(pytest.mark.filterwarnings("ignore::DeprecationWarning"))
        yield pytest.param(page, id=path, marks=marks)


@pytest.mark.parametrize("page", [*pages()])
def test_the_code_of_a_page_runs_from_top_to_bottom(page, capsys, tmp_path, monkeypatch):
    if page.name == "from_scikit_learn.md":
        pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for code in code_blocks(page):
        if not missing_libraries(code):
            run_code(code, namespace, capsys, page.relative_to(DOCS))


def test_the_directive_plot_is_among_the_code():
    assert any("learning_curves" in code for code in code_blocks(DOCS / "guides" / "learning_curves.md"))
