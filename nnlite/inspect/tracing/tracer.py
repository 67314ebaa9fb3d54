"""One training step, written out: every equation of the forward and backward pass, with its numbers."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.functional import one_hot
from nnlite.inspect.records import Records
from nnlite.inspect.tracing import equations
from nnlite.inspect.tracing.backward import BackwardWriter
from nnlite.inspect.tracing.forward import ForwardWriter
from nnlite.inspect.tracing.notation import Symbol, same, written
from nnlite.inspect.tracing.rendering import Page, Section, as_html, as_latex, as_text
from nnlite.inspect.tracing.steps import Step, Steps
from nnlite.inspect.tracing.story import Outcome, check_names, tell
from nnlite.inspect.twins import twin_and_batch
from nnlite.layers import Output
from nnlite.layers.chain import places
from nnlite.network.network import Network
from nnlite.network.passes import mean_loss
from nnlite.optimizers import Optimizer, check_optimizer

HEADINGS = {
    "forward": "forward pass",
    "cost": "cost",
    "backward": "backward pass",
    "update": "update, one step of {optimizer}",
}


@dataclass(frozen=True, repr=False, eq=False)
class Trace:
    """What `trace` returns: the steps of one forward pass, backward pass and update.

    ``print(trace)`` shows a table, a notebook shows it with typeset equations, `to_latex` returns it for a paper, and
    ``trace["z[1]"]`` returns the numbers of a step.

    Attributes
    ----------
    title : str
        The network.
    M : int
        Number of examples.
    dtype : str
        The dtype in which the network computes.
    steps : tuple of Step
        In the order of computation.
    J, J_after : float
        Cost of the batch before and after the update, with the same random draws.
    optimizer : str
        The optimizer that makes the update.
    example : int or None
        The example that the trace shows; None if it shows all.
    story : str or None
        What happened to that example, in words.
    max_numbers : int
        Larger arrays are shown by their statistics only.

    Examples
    --------
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    >>> trace = nn.trace(model, [[1.0, 2.0]], [0])
    >>> [step.name for step in trace][:5]
    ['a[0]', 'W[1]', 'b[1]', 'z[1]', 'a[1]']
    >>> trace["W[1]"].shape
    (2, 3)
    """

    title: str
    M: int
    dtype: str
    steps: tuple[Step, ...]
    J: float
    J_after: float
    optimizer: str
    example: int | None
    story: str | None
    max_numbers: int

    def __getitem__(self, name: str) -> Array:
        """Return the numbers of the step with that name: "dW[1]", or "dW1" as in `Model.gradients`."""
        spelled = re.sub(r"^([^\d\[\]]+?)(\d+)( after)?$", r"\1[\2]\3", name)
        for step in self.steps:
            if step.name == spelled:
                return step.values
        raise KeyError(f"this trace has no step {name!r}; its steps are {', '.join(step.name for step in self.steps)}")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __str__(self) -> str:
        return as_text(self._page())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return as_html(self._page())

    def to_latex(self) -> str:
        """Return a fragment of a LaTeX document, which needs the package amsmath.

        Returns
        -------
        str
        """
        return as_latex(self._page())

    def _page(self) -> Page:
        sections = [
            Section(HEADINGS[part].format(optimizer=self.optimizer), list(steps))
            for part, steps in itertools.groupby(self.steps, key=lambda step: step.part)
        ]
        paragraphs = [self._about(), self._convention(), self.story or ""]
        return Page(self.title, [text for text in paragraphs if text], sections, self.max_numbers)

    def _about(self) -> str:
        of = f"Example {self.example} of " if self.example is not None else ""
        examples = f"{of}M = {self.M} example{'s' if self.M > 1 else ''}"
        updated = any(step.part == "update" for step in self.steps)
        after = f"; after one step of {self.optimizer}, J = {self.J_after:.4g}" if updated else ""
        return f"{examples}, in {self.dtype}. J = {self.J:.4g}{after}."

    def _convention(self) -> str:
        if self.M == 1:
            return ""
        said = "dz and da are gradients of the loss L of each example, dW and db of J, the mean of the M losses."
        if self.example is not None:
            said += f" Of arrays with a row for each example, only the row of example {self.example} is shown."
        return said


def trace(
    model: Network,
    X: Any = None,
    y: Any = None,
    *,
    example: int | None = None,
    optimizer: Optimizer | None = None,
    class_names: Sequence[Any] | None = None,
    max_numbers: int = 40,
) -> Trace:
    r"""Write out one training step, from a[0] = X to J, from ``dz[L] = y_hat - y`` to dW[1], and the update.

    Each step has its equation in the course's notation, the shape of its result, statistics and, if there are few, all
    numbers. They are exactly those of the next training step on this batch: with dropout, with the statistics of the
    batch, and with the next draws of the random generator.

    Parameters
    ----------
    model : Model
        It does not change. A model that is not built yet is traced as built for X.
    X : array_like, (M, n[0])
        At most 1,024 examples. Few examples are better: their numbers are shown.
    y : array_like, (M,) or (M, n[L])
        The true targets, in any form that the output layer takes.
    example : int, optional
        Index of the example in X to show. Of a, z, da and dz the trace then has only the row of this example, and it
        tells its ``story``. The other examples still count in dW, db and the statistics of the batch.
    optimizer : Optimizer, default SGD(0.1)
        The optimizer of the update. It does not change; what it remembers of the model counts.
    class_names : sequence, optional
        Names for the story: of the C classes, of both classes of a single Sigmoid unit, or of the outputs.
    max_numbers : int, default 40
        Arrays of at most this size are shown in full.

    Returns
    -------
    Trace

    Raises
    ------
    ArgumentError
        If X and y are missing, too many or do not fit the network, if ``example`` is out of range, or if a layer
        breaks the rules in `nnlite.Layer`.

    Notes
    -----
    As in the course, dz and da are gradients of the loss L of each example, and dW and db are gradients of J, the mean
    of the M losses. This gives ``dW = 1/M a^T dz``. (The code divides by M only once, at dz[L].)

    The l-th layer with weights W[l] computes z[l], and the activation behind it a[l]. If there are other layers in
    between, primes distinguish their results: z[1], and z'[1] after normalization.

    Examples
    --------
    The course's example: a cat, of which the network is 20 % certain.

    >>> import numpy as np
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Softmax()], n_features=4)
    >>> print(nn.trace(model, np.log([[0.3, 0.2, 0.1, 0.4]]), [1], example=0,
    ...             class_names=["dog", "cat", "chick", "other"]).story)
    Example 0 is a cat. The network is 20 % certain that it is a cat; L = -log 0.2 = 1.61. Its first choice is other
    (40 %).
    """
    network, (X, y, _, _) = twin_and_batch(model, X, y, "a trace")
    example = _check_example(example, len(X))
    max_numbers = checks.integer("max_numbers", max_numbers, minimum=0)
    optimizer = check_optimizer(optimizer)
    units = network.signature.units
    names = check_names(model.class_names if class_names is None else class_names, network.output, units)
    writer = _Writer(network, X, y, example)
    with np.errstate(all="ignore"):  # a trace also shows where a network overflows
        before = writer.write_passes()
        after = writer.write_update(_with_memory(optimizer, model, network))
    story = None
    if example is not None:
        truth = y[example] if y.ndim > 1 else one_hot(y[[example]], units)[0]
        outcomes = [Outcome(Y_hat[example], float(losses[example])) for Y_hat, losses in (before, after)]
        learned = f"one step of {optimizer!r}" + (f" on these {len(X)} examples" if len(X) > 1 else "")
        story = tell(network.output, example, truth, outcomes, names, learned if writer.learns else "")
    return Trace(
        title=repr(model),
        M=len(X),
        dtype=str(network.dtype),
        steps=tuple(writer.steps.all),
        J=mean_loss(before[1]),
        J_after=mean_loss(after[1]),
        optimizer=repr(optimizer),
        example=example,
        story=story,
        max_numbers=max_numbers,
    )


def _check_example(example: Any, M: int) -> int | None:
    if example is None:
        return None
    index = checks.integer("example", example, minimum=-M)
    if index >= M:
        raise ArgumentError(f"example: expected the index of one of {M} examples (0..{M - 1}), got {index}")
    return index % M


def _with_memory(optimizer: Optimizer, model: Network, twin: Network) -> Optimizer:
    """Return a copy of the optimizer that remembers of ``twin`` what the original remembers of ``model``."""
    copied = copy.deepcopy(optimizer)  # remembers nothing
    if model.built:
        copied.set_state(twin, optimizer.get_state(model))
    return copied


class _Writer:
    """Sends a batch through a network twice, before and after an update, and writes the steps."""

    def __init__(self, network: Network, X: Array, y: Array, example: int | None) -> None:
        self.network = network
        self.X = network.signature.cast(X)
        self.Y = network.signature.target_rows(y)
        self.learns = network.first_trainable < len(network.layers)
        self.steps = Steps(places(network.layers), example)
        self._rng_state = network.rng.bit_generator.state
        self._state = network.state.copy()

    def write_passes(self) -> tuple[Array, Array]:
        """Write the forward pass, the cost and the backward pass; return Y_hat (M, n[L]) and the losses (M,)."""
        network, Y, records = self.network, self.Y, Records()
        step = network.new_pass(training=True, observer=records)
        Y_hat = step.forward(self.X)
        losses = step.losses(Y)
        step.backward(Y)
        nodes = ForwardWriter(network, records, self.steps).write(self.X)
        self._write_cost(losses)
        dz = network.output.start_backward(Y, step.caches[-1])
        BackwardWriter(network, records, self.steps, len(Y)).write(nodes, dz)
        return Y_hat, losses

    def _write_cost(self, losses: Array) -> None:
        output: Output = self.network.output
        smoothing = getattr(output, "label_smoothing", 0)
        note = f"with label smoothing {smoothing:g}" if smoothing else ""
        self.steps.add("cost", None, "y", same("y"), {}, self.Y, note=note)
        self.steps.add("cost", None, "L", equations.loss_equation(output, self.Y.shape[1]), {}, losses)
        self.steps.add("cost", None, "J", equations.COST, {}, mean_loss(losses), whole=True)

    def write_update(self, optimizer: Optimizer) -> tuple[Array, Array]:
        """Make and write one step of the optimizer; return Y_hat and the losses after it."""
        network = self.network
        if self.learns:
            before = {name: theta.copy() for name, theta in network.parameters.items()}
            optimizer.step(network)
            self._write_parameters(before, optimizer)
        network.rng.bit_generator.state, network.state = self._rng_state, self._state
        step = network.new_pass(training=True)
        Y_hat = step.forward(self.X)
        losses = step.losses(self.Y)
        if self.learns:
            self.steps.add("update", None, "J after", equations.COST_AFTER, {}, mean_loss(losses), whole=True)
        return Y_hat, losses

    def _write_parameters(self, before: dict[str, Array], optimizer: Optimizer) -> None:
        rate = optimizer.state(self.network).learning_rate
        line, meaning = equations.update_equation(optimizer)
        numbers = {name: value for name, value in vars(optimizer).items() if isinstance(value, float)}
        for segment in self.network.segments:
            if segment.trainable and segment.size:
                symbol = Symbol(segment.attribute, segment.name.removeprefix(segment.attribute))
                symbols = numbers | {"theta": symbol, "dtheta": symbol.d, "rate": rate}
                after = segment.view(self.network.theta)
                norm = float(np.linalg.norm(before[segment.name]))
                change = float(np.linalg.norm(after - before[segment.name]))
                note = f"|change| / |{symbol}| = {change / norm:.2g}" if norm else f"|change| = {change:.2g}"
                if meaning:
                    note = f"{written(same(meaning), symbols).text}; {note}"
                self.steps.add("update", segment.layer, f"{symbol} after", line, symbols, after, whole=True, note=note)
