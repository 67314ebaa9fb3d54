"""PyTorch on images, eager, channels last."""

from __future__ import annotations

import os
from collections.abc import Iterator

import torch
from torch.nn import functional

from benchmarks.images import Array, ImageNetwork, Part, Weights
from benchmarks.networks import EPSILON, MOMENTUM, NEWEST

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # one for each core
PADDED = True  # a pixel of zeros on each side, also of convolutions with a stride


class Flatten(torch.nn.Module):
    """Rows in the order of channels last, which is that of the memory."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(M, C, H, W) -> (M, H W C)."""
        return x.permute(0, 2, 3, 1).flatten(1)


class Block(torch.nn.Module):
    """A residual connection, and ReLU."""

    def __init__(self, channels: int, filters: int, stride: int) -> None:
        super().__init__()
        self.inside = torch.nn.Sequential(
            torch.nn.Conv2d(channels, filters, 3, stride, 1),
            torch.nn.BatchNorm2d(filters, EPSILON, NEWEST),
            torch.nn.ReLU(inplace=True),
            torch.nn.Conv2d(filters, filters, 3, 1, 1),
            torch.nn.BatchNorm2d(filters, EPSILON, NEWEST),
        )
        self.shortcut = torch.nn.Conv2d(channels, filters, 1, stride) if stride > 1 else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """``relu(x + F(x))``."""
        around = x if self.shortcut is None else self.shortcut(x)
        return functional.relu(self.inside(x) + around, inplace=True)


def _modules(part: Part, shape: tuple[int, int, int]) -> tuple[list[torch.nn.Module], tuple[int, int, int]]:
    """Return the modules of a part, and the shape of their output."""
    kind, *numbers = part
    H, W, C = shape
    if kind == "convolution":
        F, size, padding = numbers
        less = 0 if padding == "same" else size - 1
        return [torch.nn.Conv2d(C, F, size, padding=padding)], (H - less, W - less, F)
    if kind == "block":
        F, stride = numbers
        return [Block(C, F, stride)], (-(-H // stride), -(-W // stride), F)
    if kind == "dense":
        return [torch.nn.Linear(C, *numbers)], (1, 1, *numbers)
    if kind in ("norm", "relu"):
        return [torch.nn.BatchNorm2d(C, EPSILON, NEWEST) if kind == "norm" else torch.nn.ReLU(inplace=True)], shape
    if kind == "pool":
        return [torch.nn.MaxPool2d(2)], (H // 2, W // 2, C)
    mean = [torch.nn.AdaptiveAvgPool2d(1)] if kind == "mean" else []
    return [*mean, Flatten()], (1, 1, C if mean else H * W * C)


def _tensors(model: torch.nn.Module) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield the tensors of each layer, in the order of `benchmarks.images.Weights`, as views of that shape."""
    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert module.bias is not None
            yield module.weight.detach().permute(2, 3, 1, 0), module.bias.detach()
        elif isinstance(module, torch.nn.Linear):
            yield module.weight.detach().T, module.bias.detach()
        elif isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            yield module.weight.detach(), module.bias.detach(), module.running_mean, module.running_var


def model_of(network: ImageNetwork, weights: Weights) -> torch.nn.Sequential:
    """Return a network that starts from these weights; it ends in logits, since ``cross_entropy`` takes those."""
    modules: list[torch.nn.Module] = []
    shape = network.shape
    for part in network.parts:
        added, shape = _modules(part, shape)
        modules += added
    model = torch.nn.Sequential(*modules).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    for tensors, values in zip(_tensors(model), weights, strict=True):
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(torch.from_numpy(value))
    found: torch.nn.Sequential = model
    return found


class Training:
    """The usual loop: memory in the format channels last, the fused optimizer, `index_select` for a batch."""

    def __init__(self, network: ImageNetwork, weights: Weights, X: Array, y: Array) -> None:
        images = torch.from_numpy(X).permute(0, 3, 1, 2)  # channels last in memory, as they come
        self.X, self.y = images.contiguous(memory_format=torch.channels_last), torch.from_numpy(y)
        self.batch = network.batch
        self.model = model_of(network, weights)
        parameters = self.model.parameters()
        self.optimizer = torch.optim.SGD(parameters, network.rate, momentum=MOMENTUM, fused=True)
        torch.manual_seed(0)

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        self.model.train()
        for _ in range(epochs):
            total = torch.zeros(())
            batches = torch.randperm(len(self.X)).split(self.batch)
            for rows in batches:
                X = self.X.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
                loss = functional.cross_entropy(self.model(X), self.y[rows])
                loss.backward()
                self.optimizer.step()
                self.optimizer.zero_grad()
                total += loss.detach()
            mean: float = total.item() / len(batches)
        return mean

    def weights(self) -> Weights:
        """Return the weights so far."""
        return [tuple(tensor.numpy() for tensor in tensors) for tensors in _tensors(self.model)]
