"""Facts about damaged and forged files: they are refused soon, in little memory, and nothing in them is executed."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn
from nnlite.storage import npz

from ..support import for_each
from .forging import (
    GOOD,
    MEGABYTE,
    RAW_HEADER,
    SHA256,
    THETA,
    forge,
    is_refused_or_the_same,
    is_the_same,
    load,
    members_of,
    npy,
    refuse,
    replaced,
    zipped,
)

# ---- damage --------------------------------------------------------------------------------------------------------


def test_a_file_that_ends_too_early_is_refused():
    for length in [*range(0, 300), *range(300, len(GOOD), 29), *range(len(GOOD) - 120, len(GOOD))]:
        with pytest.raises(nn.ModelFileError):
            load(GOOD[:length])


def test_a_flipped_bit_is_noticed_unless_it_means_nothing():
    rng = np.random.default_rng(0)
    for place in [*rng.integers(0, len(GOOD), 300), *range(len(GOOD) - 300, len(GOOD))]:
        damaged = bytearray(GOOD)
        damaged[place] ^= 1 << rng.integers(8)
        assert is_refused_or_the_same(damaged)


def test_overwritten_moved_and_repeated_pieces_are_noticed():
    rng = np.random.default_rng(1)
    for i in range(400):
        damaged = bytearray(GOOD)
        length = int(rng.integers(1, 64))
        to, source = rng.integers(0, len(GOOD) - length, 2)
        piece = [GOOD[source : source + length], rng.bytes(length), b"\xff" * length, b"\0" * length, b""][i % 5]
        damaged[to : to + (0 if i % 7 == 0 else length)] = piece
        assert is_refused_or_the_same(damaged)


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), place=st.floats(0, 1), length=st.integers(0, 200))
def test_any_bytes_anywhere_are_refused_or_change_nothing(content, place, length):
    start = int(place * len(GOOD))
    assert is_refused_or_the_same(GOOD[:start] + content + GOOD[start + length :])


def test_a_changed_number_is_noticed_even_if_the_checksums_of_the_zip_are_right():
    raw, theta = RAW_HEADER.tobytes(), THETA.copy()
    theta[-1] += 1
    assert is_the_same(load(forge(raw, sha256=SHA256)))
    assert not is_the_same(load(forge(raw, theta)))
    refuse(forge(raw, theta, sha256=SHA256), "another SHA-256")
    for wrong in (SHA256[:31], np.append(SHA256, SHA256[:1])):
        refuse(forge(raw, sha256=wrong), "another SHA-256|sha256 is larger")


@for_each("content", [b"", b"PK", b"a,b\n1,2\n", b"\x93NUMPY\1\0", b"\x80\x04K\x01.", b"\0" * 5000])
def test_other_files_are_refused(content):
    refuse(content, "is not an .npz file")


def test_other_zips_and_arrays_are_refused():
    file = io.BytesIO()
    np.savez(file, a=np.ones(3), b=np.zeros((2, 2)))
    refuse(file.getvalue(), "is not an nnlite file")
    np.savez(file := io.BytesIO(), header=np.ones(3), theta=np.ones(3), state=np.ones(3))
    refuse(file.getvalue(), "header is of dtype float64, expected uint8")
    np.save(file := io.BytesIO(), np.ones(3))
    refuse(file.getvalue(), "is not an .npz file")
    refuse(zipped([]), "is not an nnlite file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_a_directory_and_a_device_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, os.devnull):
        with pytest.raises(nn.ModelFileError, match="is not a file, but a directory, device or pipe"):
            nn.load(path)


# ---- members that lie ----------------------------------------------------------------------------------------------

TERABYTES = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"
MEMBERS = ["header.npy", "theta.npy", "state.npy", "sha256.npy"]


@for_each(
    "member",
    [
        npy(TERABYTES),
        npy(TERABYTES.replace("1000000000000", "9" * 18)),
        npy(TERABYTES.replace("1000000000000", "9" * 400)),
        npy(TERABYTES.replace("1000000000000", "-1")),
        npy(TERABYTES.replace("1000000000000,", "1000000, 1000000")),
        npy(TERABYTES.replace("'<f4'", "'|O'"), b"\x80\x04K\x01."),
        npy(TERABYTES.replace("'<f4'", "'<f8'")),
        npy(TERABYTES.replace("'<f4'", "'>f4'")),
        npy(TERABYTES.replace("'<f4'", "'(1000000000,)f4'")),
        npy(TERABYTES.replace("'<f4'", "[('a', '<f4')]")),
        npy(TERABYTES.replace("False", "True")),
        npy(TERABYTES.replace("False", "__import__('os').abort()")),
        npy("(" * 400),
        npy("(" * 60_000),
        npy(TERABYTES, version=b"\2\0"),
        npy(TERABYTES)[:9],
        b"",
    ],
)
@for_each("name", MEMBERS)
def test_a_member_that_lies_about_its_numbers_is_refused(name, member):
    refuse(replaced(name, member))


@pytest.mark.parametrize("data", [b"", b"\0" * 3, b"\0" * 4, b"\0" * 12])
def test_a_vector_with_other_bytes_than_it_claims_is_refused(data):
    two = npy(TERABYTES.replace("1000000000000", "2"), data)
    refuse(replaced("theta.npy", two), "theta claims 2 numbers of float32, but has")


def test_a_member_of_another_version_of_npy_is_refused():
    theta = dict(members_of(GOOD))["theta.npy"]
    refuse(replaced("theta.npy", theta.replace(b"NUMPY\1", b"NUMPY\2", 1)), "theta does not begin like an .npy")


class Trap:
    """An object whose pickle makes a directory when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_is_never_loaded(tmp_path):
    trap = np.empty(1, object)
    trap[0] = Trap(str(tmp_path / "sprung"))
    np.save(file := io.BytesIO(), trap, allow_pickle=True)
    np.load(io.BytesIO(file.getvalue()), allow_pickle=True)
    (tmp_path / "sprung").rmdir()  # so the trap works
    for name in MEMBERS:
        refuse(replaced(name, file.getvalue()), "is not a vector")
    refuse(file.getvalue())
    assert not (tmp_path / "sprung").exists()


