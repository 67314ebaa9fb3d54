"""Facts about the words of other libraries: what to write here instead."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import nnlite as nn
from nnlite import words

from .support import network, refuse, table

X, y = np.ones((6, 4)), np.arange(6) % 3
HABITS = {
    "Keras": {
        "activation": lambda: nn.Dense(8, activation="relu"),
        "use_bias": lambda: nn.Dense(8, use_bias=False),
        "kernel_initializer: Dense has no such argument; write initializer=":
            lambda: nn.Dense(8, kernel_initializer="he_normal"),
        "input_shape: Dense has no such argument; the first X sets": lambda: nn.Dense(8, input_shape=(4,)),
        "input_shape: Model has no such argument; write n_features=":
            lambda: nn.Model([nn.Dense(3), nn.Softmax()], input_shape=(4,)),
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
        "p: Dropout has no such argument; write rate=": lambda: nn.Dropout(p=0.5),
        "inplace: ReLU has no such argument; a layer never": lambda: nn.ReLU(inplace=True),
        "dim: Softmax": lambda: nn.Softmax(dim=1),
        "layers: Model takes only layers without a name, got 2 arguments; put the layers in a list":
            lambda: nn.Model(nn.Dense(3), nn.Softmax()),
        "Y: backward needs this argument": lambda: network().backward(),
    },
    "scikit-learn": {
        "max_iter: fit has no such argument; write epochs=": lambda: network().fit(X, y, max_iter=9),
        "random_state: Model has no such argument; write seed=":
            lambda: nn.Model([nn.Dense(3), nn.Softmax()], random_state=0),
        "random_state: fit has no such argument; the seed of the model": lambda: network().fit(X, y, random_state=0),
        "learning_rate: fit has no such argument; it belongs to the optimizer":
            lambda: network().fit(X, y, learning_rate=0.1),
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


@pytest.mark.parametrize(
    ("said", "call"),
    table([(said.partition(";")[0], said, call) for calls in HABITS.values() for said, call in calls.items()]),
)
def test_a_habit_is_answered_with_what_to_write_here(said, call):
    beginning, _, advice = said.partition("; ")
    refuse(call, beginning, advice)


@pytest.mark.parametrize("word", words.OF_A_MODEL)
def test_a_method_of_other_models_is_answered_and_is_still_missing(word):
    assert not hasattr(network(), word)
    with pytest.raises(AttributeError, match=f"Model has no attribute '{word}'; "):
        getattr(network(), word)


@pytest.mark.parametrize("word", words.OF_THE_LIBRARY)
def test_a_name_of_other_libraries_is_answered_with_a_name_of_nnlite(word):
    with pytest.raises(AttributeError, match=f"no attribute '{word}'; write nn\\.") as caught:
        getattr(nn, word)
    advised = str(caught.value).partition("write nn.")[2].partition("(")[0].partition(" ")[0]
    assert hasattr(nn, advised)


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
    known = {*words.RENAMED, *words.ADVICE, *words.OF_A_MODEL, *words.OF_THE_LIBRARY}
    assert [word for word in sorted(known) if not re.search(rf"\b{word}\b", guide)] == []
