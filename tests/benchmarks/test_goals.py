"""Facts about the goals: which figure each of them is held against."""

import pytest

from benchmarks import goals
from benchmarks.networks import NETWORKS
from benchmarks.results import Results
from benchmarks.rows import mnist


def found(results, text):
    (what,) = [what for goal, what in goals.reached(results) if goal.text == text]
    return what


def results_of(row, cases):
    """Results with one sample for each framework in each case."""
    results = Results()
    for case, values in cases.items():
        for framework, value in values.items():
            results.open(row, case, framework, "us").samples = [value]
    return results


def test_nothing_is_said_about_what_was_not_measured():
    assert goals.reached(Results()) == []


def test_scanned_jax_is_held_apart_on_the_smallest_network():
    title = NETWORKS["64-32-10"].title
    results = results_of("training", {title: {"nnlite-fast": 2.0, "jax-scan": 5.0, "jax": 30.0, "torch": 18.0}})
    assert found(results, f"{title}: against JAX (scan)") == (2.5, 2.5, "JAX (scan)")
    assert found(results, f"{title}: against all others") == (9.0, 9.0, "PyTorch")


def test_the_mean_of_the_seven_is_geometric_and_needs_all_of_them():
    cases = {network.title: {"nnlite-fast": 1.0, "jax": 2.0} for network in NETWORKS.values()}
    first, *others = cases
    cases[first]["jax"] = 2.0 * 2**7
    assert found(results_of("training", cases), "geometric mean of the seven").median == pytest.approx(4)
    some = results_of("training", {case: cases[case] for case in others})
    assert "geometric mean of the seven" not in [goal.text for goal, _ in goals.reached(some)]


def test_the_limit_is_that_of_the_faster_library():
    title = NETWORKS["784-3x2048-10"].title
    results = results_of("training", {title: {"nnlite-fast": 10.0, "nnlite": 20.0}})
    for library, us in (("mkl", 9.0), ("openblas", 8.0)):
        results.open("limit", title, library, "us").samples = [us]
    assert found(results, "784-3x2048-10: share of the limit") == (0.8, 0.8, "OpenBLAS")


def test_of_growth_and_memory_the_lowest_case_counts():
    results = results_of(
        "growth", {"width 64": {"nnlite-fast": 1.0, "jax": 3.0}, "batch 1": {"nnlite-fast": 1.0, "jax": 0.9}}
    )
    assert found(results, "growth: the lowest point") == (0.9, 0.9, "batch 1")


def test_the_textbook_is_held_against_scikit_learn_and_jax():
    results = results_of("training", {"a case": {"nnlite": 2.0, "sklearn": 3.0, "jax": 1.0, "nnlite-fast": 0.1}})
    results.open("mnist", mnist.SECOND, "nnlite", "s").samples = [3.0]
    results.open("mnist", mnist.SECOND, "jax", "s").samples = [4.5]
    results.open("mnist", mnist.SECOND, "jax-scan", "s").samples = [1.0]
    figures = {goal.text: what.median for goal, what in goals.reached(results) if goal.text.startswith("without")}
    assert list(figures.values()) == [1.5, 1.5]
