"""The network: layers in a chain over one flat vector of parameters."""

import contextlib
import copy
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks, data
from nnlite.checks import Array
from nnlite.errors import ArgumentError, NotBuiltError
from nnlite.initializers import GlorotUniform, Initializer
from nnlite.layers import Activation, Dense, Layer, Output
from nnlite.layers.base import Shape
from nnlite.parameters import bind, lay_out
from nnlite.passes import Pass

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
        From the first hidden layer to the output: Softmax, Sigmoid or Identity. A layer with
        parameters belongs to one model, and stands in it once.
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

    _training: Pass | None  # the training step's
    _idle: list[Pass]  # for predictions, of which several threads may make some at once

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
        # of the seed, whether given or not: decides validation splits
        self._entropy: int = self.rng.bit_generator.seed_seq.entropy  # type: ignore[attr-defined]
        self.input_shape: Shape | None = None
        self._forget_passes()
        if n_features is not None:
            self._build(_check_input_shape(n_features), "n_features")

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
        """All parameters in one vector, weights first. Live; assigning to it copies the values."""
        self._require_built("theta")
        return self._theta

    @theta.setter
    def theta(self, value: Any) -> None:
        self._require_built("theta")
        self._theta[...] = value

    @property
    def grad(self) -> Array:
        """All gradients in one vector, in the order of `theta`. Live; assigning to it copies the values."""
        self._require_built("grad")
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._require_built("grad")
        self._grad[...] = value

    @property
    def n_parameters(self) -> int:
        """How many numbers the network learns."""
        self._require_built("n_parameters")
        return self._theta.size

    @property
    def n_weights(self) -> int:
        """How many numbers at the beginning of `theta` are weights, on which weight decay acts."""
        self._require_built("n_weights")
        return max((segment.stop for segment in self._segments if segment.decayed), default=0)

    @property
    def parameters(self) -> Mapping[str, Array]:
        """W1, b1, W2, ... by name: live views into `theta`. Assign with ``parameters["W1"][...] = value``."""
        self._require_built("parameters")
        return types.MappingProxyType({segment.name: segment.view(self._theta) for segment in self._segments})

    @property
    def gradients(self) -> Mapping[str, Array]:
        """dW1, db1, dW2, ... by name: live views into `grad`."""
        self._require_built("gradients")
        return types.MappingProxyType({f"d{segment.name}": segment.view(self._grad) for segment in self._segments})

    # ---- building ---------------------------------------------------------------------------------------------

    def _infer_shapes(self, input_shape: Shape, name: str = "X") -> list[Shape]:
        """Shapes of one example in a[0] .. a[L], without changing anything."""
        shapes = [input_shape]
        for layer in self.layers:
            try:
                shapes.append(layer.output_shape(shapes[-1]))
            except ArgumentError as error:
                raise ArgumentError(f"{name}: {error}") from None
        if len(shapes[-1]) != 1:
            raise ArgumentError(f"layers: the output must be rows of units, got shape {shapes[-1]} per example")
        self.output.check_units(shapes[-1][0])
        return shapes

    def _build(self, input_shape: Shape, name: str = "X") -> None:
        """Lay out theta and grad for examples of ``input_shape`` and draw the initial weights, or change nothing."""
        shapes = self._infer_shapes(input_shape, name)
        for layer in self.layers:
            if layer._views:
                raise ArgumentError(f"layers: {layer} belongs to another model already; make a new one")
        segments = lay_out(list(zip(self.layers, shapes, strict=False)))
        size = max((segment.stop for segment in segments), default=0)
        theta, grad = np.zeros(size, self.dtype), np.zeros(size, self.dtype)
        rng_state = self.rng.bit_generator.state
        try:
            bind(segments, theta, grad)
            for i, layer in enumerate(self.layers):
                layer.initialize(self.rng, self._suited_initializer(i))
            Pass(self.layers, shapes, self.dtype).check_forward()
        except BaseException:
            self.rng.bit_generator.state = rng_state
            for layer in self.layers:
                layer.unbind()
            raise
        self.input_shape, self._shapes, self._segments = input_shape, shapes, segments
        self._theta, self._grad = theta, grad

    def _suited_initializer(self, i: int) -> Initializer:
        """What suits the activation that follows layer i; before the output small weights, so that J is near ln C."""
        for layer in self.layers[i + 1 :]:
            if layer is self.output:
                return GlorotUniform(gain=0.1)
            if isinstance(layer, Activation):
                return layer.initializer
            if isinstance(layer, Dense):
                break
        return GlorotUniform()

    def _require_built(self, what: str) -> None:
        if not self.built:
            raise NotBuiltError(
                f"{what}: the network does not know its input size yet; "
                f"call fit or forward first, or make it with Model(layers, n_features=...)"
            )

    def _n_parameters_of(self, layer: Layer) -> int:
        return sum(segment.stop - segment.start for segment in self._segments if segment.layer is layer)

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
        return self._training_pass().forward(X, copy=True).copy()

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
        step, rows = self._check_batch_targets(Y, "cost")
        return float(step.losses(rows).mean())

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
        step, rows = self._check_batch_targets(Y, "backward")
        step.backward(rows)

    def _check_batch_targets(self, Y: Any, what: str) -> tuple[Pass, Array]:
        """The pass of the last `forward` and rows (M, n[L]) for its batch."""
        step = self._training
        if step is None or step.Y_hat is None:
            raise NotBuiltError(f"{what}: call forward(X) first, it says for which batch")
        targets = self._check_targets(Y, name="Y")
        if len(targets) != len(step.Y_hat):
            raise ArgumentError(
                f"Y: expected {len(step.Y_hat)} labels, one for each example that forward saw last, got {len(targets)}"
            )
        return step, step.target_rows(targets)

    def _training_pass(self) -> Pass:
        """The pass of the training step, made once."""
        if self._training is None:
            with_parameters = [i for i, layer in enumerate(self.layers) if self._n_parameters_of(layer)]
            first = min(with_parameters, default=len(self.layers))
            self._training = Pass(self.layers, self._shapes, self.dtype, rng=self.rng, first=first)
        return self._training

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
        from nnlite import training

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

    def _check_targets(self, y: Any, name: str = "y", shapes: Sequence[Shape] | None = None) -> Array:
        """``y`` as this network takes it (or would, built for ``shapes``): class indices, or rows."""
        shapes = self._shapes if shapes is None else shapes
        targets = self.output.check_targets(y, shapes[-1][0], name)
        checks.finite(name, targets, self.dtype)
        return targets

    def _predict_rows(self, X: Array) -> Array:
        """Y_hat (M, n[L]) in an array of its own."""
        Y_hat = np.empty((len(X), *self._shapes[-1]), self.dtype)
        with self._prediction_pass() as step:
            for start in range(0, len(X), BLOCK):
                Y_hat[start : start + BLOCK] = step.forward(X[start : start + BLOCK])
        return Y_hat

    def _evaluate(self, X: Array, y: Array, rows: Array | None = None) -> dict[str, float]:
        """Mean loss and accuracy on the examples, or on those of them that ``rows`` names."""
        loss = correct = 0.0
        M = len(X) if rows is None else len(rows)
        with self._prediction_pass() as step:
            for start in range(0, M, BLOCK):
                X_block, y_block = data.batch(X, y, rows, slice(start, start + BLOCK), step.batch)
                step.forward(X_block)
                Y = step.target_rows(y_block)
                loss += float(step.losses(Y).sum())
                correct += step.n_correct(Y) if self.output.classifies else 0
        result = {"loss": loss / M}
        if self.output.classifies:
            result["accuracy"] = correct / M
        return result

    @contextlib.contextmanager
    def _prediction_pass(self) -> Iterator[Pass]:
        """A pass for one caller at a time: one that lies idle, or a new one."""
        try:
            step = self._idle.pop()
        except IndexError:
            step = Pass(self.layers, self._shapes, self.dtype)
        try:
            yield step
        finally:
            step.forget()
            self._idle.append(step)

    def _forget_passes(self) -> None:
        self._training = None
        self._idle = []

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
        for layer, shape in zip(self.layers, self._shapes[1:], strict=True):
            count = self._n_parameters_of(layer)
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
        passes = {"_training", "_idle"}
        return {name: value for name, value in vars(self).items() if name not in passes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget_passes()
        if self.built:
            bind(self._segments, self._theta, self._grad)

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
        with contextlib.suppress(TypeError, SyntaxError):
            if dtype is not None and np.dtype(dtype) == allowed:
                return allowed
    raise ArgumentError(f"dtype: expected 'float32' or 'float64', got {dtype!r}")


def _check_input_shape(n_features: Any) -> Shape:
    if isinstance(n_features, tuple) and n_features:
        return tuple(checks.integer("n_features", n) for n in n_features)
    return (checks.integer("n_features", n_features),)
