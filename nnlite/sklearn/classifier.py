"""MLPClassifier: a multilayer perceptron with scikit-learn's face."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from nnlite.callbacks import Callback
from nnlite.checks import Array
from nnlite.layers import Layer
from nnlite.optimizers import Optimizer
from nnlite.sklearn.base import CONSTRAINTS, BaseMLP, checking_arguments, store, with_batches
from nnlite.sklearn.stored import parts_of


class MLPClassifier(ClassifierMixin, BaseMLP):
    """A classifier that takes the place of scikit-learn's class of the same name, and is trained by nnlite.

    Arguments, attributes, warnings and errors are those of scikit-learn. For the same ``random_state`` the results are
    the same to rounding. It needs ``pip install "nnlite[sklearn]"``; with Numba the compiled engine trains.

    Parameters
    ----------
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
    class_weight : dict, list of dict or "balanced", optional
        A weight for each class, which multiplies the weights of its examples in training.
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
    classes_ : ndarray, (n_classes,)
        The labels, sorted.
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
        Accuracy and loss on the validation examples after each epoch, if there are any.
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
    >>> from sklearn.datasets import load_iris
    >>> from nnlite.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = MLPClassifier(hidden_layer_sizes=(16,), learning_rate_init=0.01, max_iter=500, random_state=0)
    >>> bool(classifier.fit(X, y).score(X, y) > 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
    }

    def __init__(
        self,
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
        class_weight: Any = None,
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
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> MLPClassifier:
        """Train on X and y, from new weights unless ``warm_start``.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)
        y : array-like, (n_samples,) or (n_samples, n_labels)
            Labels of any kind; or zeros and ones, for several labels of an example.
        sample_weight : array-like, (n_samples,), optional
            Weights of the examples. The cost of a batch is ``sum_i w_i L_i / sum_i w_i``.
        validation_data : (X, y) or (X, y, sample_weight), optional
            Examples to evaluate after each epoch; ``early_stopping`` then takes them and holds out none of X.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        result: MLPClassifier = self._fit(X, y, sample_weight, validation_data, incremental=False)
        return result

    @with_batches
    @checking_arguments
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None, classes: Any = None) -> MLPClassifier:
        """Train for one epoch from the present weights.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)
            Examples on the disk, such as a large array of np.memmap or what `nnlite.open_data` returns, are read a part
            at a time. A part is many small blocks from random places; with ``shuffle=False`` they keep their order.
        y : array-like, (n_samples,) or (n_samples, n_labels)
        sample_weight : array-like, (n_samples,), optional
        classes : array-like, (n_classes,), optional
            All classes; the first call needs them.

        Returns
        -------
        MLPClassifier
            The estimator itself.
        """
        parts = parts_of(self, X, y, sample_weight)
        if parts is not None:
            for part in parts:
                self.partial_fit(*part, classes=classes)
            return self
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        result: MLPClassifier = self._fit(X, y, sample_weight, None, incremental=True)
        return result

    def _encode(self, y: Array, known: bool) -> Array:
        if not known:
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_classes(unique_labels(y))
        return np.asarray(self._label_binarizer.transform(y)).astype(bool)

    def _check_classes(self, classes: Array) -> None:
        """Raise ValueError if y has other classes than before."""
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _decode(self, Y_hat: Array) -> Array:
        rows = Y_hat.ravel() if self.n_outputs_ == 1 else Y_hat
        labels: Array = self._label_binarizer.inverse_transform(rows)
        return labels

    def _names(self) -> tuple[str, ...] | None:
        names = tuple(str(label) for label in self.classes_.tolist())
        n_classes = 2 if self.n_outputs_ == 1 else self.n_outputs_
        several = self._label_binarizer.y_type_ == "multilabel-indicator"
        return None if several or len(set(names)) != n_classes else names

    def _output_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _score_of(self, y: Array, y_pred: Array, sample_weight: Array | None) -> float:
        return float(accuracy_score(y, y_pred, sample_weight=sample_weight))

    def _strata(self, Y: Array) -> Array | None:
        return Y if self.n_outputs_ == 1 else None

    def _training_weights(self, y: Array, sample_weight: Array | None, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        if incremental and self.class_weight == "balanced":
            raise ValueError("class_weight: 'balanced' needs all labels; give partial_fit a weight for each class")
        weights: Array = compute_sample_weight(self.class_weight, y)
        return weights if sample_weight is None else weights * sample_weight

    # ---- predictions ----------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> Array:
        """Predict labels.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)

        Returns
        -------
        ndarray, (n_samples,) or (n_samples, n_labels)
        """
        return self._decode(self._outputs(X))

    def predict_proba(self, X: Any) -> Array:
        """Predict probabilities of the classes, in the order of ``classes_``; or of each of several labels.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)

        Returns
        -------
        ndarray, (n_samples, n_classes)
        """
        Y_hat = self._outputs(X)
        return np.hstack([1 - Y_hat, Y_hat]) if self.n_outputs_ == 1 else Y_hat

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of `predict_proba`.

        Parameters
        ----------
        X : array-like, sparse matrix or data frame, (n_samples, n_features)

        Returns
        -------
        ndarray, (n_samples, n_classes)
        """
        Y_hat = self.predict_proba(X)
        return np.log(Y_hat, out=Y_hat)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
