"""The equations of the layers, costs and updates in the course's notation, for a terminal and for LaTeX.

``<in>`` and ``<out>`` are the input and output of a layer, ``<din>`` and ``<dout>`` their gradients.
"""

from collections.abc import Mapping

from nnlite.inspect.tracing.notation import Equation, Symbol, escaped, same
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
    Output,
    ReLU,
    Reshape,
    Residual,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nnlite.layers.convolution import Convolution
from nnlite.layers.noise import ChannelDropout
from nnlite.layers.padding import ZeroPadding
from nnlite.layers.pooling import AveragePooling, GlobalAveragePooling, MaxPooling
from nnlite.optimizers import SGD, Adagrad, Adam, Optimizer, RMSProp

# ---- forward ----------------------------------------------------------------------------------------------------

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
    Convolution: Equation("<out> = windows(<in>) <W> + <b>", r"<out> = \mathrm{windows}(<in>)\, <W> + <b>"),
    MaxPooling: Equation("<out> = max windows(<in>)", r"<out> = \max \mathrm{windows}(<in>)"),
    AveragePooling: Equation("<out> = mean windows(<in>)", r"<out> = \mathrm{mean}\ \mathrm{windows}(<in>)"),
    GlobalAveragePooling: Equation("<out> = mean_x <in>", r"<out> = \tfrac{1}{n} \textstyle\sum_x <in>_x"),
    ZeroPadding: Equation("<out> = <in>, and 0 around it", r"<out> = <in> \text{, and 0 around it}"),
    ChannelDropout: Equation("<out> = <in> d / (1 - <rate>)", r"<out> = <in> \odot d / (1 - <rate>)"),
    Residual: same("<out> = <in> + <F>"),
    Flatten: Equation("<out> = flatten(<in>)", r"<out> = \mathrm{flatten}(<in>)"),
    Reshape: Equation("<out> = reshape(<in>)", r"<out> = \mathrm{reshape}(<in>)"),
}

# ---- backward: the gradient of the layer's input ----------------------------------------------------------------

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
    Convolution: Equation("<din> = windows^T(<dout> <W.T>)", r"<din> = \mathrm{windows}^\top(<dout> <W.T>)"),
    MaxPooling: Equation(
        "<din> = <dout> where <in> is the largest of its window",
        r"<din> = <dout> \text{ where } <in> \text{ is the largest of its window}",
    ),
    AveragePooling: Equation("<din> = windows^T(<dout> / n)", r"<din> = \mathrm{windows}^\top(<dout> / n)"),
    GlobalAveragePooling: Equation("<din> = <dout> / n at each pixel", r"<din> = <dout> / n \text{ at each pixel}"),
    ZeroPadding: Equation("<din> = <dout> inside", r"<din> = <dout> \text{ inside}"),
    Residual: same("<din> = <dout> + <dF>"),
    Flatten: Equation("<din> = <dout>, in the shape of <in>", r"<din> = <dout> \text{, in the shape of } <in>"),
    Reshape: Equation("<din> = <dout>, in the shape of <in>", r"<din> = <dout> \text{, in the shape of } <in>"),
}

# A residual connection with a projection, and BatchNorm with n pixels for each channel.
PROJECTED = same("<out> = <S> + <F>")
PROJECTED_BACKWARD = same("<din> = <dS> + <dF>")
OF_CHANNELS = Equation(
    "<din> = <gamma> / sqrt(<sigma>^2 + <epsilon>) (<dout> - <dbeta> / n - <z_hat> <dgamma> / n)",
    r"<din> = <gamma> / \sqrt{{<sigma>}^2 + <epsilon>} \odot (<dout> - <dbeta> / n - <z_hat> \odot <dgamma> / n)",
)

# ---- backward: the gradients of the layer's parameters ----------------------------------------------------------

_SCALE_AND_SHIFT = {
    "gamma": Equation(
        "<dgamma> = 1/M sum_i <dout> <z_hat>", r"<dgamma> = \tfrac{1}{M} \textstyle\sum_i <dout> \odot <z_hat>"
    ),
    "beta": Equation("<dbeta> = 1/M sum_i <dout>", r"<dbeta> = \tfrac{1}{M} \textstyle\sum_i <dout>"),
}

_OF_EACH_CHANNEL = {
    "gamma": Equation(
        "<dgamma> = 1/M sum_ix <dout> <z_hat>", r"<dgamma> = \tfrac{1}{M} \textstyle\sum_{i,x} <dout> \odot <z_hat>"
    ),
    "beta": Equation("<dbeta> = 1/M sum_ix <dout>", r"<dbeta> = \tfrac{1}{M} \textstyle\sum_{i,x} <dout>"),
}

