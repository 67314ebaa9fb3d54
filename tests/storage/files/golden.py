"""Write the model files that every later version of nnlite must read: one set for each version of the format.

``python tests/storage/files/golden.py`` writes the files of the present version that do not exist yet. A file is never
overwritten: it stands for the files that users have.
"""

from pathlib import Path

import numpy as np

import nnlite as nn
from nnlite.storage.header import VERSION

FOLDER = Path(__file__).resolve().parent


def exact():
    """A network whose sums are exact in any order, so that its predictions must be the same, bit for bit."""
    residual = nn.Residual([nn.Dense(8), nn.LeakyReLU(0.25)])
    layers = [nn.Flatten(), nn.Dense(8, nn.Constant(0.5)), nn.ReLU(), residual, nn.Dense(3), nn.Identity()]
    model = nn.Model(layers, n_features=(2, 3), seed=7)
    rng = np.random.default_rng(1)
    model.theta = rng.integers(-16, 17, model.theta.size) / 8
    model.layers[1].trainable = False
    return model, rng.integers(-8, 9, (20, 2, 3)).astype(np.float32)


def every_layer():
    """A network with every layer and initializer, with arguments that are not the defaults."""
    layers = [
        nn.Dense(6, nn.Orthogonal(0.7)),
        nn.BatchNorm(momentum=0.3, epsilon=1e-3),
        nn.ELU(0.8),
        nn.Residual([nn.LayerNorm(1e-4), nn.Dense(6, nn.TruncatedNormal(0.1, 0.2)), nn.GELU("tanh")]),
        nn.SELU(),
        nn.AlphaDropout(0.1),
        nn.Dense(6, nn.LeCunNormal()),
        nn.SiLU(),
        nn.GaussianNoise(0.3),
        nn.Reshape((2, -1)),
        nn.HardSwish(),
        nn.Flatten(),
        nn.Dense(6, nn.GlorotUniform(1.5)),
        nn.Softplus(),
        nn.Dropout(0.4),
        nn.Dense(6, nn.HeUniform()),
        nn.Tanh(),
        nn.Dense(6, nn.GlorotNormal()),
        nn.LeakyReLU(0.2),
        nn.Dense(6, nn.LeCunUniform()),
        nn.Sigmoid(),
        nn.Dense(6, nn.HeNormal()),
        nn.ReLU(),
        nn.Dense(3, nn.Zeros()),
        nn.Softmax(label_smoothing=0.1),
    ]
    model = nn.Model(layers, n_features=4, seed=2**70, dtype="float64")
    rng = np.random.default_rng(2)
    model.theta = rng.standard_normal(model.theta.size)
    model.state = rng.uniform(0.5, 1.5, model.state.size)
    model.layers[1].running_weight = 0.75
    model.class_names = ("setosa", "日本", "c")
    return model, rng.standard_normal((20, 4))


def counts():
    """A network for counts, with the one output layer that the others do not have."""
    model = nn.Model([nn.Dense(2), nn.Exponential()], n_features=3, seed=0, dtype="float64")
    rng = np.random.default_rng(3)
    model.theta = rng.standard_normal(model.theta.size)
    return model, rng.standard_normal((20, 3))


def table():
    """A network that was trained on a table with columns of every kind, missing values and a target that is scaled."""
    rng = np.random.default_rng(4)
    data = {
        "price": [f"{i},{i % 10}" if i % 7 else "?" for i in range(60)],
        "coat": rng.choice(["long", "short", "日本", ""], 60),
        "tame": rng.choice(["yes", "no"], 60),
        "born": [f"{1 + i % 28}.{1 + i % 12}.20{10 + i % 13}" for i in range(60)],
        "always": ["a"] * 60,
        "weight": rng.normal(3e5, 1e4, 60),
    }
    model = nn.Model([nn.Dense(4), nn.Tanh(), nn.Dense(1), nn.Identity()], seed=0, dtype="float64")
    pets = nn.Table(data, target="weight", missing=["?"])
    model.fit(pets, epochs=2, progress=False, engine="textbook")
    return model, model.encoding.transform(pets, dtype="float64")


def images():
    """A network with every layer on images and sequences, and a projection."""
    block = nn.Residual(
        [nn.BatchNorm(), nn.ReLU(), nn.Conv2D(6, 3, nn.HeNormal(), strides=(2, 1), padding="same", groups=2)],
        shortcut=[nn.Conv2D(6, 1, strides=(2, 1))],
    )
    layers = [
        nn.ZeroPadding2D(((1, 0), (0, 2))),
        nn.Conv2D(4, (3, 2), dilation=(1, 2)),
        block,
        nn.MaxPool2D((2, 1), 1, "same"),
        nn.Dropout2D(0.2),
        nn.AveragePool2D(2, padding="same"),
        nn.Reshape((-1, 6)),
        nn.ZeroPadding1D((2, 0)),
        nn.Conv1D(5, 3),
        nn.MaxPool1D(2, 1),
        nn.Dropout1D(0.3),
        nn.AveragePool1D(2),
        nn.GlobalAveragePool1D(),
        nn.Reshape((1, 1, 5)),
        nn.GlobalAveragePool2D(),
        nn.Dense(3),
        nn.Softmax(),
    ]
    model = nn.Model(layers, n_features=(7, 8, 2), seed=5, dtype="float64")
    rng = np.random.default_rng(5)
    model.theta = rng.standard_normal(model.theta.size)
    model.state = rng.uniform(0.5, 1.5, model.state.size)
    return model, rng.standard_normal((20, 7, 8, 2))


def pictures():
    """A network that knows what its pictures are like."""
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=12, seed=0, dtype="float64")
    rng = np.random.default_rng(6)
    model.theta = rng.standard_normal(model.theta.size)
    model.class_names = ("cat", "dog")
    model.image_encoding = nn.ImageEncoding((2, 2, 3), resize=True, scale=16.0, table_scale=1.0)
    return model, rng.standard_normal((20, 12))


MODELS = {
    "pictures": pictures,
    "images": images,
    "table": table,
    "exact": exact,
    "every_layer": every_layer,
    "counts": counts,
}


def main():
    """Write the files that do not exist yet."""
    for name, make in MODELS.items():
        path = FOLDER / f"version_{VERSION}_{name}.npz"
        if not path.exists():
            model, X = make()
            model.save(path)
            Y_hat = model.forward(X, training=False)
            np.savez_compressed(path.with_suffix(".predictions.npz"), X=X, Y_hat=Y_hat, theta=model.theta)


if __name__ == "__main__":
    main()
