# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of the journal: its last whole line, and what a killed writer left behind it.

Nothing before the last line is read: a journal may be large, and every event adds to it. Lines are
written at once, so only a writer that was killed leaves one without its line break. Its bytes are
kept in a file of their own before they leave the journal. The name of that file has the number of
the line that will say so: whoever is killed in between finds it, and says so then.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from ..base import disk
from .lines import LARGEST, JournalError, Line, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 64 * 1024


def last_line(number: int, path: Path) -> tuple[int, Line | None]:
    """Return where the whole lines end, and the last of them.

    The number of the line is taken from the line itself: its hash covers it.
    """
    size = os.fstat(number).st_size
    end = _line_break_before(number, path, size)
    if end == 0:
        return 0, None
    start = _line_break_before(number, path, end - 1)
    raw = _read(number, start, end - start)
    return end, parse(raw, path, _claimed(raw))


def _claimed(raw: bytes) -> int:
    """The number that a line gives itself; 0 where it gives none."""
    # Canonical JSON sorts: "seq" is the last member, and no text of a host stands behind it.
    text = raw.rpartition(b'"seq":')[2].rstrip(b"}\n")
    return int(text) if text.isdigit() and len(text) < 16 else 0  # noqa: PLR2004 - any honest one


def _line_break_before(number: int, path: Path, end: int) -> int:
    """Return the offset behind the last line break before ``end``, 0 where there is none."""
    at = end
    while at > 0:
        if end - at > LARGEST:
            raise JournalError(path, 0, f"its last line has more than {LARGEST} bytes")
        begin = max(0, at - _BLOCK)
        found = _read(number, begin, at - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        at = begin
    return 0


def _read(number: int, offset: int, length: int) -> bytes:
    parts = []
    while length > 0:
        part = os.pread(number, length, offset)
        if not part:
            break
        parts.append(part)
        offset, length = offset + len(part), length - len(part)
    return b"".join(parts)


def broken_off(number: int, path: Path, whole: int, last: Line | None) -> list[dict[str, Any]]:
    """Take away what stands behind the last whole line; returns what was kept and where.

    Empty where there is nothing, which is the usual case.
    """
    seq = (last.seq if last else 0) + 1
    left = os.fstat(number).st_size - whole
    if left:
        data = _read(number, whole, left)
        disk.replace(_kept_name(path, seq, hashlib.sha256(data).hexdigest()), data)
        disk.sync_folder(path.parent)
        os.ftruncate(number, whole)
        os.fsync(number)
    return [
        {"file": file.name, "bytes": file.stat().st_size, "sha256": file.name.rpartition("-")[2]}
        for file in kept_files(path, seq)
    ]


def _kept_name(path: Path, seq: int, digest: str) -> Path:
    return path.with_name(f"{path.name}.torn-{seq}-{digest}")


def kept_files(path: Path, seq: int) -> Iterator[Path]:
    """Yield the kept beginnings of one line."""
    yield from sorted(path.parent.glob(f"{path.name}.torn-{seq}-*"))
