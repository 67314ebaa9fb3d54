"""The base class of layers, and the cache that links a forward pass to its backward pass."""

from __future__ import annotations  # naming np.random.Generator would import numpy.random

import inspect
from collections.abc import Callable, Mapping
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, NotBuiltError
from nnlite.initializers import GlorotUniform, Initializer
from nnlite.words import Explained

Shape = tuple[int, ...]
Observer = Callable[["Layer", str, Array, Any], None]
INTERNAL = frozenset(
    "added_state bind bound inner_chains inner_input_shapes note_unannounced unbind".split()
)  # not for users


def fault(layer: Layer, problem: str) -> ArgumentError:
    """Return an ArgumentError about ``layer``: "layers: Dense(3)" and the problem, such as ".backward must ...".

    The network that has the layer makes it "layers[1] Dense(3)": see `chain.add_place`.
    """
    error = ArgumentError(f"layers: {layer}{problem}")
    error.layer = layer
    return error


class BatchPart(NamedTuple):
    """The part of a batch that one of several processes computes.

    Attributes
    ----------
    start : int
        The place of its first example in the batch.
    size : int
        Number of examples of the whole batch.
    weight : float
        Sum of the weights of the whole batch; without weights, ``size``.
    mean : callable or None
        ``mean(m)`` is the mean over the whole batch, from the mean m over the part of each process. None: a layer takes
        means over its part.
    """

    start: int
    size: int
    weight: float
    mean: Callable[[Array], Array] | None = None


OF_THE_NETWORK = frozenset({"inner", "input_gradient", "observer", "part"})  # attributes of a cache


def of_network(name: str) -> Any:
    """Return a property of a cache that no layer may set. To read it takes hardly longer than an attribute."""

    def refuse(cache: Cache, value: Any) -> None:
        text = f"cache.{name}: the network needs this name; keep the array under another one"
        raise AttributeError(text, name=name, obj=cache)

    return property(attrgetter(f"_{name}"), refuse)


class Cache:
    """What the forward pass of one layer leaves for its backward pass.

    A layer may set any attribute on it: ``cache.a_prev = a_prev``. Each pass has caches of its own, so several threads
    can use the same layers at once.

    Parameters
    ----------
    training : bool, default False
        True in a training step, False in prediction.
    rng : numpy.random.Generator, optional
        The random generator of the model, for layers that draw random numbers in training.
    input_gradient : bool, default True
        False if nobody needs dJ/da_prev, as in the first layer during training: ``backward`` may then return None.
    observer : callable, optional
        Called as ``observer(layer, "forward", a_prev, a)`` and ``observer(layer, "backward", da, da_prev)`` after each
        layer, also after the layers inside other layers.
    part : BatchPart, optional
        The part of the batch that this process computes, if several processes train together.

    Raises
    ------
    AttributeError
        If ``observer``, ``part``, ``inner`` or ``input_gradient`` is set, which the network needs. A network makes it
        an ArgumentError that names the layer.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> layer, cache = nn.ReLU(), nn.Cache()
    >>> layer.forward(np.array([[-1.0, 2.0]]), cache)
    array([[0., 2.]])
    >>> layer.backward(np.array([[5.0, 5.0]]), cache)
    array([[0., 5.]])
    """

    input_gradient: bool = of_network("input_gradient")
    observer: Observer | None = of_network("observer")
    part: BatchPart | None = of_network("part")
    inner: Callable[[int], list[Cache]] = of_network("inner")

    def __init__(
        self,
        *,
        training: bool = False,
        rng: np.random.Generator | None = None,
        input_gradient: bool = True,
        observer: Observer | None = None,
        part: BatchPart | None = None,
    ) -> None:
        self.training = training
        self.rng = rng
        self._input_gradient = input_gradient
        self._observer = observer
        self._part = part

    def _inner(self, n: int) -> list[Cache]:
        """Return n new caches for the layers inside a layer."""
        return [Cache(training=self.training, rng=self.rng, observer=self.observer, part=self.part) for _ in range(n)]

    def __getattr__(self, name: str) -> Any:
        text = f"cache.{name} is not set: forward must set it, with this cache, before backward reads it"
        raise AttributeError(text, name=name, obj=self)

    if TYPE_CHECKING:  # a layer may set any attribute

        def __setattr__(self, name: str, value: Any) -> None: ...


