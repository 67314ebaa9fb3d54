"""Training with the compiled engine: stretches of steps between which Python looks at nothing."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.engine import processor
from nnlite.engine.geometry import n_multiplications
from nnlite.engine.language import CACHE
from nnlite.engine.library import Library, library
from nnlite.engine.plan import Plan
from nnlite.engine.team import Team
from nnlite.optimizers import Optimizer

VARIANTS = ("float32", "float64", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
MOST_STEPS = 4096  # steps of a call: what changes from step to step is computed before it
CHUNK_SECONDS = 0.1  # with a single thread, which works in the calling thread, a call takes about as long
LARGE = 2**20  # parameters from which on several threads copy them into panels and back
PLAIN = {int, float, bool, str, type(None), np.float32, np.float64, np.int64}  # types of hyperparameters
SMALL = 4e6  # multiplications of a step below which one thread is faster than two


class Stretch(NamedTuple):
    """What came out of some steps.

    Attributes
    ----------
    n : int
        Number of steps that were made.
    J : ndarray, (n,)
        The cost of each batch, with the penalty that the optimizer reports.
    n_correct : ndarray, (n,)
    Y_hat : ndarray or None
        Of all examples, if somebody wants it.
    wrong : bool
        Whether a number became NaN or infinite in the last of them; the network is as it was before that step.
    """

    n: int
    J: Array
    n_correct: Array
    Y_hat: Array | None
    wrong: bool


class Batch(NamedTuple):
    """Examples for some steps, in their order.

    Attributes
    ----------
    X : ndarray
        All examples, in their own dtype.
    y : ndarray
        Class indices (int64), or rows of targets in the dtype of the network.
    weights : ndarray or None
        float64.
    order : ndarray
        int64: the rows of X, for the steps.
    """

    X: Array
    y: Array
    weights: Array | None
    order: Array


def choose_threads(network: Any, batch_size: int) -> int:
    """Return the number of threads for steps with batches of that size."""
    of_step = 3 * batch_size * n_multiplications(network.layers, network.input_shape)
    wanted = processor.wanted_threads()
    if wanted is not None:
        return wanted
    return 1 if of_step < SMALL else processor.available_threads()


def numbers_of(thing: Any) -> tuple[Any, ...]:
    """Return the hyperparameters of a layer or an optimizer, which a user may change between two stretches."""
    return tuple([pair for pair in vars(thing).items() if type(pair[1]) in PLAIN and pair[0][0] != "_"])


def describe(dtype: str, n_threads: int) -> str:
    """Describe what decides the last digits of the results."""
    of = library(dtype)
    machine = (
        f"{of.processor.name}, vectors of {8 * of.processor.vector_bytes} bits, {of.tiles[CACHE]:,} bytes of cache"
    )
    return f"the compiled engine with {n_threads} thread{'s' * (n_threads > 1)} ({machine})"


class Trainer:
    """Trains a network with compiled kernels.

    Parameters
    ----------
    network : Network
        Built; every layer has a kernel.
    optimizer : Optimizer
        Of a class that has a kernel.
    batch_size : int
        Most examples of a step.
    n_steps : int
        Most steps of a stretch.
    n_threads : int
    labels : bool
        Whether targets are class indices.
    variant : str
        dtype of X.
    """

    def __init__(
        self,
        network: Any,
        optimizer: Any,
        *,
        batch_size: int,
        n_steps: int,
        n_threads: int,
        labels: bool,
        variant: str,
    ) -> None:
        self.network, self.optimizer = network, optimizer
        self.batch_size, self.n_steps = batch_size, min(n_steps, MOST_STEPS)
        self.labels, self.variant = labels, variant
        self.library: Library = library(network.dtype.name)
        self.n_threads = n_threads
        self._made_for: Any = None
        self._copied: list[Array] | None = None
        self._steps_per_second = 0.0

    # ---- what it is made for --------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Make the plan and compile its kernels.

        It is made again if a layer was frozen or freed, or if a number of the optimizer or of a layer has changed.
        """
        network, optimizer = self.network, self.optimizer
        state = optimizer.state(network)
        state.arrange(network, optimizer.state_names, optimizer.initial_values)
        made_for = (
            tuple(segment.trainable for segment in network.segments),
            tuple(sorted(state.n_missed.items())),
            *map(numbers_of, network.all_layers()),
            numbers_of(optimizer),
            network.grad.ctypes.data,
        )
        if made_for == self._made_for:
            return
        missed = sorted({0, *state.n_missed.values()})
        self._missed = missed
        self.plan = Plan(
            layers=network.layers,
            input_shape=network.input_shape,
            places=network.segments,
            state_places=network.state_segments,
            optimizer=optimizer,
            library=self.library,
            batch_size=self.batch_size,
            n_threads=self.n_threads,
            n_steps=self.n_steps,
            grad=network.grad,
            groups={name: missed.index(n) for name, n in state.n_missed.items()},
            labels=self.labels,
            variant=self.variant,
        )
        workspace = [self.plan.workspace_of(thread) for thread in range(self.n_threads)]
        self.team = Team(self.library.address("train"), self.library.tiles, workspace, self.plan)
        self._made_for, self._copied = made_for, None

    # ---- stretches ------------------------------------------------------------------------------------------------

    def run(self, batch: Batch, n_steps: int, watch: Callable[[int], bool], wants_Y_hat: bool = False) -> Stretch:
        """Make ``n_steps`` steps, fewer if ``watch`` returns True. Network and optimizer are as after the last.

        If ``watch`` raises an error, the network is as it was before, but for its gradients.
        """
        self.prepare()
        network = self.network
        self._load()
        Y_hat = np.empty((len(batch.order), network.n_units), network.dtype) if wants_Y_hat else None
        keys = self._draw_keys(n_steps)
        parts: list[Stretch] = []
        done = 0
        stopped = False
        try:
            while done < n_steps and not stopped:
                n = min(n_steps - done, self._chunk())
                part = self._call(batch, done, n, keys, watch, Y_hat)
                parts.append(part)
                done += part.n
                stopped = part.wrong or part.n < n or (self.n_threads == 1 and watch(done))
        except BaseException:
            self._restore_keys()
            raise
        if parts[-1].wrong:
            self._restore_keys()
            self._made_for = None  # the columns that fill up panels may be NaN
            if done > 1:  # all steps but the last, again: the weights before the step that went wrong
                self.run(batch, done - 1, lambda n: False)
        else:
            self._unload(done, float(self._rates[parts[-1].n - 1]))
            self._settle_keys(done, n_steps)
        J, n_correct = (np.concatenate([getattr(part, name) for part in parts]) for name in ("J", "n_correct"))
        return Stretch(done, J, n_correct, Y_hat, parts[-1].wrong)

    def _chunk(self) -> int:
        """Most steps of the next call."""
        if self.n_threads > 1:
            return self.n_steps
        return max(1, min(self.n_steps, int(self._steps_per_second * CHUNK_SECONDS)))

    def _call(
        self, batch: Batch, start: int, n: int, keys: Array, watch: Callable[[int], bool], Y_hat: Array | None
    ) -> Stretch:
        plan = self.plan
        first = start * self.batch_size
        order = batch.order[first : first + n * self.batch_size]
        plan.instructions.set("X", batch.X.ctypes.data, batch.X.size)
        plan.instructions.set("order", order.ctypes.data, len(order))
        plan.instructions.set("y", batch.y.ctypes.data, batch.y.size)
        plan.instructions.set("weights", 0 if batch.weights is None else batch.weights.ctypes.data)
        plan.instructions.set("Y_hat", 0 if Y_hat is None else Y_hat[first:].ctypes.data)
        plan.instructions.set("n_steps", n)
        plan.instructions.set("n_examples", len(order))
        n_random = plan.structure.n_random
        plan.keys[: n * n_random] = keys[start : start + n].reshape(-1)
        decays = self._set_rates(start, n)
        plan.squares[:n] = 0
        begin = time.perf_counter()
        done, wrong = self._carry_out_plan(lambda steps: watch(start + steps))
        self._steps_per_second = done / max(time.perf_counter() - begin, 1e-9)
        results = plan.results[:done].sum(axis=1)
        J = self._costs(batch, order, results[:, 0])
        if plan.options.penalty:
            J += plan.options.penalty / 2 * decays[:done] * plan.squares[:done].sum(axis=1)
        return Stretch(done, J, results[:, 1].copy(), None, wrong)

    def _carry_out_plan(self, watch: Callable[[int], bool]) -> tuple[int, bool]:
        """Return the number of steps that were made, and whether a number became NaN or infinite in the last."""
        done = self.team.run(self.plan.train, watch)
        return done, self.team.wrong

    def _costs(self, batch: Batch, order: Array, sums: Array) -> Array:
        """``J = sum_i w_i L_i / sum_i w_i`` of each step."""
        order = order[: len(sums) * self.batch_size]
        starts = np.arange(len(sums)) * self.batch_size
        if batch.weights is None:
            return sums / np.minimum(self.batch_size, len(order) - starts)
        weights = np.add.reduceat(batch.weights[order], starts) if len(sums) else sums
        weights = weights[: len(sums)]
        J: Array = sums / np.where(weights == 0, 1, weights)
        return J

    def _set_rates(self, start: int, n: int) -> Array:
        """Fill the tables of what changes from step to step. Return the weight decay of each step."""
        state = self.optimizer.state(self.network)
        steps = state.n_steps + start + np.arange(n)
        if callable(self.optimizer.learning_rate):
            self._rates = np.array([self.optimizer.rate_of(int(step)) for step in steps])
        else:
            self._rates = np.full(n, self.optimizer.learning_rate)
        if type(self.optimizer).decay_of is Optimizer.decay_of:
            decays = np.full(n, float(self.optimizer.weight_decay))
        else:
            decays = np.array([self.optimizer.decay_of(int(step)) for step in steps])
        for missed, table in zip(self._missed, self.plan.per_step, strict=True):
            t = np.maximum(1, steps + 1 - missed).astype(float)
            table[:n] = self.plan.options.per_step(t, self._rates, decays)
        return decays

    # ---- random numbers -------------------------------------------------------------------------------------------

    def _draw_keys(self, n: int) -> Array:
        """Draw the keys of n steps, as the layers would one after the other."""
        if not self.plan.structure.n_random:
            return np.empty((n, 0), np.int64)
        rng = self.network.rng
        self._rng_state = rng.bit_generator.state
        keys: Array = rng.integers(0, 2**64, (n, self.plan.structure.n_random), np.uint64).view(np.int64)
        return keys

    def _restore_keys(self) -> None:
        if not self.plan.structure.n_random:
            return
        self.network.rng.bit_generator.state = self._rng_state

    def _settle_keys(self, n: int, n_drawn: int) -> None:
        """Leave the generator as n steps would have left it."""
        if n < n_drawn:
            self._restore_keys()
            self._draw_keys(n)

    # ---- between the network and the panels -----------------------------------------------------------------------

    def _load(self) -> None:
        """Copy what the network and the optimizer have into the panels."""
        self._find_copies()
        self._carry_out(self._into_panels)

    def _unload(self, n: int, rate: float) -> None:
        """Copy what n steps have changed out of the panels."""
        self._carry_out(self._out_of_panels)
        for gradient in self._unlearned:
            gradient[...] = 0
        self.optimizer.count_steps(self.network, n, rate)

    def _find_copies(self) -> None:
        """Find what is copied where: (target, source). It stays the same as long as the arrays do."""
        network, plan = self.network, self.plan
        vectors = self.optimizer.state(network).vectors
        arrays = [network.theta, network.state, network.grad, *(vectors[name] for name in plan.options.names)]
        if self._copied is not None and all(map(operator.is_, arrays, self._copied)):
            return
        self._copied = arrays
        fixed: list[tuple[Array, Array]] = []
        learned: list[tuple[Array, Array]] = []
        for parameter in plan.states:
            learned += parameter.theta.beside(parameter.place.view(network.state))
        for parameter in plan.learned:
            place = parameter.place
            (learned if place.trainable else fixed).extend(parameter.theta.beside(place.view(network.theta)))
            for name, panels in parameter.vectors.items():
                learned += panels.beside(place.view(vectors[name]))
        self._into_panels = learned + fixed
        self._out_of_panels = [(part, panels) for panels, part in learned]
        self._unlearned = [p.place.view(network.grad) for p in plan.learned if not p.place.trainable]

    def _carry_out(self, copies: Sequence[tuple[Array, Array]]) -> None:
        """Make the copies: those of large networks in several threads, since NumPy copies without the lock."""
        if self.n_threads == 1 or self.network.n_parameters < LARGE:
            for target, source in copies:
                np.copyto(target, source)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self.n_threads) as pool:
            list(pool.map(lambda pair: np.copyto(*pair), copies))
