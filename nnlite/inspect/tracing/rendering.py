"""A trace as text, as HTML and as LaTeX."""

import itertools
import textwrap
from typing import NamedTuple

import numpy as np

from nnlite import markup
from nnlite.checks import Array
from nnlite.inspect.tracing.notation import escaped, latex_number
from nnlite.inspect.tracing.steps import Step

WIDTH = 99
EQUATION = 49  # columns of a terminal for an equation
FEW = 4  # numbers say more than their statistics
MOST_COLUMNS = 10  # LaTeX typesets no more


class Section(NamedTuple):
    """A part of the step: the forward pass, the cost, the backward pass or the update."""

    heading: str
    steps: list[Step]

    def by_layer(self) -> list[tuple[str, list[Step]]]:
        """Return the layers in order, each with its steps; the layer is "" for steps that no layer computes."""
        return [(layer, list(steps)) for layer, steps in itertools.groupby(self.steps, key=lambda step: step.layer)]


class Page(NamedTuple):
    """What a trace shows. Arrays of more than ``max_numbers`` numbers are shown by their statistics only."""

    title: str
    paragraphs: list[str]
    sections: list[Section]
    max_numbers: int


def show_numbers(step: Step, most: int) -> bool:
    """Return whether the numbers are few enough to be shown."""
    shape = step.shape
    return 0 < len(shape) <= 2 and 0 < step.values.size <= most and shape[-1] <= MOST_COLUMNS


def number(value: float, width: int = 9) -> str:
    """Return a number with four digits, or with fewer so that it has at most ``width`` characters."""
    value += 0.0  # -0 + 0 is 0
    for digits in (4, 3, 2, 1):
        shown = f"{value:.{digits}g}"
        if len(shown) <= width:
            break
    return shown


def shape_of(step: Step) -> str:
    """Return ``4 x 3``; nothing for a single number."""
    return " x ".join(map(str, step.shape))


def _statistics(step: Step, most: int) -> list[str]:
    """Return min, mean, max and the share of zeros as they are shown; nothing for a few numbers that are shown."""
    if step.values.size <= FEW and show_numbers(step, most):
        return [""] * 4
    statistics = step.statistics
    zeros = f"{100 * statistics['zeros']:.0f} %" if statistics["zeros"] else ""
    return [*(number(statistics[key]) for key in ("min", "mean", "max")), zeros]


# ---- text ------------------------------------------------------------------------------------------------------


def as_text(page: Page) -> str:
    """Return a table of at most 99 columns."""
    lines = textwrap.wrap(page.title, WIDTH, subsequent_indent="  ")
    for paragraph in page.paragraphs:
        lines += textwrap.wrap(paragraph, WIDTH)
    columns = f"{'shape':>13}{'min':>10}{'mean':>10}{'max':>10}{'zeros':>7}"
    for section in page.sections:
        lines += ["", *_heading(section.heading, columns), "-" * WIDTH]
        for layer, steps in section.by_layer():
            lines += textwrap.wrap(layer, WIDTH, subsequent_indent="  ")
            for step in steps:
                lines += _text_lines(step, page.max_numbers)
    return "\n".join(line.rstrip() for line in lines)


def _heading(heading: str, columns: str) -> list[str]:
    if len(heading) <= EQUATION:
        return [f"{heading:<{EQUATION}}{columns}"]
    return [*textwrap.wrap(heading, WIDTH), f"{'':<{EQUATION}}{columns}"]


def _text_lines(step: Step, most: int) -> list[str]:
    if not step.shape:
        return _with_note([f"  {step.equation} = {step.values:.6g}"], step)
    low, mean, high, zeros = _statistics(step, most)
    cells = f"{shape_of(step):>13}{low:>10}{mean:>10}{high:>10}{zeros:>7}"
    equation = f"  {step.equation}"
    if len(equation) <= EQUATION:
        lines = [f"{equation:<{EQUATION}}{cells}"]
    else:
        lines = [*textwrap.wrap(equation, WIDTH, subsequent_indent="      "), " " * EQUATION + cells]
    lines = _with_note(lines, step)
    return [*lines, *(f"      {row}" for row in _matrix(step.values))] if show_numbers(step, most) else lines


def _with_note(lines: list[str], step: Step) -> list[str]:
    if not step.note:
        return lines
    return lines + textwrap.wrap(f"({step.note})", WIDTH, initial_indent="      ", subsequent_indent="       ")


def _matrix(values: Array) -> list[str]:
    """Return the rows of a matrix, with their numbers in columns."""
    cells = _cells(values)
    width = max(len(cell) for row in cells for cell in row)
    return ["[" + " ".join(f"{cell:>{width}}" for cell in row) + "]" for row in cells]


def _cells(values: Array) -> list[list[str]]:
    """Return the numbers of a matrix (or a row) in one format; whole numbers have no decimals."""
    rows = np.atleast_2d(values).astype(np.float64) + 0  # -0 + 0 is 0
    largest = np.abs(rows).max()
    if (rows == np.round(rows)).all() and largest < 1e6:
        form = ".0f"
    else:
        form = ".4f" if 0.001 <= largest < 1000 else ".3g"
    return [[f"{value:{form}}" for value in row] for row in rows.tolist()]


# ---- HTML ------------------------------------------------------------------------------------------------------

