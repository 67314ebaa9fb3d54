"""Facts about theta, grad and state, the flat vectors of a network, and the views into them."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.layers import BatchNorm, Residual
from nnlite.network.vectors import Segment, Vectors, is_unset

from ..support import Scale, for_each, network, refuse
from .common import X, of_kind, y


def vectors_of(*layers):
    """The vectors of layers with the shapes of their inputs."""
    return Vectors(layers, np.dtype("float32"))


def layout(segments):
    return [(segment.name, segment.start, segment.stop, segment.shape) for segment in segments]


# ---- the layout -----------------------------------------------------------------------------------------------


def test_weights_come_first_and_then_biases_each_in_the_order_of_the_layers():
    vectors = vectors_of((nn.Dense(3), (2,)), (nn.Dense(4), (3,)))
    assert layout(vectors.segments) == [
        ("W1", 0, 6, (2, 3)),
        ("b1", 18, 21, (3,)),
        ("W2", 6, 18, (3, 4)),
        ("b2", 21, 25, (4,)),
    ]
    assert vectors.n_weights == 18
    assert vectors.theta.size == vectors.grad.size == 25
    assert vectors.state.size == 0


def test_parameters_are_numbered_by_their_own_name():
    vectors = vectors_of((Scale(), (2,)), (nn.Dense(1), (2,)), (Scale(), (1,)))
    assert [segment.name for segment in vectors.segments] == ["shift1", "scale1", "W1", "b1", "shift2", "scale2"]
    assert [segment.attribute for segment in vectors.segments] == ["shift", "scale", "W", "b", "shift", "scale"]


def test_running_averages_lie_in_state_and_gamma_and_beta_in_theta():
    vectors = vectors_of((nn.Dense(3), (2,)), (BatchNorm(), (3,)))
    names = ("running_mean1", "running_variance1", "running_weight1")
    assert layout(vectors.state_segments) == [(name, 3 * i, 3 * i + 3, (3,)) for i, name in enumerate(names)]
    assert [segment.name for segment in vectors.segments] == ["W1", "b1", "gamma1", "beta1"]
    assert vectors.n_weights == 6
    assert vectors.theta.size == 6 + 3 + 3 + 3


def test_parameters_and_state_start_at_0_and_gradients_are_not_known():
    vectors = vectors_of((nn.Dense(3), (2,)), (BatchNorm(), (3,)))
    for vector, start in ((vectors.theta, 0), (vectors.state, 0), (vectors.grad, np.nan)):
        assert vector.dtype == np.float32
        np.testing.assert_array_equal(vector, start)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_is_unset_until_it_is_set_also_to_nan(dtype):
    grad = Vectors([(nn.Dense(3), (2,))], np.dtype(dtype)).grad
    assert is_unset(grad)
    assert is_unset(grad.copy()[2:5])
    with np.errstate(invalid="ignore"):
        for value in (np.nan, np.inf * np.zeros(1, dtype), np.sqrt(-np.ones(1, dtype)), 0):
            grad[...] = value
            assert not is_unset(grad)


def test_layers_without_parameters_have_no_segments():
    vectors = vectors_of((nn.ReLU(), (2,)), (nn.Flatten(), (2, 2)))
    assert vectors.segments == vectors.state_segments == []
    assert vectors.theta.size == vectors.n_weights == 0


def test_a_segment_is_a_view_of_its_part_of_a_vector():
    segment = Segment("W1", nn.Dense(3), "W", 2, 8, (2, 3))
    vector = np.arange(10.0)
    np.testing.assert_array_equal(segment.view(vector), [[2, 3, 4], [5, 6, 7]])
    segment.view(vector)[...] = 0
    assert vector.sum() == 0 + 1 + 8 + 9
    assert segment.size == 6


def test_a_segment_knows_whether_it_is_decayed_and_whether_its_layer_learns():
    layer = nn.Dense(3)
    W, b = vectors_of((layer, (2,))).segments
    assert (W.decayed, b.decayed) == (True, False)
    assert W.trainable
    layer.trainable = False
    assert not W.trainable
    assert not b.trainable


def test_binding_sets_each_parameter_its_gradient_and_the_state_to_views():
    dense, norm = nn.Dense(3), BatchNorm()
    vectors = vectors_of((dense, (2,)), (norm, (3,)))
    vectors.bind()
    vectors.theta[:], vectors.grad[:], vectors.state[:] = 1, 2, 3
    for view, value in ((dense.W, 1), (dense.b, 1), (dense.dW, 2), (norm.dgamma, 2), (norm.running_variance, 3)):
        np.testing.assert_array_equal(view, value)
    assert not hasattr(norm, "drunning_mean")
    assert (dense.W.shape, norm.gamma.shape) == ((2, 3), (3,))


# ---- in a network ---------------------------------------------------------------------------------------------


def test_parameters_and_gradients_have_the_names_and_shapes_of_the_course():
    model = of_kind()
    shapes = {"W1": (5, 7), "b1": (7,), "W2": (7, 6), "b2": (6,), "W3": (6, 3), "b3": (3,)}
    assert {name: value.shape for name, value in model.parameters.items()} == shapes
    assert list(model.parameters) == ["W1", "b1", "W2", "b2", "W3", "b3"]
    assert {name: value.shape for name, value in model.gradients.items()} == {f"d{k}": v for k, v in shapes.items()}
    assert model.n_parameters == model.theta.size == model.grad.size == sum(map(np.prod, shapes.values()))


def test_theta_and_grad_have_the_weights_of_all_layers_first():
    model = of_kind()
    order = ["W1", "W2", "W3", "b1", "b2", "b3"]
    model.forward(X)
    model.backward(y)
    np.testing.assert_array_equal(model.theta, np.concatenate([model.parameters[name].ravel() for name in order]))
    np.testing.assert_array_equal(model.grad, np.concatenate([model.gradients[f"d{name}"].ravel() for name in order]))
    assert np.any(model.grad != 0)
    assert model.n_weights == 5 * 7 + 7 * 6 + 6 * 3


def test_segments_include_the_layers_inside_other_layers():
    inner = nn.Dense(4)
    model = network(Residual([inner, BatchNorm()]))
    assert [(segment.name, segment.layer) for segment in model.segments[:2]] == [("W1", inner), ("b1", inner)]
    for segment in model.segments:
        np.testing.assert_array_equal(segment.view(model.theta), model.parameters[segment.name])
    assert sum(segment.size for segment in model.segments) == model.n_parameters


@pytest.mark.parametrize(("vector", "mapping", "prefix"), [("theta", "parameters", ""), ("grad", "gradients", "d")])
def test_parameters_and_gradients_are_views(vector, mapping, prefix):
    model = of_kind()
    whole, views = getattr(model, vector), getattr(model, mapping)
    assert whole.ndim == 1
    assert whole.flags.c_contiguous
    whole[:] = np.arange(whole.size)
    assert views[f"{prefix}W1"][0, 1] == 1
    assert views[f"{prefix}b3"][-1] == whole.size - 1
    views[f"{prefix}W2"][...] = -5
    assert np.count_nonzero(whole == -5) == 7 * 6
    for name, layer, attribute in (("W1", 0, "W"), ("b2", 2, "b"), ("W3", 4, "W")):
        assert np.shares_memory(getattr(model.layers[layer], prefix + attribute), views[prefix + name])
        assert np.shares_memory(views[prefix + name], whole)
    assert getattr(model, vector) is whole


@pytest.mark.parametrize("vector", ["theta", "grad", "state"])
def test_an_assignment_to_a_vector_copies_the_values(vector):
    model = network(nn.Dense(6), BatchNorm())
    whole, values = getattr(model, vector), np.arange(getattr(model, vector).size)
    setattr(model, vector, values)
    assert getattr(model, vector) is whole
    np.testing.assert_array_equal(whole, values)


def test_views_stay_live_in_training():
    model = of_kind()
    theta, W1, dW1 = model.theta, model.parameters["W1"], model.gradients["dW1"]
    before = W1.copy()
    model.fit(X, y, epochs=2)
    assert model.theta is theta
    assert not np.array_equal(W1, before)
    np.testing.assert_array_equal(W1, model.parameters["W1"])
    np.testing.assert_array_equal(dW1, model.layers[0].dW)


def test_parameters_and_gradients_keep_their_arrays():
    model = of_kind()
    for mapping in (model.parameters, model.gradients):
        name = next(iter(mapping))
        array = mapping[name]
        mapping[name] = 0
        assert np.shares_memory(mapping[name], array)
        with pytest.raises(nn.ArgumentError, match=f": {name} belongs to a layer"):
            del mapping[name]
        assert repr(mapping) == repr(dict(mapping))


@for_each("vector", ["theta", "grad", "state"])
@for_each("value", [np.zeros(2), np.zeros((3, 1)), "zeros", [[1], [2, 3]]])
def test_an_assignment_of_another_length_is_refused(vector, value):
    model = nn.Model([nn.Dense(4), BatchNorm(), nn.Softmax()], n_features=5, seed=0)
    before = getattr(model, vector).tobytes()
    refuse(lambda: setattr(model, vector, value), f"{vector}: ")
    assert getattr(model, vector).tobytes() == before


def test_a_network_computes_with_the_values_written_into_its_parameters():
    model = nn.Model([nn.Dense(2), nn.Identity()], n_features=5, seed=0)
    model.parameters["W1"][...] = np.arange(10).reshape(5, 2)
    model.parameters["b1"][...] = [100, 200]
    expected = X @ np.arange(10, dtype=np.float32).reshape(5, 2) + np.float32([100, 200])
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


# ---- assignment by name -----------------------------------------------------------------------------------------


def test_an_assignment_by_name_copies_into_theta():
    model = network(nn.Dense(5), nn.ReLU())
    theta, W = model.theta, np.arange(20.0).reshape(4, 5)
    model.parameters["W1"] = W
    np.testing.assert_array_equal(model.layers[0].W, W)
    assert model.theta is theta
    assert np.shares_memory(model.parameters["W1"], theta)
    W[0, 0] = 99
    assert model.parameters["W1"][0, 0] == 0
    model.parameters["b2"] = 0.5
    np.testing.assert_array_equal(model.layers[2].b, [0.5] * 3)
    model.parameters["b2"] += 1
    np.testing.assert_array_equal(model.layers[2].b, [1.5] * 3)
    model.parameters["b2"] = [1, 2, 3]
    model.gradients["db2"] = [4, 5, 6]
    np.testing.assert_array_equal(model.grad[-3:], [4, 5, 6])


def test_all_parameters_of_one_network_can_be_assigned_to_another():
    one, other = network(nn.Dense(5), seed=0), network(nn.Dense(5), seed=1)
    for name in one.parameters:
        other.parameters[name] = one.parameters[name]
    np.testing.assert_array_equal(one.theta, other.theta)


@for_each(
    ("name", "value", "said"),
    [
        ("W1", np.ones((5, 4)), 'parameters["W1"]: expected the shape (4, 5) or one number, got (5, 4); W1.T has it'),
        ("W1", np.ones(5), 'parameters["W1"]: expected the shape (4, 5)'),
        ("b1", np.ones((1, 5)), 'parameters["b1"]: expected the shape (5,)'),
        ("b1", [1, 2, 3, 4, np.nan], 'parameters["b1"]: expected finite numbers, got nan'),
        ("b1", [1, 2, 3, 4, 1e300], 'parameters["b1"]: expected finite numbers'),
        ("b1", "five", 'parameters["b1"]: expected numbers'),
        ("w1", np.ones((4, 5)), "parameters: the network has no 'w1'; it has W1, b1, W2, b2; did you mean 'W1'?"),
        ("W3", 1.0, "parameters: the network has no 'W3'"),
    ],
)
def test_a_wrong_assignment_changes_nothing(name, value, said):
    model = network(nn.Dense(5))
    before = model.theta.copy()
    with pytest.raises(nn.ArgumentError) as caught:
        model.parameters[name] = value
    assert str(caught.value).startswith(said)
    np.testing.assert_array_equal(model.theta, before)


def test_a_name_that_the_network_does_not_have_is_a_key_error():
    parameters = network().parameters
    with pytest.raises(KeyError, match="has no 'W9'; it has W1, b1"):
        parameters["W9"]
    assert "W9" not in parameters
    assert parameters.get("W9") is None
