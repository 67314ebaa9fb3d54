"""Analytic gradients against numerical ones: of each layer by itself, and of the cost by every parameter."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.inspect.walk import (
    MOST_EXAMPLES,
    Walk,
    check_batch,
    in_float64,
    places,
    recording,
    segments_of,
    target_rows,
)
from nnlite.layers import Cache, Layer
from nnlite.layers.base import Shape
from nnlite.model import Model
from nnlite.network import examples as data
from nnlite.network.vectors import Segment

H = 1e-5  # step of the difference quotients, times max(1, |value|): near the third root of float64's precision
FINER = (1e-1, 1e-2)  # parts of H that are tried where the two disagree
ROUNDING = 64 * np.finfo(np.float64).eps  # of a function value, relative to its size; divided by H in a quotient
WIDTH = 99


@dataclass(frozen=True)
class Comparison:
    """An analytic gradient against a numerical one.

    Attributes
    ----------
    name : str
        "dW1", or "da_prev" for the gradient of a layer's input.
    relative_error : float
        ``|a - n| / (|a| + |n|)`` in Euclidean norms over the entries compared. Where both are so small that the
        quotients' rounding counts, it is taken relative to that instead of to their norms. NaN if one of them is.
    worst : tuple of int
        Index of the entry that differs most.
    analytic, numerical : float
        Its two gradients.
    n_compared, n_entries, n_kinks : int
        Entries compared, of how many; and how many more were left out since they lie on a kink.
    ok : bool
        Whether the error is at most the tolerance.
    remark : str
        What the difference looks like, such as "2 times the numerical one".
    """

    name: str
    relative_error: float
    worst: tuple[int, ...]
    analytic: float
    numerical: float
    n_compared: int
    n_entries: int
    n_kinks: int
    ok: bool
    remark: str


@dataclass
class LayerCheck:
    """The verdict on one layer by itself: from da = dJ/da its backward pass must give dJ/da_prev and its gradients.

    Attributes
    ----------
    name : str
        Where it stands and what it is: "layers[1] ReLU()".
    layer : Layer
        In the model that was checked.
    comparisons : list of Comparison
        Of the gradient of its input and of its parameters.
    faults : list of str
        What else is wrong with it.
    inner : list of LayerCheck
        Of the layers inside it.
    """

    name: str
    layer: Layer
    comparisons: list[Comparison] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    inner: list[LayerCheck] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it or a layer inside it."""
        return not self.faults and all(comparison.ok for comparison in self.comparisons) and self.inside_ok

    @property
    def inside_ok(self) -> bool:
        """Whether nothing is wrong with a layer inside it."""
        return all(inner.ok for inner in self.inner)

    @property
    def verdict(self) -> str:
        """Whether it is "right", "WRONG", or "wrong inside"."""
        return "right" if self.ok else "WRONG" if self.inside_ok else "wrong inside"

    def reasons(self) -> list[str]:
        """What is wrong with it, in words."""
        return [*self.faults, *(_reason(comparison) for comparison in self.comparisons if not comparison.ok)]


