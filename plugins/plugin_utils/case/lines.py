# SPDX-License-Identifier: GPL-3.0-or-later
"""One line of the journal, and the chain of their hashes. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import rfc8785

from ..base.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FIRST = "0" * 64  # what the first line names as the hash before it
# Bytes of a line. What is written now is far below (``bounds``); earlier releases wrote whole replies.
LARGEST = 64 * 1024 * 1024
_SAFE_INTEGER = 1 << 53  # RFC 8785 has no larger one; what looks like it was written from a float
_FIELDS = {"seq", "at", "host", "run", "event", "data", "prev", "hash"}


class JournalError(RefusedError):
    """The journal is not as it was written; says which line and why."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        super().__init__(
            f"{path}:{line}: the journal was changed: {why}. Nothing is done with it: find out who "
            "changed it, keep it as it is, and go on in another case folder"
        )
        self.line = line
        self.why = why


@dataclass(frozen=True, slots=True)
class Line:
    """One event. ``hash`` covers everything else, ``prev`` is the hash of the line before."""

    seq: int
    prev: str
    hash: str
    content: dict[str, Any]  # at, host, run, event, data

    @classmethod
    def after(cls, last: Line | None, content: Mapping[str, Any]) -> Line:
        """Return the line that follows ``last`` (``None``: the first one)."""
        seq, prev = (last.seq + 1, last.hash) if last else (1, FIRST)
        return cls(seq, prev, _digest({**content, "seq": seq, "prev": prev}), dict(content))


def _digest(covered: dict[str, Any]) -> str:
    return hashlib.sha256(rfc8785.dumps(covered)).hexdigest()


def encode(line: Line) -> bytes:
    """Return the line as it stands in the file."""
    document = {**line.content, "seq": line.seq, "prev": line.prev, "hash": line.hash}
    return rfc8785.dumps(document) + b"\n"


def _number(digits: str) -> int | float:
    """Read a whole number as what it was when it was written: 1e17 stands there in digits."""
    value = float(digits)
    return value if abs(value) >= _SAFE_INTEGER else int(digits)


def parse(raw: bytes, path: Path, number: int) -> Line:
    """Read line ``number`` (from 1); raises :class:`JournalError` unless it is as written."""
    try:
        document = json.loads(raw, parse_int=_number)
    except (ValueError, RecursionError) as error:
        raise JournalError(path, number, "it is not JSON") from error
    if not isinstance(document, dict) or set(document) != _FIELDS:
        raise JournalError(path, number, f"it has not the members {', '.join(sorted(_FIELDS))}")
    seq, prev, digest = (document.pop(name) for name in ("seq", "prev", "hash"))
    if not isinstance(seq, int) or isinstance(seq, bool) or seq != number:
        raise JournalError(path, number, f"it says that it is line {seq!r}")
    line = Line(seq, str(prev), str(digest), document)
    try:
        whole = digest == _digest({**document, "seq": seq, "prev": prev}) and encode(line) == raw
    except (ValueError, RecursionError) as error:  # numbers and text that no line of ours has
        raise JournalError(path, number, "it is not canonical JSON") from error
    if not whole:
        raise JournalError(path, number, "its hash does not fit its content")
    return line
