"""What nnlite wants to reach, row by row, and whether a run has reached it."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from benchmarks.frameworks import FAST, FRAMEWORKS, TEXTBOOK
from benchmarks.images import IMAGE_NETWORKS
from benchmarks.networks import NETWORKS
from benchmarks.results import PEERS, Results
from benchmarks.rows import mnist, prediction


class Found(NamedTuple):
    """What a run says about a goal.

    Attributes
    ----------
    median, minimum : float
        The figure from the medians of the samples, and from their minima.
    by : str
        Which peer, library or case decides it.
    """

    median: float
    minimum: float
    by: str


class Goal(NamedTuple):
    """One goal.

    Attributes
    ----------
    text : str
        What is compared.
    at_least : float
    find : function of Results
        Returns what a run says about it, or None if that was not measured.
    """

    text: str
    at_least: float
    find: Callable[[Results], Found | None]


def against(row: str, case: str, among: Sequence[str] = PEERS, own: str = FAST) -> Callable[[Results], Found | None]:
    """Return the figure best peer / nnlite of a case."""

    def find(results: Results) -> Found | None:
        ratio = results.ratio(row, case, own, among)
        return ratio and Found(ratio.median, ratio.minimum, FRAMEWORKS[ratio.peer].title)

    return find


def geometric_mean(results: Results) -> Found | None:
    """Return the geometric mean of best peer / nnlite over all networks, if every one was measured."""
    ratios = [results.ratio("training", network.title, FAST) for network in NETWORKS.values()]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(ratios):
        return None
    medians, minima = ([getattr(ratio, name) for ratio in known] for name in ("median", "minimum"))
    return Found(statistics.geometric_mean(medians), statistics.geometric_mean(minima), "")


def lowest(row: str, own: str = FAST, among: Sequence[str] = PEERS) -> Callable[[Results], Found | None]:
    """Return the lowest figure best peer / nnlite of all cases of a row."""

    def find(results: Results) -> Found | None:
        ratios = ((case, results.ratio(row, case, own, among)) for case in results.cases(row))
        found = [(ratio.median, ratio.minimum, case) for case, ratio in ratios if ratio is not None]
        return Found(*min(found)) if found else None

    return find


def share(network: str) -> Callable[[Results], Found | None]:
    """Return the time of the matrix products of a step as a share of the step."""

    def find(results: Results) -> Found | None:
        title = NETWORKS[network].title
        step, products = results.get("training", title, FAST), results.limit(title)
        if step is None or not step.counts or products is None:
            return None
        by = FRAMEWORKS[products.framework].title
        return Found(products.median / step.median, products.minimum / step.minimum, by)

    return find


def _goals() -> Iterator[Goal]:
    names = list(NETWORKS)
    small = NETWORKS[names[0]].title
    others = [name for name in PEERS if name != "jax-scan"]
    yield Goal(f"{small}: against JAX (scan)", 3, against("training", small, ["jax-scan"]))
    yield Goal(f"{small}: against all others", 8, against("training", small, others))
    for name, at_least in zip(names[1:], (1.3, 1.35, 1.5, 1.15, 1.15, 1.5), strict=True):
        title = NETWORKS[name].title
        yield Goal(title, at_least, against("training", title))
    yield Goal("geometric mean of the seven", 1.5, geometric_mean)
    for images, at_least in zip(IMAGE_NETWORKS, (1.3, 1, 1), strict=True):
        yield Goal(images.title, at_least, against("convolutions", images.title))
    yield Goal(mnist.SECOND, 1.6, against("mnist", mnist.SECOND))
    yield Goal(mnist.KEPT, 1, against("mnist", mnist.KEPT))
    one, many = prediction.BATCHES
    yield Goal(f"prediction, {one}: against ONNX Runtime", 1.2, against("prediction", one, ["onnx"]))
    others = [name for name in PEERS if name != "onnx"]
    yield Goal(f"prediction, {one}: against all others", 2.5, against("prediction", one, others))
    yield Goal(f"prediction, {many}", 1.05, against("prediction", many))
    for name, at_least in zip([names[4], names[5], names[2], names[3]], (0.9, 0.9, 0.8, 0.8), strict=True):
        yield Goal(f"{name}: share of the limit", at_least, share(name))
    yield Goal("growth: the lowest point", 1, lowest("growth"))
    yield Goal("peak memory: the lowest case", 1.3, lowest("memory"))
    yield Goal(
        "without Numba, a training step against scikit-learn: the lowest case",
        1,
        lowest("training", TEXTBOOK, ["sklearn"]),
    )
    yield Goal("without Numba, MNIST to 97 % against JAX", 1, against("mnist", mnist.SECOND, ["jax"], TEXTBOOK))


GOALS = tuple(_goals())


def reached(results: Results) -> list[tuple[Goal, Found]]:
    """Return the goals about which these results say something, with what they say."""
    found = ((goal, goal.find(results)) for goal in GOALS)
    return [(goal, what) for goal, what in found if what is not None]