@dataclass(repr=False)
class GradientCheck:
    """What `gradient_check` returns; ``print`` shows it as a table, a notebook as HTML.

    Attributes
    ----------
    ok : bool
        Whether all gradients are right.
    layers : list of LayerCheck
        Each layer by itself.
    parameters : dict of str to Comparison
        dJ/dtheta in the whole network, by the name of the parameter ("W1").
    culprits : list of LayerCheck
        The layers that are wrong by themselves.
    title : str
        The network.
    M : int
        Number of examples.
    tolerance : float
    max_entries : int
    """

    title: str
    M: int
    tolerance: float
    max_entries: int
    layers: list[LayerCheck]
    parameters: dict[str, Comparison]

    @property
    def culprits(self) -> list[LayerCheck]:
        """The layers that are wrong by themselves, and not because of one inside them."""
        return [check for check in _flat(self.layers) if not check.ok and check.inside_ok]

    @property
    def ok(self) -> bool:
        """Whether all gradients are right."""
        return not self.culprits and all(comparison.ok for comparison in self.parameters.values())

    def verdict(self, parameter: str) -> str:
        """Return "right", "WRONG", or because of which layer a parameter's gradient is wrong.

        Parameters
        ----------
        parameter : str
            Its name, such as "W1".
        """
        comparison = self.parameters[parameter]
        if comparison.ok:
            return "right"
        names = [check.name for check in _flat(self.layers)]
        owner = next((check for check in _flat(self.layers) if comparison.name in _names(check)), None)
        behind = [check for check in self.culprits if owner and names.index(check.name) > names.index(owner.name)]
        if owner in self.culprits or not behind:
            return "WRONG"
        return f"wrong through {behind[0].name.split()[0]}"

    def conclusion(self) -> list[str]:
        """The verdict in sentences."""
        if self.ok:
            kinks = sum(c.n_kinks for c in [*self.parameters.values(), *_comparisons(self.layers)])
            left_out = f" {kinks} entries on a kink were left out." if kinks else ""
            return [f"All gradients are right.{left_out}"]
        said = [f"{check.name} is wrong: {'; '.join(check.reasons())}." for check in self.culprits]
        return said or ["Each layer is right by itself, but not the network: do two layers write into the same array?"]

    def __str__(self) -> str:
        lines = textwrap.wrap(f"gradient check of {self.title}", WIDTH, subsequent_indent="  ")
        lines += textwrap.wrap(_about(self), WIDTH)
        lines += ["", f"{'':<26}{'error':>9}{'worst entry':>14}{'analytic':>11}{'numerical':>11}  verdict", "-" * WIDTH]
        for kind, name, comparison, verdict in _rows(self):
            if comparison is None:
                head = name if len(name) <= 70 else f"{name[:67]}..."
                lines.append(f"{head:<73}{verdict}" if kind == "layer" else head)
            else:
                cells = "".join(
                    f"{cell:>{width}}" for cell, width in zip(_cells(comparison), (9, 14, 11, 11), strict=True)
                )
                lines.append(f"  {comparison.name:<24}{cells}  {verdict}")
        lines += ["-" * WIDTH]
        for sentence in self.conclusion():
            lines += textwrap.wrap(sentence, WIDTH, subsequent_indent="  ")
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        left, right = (f'style="text-align: {side}; padding: 1px 10px"' for side in ("left", "right"))
        lines = [f"<p><code>{html.escape(self.title)}</code><br>{html.escape(_about(self))}</p>", "<table>"]
        heads = ("error", "worst entry", "analytic", "numerical")
        lines.append(
            f"<tr><th></th>{''.join(f'<th {right}>{head}</th>' for head in heads)}<th {left}>verdict</th></tr>"
        )
        for kind, place, comparison, verdict in _rows(self):
            shown = html.escape(verdict) if verdict == "right" else f"<b>{html.escape(verdict)}</b>"
            if comparison is None:
                cell = f"<code>{html.escape(place)}</code>" if kind == "layer" else f"<b>{html.escape(place)}</b>"
                lines.append(f'<tr><td colspan="5" {left}>{cell}</td><td {left}>{shown}</td></tr>')
            else:
                cells = "".join(f"<td {right}>{html.escape(cell)}</td>" for cell in _cells(comparison))
                name = f'<td style="text-align: left; padding: 1px 10px 1px 2em">{html.escape(comparison.name)}</td>'
                lines.append(f"<tr>{name}{cells}<td {left}>{shown}</td></tr>")
        lines.append("</table>")
        lines += [f"<p>{html.escape(sentence)}</p>" for sentence in self.conclusion()]
        return "\n".join(lines)


