# SPDX-License-Identifier: GPL-3.0-or-later
"""Read host facts without trusting them: a wrong type is the same as "could not be read".

Shape: ``result`` of ``Get-ExchangeServerInfo`` (``facts/facts.schema.json``). Every byte
of it is the host's choice, so nothing here may raise on any JSON value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple

Row = dict[str, Any]

SECTIONS = (
    "computer",
    "os",
    "powershell",
    "dotnet",
    "session",
    "exchange",
    "dag",
    "updates",
    "services",
    "iis",
    "url_rewrite",
    "pending_reboot",
    "disks",
    "logs",
    "event_logs",
    "antimalware",
    "clock",
    "environment",
)
# The lists, and what names a record of each.
LISTS = {
    "updates": None,
    "services": "name",
    "pending_reboot": None,
    "disks": None,
    "logs": "id",
    "event_logs": "name",
    "antimalware": None,
}
# Far above anything real; what exceeds them is a host that wants to keep us busy (I5).
MOST_ROWS = 500
LONGEST_TEXT = 4_096
_LONGEST_MESSAGE = 300
_LONGEST_NAME = 120
_LARGEST = 2**63
# Fractional seconds beyond microseconds (.NET writes seven digits) are cut off.
_MICROSECONDS = 6
_NO_REASON = "the host gave no reason"


class Rows(NamedTuple):
    """A list of the facts; ``whole`` is false where it, or a part of it, could not be read."""

    rows: tuple[Row, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class FactError:
    """One part that the host could not read, in its own words."""

    source: str
    message: str


def text(value: object) -> str | None:
    """The text, or None where it is none, empty or absurdly long."""
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_TEXT else None


def label(value: object, otherwise: str = "?") -> str:
    """A name for a sentence, cut where it is too long to be one."""
    return (text(value) or otherwise)[:_LONGEST_NAME]


def flag(value: object) -> bool | None:
    """The boolean, or None where it is none."""
    return value if isinstance(value, bool) else None


def number(value: object) -> int | None:
    """The whole number of 64 bits, or None where it is none (a boolean is not a number)."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if -_LARGEST <= value < _LARGEST else None


def moment(value: object) -> datetime | None:
    """The UTC time of an ISO-8601 text; a text without offset is read as UTC."""
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isascii():
        return None
    body, dot, rest = value.partition(".")
    if dot:
        digits = len(rest) - len(rest.lstrip("0123456789"))
        value = f"{body}.{rest[: min(digits, _MICROSECONDS)]:0<6}{rest[digits:]}"
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def rows(value: object, key: str | None = None) -> Rows:
    """The records of a list; anything else in it makes it incomplete, not wrong.

    So does a record without a readable ``key``: it could be the one that is looked for.
    """
    if not isinstance(value, list | tuple):
        return Rows((), whole=False)
    kept = tuple(item for item in value[:MOST_ROWS] if isinstance(item, dict))
    named = key is None or all(text(item.get(key)) is not None for item in kept)
    return Rows(kept, whole=named and len(kept) == len(value))


@dataclass(frozen=True, slots=True)
class Named:
    """Records by name, without case; one that is there twice says nothing about itself."""

    index: dict[str, Row]
    whole: bool

    def get(self, name: str) -> Row | None:
        """The record of that name; None: there is none, or (not ``whole``) it was not read."""
        return self.index.get(name.casefold())


def named(listed: Rows, key: str = "name") -> Named:
    """Index records by their name."""
    index: dict[str, Row] = {}
    for row in listed.rows:
        name = text(row.get(key))
        if name is not None:
            folded = name.casefold()
            index[folded] = {} if folded in index else row
    return Named(index, listed.whole)


def host_errors(errors: object) -> tuple[FactError, ...]:
    """Normalise ``errors[]`` of a reply, given as JSON objects or as records."""
    if not isinstance(errors, Iterable) or isinstance(errors, str | bytes | Mapping):
        return ()
    found = []
    for error in islice(errors, MOST_ROWS):
        if isinstance(error, Mapping):
            source, message = error.get("source"), error.get("message")
        else:
            source, message = getattr(error, "source", None), getattr(error, "message", None)
        words = (text(message) or _NO_REASON)[:_LONGEST_MESSAGE].rstrip(" .")
        found.append(FactError(text(source) or "", words))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of one host and the host's reasons for what is missing."""

    result: Row
    errors: tuple[FactError, ...]

    @classmethod
    def of(cls, result: object, errors: object) -> Facts:
        """Wrap any JSON value; what is not an object has no facts at all."""
        return cls(result if isinstance(result, dict) else {}, host_errors(errors))

    def section(self, name: str) -> Row | None:
        """A top-level object, or None where it could not be read."""
        value = self.result.get(name)
        return value if isinstance(value, dict) else None

    def listing(self, name: str) -> Rows:
        """A top-level list."""
        return rows(self.result.get(name), LISTS[name])

    def value(self, section: str, key: str) -> object:
        """One value of a top-level object; None where either is missing."""
        found = self.section(section)
        return None if found is None else found.get(key)

    def why(self, source: str) -> str:
        """Why ``source`` (``exchange`` or ``exchange.exsetup``) is missing, in the host's words."""
        top = source.partition(".")[0]
        for error in self.errors:
            if error.source == source or error.source.startswith(source + "."):
                return error.message
        for error in self.errors:
            if error.source == top:
                return error.message
        return _NO_REASON

    def gaps(self) -> dict[str, str]:
        """Every section that is missing or has the wrong type, with the host's reason."""
        found: dict[str, str] = {}
        for name in SECTIONS:
            value = self.result.get(name)
            if value is None:
                found[name] = self.why(name)
            elif name in LISTS:
                if not self.listing(name).whole:
                    found[name] = "is not a list of records"
            elif not isinstance(value, dict):
                found[name] = "is not a record"
        for error in self.errors:
            found.setdefault(error.source or "host", error.message)
        return found
