# SPDX-License-Identifier: GPL-3.0-or-later
"""What the options of every change have in common: who changes, for how long, what people said."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING, Any

from ..base.dates import parse_date
from ..base.errors import ConfigError
from .policy import DagAnswer, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

_GIB = 1 << 30
_FEWEST, _MOST = 5, 400  # characters of a reason


def approvals(given: Mapping[str, Any] | None) -> dict[str, str]:
    """Return names and words; an empty YAML value approves nothing and is not the word None."""
    return {str(k): "" if v is None else str(v) for k, v in (given or {}).items()}


def takeover_reason(reason: str | None) -> str:
    """Return the operator's reason; it is kept in the lock, so it must say something."""
    if reason is None:
        return ""
    if not _FEWEST <= len(reason.strip()) <= _MOST:
        raise ConfigError(
            f"lock_takeover: {reason!r} is no reason; say in {_FEWEST} to {_MOST} characters why the "
            "holder of the lock is gone, it is recorded on the server"
        )
    return reason.strip()


def note(given: str | None) -> str | None:
    """Return the operator's words about the change; raises :class:`ConfigError` unless one line."""
    if given is None:
        return None
    if len(given) > _MOST or not given.isprintable():
        raise ConfigError(f"note: {given!r} is not one line of up to {_MOST} characters")
    return given


def controller() -> str:
    """Return user and host of this controller, who owns its runs."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def seconds(given: int) -> int:
    """Return the longest that a change may take; raises :class:`ConfigError` for no duration."""
    if given < 1:
        raise ConfigError(f"seconds: {given} is no duration; give 1 or more")
    return given


def policy(options: Mapping[str, Any]) -> Policy:
    """The operator's policy; raises :class:`ConfigError`."""
    room = options.get("room_gib")
    return Policy(
        **({} if room is None else {"room_bytes": int(room * _GIB)}),
        seconds=seconds(options["seconds"]),
        window_end=parse_date(options.get("window_end"), "window_end"),
        guard=_guard(options.get("dag_guard")),
        required=tuple(options.get("required_approvals") or ()),
        given=tuple(approvals(options.get("approvals")).items()),
    )


def _guard(given: dict[str, Any] | None) -> DagAnswer | None:
    if not given:
        return None
    if not isinstance(given.get("allowed"), bool) or not {"reason", "by"} <= given.keys():
        raise ConfigError("dag_guard needs allowed (true or false), reason and by")
    return DagAnswer(given["allowed"], str(given["reason"]), str(given["by"]))