def gradient_check(
    model: Model,
    X: Any = None,
    y: Any = None,
    *,
    tolerance: float = 1e-6,
    sample_weight: Any = None,
    max_entries: int = 100,
    seed: int = 0,
) -> GradientCheck:
    r"""Hold the gradients of every layer and parameter against ``(f(x + h) - f(x - h)) / 2h``.

    First each layer by itself: with a random da, the analytic ``da_prev`` and ``dW`` that its ``backward`` gives
    against the difference quotients of ``sum(da * forward(a_prev))``. So a wrong layer is found where it stands, and
    not by the damage that its da does to the gradients of the layers in front. Then dJ/dtheta in the whole network.
    All in float64, whatever the network computes in, as in training: with the statistics of the batch, and with the
    same random draws in every evaluation.

    Parameters
    ----------
    model : Model
        Stays as it is in everything.
    X : array_like, (M, n[0])
        At most 1,024 examples; 8 to 32 are plenty.
    y : array_like, (M,) or (M, n[L])
        The truth in any form that the output layer takes.
    tolerance : float, default 1e-6
        Above 0: the largest relative error ``|a - n| / (|a| + |n|)`` that is right. Right gradients are mostly
        below 1e-8, wrong ones above 1e-3.
    sample_weight : array_like, (M,), optional
        How much each example counts, at least 0.
    max_entries : int, default 100
        Of an array with more entries, so many are drawn and compared.
    seed : int, default 0
        Of the entries that are drawn, and of da.

    Returns
    -------
    GradientCheck

    Raises
    ------
    ArgumentError
        If X and y are missing, too many or not what the network takes, or another argument has a wrong value.

    Notes
    -----
    At a kink (ReLU at z = 0) there is no derivative: entries that disagree are measured again with steps ten and a
    hundred times smaller, which cross fewer kinks, and the best agreement counts. Where even the smallest step leaves
    a derivative from the left and another from the right, with the analytic one between them, the entry lies on a kink
    and is left out. Parameters of frozen layers are not checked.

    Examples
    --------
    >>> import nnlite as nn
    >>> class Square(nn.Layer):
    ...     def forward(self, a_prev, cache):
    ...         cache.z = a_prev
    ...         return a_prev**2
    ...
    ...     def backward(self, da, cache):
    ...         return da * cache.z  # forgot the 2
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(8), Square(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> check = gradient_check(model, iris.X_train[:16], iris.y_train[:16])
    >>> check.ok
    False
    >>> check.conclusion()
    ['layers[1] Square() is wrong: da_prev is 0.5 times the numerical one.']
    """
    X, y, other = check_batch(model, X, y, "a gradient check", MOST_EXAMPLES)
    tolerance = checks.real("tolerance", tolerance, above=0)
    max_entries = checks.integer("max_entries", max_entries)
    seed = checks.integer("seed", seed, minimum=0)
    weights = data.check_weights(sample_weight, len(X))
    examiner = _Examiner(in_float64(other), X.astype(np.float64), y, weights, tolerance, max_entries, seed)
    layers = examiner.check_layers(model.layers)
    check = GradientCheck(repr(model), len(X), tolerance, max_entries, layers, {})
    try:
        check.parameters = examiner.check_network()
    except ArgumentError:
        if not check.culprits:  # else one of them gave the backward pass nothing to go on
            raise
    return check


