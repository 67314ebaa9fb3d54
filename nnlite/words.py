"""The words of Keras, PyTorch and scikit-learn, and what to write instead.

A call with an argument that does not exist raises ArgumentError, in place of Python's TypeError. It names the argument
and says what is right. The same holds for names that `nnlite` and `Model` do not have (AttributeError).
"""

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar

from nnlite.errors import ArgumentError, UnknownNameError

P = ParamSpec("P")
R = TypeVar("R")

# An argument elsewhere, and its names here: the first that the call takes is meant.
RENAMED = {
    "augmentation": ("augment",),
    "alpha": ("negative_slope", "weight_decay"),
    "beta1": ("beta_1",),
    "beta2": ("beta_2",),
    "custom_objects": ("layers",),
    "eps": ("epsilon",),
    "eval_set": ("validation_data",),
    "filepath": ("path",),
    "dilation_rate": ("dilation",),
    "in_channels": ("n_features",),
    "in_features": ("n_features",),
    "input_dim": ("n_features",),
    "input_shape": ("n_features",),
    "kernel_initializer": ("initializer",),
    "kernel_size": ("pool_size",),
    "lr": ("learning_rate",),
    "max_iter": ("epochs",),
    "min_lr": ("min_learning_rate",),
    "n_epochs": ("epochs",),
    "nb_epoch": ("epochs",),
    "num_epochs": ("epochs",),
    "out_channels": ("filters",),
    "out_features": ("units",),
    "p": ("rate",),
    "random_state": ("seed",),
    "stride": ("strides",),
    "val_data": ("validation_data",),
    "validation_fraction": ("validation_split",),
    "validation_set": ("validation_data",),
}
OUTPUT = "the output layer knows its cost: Softmax, Sigmoid, Identity or Exponential"
OF_AN_OPTIMIZER = "it belongs to the optimizer, such as nn.SGD(0.1, momentum=0.9, weight_decay=1e-4)"
OF_FIT = "it belongs to fit"
INPUT = "the first X sets the input size, or nn.Model(layers, n_features=...)"
BIAS = "a Dense layer and a convolution always have a bias"
# An argument elsewhere for which nothing here has another name, and what to do instead.
ADVICE = {
    "activation": "an activation is a layer of its own: nn.Dense(8), nn.ReLU()",
    "batch_size": "it belongs to fit; other calls take any number of examples",
    "betas": "write beta_1= and beta_2=",
    "bias": BIAS,
    "criterion": OUTPUT,
    "data_format": "images have their channels last: (M, height, width, channels)",
    "dim": "a layer works on the units of each example; the functions, such as nn.softmax, have axis=",
    "device": "nnlite computes on the CPU",
    "early_stopping": "write callbacks=[nn.EarlyStopping(patience=5)]",
    "epochs": OF_FIT,
    "hidden_layer_sizes": "write the layers: nn.Model([nn.Dense(100), nn.ReLU(), nn.Dense(3), nn.Softmax()])",
    "in_channels": INPUT,
    "in_features": INPUT,
    "inplace": "a layer never changes its input",
    "input_dim": INPUT,
    "input_shape": INPUT,
    "kernel_regularizer": OF_AN_OPTIMIZER,
    "learning_rate": OF_AN_OPTIMIZER,
    "loss": OUTPUT,
    "lr": OF_AN_OPTIMIZER,
    "momentum": OF_AN_OPTIMIZER,
    "optimizer": OF_FIT,
    "patience": "write callbacks=[nn.EarlyStopping(patience=5)]",
    "random_state": "the seed of the model decides all random numbers: nn.Model(layers, seed=0)",
    "seed": "the seed of the model decides all random numbers: nn.Model(layers, seed=0)",
    "target": 'write nn.Table(frame, "column"), a table that knows its target',
    "use_bias": BIAS,
    "verbose": "fit(..., progress=False) is silent; no other call prints anything",
    "weight_decay": OF_AN_OPTIMIZER,
}
# A method or attribute of a model elsewhere, and what to write instead.
OF_A_MODEL = {
    "add": "give all layers to nn.Model([...])",
    "coefs_": "write model.parameters",
    "compile": "give the optimizer and the metrics to fit; the output layer knows its cost",
    "count_params": "write model.n_parameters",
    "cpu": "nnlite computes on the CPU",
    "cuda": "nnlite computes on the CPU",
    "evaluate_generator": "write evaluate, which takes sources of batches as well",
    "eval": "predict and forward(X, training=False) compute without dropout",
    "fit_generator": "write fit, which takes sources of batches as well",
    "get_weights": "write model.parameters, or model.theta for all in one vector",
    "load_weights": "write nn.load(path), or nn.keras.load_weights(model, path) for a file of Keras",
    "named_parameters": "write model.parameters.items()",
    "partial_fit": "write fit: another fit continues from the present parameters",
    "predict_classes": "write predict(X)",
    "predict_on_batch": "write predict(X) or predict_proba(X)",
    "score": 'write evaluate(X, y)["accuracy"]',
    "set_weights": "write model.theta = theta",
    "to": "nnlite computes on the CPU",
    "train": "write fit, or forward, cost, backward and optimizer.step(model)",
    "train_on_batch": "write forward, cost, backward and optimizer.step(model)",
    "trainable_variables": "write model.parameters",
    "weights": "write model.parameters",
    "zero_grad": "nothing is to be set to zero: backward replaces the gradients",
}
# The same for an optimizer.
OF_AN_OPTIMIZER_OBJECT = {
    "add_param_group": "step(model) updates all layers of the model that are not frozen",
    "apply_gradients": "write optimizer.step(model)",
    "lr": "write optimizer.learning_rate",
    "minimize": "write forward, cost, backward and optimizer.step(model)",
    "param_groups": "write optimizer.learning_rate; freeze layers with layer.trainable = False",
    "zero_grad": "nothing is to be set to zero: backward replaces the gradients",
}
IMPORTED_ALONE = ("sklearn",)  # parts of nnlite that import another library at once
# A name in other libraries, and what to write here.
OF_THE_LIBRARY = {
    "AdaGrad": "nn.Adagrad",
    "AvgPool1d": "nn.AveragePool1D",
    "AvgPool2d": "nn.AveragePool2D",
    "AdaptiveAvgPool1d": "nn.GlobalAveragePool1D(), which is AdaptiveAvgPool1d(1) with rows as its output",
    "AdaptiveAvgPool2d": "nn.GlobalAveragePool2D(), which is AdaptiveAvgPool2d(1) with rows as its output",
    "AveragePooling1D": "nn.AveragePool1D",
    "AveragePooling2D": "nn.AveragePool2D",
    "BCELoss": "nn.Sigmoid() as the last layer, which knows its cost",
    "BCEWithLogitsLoss": "nn.Sigmoid() as the last layer, which knows its cost",
    "BatchNorm1d": "nn.BatchNorm",
    "BatchNorm2d": "nn.BatchNorm",
    "BatchNormalization": "nn.BatchNorm",
    "Convolution1D": "nn.Conv1D",
    "Convolution2D": "nn.Conv2D",
    "CosineAnnealingLR": "nn.CosineDecay",
    "CosineAnnealingWarmRestarts": "nn.CosineDecayRestarts",
    "CrossEntropyLoss": "nn.Softmax() as the last layer, which knows its cost",
    "DataLoader": "nn.batches(X, y), or give fit a DataLoader of PyTorch",
    "DepthwiseConv2D": "nn.Conv2D(filters, kernel_size, groups=C), where C is the number of channels of its input",
    "ExponentialLR": "nn.ExponentialDecay",
    "GlobalAveragePooling1D": "nn.GlobalAveragePool1D",
    "GlobalAveragePooling2D": "nn.GlobalAveragePool2D",
    "ImageDataGenerator": "nn.load_images(folder), and fit(X, y, augment=[nn.augment.Rotate(15)])",
    "ImageFolder": "nn.load_images(folder)",
    "Input": "nn.Model(layers, n_features=...)",
    "LayerNormalization": "nn.LayerNorm",
    "Linear": "nn.Dense(units)",
    "MLPClassifier": "nn.Model([nn.Dense(100), nn.ReLU(), nn.Dense(3), nn.Softmax()]), or nnlite.sklearn has it",
    "MLPRegressor": "nn.Model([nn.Dense(100), nn.ReLU(), nn.Dense(1), nn.Identity()]), or nnlite.sklearn has it",
    "MSELoss": "nn.Identity() as the last layer, which knows its cost",
    "MaxPooling1D": "nn.MaxPool1D",
    "MaxPooling2D": "nn.MaxPool2D",
    "Module": "nn.Layer",
    "Nadam": "nn.NAdam",
    "NLLLoss": "nn.Softmax() as the last layer, which knows its cost",
    "OneCycleLR": "nn.OneCycle",
    "PoissonNLLLoss": "nn.Exponential() as the last layer, which knows its cost",
    "RandomCrop": "nn.augment.Crop",
    "RandomErasing": "nn.augment.Cutout",
    "RandomFlip": "nn.augment.Flip",
    "RandomHorizontalFlip": "nn.augment.Flip",
    "RandomRotation": "nn.augment.Rotate",
    "RandomTranslation": "nn.augment.Shift",
    "RandomZoom": "nn.augment.Scale",
    "ReduceLROnPlateau": "nn.ReduceOnPlateau",
    "Sequential": "nn.Model(layers)",
    "SpatialDropout1D": "nn.Dropout1D",
    "SpatialDropout2D": "nn.Dropout2D",
    "StepLR": "nn.StepDecay",
    "Swish": "nn.SiLU",
    "TensorDataset": "nn.batches(X, y)",
    "Trainer": "nn.Model(layers).fit(X, y)",
    "ZeroPad1d": "nn.ZeroPadding1D",
    "ZeroPad2d": "nn.ZeroPadding2D",
    "image_dataset_from_directory": "nn.load_images(folder)",
    "load_model": "nn.load",
    "losses": "nn.Softmax(), nn.Sigmoid(), nn.Identity() or nn.Exponential() as the last layer, which knows its cost",
    "to_categorical": "nn.one_hot(y, C); fit takes class indices as they are",
    "optim": "nn.Adam(), nn.SGD(0.1) and so on: the optimizers are names of nnlite itself",
}
# A base class, and what to write instead of it.
BASES = {"Activation": "nn.ReLU()", "Layer": "nn.Dense(8)", "Output": "nn.Softmax()"}


