"""The convolutional networks that every framework trains, on the same examples and from the same weights.

A network is a list of parts, which each framework makes of its own layers:

- ("convolution", filters, size, padding), with a stride of 1;
- ("norm",): batch normalization of channels; ("relu",); ("pool",): the largest of 2 x 2 pixels;
- ("block", filters, stride): a residual connection around two convolutions of 3 x 3 with batch normalization (K. He et
  al., 2016); if the stride is not 1, a convolution of 1 x 1 lies on the connection; ReLU comes behind it;
- ("mean",): the mean of each channel; ("flatten",); ("dense", units).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from benchmarks.networks import EPSILON, N_CLASSES, NEWEST, Array

Part = tuple[Any, ...]
Weights = list[tuple[Array, ...]]  # (W, b) of a convolution (height, width, C, F) or a dense layer (n_in, n_out), or
# (gamma, beta, mean, variance) of a normalization; in a block, those of its connection come last

EXAMINED = 256  # examples with which the loss is measured


class ImageNetwork(NamedTuple):
    """A convolutional network, and how it is trained: by SGD with momentum 0.9.

    Attributes
    ----------
    name : str
    shape : tuple of int
        Height, width and channels of an image.
    parts : tuple
        See the module.
    batch : int
        Examples per step.
    rate : float
        Learning rate.
    n_examples, epochs, all_epochs : int
        As in `benchmarks.networks.Network`.
    """

    name: str
    shape: tuple[int, int, int]
    parts: tuple[Part, ...]
    batch: int
    rate: float
    n_examples: int
    epochs: int
    all_epochs: int = 1

    @property
    def title(self) -> str:
        """Such as LeNet-5, 28x28x1, batch 64."""
        return f"{self.name}, {'x'.join(map(str, self.shape))}, batch {self.batch}"

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return self.n_examples // self.batch

    def shortened(self) -> ImageNetwork:
        """Return the network with a quarter of the examples, for a quick run."""
        return self._replace(n_examples=max(self.n_examples // 4, 8 * self.batch))


RELU, POOL, NORM = ("relu",), ("pool",), ("norm",)


def _same(filters: int) -> tuple[Part, Part]:
    return ("convolution", filters, 3, "same"), RELU


LENET = (
    *(("convolution", 6, 5, "same"), RELU, POOL, ("convolution", 16, 5, "valid"), RELU, POOL, ("flatten",)),
    *(("dense", 120), RELU, ("dense", 84), RELU, ("dense", N_CLASSES)),
)
DEEP = (*_same(16), *_same(16), POOL, *_same(32), *_same(32), POOL, ("flatten",), ("dense", N_CLASSES))
RESNET = (
    *(("convolution", 16, 3, "same"), NORM, RELU, ("block", 16, 1), ("block", 32, 2), ("block", 64, 2)),
    *(("mean",), ("dense", N_CLASSES)),
)
IMAGE_NETWORKS = (
    ImageNetwork("LeNet-5", (28, 28, 1), LENET, 64, 0.02, 2048, epochs=4),
    ImageNetwork("4 x 3x3", (28, 28, 1), DEEP, 128, 0.005, 2048, epochs=2),
    ImageNetwork("ResNet-8", (32, 32, 3), RESNET, 64, 0.02, 1024, epochs=1),
)


def from_json(network: list[Any]) -> ImageNetwork:
    """Return a network that came as lists."""
    found = ImageNetwork(*network)
    return found._replace(shape=tuple(found.shape), parts=tuple(map(tuple, found.parts)))


def examples(network: ImageNetwork) -> tuple[Array, Array]:
    """Return X (M, H, W, C) float32 and y (M,) int64: one of ten smooth patterns, at a random place, in noise."""
    rng = np.random.default_rng(0)
    H, W, C = network.shape
    y = rng.integers(0, N_CLASSES, network.n_examples)
    coarse = rng.standard_normal((N_CLASSES, 4, 4, C), np.float32)
    patterns = coarse.repeat(-(-H // 4), axis=1).repeat(-(-W // 4), axis=2)[:, :H, :W]
    shifts = rng.integers(0, 4, (2, network.n_examples))
    X = rng.standard_normal((network.n_examples, H, W, C), np.float32)
    for i, (down, right) in enumerate(shifts.T):
        X[i] += np.roll(patterns[y[i]], (down, right), axis=(0, 1))
    return X, y


def initial_weights(network: ImageNetwork) -> Weights:
    """Return the common initial weights: W ~ N(0, 2 / n_in) (He et al., 2015), a tenth of it for the output; b = 0."""
    rng = np.random.default_rng(1)
    weights: Weights = []
    for shape in _shapes(network):
        if len(shape) == 1:
            weights.append((np.ones(shape, "f"), np.zeros(shape, "f"), np.zeros(shape, "f"), np.ones(shape, "f")))
            continue
        scale = np.sqrt(2 / np.prod(shape[:-1])) * (0.1 if shape[-1] == N_CLASSES else 1)
        weights.append(((scale * rng.standard_normal(shape)).astype(np.float32), np.zeros(shape[-1], "f")))
    return weights


def _shapes(network: ImageNetwork) -> Iterator[tuple[int, ...]]:
    """Yield the shape of each W or gamma."""
    H, W, C = network.shape
    for kind, *numbers in network.parts:
        if kind == "convolution":
            F, size, padding = numbers
            yield size, size, C, F
            H, W, C = (H, W, F) if padding == "same" else (H - size + 1, W - size + 1, F)
        elif kind == "norm":
            yield (C,)
        elif kind == "block":
            F, stride = numbers
            yield from ((3, 3, C, F), (F,), (3, 3, F, F), (F,))
            if stride > 1:
                yield 1, 1, C, F
            H, W, C = -(-H // stride), -(-W // stride), F
        elif kind == "pool":
            H, W = H // 2, W // 2
        elif kind in ("flatten", "mean"):
            H, W, C = 1, 1, C if kind == "mean" else H * W * C
        elif kind == "dense":
            yield C, numbers[0]
            C = numbers[0]


def loss(network: ImageNetwork, weights: Weights, X: Array, y: Array, *, padded: bool = False) -> float:
    """Return the mean cross-entropy of these weights, computed by the textbook for every framework.

    With ``padded`` the convolutions with a stride see a pixel of zeros on each side, as PyTorch's.
    """
    before = os.environ.get("NNLITE_ENGINE")
    os.environ["NNLITE_ENGINE"] = "textbook"
    try:
        model = model_of(network, weights, padded=padded)
        return float(model.evaluate(X[:EXAMINED], y[:EXAMINED])["loss"])
    finally:
        os.environ.pop("NNLITE_ENGINE")
        if before is not None:
            os.environ["NNLITE_ENGINE"] = before


# ---- nnlite ----------------------------------------------------------------------------------------------------------


def model_of(network: ImageNetwork, weights: Weights, *, padded: bool = False) -> Any:
    """Return a network of nnlite that starts from these weights."""
    import nnlite as nn

    layers = [layer for part in network.parts for layer in _layers(part, padded)]
    model = nn.Model([*layers, nn.Softmax()], n_features=network.shape, seed=0)
    own = (layer for layer in model.all_layers() if isinstance(layer, (nn.Conv2D, nn.Dense, nn.BatchNorm)))
    for layer, values in zip(own, weights, strict=True):
        for name, value in zip(names_of(layer), values, strict=True):
            getattr(layer, name)[...] = value
    return model


def names_of(layer: Any) -> tuple[str, ...]:
    """Return the names of the weights of a layer of nnlite."""
    return ("W", "b") if hasattr(layer, "W") else ("gamma", "beta", "running_mean", "running_variance")


def _layers(part: Part, padded: bool) -> list[Any]:
    import nnlite as nn

    kind, *numbers = part
    if kind == "convolution":
        filters, size, padding = numbers
        return [nn.Conv2D(filters, size, padding=padding)]
    if kind == "block":
        filters, stride = numbers
        first = [nn.Conv2D(filters, 3, strides=stride, padding="same")]
        if padded and stride > 1:
            first = [nn.ZeroPadding2D(1), nn.Conv2D(filters, 3, strides=stride)]
        inside = [*first, _norm(), nn.ReLU(), nn.Conv2D(filters, 3, padding="same"), _norm()]
        shortcut = [nn.Conv2D(filters, 1, strides=stride)] if stride > 1 else None
        return [nn.Residual(inside, shortcut=shortcut), nn.ReLU()]
    if kind == "dense":
        return [nn.Dense(*numbers)]
    makers = {
        "norm": _norm,
        "relu": nn.ReLU,
        "pool": nn.MaxPool2D,
        "mean": nn.GlobalAveragePool2D,
        "flatten": nn.Flatten,
    }
    return [makers[kind]()]


def _norm() -> Any:
    import nnlite as nn

    return nn.BatchNorm(NEWEST, EPSILON)
