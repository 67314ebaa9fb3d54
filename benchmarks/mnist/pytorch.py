"""MNIST to 97 % with PyTorch, eager with the fused Adam: compiling would take longer than all the rest."""

from __future__ import annotations

import itertools

import torch
from torch.nn import functional

from benchmarks.mnist.common import BATCH, EVERY, RATE, arguments, done, read_mnist


def shuffled() -> itertools.chain[torch.Tensor]:
    """Rows of a batch, again and again through all examples."""
    return itertools.chain.from_iterable(torch.randperm(len(X)).split(BATCH) for _ in itertools.count())


directory, seed = arguments()
torch.manual_seed(seed)
X, y, X_test, y_test = map(torch.from_numpy, read_mnist(directory))
model = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
optimizer = torch.optim.Adam(model.parameters(), RATE, fused=True)
for steps, rows in enumerate(shuffled(), start=1):
    functional.cross_entropy(model(X.index_select(0, rows)), y[rows]).backward()
    optimizer.step()
    optimizer.zero_grad()
    if steps % EVERY == 0:
        with torch.inference_mode():
            accuracy = (model(X_test).argmax(1) == y_test).float().mean().item()
        if done(accuracy, steps):
            break
