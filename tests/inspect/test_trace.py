"""Facts about the trace: its equations hold for its numbers, those of a training step, and nothing changes."""

import html.parser
import inspect
import pickle
import re
import shutil
import subprocess

import numpy as np
import pytest

import nnlite as nn
from nnlite.errors import ArgumentError
from nnlite.inspect import equations
from nnlite.inspect.trace import Trace, trace

RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(5, 3)), np.array([0, 1, 3, 2, 1])


class Square(nn.Layer):
    """``a = z^2``, the parabola."""

    def forward(self, a_prev, cache):
        cache.z = a_prev
        return a_prev**2

    def backward(self, da, cache):
        return 2 * da * cache.z


class Scale(nn.Layer):
    """a = s * a_prev."""

    def parameter_shapes(self, input_shape):
        return {"s": input_shape}

    def initialize(self, rng, initializer):
        self.s = 1.5

    def forward(self, a_prev, cache):
        cache.a_prev = a_prev
        return a_prev * self.s

    def backward(self, da, cache):
        self.ds = np.sum(da * cache.a_prev, axis=0)
        return da * self.s


class _Underscore(Square):
    def __init__(self, name="50 % & <b>$x_1$</b> {\\}"):
        self.name = name


MIDDLE = [
    nn.Dense(6), nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(),
    nn.HardSwish(), nn.Softplus(), nn.Tanh(), nn.Softmax(), nn.Sigmoid(), nn.Identity(), nn.Exponential(),
    nn.Dropout(0.5), nn.Dropout(0.0), nn.AlphaDropout(0.3), nn.GaussianNoise(0.5), nn.BatchNorm(), nn.LayerNorm(),
    nn.Reshape((4,)), nn.Flatten(), nn.Residual([nn.Dense(4), nn.ReLU()]), Square(), Scale(), _Underscore(),
]  # fmt: skip
CATS = ["dog", "cat", "owl", "other"]


def again(layer):
    if isinstance(layer, nn.Residual):
        return nn.Residual([again(inner) for inner in layer.layers])
    return type(layer)(**layer.hyperparameters())


def network(*middle, output=None, units=4, dtype="float64", seed=0, n_features=3):
    layers = [nn.Dense(4), *map(again, middle), nn.Dense(units), output or nn.Softmax()]
    model = nn.Model(layers, n_features=n_features, seed=seed, dtype=dtype)
    model.theta[...] = np.random.default_rng(seed).normal(0, 0.5, model.n_parameters)
    return model


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


# ---- the equations hold --------------------------------------------------------------------------------------


def test_every_number_of_a_two_layer_network_is_what_its_equation_says():
    model = network(nn.ReLU())
    t = trace(model, X, y)
    M = len(X)
    assert np.array_equal(t["a[0]"], X)
    close(t["z[1]"], t["a[0]"] @ t["W[1]"] + t["b[1]"])
    close(t["a[1]"], np.maximum(0, t["z[1]"]))
    close(t["z[2]"], t["a[1]"] @ t["W[2]"] + t["b[2]"])
    close(t["a[2]"], nn.softmax(t["z[2]"]))
    assert np.array_equal(t["y"], nn.one_hot(y, 4))
    close(t["L"], -(t["y"] * np.log(t["a[2]"])).sum(axis=1))
    close(t["J"], t["L"].mean())
    assert np.array_equal(t["dz[2]"], t["a[2]"] - t["y"])
    close(t["dW[2]"], t["a[1]"].T @ t["dz[2]"] / M)
    close(t["db[2]"], t["dz[2]"].sum(axis=0) / M)
    close(t["da[1]"], t["dz[2]"] @ t["W[2]"].T)
    close(t["dz[1]"], t["da[1]"] * (t["z[1]"] > 0))
    close(t["dW[1]"], t["a[0]"].T @ t["dz[1]"] / M)
    close(t["db[1]"], t["dz[1]"].sum(axis=0) / M)
    for name in ("W[1]", "b[1]", "W[2]", "b[2]"):
        close(t[f"{name} after"], t[name] - 0.1 * t[f"d{name}"])
    assert t["J"] == t.J
    assert t.J_after == t["J after"] < t.J


