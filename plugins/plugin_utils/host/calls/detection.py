# SPDX-License-Identifier: GPL-3.0-or-later
"""What detection tools find and leave on a host: the state before, the files after, their bytes."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...base.errors import ReplySchemaError
from ...facts.read import moment
from .asking import mapping

if TYPE_CHECKING:
    from datetime import datetime

    from .asking import Asks

_MOST_FILES = 2_100
_LARGEST = 1 << 44  # bytes; a host that says more is broken
_NAME = 1_000  # characters
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
JOB = "job"  # the source of a file below the folder "output" of the job


@dataclass(frozen=True, slots=True)
class HostFile:
    """One file as the host lists it. ``sha256``: None where the host could not read it."""

    source: str  # job | msert_log | msert_old_log
    name: str  # below the job's output, else the full path
    size: int  # bytes
    sha256: str | None
    modified: str | None  # on the host's clock


@dataclass(frozen=True, slots=True)
class HostFiles:
    """Every file that is there; ``truncated``: there are more than are listed."""

    files: tuple[HostFile, ...]
    truncated: bool


@dataclass(frozen=True, slots=True)
class Scanner:
    """A scanner at work."""

    name: str
    id: int | None
    started: str | None


@dataclass(frozen=True, slots=True)
class DetectionHostState:
    """The state before a tool is started. ``scanners``: None where they could not be read.

    ``log_read``: whether it is known what stood in the log of MSERT; ``msert_log``: None: nothing.
    """

    scanners: tuple[Scanner, ...] | None
    msert_log: HostFile | None
    log_read: bool
    clock: datetime | None


def ask_state(host: Asks) -> dict[str, Any]:
    """Ask for the state; JSON for the case, read by :func:`read_state`."""
    reply = host.ask("Get-DetectionState", {})
    unread = sorted({error.source for error in reply.errors if error.source})
    return {**mapping(reply.result), "unread": unread}


def read_state(result: Any) -> DetectionHostState:
    """Read what :func:`ask_state` returned, now or from the case.

    :raises ReplySchemaError: the host answered something else.
    """
    found = mapping(result)
    listed, log = found.get("scanners"), found.get("msert_log")
    scanners = None
    if isinstance(listed, list):
        scanners = tuple(_scanner(row) for row in listed)
    return DetectionHostState(
        scanners,
        None if log is None else _file(log),
        "msert_log" in found and "msert_log" not in found.get("unread", ()),
        moment(found.get("clock")),
    )


def files(host: Asks, job: str) -> HostFiles:
    """List what the job of a tool left, and the logs of such tools."""
    result = mapping(host.ask("Find-DetectionFile", {"job": job}).result)
    rows = result.get("files")
    if not isinstance(rows, list) or len(rows) > _MOST_FILES:
        raise ReplySchemaError(f"Find-DetectionFile makes no sense: {result!r:.200}")
    return HostFiles(tuple(_file(row) for row in rows), result.get("truncated") is not False)


def read_part(host: Asks, job: str, file: HostFile, offset: int, limit: int) -> tuple[int, bytes]:
    """Return the size of a file now and up to ``limit`` bytes of it; b"": no more.

    :raises ReplySchemaError: it is not base64, or more than was asked for.
    """
    asked = {"job": job, "source": file.source, "name": file.name, "offset": offset, "limit": limit}
    result = mapping(host.ask("Get-DetectionFile", asked).result)
    size, text = result.get("size"), result.get("data")
    try:
        data = base64.b64decode(text, validate=True) if isinstance(text, str) else None
    except binascii.Error:
        data = None
    if data is None or len(data) > limit or not _is_size(size):
        raise ReplySchemaError(f"Get-DetectionFile makes no sense of {file.name!r:.200}")
    return int(str(size)), data


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST


def _scanner(row: Any) -> Scanner:
    found = mapping(row)
    number, started = found.get("id"), found.get("started")
    return Scanner(
        f"{found.get('name')!s:.100}",
        number if isinstance(number, int) else None,
        f"{started:.40}" if isinstance(started, str) else None,
    )


def _file(row: Any) -> HostFile:
    found = mapping(row)
    name, size, digest = found.get("name"), found.get("size"), found.get("sha256")
    known = isinstance(name, str) and 0 < len(name) <= _NAME and _is_size(size)
    if not known or not (digest is None or (isinstance(digest, str) and _DIGEST.match(digest))):
        raise ReplySchemaError(f"a file of the host makes no sense: {row!r:.200}")
    modified = found.get("modified")
    return HostFile(
        str(found.get("source")),
        str(name),
        int(str(size)),
        digest,
        modified if isinstance(modified, str) else None,
    )
