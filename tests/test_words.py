"""Facts about the words of other libraries: what to write here instead."""

import inspect
import operator
import re
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import words

from .support import for_each, network, refuse, table

X, y = np.ones((6, 4)), np.arange(6) % 3
HABITS = {
    "Keras": {
        "activation": lambda: nn.Dense(8, activation="relu"),
        "use_bias": lambda: nn.Dense(8, use_bias=False),
        "kernel_initializer: Dense has no such argument; write initializer=":
            lambda: nn.Dense(8, kernel_initializer="he_normal"),
        "dilation_rate: Conv2D has no such argument; write dilation=": lambda: nn.Conv2D(8, 3, dilation_rate=2),
        "data_format: Conv2D has no such argument; images have their channels last":
            lambda: nn.Conv2D(8, 3, data_format="channels_last"),
        "module 'nnlite' has no attribute 'MaxPooling2D'; write nn.MaxPool2D": lambda: nn.MaxPooling2D,
        "input_shape: Dense has no such argument; the first X sets": lambda: nn.Dense(8, input_shape=(4,)),
        "input_shape: Model has no such argument; write n_features=":
            lambda: nn.Model([nn.Dense(3), nn.Softmax()], input_shape=(4,)),
        'target: fit has no such argument; write nn.Table(frame, "column")': lambda: network().fit(X, target="a"),
        "loss: fit has no such argument; the output layer knows its cost": lambda: network().fit(X, y, loss="mse"),
        "verbose: fit has no such argument; fit(..., progress=False)": lambda: network().fit(X, y, verbose=0),
        "verbose: evaluate": lambda: network().evaluate(X, y, verbose=0),
        "batch_size: predict has no such argument; it belongs to fit": lambda: network().predict(X, batch_size=2),
        "filepath: ModelCheckpoint has no such argument; write path=": lambda: nn.ModelCheckpoint(filepath="a.npz"),
        "min_lr: ReduceOnPlateau has no such argument; write min_learning_rate=":
            lambda: nn.ReduceOnPlateau(min_lr=1e-5),
        "custom_objects: load has no such argument; write layers=": lambda: nn.load("a.npz", custom_objects={}),
    },
    "PyTorch": {
        "lr: SGD has no such argument; write learning_rate=": lambda: nn.SGD(lr=0.1),
        "betas: Adam has no such argument; write beta_1= and beta_2=": lambda: nn.Adam(betas=(0.9, 0.99)),
        "eps: BatchNorm has no such argument; write epsilon=": lambda: nn.BatchNorm(eps=1e-3),
        "in_channels: Conv2D has no such argument; the first X sets": lambda: nn.Conv2D(8, 3, in_channels=1),
        "out_channels: Conv2D has no such argument; write filters=": lambda: nn.Conv2D(out_channels=8, kernel_size=3),
        "stride: Conv2D has no such argument; write strides=": lambda: nn.Conv2D(8, 3, stride=2),
        "initializer: expected an Initializer such as nn.HeNormal(), got 3 (Conv2D takes only the number of outputs: "
        "write nn.Conv2D(8, 3))": lambda: nn.Conv2D(1, 8, 3),
        "bias: Conv2D has no such argument; a Dense layer and a convolution": lambda: nn.Conv2D(8, 3, bias=False),
        "kernel_size: MaxPool2D has no such argument; write pool_size=": lambda: nn.MaxPool2D(kernel_size=2),
        "module 'nnlite' has no attribute 'Conv2d'; did you mean nn.Conv2D?": lambda: nn.Conv2d,
        "module 'nnlite' has no attribute 'MaxPool2d'; did you mean nn.MaxPool2D?": lambda: nn.MaxPool2d,
        "p: Dropout has no such argument; write rate=": lambda: nn.Dropout(p=0.5),
        "inplace: ReLU has no such argument; a layer never": lambda: nn.ReLU(inplace=True),
        "dim: Softmax": lambda: nn.Softmax(dim=1),
        "layers: Model takes only layers without a name, got 2 arguments; put the layers in a list":
            lambda: nn.Model(nn.Dense(3), nn.Softmax()),
        "Y: backward needs this argument": lambda: network().backward(),
        "model(X): a model is not called; write model.predict(X)": lambda: network()(X),
        "model: expected a Model, got None; write optimizer.step(model)": lambda: nn.SGD(0.1).step(),
        "lr: SGD has no such attribute; write optimizer.learning_rate": lambda: setattr(nn.SGD(0.1), "lr", 0.2),
        "initializer: expected an Initializer such as nn.HeNormal(), got 3 (Dense takes only the number of outputs":
            lambda: nn.Dense(4, 3),
    },
    "scikit-learn": {
        "max_iter: fit has no such argument; write epochs=": lambda: network().fit(X, y, max_iter=9),
        "random_state: Model has no such argument; write seed=":
            lambda: nn.Model([nn.Dense(3), nn.Softmax()], random_state=0),
        "random_state: fit has no such argument; the seed of the model": lambda: network().fit(X, y, random_state=0),
        "learning_rate: fit has no such argument; it belongs to the optimizer":
            lambda: network().fit(X, y, learning_rate=0.1),
    },
    "percentages": {
        "validation_split: expected a finite number above 0 and below 1, got 20; it is a fraction: write 0.2 for 20 %":
            lambda: network().fit(X, y, validation_split=20),
        "rate: expected a finite number of at least 0 and below 1, got 50; it is a fraction: write 0.5 for 50 %":
            lambda: nn.Dropout(50),
        "label_smoothing: expected a finite number of at least 0 and below 1, got '10%'; it is a fraction: write 0.1":
            lambda: nn.Softmax(label_smoothing="10%"),
    },
    "names": {
        "layers: entry 1 is not a layer, got 'rellu'; did you mean 'relu'?":
            lambda: nn.Model([nn.Dense(3), "rellu", "softmax"]),
        "layers: entry 0 is not a layer, got 'dense'; write nn.Dense(...)": lambda: nn.Model(["dense", "softmax"]),
        "layers: entry 0 is not a layer, got 64; write nn.Dense(64)": lambda: nn.Model([64, "relu", 10, "softmax"]),
        "layers: entry 0 is not a layer, got [Dense(3)]; write one flat list":
            lambda: nn.Model([[nn.Dense(3)], "softmax"]),
        "layers: Model takes only layers without a name, got 2 arguments; put the layers in a list: nn.Model":
            lambda: nn.Model("relu", "softmax"),
        "optimizer: expected an Optimizer such as nn.SGD(0.1), got 'adan'; did you mean 'adam'?":
            lambda: network().fit(X, y, optimizer="adan"),
        "optimizer: expected an Optimizer such as nn.SGD(0.1), got 0.01; write nn.SGD(0.01)":
            lambda: network().fit(X, y, optimizer=0.01),
    },
    "slips": {
        "epoch: fit has no such argument; did you mean epochs=?": lambda: network().fit(X, y, epoch=9),
        "beauty: Dense has no such argument; it takes units, initializer, trainable": lambda: nn.Dense(3, beauty=1),
        "units: Dense needs this argument": nn.Dense,
        "units: Dense got this argument twice": lambda: nn.Dense(3, units=3),
        "ReLU: takes no arguments, got 6": lambda: nn.ReLU(6),
        "Activation: takes no arguments, got 'relu'; it is a base class: write the layer itself, such as nn.ReLU()":
            lambda: nn.Activation("relu"),
        "y: fit takes only X, y without a name, got 4 arguments; name the others": lambda: network().fit(X, y, 9, 2),
        "layers: Model takes only layers without a name, got 2 arguments; name the others, such as n_features=":
            lambda: nn.Model([nn.Softmax()], 4),
    },
}  # fmt: skip


