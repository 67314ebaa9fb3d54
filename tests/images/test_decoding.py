"""Facts about single pictures: every kind becomes gray or colored bytes, and what is none is refused by its path."""

import io
import struct
import zlib

import numpy as np
import pytest

from nnlite import DataFileError
from nnlite.images import decoding
from nnlite.images.decoding import read_header, read_pixels

from ..support import refuse
from .pictures import RNG, write

Image = pytest.importorskip("PIL.Image")
COLOR = RNG.integers(0, 256, (4, 6, 3)).astype(np.uint8)
GRAY = RNG.integers(0, 256, (4, 6)).astype(np.uint8)


@pytest.mark.parametrize("ending", [".png", ".bmp", ".ppm", ".webp"])
def test_colors_and_grays_come_back_as_they_were(ending, tmp_path):
    options = {"lossless": True} if ending == ".webp" else {}
    path = write(tmp_path / f"a{ending}", COLOR, **options)
    assert read_header(str(path)) == ((4, 6), False)
    np.testing.assert_array_equal(read_pixels(str(path), (4, 6, 3)), COLOR)
    luma = read_pixels(str(path), (4, 6))
    np.testing.assert_allclose(luma, COLOR @ [0.299, 0.587, 0.114], atol=1)
    if ending in (".png", ".bmp"):
        path = write(tmp_path / f"gray{ending}", GRAY)
        assert read_header(str(path)).is_gray
        np.testing.assert_array_equal(read_pixels(str(path), (4, 6)), GRAY)
        np.testing.assert_array_equal(read_pixels(str(path), (4, 6, 3)), np.repeat(GRAY[..., None], 3, axis=2))


def test_jpeg_is_read_and_a_wrong_ending_does_not_matter(tmp_path):
    smooth = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    path = write(tmp_path / "a.jpg", smooth, quality=95)
    np.testing.assert_allclose(read_pixels(str(path), (16, 16, 3)), smooth, atol=4)
    path.rename(tmp_path / "a.png")
    np.testing.assert_allclose(read_pixels(str(tmp_path / "a.png"), (16, 16, 3)), smooth, atol=4)


def test_the_photo_of_a_camera_that_has_a_second_picture_is_read(tmp_path):
    """Many cameras write MPO, by the name .jpg: a JPEG, and behind it a preview or a second view."""
    photo, preview = (Image.fromarray(np.full((16, 16, 3), level, np.uint8)) for level in (200, 20))
    photo.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[preview])
    assert read_header(str(tmp_path / "a.jpg")) == ((16, 16), False)
    np.testing.assert_allclose(read_pixels(str(tmp_path / "a.jpg"), (16, 16, 3)), 200, atol=2)


def test_transparent_parts_are_white(tmp_path):
    alpha = np.dstack([COLOR, np.full((4, 6), 255, np.uint8)])
    alpha[0, :, 3], alpha[1, :, 3] = 0, 51
    shown = read_pixels(str(write(tmp_path / "a.png", alpha)), (4, 6, 3))
    assert (shown[0] == 255).all()
    np.testing.assert_allclose(shown[1], 0.2 * COLOR[1] + 0.8 * 255, atol=1)
    np.testing.assert_array_equal(shown[2:], COLOR[2:])
    gray = np.dstack([GRAY, np.where(np.arange(6) < 3, 0, 255) * np.ones((4, 1))]).astype(np.uint8)
    path = str(write(tmp_path / "la.png", gray))
    assert read_header(path).is_gray
    np.testing.assert_array_equal(read_pixels(path, (4, 6)), np.where(np.arange(6) < 3, 255, GRAY))


def test_palettes_are_their_colors(tmp_path):
    colored = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(4, 6) % 3, mode="P")
    colored.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    path = str(write(tmp_path / "p.png", colored))
    assert not read_header(path).is_gray
    np.testing.assert_array_equal(read_pixels(path, (4, 6, 3))[0, :3], 255 * np.eye(3))
    see_through = str(write(tmp_path / "t.gif", colored, transparency=1))
    np.testing.assert_array_equal(read_pixels(see_through, (4, 6, 3))[0, :2], [[255, 0, 0], [255, 255, 255]])
    colored.putpalette([7, 7, 7, 9, 9, 9, 200, 200, 200])
    path = str(write(tmp_path / "g.png", colored))
    assert read_header(path).is_gray
    np.testing.assert_array_equal(read_pixels(path, (4, 6))[0, :3], [7, 9, 200])


