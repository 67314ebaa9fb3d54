"""Facts about model files that are damaged or lie: one error, soon, in little memory, and nothing is executed."""

import builtins
import contextlib
import hashlib
import io
import json
import os
import struct
import time
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn
from nnlite.errors import ArgumentError, ModelFileError
from nnlite.layers import Dense, Residual, Softmax
from nnlite.layers.normalization import BatchNorm
from nnlite.storage import model_files as files
from nnlite.storage import npz
from nnlite.storage.model_files import load, save

MEGABYTE = 2**20
# what reading may take on top of four times the file: the largest header, as Python objects
BESIDE = 8 * MEGABYTE


def make_model():
    return nn.Model([Dense(3), Residual([BatchNorm(), Dense(3)]), Dense(3), Softmax()], n_features=4, seed=0)


MODEL = make_model()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module")
def good(folder):
    """The bytes of a good file."""
    save(MODEL, folder / "good.npz")
    return (folder / "good.npz").read_bytes()


@pytest.fixture(scope="module")
def parts(folder, good):
    """Header, theta and state of a good file."""
    with np.load(folder / "good.npz") as vectors:
        return json.loads(vectors["header"].tobytes()), vectors["theta"], vectors["state"]


def forge(header, theta, state, **others):
    """A file as `save` writes it, with a right checksum, that says anything one likes."""
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    vectors = {"header": np.frombuffer(raw, np.uint8), "theta": theta, "state": state}
    sha256 = hashlib.sha256(b"".join(vector.tobytes() for vector in vectors.values())).digest()
    file = io.BytesIO()
    npz.write(file, vectors | {"sha256": np.frombuffer(sha256, np.uint8)} | others)
    return file.getvalue()


def try_to_load(folder, content, **options):
    """The model; ModelFileError if there is none."""
    path = folder / "tried.npz"
    path.write_bytes(content)
    return load(path, **options)