# ---- zips that lie -------------------------------------------------------------------------------------------------


def test_a_zip_bomb_is_refused_before_it_is_opened():
    bomb = npy(TERABYTES, b"\0" * (16 * MEGABYTE))
    for name in ("header.npy", "theta.npy", "sha256.npy", "more.npy"):
        content = zipped({**dict(members_of(GOOD)), name: bomb}.items(), zipfile.ZIP_DEFLATED)
        assert len(content) < MEGABYTE
        refuse(content, "compressed")


def test_sizes_in_the_directory_of_the_zip_are_not_believed():
    start = GOOD.index(b"PK\1\2")
    for offset in (20, 24):  # compressed and uncompressed size
        for claim in (2**31, 2**32 - 2, 0):
            entry = start
            while (entry := GOOD.find(b"PK\1\2", entry)) >= 0:
                lying = bytearray(GOOD)
                lying[entry + offset : entry + offset + 4] = struct.pack("<L", claim)
                refuse(bytes(lying))
                lying[entry + 20 : entry + 28] = struct.pack("<2L", claim, claim)
                refuse(bytes(lying), "claim to be larger" if claim else None)
                entry += 1


def crowded_directory():
    """The directory of a zip with 20,000 members, which takes far more memory than a file of this size may."""
    one = zipped([("00000.npy", b"")])
    entry = one[one.index(b"PK\1\2") : -npz.END.size]
    return b"".join(entry.replace(b"00000", b"%05d" % i) for i in range(20_000))


CROWDED = crowded_directory()


@pytest.mark.parametrize("claimed", [20_000, 4])
def test_a_directory_of_many_members_is_refused_before_it_is_read(claimed):
    end = npz.END.pack(b"PK\5\6", 0, 0, claimed, claimed, len(CROWDED), 0, 0)
    refuse(CROWDED + end, "directory of the zip is too large")


def test_a_directory_that_is_hidden_behind_the_records_of_large_zips_is_refused():
    size = len(CROWDED)
    record = npz.END_64.pack(b"PK\6\6", 44, 45, 45, 0, 0, 20_000, 20_000, size, 0)
    locator = npz.LOCATOR.pack(b"PK\6\7", 0, size, 1)
    modest = npz.END.pack(b"PK\5\6", 0, 0, 4, 4, 200, size + len(record) + len(locator) - 200, 0)
    refuse(CROWDED + record + locator + modest, "directory of the zip is too large")
    refuse(CROWDED + record[:-1] + locator + modest, "not where it should be")
    refuse(CROWDED + record + npz.LOCATOR.pack(b"PK\6\7", 0, 0, 1) + modest, "not where it should be")


def test_the_records_of_large_zips_are_read():
    """Files of more than two gigabytes have them."""
    end = len(GOOD) - npz.END.size
    *_, n, size, start, _ = npz.END.unpack(GOOD[end:])
    record = npz.END_64.pack(b"PK\6\6", 44, 45, 45, 0, 0, n, n, size, start)
    content = GOOD[:end] + record + npz.LOCATOR.pack(b"PK\6\7", 0, end, 1) + GOOD[end:]
    assert is_the_same(load(content))
    elsewhere = GOOD[:end] + record + npz.LOCATOR.pack(b"PK\6\7", 0, start, 1) + GOOD[end:]
    refuse(elsewhere, "not where it should be")


def test_repeated_missing_and_additional_members_are_refused():
    members = members_of(GOOD)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped([*members, members[1]])
    refuse(twice, "appears twice")
    refuse(zipped([*members, ("more.npy", npy(TERABYTES))]), "expected the members header, theta, state, sha256")
    refuse(zipped([*members, ("more.txt", b"")]), "is not an .npy")
    refuse(zipped(members[:-1]), "expected the members")
    refuse(zipped(members[1:]), "has no member header")


def test_bytes_before_behind_and_between_the_members_are_refused():
    refuse(b"#!/bin/sh\n" + GOOD)
    refuse(GOOD + b"\0")
    start = GOOD.index(b"PK\1\2")
    refuse(GOOD[:start] + b"\0" + GOOD[start:])


def test_the_order_of_the_members_does_not_matter():
    assert is_the_same(load(zipped(members_of(GOOD)[::-1])))