def test_the_steps_come_in_the_order_of_the_course():
    names = [step.name for step in trace(network(nn.ReLU()), X, y)]
    assert names == [
        "a[0]", "W[1]", "b[1]", "z[1]", "a[1]", "W[2]", "b[2]", "z[2]", "a[2]", "y", "L", "J",
        "dz[2]", "dW[2]", "db[2]", "da[1]", "dz[1]", "dW[1]", "db[1]",
        "W[1] after", "b[1] after", "W[2] after", "b[2] after", "J after",
    ]  # fmt: skip


def test_the_equations_are_the_courses():
    written = {step.name: (step.equation, step.latex) for step in trace(network(nn.ReLU()), X, y)}
    assert written["z[1]"] == ("z[1] = a[0] W[1] + b[1]", "z^{[1]} = a^{[0]} W^{[1]} + b^{[1]}")
    assert written["a[2]"][0] == "y_hat = a[2] = e^z[2] / sum e^z[2]"
    assert written["dz[2]"] == ("dz[2] = y_hat - y", r"d z^{[2]} = \hat{y} - y")
    assert written["dW[1]"] == (
        "dW[1] = 1/M a[0]^T dz[1]",
        r"d W^{[1]} = \tfrac{1}{M} a^{[0]\top} d z^{[1]}",
    )
    assert written["W[1] after"][0] == "W[1] := W[1] - 0.1 dW[1]"


def test_normalization_over_the_batch_is_written_out():
    model = network(nn.BatchNorm(), nn.Tanh())
    t = trace(model, X, y)
    M, scale = len(X), t["gamma[1]"] / np.sqrt(t["sigma[1]^2"] + 1e-5)
    close(t["mu[1]"], t["z[1]"].mean(axis=0))
    close(t["sigma[1]^2"], t["z[1]"].var(axis=0))
    close(t["z_hat[1]"], (t["z[1]"] - t["mu[1]"]) / np.sqrt(t["sigma[1]^2"] + 1e-5))
    close(t["z'[1]"], t["gamma[1]"] * t["z_hat[1]"] + t["beta[1]"])
    close(t["dgamma[1]"], (t["dz'[1]"] * t["z_hat[1]"]).sum(axis=0) / M)
    close(t["dbeta[1]"], t["dz'[1]"].sum(axis=0) / M)
    close(t["dz[1]"], scale * (t["dz'[1]"] - t["dbeta[1]"] - t["z_hat[1]"] * t["dgamma[1]"]))


def test_frozen_normalization_uses_what_it_has_averaged():
    model = network(nn.BatchNorm(), nn.Tanh())
    model.layers[1].trainable = False
    model.state[...] = RNG.random(8)
    t = trace(model, X, y)
    close(t["mu[1]"], model.layers[1].running_mean)
    close(t["sigma[1]^2"], model.layers[1].running_variance)
    close(t["dz[1]"], t["gamma[1]"] / np.sqrt(t["sigma[1]^2"] + 1e-5) * t["dz'[1]"])
    assert "dgamma[1]" not in [step.name for step in t]


def test_normalization_over_the_units_is_written_out():
    t = trace(network(nn.LayerNorm(), nn.Tanh()), X, y)
    mean = lambda values: values.mean(axis=1, keepdims=True)  # noqa: E731
    close(t["mu[1]"], mean(t["z[1]"]))
    close(t["sigma[1]^2"], t["z[1]"].var(axis=1, keepdims=True))
    close(t["z'[1]"], t["gamma[1]"] * t["z_hat[1]"] + t["beta[1]"])
    u, z_hat = t["u[1]"], t["z_hat[1]"]
    close(u, t["dz'[1]"] * t["gamma[1]"])
    close(t["dz[1]"], (u - mean(u) - z_hat * mean(u * z_hat)) / np.sqrt(t["sigma[1]^2"] + 1e-5))


