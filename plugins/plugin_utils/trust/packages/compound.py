# SPDX-License-Identifier: GPL-3.0-or-later
"""Compound files (MS-CFB), the container of .msi, .msp and .mst: class, streams and properties.

olefile follows the chains of sectors; here stand the bounds: a header that says what no Windows
writes is refused before olefile opens it, no stream is read whole above a limit, and whatever
malformed bytes set off in a parser becomes one error.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import olefile

from ...base.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SUMMARY = "\x05SummaryInformation"
# Windows Installer's classes of the root storage (the C header MsiDefs.h of the Windows SDK).
PRODUCT_CLASS = bytes.fromhex("84100c0000000000c000000000000046")  # {000C1084-...}: .msi
PATCH_CLASS = bytes.fromhex("86100c0000000000c000000000000046")  # {000C1086-...}: .msp
TRANSFORM_CLASS = bytes.fromhex("82100c0000000000c000000000000046")  # {000C1082-...}: .mst
_HEADER = 512
_SECTOR_SHIFTS = (9, 12)  # the two that MS-CFB allows
_MINI_SHIFT = 6
_ENTRY = 128
_CLASS_PLACE = 80  # in a directory entry
_LARGEST = 8 * 1024 * 1024  # of one stream that is read; those of real packages have kilobytes
_PROPERTIES = 64
_TEXT, _SHORT = 0x1E, 2  # VT_LPSTR, VT_I2
_CODE_PAGE = 1  # PID_CODEPAGE
# What parsers of malformed bytes are seen to raise; RuntimeError includes a recursion too deep.
UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
    struct.error,
)


def root_class(stream: BinaryIO) -> bytes | None:
    """Return the class of the root storage, 16 bytes; ``None`` where the header is no good one."""
    try:
        sector = _checked_sector(stream)
        stream.seek(0x30)
        (first,) = struct.unpack("<I", stream.read(4))
        stream.seek((first + 1) * sector)
        entry = stream.read(_ENTRY)
    except (ValueError, OverflowError, struct.error):
        return None
    return entry[_CLASS_PLACE : _CLASS_PLACE + 16] if len(entry) == _ENTRY else None


def _checked_sector(stream: BinaryIO) -> int:
    """Return the size of a sector; raises ``ValueError`` for a header outside MS-CFB 2.2."""
    size = stream.seek(0, 2)
    stream.seek(0)
    header = stream.read(_HEADER)
    if len(header) < _HEADER or not header.startswith(MAGIC):
        raise ValueError("it is no compound file, or it was cut off")
    order: int
    shift: int
    order, shift, mini = struct.unpack_from("<HHH", header, 0x1C)
    if order != 0xFFFE or shift not in _SECTOR_SHIFTS or mini != _MINI_SHIFT:  # noqa: PLR2004 - little endian
        raise ValueError("its header is not that of a compound file")
    most = size >> shift
    # Sectors of the FAT, of the mini FAT and of the list of FAT sectors.
    counts = [struct.unpack_from("<I", header, place)[0] for place in (0x2C, 0x40, 0x48)]
    if max(counts) > most:
        raise ValueError(f"its header counts {max(counts)} sectors, the file has room for {most}")
    return 1 << shift


class CompoundFile:
    """An open compound file; every reading is bounded."""

    def __init__(self, ole: Any) -> None:
        self._ole = ole
        self.entries: tuple[tuple[str, ...], ...] = tuple(tuple(e) for e in ole.listdir())

    def read(self, entry: tuple[str, ...]) -> bytes:
        """Return a stream; raises ``ValueError`` when it is too large."""
        path = list(entry)
        if self._ole.get_size(path) > _LARGEST:
            raise ValueError(f"stream {'/'.join(entry)!r} is larger than {_LARGEST} bytes")
        with self._ole.openstream(path) as stream:
            data: bytes = stream.read(_LARGEST)
        return data

    def summary(self, *storage: str) -> dict[int, str]:
        """Return the texts of the summary information of the file, or of a storage in it."""
        entry = (*storage, SUMMARY)
        return _properties(self.read(entry)) if entry in self.entries else {}


@contextmanager
def opened(stream: BinaryIO, name: str, what: str) -> Iterator[CompoundFile]:
    """Open a compound file; whatever is wrong with it becomes a ``RefusedError`` with its name.

    ``what`` it is no whole one of then: "Windows Installer package".
    """
    try:
        _checked_sector(stream)
        stream.seek(0)
        with olefile.OleFileIO(stream) as ole:  # type: ignore[no-untyped-call]
            yield CompoundFile(ole)
    except UNREADABLE as error:
        raise RefusedError(
            f"{name}: its tables cannot be read ({error or type(error).__name__}); it is no whole "
            f"{what}. Download it again"
        ) from error


def _properties(data: bytes) -> dict[int, str]:
    """Read the texts of a property set (MS-OLEPS); numbers and dates are left out."""
    start = struct.unpack_from("<I", data, 44)[0]
    count = struct.unpack_from("<I", data, start + 4)[0]
    if count > _PROPERTIES:
        raise ValueError(f"its summary counts {count} properties")
    raw: dict[int, bytes] = {}
    encoding = "latin-1"
    for index in range(count):
        number, offset = struct.unpack_from("<II", data, start + 8 + 8 * index)
        place = start + offset
        kind = struct.unpack_from("<I", data, place)[0]
        if kind == _TEXT:
            length = struct.unpack_from("<I", data, place + 4)[0]
            raw[number] = data[place + 8 : place + 8 + length].split(b"\0", 1)[0]
        elif kind == _SHORT and number == _CODE_PAGE:
            encoding = code_page(struct.unpack_from("<H", data, place + 4)[0])
    return {number: text.decode(encoding, "replace") for number, text in raw.items()}


def code_page(number: int) -> str:
    """Return Python's name of a code page of Windows; decoding by an unknown one fails."""
    return {0: "latin-1", 65001: "utf-8"}.get(number, f"cp{number}")
