"""The numbers of a network under PyTorch's names, and from them."""

import copy

import numpy as np
import pytest

import nnlite as nn
from tests.support import away_from_zero, refuse, table

from ..support import for_each


def make(dtype="float32", seed=0):
    layers = [
        nn.Dense(5), nn.BatchNorm(), nn.ReLU(), nn.Residual([nn.Dense(5), nn.Tanh()]), nn.LayerNorm(), nn.Dropout(0.5),
        nn.Dense(3), nn.Softmax(),
    ]  # fmt: skip
    model = away_from_zero(nn.Model(layers, n_features=4, seed=seed, dtype=dtype), seed=seed)
    model.state = np.random.default_rng(seed).uniform(0.5, 2, model.state.size)
    model.layers[1].running_weight = 1 - 0.9**7
    return model


SHAPES = {
    "0.weight": (5, 4), "0.bias": (5,),
    "1.weight": (5,), "1.bias": (5,), "1.running_mean": (5,), "1.running_var": (5,), "1.num_batches_tracked": (),
    "3.layers.0.weight": (5, 5), "3.layers.0.bias": (5,),
    "4.weight": (5,), "4.bias": (5,),
    "6.weight": (3, 5), "6.bias": (3,),
}  # fmt: skip


def test_the_names_the_shapes_and_their_order_are_pytorchs():
    state = make().state_dict()
    assert {key: array.shape for key, array in state.items()} == SHAPES
    assert list(state) == list(SHAPES)
    assert state["1.num_batches_tracked"].dtype == np.int64
    assert all(array.flags.c_contiguous for array in state.values())


def test_each_array_is_the_one_of_its_layer():
    model = make()
    state, (dense, norm, _, residual, layer_norm, *_) = model.state_dict(), model.layers
    np.testing.assert_array_equal(state["0.weight"], dense.W.T)
    np.testing.assert_array_equal(state["1.weight"], norm.gamma)
    np.testing.assert_array_equal(state["1.bias"], norm.beta)
    np.testing.assert_array_equal(state["1.running_mean"], norm.running_mean)
    np.testing.assert_array_equal(state["1.running_var"], norm.running_variance)
    np.testing.assert_array_equal(state["3.layers.0.weight"], residual.layers[0].W.T)
    np.testing.assert_array_equal(state["4.weight"], layer_norm.gamma)


