"""Layers that work on images and sequences, with their options, and networks of them."""

import nnlite as nn

C, R, same = nn.Conv2D, nn.Residual, {"padding": "same"}
IMAGE, SEQUENCE = (6, 7, 4), (11, 4)  # examples for the layers of the table

EXAMPLES = {
    "AveragePool1D": [nn.AveragePool1D, lambda: nn.AveragePool1D(3, 2, "same")],
    "AveragePool2D": [
        nn.AveragePool2D,
        lambda: nn.AveragePool2D((3, 2), (1, 3)),
        lambda: nn.AveragePool2D(3, 2, "same"),
    ],
    "Conv1D": [
        lambda: nn.Conv1D(5, 3),
        lambda: nn.Conv1D(33, 4, strides=3, **same),
        lambda: nn.Conv1D(3, 3, dilation=2, **same),
        lambda: nn.Conv1D(4, 3, groups=2),
    ],
    "Conv2D": [
        lambda: C(5, 3),
        lambda: C(5, (2, 3), **same),
        lambda: C(33, 3, strides=2, **same),
        lambda: C(17, (1, 3), strides=(2, 1)),
        lambda: C(40, 1),
        lambda: C(3, (6, 7)),
        lambda: C(3, 2, dilation=(2, 1)),
        lambda: C(16, 3, dilation=(1, 2), **same),
        lambda: C(5, 3, trainable=False),
        lambda: C(4, 3, groups=4, **same),
        lambda: C(8, 2, groups=2, strides=2),
        lambda: C(8, (2, 3), groups=4, dilation=2, **same),
    ],
    "Dropout1D": [lambda: nn.Dropout1D(0.3), lambda: nn.Dropout1D(0)],
    "Dropout2D": [lambda: nn.Dropout2D(0.3), lambda: nn.Dropout2D(0)],
    "GlobalAveragePool1D": [nn.GlobalAveragePool1D],
    "GlobalAveragePool2D": [nn.GlobalAveragePool2D],
    "MaxPool1D": [nn.MaxPool1D, lambda: nn.MaxPool1D(3, 2, "same")],
    "MaxPool2D": [nn.MaxPool2D, lambda: nn.MaxPool2D((3, 2), (1, 3)), lambda: nn.MaxPool2D(3, 2, "same")],
    "ZeroPadding1D": [nn.ZeroPadding1D, lambda: nn.ZeroPadding1D((2, 0))],
    "ZeroPadding2D": [nn.ZeroPadding2D, lambda: nn.ZeroPadding2D(((0, 1), (2, 3)))],
}


def around(name, example):
    """Layers that learn before and behind the example, and the shape of their input."""
    if name.endswith("1D"):
        return lambda: [nn.Conv1D(4, 3, **same), example(), nn.Flatten(), nn.Dense(3), nn.Softmax()], SEQUENCE
    return lambda: [C(4, 3, **same), example(), nn.Flatten(), nn.Dense(3), nn.Softmax()], IMAGE


def projected():
    """A residual connection with a projection, BatchNorm and noise."""
    inside = [C(16, 3, strides=2, **same), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.1), C(16, 3, **same), nn.BatchNorm()]
    return R(inside, shortcut=[C(16, 1, strides=2), nn.BatchNorm()])


