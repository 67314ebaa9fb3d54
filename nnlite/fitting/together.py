"""What several processes agree on before they train together: arguments, data, checkpoint and first weights."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite import version
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.fitting.batches import Arrays, Numbered
from nnlite.fitting.stored import StoredBatches
from nnlite.fitting.streams import Stream
from nnlite.fitting.validation import ValidationBatches
from nnlite.network.examples import Examples
from nnlite.network.network import Network
from nnlite.optimizers import Optimizer
from nnlite.parallel.agreement import Agreement
from nnlite.parallel.world import World
from nnlite.storage.checkpoints import Checkpoint
from nnlite.storage.directory import CheckpointDirectory, ReadDirectory, open_directory

PIECE = 2**22  # bytes of an array whose checksum is computed at once
COMPARED = 1000  # examples by which processes see whether they have the same, if not all are in memory


class Together(NamedTuple):
    """What the processes of a training have in common.

    Attributes
    ----------
    train, validation : bool
        Whether all have the same examples and divide each batch among themselves. If not, each has its own share.
    sizes : sequence of int
        How many examples for training each of them has; empty for sources of batches.
    weighted : bool
        Whether the examples of any process have weights.
    differing : str
        What differs although all processes have the same X in memory: "y", "sample_weight", or both; "" for nothing.
    described : sequence of (str, str)
        Of each process that has batches of its own: what they are, and the checksum of their examples.
    """

    train: bool = True
    validation: bool = True
    sizes: Sequence[int] = ()
    weighted: bool = False
    differing: str = ""
    described: Sequence[tuple[str, str]] = ()

    def describe(self, n: int) -> str:
        """Describe what n processes train on."""
        if self.train:
            what = f"the same {self.sizes[0]:,} examples" if self.sizes else "the same source of batches"
            return f"{n} processes share {what}"
        if not self.sizes:
            return f"{n} processes with sources of batches of their own"
        return f"{n} processes with examples of their own, {sum(self.sizes):,} together"

    def suspicion(self, n: int) -> str:
        """Return what to warn of; "" if all is well."""
        if not self.differing:
            return ""
        return (
            f"parallel: the {n} processes have the same X, and {self.differing} differs, so they train on "
            f"{sum(self.sizes):,} examples, among them each row of X {n} times; give the same {self.differing} to all, "
            f"or each process rows of its own"
        )


@contextlib.contextmanager
def open_together(
    world: World, options: Checkpoint | None, resume: bool
) -> Iterator[CheckpointDirectory | ReadDirectory | None]:
    """Open the checkpoint directory in the first process, and tell the others what it holds. None without options."""
    with contextlib.ExitStack() as stack:
        with Agreement(world):
            opened = stack.enter_context(open_directory(options if world.rank == 0 else None, resume))
        if options is None:
            yield None
            return
        saved = world.first(None if opened is None else opened.saved)
        yield ReadDirectory(options, saved) if opened is None else opened


@contextlib.contextmanager
def classes_of_share(world: World) -> Iterator[None]:
    """Add to an error about the number of classes that y may be the share of one of several processes."""
    try:
        yield
    except ArgumentError as error:
        if world.size == 1 or not error.of_classes:
            raise
        raise ArgumentError(
            f"{error}. This is the y of rank {world.rank} alone: if other processes have other classes, name those of "
            f"all before fit, model.class_names = [...]"
        ) from None


def texts_of(network: Network, optimizer: Optimizer, world: World) -> dict[str, str]:
    """Describe what must be the same in all processes, as far as it is known before the data."""
    return {
        "nnlite": version.__version__,
        "network": repr(network),
        "dtype": network.dtype.name,
        "seed": str(network.seed),
        "optimizer": repr(optimizer),
        "sync_batch_norm": str(world.sync_batch_norm),
        "gradient_bits": str(world.gradient_bits),
        "overlap": str(world.overlap),
    }


def tell_data(
    agreement: Agreement,
    source: Numbered | Stream,
    train: Examples | None,
    validation: Examples | ValidationBatches | None,
    *,
    weighted: bool,
) -> None:
    """Tell the other processes about the data of this one."""
    if agreement.world.size == 1:
        agreement.tell(size=None, train=None, validation=None, weighted=weighted, described=None, arrays=None)
        return
    knowledge = source.signature.knowledge
    agreement.same(
        {
            "features": str(source.signature.input_shape),
            "classes": str(knowledge.class_names),
            "columns": "none" if knowledge.encoding is None else knowledge.encoding.fingerprint(),
            "the scale of the target": str(knowledge.scale),
            "validation data": "none" if validation is None else "some",
            "X": _kind_of(source),
        }
    )
    dtype = source.signature.dtype
    of_train = _of_source(source) if train is None else _of_examples(train, dtype)
    agreement.tell(
        size=_size_of(source) if train is None else train.size,
        train=of_train,
        arrays=of_train if isinstance(of_train, Checksums) else None,
        validation=(
            _of_batches(validation, dtype)
            if isinstance(validation, ValidationBatches)
            else _of_examples(validation, dtype)
        ),
        weighted=weighted,
        described=(source.describe(), source.fingerprint()) if train is None else None,
    )


def _size_of(source: Numbered | Stream) -> int | None:
    return len(source.data) if isinstance(source, StoredBatches) else None


def _kind_of(source: Numbered | Stream) -> str:
    if isinstance(source, Arrays):
        return "in memory"
    return "on the disk" if isinstance(source, Numbered) else "a source of batches"


def _of_source(source: Numbered | Stream) -> str:
    """Identify what a source gives, without reading all of it."""
    if isinstance(source, Numbered):
        return f"{source.describe()}, {source.fingerprint()}"
    return f"{source.n_steps} of {source.batch_size} {_of_examples(source.sample(), source.signature.dtype)}"


def _of_batches(validation: ValidationBatches, dtype: Any) -> str:
    return f"{validation.fingerprint()} {_of_examples(validation.some(COMPARED), dtype)}"


class Checksums(NamedTuple):
    """Checksums (CRC-32) of examples in memory; 0 for an array that they have not."""

    size: int
    X: int
    y: int
    weights: int
    rows: int


def _of_examples(examples: Examples | None, dtype: Any) -> Checksums | None:
    """Return checksums of examples in memory, 2 GB a second, and their number. Floats count as in the network."""
    if examples is None:
        return None
    return Checksums(examples.size, *(0 if array is None else _checksum(array, dtype) for array in examples))


def _checksum(array: Array, dtype: Any) -> int:
    """Return a checksum of an array; of floats, in the dtype of the network, without a copy of all."""
    number, n_rows = 0, max(1, PIECE // max(1, array[:1].nbytes))
    for start in range(0, len(array), n_rows):
        rows = array[start : start + n_rows]
        rows = rows.astype(dtype, copy=False) if rows.dtype.kind == "f" else rows
        number = zlib.crc32(np.ascontiguousarray(rows).data, number)
    return number


def together_of(agreement: Agreement, augmented: bool) -> Together:
    """Return what all processes have in common, from what they told of their data."""
    sizes, described = agreement.of_all("size"), agreement.of_all("described")
    same = len({*agreement.of_all("train")}) == 1
    arrays, differing = agreement.of_all("arrays"), []
    if None not in arrays and len({of_one.X for of_one in arrays}) == 1:
        names = {"y": "y", "sample_weight": "weights"}
        differing = [name for name, of in names.items() if len({getattr(of_one, of) for of_one in arrays}) > 1]
    if augmented and not same:
        raise ArgumentError("augment: the processes have different examples; give all examples to each of them")
    return Together(
        train=same,
        validation=len({*agreement.of_all("validation")}) == 1,
        sizes=[] if None in sizes else sizes,
        weighted=any(agreement.of_all("weighted")),
        differing=" and ".join(differing),
        described=() if same or None in described else described,
    )


def checksum(network: Network) -> int:
    """Return a checksum (CRC-32) of the weights and running averages."""
    return zlib.crc32(network.state.data, zlib.crc32(network.theta.data))


def begin_alike(world: World, network: Network) -> None:
    """Give all processes the first weights: those of the first process, if the network has no seed.

    ArgumentError, in all processes, if the weights of a network with a seed differ.
    """
    if world.size == 1:
        return
    if network.seed is None:
        network.actual_seed, network.rng.bit_generator.state, network.theta, network.state = world.first(
            (network.actual_seed, network.rng.bit_generator.state, network.theta, network.state)
        )
    cause = (
        "all processes must run the same code with the same arguments, and a model that was trained or loaded in one "
        "of them must be loaded in all"
    )
    with Agreement(world, cause) as agreement:
        agreement.same({"weights with the checksum": str(checksum(network))})