@for_each(
    ("said", "call"),
    table([(said.partition(";")[0], said, call) for calls in HABITS.values() for said, call in calls.items()]),
)
def test_a_habit_is_answered_with_what_to_write_here(said, call):
    beginning, _, advice = said.partition("; ")
    refuse(call, beginning, advice)


@for_each(
    ("name", "layer"),
    [
        *(("relu", nn.ReLU()), ("ReLU", nn.ReLU()), ("Relu", nn.ReLU()), ("leaky_relu", nn.LeakyReLU())),
        *(("hard-swish", nn.HardSwish()), ("swish", nn.SiLU()), ("silu", nn.SiLU()), ("tanh", nn.Tanh())),
        *(("sigmoid", nn.Sigmoid()), ("gelu", nn.GELU()), ("SELU", nn.SELU()), ("softplus", nn.Softplus())),
        *(("elu", nn.ELU()), ("linear", nn.Identity()), ("softmax", nn.Softmax()), ("exponential", nn.Exponential())),
    ],
)
def test_an_activation_may_be_given_by_its_name(name, layer):
    model = nn.Model([nn.Dense(3), name, nn.Dense(3), "softmax"], n_features=4, seed=0)
    assert repr(model.layers[1]) == repr(layer)
    same = nn.Model([nn.Dense(3), layer, nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    np.testing.assert_array_equal(model.theta, same.theta)
    inner = nn.Residual([nn.Dense(3), name])
    assert repr(inner.inner_layers[1]) == repr(layer)


@for_each("name", ["sgd", "Adam", "AdamW", "rmsprop", "RMSProp", "adagrad", "nadam", "lion"])
def test_an_optimizer_may_be_given_by_its_name(name):
    by_name, by_rule = network(), network()
    rule = next(getattr(nn, known) for known in nn.__all__ if known.lower() == name.lower())
    by_name.fit(X, y, optimizer=name, epochs=2, progress=False)
    by_rule.fit(X, y, optimizer=rule(), epochs=2, progress=False)
    np.testing.assert_array_equal(by_name.theta, by_rule.theta)


def test_a_momentum_of_keras_is_suspected():
    for momentum in (0.9, 0.99, 0.999):
        said = rf"for its {momentum:g} write momentum={1 - momentum:.4g}"
        with pytest.warns(nn.TrainingWarning, match=said) as caught:
            nn.BatchNorm(momentum)
        assert caught[0].filename == __file__
    for momentum in (0.01, 0.1, 0.5, 1):
        nn.BatchNorm(momentum)


def test_a_name_that_does_not_exist_is_an_error_of_both_kinds():
    for call in (lambda: nn.Relu, lambda: nn.Sequential, lambda: network().compile, lambda: nn.SGD(0.1).zero_grad):
        refuse(call, "", error=nn.ArgumentError)
        refuse(call, "", error=AttributeError)
    assert not hasattr(nn, "Relu")
    assert getattr(nn, "Relu", None) is None


def test_a_part_that_imports_another_library_says_how_to_import_it():
    assert words.instead_of_name("sklearn", nn.__all__) == "; it needs an import of its own: import nnlite.sklearn"


@for_each("word", words.OF_AN_OPTIMIZER_OBJECT)
def test_a_method_of_other_optimizers_is_answered_and_is_still_missing(word):
    assert not hasattr(nn.Adam(), word)
    with pytest.raises(nn.UnknownNameError, match=f"{word}: Adam has no such attribute; "):
        getattr(nn.Adam(), word)
    assert word not in dir(nn.Adam())


def test_a_rule_of_a_user_may_use_such_a_name_for_its_own():
    class Own(nn.SGD):
        def __init__(self, lr):
            super().__init__(lr)
            self.lr = lr

    assert Own(0.5).lr == 0.5
    refuse(lambda: nn.SGD(0.1).lr, "lr: SGD has no such attribute", error=AttributeError)


@for_each("word", words.OF_A_MODEL)
def test_a_method_of_other_models_is_answered_and_is_still_missing(word):
    assert not hasattr(network(), word)
    with pytest.raises(AttributeError, match=f"Model has no attribute '{word}'; "):
        getattr(network(), word)


@for_each("word", words.OF_THE_LIBRARY)
def test_a_name_of_other_libraries_is_answered_with_a_name_of_nnlite(word):
    with pytest.raises(AttributeError, match=f"no attribute '{word}'; write nn\\.") as caught:
        getattr(nn, word)
    advised = str(caught.value).partition("write nn.")[2].partition("(")[0].partition(" ")[0]
    assert operator.attrgetter(advised)(nn) is not None


def test_a_name_in_another_spelling_is_found():
    with pytest.raises(AttributeError, match=r"did you mean nn\.relu or nn\.ReLU\?"):
        nn.Relu  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute 'Beauty'$"):
        nn.Beauty  # noqa: B018


def test_an_attribute_that_is_missing_or_not_there_yet_says_what_it_said():
    with pytest.raises(AttributeError, match="'Model' object has no attribute 'beauty'"):
        network().beauty  # noqa: B018
    with pytest.raises(nn.NotBuiltError, match="theta: the network does not know its input size yet"):
        nn.Model([nn.Dense(3), nn.Softmax()]).theta  # noqa: B018


def test_every_name_that_is_advised_is_an_argument_of_something():
    public = [getattr(nn, name) for name in nn.__all__]
    calls = [each for each in public if isinstance(each, type) and issubclass(each, words.Explained)]
    known = {argument for call in [*calls, nn.Model.fit, nn.load] for argument in inspect.signature(call).parameters}
    assert {name for names in words.RENAMED.values() for name in names} <= known


def test_signatures_are_exact():
    assert str(inspect.signature(nn.Dropout)) == "(rate: 'float') -> 'None'"
    assert list(inspect.signature(nn.Model.fit).parameters)[:4] == ["self", "X", "y", "optimizer"]
    assert str(inspect.signature(nn.ReLU)) == "() -> None"


class Wide(nn.Layer):
    """A user's layer, whose constructor has a fault of its own."""

    def __init__(self, width, fail=False):
        self.width = width + "1" if fail else width


def test_a_layer_of_a_user_is_explained_too_and_its_own_errors_stay():
    refuse(lambda: Wide(witdh=3), "witdh: Wide has no such argument; did you mean width=?")
    refuse(Wide, "width: Wide needs this argument")
    with pytest.raises(TypeError, match="unsupported operand"):
        Wide(3, fail=True)


class Rule(nn.Optimizer):
    """A user's rule, which passes the common options on."""

    def __init__(self, learning_rate, mu, **options):
        super().__init__(learning_rate, **options)
        self.mu = mu


def test_a_rule_with_options_takes_the_common_ones_and_no_others():
    assert Rule(0.1, 0.9, l1=0.5).l1 == 0.5
    refuse(lambda: Rule(0.1, l1=0.5), "mu: Rule needs this argument")
    refuse(lambda: Rule(0.1, 0.9, decay=0.5), "decay: Rule has no such argument; it takes learning_rate, mu, ")


def test_every_word_stands_in_the_guide():
    guide = (Path(__file__).parents[1] / "docs" / "guides" / "coming_from.md").read_text(encoding="utf-8")
    known = {*words.RENAMED, *words.ADVICE, *words.OF_A_MODEL, *words.OF_THE_LIBRARY, *words.OF_AN_OPTIMIZER_OBJECT}
    assert [word for word in sorted(known) if not re.search(rf"\b{word}\b", guide)] == []
