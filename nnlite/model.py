"""The network: layers in a chain over one flat vector of parameters."""

import contextlib
import copy
import os
import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError, NotBuiltError
from nnlite.fitting.batches import Examples, check_examples
from nnlite.initializers import GlorotUniform, Initializer
from nnlite.layers import Activation, Dense, Layer, Output, Sigmoid
from nnlite.layers.base import Shape
from nnlite.network import examples as data
from nnlite.network.class_names import check_class_names
from nnlite.network.means import Running
from nnlite.network.passes import Pass, shortcut
from nnlite.network.vectors import Vectors, flattened, walk

if TYPE_CHECKING:
    from nnlite.callbacks import Callback
    from nnlite.fitting.history import History
    from nnlite.optimizers import Optimizer
    from nnlite.storage.checkpoints import Checkpoint

BLOCK = 1024  # examples that predict and evaluate send through the network at once


class Model:
    r"""A chain of layers, ``a[l] = g[l](a[l-1] W[l] + b[l])`` from ``a[0] = X`` to ``Y_hat = a[L]``.

    Its cost is ``J = 1/M sum_i L(y_hat_i, y_i)``, with the loss L that belongs to the output layer, and its
    backward pass starts from ``dz[L] = Y_hat - Y``.

    Parameters
    ----------
    layers : sequence of Layer
        From the first hidden layer to the output: Softmax, Sigmoid, Identity or Exponential. A layer with
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

    _vectors: Vectors  # once the network is built
    _training: Pass | None  # the training step's
    _shortcuts: list[tuple[Layer, Callable[[Array], Array] | None]]  # of each layer, for predictions of a few examples
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
        self._class_names: tuple[str, ...] | None = None
        self.stop_training = False  # a callback sets it to end the training after the current batch
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
        return self._vectors.theta

    @theta.setter
    def theta(self, value: Any) -> None:
        self._require_built("theta")
        self._vectors.theta[...] = value

    @property
    def grad(self) -> Array:
        """All gradients in one vector, in the order of `theta`. Live; assigning to it copies the values."""
        self._require_built("grad")
        return self._vectors.grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._require_built("grad")
        self._vectors.grad[...] = value

    @property
    def n_parameters(self) -> int:
        """How many numbers the network learns."""
        self._require_built("n_parameters")
        return self._vectors.theta.size

    @property
    def n_weights(self) -> int:
        """How many numbers at the beginning of `theta` are weights, on which weight decay acts."""
        self._require_built("n_weights")
        return self._vectors.n_weights

    @property
    def parameters(self) -> Mapping[str, Array]:
        """W1, b1, W2, ... by name: live views into `theta`. Assign with ``parameters["W1"][...] = value``."""
        self._require_built("parameters")
        return types.MappingProxyType(
            {segment.name: segment.view(self._vectors.theta) for segment in self._vectors.segments}
        )

    @property
    def gradients(self) -> Mapping[str, Array]:
        """dW1, db1, dW2, ... by name: live views into `grad`."""
        self._require_built("gradients")
        grad = self._vectors.grad
        return types.MappingProxyType({f"d{segment.name}": segment.view(grad) for segment in self._vectors.segments})

    @property
    def state(self) -> Array:
        """What training changes without learning it (running averages), in one vector. Live; assigning copies."""
        self._require_built("state")
        return self._vectors.state

    @state.setter
    def state(self, value: Any) -> None:
        self._require_built("state")
        self._vectors.state[...] = value

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Names of the classes, if they were given: strings, one for each. They are saved with the network."""
        return self._class_names

    @class_names.setter
    def class_names(self, names: Any) -> None:
        self._class_names = check_class_names(names, self.output, self._shapes[-1][0] if self.built else None)

    # ---- building ---------------------------------------------------------------------------------------------

    def _infer_shapes(self, input_shape: Shape, name: str = "X") -> list[Shape]:
        """Shapes of one example in a[0] .. a[L], without changing anything."""
        shapes = [input_shape]
        for layer in self.layers:
            try:
                shapes.append(layer.output_shape(shapes[-1]))
            except ArgumentError as error:
                raise ArgumentError(str(error) if str(error).startswith("layers: ") else f"{name}: {error}") from None
        if len(shapes[-1]) != 1:
            raise ArgumentError(f"layers: the output must be rows of units, got shape {shapes[-1]} per example")
        self.output.check_units(shapes[-1][0])
        return shapes

    def _build(self, input_shape: Shape, name: str = "X") -> None:
        """Lay out theta and grad for examples of ``input_shape`` and draw the initial weights, or change nothing."""
        shapes = self._infer_shapes(input_shape, name)
        walked = list(walk(self.layers, shapes))
        for layer, _ in walked:
            if layer._views:
                raise ArgumentError(f"layers: {layer} belongs to another model already; make a new one")
        vectors = Vectors(walked, self.dtype)
        rng_state = self.rng.bit_generator.state
        try:
            vectors.bind()
            for i, (layer, _) in enumerate(walked):
                layer.initialize(self.rng, self._suited_initializer([layer for layer, _ in walked[i + 1 :]]))
            Pass(self.layers, shapes, self.dtype).check_forward()
        except BaseException:
            self.rng.bit_generator.state = rng_state
            for layer, _ in walked:
                layer.unbind()
            raise
        self.input_shape, self._shapes, self._vectors = input_shape, shapes, vectors

    def _suited_initializer(self, following: Sequence[Layer]) -> Initializer:
        """What suits the activation that follows; before the output small weights, so that J is near ln C."""
        for layer in following:
            if layer is self.output:
                return GlorotUniform(gain=0.1)
            if isinstance(layer, Activation):
                return layer.initializer
            if isinstance(layer, Dense):
                break
        return GlorotUniform()

    def _require_built(self, what: str) -> None:
        if self.input_shape is None:
            raise NotBuiltError(
                f"{what}: the network does not know its input size yet; "
                f"call fit or forward first, or make it with Model(layers, n_features=...)"
            )

    def all_layers(self) -> list[Layer]:
        """Return every layer, those inside others too.

        Returns
        -------
        list of Layer
        """
        return list(flattened(self.layers))

    def _several_units(self) -> bool | None:
        """Whether n[L] is above 1; None where it is not known before the input is."""
        units = [layer.units for layer in self.layers if isinstance(layer, Dense)]
        n = self._shapes[-1][0] if self.built else units[-1] if units else None
        return None if n is None else n > 1

    def _n_parameters_of(self, layer: Layer) -> int:
        inside = {inner for inner, _ in walk([layer], [self._shapes[self.layers.index(layer)]])}
        return sum(segment.stop - segment.start for segment in self._vectors.segments if segment.layer in inside)

    # ---- the four lines of a training step --------------------------------------------------------------------

    def forward(self, X: Any, *, training: bool = True) -> Array:
        r"""``z[l] = a[l-1] W[l] + b[l]``, ``a[l] = g[l](z[l])`` for l = 1 .. L, as a training step does it.

        Parameters
        ----------
        X : array_like, (M, n[0])
            A batch of finite numbers. An unbuilt network takes its input size from it.
        training : bool, default True
            False computes as prediction does: nothing is dropped, and running averages are used as they are.

        Returns
        -------
        ndarray, (M, n[L])
            Y_hat = a[L]; it is yours, no later call changes it.

        Raises
        ------
        ArgumentError
            If X is empty, one-dimensional, not numeric, not finite, or of another width than the network's.
        """
        training = checks.boolean("training", training)
        X = data.check_X(X, self.input_shape, self.dtype)
        if not self.built:
            self._build(X.shape[1:])
        return self._training_pass().forward(X, copy=True, training=training).copy()

    def cost(self, Y: Any, sample_weight: Any = None) -> float:
        r"""``J = 1/M sum_i L(y_hat_i, y_i)`` of the batch that `forward` saw last.

        Parameters
        ----------
        Y : array_like, (M,) or (M, n[L])
            The truth in any form that the output layer takes.
        sample_weight : array_like, (M,), optional
            How much each example counts, at least 0: ``J = sum_i w_i L_i / sum_i w_i``.

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
        weights = data.check_weights(sample_weight, len(rows))
        losses = step.losses(rows)
        return float(losses.mean() if weights is None else losses @ weights / weights.sum())

    def backward(self, Y: Any, sample_weight: Any = None) -> None:
        r"""``dz[L] = Y_hat - Y``, then dW[l], db[l] and da[l-1] for l = L .. 1, into `gradients` and `grad`.

        The gradients are those of J, the mean over the batch that `forward` saw last.

        Parameters
        ----------
        Y : array_like, (M,) or (M, n[L])
            The truth in any form that the output layer takes.
        sample_weight : array_like, (M,), optional
            How much each example counts, at least 0.

        Raises
        ------
        ArgumentError
            If there is not one valid label for each example of the batch.
        NotBuiltError
            Before the first `forward`.
        """
        step, rows = self._check_batch_targets(Y, "backward")
        step.backward(rows, data.check_weights(sample_weight, len(rows)))

    def _check_batch_targets(self, Y: Any, what: str) -> tuple[Pass, Array]:
        """The pass of the last `forward` and rows (M, n[L]) for its batch."""
        step = self._training
        if step is None or step.Y_hat is None:
            raise NotBuiltError(f"{what}: call forward(X) first, it says for which batch")
        if step.trainable != self._vectors.trainable:
            raise ArgumentError(f"{what}: a layer was frozen or freed since forward(X); call that again")
        targets = self._check_targets(Y, name="Y")
        if len(targets) != len(step.Y_hat):
            raise ArgumentError(
                f"Y: expected {len(step.Y_hat)} labels, one for each example that forward saw last, got {len(targets)}"
            )
        return step, step.target_rows(targets)

    def _training_pass(self) -> Pass:
        """The pass of the training step: made once, and told where to end whenever layers were frozen or freed."""
        trainable = self._vectors.trainable
        if self._training is None or self._training.trainable != trainable:
            learning = {segment.layer for segment in self._vectors.segments if segment.layer.trainable}
            first = len(self.layers)
            for i, (layer, shape) in reversed(list(enumerate(zip(self.layers, self._shapes, strict=False)))):
                if any(inner in learning for inner, _ in walk([layer], [shape])):
                    first = i
            self._training = Pass(self.layers, self._shapes, self.dtype, rng=self.rng, first=first)
            self._training.trainable = trainable
            for segment in self._vectors.segments:
                if not segment.layer.trainable:
                    segment.view(self._vectors.grad)[...] = 0
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
        return self.output.predict(self._predict_rows(X, "predict"))

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
        return self.output.predict_proba(self._predict_rows(X, "predict_proba"))

    def evaluate(
        self, X: Any, y: Any, sample_weight: Any = None, *, metrics: "Sequence[str | Callable[..., Any]]" = ()
    ) -> dict[str, float]:
        """Cost, accuracy and other metrics on a data set, with nothing learned from it.

        Parameters
        ----------
        X : array_like, (M, n[0])
        y : array_like, (M,) or (M, n[L])
        sample_weight : array_like, (M,), optional
            How much each example counts in the loss, at least 0.
        metrics : sequence of str or callable, optional
            Names from `nnlite.metrics`, or functions of (y, Y_hat).

        Returns
        -------
        dict
            ``loss``, the mean loss J, for classifiers ``accuracy`` in [0, 1], and the metrics by name.

        Raises
        ------
        ArgumentError
            If X or y is not what the network takes.
        NotBuiltError
            If the network has no parameters yet.
        """
        self._require_built("evaluate")
        return self._evaluate(check_examples(self, X, y, sample_weight), self._resolve_metrics(metrics))

    def input_gradient(self, X: Any, y: Any) -> Array:
        """dJ/dX: how the cost of the batch changes with each number that goes in, as prediction computes it.

        Parameters
        ----------
        X : array_like, (M, n[0])
        y : array_like, (M,) or (M, n[L])
            The truth in any form that the output layer takes.

        Returns
        -------
        ndarray, (M, n[0])
            Of J, the mean over the M examples: M times as much is the gradient of an example's own loss. Nothing else
            of the network changes.

        Raises
        ------
        ArgumentError
            If X or y is not what the network takes.
        NotBuiltError
            If the network has no parameters yet.
        """
        from nnlite.inspect.input_gradient import input_gradient

        return input_gradient(self, X, y)

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        optimizer: "Optimizer | None" = None,
        epochs: int = 10,
        batch_size: int | None = 32,
        validation_data: Sequence[Any] | None = None,
        validation_split: float | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        shuffle: bool = True,
        steps_per_epoch: int | None = None,
        metrics: "Sequence[str | Callable[..., Any]]" = (),
        callbacks: "Sequence[Callback] | None" = None,
        checkpoint: "str | os.PathLike[str] | Checkpoint | None" = None,
        resume: bool = False,
        progress: bool = True,
    ) -> "History":
        r"""Train by gradient descent: ``theta <- theta - learning_rate dJ/dtheta``, batch after batch.

        Calling it again goes on from where the network is.

        Parameters
        ----------
        X : array_like, (n_examples, n[0]), or a source of batches
            Training examples; kept in their own dtype and cast batch by batch. Or, without ``y``, anything that gives
            batches ``(X, y)`` or ``(X, y, sample_weight)``: an iterable such as `batches`, a sequence of batches, or
            a generator, which needs ``steps_per_epoch``.
        y : array_like, (n_examples,) or (n_examples, n[L])
            Softmax: class indices, one-hot rows or probabilities. Sigmoid: 0, 1 or probabilities. Identity: values.
            Exponential: counts.
        optimizer : Optimizer, default SGD(0.1)
            The rule of the descent.
        epochs : int, default 10
            How often every example is seen, at least 1.
        batch_size : int or None, default 32
            Examples to a step; None, or more than there are, is the whole data set (full-batch descent).
        validation_data : (X, y) or (X, y, sample_weight), optional
            Evaluated after every epoch; nothing is learned from it.
        validation_split : float, optional
            Instead: this fraction of the examples, in (0, 1), is held out for validation, of each class its share.
            Which examples depends on the seed alone, so that a second `fit` on the same data holds out the same.
        sample_weight : array_like, (n_examples,), optional
            How much each example counts in the cost, at least 0: that of a batch is ``sum_i w_i L_i / sum_i w_i``, so
            that a weight of 2 is the example twice. Accuracy and metrics are not weighted.
        class_weight : mapping, sequence or "balanced", optional
            A weight for each class, by which those of its examples are multiplied; "balanced" is M / (C M_c) for a
            class with M_c of the M training examples. Validation is not weighted.
        shuffle : bool, default True
            Visit the examples in another order in every epoch.
        steps_per_epoch : int, optional
            Batches to an epoch, for a source of batches.
        metrics : sequence of str or callable, optional
            What else to report: names from `nnlite.metrics` ("f1", "roc_auc", "top_3_accuracy", ...), or functions of
            (y, Y_hat) that give a number.
        callbacks : sequence of Callback, optional
            `EarlyStopping`, `ModelCheckpoint` and the like.
        checkpoint : path-like or Checkpoint, optional
            A directory in which everything that the training depends on is saved after every epoch, or more often:
            ``Checkpoint("runs/a", every=1000)``.
        resume : bool, default False
            Go on from the newest checkpoint, if there is one. The same call, made again after the process was killed
            at any moment, ends with the same weights and history (but for ``seconds``), bit for bit, as one that ran
            through. Another network, seed, kind of optimizer, list of callbacks, or other data are refused; more
            epochs, and other hyperparameters of the optimizer, take effect.
        progress : bool, default True
            Show a progress bar (only in a terminal or a notebook).

        Returns
        -------
        History
            A value per epoch of ``loss``, ``accuracy`` and the metrics (over the epoch's batches, each before its
            step), of the same with ``val_`` in front, of ``learning_rate`` (of the last step) and ``seconds``.
            ``history.interrupted`` says whether Ctrl-C ended the training, ``history.resumed_at`` how many epochs were
            done when it went on from a checkpoint (None where it did not).

        Raises
        ------
        ArgumentError
            If an argument has a wrong value, or another training is using the checkpoints; the network is then as it
            was.
        DivergenceError
            If a cost or gradient becomes NaN or infinite; the network then has the best weights so far: those at the
            end of the epoch with the lowest loss (of validation, where there is such), in the first epoch those that
            it began with.
        ModelFileError
            If no checkpoint can be read; of a damaged one there is a warning, and the one before it is used.

        Notes
        -----
        The first Ctrl-C ends the training after the current batch: the epochs so far are returned, callbacks come to
        their end, and a checkpoint says where to go on. A second one stops at once.
        """
        from nnlite.fitting import fit as training

        return training.fit(
            self,
            X,
            y,
            optimizer=optimizer,
            epochs=epochs,
            batch_size=batch_size,
            validation_data=validation_data,
            validation_split=validation_split,
            sample_weight=sample_weight,
            class_weight=class_weight,
            shuffle=shuffle,
            steps_per_epoch=steps_per_epoch,
            metrics=metrics,
            callbacks=callbacks,
            checkpoint=checkpoint,
            resume=resume,
            progress=progress,
        )

    def _check_targets(self, y: Any, name: str = "y", shapes: Sequence[Shape] | None = None) -> Array:
        """``y`` as this network takes it (or would, built for ``shapes``): class indices, or rows."""
        shapes = self._shapes if shapes is None else shapes
        targets = self.output.check_targets(y, shapes[-1][0], name)
        checks.finite(name, targets, self.dtype)
        return targets

    def _predict_rows(self, X: Any, what: str) -> Array:
        """Y_hat (M, n[L]) in an array of its own."""
        self._require_built(what)
        X = data.check_X(X, self.input_shape, self.dtype)
        if len(X) <= data.FEW:
            return self._predict_few(X.astype(self.dtype, copy=False))
        step = self._take_pass()
        try:
            X = data.read_only(X)
            Y_hat = np.empty((len(X), *self._shapes[-1]), self.dtype)
            for start in range(0, len(X), BLOCK):
                Y_hat[start : start + BLOCK] = step.forward(X[start : start + BLOCK])
        finally:
            self._give_back(step)
        return Y_hat

    def _predict_few(self, X: Array) -> Array:
        """Without a cache, which for so few examples would take longer than to make new arrays, if all layers can.

        The plain ones of nnlite can (not normalization, Residual and smooth activations), unless a class derived from
        them, or a layer itself, has another ``forward``.
        """
        a = X
        for layer, infer in self._shortcuts:
            if infer is None or "forward" in vars(layer):
                break
            a = infer(a)
        else:
            return a
        # a copy of X costs less than to see to it that nothing of the user's is written or kept; it stays in the pass
        step = self._take_pass()
        Y_hat = step.forward(X.copy()).copy()
        self._idle.append(step)
        return Y_hat

    def _evaluate(self, examples: Examples, metrics: Any = ()) -> dict[str, float]:
        """Mean loss, accuracy and metrics, block by block."""
        running = Running(self.output, metrics, self.dtype)
        step = self._take_pass()
        try:
            for start in range(0, examples.size, BLOCK):
                block = examples.batch(slice(start, start + BLOCK), step.batch)
                z, Y = step.forward_to_z(block.X), step.target_rows(block.y)
                running.add_at_once(z, Y, block.y, block.weights)
        finally:
            self._give_back(step)
        return running.values()

    def _resolve_metrics(self, metrics: Any) -> list[tuple[str, Callable[..., Any]]]:
        """(key, function) for each metric that was asked for; accuracy is reported anyway."""
        if not metrics:
            return []
        from nnlite.metrics import resolve

        if isinstance(metrics, str) or not isinstance(metrics, Sequence):
            raise ArgumentError(f"metrics: expected a list of names or functions, got {metrics!r}")
        several = isinstance(self.output, Sigmoid) and self._several_units()
        resolved = [resolve(metric, self.output.classifies, several) for metric in metrics]
        keys = [key for key, _ in resolved]
        for key in keys:
            if keys.count(key) > 1:
                raise ArgumentError(f"metrics: {key!r} is there twice; give each function a name of its own")
        return [(key, function) for key, function in resolved if not (key == "accuracy" and self.output.classifies)]

    def _take_pass(self) -> Pass:
        """A pass for one caller at a time: one that lies idle, or a new one. To be given back."""
        try:
            return self._idle.pop()
        except IndexError:
            return Pass(self.layers, self._shapes, self.dtype)

    def _give_back(self, step: Pass) -> None:
        step.forget()
        self._idle.append(step)

    def _forget_passes(self) -> None:
        self._training = None
        self._shortcuts = [(layer, shortcut(layer)) for layer in self.layers]
        self._idle = []

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Write the network to a file, as a whole or not at all; `nnlite.load` reads it.

        Parameters
        ----------
        path : path-like
            The file, which is kept under just that name; one that exists is replaced.

        Raises
        ------
        ArgumentError
            If a layer has an argument that cannot be written.
        NotBuiltError
            If the network has no parameters yet.
        """
        from nnlite.storage.model_files import save

        self._require_built("save")
        save(self, path)

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
        passes = {"_training", "_shortcuts", "_idle"}
        return {name: value for name, value in vars(self).items() if name not in passes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._forget_passes()
        if self.built:
            self._vectors.bind()

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
            "layers: expected a list of at least one layer, ending in Softmax, Sigmoid, Identity or Exponential, "
            f"got {layers!r}"
        )
    for i, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            hint = f"; write nn.{layer.__name__}()" if isinstance(layer, type) else ""
            raise ArgumentError(f"layers: entry {i} is no layer, got {layer!r}{hint}")
    if not isinstance(layers[-1], Output):
        raise ArgumentError(
            f"layers: the last must be an output layer (Softmax, Sigmoid, Identity or Exponential), got {layers[-1]}"
        )
    once: set[int] = set()
    for layer in flattened(layers):
        if id(layer) in once:
            raise ArgumentError(f"layers: {layer} is in the network twice; make one layer for each place")
        once.add(id(layer))
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
