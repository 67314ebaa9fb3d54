"""PyTorch, eager."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

import torch
from torch.nn import functional

from benchmarks import networks
from benchmarks.networks import Array, Network, Weights, folded

torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # one for each core


def model_of(weights: Weights, dropout: float = 0.0) -> torch.nn.Sequential:
    """Return a network that starts from these weights; it ends in logits, since ``cross_entropy`` takes those."""
    layers: list[torch.nn.Module] = []
    for number, (W, b) in enumerate(weights, start=1):
        linear = torch.nn.Linear(*W.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W.T))
            linear.bias.copy_(torch.from_numpy(b))
        layers.append(linear)
        if number < len(weights):
            normalization = [torch.nn.BatchNorm1d(W.shape[1], networks.EPSILON, networks.NEWEST)] if dropout else []
            layers += [*normalization, torch.nn.ReLU(), *([torch.nn.Dropout(dropout)] if dropout else [])]
    return torch.nn.Sequential(*layers)


def optimizer_of(network: Network, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
    """Return the fused optimizer that a network is trained with."""
    if network.optimizer == "SGD":
        return torch.optim.SGD(parameters, network.rate, fused=True)
    if network.optimizer == "momentum":
        return torch.optim.SGD(parameters, network.rate, momentum=networks.MOMENTUM, fused=True)
    if network.optimizer == "Adam":
        return torch.optim.Adam(parameters, network.rate, fused=True)
    return torch.optim.AdamW(parameters, network.rate, weight_decay=networks.WEIGHT_DECAY, fused=True)


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
        self.model = model_of(weights, network.dropout)
        self.parameters = list(self.model.parameters())
        self.optimizer = optimizer_of(network, self.parameters)
        self.schedule = None
        if network.optimizer == "AdamW":
            self.schedule = torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer,
                network.rate,
                network.all_steps,
                pct_start=networks.RISE,
                cycle_momentum=False,
                div_factor=networks.FIRST,
                final_div_factor=networks.LAST,
            )
        torch.manual_seed(0)

    def batch_loss(self, rows: torch.Tensor) -> torch.Tensor:
        """Mean loss of some examples."""
        return functional.cross_entropy(self.model(self.X.index_select(0, rows)), self.y[rows])

    def step(self) -> None:
        """Clip the gradient, if that is asked for, and make a step of the optimizer and of the schedule."""
        if self.schedule is None:
            self.optimizer.step()
        else:
            torch.nn.utils.clip_grad_norm_(self.parameters, networks.CLIP_NORM)
            self.optimizer.step()
            self.schedule.step()
        self.optimizer.zero_grad()

    def train(self, epochs: int) -> float:
        """Train for ``epochs`` more epochs; return the loss of the last one."""
        for _ in range(epochs):
            total = torch.zeros(())
            batches = torch.randperm(len(self.X)).split(self.batch)
            for rows in batches:
                loss = self.batch_loss(rows)
                loss.backward()
                self.step()
                total += loss.detach()
            mean = total.item() / len(batches)
        return mean

    def weights(self) -> Weights:
        """Return the weights so far; those of a BatchNorm are folded into its Linear layer."""
        learned: Weights = []
        for layer in self.model:
            values = {name: value.numpy() for name, value in layer.state_dict().items()}
            if isinstance(layer, torch.nn.Linear):
                learned.append((values["weight"].T, values["bias"]))
            elif isinstance(layer, torch.nn.BatchNorm1d):
                statistics = values["running_mean"], values["running_var"]
                learned[-1] = folded(learned[-1], values["weight"], values["bias"], *statistics)
        return learned


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