def explained(function: Callable[P, R]) -> Callable[P, R]:
    """Let a call whose arguments do not fit raise ArgumentError, in place of TypeError. The signature stays the same.

    Examples
    --------
    >>> @explained
    ... def train(epochs):
    ...     pass
    >>> train(n_epochs=3)
    Traceback (most recent call last):
        ...
    nnlite.errors.ArgumentError: n_epochs: train has no such argument; write epochs=
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError:
            mistake = _mistake(function, args, kwargs)
            if mistake is None:  # the error comes from inside the function
                raise
        raise ArgumentError(mistake)

    return call


class Elsewhere:
    """An attribute that objects of other libraries have: to read it, or to set it, raises UnknownNameError.

    A class of a user may use the name for its own: it can set the attribute.

    Parameters
    ----------
    word : str
    hint : str
        What to write instead.
    """

    def __init__(self, word: str, hint: str) -> None:
        self.word, self.hint = word, hint

    def __get__(self, owner: Any, of: type) -> Any:
        if owner is None:
            return self
        if self.word in vars(owner):
            return vars(owner)[self.word]
        raise UnknownNameError(f"{self.word}: {type(owner).__name__} has no such attribute; {self.hint}")

    def __set__(self, owner: Any, value: Any) -> None:
        if type(owner).__module__.startswith("nnlite."):
            raise UnknownNameError(f"{self.word}: {type(owner).__name__} has no such attribute; {self.hint}")
        vars(owner)[self.word] = value


class Explained:
    """Base class of classes whose constructor raises ArgumentError for arguments that do not fit."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = explained(cls.__init__)  # type: ignore[method-assign]

    @explained
    def __init__(self) -> None:
        super().__init__()


