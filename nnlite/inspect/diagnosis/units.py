"""A check during and after training: dead and saturated units."""

import numpy as np

from nnlite.checks import Array
from nnlite.inspect.diagnosis.probe import slopes
from nnlite.inspect.diagnosis.report import Finding, Result, Skipped
from nnlite.inspect.diagnosis.verdicts import advise, judge
from nnlite.layers import Sigmoid, Tanh
from nnlite.network.network import Network

# With a learning rate that is too high, 40 % may be dead (A. Karpathy, Stanford CS231n, "Neural networks 1", 2015); in
# small networks a fifth is not rare.
# If all inputs point the same way, as those of iris do, the sign of a weighted sum is that of the weights: half of the
# units are off by chance, and the rest learn.
DEAD = (0.25, 0.6)  # share of a layer's units whose slope is 0 for every example
# A unit whose z are all far from 0 is nearly constant, and its weights get a tenth of the gradient or less (X. Glorot
# and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010).
SATURATED = (0.25, 0.5)  # share of a layer's units
FLAT = 0.1  # slope relative to the steepest: |tanh z| > 0.95
NEARLY_ALWAYS = 0.95  # of the examples
PROBE_FROM = 20  # examples; with fewer, a unit that is off for all of them says nothing


def units(model: Network, X: Array) -> list[Result]:
    """Look for dead and saturated units in the hidden activations.

    Parameters
    ----------
    model : Network
        A copy without noise: its running averages change.
    X : ndarray, (M, ...)
        Some training examples.
    """
    if len(X) < PROBE_FROM:
        return _skipped(f"there are fewer than {PROBE_FROM} examples")
    if not np.isfinite(model.theta).all():
        return _skipped("the weights are no longer finite")
    dead, saturated = {}, {}
    for i, (layer, slope) in enumerate(slopes(model, X), start=1):
        name = f"{type(layer).__name__} {i}"
        if isinstance(layer, (Tanh, Sigmoid)):
            steepest = 1.0 if isinstance(layer, Tanh) else 0.25
            flat = (np.abs(slope) < FLAT * steepest).mean(axis=0) >= NEARLY_ALWAYS
            saturated[name] = float(flat.mean())
        else:
            dead[name] = float((slope == 0).all(axis=0).mean())
    if not dead and not saturated:
        return _skipped("there is no hidden activation")
    return [
        *_finding(
            "dead units",
            dead,
            DEAD,
            "are off for every example and cannot learn",
            "a smaller learning rate, scaled inputs, HeNormal weights, biases of 0, LeakyReLU or BatchNorm.",
        ),
        *_finding(
            "saturated units",
            saturated,
            SATURATED,
            "are saturated for nearly every example",
            "scaled inputs, GlorotUniform weights, a smaller learning rate, BatchNorm before it, or ReLU.",
        ),
    ]


def _skipped(reason: str) -> list[Result]:
    return [Skipped("dead units", reason), Skipped("saturated units", reason)]


def _finding(
    check: str, shares: dict[str, float], thresholds: tuple[float, float], what: str, advice: str
) -> list[Finding]:
    """Return the finding about the layer with the largest share."""
    if not shares:
        return []
    worst = max(shares, key=shares.__getitem__)
    verdict = judge(shares[worst], *thresholds)
    message = f"{shares[worst]:.0%} of the units of {worst} {what}."
    if not shares[worst]:
        return [Finding(check, "during", verdict, f"None of the units {what}.", dict(shares))]
    if len(shares) > 1:
        message += f" (By layer: {', '.join(f'{share:.0%}' for share in shares.values())}.)"
    return [Finding(check, "during", verdict, message, dict(shares), advise(verdict, advice))]