def test_16_bits_become_8_and_1_bit_becomes_black_and_white(tmp_path):
    deep = np.array([[0, 257, 32896, 65535, 128, 129]], np.uint16)
    path = str(write(tmp_path / "deep.png", deep))
    assert read_header(path).is_gray
    np.testing.assert_array_equal(read_pixels(path, (1, 6)), [[0, 1, 128, 255, 0, 1]])
    bits = Image.fromarray(GRAY).convert("1")
    path = str(write(tmp_path / "bits.png", bits))
    assert read_header(path).is_gray
    np.testing.assert_array_equal(read_pixels(path, (4, 6)), 255 * np.asarray(bits).astype(int))


def test_a_camera_that_was_turned_is_undone(tmp_path):
    image = Image.fromarray(COLOR)
    exif = image.getexif()
    for orientation, turned in ((6, np.rot90(COLOR, -1)), (3, COLOR[::-1, ::-1]), (8, np.rot90(COLOR))):
        exif[0x0112] = orientation
        path = str(write(tmp_path / f"{orientation}.png", image, exif=exif))
        assert read_header(path).size == turned.shape[:2]
        np.testing.assert_array_equal(read_pixels(path, turned.shape), turned)


def test_another_size_is_resized(tmp_path):
    path = str(write(tmp_path / "a.png", np.full((9, 30), 77, np.uint8)))
    np.testing.assert_array_equal(read_pixels(path, (4, 6)), np.full((4, 6), 77))


def png(columns, rows, content=b""):
    """The bytes of a PNG that claims to have this size."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def test_what_is_no_picture_is_refused_by_its_path(tmp_path):
    whole = io.BytesIO()
    Image.fromarray(RNG.integers(0, 256, (40, 40, 3)).astype(np.uint8)).save(whole, "PNG")
    film = io.BytesIO()
    frames = [Image.fromarray(np.full((4, 4), level, np.uint8)) for level in (0, 99)]
    frames[0].save(film, "GIF", save_all=True, append_images=frames[1:])
    wrong = {
        "empty.png": (b"", "is empty"),
        "text.png": (b"This is no picture.", "is no picture in a known format"),
        "short.png": (whole.getvalue()[:2000], "is damaged"),
        "begins.png": (whole.getvalue()[:30], "is damaged|is no picture"),
        "vast.png": (png(100_000, 100_000), r"100000 x 100000 pixels, more than|claims to have more than"),
        "large.png": (png(10_000, 10_000), "10000 x 10000 pixels, more than 67,108,864|claims to have more"),
        "wide.png": (png(70_000, 1000), "1000 x 70000 pixels, more than 67,108,864"),
        "bomb.png": (png(4000, 4000, zlib.compress(bytes(100))), "is damaged"),
        "fractions.pgm": (b"Pf\n2 2\n-1.0\n" + np.ones(4, np.float32).tobytes(), "has fractions as pixels"),
        "film.gif": (film.getvalue(), "has 2 frames, expected a single picture"),
        "svg.png": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no picture"),
    }
    for name, (content, reason) in wrong.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataFileError, match=f"{name}: .*({reason})"):
            read_pixels(str(path), read_header(str(path)).size)
    refuse(lambda: read_header(str(tmp_path)), str(tmp_path), "is not a regular file", error=DataFileError)
    refuse(lambda: read_header(str(tmp_path / "no.png")), str(tmp_path), "cannot be read", error=DataFileError)


def test_without_pillow_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r'pip install "nnlite\[images\]"'):
        decoding.require_pillow()


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp", "webp", "ppm"])
def test_a_damaged_picture_is_refused_or_read_and_nothing_else(ending, tmp_path):
    rng = np.random.default_rng(0)
    image = Image.fromarray(COLOR)
    exif = image.getexif()
    exif[0x0112] = 6
    options = {"exif": exif} if ending in ("png", "jpg", "webp") else {}
    whole = write(tmp_path / f"whole.{ending}", image, **options).read_bytes()
    path, messages = tmp_path / f"damaged.{ending}", []
    for i in range(60):
        damaged = bytearray(whole[: int(rng.integers(len(whole)))] if i % 3 == 0 else whole)
        for place in rng.integers(0, max(1, len(damaged)), 4) if damaged and i % 3 else ():
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_header(str(path))
            assert read_pixels(str(path), (4, 6)).shape == (4, 6)
        except DataFileError as error:
            messages.append(str(error))
    assert len(messages) > 10
    assert all(message.startswith(f"{path}: ") for message in messages)
