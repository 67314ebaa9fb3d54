"""The network: layers in a chain over one flat vector of parameters."""

import contextlib
import copy
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks, data, training
from nnlite.checks import Array
from nnlite.errors import ArgumentError, NotBuiltError
from nnlite.initializers import GlorotUniform, Initializer
from nnlite.layers import Activation, Cache, Layer, Output
from nnlite.layers.base import Shape

if TYPE_CHECKING:
    from nnlite.history import History
    from nnlite.optimizers import Optimizer

BLOCK = 1024  # examples that predict and evaluate send through the network at once


class Model:
    r"""A chain of layers, ``a[l] = g[l](a[l-1] W[l] + b[l])`` from ``a[0] = X`` to ``Y_hat = a[L]``.

    Its cost is ``J = 1/M sum_i L(y_hat_i, y_i)``, with the loss L that belongs to the output layer, and its
    backward pass starts from ``dz[L] = Y_hat - Y``.

    Parameters
    ----------
    layers : sequence of Layer
        From the first hidden layer to the output: Softmax, Sigmoid or Identity. The model owns them: a layer cannot
        be part of two models, nor twice of one.
    n_features : int or tuple of int, optional
        Size n[0] of the input (or the shape of one example). By default it is taken from the first X that `fit` or
        `forward` sees.
    seed : int, optional
        Of the only source of randomness: initial weights, shuffling, validation split. The same seed gives the same
        weights, bit for bit. By default every model is different.
    dtype : {"float32", "float64"}, default "float32"
        What the network computes in. Data is cast to it batch by batch.

    Attributes
    ----------
    layers : tuple of Layer
    theta, grad : ndarray, (n_parameters,)
        All parameters and all gradients dJ/dtheta, each in one vector: first the weights of all layers, then the
        biases. Live: `parameters`, ``layer.W`` and the rest are views into them.
    n_weights : int
        How many numbers at the beginning of theta are weights, on which weight decay acts.
    rng : numpy.random.Generator

    Raises
    ------
    ArgumentError
        If there is no layer, no output layer at the end, or an argument has a wrong value.

    Examples
    --------
    A training step is four lines (here on one batch of the shipped digits):

    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> X, Y = digits.X_train[:32], nn.one_hot(digits.y_train[:32], 10)
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> optimizer = nn.SGD(0.1)
    >>> Y_hat = model.forward(X)      # a[L]
    >>> J = model.cost(Y)             # the mean loss over the batch
    >>> model.backward(Y)             # dz[L] = Y_hat - Y, then dW, db down to layer 1
    >>> optimizer.step(model)         # theta <- theta - learning_rate * grad
    >>> round(J, 1)                   # near ln 10
    2.3
    """

    _caches: list[Cache]  # of the training step, one for each layer
    _idle: list[list[Cache]]  # such lists for predictions, of which several threads may make some at once
    _Y_hat: Array | None  # of the last training step

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        n_features: int | Shape | None = None,
        seed: int | None = None,
        dtype: Any = "float32",
    ) -> None:
        self.layers = _check_layers(layers)
        self.dtype = _check_dtype(dtype)
        self.seed = None if seed is None else checks.integer("seed", seed, minimum=0)
        self.rng = np.random.default_rng(self.seed)
        self.input_shape: Shape | None = None
        self._forget_passes()
        if n_features is not None:
            self._build(_check_input_shape(n_features))

    # ---- parameters -------------------------------------------------------------------------------------------

    @property
    def output(self) -> Output:
        """The last layer, which knows the cost."""
        return self.layers[-1]  # type: ignore[return-value]

    @property
    def built(self) -> bool:
        """Whether the input size is known and the parameters exist."""
        return self.input_shape is not None

    @property
    def theta(self) -> Array:
        """All parameters in one vector, weights first. Live."""
        self._require_built("theta")
        return self._theta

    @property
    def grad(self) -> Array:
        """All gradients in one vector, in the order of `theta`. Live."""
        self._require_built("grad")
        return self._grad

    @property
    def n_parameters(self) -> int:
        """How many numbers the network learns."""
        return self.theta.size

    @property
    def parameters(self) -> Mapping[str, Array]:
        """W1, b1, W2, ... by name: live views into `theta`. Assign with ``parameters["W1"][...] = value``."""
        self._require_built("parameters")
        return types.MappingProxyType(
            {f"{name}{l}": getattr(layer, name) for layer, name, l in self._named_parameters()}
        )

    @property
    def gradients(self) -> Mapping[str, Array]:
        """dW1, db1, dW2, ... by name: live views into `grad`."""
        self._require_built("gradients")
        return types.MappingProxyType(
            {f"d{name}{l}": getattr(layer, f"d{name}") for layer, name, l in self._named_parameters()}
        )

    def _named_parameters(self) -> Iterator[tuple[Layer, str, int]]:
        """Each layer, the name of a parameter of it, and l: it is the l-th with that name."""
        count: dict[str, int] = {}
        for layer, shapes in zip(self.layers, self._parameter_shapes, strict=True):
            for name in shapes:
                count[name] = count.get(name, 0) + 1
                yield layer, name, count[name]

    # ---- building ---------------------------------------------------------------------------------------------

    def _build(self, input_shape: Shape) -> None:
        """Lay out theta and grad for examples of ``input_shape`` and draw the initial weights."""
        shapes, parameter_shapes = self._infer_shapes(input_shape)
        for layer in self.layers:
            if layer._bound:
                raise ArgumentError(f"layers: {layer} belongs to another model already; make a new one")
        self.input_shape = input_shape
        self._shapes = shapes
        self._parameter_shapes = parameter_shapes
        size = sum(int(np.prod(shape)) for of_layer in parameter_shapes for shape in of_layer.values())
        self._theta = np.zeros(size, self.dtype)
        self._grad = np.zeros(size, self.dtype)
        self._bind()
        for i, layer in enumerate(self.layers):
            layer.initialize(self.rng, self._suited_initializer(i))

    def _infer_shapes(self, input_shape: Shape) -> tuple[list[Shape], list[dict[str, Shape]]]:
        """Shapes of a[0] .. a[L], and of the parameters of each layer, without changing anything."""
        shapes = [input_shape]
        parameter_shapes = []
        for layer in self.layers:
            parameter_shapes.append(layer.parameter_shapes(shapes[-1]))
            shapes.append(layer.output_shape(shapes[-1]))
        if len(shapes[-1]) != 1:
            raise ArgumentError(f"layers: the output must be rows of units, got shape {shapes[-1]} per example")
        self.output.check_units(shapes[-1][0])
        return shapes, parameter_shapes

    def _bind(self) -> None:
        """Make each layer's parameters views into theta and grad, those that weight decay acts on first."""
        views: list[tuple[dict[str, Array], dict[str, Array]]] = [({}, {}) for _ in self.layers]
        start = 0
        for decayed in (True, False):
            for layer, shapes, (parameters, gradients) in zip(self.layers, self._parameter_shapes, views, strict=True):
                for name, shape in shapes.items():
                    if (name in layer.decayed) == decayed:
                        stop = start + int(np.prod(shape))
                        parameters[name] = self._theta[start:stop].reshape(shape)
                        gradients[name] = self._grad[start:stop].reshape(shape)
                        start = stop
            if decayed:
                self.n_weights = start
        for layer, (parameters, gradients) in zip(self.layers, views, strict=True):
            layer.bind(parameters, gradients)

    def _suited_initializer(self, i: int) -> Initializer:
        """What suits the activation behind layer i; in front of the output small weights, so that J is near ln C."""
        for layer in self.layers[i + 1 : -1]:
            if isinstance(layer, Activation):
                return layer.initializer
        return GlorotUniform(gain=0.1)

    def _require_built(self, what: str) -> None:
        if not self.built:
            raise NotBuiltError(
                f"{what}: the network does not know its input size yet; "
                f"call fit or forward first, or make it with Model(layers, n_features=...)"
            )

    # ---- the four lines of a training step --------------------------------------------------------------------

    def forward(self, X: Any) -> Array:
        r"""``z[l] = a[l-1] W[l] + b[l]``, ``a[l] = g[l](z[l])`` for l = 1 .. L, as a training step does it.

        Parameters
        ----------
        X : array_like, (M, n[0])
            A batch of finite numbers. An unbuilt network takes its input size from it.

        Returns
        -------
        ndarray, (M, n[L])
            Y_hat = a[L]; it is yours, no later call changes it.

        Raises
        ------
        ArgumentError
            If X is empty, one-dimensional, not numeric, not finite, or of another width than the network's.
        """
        X = data.check_X(X, self.input_shape, self.dtype)
        if not self.built:
            self._build(X.shape[1:])
        return self._forward(X).copy()

    def cost(self, Y: Any) -> float:
        r"""``J = 1/M sum_i L(y_hat_i, y_i)`` of the batch that `forward` saw last.

        Parameters
        ----------
        Y : array_like, (M,) or (M, n[L])
            The truth in any form that the output layer takes.

        Returns
        -------
        float
            The mean loss, in nats for Softmax and Sigmoid.

        Raises
        ------
        ArgumentError
            If there is not one valid label for each example of the batch.
        NotBuiltError
            Before the first `forward`.
        """
        return self._cost(self._check_batch_targets(Y, "cost"))

    def backward(self, Y: Any) -> None:
        r"""``dz[L] = Y_hat - Y``, then dW[l], db[l] and da[l-1] for l = L .. 1, into `gradients` and `grad`.

        The gradients are those of J, the mean over the batch that `forward` saw last.

        Parameters
        ----------
        Y : array_like, (M,) or (M, n[L])
            The truth in any form that the output layer takes.

        Raises
        ------
        ArgumentError
            If there is not one valid label for each example of the batch.
        NotBuiltError
            Before the first `forward`.
        """
        self._backward(self._check_batch_targets(Y, "backward"))

    def _forward(self, X: Array) -> Array:
        a = data.cast(X, "X", self._batch)
        for layer, cache in zip(self.layers, self._training_caches(), strict=True):
            a = layer.forward(a, cache)
        self._Y_hat = a
        return a

    def _cost(self, Y: Array) -> float:
        return float(self.output.losses(Y, self._caches[-1]).mean())

    def _backward(self, Y: Array) -> None:
        dz = self.output.start_backward(Y, self._caches[-1])  # dz[L] = Y_hat - Y
        dz *= 1 / len(Y)  # J is the mean of the losses
        da: Array | None = dz
        for layer, cache in zip(self.layers[-2::-1], self._caches[-2::-1], strict=True):
            if da is None:
                break
            da = layer.backward(da, cache)

    def _check_batch_targets(self, Y: Any, what: str) -> Array:
        """Rows (M, n[L]) for the batch of the last forward pass."""
        if self._Y_hat is None:
            raise NotBuiltError(f"{what}: call forward(X) first, it says for which batch")
        targets = self._check_targets(Y, name="Y")
        data.check_lengths(self._Y_hat, targets, "the batch that forward saw", "Y")
        return data.target_rows(targets, self._Y_hat.shape[1], self._batch)

    # ---- use --------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """Classes 0 .. C-1 (Softmax; Sigmoid: 0 or 1), or values (Identity).

        Any number of threads may call this at once.

        Parameters
        ----------
        X : array_like, (M, n[0])

        Returns
        -------
        ndarray
            (M,) for Softmax and for a single output unit, else (M, n[L]).

        Raises
        ------
        ArgumentError
            If X is empty, one-dimensional, not numeric, not finite, or of another width than the network's.
        NotBuiltError
            If the network has no parameters yet.
        """
        return self.output.predict(self._predict_rows(self._check_known_X(X, "predict")))

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes: y_hat, with rows that sum to 1.

        Any number of threads may call this at once.

        Parameters
        ----------
        X : array_like, (M, n[0])

        Returns
        -------
        ndarray, (M, C)
            C = 2 for a single Sigmoid unit: ``[1 - y_hat, y_hat]``. With several Sigmoid units each entry is the
            probability of one label, and rows need not sum to 1.

        Raises
        ------
        ArgumentError
            As `predict`, and for a network that ends in Identity.
        NotBuiltError
            If the network has no parameters yet.
        """
        return self.output.predict_proba(self._predict_rows(self._check_known_X(X, "predict_proba")))

    def evaluate(self, X: Any, y: Any) -> dict[str, float]:
        """Cost and accuracy on a data set, with nothing learned from it.

        Parameters
        ----------
        X : array_like, (M, n[0])
        y : array_like, (M,) or (M, n[L])

        Returns
        -------
        dict
            ``loss``, the mean loss J, and for classifiers ``accuracy`` in [0, 1].

        Raises
        ------
        ArgumentError
            If X or y is not what the network takes.
        NotBuiltError
            If the network has no parameters yet.
        """
        X = self._check_known_X(X, "evaluate")
        y = self._check_targets(y)
        data.check_lengths(X, y)
        return self._evaluate(X, y)

    def fit(
        self,
        X: Any,
        y: Any,
        *,
        optimizer: "Optimizer | None" = None,
        epochs: int = 10,
        batch_size: int | None = 32,
        validation_data: tuple[Any, Any] | None = None,
        validation_split: float | None = None,
        shuffle: bool = True,
        progress: bool = True,
    ) -> "History":
        r"""Train by gradient descent: ``theta <- theta - learning_rate dJ/dtheta``, batch after batch.

        Calling it again goes on from where the network is.

        Parameters
        ----------
        X : array_like, (n_examples, n[0])
            Training examples; kept in their own dtype and cast batch by batch.
        y : array_like, (n_examples,) or (n_examples, n[L])
            Softmax: class indices, one-hot rows or probabilities. Sigmoid: 0, 1 or probabilities. Identity: values.
        optimizer : Optimizer, default SGD(0.1)
            The rule of the descent.
        epochs : int, default 10
            How often every example is seen, at least 1.
        batch_size : int or None, default 32
            Examples to a step; None, or more than there are, is the whole data set (full-batch descent).
        validation_data : (X, y), optional
            Evaluated after every epoch; nothing is learned from it.
        validation_split : float, optional
            Instead: this fraction of the examples, in (0, 1), is held out for validation, of each class its share.
            Which examples depends on the seed alone, so that a second `fit` on the same data holds out the same.
        shuffle : bool, default True
            Visit the examples in another order in every epoch.
        progress : bool, default True
            Show a progress bar (only in a terminal or a notebook).

        Returns
        -------
        History
            A value per epoch of ``loss``, ``accuracy`` (means over the epoch's batches, each before its step),
            ``val_loss``, ``val_accuracy``, ``learning_rate`` and ``seconds``.

        Raises
        ------
        ArgumentError
            If an argument has a wrong value; the network is then as it was.
        """
        return training.fit(
            self,
            X,
            y,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            validation_split=validation_split,
            shuffle=shuffle,
            progress=progress,
        )

    def _check_known_X(self, X: Any, what: str) -> Array:
        self._require_built(what)
        return data.check_X(X, self.input_shape, self.dtype)

    def _check_targets(self, y: Any, input_shape: Shape | None = None, name: str = "y") -> Array:
        """``y`` as this network takes it (or would, built for ``input_shape``): class indices, or rows."""
        shapes = self._shapes if input_shape is None else self._infer_shapes(input_shape)[0]
        targets = self.output.check_targets(y, shapes[-1][0], name)
        checks.finite(name, targets, self.dtype)
        return targets

    def _predict_rows(self, X: Array) -> Array:
        """Y_hat (M, n[L]) in an array of its own."""
        Y_hat = np.empty((len(X), *self._shapes[-1]), self.dtype)
        for start, a, _ in self._predict_blocks(X):
            Y_hat[start : start + len(a)] = a
        return Y_hat

    def _evaluate(self, X: Array, y: Array) -> dict[str, float]:
        loss = correct = 0.0
        for start, a, cache in self._predict_blocks(X):
            Y = data.target_rows(y[start : start + len(a)], a.shape[1], cache)
            loss += float(self.output.losses(Y, cache).sum())
            if self.output.classifies:
                correct += self.output.n_correct(a, Y)
        result = {"loss": loss / len(X)}
        if self.output.classifies:
            result["accuracy"] = correct / len(X)
        return result

    def _predict_blocks(self, X: Array) -> Iterator[tuple[int, Array, Cache]]:
        """For each block of rows: where it starts, a[L], and the cache of the output layer.

        The caches belong to one caller at a time: it takes a set that lies idle, or makes one, and puts it back.
        """
        try:
            caches = self._idle.pop()
        except IndexError:
            caches = [Cache(self.dtype, training=False) for _ in self.layers]
        try:
            for start in range(0, len(X), BLOCK):
                a = data.cast(X[start : start + BLOCK], "X", caches[-1])
                for layer, cache in zip(self.layers, caches, strict=True):
                    a = layer.forward(a, cache)
                yield start, a, caches[-1]
        finally:
            self._idle.append(caches)

    def _training_caches(self) -> list[Cache]:
        """One cache per layer, made at the first training step."""
        if not self._caches:
            first = next((i for i, shapes in enumerate(self._parameter_shapes) if shapes), len(self.layers))
            self._caches = [
                Cache(self.dtype, training=True, rng=self.rng, input_gradient=i > first)
                for i in range(len(self.layers))
            ]
        return self._caches

    def _forget_passes(self) -> None:
        """Let go of all caches."""
        self._batch = Cache(self.dtype, training=True)
        self._caches = []
        self._idle = []
        self._Y_hat = None

    # ---- looking at it and copying it ---------------------------------------------------------------------------

    def summary(self) -> str:
        """Return a table of the layers: output shape and number of parameters of each.

        Returns
        -------
        str

        Raises
        ------
        NotBuiltError
            If the network does not know its input size yet.
        """
        self._require_built("summary")
        rows = [("layer", "output", "parameters"), ("X", _show_shape(self._shapes[0]), "")]
        for layer, shape, parameters in zip(self.layers, self._shapes[1:], self._parameter_shapes, strict=True):
            count = sum(int(np.prod(s)) for s in parameters.values())
            rows.append((repr(layer), _show_shape(shape), f"{count:,}" if count else ""))
        rows.append(("total", str(self.dtype), f"{self.n_parameters:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
        rule = "-" * (sum(widths) + 4)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def __repr__(self) -> str:
        return f"Model([{', '.join(map(repr, self.layers))}])"

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the caches; so a copy shares no memory with the original."""
        passes = {"_batch", "_caches", "_idle", "_Y_hat"}
        return {name: value for name, value in vars(self).items() if name not in passes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget_passes()
        if self.built:
            self._bind()

    def copy(self) -> "Model":
        """Return an independent copy: layers, parameters and the state of the random generator.

        Returns
        -------
        Model
        """
        return copy.deepcopy(self)


def _show_shape(shape: Shape) -> str:
    return f"(M, {', '.join(map(str, shape))})"


def _check_layers(layers: Any) -> tuple[Layer, ...]:
    if isinstance(layers, Layer) or not isinstance(layers, Sequence) or not layers:
        raise ArgumentError(
            f"layers: expected a list of at least one layer, ending in Softmax, Sigmoid or Identity, got {layers!r}"
        )
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            hint = f"; write nn.{layer.__name__}()" if isinstance(layer, type) else ""
            raise ArgumentError(f"layers: entry {i} is no layer, got {layer!r}{hint}")
        if any(layer is earlier for earlier in layers[:i]):
            raise ArgumentError(f"layers: entry {i}, {layer}, is in the list twice; make one layer for each place")
    if not isinstance(layers[-1], Output):
        raise ArgumentError(
            f"layers: the last must be an output layer (Softmax, Sigmoid or Identity), got {layers[-1]}"
        )
    return tuple(layers)


def _check_dtype(dtype: Any) -> np.dtype[Any]:
    for allowed in (np.dtype(np.float32), np.dtype(np.float64)):
        with contextlib.suppress(TypeError):
            if dtype is not None and np.dtype(dtype) == allowed:
                return allowed
    raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")


def _check_input_shape(n_features: Any) -> Shape:
    if isinstance(n_features, tuple) and n_features:
        return tuple(checks.integer("n_features", n) for n in n_features)
    return (checks.integer("n_features", n_features),)
