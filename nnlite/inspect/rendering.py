"""A trace for the eye: as text, as HTML and as LaTeX."""

from __future__ import annotations

import html
import itertools
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.equations import escaped, latex_number

if TYPE_CHECKING:
    from nnlite.inspect.trace import Step, Trace

WIDTH = 99
EQUATION = 49  # columns of a terminal for an equation
MOST_COLUMNS = 10  # of a matrix whose numbers are shown, which is also as many as LaTeX allows
HEADINGS = {
    "forward": "forward pass",
    "cost": "cost",
    "backward": "backward pass",
    "update": "update, one step of {optimizer}",
}
CONVENTION = "dz and da belong to the loss L of each example, dW and db to J, the mean of the M losses."


def about(trace: Trace) -> str:
    """How many examples, what they cost, and what the step does about it."""
    of = f"example {trace.example} of " if trace.example is not None else ""
    examples = f"{of}M = {trace.M} example{'s' if trace.M > 1 else ''}"
    updated = any(step.part == "update" for step in trace)
    after = f", after one step of {trace.optimizer} {trace.J_after:.4g}" if updated else ""
    return f"{examples}, {trace.dtype}; J = {trace.J:.4g}{after}"


def convention(trace: Trace) -> str:
    """What the gradients are gradients of, where it makes a difference."""
    rows = " Where there is one row per example, it is that of the example." if trace.example is not None else ""
    return CONVENTION + rows if trace.M > 1 else ""


def show_numbers(step: Step, most: int) -> bool:
    """Whether there are few enough of them."""
    shape = step.shape
    return 0 < len(shape) <= 2 and 0 < step.values.size <= most and shape[-1] <= MOST_COLUMNS


def number(value: float, width: int = 9) -> str:
    """At most ``width`` characters."""
    value += 0.0  # -0 + 0 is 0
    for digits in (4, 3, 2, 1):
        shown = f"{value:.{digits}g}"
        if len(shown) <= width:
            break
    return shown


def shape_of(step: Step) -> str:
    """``4 x 3``; nothing for a single number."""
    return " x ".join(map(str, step.shape))


# ---- text ------------------------------------------------------------------------------------------------------


def as_text(trace: Trace) -> str:
    """A table of at most 99 columns."""
    lines = textwrap.wrap(trace.title, WIDTH, subsequent_indent="  ")
    for paragraph in (about(trace), convention(trace), trace.story or ""):
        lines += textwrap.wrap(paragraph, WIDTH)
    columns = f"{'shape':>13}{'min':>10}{'mean':>10}{'max':>10}{'zeros':>7}"
    for part, steps in itertools.groupby(trace, key=lambda step: step.part):
        heading = HEADINGS[part].format(optimizer=trace.optimizer)
        lines += ["", *_heading(heading, columns), "-" * WIDTH]
        for layer, of_layer in itertools.groupby(steps, key=lambda step: step.layer):
            lines += textwrap.wrap(layer, WIDTH, subsequent_indent="  ") if layer else []
            for step in of_layer:
                lines += _text_lines(step, trace.max_numbers)
    return "\n".join(line.rstrip() for line in lines)


def _heading(heading: str, columns: str) -> list[str]:
    if len(heading) <= EQUATION:
        return [f"{heading:<{EQUATION}}{columns}"]
    return [*textwrap.wrap(heading, WIDTH), f"{'':<{EQUATION}}{columns}"]


def _text_lines(step: Step, most: int) -> list[str]:
    if not step.shape:
        return _with_note([f"  {step.equation} = {step.values:.6g}"], step)
    statistics = step.statistics
    cells = f"{shape_of(step):>13}" + "".join(f"{number(statistics[key]):>10}" for key in ("min", "mean", "max"))
    cells += f"{100 * statistics['zeros']:>5.0f} %" if statistics["zeros"] else ""
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
    """Rows of numbers, one under the other."""
    cells = _cells(values)
    width = max(len(cell) for row in cells for cell in row)
    return ["[" + " ".join(f"{cell:>{width}}" for cell in row) + "]" for row in cells]


def _cells(values: Array) -> list[list[str]]:
    """The numbers of a matrix (or a row) with the same number of decimals; whole numbers without."""
    rows = np.atleast_2d(values).astype(np.float64) + 0  # -0 + 0 is 0
    largest = np.abs(rows).max()
    if (rows == np.round(rows)).all() and largest < 1e6:
        form = ".0f"
    else:
        form = ".4f" if 0.001 <= largest < 1000 else ".3g"
    return [[f"{value:{form}}" for value in row] for row in rows.tolist()]


# ---- HTML ------------------------------------------------------------------------------------------------------

