"""How each framework trains and predicts: a module for each, loaded only in that framework's own process.

A module has a class ``Training(network, weights, X, y)`` with the methods ``train(epochs)``, which returns the
framework's own loss of the last epoch, and ``weights()``; and a function ``predictor(weights)`` that returns a function
from X, a NumPy array, to probabilities, a NumPy array.

Each module says why it does as it does. Where alternatives were measured, the fastest stands here.
"""
