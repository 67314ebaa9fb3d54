"""Sums of gradients over processes with 16 bits a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.parallel.world import World


def to_bfloat16(x: Array) -> Array:
    """Return the upper half of each float32, rounded to the nearest, as uint16: 8 bits of exponent, 8 of precision."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    return np.where(np.isfinite(x), rounded, (bits >> 16) | np.isnan(x)).astype(np.uint16)


def from_bfloat16(halves: Array) -> Array:
    """Return what `to_bfloat16` has rounded, as float32."""
    return (halves.astype(np.uint32) << 16).view(np.float32)


class CompressedSum:
    r"""The sum of vectors over processes, sent as bfloat16 with error feedback.

    Process r adds what it could not send before, ``u = g_r + e_r``, sends ``q = round(u)`` and keeps ``e_r = u - q``.
    So no part of a gradient is lost; it arrives some steps later. Each process sums up a piece of the vectors, in
    float32 and in the order of the processes, and sends the rounded piece to all. What it rounds off is kept likewise.

    Parameters
    ----------
    world : World
    n : int
        Length of the vectors.

    References
    ----------
    F. Seide et al., "1-bit stochastic gradient descent and its application to data-parallel distributed training of
    speech DNNs", 2014; S. P. Karimireddy et al., "Error feedback fixes SignSGD and other gradient compression
    schemes", 2019.
    """

    def __init__(self, world: World, n: int) -> None:
        self.world, self.n = world, n
        self.piece = -(-n // world.size)
        self._rounded_off = np.zeros(self.piece * world.size, np.float32)
        self._rounded_off_of_sum = np.zeros(self.piece, np.float32)

    def get_state(self) -> dict[str, Any] | None:
        """Return what all processes have rounded off, in the first of them. All must call it together."""
        states = self.world.to_first((self._rounded_off[: self.n], self._rounded_off_of_sum))
        if states is None:
            return None
        own, of_sum = zip(*states, strict=True)
        return {"own": list(own), "of_sum": np.concatenate(of_sum)[: self.n]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue with the state of `get_state`. Another number of processes divides the sum of it evenly."""
        own, of_sum, start = state["own"], state["of_sum"], self.world.rank * self.piece
        if len(own) == self.world.size:
            self._rounded_off[: self.n] = own[self.world.rank]
            of_piece = of_sum[start : start + self.piece]
            self._rounded_off_of_sum[: of_piece.size] = of_piece
        else:
            self._rounded_off[: self.n] = (np.sum(own, axis=0) + of_sum) / self.world.size
            self._rounded_off_of_sum[...] = 0

    def sum(self, vector: Array) -> None:
        """Replace ``vector`` by the sum: the same bits in every process. What is not finite is not kept."""
        with np.errstate(over="ignore", invalid="ignore"):
            self._sum(vector)

    def _sum(self, vector: Array) -> None:
        u = self._rounded_off
        u[: self.n] += vector
        sent = to_bfloat16(u)
        u -= from_bfloat16(sent)
        received = self.world.exchange(sent.reshape(self.world.size, self.piece))
        total = self._rounded_off_of_sum
        for of_process in received:
            total += from_bfloat16(of_process)
        rounded = to_bfloat16(total)
        total -= from_bfloat16(rounded)
        everywhere = self.world.exchange(np.tile(rounded, (self.world.size, 1)))
        vector[...] = from_bfloat16(everywhere.reshape(-1)[: self.n])
        for remainder in (u, total):
            remainder[~np.isfinite(remainder)] = 0
