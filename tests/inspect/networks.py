"""Every hidden layer of the library, and small networks with them, for the tests of traces and gradient checks."""

import copy
import html.parser

import numpy as np

import nnlite as nn

from ..support import Square, away_from_zero

M, UNITS = 6, 4
RNG = np.random.default_rng(0)
X, y = RNG.normal(size=(M, 3)), np.array([0, 1, 3, 2, 1, 0])


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


HIDDEN = [
    nn.Dense(UNITS), nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.SELU(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(),
    nn.HardSwish(), nn.Softplus(), nn.Tanh(), nn.Softmax(), nn.Sigmoid(), nn.Identity(), nn.Exponential(),
    nn.Dropout(0.5), nn.Dropout(0.0), nn.AlphaDropout(0.3), nn.GaussianNoise(0.5), nn.BatchNorm(),
    nn.BatchNorm(trainable=False), nn.LayerNorm(), nn.Reshape((UNITS,)), nn.Flatten(),
    nn.Residual([nn.Dense(UNITS), nn.ReLU()]), Square(), Scale(),
    nn.Residual([
        nn.Reshape((2, 2, 1)), nn.ZeroPadding2D(1), nn.Conv2D(UNITS, 3), nn.BatchNorm(), nn.MaxPool2D(2, 1, "same"),
        nn.Dropout2D(0.5), nn.AveragePool2D((1, 2), 1, "same"), nn.GlobalAveragePool2D(),
    ]),
    nn.Residual([
        nn.Reshape((4, 1)), nn.ZeroPadding1D((1, 0)), nn.Conv1D(UNITS, 2), nn.MaxPool1D(2, 1, "same"),
        nn.Dropout1D(0.3), nn.AveragePool1D(2, 1, "same"), nn.BatchNorm(trainable=False), nn.GlobalAveragePool1D(),
    ], shortcut=[nn.Dense(UNITS), nn.Tanh()]),
]  # fmt: skip
ALL_HIDDEN = {type(layer) for layer in nn.layers.chain.flattened(HIDDEN)}

OUTPUTS = [
    (nn.Softmax(), RNG.dirichlet(np.ones(UNITS), M)),
    (nn.Softmax(label_smoothing=0.2), y),
    (nn.Sigmoid(0.1), RNG.random((M, UNITS))),
    (nn.Identity(), RNG.normal(size=(M, UNITS))),
    (nn.Exponential(), RNG.poisson(2.0, (M, UNITS))),
]


def deep(*middle, output=None, dtype="float64", n_features=3):
    """Dense, copies of the layers in the ``middle``, Dense and the output, with random parameters."""
    layers = [nn.Dense(UNITS), *middle, nn.Dense(UNITS), output or nn.Softmax()]
    model = nn.Model([copy.deepcopy(layer) for layer in layers], n_features=n_features, seed=0, dtype=dtype)
    return away_from_zero(model)


class Page(html.parser.HTMLParser):
    """Checks that each element of an HTML text is closed in its turn; collects the texts between them."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        assert tag in {"style", "div", "p", "b", "i", "code", "br", "table", "tr", "th", "td", "span", "pre", "ul",
                       "li", "details", "summary", "thead", "tbody", "svg", "path"}  # fmt: skip
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)