# What differs from the tables of markup.py. MathJax typesets the formula; in editors without MathJax
# (such as Visual Studio Code) the plain text is shown instead.
STYLE = """<style>
.nnlite .nnlite-trace td, .nnlite .nnlite-trace th {text-align: right !important; padding: 2px 10px !important;
  white-space: nowrap}
.nnlite .nnlite-trace .l {text-align: left !important; white-space: normal}
.nnlite .nnlite-trace .part th {border-bottom: 1px solid rgba(128, 128, 128, .6) !important;
  padding-top: 14px !important}
.nnlite .nnlite-trace .layer td {padding-top: 8px !important; opacity: .75; font-family: monospace}
.nnlite-trace pre {display: inline-block; text-align: left; margin: 0 0 4px 24px !important;
  font-size: 12px; background: none; padding: 0 0 0 8px !important;
  border-left: 2px solid rgba(128, 128, 128, .4) !important}
.nnlite-trace .note {opacity: .75; margin-left: 24px}
.nnlite-trace .tex:not(:has(mjx-container, .MathJax)) {position: absolute; clip-path: inset(50%)}
.nnlite-trace .tex:not(:has(mjx-container, .MathJax)) + .plain {display: inline !important}
.nnlite-trace .plain {font-family: monospace; white-space: pre-wrap}
</style>"""


def as_html(page: Page) -> str:
    """Return a table with a row for each step; MathJax typesets its equations."""
    lines = [markup.STYLE, STYLE, '<div class="nnlite">']
    lines.append(f"<p><code>{markup.text(page.title)}</code></p>")
    lines += [f"<p>{markup.text(text)}</p>" for text in page.paragraphs]
    lines.append('<table class="nnlite-trace">')
    columns = "".join(f"<th>{column}</th>" for column in ("shape", "min", "mean", "max", "zeros"))
    for section in page.sections:
        lines.append(f'<tr class="part"><th class="l">{markup.text(section.heading)}</th>{columns}</tr>')
        for layer, steps in section.by_layer():
            if layer:
                lines.append(f'<tr class="layer"><td class="l" colspan="6">{markup.text(layer)}</td></tr>')
            for step in steps:
                lines += _html_rows(step, page.max_numbers)
    return "\n".join([*lines, "</table>", "</div>"])


def _html_rows(step: Step, most: int) -> list[str]:
    text, latex = step.equation, step.latex
    cells = "<td></td>" * 5
    if not step.shape:
        text, latex = f"{text} = {step.values:.6g}", f"{latex} = {latex_number(f'{step.values:.6g}')}"
    else:
        shown = shape_of(step).replace("x", "&times;"), *_statistics(step, most)
        cells = "".join(f"<td>{cell}</td>" for cell in shown)
    equation = f'<span class="tex">\\({markup.text(latex)}\\)</span>'
    equation += f'<span class="plain" style="display: none">{markup.text(text)}</span>'
    rows = [f'<tr><td class="l">{equation}</td>{cells}</tr>']
    below = f'<div class="note">{markup.text(step.note)}</div>' if step.note else ""
    if show_numbers(step, most):
        below += f"<pre>{markup.text(chr(10).join(_matrix(step.values)))}</pre>"
    return [*rows, f'<tr><td class="l" colspan="6">{below}</td></tr>'] if below else rows


# ---- LaTeX -----------------------------------------------------------------------------------------------------


def as_latex(page: Page) -> str:
    """Return a fragment of a document, for the package amsmath."""
    lines = [r"% needs \usepackage{amsmath}", r"\begingroup\allowdisplaybreaks"]
    lines.append(rf"{{\raggedright\noindent\ttfamily {escaped(page.title)}\par}}")
    lines.append("\n\n".join(escaped(text) for text in page.paragraphs))
    for section in page.sections:
        heading = escaped(section.heading[0].upper() + section.heading[1:])
        lines += ["", rf"\paragraph{{{heading}}}", r"\begin{align*}"]
        rows = []
        for layer, steps in section.by_layer():
            above = _latex_title(layer, steps) if layer else ""
            for step in steps:
                rows.append(above + _latex_row(step, page.max_numbers))
                above = ""
        lines += [" \\\\\n".join(rows), r"\end{align*}"]
    return "\n".join([*lines, r"\endgroup", ""])


def _latex_title(layer: str, steps: list[Step]) -> str:
    """Return the layer as a line between equations, in the forward pass with the notes on its equations."""
    notes = "; ".join(step.note for step in steps if step.note and step.part == "forward")
    title = rf"\texttt{{{escaped(layer)}}}" + (f": {escaped(notes)}" if notes else "")
    return f"\\intertext{{{title}}}\n"


def _latex_row(step: Step, most: int) -> str:
    sign = " := " if " := " in step.latex else " = "
    name, equals, rest = step.latex.partition(sign)
    aligned = f"{name} &{sign.strip()} {rest}" if equals else f"{name} &"
    if not step.shape:
        return f"{aligned} = {latex_number(f'{step.values:.6g}')}"
    if show_numbers(step, most):
        joint = r" \\" + "\n&= " if equals else "= "
        return aligned + joint + _bmatrix(step.values)
    statistics = step.statistics
    size = r" \times ".join(map(str, step.shape))
    low, mean, high = (latex_number(number(statistics[key])) for key in ("min", "mean", "max"))
    joint = r" \\" + "\n&" if equals else ""
    return rf"{aligned}{joint}\quad ({size}) \text{{ from }} {low} \text{{ to }} {high} \text{{, mean }} {mean}"


def _bmatrix(values: Array) -> str:
    rows = [" & ".join(map(latex_number, row)) for row in _cells(values)]
    return "\\begin{bmatrix} " + r" \\ ".join(rows) + " \\end{bmatrix}"
