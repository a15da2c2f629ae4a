# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of a Windows Installer database.

One stream for each table. Names of streams are packed two characters into one; a table lies column
after column; texts are numbers into one pool of strings.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from .compound import code_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .compound import CompoundFile

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_PACKED, _SINGLE, _TABLE = 0x3800, 0x4800, 0x4840
_STRING = 0x0800  # in the type of a column
_COLUMNS = (("Table", _STRING), ("Number", 2), ("Name", _STRING), ("Type", 2))
_MOST_ROWS = 200_000  # Exchange's own .msi installs some ten thousand files


class Database:
    """The tables of an open compound file."""

    def __init__(self, file: CompoundFile) -> None:
        self._file = file
        self._names = {unpacked(entry[0]): entry for entry in file.entries if len(entry) == 1}
        pool = self._stream("_StringPool")
        self._reference = 3 if struct.unpack_from("<H", pool, 2)[0] & 0x8000 else 2
        self._strings = list(_strings(pool, self._stream("_StringData")))

    def table(self, name: str) -> list[dict[str, Any]]:
        """Return the rows of a table; none where it does not exist."""
        if f"!{name}" not in self._names:
            return []
        columns = [
            (row["Name"], row["Type"])
            for row in sorted(self._rows("_Columns", _COLUMNS), key=lambda row: row["Number"])
            if row["Table"] == name
        ]
        return self._rows(name, columns)

    def _rows(self, name: str, columns: Any) -> list[dict[str, Any]]:
        data = self._stream(name)
        widths = [self._width(kind) for _, kind in columns]
        if not widths or len(data) % sum(widths):
            raise ValueError(f"table {name} is damaged")
        count = len(data) // sum(widths)
        if count > _MOST_ROWS:
            raise ValueError(f"table {name} has {count} rows")
        rows: list[dict[str, Any]] = [{} for _ in range(count)]
        offset = 0
        for (column, kind), width in zip(columns, widths, strict=True):
            for row in rows:
                number = int.from_bytes(data[offset : offset + width], "little")
                offset += width
                if kind & _STRING:
                    row[column] = self._strings[number]
                else:  # stored with the sign turned over; 0 is no value
                    row[column] = number - (1 << (8 * width - 1)) if number else None
        return rows

    def _width(self, kind: int) -> int:
        if kind & _STRING:
            return self._reference
        return 4 if kind & 0xFF == 4 else 2  # noqa: PLR2004 - bytes of a number

    def _stream(self, name: str) -> bytes:
        return self._file.read(self._names[f"!{name}"])


def unpacked(name: str) -> str:
    """Return the name of a stream; that of a table begins with ``!``."""
    out = []
    for letter in name:
        number = ord(letter)
        if number == _TABLE:
            out.append("!")
        elif _PACKED <= number < _SINGLE:
            out.append(_LETTERS[(number - _PACKED) & 0x3F] + _LETTERS[(number - _PACKED) >> 6])
        elif _SINGLE <= number < _TABLE:
            out.append(_LETTERS[number - _SINGLE])
        else:
            out.append(letter)
    return "".join(out)


def _strings(pool: bytes, data: bytes) -> Iterator[str]:
    """Yield the strings by their number; number 0 is the empty one."""
    encoding = code_page(struct.unpack_from("<H", pool)[0])
    yield ""
    place, offset = 4, 0
    while place < len(pool):
        length, uses = struct.unpack_from("<HH", pool, place)
        place += 4
        if length == 0 and uses:  # longer than 64 KiB: the length stands in the next entry
            length = struct.unpack_from("<I", pool, place)[0]
            place += 4
        if offset + length > len(data):
            raise ValueError("the pool of strings is damaged")
        yield data[offset : offset + length].decode(encoding, "replace")
        offset += length
