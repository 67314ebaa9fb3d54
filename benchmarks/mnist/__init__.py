"""For each framework, the script that a user would write to reach 97 % on MNIST, such as benchmarks.mnist.own.

The network is 784-256-10 with ReLU and softmax, trained by Adam with learning rate 1e-3 in batches of 128, from
Glorot's uniform initial weights, or in PyTorch its own (scikit-learn's are nearly Glorot's). After every 100 steps it
predicts the 10,000 test examples; at 97 % it says so and is done. All read the data with the same few lines, but for
nnlite, which brings `load_mnist`.
"""
