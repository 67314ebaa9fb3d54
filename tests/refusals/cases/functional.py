"""Wrong arguments of the equations in nnlite.functional."""

import numpy as np

from ..refusal import Call, case

X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(8, 3)
P = np.full((8, 4), 0.25)
WORD = case("cat", "expected numbers")


def of_z(**wrong):
    """A function of z."""
    return Call({"z": X}, wrong={"z": WORD, **wrong})


CALLS = {
    **{name: of_z() for name in "erf hard_swish relu selu sigmoid silu softplus tanh".split()},
    **{name: of_z(axis=case(2, named="z")) for name in ("softmax", "log_softmax", "hardmax")},
    "elu": of_z(alpha=-1),
    "gelu": of_z(approximate="yes"),
    "leaky_relu": of_z(negative_slope="steep"),
    "cross_entropy": Call({"Y_hat": P, "Y": P}, wrong={"Y_hat": -P, "Y": P[:, :3], "axis": case(2, named="Y_hat")}),
    "binary_cross_entropy": Call({"Y_hat": [0.5], "Y": [1]}, wrong={"Y_hat": [2], "Y": [0, 1]}),
    "one_hot": Call({"y": [0, 3]}, wrong={"y": [0, -1], "n_classes": 0, "dtype": "text"}),
}
