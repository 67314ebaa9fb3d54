"""PyTorch, eager."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch.nn import functional

from benchmarks.networks import MOMENTUM, Array, Network, Weights

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # one for each core


def model_of(weights: Weights) -> torch.nn.Sequential:
    """A network that starts from these weights; it ends in logits, since ``cross_entropy`` takes those."""
    layers: list[torch.nn.Module] = []
    for W, b in weights:
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


class Training:
    """The usual loop, on the fastest of PyTorch's settings.

    - The fused optimizer: one kernel for all of a tensor's Adam instead of ten; on Adam's networks 1.3 to 1.8 times
      faster than the default.
    - The data is a tensor in memory, a batch is ``X.index_select(0, rows)``, a quarter of the time of ``X[rows]``; a
      ``DataLoader`` would collect it example by example. Permuting the whole epoch at once, or calling functions
      instead of modules, made no difference.
    - The loss is summed in a tensor and read once an epoch, since reading waits.
    - ``zero_grad`` lets go of the gradients (``set_to_none``, the default), which saves adding to zeros.
    """

    def __init__(self, network: Network, weights: Weights, X: Array, y: Array) -> None:
        self.X, self.y = torch.from_numpy(X), torch.from_numpy(y)
        self.batch = network.batch
        self.model = model_of(weights)
        parameters = self.model.parameters()
        self.optimizer: torch.optim.Optimizer = {
            "SGD": lambda: torch.optim.SGD(parameters, network.rate, fused=True),
            "momentum": lambda: torch.optim.SGD(parameters, network.rate, momentum=MOMENTUM, fused=True),
            "Adam": lambda: torch.optim.Adam(parameters, network.rate, fused=True),
        }[network.optimizer]()
        torch.manual_seed(0)

    def batch_loss(self, rows: torch.Tensor) -> torch.Tensor:
        """Mean loss of some examples."""
        return functional.cross_entropy(self.model(self.X.index_select(0, rows)), self.y[rows])

    def train(self, epochs: int) -> float:
        """Train on; return the loss of the last epoch."""
        for _ in range(epochs):
            total = torch.zeros(())
            batches = torch.randperm(len(self.X)).split(self.batch)
            for rows in batches:
                loss = self.batch_loss(rows)
                loss.backward()
                self.optimizer.step()
                self.optimizer.zero_grad()
                total += loss.detach()
            mean = total.item() / len(batches)
        return mean

    def weights(self) -> Weights:
        """What it has learned."""
        linears = [layer for layer in self.model if isinstance(layer, torch.nn.Linear)]
        return [(layer.weight.detach().numpy().T, layer.bias.detach().numpy()) for layer in linears]


def predictor(weights: Weights) -> Callable[[Array], Array]:
    """Functions on tensors in ``inference_mode``, which records nothing for gradients; arrays need no copy.

    At batch 1 this takes two thirds of the time of calling a ``torch.nn.Sequential``, and less than a traced and frozen
    or a compiled one; at batch 1,024 they are all alike.
    """
    parameters = [parameter.detach() for parameter in model_of(weights).parameters()]
    hidden, (W_last, b_last) = list(zip(parameters[:-2:2], parameters[1:-2:2], strict=True)), parameters[-2:]

    def predict(X: Array) -> Array:
        with torch.inference_mode():
            a = torch.from_numpy(X)
            for W, b in hidden:
                a = torch.relu(functional.linear(a, W, b))
            probabilities: Array = torch.softmax(functional.linear(a, W_last, b_last), 1).numpy()
            return probabilities

    return predict
