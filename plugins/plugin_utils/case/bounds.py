# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what a host sends is kept in the journal; a marker stands for the rest (I5, I14). Pure.

A marker is a mapping that says how large the canonical JSON of what stood there was, its SHA-256,
and how a text began::

    {"journal_cut": {"bytes": 16777240, "sha256": "9f86d0...", "begins": "Installing"}}

Size and hash are those of the inert form without secrets (``masking``): the hash of a short text
with a password in it would tell the password. No host can forge one, its own ``journal_cut`` is
written as ``journal_cut~2``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CUT = "journal_cut"
# Of one event. The largest that an honest server of the rehearsal makes, a plan, has 9 KiB.
ENTRY_BYTES = 1024 * 1024
# Of one host in one case, beyond SMALL_BYTES an event: as much as one reply may have on the wire.
HOST_BYTES = 16 * 1024 * 1024
# Of an event of a host that has used that up: what we say ourselves always fits.
SMALL_BYTES = 16 * 1024
_MARKER_BYTES = 512  # no marker is larger
_BEGINS = 80  # characters of a text
_PIECE = 1 << 20  # characters
# Data, the answer, its members, and theirs: each level is measured again, so it is not all of them.
_LEVELS = 3


def entry_limit(used: int) -> int:
    """Return how many bytes of data the next event of a host may have that has ``used`` so many."""
    return max(SMALL_BYTES, min(ENTRY_BYTES, HOST_BYTES - used))


def size_of(value: Any) -> int:
    """Return the size of the canonical JSON of a writable value, in bytes.

    Counted, not written: a large answer is measured several times. Inert text has no characters
    that JSON escapes but these two.
    """
    if isinstance(value, str):
        return len(value.encode()) + value.count('"') + value.count("\\") + 2
    if isinstance(value, dict):
        members = sum(size_of(name) + size_of(item) + 2 for name, item in value.items())
        return members + 2 - bool(value)
    if isinstance(value, list):
        return sum(size_of(item) + 1 for item in value) + 2 - bool(value)
    return len(rfc8785.dumps(value))


def bounded(value: Any, limit: int) -> Any:
    """Return a writable value whose canonical JSON has at most ``limit`` bytes (512 or more).

    The small stays and the large is cut, so what we say of a host is never lost to its answer.
    """
    return _fit(value, limit, _LEVELS)


def _fit(value: Any, limit: int, levels: int) -> Any:
    if size_of(value) <= limit:
        return value
    if levels and isinstance(value, dict):
        names = sum(size_of(name) + 2 for name in value)
        share = _share([size_of(item) for item in value.values()], limit - names - 2)
        if share >= _MARKER_BYTES:
            return {name: _fit(item, share, levels - 1) for name, item in value.items()}
    if levels and isinstance(value, list):
        share = _share([size_of(item) for item in value], limit - len(value) - 2)
        if share >= _MARKER_BYTES:
            return [_fit(item, share, levels - 1) for item in value]
    return marker(_canonical(value), value)


def _canonical(value: Any) -> Iterator[bytes]:
    """Yield canonical JSON; that of a long text in pieces, so that it is in memory once."""
    if not isinstance(value, str):
        yield rfc8785.dumps(value)
        return
    yield b'"'
    for at in range(0, len(value), _PIECE):
        yield rfc8785.dumps(value[at : at + _PIECE])[1:-1]
    yield b'"'


def _share(sizes: list[int], room: int) -> int:
    """Return how large a member may be so that all fit: the small ones leave theirs to the others."""
    left = room
    for count, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - count)
        if size > share:
            return share
        left -= size
    return room


def marker(pieces: Iterable[bytes], value: Any = None) -> dict[str, Any]:
    """Return what stands for a value: size and SHA-256 of its canonical JSON, which comes in pieces."""
    size, digest = 0, hashlib.sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
    about: dict[str, Any] = {"bytes": size, "sha256": digest.hexdigest()}
    if isinstance(value, str):
        about["begins"] = value[:_BEGINS]
    return {CUT: about}


def holds_cut(value: Any) -> bool:
    """Whether something in a value of the journal was cut: nothing is decided from the rest of it."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if CUT in item:
                return True
            pending += item.values()
        elif isinstance(item, list):
            pending += item
    return False


def text_of(value: Any) -> str:
    """Return a text of the journal for people, however much of it is there."""
    if not isinstance(value, dict) or not isinstance(about := value.get(CUT), dict):
        return str(value)
    return f"{about.get('begins', '')}... (cut, {about.get('bytes')} bytes in all)"