def test_they_are_copies():
    model = make()
    before = model.theta.copy()
    for array in model.state_dict().values():
        array[...] = 7
    np.testing.assert_array_equal(model.theta, before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loading_makes_the_networks_equal(dtype):
    model, other = make(dtype), make(dtype, seed=1)
    other.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(other.theta, model.theta)
    np.testing.assert_allclose(other.state, model.state, rtol=1e-6)
    np.testing.assert_array_equal(other.layers[1].running_variance, model.layers[1].running_variance)
    X = np.random.default_rng(0).normal(size=(7, 4))
    np.testing.assert_array_equal(other.predict_proba(X), model.predict_proba(X))


def test_numbers_of_other_types_are_cast_and_lists_will_do():
    model, other = make("float64"), make("float32", seed=1)
    other.load_state_dict({key: array.astype(np.float64).tolist() for key, array in model.state_dict().items()})
    np.testing.assert_array_equal(other.theta, model.theta.astype(np.float32))


def test_the_counter_of_batches_may_be_missing():
    """The averages are complete then: their weight is 1."""
    state, model = make().state_dict(), make(seed=1)
    del state["1.num_batches_tracked"]
    model.load_state_dict(state)
    assert (model.layers[1].running_weight == 1).all()


@for_each(("momentum", "counts"), [(0.1, [0, 1, 2, 50]), (0.01, [0, 1, 300]), (1.0, [0, 1])])
@for_each("dtype", ["float32", "float64"])
def test_the_counter_is_the_weight_of_the_running_averages(momentum, counts, dtype):
    """``w = 1 - (1 - momentum)^t`` after t batches."""
    model = nn.Model([nn.BatchNorm(momentum), nn.Identity()], n_features=3, dtype=dtype)
    X, done = np.random.default_rng(0).normal(size=(8, 3)), 0
    for count in counts:
        for _ in range(count - done):
            model.forward(X)
        done = count
        state = model.state_dict()
        assert state["0.num_batches_tracked"] == count
        other = nn.Model([nn.BatchNorm(momentum), nn.Identity()], n_features=3, dtype=dtype)
        other.load_state_dict(state)
        np.testing.assert_allclose(other.layers[0].running_weight, model.layers[0].running_weight, rtol=1e-5)


def test_a_counter_of_many_batches_is_a_weight_of_1():
    model = nn.Model([nn.BatchNorm(), nn.Identity()], n_features=3)
    state = model.state_dict() | {"0.num_batches_tracked": np.array(10**15)}
    model.load_state_dict(state)
    assert (model.layers[0].running_weight == 1).all()
    assert 100 < model.state_dict()["0.num_batches_tracked"] < 1000


def test_a_layer_of_ones_own_keeps_its_names():
    class Scale(nn.Layer):
        def parameter_shapes(self, input_shape):
            return {"W": input_shape, "power": (1,)}

        def forward(self, a_prev, cache):
            return a_prev * self.W

        def backward(self, da, cache):
            return da * self.W

    model = nn.Model([Scale(), nn.Softmax()], n_features=4)
    assert {key: array.shape for key, array in model.state_dict().items()} == {"0.W": (4,), "0.power": (1,)}
    model.load_state_dict({"0.W": [1, 2, 3, 4], "0.power": [2]})
    np.testing.assert_array_equal(model.layers[0].W, [1, 2, 3, 4])


def changed(**changes):
    """A state dict with other entries; None removes one."""
    state = make(seed=1).state_dict() | changes
    return {key: value for key, value in state.items() if value is not None}


WRONG = table([
    ("missing", changed(**{"0.weight": None, "6.bias": None}), "missing '0.weight', '6.bias'"),
    ("unexpected", changed(**{"9.weight": np.ones(3), "fc": np.ones(2)}), "unexpected '9.weight', 'fc'"),
    ("both", changed(**{"0.bias": None, "0.offset": np.ones(5)}), "missing '0.bias'; unexpected '0.offset'"),
    ("no bias", changed(**{"0.bias": None}), "add zeros: state_dict['0.bias'] = np.zeros((5,))"),
    ("other names", {f"net.{k}": v for k, v in make().state_dict().items()}, "the network has '0.weight'"),
    ("transposed", changed(**{"0.weight": np.ones((4, 5))}), "'0.weight' must have the shape (5, 4), got (4, 5)"),
    ("shapes", changed(**{"0.bias": np.ones(1), "6.bias": np.ones((3, 1))}), "'0.bias' must have", "'6.bias' must"),
    ("text", changed(**{"0.bias": ["a"] * 5}), "expected numbers"),
    ("nan", changed(**{"6.bias": np.array([0, np.nan, 0])}), "'6.bias'", "finite"),
    ("too large", changed(**{"6.bias": np.array([0, 1e300, 0])}), "'6.bias'", "float32"),
    ("variance", changed(**{"1.running_var": -np.ones(5)}), "variances of at least 0, got -1"),
    ("counter", changed(**{"1.num_batches_tracked": -1}), "'1.num_batches_tracked'", "number of batches, got -1"),
    ("no mapping", [1, 2], "expected a mapping of names to arrays, got list"),
    ("a network", make(), "pass its state_dict()"),
    ("no text", changed() | {3: np.ones(2)}, "unexpected 3"),
])  # fmt: skip


@for_each("row", [row.values for row in WRONG], ids=[row.id for row in WRONG])
def test_what_does_not_fit_is_named_and_nothing_changes(row):
    state, *fragments = row
    model = make()
    before = model.theta.copy(), model.state.copy()
    refuse(lambda: model.load_state_dict(state), "state_dict", *fragments)
    np.testing.assert_array_equal(model.theta, before[0])
    np.testing.assert_array_equal(model.state, before[1])


@pytest.mark.parametrize("call", [lambda m: m.state_dict(), lambda m: m.load_state_dict({})], ids=["save", "load"])
def test_a_network_that_is_not_built_has_none(call):
    with pytest.raises(nn.NotBuiltError, match="state_dict"):
        call(nn.Model([nn.Dense(3), nn.Softmax()]))


# ---- PyTorch at the other end ----------------------------------------------------------------------------------------


def pytorch_twin(torch, dtype):
    t = torch.nn
    torch.manual_seed(0)
    twin = t.Sequential(
        t.Linear(6, 9), t.BatchNorm1d(9), t.ReLU(), t.Linear(9, 8), t.LayerNorm(8), t.GELU(), t.Dropout(0.3),
        t.Linear(8, 8), t.SiLU(), t.Linear(8, 8), t.ELU(), t.Linear(8, 8), t.SELU(), t.Linear(8, 8), t.LeakyReLU(0.01),
        t.Linear(8, 8), t.Hardswish(), t.Linear(8, 8), t.Softplus(), t.Linear(8, 8), t.Tanh(), t.Linear(8, 4),
        t.Softmax(dim=1),
    ).to(dtype)  # fmt: skip
    for _ in range(5):  # running averages other than 0 and 1
        twin(torch.randn(32, 6, dtype=dtype) * 2 + 1)
    return twin.eval()


def nnlite_twin(dtype):
    activations = [nn.GELU(), nn.Dropout(0.3)], [nn.SiLU()], [nn.ELU()], [nn.SELU()], [nn.LeakyReLU()], [nn.HardSwish()]
    layers = [nn.Dense(9), nn.BatchNorm(), nn.ReLU(), nn.Dense(8), nn.LayerNorm()]
    for some in [*activations, [nn.Softplus()]]:
        layers += [*some, nn.Dense(8)]
    return nn.Model([*layers, nn.Tanh(), nn.Dense(4), nn.Softmax()], n_features=6, dtype=dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-6), ("float64", 1e-13)])
