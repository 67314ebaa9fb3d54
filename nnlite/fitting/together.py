"""What several processes agree on before they train together: arguments, data, checkpoint and first weights."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from nnlite import version
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
    described : sequence of (str, str)
        Of each process that has batches of its own: what they are, and the checksum of their examples.
    """

    train: bool = True
    validation: bool = True
    sizes: Sequence[int] = ()
    weighted: bool = False
    described: Sequence[tuple[str, str]] = ()


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
        agreement.tell(size=None, train=None, validation=None, weighted=weighted, described=None)
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
    agreement.tell(
        size=_size_of(source) if train is None else train.size,
        train=_of_source(source) if train is None else _of_examples(train),
        validation=_of_batches(validation) if isinstance(validation, ValidationBatches) else _of_examples(validation),
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
    return f"{source.n_steps} of {source.batch_size} {_of_examples(source.sample())}"


def _of_batches(validation: ValidationBatches) -> str:
    return f"{validation.fingerprint()} {_of_examples(validation.some(COMPARED))}"


def _of_examples(examples: Examples | None) -> str:
    """Return a checksum of examples in memory, 2 GB a second, and their number."""
    return "" if examples is None else f"{examples.size} {examples.fingerprint()}"


def together_of(agreement: Agreement, augmented: bool) -> Together:
    """Return what all processes have in common, from what they told of their data."""
    sizes, described = agreement.of_all("size"), agreement.of_all("described")
    same = len({*agreement.of_all("train")}) == 1
    if augmented and not same:
        raise ArgumentError("augment: the processes have different examples; give all examples to each of them")
    return Together(
        train=same,
        validation=len({*agreement.of_all("validation")}) == 1,
        sizes=[] if None in sizes else sizes,
        weighted=any(agreement.of_all("weighted")),
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
    with Agreement(world) as agreement:
        agreement.same({"weights with the checksum": str(checksum(network))})
