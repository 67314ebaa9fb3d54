"""Sources of other libraries: how their order is drawn, and how a checkpoint restores it.

Nothing is imported here: who has a loader of PyTorch has imported PyTorch.
"""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.errors import ArgumentError
from nnlite.network.sources import TARGETS, as_array, length_of
from nnlite.tables.labels import ClassIndices

FAIR = ("SequentialSampler", "RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler", "DistributedSampler")


def adapted(source: Any, batch_size: int | None) -> Any:
    """Return a source of PyTorch or Hugging Face in a form whose order can be restored; any other as it is.

    ``batch_size`` is for sources that give examples, not batches.
    """
    checks.one_array("X", source)
    names = {f"{base.__module__.partition('.')[0]}.{base.__name__}" for base in type(source).__mro__}
    if "torch.DataLoader" in names:
        return TorchLoader(source)
    if "datasets.Dataset" in names:
        return Rows(source, batch_size)
    if "datasets.IterableDataset" in names:  # it is a data set of PyTorch as well
        return ExampleStream(source, batch_size)
    if "torch.Dataset" in names:
        raise ArgumentError(
            f"X: expected a source of batches, and a {type(source).__name__} gives single examples; "
            f"wrap it: torch.utils.data.DataLoader(dataset, batch_size=32, shuffle=True)"
        )
    return source


def why_not_restored(source: Any) -> str | None:
    """Return why a checkpoint cannot restore the order of a source; None if it can, or if nobody knows."""
    if isinstance(source, TorchLoader):
        return source.why_not_restored
    if any(base.__module__.startswith("tensorflow.") for base in type(source).__mro__):
        return "TensorFlow does not tell the state of its shuffling"
    return None


def untouched_torch() -> AbstractContextManager[Any]:
    """Return a context that gives the global random generator of PyTorch back as it was, where PyTorch is loaded."""
    torch = sys.modules.get("torch")
    return nullcontext() if torch is None else torch.random.fork_rng(devices=[])


class ClassLabels:
    """The names of the classes in a data set of Hugging Face, whose features of the type ClassLabel have them.

    Parameters
    ----------
    dataset : object
        Any other than one of Hugging Face has no such features.
    """

    def __init__(self, dataset: Any) -> None:
        features = getattr(dataset, "features", None)
        known = features if isinstance(features, Mapping) else {}
        names = {key: getattr(known.get(key), "names", None) for key in TARGETS}
        self.names = {key: tuple(map(str, value)) for key, value in names.items() if value}

    def named(self, batch: Any) -> Any:
        """Return the batch with class indices that know their names, so that those of another data set are right."""
        if not self.names or not isinstance(batch, Mapping):
            return batch
        targets = {key: self._indices(batch[key], names) for key, names in self.names.items() if key in batch}
        return {**batch, **targets}

    @staticmethod
    def _indices(values: Any, names: tuple[str, ...]) -> Any:
        indices = np.asarray(as_array(values))
        if indices.dtype.kind not in "iu" or indices.ndim != 1 or not np.isin(indices, range(len(names))).all():
            return values  # -1 stands for a label that nobody knows
        return ClassIndices.of(indices, names)


class TorchLoader:
    """A DataLoader of PyTorch with the state of the generators that draw its order.

    PyTorch draws from ``loader.generator`` or, without one, from its global generator, when an epoch begins. It seeds
    the workers with such a number, and returns their batches in order. So the state of these generators at the
    beginning of an epoch restores its batches.

    Parameters
    ----------
    loader : torch.utils.data.DataLoader
    """

    def __init__(self, loader: Any) -> None:
        self.loader = loader
        inner = getattr(loader.batch_sampler, "sampler", None)
        samplers = [sampler for sampler in (loader.sampler, loader.batch_sampler, inner) if sampler is not None]
        generators = {id(g): g for g in (getattr(owner, "generator", None) for owner in (loader, *samplers))}
        self._generators = [generator for generator in generators.values() if generator is not None]
        self._with_epoch = [sampler for sampler in samplers[:1] if hasattr(sampler, "set_epoch")]
        self._epoch = 0
        self._labels = ClassLabels(loader.dataset)

    @property
    def why_not_restored(self) -> str | None:
        """Why the order of the batches cannot be restored; None if it can."""
        loader = self.loader
        if length_of(loader) is None or not hasattr(loader.dataset, "__getitem__"):
            return "its IterableDataset has a place of its own in the data"
        sampler = type(getattr(loader.batch_sampler, "sampler", loader.sampler))
        if sampler.__name__ not in FAIR:
            return f"its {sampler.__name__} may draw from a generator of its own"
        return None

    def __iter__(self) -> Iterator[Any]:
        for sampler in self._with_epoch:
            sampler.set_epoch(self._epoch)
        self._epoch += 1
        return map(self._labels.named, self.loader)

    def __len__(self) -> int:
        return len(self.loader)

    def get_state(self) -> dict[str, Any]:
        """Return the state of the generators."""
        torch = sys.modules["torch"]
        own = [generator.get_state().numpy().copy() for generator in self._generators]
        return {"epoch": self._epoch, "global": torch.get_rng_state().numpy().copy(), "own": own}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the state returned by `get_state`."""
        torch = sys.modules["torch"]
        self._epoch = state["epoch"]
        torch.set_rng_state(torch.from_numpy(np.array(state["global"])))
        for generator, own in zip(self._generators, state["own"], strict=True):
            generator.set_state(torch.from_numpy(np.array(own)))


class Rows:
    """A data set of Hugging Face, whose rows are examples: batches of rows, in an order that the network draws.

    Parameters
    ----------
    rows : datasets.Dataset
        In the format "numpy", or any other whose rows are numbers.
    batch_size : int or None
        None makes one batch of all rows.
    """

    def __init__(self, rows: Any, batch_size: int | None) -> None:
        self.rows, self._labels = rows, ClassLabels(rows)
        self.batch_size = max(1, len(rows) if batch_size is None else min(batch_size, len(rows)))

    def __len__(self) -> int:
        return (len(self.rows) + self.batch_size - 1) // self.batch_size

    def __iter__(self) -> Iterator[Any]:
        return self.in_order(None)

    def in_order(self, rng: np.random.Generator | None) -> Iterator[Any]:
        """Draw an order (without a generator: that of the rows), and return an iterator over the batches."""
        n = len(self.rows)
        order = None if rng is None else rng.permutation(n)
        parts = (slice(start, min(start + self.batch_size, n)) for start in range(0, n, self.batch_size))
        return (self._labels.named(self.rows[part if order is None else order[part].tolist()]) for part in parts)


class ExampleStream:
    """A stream of Hugging Face, whose items are examples or batches of them.

    Parameters
    ----------
    stream : datasets.IterableDataset
    batch_size : int or None
        For a stream of examples; None is 32.
    """

    def __init__(self, stream: Any, batch_size: int | None) -> None:
        first: Mapping[str, Any] = next(iter(stream), {})
        targets = [np.ndim(value) for value in first.values()]
        is_batch = bool(targets) and min(targets) > 0
        self.stream = stream if is_batch or not targets else stream.batch(batch_size or 32)
        self._epoch, self._labels = 0, ClassLabels(stream)

    def __iter__(self) -> Iterator[Any]:
        self.stream.set_epoch(self._epoch)  # shuffled otherwise in each epoch
        self._epoch += 1
        return map(self._labels.named, self.stream)

    def get_state(self) -> dict[str, Any]:
        """Return the number of epochs that were begun, which seeds the order of each."""
        return {"epoch": self._epoch}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Restore the state returned by `get_state`."""
        self._epoch = state["epoch"]
