"""Facts about the HTML that notebooks show: it is well formed, whatever names users choose."""

import math
import re

import numpy as np
import pytest

import nnlite as nn
from nnlite import markup

from .inspect.networks import Page

NASTY = "<script>alert(1)</script> & \"quoted\" 'so' ($x$)"
RNG = np.random.default_rng(0)
X, y = RNG.standard_normal((24, 3)), np.arange(24) % 2


class Nasty(nn.Layer):
    def __repr__(self):
        return NASTY

    def forward(self, a_prev, cache):
        return a_prev

    def backward(self, da, cache):
        return da


@pytest.fixture(scope="module")
def shown():
    """One of each kind, with text of users wherever there can be one."""
    layers = [nn.Dense(3), Nasty(), nn.Dense(2), nn.Softmax()]
    unbuilt, model = nn.Model(layers, seed=0), nn.Model([nn.Dense(3), Nasty(), nn.Dense(2), nn.Softmax()], seed=0)
    labels = np.array([NASTY, "other"])[y]

    def metric(y, Y_hat):
        return 0.5

    metric.__name__ = NASTY
    history = model.fit(X, labels, epochs=3, validation_split=0.25, metrics=[metric], progress=False)
    table = nn.Table({NASTY: X[:, 0], "job": labels, "class": labels}, target="class")
    of_table = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    of_table.fit(table, epochs=1, progress=False)
    return {
        "unbuilt": unbuilt,
        "model": model,
        "model of a table": of_table,
        "history": history,
        "empty history": nn.History(),
        "table": table,
        "diagnosis": nn.Diagnosis([nn.Finding(NASTY, "data", "problem", NASTY, {NASTY: NASTY}, NASTY)]),
        "gradient check": nn.gradient_check(model, X, y),
        "trace": nn.trace(model, X[:2], y[:2]),
    }


KINDS = [
    "unbuilt",
    "model",
    "model of a table",
    "history",
    "empty history",
    "table",
    "diagnosis",
    "gradient check",
    "trace",
]


@pytest.mark.parametrize("kind", KINDS)
def test_the_text_of_users_is_text(shown, kind):
    page = shown[kind]._repr_html_()
    assert "<script>" not in page
    assert "'so'" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)  # nor does it end an attribute
    texts = " ".join(Page(page).texts)
    assert ("<script>" in texts) == (kind != "empty history")


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_has_the_style_sheet_and_needs_no_script_and_no_network(shown, kind):
    page = shown[kind]._repr_html_()
    assert page.startswith(markup.STYLE)
    assert page.count("<table") == 1
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "trace"])
def test_a_dollar_sign_begins_no_equation(shown, kind):
    assert f'<div class="nnlite {markup.IGNORED}">' in shown[kind]._repr_html_()


@pytest.mark.parametrize("kind", KINDS)
def test_repr_and_str_are_plain(shown, kind):
    for text in (repr(shown[kind]), str(shown[kind])):
        assert text
        assert " object at 0x" not in text


def rows_of(page):
    return [
        [re.sub(r"<[^>]*>", "", cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)]
        for row in re.findall(r"<tr.*?</tr>", page, flags=re.DOTALL)
    ]


def test_a_model_shows_what_its_summary_shows():
    model = nn.Model([nn.Dense(3), nn.ReLU(), nn.Dense(2), nn.Softmax()], n_features=4, seed=0)
    assert rows_of(model._repr_html_()) == [
        ["layer", "output", "parameters"],
        ["X", "(M, 4)", ""],
        ["Dense(3)", "(M, 3)", "15"],
        ["ReLU()", "(M, 3)", ""],
        ["Dense(2)", "(M, 2)", "8"],
        ["Softmax()", "(M, 2)", ""],
        ["total", "float32", "23"],
    ]


def test_showing_a_model_does_not_build_it():
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    assert "The first training decides the size of the input." in model._repr_html_()
    assert not model.built


def test_a_history_shows_first_last_lowest_and_highest():
    history = nn.History()
    for loss, val_loss in [(3.0, 2.0), (1.0, 2.5), (2.0, 2.25)]:
        history.append({"loss": loss, "val_loss": val_loss})
    assert rows_of(history._repr_html_()) == [
        ["", "curve", "first", "last", "lowest", "highest"],
        ["loss", "", "3", "2", "1 in epoch 2", "3 in epoch 1"],
        ["val_loss", "", "2", "2.25", "2 in epoch 1", "2.5 in epoch 2"],
    ]


def test_a_history_says_that_it_was_interrupted_or_resumed():
    history = nn.History()
    history.append({"loss": math.nan, "seconds": 1.5})
    history.interrupted, history.resumed_at = True, 4
    text = " ".join(Page(history._repr_html_()).texts)
    assert "1 epoch, textbook engine, 1.5 s, resumed after 4 epochs, interrupted by Ctrl-C" in text


def points(svg):
    return re.findall(r"([ML])([\d.]+) ([\d.]+)", svg)


def test_a_sparkline_goes_from_left_to_right_and_is_high_where_values_are():
    found = [(letter, float(x), float(y)) for letter, x, y in points(markup.sparkline([([1, 3, 2], "red")], 104, 24))]
    assert found == [("M", 2, 22), ("L", 52, 2), ("L", 102, 12)]


def test_a_sparkline_leaves_a_gap_for_what_is_not_finite():
    found = points(markup.sparkline([([1, math.nan, 2, math.inf, 3], "red")], 104, 24))
    assert [letter for letter, _, _ in found] == ["M", "M", "M"]
    assert markup.sparkline([([math.nan], "red")]) == ""
    assert markup.sparkline([([], "red")]) == ""


def test_constant_and_single_values_have_a_line():
    assert [y for _, _, y in points(markup.sparkline([([5, 5], "red")], 104, 24))] == ["12.0", "12.0"]
    assert "h.1" in markup.sparkline([([5], "red")])