class _Examiner:
    """Checks the layers of a network in float64, of which it is the only user, and the network itself."""

    def __init__(
        self, model: Model, X: Array, y: Array, weights: Array | None, tolerance: float, max_entries: int, seed: int
    ) -> None:
        self.model = model
        self.X = X
        self.y = y
        self.sample_weight = weights
        self.tolerance = tolerance
        self.max_entries = max_entries
        self.rng = np.random.default_rng(seed)
        self.state = model.state.copy()
        self.theta = model.theta.copy()
        self.rng_state = model.rng.bit_generator.state
        self.segments = segments_of(model)

    # ---- each layer by itself --------------------------------------------------------------------------------

    def check_layers(self, originals: Sequence[Layer]) -> list[LayerCheck]:
        """All of them; ``originals`` are the layers of the model that the user handed in."""
        with recording(self.model.all_layers()) as self.records:
            Walk(self.model, training=True).forward(self.X.copy())
        self._restore()
        self.places = places(self.model.layers)
        return [self._check_layer(*pair) for pair in zip(self.model.layers, originals, strict=True)]

    def _check_layer(self, layer: Layer, original: Layer) -> LayerCheck:
        check = LayerCheck(f"{self.places[layer]} {original!r}", original)
        check.inner = [self._check_layer(*pair) for pair in zip(layer.inner_layers, original.inner_layers, strict=True)]
        a_prev = self.records[layer].a_prev
        if a_prev is None:
            check.faults.append("no forward pass comes by it")
        else:
            output = layer is self.model.output
            alone = _AloneOutput(self, layer, a_prev) if output else _Alone(self, layer, a_prev)
            try:
                alone.examine(check, first=layer is self.model.layers[0])
            except ArgumentError as error:
                if check.inside_ok:
                    raise
                check.faults.append(str(error))  # what it says of a layer inside it
        return check

    def _restore(self) -> None:
        self.model.theta = self.theta
        self.model.state = self.state
        self.model.rng.bit_generator.state = self.rng_state

    # ---- the network -----------------------------------------------------------------------------------------

    def check_network(self) -> dict[str, Comparison]:
        """``dJ/dtheta`` of every parameter that is learned."""
        self._cost()
        self.model.grad[...] = 0
        self.model.backward(self.y, self.sample_weight)
        grad = self.model.grad.copy()
        found = {}
        for layer, segments in self.segments.items():
            for segment in segments if layer.trainable else []:
                found[segment.name] = self.compare(
                    f"d{segment.name}", segment.view(grad), segment.view(self.model.theta), self._cost, np.ones(1)
                )
        return found

    def _cost(self) -> Array:
        self.model.state = self.state
        self.model.rng.bit_generator.state = self.rng_state
        self.model.forward(self.X)
        return np.array([self.model.cost(self.y, self.sample_weight)])

    # ---- one gradient ----------------------------------------------------------------------------------------

    def compare(self, name: str, analytic: Array, x: Array, function: Callable[[], Array], da: Array) -> Comparison:
        """The analytic gradient of ``sum(da * function())`` by ``x``, which is changed in place, entry by entry."""
        entries = self._draw(x.shape)
        a = np.array([analytic[entry] for entry in entries])
        with np.errstate(all="ignore"):
            quotients = _Quotients(x, function, da)
            n = np.array([quotients.central(entry, H) for entry in entries])
            noise = quotients.noise(H) * np.sqrt(max(1, len(entries)))
            on_kink = np.zeros(len(entries), bool)
            error = _relative_error(a, n, noise / self.tolerance)
            if not error <= self.tolerance:
                limit = self.tolerance * max(_norm(a) + _norm(n), noise / self.tolerance) / np.sqrt(len(entries))
                for i in np.flatnonzero(~(np.abs(a - n) <= limit)):
                    n[i], on_kink[i] = quotients.finer(entries[i], a[i], n[i])
                error = _relative_error(a[~on_kink], n[~on_kink], noise / self.tolerance)
            difference = np.where(on_kink, -1, np.abs(a - n))
        worst = int(np.argmax(difference)) if len(entries) else None
        ok = bool(error <= self.tolerance)
        return Comparison(
            name,
            error,
            () if worst is None else entries[worst],
            np.nan if worst is None else float(a[worst]),
            np.nan if worst is None else float(n[worst]),
            len(entries) - int(on_kink.sum()),
            int(x.size),
            int(on_kink.sum()),
            ok,
            "" if ok else _remark(a[~on_kink], n[~on_kink], len(self.X)),
        )

    def _draw(self, shape: Shape) -> list[tuple[int, ...]]:
        """All indices of an array, or ``max_entries`` of them."""
        size = int(np.prod(shape))
        chosen = np.arange(size)
        if size > self.max_entries:
            chosen = np.sort(self.rng.choice(size, self.max_entries, replace=False))
        return [tuple(int(i) for i in np.unravel_index(k, shape)) for k in chosen]


