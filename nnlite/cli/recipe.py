"""How ``nnlite train`` trains where no option says otherwise: by data set, or by the number of training examples."""

from __future__ import annotations

from typing import NamedTuple

MOST_STEPS = 20_000  # of a training on a table; early stopping usually ends it sooner
FEWEST_EPOCHS, MOST_EPOCHS = 30, 300


class Recipe(NamedTuple):
    """Default options of ``nnlite train``."""

    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float
    momentum: float
    patience: int
    validation_size: float


RECIPES = {
    "digits": Recipe((256,), 60, 32, "sgd", 0.1, 0.9, patience=15, validation_size=0.1),
    "iris": Recipe((16,), 100, 16, "sgd", 0.02, 0.9, patience=25, validation_size=0.1),
    "mnist": Recipe((128,), 15, 32, "sgd", 0.1, 0.0, patience=5, validation_size=0.1),
    "spirals": Recipe((64, 64), 200, 32, "sgd", 0.02, 0.9, patience=40, validation_size=0.1),
}


def for_table(n: int) -> Recipe:
    """Return the recipe for a table with n training examples, validation included.

    Small tables get small networks and small batches, and more epochs, so that each training makes enough steps.
    """
    hidden, batch_size = next(
        (hidden, batch_size)
        for most, hidden, batch_size in (
            (500, (32,), 16),
            (5_000, (128, 64), 32),
            (50_000, (128, 64), 64),
            (float("inf"), (256, 128), 256),
        )
        if n < most
    )
    steps = max(1, n // batch_size)
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, MOST_STEPS // steps))
    patience = max(5, epochs // 10)
    return Recipe(hidden, epochs, batch_size, "adamw", 1e-3 if n >= 500 else 3e-3, 0.0, patience, 0.15)


def with_convolutions(recipe: Recipe) -> Recipe:
    """Return the recipe for a network that has convolutions in front of its hidden layers."""
    return recipe._replace(hidden=(64,), optimizer="adamw", learning_rate=1e-3, momentum=0.0)
