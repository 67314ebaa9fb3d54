"""Facts about the figures: medians, ratios, tables, and the size of what is installed."""

import json

import pytest

from benchmarks.report import number, render
from benchmarks.results import Results
from benchmarks.rows import importing

from .common import MACHINE


def results_of(**samples):
    results = Results()
    for framework, values in samples.items():
        results.open("training", "a case", framework, "us").samples = values
    return results


def test_the_ratio_is_of_the_best_peers_median_to_nnlites():
    results = results_of(nnlite=[2.0, 1.0, 30.0], torch=[5.0, 5.0, 0.1], jax=[3.0, 4.0, 9.0])
    assert results.ratio("training", "a case", "nnlite") == ("jax", 4 / 2, 0.1 / 1.0)
    assert results.ratio("training", "a case", "nnlite", among=["torch"]) == ("torch", 5 / 2, 0.1)
    assert results.ratio("training", "a case", "nnlite-fast") is None
    results.get("training", "a case", "jax").failure = "did not learn"
    assert results.ratio("training", "a case", "nnlite").median == 5 / 2


def test_nnlites_other_engine_and_the_limits_are_no_peers():
    results = results_of(nnlite=[2.0], torch=[5.0], openblas=[0.5])
    results.open("training", "a case", "nnlite-fast", "us").samples = [1.0]
    assert results.ratio("training", "a case", "nnlite") == ("torch", 2.5, 2.5)
    assert results.ratio("training", "a case", "nnlite-fast") == ("torch", 5.0, 5.0)
    assert results.reference() == "nnlite-fast"


def test_what_was_written_can_be_read_again():
    results = results_of(nnlite=[2.0, 1.0], torch=[])
    again = Results.from_json(json.loads(json.dumps(results.as_json())))
    assert again.measurements == results.measurements


def test_the_table_says_who_failed_and_who_is_best():
    results = results_of(nnlite=[2.0, 2.0, 2.0], torch=[5.0, 4.0, 6.0], jax=[1.0, 1.0])
    results.get("training", "a case", "jax").failure = "did not learn"
    text = render(results, MACHINE, {"growth": ["for another day"]}, ["about"])
    (line,) = [line for line in text.splitlines() if line.startswith("| a case")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["a case, us", "2.00 (2.00)", "5.00 (4.00)", "did not learn", "PyTorch", "**2.50** (2.00)"]
    assert "a processor, 2 cores" in text
    assert "Set by nnlite for itself: OPENBLAS_THREAD_TIMEOUT=19." in text
    assert "In all processes" not in text
    assert "Python 3, numpy 2; nnlite's commit abc." in text
    assert text.index("## A training step") < text.index("## How a step grows") < text.index("for another day")


@pytest.mark.parametrize(
    ("value", "text"), [(94321.4, "94,321"), (312.6, "313"), (31.26, "31.3"), (3.126, "3.13"), (0.3126, "0.313")]
)
def test_figures_have_three_digits(value, text):
    assert number(value) == text


def test_the_installed_size_counts_what_is_required_and_each_once():
    needed = importing.required(("nnlite",))
    assert {"nnlite", "numpy", "matplotlib", "tqdm", "pillow"} <= needed
    assert "hypothesis" not in needed  # of an extra
    alone = importing.installed_bytes(("numpy",))
    assert importing.installed_bytes(("numpy", "numpy")) == alone > 10e6
    assert importing.installed_bytes(("no-such-distribution",)) == 0
