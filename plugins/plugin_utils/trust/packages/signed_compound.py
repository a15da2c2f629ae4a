# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an .msi or .msp carries its signature, and what that signature covers.

Both are compound files (MS-CFB): a file system of sectors with a directory. Authenticode covers the
content of every stream that the directory leads to, and with ``MsiDigitalSignatureEx`` their names
and dates. Sectors that nothing leads to are not covered, so there must be none that hold anything.

Genuine packages of Microsoft have no such sector (compared: two of 2012 and 2019); the rest of the
last sector of a stream may hold remains in them (up to 4,678 bytes that are not zero, of 44,281), so it is
not judged.
"""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

import olefile

from ...base.errors import RefusedError
from . import compound_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MARK = olefile.MAGIC
CONTENT = "1.3.6.1.4.1.311.2.1.30"  # SPC_SIPINFO: what its signature says it is over
SIGNATURE, METADATA = "\x05DigitalSignature", "\x05MsiDigitalSignatureEx"
_SPECIAL = 0xFFFFFFFA  # from here on a number is no sector
_HEADER = 512
_DIFAT, _IN_HEADER = 76, 109  # where the list of the FAT's sectors begins, and its length there
_ENTRY = 128  # bytes of an entry of the directory
_LARGEST = 16 * 1024 * 1024  # of a signature


class SignedCompound:
    """An open compound file, each of its sectors used once or not at all.

    Raises ``RefusedError`` where streams share sectors, and ``ValueError`` or ``OSError`` for what
    is no compound file.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        opened: Any = olefile.OleFileIO
        self._ole: Any = opened(stream, raise_defects=olefile.DEFECT_INCORRECT)
        self._sector = int(self._ole.sector_size)
        self._mini = int(self._ole.mini_sector_size)
        self._used: set[int] = set()
        self._mini_used: set[int] = set()
        self._claim(self._table_sectors())
        self._directory = self._chain(self._ole.first_dir_sector)
        self._ole.loadminifat()
        self._mini_fat = self._chain(self._ole.first_mini_fat_sector)
        root = self._ole.root
        self._mini_stream = self._chain(root.isectStart, root.size)
        self._entries = {entry.sid: entry for entry in _reached(root)}
        self._chains = {
            sid: self._mini_chain(entry) if self._is_mini(entry) else self._stream_chain(entry)
            for sid, entry in self._entries.items()
            if entry.entry_type == olefile.STGTY_STREAM
        }

    def stream(self, name: str) -> bytes | None:
        """Return a stream of the root, ``None`` where there is none."""
        found = [kid for kid in self._ole.root.kids if kid.name == name]
        if len(found) > 1:
            raise RefusedError(f"it has {len(found)} streams {name[1:]!r}")
        if not found or found[0].entry_type != olefile.STGTY_STREAM:
            return None
        if found[0].size > _LARGEST:
            raise RefusedError(f"its stream {name[1:]!r} has {found[0].size} bytes")
        return b"".join(self._blocks(found[0]))

    def digest(self, algorithm: str) -> bytes:
        """Return the digest that Authenticode signs; raises ``RefusedError``.

        With ``MsiDigitalSignatureEx`` names, sizes, classes and dates are hashed first.
        """
        made = hashlib.new(algorithm)
        stated = self.stream(METADATA)
        if stated is not None:
            before = hashlib.new(algorithm)
            self._hash_metadata(self._ole.root, before.update)
            if stated != before.digest():
                raise RefusedError(
                    "its names or dates are not those that were signed: damaged or tampered with"
                )
            made.update(stated)
        self._hash_content(self._ole.root, made.update)
        return made.digest()

    def hidden(self) -> str | None:
        """Say what no stream leads to; ``None`` when that is nothing."""
        if any(self._raw(-1)[_HEADER:]):
            return "there are bytes behind its header"
        count = -(-(self._stream.seek(0, 2) - self._sector) // self._sector)
        for sector in range(count):
            if sector not in self._used and any(self._raw(sector)):
                return f"sector {sector} of {count} holds data and belongs to no stream"
        if any(
            any(self._read_mini(n)) for n in range(self._mini_count()) if n not in self._mini_used
        ):
            return "a small sector holds data and belongs to no stream"
        if count and count - 1 not in self._used:
            return "it goes on behind the last sector that it uses"
        return self._hidden_fields()

    def _hidden_fields(self) -> str | None:
        """Say which field beside the content of streams holds what it must not."""
        found = compound_fields.in_header(
            self._header(), len(self._directory), len(self._fat), len(self._mini_fat)
        )
        for sid in range(len(self._directory) * self._sector // _ENTRY):
            judge = (
                compound_fields.in_entry
                if sid in self._entries
                else compound_fields.in_unused_entry
            )
            found = found or judge(sid, self._entry(sid))
        return (
            found
            or compound_fields.in_table("FAT", self._numbers(self._fat), self._used)
            or compound_fields.in_table("mini FAT", self._numbers(self._mini_fat), self._mini_used)
        )

    def _numbers(self, sectors: list[int]) -> list[int]:
        """All numbers of a table, also those for sectors behind the end of the file."""
        return [n for s in sectors for (n,) in struct.iter_unpack("<I", self._raw(s))]

    def _header(self) -> bytes:
        self._stream.seek(0)
        return self._stream.read(_HEADER)

    def _hash_metadata(self, entry: Any, update: Callable[[bytes], object]) -> None:
        raw = self._entry(entry.sid)
        stream = entry.entry_type == olefile.STGTY_STREAM
        root = entry.entry_type == olefile.STGTY_ROOT
        if not root:
            update(_name(raw))
        update(raw[120:124] if stream else raw[80:96])  # size, or class
        update(raw[96:100])  # state
        if not root:
            update(raw[100:116])  # created, changed
        for kid in self._kids(entry):
            self._hash_metadata(kid, update)

    def _hash_content(self, entry: Any, update: Callable[[bytes], object]) -> None:
        for kid in self._kids(entry):
            if kid.entry_type == olefile.STGTY_STREAM:
                for block in self._blocks(kid):
                    update(block)
            else:
                self._hash_content(kid, update)
        update(self._entry(entry.sid)[80:96])

    def _kids(self, entry: Any) -> list[Any]:
        """Return what is signed of a folder, in the order of the signature."""
        kids = [
            kid for kid in entry.kids
            if not (entry is self._ole.root and kid.name in {SIGNATURE, METADATA})
        ]  # fmt: skip
        return sorted(kids, key=lambda kid: _name(self._entry(kid.sid)))

    def _table_sectors(self) -> list[int]:
        """The sectors of the FAT, and those of the list of them that do not fit the header."""
        listed = list(struct.unpack_from(f"<{_IN_HEADER}I", self._raw(-1), _DIFAT))
        sectors, seen = [], set()
        place = int(self._ole.first_difat_sector)
        while place < _SPECIAL:
            if place in seen:
                raise ValueError("its list of sectors goes in a circle")
            seen.add(place)
            *more, following = struct.unpack(f"<{self._sector // 4}I", self._raw(place))
            listed += more
            sectors.append(place)
            place = following
        self._fat = [sector for sector in listed if sector < _SPECIAL]
        return sectors + self._fat

    def _claim(self, sectors: list[int]) -> list[int]:
        if len(set(sectors)) != len(sectors) or not self._used.isdisjoint(sectors):
            raise RefusedError("parts of it share sectors")
        self._used.update(sectors)
        return sectors

    def _chain(self, first: int, size: int | None = None) -> list[int]:
        return self._claim(_follow(self._ole.fat, first, size, self._sector))

    def _stream_chain(self, entry: Any) -> list[int]:
        return self._chain(entry.isectStart, entry.size) if entry.size else []

    def _mini_chain(self, entry: Any) -> list[int]:
        if not entry.size:
            return []
        sectors = _follow(self._ole.minifat, entry.isectStart, entry.size, self._mini)
        if not self._mini_used.isdisjoint(sectors):
            raise RefusedError("parts of it share sectors")
        self._mini_used.update(sectors)
        return sectors

    def _is_mini(self, entry: Any) -> bool:
        return bool(entry.size < self._ole.mini_stream_cutoff_size)

    def _blocks(self, entry: Any) -> Iterator[bytes]:
        read, width = (
            (self._read_mini, self._mini) if self._is_mini(entry) else (self._raw, self._sector)
        )
        left = int(entry.size)
        for sector in self._chains[entry.sid]:
            block = read(sector)[: min(left, width)]
            if len(block) < min(left, width):
                raise ValueError("the file ends too early")
            left -= len(block)
            yield block

    def _entry(self, sid: int) -> bytes:
        sector, place = divmod(sid * _ENTRY, self._sector)
        return self._raw(self._directory[sector])[place : place + _ENTRY]

    def _mini_count(self) -> int:
        return int(self._ole.root.size) // self._mini

    def _read_mini(self, number: int) -> bytes:
        sector, place = divmod(number * self._mini, self._sector)
        return self._raw(self._mini_stream[sector])[place : place + self._mini]

    def _raw(self, sector: int) -> bytes:
        self._stream.seek((sector + 1) * self._sector)
        return self._stream.read(self._sector)


def _follow(table: Any, first: int, size: int | None, width: int) -> list[int]:
    """Return the sectors of a chain; raises ``ValueError`` when it is longer or shorter than said."""
    wanted = len(table) if size is None else -(-size // width)
    sectors: list[int] = []
    place = int(first)
    while place < _SPECIAL:
        if len(sectors) >= wanted or place >= len(table):
            raise ValueError("a chain of sectors is longer than its stream")
        sectors.append(place)
        place = int(table[place])
    if size is not None and len(sectors) != wanted:
        raise ValueError("a chain of sectors is shorter than its stream")
    return sectors


def _reached(entry: Any) -> Iterator[Any]:
    yield entry
    for kid in entry.kids:
        yield from _reached(kid)


def _name(raw: bytes) -> bytes:
    """Return the name of an entry in UTF-16, without the zero at its end."""
    length = int.from_bytes(raw[64:66], "little")
    return raw[: max(min(length, 64) - 2, 0)]
