"""HTML for notebooks: tables with one style sheet, and all text escaped.

The colors are those of the notebook, so that a table is right in a light and in a dark one. Nothing needs a script, so
it looks the same in JupyterLab, Visual Studio Code, Colab and on GitHub.
"""

from collections.abc import Iterable, Sequence

# Colors of Okabe and Ito (2008), which color-blind readers can tell apart, so bright that white and black suit them.
GREEN, ORANGE, RED, BLUE = "#0a9a72", "#c98500", "#dd5f1a", "#2f86c4"
# JupyterLab has its own rules for tables, hence !important.
STYLE = """<style>
.nnlite {overflow-x: auto; font-size: 13px}
.nnlite p {margin: 4px 0}
.nnlite table {border-collapse: collapse; margin: 4px 0 !important; font-size: inherit; border: none}
.nnlite tr {background: none !important}
.nnlite th, .nnlite td {text-align: left !important; vertical-align: top !important; padding: 2px 12px 2px 0 !important;
  border: none !important; font-variant-numeric: tabular-nums; max-width: 60em}
.nnlite thead th {border-bottom: 1px solid rgba(128, 128, 128, .6) !important; white-space: nowrap}
.nnlite .number {text-align: right !important; white-space: nowrap}
.nnlite tr.part > * {padding-top: 10px !important; font-weight: bold}
.nnlite tr.total > * {border-top: 1px solid rgba(128, 128, 128, .6) !important}
.nnlite .quiet {opacity: .7}
.nnlite .inside {padding-left: 2em !important}
.nnlite code {background: none; color: inherit; padding: 0; white-space: pre-wrap}
</style>"""
IGNORED = "tex2jax_ignore mathjax_ignore"  # a dollar sign in the name of a column does not begin an equation


def text(value: object) -> str:
    """Return any text as HTML."""
    from html import escape

    return escape(str(value))


def code(value: object) -> str:
    """Return any text as HTML, in the letters of a program."""
    from html import escape

    return f"<code>{escape(str(value))}</code>"


def cell(content: str, kind: str = "", *, head: bool = False, span: int = 1) -> str:
    """Return a cell with HTML in it.

    Parameters
    ----------
    content : str
        HTML.
    kind : str
        Classes of the style sheet: "number", "quiet", "inside".
    head : bool, default False
        Whether it is a heading.
    span : int, default 1
        Number of columns.
    """
    name = "th" if head else "td"
    attributes = (f' class="{kind}"' if kind else "") + (f' colspan="{span}"' if span > 1 else "")
    return f"<{name}{attributes}>{content}</{name}>"


def row(cells: Iterable[str], kind: str = "") -> str:
    """Return a row of cells; ``kind`` is "part" above a group of rows, "total" below all."""
    attribute = f' class="{kind}"' if kind else ""
    return f"<tr{attribute}>{''.join(cells)}</tr>"


def table(headings: Sequence[str], rows: Iterable[str], numbers: Sequence[int] = ()) -> str:
    """Return a table.

    Parameters
    ----------
    headings : sequence of str
        Plain text.
    rows : iterable of str
        From `row`.
    numbers : sequence of int
        The columns whose headings stand on the right.
    """
    head = (cell(text(word), "number" if i in numbers else "", head=True) for i, word in enumerate(headings))
    return f"<table><thead>{row(head)}</thead><tbody>{''.join(rows)}</tbody></table>"


def paragraph(content: str, kind: str = "") -> str:
    """Return a paragraph with HTML in it."""
    return f'<p class="{kind}">{content}</p>' if kind else f"<p>{content}</p>"


def box(*parts: str) -> str:
    """Return the parts with the style sheet, complete for a notebook."""
    return f'{STYLE}<div class="nnlite {IGNORED}">{"".join(parts)}</div>'


def sparkline(lines: Sequence[tuple[Sequence[float], str]], width: int = 160, height: int = 32) -> str:
    """Return small curves as SVG.

    Parameters
    ----------
    lines : sequence of (values, color)
        Values that are not finite leave a gap.
    width, height : int
        In pixels.
    """
    finite = [value for values, _ in lines for value in values if abs(value) < float("inf")]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    scale = (height - 4) / (high - low) if 0 < high - low < float("inf") else 0.0
    drawn = []
    for values, color in lines:
        across = (width - 4) / max(len(values) - 1, 1)
        points, previous = [], False
        for i, value in enumerate(values):
            inside = abs(value) < float("inf")
            if inside:
                y = height - 2 - (value - low) * scale if scale else height / 2
                points.append(f"{'L' if previous else 'M'}{2 + i * across:.1f} {y:.1f}")
            previous = inside
        if len(points) == 1:
            points.append("h.1")
        drawn.append(
            f'<path d="{"".join(points)}" fill="none" stroke="{color}" stroke-width="1.6" stroke-linecap="round"/>'
        )
    return f'<svg width="{width}" height="{height}" role="img" aria-hidden="true">{"".join(drawn)}</svg>'
