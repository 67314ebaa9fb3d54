"""Facts about the look of a trace: the table fits a terminal, HTML and LaTeX are well-formed."""

import re
import shutil
import subprocess

import numpy as np
import pytest

import nnlite as nn
from nnlite.inspect.tracing.notation import latex_number

from ...support import Square
from ..networks import HIDDEN, RNG, Page, X, deep, y


class _Underscore(Square):
    """A layer whose name and argument have the special characters of HTML and LaTeX."""

    def __init__(self, name="50 % & <b>$x_1$</b> {\\}"):
        self.name = name


SHOWN = [deep(layer, nn.ReLU()) for layer in (*HIDDEN, _Underscore())]
SHOWN.append(deep(*[nn.Residual([nn.LayerNorm(), nn.Dense(4), nn.GELU()]) for _ in range(4)], dtype="float32"))
STRANGE = ["<i>", "$a_b$", "50 % & ~^\\", "{|}"]


def with_value(step):
    return f"{step.latex} = {latex_number(f'{step.values:.6g}')}" if not step.shape else step.latex


def check_latex(text):
    unescaped = re.sub(r"\\[\\{}%&$#_]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            environments.append(name)
        else:
            assert environments.pop() == name
    assert not environments
    assert text.count(r"\begin{align*}") in (3, 4)
    assert all(line.startswith("%") or not re.search(r"(?<!\\)%", line) for line in text.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("model", SHOWN, ids=lambda model: repr(model.layers[1])[:20])
def test_the_table_fits_a_terminal_and_html_and_latex_are_well_formed(model):
    for example in (None, 1):
        t = nn.trace(model, X, y, example=example, class_names=STRANGE)
        text = str(t)
        assert max(map(len, text.splitlines())) < 100
        assert text.isascii()
        assert repr(t) == text
        page = Page(t._repr_html_())
        assert [text for text in page.texts if text.startswith("\\(")] == [rf"\({with_value(step)}\)" for step in t]
        check_latex(t.to_latex())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path):
    fragments = [nn.trace(model, X, y, example=2, class_names=STRANGE).to_latex() for model in SHOWN]
    fragments.append(nn.trace(SHOWN[-1], X, y, max_numbers=0, optimizer=nn.Adam()).to_latex())
    document = r"\documentclass{article}\usepackage{amsmath}\begin{document}" + "\n".join(fragments) + r"\end{document}"
    (tmp_path / "trace.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "trace.tex"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert (tmp_path / "trace.pdf").stat().st_size > 10_000


def test_arrays_of_few_numbers_are_shown_in_full():
    model = deep(nn.ReLU())
    assert "[1 0 0 0]" in str(nn.trace(model, X, y))
    assert "[1 0 0 0]" not in str(nn.trace(model, X, y, max_numbers=0))
    assert "<pre>" not in nn.trace(model, X, y, max_numbers=0)._repr_html_()
    assert "bmatrix" not in nn.trace(model, X, y, max_numbers=0).to_latex()
    wide = nn.trace(deep(nn.ReLU(), n_features=30), RNG.normal(size=(1, 30)), [0])
    assert not any(len(line) > 99 for line in str(wide).splitlines())


def test_infinity_is_shown():
    model = deep(nn.Exponential(), output=nn.Identity())
    model.parameters["b1"][...] = 1000
    t = nn.trace(model, X, RNG.normal(size=(6, 4)))
    assert "inf" in str(t)
    assert Page(t._repr_html_()).texts
    check_latex(t.to_latex())


def test_the_text_of_a_user_is_not_html():
    t = nn.trace(SHOWN[-2], X, y, example=0, class_names=["<script>", "b", "c", "d"])
    assert any("<script>" in text for text in Page(t._repr_html_()).texts)
    assert "<script>" not in t._repr_html_()


def test_equal_layers_are_distinguished_by_their_places():
    t = nn.trace(deep(nn.Dense(4), nn.Residual([nn.ReLU(), nn.ReLU()])), X, y)
    for place in ("layers[0] Dense(4)", "layers[1] Dense(4)", "layers[2][0] ReLU()", "layers[2][1] ReLU()"):
        assert str(t).splitlines().count(place) >= 2
        assert place in Page(t._repr_html_()).texts


def test_it_says_whose_gradients_are_shown():
    model = deep(nn.ReLU())
    assert "dz and da are gradients of the loss L of each example, dW and db of J" in str(nn.trace(model, X, y))
    assert "dz and da are gradients" not in str(nn.trace(model, X[:1], y[:1]))
    shown = " ".join(str(nn.trace(model, X, y, example=3)).split())
    assert "Example 3 of M = 6 examples, in float64. J = " in shown
    assert "only the row of example 3 is shown" in shown
    assert np.isclose(nn.trace(model, X, y).J, float(re.search(r"J = (\S+);", shown)[1]), rtol=1e-3)


def test_a_few_numbers_are_shown_without_their_statistics():
    model = nn.Model([nn.Dense(2), nn.Identity()], n_features=3, seed=0)
    lines = str(nn.trace(model, [[1.0, 2.0, 3.0]], [[1.0, 2.0]])).splitlines()
    L = next(line for line in lines if line.startswith("  L = "))
    W = next(line for line in lines if line.startswith("  W[1] "))
    assert L.split()[-1] == "1"  # the shape
    assert len(W.split()) == len(["W[1]", "3", "x", "2", "min", "mean", "max"])
