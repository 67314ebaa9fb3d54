"""The exceptions that nnlite raises on purpose.

Every message names the argument, the value it got, and what would be right. A call that raises one of these errors
leaves the model, the optimizer and the data unchanged, except `DivergenceError`.
"""


class NnliteError(Exception):
    """Base class of all errors that nnlite raises on purpose.

    Examples
    --------
    >>> import nnlite as nn
    >>> try:
    ...     nn.Dense(0)
    ... except nn.NnliteError as error:
    ...     print(error)
    units: expected an integer of at least 1, got 0
    """


class ArgumentError(NnliteError, ValueError, TypeError):
    """An argument has the wrong type, shape or value.

    It is both a `ValueError` and a `TypeError`, so that either ``except`` clause catches it.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.softmax("cat")
    Traceback (most recent call last):
        ...
    nnlite.errors.ArgumentError: z: expected numbers, got an array of dtype <U3 (z[] is 'cat')
    """

    layer: object = None  # the layer that is wrong, until its network has written the place of the layer into the text
    of_classes = False  # whether y has more or fewer classes than the network: in one of several processes y is a share


class UnknownNameError(ArgumentError, AttributeError):
    """A name that nnlite, or an object of it, does not have. The message says what to write instead.

    It is also an `AttributeError`, so that ``hasattr`` and ``getattr`` with a default work as usual.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Relu
    Traceback (most recent call last):
        ...
    nnlite.errors.UnknownNameError: module 'nnlite' has no attribute 'Relu'; did you mean nn.relu or nn.ReLU?
    """


class NotBuiltError(NnliteError, ValueError, AttributeError):
    """The network has no parameters yet, because its input size is unknown.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.Model([nn.Dense(3), nn.Softmax()]).n_parameters
    Traceback (most recent call last):
        ...
    nnlite.errors.NotBuiltError: n_parameters: the network does not know its input size yet; ...
    """


class DataFileError(NnliteError, ValueError):
    """A data file is missing or damaged, or its content does not have the format that its name says.

    Examples
    --------
    >>> import nnlite as nn
    >>> nn.load_csv("missing.csv", "kind")
    Traceback (most recent call last):
        ...
    nnlite.errors.DataFileError: missing.csv: ...
    """


class ModelFileError(NnliteError, ValueError):
    """A model file is damaged, is not a model file, or needs a layer or a version of nnlite that is not available.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "model.npz")
    ...     with open(path, "w") as file:
    ...         _ = file.write("This is not a model.")
    ...     try:
    ...         nn.load(path)
    ...     except nn.ModelFileError as error:
    ...         print("refused")
    refused
    """


class ParallelError(NnliteError, RuntimeError):
    """The processes of a parallel training no longer agree, or one of them has ended. The message names its rank.

    Examples
    --------
    >>> import nnlite as nn
    >>> def train(world):
    ...     if world.rank == 1:
    ...         raise OSError("the disk is full")
    ...     try:
    ...         world.gather(0)
    ...     except nn.ParallelError as error:
    ...         print(error)
    >>> try:
    ...     nn.mpi.simulate(2, train)
    ... except OSError:
    ...     pass
    rank 1 ended with OSError: the disk is full
    """


class TrainingWarning(UserWarning):
    """Something about a training is probably a mistake. The message names the likely cause and what to do.

    Examples
    --------
    Turn it into an error, or silence it, with the module ``warnings``:

    >>> import warnings
    >>> import nnlite as nn
    >>> iris = nn.load_iris()
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Softmax()], seed=0)
    >>> with warnings.catch_warnings(action="error", category=nn.TrainingWarning):
    ...     model.fit(iris.X_train, iris.y_train, epochs=1)
    Traceback (most recent call last):
        ...
    nnlite.errors.TrainingWarning: layers: the output has 64 units, but y has only the classes 0..2; ...
    """


class NothingLearnedWarning(TrainingWarning):
    """After the training, the network is no better than the best constant guess. `fit` says so once, at its end.

    Examples
    --------
    >>> import warnings
    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> model = nn.Model([nn.Dense(32), nn.Tanh(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> with warnings.catch_warnings(action="error", category=nn.NothingLearnedWarning):
    ...     model.fit(digits.X_train, digits.y_train, optimizer=nn.SGD(1e-9), epochs=9)
    Traceback (most recent call last):
        ...
    nnlite.errors.NothingLearnedWarning: after 9 epochs the network is no better than ...
    """


class DivergenceError(NnliteError, ArithmeticError):
    """The cost or a gradient became NaN or infinite in training. The network has its best weights so far.

    Attributes
    ----------
    epoch, step : int
        Epoch and step within the epoch, both counted from 0; the message counts from 1.
    where : str
        What became NaN or infinite first.
    history : dict of str to list of float
        The `History` of the completed epochs.

    Examples
    --------
    >>> import numpy as np
    >>> import nnlite as nn
    >>> X, y = np.array([[1.0], [2.0]]), np.array([1.0, 2.0])
    >>> model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    >>> try:
    ...     model.fit(X, y, optimizer=nn.SGD(1e30), epochs=5)
    ... except nn.DivergenceError as error:
    ...     print("diverged in epoch", error.epoch)
    diverged in epoch 1
    """

    history: dict[str, list[float]]

    def __init__(self, message: str, *, epoch: int, step: int, where: str) -> None:
        super().__init__(message)
        self.epoch = epoch
        self.step = step
        self.where = where
