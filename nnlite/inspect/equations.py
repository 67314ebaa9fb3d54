"""The equations of the layers in the course's notation, for a terminal and for LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from nnlite.layers import (
    ELU,
    GELU,
    SELU,
    AlphaDropout,
    BatchNorm,
    Dense,
    Dropout,
    Exponential,
    Flatten,
    GaussianNoise,
    HardSwish,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    ReLU,
    Reshape,
    Residual,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nnlite.optimizers import SGD, Optimizer

GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "kappa", "lambda", "mu", "rho", "sigma", "tau", "theta", "phi"}


@dataclass(frozen=True)
class Symbol:
    """A quantity of layer l, such as ``dz'[2]``: ``differential`` "d", ``letter`` "z", one prime, ``number`` 2.

    Primes tell quantities of one layer apart: z[1], and z'[1] behind its normalization.
    """

    letter: str
    number: str
    primes: int = 0
    differential: str = ""

    @property
    def d(self) -> Symbol:
        """The gradient of the cost by it."""
        return replace(self, differential="d")

    def __str__(self) -> str:
        space = " " if "_" in self.differential else ""
        return f"{self.differential}{space}{self.letter}{chr(39) * self.primes}[{self.number}]"

    def latex(self, exponent: str = "") -> str:
        """As LaTeX, with something more in the exponent."""
        letter, _, rest = self.letter.partition("_")
        if self.letter in GREEK:
            body = f"\\{self.letter}"
        elif rest == "hat":
            body = f"\\hat{{{letter}}}"
        else:
            body = self.letter if len(self.letter) == 1 else f"\\mathrm{{{escaped(self.letter)}}}"
        d = f"{self.differential} " if self.differential else ""
        return f"{d}{body}{chr(39) * self.primes}^{{[{self.number}]{exponent}}}"


class Equation(NamedTuple):
    """A line as text and as LaTeX; ``<in>`` and the like stand for what `written` puts there."""

    text: str
    latex: str


def written(equation: Equation, symbols: Mapping[str, Any]) -> Equation:
    """The equation with its symbols in place; ``<W.T>`` is the transpose of ``<W>``."""

    def text(match: re.Match[str]) -> str:
        value = symbols[match[1]]
        return f"{value:g}" if isinstance(value, float) else f"{value}{'^T' if match[2] else ''}"

    def latex(match: re.Match[str]) -> str:
        value = symbols[match[1]]
        return value.latex(r"\top" if match[2] else "") if isinstance(value, Symbol) else latex_number(f"{value:g}")

    return Equation(re.sub(r"<(\w+)(\.T)?>", text, equation.text), re.sub(r"<(\w+)(\.T)?>", latex, equation.latex))


def latex_number(shown: str) -> str:
    r"""A number, written as Python writes it, in LaTeX: 0.1, or ``1.5 \cdot 10^{-5}``."""
    mantissa, _, exponent = shown.partition("e")
    if mantissa in ("nan", "inf", "-inf"):
        return {"nan": r"\mathrm{nan}", "inf": r"\infty", "-inf": r"-\infty"}[mantissa]
    power = f"10^{{{int(exponent)}}}" if exponent else ""
    if power and mantissa in ("1", "-1"):
        return mantissa.replace("1", power)
    return f"{mantissa} \\cdot {power}" if power else mantissa


def escaped(text: str) -> str:
    """``text`` with LaTeX's special characters escaped, for use in a paragraph."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    special |= {character: f"\\{character}" for character in "&%$#_{}"}
    special |= {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
    return "".join(special.get(character, character) for character in text)


def same(equation: str) -> Equation:
    """An equation that reads the same in both."""
    return Equation(equation, equation)


# ---- forward ---------------------------------------------------------------------------------------------------

FORWARD: dict[type[Layer], Equation] = {
    Dense: same("<out> = <in> <W> + <b>"),
    ReLU: Equation("<out> = max(0, <in>)", r"<out> = \max(0, <in>)"),
    LeakyReLU: Equation("<out> = max(<in>, <negative_slope> <in>)", r"<out> = \max(<in>, <negative_slope>\, <in>)"),
    ELU: Equation(
        "<out> = <in> where <in> > 0, else <alpha> (e^<in> - 1)",
        r"<out> = <in> \text{ where } <in> > 0 \text{, else } <alpha>\,(e^{<in>} - 1)",
    ),
    SELU: Equation(
        "<out> = lambda <in> where <in> > 0, else lambda alpha (e^<in> - 1)",
        r"<out> = \lambda <in> \text{ where } <in> > 0 \text{, else } \lambda \alpha (e^{<in>} - 1)",
    ),
    GELU: Equation("<out> = <in> Phi(<in>)", r"<out> = <in> \odot \Phi(<in>)"),
    SiLU: Equation("<out> = <in> / (1 + e^-<in>)", r"<out> = <in> / (1 + e^{-<in>})"),
    HardSwish: Equation(
        "<out> = <in> min(max(<in> + 3, 0), 6) / 6", r"<out> = <in> \odot \min(\max(<in> + 3, 0), 6) / 6"
    ),
    Softplus: Equation("<out> = log(1 + e^<in>)", r"<out> = \log(1 + e^{<in>})"),
    Tanh: Equation("<out> = tanh(<in>)", r"<out> = \tanh(<in>)"),
    Softmax: Equation("<out> = e^<in> / sum e^<in>", r"<out> = e^{<in>} / \textstyle\sum_k e^{<in>_k}"),
    Sigmoid: Equation("<out> = 1 / (1 + e^-<in>)", r"<out> = 1 / (1 + e^{-<in>})"),
    Identity: same("<out> = <in>"),
    Exponential: Equation("<out> = e^<in>", "<out> = e^{<in>}"),
    Dropout: Equation("<out> = <in> d / (1 - <rate>)", r"<out> = <in> \odot d / (1 - <rate>)"),
    AlphaDropout: Equation(
        "<out> = A (<in> d - 1.7581 (1 - d)) + B", r"<out> = A\,(<in> \odot d - 1.7581\,(1 - d)) + B"
    ),
    GaussianNoise: Equation(
        "<out> = <in> + e, e ~ N(0, <stddev>^2)", r"<out> = <in> + e,\ e \sim \mathcal{N}(0, <stddev>^2)"
    ),
    BatchNorm: Equation("<out> = <gamma> <z_hat> + <beta>", r"<out> = <gamma> \odot <z_hat> + <beta>"),
    LayerNorm: Equation("<out> = <gamma> <z_hat> + <beta>", r"<out> = <gamma> \odot <z_hat> + <beta>"),
    Residual: same("<out> = <in> + <F>"),
    Flatten: Equation("<out> = flatten(<in>)", r"<out> = \mathrm{flatten}(<in>)"),
    Reshape: Equation("<out> = reshape(<in>)", r"<out> = \mathrm{reshape}(<in>)"),
}

# ---- backward, to the layer's input ----------------------------------------------------------------------------

BACKWARD: dict[type[Layer], Equation] = {
    Dense: same("<din> = <dout> <W.T>"),
    ReLU: Equation("<din> = <dout> [<in> > 0]", r"<din> = <dout> \odot [<in> > 0]"),
    LeakyReLU: Equation(
        "<din> = <dout> max([<in> > 0], <negative_slope>)", r"<din> = <dout> \odot \max([<in> > 0], <negative_slope>)"
    ),
    ELU: Equation(
        "<din> = <dout> where <in> > 0, else <dout> <alpha> e^<in>",
        r"<din> = <dout> \text{ where } <in> > 0 \text{, else } <dout> \odot <alpha>\,e^{<in>}",
    ),
    SELU: Equation(
        "<din> = lambda <dout> where <in> > 0, else lambda alpha <dout> e^<in>",
        r"<din> = \lambda <dout> \text{ where } <in> > 0 \text{, else } \lambda \alpha <dout> \odot e^{<in>}",
    ),
    GELU: Equation(
        "<din> = <dout> (Phi(<in>) + <in> phi(<in>))", r"<din> = <dout> \odot (\Phi(<in>) + <in> \odot \phi(<in>))"
    ),
    SiLU: Equation("<din> = <dout> s (1 + <in> (1 - s))", r"<din> = <dout> \odot s \odot (1 + <in> \odot (1 - s))"),
    HardSwish: Equation(
        "<din> = <dout> (<in> / 3 + 1 / 2) where |<in>| < 3, else <dout> [<in> > 0]",
        r"<din> = <dout> \odot (<in> / 3 + 1 / 2) \text{ where } |<in>| < 3 \text{, else } <dout> \odot [<in> > 0]",
    ),
    Softplus: Equation("<din> = <dout> / (1 + e^-<in>)", r"<din> = <dout> / (1 + e^{-<in>})"),
    Tanh: Equation("<din> = <dout> (1 - <out>^2)", r"<din> = <dout> \odot (1 - {<out>}^2)"),
    Softmax: Equation(
        "<din> = <out> (<dout> - sum <dout> <out>)", r"<din> = <out> \odot (<dout> - \textstyle\sum_k <dout>_k <out>_k)"
    ),
    Sigmoid: Equation("<din> = <dout> <out> (1 - <out>)", r"<din> = <dout> \odot <out> \odot (1 - <out>)"),
    Identity: same("<din> = <dout>"),
    Exponential: Equation("<din> = <dout> <out>", r"<din> = <dout> \odot <out>"),
    Dropout: Equation("<din> = <dout> d / (1 - <rate>)", r"<din> = <dout> \odot d / (1 - <rate>)"),
    AlphaDropout: Equation("<din> = <dout> A d", r"<din> = <dout> \odot A\,d"),
    GaussianNoise: same("<din> = <dout>"),
    BatchNorm: Equation(
        "<din> = <gamma> / sqrt(<sigma>^2 + <epsilon>) (<dout> - <dbeta> - <z_hat> <dgamma>)",
        r"<din> = <gamma> / \sqrt{{<sigma>}^2 + <epsilon>} \odot (<dout> - <dbeta> - <z_hat> \odot <dgamma>)",
    ),
    LayerNorm: Equation(
        "<din> = (<u> - mean_j <u> - <z_hat> mean_j(<u> <z_hat>)) / sqrt(<sigma>^2 + <epsilon>)",
        r"<din> = \bigl(<u> - \tfrac{1}{n} \textstyle\sum_j <u>_j"
        r" - <z_hat> \odot \tfrac{1}{n} \textstyle\sum_j <u>_j <z_hat>_j\bigr) / \sqrt{{<sigma>}^2 + <epsilon>}",
    ),
    Residual: same("<din> = <dout> + <dF>"),
    Flatten: Equation("<din> = <dout>, in the shape of <in>", r"<din> = <dout> \text{, in the shape of } <in>"),
    Reshape: Equation("<din> = <dout>, in the shape of <in>", r"<din> = <dout> \text{, in the shape of } <in>"),
}

# ---- backward, to the layer's parameters -----------------------------------------------------------------------

_SCALE_AND_SHIFT = {
    "gamma": Equation(
        "<dgamma> = 1/M sum_i <dout> <z_hat>", r"<dgamma> = \tfrac{1}{M} \textstyle\sum_i <dout> \odot <z_hat>"
    ),
    "beta": Equation("<dbeta> = 1/M sum_i <dout>", r"<dbeta> = \tfrac{1}{M} \textstyle\sum_i <dout>"),
}

TO_PARAMETERS: dict[type[Layer], dict[str, Equation]] = {
    Dense: {
        "W": Equation("<dW> = 1/M <in.T> <dout>", r"<dW> = \tfrac{1}{M} <in.T> <dout>"),
        "b": Equation("<db> = 1/M sum_i <dout>", r"<db> = \tfrac{1}{M} \textstyle\sum_i <dout>"),
    },
    BatchNorm: _SCALE_AND_SHIFT,
    LayerNorm: _SCALE_AND_SHIFT,
}

# ---- what a layer computes on the way --------------------------------------------------------------------------

MU_OF_BATCH = Equation("<mu> = 1/M sum_i <in>", r"<mu> = \tfrac{1}{M} \textstyle\sum_i <in>")
VARIANCE_OF_BATCH = Equation(
    "<sigma>^2 = 1/M sum_i (<in> - <mu>)^2", r"{<sigma>}^2 = \tfrac{1}{M} \textstyle\sum_i (<in> - <mu>)^2"
)
MU_KEPT = Equation("<mu> = running_mean", r"<mu> = \text{running mean}")
VARIANCE_KEPT = Equation("<sigma>^2 = running_variance", r"{<sigma>}^2 = \text{running variance}")
MU_OF_EXAMPLE = Equation("<mu> = mean_j <in>", r"<mu> = \tfrac{1}{n} \textstyle\sum_j <in>_j")
VARIANCE_OF_EXAMPLE = Equation(
    "<sigma>^2 = mean_j (<in> - <mu>)^2", r"{<sigma>}^2 = \tfrac{1}{n} \textstyle\sum_j (<in>_j - <mu>)^2"
)
NORMALIZED = Equation(
    "<z_hat> = (<in> - <mu>) / sqrt(<sigma>^2 + <epsilon>)", r"<z_hat> = (<in> - <mu>) / \sqrt{{<sigma>}^2 + <epsilon>}"
)

DZ_HAT = Equation("<u> = <dout> <gamma>", r"<u> = <dout> \odot <gamma>")  # the gradient by z_hat

# ---- cost ------------------------------------------------------------------------------------------------------

LOSSES: dict[type[Layer], Equation] = {
    Softmax: Equation("L = - sum_j y_j log y_hat_j", r"L = - \textstyle\sum_j y_j \log \hat{y}_j"),
    Sigmoid: Equation(
        "L = - sum_j (y_j log y_hat_j + (1 - y_j) log(1 - y_hat_j))",
        r"L = - \textstyle\sum_j \bigl(y_j \log \hat{y}_j + (1 - y_j) \log(1 - \hat{y}_j)\bigr)",
    ),
    Identity: Equation("L = 1/2 sum_j (y_hat_j - y_j)^2", r"L = \tfrac{1}{2} \textstyle\sum_j (\hat{y}_j - y_j)^2"),
    Exponential: Equation(
        "L = sum_j (y_j log(y_j / y_hat_j) - y_j + y_hat_j)",
        r"L = \textstyle\sum_j \bigl(y_j \log(y_j / \hat{y}_j) - y_j + \hat{y}_j\bigr)",
    ),
}
ONE_UNIT: dict[type[Layer], Equation] = {
    Sigmoid: Equation(
        "L = - y log y_hat - (1 - y) log(1 - y_hat)", r"L = - y \log \hat{y} - (1 - y) \log(1 - \hat{y})"
    ),
    Identity: Equation("L = 1/2 (y_hat - y)^2", r"L = \tfrac{1}{2} (\hat{y} - y)^2"),
    Exponential: Equation("L = y log(y / y_hat) - y + y_hat", r"L = y \log(y / \hat{y}) - y + \hat{y}"),
}
COST = Equation("J = 1/M sum_i L", r"J = \tfrac{1}{M} \textstyle\sum_{i=1}^{M} L(\hat{y}^{(i)}, y^{(i)})")
START = Equation("<din> = y_hat - y", r"<din> = \hat{y} - y")

# ---- words about a layer ---------------------------------------------------------------------------------------

NOTES: dict[type[Layer], str] = {
    SELU: "lambda = 1.0507, alpha = 1.6733",
    GELU: "Phi(z) is the probability that a standard normal number is below z",
    SiLU: "backward with s = 1 / (1 + e^-z)",
    Dropout: "d is 0 with probability {rate:g}, else 1",
    AlphaDropout: "d is 0 with probability {rate:g}, else 1; A and B keep mean 0 and variance 1",
}


def owner(layer: Layer, method: str) -> type[Layer]:
    """The class that wrote ``method`` of this layer."""
    return next(cls for cls in type(layer).__mro__ if method in vars(cls))


def forward_equation(layer: Layer, parameters: Mapping[str, Symbol]) -> Equation:
    """The layer's own; of a layer of a user's own, ``<out> = Name(<in>; parameters)``."""
    if isinstance(layer, (Dropout, AlphaDropout)) and layer.rate == 0:
        return FORWARD[Identity]
    equation = FORWARD.get(owner(layer, "forward"))
    if equation is not None:
        return equation
    name = type(layer).__name__
    given = "".join(f"{', ' if i else '; '}<{attribute}>" for i, attribute in enumerate(parameters))
    return Equation(f"<out> = {name}(<in>{given})", f"<out> = \\mathrm{{{escaped(name)}}}(<in>{given})")


def backward_equation(layer: Layer) -> Equation:
    """The layer's own; of a layer of a user's own, ``<din> = Name.backward(<dout>)``."""
    if isinstance(layer, (Dropout, AlphaDropout)) and layer.rate == 0:
        return BACKWARD[Identity]
    if isinstance(layer, BatchNorm) and not layer.trainable:
        return Equation(
            "<din> = <gamma> / sqrt(<sigma>^2 + <epsilon>) <dout>",
            r"<din> = <gamma> / \sqrt{{<sigma>}^2 + <epsilon>} \odot <dout>",
        )
    return BACKWARD.get(owner(layer, "backward")) or _by_backward(layer, "din")


def parameter_equation(layer: Layer, attribute: str) -> Equation:
    """How the gradient of one of its parameters comes about."""
    known = TO_PARAMETERS.get(owner(layer, "backward"), {})
    return known.get(attribute) or _by_backward(layer, f"d{attribute}")


def _by_backward(layer: Layer, result: str) -> Equation:
    name = type(layer).__name__
    return Equation(
        f"<{result}> = {name}.backward(<dout>)", f"<{result}> = \\mathrm{{{escaped(name)}.backward}}(<dout>)"
    )


def loss_equation(layer: Layer, units: int) -> Equation:
    """Of an output layer with so many units."""
    cls = owner(layer, "losses")
    known = ONE_UNIT.get(cls) if units == 1 else None
    name = type(layer).__name__
    own = Equation(f"L = {name}.losses(y)", f"L = \\mathrm{{{escaped(name)}.losses}}(y)")
    return known or LOSSES.get(cls) or own


def note(layer: Layer) -> str:
    """What one should know to read its equation; of a layer of a user's own the first line of its docstring."""
    cls = owner(layer, "forward")
    if isinstance(layer, (Dropout, AlphaDropout)) and layer.rate == 0:
        return ""
    if isinstance(layer, GELU) and layer.approximate == "tanh":
        return "Phi(z) = (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2, and phi is its derivative"
    if cls in FORWARD:
        return NOTES.get(cls, "").format(**vars(layer))
    lines = (type(layer).__doc__ or "").strip().splitlines() if "__doc__" in vars(type(layer)) else []
    return lines[0].replace("`", "") if lines else ""


# ---- update ----------------------------------------------------------------------------------------------------

COST_AFTER = Equation("J = 1/M sum_i L after the step", r"J = \tfrac{1}{M} \textstyle\sum_i L \text{ after the step}")


def update_of(optimizer: Optimizer) -> Equation:
    """``W = W - 0.1 dW`` of plain gradient descent; of any other rule, that there is one."""
    options = (optimizer.weight_decay, optimizer.l1, optimizer.clip_value, optimizer.clip_norm, optimizer.max_norm)
    if type(optimizer) is SGD and not optimizer.momentum and not any(options):
        return Equation("<theta> := <theta> - <rate> <dtheta>", r"<theta> := <theta> - <rate>\, <dtheta>")
    return Equation(
        f"<theta> := {type(optimizer).__name__}(<theta>, <dtheta>)",
        f"<theta> := \\mathrm{{{escaped(type(optimizer).__name__)}}}(<theta>, <dtheta>)",
    )


def start_of(layer: Layer) -> Equation:
    """Where the backward pass starts, of an output layer of a user's own."""
    name = type(layer).__name__
    return Equation(f"<din> = {name}.start_backward(y)", f"<din> = \\mathrm{{{escaped(name)}.start\\_backward}}(y)")
