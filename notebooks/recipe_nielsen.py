"""Networks of M. Nielsen's book "Neural networks and deep learning" (2015), chapter 3: sigmoid, cross-entropy, L2.

They are trained on 50,000 images of MNIST and evaluated on the other 10,000 after every epoch. In the book,
[784, 30, 10] with eta 0.5 reaches about 96.5 % within 30 epochs and [784, 100, 10] about 97.9 %; with eta 0.1 the
latter reaches about 98.0 % within 60 epochs.

    python notebooks/recipe_nielsen.py --hidden 100 --eta 0.1 --epochs 60 --data DIRECTORY_WITH_MNIST
"""

import argparse
import statistics

import nnlite as nn

parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, default=30)
parser.add_argument("--eta", type=float, default=0.5)
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--data", help="directory with the IDX files (default: download them once)")
options = parser.parse_args()


def digit_accuracy(y, Y_hat):
    """Return the accuracy if the digit is that of the largest of the ten sigmoid outputs."""
    return (Y_hat.argmax(axis=1) == y.argmax(axis=1)).mean()


mnist = nn.load_mnist(options.data)
X, Y = mnist.X_train, nn.one_hot(mnist.y_train, 10)
train, other = slice(0, 50_000), slice(50_000, 60_000)
last, best = [], []
for seed in options.seeds:
    draw = nn.LeCunNormal()  # N(0, 1 / n_in), as in the book
    layers = [nn.Dense(options.hidden, draw), nn.Sigmoid(), nn.Dense(10, draw), nn.Sigmoid()]
    history = nn.Model(layers, seed=seed).fit(
        X[train],
        Y[train],
        optimizer=nn.SGD(options.eta, weight_decay=5.0 / 50_000),  # lambda / n
        epochs=options.epochs,
        batch_size=10,
        validation_data=(X[other], Y[other]),
        metrics=[digit_accuracy],
    )
    accuracy = history["val_digit_accuracy"]
    last.append(accuracy[-1])
    best.append(max(accuracy))
    print(f"seed {seed}: {last[-1]:.2%} after the last epoch, {best[-1]:.2%} after the best", flush=True)
print(
    f"[784, {options.hidden}, 10], eta {options.eta}, {options.epochs} epochs: "
    f"medians {statistics.median(last):.2%} and {statistics.median(best):.2%}"
)
