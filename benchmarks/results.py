"""What was measured, in one form for every row."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.frameworks import FRAMEWORKS, OWN


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
        """Of the samples."""
        return statistics.median(self.samples)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between which the middle half of the samples lies."""
        if len(self.samples) < 2:
            return self.samples[0], self.samples[0]
        lower, _, upper = statistics.quantiles(self.samples, n=4, method="inclusive")
        return lower, upper


class Results:
    """All measurements, in the order in which they were made."""

    def __init__(self) -> None:
        self.measurements: list[Measurement] = []

    def open(self, row: str, case: str, framework: str, unit: str) -> Measurement:
        """The measurement of this name, made when it is first asked for."""
        found = self.get(row, case, framework)
        if found is None:
            found = Measurement(row, case, framework, unit)
            self.measurements.append(found)
        return found

    def get(self, row: str, case: str, framework: str) -> Measurement | None:
        """The measurement of this name, if there is one."""
        for m in self.measurements:
            if (m.row, m.case, m.framework) == (row, case, framework):
                return m
        return None

    def cases(self, row: str) -> list[str]:
        """Of a row, in order."""
        return list(dict.fromkeys(m.case for m in self.measurements if m.row == row))

    def frameworks(self, row: str) -> list[str]:
        """That have something in a row, in the order of the tables."""
        there = {m.framework for m in self.measurements if m.row == row}
        return [framework for framework in FRAMEWORKS if framework in there]

    def best_peer(self, row: str, case: str) -> Measurement | None:
        """The peer with the smallest median: less is better in every row."""
        peers = [m for m in self.measurements if (m.row, m.case) == (row, case) and m.framework != OWN and m.counts]
        return min(peers, key=lambda m: m.median, default=None)

    def ratio(self, row: str, case: str) -> float | None:
        """The best peer's median to nnlite's: above 1, nnlite is ahead."""
        own, best = self.get(row, case, OWN), self.best_peer(row, case)
        if own is None or not own.counts or best is None:
            return None
        return best.median / own.median

    def as_json(self) -> list[dict[str, Any]]:
        """All of it, with medians and quartiles."""
        return [
            asdict(m) | ({"median": m.median, "quartiles": m.quartiles} if m.samples else {}) for m in self.measurements
        ]
