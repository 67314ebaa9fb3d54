"""Facts about the header of a model file: a header with any wrong value is refused, in little memory."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nnlite as nn
from nnlite.storage import header as headers

from .forging import HEADER, MEGABYTE, THETA, forge, load, refuse

LAYER = {"layer": "ReLU", "arguments": {}}


def nested(depth):
    """The number 1 in lists in lists."""
    value = 1
    for _ in range(depth):
        value = [value]
    return value


WRONG = {
    "format": [None, "nnlite", 1, [], "nnlite model ", "nnlite checkpoint"],
    "version": [0, -1, None, "1", 1.0, True, [1], 1e999, 2**63],
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
def test_a_header_with_a_wrong_value_is_refused(field):
    for value in WRONG[field]:
        refuse(forge(HEADER | {field: value}))
    refuse(forge({name: value for name, value in HEADER.items() if name != field}))


def test_a_header_that_is_not_a_json_object_is_refused():
    raw = json.dumps(HEADER).encode()
    wrong = [
        b"", b"null", b"[]", b"3", raw[:-1], raw + b"}", b"\xff" + raw, raw.decode().encode("utf-16"),
        raw[:-1] + b',"dtype":"float32"}', raw[:-1] + b',"more":1}', raw.replace(b'"seed": 0', b'"seed": NaN'),
        raw.replace(b'"seed": 0', b'"seed": ' + b"9" * 10_000), b"[" * 60_000, b'{"a":' * 30_000,
    ]  # fmt: skip
    for content in wrong:
        refuse(forge(content))


def test_a_header_that_would_fill_much_memory_is_refused():
    for content in (b"[" + b"[]," * 340_000 + b"[]]", b"[" + b"500," * 260_000 + b"1]", b"{" * MEGABYTE):
        refuse(forge(content), "more than 65536 values")
    refuse(forge(b" " * (MEGABYTE + 1)), "larger than")
    refuse(forge(b"[" * (16 * MEGABYTE)), "larger than")


def test_values_nested_without_end_are_refused():
    for depth in (40, 20_000):
        layers = [{"layer": "Dense", "arguments": {"units": "HERE"}}, *HEADER["layers"][1:]]
        raw = json.dumps(HEADER | {"layers": layers}).replace('"HERE"', "[" * depth + "]" * depth).encode()
        refuse(forge(raw), "nested more than|recursion")


def test_a_later_version_says_what_it_needs():
    later = HEADER | {"version": 5, "nnlite": "0.9.1", "layers": "something else"}
    expected = "has version 5 of the format, which needs nnlite 0.9.1 or newer; this nnlite reads versions up to 4"
    refuse(forge(later, more=THETA), expected)
    refuse(forge(later | {"nnlite": "x" * 99}), "needs a newer nnlite")
    assert headers.VERSION == 4


def test_a_header_with_damage_and_a_right_checksum_is_refused_or_a_model():
    raw = json.dumps(HEADER).encode()
    rng = np.random.default_rng(2)
    for i in range(700):
        damaged = bytearray(raw)
        place, length = int(rng.integers(len(raw))), int(rng.integers(0, 12))
        if i % 2:
            damaged[place] ^= 1 << int(rng.integers(7))
        else:
            damaged[place : place + length] = raw[(source := int(rng.integers(len(raw)))) : source + length]
        with contextlib.suppress(nn.ModelFileError):
            assert isinstance(load(forge(bytes(damaged))), nn.Model)


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


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(field=st.sampled_from(sorted(WRONG)), value=values, where=st.integers(0, 3))
def test_a_header_with_any_value_anywhere_is_refused_or_a_model(field, value, where):
    if field == "layers" and where < len(HEADER["layers"]):
        value = [value if i == where else layer for i, layer in enumerate(HEADER["layers"])]
    with contextlib.suppress(nn.ModelFileError):
        assert isinstance(load(forge(HEADER | {field: value})), nn.Model)


def test_what_makes_pictures_into_numbers_is_checked():
    pictures = {"image_shape": [2, 2], "resize": False, "scale": 255.0, "table_scale": 1.0}
    right = HEADER | {"version": 4, "encoding": None, "target_scale": None, "image_encoding": pictures}
    assert load(forge(right)).image_encoding == nn.ImageEncoding((2, 2), table_scale=1.0)
    wrong = [
        {**pictures, "image_shape": [2, -1]}, {**pictures, "image_shape": "2x1"}, {**pictures, "scale": 0},
        {**pictures, "resize": 1}, {**pictures, "more": 1}, {}, [], "28x28", {**pictures, "image_shape": [3, 3]},
    ]  # fmt: skip
    for value in wrong:
        refuse(forge(right | {"image_encoding": value}))