def test_a_sequential_of_pytorch_and_its_twin_predict_the_same(dtype, tolerance):
    torch = pytest.importorskip("torch")
    twin, model = pytorch_twin(torch, getattr(torch, dtype)), nnlite_twin(dtype)
    model.load_state_dict(twin.state_dict())
    X = np.random.default_rng(0).normal(0, 2, (33, 6)).astype(dtype)
    with torch.no_grad():
        expected = twin(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=0, atol=tolerance)

    back = pytorch_twin(torch, getattr(torch, dtype))
    for parameter in back.parameters():
        parameter.data.zero_()
    back.load_state_dict({key: torch.from_numpy(array) for key, array in model.state_dict().items()})
    with torch.no_grad():
        np.testing.assert_array_equal(back.eval()(torch.from_numpy(X)).numpy(), expected)


# ---- images --------------------------------------------------------------------------------------------------------


def of_images():
    """Convolutions, a projection, and what stands behind a Flatten in front of the next Dense layer."""
    block = nn.Residual([nn.Conv2D(4, 3, padding="same"), nn.BatchNorm()], shortcut=[nn.Conv2D(4, 1)])
    layers = [nn.Conv2D(6, (3, 2), groups=2), nn.BatchNorm(), nn.Tanh(), nn.MaxPool2D(), block, nn.LayerNorm()]
    layers += [nn.Flatten(), nn.BatchNorm(), nn.ReLU(), nn.Dense(5), nn.BatchNorm(), nn.Dense(3), nn.Softmax()]
    model = away_from_zero(nn.Model(layers, n_features=(7, 6, 2), seed=0, dtype="float64"))
    model.state = np.random.default_rng(1).uniform(0.5, 2, model.state.size)
    return model


def test_convolutions_have_pytorchs_orientation_also_behind_a_flatten():
    model = of_images()
    found = model.state_dict()
    W = model.layers[0].W
    assert found["0.weight"].shape == (6, 1, 3, 2)
    assert found["0.weight"][4, 0, 2, 1] == W[2, 1, 0, 4]
    assert found["4.shortcut.0.weight"].shape == (4, 6, 1, 1)
    assert found["5.weight"].shape == (4, 2, 2)  # LayerNorm of images
    assert found["5.weight"][3, 0, 1] == model.layers[5].gamma[0, 1, 3]
    dense, norm = model.layers[9], model.layers[7]
    for i, (h, w, c) in enumerate(np.ndindex(2, 2, 4)):  # the order of features here
        there = (c * 2 + h) * 2 + w
        np.testing.assert_array_equal(found["9.weight"][:, there], dense.W[i])
        assert found["7.running_mean"][there] == norm.running_mean[i]
    np.testing.assert_array_equal(found["11.weight"], model.layers[11].W.T)  # no image any more
    again = of_images()
    again.theta = again.state = 1
    again.load_state_dict(found)
    np.testing.assert_array_equal(again.theta, model.theta)


def test_a_network_of_images_without_convolutions_keeps_its_order():
    model = nn.Model([nn.Flatten(), nn.Dense(3), nn.Softmax()], n_features=(4, 3, 2), seed=0)
    np.testing.assert_array_equal(model.state_dict()["1.weight"], model.layers[1].W.T)
    sequence = nn.Model([nn.Conv1D(4, 3), nn.Flatten(), nn.Dense(3), nn.Softmax()], n_features=(5, 2), seed=0)
    weight = sequence.state_dict()["2.weight"].reshape(3, 4, 3)
    np.testing.assert_array_equal(weight, sequence.layers[2].W.reshape(3, 4, 3).transpose(2, 1, 0))


