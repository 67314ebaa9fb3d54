"""Whether the machine is quiet: what other programs take away while a framework is measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

PAUSE = 0.1  # seconds before a turn: until then the threads of the one before have gone to sleep
LOUD = 0.5  # cores that are busy in a pause, above which we wait on
DISTURBING = 0.15  # cores that others use during a turn


def busy_seconds() -> float | None:
    """CPU time that the whole machine has spent on anything since it started; None where it does not say."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, first.split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def busy_cores(seconds: float = 0.5) -> float:
    """How many cores programs keep busy while this one waits; 0 where the machine does not say."""
    before = busy_seconds()
    time.sleep(seconds)
    after = busy_seconds()
    return 0.0 if before is None or after is None else (after - before) / seconds


class Quiet:
    """Waits for quiet before a turn, and counts the turns that others disturbed.

    Parameters
    ----------
    patience : float
        Seconds to wait for others in all.
    """

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self.n_turns = self.n_disturbed = 0

    def wait(self) -> None:
        """Pause, and go on pausing while the machine is busy and patience lasts."""
        while True:
            before = busy_seconds()
            time.sleep(PAUSE)
            after = busy_seconds()
            if before is None or after is None or after - before < LOUD * PAUSE or self.patience <= 0:
                return
            self.patience -= PAUSE

    def begin(self) -> None:
        """Before a turn."""
        self._began, self._busy, self._own = time.perf_counter(), busy_seconds(), time.process_time()

    def end(self, cpu_seconds: float) -> None:
        """After a turn in which the process that was measured used so much CPU time."""
        now, seconds = busy_seconds(), time.perf_counter() - self._began
        if now is None or self._busy is None:
            return
        of_others = now - self._busy - cpu_seconds - (time.process_time() - self._own)
        self.n_turns += 1
        self.n_disturbed += of_others > DISTURBING * seconds + 0.03  # the clock ticks in hundredths, for each core
