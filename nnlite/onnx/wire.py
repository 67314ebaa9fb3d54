"""Count the fields of an ONNX file before it is parsed: two bytes of a file can become hundreds in memory."""

from __future__ import annotations

from typing import Any

from nnlite.errors import ModelFileError

MOST_FIELDS = 2**18
DEEPEST = 32  # messages inside messages
VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5  # the wire types that ONNX uses


def check_fields(raw: memoryview, descriptor: Any) -> None:
    """Raise ModelFileError if the message has too many fields, those of the messages in it included, or is damaged.

    Parameters
    ----------
    raw : memoryview
        The bytes of the message.
    descriptor : google.protobuf.descriptor.Descriptor
        Says which fields are messages.
    """
    _Counter().count(raw, descriptor, 0)


class _Counter:
    def __init__(self) -> None:
        self.n_fields = 0

    def count(self, raw: memoryview, descriptor: Any, depth: int) -> None:
        """Count the fields of a message."""
        if depth > DEEPEST:
            raise ModelFileError(f"is nested more than {DEEPEST} deep")
        messages = {number: field.message_type for number, field in descriptor.fields_by_number.items()}
        at, end = 0, len(raw)
        while at < end:
            self.n_fields += 1
            if self.n_fields > MOST_FIELDS:
                raise ModelFileError(f"has more than {MOST_FIELDS} fields")
            tag, at = _varint(raw, at)
            kind = tag & 7
            if kind == BYTES:
                length, at = _varint(raw, at)
                inner = messages.get(tag >> 3)
                if length > end - at:
                    raise ModelFileError("is not an ONNX file, or its end is missing")
                if inner is not None:
                    self.count(raw[at : at + length], inner, depth + 1)
                at += length
            elif kind == VARINT:
                _, at = _varint(raw, at)
            elif kind in (FIXED_32, FIXED_64):
                at += 4 if kind == FIXED_32 else 8
            else:
                raise ModelFileError("is not an ONNX file")
        if at != end:
            raise ModelFileError("is not an ONNX file, or its end is missing")


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    """Return the integer at a place, and the place after it."""
    value = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise ModelFileError("is not an ONNX file, or its end is missing")
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
