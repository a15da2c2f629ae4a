# SPDX-License-Identifier: GPL-3.0-or-later
"""What an .msi says about itself: the tables of a Windows Installer database.

An .msi is a compound file (MS-CFB) with one stream for each table. Names of streams are packed two
characters into one; a table lies column after column; texts are numbers into one pool of strings.
Only bytes whose signature was verified are read here.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import olefile

from ...base.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"
_PACKED, _SINGLE, _TABLE = 0x3800, 0x4800, 0x4840
_SUMMARY = "\x05SummaryInformation"
_TEMPLATE = 7  # PID_TEMPLATE: "x64;1033"
_STRING = 0x0800  # in the type of a column
_LARGEST = 64 * 1024 * 1024  # of one stream that is read; those of real packages have kilobytes
_COLUMNS = (("Table", _STRING), ("Number", 2), ("Name", _STRING), ("Type", 2))
_PLATFORMS = {"x64": "x64", "intel64": "ia64", "intel": "x86", "": "x86", "arm64": "arm64"}
_CODE = re.compile(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}\Z")


@dataclass(frozen=True, slots=True)
class MsiFacts:
    """What a product's package states; ``files`` are the long names of what it installs."""

    product_name: str
    product_version: str
    product_code: str  # in capitals and braces
    manufacturer: str
    language: int  # LCID; 0: neutral
    architecture: str
    files: frozenset[str]  # in small letters


def read_msi(path: Path, *, shown: str | None = None) -> MsiFacts:
    """Read the product of an .msi; raises ``RefusedError`` for what is none, or no product."""
    name = shown or path.name
    try:
        with olefile.OleFileIO(str(path)) as ole:  # type: ignore[no-untyped-call]
            database = _Database(ole)
            properties = {row["Property"]: row["Value"] for row in database.table("Property")}
            files = frozenset(_long_name(row["FileName"]) for row in database.table("File"))
            template = ole.getproperties(_SUMMARY).get(_TEMPLATE, b"")
    except (OSError, ValueError, LookupError, struct.error) as error:
        raise RefusedError(
            f"{name}: its tables cannot be read ({error or type(error).__name__}); it is no whole "
            "Windows Installer package. Download it again"
        ) from error
    return _facts(name, properties, files, template)


def _facts(name: str, properties: dict[str, str], files: frozenset[str], template: Any) -> MsiFacts:
    wanted = ("ProductName", "ProductVersion", "ProductCode", "Manufacturer", "ProductLanguage")
    missing = [key for key in wanted if not properties.get(key)]
    if missing:
        raise RefusedError(f"{name}: it states no {missing[0]}, as every product of an .msi does")
    code = properties["ProductCode"].upper()
    if not _CODE.match(code):
        raise RefusedError(f"{name}: its ProductCode {code[:60]!r} is none")
    text = template.decode("ascii", "replace") if isinstance(template, bytes) else str(template)
    platform = text.partition(";")[0].partition(",")[0].strip().lower()
    language = properties["ProductLanguage"]
    return MsiFacts(
        product_name=properties["ProductName"],
        product_version=properties["ProductVersion"],
        product_code=code,
        manufacturer=properties["Manufacturer"],
        language=int(language) if language.isascii() and language.isdecimal() else 0,
        architecture=_PLATFORMS.get(platform, platform or "unknown"),
        files=files,
    )


def _long_name(text: str) -> str:
    """``SHORT~1.DLL|rewrite.dll`` is both names of one file."""
    return text.rpartition("|")[2].lower()


class _Database:
    """The tables of an open compound file."""

    def __init__(self, ole: Any) -> None:
        self._ole = ole
        self._names = {_unpacked(entry[0]): entry for entry in ole.listdir() if len(entry) == 1}
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
        entry = self._names[f"!{name}"]
        if self._ole.get_size(entry) > _LARGEST:
            raise ValueError(f"table {name} is larger than {_LARGEST} bytes")
        with self._ole.openstream(entry) as stream:
            data: bytes = stream.read()
        return data


def _unpacked(name: str) -> str:
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
    page = struct.unpack_from("<H", pool)[0]
    encoding = {0: "latin-1", 65001: "utf-8"}.get(page, f"cp{page}")
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
