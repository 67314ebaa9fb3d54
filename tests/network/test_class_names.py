"""Facts about the names of the classes of a network."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each, network, refuse


@pytest.mark.parametrize("given", [["a", "b", "c"], ("a", "b", "c"), np.array(["a", "b", "c"])], ids=type)
def test_class_names_become_a_tuple_of_strings(given):
    model = network()
    model.class_names = given
    assert model.class_names == ("a", "b", "c")
    assert all(type(name) is str for name in model.class_names)
    model.class_names = None
    assert model.class_names is None


def test_a_single_sigmoid_unit_has_two_classes_and_several_have_one_label_each():
    one, three = network(units=1, output=nn.Sigmoid()), network(units=3, output=nn.Sigmoid())
    one.class_names = ["no", "yes"]
    three.class_names = ["red", "large", ""]
    assert (one.class_names, three.class_names) == (("no", "yes"), ("red", "large", ""))


@for_each(
    ("output", "names", "said"),
    [
        (nn.Softmax, "abc", "expected a list of strings, one for each class, got 'abc'"),
        (nn.Softmax, 3, "expected a list of strings"),
        (nn.Softmax, [], "expected a list of strings"),
        (nn.Softmax, {"a", "b", "c"}, "expected a list of strings"),
        (nn.Softmax, ["a", "b", 3], "expected strings, got 3 of type int"),
        (nn.Softmax, ["a", "b", "a"], "expected a different name for each class, got 'a' twice"),
        (nn.Softmax, ["a", "b"], "expected 3, one for each class of the network, got 2"),
        (nn.Identity, ["a", "b", "c"], "Identity() does not choose between classes"),
    ],
)
def test_wrong_class_names_are_refused(output, names, said):
    model = network(output=output())
    refuse(lambda: setattr(model, "class_names", names), f"class_names: {said}")
    assert model.class_names is None


def test_names_given_before_the_network_is_built_are_counted_where_the_number_of_classes_is_known():
    model = nn.Model([nn.Tanh(), nn.Softmax()])
    model.class_names = ["a", "b"]
    assert model.class_names == ("a", "b")


def test_a_copy_has_the_names():
    model = network()
    model.class_names = ["a", "b", "c"]
    assert model.copy().class_names == ("a", "b", "c")