class Layer(Explained):
    """Base class of all layers: ``a = g(a_prev)`` forward, ``da_prev`` from ``da`` backward.

    A subclass overrides `forward` and `backward`. A layer with parameters also overrides `parameter_shapes` and
    `initialize`; a layer whose output has another shape than its input also `output_shape`. ``__init__`` stores its
    arguments under their own names.

    Attributes
    ----------
    decayed : frozenset of str
        Class attribute: the names of the parameters that weight decay acts on (weights, not biases).
    trainable : bool
        False freezes the layer: optimizers do not change its parameters. You can set it at any time.
    inner_layers : tuple of Layer
        The layers inside this layer.

    Notes
    -----
    For each name in `parameter_shapes` (say "W") the model sets two attributes before it calls `initialize`: the
    parameter ``self.W`` and its gradient ``self.dW``. Both are views into the flat vectors of the model. An assignment,
    ``self.dW = ...``, writes into the vector. `state_shapes` does the same for numbers that a layer keeps but does not
    learn, such as running averages; they lie in ``model.state``.

    `forward` and `backward` return new arrays, or views. They must not write into the arrays they get, which are
    read-only.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> class Square(nn.Layer):
    ...     "a = z^2"
    ...
    ...     def forward(self, z, cache):
    ...         cache.z = z
    ...         return np.square(z)
    ...
    ...     def backward(self, da, cache):
    ...         return da * 2 * cache.z
    >>> nn.Model([nn.Dense(8), Square(), nn.Dense(3), nn.Softmax()], n_features=2)
    Model([Dense(8), Square(), Dense(3), Softmax()])
    """

    decayed: frozenset[str] = frozenset({"W"})
    trainable: bool = True
    inner_layers: tuple[Layer, ...] = ()
    added_state: Mapping[str, float] = MappingProxyType({})  # state that older files lack, and what it is then
    _views: frozenset[str] = frozenset()  # names of the attributes that are views into the model's vectors
    _unannounced: Mapping[str, Array] = {}  # other arrays of floats that the layer keeps

    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of one output example; by default the shape of the input example."""
        return input_shape

    def parameter_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return names and shapes of the parameters; by default there are none."""
        return {}

    def state_shapes(self, input_shape: Shape) -> dict[str, Shape]:
        """Return names and shapes of what the layer keeps but does not learn; by default nothing."""
        return {}

    @property
    def inner_chains(self) -> dict[str, tuple[Layer, ...]]:
        """The chains that ``inner_layers`` form, by name; by default a single one."""
        return {"layers": self.inner_layers}

    def inner_input_shapes(self, input_shape: Shape) -> list[Shape]:
        """Return the shape of one input example for each of ``inner_layers``; each chain begins with the input."""
        shapes = []
        for chain in self.inner_chains.values():
            shape = input_shape
            for layer in chain:
                shapes.append(shape)
                shape = layer.output_shape(shape)
        return shapes

    def initialize(self, rng: np.random.Generator, initializer: Initializer) -> None:
        """Set the initial parameters and state; they are 0 before.

        Parameters
        ----------
        rng : numpy.random.Generator
            The random generator of the model.
        initializer : Initializer
            `GlorotUniform`, or what the activation that follows this layer asks for.
        """

    def forward(self, a_prev: Array, cache: Cache, /) -> Array:
        """Return the output for ``a_prev``, of shape (M, ...)."""
        raise fault(self, " has no forward pass; define forward(self, a_prev, cache)")

    def backward(self, da: Array, cache: Cache, /) -> Array | None:
        """Set the gradients of the parameters from da = dJ/da, and return da_prev = dJ/da_prev."""
        raise fault(self, " has no backward pass; define backward(self, da, cache)")

    def hyperparameters(self) -> dict[str, Any]:
        """Return the arguments that make this layer again, by name, without those that have their default value."""
        given = {}
        for argument in inspect.signature(type(self)).parameters.values():
            self._check_stored(argument)
            value = getattr(self, argument.name)
            if isinstance(value, np.ndarray) or value != argument.default:
                given[argument.name] = value
        return given

    def _check_stored(self, argument: inspect.Parameter) -> None:
        """Raise ArgumentError unless the layer has the value of that argument of ``__init__``."""
        rule = ""
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            rule = f"must name each of its arguments instead of taking {argument}"
        elif argument.name in self._views:
            rule = f"must give its argument {argument.name!r} another name than the parameter self.{argument.name}"
        elif not hasattr(self, argument.name):
            rule = f"must store its argument {argument.name!r} as self.{argument.name}"
        if rule:
            raise ArgumentError(f"{type(self).__name__}: __init__ {rule}")

    @property
    def bound(self) -> bool:
        """Whether the layer belongs to a model and has its parameters."""
        return bool(self._views)

    def bind(self, views: dict[str, Array]) -> None:
        """Set ``W``, ``dW`` and so on to views into the vectors of a model. The model calls this."""
        self._views = frozenset()
        vars(self).update(views)
        self._views = frozenset(views)

    def unbind(self) -> None:
        """Remove the views. The model calls this if it cannot be built."""
        for name in self._views:
            del vars(self)[name]
        self._views = frozenset()

    def note_unannounced(self) -> None:
        """Note which arrays the layer keeps besides its parameters and state. The model calls this when it is built."""
        kept = {name: value for name, value in vars(self).items() if name not in self._views}
        kept = {
            name: value for name, value in kept.items() if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        }
        if kept:
            self._unannounced = kept

    def __setattr__(self, name: str, value: Any) -> None:
        """Write an assigned parameter or gradient into the model's vector."""
        if name in self._views:
            view = getattr(self, name)
            if np.shape(value) != view.shape:
                self._check_shape(name, np.shape(value), view.shape)
            view[...] = value
        elif name == "trainable":
            super().__setattr__(name, checks.boolean(name, value))
        else:
            if name[1:] in self._unannounced:
                self._check_announced(name, value)
            super().__setattr__(name, value)

    def _check_announced(self, name: str, value: Any) -> None:
        """Raise ArgumentError if ``value`` is the gradient of an array that the layer keeps and has not announced."""
        kept = self._unannounced[name[1:]]
        if name[0] == "d" and vars(self).get(name[1:]) is kept and np.shape(value) == kept.shape:
            raise fault(
                self,
                f": self.{name[1:]} has a gradient, self.{name}, but would not learn; announce it: parameter_shapes "
                f"must return {{{name[1:]!r}: {kept.shape}}}, and initialize sets its first values",
            )

    if not TYPE_CHECKING:  # a type checker refuses every name that does not exist

        def __getattr__(self, name: str) -> Any:
            message = f"{name}: {type(self).__name__} has no such attribute"
            if self._views or name.startswith("_"):
                raise AttributeError(message)
            raise NotBuiltError(
                f"{message}; if it is a parameter, it exists once the layer is in a network that is built: "
                f"nn.Model(layers, n_features=...)"
            )

    def __dir__(self) -> list[str]:
        """List what a user needs; the other names are for nnlite itself."""
        return [name for name in super().__dir__() if name not in INTERNAL]

    def _check_shape(self, name: str, got: Shape, expected: Shape) -> None:
        """Raise ArgumentError if an assignment of that shape is a mistake; a parameter may be set to one number."""
        is_gradient = name.startswith("d") and name[1:] in self._views
        if is_gradient or got != ():
            raise fault(
                self,
                f": self.{name} must have the shape {expected} of the parameter, got {got}"
                + ("; sum over the examples: .sum(axis=0)" if got[1:] == expected and is_gradient else ""),
            )

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the views: a copy of the model binds them again."""
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
    """Base class of layers without parameters: a = g(z).

    Attributes
    ----------
    initializer : Initializer
        Class attribute: how a Dense layer in front draws its weights if it has no initializer of its own. It is
        GlorotUniform() unless overridden, as SELU does with LeCunNormal().

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> class Sine(nn.Activation):
    ...     def forward(self, z, cache):
    ...         cache.z = z
    ...         return np.sin(z)
    ...
    ...     def backward(self, da, cache):
    ...         return da * np.cos(cache.z)
    >>> nn.Model([nn.Dense(8), Sine(), nn.Dense(1), nn.Identity()], n_features=1)
    Model([Dense(8), Sine(), Dense(1), Identity()])
    """

    initializer: Initializer = GlorotUniform()
