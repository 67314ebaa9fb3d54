"""Writing a report as one self-contained HTML page, made by Jinja2 from ``templates/``."""

from __future__ import annotations

from typing import Any

from nnlite.errors import ArgumentError
from nnlite.report.content import content
from nnlite.report.numbers import percent, short
from nnlite.report.run import Run

INSTALL = 'pip install "nnlite[report]"'


def can_render() -> bool:
    """Return whether Jinja2 is installed."""
    import importlib.util

    return importlib.util.find_spec("jinja2") is not None


def render(run: Run) -> str:
    """Return the page of a run. It needs no network, no other file and no script.

    Raises
    ------
    ArgumentError
        If Jinja2 is not installed.
    """
    return str(_environment().get_template("page.html").render(content(run)))


def _environment() -> Any:
    try:
        import jinja2
    except ImportError:
        raise ArgumentError(f"write_report: needs Jinja2; {INSTALL}") from None
    loader = jinja2.PackageLoader("nnlite.report")
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["number"] = short
    environment.filters["percent"] = lambda share: _unbroken(percent(share))
    environment.filters["unbroken"] = _unbroken
    return environment


def _unbroken(text: str) -> str:
    """Return a text whose percent signs stay with their numbers."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
