"""Prediction with compiled kernels, and when they take over from the textbook.

What compiled prediction alone needs is imported inside functions, so that a process that predicts with the textbook
does not load it.
"""

from __future__ import annotations

import functools
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.checks import Array
from nnlite.engine import processor, support
from nnlite.engine.availability import check_engine, missing
from nnlite.engine.geometry import n_multiplications
from nnlite.layers import Layer, chain
from nnlite.layers.base import Shape

if TYPE_CHECKING:
    from nnlite.engine.crew import Crew
    from nnlite.engine.program import Kind, Program, Subject

FEW = 16  # examples up to which W is read as it lies, and not copied into panels
BLOCK, SMALLEST_BLOCK = 256, 64  # examples that go through the network together
NUMBERS_OF_IMAGES = 2**19  # of the output of a layer, for the examples that go through the network together
PARTS = 4  # into so many blocks fewer than 4 BLOCK examples are divided
OF_THREAD = 4e6  # multiplications that are worth a thread
OF_CALL, MOST_ROWS = 1e10, 2**19  # multiplications and examples between two looks at Ctrl-C
CONVERTED = 2**19  # numbers of X that are converted at once
VARIANTS = ("float32", "float64", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
KEPT = 16  # programs of a kind that are kept for the next call
HYPERPARAMETERS = ("negative_slope", "alpha", "approximate", "epsilon")  # of layers, which instructions contain

# Microseconds: about what a prediction of the textbook takes, and what it takes to load the kernels
OF_TEXTBOOK_CALL, OF_MULTIPLICATION, OF_LOADING = 30.0, 2e-5, 1e5

Words = dict[str, tuple[int, ...]]


THIS_PROCESS = time.time_ns(), os.getpid()  # children of a fork have the same
_deciding = [threading.Lock()]
_trained: set[str] = set()  # types of the networks that the compiled engine has trained in this process


class Chooser:
    """Decides for one network whether compiled kernels predict, or the textbook.

    - ``NNLITE_ENGINE=textbook``: always the textbook.
    - ``NNLITE_ENGINE=compiled``, or a training with the compiled engine in this process (`compiled_training`): compiled
      kernels from the next prediction on. Kernels that are not in the cache on disk are compiled.
    - Otherwise compiled kernels take over if all of them are in the cache on disk, and nothing is compiled. They do so
      at the first prediction, if the compiled engine has trained another network in this process. If not, the textbook
      predicts until its predictions have taken about as long as loading the kernels takes (0.1 s). So a single
      prediction waits for nothing, and Numba is not imported.

    The time is estimated from the number of examples, not measured, so that a program that runs again predicts the same
    digits. A copy of a network takes over the decision. A network with a layer that has no kernel keeps the textbook,
    and so does an installation without Numba.
    """

    def __init__(self, dtype: str) -> None:
        self._wanted = ""  # NNLITE_ENGINE at the first prediction
        self._trained_in: Any = None
        self._settled = False  # only a training changes the decision
        self._microseconds = OF_LOADING if dtype in _trained else 0.0
        self._found: Predictor | None = None

    def __getstate__(self) -> tuple[Any, ...]:
        """Leave out the compiled kernels, which read the parameters of the original."""
        return self._wanted, self._trained_in, self._settled and self._found is None, self._microseconds

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._wanted, self._trained_in, self._settled, self._microseconds = state
        self._found = None

    def compiled_training(self, dtype: str) -> None:
        """Note that the compiled engine trains the network: compiled kernels predict from now on."""
        self._trained_in, self._settled = THIS_PROCESS, False
        _trained.add(dtype)

    def predictor(self, network: Any, n_examples: int, *, compiled: bool = False) -> Predictor | None:
        """Return what predicts ``n_examples`` examples; None for the textbook.

        ``compiled`` asks for compiled kernels, as after a training.
        """
        self._wanted = self._wanted or check_engine("auto")
        trained = self._trained_in == THIS_PROCESS and self._wanted != "textbook"
        at_once = compiled or trained or self._wanted == "compiled"
        if not at_once and (self._settled or self._wanted == "textbook" or not self._is_worth_it(network, n_examples)):
            return self._found
        with _deciding[0]:  # other threads wait for the decision, so that all of them predict the same digits
            if self._found is None and (at_once or not self._settled):
                self._found = self._find(network, at_once)
                self._settled = True
            return self._found

    def _find(self, network: Any, may_compile: bool) -> Predictor | None:
        if support.without_kernel(network.layers) is not None or missing():
            return None
        return Predictor.of(network, may_compile)

    def _is_worth_it(self, network: Any, n_examples: int) -> bool:
        """Count the examples, and return whether loading the kernels would have been worth it."""
        self._microseconds += OF_TEXTBOOK_CALL + OF_MULTIPLICATION * network.n_weights * n_examples
        return self._microseconds > OF_LOADING


class Predictor:
    """Predicts with compiled kernels. Several threads can use it at the same time.

    Each call reads the present parameters and running averages. A thread needs a program, which is memory with
    instructions; programs are kept for the next call.

    Parameters
    ----------
    subject : Subject
        The network; every layer has a kernel.
    dtype : numpy.dtype
    n_units : int
        Number n[L] of output units.
    may_compile : bool
        Whether kernels that are not in the cache may be compiled.
    """

    def __init__(self, subject: Subject, dtype: np.dtype[Any], n_units: int, may_compile: bool) -> None:
        from nnlite.engine.program import Kind, reads_rows

        self.subject, self.dtype, self.n_units = subject, dtype, n_units
        self.layers = subject.layers
        self._may_compile = may_compile
        self._shape, self._one_shape = subject.input_shape, (1, *subject.input_shape)
        self._n_multiplications = max(1, n_multiplications(subject.layers, subject.input_shape))
        gathered = "" if reads_rows(subject, dtype) else dtype.name
        self._most = most_examples(subject.layers, subject.input_shape)
        self._one, self._few = Kind(1), Kind(min(FEW, self._most))
        self._many = Kind(self._most, True, gathered)
        self._cached_costs: dict[str, bool] = {}
        self._complete = False  # whether all kernels for predictions are loaded
        self._new_programs()

    @classmethod
    def of(cls, network: Any, may_compile: bool) -> Predictor | None:
        """Return the predictor of a network; None if kernels are missing that must not be compiled."""
        from nnlite.engine.program import Kind, Subject, are_cached, reads_rows

        subject = Subject.of(network)
        if not may_compile:
            most = most_examples(subject.layers, subject.input_shape)
            many = Kind(most, True, "" if reads_rows(subject, network.dtype) else network.dtype.name)
            if not are_cached(subject, network.dtype.name, [Kind(1), many]):
                return None
        return cls(subject, network.dtype, network.n_units, may_compile)

    # ---- prediction -----------------------------------------------------------------------------------------------

    def rows(self, X: Any) -> Array | None:
        """Return Y_hat (M, n[L]) for an X that fits the network exactly; None for any other, which may be wrong."""
        if type(X) is not np.ndarray or X.dtype != self.dtype:
            return None
        if X.shape != self._one_shape:
            fits = X.shape[1:] == self._shape and len(X) > 0
            Y_hat, finite = self._rows(X) if fits else (None, False)
            return Y_hat if finite else None
        if self._hyperparameters:
            self._follow_hyperparameters()
        try:  # from here on each tenth of a microsecond counts
            program = self._ones.pop()
        except IndexError:
            program = self._new_program(self._one)
        program.x[...] = X
        wrong = program.start(program.words)
        Y_hat = program.y.copy()
        program.pool.append(program)
        return None if wrong else Y_hat

    def rows_of_checked(self, X: Array) -> Array:
        """Return Y_hat (M, n[L]) for an X of any type and layout that has been checked."""
        return self._rows(X)[0]

    def _rows(self, X: Array) -> tuple[Array, bool]:
        """Return Y_hat, and whether all numbers were finite."""
        self._follow_hyperparameters()
        if len(X) <= self._few.rows:
            return self._few_rows(X)
        Y_hat = np.empty((len(X), self.n_units), self.dtype)
        finite = True
        for part in self._parts(len(X), as_it_lies=X.dtype == self.dtype and X.flags.c_contiguous):
            of_X, rows = np.ascontiguousarray(X[part], self.dtype), Y_hat[part]
            finite &= self._carry_out(self._many, of_X, {"Y_hat": (rows.ctypes.data,)}, len(rows))
        return Y_hat, finite

    def _few_rows(self, X: Array) -> tuple[Array, bool]:
        program, M = self._take(self._few), len(X)
        program.x[:M] = X
        program.instructions.set("n_examples", M, M)
        wrong = program.start(program.words)
        Y_hat = program.y[:M].copy()
        self._give_back(program)
        return Y_hat, not wrong

    def _parts(self, M: int, *, as_it_lies: bool) -> Iterator[slice]:
        """Cut M examples into parts, each for one call. Examples that must be converted first take memory."""
        most = min(MOST_ROWS, OF_CALL / self._n_multiplications) if as_it_lies else CONVERTED / math.prod(self._shape)
        n = max(PARTS * self._most, int(most))
        return (slice(start, min(start + n, M)) for start in range(0, M, n))

    # ---- the cost -------------------------------------------------------------------------------------------------

    def has_cost(self, labels: bool) -> bool:
        """Whether the kernels for the cost are there, or may be compiled. ``labels``: for class indices."""
        from nnlite.engine.program import are_cached

        cost = "labels" if labels else "targets"
        if not self._may_compile and cost not in self._cached_costs:
            kinds = [self._many._replace(cost=cost), self._many._replace(cost=cost, variant=self.dtype.name)]
            self._cached_costs[cost] = are_cached(self.subject, self.dtype.name, kinds)
        return self._may_compile or self._cached_costs[cost]

    def cost(
        self, examples: Any, targets: Callable[[Array], Array], smoothing: float, *, wants_Y_hat: bool
    ) -> tuple[float, float, Array | None]:
        """Compute the cost of checked examples.

        Parameters
        ----------
        examples : Examples
        targets : callable
            Turns targets that are not class indices into the rows of the cost.
        smoothing : float
            Label smoothing for class indices.
        wants_Y_hat : bool

        Returns
        -------
        sum_of_losses : float
            ``sum_i w_i L_i``.
        n_correct : float
        Y_hat : ndarray, (M, n[L]), or None
        """
        self._follow_hyperparameters()
        M, labels = examples.size, examples.y.ndim == 1
        Y_hat = np.empty((M, self.n_units), self.dtype) if wants_Y_hat else None
        sums = np.zeros(2)
        dtype = examples.X.dtype
        gathers = dtype == self.dtype or (self._may_compile and dtype.name in VARIANTS)
        for part in self._parts(M, as_it_lies=gathers):
            X, order = self._examples(examples, part, gathers)
            _, y, weights, _ = examples._replace(X=examples.y).batch(part)
            y = np.ascontiguousarray(y, np.int64) if labels else np.ascontiguousarray(targets(y), self.dtype)
            results = np.zeros((-(-len(y) // self._block(len(y))), 2))
            words: Words = {
                "y": (y.ctypes.data, y.size),
                "weights": (0 if weights is None else weights.ctypes.data,),
                "smoothing": (int(np.float64(smoothing).view(np.int64)),),
                "Y_hat": (0 if Y_hat is None else Y_hat[part].ctypes.data,),
                "results": (results.ctypes.data,),
                "order": (0, 0) if order is None else (order.ctypes.data, len(order)),
            }
            kind = self._many._replace(cost="labels" if labels else "targets")
            if order is not None or X.dtype != self.dtype:
                kind = kind._replace(variant=X.dtype.name)
            self._carry_out(kind, X, words, len(y))
            sums += results.sum(axis=0)
        return float(sums[0]), float(sums[1]), Y_hat

    def _examples(self, examples: Any, part: slice, gathers: bool) -> tuple[Array, Array | None]:
        """Return the X of a part as kernels read it, and the order in which they gather its rows, or None."""
        X, rows = examples.X, examples.rows
        if gathers and rows is not None:
            return X, np.ascontiguousarray(rows[part], np.int64)
        X = X[part if rows is None else rows[part]]
        return X if gathers else np.ascontiguousarray(X, self.dtype), None

    # ---- threads --------------------------------------------------------------------------------------------------

    def _carry_out(self, kind: Kind, X: Array, words: Words, M: int) -> bool:
        """Send M examples through the network, block by block; return whether all numbers were finite.

        The calling thread works too. A helper that comes late finds fewer blocks left, or none.
        """
        block = self._block(M)
        words["X"] = (X.ctypes.data, X.size) if kind.variant else (X.ctypes.data,)
        words["n_examples"] = M, block
        n_helpers = min(-(-M // block), _n_threads(M * self._n_multiplications)) - 1
        program = self._take(kind)
        crew = self._crew() if n_helpers else None
        if crew is None or not crew.lock.acquire(blocking=False):  # another thread has the helpers
            program.prepare(words)
            wrong = program.start(program.words)
        else:
            try:
                wrong = self._start_with(crew, n_helpers, program, words)
            finally:
                crew.lock.release()
        self._give_back(program)
        return not wrong

    def _start_with(self, crew: Crew, n_helpers: int, program: Program, words: Words) -> int:
        """Start a program together with helpers, each with a program of its own."""
        helpers = [self._take(program.kind) for _ in range(n_helpers)]
        for i, helper in enumerate(helpers):
            helper.prepare(words, shared=program.shared)
            crew.leave(i, helper.entry, helper.now_address, helper.start)
        program.prepare(words, boxes=crew.boxes(n_helpers))
        wrong = program.start(program.words)
        for helper in helpers:
            self._give_back(helper)
        return wrong

    def _block(self, M: int) -> int:
        """Return how many of M examples go through the network together, whatever the number of threads."""
        return min(self._most, max(SMALLEST_BLOCK, -(-M // PARTS)))

    def _crew(self) -> Crew:
        from nnlite.engine.crew import crew

        return crew(self.dtype.name)

    # ---- programs -------------------------------------------------------------------------------------------------

    def _take(self, kind: Kind) -> Program:
        """Return a program that no other thread uses."""
        try:
            return self._programs.setdefault(kind, []).pop()
        except IndexError:
            return self._new_program(kind)

    def _give_back(self, program: Program) -> None:
        if len(program.pool) < KEPT:
            program.pool.append(program)

    def _new_program(self, kind: Kind) -> Program:
        from nnlite.engine.library import library
        from nnlite.engine.program import Program, kernels_of

        kernels = library(self.dtype.name)
        if not kind.cost and not self._complete:  # all at once, so that the cache has what a saved network needs
            for name, variant in kernels_of(self.subject, self.dtype.name, [self._one, self._many]):
                kernels.address(name, variant)
            self._complete = True
        return Program(self.subject, kernels, kind, self._programs.setdefault(kind, []))

    def _new_programs(self) -> None:
        """Forget all programs. Those that threads use now go back to their old pools, which nobody asks any more."""
        self._hyperparameters = list(_hyperparameters(self.layers))
        self._ones: list[Program] = []
        self._programs: dict[Kind, list[Program]] = {self._one: self._ones}

    def _follow_hyperparameters(self) -> None:
        """Begin with new programs if a hyperparameter of a layer has changed."""
        for attributes, name, value in self._hyperparameters:
            if attributes[name] != value:
                self._new_programs()
                return


def _hyperparameters(layers: Sequence[Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield the attributes of a layer, the name of a hyperparameter, and its present value."""
    for layer in chain.flattened(layers):
        for name in HYPERPARAMETERS:
            if name in vars(layer):
                yield vars(layer), name, vars(layer)[name]


def most_examples(layers: Sequence[Layer], input_shape: Shape) -> int:
    """Return how many examples go through a network together at most: fewer if it works on images."""
    if not any(map(support.works_on_images, layers)):
        return BLOCK
    largest = max(math.prod(shape) for shape in chain.shapes_along(layers, input_shape))
    return max(1, min(BLOCK, NUMBERS_OF_IMAGES // largest))


def _n_threads(n_multiplications: float) -> int:
    """Return the number of threads for that many multiplications."""
    wanted = processor.wanted_threads()
    if wanted is not None:
        return wanted
    return max(1, min(_available(), int(n_multiplications / OF_THREAD)))


def _forget_locks() -> None:
    """In the child of a fork no other thread decides."""
    _deciding[0] = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)
_available: Callable[[], int] = functools.cache(processor.available_threads)