class _Quotients:
    """Difference quotients of ``sum(da * function())`` by the entries of ``x``."""

    def __init__(self, x: Array, function: Callable[[], Array], da: Array) -> None:
        self.x = x
        self.function = function
        self.da = da
        self.here = function()

    def noise(self, h: float) -> float:
        """How much rounding there is in one of them."""
        return float(ROUNDING / h * (_norm(self.da * self.here) + _norm(self.da)))

    def _sides(self, entry: tuple[int, ...], part: float) -> tuple[Array, Array, float]:
        at = self.x[entry]
        h = part * max(1.0, abs(at))
        self.x[entry] = at + h
        right, above = self.function(), self.x[entry]
        self.x[entry] = at - h
        left, below = self.function(), self.x[entry]
        self.x[entry] = at
        return right, left, float(above - below) / 2

    def central(self, entry: tuple[int, ...], part: float) -> float:
        """``(f(x + h) - f(x - h)) / 2h`` with ``h = part max(1, |x|)``."""
        right, left, h = self._sides(entry, part)
        return float(np.sum(self.da * (right - left)) / (2 * h))

    def finer(self, entry: tuple[int, ...], a: float, n: float) -> tuple[float, bool]:
        """The quotient that agrees best with ``a``, ``n`` or one over a smaller step; and whether there is a kink."""
        gaps = []
        for part in FINER:
            right, left, h = self._sides(entry, H * part)
            from_right = float(np.sum(self.da * (right - self.here)) / h)
            from_left = float(np.sum(self.da * (self.here - left)) / h)
            central = (from_right + from_left) / 2
            gaps.append(abs(from_right - from_left))
            if abs(central - a) < abs(n - a) or np.isnan(n):
                n = central
        lasting = gaps[-1] > 0.5 * gaps[0]  # where there is a derivative, a tenth of the step has a tenth of the gap
        return n, bool(lasting and gaps[-1] > 10 * self.noise(h))


