"""What all rules of gradient descent share: blocks of theta, what is remembered, and how a gradient is prepared.

All parameters of a model lie in one vector, so a rule is written for vectors. It is applied to one block of the
vector after the other. Where one thread works, a block and most of what the rule reads and writes with it fit its
cache together; several threads share longer blocks, since each may have to wait for Python between two operations.
The result is the same, bit for bit, however many they are.
"""

import math
import weakref
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.engine import parallel
from nnlite.engine.memory import LINE, aligned, aligned_copy
from nnlite.errors import ArgumentError
from nnlite.schedules import Rate, as_schedule

if TYPE_CHECKING:
    import inspect

    from nnlite.model import Model

# how many numbers of theta are updated at once
BLOCK = 49_152  # by one thread: most of what a rule needs beside them fits the processor's cache with them
SHARED_BLOCK = 524_288  # by each of several threads: smaller blocks would keep them waiting for Python
WORTH_A_THREAD = 262_144  # numbers of its own, for which a thread is woken


class Block:
    """A part of theta and all that belongs to it: views, made once and used in every step.

    Attributes
    ----------
    theta, grad : ndarray, (n,)
        Parameters and their gradient; a rule writes into theta only.
    decayed : bool
        Whether weight decay acts here: weights yes, biases no.
    n_missed : int
        Steps that were made while it was frozen.
    state : dict of str to ndarray, (n,)
        What the rule remembers, by the names in `Optimizer.state_names`.
    g, scratch : ndarray, (n,)
        Memory for the gradient as the rule takes it and for one intermediate result; that of the thread which works
        on the block.
    """

    g: Array
    scratch: Array

    def __init__(self, part: slice, decayed: bool, n_missed: int, model: "Model", vectors: dict[str, Array]) -> None:
        self.theta = model.theta[part]
        self.grad = model.grad[part]
        self.decayed = decayed
        self.n_missed = n_missed
        self.state = {name: vector[part] for name, vector in vectors.items()}


