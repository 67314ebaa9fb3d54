"""MLPRegressor: a multilayer perceptron with scikit-learn's face."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils._param_validation import StrOptions

from nnlite.callbacks import Callback
from nnlite.checks import Array
from nnlite.layers import Layer
from nnlite.optimizers import Optimizer
from nnlite.sklearn.base import CONSTRAINTS, BaseMLP, checking_arguments, store, with_batches
from nnlite.sklearn.stored import parts_of


class MLPRegressor(RegressorMixin, BaseMLP):
    """A regressor that takes the place of scikit-learn's class of the same name, and is trained by nnlite.

    Arguments, attributes, warnings and errors are those of scikit-learn. For the same ``random_state`` the results are
    the same to rounding. It needs ``pip install "nnlite[sklearn]"``; with Numba the compiled engine trains.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default "squared_error"
        Half the squared error, or half the Poisson deviance of counts, for which the output is ``e^z``.
    hidden_layer_sizes : int or sequence of int, default (100,)
        Units of each hidden layer.
    activation : {"identity", "logistic", "tanh", "relu"}, default "relu"
        Activation of the hidden layers.
    solver : {"adam", "sgd", "lbfgs"}, default "adam"
        The rule of descent; "lbfgs" is SciPy's L-BFGS-B on all examples, in float64.
    alpha : float, default 0.0001
        Penalty of the weights, at least 0: ``alpha / (2 n) |W|^2`` is added to the cost of a batch with n examples. It
        belongs to the three solvers; with ``optimizer=`` use its ``weight_decay``.
    batch_size : int or "auto", default "auto"
        Examples of a step; "auto" is 200, or all if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"} or schedule, default "constant"
        For "sgd": "invscaling" divides ``learning_rate_init`` by ``t^power_t`` after t examples, "adaptive" divides the
        rate by 5 when the training would stop. Beyond scikit-learn: a function of the number of steps, such as
        ``nn.CosineDecay(0.01, 1000)``, for "sgd" and "adam".
    learning_rate_init : float, default 0.001
        The first learning rate, above 0.
    power_t : float, default 0.5
        The exponent for "invscaling", at least 0.
    max_iter : int, default 200
        Most epochs (iterations of "lbfgs"), at least 1.
    shuffle : bool, default True
        Visit the examples in a new order in every epoch.
    random_state : int, RandomState instance or None, default None
        Draws weights, validation examples and orders as in scikit-learn: an int gives the same weights in both.
    tol : float, default 1e-4
        The smallest improvement of the training loss, or of the validation score, that counts.
    verbose : bool, default False
        Print the loss of every epoch.
    warm_start : bool, default False
        Let another `fit` continue from the present weights.
    momentum : float, default 0.9
        For "sgd", in [0, 1].
    nesterovs_momentum : bool, default True
        For "sgd": look ahead along the momentum.
    early_stopping : bool, default False
        Hold out ``validation_fraction`` of the examples, stop when their score does not improve, and keep the best
        weights.
    validation_fraction : float, default 0.1
        In [0, 1), for ``early_stopping``.
    beta_1, beta_2 : float, default 0.9 and 0.999
        For "adam", in [0, 1).
    epsilon : float, default 1e-8
        For "adam", above 0.
    n_iter_no_change : int, default 10
        Epochs without improvement after which the training stops.
    max_fun : int, default 15000
        Most evaluations of the cost, for "lbfgs".
    layers : list of Layer, optional
        The hidden layers, for example ``[nn.Dense(64), nn.GELU(), nn.Dropout(0.2)]``, in place of
        ``hidden_layer_sizes`` and ``activation``. The last Dense layer and the output are added if they are missing.
        Their weights are drawn by their own initializers. `fit` trains copies.
    dropout : float, default 0
        The fraction of each hidden layer that is dropped in training, in [0, 1).
    batch_norm : bool, default False
        Put a BatchNorm layer in front of each activation.
    optimizer : Optimizer or str, optional
        Any rule of nnlite, also with a schedule, in place of ``solver`` and its arguments: ``nn.AdamW(1e-3)``, or
        "adamw" with its defaults. `fit` uses a copy.
    callbacks : list of Callback, optional
        Any callbacks of nnlite. "val_loss" exists with ``early_stopping`` or ``validation_data``.
    progress : bool, default False
        Show a progress bar.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        W (n_in, n_out) and b (n_out,) of each Dense layer. They are views into ``model_``; what you assign is used.
    model_ : Model
        The network: ``model_.save("digits.npz")`` writes it.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        If X was a data frame.
    encoding_ : Encoding or None
        What makes the columns into numbers, if X was a table.
    n_outputs_, n_layers_ : int
        Number of output units; number of layers with input and output.
    out_activation_ : str
        Activation of the output layer.
    n_iter_, t_ : int
        Number of epochs of the last `fit`; number of examples seen in all.
    loss_ : float
        The last training loss.
    loss_curve_ : list of float
        The training loss of each epoch, with the penalty.
    best_loss_ : float or None
        The lowest training loss; None with early stopping.
    validation_scores_, validation_loss_curve_ : list of float or None
        R^2 and loss on the validation examples after each epoch, if there are any.
    best_validation_score_ : float or None

    Notes
    -----
    A data frame in which a column holds text, categories, dates or missing values is a table, and so is a `Table`. It
    becomes numbers as in ``Model.fit(table)``: numbers are standardized, missing ones are filled with the median, and
    categories are one-hot. All of this is learned from the training rows alone. A prediction knows the columns by name:
    any order is right, and a missing or unknown column is an error. Arrays, sparse matrices, and data frames of numbers
    without missing values are taken as they are, as in scikit-learn.

    Raises
    ------
    ValueError
        If data or arguments are wrong, with the words of scikit-learn; or if the training diverges.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010; D. P.
    Kingma and J. Ba, "Adam: a method for stochastic optimization", 2015; D. C. Liu and J. Nocedal, "On the limited
    memory BFGS method for large scale optimization", 1989.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from nnlite.sklearn import MLPRegressor
    >>> X, y = make_regression(n_samples=100, n_features=5, random_state=0)
    >>> regressor = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", tol=0.1, max_iter=1000, random_state=0)
    >>> bool(regressor.fit(X, y / 100).score(X, y / 100) > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }
    _target_checks: ClassVar[dict[str, Any]] = {"y_numeric": True}

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        layers: list[Layer] | None = None,
        dropout: float = 0.0,
        batch_norm: bool = False,
        optimizer: Optimizer | str | None = None,
        callbacks: list[Callback] | None = None,
        progress: bool = False,
    ) -> None:
        store(self, locals())

    # ---- fit ------------------------------------------------------------------------------------------------------

    @checking_arguments
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> MLPRegressor:
        """Train on X and y, from new weights unless ``warm_start``.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)
        y : array-like, (n_samples,) or (n_samples, n_outputs)
            Values; at least 0 for ``loss="poisson"``.
        sample_weight : array-like, (n_samples,), optional
            Weights of the examples. The cost of a batch is ``sum_i w_i L_i / sum_i w_i``.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Examples to evaluate after each epoch; ``early_stopping`` then takes them and holds out none of X.

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        result: MLPRegressor = self._fit(X, y, sample_weight, validation_data, incremental=False)
        return result

    @with_batches
    @checking_arguments
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> MLPRegressor:
        """Train for one epoch from the present weights.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)
            Examples on the disk, such as a large array of np.memmap or what `nnlite.open_data` returns, are read a part
            at a time. A part is many small blocks from random places; with ``shuffle=False`` they keep their order.
        y : array-like, (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        MLPRegressor
            The estimator itself.
        """
        parts = parts_of(self, X, y, sample_weight)
        if parts is not None:
            for part in parts:
                self.partial_fit(*part)
            return self
        result: MLPRegressor = self._fit(X, y, sample_weight, None, incremental=True)
        return result

    def _encode(self, y: Array, known: bool) -> Array:
        if self.loss == "poisson" and y.min() < 0:
            raise ValueError(f"y: expected values of at least 0 for loss='poisson', got {y.min():g}")
        return y.reshape(len(y), -1)

    def _decode(self, Y_hat: Array) -> Array:
        return Y_hat.ravel() if Y_hat.shape[1] == 1 else Y_hat

    def _output_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _score_of(self, y: Array, y_pred: Array, sample_weight: Array | None) -> float:
        return float(r2_score(y, y_pred, sample_weight=sample_weight))

    # ---- predictions ----------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """Predict values.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)

        Returns
        -------
        ndarray, (n_samples,) or (n_samples, n_outputs)
        """
        return self._decode(self._outputs(X))