class _Alone:
    """One layer with a fixed input, a fixed da and the same random draws at every evaluation."""

    def __init__(self, examiner: _Examiner, layer: Layer, a_prev: Array) -> None:
        self.examiner = examiner
        self.layer = layer
        self.a_prev = a_prev
        self.rng = np.random.default_rng(0)
        self.rng_state = self.rng.bit_generator.state
        self.cache = Cache(np.float64, self.rng)
        self.segments: list[Segment] = examiner.segments.get(layer, [])
        self.da: Array = np.ones(1)

    def examine(self, check: LayerCheck, first: bool) -> None:
        """Write down what is wrong with the layer; the first may return no gradient, nobody asks for it."""
        self._examine_forward(check)
        da_prev, gradients = self._examine_backward(check)
        compare = self.examiner.compare
        if da_prev is not None:
            check.comparisons.append(compare("da_prev", da_prev, self.a_prev, self._values, self.da))
        elif not first:
            check.faults.append("backward returns None, not the gradient of its input")
        for segment in self.segments if self.layer.trainable else []:
            theta = getattr(self.layer, segment.attribute)
            if f"d{segment.name}" in gradients:
                gradient = gradients[f"d{segment.name}"]
                check.comparisons.append(compare(f"d{segment.name}", gradient, theta, self._values, self.da))
        self.examiner._restore()

    def _again(self) -> None:
        """Start from the same random draws and the same running averages."""
        self.rng.bit_generator.state = self.rng_state
        self.examiner.model.state = self.examiner.state

    def _forward(self, a_prev: Array) -> Array:
        self._again()
        return self.layer.forward(a_prev, self.cache)

    def _values(self) -> Array:
        """What the layer puts out for its input, which it may overwrite only in a copy."""
        return self._forward(self.a_prev.copy()).copy()

    def _backward(self, da: Array) -> Any:
        return self.layer.backward(da, self.cache)

    def _examine_forward(self, check: LayerCheck) -> None:
        a = self._forward(self.a_prev.copy()).copy()
        self.da = np.asarray(self.examiner.rng.standard_normal(a.shape))
        given = self.a_prev.copy()
        again = self._forward(given).copy()
        if not _same(given, self.a_prev):
            check.faults.append("forward overwrites a_prev, which other layers need as it is")
        if not _same(a, again):
            check.faults.append(
                "forward gives something else each time for the same input and the same random draws (draw from "
                "cache.rng, and keep what belongs to a pass in the cache)"
            )
        self._examine_parameters(check, "forward")

    def _examine_parameters(self, check: LayerCheck, method: str) -> None:
        theta = self.examiner.model.theta
        for segment in self.segments:
            if not _same(segment.view(theta), segment.view(self.examiner.theta)):
                check.faults.append(f"{method} changes {segment.name}, which is the optimizer's business")
        theta[...] = self.examiner.theta

    def _examine_backward(self, check: LayerCheck) -> tuple[Array | None, dict[str, Array]]:
        """The analytic gradients; twice, from gradients that are 0 before and from such that are 1."""
        results, grads, grad = [], [], self.examiner.model.grad
        for before in (0, 1):
            given = self.a_prev.copy()
            self._forward(given)
            kept = given.copy()
            grad[...] = before
            results.append(_copied(self._backward(self.da.copy())))
            grads.append(grad.copy())
            if before == 0 and not _same(given, kept):
                check.faults.append("backward overwrites a_prev, which other layers need as it is")
        self._examine_parameters(check, "backward")
        gradients = dict(self._written(check, *grads)) if self.layer.trainable else {}
        return self._checked(check, results[0]), gradients

    def _written(self, check: LayerCheck, grad: Array, grad_again: Array) -> Iterator[tuple[str, Array]]:
        """Each gradient, and whether the layer sets it, adds to it or leaves it alone."""
        for segment in self.segments:
            g, again = segment.view(grad), segment.view(grad_again)
            name = f"d{segment.name}"
            left = (g == 0) & (again == 1)
            if g.size and left.all():
                check.faults.append(f"backward does not write {name}")
            else:
                if g.size and np.allclose(again - g, 1, rtol=0, atol=min(0.5, 1e-9 * max(1.0, float(np.abs(g).max())))):
                    check.faults.append(f"backward adds to {name} instead of setting it")
                elif left.any():
                    check.faults.append(f"backward writes only a part of {name}")
                yield name, g.copy()

    def _checked(self, check: LayerCheck, da_prev: Any) -> Array | None:
        """What backward returned, if it is an array like a_prev."""
        if da_prev is None:
            return None
        if not isinstance(da_prev, np.ndarray) or da_prev.shape != self.a_prev.shape:
            got = f"shape {da_prev.shape}" if isinstance(da_prev, np.ndarray) else type(da_prev).__name__
            check.faults.append(f"backward must return an array of shape {self.a_prev.shape}, as a_prev has, got {got}")
            return np.full(self.a_prev.shape, np.nan)
        return da_prev


class _AloneOutput(_Alone):
    """The output layer with its cost: ``J = sum_i w_i L_i``, whose backward pass it starts."""

    layer: Any

    def __init__(self, examiner: _Examiner, layer: Layer, a_prev: Array) -> None:
        super().__init__(examiner, layer, a_prev)
        Y = target_rows(examiner.model, examiner.y)
        self.Y = self.layer.smoothed(Y, self.cache).copy()
        weights: Array = np.ones(len(Y)) if examiner.sample_weight is None else examiner.sample_weight
        self.weights = weights / weights.sum()

    def examine(self, check: LayerCheck, first: bool) -> None:
        """Its start of the backward pass; its parameters, if it has any, count in the network."""
        self._examine_forward(check)
        self.da = self.weights
        self._forward(self.a_prev.copy())
        dz = self.layer.start_backward(self.Y, self.cache) * self.weights[:, None]
        check.comparisons.append(self.examiner.compare("dz", dz, self.a_prev, self._values, self.da))
        self.examiner._restore()

    def _values(self) -> Array:
        self._forward(self.a_prev.copy())
        losses: Array = self.layer.losses(self.Y, self.cache).copy()
        return losses