def no_such_argument(word: str, call: str, takes: Sequence[str]) -> str:
    """Return the message for an argument ``word`` that ``call`` does not have, and what to write instead."""
    ours = [name for name in RENAMED.get(word, ()) if name in takes]
    close = difflib.get_close_matches(word, takes, n=1)
    if ours:
        hint = f"write {ours[0]}="
    elif word in ADVICE:
        hint = ADVICE[word]
    elif close:
        hint = f"did you mean {close[0]}=?"
    else:
        hint = f"it takes {', '.join(takes) or 'none'}"
    return f"{word}: {call} has no such argument; {hint}"


def instead_of_name(word: str, names: Iterable[str]) -> str:
    """Return what to write instead of ``nn.<word>``, as the end of a message; "" if nothing is known."""
    if word in IMPORTED_ALONE:
        return f"; it needs an import of its own: import nnlite.{word}"
    if word in OF_THE_LIBRARY:
        return f"; write {OF_THE_LIBRARY[word]}"
    close = difflib.get_close_matches(word.lower(), [name.lower() for name in names], n=1, cutoff=0.8)
    found = " or ".join(f"nn.{name}" for name in names if name.lower() in close)
    return f"; did you mean {found}?" if found else ""


def instead_of_attribute(word: str) -> str | None:
    """Return what to write instead of ``model.<word>``; None if nothing is known."""
    return OF_A_MODEL.get(word)


