# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Windows program carries its signature, and what that signature covers.

Layout: Microsoft's "PE Format", sections "Optional Header Data Directories" and "The Attribute
Certificate Table". Authenticode covers every byte but the checksum, the directory entry of the
certificate table and the table itself; so the table must be one entry, the last thing in the file,
and filled by the signature.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = b"MZ"
CONTENT = "1.3.6.1.4.1.311.2.1.15"  # SPC_PE_IMAGE_DATA: what its signature says it is over
_MAGIC = {0x10B: 96, 0x20B: 112}  # PE32 and PE32+: where the directories begin
_CERTIFICATES = 4  # index of the certificate table among the directories
_HEAD = struct.Struct("<IHH")  # length, revision and type before a certificate
_REVISION, _PKCS7 = 0x0200, 0x0002
_ALIGN = 8
_LONGEST = 16 * 1024 * 1024
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets in bytes; ``size`` is that of the certificate table, 0 without one."""

    checksum: int
    entry: int
    table: int
    size: int
    length: int


def layout(stream: BinaryIO) -> Layout:
    """Read the headers; raises ``ValueError`` or ``struct.error`` for what is no program."""
    length = stream.seek(0, 2)
    (header,) = struct.unpack("<I", _at(stream, 0x3C, 4))
    optional = header + 24
    (magic,) = struct.unpack("<H", _at(stream, optional, 2))
    if _at(stream, header, 4) != b"PE\0\0" or magic not in _MAGIC:
        raise ValueError("no PE header")
    directories = optional + _MAGIC[magic]
    (count,) = struct.unpack("<I", _at(stream, directories - 4, 4))
    entry = directories + 8 * _CERTIFICATES
    if count <= _CERTIFICATES:
        return Layout(optional + 64, entry, 0, 0, length)
    table, size = struct.unpack("<II", _at(stream, entry, 8))
    if size and not entry + 8 <= table <= length:
        raise ValueError("the certificate table lies outside of the file")
    return Layout(optional + 64, entry, int(table), int(size), length)


def signature(stream: BinaryIO) -> bytes | None:
    """Return the first signature of a program with all bytes behind it, ``None`` without one."""
    place = layout(stream)
    if place.size == 0:
        return None
    if place.size > _LONGEST:
        raise ValueError(f"the certificate table has {place.size} bytes")
    length, _, _ = _HEAD.unpack(_at(stream, place.table, _HEAD.size))
    return _at(stream, place.table + _HEAD.size, max(length - _HEAD.size, 0))


def digest(stream: BinaryIO, algorithm: str) -> bytes:
    """Return the digest that Authenticode signs, as far as the certificate table."""
    place = layout(stream)
    made = hashlib.new(algorithm)
    covered = (
        (0, place.checksum),
        (place.checksum + 4, place.entry),
        (place.entry + 8, place.table),
    )
    for begin, end in covered:
        for block in _blocks(stream, begin, end):
            made.update(block)
    return made.digest()


def hidden(stream: BinaryIO) -> str | None:
    """Say what the signature of a program does not cover; ``None`` when that is nothing."""
    place = layout(stream)
    if not 0 < place.size <= _LONGEST:
        return f"its certificate table has {place.size} bytes"
    if place.table + place.size != place.length:
        return "there are bytes behind its certificate table"
    table = _at(stream, place.table, place.size)
    length, revision, kind = _HEAD.unpack_from(table)
    if not _HEAD.size < length <= len(table):
        return "its certificate table is malformed"
    if (revision, kind) != (_REVISION, _PKCS7):
        return f"its certificate table holds revision {revision:#x}, type {kind}"
    if -(-length // _ALIGN) * _ALIGN < len(table):
        return "its certificate table has more than one entry"
    return behind(table[_HEAD.size :], _ALIGN)


def behind(data: bytes, padding: int) -> str | None:
    """Say what stands behind the DER value that ``data`` begins with.

    Fewer than ``padding`` bytes may, and only zeros.
    """
    rest = data[_der_length(data) :]
    if len(rest) >= padding or any(rest):
        return f"{len(rest)} bytes are hidden behind its signature"
    return None


def whole(data: bytes) -> bytes:
    """Return the DER value that ``data`` begins with; raises ``ValueError``."""
    length = _der_length(data)
    if length > len(data):
        raise ValueError("the signature is cut off")
    return data[:length]


def _der_length(data: bytes) -> int:
    """Return how many bytes the first DER value of ``data`` takes."""
    if len(data) < 2 or data[0] != 0x30:  # noqa: PLR2004 - tag SEQUENCE
        raise ValueError("no DER sequence")
    if data[1] < 0x80:  # noqa: PLR2004 - short form
        return 2 + data[1]
    count = data[1] & 0x7F
    if not 1 <= count <= 4 or data[2:3] == b"\0":  # noqa: PLR2004 - bytes of a length
        raise ValueError("no DER length")
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")


def _at(stream: BinaryIO, place: int, size: int) -> bytes:
    stream.seek(place)
    data = stream.read(size)
    if len(data) != size:
        raise ValueError("the file ends too early")
    return data


def _blocks(stream: BinaryIO, begin: int, end: int) -> Iterator[bytes]:
    while begin < end:
        block = _at(stream, begin, min(_BLOCK, end - begin))
        yield block
        begin += len(block)
