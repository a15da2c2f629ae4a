# SPDX-License-Identifier: GPL-3.0-or-later
"""Take secrets out of what is about to be kept, and make it writable as canonical JSON (I8).

Where secrets could come from: parameters of an operation (a source address with a password in it),
and results, which a host chooses: whoever logs on with Basic authentication has told the host the
password, and a hostile host can send it back. What is given as secret is masked wherever it stands,
in keys too, and so is the password part of every address.

Except in what we say ourselves (``ours``): names and states stand in our documentation and tell
nobody anything, while a password that is one of them ("plan", "state") would take its own place
out of every record, and nobody could read the case any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import rfc8785

from ..base.sanitize import clean_text
from .bounds import CUT, marker, number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .vocabulary import Ours

MASK = "********"
# Masking a shorter text would make holes everywhere and protect nothing.
SHORTEST_SECRET = 4
# RFC 8785 numbers are doubles: from here on a whole float is written as an integer that has no
# exact double any more, and no reader can tell which it was. Larger numbers are kept as text.
_SAFE_NUMBER = 1 << 53
_LONGEST_NUMBER = 4096  # bits; Python refuses to write a longer one in decimal
# A reply has 64 levels at most (``host.transport.limits``), and what we put around it a few.
_DEEPEST = 96
_SCALARS = (str, int, float)  # asked first: whether something is a Mapping takes longer
_CONTAINERS = (Mapping, list, tuple, set, frozenset)
_ADDRESS = re.compile(r"(?<=://)([^/@\s:]*):([^/@\s]+)@")


def writable(value: Any, secrets: Iterable[str], ours: Ours | None = None) -> Any:
    """Return a JSON value without the secrets, that every RFC 8785 writer takes and reader returns.

    Whatever a host sends can be written: a record of a change that has been made must not fail.
    What is nested too deep is replaced by a marker (``bounds``), and of keys that become the same
    the later ones get a number: ``name~2``. ``ours``: what of it are words of our own.
    """
    # Longest first: a secret that is part of another one would leave the rest of it.
    known = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
    return _writable(value, known, _DEEPEST) if ours is None else _shaped(value, known, ours)


def _shaped(value: Any, secrets: list[str], ours: Ours) -> Any:
    """Return a value of which ``ours`` says what is not masked."""
    if isinstance(value, list | tuple):
        return [_shaped(item, secrets, ours) for item in value]
    if not isinstance(value, Mapping):
        return _scalar(value, [])
    return {
        name: _writable(item, secrets, _DEEPEST)
        if (inner := ours.get(name)) is None
        else _shaped(item, secrets, inner)
        for name, item in _members(value, secrets, ours)
    }


def _writable(value: Any, secrets: list[str], levels: int) -> Any:
    if isinstance(value, _SCALARS) or not isinstance(value, _CONTAINERS):
        return _scalar(value, secrets)
    if not levels:
        return marker(_canonical(value, secrets))
    if isinstance(value, Mapping):
        return {
            name: _writable(item, secrets, levels - 1) for name, item in _members(value, secrets)
        }
    return [_writable(item, secrets, levels - 1) for item in value]


def _members(
    value: Mapping[Any, Any], secrets: list[str], ours: Ours | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield the members under names that are all different, and none that means a marker."""
    taken, count = {CUT}, dict[str, int]()
    for key, item in value.items():
        name = wanted = key if ours and key in ours else _text(str(key), secrets)
        while name in taken:
            count[wanted] = count.get(wanted, 1) + 1
            name = f"{wanted}~{count[wanted]}"
        taken.add(name)
        yield name, item


def _scalar(value: Any, secrets: list[str]) -> Any:
    """Return a value that holds no other one as it can be written."""
    if isinstance(value, str):
        return _text(value, secrets)
    if value is None or (isinstance(value, int | float) and abs(value) < _SAFE_NUMBER):
        return value
    if isinstance(value, int) and value.bit_length() > _LONGEST_NUMBER:
        return hex(value)
    return _text(str(value), secrets)


def _text(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    return clean_text(_ADDRESS.sub(rf"\1:{MASK}@", text))


class _Piece(bytes):
    """Canonical JSON that waits for its turn between values."""


def _canonical(value: Any, secrets: list[str]) -> Iterator[bytes]:
    """Yield the canonical JSON of a value in pieces, however deep it is: nothing recurses here."""
    pending: list[Any] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, _Piece):
            yield item
        elif isinstance(item, Mapping):
            members = sorted(_members(item, secrets), key=lambda pair: pair[0].encode("utf-16be"))
            parts: list[Any] = []
            for name, inner in members:
                mark = b"," if parts else b""
                parts += [_Piece(mark + rfc8785.dumps(name) + b":"), inner]
            pending += reversed([_Piece(b"{"), *parts, _Piece(b"}")])
        elif isinstance(item, _CONTAINERS):
            parts = []
            for inner in item:
                parts += [_Piece(b","), inner] if parts else [inner]
            pending += reversed([_Piece(b"["), *parts, _Piece(b"]")])
        else:
            inert = _scalar(item, secrets)
            yield rfc8785.dumps(inert) if isinstance(inert, str) else number(inert).encode()