def test_a_network_that_begins_with_a_residual_connection_of_convolutions_has_images():
    block = nn.Residual([nn.BatchNorm(), nn.ReLU(), nn.Conv2D(2, 3, padding="same")])
    for flat in (nn.Flatten(), nn.Reshape((24,))):
        layers = [copy.deepcopy(block), flat, nn.Dense(5), nn.Softmax()]
        model = nn.Model(layers, n_features=(4, 3, 2), seed=0)
        weight = model.state_dict()["2.weight"].reshape(5, 2, 4, 3)
        np.testing.assert_array_equal(weight, model.layers[2].W.T.reshape(5, 4, 3, 2).transpose(0, 3, 1, 2))


def test_what_is_added_to_the_features_of_an_image_has_their_order():
    """Features that PyTorch has in the order (C, H, W) go through its layers, which are written out here."""
    direct = nn.Residual([nn.Dense(5), nn.BatchNorm(), nn.Tanh(), nn.Dense(12), nn.BatchNorm()])
    both = nn.Residual([nn.Dense(12)], shortcut=[nn.Dense(12), nn.BatchNorm()])
    model = nn.Model(
        [nn.ZeroPadding2D(0), nn.Flatten(), direct, both, nn.Dense(3), nn.Softmax()],
        n_features=(2, 3, 2), seed=0, dtype="float64",
    )  # fmt: skip
    away_from_zero(model)
    model.state = np.random.default_rng(1).uniform(0.5, 2, model.state.size)
    found = model.state_dict()

    def dense(a, name):
        return a @ found[f"{name}.weight"].T + found[f"{name}.bias"]

    def norm(a, name):
        z_hat = (a - found[f"{name}.running_mean"]) / np.sqrt(found[f"{name}.running_var"] + 1e-5)
        return z_hat * found[f"{name}.weight"] + found[f"{name}.bias"]

    X = np.random.default_rng(2).normal(size=(4, 2, 3, 2))
    a = X.transpose(0, 3, 1, 2).reshape(4, 12)
    a = a + norm(dense(np.tanh(norm(dense(a, "2.layers.0"), "2.layers.1")), "2.layers.3"), "2.layers.4")
    a = dense(a, "3.layers.0") + norm(dense(a, "3.shortcut.0"), "3.shortcut.1")
    e = np.exp(dense(a, "4"))
    np.testing.assert_allclose(model.predict_proba(X), e / e.sum(axis=1, keepdims=True), rtol=0, atol=1e-14)
    before = model.theta.copy()
    model.theta = 0
    model.load_state_dict(found)
    np.testing.assert_array_equal(model.theta, before)


def test_convolutions_of_pytorch_and_their_twin_predict_the_same():
    torch = pytest.importorskip("torch")
    t, model = torch.nn, of_images()

    class Residual(t.Module):
        def __init__(self, layers, shortcut):
            super().__init__()
            self.layers, self.shortcut = t.Sequential(*layers), t.Sequential(*shortcut)

        def forward(self, x):
            return self.layers(x) + self.shortcut(x)

    block = Residual([t.Conv2d(6, 4, 3, padding=1), t.BatchNorm2d(4)], [t.Conv2d(6, 4, 1)])
    layers = [
        t.Conv2d(2, 6, (3, 2), groups=2),
        t.BatchNorm2d(6),
        t.Tanh(),
        t.MaxPool2d(2),
        block,
        t.LayerNorm((4, 2, 2)),
    ]
    layers += [
        t.Flatten(),
        t.BatchNorm1d(16),
        t.ReLU(),
        t.Linear(16, 5),
        t.BatchNorm1d(5),
        t.Linear(5, 3),
        t.Softmax(1),
    ]
    twin = t.Sequential(*layers).double().eval()
    twin.load_state_dict({key: torch.from_numpy(array) for key, array in model.state_dict().items()})
    X = np.random.default_rng(0).normal(size=(9, 7, 6, 2))
    with torch.no_grad():
        expected = twin(torch.from_numpy(X.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=0, atol=1e-12)
    zero = of_images()
    zero.theta = 0
    zero.load_state_dict(twin.state_dict())
    np.testing.assert_array_equal(zero.theta, model.theta)


def test_tensors_with_gradients_and_of_half_precision_are_taken():
    torch = pytest.importorskip("torch")
    model = nn.Model([nn.Dense(2), nn.Identity()], n_features=3)
    weight = torch.arange(6.0).reshape(2, 3).requires_grad_()
    model.load_state_dict({"0.weight": weight, "0.bias": torch.ones(2, dtype=torch.bfloat16)})
    np.testing.assert_array_equal(model.layers[0].W, np.arange(6.0).reshape(2, 3).T)
    np.testing.assert_array_equal(model.layers[0].b, [1, 1])
    refuse(
        lambda: model.load_state_dict({"0.weight": weight.detach().to_sparse(), "0.bias": torch.ones(2)}),
        "state_dict['0.weight']: expected a dense tensor",
    )
