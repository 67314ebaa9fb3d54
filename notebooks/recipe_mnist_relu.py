"""MNIST to 98.5 %: 784-512-512-10 with ReLU, batch normalization and dropout, Adam and a one-cycle schedule.

    python notebooks/recipe_mnist_relu.py --data DIRECTORY_WITH_MNIST
"""

import argparse
import statistics

import nnlite as nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
parser.add_argument("--data", help="directory with the IDX files (default: download them once)")
options = parser.parse_args()

mnist = nn.load_mnist(options.data)
batch_size = 128
steps = options.epochs * -(-len(mnist.X_train) // batch_size)
accuracies = []
for seed in options.seeds:
    layers = []
    for _ in range(2):
        layers += [nn.Dense(512), nn.BatchNorm(), nn.ReLU(), nn.Dropout(0.3)]
    model = nn.Model([*layers, nn.Dense(10), nn.Softmax()], seed=seed)
    optimizer = nn.Adam(nn.OneCycle(3e-3, steps))
    model.fit(mnist.X_train, mnist.y_train, optimizer=optimizer, epochs=options.epochs, batch_size=batch_size)
    accuracies.append(model.evaluate(mnist.X_test, mnist.y_test)["accuracy"])
    print(f"seed {seed}: {accuracies[-1]:.2%}", flush=True)
print(f"784-512-512-10, {options.epochs} epochs: median {statistics.median(accuracies):.2%} on the test set")