def test_a_residual_layer_shows_what_is_inside_and_adds_it():
    t = trace(network(nn.ReLU(), nn.Residual([nn.Dense(4), nn.Tanh()])), X, y)
    close(t["z[2]"], t["a[1]"] @ t["W[2]"] + t["b[2]"])
    close(t["a'[2]"], t["a[1]"] + t["a[2]"])
    assert np.array_equal(t["da[2]"], t["da'[2]"])
    close(t["dz[2]"], t["da[2]"] * (1 - t["a[2]"] ** 2))
    close(t["d_F a[1]"], t["dz[2]"] @ t["W[2]"].T)
    close(t["da[1]"], t["da'[2]"] + t["d_F a[1]"])
    written = {step.name: step.equation for step in t}
    assert written["a'[2]"] == "a'[2] = a[1] + a[2]"
    assert written["da[1]"] == "da[1] = da'[2] + d_F a[1]"


def test_dropout_shows_what_it_dropped():
    t = trace(network(nn.ReLU(), nn.Dropout(0.5)), X, y)
    kept = t["a'[1]"] != 0
    close(t["a'[1]"][kept], 2 * t["a[1]"][kept])
    close(t["da[1]"][kept], 2 * t["da'[1]"][kept])
    assert not t["da[1]"][~kept & (t["a[1]"] != 0)].any()
    step = next(step for step in t if step.name == "a'[1]")
    assert step.statistics["zeros"] == np.mean(~kept)
    assert step.note == "d is 0 with probability 0.5, else 1"


def test_a_layer_of_ones_own_is_shown_by_its_name_its_docstring_and_its_numbers():
    t = trace(network(Scale(), Square()), X, y)
    written = {step.name: (step.equation, step.note) for step in t}
    assert written["z'[1]"] == ("z'[1] = Scale(z[1]; s[1])", "a = s * a_prev.")
    assert written["z''[1]"] == ("z''[1] = Square(z'[1])", "a = z^2, the parabola.")
    assert written["ds[1]"][0] == "ds[1] = Scale.backward(dz'[1])"
    close(t["dz'[1]"], 2 * t["dz''[1]"] * t["z'[1]"])
    close(t["ds[1]"], (t["dz'[1]"] * t["z[1]"]).sum(axis=0) / len(X))


def test_every_layer_of_the_library_has_equations():
    public = [getattr(nn.layers, name) for name in nn.layers.__all__]
    layers = {c for c in public if inspect.isclass(c) and issubclass(c, nn.Layer) and "forward" in vars(c)} - {nn.Layer}
    assert layers == set(equations.FORWARD) == set(equations.BACKWARD)
    assert layers <= {type(layer) for layer in MIDDLE}


# ---- the numbers are those of a training step ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", MIDDLE, ids=lambda layer: type(layer).__name__)
def test_gradients_and_update_are_those_of_a_step_with_the_next_random_numbers(layer, dtype):
    model = network(layer, dtype=dtype)
    t = trace(model, X, y)
    before = model.parameters["W1"].copy()
    Y_hat = model.forward(X)
    assert np.array_equal(t.steps[[step.name for step in t].index("y") - 1].values, Y_hat)
    np.testing.assert_allclose(t.J, model.cost(y), rtol=1e-6)
    model.backward(y)
    nn.SGD(0.1).step(model)
    assert np.array_equal(t["W[1]"], before)
    for step in t:
        if match := re.fullmatch(r"(d?\w+)\[(\d+)\]( after)?", step.name):
            kept = model.parameters if match[3] else model.gradients
            if match[3] or match[1] + match[2] in kept:
                np.testing.assert_array_equal(step.values, kept[match[1] + match[2]], err_msg=step.name)


OUTPUTS = [
    (nn.Softmax(), RNG.dirichlet(np.ones(4), 5)),
    (nn.Softmax(label_smoothing=0.2), y),
    (nn.Sigmoid(), RNG.integers(0, 2, (5, 4))),
    (nn.Identity(), RNG.normal(size=(5, 4))),
    (nn.Exponential(), RNG.poisson(2.0, (5, 4))),
]


