# SPDX-License-Identifier: GPL-3.0-or-later
"""The fence around every change: only the present holder of the host lock gets through (I16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import OperationError

if TYPE_CHECKING:
    from collections.abc import Mapping


def ticket(lock: Mapping[str, Any]) -> str:
    """Return what the holder of a lock sends with each change."""
    return f"{lock['token']}-{lock['life'] or ''}"


def holder(
    given: str | None, lock: dict[str, Any] | None, last: dict[str, Any] | None
) -> dict[str, Any]:
    """Return the lock of a ticket; raises Locked. ``last``: the last acquisition that is known."""
    if lock and given and given == ticket(lock):
        return lock
    if given:
        raise _lost(given, lock, last)
    if lock:
        raise locked(lock)
    raise OperationError(
        "Locked",
        "no lock is held on this host; take it with Lock-Host before changing anything",
        identity="LockNotHeld",
    )


def _lost(given: str, lock: dict[str, Any] | None, last: dict[str, Any] | None) -> OperationError:
    lost = f"the lock of ticket '{given}' is lost"
    if lock:
        message = (
            f"{lost}: the host is in the hands of '{lock['owner'] or ''}' (run {lock['run'] or ''}) "
            f"since {lock['acquired']}, for: {lock['purpose']}"
        )
    elif last and ticket(last) != given:
        message = (
            f"{lost}: '{last['owner']}' (run {last['run']}) took the host over at "
            f"{last['acquired']} and gave it back"
        )
    else:
        message = f"{lost}, nobody holds the host now"
    return OperationError(
        "Locked",
        f"{message}. Change nothing more, look at the host, run again",
        identity="LockLost",
        details=lock or last,
    )


def locked(lock: dict[str, Any]) -> OperationError:
    """Return the failure of whoever comes second."""
    return OperationError(
        "Locked",
        f"locked by '{lock['owner'] or ''}' (run {lock['run'] or ''}) since {lock['acquired']}, "
        f"last heartbeat {lock['renewed']}, for: {lock['purpose']}",
        identity="HostLocked",
        details=lock,
    )
