"""Facts about flips, crops and cutouts."""

import numpy as np
import pytest

import nnlite as nn

from ..support import refuse

augment = nn.augment
RNG = np.random.default_rng(0)
IMAGES = RNG.random((400, 6, 5, 2)).astype(np.float32)


def test_a_flip_mirrors_about_as_many_images_as_it_says_and_leaves_the_others():
    flipped = augment.Flip(0.3, 0.6)(IMAGES, seed=0)
    kinds = {
        (lr, ud): IMAGES[:, :: -1 if ud else 1, :: -1 if lr else 1] for lr in (False, True) for ud in (False, True)
    }
    counts = {key: (flipped == images).all(axis=(1, 2, 3)).sum() for key, images in kinds.items()}
    assert sum(counts.values()) == 400
    expected = {(lr, ud): 400 * (0.3 if lr else 0.7) * (0.6 if ud else 0.4) for lr, ud in counts}
    assert all(abs(counts[key] - expected[key]) < 35 for key in counts)
    np.testing.assert_array_equal(augment.Flip(1.0, 1.0)(IMAGES), IMAGES[:, ::-1, ::-1])
    np.testing.assert_array_equal(augment.Flip(0.0)(IMAGES), IMAGES)


@pytest.mark.parametrize("fill", [0.0, 0.5, "edge"])
def test_a_crop_is_a_window_of_the_padded_image_and_all_windows_are_as_likely(fill):
    cropped = augment.Crop(1, fill=fill)(IMAGES, seed=0)
    mode = {"mode": "edge"} if fill == "edge" else {"constant_values": fill}
    framed = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), **mode)
    windows = [framed[:, r : r + 6, c : c + 5] for r in range(3) for c in range(3)]
    counts = np.array([(cropped == window).all(axis=(1, 2, 3)).sum() for window in windows])
    assert counts.sum() == 400
    assert (abs(counts - 400 / 9) < 25).all()
    np.testing.assert_array_equal(augment.Crop(0)(IMAGES), IMAGES)


def test_a_cutout_covers_a_square_of_its_area_whose_center_is_anywhere():
    covered = augment.Cutout(3, fill=-1.0)(IMAGES, seed=0) == -1
    assert (covered[..., 0] == covered[..., 1]).all()  # all channels
    rows, columns = covered[..., 0].any(axis=2), covered[..., 0].any(axis=1)
    assert (covered[..., 0] == rows[:, :, None] & columns[:, None, :]).all()  # a rectangle
    area = covered[..., 0].sum(axis=(1, 2))
    # sides of 3 pixels inside, of 2 at an edge: 2 of 6 rows and 2 of 5 columns are at an edge
    assert set(area) == {9, 6, 4}
    assert area.mean() == pytest.approx((4 * 3 + 2 * 2) / 6 * (3 * 3 + 2 * 2) / 5, rel=0.03)
    assert (augment.Cutout(100)(IMAGES) == 0).all()
    once = augment.Cutout(1)(np.ones((50, 4, 4)), seed=0)
    assert (once.sum(axis=(1, 2)) == 15).all()


def test_defaults_are_in_proportion_to_the_image():
    assert (augment.Cutout()(np.ones((100, 32, 32)), seed=0) == 0).sum(axis=(1, 2)).max() == 16 * 16
    shifted = augment.Crop()(np.ones((100, 32, 32)), seed=0)
    assert (shifted[:, :4] == 0).all(axis=2).sum(axis=1).max() == 4
    assert (augment.Crop()(np.ones((100, 8, 8)), seed=0)[:, 0] == 0).all(axis=1).any()


def test_wrong_cuts_are_refused():
    refuse(lambda: augment.Flip(1.5), "horizontal: expected", "1.5")
    refuse(lambda: augment.Flip(0.5, -1), "vertical: expected", "-1")
    refuse(lambda: augment.Crop(-1), "padding: expected an integer of at least 0", "-1")
    refuse(lambda: augment.Crop(1.5), "padding: expected an integer")
    refuse(lambda: augment.Cutout(0), "size: expected an integer of at least 1")
    refuse(lambda: augment.Cutout(fill="edge"), "fill: expected a finite number", "'edge'")