# ---- arithmetic ------------------------------------------------------------------------------------------------


def _norm(values: Array) -> float:
    return float(np.linalg.norm(values))


def _relative_error(a: Array, n: Array, smallest: float) -> float:
    """``|a - n| / (|a| + |n|)``, or relative to ``smallest`` where that is larger."""
    return float(_norm(a - n) / max(_norm(a) + _norm(n), smallest)) if len(a) else 0.0


def _same(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _copied(result: Any) -> Any:
    return result.copy() if isinstance(result, np.ndarray) else result


# ---- words -----------------------------------------------------------------------------------------------------


def _remark(a: Array, n: Array, M: int) -> str:
    """What the difference looks like: NaN, all 0, or a factor."""
    if not np.isfinite(a).all():
        return "is not finite"
    if not np.isfinite(n).all():
        return "is finite, but not the numerical one"
    if not a.any():
        return "is 0 everywhere, but not the numerical one"
    factor = float(a @ n / (n @ n)) if n.any() else 0.0
    if factor and _norm(a - factor * n) <= 1e-4 * _norm(a):
        remark = f"is {factor:.4g} times the numerical one"
        if M > 1 and abs(factor * M - 1) < 1e-4:
            remark += f" (1/M; the mean over the {M} examples is taken already, where the backward pass starts)"
        return remark
    return ""


def _reason(comparison: Comparison) -> str:
    if comparison.remark:
        return f"{comparison.name} {comparison.remark}"
    where = f"[{', '.join(map(str, comparison.worst))}]"
    return (
        f"{comparison.name} is off by {comparison.relative_error:.2g}, most at {where}: {comparison.analytic:.4g}, "
        f"numerically {comparison.numerical:.4g}"
    )


def _about(check: GradientCheck) -> str:
    sizes = [*check.parameters.values(), *_comparisons(check.layers)]
    drawn = any(comparison.n_compared + comparison.n_kinks < comparison.n_entries for comparison in sizes)
    sample = f"; of arrays with more than {check.max_entries} entries so many were drawn" if drawn else ""
    return f"M = {check.M}, in float64, tolerance {check.tolerance:g}{sample}"


def _flat(layers: Sequence[LayerCheck]) -> Iterator[LayerCheck]:
    for check in layers:
        yield check
        yield from _flat(check.inner)


def _comparisons(layers: Sequence[LayerCheck]) -> Iterator[Comparison]:
    for check in _flat(layers):
        yield from check.comparisons


def _names(check: LayerCheck) -> set[str]:
    return {comparison.name for comparison in check.comparisons} - {"da_prev", "dz"}


def _rows(check: GradientCheck) -> Iterator[tuple[str, str, Comparison | None, str]]:
    """Kind ("heading", "layer", "gradient"), name, comparison and verdict of each row of the table."""
    yield "heading", "each layer by itself", None, ""
    for layer in _flat(check.layers):
        yield "layer", layer.name, None, layer.verdict
        for comparison in layer.comparisons:
            yield "gradient", "", comparison, "" if comparison.ok else "WRONG"
    yield "heading", "dJ/dtheta in the network", None, ""
    for name, comparison in check.parameters.items():
        yield "gradient", "", comparison, check.verdict(name)
    if not check.parameters:
        yield "heading", "  (nothing that could be compared)", None, ""


def _cells(comparison: Comparison) -> tuple[str, str, str, str]:
    if not comparison.n_compared:
        return ("", "on a kink" if comparison.n_kinks else "", "", "")
    worst = f"[{', '.join(map(str, comparison.worst))}]"
    return (
        f"{comparison.relative_error:.1e}",
        worst,
        f"{comparison.analytic:.4g}",
        f"{comparison.numerical:.4g}",
    )