def spelled(word: str, names: Iterable[str]) -> str | None:
    """Return the one of ``names`` that is meant by ``word`` in any spelling: "leaky_relu" is LeakyReLU.

    Only capitals, underscores, hyphens and spaces may differ: a near miss is not a name.

    Examples
    --------
    >>> spelled("leaky_relu", ["ReLU", "LeakyReLU"])
    'LeakyReLU'
    """
    by_letters = {name.lower(): name for name in names}
    return by_letters.get(word.lower().translate(str.maketrans("", "", "_- ")))


def _mistake(function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> str | None:
    """Return the message for arguments that do not fit the signature of ``function``; None if they fit."""
    signature = inspect.signature(function)
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        pass
    else:
        return None
    call = str(getattr(function, "__name__", function))
    parameters = [*_named(signature).values()]
    owner: type | None = None
    if parameters and parameters[0].name == "self":
        if call == "__init__":
            owner = type(args[0])
            call = owner.__name__
        parameters, args = parameters[1:], args[1:]
    takes = [p.name for p in parameters]
    unnamed = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    given = {*unnamed[: len(args)], *kwargs}
    if "VAR_KEYWORD" not in (p.kind.name for p in signature.parameters.values()):
        for word in kwargs:
            if word not in takes:
                return no_such_argument(word, call, takes)
    if len(args) > len(unnamed):
        return _too_many(call, takes, unnamed, args)
    for p in parameters:
        if p.default is p.empty and p.name not in given:
            return f"{p.name}: {call} needs this argument"
    twice = next(name for name in unnamed if name in kwargs)
    if owner is not None and twice not in (own := _named(inspect.signature(owner))):
        return no_such_argument(twice, call, [*own])  # a subclass sets it itself
    return f"{twice}: {call} got this argument twice, with and without its name"


def _named(signature: inspect.Signature) -> dict[str, inspect.Parameter]:
    """Return the parameters without ``*args`` and ``**kwargs``."""
    named = signature.parameters.items()
    return {name: p for name, p in named if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def _too_many(call: str, takes: Sequence[str], unnamed: Sequence[str], args: Sequence[Any]) -> str:
    if not takes:
        hint = f"; it is a base class: write the layer itself, such as {BASES[call]}" if call in BASES else ""
        return f"{call}: takes no arguments, got {', '.join(map(repr, args))}{hint}"
    named = [name for name in takes if name not in unnamed]
    hint = f"; name the others, such as {named[0]}=" if named else ""
    if [*unnamed] == ["layers"] and (isinstance(args[0], str) or not isinstance(args[0], Sequence)):
        hint = f"; put the layers in a list: nn.{call}([nn.Dense(3), nn.Softmax()])"
    return f"{unnamed[-1]}: {call} takes only {', '.join(unnamed)} without a name, got {len(args)} arguments{hint}"
