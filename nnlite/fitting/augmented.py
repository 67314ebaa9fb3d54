"""Batches that are augmented on their way into a training.

An epoch has one key, which the generator of the network draws when the epoch begins; the random numbers of a batch
depend on this key and on its number in the epoch, on nothing else. So any number of threads can make the batches, in
any order, and a training that is resumed within an epoch gets the same ones.
"""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnlite import counters
from nnlite.ahead import Ahead
from nnlite.augment.base import Batch
from nnlite.augment.compose import Compose, check_augment
from nnlite.augment.images import ImageForm, image_form
from nnlite.checks import Array
from nnlite.engine.processor import available_threads, wanted_threads
from nnlite.errors import ArgumentError
from nnlite.fitting.batches import Arrays, Reader
from nnlite.fitting.streams import Stream
from nnlite.layers import Sigmoid, Softmax
from nnlite.network.examples import Examples
from nnlite.network.knowledge import is_table
from nnlite.network.network import Network
from nnlite.network.signature import Signature

PIECE = 2**20  # numbers of X that the compiled engine gets at once, and that are prepared ahead
MOST_AHEAD = 64  # batches


def augmentation_of_fit(augment: Any, network: Network, X: Any, class_weight: Any) -> Compose | None:
    """Return what `fit` got as ``augment``, or raise ArgumentError if it does not go together with the rest."""
    augmentation = check_augment(augment)
    if augmentation is None:
        return None
    if is_table(X) or network.encoding is not None:
        raise ArgumentError("augment: is for images, and X is a table")
    if augmentation.mixes:
        if not isinstance(network.output, (Softmax, Sigmoid)):
            raise ArgumentError(f"augment: Mixup mixes classes, and the network ends in {network.output}")
        if class_weight is not None:
            raise ArgumentError(
                "class_weight: a mixed example has two classes; with Mixup, pass the weights of the examples: "
                "sample_weight=weights[y]"
            )
    return augmentation


class BatchAugmentation:
    """Augments the batches of a training.

    Parameters
    ----------
    augmentation : Compose
    signature : Signature
        What the network takes.

    Raises
    ------
    ArgumentError
        If the examples are no images.
    """

    def __init__(self, augmentation: Compose, signature: Signature) -> None:
        self.augmentation, self.signature = augmentation, signature
        self.form: ImageForm = image_form(signature.input_shape, augmentation.image_shape)
        self._key = np.uint64(0)

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its key."""
        self._key = counters.draw_key(rng)

    def rng(self, number: int) -> np.random.Generator:
        """Return the generator of a batch."""
        return np.random.Generator(np.random.Philox(key=np.array([self._key, number], np.uint64)))

    def __call__(self, examples: Examples, number: int) -> Examples:
        """Return the batch with this number in the epoch, augmented."""
        images = self.form.images(self.signature.cast(examples.X))
        Y = _one_hot(examples.y, self.signature.units) if self.augmentation.mixes else None
        batch = self.augmentation.augment(Batch(images, Y, examples.weights), self.rng(number))
        y = examples.y if batch.Y is None else batch.Y
        return Examples(np.ascontiguousarray(self.form.examples(batch.images)), y, batch.weights)

    def like(self, examples: Examples) -> Examples:
        """Return a batch in the form that augmented ones have."""
        y = _one_hot(examples.y, self.signature.units) if self.augmentation.mixes else examples.y
        return Examples(self.signature.cast(examples.X), y, examples.weights)


class AugmentedArrays(Arrays):
    """The batches of a data set in memory, augmented in threads, some batches ahead.

    Parameters
    ----------
    signature, examples, batch_size, shuffle
        As for `Arrays`.
    augmentation : Compose
    """

    def __init__(
        self,
        signature: Signature,
        examples: Examples,
        batch_size: int | None,
        shuffle: bool,
        augmentation: Compose,
    ) -> None:
        super().__init__(signature, examples, batch_size, shuffle)
        self._augment = BatchAugmentation(augmentation, signature)
        size = self.batch_size * examples.X[0].size
        self.at_once = max(1, min(self.n_batches, MOST_AHEAD, PIECE // size))
        n = wanted_threads() or available_threads()
        self._n_threads = 0 if n == 1 else min(n, self.n_batches)

    def sample(self) -> Examples:
        """Return the first example in the form that the batches have."""
        return self._augment.like(self.examples.batch(slice(0, 1)))

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order and its key."""
        super().begin(rng)
        self._augment.begin(rng)

    @contextmanager
    def reader(self, *, ahead: bool = True) -> Iterator[Reader]:
        """Return a context that gives what reads the batches, which several threads prepare.

        With ``ahead`` they prepare the next batches meanwhile. Threads that train on all processors would only wait for
        them.
        """
        prepared = Ahead(self._batch, self.n_batches, self._n_threads, self.at_once if ahead else 0)
        try:
            yield lambda first, n: joined(prepared.take(first, n))
        finally:
            prepared.close()

    def batches(self, skip: int = 0) -> Iterator[Examples]:
        """Yield the batches of the epoch, without the first ``skip``."""
        with self.reader() as several:
            for number in range(skip, self.n_batches):
                yield several(number, 1)

    def describe(self) -> str:
        """Describe what must be the same when a training is resumed."""
        return f"{super().describe()}, augmented by {self._augment.augmentation}"

    def _batch(self, number: int) -> Examples:
        start = number * self.batch_size
        return self._augment(self._in_order.batch(slice(start, start + self.batch_size)), number)


