"""What a report is about: a trained network, its data, and how it was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from nnlite.checks import Array
from nnlite.network.network import Network


class Part(NamedTuple):
    """Examples of one purpose: training, validation or test.

    Attributes
    ----------
    X : ndarray or table
        What `Model.predict` takes.
    y : ndarray, (M,)
        Class indices or values.
    """

    X: Any
    y: Array

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.y)

    @property
    def is_table(self) -> bool:
        """Whether the examples are a table with named columns instead of an array."""
        return not isinstance(self.X, np.ndarray)

    @property
    def has_target(self) -> bool:
        """Whether the examples are a table that has its target, so that y need not be given."""
        return getattr(self.X, "y", None) is not None

    def rows(self, indices: Array) -> Part:
        """Return the examples of these rows."""
        X = self.X.rows(indices) if self.is_table else self.X[indices]
        return Part(X, self.y[indices])

    def sample(self, most: int) -> Part:
        """Return all examples, or ``most`` of them, drawn at random, always the same."""
        if self.size <= most:
            return self
        return self.rows(np.sort(np.random.default_rng(0).choice(self.size, most, replace=False)))


class Pictures(Part):
    """Examples that come from picture files.

    Attributes
    ----------
    files : sequence of str
        The path of each; empty if they are in one file.
    """

    files: Sequence[str] = ()

    @classmethod
    def of(cls, X: Any, y: Array, files: Sequence[str]) -> Pictures:
        """Return examples with their files."""
        made = cls(X, y)
        made.files = files
        return made

    def rows(self, indices: Array) -> Part:
        """Return the examples of these rows."""
        return Pictures.of(self.X[indices], self.y[indices], [self.files[i] for i in indices] if self.files else ())


class Run(NamedTuple):
    """A training and its data, for a report.

    Attributes
    ----------
    model : Model
        Trained.
    test : Part
        What the report judges the network by.
    train, validation : Part, optional
    history : History, optional
    optimizer : Optimizer, optional
    batch_size : int or None
    title : str
    directory : str
        The run directory; "" if there is none.
    feature_names : sequence of str
        Empty for images.
    image_shape : (int, int) or (int, int, 3), optional
        If the examples are images.
    description : str
        What the data are.
    settings : mapping of str to str
        How the network was trained, by name.
    command : str
        The command that repeats the run; "" if there is none.
    best_epoch : int, optional
        The epoch, from 1, whose weights the network has; by default the last.
    class_weight : optional
        As for `Model.fit`. With it, the network is judged as if all classes were equally frequent.
    """

    model: Network
    test: Part
    train: Part | None = None
    validation: Part | None = None
    history: Mapping[str, Sequence[float]] | None = None
    optimizer: Any = None
    batch_size: int | None = 32
    title: str = "Training"
    directory: str = ""
    feature_names: Sequence[str] = ()
    image_shape: tuple[int, ...] | None = None
    description: str = ""
    settings: Mapping[str, str] = {}
    command: str = ""
    best_epoch: int | None = None
    class_weight: Any = None

    @property
    def classifies(self) -> bool:
        """Whether the network chooses between classes."""
        return bool(self.model.output.classifies)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, or their numbers."""
        n = self.model.n_classes or 0
        return self.model.class_names or tuple(map(str, range(n)))

    @property
    def target_name(self) -> str:
        """The name of what is predicted; "" if it has none."""
        return str(getattr(self.test.X, "target_name", ""))
