"""A user's layer with parameters, and layers with one fault each, with what the gradient check says of it."""

import numpy as np

import nnlite as nn

from ...support import Square
from ..networks import UNITS, X, deep, y


class Affine(nn.Layer):
    """z = a_prev W + b. The layers below get something of it wrong."""

    def parameter_shapes(self, input_shape):
        return {"W": (UNITS, UNITS), "b": (UNITS,)}

    def initialize(self, rng, initializer):
        self.W = rng.normal(0, 0.5, self.W.shape)
        self.b = rng.normal(0, 0.5, UNITS)

    def forward(self, a_prev, cache):
        cache.a_prev = a_prev
        return a_prev @ self.W + self.b

    def backward(self, da, cache):
        self.dW = cache.a_prev.T @ da
        self.db = da.sum(axis=0)
        return da @ self.W.T


class WrongdW(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.dW = cache.a_prev.T @ (da + 0.1)
        return da_prev


class Wrongdb(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.db = da.max(axis=0)
        return da_prev


class Wrongda(Affine):
    def backward(self, da, cache):
        super().backward(da, cache)
        return da @ np.abs(self.W).T


class DividesByM(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.dW = self.dW / len(da)
        return da_prev


class ForgetsdW(Affine):
    def backward(self, da, cache):
        self.db = da.sum(axis=0)
        return da @ self.W.T


class ForgetsPart(Affine):
    def backward(self, da, cache):
        self.dW[1:] = (cache.a_prev.T @ da)[1:]
        self.db = da.sum(axis=0)
        return da @ self.W.T


class Accumulates(Affine):
    def backward(self, da, cache):
        self.dW += cache.a_prev.T @ da
        self.db = da.sum(axis=0)
        return da @ self.W.T


class ChangesWForward(Affine):
    def forward(self, a_prev, cache):
        a = super().forward(a_prev, cache)
        self.W *= 1.01
        return a


class ChangesWBackward(Affine):
    def backward(self, da, cache):
        da_prev = super().backward(da, cache)
        self.W -= 0.1 * self.dW
        return da_prev


class ForgottenFactor(Square):
    def backward(self, da, cache):
        return da * cache.z


class WrongSign(Square):
    def backward(self, da, cache):
        return -2 * da * cache.z


class NoGradient(Square):
    def backward(self, da, cache):
        return 0 * da


class NotFinite(Square):
    def backward(self, da, cache):
        return da * np.nan


class WritesIntoItsInput(Square):
    def backward(self, da, cache):
        cache.z *= 2
        return da * cache.z


class WritesIntoDa(Affine):
    def backward(self, da, cache):
        da *= 2
        return super().backward(da, cache)


class ReturnsNone(Affine):
    def backward(self, da, cache):
        super().backward(da, cache)


class WrongShape(Square):
    def backward(self, da, cache):
        return (2 * da * cache.z).sum(axis=0)


class WrongDtype(Square):
    def backward(self, da, cache):
        return (2 * da * cache.z).astype(np.float32)


class DrawsElsewhere(Square):
    def __init__(self):
        self._draws = np.random.default_rng(0)

    def forward(self, a_prev, cache):
        return super().forward(a_prev + self._draws.normal(), cache)


class OneColumn(Square):
    def backward(self, da, cache):
        return super().backward(da, cache) * [1, 1, 1.001, 1]


WRONG = {
    WrongdW: "dW2 is off by",
    Wrongdb: "db2 is off by",
    Wrongda: "da_prev is off by",
    DividesByM: "dW2 is 0.1667 times the numerical one (1/M: the backward pass starts with the mean over the 6 ex",
    ForgetsdW: "backward does not set self.dW (dW2 in the network)",
    ForgetsPart: "backward sets only a part of self.dW (dW2 in the network)",
    Accumulates: "backward adds to self.dW (dW2 in the network) instead of setting it",
    ChangesWForward: "forward changes self.W, but only the optimizer may",
    ChangesWBackward: "backward changes self.W, but only the optimizer may",
    ForgottenFactor: "da_prev is 0.5 times the numerical one",
    WrongSign: "da_prev is -1 times the numerical one",
    NoGradient: "da_prev is 0 everywhere, but the numerical one is not",
    NotFinite: "da_prev is not finite",
    WritesIntoItsInput: "backward writes into a read-only array: da, a_prev and views of them",
    WritesIntoDa: "backward writes into a read-only array: da, a_prev and views of them",
    ReturnsNone: "backward must return an array of shape (6, 4) and dtype float64, got NoneType",
    WrongShape: "backward must return an array of shape (6, 4) and dtype float64, got shape (4,)",
    WrongDtype: "backward must return an array of shape (6, 4) and dtype float64, got shape (6, 4) and dtype float32",
    DrawsElsewhere: "draw from cache.rng",
    OneColumn: "da_prev is off by",
}


def check_of(*middle, targets=y, **options):
    return nn.gradient_check(deep(nn.Tanh(), *middle, **options), X, targets)
