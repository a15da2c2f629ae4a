# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes behind the signature of a Windows program.

Authenticode does not cover the certificate table itself, so whatever stands there after the
signature can be changed while the signature stays good; real malware came that way.
Layout: Microsoft's "PE Format", sections "Optional Header Data Directories" and "The Attribute
Certificate Table".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

_PLUS = 0x20B  # PE32+
_CERTIFICATES = 4  # index of the certificate table among the directories
_HEAD = 8  # length, revision and type before each certificate
_ALIGN = 8
_LONGEST = 16 * 1024 * 1024


def hidden_bytes(path: Path) -> str | None:
    """Say what is hidden behind the signature; ``None`` when nothing is, or it is no program."""
    with path.open("rb") as stream:
        if stream.read(2) != b"MZ":
            return None
        try:
            offset, size = _table(stream)
            return _behind(stream, offset, size)
        except (struct.error, ValueError):
            return "its headers cannot be read"


def _table(stream: BinaryIO) -> tuple[int, int]:
    stream.seek(0x3C)
    (header,) = struct.unpack("<I", stream.read(4))
    stream.seek(header + 24)
    (magic,) = struct.unpack("<H", stream.read(2))
    stream.seek(header + 24 + (112 if magic == _PLUS else 96) + 8 * _CERTIFICATES)
    offset, size = struct.unpack("<II", stream.read(8))
    return int(offset), int(size)


def _behind(stream: BinaryIO, offset: int, size: int) -> str | None:
    if size == 0 or size > _LONGEST:
        return f"its certificate table has {size} bytes"
    stream.seek(offset)
    table = stream.read(size)
    place = 0
    while place + _HEAD <= len(table):
        (length,) = struct.unpack("<I", table[place : place + 4])
        if not _HEAD < length <= len(table) - place:
            return "its certificate table is malformed"
        signed = _der_length(table[place + _HEAD : place + length])
        rest = table[place + _HEAD + signed : place + length]
        if len(rest) >= _ALIGN or any(rest):
            return f"{len(rest)} bytes are hidden behind its signature"
        place += -(-length // _ALIGN) * _ALIGN
    if stream.read(1):
        return "there are bytes behind its certificate table"
    return None


def _der_length(data: bytes) -> int:
    """Return how many bytes the first DER value of ``data`` takes."""
    if len(data) < 2 or data[0] != 0x30:  # noqa: PLR2004 - tag SEQUENCE
        raise ValueError("no DER sequence")
    if data[1] < 0x80:  # noqa: PLR2004 - short form
        return 2 + data[1]
    count = data[1] & 0x7F
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")