@pytest.mark.parametrize(("output", "targets"), OUTPUTS, ids=repr)
def test_every_output_starts_the_backward_pass_with_the_same_line(output, targets):
    model = network(nn.Tanh(), output=again(output))
    t = trace(model, X, targets)
    assert [step.equation for step in t if step.name == "dz[2]"] == ["dz[2] = y_hat - y"]
    close(t["dz[2]"], t["a[2]"] - t["y"])
    model.forward(X)
    np.testing.assert_allclose(t.J, model.cost(targets), rtol=1e-14)


@pytest.mark.parametrize(
    "optimizer", [nn.SGD(0.1, momentum=0.9), nn.Adam(nn.ExponentialDecay(0.01, 1, 0.5)), nn.AdamW(weight_decay=0.1)]
)
def test_what_the_optimizer_remembers_of_the_model_counts_and_stays(optimizer):
    model = network(nn.Tanh(), dtype="float32")
    for _ in range(3):
        model.forward(X)
        model.backward(y)
        optimizer.step(model)
    remembered = pickle.dumps((optimizer.state(model).vectors, optimizer.state(model).n_steps))
    t = trace(model, X, y, optimizer=optimizer)
    assert pickle.dumps((optimizer.state(model).vectors, optimizer.state(model).n_steps)) == remembered
    model.forward(X)
    model.backward(y)
    optimizer.step(model)
    for name, theta in model.parameters.items():
        assert np.array_equal(t[f"{name[0]}[{name[1:]}] after"], theta), name
    assert any(step.equation == f"W[1] := {type(optimizer).__name__}(W[1], dW[1])" for step in t)


def test_an_optimizer_that_has_not_seen_the_model_does_not_remember_it_afterwards():
    optimizer, model = nn.Adam(), network(nn.Tanh())
    trace(model, X, y, optimizer=optimizer)
    assert len(optimizer._states) == 0


def test_the_cost_after_the_step_is_that_with_the_same_random_draws():
    model = network(nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm())
    t = trace(model, X, y)
    rng, state = pickle.dumps(model.rng.bit_generator.state), model.state.copy()
    model.forward(X)
    model.backward(y)
    nn.SGD(0.1).step(model)
    model.rng.bit_generator.state, model.state = pickle.loads(rng), state
    model.forward(X)
    np.testing.assert_allclose(t.J_after, model.cost(y), rtol=1e-14)


def test_frozen_layers_are_not_learned_and_the_backward_pass_ends_where_nothing_in_front_learns():
    model = network(nn.Tanh(), nn.Dense(4), nn.Tanh())
    model.layers[0].trainable = False
    names = [step.name for step in trace(model, X, y)]
    assert names[names.index("J") + 1 :] == [
        "dz[3]", "dW[3]", "db[3]", "da[2]", "dz[2]", "dW[2]", "db[2]",
        "W[2] after", "b[2] after", "W[3] after", "b[3] after", "J after",
    ]  # fmt: skip
    for layer in model.layers:
        layer.trainable = False
    t = trace(model, X, y, example=0)
    assert [step.name for step in t][-1] == "dz[3]"
    assert t.J_after == t.J
    assert "After" not in t.story


def test_a_network_that_does_not_know_its_input_yet_is_shown_in_its_first_step():
    model = nn.Model([nn.Flatten(), nn.Dense(4), nn.Tanh(), nn.Dense(4), nn.Softmax()], seed=3)
    t = trace(model, X.reshape(5, 3, 1), y)
    assert not model.built
    model.forward(X.reshape(5, 3, 1))
    assert np.array_equal(t["W[1]"], model.parameters["W1"])


# ---- the model stays as it is --------------------------------------------------------------------------------


