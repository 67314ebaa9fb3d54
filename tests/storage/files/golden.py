"""Writes the model files that every later version must read: one set for each version of the format.

``python tests/files/golden.py`` writes those of the present version, where there are none yet. A file is never written
again: what it holds is what users have.
"""

from pathlib import Path

import numpy as np

import nnlite as nn
from nnlite.storage import model_files as files

FOLDER = Path(__file__).resolve().parent


def exact():
    """Numbers so round that every sum is exact, in whatever order it is made: the predictions hold bit for bit."""
    residual = nn.Residual([nn.Dense(8), nn.LeakyReLU(0.25)])
    layers = [nn.Flatten(), nn.Dense(8, nn.Constant(0.5)), nn.ReLU(), residual, nn.Dense(3), nn.Identity()]
    model = nn.Model(layers, n_features=(2, 3), seed=7)
    rng = np.random.default_rng(1)
    model.theta = rng.integers(-16, 17, model.theta.size) / 8
    model.layers[1].trainable = False
    return model, rng.integers(-8, 9, (20, 2, 3)).astype(np.float32)


def every_layer():
    """Every kind of layer and initializer that there is, with arguments that are not the default."""
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
    model.class_names = ("setosa", "日本", "c")
    return model, rng.standard_normal((20, 4))


def counts():
    """The output that is no other's."""
    model = nn.Model([nn.Dense(2), nn.Exponential()], n_features=3, seed=0, dtype="float64")
    rng = np.random.default_rng(3)
    model.theta = rng.standard_normal(model.theta.size)
    return model, rng.standard_normal((20, 3))


MODELS = {"exact": exact, "every_layer": every_layer, "counts": counts}


def main():
    """Write what is not there yet."""
    for name, make in MODELS.items():
        path = FOLDER / f"version_{files.VERSION}_{name}.npz"
        if not path.exists():
            model, X = make()
            files.save(model, path)
            Y_hat = model.forward(X, training=False)
            np.savez_compressed(path.with_suffix(".predictions.npz"), X=X, Y_hat=Y_hat, theta=model.theta)


if __name__ == "__main__":
    main()
