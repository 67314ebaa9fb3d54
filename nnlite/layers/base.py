"""What every layer is: a forward equation, a backward equation, and a cache between them."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.engine.memory import aligned
from nnlite.errors import ArgumentError
from nnlite.initializers import GlorotUniform, Initializer

Shape = tuple[int, ...]
MOST_ARRAYS = 1000  # views that a cache keeps: one for each size of batch that it has met, and name


class Cache:
    """What one forward pass through one layer leaves for its backward pass, and the arrays both write into.

    A layer puts any attribute on it (``cache.a_prev = a_prev``) and takes its arrays from `array`, which gives the
    same memory again in the next step. Since nothing of a pass is kept on the layer, several threads can run one
    network at once, each with caches of its own.

    Parameters
    ----------
    dtype : numpy.dtype
        What the network computes in, float32 or float64.
    rng : numpy.random.Generator, optional
        The model's source of randomness, for layers that draw in training; without it this is no training.
    input_gradient : bool, default True
        False where nobody asks for the gradient of the layer's input (the first layer in training): ``backward``
        may then return None.
    may_overwrite : bool, default False
        True where nobody asks again for what goes into the layer: ``forward`` may then write into ``a_prev``.
    shared : Cache, optional
        That of all layers together, for `scratch`; by default this one.

    Attributes
    ----------
    dtype, rng, input_gradient, may_overwrite
        As given.
    training : bool
        True in a training step, False in prediction.
    """

    # what the cache itself has lies in slots, so that `forget` is to clear the rest
    __slots__ = (
        "__dict__", "__weakref__", "_arrays", "_full", "_inner", "_memory", "_row_numbers", "_shared",
        "dtype", "input_gradient", "may_overwrite", "rng", "training",
    )  # fmt: skip

    def __init__(
        self,
        dtype: Any,
        rng: np.random.Generator | None = None,
        *,
        input_gradient: bool = True,
        may_overwrite: bool = False,
        shared: Cache | None = None,
    ) -> None:
        self.dtype = np.dtype(dtype)
        self.training = rng is not None
        self.rng = rng
        self.input_gradient = input_gradient
        self.may_overwrite = may_overwrite
        self._shared = shared
        self._arrays: dict[tuple[str, Shape, Any], Array] = {}
        self._memory: dict[tuple[str, Any], Array] = {}
        self._full: dict[tuple[float, Shape | None], Array] = {}
        self._inner: list[Cache] = []
        self._row_numbers: Array = np.arange(0)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"cache.{name} is not set: the backward pass needs a forward pass before it")

    if TYPE_CHECKING:  # any attribute may be set; its type is the layer's business

        def __setattr__(self, name: str, value: Any) -> None: ...

    def array(self, name: str, shape: Shape, dtype: Any = None) -> Array:
        """Return the array called ``name``; it holds anything until it is written to.

        It has the given shape and the cache's dtype (or ``dtype``). Its memory is kept and only ever grows, so a
        smaller last batch costs nothing.
        """
        try:
            return self._arrays[name, shape, dtype]
        except KeyError:
            return self._made(name, shape, dtype)

    def scratch(self, name: str, shape: Shape, dtype: Any = None) -> Array:
        """Return an array that other layers use as well, good until ``forward`` or ``backward`` returns.

        What is used again and again stays in the processor's cache.
        """
        return (self._shared or self).array(name, shape, dtype)

    def full(self, value: float, shape: Shape) -> Array:
        """Return an array full of ``value``: to be read only.

        An operation of two arrays is up to three times as fast as that of an array and a number.
        """
        shared = self._shared or self
        try:
            return shared._full[value, shape]
        except KeyError:
            return shared._made_full(value, shape)

    def rows(self, row: Array, shape: Shape) -> Array:
        """Return ``row`` (or a column) written out for each example: to be read only, and at once.

        To add a vector to the rows of a matrix, NumPy would take a buffer anew each time.
        """
        rows = (self._shared or self).array("rows", shape)
        rows[...] = row
        return rows

    def row_numbers(self, n: int) -> Array:
        """Return 0 .. n-1: to be read only."""
        if len(self._row_numbers) < n:
            self._row_numbers = np.arange(n)
        return self._row_numbers[:n]

    def in_place_of(self, a_prev: Array, name: str = "a") -> Array:
        """Return an array for what becomes of ``a_prev``: itself where it may be overwritten, else that of ``name``."""
        return a_prev if self.may_overwrite else self.array(name, a_prev.shape)

    def _made_full(self, value: float, shape: Shape) -> Array:
        """A view of the one array full of ``value``, which grows if it is too small."""
        size = math.prod(shape)
        memory = self._full.get((value, None))
        if memory is None or memory.size < size or len(self._full) >= MOST_ARRAYS:
            self._full = {key: array for key, array in self._full.items() if key[0] != value}  # of smaller memory
            memory = self._full[value, None] = aligned(max(size, 1), self.dtype)
            memory.fill(value)
            memory.flags.writeable = False
        array = self._full[value, shape] = memory[:size].reshape(shape)
        return array

    def _made(self, name: str, shape: Shape, dtype: Any) -> Array:
        """A view of the memory called ``name``, which grows if it is too small."""
        size = math.prod(shape)
        memory = self._memory.get((name, dtype))
        if memory is None or memory.size < size:
            memory = self._memory[name, dtype] = aligned(size, dtype or self.dtype, np.empty)
            self._arrays = {key: array for key, array in self._arrays.items() if key[0] != name}  # of smaller memory
        elif len(self._arrays) >= MOST_ARRAYS:
            self._arrays.clear()
        array = self._arrays[name, shape, dtype] = memory[:size].reshape(shape)
        return array

    def inner(self, n: int) -> list[Cache]:
        """Return n caches for the layers inside a layer; the same ones in every step."""
        while len(self._inner) < n:
            self._inner.append(Cache(self.dtype, self.rng, shared=self._shared or self))
            self._inner[-1].set_training(self.training)
        return self._inner

    def set_training(self, training: bool) -> None:
        """Compute from now on as in training, or as in prediction."""
        self.training = training
        for cache in self._inner:
            cache.set_training(training)

    def forget(self) -> None:
        """Drop what the layer has put here, but for the memory of its arrays."""
        for cache in self._inner:
            cache.forget()
        self.__dict__.clear()


class Layer:
    """Base class of all layers: ``a = g(a_prev)``, and from da the gradients of what went in.

    A layer of one's own overrides `forward` and `backward`; one with parameters also `parameter_shapes` and
    `initialize`; one whose output has another shape than its input also `output_shape`. Arguments of ``__init__``
    are stored under their own names.

    Attributes
    ----------
    decayed : frozenset of str
        Class attribute: names of the parameters that weight decay acts on (weights, not biases).
    trainable : bool
        False freezes the layer: optimizers leave its parameters as they are. May be set at any time.
    reads_output : bool
        Class attribute: False if ``forward`` returns an array of its own (not ``a_prev``) of which ``backward`` needs
        nothing, so that the next layer may overwrite it. It holds for the class that defines both methods.
    inner_layers : tuple of Layer
        The layers inside this one, if it is made of others.

    Notes
    -----
    For each name in `parameter_shapes` (say "W") the model sets two attributes before `initialize` is called: the
    parameter itself (``self.W``) and its gradient (``self.dW``). Both are views into the model's flat vectors:
    ``np.sum(..., out=self.db)`` and ``self.db = ...`` both write there. What is not learned but must be kept, such as
    running averages, is announced in the same way by `state_shapes` and lies in ``model.state``.

    ``forward`` must leave ``a_prev`` as it is unless ``cache.may_overwrite``; ``backward`` may overwrite ``da``.

    Examples
    --------
    >>> import nnlite as nn
    >>> class Square(nn.Layer):
    ...     "a = z^2"
    ...
    ...     def forward(self, a_prev, cache):
    ...         cache.z = a_prev
    ...         return np.square(a_prev, out=cache.array("a", a_prev.shape))
    ...
    ...     def backward(self, da, cache):
    ...         da *= 2 * cache.z
    ...         return da
    >>> nn.Model([nn.Dense(8), Square(), nn.Dense(3), nn.Softmax()], n_features=2)
    Model([Dense(8), Square(), Dense(3), Softmax()])
    """

    decayed: frozenset[str] = frozenset({"W"})
    trainable: bool = True
    reads_output: bool = True
    inner_layers: tuple[Layer, ...] = ()
    _views: frozenset[str] = frozenset()  # names of the attributes that are views into the model's vectors

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of one example behind this layer; by default that in front of it."""
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Names and shapes of the parameters for examples of ``input_shape``; by default none."""
        return {}

    def state_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Names and shapes of what training changes without learning it; by default none."""
        return {}

    def inner_input_shapes(self, input_shape: Shape) -> list[Shape]:
        """Shape of one example in front of each inner layer."""
        return []

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Set the parameters and the state, which are 0 before.

        Parameters
        ----------
        rng : numpy.random.Generator
            The model's source of randomness.
        initializer : Initializer
            What suits the activation that follows, for a layer to which its user gave none.
        """

    def forward(self, a_prev: Array, cache: Cache) -> Array:
        """Return the layer's output for ``a_prev``, of shape (M, ...)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward pass")

    def backward(self, da: Array, cache: Cache) -> Array | None:
        """From da = dJ/da write the gradients of the parameters, and return dJ/da_prev."""
        raise NotImplementedError(f"{type(self).__name__} has no backward pass")

    def hyperparameters(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, by name, where they differ from their defaults."""
        given = {}
        for argument in inspect.signature(type(self)).parameters.values():
            if not hasattr(self, argument.name):
                raise ArgumentError(
                    f"{type(self).__name__}: __init__ must store its argument {argument.name!r} under that name"
                )
            value = getattr(self, argument.name)
            if isinstance(value, np.ndarray) or value != argument.default:
                given[argument.name] = value
        return given

    def bind(self, views: dict[str, Array]) -> None:
        """Take ``W``, ``dW`` and so on, which are views into the vectors of a model (the model does this)."""
        self._views = frozenset()
        vars(self).update(views)
        self._views = frozenset(views)

    def unbind(self) -> None:
        """Belong to no model (a model does this when it could not be built)."""
        for name in self._views:
            del vars(self)[name]
        self._views = frozenset()

    def __setattr__(self, name: str, value: Any) -> None:
        """Assigning to a parameter or a gradient writes into the model's vector; the view stays."""
        if name in self._views:
            getattr(self, name)[...] = value
        elif name == "trainable":
            super().__setattr__(name, checks.boolean(name, value))
        else:
            super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the views, which mean nothing outside their model (it binds them again)."""
        return {name: value for name, value in vars(self).items() if name not in self._views | {"_views"}}

    def __repr__(self) -> str:
        try:
            given = self.hyperparameters()
        except ArgumentError:
            return f"{type(self).__name__}(...)"
        required = {p.name for p in inspect.signature(type(self)).parameters.values() if p.default is p.empty}
        arguments = (repr(value) if name in required else f"{name}={value!r}" for name, value in given.items())
        return f"{type(self).__name__}({', '.join(arguments)})"


class Activation(Layer):
    """Base class of the layers without parameters that work on each example: a = g(z).

    Attributes
    ----------
    initializer : Initializer
        Class attribute: how the weights of a Dense layer in front of it are best drawn; by default GlorotUniform().
    """

    initializer: Initializer = GlorotUniform()


def definer(layer: Layer, name: str) -> type[Layer]:
    """The class that the layer has this method from."""
    return next(c for c in type(layer).__mro__ if name in vars(c))
