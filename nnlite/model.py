"""The public face of a network: `Model` with `fit` and `save`, and `load`."""

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nnlite.callbacks import Callback
from nnlite.fitting.fit import fit
from nnlite.fitting.history import History
from nnlite.initializers import Initializer
from nnlite.layers import Layer
from nnlite.layers.base import Shape
from nnlite.network.network import Network
from nnlite.network.summary import as_html, summary
from nnlite.optimizers import Optimizer
from nnlite.storage import model_files
from nnlite.storage.checkpoints import Checkpoint
from nnlite.words import explained


class Model(Network):
    r"""A chain of layers, ``a[l] = g[l](a[l-1] W[l] + b[l])`` from ``a[0] = X`` to ``Y_hat = a[L]``.

    Its cost is ``J = 1/M sum_i L(y_hat_i, y_i)`` with the loss L of the output layer. Its backward pass starts from
    ``dz[L] = Y_hat - Y``.

    Parameters
    ----------
    layers : sequence of Layer or str
        From the first hidden layer to the output: Softmax, Sigmoid, Identity or Exponential. A layer with
        parameters belongs to one model and occurs in it once. An activation or output may be given by its name in any
        spelling: "relu" is ``ReLU()``, "leaky_relu" is ``LeakyReLU()``.
    n_features : int or tuple of int, optional
        Size n[0] of the input, or the shape of one example. By default the first X in `fit` or `forward` sets it.
    seed : int, optional
        Seed of all random numbers: initial weights, validation split, shuffling, dropout. The same seed gives the same
        weights, bit for bit. By default every model is different.
    dtype : {"float32", "float64"}, default "float32"
        The type of the parameters and of all computations. Data is cast to it batch by batch.

    Attributes
    ----------
    layers : tuple of Layer
    theta, grad : ndarray, (n_parameters,)
        All parameters and all gradients dJ/dtheta, each in one vector: first the weights of all layers, then the
        biases. `parameters`, ``layer.W`` and so on are live views into them. grad is NaN until a backward pass or an
        assignment sets it.
    n_weights : int
        How many numbers at the beginning of theta are weights, on which weight decay acts.
    class_names : tuple of str, or None
        The names of the classes, learned from labels that are text, or set. They are saved with the network.
    encoding : Encoding or None
        What makes a table into numbers, after a training on a table. It is saved with the network.
    image_encoding : ImageEncoding or None
        What makes pictures into numbers: set it, or let ``nnlite train`` set it. It is saved with the network.
    target_scale : TargetScale or None
        Mean and standard deviation of a target that is standardized inside the network. They are saved with it.
    rng : numpy.random.Generator
    stop_training : bool
        A callback sets it to True to end the training after the current batch.

    Raises
    ------
    ArgumentError
        If there is no layer, if the last layer is not an output layer, or if an argument has a wrong value.

    Examples
    --------
    A training step is four lines (here on one batch of the digits that come with nnlite):

    >>> import nnlite as nn
    >>> digits = nn.load_digits()
    >>> X, Y = digits.X_train[:32], nn.one_hot(digits.y_train[:32], 10)
    >>> model = nn.Model([nn.Dense(64), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    >>> optimizer = nn.SGD(0.1)
    >>> Y_hat = model.forward(X)      # a[L]
    >>> J = model.cost(Y)             # the mean loss over the batch
    >>> model.backward(Y)             # dz[L] = (Y_hat - Y) / M, then dW, db down to layer 1
    >>> optimizer.step(model)         # theta <- theta - learning_rate * grad
    >>> round(J, 1)                   # a little above ln 10 = 2.3
    2.5
    """

    def build(self, input_shape: Shape, name: str = "X") -> None:
        """Make theta and grad for examples of ``input_shape`` and draw the initial weights, or change nothing.

        A warning says if a layer is such that `save` would refuse the network.
        """
        super().build(input_shape, name)
        model_files.warn_if_unsavable(self)

    @explained
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        optimizer: Optimizer | str | None = None,
        epochs: int = 10,
        batch_size: int | None = 32,
        validation_data: Any = None,
        validation_split: float | None = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        shuffle: bool = True,
        steps_per_epoch: int | None = None,
        metrics: Sequence[str | Callable[..., Any]] = (),
        callbacks: Sequence[Callback] | None = None,
        checkpoint: str | os.PathLike[str] | Checkpoint | None = None,
        resume: bool = False,
        progress: bool = True,
        engine: str = "auto",
        standardize_target: bool | None = None,
        augment: Any = None,
        parallel: Any = None,
    ) -> History:
        r"""Train by gradient descent: ``theta <- theta - learning_rate dJ/dtheta``, batch after batch.

        Another call continues from the present parameters.

        Parameters
        ----------
        X : array_like, (n_examples, n[0]), a table, a source of batches, or examples on the disk
            Training examples, kept in their own dtype and cast batch by batch. A `Table`, a data frame of pandas,
            polars or Arrow, a dictionary of columns or a structured array becomes numbers; what that takes is learned
            from the training examples, and kept as ``model.encoding``. Without ``y``, a `Table` with a target, or a
            source of batches ``(X, y)`` or ``(X, y, sample_weight)``: an iterable such as `batches`, a sequence of
            batches, a generator, which needs ``steps_per_epoch``, a DataLoader of PyTorch, a data set of TensorFlow, or
            one of Hugging Face (whose rows are examples). A batch may be a dictionary whose target is called "y",
            "label", "labels", "target" or "targets". What `open_data` and `open_table` return, arrays of h5py and Zarr,
            and large arrays of np.memmap stay on the disk and are read in blocks.
        y : array_like, (n_examples,) or (n_examples, n[L])
            Softmax: class indices, names of classes, one-hot rows or probabilities. Sigmoid: 0, 1, two names or
            probabilities. Identity: values. Exponential: counts. Names are kept as ``model.class_names``, sorted.
        optimizer : Optimizer or str, default SGD(0.1)
            The update rule. A name, such as "adam", is the rule with its defaults, new in each call.
        epochs : int, default 10
            Number of passes over the data, at least 1.
        batch_size : int or None, default 32
            Examples per step. None, or more than there are examples, uses all of them (full-batch descent).
        validation_data : Table, (X, y), (X, y, sample_weight) or a source of batches, optional
            Evaluated after every epoch; nothing is learned from it. A source is gone through from its beginning each
            time, so a generator is refused.
        validation_split : float, optional
            The fraction of the examples, in (0, 1), to hold out for validation instead; each class has its share. The
            seed alone decides which examples, so that another `fit` on the same data holds out the same.
        sample_weight : array_like, (n_examples,), optional
            Weights of the examples, at least 0. The cost of a batch is ``sum_i w_i L_i / sum_i w_i``: a weight of 2
            counts like two copies of the example. Accuracy and metrics are not weighted.
        class_weight : mapping, sequence or "balanced", optional
            A weight for each class, which multiplies the weights of its examples. "balanced" is M / (C M_c) for a class
            with M_c of the M training examples. Validation is not weighted.
        shuffle : bool, default True
            Visit the examples in a new order in every epoch.
        steps_per_epoch : int, optional
            Number of batches in an epoch, for a source of batches.
        metrics : sequence of str or callable, optional
            Further metrics to report: names from `nnlite.metrics` ("f1", "roc_auc", "top_3_accuracy", ...), or
            functions of (y, Y_hat) that return a number.
        callbacks : sequence of Callback, optional
            For example `EarlyStopping` or `ModelCheckpoint`.
        checkpoint : path-like or Checkpoint, optional
            A directory in which the state of the training is saved after every epoch, or more often:
            ``Checkpoint("runs/a", every=1000)``.
        resume : bool, default False
            Resume from the newest checkpoint, if there is one. If the process was killed, the same call ends with the
            same weights and history (except ``seconds``), bit for bit, as a training without interruption. Another
            network, seed, kind of optimizer, list of callbacks or data raises an error. You may raise ``epochs`` and
            change the hyperparameters of the optimizer. A training that a callback ended is complete.
        progress : bool, default True
            Show a progress bar in a terminal or a notebook; elsewhere, such as in a log, print a line for each epoch on
            stderr, or about 20 lines in a long training. False shows nothing.
        engine : {"auto", "textbook", "compiled"}, default "auto"
            What makes the steps. "textbook": the layers and the rule, in NumPy. "compiled": the same equations as
            compiled loops, in a team of threads; it needs ``pip install "nnlite[fast]"``, and a kernel for every layer
            and rule. "auto": compiled where that is possible; the environment variable NNLITE_ENGINE can decide
            instead. NNLITE_NUM_THREADS sets the number of threads. Both engines give the same results to rounding;
            ``history.engine`` tells which one it was.
        standardize_target : bool, optional
            Whether a network that ends in Identity learns ``(y - mean) / std``, with mean and standard deviation of the
            training examples, which are kept as ``model.target_scale``. The loss is then that of the standardized
            target, 1/2 for always guessing the mean, and ``rmse`` is the error in the units of y; `predict` gives y. By
            default it does so for tables, and not for arrays, whose loss stays that of the four lines by hand.
        augment : Augmentation, str or sequence of them, optional
            How to change each batch of images (M, H, W), (M, H, W, C) or rows of pixels before its step:
            ``[nn.augment.Rotate(15), nn.augment.Shift(2)]``; for rows of pixels,
            ``nn.augment.Compose([...], image_shape=(28, 28))``. Validation data are never augmented. The seed decides
            the images, also after a resume and with any number of threads.
        parallel : World, optional
            The processes that train together: ``nn.mpi.world()`` in a program that ``mpiexec -n 4 python train.py``
            starts. All call `fit` with the same arguments, and end with the same weights, bit for bit; they are those
            of a single process to rounding. ``batch_size`` is that of all processes together: each computes the
            gradient of its part. If the examples are not the same in all processes, each has a share of the data.

        Returns
        -------
        History
            One value per epoch of ``loss``, ``accuracy`` and the metrics (over the batches, each before its step), of
            the same with ``val_`` in front, of ``learning_rate`` (in the last step) and of ``seconds``.
            ``history.interrupted`` tells whether Ctrl-C ended the training, ``history.resumed_at`` after how many
            epochs it was resumed (None if it was not).

        Raises
        ------
        ArgumentError
            If an argument has a wrong value, or another training uses the checkpoint directory. The network does not
            change then.
        DivergenceError
            If a cost or gradient becomes NaN or infinite. The network then has the best weights so far: those after
            the epoch with the lowest validation loss (or else training loss), or the initial ones.
        ModelFileError
            If no checkpoint can be read. A damaged one gives a warning, and the one before it is used.
        ParallelError
            If the processes end an epoch with different weights.

        Notes
        -----
        The first Ctrl-C ends the training after the current batch: `fit` returns the history so far, callbacks end
        normally, and a checkpoint is saved. The second one stops at once.

        Examples
        --------
        >>> import nnlite as nn
        >>> iris = nn.load_iris()
        >>> model = nn.Model([nn.Dense(16), nn.Tanh(), nn.Dense(3), nn.Softmax()], seed=0)
        >>> history = model.fit(iris.X_train, iris.y_train, epochs=50, batch_size=16)
        >>> history["accuracy"][-1] > 0.9
        True
        """
        return fit(
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
            engine=engine,
            standardize_target=standardize_target,
            augment=augment,
            parallel=parallel,
        )

    @explained
    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to a file, completely or not at all. `nnlite.load` reads it.

        Parameters
        ----------
        path : path-like
            The name of the file, used as it is. An existing file is replaced.

        Raises
        ------
        ArgumentError
            If an argument of a layer cannot be written.
        NotBuiltError
            If the network has no parameters yet.

        Examples
        --------
        >>> import os, tempfile
        >>> import nnlite as nn
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     nn.Model([nn.Dense(3), nn.Softmax()], n_features=2).save(os.path.join(folder, "model.npz"))
        ...     os.listdir(folder)
        ['model.npz']
        """
        model_files.save(self, path)

    def summary(self) -> str:
        """Return a table of the layers, their output shapes and their numbers of parameters.

        Returns
        -------
        str

        Raises
        ------
        NotBuiltError
            If the network does not know its input size yet.

        Examples
        --------
        >>> import nnlite as nn
        >>> print(nn.Model([nn.Dense(3), nn.Softmax()], n_features=4).summary())
        layer      output   parameters
        ------------------------------
        X          (M, 4)
        Dense(3)   (M, 3)           15
        Softmax()  (M, 3)
        ------------------------------
        total      float32          15
        engine     compiled if nnlite[fast] is installed, else textbook
        """
        return summary(self)

    def _repr_html_(self) -> str:
        return as_html(self)


@explained
def load(path: str | os.PathLike[str], *, layers: Iterable[type[Layer] | type[Initializer]] = ()) -> Model:
    """Read a network that `Model.save` wrote. With the same engine it predicts the same, bit for bit.

    The file may come from a stranger: nothing in it is executed or imported, and reading takes at most four times its
    size in memory (and some megabytes).

    Parameters
    ----------
    path : path-like
    layers : list of classes, optional
        Your own classes of layers and initializers that the network uses. Names in the file are looked up among these
        and those of nnlite.

    Returns
    -------
    Model

    Raises
    ------
    ModelFileError
        If the file is damaged or not a model, has an unknown layer, or was written by a later version of the format.
    ArgumentError
        If ``layers`` is not a list of classes, or two classes have the same name.
    OSError
        If the file does not exist (FileNotFoundError) or cannot be read.

    Notes
    -----
    The checksum detects damage, not forgery: whoever can write the file decides what the network predicts.

    Examples
    --------
    >>> import os, tempfile
    >>> import nnlite as nn
    >>> model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=2, seed=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "model.npz"))
    ...     again = nn.load(os.path.join(folder, "model.npz"))
    >>> bool((again.theta == model.theta).all())
    True
    """
    return model_files.load_as(Model, path, layers)