class AugmentedStream(Stream):
    """Batches from a source, each augmented when it is taken.

    Nothing is taken from the source ahead of the training, so that it is where the training is.

    Parameters
    ----------
    network, source, steps_per_epoch, shuffle, batch_size
        As for `Stream`.
    augmentation : Compose
    """

    def __init__(
        self,
        network: Network,
        source: Any,
        steps_per_epoch: int | None,
        shuffle: bool,
        batch_size: int | None,
        augmentation: Compose,
    ) -> None:
        super().__init__(network, source, steps_per_epoch, shuffle, batch_size)
        self._augment = BatchAugmentation(augmentation, self.signature)

    def sample(self) -> Examples:
        """Return the first example in the form that the batches have."""
        return self._augment.like(self.first)

    def begin(self, rng: np.random.Generator) -> None:
        """Begin an epoch: draw its order and its key."""
        super().begin(rng)
        self._augment.begin(rng)

    def batches(self, skip: int = 0) -> Iterator[Examples]:
        """Yield the batches of the epoch, without the first ``skip``."""
        for number, batch in enumerate(super().batches(skip), start=skip):
            yield self._augment(batch, number)

    def describe(self) -> str:
        """Describe what must be the same when a training is resumed."""
        return f"{super().describe()}, augmented by {self._augment.augmentation}"


def arrays_of(
    augmentation: Compose | None, signature: Signature, examples: Examples, batch_size: int | None, shuffle: bool
) -> Arrays:
    """Return `Arrays` of the arguments, augmented unless the augmentation is None."""
    if augmentation is None:
        return Arrays(signature, examples, batch_size, shuffle)
    return AugmentedArrays(signature, examples, batch_size, shuffle, augmentation)


def stream_of(
    augmentation: Compose | None,
    network: Network,
    source: Any,
    steps_per_epoch: int | None,
    shuffle: bool,
    batch_size: int | None,
) -> Stream:
    """Return a `Stream` of the arguments, augmented unless the augmentation is None."""
    if augmentation is None:
        return Stream(network, source, steps_per_epoch, shuffle, batch_size)
    return AugmentedStream(network, source, steps_per_epoch, shuffle, batch_size, augmentation)


def _one_hot(y: Array, units: int) -> Array:
    """Return targets as rows, in float64: class indices become one-hot rows."""
    if y.ndim > 1:
        return y.astype(np.float64, copy=False)
    Y = np.zeros((len(y), units))
    Y[np.arange(len(y)), y] = 1
    return Y


def joined(batches: list[Examples]) -> Examples:
    """Return some batches as one."""
    if len(batches) == 1:
        return batches[0]
    weights = [batch.weights for batch in batches if batch.weights is not None]
    return Examples(
        np.concatenate([batch.X for batch in batches]),
        np.concatenate([batch.y for batch in batches]),
        np.concatenate(weights) if weights else None,
    )
