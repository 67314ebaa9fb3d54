"""Examples and what augmentations make of them."""

import itertools

import numpy as np

import nnlite as nn
from nnlite import plots

from ..support import refuse
from .reading import image

RNG = np.random.default_rng(0)
X = RNG.random((6, 8, 8)).astype(np.float32)


def test_each_row_has_an_example_and_its_copies():
    axes = plots.augmented_examples([nn.augment.Flip(1.0)], X, n=3, n_copies=2)
    assert axes.shape == (3, 3)
    for row, example in zip(axes, X, strict=False):
        np.testing.assert_array_equal(image(row[0]), example)
        for ax in row[1:]:
            np.testing.assert_array_equal(image(ax), example[:, ::-1])
    assert [ax.get_title() for ax in axes[0]] == ["original", "augmented", ""]


def test_copies_differ_unless_the_seed_is_the_same():
    first, again, other = (plots.augmented_examples("rotate", X, n=1, seed=seed)[0] for seed in (0, 0, 1))
    shown = [image(ax) for ax in first[1:]]
    assert all((a != b).any() for a, b in itertools.pairwise(shown))
    np.testing.assert_array_equal(image(again[3]), shown[2])
    assert (image(other[3]) != shown[2]).any()


def test_rows_of_pixels_colors_and_bytes():
    rows = plots.augmented_examples(nn.augment.Compose(["flip"], image_shape=(8, 8)), X.reshape(6, 64), n=1)
    np.testing.assert_array_equal(image(rows[0, 0]), X[0])
    colors = RNG.integers(0, 256, (2, 6, 5, 3)).astype(np.uint8)
    axes = plots.augmented_examples("mixup", colors, n_copies=2)
    np.testing.assert_allclose(image(axes[0, 0]), colors[0] / 255)
    assert axes.shape == (2, 3)


def test_wrong_arguments_are_refused(plt):
    refuse(lambda: plots.augmented_examples(None, X), "augment: expected augmentations")
    refuse(lambda: plots.augmented_examples("flip", X.reshape(6, 64)), "X: has rows of 64 numbers")
    refuse(lambda: plots.augmented_examples("flip", X[0, 0]), "X: expected images")
    refuse(lambda: plots.augmented_examples("flip", X, n_copies=0), "n_copies: expected")
    axes = plt.figure().subplots(1, 3)
    refuse(lambda: plots.augmented_examples("flip", X, axes=axes), "axes: expected at least 8", "got 3")
