"""LeNet-5 on MNIST: convolutions of 6 and 16 filters of 5 x 5, then 120, 84 and 10 units.

    python notebooks/recipe_mnist_lenet.py --data DIRECTORY_WITH_MNIST

Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document recognition", 1998, report
0.95 % errors on the test set, and 0.8 % with distorted training images (--augment). Here the units are ReLU instead of
tanh, pooling takes the maximum, and the learning rate rises and falls once.
"""

import argparse
import statistics

import nnlite as nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--augment", action="store_true", help="distort the training images")
parser.add_argument("--data", help="directory with the IDX files (default: download them once)")
options = parser.parse_args()

mnist = nn.load_mnist(options.data)
X, X_test = (part.reshape(-1, 28, 28, 1) for part in (mnist.X_train, mnist.X_test))
batch_size = 64
steps = options.epochs * -(-len(X) // batch_size)
augment = [nn.augment.Rotate(10), nn.augment.Scale(1.1), nn.augment.Shift(2), nn.augment.Elastic()]
accuracies = []
for seed in options.seeds:
    layers = [
        nn.Conv2D(6, 5, padding="same"), nn.ReLU(), nn.MaxPool2D(2),
        nn.Conv2D(16, 5), nn.ReLU(), nn.MaxPool2D(2),
        nn.Flatten(), nn.Dense(120), nn.ReLU(), nn.Dense(84), nn.ReLU(), nn.Dense(10), nn.Softmax(),
    ]  # fmt: skip
    model = nn.Model(layers, seed=seed)
    optimizer = nn.AdamW(nn.OneCycle(3e-3, steps), weight_decay=0.01)
    model.fit(
        X,
        mnist.y_train,
        optimizer=optimizer,
        epochs=options.epochs,
        batch_size=batch_size,
        augment=augment if options.augment else None,
    )
    accuracies.append(model.evaluate(X_test, mnist.y_test)["accuracy"])
    print(f"seed {seed}: {1 - accuracies[-1]:.2%} errors", flush=True)
print(f"LeNet-5, {options.epochs} epochs: median {1 - statistics.median(accuracies):.2%} errors on the test set")
