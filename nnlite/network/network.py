"""The network: what a chain of layers computes, forward, cost, backward, predict, evaluate."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.engine.predictor import Chooser, Predictor
from nnlite.errors import ArgumentError, NotBuiltError
from nnlite.layers.base import BatchPart, Observer
from nnlite.network.examples import Examples, check_weights, check_X
from nnlite.network.foreign import adapted
from nnlite.network.knowledge import as_numbers, is_table, named
from nnlite.network.means import Metrics, RunningMeans, resolve_metrics, with_rmse
from nnlite.network.passes import Pass
from nnlite.network.pieces import check_shape, checked_pieces, pieces_to_predict, table_pieces
from nnlite.network.sources import are_batches, check_batch, gives_batches, items_of
from nnlite.network.structure import Structure
from nnlite.stored import StoredTable
from nnlite.stored.opening import as_stored
from nnlite.tables.table import Table
from nnlite.words import explained

BLOCK = 1024  # examples per forward pass in predict and evaluate: memory stays bounded
NUMBERS_OF_BLOCK = 2**22  # that a layer makes of them; of large images there are fewer


class Network(Structure):
    """A chain of layers that computes: forward, cost, backward, predict, evaluate. `nnlite.Model` adds `fit`.

    See `nnlite.Model` for the parameters.
    """

    _predictor: Predictor | None = None  # the compiled kernels, while they predict
    _chooser: Chooser | None = None

    # ---- the four lines of a training step --------------------------------------------------------------------

    @explained
    def forward(self, X: Any, *, training: bool = True) -> Array:
        r"""Compute ``z[l] = a[l-1] W[l] + b[l]``, ``a[l] = g[l](z[l])`` for l = 1 .. L, as in a training step.

        Parameters
        ----------
        X : array_like, (M, n[0]), or a table
            A batch of finite numbers; for a network that was trained on a table, also what ``model.encoding.transform``
            makes of one. A network that is not built yet takes its input size from X.
        training : bool, default True
            False computes as in prediction: no dropout, and BatchNorm uses its running averages.

        Returns
        -------
        ndarray, (M, n[L])
            Y_hat = a[L], a new array.

        Raises
        ------
        ArgumentError
            If X is empty, one-dimensional, not numeric, not finite, or of another width than the network.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Softmax()], n_features=4)
        >>> model.forward([[5, 2, -1, 3]]).round(3)
        array([[0.842, 0.042, 0.002, 0.114]], dtype=float32)
        """
        training = checks.boolean("training", training)
        X = check_X(as_numbers(X, self.encoding, self.dtype, arrays=True), self.input_shape, self.dtype)
        if not self.built:
            self.build(X.shape[1:])
        self._pass = self.new_pass(training=training)
        return self._pass.forward(X.astype(self.dtype)).copy()

    @explained
    def cost(self, Y: Any, sample_weight: Any = None) -> float:
        r"""Compute ``J = 1/M sum_i L(y_hat_i, y_i)`` of the last `forward`.

        Parameters
        ----------
        Y : array_like, (M,) or (M, n[L])
            The true targets, in any form that the output layer takes.
        sample_weight : array_like, (M,), optional
            Weights of at least 0: ``J = sum_i w_i L_i / sum_i w_i``.

        Returns
        -------
        float
            The mean loss, in nats for Softmax and Sigmoid.

        Raises
        ------
        ArgumentError
            If there is not one valid target for each example of the batch.
        NotBuiltError
            Before the first `forward`.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Softmax()], n_features=4)
        >>> Y_hat = model.forward([[5, 2, -1, 3]])
        >>> round(model.cost([1]), 2)                   # -log 0.042
        3.17
        """
        step, rows, weights = self._check_batch(Y, sample_weight, "cost")
        return step.cost(rows, weights)

    @explained
    def backward(self, Y: Any, sample_weight: Any = None) -> None:
        """Compute ``dz[L] = (Y_hat - Y) / M``, then dW[l], db[l], da[l-1] for l = L .. 1, into `grad` and `gradients`.

        The gradients are those of J, the mean over the M examples of the last `forward`. With weights, an example has
        the share ``w_i / sum_i w_i`` in place of 1/M.

        Parameters
        ----------
        Y : array_like, (M,) or (M, n[L])
            The true targets, in any form that the output layer takes.
        sample_weight : array_like, (M,), optional
            Weights of at least 0.

        Raises
        ------
        ArgumentError
            If there is not one valid target for each example of the batch.
        NotBuiltError
            Before the first `forward`.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Dense(3, nn.Zeros()), nn.Softmax()], n_features=2)
        >>> Y_hat = model.forward([[1.0, 2.0]])                         # 1/3 for each class
        >>> model.backward([2])
        >>> model.gradients["db1"].round(3)                             # dz[L] = Y_hat - Y
        array([ 0.333,  0.333, -0.667], dtype=float32)
        """
        step, rows, weights = self._check_batch(Y, sample_weight, "backward")
        step.backward(rows, weights)

    def new_pass(
        self,
        *,
        training: bool,
        observer: Observer | None = None,
        to_input: bool = False,
        part: BatchPart | None = None,
    ) -> Pass:
        """Return a pass for one batch, forward and back, or for the part of it that this process has.

        In training, its backward pass ends at the first layer that learns, unless ``to_input`` asks for dJ/dX.
        """
        shapes = self.require_built("new_pass")
        first = -1 if to_input or not training else self.first_trainable
        frozen = [segment.view(self.grad) for segment in self.segments if not segment.trainable]
        return Pass(
            self.layers,
            shapes,
            training=training,
            rng=self.rng,
            first=first,
            frozen=frozen,
            observer=observer,
            part=part,
        )

    def _check_batch(self, Y: Any, sample_weight: Any, what: str) -> tuple[Pass, Array, Array | None]:
        """Return the last pass, rows (M, n[L]) and weights for its batch."""
        step = self._pass
        if step is None:
            raise NotBuiltError(f"{what}: call forward(X) first; it sets the batch")
        if step.first not in (-1, self.first_trainable):
            raise ArgumentError(f"{what}: a layer was frozen or freed after forward(X); call forward(X) again")
        signature = self.signature
        targets = signature.check_targets(Y, "Y")
        M = len(step.Y_hat)
        if len(targets) != M:
            raise ArgumentError(f"Y: expected {M} labels, one for each example of the last forward, got {len(targets)}")
        return step, signature.target_rows(targets), check_weights(sample_weight, M)

    # ---- use --------------------------------------------------------------------------------------------------

    @explained
    def predict(self, X: Any, *, names: bool = False) -> Array:
        """Predict classes 0 .. C-1 (Softmax; Sigmoid: 0 or 1) or values (Identity, Exponential).

        Several threads can call this at the same time.

        Parameters
        ----------
        X : array_like, (M, n[0]) or (n[0],), a table, or examples on the disk
            Examples, or a single one. A network that was trained on a table takes tables, data frames or dictionaries
            of columns, in any order of the columns. What `open_data` returns, and large arrays of np.memmap, are read
            a few megabytes at a time.
        names : bool, default False
            Return names of classes, ``model.class_names[k]``, in place of indices k.

        Returns
        -------
        ndarray
            (M,) for Softmax and for a single output unit, else (M, n[L]). For a single example, a number or (n[L],).

        Raises
        ------
        ArgumentError
            If X is empty, not numeric, not finite, or of another width than the network, or a weight is not finite.
        NotBuiltError
            If the network has no parameters yet.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Softmax()], n_features=4)
        >>> model.predict([[5, 2, -1, 3], [0, 0, 1, 0]])
        array([0, 2])
        >>> int(model.predict([0, 0, 1, 0]))
        2
        """
        if self.encoding is None and self.target_scale is None and names is False:
            Y_hat = self._compiled_rows(X)
            if Y_hat is not None:
                return self.output.predict(Y_hat)
        names = checks.boolean("names", names)
        predicted = self._predicted(X, "predict", self._classes_or_values)
        return named(predicted, self.class_names, self.output) if names else predicted

    def _classes_or_values(self, Y_hat: Array) -> Array:
        """Return classes, or values in the units of the target."""
        return self.output.predict(Y_hat if self.target_scale is None else self.target_scale.outside(Y_hat))

    @explained
    def predict_proba(self, X: Any) -> Array:
        """Predict the probabilities of the classes: y_hat, with rows that sum to 1.

        Several threads can call this at the same time.

        Parameters
        ----------
        X : array_like, (M, n[0]) or (n[0],), or a table
            Examples, or a single one.

        Returns
        -------
        ndarray, (M, C) or (C,)
            C = 2 for a single Sigmoid unit: ``[1 - y_hat, y_hat]``. With several Sigmoid units each entry is the
            probability of one label, and rows need not sum to 1.

        Raises
        ------
        ArgumentError
            As in `predict`, and for a network that ends in Identity or Exponential.
        NotBuiltError
            If the network has no parameters yet.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Softmax()], n_features=4)
        >>> model.predict_proba([[5, 2, -1, 3]]).round(3)
        array([[0.842, 0.042, 0.002, 0.114]], dtype=float32)
        """
        if self.encoding is None:  # which would take tables alone; a classifier has no scale of its target
            Y_hat = self._compiled_rows(X)
            if Y_hat is not None:
                return self.output.predict_proba(Y_hat)
        return self._predicted(X, "predict_proba", self.output.predict_proba)

    def _compiled_rows(self, X: Any) -> Array | None:
        """Return Y_hat if kernels are at hand and X is an array that they take as it is; else None.

        The calls that predict ask this first: they take a few microseconds, and all other checks would double that.
        """
        predictor = self._predictor
        return None if predictor is None or predictor.layers is not self.layers else predictor.rows(X)

    def _predicted(self, X: Any, what: str, of_rows: Callable[[Array], Array]) -> Array:
        """Return ``of_rows(Y_hat)`` for a batch, and its only row for a single example."""
        self.require_built(what)
        is_single = getattr(X, "shape", None) == self.input_shape
        stored = None if is_single else X if isinstance(X, StoredTable) else as_stored(X)
        if stored is not None:
            pieces = pieces_to_predict(self.signature, stored)
            return np.concatenate([of_rows(self.predict_rows(piece, what)) for piece in pieces])
        array = checks.numeric_array("X", as_numbers(X, self.encoding, self.dtype))
        if array.shape == self.input_shape:
            only: Array = of_rows(self.predict_rows(array[None], what))[0]
            return only
        return of_rows(self.predict_rows(array, what))

    def predict_rows(self, X: Any, what: str = "predict_rows") -> Array:
        """Return Y_hat (M, n[L]), a new array, for an array of numbers.

        ``what`` names the call in the message of a NotBuiltError.
        """
        Y_hat = self._compiled_rows(X)
        if Y_hat is not None:
            return Y_hat
        self.require_built(what)
        X = check_X(X, self.input_shape, self.dtype)
        self.require_finite(what)
        predictor = self._choose_predictor(len(X))
        return self._rows_of_textbook(X) if predictor is None else predictor.rows_of_checked(X)

    def _rows_of_textbook(self, X: Array) -> Array:
        """Return Y_hat (M, n[L]) for checked examples, block by block."""
        Y_hat = np.empty((len(X), *self.require_built("predict")[-1]), self.dtype)
        n = self._at_once
        for start in range(0, len(X), n):
            block = X[start : start + n].astype(self.dtype, copy=False)
            Y_hat[start : start + n] = self.new_pass(training=False).forward(block)
        return Y_hat

    @property
    def _at_once(self) -> int:
        """How many examples go through the network together."""
        largest = max(math.prod(shape) for shape in self.require_built("predict"))
        return max(1, min(BLOCK, NUMBERS_OF_BLOCK // largest))

    def _choose_predictor(self, n_examples: int, *, compiled: bool = False) -> Predictor | None:
        """Return the compiled kernels that predict; None for the textbook."""
        predictor = self._predictor
        if predictor is not None and predictor.layers is not self.layers:
            self._chooser = predictor = None
        if predictor is None:
            self._predictor = predictor = self._its_chooser().predictor(self, n_examples, compiled=compiled)
        return predictor

    def _its_chooser(self) -> Chooser:
        if self._chooser is None:
            self._chooser = Chooser(self.dtype.name)
        return self._chooser

    def predict_compiled(self) -> None:
        """Note that the compiled engine trains this network, so that compiled kernels predict too."""
        self._its_chooser().compiled_training(self.dtype.name)

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the compiled kernels, which read the parameters of the original."""
        return {name: value for name, value in super().__getstate__().items() if name != "_predictor"}

    @explained
    def evaluate(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, metrics: Sequence[str | Callable[..., Any]] = ()
    ) -> dict[str, float]:
        """Compute the cost, accuracy and other metrics on a data set. Nothing is learned from it.

        Parameters
        ----------
        X : array_like, (M, n[0]), a table, a source of batches, or examples on the disk
            A source gives batches ``(X, y)`` as for `fit`, such as a DataLoader of PyTorch or `batches`. What
            `open_data` returns, and large arrays of np.memmap, are read a few megabytes at a time.
        y : array_like, (M,) or (M, n[L]), optional
            Class indices or names of classes, or values. Only a `Table` has a target of its own.
        sample_weight : array_like, (M,), optional
            Weights of the examples in the loss, at least 0.
        metrics : sequence of str or callable, optional
            Names from `nnlite.metrics`, or functions of (y, Y_hat).

        Returns
        -------
        dict
            ``loss``, the mean loss J; for classifiers ``accuracy`` in [0, 1]; for a target that is standardized inside
            the network ``rmse``, the error in its own units; and the metrics by name.

        Raises
        ------
        ArgumentError
            If X or y does not fit the network, or a weight is NaN or infinite.
        NotBuiltError
            If the network has no parameters yet.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Softmax()], n_features=4)
        >>> model.evaluate([[5, 2, -1, 3], [0, 0, 9, 0]], [0, 2])["accuracy"]
        1.0
        """
        self.require_built("evaluate")
        self.require_finite("evaluate")
        resolved = with_rmse(self.resolve_metrics(metrics), self.target_scale)
        if isinstance(X, StoredTable):
            return self.evaluate_batches(table_pieces(self.signature, X), resolved, engine="auto")
        stored = as_stored(X, y, sample_weight)
        if stored is not None:
            check_shape(self.signature, stored)
            means = self.means_of(
                checked_pieces(self.signature, stored.with_targets_at_hand()), resolved, engine="auto"
            )
            if not means.weight:
                raise ArgumentError(
                    f"sample_weight: expected weights of at least 0, not all 0, but all {len(stored)} are 0"
                )
            return means.values()
        if y is None and not isinstance(X, Table):
            source = adapted(X, BLOCK)
            if are_batches(X) if isinstance(X, (tuple, list)) else gives_batches(source) and not is_table(source):
                items = enumerate(items_of(source))
                batches = (check_batch(self.signature, batch, f"batch {i}") for i, batch in items)
                return self.evaluate_batches(batches, resolved, engine="auto")
            raise ArgumentError("y: expected numbers or names of classes, the true targets, got None")
        examples = self.signature.check(X, y, sample_weight)
        return self.evaluate_examples(examples, resolved, engine="auto")

    def evaluate_examples(
        self, examples: Examples, metrics: Metrics = (), *, engine: str = "textbook"
    ) -> dict[str, float]:
        """Compute what `evaluate` does from checked examples and resolved metrics.

        ``engine`` is "textbook", "compiled", or "auto" for the one that predicts.
        """
        return self.evaluate_batches([examples], metrics, engine=engine)

    def evaluate_batches(
        self, batches: Iterable[Examples], metrics: Metrics = (), *, engine: str = "textbook"
    ) -> dict[str, float]:
        """Evaluate several batches of checked examples as one data set."""
        return self.means_of(batches, metrics, engine=engine).values()

    def means_of(self, batches: Iterable[Examples], metrics: Metrics = (), *, engine: str = "textbook") -> RunningMeans:
        """Return the running means over several batches of checked examples, in prediction."""
        means = RunningMeans(self.output, metrics, self.target_scale)
        for examples in batches:
            predictor = None
            if engine != "textbook":
                predictor = self._choose_predictor(examples.size, compiled=engine == "compiled")
            if predictor is not None and predictor.has_cost(labels=examples.y.ndim == 1):
                self._evaluate_compiled(predictor, examples, means)
                continue
            n = self._at_once
            for start in range(0, examples.size, n):
                self._evaluate_by_textbook(examples.batch(slice(start, start + n)), means)
        return means

    def _evaluate_compiled(self, predictor: Predictor, examples: Examples, means: RunningMeans) -> None:
        """Add the examples to the means."""
        smoothing = getattr(self.output, "label_smoothing", 0.0)
        targets = self.signature.target_rows
        losses, n_correct, Y_hat = predictor.cost(examples, targets, smoothing, wants_Y_hat=bool(means.metrics))
        weights = (
            examples.weights if examples.rows is None or examples.weights is None else examples.weights[examples.rows]
        )
        weight = float(examples.size if weights is None else weights.sum())
        means.add_sums(losses / (weight or 1), examples.size, weight, n_correct)
        if Y_hat is not None:
            means.keep(examples.batch(slice(None)).y, Y_hat)

    def _evaluate_by_textbook(self, batch: Examples, means: RunningMeans) -> None:
        """Add a batch to the means."""
        step = self.new_pass(training=False)
        Y_hat = step.forward(self.signature.cast(batch.X))
        means.add(step.cost(self.signature.target_rows(batch.y), batch.weights), batch.y, Y_hat, batch.weights)

    def input_gradient(self, X: Any, y: Any) -> Array:
        """Compute dJ/dX: how the cost of the batch changes with each input number, in prediction.

        Parameters
        ----------
        X : array_like, (M, n[0])
        y : array_like, (M,) or (M, n[L])
            The true targets, in any form that the output layer takes.

        Returns
        -------
        ndarray, (M, n[0])
            The gradient of J, the mean over the M examples; the gradient of an example's own loss is M times as large.
            The network does not change.

        Raises
        ------
        ArgumentError
            If X or y does not fit the network.
        NotBuiltError
            If the network has no parameters yet.

        Examples
        --------
        >>> import nnlite as nn
        >>> model = nn.Model([nn.Softmax()], n_features=4)
        >>> model.input_gradient([[5, 2, -1, 3]], [0]).round(3)         # dz[L] = y_hat - y
        array([[-0.158,  0.042,  0.002,  0.114]], dtype=float32)
        """
        self.require_built("input_gradient")
        twin = self.copy()  # the backward pass writes gradients
        signature = twin.signature
        examples = signature.check(X, y)
        step = twin.new_pass(training=False, to_input=True)
        step.forward(signature.cast(examples.X))
        dX = step.backward(signature.target_rows(examples.y))
        assert dX is not None
        return np.array(dX)

    def resolve_metrics(self, metrics: Any) -> list[tuple[str, Callable[..., Any]]]:
        """Return (key, function) for each of ``metrics``, without accuracy, which is always reported."""
        return resolve_metrics(metrics, self.output, self.n_units)
