# SPDX-License-Identifier: GPL-3.0-or-later
"""What a PE file says about itself: its header, its version resource, and patches inside it.

Layout: Microsoft's "PE Format". The version resource is covered by the signature; the table of
certificates is not, so nothing is read from there.
"""

from __future__ import annotations

import io
import mmap
import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pefile

from .compound import MAGIC, PATCH_CLASS, UNREADABLE, root_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

_DLL, _SYSTEM, _EXECUTABLE = 0x2000, 0x1000, 0x0002  # IMAGE_FILE_*
_WINDOWS = (2, 3)  # IMAGE_SUBSYSTEM_WINDOWS_GUI and _CUI
_NATIVE = 1
_MACHINES = {0x8664: "x64", 0x14C: "x86"}  # what a 64 bit Windows Server runs
_RESOURCES, _CERTIFICATES = 2, 4  # among the data directories
_LONGEST = 300  # characters of one string that is kept
_MOST_STRINGS = 100
_MOST_HITS = 50  # beginnings of compound files in a program that are looked at


@dataclass(frozen=True, slots=True)
class ProgramFacts:
    """A PE file; ``strings`` are those of its version resource, none where it has none."""

    dll: bool
    driver: bool
    machine: str  # x64, x86, or the number
    runnable: bool  # a program for Windows that a server can start
    strings: Mapping[str, str]
    versions: tuple[str, ...]  # four numbers: of the product and of the file, as they differ
    signed_bytes: int  # where the table of certificates begins: nothing behind is covered


def read_program(path: Path) -> ProgramFacts | None:
    """Read headers and version resource; ``None`` for what is no PE file."""
    try:
        with closing(pefile.PE(str(path), fast_load=True)) as pe:  # type: ignore[no-untyped-call]
            return _facts(pe, path.stat().st_size)
    except (pefile.PEFormatError, *UNREADABLE):
        return None


def _facts(pe: Any, size: int) -> ProgramFacts:
    flags = pe.FILE_HEADER.Characteristics
    subsystem = pe.OPTIONAL_HEADER.Subsystem
    machine = _MACHINES.get(pe.FILE_HEADER.Machine, f"machine 0x{pe.FILE_HEADER.Machine:x}")
    dll, driver = bool(flags & _DLL), bool(flags & _SYSTEM) or subsystem == _NATIVE
    fits = subsystem in _WINDOWS and machine in _MACHINES.values() and flags & _EXECUTABLE
    strings, versions = _version_resource(pe)
    directories = pe.OPTIONAL_HEADER.DATA_DIRECTORY
    end = directories[_CERTIFICATES].VirtualAddress if len(directories) > _CERTIFICATES else 0
    return ProgramFacts(
        dll=dll,
        driver=driver,
        machine=machine,
        runnable=bool(fits) and not dll and not driver,
        strings=strings,
        versions=versions,
        signed_bytes=end if 0 < end < size else size,
    )


def _version_resource(pe: Any) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return strings and numeric versions; one that cannot be read is as good as none."""
    strings: dict[str, str] = {}
    versions: dict[str, None] = {}
    try:
        pe.parse_data_directories(directories=[_RESOURCES])
        for fixed in getattr(pe, "VS_FIXEDFILEINFO", ()):
            for high, low in (
                (fixed.ProductVersionMS, fixed.ProductVersionLS),
                (fixed.FileVersionMS, fixed.FileVersionLS),
            ):
                parts = (high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF)
                if any(parts):
                    versions[".".join(map(str, parts))] = None
        for entry in (e for block in getattr(pe, "FileInfo", ()) for e in block):
            for table in getattr(entry, "StringTable", ()):
                for key, value in list(table.entries.items())[:_MOST_STRINGS]:
                    text = _text(value)
                    if text:
                        strings.setdefault(_text(key), text)
    except UNREADABLE:
        return {}, ()
    return strings, tuple(versions)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip("\0 ")[:_LONGEST]


def patches_inside(path: Path, end: int) -> Iterator[BinaryIO]:
    """Yield the Windows Installer patches that lie uncompressed before ``end`` in a program.

    Each is valid until the next is asked for.
    """
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        for number, hit in enumerate(re.finditer(re.escape(MAGIC), data)):
            if number >= _MOST_HITS or hit.start() >= end:
                return
            window = io.BufferedReader(_Window(data, hit.start(), end))
            if root_class(window) == PATCH_CLASS:
                yield window


class _Window(io.RawIOBase):
    """A part of mapped bytes as a file."""

    def __init__(self, data: mmap.mmap, start: int, end: int) -> None:
        self._data, self._start, self._size = data, start, end - start
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._place))
        begin = self._start + self._place
        buffer[:count] = self._data[begin : begin + count]
        self._place += count
        return count
