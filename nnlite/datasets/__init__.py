"""Data sets: the digits and irises that come with nnlite, MNIST, and synthetic data."""

from nnlite.datasets.dataset import Dataset
from nnlite.datasets.mnist import load_mnist
from nnlite.datasets.shipped import load_digits, load_iris
from nnlite.datasets.synthetic import make_blobs, make_moons, make_spirals

__all__ = [
    "Dataset",
    "load_digits",
    "load_iris",
    "load_mnist",
    "make_blobs",
    "make_moons",
    "make_spirals",
]
