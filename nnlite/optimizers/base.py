"""The base class of all optimizers: ``theta <- theta - learning_rate * (something made of grad)``."""

import inspect
import math
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypedDict

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.optimizers.rules import check_rule, explain
from nnlite.optimizers.state import OptimizerState, Part, require_gradient
from nnlite.schedules import Rate, as_schedule
from nnlite.words import OF_AN_OPTIMIZER_OBJECT, Elsewhere, Explained, no_such_argument

INTERNAL = ("count_steps", "rate_of", "state")  # not for users


class Options(TypedDict, total=False):
    """The options that every optimizer has: see `Optimizer`."""

    l1: float
    clip_value: float | None
    clip_norm: float | None
    max_norm: float | None


class Optimizer(Explained):
    """Base class of all optimizers: ``theta <- theta - learning_rate * (something made of grad)``.

    A subclass overrides `update`. It names the vectors that it remembers in `state_names`, so that they are saved in
    checkpoints; in `update` they are ``part.<name>``, and ``part.t`` is the number of the step. One optimizer can train
    several models; it remembers each one separately. A copy of an optimizer has the same hyperparameters and remembers
    nothing.

    Parameters
    ----------
    learning_rate : float or schedule
        Length of a step, above 0, or a function of the number of steps so far (0, 1, 2, ...), such as those of
        `nnlite.schedules`.
    weight_decay : float, default 0
        lambda, at least 0. It acts on weights, not on biases or the parameters of normalization. Coupled rules add
        ``lambda theta`` to the gradient (the derivative of ``lambda/2 |theta|^2``); decoupled ones (`AdamW`, `Lion`)
        subtract ``learning_rate lambda theta`` from theta.
    l1 : float, default 0
        At least 0: adds ``l1 sign(theta)`` to the gradient of weights.
    clip_value : float, optional
        Above 0: clips each entry of the gradient to [-clip_value, clip_value].
    clip_norm : float, optional
        Above 0: scales the whole gradient down to this norm if its norm is larger.
    max_norm : float, optional
        Above 0: after the step, scales the incoming weights of a unit (a column of W, or a filter of a convolution)
        down to this norm if their norm is larger.

    Attributes
    ----------
    state_names : tuple of str
        Class attribute: the names of the vectors, each as long as theta, that the rule remembers; by default none.
    initial_values : dict of str to float
        Class attribute: the values of these vectors before the first step, by name; by default 0.
    decoupled : bool
        Class attribute: True if weight decay acts on theta itself and not on the gradient; by default False.

    Raises
    ------
    ArgumentError
        If a value is out of its range, or the rule has no argument of that name.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", 2013
    (clip_norm); N. Srivastava et al., "Dropout", 2014, section 5.1 (max_norm); I. Loshchilov and F. Hutter,
    "Decoupled weight decay regularization", 2019.

    Examples
    --------
    A rule of your own, momentum that fades as the training proceeds:

    >>> import nnlite as nn
    >>> class FadingMomentum(nn.Optimizer):
    ...     state_names = ("v",)                    # part.v, as long as part.theta, 0 before the first step
    ...
    ...     def update(self, part, g, learning_rate):
    ...         mu = 0.9 * 0.999**part.t            # part.t is 1 in the first step
    ...         part.v = mu * part.v + g
    ...         part.theta -= learning_rate * part.v
    >>> FadingMomentum(0.01)
    FadingMomentum(0.01)
    """

    decoupled: ClassVar[bool] = False
    reported_penalty = 0.0  # what lambda/2 |W|^2 is multiplied by in the reported cost: 0, except in nnlite.sklearn
    _latest_rate: float | None = None

    def __init__(
        self,
        learning_rate: "float | Rate",
        *,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_value: float | None = None,
        clip_norm: float | None = None,
        max_norm: float | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise ArgumentError(no_such_argument(next(iter(unknown)), type(self).__name__, [*self._parameters()]))
        self.learning_rate = learning_rate
        self.weight_decay = checks.real("weight_decay", weight_decay, minimum=0)
        self.l1 = checks.real("l1", l1, minimum=0)
        self.clip_value = None if clip_value is None else checks.real("clip_value", clip_value, above=0)
        self.clip_norm = None if clip_norm is None else checks.real("clip_norm", clip_norm, above=0)
        self.max_norm = None if max_norm is None else checks.real("max_norm", max_norm, above=0)
        self._states: weakref.WeakKeyDictionary[Network, OptimizerState] = weakref.WeakKeyDictionary()

    @property
    def learning_rate(self) -> "float | Rate":
        """Length of a step, or its schedule. You can set it at any time, for the next steps."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: "float | Rate") -> None:
        self._rate = as_schedule("learning_rate", value)
        self._learning_rate = value if callable(value) else self._rate(0)

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the latest step, of whatever model; before the first step, the rate of step 0.

        Examples
        --------
        In your own training loop, with a schedule:

        >>> import nnlite as nn
        >>> optimizer = nn.SGD(nn.StepDecay(0.1, 2))
        >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
        >>> rates = []
        >>> for step in range(4):
        ...     Y_hat = model.forward([[1.0, 2.0]])
        ...     model.backward([2])
        ...     optimizer.step(model)
        ...     rates.append(optimizer.current_learning_rate)
        >>> [round(rate, 3) for rate in rates]
        [0.1, 0.1, 0.01, 0.01]
        """
        return self.rate_of(0) if self._latest_rate is None else self._latest_rate

    def count_steps(self, model: Network, n: int, rate: float) -> None:
        """Note that n steps were made with ``model``, the last of them with that learning rate."""
        state = self.state(model)
        state.n_steps += n
        state.learning_rate = self._latest_rate = rate

    def n_steps(self, model: Network) -> int:
        """Return how many steps this optimizer has made with ``model``."""
        return self._states[model].n_steps if model in self._states else 0

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the vectors, each as long as theta, that the rule remembers; by default none."""
        return ()

    @property
    def initial_values(self) -> Mapping[str, float]:
        """Values of the remembered vectors before the first step, by name; 0 for those that are not named."""
        return {}

    def step(self, model: Network | None = None) -> None:
        """Update ``model.theta`` from ``model.grad``, which does not change.

        Parameters
        ----------
        model : Model
            After its `backward`.

        Raises
        ------
        ArgumentError
            If no backward pass has set the gradient, or the schedule does not give a finite number of at least 0; theta
            does not change then.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
        >>> Y_hat = model.forward([[1.0, 2.0]])
        >>> model.backward([2])
        >>> nn.SGD(0.1).step(model)
        >>> bool((model.parameters["b1"] == -0.1 * model.gradients["db1"]).all())
        True
        """
        if model is None:  # as in PyTorch, whose optimizers know their parameters
            raise ArgumentError("model: expected a Model, got None; write optimizer.step(model)")
        state = self.state(model)
        if state.n_steps == 0:
            check_rule(self)
            require_gradient(model)
        rate, decay = self.rate_of(state.n_steps), self.decay_of(state.n_steps)
        state.arrange(model, self.state_names, self.initial_values)
        scale = 1.0 if self.clip_norm is None else _clipping_factor(state.parts, self.clip_norm)
        start = model.theta.copy() if state.n_steps == 0 else None
        try:
            for part in state.parts:
                g = self._gradient(part, scale, decay)
                if decay and self.decoupled and part.decayed:
                    part.theta *= 1 - rate * decay
                self._update(part, g, rate)
        except ArgumentError:  # a mistake in the rule, which its first step finds
            if start is not None:
                model.theta = start
                del self._states[model]
            raise
        if self.max_norm is not None:
            _constrain(model, self.max_norm)
        state.learning_rate = self._latest_rate = rate
        state.n_steps += 1

    def update(self, part: Part, g: Array, learning_rate: float) -> None:
        """Update ``part.theta`` from the gradient ``g``, which must not change.

        The rule is called for one part of theta after another: weights and biases are separate parts, and long vectors
        are cut into pieces that fit the cache of the processor. So it must treat each number by itself.
        """
        raise NotImplementedError  # `check_rule` says which optimizer

    def _update(self, part: Part, g: Array, rate: float) -> None:
        """Call `update`; ArgumentError if it does what a rule must not do."""
        try:
            returned: Any = self.update(part, g, rate)  # type: ignore[func-returns-value]
        except (ValueError, AttributeError) as error:
            explain(error, self)
            raise
        if returned is not None:
            raise ArgumentError(
                f"optimizer: {type(self).__name__}.update must change part.theta in place, as in part.theta -= "
                f"learning_rate * g, and return nothing, got {type(returned).__name__}"
            )

    def _gradient(self, part: Part, scale: float, decay: float) -> Array:
        """``g = grad``, clipped, and for weights ``+ l1 sign(theta) + lambda theta``."""
        g = part.grad
        if scale != 1:
            g = scale * g
        if self.clip_value is not None:
            g = np.clip(g, -self.clip_value, self.clip_value)
        if self.l1 and part.decayed:
            g = g + self.l1 * np.sign(part.theta)
        if decay and part.decayed and not self.decoupled:
            g = g + decay * part.theta
        return g

    def decay_of(self, step: int) -> float:
        """Return lambda for a step (0, 1, 2, ...): ``weight_decay``, unless a subclass changes it from step to step."""
        return self.weight_decay

    def penalty(self, model: Network) -> float:
        """Return what the reported cost has besides the mean loss: ``reported_penalty lambda/2 |W|^2``."""
        if not self.reported_penalty:
            return 0.0
        weights = [s.view(model.theta).ravel() for s in model.segments if s.decayed and s.trainable]
        decay = self.decay_of(self.state(model).n_steps)
        return self.reported_penalty * decay / 2 * float(sum(w.dot(w) for w in weights))

    def rate_of(self, step: int) -> float:
        """Return the rate of the schedule as a Python float: a NumPy float64 would turn float32 into float64."""
        rate = self._rate(step)
        if rate is self._learning_rate:  # a number, checked when it was set
            return rate
        try:
            return checks.real("learning_rate", rate, minimum=0)
        except ArgumentError:
            raise ArgumentError(
                f"learning_rate: expected the schedule {self._learning_rate!r} to give a finite number of at least 0, "
                f"got {rate!r} for step {step}"
            ) from None

    # ---- what it remembers ------------------------------------------------------------------------------------

    def state(self, model: Network) -> OptimizerState:
        """Return what this optimizer remembers of ``model``; the first call makes it."""
        try:
            state = self._states.get(model)
        except TypeError:  # no weak reference to it is possible, so it is no model, and is refused below
            state = None
        except AttributeError:
            check_rule(self)
            raise
        if state is None:
            if not isinstance(model, Network):
                raise ArgumentError(f"model: expected a Model, got {model!r}")
            model.require_built("step")
            state = self._states[model] = OptimizerState()
        return state

    def get_state(self, model: Network) -> dict[str, Any]:
        """Return what this optimizer remembers of ``model``, for a checkpoint.

        Parameters
        ----------
        model : Model

        Returns
        -------
        dict
            Numbers, strings and arrays; the next step changes the arrays.
        """
        return self.state(model).get_state()

    def set_state(self, model: Network, state: Mapping[str, Any]) -> None:
        """Restore what `get_state` returned.

        Parameters
        ----------
        model : Model
        state : dict
        """
        restored = self._states[model] = OptimizerState.restored(model, state)
        self._latest_rate = restored.learning_rate if restored.n_steps else None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_states", "_latest_rate")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _states=weakref.WeakKeyDictionary())

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in (*OF_AN_OPTIMIZER_OBJECT, *INTERNAL)]

    def __repr__(self) -> str:
        given = [repr(self.learning_rate)]
        for name, parameter in self._parameters().items():
            if name != "learning_rate" and getattr(self, name, parameter.default) != parameter.default:
                given.append(f"{name}={getattr(self, name)!r}")
        return f"{type(self).__name__}({', '.join(given)})"

    @classmethod
    def _parameters(cls) -> dict[str, inspect.Parameter]:
        """Return the arguments by name: first those of the rule, with its own defaults, then those of all rules."""
        own, common = (dict(inspect.signature(rule).parameters) for rule in (cls, Optimizer))
        parameters = own | common | own
        return {name: found for name, found in parameters.items() if found.kind is not found.VAR_KEYWORD}


for _word, _hint in OF_AN_OPTIMIZER_OBJECT.items():
    setattr(Optimizer, _word, Elsewhere(_word, _hint))


def _clipping_factor(parts: Sequence[Part], clip_norm: float) -> float:
    """Return the factor that scales the whole gradient down to ``clip_norm``; 1 if its norm is not larger."""
    norm = _norm([part.grad for part in parts])
    return 1.0 if norm <= clip_norm else clip_norm / norm


def _norm(vectors: Sequence[Array]) -> float:
    """``|v|`` of all vectors together; if the squares overflow, ``max |v_i| |v / max |v_i||``."""
    with np.errstate(over="ignore"):
        norm = math.sqrt(sum(float(v @ v) for v in vectors))
    if math.isinf(norm):
        largest = max(float(np.abs(v).max()) for v in vectors)
        norm = largest * math.sqrt(sum(float(np.square(v / largest).sum()) for v in vectors))
    return norm


def _constrain(model: Network, max_norm: float) -> None:
    """``w_j <- w_j min(1, max_norm / |w_j|)`` for every column w_j, or filter, of every W that learns."""
    for segment in model.segments:
        if segment.decayed and segment.trainable and len(segment.shape) >= 2:
            W = segment.view(model.theta)
            norms = np.sqrt((W * W).sum(axis=tuple(range(W.ndim - 1))))
            W *= np.minimum(1, max_norm / np.maximum(norms, max_norm))
