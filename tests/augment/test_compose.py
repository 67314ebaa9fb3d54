"""Facts about augmentations in general: seeds, shapes, dtypes, chains, names, and one of a user."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.augment.compose import check_augment

from ..support import refuse

augment = nn.augment
RNG = np.random.default_rng(0)
IMAGES = RNG.random((6, 8, 8)).astype(np.float32)
ALL = [augment.Crop(), augment.Cutout(), augment.Elastic(), augment.Flip(), augment.Mixup(), augment.Rotate(),
       augment.Scale(), augment.Shear(), augment.Shift()]  # fmt: skip
WITHOUT_TARGETS = [one for one in ALL if not one.mixes]


class Negative(augment.Augmentation):
    """A user's own: 1 - x for about half of the images."""

    def apply(self, images, rng):
        return np.where(rng.random((len(images), 1, 1, 1)) < 0.5, 1 - images, images)


@pytest.mark.parametrize(
    "one", [*WITHOUT_TARGETS, Negative(), augment.Compose(WITHOUT_TARGETS)], ids=lambda one: type(one).__name__
)
def test_the_same_seed_gives_the_same_images_another_one_others(one):
    first = one(IMAGES, seed=0)
    np.testing.assert_array_equal(one(IMAGES, seed=0), first)
    np.testing.assert_array_equal(one(IMAGES, seed=np.random.default_rng(0)), first)
    assert not np.array_equal(one(IMAGES, seed=1), first)
    assert any(not np.array_equal(one(IMAGES), first) for _ in range(30))  # a few flips may be the same by chance
    assert first.shape == IMAGES.shape


@pytest.mark.parametrize("one", WITHOUT_TARGETS, ids=lambda one: type(one).__name__)
def test_every_form_of_the_same_images_gives_the_same(one):
    first = one(IMAGES, seed=0)
    np.testing.assert_array_equal(one(IMAGES[..., None], seed=0)[..., 0], first)
    rows = one(IMAGES.reshape(6, 64), seed=0, image_shape=(8, 8))
    np.testing.assert_array_equal(rows.reshape(6, 8, 8), first)
    colors = one(np.stack([IMAGES, 2 * IMAGES], axis=-1), seed=0)
    np.testing.assert_allclose(colors[..., 0], first, atol=1e-6)
    np.testing.assert_allclose(colors[..., 1], 2 * first, atol=1e-6)
    before = IMAGES.copy()
    one(IMAGES, seed=0)
    np.testing.assert_array_equal(IMAGES, before)


class InPlace(augment.Augmentation):
    """Wrong: it writes to the images that it gets."""

    def apply(self, images, rng):
        images += 1
        return images


class Same(augment.Augmentation):
    """Returns the images that it gets."""

    def apply(self, images, rng):
        return images


class DarkRotate(augment.Rotate):
    """Turns, and darkens."""

    def apply(self, images, rng):
        return super().apply(images, rng) / 2


def test_what_a_subclass_adds_to_a_move_is_in_a_chain_too():
    chain = augment.Compose([DarkRotate(10), augment.Shift(1)])
    rng = np.random.default_rng(0)
    by_hand = augment.Shift(1)(augment.Rotate(10)(IMAGES, seed=rng) / 2, seed=rng)
    np.testing.assert_allclose(chain(IMAGES, seed=0), by_hand, atol=1e-6)