def refused(folder, content, match=None, seconds=5.0):
    """What is said against this file, which must be soon and in little memory."""
    path = folder / "tried.npz"
    path.write_bytes(content)
    start = time.perf_counter()
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=match) as caught:
            load(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * len(content) + BESIDE
    assert time.perf_counter() - start < seconds
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 1000 + len(str(path))


def is_the_same(model):
    return (
        repr(model) == repr(MODEL)
        and model.theta.tobytes() == MODEL.theta.tobytes()
        and model.state.tobytes() == MODEL.state.tobytes()
        and model.seed == MODEL.seed
    )


# --- damage ---------------------------------------------------------------------------------------------------------


def is_refused_or_the_same(folder, content):
    try:
        model = try_to_load(folder, content)
    except ModelFileError:
        return True
    return is_the_same(model)


def test_a_file_that_ends_too_early_is_refused(folder, good):
    for length in [*range(0, 300), *range(300, len(good), 29), *range(len(good) - 120, len(good))]:
        with pytest.raises(ModelFileError):
            try_to_load(folder, good[:length])


def test_a_flipped_bit_is_noticed_wherever_it_means_anything(folder, good):
    rng = np.random.default_rng(0)
    for place in [*rng.integers(0, len(good), 800), *range(len(good) - 300, len(good))]:
        damaged = bytearray(good)
        damaged[place] ^= 1 << rng.integers(8)
        assert is_refused_or_the_same(folder, damaged)


def test_overwritten_moved_and_repeated_pieces_are_noticed(folder, good):
    rng = np.random.default_rng(1)
    for i in range(900):
        damaged = bytearray(good)
        length = int(rng.integers(1, 64))
        to, source = rng.integers(0, len(good) - length, 2)
        piece = [good[source : source + length], rng.bytes(length), b"\xff" * length, b"\0" * length, b""][i % 5]
        damaged[to : to + (0 if i % 7 == 0 else length)] = piece
        assert is_refused_or_the_same(folder, damaged)


def test_a_changed_number_is_noticed_even_if_the_zip_says_that_all_is_well(folder, good, parts):
    header, theta, state = parts
    with np.load(folder / "good.npz") as vectors:
        sha256 = vectors["sha256"]
    assert is_the_same(try_to_load(folder, forge(header, theta, state)))
    theta = theta.copy()
    theta[-1] += 1
    refused(folder, forge(header, theta, state, sha256=sha256), "another SHA-256")
    refused(folder, forge(header, theta, state, sha256=sha256[:31]), "SHA-256")


@pytest.mark.parametrize("content", [b"", b"PK", b"a,b\n1,2\n", b"\x93NUMPY\1\0", b"\x80\x04K\x01.", b"\0" * 5000])
def test_what_is_no_model_at_all_is_refused(folder, content):
    refused(folder, content)


def test_other_zips_and_arrays_are_refused(folder):
    file = io.BytesIO()
    np.savez(file, a=np.ones(3), b=np.zeros((2, 2)))
    refused(folder, file.getvalue(), "is no model file")
    np.savez(file := io.BytesIO(), header=np.ones(3), theta=np.ones(3), state=np.ones(3))
    refused(folder, file.getvalue())
    np.save(file := io.BytesIO(), np.ones(3))
    refused(folder, file.getvalue(), "is not an .npz file")
    with zipfile.ZipFile(file := io.BytesIO(), "w"):
        pass
    refused(folder, file.getvalue(), "is no model file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_what_is_no_file_is_refused_and_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    for path in (folder / "pipe", folder, os.devnull):
        with pytest.raises(ModelFileError, match="is no file"):
            load(path)


# --- lies about sizes -----------------------------------------------------------------------------------------------


def zipped(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def members_of(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(info.filename, archive.read(info)) for info in archive.infolist()]


def npy(dictionary, data=b"", version=b"\1\0"):
    text = dictionary.encode()
    return b"\x93NUMPY" + version + struct.pack("<H", len(text)) + text + data


def replaced(content, name, by):
    return zipped([(member, by if member == name else old) for member, old in members_of(content)])


TERABYTES = "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }\n"


@pytest.mark.parametrize(
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
@pytest.mark.parametrize("name", ["header.npy", "theta.npy", "state.npy", "sha256.npy"])
def test_a_member_that_lies_about_its_numbers_is_refused(folder, good, name, member):
    refused(folder, replaced(good, name, member))


def test_a_zip_bomb_is_refused_before_it_is_opened(folder, good):
    members = members_of(good)
    for name in ("header.npy", "theta.npy", "sha256.npy", "more.npy"):
        bomb = {**dict(members), name: npy(TERABYTES, b"\0" * (32 * MEGABYTE))}
        content = zipped(bomb.items(), zipfile.ZIP_DEFLATED)
        assert len(content) < MEGABYTE
        refused(folder, content, "compressed")


def test_sizes_in_the_directory_are_not_believed(folder, good):
    start = good.index(b"PK\1\2")
    for offset in (20, 24):  # compressed and uncompressed size
        for claim in (2**31, 2**32 - 2, 0):
            entry = start
            while (entry := good.find(b"PK\1\2", entry)) >= 0:
                lying = bytearray(good)
                lying[entry + offset : entry + offset + 4] = struct.pack("<L", claim)
                refused(folder, bytes(lying))
                lying[entry + 20 : entry + 28] = struct.pack("<2L", claim, claim)
                refused(folder, bytes(lying), "claim to be larger" if claim else None)
                entry += 1


def test_a_directory_of_many_members_is_refused_before_it_is_read(folder):
    content = zipped([(f"{i}.npy", b"") for i in range(20_000)])
    refused(folder, content, "directory of the zip is too large")
    modest = bytearray(content)
    modest[-14:-10] = struct.pack("<2H", 4, 4)  # as many members as the end of the zip says there are
    refused(folder, bytes(modest), "directory of the zip is too large")


@pytest.mark.parametrize("data", [b"", b"\0" * 3, b"\0" * 4, b"\0" * 12])
def test_a_vector_with_other_bytes_than_it_claims_is_refused(folder, good, data):
    two = npy(TERABYTES.replace("1000000000000", "2"), data)
    refused(folder, replaced(good, "theta.npy", two), "theta claims 2 numbers of float32, but has")


def test_values_inside_values_without_end_are_refused(folder, parts):
    header, theta, state = parts
    for depth in (40, 20_000):
        layers = [{"layer": "Dense", "arguments": {"units": "HERE"}}, *header["layers"][1:]]
        raw = json.dumps(header | {"layers": layers}).replace('"HERE"', "[" * depth + "]" * depth).encode()
        refused(folder, forge(raw, theta, state), "nested more than|recursion")


def test_a_directory_that_is_hidden_behind_the_records_of_large_zips_is_refused(folder):
    content = zipped([(f"{i}.npy", b"") for i in range(20_000)])
    directory, end = content.index(b"PK\1\2"), len(content) - npz.END.size
    record = npz.END_64.pack(b"PK\6\6", 44, 45, 45, 0, 0, 20_000, 20_000, end - directory, directory)
    locator = npz.LOCATOR.pack(b"PK\6\7", 0, end, 1)
    modest = npz.END.pack(b"PK\5\6", 0, 0, 4, 4, 200, end + len(record) + len(locator) - 200, 0)
    refused(folder, content[:end] + record + locator + modest, "directory of the zip is too large")
    refused(folder, content[:end] + record[:-1] + locator + modest)
    refused(folder, content[:end] + record + npz.LOCATOR.pack(b"PK\6\7", 0, 0, 1) + modest)


def test_the_records_of_large_zips_are_read(folder, good):
    """As they stand in files beyond two gigabytes."""
    end = len(good) - npz.END.size
    *_, n, size, start, _ = npz.END.unpack(good[end:])
    record = npz.END_64.pack(b"PK\6\6", 44, 45, 45, 0, 0, n, n, size, start)
    content = good[:end] + record + npz.LOCATOR.pack(b"PK\6\7", 0, end, 1) + good[end:]
    assert is_the_same(try_to_load(folder, content))
    elsewhere = good[:end] + record + npz.LOCATOR.pack(b"PK\6\7", 0, start, 1) + good[end:]
    refused(folder, elsewhere, "not where it should be")


def test_members_that_are_there_twice_or_too_many_are_refused(folder, good):
    members = members_of(good)
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = zipped([*members, members[1]])
    refused(folder, twice, "is there twice")
    refused(folder, zipped([*members, ("more.npy", npy(TERABYTES))]), "expected the members")
    refused(folder, zipped([*members, ("more.txt", b"")]), "is no .npy")
    refused(folder, zipped(members[:-1]), "expected the members")
    refused(folder, zipped(members[1:]), "has no member header")


def test_what_stands_in_front_of_behind_or_between_is_refused(folder, good):
    refused(folder, b"#!/bin/sh\n" + good)
    refused(folder, good + b"\0")
    start = good.index(b"PK\1\2")
    refused(folder, good[:start] + b"\0" + good[start:])


def test_a_network_that_is_larger_than_the_file_is_refused_before_there_is_memory_for_it(folder, parts):
    header, theta, state = parts
    for units in (10**9, 10**18, 10**300):
        layers = [{"layer": "Dense", "arguments": {"units": units}}, *header["layers"][1:]]
        refused(folder, forge(header | {"layers": layers}, theta, state), "its layers need|cannot be made")
    refused(folder, forge(header | {"input_shape": [2**62]}, theta, state), "its layers need")
    refused(folder, forge(header | {"input_shape": [2**62] * 63}, theta, state))
    refused(folder, forge(header, theta[:-1], state), "its layers need 45 numbers in theta, but there are 44")
    refused(
        folder, forge(header, theta, np.append(state, state)), "its layers need 6 numbers in state, but there are 12"
    )


def test_an_input_of_any_size_takes_no_memory_until_there_is_one(folder, parts):
    header, theta, state = parts
    layers = [{"layer": "ReLU", "arguments": {}}, {"layer": "Softmax", "arguments": {}}]
    wide = header | {"layers": layers, "trainable": [True, True], "input_shape": [2**62]}
    tracemalloc.start()
    try:
        assert try_to_load(folder, forge(wide, theta[:0], state[:0])).n_parameters == 0
        assert tracemalloc.get_traced_memory()[1] < BESIDE
    finally:
        tracemalloc.stop()


def test_drawing_weights_is_no_way_to_keep_the_reader_waiting(folder, parts):
    class Slow(nn.Initializer):
        def __call__(self, shape, rng):
            raise AssertionError("drawn")

    header, theta, state = parts
    slow = {"units": 3, "initializer": {"initializer": "Slow", "arguments": {}}}
    layers = [{"layer": "Dense", "arguments": slow}, *header["layers"][1:]]
    model = try_to_load(folder, forge(header | {"layers": layers}, theta, state), layers=[Slow])
    assert model.theta.tobytes() == theta.tobytes()


def test_reading_takes_at_most_four_times_the_file(folder):
    model = nn.Model([Dense(1500), Dense(3), Softmax()], n_features=1500, seed=0)
    save(model, folder / "large.npz")
    tracemalloc.start()
    try:
        load(folder / "large.npz")
        assert tracemalloc.get_traced_memory()[1] < 3.5 * os.path.getsize(folder / "large.npz")
    finally:
        tracemalloc.stop()


# --- lies in the header ---------------------------------------------------------------------------------------------

LAYER = {"layer": "ReLU", "arguments": {}}


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


WRONG = {
    "format": [None, "nnlite", 1, [], "nnlite model "],
    "version": [0, -1, None, "1", 1.0, True, [1], 1e999],
    "nnlite": [None, 1, {}],
    "dtype": ["float16", "object", None, 4, "float64", ["float32"], "<f4"],
    "input_shape": [None, [], 4, [0], [-4], [4.0], [True], ["4"], [2**70], [1] * 64, [3], [2, 2], {"0": 4}],
    "class_names": ["abc", [1], [None], {}, 0, [[]]],
    "seed": [-1, 0.5, "0", True, 2**2000, []],
    "entropy": [None, -1, 0.5, True, 2**2000],
    "layers": [
        None, [], {}, "Dense", [1], [LAYER], [[LAYER]], LAYER, [{}], [{"layer": "Softmax"}],
        [{"layer": "Softmax", "arguments": {}, "more": 1}], [{"layer": "Softmax", "arguments": []}],
        [{"layer": 1, "arguments": {}}], [{"layer": "os.system", "arguments": {}}],
        [{"layer": "x" * 10_000, "arguments": {}}], [{"layer": ["Softmax"], "arguments": {}}],
        [{"layer": "Layer", "arguments": {}}], [{"layer": "Activation", "arguments": {}}],
        [{"layer": "Cache", "arguments": {"dtype": "f4"}}], [{"layer": "Model", "arguments": {}}],
        [{"initializer": "Zeros", "arguments": {}}], [{"tuple": [LAYER]}], [LAYER] * 6000,
        [{"layer": "Softmax", "arguments": {"label_smoothing": 2}}],
        [{"layer": "Softmax", "arguments": {"label_smoothing": "x" * 100_000}}],
        [{"layer": "Softmax", "arguments": {"self": 1}}], [{"layer": "Softmax", "arguments": {"other": 1}}],
        [{"layer": "Dense", "arguments": {}}], [{"layer": "Dense", "arguments": {"units": nested(40)}}],
        [{"layer": "Dense", "arguments": {"units": {"layer": "ReLU", "arguments": {}}}}],
        [{"layer": "Dense", "arguments": {"units": 3, "initializer": {"initializer": "Zeros", "arguments": {"a": 1}}}}],
        [{"layer": "Reshape", "arguments": {"target_shape": {"tuple": [-1, 2**1000]}}}, LAYER],
        [{"layer": "Reshape", "arguments": {"target_shape": [1] * 200}}, {"layer": "Softmax", "arguments": {}}],
    ],
    "trainable": [None, [], True, [1] * 6, [True] * 5, [True] * 7, ["yes"] * 6, [None] * 6],
}  # fmt: skip


@pytest.mark.parametrize("field", WRONG)
def test_a_header_with_a_wrong_value_is_refused(folder, parts, field):
    header, theta, state = parts
    for value in WRONG[field]:
        refused(folder, forge(header | {field: value}, theta, state))
    refused(folder, forge({name: value for name, value in header.items() if name != field}, theta, state))


def test_a_header_that_is_no_json_object_is_refused(folder, parts):
    header, theta, state = parts
    raw = json.dumps(header).encode()
    wrong = [
        b"", b"null", b"[]", b"3", raw[:-1], raw + b"}", b"\xff" + raw, raw.decode().encode("utf-16"),
        raw[:-1] + b',"dtype":"float32"}', raw[:-1] + b',"more":1}', raw.replace(b'"seed": 0', b'"seed": NaN'),
        raw.replace(b'"seed": 0', b'"seed": ' + b"9" * 10_000), b"[" * 60_000, b'{"a":' * 30_000,
    ]  # fmt: skip
    for content in wrong:
        refused(folder, forge(content, theta, state))


def test_a_header_that_would_fill_much_memory_is_refused(folder, parts):
    _, theta, state = parts
    for content in (b"[" + b"[]," * 340_000 + b"[]]", b"[" + b"500," * 260_000 + b"1]", b"{" * MEGABYTE):
        refused(folder, forge(content, theta, state), "values")
    refused(folder, forge(b" " * (MEGABYTE + 1), theta, state), "larger than")
    refused(folder, forge(b"[" * (16 * MEGABYTE), theta, state), "larger than")


def test_a_later_version_says_what_it_needs(folder, parts):
    header, theta, state = parts
    later = header | {"version": 2, "nnlite": "0.9.1", "layers": "something else"}
    expected = "has version 2 of the format, which needs nnlite 0.9.1 or newer; this one knows up to 1"
    refused(folder, forge(later, theta, state, more=theta), expected)
    refused(folder, forge(later | {"nnlite": "x" * 99}, theta, state), "needs a newer nnlite")
    assert files.VERSION == 1


def test_an_unknown_layer_is_never_looked_for_elsewhere(folder, parts, monkeypatch):
    header, theta, state = parts
    imported = []
    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", lambda name, *rest: (imported.append(name), original(name, *rest))[1])
    for name in ("system", "Popen", "Model", "antigravity"):
        content = forge(header | {"layers": [{"layer": name, "arguments": {}}]}, theta, state)
        refused(folder, content, f"needs the layer {name!r}, which is none of nnlite's")
        assert name not in imported


class Trap:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_pickle_is_never_opened(folder, good):
    trap = np.empty(1, object)
    trap[0] = Trap(str(folder / "sprung"))
    np.save(file := io.BytesIO(), trap, allow_pickle=True)
    np.load(io.BytesIO(file.getvalue()), allow_pickle=True)
    (folder / "sprung").rmdir()  # so the trap works
    for name in ("header.npy", "theta.npy", "state.npy", "sha256.npy"):
        refused(folder, replaced(good, name, file.getvalue()), "is no vector")
    refused(folder, file.getvalue())
    assert not (folder / "sprung").exists()


def test_a_header_with_flipped_bits_and_a_right_checksum_is_refused_or_a_model(folder, parts):
    header, theta, state = parts
    raw = json.dumps(header).encode()
    rng = np.random.default_rng(2)
    for i in range(700):
        damaged = bytearray(raw)
        place, length = int(rng.integers(len(raw))), int(rng.integers(0, 12))
        if i % 2:
            damaged[place] ^= 1 << int(rng.integers(7))
        else:
            damaged[place : place + length] = raw[(source := int(rng.integers(len(raw)))) : source + length]
        with contextlib.suppress(ModelFileError):
            try_to_load(folder, forge(bytes(damaged), theta, state))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["layer", "arguments", "initializer", "tuple", "units"]), inner, max_size=3)
        | st.builds(
            lambda name, arguments: {"layer": name, "arguments": arguments},
            st.sampled_from(["Dense", "Softmax", "Residual", "Reshape", "Dropout", "BatchNorm", "Identity"]),
            st.dictionaries(
                st.sampled_from(["units", "layers", "rate", "target_shape", "trainable"]), inner, max_size=2
            ),
        )
    ),
    max_leaves=8,
)


@settings(max_examples=250, deadline=None)
@given(field=st.sampled_from(sorted(WRONG)), value=values, where=st.integers(0, 3))
def test_a_header_with_any_value_anywhere_is_refused_or_a_model(folder, parts, field, value, where):
    header, theta, state = parts
    if field == "layers" and where < len(header["layers"]):
        value = [value if i == where else layer for i, layer in enumerate(header["layers"])]
    with contextlib.suppress(ModelFileError):
        assert isinstance(try_to_load(folder, forge(header | {field: value}, theta, state)), nn.Model)


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200), place=st.floats(0, 1), length=st.integers(0, 200))
def test_any_bytes_anywhere_are_refused_or_change_nothing(folder, good, content, place, length):
    start = int(place * len(good))
    assert is_refused_or_the_same(folder, good[:start] + content + good[start + length :])


def test_an_argument_that_is_wrong_is_no_model_file_error(folder, good):
    with pytest.raises(ArgumentError) as caught:
        try_to_load(folder, good, layers=3)
    assert not isinstance(caught.value, ModelFileError)