def test_nothing_changes():
    model = network(nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.5), nn.Residual([nn.Dense(4)]), dtype="float32")
    undisturbed = model.copy()
    data = X.astype(np.float32)
    for one in (model, undisturbed):
        one.forward(X)
    t = trace(model, data, y, example=1, optimizer=nn.Adam())
    shown = str(t)
    for one in (model, undisturbed):  # the pass that was under way goes on
        one.backward(y)
    for name in ("theta", "grad", "state"):
        assert np.array_equal(getattr(model, name), getattr(undisturbed, name)), name
    assert model.rng.bit_generator.state == undisturbed.rng.bit_generator.state
    assert np.array_equal(data, X.astype(np.float32))
    assert not any("forward" in vars(one) for one in model.all_layers())
    assert str(t) == shown


# ---- the story of one example ---------------------------------------------------------------------------------


def story(output, z, y, n_features=None, **options):
    """Of a network without parameters, whose z[1] is its input."""
    model = nn.Model([output], n_features=len(z[0]), dtype="float64")
    return trace(model, z, y, example=0, **options).story


def test_the_courses_cat():
    assert story(nn.Softmax(), np.log([[0.3, 0.2, 0.1, 0.4]]), [1], class_names=CATS) == (
        "Example 0 is a cat. The network is 20 % certain that it is a cat; L = -log 0.2 = 1.61. "
        "It would rather say other (40 %)."
    )


def test_an_example_that_is_right_has_its_article_and_its_first_choice():
    assert story(nn.Softmax(), [[5.0, 2, -1, 3]], [0], class_names=["owl", "b", "c", "d"]) == (
        "Example 0 is an owl. The network is 84.2 % certain that it is an owl; L = -log 0.842 = 0.172. "
        "That is its first choice."
    )
    assert "certain that it is class 0;" in story(nn.Softmax(), [[5.0, 2, -1, 3]], [0])
    assert "is an 8." in story(nn.Softmax(), [[5.0, 2]], [1], class_names=[7, 8])


def test_a_step_on_one_example_makes_the_network_more_certain_of_it():
    t = trace(network(nn.Tanh()), X[:1], y[:1], example=0, class_names=CATS)
    before, after = re.search(
        r"is (\S+) % certain that .* After one step of SGD\(0.1\) it is (\S+) % ", t.story
    ).groups()
    assert float(after) > float(before)


def test_examples_are_counted_from_the_end_too():
    t = trace(network(nn.Tanh()), X, y, example=-2, class_names=CATS)
    assert t.example == 3
    assert t.story.startswith("Example 3 is an owl.")
    assert "After one step of SGD(0.1) on these 5 examples it is " in t.story


