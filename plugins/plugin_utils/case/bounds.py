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
import math
from typing import TYPE_CHECKING, Any

import rfc8785

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

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
_MOST_ZEROS = 6  # 0.000001, and 1e-7: where ECMAScript begins to write an exponent
_ODD = ("-0.0", "inf", "-inf", "nan")
_WORDS: dict[bool | None, str] = {None: "null", True: "true", False: "false"}
# Data, the answer, its members, and theirs: each level is measured again, so it is not all of them.
_LEVELS = 3


def entry_limit(used: int) -> int:
    """Return how many bytes of data the next event of a host may have that has ``used`` so many."""
    return max(SMALL_BYTES, min(ENTRY_BYTES, HOST_BYTES - used))


def size_of(value: Any, most: float = math.inf) -> int:
    """Return the size of the canonical JSON of a writable value, in bytes.

    Counted, not written, and not further than ``most``: what is larger only has to be known as
    larger, so measuring an answer of millions of numbers ends where the bound does. Inert text has
    no characters that JSON escapes but these two.
    """
    if isinstance(value, str):
        return len(value.encode()) + value.count('"') + value.count("\\") + 2
    if not isinstance(value, dict | list):
        return len(number(value))
    size = 2 - bool(value)
    for item in value:
        if isinstance(value, dict):
            size += size_of(item) + 1 + size_of(value[item], most - size)
        else:
            size += size_of(item, most - size)
        size += 1
        if size > most:
            break
    return size


def number(value: float | None) -> str:
    """Return a number as RFC 8785 writes it; true, false and null too.

    Python chooses the same digits as ECMAScript and puts them down differently only where there is
    an exponent. The library writes them one at a time in Python: 4,000,000 took 7 seconds.
    """
    if value is None or isinstance(value, bool):
        return _WORDS[value]
    text = repr(value)
    if isinstance(value, int):
        return text
    digits, _, exponent = text.partition("e")
    if not exponent and digits not in _ODD:
        return digits.removesuffix(".0")
    if not exponent.startswith("-"):
        return rfc8785.dumps(value).decode()
    places = -int(exponent)
    if places > _MOST_ZEROS:
        return f"{digits}e-{places}"
    sign = "-" * digits.startswith("-")
    return f"{sign}0.{'0' * (places - 1)}{digits.lstrip('-').replace('.', '')}"


def bounded(value: Any, limit: int) -> Any:
    """Return a writable value whose canonical JSON has at most ``limit`` bytes (512 or more).

    The small stays and the large is cut, so what we say of a host is never lost to its answer.
    """
    return _fit(value, limit, _LEVELS)


def _fit(value: Any, limit: int, levels: int) -> Any:
    if size_of(value, limit) <= limit:
        return value
    if levels and isinstance(value, dict):
        room = limit - 2 - _names(value, limit)
        share = _share(value.values(), room)
        if share >= _MARKER_BYTES:
            return {name: _fit(item, share, levels - 1) for name, item in value.items()}
    if levels and isinstance(value, list):
        room = limit - len(value) - 2
        share = _share(value, room)
        if share >= _MARKER_BYTES:
            return [_fit(item, share, levels - 1) for item in value]
    return marker(_canonical(value), value)


def _names(value: dict[str, Any], most: int) -> int:
    """Return what the names of members take, with colons and commas; not further than ``most``."""
    size = 0
    for name in value:
        size += size_of(name) + 2
        if size > most:
            break
    return size


def _canonical(value: Any) -> Iterator[bytes]:
    """Yield canonical JSON; that of a long text in pieces, so that it is in memory once."""
    if isinstance(value, str):
        yield b'"'
        for at in range(0, len(value), _PIECE):
            yield rfc8785.dumps(value[at : at + _PIECE])[1:-1]
        yield b'"'
    elif isinstance(value, list):
        yield b"["
        for count, item in enumerate(value):
            if count:
                yield b","
            yield from _canonical(item)
        yield b"]"
    elif isinstance(value, dict):
        yield b"{"
        for count, name in enumerate(sorted(value, key=lambda name: name.encode("utf-16be"))):
            yield (b"," if count else b"") + rfc8785.dumps(name) + b":"
            yield from _canonical(value[name])
        yield b"}"
    else:
        yield number(value).encode()


def _share(members: Collection[Any], room: int) -> int:
    """Return how large a member may be so that all fit: the small ones leave theirs to the others.

    0 as soon as it is known that no marker would fit: then nothing more is measured.
    """
    sizes, least = list[int](), 0
    for item in members:
        sizes.append(size_of(item, room))
        least += min(sizes[-1], _MARKER_BYTES)
        if least > room:
            return 0
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
