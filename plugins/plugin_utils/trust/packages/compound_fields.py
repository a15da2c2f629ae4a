# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields of a compound file (MS-CFB) that no signature covers, and what must stand in them.

Each is a place where somebody could keep bytes: numbers of the header that no reader needs, the rest of a name
in the directory, entries of tables for sectors that are not there. Two genuine packages of Microsoft (2012 and
2019) and those of msitools and osslsigncode have nothing else in them.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_MINORS = {0x3B, 0x3E}  # MS-CFB 2.2 says 0x3E; older writers 0x3B
_FREE, _END = 0xFFFFFFFF, 0xFFFFFFFE
_NOTHING = {_FREE, _END}  # osslsigncode ends a chain behind the last small sector
_UNUSED, _STREAM, _ROOT = 0, 2, 5  # types of entries of the directory
_NO_SECTORS = {0, *_NOTHING}  # where a stream without content may say that it begins
_NAME, _ROOT_NAME = 64, "Root Entry".encode("utf-16-le")
_VERSION_OF_LARGE_SECTORS = 4


def in_header(header: bytes, directory: int, fat: int, mini_fat: int) -> str | None:
    """Say which field of the header, 512 bytes, holds what it must not; counts are in sectors."""
    minor, major = struct.unpack_from("<HH", header, 24)
    stated = struct.unpack_from("<I", header, 40)[0]
    counted = struct.unpack_from("<I", header, 44)[0]
    transaction = struct.unpack_from("<I", header, 52)[0]
    minis = struct.unpack_from("<I", header, 64)[0]
    wanted = directory if major == _VERSION_OF_LARGE_SECTORS else 0
    faults = {
        "minor version": minor not in _MINORS,
        "count of sectors of the directory": stated != wanted,
        "count of sectors of the FAT": counted != fat,
        "transaction number": transaction != 0,
        "count of sectors of the mini FAT": minis != mini_fat,
    }
    return next((f"its header holds another {name}" for name, bad in faults.items() if bad), None)


def in_entry(number: int, raw: bytes) -> str | None:
    """Say what an entry of the directory that is in use holds beside what is signed."""
    length = int.from_bytes(raw[64:66], "little")
    kind, colour = raw[66], raw[67]
    size = struct.unpack_from("<I", raw, 120)[0]
    start = struct.unpack_from("<I", raw, 116)[0]
    faults = {
        "its name": not 2 <= length <= _NAME or any(raw[length - 2 : _NAME]),  # noqa: PLR2004 - the zero
        "its colour": colour > 1,
        "the name of the root": kind == _ROOT and raw[: length - 2] != _ROOT_NAME,
        "the date of the root": kind == _ROOT and any(raw[100:108]),
        "the class or the dates of a stream": kind == _STREAM and any(raw[80:116]),
        "the place of an empty stream": kind == _STREAM and not size and start not in _NO_SECTORS,
    }
    return next(
        (
            f"entry {number} of its directory holds bytes behind {n}"
            for n, bad in faults.items()
            if bad
        ),
        None,
    )


def in_unused_entry(number: int, raw: bytes) -> str | None:
    """Say whether an entry of the directory without use holds anything."""
    ids = struct.unpack_from("<3I", raw, 68)
    if any(raw[:68]) or any(raw[80:]) or not {0, _FREE}.issuperset(ids):
        return f"entry {number} of its directory is reached by nothing"
    return None


def in_table(name: str, table: Sequence[int], used: Container[int]) -> str | None:
    """Say which entry of a table of sectors, for one that nothing uses, is not free."""
    for number, following in enumerate(table):
        if number not in used and following not in _NOTHING:
            return f"entry {number} of its {name} is for a sector of nothing"
    return None
