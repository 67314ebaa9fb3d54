"""A small VGG on MNIST with augmentation: three times two convolutions of 3 x 3 and a pooling, then 128 units.

    python notebooks/recipe_mnist_vgg.py --data DIRECTORY_WITH_MNIST

The form of the network: K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
recognition", 2015. D. Ciresan, U. Meier and J. Schmidhuber, "Multi-column deep neural networks for image
classification", 2012, report 0.23 % errors on the test set, of 35 networks together.
"""

import argparse
import statistics

import nnlite as nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--data", help="directory with the IDX files (default: download them once)")
options = parser.parse_args()


def block(filters):
    layers = []
    for _ in range(2):
        layers += [nn.Conv2D(filters, 3, padding="same"), nn.BatchNorm(), nn.ReLU()]
    return [*layers, nn.MaxPool2D(2), nn.Dropout(0.1)]


mnist = nn.load_mnist(options.data)
X, X_test = (part.reshape(-1, 28, 28, 1) for part in (mnist.X_train, mnist.X_test))
batch_size = 128
steps = options.epochs * -(-len(X) // batch_size)
augment = [nn.augment.Rotate(10), nn.augment.Scale(1.1), nn.augment.Shear(8), nn.augment.Shift(2)]
accuracies = []
for seed in options.seeds:
    head = [nn.Flatten(), nn.Dense(128), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.3), nn.Dense(10), nn.Softmax()]
    model = nn.Model([*block(16), *block(32), *block(64), *head], seed=seed)
    optimizer = nn.AdamW(nn.OneCycle(3e-3, steps), weight_decay=0.01)
    model.fit(
        X, mnist.y_train, optimizer=optimizer, epochs=options.epochs, batch_size=batch_size, augment=augment
    )
    accuracies.append(model.evaluate(X_test, mnist.y_test)["accuracy"])
    print(f"seed {seed}: {1 - accuracies[-1]:.2%} errors", flush=True)
print(f"small VGG, {options.epochs} epochs: median {1 - statistics.median(accuracies):.2%} errors on the test set")
