"""What was measured, in one form for every row."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from benchmarks.frameworks import FAST, FRAMEWORKS, LIMITS, OWN, TEXTBOOK

PEERS = tuple(name for name in FRAMEWORKS if name not in (*OWN, *LIMITS))


@dataclass
class Measurement:
    """Of one framework, in one case of one row.

    Attributes
    ----------
    row, case, framework : str
    unit : str
    samples : list of float
        One a round.
    facts : dict
        What else is known, such as the loss after the run.
    failure : str
        Why there is nothing to compare; empty if all went well.
    """

    row: str
    case: str
    framework: str
    unit: str
    samples: list[float] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    failure: str = ""

    @property
    def counts(self) -> bool:
        """Whether it may be compared with others."""
        return bool(self.samples) and not self.failure

    @property
    def median(self) -> float:
        """Median of the samples."""
        return statistics.median(self.samples)

    @property
    def minimum(self) -> float:
        """Smallest of the samples."""
        return min(self.samples)


class Ratio(NamedTuple):
    """How many times as much a peer needs as nnlite.

    Attributes
    ----------
    peer : str
        The best peer by the median, among those that were asked about.
    median : float
        The ratio of the medians: above 1, nnlite is ahead.
    minimum : float
        The smallest sample of all these peers to nnlite's.
    """

    peer: str
    median: float
    minimum: float


class Results:
    """All measurements, in the order in which they were made."""

    def __init__(self, measurements: Iterable[Measurement] = ()) -> None:
        self.measurements = list(measurements)

    def open(self, row: str, case: str, framework: str, unit: str) -> Measurement:
        """Return the measurement of this name; the first call makes it."""
        found = self.get(row, case, framework)
        if found is None:
            found = Measurement(row, case, framework, unit)
            self.measurements.append(found)
        return found

    def get(self, row: str, case: str, framework: str) -> Measurement | None:
        """Return the measurement of this name, or None."""
        for m in self.measurements:
            if (m.row, m.case, m.framework) == (row, case, framework):
                return m
        return None

    def cases(self, row: str) -> list[str]:
        """Return the cases of a row, in order."""
        return list(dict.fromkeys(m.case for m in self.measurements if m.row == row))

    def frameworks(self, row: str) -> list[str]:
        """Return the frameworks that have something in a row, in the order of the tables."""
        there = {m.framework for m in self.measurements if m.row == row}
        return [framework for framework in FRAMEWORKS if framework in there]

    def peers(self, row: str, case: str, among: Sequence[str] = PEERS) -> list[Measurement]:
        """Return what counts of the peers in a case, the smallest median first: less is better in every row."""
        found = [m for m in self.measurements if (m.row, m.case) == (row, case) and m.framework in among and m.counts]
        return sorted(found, key=lambda m: m.median)

    def ratio(self, row: str, case: str, own: str, among: Sequence[str] = PEERS) -> Ratio | None:
        """Return the ratio of the best of these peers to one of nnlite's engines, or None if one of them is missing."""
        measured, peers = self.get(row, case, own), self.peers(row, case, among)
        if measured is None or not measured.counts or not peers:
            return None
        minimum = min(peer.minimum for peer in peers) / measured.minimum
        return Ratio(peers[0].framework, peers[0].median / measured.median, minimum)

    def limit(self, case: str) -> Measurement | None:
        """Return the matrix products of a training step by the fastest library, or None."""
        return next(iter(self.peers("limit", case, LIMITS)), None)

    def reference(self) -> str:
        """Return the engine of nnlite with which the pictures compare: the compiled one, if it was measured."""
        return FAST if any(m.framework == FAST and m.counts for m in self.measurements) else TEXTBOOK

    def as_json(self) -> list[dict[str, Any]]:
        """Return all of it, with medians and minima."""
        return [
            asdict(m) | ({"median": m.median, "minimum": m.minimum} if m.samples else {}) for m in self.measurements
        ]

    @classmethod
    def from_json(cls, measurements: Iterable[dict[str, Any]]) -> Results:
        """Return the results that `as_json` wrote."""
        names = [field.name for field in fields(Measurement)]
        return cls(Measurement(**{name: m[name] for name in names}) for m in measurements)
