"""What MLPClassifier and MLPRegressor share: checks, the order of the steps of `fit`, and predictions."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, check_X_y, column_or_1d
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from nnlite.checks import Array
from nnlite.layers import AlphaDropout, BatchNorm, Dropout, GaussianNoise
from nnlite.model import Model
from nnlite.network.knowledge import Knowledge
from nnlite.optimizers.check import check_optimizer
from nnlite.sklearn.lbfgs import Objective, fit_lbfgs
from nnlite.sklearn.networks import draw_weights, hidden_sizes, is_plain, make_network, predict_rows, views
from nnlite.sklearn.stored import refuse_table
from nnlite.sklearn.tables import as_table, hinting, learn_encoding, numbers_of, plain_labels, refuse_text
from nnlite.sklearn.training import Data, Stochastic, Validation
from nnlite.stored.opening import as_stored
from nnlite.tables.encoding import Encoding
from nnlite.tables.table import Table

Method = TypeVar("Method", bound=Callable[..., Any])
NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)
NOT_FOR_LBFGS = ("optimizer", "callbacks", "dropout", "batch_norm")
CHANGING = (AlphaDropout, BatchNorm, Dropout, GaussianNoise)  # the same weights have another cost in each pass
NEEDS_BATCHES = "needs solver='adam' or solver='sgd', which train batch by batch, got solver='lbfgs'"


CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
    "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "power_t": [Interval(Real, 0, None, closed="left")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [Interval(Real, 0, None, closed="left")],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "beta_1": [Interval(Real, 0, 1, closed="left")],
    "beta_2": [Interval(Real, 0, 1, closed="left")],
    "epsilon": [Interval(Real, 0, None, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
    "max_fun": [Interval(Integral, 1, None, closed="left")],
    "layers": [list, tuple, None],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "batch_norm": ["boolean"],
    "callbacks": [list, tuple, None],
    "progress": ["boolean"],
}


def store(estimator: Any, arguments: dict[str, Any]) -> None:
    """Set each argument of ``__init__`` as an attribute, unchanged, as scikit-learn asks for."""
    for name, value in arguments.items():
        if name not in ("self", "__class__"):
            setattr(estimator, name, value)


def check_solver(estimator: Any) -> bool:
    """Raise AttributeError if the solver does not work batch by batch."""
    if estimator.solver == "lbfgs":
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


def checking_arguments(method: Method) -> Method:
    """Let scikit-learn check the arguments of the constructor before `fit` or `partial_fit`."""
    made: Method = _fit_context(prefer_skip_nested_validation=True)(method)
    return made


def with_batches(method: Method) -> Method:
    """Leave out a method where the solver does not work batch by batch."""
    made: Method = available_if(check_solver)(method)
    return made


class BaseMLP(Stochastic, BaseEstimator):
    """Base class of the multilayer perceptrons: a subclass knows its targets."""

    encoding_: Encoding | None
    feature_names_in_: Array
    n_features_in_: int
    coefs_: list[Array]
    intercepts_: list[Array]

    # ---- what a subclass knows ------------------------------------------------------------------------------------

    def _encode(self, y: Array, known: bool) -> Array:
        """Return checked targets as rows (M, n_outputs); learn the classes if they are not ``known``."""
        raise NotImplementedError

    def _decode(self, Y_hat: Array) -> Array:
        """Return predictions from the outputs of the network, (M, n_outputs)."""
        raise NotImplementedError

    def _output_activation(self) -> str:
        """Return the activation of the output layer in scikit-learn's words."""
        raise NotImplementedError

    def _score_of(self, y: Array, y_pred: Array, sample_weight: Array | None) -> float:
        """Return the score that early stopping monitors."""
        raise NotImplementedError

    def _training_weights(self, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
        """Return the weights of the examples in training."""
        return sample_weight

    def _strata(self, Y: Array) -> Array | None:
        """Return the classes that validation examples are drawn from in proportion, if there are classes."""
        return None

    # ---- fit ------------------------------------------------------------------------------------------------------

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool) -> Any:
        before = self.__dict__.copy()
        try:
            finite = self._fit_checked(X, y, sample_weight, validation_data, incremental)
        except Exception:
            self.__dict__ = before
            raise
        if not finite:
            raise ValueError(NOT_FINITE)
        return self

    def _fit_checked(self, X: Any, y: Any, sample_weight: Any, validation_data: Any, incremental: bool) -> bool:
        """Check everything, and train. Return False if numbers became NaN or infinite."""
        hidden_sizes(self.hidden_layer_sizes)
        self._check_together(validation_data, incremental)
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._check_examples(X, y, reset=first)
        Y = self._encode(y, known=hasattr(self, "classes_") and (self.warm_start or incremental))
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, Y)
        self.n_outputs_ = Y.shape[1]
        self._random_state = check_random_state(self.random_state)
        parts = None
        if isinstance(X, Table):
            parts = self._divide(Y, validation_data)
            X = self._learn_columns(X, parts[0])
        if first:
            self._initialize(X)
        network = self._network(X.shape[1], X.dtype)
        data = Data(X, Y, self._training_weights(y, sample_weight, incremental))
        if self.solver == "lbfgs":
            return self._fit_lbfgs(network, data)
        rows, held_out = parts or self._divide(Y, validation_data)
        validation = self._validation_of(data, held_out, sample_weight, validation_data)
        return self._train(network, data, rows, validation, incremental=incremental)

    def _check_together(self, validation_data: Any, incremental: bool) -> None:
        """Refuse arguments that do not go together, and an optimizer that is none."""
        check_optimizer(self.optimizer)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        if self.solver == "lbfgs":
            for name in NOT_FOR_LBFGS:
                if getattr(self, name):
                    raise ValueError(f"{name}: {NEEDS_BATCHES}")
            if validation_data is not None:
                raise ValueError(f"validation_data: {NEEDS_BATCHES}")
        if validation_data is not None and (
            not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3)
        ):
            raise ValueError(
                f"validation_data: expected (X, y) or (X, y, sample_weight), got {type(validation_data).__name__}"
            )

    def _check_examples(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Array]:
        """Return X and y as arrays of numbers, or X as a sparse matrix.

        With ``reset`` the columns are those of X, and a table stays one, until it is known which rows are trained on.
        Otherwise the columns of the first training are expected.
        """
        table = as_table(X) if reset else None
        y = plain_labels(y)
        if self._target_checks.get("y_numeric"):
            refuse_text(y)
        if reset:
            self.encoding_ = None
        if table is not None or self._columns is not None:  # only y is not checked yet
            X = self._numbers(X) if table is None else table
            _, y = check_X_y(
                np.zeros((len(X), 1)), y, multi_output=True, estimator=type(self).__name__, **self._target_checks
            )
        else:
            with hinting(X):
                X, y = validate_data(
                    self,
                    X,
                    y,
                    accept_sparse=["csr", "csc"],
                    multi_output=True,
                    dtype=(np.float64, np.float32),
                    reset=reset,
                    **self._target_checks,
                )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    _target_checks: ClassVar[dict[str, Any]] = {}

    # ---- tables ---------------------------------------------------------------------------------------------------

    @property
    def _columns(self) -> Encoding | None:
        """What makes the columns of a table into numbers; None after a training on numbers."""
        return getattr(self, "encoding_", None)

    def _learn_columns(self, table: Table, rows: Array) -> Array:
        """Learn what makes the columns into numbers from the training rows, and return the numbers of all rows."""
        self.encoding_ = learn_encoding(table, rows)
        self.feature_names_in_ = np.array(table.feature_names, object)
        self.n_features_in_ = len(table.feature_names)
        return self.encoding_.transform(table, dtype="float64")

    def _numbers(self, X: Any) -> Any:
        """Return X for a prediction: an array of numbers, or a sparse matrix."""
        if self._columns is not None:
            return numbers_of(X, self._columns, self.feature_names_in_, type(self).__name__)
        if isinstance(X, Table):
            X = X.X
        with hinting(X):
            return validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)

    def _names(self) -> tuple[str, ...] | None:
        """Return the names of the classes for the network; None if there are none."""
        return None

    def _initialize(self, X: Any) -> None:
        """Forget former trainings, and draw the weights."""
        self._forget()
        self.out_activation_ = self._output_activation()
        plain = is_plain(self)
        seed = 0 if plain else int(self._random_state.randint(2**31 - 1))
        network = make_network(self, X.shape[1], X.dtype, seed)
        network.knowledge = Knowledge(self._columns, self._names())
        if self.layers is None:
            draw_weights(self, network, self._random_state)
        self._take(network)

    def _take(self, network: Model) -> None:
        """Keep the network, with its weights as ``coefs_`` and ``intercepts_``."""
        self.model_ = network
        self.coefs_, self.intercepts_ = views(network)
        self.n_layers_ = len(self.coefs_) + 1

    def _network(self, n_features: int, dtype: Any = np.float64) -> Model:
        """Return the network, with the weights that are in ``coefs_`` and ``intercepts_``: a user may have set them."""
        network: Model | None = getattr(self, "model_", None)
        made = network is None
        if network is None:
            network = make_network(self, n_features, dtype, seed=0)
        current = views(network)
        changed = False
        for own, live in zip((self.coefs_, self.intercepts_), current, strict=True):
            for mine, view in zip(own, live, strict=True):
                if mine is not view:
                    view[...] = mine
                    changed = True
        if made or changed:
            self._take(network)
        return network

    def _fit_lbfgs(self, network: Model, data: Data) -> bool:
        """Minimize in float64, and round to float32 at the end. Return False if a weight is NaN or infinite."""
        for layer in network.all_layers():
            if isinstance(layer, CHANGING):
                raise ValueError(f"layers: {layer} {NEEDS_BATCHES}")
        double = make_network(self, network.require_built("fit")[0][0], np.float64, seed=0)
        theta = fit_lbfgs(self, Objective(double, data.X, data.Y, data.weights, self.alpha), network.theta)
        network.theta = theta
        if self.out_activation_ == "identity":
            self.loss_ = self._mean_of_outputs(network, data, self.loss_)
        return bool(np.isfinite(network.theta).all())

    def _mean_of_outputs(self, network: Model, data: Data, J: float) -> float:
        """Return J with the mean of the squared errors over the outputs, as scikit-learn reports it, for their sum."""
        total = data.X.shape[0] if data.weights is None else data.weights.sum()
        W = network.theta[: network.n_weights]
        penalty = float(self.alpha / (2 * total) * (W @ W))
        return (J - penalty) / self.n_outputs_ + penalty

    def _loss_grad_lbfgs(
        self, theta: Array, X: Any, Y: Array, sample_weight: Array | None, *buffers: Any
    ) -> tuple[float, Array]:
        """Return the cost and its gradient, under the name by which scikit-learn's own tests check it."""
        network = self._network(X.shape[1])
        return Objective(network, X, Y, sample_weight, self.alpha)(theta)

    # ---- validation -----------------------------------------------------------------------------------------------

    def _divide(self, Y: Array, validation_data: Any) -> tuple[Array, Array | None]:
        """Return the rows to train on, and those that are held out for early stopping."""
        rows = np.arange(len(Y))
        if not self.early_stopping or validation_data is not None or self.solver == "lbfgs":
            return rows, None
        train_rows, held_out = train_test_split(
            rows, random_state=self._random_state, test_size=self.validation_fraction, stratify=self._strata(Y)
        )
        if len(held_out) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return train_rows, held_out

    def _validation_of(
        self, data: Data, held_out: Array | None, sample_weight: Array | None, validation_data: Any
    ) -> Validation | None:
        """Return the validation examples: those given, or those held out."""
        if validation_data is not None:
            X_val, y_val, *weights = validation_data
            X_val, y_val = self._check_examples(X_val, y_val, reset=False)
            weight = _check_sample_weight(weights[0], X_val) if weights else None
            return self._validation(Data(X_val, self._encode(y_val, known=True), weight))
        if held_out is None:
            return None
        weight = None if sample_weight is None else sample_weight[held_out]
        return self._validation(Data(data.X[held_out], data.Y[held_out], weight))

    def _validation(self, data: Data) -> Validation:
        y = self._decode(data.Y)

        def score() -> float:
            with np.errstate(over="ignore", invalid="ignore"):
                y_pred = self._decode(predict_rows(self.model_, data.X))
                if np.issubdtype(y_pred.dtype, np.floating) and not np.isfinite(y_pred).all():
                    return float("nan")
                return float(self._score_of(y, y_pred, data.weights))

        return Validation(data, score)

    # ---- predictions ----------------------------------------------------------------------------------------------

    def _outputs(self, X: Any) -> Array:
        """Return the outputs of the network, (M, n_outputs)."""
        check_is_fitted(self)
        refuse_table(X)
        stored = as_stored(X)
        if stored is not None:
            return np.concatenate([self._outputs(part.X) for part in stored.pieces()])
        X = self._numbers(X)
        return predict_rows(self._network(X.shape[1]), X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # ---- pickling -------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the views into the network, and add what the optimizer remembers of it."""
        if hasattr(self, "model_"):
            self._network(self.n_features_in_)
        state = dict(super().__getstate__())
        if "model_" in state:
            del state["coefs_"], state["intercepts_"]
            if "_optimizer" in state:
                state["_optimizer_state"] = self._optimizer.get_state(self.model_)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        optimizer_state = state.pop("_optimizer_state", None)
        super().__setstate__(state)
        if "model_" in state:
            self._take(self.model_)
        if optimizer_state is not None:
            self._optimizer.set_state(self.model_, optimizer_state)