@pytest.mark.parametrize(
    ("output", "z", "y", "options", "expected"),
    [
        (
            nn.Sigmoid(), [[np.log(0.25)]], [1], {"class_names": ["dog", "cat"]},
            "Example 0 is a cat. The network is 20 % certain that it is a cat; L = -log 0.2 = 1.61. "
            "It would rather say a dog (80 %).",
        ),
        (
            nn.Sigmoid(), [[np.log(0.25)]], [0], {},
            "Example 0 is class 0. The network is 80 % certain that it is class 0; L = -log 0.8 = 0.223. "
            "That is its first choice.",
        ),
        (
            nn.Sigmoid(), [[np.log(0.25)]], [0.5], {},
            "Example 0 is class 1 with probability 50 %. The network says 20 %; L = 0.916.",
        ),
        (
            nn.Sigmoid(), [[np.log(0.25), np.log(9)]], [[1, 0]], {"class_names": ["fur", "wings"]},
            "Example 0 has the label fur. The network is 90 % certain of wings (not there), "
            "20 % certain of fur (right); L = 3.91.",
        ),
        (
            nn.Softmax(0.1), np.log([[0.5, 0.5]]), [1], {},
            "Example 0 is class 1. The network is 50 % certain that it is class 1; L = 0.693 with label smoothing 0.1. "
            "It is as certain that it is class 0.",
        ),
        (
            nn.Softmax(), np.log([[0.25, 0.75]]), [[0.5, 0.5]], {"class_names": ["cat", "dog"]},
            "Example 0 is 50 % cat, 50 % dog. The network says 75 % dog, 25 % cat; L = 0.837.",
        ),
        (
            nn.Identity(), [[2.5]], [3.0], {"class_names": ["price"]},
            "The price of example 0 is 3. The network says 2.5, 0.5 too low; L = 1/2 (2.5 - 3)^2 = 0.125.",
        ),
        (
            nn.Identity(), [[2.5, 1.0]], [[3.0, 4.0]], {},
            "The values of example 0 are (3, 4). The network says (2.5, 1), which is farthest off for output 1; "
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


def test_of_one_example_the_rows_are_its_own_and_the_gradients_those_of_the_batch():
    model = network(nn.BatchNorm(), nn.ReLU())
    one, whole = trace(model, X, y, example=2), trace(model, X, y)
    for step, its in zip(whole, one, strict=True):
        same = re.match(r"(d?[Wb]|d?gamma|d?beta|mu|sigma)\[|J", step.name)
        assert np.array_equal(its.values, step.values if same else step.values[2]), step.name
    assert whole.story is None


# ---- how it looks ---------------------------------------------------------------------------------------------

SHOWN = [network(layer, nn.ReLU()) for layer in MIDDLE]
SHOWN.append(network(*[nn.Residual([nn.LayerNorm(), nn.Dense(4), nn.GELU()]) for _ in range(4)], dtype="float32"))


@pytest.mark.parametrize("model", SHOWN, ids=lambda model: repr(model.layers[1])[:20])
@pytest.mark.parametrize("example", [None, 1])
def test_the_table_fits_a_terminal_and_the_html_and_the_latex_are_well_formed(model, example):
    t = trace(model, X, y, example=example, class_names=["<i>", "$a_b$", "50 %", "{"] if example else None)
    text = str(t)
    assert max(map(len, text.splitlines())) < 100
    assert text.isascii()
    assert repr(t) == text
    page = Page(t._repr_html_())
    assert page.formulas == [rf"\({_with_value(step)}\)" for step in t]
    check_latex(t.to_latex())


def _with_value(step):
    return f"{step.latex} = {equations.latex_number(f'{step.values:.6g}')}" if not step.shape else step.latex


class Page(html.parser.HTMLParser):
    """Every element is closed in its turn; collects the formulas."""

    def __init__(self, text):
        super().__init__()
        self.open, self.formulas, self.texts = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag != "br":
            self.open.append(tag)
        assert tag in {"style", "div", "p", "code", "br", "table", "tr", "th", "td", "span", "pre"}
        if ("class", "tex") in attrs:
            self.formulas.append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
        if data.startswith("\\("):
            self.formulas[-1] += data


def check_latex(text):
    unescaped = re.sub(r"\\[\\{}%&$#_]", "", text)
    assert unescaped.count("{") == unescaped.count("}")
    environments = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            environments.append(name)
        else:
            assert environments.pop() == name
    assert not environments
    assert text.count(r"\begin{align*}") in (3, 4)
    assert all(line.startswith("%") or not re.search(r"(?<!\\)%", line) for line in text.splitlines())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex")
def test_latex_compiles(tmp_path):
    names = ["<i>", "$a_b$", "50 % & ~^\\", "{|}"]
    fragments = [trace(model, X, y, example=2, class_names=names).to_latex() for model in SHOWN]
    fragments.append(trace(SHOWN[-1], X, y, max_numbers=0, optimizer=nn.Adam()).to_latex())
    document = r"\documentclass{article}\usepackage{amsmath}\begin{document}" + "\n".join(fragments) + r"\end{document}"
    (tmp_path / "trace.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "trace.tex"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert (tmp_path / "trace.pdf").stat().st_size > 10_000


def test_numbers_are_shown_where_there_are_few():
    model = network(nn.ReLU())
    assert "[1 0 0 0]" in str(trace(model, X, y))
    assert "[1 0 0 0]" not in str(trace(model, X, y, max_numbers=0))
    assert "<pre>" not in trace(model, X, y, max_numbers=0)._repr_html_()
    assert "bmatrix" not in trace(model, X, y, max_numbers=0).to_latex()
    wide = trace(network(nn.ReLU(), n_features=30), RNG.normal(size=(1, 30)), [0])
    assert not any(len(line) > 99 for line in str(wide).splitlines())


def test_numbers_that_are_not_finite_are_shown_as_such():
    model = network(nn.Exponential(), output=nn.Identity())
    model.parameters["b1"][...] = 1000
    t = trace(model, X, RNG.normal(size=(5, 4)))
    assert "inf" in str(t)
    assert Page(t._repr_html_()).formulas
    check_latex(t.to_latex())


def test_text_of_a_user_is_no_html():
    t = trace(network(_Underscore()), X, y, example=0, class_names=["<script>", "b", "c", "d"])
    page = Page(t._repr_html_())
    assert any("<script>" in text for text in page.texts)


def test_layers_that_look_alike_are_told_apart():
    t = trace(network(nn.Dense(4), nn.Residual([nn.ReLU(), nn.ReLU()])), X, y)
    for place in ("layers[0] Dense(4)", "layers[1] Dense(4)", "layers[2][0] ReLU()", "layers[2][1] ReLU()"):
        assert str(t).splitlines().count(place) >= 2
        assert place in Page(t._repr_html_()).texts


def test_steps_are_data():
    t = trace(network(nn.ReLU()), X, y)
    assert isinstance(t, Trace)
    assert len(t) == len(t.steps) == len(list(t))
    step = next(step for step in t if step.name == "a[1]")
    assert (step.part, step.layer, step.shape) == ("forward", "layers[1] ReLU()", (5, 4))
    a = t["a[1]"]
    assert step.statistics == pytest.approx(
        {"min": a.min(), "mean": a.mean(), "max": a.max(), "zeros": (a == 0).mean()}
    )
    assert {step.part for step in t} == {"forward", "cost", "backward", "update"}
    with pytest.raises(KeyError, match=r"'z\[9\]' is no step of this trace; there are a\[0\], W\[1\]"):
        t["z[9]"]


# ---- wrong use ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": None}, r"X: a trace sends examples through the network; pass some, such as X\[:32\]"),
        ({"y": None}, r"y: a trace starts backward from the labels; pass those of X, such as y\[:32\]"),
        (
            {"X": np.broadcast_to(0.0, (1_000_000, 3)), "y": np.zeros(1_000_000, int)},
            r"X: a trace takes at most 1,024 examples, got 1,000,000; pass X\[:32\], y\[:32\]",
        ),
        ({"X": X[0]}, r"X.reshape\(1, -1\)"),
        ({"X": X[:, :2]}, "X: expected 3 features"),
        ({"y": y[:3]}, "y: expected 5 labels"),
        ({"y": y + 1}, "y: label 4 is out of range"),
        ({"example": 5}, r"example: expected the index of one of 5 examples \(0..4\), got 5"),
        ({"example": -6}, "example: expected an integer of at least -5, got -6"),
        ({"example": "first"}, "example: expected an integer"),
        ({"optimizer": "adam"}, r"optimizer: expected an Optimizer such as nn.SGD\(0.1\), got 'adam'"),
        ({"class_names": ["cat"]}, "class_names: expected a list of 4 names, one for each of the classes"),
        ({"class_names": "abcd"}, "class_names: expected a list of 4 names"),
        ({"max_numbers": -1}, "max_numbers: expected an integer of at least 0"),
        ({"model": nn.Dense(3)}, "model: expected a Model, got Dense"),
    ],
)
def test_wrong_arguments_say_what_would_be_right(arguments, message):
    given = {"model": network(nn.ReLU()), "X": X, "y": y} | arguments
    with pytest.raises(ArgumentError, match=message):
        trace(given.pop("model"), given.pop("X"), given.pop("y"), **given)
