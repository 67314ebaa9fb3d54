"""One run of the benchmarks: who takes part, whose turn it is, and what is said meanwhile."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.frameworks import FRAMEWORKS, NOTHING
from benchmarks.networks import Network
from benchmarks.processes import PeerError, Process, Worker
from benchmarks.quiet import Quiet
from benchmarks.results import Results

WORTH_TELLING = 2  # seconds
HURRY = 110  # seconds after which --quick leaves out further rounds and runs


@dataclass
class Options:
    """What the command line asks for."""

    rows: list[str]
    frameworks: list[str]
    networks: list[Network]
    rounds: int
    quick: bool
    mnist: str | None
    patience: float


class Session:
    """Holds the workers, asks them in turn, and keeps what they answer.

    Attributes
    ----------
    left_out : list of str
        Frameworks that were asked for and do not take part.
    failures : list of str
        A line for each thing that went wrong.
    notes : dict
        For a row, what a reader of its table should know, line by line.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.results = Results()
        self._started, self._new_line = time.perf_counter(), True
        self.left_out: list[str] = []
        self.failures: list[str] = []
        self.notes: dict[str, list[str]] = {}
        self.drawings = 0  # of nnlite's progress bars
        self.idle_seconds = self.idle_cpu = 0.0
        self.quiet = Quiet(options.patience)
        self._workers: dict[str, Worker] = {}
        self._process: Process | None = None  # that lives for one measurement

    def say(self, text: str = "", end: str = "\n") -> None:
        """Show progress, a line beginning with the seconds since the start."""
        at = f"{self.seconds:4.0f} s  " if self._new_line and text else ""
        print(at + text, end=end, flush=True)
        self._new_line = end == "\n"

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._started

    def late(self, share: float) -> bool:
        """Whether a run with --quick has taken more than this share of its time; others take the time they need."""
        return self.options.quick and self.seconds > share * HURRY

    def note(self, row: str, text: str) -> None:
        """Say it now, and below the row's table."""
        self.say(f"  {text}")
        self.notes.setdefault(row, []).append(text)

    def fail(self, framework: str, case: str, error: object) -> None:
        """Keep what went wrong; the rest goes on."""
        text = f"{FRAMEWORKS[framework].title}, {case}: {error}"
        if not self._new_line:
            self.say()
        self.say(f"FAILED {text}")
        self.failures.append(text)

    def turns(self, frameworks: Sequence[str], number: int) -> list[str]:
        """The frameworks, each round beginning with another one."""
        start = number % max(1, len(frameworks))
        return [*frameworks[start:], *frameworks[:start]]

    def ask(self, framework: str, case: str, command: str, **arguments: Any) -> dict[str, Any] | None:
        """Let a worker carry out a command while all others sleep; None if it fails."""
        if framework not in self._workers:
            self._workers[framework] = Worker(FRAMEWORKS[framework])
        worker = self._workers[framework]
        drawn = worker.screen.drawings
        measured = not command.startswith(("begin", "end"))
        if measured:
            self._wait()
            self.quiet.begin()
        try:
            answer = worker.ask(command, **arguments)
        except PeerError as error:
            self.fail(framework, case, error)
            self._end_worker(framework)  # the next one starts from a clean state
            return None
        else:
            if measured:
                self.quiet.end(answer["cpu_seconds"])
            return answer
        finally:
            self.drawings += worker.screen.drawings - drawn

    def _wait(self) -> None:
        """For quiet; a long wait is told."""
        patience = self.quiet.patience
        self.quiet.wait()
        waited = patience - self.quiet.patience
        if waited > WORTH_TELLING:
            self.say(f"  (waited {waited:.0f} s for other programs)", end="")

    def run_alone(
        self, *arguments: str, draws: bool = False, settings: Mapping[str, str] = NOTHING
    ) -> tuple[float, str]:
        """Start a Python process; return the seconds until its first line of output, and that line."""
        self._wait()
        self._process = Process(*arguments, draws=draws, settings=settings)
        try:
            line = self._process.line()
            return time.perf_counter() - self._process.started, line
        finally:
            self.drawings += self._process.screen.drawings
            self._process.end()
            self._process = None

    def ask_alone(self, framework: str, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Let a fresh worker carry out these commands, then end it; return its answers."""
        self._process = worker = Worker(FRAMEWORKS[framework])
        try:
            return [worker.ask(**command) for command in commands]
        finally:
            worker.end()
            self._process = None

    def _end_worker(self, framework: str) -> None:
        worker = self._workers.pop(framework)
        self.idle_seconds += worker.idle_seconds
        self.idle_cpu += worker.idle_cpu
        worker.end()

    def end(self) -> None:
        """End all processes."""
        for framework in list(self._workers):
            self._end_worker(framework)
        if self._process is not None:
            self._process.end()
            self._process = None
