"""The sum of the gradients of all processes, in one message or in pieces that travel during the backward pass."""

from __future__ import annotations

import platform
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.layers import Layer
from nnlite.layers.chain import flattened
from nnlite.network.network import Network
from nnlite.parallel.compression import CompressedSum
from nnlite.parallel.world import World

PACKED = 2**17  # gradients that are copied into one message with other numbers; more of them are one of their own
PIECE = 2**18  # weights of a piece, at least: a megabyte takes much longer than a message without content


class Piece(NamedTuple):
    """A piece of the gradient that travels alone.

    Attributes
    ----------
    place : slice
    layer : Layer
        The piece is complete when the backward pass has left this layer.
    learning : tuple of Layer
        The layers, also inside others, whose gradients it has.
    """

    place: slice
    layer: Layer
    learning: tuple[Layer, ...]


def cut(network: Network) -> list[Piece]:
    """Cut the gradient of the weights into pieces, from the last layer to the first.

    They lie in ``grad`` in the order of the layers, before the gradients of all biases.
    """
    weights = [segment for segment in network.segments if segment.decayed and segment.size]
    pieces = []
    stop = network.n_weights
    for layer in reversed(network.layers):
        inside = {*flattened([layer])}
        start = min((segment.start for segment in weights if segment.layer in inside), default=stop)
        if start < stop and (stop - start >= PIECE or start == 0):
            learning = tuple(segment.layer for segment in weights if start <= segment.start < stop)
            pieces.append(Piece(slice(start, stop), layer, learning))
            stop = start
    return pieces


class GradientSum:
    """``grad <- sum_r grad_r`` over the processes r, in each step.

    A small gradient is one message, together with other numbers. A large one is a message of its own; or several, if
    messages overlap with the backward pass, which goes from the last layer to the first: the gradients of the last
    layers travel while those of the first are computed.

    Parameters
    ----------
    world : World
    network : Network
    make_share : callable
        ``make_share(gradient)`` is called with each part of ``grad`` before it is sent.

    Attributes
    ----------
    overlaps : bool
    pieces : list of Piece
        In the order in which they are sent; empty if the weights are not sent in pieces.
    """

    def __init__(self, world: World, network: Network, make_share: Callable[[Array], None]) -> None:
        self.world, self.network, self._make_share = world, network, make_share
        n = network.grad.size
        self._compressed = None if world.gradient_bits is None else CompressedSum(world, n)
        self.pieces = cut(network) if n > PACKED and _wants_overlap(world) else []
        self.overlaps = len(self.pieces) > 1
        self._packed = slice(network.n_weights if self.overlaps else 0, n)
        self._is_packed = self._compressed is None and self._packed.stop - self._packed.start <= PACKED
        self._waiting: list[Callable[[], None]] = []  # for the pieces that are on their way
        self._is_first = True

    def describe(self) -> str:
        """Describe what decides the last digits of the sums."""
        if self._compressed is not None:
            return " that send gradients of 16 bits"
        return f" that send gradients in {len(self.pieces)} pieces" if self.overlaps else ""

    def get_state(self) -> dict[str, Any] | None:
        """Return what all processes have rounded off, in the first of them; None if nothing is."""
        return None if self._compressed is None else self._compressed.get_state()

    def set_state(self, state: dict[str, Any] | None) -> None:
        """Continue with what was rounded off before."""
        if self._compressed is not None and state is not None:
            self._compressed.set_state(state)

    def after(self, layer: Layer, direction: str, *arrays: Any) -> None:
        """Start to send a piece, if the pass has just left its last layer: an observer of the backward pass.

        While layers are frozen nothing is sent before the end, when their gradients are set to 0.
        """
        if direction == "forward":
            return
        n = len(self._waiting)
        if layer is self.pieces[n].layer and n < len(self.pieces) - 1 and self._all_learn():
            self._start(self.pieces[n])

    def _all_learn(self) -> bool:
        return all(segment.trainable for segment in self.network.segments)

    def _start(self, piece: Piece) -> None:
        gradient = self.network.grad[piece.place]
        if self._is_first:
            self._check_set(piece.place)
        self._make_share(gradient)
        self._waiting.append(self.world.start_sum(gradient))

    def _check_set(self, place: slice) -> None:
        """Raise ArgumentError if a layer has not set its gradient."""
        for segment in self.network.segments:
            if place.start <= segment.start < place.stop:
                self.network.require_gradient(segment)

    def finish(self, beside: Array) -> None:
        """Add up what is not on its way yet, and the numbers ``beside``; then wait for all of it."""
        if self.overlaps:
            for piece in self.pieces[len(self._waiting) :]:
                self._start(piece)
        gradient = self.network.grad[self._packed]
        if self._is_first:
            self._check_set(self._packed)
        self._make_share(gradient)
        if self._is_packed:
            message = np.concatenate([gradient, beside])
            self.world.sum(message)
            gradient[...], beside[...] = message[: gradient.size], message[gradient.size :]
        else:
            self.world.sum(beside)
            self._sum(gradient)
        for wait in self._waiting:
            wait()
        self._waiting.clear()
        self._is_first = False

    def _sum(self, gradient: Array) -> None:
        if self._compressed is None:
            self.world.sum(gradient)
        else:
            self._compressed.sum(gradient)


def _wants_overlap(world: World) -> bool:
    """Whether messages are to overlap with computing: by default between machines."""
    if world.gradient_bits is not None:
        return False
    if world.overlap is not None:
        return world.overlap
    return len({*world.gather(platform.node())}) > 1
