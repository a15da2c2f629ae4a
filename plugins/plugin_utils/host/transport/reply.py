# SPDX-License-Identifier: GPL-3.0-or-later
"""The reply document: what a host says about one operation, checked, cleaned and typed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from ...base.errors import (
    LanguageModeRefused,
    LockedByOther,
    LockLost,
    MalformedReply,
    ReplySchemaError,
    ScriptError,
    ScriptIntegrityError,
)
from ...base.sanitize import clean, clean_text, is_inert
from .limits import Limits, check_shape, without_pairs

if TYPE_CHECKING:
    from .frame import Frame

REPLY_SCHEMA = 1
_FAILURES: dict[str, type[ScriptError]] = {
    "LanguageMode": LanguageModeRefused,
    "ScriptIntegrity": ScriptIntegrityError,
    "Locked": LockedByOther,
    "RequestInvalid": ScriptError,
    "ScriptFailed": ScriptError,
}


@dataclass(frozen=True, slots=True)
class HostError:
    """Why a part of the result is null, or why the operation failed."""

    source: str
    error_class: str
    id: str
    message: str
    details: Any = None
    at: str | None = None


@dataclass(frozen=True, slots=True)
class HostStamp:
    """Who answered, by its own words: never an identity, always evidence."""

    name: str | None
    clock: str | None  # ISO-8601 UTC
    boot_id: str | None
    powershell: str | None
    language_mode: str | None
    process_id: int | None


@dataclass(frozen=True, slots=True)
class Reply:
    """One operation's answer; ``result`` is inert text and numbers (see `sanitize`)."""

    operation: str
    status: str  # "ok" or "error"
    result: Any
    errors: tuple[HostError, ...]
    host: HostStamp
    collected_at: str | None
    replayed: bool
    noise: str
    script_sha256: str | None
    duration_ms: int
    key: str | None = None


def failed_reply(error: ScriptError) -> Reply | None:
    """Return the whole reply behind a failure that the host reported."""
    reply = getattr(error, "reply", None)
    return reply if isinstance(reply, Reply) else None


def parse_reply(frame: Frame, limits: Limits) -> Reply:
    """Read a frame's document; raises `ReplyError` and `ScriptError` classes."""
    unpaired = without_pairs(frame.document)
    document = _load(frame.document, limits, unpaired)
    inert = is_inert(frame.document, unpaired)
    reply = reply_from(document, noise=frame.noise, inert=inert)
    if not frame.nonce and reply.status == "ok":
        raise MalformedReply("a reply without a nonce claims success; it was discarded")
    return checked(reply)


def reply_from(document: Any, *, noise: str = "", inert: bool = False) -> Reply:
    """Type a reply document, cleaned; raises `ReplySchemaError` for another shape or version.

    ``inert``: its JSON text was found to hold nothing to clean.
    """
    if not isinstance(document, dict):
        _refuse("reply", document, "a mapping")
    version = document.get("schema")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        _refuse("schema", version, "a positive number")
    if version > REPLY_SCHEMA:
        raise ReplySchemaError(
            f"the reply has schema {version}, this controller knows {REPLY_SCHEMA}; "
            "update the controller"
        )
    known = document if inert else clean(document)
    if known.get("status") not in ("ok", "error"):
        _refuse("status", known.get("status"), "ok or error")
    return Reply(
        operation=_text(known, "operation") or "",
        status=known["status"],
        result=known.get("result"),
        errors=tuple(_error(entry) for entry in _list(known, "errors")),
        host=_stamp(known.get("host")),
        collected_at=_text(known, "collected_at"),
        replayed=known.get("replayed") is True,
        noise=noise,
        script_sha256=_text(known, "script_sha256"),
        duration_ms=_number(known, "duration_ms") or 0,
        key=_text(known, "key"),
    )


def checked(reply: Reply) -> Reply:
    """Return a successful reply; raise the class that a failed one names."""
    if reply.status == "ok":
        return reply
    first = (
        reply.errors[0] if reply.errors else HostError("", "ScriptFailed", "", "no reason given")
    )
    where = f" ({first.at})" if first.at else ""
    # A thrown text is its own error id; said once it is enough.
    kind = f" [{first.id}]" if first.id and first.id not in first.message else ""
    failure = _FAILURES.get(first.error_class, ScriptError)
    if failure is LockedByOther and first.id == "LockLost":
        failure = LockLost
    error = failure(f"{reply.operation or 'operation'}: {first.message}{kind}{where}")
    error.reply = reply  # type: ignore[attr-defined]
    raise error


def _load(document: bytes, limits: Limits, unpaired: bytes) -> Any:
    check_shape(document, limits, unpaired)
    try:
        return json.loads(document.decode("ascii"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise MalformedReply(
            f"the frame of {len(document):,} bytes does not hold JSON: {clean_text(str(error))[:200]}"
        ) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _error(entry: Any) -> HostError:
    if not isinstance(entry, dict):
        _refuse("errors[]", entry, "a mapping")
    return HostError(
        source=_text(entry, "source") or "",
        error_class=_text(entry, "class") or "",
        id=_text(entry, "id") or "",
        message=_text(entry, "message") or "",
        details=entry.get("details"),
        at=_text(entry, "at"),
    )


def _stamp(value: Any) -> HostStamp:
    if not isinstance(value, dict):
        _refuse("host", value, "a mapping")
    return HostStamp(
        name=_text(value, "name"),
        clock=_text(value, "clock"),
        boot_id=_text(value, "boot_id"),
        powershell=_text(value, "powershell"),
        language_mode=_text(value, "language_mode"),
        process_id=_number(value, "process_id"),
    )


def _text(mapping: dict[str, Any], name: str) -> str | None:
    value = mapping.get(name)
    if value is not None and not isinstance(value, str):
        _refuse(name, value, "text")
    return value


def _number(mapping: dict[str, Any], name: str) -> int | None:
    value = mapping.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        _refuse(name, value, "a whole number")
    return value


def _list(mapping: dict[str, Any], name: str) -> list[Any]:
    value = mapping.get(name)
    if not isinstance(value, list):
        _refuse(name, value, "a list")
    return value


def _refuse(name: str, value: Any, wanted: str) -> NoReturn:
    shown = clean_text(repr(value))[:80]
    raise ReplySchemaError(
        f"the reply's {name!r} is {shown}, expected was {wanted}; "
        "the host runs another script or somebody rewrote its answer"
    )