NETWORKS = {  # layers in front of Flatten and the output, and the shape of an example
    "all at once": (
        lambda: [
            C(8, 3, **same),
            nn.BatchNorm(),
            nn.ReLU(),
            nn.MaxPool2D(),
            projected(),
            nn.ReLU(),
            nn.GlobalAveragePool2D(),
        ],
        (9, 8, 3),
    ),
    "BatchNorm at the beginning": (lambda: [nn.BatchNorm(), C(3, 2), nn.BatchNorm(0.5, 0.01)], (4, 5, 2)),
    "frozen BatchNorm": (lambda: [C(3, 2), nn.BatchNorm(trainable=False), nn.ReLU()], (4, 5, 2)),
    "BatchNorm of sequences": (lambda: [nn.BatchNorm(), nn.Tanh()], (5, 8)),
    "BatchNorm behind Flatten": (lambda: [C(3, 2), nn.ELU(), nn.Flatten(), nn.BatchNorm(), nn.ReLU()], (4, 5, 2)),
    "LayerNorm and Softmax": (lambda: [C(3, 2), nn.LayerNorm(), nn.SiLU(), C(4, 2), nn.Softmax(), C(2, 1)], (5, 5, 2)),
    "noise": (
        lambda: [nn.GaussianNoise(0.1), C(4, 2), nn.Dropout2D(0.2), nn.Dropout(0.2), nn.Tanh(), nn.AlphaDropout(0.1)],
        (5, 4, 2),
    ),
    "noise of reshaped images": (
        lambda: [C(4, 2), nn.Reshape((6, 8)), nn.Dropout1D(0.3), nn.Reshape((2, 6, 4)), nn.Dropout2D(0.3)],
        (5, 4, 1),
    ),
    "activations in front of reshaped images": (
        lambda: [
            *(C(4, 2), nn.Tanh(), nn.Reshape((6, 8)), nn.Conv1D(6, 3), nn.Tanh(), nn.Reshape((2, 3, 4))),
            *(R([nn.Reshape((3, 8)), nn.BatchNorm(), nn.Tanh(), nn.Reshape((2, 3, 4))]), nn.ReLU()),
        ],
        (5, 4, 1),
    ),
    "images made by Dense": (
        lambda: [nn.Flatten(), nn.Dense(24), nn.BatchNorm(), nn.Tanh(), nn.Reshape((3, 4, 2)), C(4, 2), nn.ReLU()],
        (3, 2),
    ),
    "a shortcut of Dense": (
        lambda: [
            *(C(4, 2), nn.GlobalAveragePool2D()),
            *(R([nn.Dense(7), nn.BatchNorm()], shortcut=[nn.Dense(7), nn.Tanh()]), nn.ReLU()),
        ],
        (3, 4, 2),
    ),
    "shortcuts within shortcuts": (
        lambda: [
            R([nn.ReLU(), C(2, 3, **same), R([C(2, 1)], shortcut=[nn.BatchNorm()])]),
            R([R([C(4, 1)], shortcut=[nn.Tanh(), C(4, 1)])], shortcut=[C(4, 3, **same), nn.Dropout(0.2), nn.ReLU()]),
            R(
                [nn.Dropout(0.1), R([R([C(4, 1)]), nn.Tanh()])],
                shortcut=[R([nn.Dropout2D(0.2), C(4, 1)]), nn.Identity()],
            ),
        ],
        (4, 5, 2),
    ),
    "a shortcut of pooling, before the first layer that learns": (
        lambda: [
            R([nn.AveragePool2D(), nn.Tanh(), C(6, 1)], shortcut=[nn.MaxPool2D(), nn.ZeroPadding2D(0), C(6, 1)]),
            R([nn.Flatten(), nn.Dense(24), nn.Reshape((2, 2, 6))]),
        ],
        (4, 5, 2),
    ),
    "sequences": (
        lambda: [
            *(
                nn.Conv1D(5, 3, dilation=2, **same),
                nn.ReLU(),
                nn.MaxPool1D(2),
                nn.Dropout1D(0.2),
                nn.ZeroPadding1D((2, 0)),
            ),
            *(nn.Conv1D(4, 3, strides=2), nn.AveragePool1D(2, 1), nn.GlobalAveragePool1D()),
        ],
        (17, 3),
    ),
}


def network(name):
    """A function that makes the layers of a network, and the shape of an example."""
    layers, shape = NETWORKS[name]
    return lambda: [*layers(), nn.Flatten(), nn.Dense(3), nn.Softmax()], shape