TO_PARAMETERS: dict[type[Layer], dict[str, Equation]] = {
    Dense: {
        "W": Equation("<dW> = 1/M <in.T> <dout>", r"<dW> = \tfrac{1}{M} <in.T> <dout>"),
        "b": Equation("<db> = 1/M sum_i <dout>", r"<db> = \tfrac{1}{M} \textstyle\sum_i <dout>"),
    },
    Convolution: {
        "W": Equation("<dW> = 1/M windows(<in>)^T <dout>", r"<dW> = \tfrac{1}{M}\, \mathrm{windows}(<in>)^\top <dout>"),
        "b": Equation("<db> = 1/M sum_ix <dout>", r"<db> = \tfrac{1}{M} \textstyle\sum_{i,x} <dout>"),
    },
    BatchNorm: _SCALE_AND_SHIFT,
    LayerNorm: _SCALE_AND_SHIFT,
}

# ---- the steps inside a normalization ---------------------------------------------------------------------------

MU_OF_BATCH = Equation("<mu> = 1/M sum_i <in>", r"<mu> = \tfrac{1}{M} \textstyle\sum_i <in>")
VARIANCE_OF_BATCH = Equation(
    "<sigma>^2 = 1/M sum_i (<in> - <mu>)^2", r"{<sigma>}^2 = \tfrac{1}{M} \textstyle\sum_i (<in> - <mu>)^2"
)
MU_OF_CHANNEL = Equation("<mu> = mean_ix <in>", r"<mu> = \tfrac{1}{M n} \textstyle\sum_{i,x} <in>")
VARIANCE_OF_CHANNEL = Equation(
    "<sigma>^2 = mean_ix (<in> - <mu>)^2", r"{<sigma>}^2 = \tfrac{1}{M n} \textstyle\sum_{i,x} (<in> - <mu>)^2"
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

DZ_HAT = Equation("<u> = <dout> <gamma>", r"<u> = <dout> \odot <gamma>")  # the gradient of z_hat

# ---- cost -------------------------------------------------------------------------------------------------------

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

COST_AFTER = Equation("J = 1/M sum_i L after the step", r"J = \tfrac{1}{M} \textstyle\sum_i L \text{ after the step}")

# ---- update: the equation, and what its symbols are -------------------------------------------------------------

ROOT = Equation(
    "<theta> := <theta> - <rate> <dtheta> / (sqrt(s) + <epsilon>)",
    r"<theta> := <theta> - <rate>\, <dtheta> / (\sqrt{s} + <epsilon>)",
)
UPDATES: dict[str, tuple[Equation, str]] = {
    "SGD": (Equation("<theta> := <theta> - <rate> <dtheta>", r"<theta> := <theta> - <rate>\, <dtheta>"), ""),
    "SGD with momentum": (
        Equation("<theta> := <theta> - <rate> v", r"<theta> := <theta> - <rate>\, v"),
        "v = <momentum> v + <dtheta>",
    ),
    "Adagrad": (ROOT, "s = s + <dtheta>^2"),
    "RMSProp": (ROOT, "s = <rho> s + (1 - <rho>) <dtheta>^2"),
    "Adam": (
        Equation(
            "<theta> := <theta> - <rate> m_hat / (sqrt(v_hat) + <epsilon>)",
            r"<theta> := <theta> - <rate>\, \hat{m} / (\sqrt{\hat{v}} + <epsilon>)",
        ),
        "m = <beta_1> m + (1 - <beta_1>) <dtheta>, v = <beta_2> v + (1 - <beta_2>) <dtheta>^2; in step t "
        "m_hat = m / (1 - <beta_1>^t), v_hat = v / (1 - <beta_2>^t)",
    ),
}

# ---- notes on the equation of a layer ---------------------------------------------------------------------------

NOTES: dict[type[Layer], str] = {
    SELU: "lambda = 1.0507, alpha = 1.6733",
    GELU: "Phi(z) is the probability that a standard normal number is below z",
    SiLU: "backward with s = 1 / (1 + e^-z)",
    Dropout: "d is 0 with probability {rate:g}, else 1",
    ChannelDropout: "d is 0 with probability {rate:g}, else 1, for all pixels of a channel",
    AlphaDropout: "d is 0 with probability {rate:g}, else 1; A and B keep mean 0 and variance 1",
    AveragePooling: "backward with the n pixels of a window that lie in the image",
    GlobalAveragePooling: "x are the n pixels",
}


def owner(layer: Layer, method: str) -> type[Layer]:
    """Return the class that defines ``method`` of this layer."""
    return next(cls for cls in type(layer).__mro__ if method in vars(cls))


def forward_equation(layer: Layer, parameters: Mapping[str, Symbol]) -> Equation:
    """Return the forward equation; for a user's own layer ``<out> = Name(<in>; parameters)``."""
    if _drops_nothing(layer):
        return FORWARD[Identity]
    if isinstance(layer, Residual) and layer.shortcut:
        return PROJECTED
    given = "".join(f"{', ' if i else '; '}<{attribute}>" for i, attribute in enumerate(parameters))
    return FORWARD.get(owner(layer, "forward")) or _call("<out>", type(layer).__name__, f"<in>{given}")


def backward_equation(layer: Layer, axes: int = 1) -> Equation:
    """Return the equation of the gradient of the layer's input; for a user's own ``<din> = Name.backward(<dout>)``.

    ``axes`` is the number of axes of an example: more than one if it has channels.
    """
    if _drops_nothing(layer):
        return BACKWARD[Identity]
    if isinstance(layer, BatchNorm) and not layer.trainable:
        return Equation(
            "<din> = <gamma> / sqrt(<sigma>^2 + <epsilon>) <dout>",
            r"<din> = <gamma> / \sqrt{{<sigma>}^2 + <epsilon>} \odot <dout>",
        )
    if isinstance(layer, Residual) and layer.shortcut:
        return PROJECTED_BACKWARD
    if isinstance(layer, BatchNorm) and axes > 1 and owner(layer, "backward") is BatchNorm:
        return OF_CHANNELS
    return BACKWARD.get(owner(layer, "backward")) or _call("<din>", f"{type(layer).__name__}.backward", "<dout>")


def parameter_equation(layer: Layer, attribute: str, axes: int = 1) -> Equation:
    """Return the equation of the gradient of a parameter, for examples with that number of axes."""
    known = TO_PARAMETERS.get(owner(layer, "backward"), {})
    if axes > 1 and owner(layer, "backward") is BatchNorm:
        known = _OF_EACH_CHANNEL
    return known.get(attribute) or _call(f"<d{attribute}>", f"{type(layer).__name__}.backward", "<dout>")


def loss_equation(layer: Layer, units: int) -> Equation:
    """Return the loss of an output layer with ``units`` units."""
    cls = owner(layer, "losses")
    known = ONE_UNIT.get(cls) if units == 1 else None
    return known or LOSSES.get(cls) or _call("L", f"{type(layer).__name__}.losses", "y")


def start_equation(layer: Layer) -> Equation:
    """Return the equation with which an output layer starts the backward pass."""
    if owner(layer, "start_backward") is Output:
        return START
    return _call("<din>", f"{type(layer).__name__}.start_backward", "y")


def update_equation(optimizer: Optimizer) -> tuple[Equation, str]:
    """Return the update, ``W := W - 0.1 dW``, and what its other symbols are; for other rules ``W := Lion(W, dW)``."""
    options = (optimizer.weight_decay, optimizer.l1, optimizer.clip_value, optimizer.clip_norm, optimizer.max_norm)
    if not any(options) and _rule_of(optimizer) in UPDATES:
        return UPDATES[_rule_of(optimizer)]
    return _call("<theta>", type(optimizer).__name__, "<theta>, <dtheta>", equals=":="), ""


def _rule_of(optimizer: Optimizer) -> str:
    """Return the name of the rule in UPDATES; a variant with another equation has none."""
    if type(optimizer) is SGD and optimizer.momentum and not optimizer.nesterov:
        return "SGD with momentum"
    variant = [name for name in ("momentum", "amsgrad", "centered") if getattr(optimizer, name, False)]
    own = type(optimizer) in (SGD, Adagrad, RMSProp, Adam)
    return type(optimizer).__name__ if own and not variant else ""


def note(layer: Layer) -> str:
    """Return what one needs to read the equation; for a user's own layer the first line of its docstring."""
    cls = owner(layer, "forward")
    if _drops_nothing(layer):
        return ""
    if isinstance(layer, GELU) and layer.approximate == "tanh":
        return "Phi(z) = (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2, and phi is its derivative"
    if isinstance(layer, Convolution):
        return _sum_of(layer)
    if cls in FORWARD:
        return NOTES.get(cls, "").format(**vars(layer))
    lines = (type(layer).__doc__ or "").strip().splitlines() if "__doc__" in vars(type(layer)) else []
    return lines[0].replace("`", "") if lines else ""


def _sum_of(layer: Convolution) -> str:
    """Return the sum over the kernel at each place: "z[i,f] = sum_pc a[2 i + p,c] W[p,c,f] + b[f]; x is (i)"."""
    places, entries = "ij"[: layer.axes], "pq"[: layer.axes]
    windows = layer.windows
    pixels = []
    for place, entry, s, d in zip(places, entries, windows.strides, windows.dilation, strict=True):
        pixels.append(f"{f'{s} ' if s > 1 else ''}{place} + {f'{d} ' if d > 1 else ''}{entry}")
    i, p = ",".join(places), ",".join(entries)
    said = f"z[{i},f] = sum_{entries}c a[{', '.join(pixels)}, c] W[{p},c,f] + b[f]; x are the places ({i})"
    if layer.padding == "same":
        said += "; zeros around a"
    return said + (f"; {layer.groups} groups of channels" if layer.groups > 1 else "")


def _drops_nothing(layer: Layer) -> bool:
    return isinstance(layer, (Dropout, AlphaDropout)) and layer.rate == 0


def _call(result: str, name: str, arguments: str, equals: str = "=") -> Equation:
    """Return ``result = name(arguments)``, for what has no known equation."""
    return Equation(
        f"{result} {equals} {name}({arguments})", f"{result} {equals} \\mathrm{{{escaped(name)}}}({arguments})"
    )
