# SPDX-License-Identifier: GPL-3.0-or-later
"""The state around an update of Exchange: read, recorded on the host, restored, forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ...base.errors import ReplySchemaError
from .asking import mapping_or_none

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .asking import Asks, Changes


class Snapshot(TypedDict, total=False):
    """``now`` is always there; the rest is what the host has besides, and may be of any shape."""

    now: dict[str, Any]  # versions, binaries, services, installers, service_cache ...
    recorded: Any  # the record of the state before this update: recorded, state, notes
    begun: Any  # names of all updates that have a record
    lock: Any  # who has the host


@dataclass(frozen=True, slots=True)
class Saved:
    """The record of the state before, made now or found there; None where the host shows none."""

    changed: bool
    recorded: str  # when it was made
    state: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Restored:
    """Start types of services, as they are after they were put back."""

    changed: bool
    after: Any


def snapshot(host: Asks, peer: object, update: str, binaries: Sequence[str]) -> Snapshot:
    """Return the present state and the record of an update.

    :raises ReplySchemaError: there is no present state in the answer.
    """
    parameters = {"update": update, "binaries": list(binaries)}
    result = mapping_or_none(host.ask("Get-UpdateSnapshot", parameters).result)
    if result is None or not isinstance(result.get("now"), dict):
        raise ReplySchemaError(f"{peer}: the snapshot has no present state")
    return cast("Snapshot", result)


def save_snapshot(
    host: Changes,
    update: str,
    binaries: Sequence[str],
    step: str,
    notes: Sequence[str] | None = None,
) -> Saved:
    """Record the state before an update, with notes for later, unless there is a record of it."""
    parameters: dict[str, Any] = {"update": update, "binaries": list(binaries)}
    if notes is not None:
        parameters["notes"] = list(notes)
    answer = host.change("Save-UpdateSnapshot", parameters, step)
    record = mapping_or_none(answer.get("record")) or {}
    state = mapping_or_none(record.get("state"))
    return Saved(answer.get("changed") is True, str(record.get("recorded")), state)


def remove_snapshot(host: Changes, update: str, step: str) -> None:
    """Delete the record of the state before an update."""
    host.change("Remove-UpdateSnapshot", {"update": update}, step)


def restore_start_types(host: Changes, update: str, step: str) -> Restored:
    """Give services the start types of the record."""
    answer = host.change("Restore-ServiceStartTypes", {"update": update}, step)
    return Restored(answer.get("changed") is True, answer.get("after"))
