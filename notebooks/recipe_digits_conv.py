"""The digits that come with nnlite to 99 %: a small convolutional network with augmentation.

    python notebooks/recipe_digits_conv.py
"""

import argparse
import statistics

import nnlite as nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
options = parser.parse_args()


def convolution(filters):
    return [nn.Conv2D(filters, 3, padding="same"), nn.BatchNorm(), nn.ReLU()]


digits = nn.load_digits()
X, X_test = (part.reshape(-1, 8, 8, 1) for part in (digits.X_train, digits.X_test))
batch_size = 64
steps = options.epochs * -(-len(X) // batch_size)
augment = [nn.augment.Rotate(10), nn.augment.Scale(1.1), nn.augment.Shift(0.6)]
accuracies = []
for seed in options.seeds:
    layers = [*convolution(24), *convolution(24), nn.MaxPool2D(2), *convolution(48), nn.MaxPool2D(2)]
    model = nn.Model([*layers, nn.Flatten(), nn.Dropout(0.3), nn.Dense(10), nn.Softmax()], seed=seed)
    model.fit(
        X,
        digits.y_train,
        optimizer=nn.Adam(nn.OneCycle(0.01, steps)),
        epochs=options.epochs,
        batch_size=batch_size,
        augment=augment,
    )
    accuracies.append(model.evaluate(X_test, digits.y_test)["accuracy"])
    print(f"seed {seed}: {accuracies[-1]:.2%}", flush=True)
print(f"digits, {options.epochs} epochs: median {statistics.median(accuracies):.2%} on the test set")
