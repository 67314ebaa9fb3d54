"""Object code, from the compiler or the cache, becomes functions in the memory of this process.

On Linux and x86-64 that is simple, because LLVM's code for other programs to load refers to everything by its full
address: the sections of the object file are laid side by side in memory, and each place that names a symbol gets the
address of that symbol. Elsewhere, and for object code with anything else in it, LLVM does it.

The format is ELF: "System V application binary interface, AMD64 architecture processor supplement", chapter 4.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import platform
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from nnlite.engine import llvm

FILE = b"\x7fELF\x02\x01"  # 64 bits, the lowest byte first
RELOCATABLE, X86_64 = 1, 62
CONTENT, SYMBOLS, ADDRESSES, ZEROS = 1, 2, 4, 8  # kinds of sections
WRITTEN, IN_MEMORY = 1, 2  # flags of a section
UNDEFINED = 0  # number of the section of a symbol that is elsewhere, such as exp
FULL_ADDRESS = 1  # how an address is written: as 64 bits

Find = Callable[[str], int]  # from the name of a function to its address


class NotSimpleError(Exception):
    """The object code has something in it that only LLVM knows how to load."""


class Section(NamedTuple):
    """A section of an object file, with the fields of ELF in their order."""

    name: int
    kind: int
    flags: int
    address: int
    start: int
    size: int
    link: int
    info: int
    alignment: int
    entry: int


class Symbol(NamedTuple):
    """A name in an object file, and where it is: the number of its section, and the bytes from there."""

    name: str
    section: int
    value: int


def load(code: bytes) -> Find:
    """Load object code, for as long as the process lives. Return what finds the address of a function by its name."""
    try:
        return _placed(code).__getitem__
    except NotSimpleError:
        return _loaded_by_llvm(code)


def _placed(code: bytes) -> dict[str, int]:
    """Return the addresses of the functions."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise NotSimpleError
    sections = _sections(code)
    offsets, size = _layout(sections)
    symbols = _symbols(code, sections)
    places = [place for section in sections for place in _places(code, section, offsets)]
    undefined = {symbols[number].name for _, number, _ in places if symbols[number].section == UNDEFINED}
    outside = {name: _of_the_c_library(name) for name in undefined}
    base = _new_memory(size)
    inside = [None if s.section not in offsets else base + offsets[s.section] + s.value for s in symbols]
    image = bytearray(size)
    for number, offset in offsets.items():
        section = sections[number]
        image[offset : offset + section.size] = code[section.start : section.start + section.size]
    for offset, number, more in places:
        address = outside[symbols[number].name] if symbols[number].section == UNDEFINED else inside[number]
        if address is None:
            raise NotSimpleError
        struct.pack_into("<Q", image, offset, address + more)
    ctypes.memmove(base, bytes(image), size)
    _make_executable(base, size)
    return {symbol.name: at for symbol, at in zip(symbols, inside, strict=True) if at is not None}


# ---- the object file -----------------------------------------------------------------------------------------------


def _sections(code: bytes) -> list[Section]:
    """Return the sections; NotSimpleError if this is no object file for x86-64."""
    try:
        if code[:6] != FILE or struct.unpack_from("<HH", code, 16) != (RELOCATABLE, X86_64):
            raise NotSimpleError
        (start,), (n,) = struct.unpack_from("<Q", code, 40), struct.unpack_from("<H", code, 60)
        return [Section(*struct.unpack_from("<IIQQQQIIQQ", code, start + 64 * i)) for i in range(n)]
    except struct.error:
        raise NotSimpleError from None


def _layout(sections: Sequence[Section]) -> tuple[dict[int, int], int]:
    """Return where each section that belongs in memory begins, by its number, and the size of all."""
    offsets, size = {}, 0
    for number, section in enumerate(sections):
        if section.flags & IN_MEMORY and section.size and section.kind in (CONTENT, ZEROS):
            if section.flags & WRITTEN or section.kind == ZEROS or section.alignment > mmap.PAGESIZE:
                raise NotSimpleError  # kernels have no memory of their own
            size += -size % max(1, section.alignment)
            offsets[number] = size
            size += section.size
    return offsets, size


def _symbols(code: bytes, sections: Sequence[Section]) -> list[Symbol]:
    """Return all symbols, in the order in which they are numbered."""
    found = []
    for table in (section for section in sections if section.kind == SYMBOLS):
        names = sections[table.link].start
        for at in range(table.start, table.start + table.size, 24):
            name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", code, at)
            end = code.index(0, names + name)
            found.append(Symbol(code[names + name : end].decode(), section, value))
    return found


def _places(code: bytes, table: Section, offsets: dict[int, int]) -> list[tuple[int, int, int]]:
    """Return the places in memory that get an address: where, the number of its symbol, and what is added to it."""
    if table.kind != ADDRESSES or table.info not in offsets:
        return []
    found = []
    for at in range(table.start, table.start + table.size, 24):
        place, kind, number, more = struct.unpack_from("<QIIq", code, at)
        if kind != FULL_ADDRESS:
            raise NotSimpleError
        found.append((offsets[table.info] + place, number, more))
    return found


# ---- the memory ----------------------------------------------------------------------------------------------------


@functools.cache
def _c_library() -> Any:
    """Return the C library of this process."""
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    library.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return library


@functools.cache
def _of_the_c_library(name: str) -> int:
    """Return the address of a function of the C library, such as exp."""
    for library in (None, "libm.so.6"):
        try:
            address = ctypes.cast(getattr(ctypes.CDLL(library), name), ctypes.c_void_p).value
        except (OSError, AttributeError):
            continue
        if address:
            return address
    raise NotSimpleError


def _new_memory(size: int) -> int:
    """Return the address of new memory. It is never freed: a thread may be in it until the process ends."""
    protection, flags = mmap.PROT_READ | mmap.PROT_WRITE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = _c_library().mmap(None, max(size, 1), protection, flags, -1, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise NotSimpleError
    return int(address)


def _make_executable(address: int, size: int) -> None:
    """Make memory executable, and no longer writable; NotSimpleError if the system forbids that."""
    if _c_library().mprotect(address, max(size, 1), mmap.PROT_READ | mmap.PROT_EXEC) != 0:
        raise NotSimpleError


# ---- LLVM ----------------------------------------------------------------------------------------------------------

_engines: list[Any] = []  # they own the memory of the functions


def _loaded_by_llvm(code: bytes) -> Find:
    with llvm.lock:
        from llvmlite import binding

        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), llvm.target_machine(*llvm.host()))
        engine.add_object_file(binding.ObjectFileRef.from_data(code))
        engine.finalize_object()
        _engines.append(engine)
    find: Find = engine.get_function_address
    return find
