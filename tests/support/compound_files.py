# SPDX-License-Identifier: GPL-3.0-or-later
"""Compound files (MS-CFB 3.0) with a class, streams and storages, as msitools cannot write them."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SECTOR, MINI, CUTOFF = 512, 64, 4096
_END, _FREE, _FAT, _NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFD, 0xFFFFFFFF
_STORAGE, _STREAM, _ROOT = 1, 2, 5

Tree = dict[str, "bytes | Tree"]


@dataclass
class _Entry:
    name: str
    kind: int
    data: bytes = b""
    child: int = _NONE
    right: int = _NONE
    start: int = 0
    size: int = 0


@dataclass
class _Sectors:
    fat: list[int] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)

    def add(self, data: bytes) -> int:
        """Append data as one chain; returns its first sector."""
        if not data:
            return _END
        first, count = len(self.fat), -(-len(data) // SECTOR)
        self.fat += [*range(first + 1, first + count), _END]
        self.body += data.ljust(count * SECTOR, b"\0")
        return first


def write_compound(path: Path, tree: Tree, class_id: bytes) -> Path:
    """Write streams (bytes) and storages (dicts) below a root of this class."""
    entries = [_Entry("Root Entry", _ROOT)]
    _add(entries, 0, tree)
    sectors, mini, mini_fat = _Sectors(), bytearray(), []
    for entry in entries[1:]:
        if entry.kind != _STREAM:
            continue
        entry.size = len(entry.data)
        if entry.size >= CUTOFF:
            entry.start = sectors.add(entry.data)
            continue
        count = -(-entry.size // MINI)
        entry.start = len(mini_fat) if count else _END
        mini_fat += [*range(entry.start + 1, entry.start + count), _END] if count else []
        mini += entry.data.ljust(count * MINI, b"\0")
    entries[0].start, entries[0].size = sectors.add(bytes(mini)), len(mini)
    first_mini = sectors.add(_numbers(mini_fat))
    count_mini = -(-len(mini_fat) * 4 // SECTOR)
    first_directory = sectors.add(b"".join(_packed(e, class_id) for e in entries))
    count_fat = 1
    while (len(sectors.fat) + count_fat) * 4 > count_fat * SECTOR:
        count_fat += 1
    places = [len(sectors.fat) + number for number in range(count_fat)]
    fat = sectors.fat + [_FAT] * count_fat
    header = struct.pack(
        "<8s16sHHHHH6x", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", bytes(16), 0x3E, 3, 0xFFFE, 9, 6
    )
    header += struct.pack("<IIIIIIIIII", 0, count_fat, first_directory, 0, CUTOFF,
                          first_mini, count_mini, _END, 0, places[0])  # fmt: skip
    header += _numbers([*places[1:], *[_FREE] * (109 - len(places))], pad=False)
    path.write_bytes(header + sectors.body + _numbers(fat))
    return path


def _add(entries: list[_Entry], parent: int, tree: Tree) -> None:
    """Each storage's children are a chain to the right: a valid, if unbalanced, tree."""
    last = None
    for name in sorted(tree, key=lambda n: (len(n), n.upper())):
        item, number = tree[name], len(entries)
        storage = isinstance(item, dict)
        entries.append(_Entry(name, _STORAGE if storage else _STREAM, b"" if storage else item))  # type: ignore[arg-type]
        if last is None:
            entries[parent].child = number
        else:
            entries[last].right = number
        last = number
        if isinstance(item, dict):
            _add(entries, number, item)


def _packed(entry: _Entry, class_id: bytes) -> bytes:
    name = entry.name.encode("utf-16-le") + b"\0\0"
    owner = class_id if entry.kind == _ROOT else bytes(16)
    return struct.pack(
        "<64sHBBIII16sI8s8sIQ", name, len(name), entry.kind, 1, _NONE, entry.right, entry.child,
        owner, 0, bytes(8), bytes(8), entry.start, entry.size,
    )  # fmt: skip


def _numbers(values: list[int], *, pad: bool = True) -> bytes:
    raw = struct.pack(f"<{len(values)}I", *values)
    return raw + b"\xff" * (-len(raw) % SECTOR) if pad else raw
