"""Prediction with compiled kernels, and when they are used in place of the textbook.

What is loaded only for compiled prediction is imported inside functions: a process that predicts with the textbook does not
pay for it.
"""

from __future__ import annotations

import _thread
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.engine import processor, support
from nnlite.engine.availability import check_engine, missing
from nnlite.engine.language import SHARED_WORDS, WRONG
from nnlite.layers import chain

if TYPE_CHECKING:
    from nnlite.engine.library import Library
    from nnlite.engine.program import Kind, Program

FEW = 16  # examples up to which W is read as it lies, and not copied into panels
BLOCK, SMALLEST_BLOCK = 256, 64  # examples that go through the network together
PARTS = 4  # blocks of a call with fewer examples than PARTS blocks
OF_THREAD = 8e6  # multiplications that are worth a thread
OF_CALL = 1e10  # multiplications between two looks at Ctrl-C
MOST_ROWS = 2**19  # examples of a call
CONVERTED = 2**19  # numbers of X that are converted at once
VARIANTS = ("float32", "float64", "bool", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))
KEPT = 16  # programs of a kind that are kept for the next call

# For the textbook's predictions, in microseconds: about what they take, and what it takes to load the kernels
OF_TEXTBOOK_CALL, OF_MULTIPLICATION, OF_LOADING = 30.0, 2e-5, 1e5


class Chooser:
    """Decides for one network whether compiled kernels predict, or the textbook.

    - ``NNLITE_ENGINE=textbook``: the textbook, always.
    - ``NNLITE_ENGINE=compiled``, or after a training with the compiled engine (`compiled_training`): compiled kernels from
      the next prediction on. Those that are not in the cache on disk are compiled.
    - Otherwise the textbook predicts, and its work is counted. When its predictions have taken about as long as loading the
      kernels takes (0.1 s), compiled kernels take over if all of them are in the cache. Nothing is compiled, and Numba is
      not imported.

    The work is counted in examples, not in seconds, so that the same program gives the same digits again. A network with a
    layer that has no kernel, or an installation without Numba, keeps the textbook.
    """

    def __init__(self) -> None:
        self._wanted = ""  # NNLITE_ENGINE, read at the first prediction
        self._trained = False
        self._settled = False  # nothing changes the decision for the textbook but a training
        self._work = 0.0

    def compiled_training(self) -> None:
        """Note that the compiled engine trains the network: its predictions are compiled from now on."""
        self._trained, self._settled = True, False

    def predictor(self, network: Any, n_examples: int, *, compiled: bool = False) -> Predictor | None:
        """Return what predicts ``n_examples`` examples; None for the textbook. ``compiled`` asks for compiled kernels."""
        self._wanted = self._wanted or check_engine("auto")
        at_once = compiled or self._wanted == "compiled" or (self._trained and self._wanted != "textbook")
        if not at_once and (self._settled or self._wanted == "textbook" or not self._is_worth_it(network, n_examples)):
            return None
        self._settled = True
        if support.without_kernel(network.layers) is not None or missing():
            return None
        if at_once or _all_cached(network):
            return Predictor(network, may_compile=at_once)
        return None

    def _is_worth_it(self, network: Any, n_examples: int) -> bool:
        """Count the examples, and return whether loading the kernels would have been worth it."""
        n_multiplications = network.n_weights * n_examples
        self._work += OF_TEXTBOOK_CALL + OF_MULTIPLICATION * n_multiplications
        return self._work > OF_LOADING


def _all_cached(network: Any) -> bool:
    """Whether the cache on disk has all kernels for the predictions of a network."""
    from nnlite.engine import cache
    from nnlite.engine.program import kernels_of

    return all(cache.read(symbol) is not None for symbol in kernels_of(network, BLOCK))


class Job(NamedTuple):
    """A part of a prediction that threads carry out together.

    Attributes
    ----------
    kind : Kind
        The programs that they use.
    words : dict
        What differs from call to call in the instructions, by name.
    shared : ndarray
        The memory that the threads share.
    arrays : tuple
        The arrays whose addresses are among the words: they must live until the last thread ends.
    """

    kind: Kind
    words: dict[str, tuple[Any, ...]]
    shared: Array
    arrays: tuple[Any, ...]


