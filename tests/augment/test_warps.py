"""Facts about augmentations that move pixels, against NumPy's own turns, scipy.ndimage and arithmetic by hand."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.augment.elastic import gaussian_matrix, smoothed
from nnlite.augment.warps import bilinear

from ..support import refuse

augment = nn.augment
RNG = np.random.default_rng(0)
GRAY = RNG.random((5, 9, 9))
COLOR = RNG.random((4, 6, 8, 3)).astype(np.float32)
BYTES = RNG.integers(0, 256, (3, 7, 7)).astype(np.uint8)


@pytest.mark.parametrize("turns", [1, 2, 3, -1])
def test_rotation_by_right_angles_is_that_of_numpy(turns):
    degrees = (90 * turns, 90 * turns)
    np.testing.assert_allclose(augment.Rotate(degrees)(GRAY), np.rot90(GRAY, turns, axes=(1, 2)), atol=1e-6)
    np.testing.assert_array_equal(augment.Rotate(degrees)(BYTES), np.rot90(BYTES, turns, axes=(1, 2)))


def test_shift_by_whole_pixels_moves_rows_down_and_columns_to_the_right():
    moved = augment.Shift((2, 2), (-1, -1))(COLOR)
    np.testing.assert_allclose(moved[:, 2:, :-1], COLOR[:, :-2, 1:], atol=1e-6)
    assert not moved[:, :2].any()
    assert not moved[:, :, -1].any()
    np.testing.assert_allclose(augment.Shift((2, 2), (0, 0), fill="edge")(GRAY)[:, :3], GRAY[:, [0, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(augment.Shift((9, 9), (0, 0), fill=7)(GRAY), 7)


def test_shift_by_half_a_pixel_is_the_mean_of_two():
    moved = augment.Shift((0, 0), (0.5, 0.5))(GRAY)
    np.testing.assert_allclose(moved[:, :, 1:], (GRAY[:, :, 1:] + GRAY[:, :, :-1]) / 2, atol=1e-6)


def test_scale_by_two_shows_the_middle_twice_as_large():
    image = np.kron(RNG.random((1, 4, 4)), np.ones((1, 2, 2)))  # blocks of 2 x 2
    smaller = augment.Scale((0.5, 0.5))(image)
    np.testing.assert_allclose(smaller[:, 2:6, 2:6], image[:, ::2, ::2], atol=1e-6)
    assert not smaller[:, 0].any()
    np.testing.assert_array_equal(augment.Scale((1, 1))(GRAY), GRAY)


def test_shear_slants_by_its_angle():
    bar = np.zeros((1, 9, 9))
    bar[0, :, 4] = 1
    np.testing.assert_allclose(augment.Shear((45, 45))(bar)[0], np.eye(9), atol=1e-6)
    np.testing.assert_allclose(augment.Shear((-45, -45))(bar)[0], np.eye(9)[::-1], atol=1e-6)


def test_angles_and_shifts_are_uniform_in_their_interval():
    rng = np.random.default_rng(0)
    move = augment.Rotate(30).draw(4000, 9, 9, rng)
    degrees = np.rad2deg(np.arctan2(move.A[:, 0, 1], move.A[:, 0, 0]))
    np.testing.assert_allclose(np.quantile(degrees, [0, 0.25, 0.5, 0.75, 1]), [-30, -15, 0, 15, 30], atol=1.5)
    t = augment.Shift((1, 3), 2).draw(4000, 9, 9, rng).t
    np.testing.assert_allclose(np.quantile(-t[:, 0], [0, 0.5, 1]), [1, 2, 3], atol=0.1)
    np.testing.assert_allclose(np.quantile(-t[:, 1], [0, 0.5, 1]), [-2, 0, 2], atol=0.2)
    s = 1 / augment.Scale(2).draw(4000, 9, 9, rng).A[:, 0, 0]
    np.testing.assert_allclose(np.quantile(np.log2(s), [0, 0.5, 1]), [-1, 0, 1], atol=0.1)


@pytest.mark.parametrize(("fill", "mode"), [(0.0, "grid-constant"), (0.7, "grid-constant"), ("edge", "nearest")])
@pytest.mark.parametrize("images", [GRAY[..., None], COLOR], ids=["gray", "color"])
def test_interpolation_is_that_of_scipy(images, fill, mode):
    ndimage = pytest.importorskip("scipy.ndimage")
    M, H, W, C = images.shape
    rows, columns = RNG.uniform(-4, H + 3, (M, 5, 11)), RNG.uniform(-4, W + 3, (M, 5, 11))
    cval = fill if mode == "grid-constant" else 0
    expected = [
        [
            ndimage.map_coordinates(images[m, ..., c], (rows[m], columns[m]), order=1, mode=mode, cval=cval)
            for c in range(C)
        ]
        for m in range(M)
    ]
    ours = bilinear(images, rows.astype(images.dtype), columns.astype(images.dtype), fill)
    np.testing.assert_allclose(ours, np.moveaxis(expected, 1, -1), atol=2e-6 if images is COLOR else 1e-12)


def test_the_smoothing_of_elastic_is_the_gaussian_filter_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    u = RNG.uniform(-1, 1, (3, 2, 12, 17))
    for sigma in (0.3, 1.0, 1.125, 4.0, 9.0):
        expected = ndimage.gaussian_filter(u, sigma, mode="constant", axes=(2, 3), truncate=4)
        np.testing.assert_allclose(smoothed(u, sigma), expected, atol=1e-12)
    assert gaussian_matrix(60, 2.0).sum(axis=0)[30] == pytest.approx(1)


def test_elastic_with_alpha_0_changes_nothing_and_displaces_as_far_as_it_says():
    np.testing.assert_allclose(augment.Elastic(0, 3)(GRAY, seed=0), GRAY, atol=1e-6)
    d = augment.Elastic(34, 4).draw(400, 28, 28, np.random.default_rng(0)).d
    assert d[:, :, 14, 14].std() == pytest.approx(34 / (6.14 * 4), rel=0.05)
    neighbors = np.corrcoef(d[:, 0, 14, 14], d[:, 0, 14, 15])[0, 1]
    assert neighbors == pytest.approx(np.exp(-1 / (4 * 4**2)), abs=0.01)  # of two Gaussians, one pixel apart
    assert abs(np.corrcoef(d[:, 0, 14, 14], d[:, 1, 14, 14])[0, 1]) < 0.15  # rows and columns: independent


def test_elastic_on_other_sizes_looks_the_same():
    default, paper = (augment.Elastic(*a).draw(300, 28, 28, np.random.default_rng(0)).d for a in ((), (34, 4)))
    np.testing.assert_array_equal(default, paper)
    large = augment.Elastic().draw(300, 56, 56, np.random.default_rng(0)).d
    assert large[:, :, 28, 28].std() == pytest.approx(2 * paper[:, :, 14, 14].std(), rel=0.15)


def test_moves_in_a_row_are_one_interpolation_and_each_acts_after_the_one_before():
    steps = [augment.Shift((0, 0), (2, 2)), augment.Rotate((90, 90))]
    one_by_one = steps[1](steps[0](GRAY))
    np.testing.assert_allclose(augment.Compose(steps)(GRAY), one_by_one, atol=1e-6)
    np.testing.assert_allclose(augment.Compose(steps[::-1])(GRAY), steps[0](steps[1](GRAY)), atol=1e-6)
    there_and_back = augment.Compose([augment.Rotate((33, 33)), augment.Rotate((-33, -33))])
    np.testing.assert_allclose(there_and_back(GRAY), GRAY, atol=1e-5)  # two interpolations would blur
    still = augment.Compose([augment.Rotate((90, 90)), augment.Elastic(0, 1), augment.Shift((1, 1), (0, 0))])
    np.testing.assert_allclose(
        still(GRAY), np.pad(np.rot90(GRAY, axes=(1, 2)), ((0, 0), (1, 0), (0, 0)))[:, :-1], atol=1e-6
    )


def test_an_image_is_the_same_whatever_else_is_moved_with_it():
    """Blocks of images are moved at once; the border between two blocks must not show."""
    images = RNG.random((90, 28, 28)).astype(np.float32)
    move = augment.Rotate((20, 20))
    np.testing.assert_allclose(move(images)[50:], move(images[50:]), atol=1e-6)


def test_float32_and_float64_draw_the_same():
    chain = augment.Compose(["shift", "rotate", "scale", "shear", "elastic", "crop", "cutout", "flip"])
    np.testing.assert_allclose(chain(GRAY.astype(np.float32), seed=1), chain(GRAY, seed=1), atol=2e-4)


def test_wrong_moves_are_refused():
    refuse(lambda: augment.Rotate("far"), "degrees: expected", "'far'")
    refuse(lambda: augment.Rotate((3, 1)), "degrees: expected", "(low, high)", "(3, 1)")
    refuse(lambda: augment.Rotate(-3), "degrees: expected")
    refuse(lambda: augment.Shear(95), "degrees: expected angles above -90 and below 90", "95")
    refuse(lambda: augment.Scale(0.9), "factor: expected", "at least 1", "0.9")
    refuse(lambda: augment.Scale((0, 2)), "factor: expected", "above 0")
    refuse(lambda: augment.Shift(columns=(1,)), "columns: expected")
    refuse(lambda: augment.Shift(fill="reflect"), "fill: expected a finite number or 'edge'", "'reflect'")
    refuse(lambda: augment.Elastic(-1), "alpha: expected", "-1")
    refuse(lambda: augment.Elastic(1, 0), "sigma: expected", "above 0")
    refuse(lambda: augment.Rotate(angle=3), "angle: Rotate has no such argument")
