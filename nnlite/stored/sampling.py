"""A sample of examples on the disk that fits into memory, for what looks at examples more than once."""

from __future__ import annotations

import numpy as np

from nnlite.stored.arrays import Part, StoredArrays

N_BLOCKS = 256  # from which a sample comes at most: reading single rows from everywhere would read all of the data


def sample_of(data: StoredArrays, n: int, n_bytes: int, seed: int = 0) -> Part:
    """Return all examples, or some of them that the seed draws, in the order of the data.

    Parameters
    ----------
    data : StoredArrays
    n : int
        Most examples.
    n_bytes : int
        Most bytes of them; one example at least is returned.
    seed : int, default 0

    Returns
    -------
    Part
        Its rows are from blocks that are spread evenly over the data, drawn at random within each block.
    """
    n = max(1, min(n, n_bytes // data.row_bytes))
    if len(data) <= n:
        return data.in_memory()
    rng, parts = np.random.default_rng(seed), []
    for block, share in shares_of_blocks(data, n, N_BLOCKS):
        part = data.block(block)
        rows = np.sort(rng.choice(len(part.X), share, replace=False))
        parts.append([None if array is None else array[rows] for array in part[:3]])
    X, y, weights = (None if arrays[0] is None else np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    assert X is not None
    return Part(X, y, weights, 0, len(data.X_rows))


def shares_of_blocks(data: StoredArrays, n: int, n_blocks: int) -> list[tuple[int, int]]:
    """Return blocks that are spread evenly over the data, and how many of n examples come from each of them.

    They are about ``n_blocks``, or more if these have fewer than n examples; and they have all examples if the data
    have no more than n.
    """
    n, there = min(n, len(data)), np.flatnonzero(data.counts)
    n_blocks = min(n_blocks, n)
    while True:
        blocks = there[np.unique(np.linspace(0, len(there) - 1, n_blocks).astype(int))]
        found = data.counts[blocks]
        if found.sum() >= n or len(blocks) == len(there):
            break
        n_blocks *= 2
    ends = np.floor(np.cumsum(found) * (n / found.sum()) + 0.5).astype(int)
    shares = zip(blocks.tolist(), np.diff(ends, prepend=0).tolist(), strict=True)
    return [(block, share) for block, share in shares if share]