def test_an_own_augmentation_cannot_change_the_users_images():
    before = IMAGES.copy()
    with pytest.raises(ValueError, match="read-only"):
        InPlace()(IMAGES)
    Same()(IMAGES)[...] = 0
    model = nn.Model([nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=(8, 8), seed=0)
    with pytest.raises(ValueError, match="read-only"):
        model.fit(IMAGES, np.arange(6) % 2, augment=InPlace(), shuffle=False, epochs=1, progress=False)
    np.testing.assert_array_equal(IMAGES, before)


def test_the_dtype_stays_and_integers_are_rounded():
    scaled = np.rint(255 * IMAGES).astype(np.uint8)
    turned = augment.Rotate(30)(scaled, seed=0)
    assert turned.dtype == np.uint8
    as_floats = augment.Rotate(30)(scaled.astype(np.float32), seed=0)
    np.testing.assert_array_equal(turned, np.rint(as_floats))
    assert augment.Shift(fill=999)(scaled).max() <= 255
    assert augment.Rotate(30)(IMAGES > 0.5).dtype == bool
    assert augment.Rotate(30)(IMAGES.astype(np.float16)).dtype == np.float16


def test_a_chain_is_one_after_the_other():
    chain = augment.Compose([augment.Flip(1.0), Negative(), augment.Cutout(2)])
    rng = np.random.default_rng(4)
    expected = augment.Cutout(2)(Negative()(augment.Flip(1.0)(IMAGES, seed=rng), seed=rng), seed=rng)
    np.testing.assert_array_equal(chain(IMAGES, seed=4), expected)
    nested = augment.Compose([augment.Compose([augment.Flip(1.0), Negative()], image_shape=(8, 8)), augment.Cutout(2)])
    np.testing.assert_array_equal(nested(IMAGES, seed=4), expected)
    assert nested.image_shape == (8, 8)
    X, Y = augment.Compose(ALL)(IMAGES, np.eye(6), seed=0)
    assert X.shape == IMAGES.shape
    np.testing.assert_allclose(Y.sum(axis=1), 1)


def test_what_fit_takes():
    assert check_augment(None) is None
    for given in ("rotate", augment.Rotate(), ["rotate"], ("ROTATE",), augment.Compose([augment.Rotate()])):
        assert repr(check_augment(given)) == "Compose([Rotate(degrees=15.0, fill=0.0)])"
    refuse(lambda: check_augment([]), "augment: expected at least one augmentation")
    refuse(lambda: check_augment("turn"), "augment: expected augmentations", "'turn'", "choose from crop, cutout")
    refuse(lambda: check_augment([augment.Rotate]), "augment: expected augmentations", "write Rotate()")
    refuse(lambda: check_augment(3), "augment: expected augmentations", "3")
    refuse(lambda: augment.Compose(augment.Flip()), "augmentations: expected a list")
    refuse(lambda: augment.Compose([]), "augmentations: expected at least one")
    refuse(lambda: augment.Compose(["flip"], image_shape=8), "image_shape: expected (rows, columns)", "8")
    refuse(lambda: augment.Compose(["flip"], image_shape=(8, 0)), "image_shape: expected an integer of at least 1")


def test_a_repr_makes_it_again():
    chain = augment.Compose(ALL, image_shape=(8, 8))
    again = eval(repr(chain), vars(augment))
    assert repr(again) == repr(chain)


def test_what_is_no_image_is_refused():
    one = augment.Rotate()
    refuse(lambda: one(IMAGES.reshape(6, 64)), "X: has rows of 64 numbers", "image_shape=(8, 8)")
    refuse(lambda: one(IMAGES.reshape(6, 64), image_shape=(8, 9)), "image_shape: expected the shape of 64 pixels")
    refuse(lambda: one(np.zeros((2, 3, 32, 32))), "X: expected channels last", "3 channels first", "moveaxis")
    refuse(lambda: one(np.zeros((2, 1, 28, 28))), "X: expected channels last", "1 channel first")
    refuse(lambda: one(IMAGES, image_shape=(4, 16)), "image_shape: expected that of the examples")
    refuse(lambda: one(np.zeros(4)), "X: expected images of shape")
    refuse(lambda: one(np.zeros((2, 3, 4, 5, 6))), "X: expected images of shape")
    refuse(lambda: one([["a"]]), "X: expected numbers")
    refuse(lambda: one(np.full((1, 2, 2), np.nan)), "X: expected finite numbers")
    refuse(lambda: one(IMAGES, seed=-1), "seed: expected")


def test_an_own_augmentation_that_returns_another_shape_is_refused():
    class Half(augment.Augmentation):
        def apply(self, images, rng):
            return images[:, ::2]

    refuse(lambda: Half()(IMAGES), "augment: Half(): apply must return images of the same shape")
