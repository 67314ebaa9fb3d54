"""`gradient_check`: each layer by itself, then the cost of the whole network."""

from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.inspect.gradients.alone import LayerAlone, OutputAlone
from nnlite.inspect.gradients.comparison import Comparer, Comparison
from nnlite.inspect.gradients.report import GradientCheck, LayerCheck
from nnlite.inspect.records import Records
from nnlite.inspect.twins import in_float64, segments_by_layer, twin_and_batch
from nnlite.layers import Layer
from nnlite.layers.chain import places
from nnlite.network.network import Network
from nnlite.network.passes import Pass, mean_loss
from nnlite.network.vectors import Segment


def gradient_check(
    model: Network,
    X: Any = None,
    y: Any = None,
    *,
    tolerance: float = 1e-6,
    sample_weight: Any = None,
    max_entries: int = 100,
    seed: int = 0,
) -> GradientCheck:
    r"""Compare the gradients of every layer and parameter with ``(f(x + h) - f(x - h)) / 2h``.

    First each layer is checked by itself: for a random da, ``da_prev`` and ``dW`` from its ``backward`` are compared
    with the difference quotients of ``sum(da * forward(a_prev))``. This names the wrong layer, and not the layers in
    front of it that get a wrong da from it. Then dJ/dtheta is checked in the whole network. All is computed in float64,
    as in training: with the statistics of the batch, and with the same random draws in every evaluation.

    Parameters
    ----------
    model : Model
        It does not change.
    X : array_like, (M, n[0])
        At most 1,024 examples; 8 to 32 are enough.
    y : array_like, (M,) or (M, n[L])
        The true targets, in any form that the output layer takes.
    tolerance : float, default 1e-6
        Above 0: the largest relative error ``|a - n| / (|a| + |n|)`` that is right. The error of right gradients is
        mostly below 1e-8, that of wrong ones above 1e-3.
    sample_weight : array_like, (M,), optional
        Weights of the examples, at least 0.
    max_entries : int, default 100
        Number of entries to draw and compare from an array with more entries.
    seed : int, default 0
        Seed of the entries that are drawn, and of da.

    Returns
    -------
    GradientCheck

    Raises
    ------
    ArgumentError
        If X and y are missing, too many or do not fit the network, if another argument has a wrong value, or if the
        forward pass of a layer breaks the rules in `nnlite.Layer`.

    Notes
    -----
    At a kink (ReLU at z = 0) there is no derivative. Entries that disagree are measured again with steps that are ten
    and a hundred times smaller and cross fewer kinks; the best agreement counts. If the derivatives from the left and
    from the right differ even with the smallest step, the entry lies on a kink and is left out. Parameters of frozen
    layers are not checked.

    Examples
    --------
    >>> import nnlite as nn
    >>> class Square(nn.Layer):
    ...     def forward(self, z, cache):
    ...         cache.z = z
    ...         return z**2
    ...
    ...     def backward(self, da, cache):
    ...         return da * cache.z  # forgot the 2
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(8), Square(), nn.Dense(3), nn.Softmax()], seed=0)
    >>> check = nn.gradient_check(model, iris.X_train[:16], iris.y_train[:16])
    >>> check.ok
    False
    >>> check.conclusion()
    ['layers[1] Square() is wrong: da_prev is 0.5 times the numerical one.']
    """
    twin, (X, y, weights, _) = twin_and_batch(model, X, y, "a gradient check", sample_weight)
    tolerance = checks.real("tolerance", tolerance, above=0)
    max_entries = checks.integer("max_entries", max_entries)
    rng = np.random.default_rng(checks.integer("seed", seed, minimum=0))
    checker = _Checker(in_float64(twin), X, y, weights, Comparer(tolerance, max_entries, rng, len(X)))
    check = GradientCheck(repr(model), len(X), tolerance, max_entries, checker.check_layers(model), {})
    try:
        check.parameters = checker.check_parameters()
    except ArgumentError:
        if not check.culprits:  # a culprit that breaks a rule stops the backward pass
            raise
    return check


class _Checker:
    """Checks the layers and parameters of a network in float64 with one batch."""

    def __init__(self, network: Network, X: Array, y: Array, weights: Array | None, comparer: Comparer) -> None:
        self.network = network
        self.X = network.signature.cast(X)
        self.Y = network.signature.target_rows(y)
        self.weights = weights
        self.comparer = comparer
        self.places = places(network.layers)
        self.segments = segments_by_layer(network)
        self._state, self._rng_state = network.state.copy(), network.rng.bit_generator.state

    def check_layers(self, model: Network) -> list[LayerCheck]:
        """Check each layer by itself; ``model`` has the same layers as the user made them."""
        self.records = Records()
        self._forward(self.records)
        self.network.state = self._state
        return [
            self._check_layer(layer, original, may_return_none=i <= self.network.first_trainable)
            for i, (layer, original) in enumerate(zip(self.network.layers, model.layers, strict=True))
        ]

    def _check_layer(self, layer: Layer, original: Layer, *, may_return_none: bool = False) -> LayerCheck:
        check = LayerCheck(f"{self.places[layer]} {original!r}", original)
        check.inner = [
            self._check_layer(*pair)
            for pair in zip(layer.inner_layers, original.inner_layers, strict=True)
            if self.records[pair[0]].a_prev is not None
        ]
        a_prev = self.records[layer].a_prev
        assert a_prev is not None
        alone: LayerAlone
        if layer is self.network.output:
            alone = OutputAlone(self.network, layer, a_prev, self.comparer, Y=self.Y, weights=self.weights)
        else:
            segments = self._segments_of(layer)
            alone = LayerAlone(self.network, layer, a_prev, segments, self.comparer, may_return_none)
        alone.examine(check)
        return check

    def _segments_of(self, layer: Layer) -> list[Segment]:
        """Return the parameters of a layer and of those inside it that the observer did not see."""
        segments = list(self.segments.get(layer, []))
        for inner in layer.inner_layers:
            if self.records[inner].a_prev is None:
                segments += self._segments_of(inner)
        return segments

    def check_parameters(self) -> dict[str, Comparison]:
        """Check ``dJ/dtheta`` of every parameter that learns."""
        network = self.network
        network.grad = 0
        self._forward().backward(self.Y, self.weights)
        grad = network.grad.copy()
        return {
            segment.name: self.comparer.compare(
                f"d{segment.name}", segment.view(grad), segment.view(network.theta), self._cost, np.ones(1)
            )
            for segment in network.segments
            if segment.trainable
        }

    def _forward(self, records: Records | None = None) -> Pass:
        """Return a training pass after its forward pass, from the same state and random draws each time."""
        self.network.state, self.network.rng.bit_generator.state = self._state, self._rng_state
        step = self.network.new_pass(training=True, observer=records)
        step.forward(self.X)
        return step

    def _cost(self) -> Array:
        return np.array([mean_loss(self._forward().losses(self.Y), self.weights)])