class Predictor:
    """Predicts with compiled kernels. Several threads can use it at the same time.

    Parameters and running averages are read in each call. Programs, the memory and instructions of a thread, are kept for
    the next call.

    Parameters
    ----------
    network : Network
        Built; every layer has a kernel.
    may_compile : bool, default True
        Whether kernels that are not in the cache may be compiled.
    """

    def __init__(self, network: Any, may_compile: bool = True) -> None:
        from nnlite.engine.library import library
        from nnlite.engine.program import Kind, Subject, reads_rows

        self.subject = Subject.of(network)
        self.layers = network.layers
        self.dtype: np.dtype[Any] = network.dtype
        self.n_units: int = network.n_units
        self.n_multiplications = max(1, sum(place.size for place in network.segments if len(place.shape) == 2))
        self._may_compile = may_compile
        self._library: Library = library(network.dtype.name)
        self._one_shape, self._shape = (1, *network.input_shape), network.input_shape
        self._reads_rows = reads_rows(self.subject, self.dtype)
        self._one, self._few = Kind(1), Kind(FEW)
        self._ones: list[Program] = []
        self._programs: dict[Kind, list[Program]] = {self._one: self._ones}
        self._flat = len(self._shape) == 1
        self._numbers = list(_hyperparameters(network.layers))

    # ---- prediction -----------------------------------------------------------------------------------------------

    def rows(self, X: Any) -> Array | None:
        """Return Y_hat (M, n[L]) for an X that fits the network exactly; None for any other, which may be wrong."""
        if type(X) is not np.ndarray or X.dtype != self.dtype:
            return None
        if X.shape == self._one_shape:
            if self._numbers:
                self._follow_hyperparameters()
            return self._row(X)
        if X.shape[1:] != self._shape or len(X) == 0:
            return None
        Y_hat, finite = self._rows(X)
        return Y_hat if finite else None

    def rows_of_checked(self, X: Array) -> Array:
        """Return Y_hat (M, n[L]) for an X of any type and layout that has been checked."""
        return self._rows(X)[0]

    def _row(self, X: Array) -> Array | None:
        """Return Y_hat (1, n[L]) of one example; None if a number is not finite. Each microsecond counts here."""
        try:
            program = self._ones.pop()
        except IndexError:
            program = self._program(self._one)
        program.x[...] = X if self._flat else X.reshape(1, -1)
        wrong = program.start(program.words)
        Y_hat = program.y.copy()
        program.pool.append(program)
        return None if wrong else Y_hat

    def _rows(self, X: Array) -> tuple[Array, bool]:
        """Return Y_hat, and whether all numbers were finite."""
        self._follow_hyperparameters()
        if len(X) <= FEW:
            return self._few_rows(X)
        Y_hat = np.empty((len(X), self.n_units), self.dtype)
        finite = True
        for part in self._parts(len(X), X.dtype == self.dtype and X.flags.c_contiguous):
            of_X = np.ascontiguousarray(X[part], self.dtype)
            words = {"Y_hat": (Y_hat[part].ctypes.data,)}
            finite &= self._carry_out(self._kind(), len(of_X), of_X, words, (Y_hat,))
        return Y_hat, finite

    def _few_rows(self, X: Array) -> tuple[Array, bool]:
        program, M = self._take(self._few), len(X)
        program.x[:M] = X.reshape(M, -1)
        program.instructions.set("n_examples", M, M)
        wrong = program.start(program.words)
        Y_hat = program.y[:M].copy()
        self._give_back(program)
        return Y_hat, not wrong

    def _parts(self, M: int, as_it_lies: bool = True) -> Iterator[slice]:
        """Cut M examples into parts, each for one call. Those that must be converted take memory."""
        most = min(MOST_ROWS, OF_CALL / self.n_multiplications) if as_it_lies else CONVERTED / math.prod(self._shape)
        n = max(PARTS * BLOCK, int(most))
        return (slice(start, min(start + n, M)) for start in range(0, M, n))

    # ---- the cost -------------------------------------------------------------------------------------------------

    def cost(
        self, examples: Any, targets: Callable[[Array], Array], smoothing: float, *, wants_Y_hat: bool
    ) -> tuple[float, float, Array | None]:
        """Compute the cost of checked examples.

        Parameters
        ----------
        examples : Examples
        targets : callable
            Turns targets that are no class indices into the rows of the cost.
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
        X, M = examples.X, examples.size
        labels = examples.y.ndim == 1
        Y_hat = np.empty((M, self.n_units), self.dtype) if wants_Y_hat else None
        sums = np.zeros(2)
        gathers = X.dtype == self.dtype or (self._may_compile and X.dtype.name in VARIANTS)
        for part in self._parts(M, gathers):
            of_X, order = self._examples(X, examples.rows, part, gathers)
            _, y, weights, _ = examples._replace(X=examples.y).batch(part)
            y = np.ascontiguousarray(y, np.int64) if labels else np.ascontiguousarray(targets(y), self.dtype)
            results = np.zeros((_n_blocks(len(y)), 2))
            words: dict[str, tuple[Any, ...]] = {
                "y": (y.ctypes.data, y.size),
                "weights": (0 if weights is None else weights.ctypes.data,),
                "smoothing": (int(np.float64(smoothing).view(np.int64)),),
                "Y_hat": (0 if Y_hat is None else Y_hat[part].ctypes.data,),
                "results": (results.ctypes.data,),
                "of_X": (0, 0) if order is None else (order.ctypes.data, len(order)),
            }
            kind = self._kind("labels" if labels else "targets", of_X.dtype.name, order is not None)
            self._carry_out(kind, len(y), of_X, words, (y, weights, Y_hat, results, order))
            sums += results.sum(axis=0)
        return float(sums[0]), float(sums[1]), Y_hat

    def _examples(self, X: Array, rows: Array | None, part: slice, gathers: bool) -> tuple[Array, Array | None]:
        """Return the examples of a part as kernels read them, and their order, if they are to be gathered."""
        if gathers and rows is not None:
            return X, np.ascontiguousarray(rows[part], np.int64)
        of_X = X[part if rows is None else rows[part]]
        return of_X if gathers else np.ascontiguousarray(of_X, self.dtype), None

    # ---- threads --------------------------------------------------------------------------------------------------

    def _kind(self, cost: str = "", variant: str = "", ordered: bool = False) -> Kind:
        """Return the programs for X of the type ``variant``."""
        gathers = ordered or not self._reads_rows or variant not in ("", self.dtype.name)
        return self._one._replace(
            rows=BLOCK, panels=True, variant=(variant or self.dtype.name) if gathers else "", cost=cost
        )

    def _carry_out(
        self, kind: Kind, M: int, X: Array, words: dict[str, tuple[Any, ...]], arrays: tuple[Any, ...]
    ) -> bool:
        """Send M examples through the network, block by block; return whether all numbers were finite.

        The calling thread works too. A thread that starts late finds fewer blocks left, or none.
        """
        words["X"] = (X.ctypes.data, X.size) if kind.variant else (X.ctypes.data,)
        words["n_examples"] = M, _block(M)
        job = Job(kind, words, np.zeros(SHARED_WORDS, np.int64), (X, *arrays))
        for _ in range(min(_n_blocks(M), _n_threads(M * self.n_multiplications)) - 1):
            try:
                _thread.start_new_thread(self._work, (job, 0))
            except RuntimeError:  # there are as many threads as the system allows
                break
        self._work(job, 1)
        return not job.shared[WRONG]

    def _work(self, job: Job, waits: int) -> None:
        """Carry out blocks of a job until none is left; with ``waits``, until all are finished."""
        program = self._take(job.kind)
        for name, words in job.words.items():
            program.instructions.set(name, *words)
        program.instructions.set("waits", waits)
        program.share(job.shared)
        program.start(program.words)
        self._give_back(program)

    # ---- programs -------------------------------------------------------------------------------------------------

    def _take(self, kind: Kind) -> Program:
        """Return a program that no other thread uses."""
        try:
            return self._programs.setdefault(kind, []).pop()
        except IndexError:
            return self._program(kind)

    def _give_back(self, program: Program) -> None:
        if len(program.pool) < KEPT:
            program.pool.append(program)

    def _program(self, kind: Kind) -> Program:
        from nnlite.engine.program import Program

        return Program(self.subject, self._library, kind, self._programs[kind])

    def _follow_hyperparameters(self) -> None:
        """Begin with new programs if a hyperparameter of a layer has changed."""
        for attributes, name, value in self._numbers:
            if attributes[name] != value:
                self._numbers = list(_hyperparameters(self.layers))
                self._ones = []
                self._programs = {self._one: self._ones}
                return


def _block(M: int) -> int:
    """Return how many of M examples go through the network together. The number of threads does not matter."""
    return min(BLOCK, max(SMALLEST_BLOCK, -(-M // PARTS)))


def _n_blocks(M: int) -> int:
    return -(-M // _block(M))


def _hyperparameters(layers: Sequence[Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """Yield the numbers that instructions contain: the attributes of the layer, the name and the present value."""
    for layer in chain.flattened(layers):
        for name in ("negative_slope", "alpha", "approximate", "epsilon"):
            if name in vars(layer):
                yield vars(layer), name, vars(layer)[name]


def _n_threads(n_multiplications: float) -> int:
    """Return the number of threads for that many multiplications."""
    wanted = processor.wanted_threads()
    if wanted is not None:
        return wanted
    return max(1, min(_available(), int(n_multiplications / OF_THREAD)))


_available: Callable[[], int] = functools.cache(processor.available_threads)
