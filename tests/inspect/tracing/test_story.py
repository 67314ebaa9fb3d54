"""Facts about the story of one example."""

import re

import numpy as np

import nnlite as nn

from ...support import for_each
from ..networks import RNG, X, deep, y

CATS = ["dog", "cat", "owl", "other"]


def story(output, z, y, **options):
    """The story that a network without parameters tells: its z[1] is its input."""
    model = nn.Model([output], n_features=len(z[0]), dtype="float64")
    return nn.trace(model, z, y, example=0, **options).story


def test_the_courses_cat():
    assert story(nn.Softmax(), np.log([[0.3, 0.2, 0.1, 0.4]]), [1], class_names=CATS) == (
        "Example 0 is a cat. The network is 20 % certain that it is a cat; L = -log 0.2 = 1.61. "
        "Its first choice is other (40 %)."
    )


def test_a_name_has_its_article():
    assert story(nn.Softmax(), [[5.0, 2, -1, 3]], [0], class_names=["owl", "b", "c", "d"]) == (
        "Example 0 is an owl. The network is 84.2 % certain that it is an owl; L = -log 0.842 = 0.172. "
        "That is its first choice."
    )
    assert "certain that it is class 0;" in story(nn.Softmax(), [[5.0, 2, -1, 3]], [0])
    assert "is an 8." in story(nn.Softmax(), [[5.0, 2]], [1], class_names=[7, 8])


def test_the_model_knows_the_names_of_its_classes():
    model = nn.Model([nn.Softmax()], n_features=2)
    model.class_names = ["cat", "dog"]
    assert nn.trace(model, [[1.0, 0.0]], [1], example=0).story.startswith("Example 0 is a dog.")


def test_a_step_on_one_example_makes_the_network_more_certain_of_it():
    t = nn.trace(deep(nn.Tanh()), X[:1], y[:1], example=0, class_names=CATS)
    before, after = re.search(
        r"is (\S+) % certain that .* After one step of SGD\(0.1\), it is (\S+) % ", t.story
    ).groups()
    assert float(after) > float(before)


def test_a_negative_index_counts_from_the_end():
    t = nn.trace(deep(nn.Tanh()), X, y, example=-3, class_names=CATS)
    assert t.example == 3
    assert t.story.startswith("Example 3 is an owl.")
    assert "After one step of SGD(0.1) on these 6 examples, it is " in t.story


@for_each(
    ("output", "z", "y", "options", "expected"),
    [
        (
            nn.Sigmoid(), [[np.log(0.25)]], [1], {"class_names": ["dog", "cat"]},
            "Example 0 is a cat. The network is 20 % certain that it is a cat; L = -log 0.2 = 1.61. "
            "Its first choice is a dog (80 %).",
        ),
        (
            nn.Sigmoid(), [[np.log(0.25)]], [0], {},
            "Example 0 is class 0. The network is 80 % certain that it is class 0; L = -log 0.8 = 0.223. "
            "That is its first choice.",
        ),
        (
            nn.Sigmoid(), [[np.log(0.25)]], [0.5], {},
            "Example 0 is class 1 with probability 50 %. The network predicts 20 %; L = 0.916.",
        ),
        (
            nn.Sigmoid(), [[np.log(0.25), np.log(9)]], [[1, 0]], {"class_names": ["fur", "wings"]},
            "Example 0 has the label fur. The network is 90 % certain of wings (absent), "
            "20 % certain of fur (present); L = 3.91.",
        ),
        (
            nn.Sigmoid(), [[0.0, 0.0]], [[0, 0]], {},
            "Example 0 has no label. The network is 50 % certain of class 0 (absent), "
            "50 % certain of class 1 (absent); L = 1.39.",
        ),
        (
            nn.Softmax(0.1), np.log([[0.5, 0.5]]), [1], {},
            "Example 0 is class 1. The network is 50 % certain that it is class 1; L = 0.693 with label smoothing 0.1. "
            "It gives class 0 the same probability.",
        ),
        (
            nn.Softmax(), np.log([[0.25, 0.75]]), [[0.5, 0.5]], {"class_names": ["cat", "dog"]},
            "Example 0 is 50 % cat, 50 % dog. The network predicts 75 % dog, 25 % cat; L = 0.837.",
        ),
        (
            nn.Identity(), [[2.5]], [3.0], {"class_names": ["price"]},
            "The price of example 0 is 3. The network predicts 2.5, 0.5 too low; L = 1/2 (2.5 - 3)^2 = 0.125.",
        ),
        (
            nn.Identity(), [[2.5, 1.0]], [[3.0, 4.0]], {},
            "The values of example 0 are (3, 4). The network predicts (2.5, 1); the error of output 1 is the largest. "
            "L = 4.62.",
        ),
        (
            nn.Exponential(), [[np.log(2.0)]], [3.0], {},
            "The count of example 0 is 3. The network expects 2; L = 0.216.",
        ),
    ],
)  # fmt: skip
def test_the_story_suits_the_output(output, z, y, options, expected):
    assert story(output, z, y, **options) == expected


def test_a_users_output_has_a_story_too():
    class Values(nn.Output):
        classifies = False

        def forward(self, a_prev, cache):
            cache.a = a_prev
            return a_prev

        def losses(self, Y, cache):
            return ((cache.a - Y) ** 2).sum(axis=1) / 2

        def check_targets(self, y, units, name="y"):
            return np.asarray(y)

    told = nn.trace(deep(output=Values()), X, RNG.normal(size=(6, 4)), example=0).story
    assert re.match(r"The target of example 0 is \(.*\), the network predicts \(.*\); L = .* After one step", told)
