"""Data to learn from: a CSV file of one's own, two sets that come with nnlite, MNIST, and three from equations."""

from nnlite.datasets.base import Dataset
from nnlite.datasets.csv_file import Table, load_csv
from nnlite.datasets.mnist import load_mnist
from nnlite.datasets.shipped import load_digits, load_iris
from nnlite.datasets.synthetic import make_blobs, make_moons, make_spirals

__all__ = [
    "Dataset",
    "Table",
    "load_csv",
    "load_digits",
    "load_iris",
    "load_mnist",
    "make_blobs",
    "make_moons",
    "make_spirals",
]
