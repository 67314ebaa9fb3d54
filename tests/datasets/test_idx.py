"""Facts about the IDX reader: it gives the items as they are in the file, or refuses the file."""

import gzip
import hashlib
import io
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnlite import content
from nnlite.datasets.idx import read_idx
from nnlite.errors import DataFileError

from ..support import for_each


def header(*dimensions):
    return bytes((0, 0, 8, len(dimensions))) + np.array(dimensions, dtype=">u4").tobytes()


BODY = np.random.default_rng(0).bytes(7 * 28 * 28)
IMAGES = header(7, 28, 28) + BODY
as_it_is = bytes


def read(content, item_shape=(28, 28), sha256=None):
    return read_idx(io.BytesIO(content), "file", item_shape, sha256)


@pytest.mark.parametrize("pack", [as_it_is, gzip.compress])
def test_images_and_labels_are_read_plain_and_compressed(pack):
    items = read(pack(IMAGES))
    assert (items.shape, items.dtype) == ((7, 28, 28), np.uint8)
    assert items.tobytes() == BODY
    assert read(pack(header(3) + b"\7\0\xff"), ()).tolist() == [7, 0, 255]


def test_an_archive_in_several_pieces_is_read_as_one():
    assert read(gzip.compress(IMAGES[:1000]) + gzip.compress(IMAGES[1000:])).tobytes() == BODY


DAMAGED = {
    "empty": b"",
    "ends in the magic number": IMAGES[:3],
    "ends in the header": IMAGES[:15],
    "only the header": IMAGES[:16],
    "one byte short": IMAGES[:-1],
    "one byte long": IMAGES + b"\0",
    "of floats": b"\0\0\x0d\3" + IMAGES[4:],
    "labels": header(7) + bytes(7),
    "text": b"<html>404</html>" * 10,
    "no images": header(0, 28, 28),
    "other rows": header(7, 14, 56) + BODY,
    "no columns": header(7, 28, 0),
    "claims 3 terabytes": header(2**32 - 1, 28, 28) + BODY,
    "claims more than 1 GiB": header(2**30 // 784 + 1, 28, 28) + BODY,
}


@for_each("pack", [as_it_is, gzip.compress])
@for_each("damage", DAMAGED)
def test_a_damaged_file_is_refused_by_name(damage, pack):
    with pytest.raises(DataFileError, match=r"^file: "):
        read(pack(DAMAGED[damage]))


def test_the_checksum_is_that_of_the_decompressed_content():
    sha256 = hashlib.sha256(IMAGES).hexdigest()
    assert read(gzip.compress(IMAGES), sha256=sha256).tobytes() == BODY
    with pytest.raises(DataFileError, match=rf"^file: .*SHA-256.*expected {sha256}"):
        read(header(7, 28, 28) + BODY[::-1], sha256=sha256)


def test_no_more_is_inflated_than_the_header_claims(monkeypatch):
    """An archive of 10 MB of zeros behind the header of one image."""
    inflated = []
    readinto = gzip.GzipFile.readinto
    monkeypatch.setattr(gzip.GzipFile, "readinto", lambda *args: (inflated.append(n := readinto(*args)), n)[1])
    with pytest.raises(DataFileError, match="but more follow"):
        read(gzip.compress(header(1, 28, 28) + bytes(10_000_000), compresslevel=1))
    assert 0 < sum(inflated) <= 2 * io.DEFAULT_BUFFER_SIZE


def test_memory_is_taken_as_the_bytes_come_and_not_as_the_header_claims():
    for pack in (as_it_is, gzip.compress):
        tracemalloc.start()
        try:
            with pytest.raises(DataFileError, match="but only 1000000 follow"):
                read(pack(header(2**30 // 784, 28, 28) + bytes(1_000_000)))
            assert tracemalloc.get_traced_memory()[1] < 4_000_000
        finally:
            tracemalloc.stop()


def test_an_archive_that_expands_a_thousandfold_is_refused_before_it_has():
    bomb = gzip.compress(header(2**30 // 784, 28, 28) + bytes(2**30 // 784 * 784 // 16), compresslevel=9)
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match=r"^file: expands to more than 100 times its size"):
            read(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2 * (content.UNASKED + content.EXPANSION * len(bomb))
    finally:
        tracemalloc.stop()


def test_blank_images_are_no_bomb():
    blank = header(1000, 28, 28) + bytes(784_000)
    assert not read(gzip.compress(blank)).any()


# --- whatever the bytes, the items or a DataFileError ------------------------------------------------------


def read_mutated(content):
    """The items, or None where the file is refused; nothing else may happen."""
    try:
        return read(content)
    except DataFileError:
        return None


@given(st.integers(0, 15), st.integers(1, 255))
def test_a_changed_header_byte_is_always_noticed(position, change):
    content = bytearray(IMAGES)
    content[position] ^= change
    assert read_mutated(bytes(content)) is None


@given(st.data())
def test_a_truncated_archive_is_always_noticed(data):
    content = gzip.compress(IMAGES)
    assert read_mutated(content[: data.draw(st.integers(0, len(content) - 1))]) is None


@given(st.data(), st.integers(1, 255))
def test_a_changed_archive_gives_the_same_images_or_is_refused(data, change):
    content = bytearray(gzip.compress(IMAGES))
    content[data.draw(st.integers(0, len(content) - 1))] ^= change
    items = read_mutated(bytes(content))
    # a byte of the gzip header may change without harm: the time, the operating system
    assert items is None or items.tobytes() == BODY


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(content):
    assert read_mutated(content) is None