class OptimizerState:
    """What an optimizer remembers of one model.

    Attributes
    ----------
    n_steps : int
        Steps made so far.
    learning_rate : float
        That of the latest step.
    vectors : dict of str to ndarray, (n_parameters,)
        By name, such as "velocity"; 0 before the first step.
    numbers : dict of str to float
        What else the rule remembers.
    n_missed : dict of str to int
        By parameter ("W1"): in how many of the steps it was frozen.
    """

    def __init__(self, model: "Model", names: tuple[str, ...]) -> None:
        theta = model.theta
        self.n_steps = 0
        self.learning_rate = math.nan
        self.vectors = {name: aligned(theta.size, theta.dtype) for name in names}
        self.numbers: dict[str, float] = {}
        self.n_missed: dict[str, int] = {}
        self.trainable: tuple[bool, ...] = ()
        self.runs: list[Array] = []  # the parts of the gradient that are learned from, as long as they are
        self.blocks: list[Block] = []  # the same parts of theta, in pieces
        self.memory: list[Array] = []  # for each thread, twice as much as a block has
        self._cut: object = None  # by what the blocks were cut
        self.n_counted = 0  # steps that n_missed knows of

    def t(self, block: Block) -> int:
        """The number of this step, counted from 1, for a block: fewer where it was frozen for some."""
        return self.n_steps + 1 - block.n_missed

    def cut(self, model: "Model", names: tuple[str, ...], apart: bool) -> None:
        """Cut the parts of theta that are learned into blocks; ``apart`` keeps weights and biases apart."""
        trainable = model._vectors.trainable
        cut = (trainable, names, apart)
        if cut != self._cut:  # the first step, or a layer was frozen or freed, or the rule changed
            if trainable != self.trainable:
                self._count_missed(model)
                self.trainable = trainable
            for name in names:
                self.vectors.setdefault(name, aligned(model.theta.size, model.dtype))
            runs = list(_learned_runs(model, self.n_missed, apart))
            self.runs = [model.grad[run] for run, _, _ in runs]
            size = max((run.size for run in self.runs), default=0)
            n_threads = max(1, min(parallel.n_threads(), size // WORTH_A_THREAD))
            longest = BLOCK if n_threads == 1 else _share(size, n_threads)
            self.blocks = [
                Block(part, decayed, missed, model, self.vectors)
                for run, decayed, missed in runs
                for part in _pieces(run, longest)
            ]
            longest = max((_whole_lines(block.theta.size) for block in self.blocks), default=0)
            memory = aligned(n_threads * 2 * longest, model.dtype, np.empty)
            self.memory = list(memory.reshape(n_threads, 2, longest))
            if n_threads == 1:
                for block in self.blocks:
                    block.g, block.scratch = self.memory[0][:, : block.theta.size]
            self._cut = cut

    def _count_missed(self, model: "Model") -> None:
        """Count the steps since the last change, for what was frozen in them; in the first step there are none."""
        for segment, learned in zip(model._vectors.segments, self.trainable, strict=False):
            if not learned:
                missed = self.n_steps - self.n_counted
                self.n_missed[segment.name] = self.n_missed.get(segment.name, 0) + missed
        self.n_counted = self.n_steps


def _learned_runs(model: "Model", n_missed: dict[str, int], apart: bool) -> list[tuple[slice, bool, int]]:
    """Parts of theta, over the borders of layers but not of frozen ones; whether decay acts there; steps missed."""
    runs: list[tuple[int, int, bool, int]] = []
    for segment in sorted(model._vectors.segments, key=lambda segment: segment.start):
        if segment.layer.trainable and segment.stop > segment.start:
            kind = segment.decayed and apart, n_missed.get(segment.name, 0)
            if runs and runs[-1][1:] == (segment.start, *kind):
                runs[-1] = (runs[-1][0], segment.stop, *kind)
            else:
                runs.append((segment.start, segment.stop, *kind))
    return [(slice(start, stop), decayed, missed) for start, stop, decayed, missed in runs]


def _whole_lines(n: int) -> int:
    """As many numbers or a few more: LINE numbers, of whatever size, are whole lines of the processor's cache."""
    return math.ceil(n / LINE) * LINE


def _share(size: int, n_threads: int) -> int:
    """How long pieces are so that each thread has as many, of at most about SHARED_BLOCK numbers."""
    of_one = size / n_threads
    return _whole_lines(math.ceil(of_one / math.ceil(of_one / SHARED_BLOCK)))


def _pieces(run: slice, longest: int) -> Iterator[slice]:
    """Pieces of one length, not longer than ``longest``."""
    n = run.stop - run.start
    length = _whole_lines(math.ceil(n / math.ceil(n / longest)))
    for start in range(run.start, run.stop, length):
        yield slice(start, min(start + length, run.stop))


class Options(TypedDict, total=False):
    """What every optimizer can be given by name: see `Optimizer`."""

    l1: float
    clip_value: float | None
    clip_norm: float | None
    max_norm: float | None


class Optimizer:
    """Base class of the rules ``theta <- theta - learning_rate * (something made of grad)``.

    A rule of one's own names the vectors that it remembers in `state_names` and overrides `update`, which several
    threads may call at once, each for another block. One optimizer can train several models: it remembers for each
    what belongs to it. A copy of an optimizer has the same hyperparameters and remembers nothing.

    Parameters
    ----------
    learning_rate : float or schedule
        Length of a step, above 0, or a function of the number of steps made before (0, 1, 2, ...), such as those of
        `nnlite.schedules`.
    weight_decay : float, default 0
        lambda, at least 0; acts on weights, not on biases or the parameters of normalization. Coupled rules add
        ``lambda theta`` to the gradient (the derivative of ``lambda/2 |theta|^2``); decoupled ones (`AdamW`, `Lion`)
        take ``learning_rate lambda theta`` off theta.
    l1 : float, default 0
        At least 0: adds ``l1 sign(theta)`` to the gradient of weights.
    clip_value : float, optional
        Above 0: every entry of the gradient is cut to [-clip_value, clip_value].
    clip_norm : float, optional
        Above 0: where the norm of the whole gradient is larger, the gradient is scaled down to it.
    max_norm : float, optional
        Above 0: after the step, the incoming weights of a unit (a column of W) are scaled down to that norm where
        theirs is larger.

    Raises
    ------
    ArgumentError
        If a value is out of its range, or an argument has a name that the rule does not know.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", 2013
    (clip_norm); N. Srivastava et al., "Dropout", 2014, section 5.1 (max_norm); I. Loshchilov and F. Hutter,
    "Decoupled weight decay regularization", 2019.
    """

    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        learning_rate: "float | Rate",
        *,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            name, takes = next(iter(unknown)), ", ".join(self._parameters())
            raise ArgumentError(f"{name}: {type(self).__name__} has no such argument; it takes {takes}")
        self.learning_rate = learning_rate
        self.weight_decay = checks.real("weight_decay", weight_decay, minimum=0)
        self.l1 = checks.real("l1", l1, minimum=0)
        self.clip_value = None if clip_value is None else checks.real("clip_value", clip_value, above=0)
        self.clip_norm = None if clip_norm is None else checks.real("clip_norm", clip_norm, above=0)
        self.max_norm = None if max_norm is None else checks.real("max_norm", max_norm, above=0)
        self._states: weakref.WeakKeyDictionary[Model, OptimizerState] = weakref.WeakKeyDictionary()

    @property
    def learning_rate(self) -> "float | Rate":
        """Length of a step, or the schedule of it; may be set at any time, for the steps to come."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: "float | Rate") -> None:
        self._rate = as_schedule("learning_rate", value)
        self._learning_rate = value if callable(value) else self._rate(0)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the vectors, each as long as theta, that the rule keeps from step to step; by default none."""
        return ()

    def state(self, model: "Model") -> OptimizerState:
        """What this optimizer remembers of ``model``; made at the first call."""
        try:
            state = self._states.get(model)
        except TypeError:  # what cannot be referred to weakly is no model
            state = None
        if state is None:
            if not hasattr(type(model), "n_weights"):
                raise ArgumentError(f"model: expected a Model, got {model!r}")
            state = self._states[model] = OptimizerState(model, self.state_names)
        return state

    def get_state(self, model: "Model") -> dict[str, Any]:
        """What this optimizer remembers of ``model``, for a file.

        Parameters
        ----------
        model : Model

        Returns
        -------
        dict
            Of numbers, strings and arrays; the arrays are those that the next step changes.
        """
        state = self.state(model)
        names = ("n_steps", "learning_rate", "vectors", "numbers", "n_missed", "trainable", "n_counted")
        found = {name: getattr(state, name) for name in names}
        return found | {name: dict(found[name]) for name in ("numbers", "n_missed")}

    def set_state(self, model: "Model", state: Mapping[str, Any]) -> None:
        """Remember of ``model`` what `get_state` gave.

        Parameters
        ----------
        model : Model
        state : dict
        """
        fresh = OptimizerState(model, ())
        for name, value in state.items():
            setattr(fresh, name, value)
        fresh.numbers, fresh.n_missed = dict(state["numbers"]), dict(state["n_missed"])
        fresh.vectors = {name: aligned_copy(vector, model.dtype) for name, vector in state["vectors"].items()}
        self._states[model] = fresh

    def step(self, model: "Model") -> None:
        """Update ``model.theta`` from ``model.grad``, which stays as it is.

        Parameters
        ----------
        model : Model
            After its `backward`.

        Raises
        ------
        ArgumentError
            If the schedule gives no finite number of at least 0; theta is then as it was.
        """
        state = self.state(model)
        rate = self._rate_of(state.n_steps)
        state.cut(model, self.state_names, apart=bool(self.weight_decay or self.l1))
        scale = self._clipping_factor(state)
        self.prepare(state)
        if len(state.memory) <= 1:
            for block in state.blocks:
                self._update_block(block, scale, rate, state)
        else:
            todo = state.blocks[::-1]
            parallel.run([partial(self._update_some, todo, memory, scale, rate, state) for memory in state.memory])
        if self.max_norm is not None:
            _constrain(model, self.max_norm)
        state.learning_rate = rate
        state.n_steps += 1

    def _update_some(self, todo: list[Block], memory: Array, scale: float, rate: float, state: OptimizerState) -> None:
        """Take one block after the other until none is left: what a slow thread does not do, others will."""
        while True:
            try:
                block = todo.pop()
            except IndexError:
                return
            block.g, block.scratch = memory[:, : block.theta.size]
            self._update_block(block, scale, rate, state)

    def _update_block(self, block: Block, scale: float, rate: float, state: OptimizerState) -> None:
        """Decoupled decay and the rule, for one block."""
        if self.weight_decay and self.decoupled and block.decayed:
            block.theta *= 1 - rate * self.weight_decay
        self.update(block, self._gradient(block, scale), rate, state)

    def prepare(self, state: OptimizerState) -> None:
        """Work out what a step needs once, before its blocks; by default nothing."""

    def update(self, block: Block, g: Array, learning_rate: float, state: OptimizerState) -> None:
        """Update ``block.theta`` from its gradient ``g``, which must stay as it is; ``block.scratch`` is free.

        ``state.n_steps`` steps were made before this one; ``state.t(block)`` counts, from 1, those of this block.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update rule")

    def _rate_of(self, step: int) -> float:
        """The schedule's rate as a Python float: a NumPy float64 would draw float32 blocks into float64."""
        rate = self._rate(step)
        if rate is self._learning_rate:  # a number, checked when it was set
            return rate
        try:
            return checks.real("learning_rate", rate, minimum=0)
        except ArgumentError:
            raise ArgumentError(
                f"learning_rate: expected the schedule {self._learning_rate!r} to give a finite number of at least 0, "
                f"got {rate!r} for step {step}"
            ) from None

    def _clipping_factor(self, state: OptimizerState) -> float:
        """By how much the whole gradient is scaled: 1, or less where its norm is above ``clip_norm``."""
        if self.clip_norm is None:
            return 1.0
        norm = _norm(state.runs)
        return 1.0 if norm <= self.clip_norm else self.clip_norm / norm

    def _gradient(self, block: Block, scale: float) -> Array:
        """``g = grad``, clipped, and for weights ``+ l1 sign(theta) + lambda theta``."""
        decay = self.weight_decay if block.decayed and not self.decoupled else 0.0
        l1 = self.l1 if block.decayed else 0.0
        if scale == 1 and self.clip_value is None and not decay and not l1:
            return block.grad
        g: Array = np.multiply(block.grad, scale, out=block.g)
        if self.clip_value is not None:
            np.clip(g, -self.clip_value, self.clip_value, out=g)
        if l1:
            sign = np.sign(block.theta, out=block.scratch)
            sign *= l1
            g += sign
        if decay:
            g += np.multiply(block.theta, decay, out=block.scratch)
        return g

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_states"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _states=weakref.WeakKeyDictionary())

    def __repr__(self) -> str:
        given = [repr(self.learning_rate)]
        for name, parameter in self._parameters().items():
            if name != "learning_rate" and getattr(self, name, parameter.default) != parameter.default:
                given.append(f"{name}={getattr(self, name)!r}")
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def _parameters(cls) -> "dict[str, inspect.Parameter]":
        """What it can be given, by name: first what is the rule's own, with its own defaults, then what all have."""
        import inspect

        own, common = (dict(inspect.signature(rule).parameters) for rule in (cls, Optimizer))
        parameters = own | common | own
        return {name: found for name, found in parameters.items() if found.kind is not found.VAR_KEYWORD}


def _norm(vectors: list[Array]) -> float:
    """``|v|`` of all vectors as one; where the squares overflow, ``max |v_i| |v / max |v_i||``."""
    with np.errstate(over="ignore"):
        norm = math.sqrt(sum(float(v @ v) for v in vectors))
    if math.isinf(norm):
        largest = max(float(np.abs(v).max()) for v in vectors)
        norm = largest * math.sqrt(sum(float(np.square(v / largest).sum()) for v in vectors))
    return norm


def _constrain(model: "Model", max_norm: float) -> None:
    """``w_j <- w_j min(1, max_norm / |w_j|)`` for every column w_j of every W that is learned."""
    for segment in model._vectors.segments:
        if segment.decayed and segment.layer.trainable and len(segment.shape) == 2:
            W = segment.view(model.theta)
            norms = np.sqrt(np.einsum("ij,ij->j", W, W))
            if norms.max() > max_norm:
                W *= np.minimum(1, max_norm / np.maximum(norms, max_norm))
