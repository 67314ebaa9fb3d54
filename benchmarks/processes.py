"""Processes from the outside: how they are started, asked, watched and ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from benchmarks.frameworks import NOTHING, Framework
from nnlite.engine import openblas

ROOT = Path(__file__).resolve().parent.parent
WORKER = ("-m", "benchmarks.worker")
LONGEST = 300.0  # seconds to wait for an answer; compiling can take one


class PeerError(Exception):
    """A framework's process has failed: what it said."""


def environment(settings: Mapping[str, str] = NOTHING) -> dict[str, str]:
    """Return the environment of a measured process: a thread for each core, on the CPU, whatever was set outside.

    How threads wait (``OMP_WAIT_POLICY`` and its kind) and what kernels are chosen is left as each library has it.

    Parameters
    ----------
    settings : mapping of str to str
        Variables for this process alone.
    """
    number = str(openblas.processors())
    # what nnlite has set in this process is not for all; TQDM's variables could hide the bar
    outside = {
        name: value
        for name, value in os.environ.items()
        if name not in openblas.added and not name.startswith(("TQDM_", "JAX_", "NNLITE_NUM_THREADS"))
    }
    return outside | {
        "OMP_NUM_THREADS": number,
        "OPENBLAS_NUM_THREADS": number,
        "MKL_NUM_THREADS": number,
        "NPROC": number,  # XLA's threads
        "JAX_PLATFORMS": "cpu",
        "KERAS_BACKEND": "jax",
        "CUDA_VISIBLE_DEVICES": "",
        **settings,
    }


class Terminal:
    """A pseudo terminal of 24 rows and 80 columns for a process to draw on; what is drawn is read away.

    Attributes
    ----------
    slave : int
        File descriptor for the process.
    """

    def __init__(self) -> None:
        import fcntl
        import termios

        self._master, self.slave = os.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._tail = b""
        self.drawings = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # how the end of a terminal looks on Linux
            while drawn := os.read(self._master, 1 << 16):
                self.drawings += drawn.count(b"\r")  # a bar begins each drawing with a carriage return
                self._tail = (self._tail + drawn)[-20_000:]

    def tail(self) -> str:
        """What was drawn last."""
        return self._tail.decode(errors="replace")

    def close(self) -> None:
        """Let go of our side."""
        os.close(self.slave)
        self._reader.join(1)
        os.close(self._master)


class ErrorFile:
    """A file in the place of a terminal, for those that have nothing to draw."""

    drawings = 0

    def __init__(self) -> None:
        self.slave, path = tempfile.mkstemp()
        os.unlink(path)  # it lives as long as it is open

    def tail(self) -> str:
        """What was written last."""
        size = os.fstat(self.slave).st_size
        return os.pread(self.slave, 20_000, max(0, size - 20_000)).decode(errors="replace")

    def close(self) -> None:
        """Let go of it."""
        os.close(self.slave)


class Process:
    """A Python process of ours, in a session of its own, so that a Ctrl-C reaches us alone and we end it.

    Parameters
    ----------
    arguments : str
        For the interpreter.
    draws : bool
        Give it a terminal as standard error.
    settings : mapping of str to str
        Environment variables of its own.
    """

    def __init__(self, *arguments: str, draws: bool = False, settings: Mapping[str, str] = NOTHING) -> None:
        self.screen = Terminal() if draws else ErrorFile()
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.screen.slave,
            cwd=ROOT,
            env=environment(settings),
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        self._read = b""

    def write(self, line: str) -> None:
        """Send a line."""
        try:
            self._stdin.write(line.encode() + b"\n")
            self._stdin.flush()
        except OSError:
            raise PeerError(self._last_words()) from None

    def line(self, patience: float = LONGEST) -> str:
        """Wait for the next line of its output."""
        end = time.monotonic() + patience
        while b"\n" not in self._read:
            if not select.select([self._stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise PeerError(f"no answer within {patience:.0f} seconds")
            some = os.read(self._stdout.fileno(), 1 << 16)
            if not some:
                raise PeerError(self._last_words())
            self._read += some
        line, _, self._read = self._read.partition(b"\n")
        return line.decode()

    def _last_words(self) -> str:
        """What it said before it ended, or how it ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        words = [line for line in self.screen.tail().splitlines() if line.strip()]
        return words[-1].strip() if words else f"ended with exit code {self._process.returncode}"

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._stdin.close()
        self._stdout.close()
        self.screen.close()


class Worker(Process):
    """A framework's process that stays, and carries out one command at a time.

    Parameters
    ----------
    framework : Framework

    Attributes
    ----------
    idle_seconds, idle_cpu : float
        How long it has waited for commands, and how much CPU time it used while it should have slept.
    """

    def __init__(self, framework: Framework) -> None:
        super().__init__(*WORKER, framework.module, draws=framework.draws, settings=framework.settings)
        self.idle_seconds = self.idle_cpu = 0.0

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Give a command and wait for the answer; PeerError if it fails."""
        self.write(json.dumps({"command": command, **arguments}))
        answer: dict[str, Any] = json.loads(self.line())
        self.idle_seconds += answer.pop("idle_seconds")
        self.idle_cpu += answer.pop("idle_cpu")
        if "error" in answer:
            raise PeerError(answer["error"])
        return answer
