"""The form in which all data sets come: training and test examples with their description."""

from typing import NamedTuple

from nnlite.checks import Array


class Dataset(NamedTuple):
    """Training and test examples, with the names of classes and features.

    Attributes
    ----------
    X_train : array of float32, shape (M_train, n_features)
        Training examples, one per row; from `load_images`, uint8 of shape (M, H, W) or (M, H, W, 3).
    y_train : array of int64, shape (M_train,)
        Their class indices 0..C-1; for regression their values (floats).
    X_test : array of float32, shape (M_test, n_features)
        Test examples.
    y_test : array of int64, shape (M_test,)
        Their class indices or values.
    class_names : tuple of str
        The name of each class index; empty for regression.
    feature_names : tuple of str
        The names of the columns of X; empty for images.
    image_shape : tuple of two or three int, or None
        Rows and columns of an image, and 3 for colors; X has its pixels row by row. None if the examples are not
        images.
    name : str
        A short name.
    description : str
        What the data are, with source and license.

    Examples
    --------
    >>> from nnlite import load_iris
    >>> load_iris()
    Dataset(iris: X_train (120, 4), y_train (120,), X_test (30, 4), y_test (30,), 3 classes)
    """

    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array
    class_names: tuple[str, ...]
    feature_names: tuple[str, ...]
    image_shape: tuple[int, ...] | None
    name: str
    description: str

    def __repr__(self) -> str:
        shapes = ", ".join(f"{part} {getattr(self, part).shape}" for part in ("X_train", "y_train", "X_test", "y_test"))
        classes = f", {len(self.class_names)} classes" if self.class_names else ""
        return f"Dataset({self.name}: {shapes}{classes})"