# JupyterLab has rules of its own for tables, hence !important. Where MathJax is at work it sets the formula; where it
# is not (as in Visual Studio Code), the text stands there.
STYLE = """<style>
.nnlite-trace {border-collapse: collapse; font-size: 13px}
.nnlite-trace tr {background: none !important}
.nnlite-trace td, .nnlite-trace th {text-align: right; padding: 2px 10px; vertical-align: top !important;
  border: none; white-space: nowrap; font-variant-numeric: tabular-nums}
.nnlite-trace .l {text-align: left !important; white-space: normal}
.nnlite-trace .part th {border-bottom: 1px solid; padding-top: 14px}
.nnlite-trace .layer td {padding-top: 8px; opacity: .75; font-family: monospace}
.nnlite-trace pre {display: inline-block; text-align: left; margin: 0 0 4px 24px !important;
  font-size: 12px; background: none; padding: 0 0 0 8px !important;
  border-left: 2px solid rgba(128, 128, 128, .4) !important}
.nnlite-trace .note {opacity: .75; margin-left: 24px}
.nnlite-trace .tex:not(:has(mjx-container, .MathJax)) {position: absolute; clip-path: inset(50%)}
.nnlite-trace .tex:not(:has(mjx-container, .MathJax)) + .plain {display: inline !important}
.nnlite-trace .plain {font-family: monospace; white-space: pre-wrap}
</style>"""


def as_html(trace: Trace) -> str:
    """A table with a row for each step; its equations are for MathJax."""
    lines = [STYLE, '<div class="nnlite-trace-box" style="overflow-x: auto">']
    lines.append(f"<p><code>{html.escape(trace.title)}</code><br>{html.escape(about(trace))}</p>")
    lines += [f"<p>{html.escape(text)}</p>" for text in (trace.story, convention(trace)) if text]
    lines.append('<table class="nnlite-trace">')
    for part, steps in itertools.groupby(trace, key=lambda step: step.part):
        heading = html.escape(HEADINGS[part].format(optimizer=trace.optimizer))
        columns = "".join(f"<th>{column}</th>" for column in ("shape", "min", "mean", "max", "zeros"))
        lines.append(f'<tr class="part"><th class="l">{heading}</th>{columns}</tr>')
        for layer, of_layer in itertools.groupby(steps, key=lambda step: step.layer):
            if layer:
                lines.append(f'<tr class="layer"><td class="l" colspan="6">{html.escape(layer)}</td></tr>')
            for step in of_layer:
                lines += _html_rows(step, trace.max_numbers)
    return "\n".join([*lines, "</table>", "</div>"])


def _html_rows(step: Step, most: int) -> list[str]:
    text, latex = step.equation, step.latex
    cells = "<td></td>" * 5
    if not step.shape:
        text, latex = f"{text} = {step.values:.6g}", f"{latex} = {latex_number(f'{step.values:.6g}')}"
    else:
        statistics = step.statistics
        shown = [number(statistics[key]) for key in ("min", "mean", "max")]
        shown.append(f"{100 * statistics['zeros']:.0f} %" if statistics["zeros"] else "")
        cells = "".join(f"<td>{cell}</td>" for cell in (shape_of(step).replace("x", "&times;"), *shown))
    equation = f'<span class="tex">\\({html.escape(latex)}\\)</span>'
    equation += f'<span class="plain" style="display: none">{html.escape(text)}</span>'
    rows = [f'<tr><td class="l">{equation}</td>{cells}</tr>']
    below = f'<div class="note">{html.escape(step.note)}</div>' if step.note else ""
    if show_numbers(step, most):
        below += f"<pre>{html.escape(chr(10).join(_matrix(step.values)))}</pre>"
    return [*rows, f'<tr><td class="l" colspan="6">{below}</td></tr>'] if below else rows


# ---- LaTeX -----------------------------------------------------------------------------------------------------


def as_latex(trace: Trace) -> str:
    """A fragment of a document, for the package amsmath."""
    lines = [r"% needs \usepackage{amsmath}", r"\begingroup\allowdisplaybreaks"]
    lines += [rf"{{\raggedright\noindent\ttfamily {escaped(trace.title)}\par}}", escaped(f"{about(trace)}.")]
    lines += [f"\n{escaped(text)}" for text in (convention(trace), trace.story) if text]
    for part, steps in itertools.groupby(trace, key=lambda step: step.part):
        heading = HEADINGS[part].format(optimizer=trace.optimizer)
        lines += ["", rf"\paragraph{{{escaped(heading[0].upper() + heading[1:])}}}", r"\begin{align*}"]
        rows = []
        for layer, grouped in itertools.groupby(steps, key=lambda step: step.layer):
            of_layer = list(grouped)
            notes = "; ".join(step.note for step in of_layer if step.note and part == "forward")
            title = rf"\texttt{{{escaped(layer)}}}" + (f": {escaped(notes)}" if notes else "")
            above = f"\\intertext{{{title}}}\n" if layer else ""
            for step in of_layer:
                rows.append(above + _latex_row(step, trace.max_numbers))
                above = ""
        lines += [" \\\\\n".join(rows), r"\end{align*}"]
    return "\n".join([*lines, r"\endgroup", ""])


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
