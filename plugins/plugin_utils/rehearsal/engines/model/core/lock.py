# SPDX-License-Identifier: GPL-3.0-or-later
"""The host lock: one mutator a host across controllers (I16)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from ....world.paths import parse_time
from ..context import stamp, stamp_text
from ..errors import OperationError
from ..frame import boot_id, encode
from .state import BY, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....world.world import World

_INSTALLERS = ("msiexec", "exsetup", "exsetupui", "setup", "exchange*-kb*")
_TEXTS = ("owner", "run", "purpose", "boot_id")
_UNREADABLE_TTL = 3600
_SILENT = timedelta(minutes=10)  # heartbeats come every five


@dataclass(frozen=True, slots=True)
class Takeover:
    """``words``: the reason of the operator, empty without one. ``assert_idle`` raises Locked."""

    words: str
    assert_idle: Callable[[World], None]

    def reason(self, world: World, lock: dict[str, Any], controller: str) -> str | None:
        """Return ``operator``, ``controller``, or ``None``: this lock may not be taken."""
        same = bool(controller) and lock["controller"] == controller
        found = "operator" if self.words else None
        if found is None and same and _silence(world, lock) > _SILENT:
            found = "controller"
        if found is not None:
            self.assert_idle(world)
        return found


def get(world: World) -> dict[str, Any]:
    """Tell who holds the lock and whether that holder is provably dead."""
    lock = read(world)
    reason = stale_reason(world, lock) if lock else None
    state = "free" if lock is None else "stale" if reason else "held"
    return {
        "state": state,
        "reason": reason,
        "lock": lock,
        "installer_running": installer_running(world),
    }


def acquire(
    world: World,
    owner: str,
    run: str,
    purpose: str,
    ttl: int,
    controller: str = "",
    takeover: Takeover | None = None,
) -> dict[str, Any]:
    """Take the lock, renew one's own, or take over a dead one's.

    ``takeover`` says why a lock may be taken whose holder is not proven dead.
    """
    _guard(world)
    now = stamp(world.clock())
    lock = {
        "owner": owner,
        "run": run,
        "purpose": purpose,
        "acquired": now,
        "renewed": now,
        "boot_id": boot_id(world),
        "ttl_seconds": ttl,
        "controller": controller or None,
        "takeover": None,
    }
    state, reason = "acquired", None
    previous = read(world)
    if previous and _holds(previous, owner, run):
        state = "renewed"
        lock |= {name: previous[name] for name in ("acquired", "takeover")}
        previous = None
    elif previous:
        state = "taken-over"
        reason = stale_reason(world, previous)
        if reason is None and takeover is not None:
            reason = takeover.reason(world, previous, controller)
        if reason is None:
            raise _locked(previous)
        if reason == "operator" and takeover is not None:
            lock["takeover"] = (
                f"from '{previous['owner'] or ''}' (run {previous['run'] or ''}) at {now}: "
                f"{takeover.words}"
            )
    _write(world, lock)
    return {"state": state, "lock": read(world), "previous": previous, "reason": reason}


def renew(world: World, owner: str, run: str) -> dict[str, Any]:
    """Renew the heartbeat of one's own lock; raises Locked when it is lost."""
    _guard(world)
    lock = read(world)
    if lock is None:
        raise OperationError(
            "Locked",
            f"'{owner}' (run {run}) holds no lock; somebody released it. "
            "Stop, look at the host, acquire again",
            identity="LockLost",
        )
    if not _holds(lock, owner, run):
        raise _locked(lock)
    _write(world, {**lock, "renewed": stamp(world.clock()), "boot_id": boot_id(world)})
    return {"state": "renewed", "lock": read(world)}


def release(world: World, owner: str, run: str) -> dict[str, Any]:
    """Release one's own lock; no lock at all is fine."""
    _guard(world)
    lock = read(world)
    if lock is None:
        return {"state": "free", "lock": None}
    if not _holds(lock, owner, run):
        raise _locked(lock)
    world.delete_file(_path(world), by=BY)
    return {"state": "released", "lock": lock}


def assert_owner(world: World, owner: str) -> None:
    """Raise Locked unless this controller holds the lock: every change asks first."""
    lock = read(world)
    if lock is None:
        raise OperationError(
            "Locked",
            f"'{owner}' holds no lock on this host; take it with Lock-Host before changing anything",
            identity="LockNotHeld",
        )
    if lock["owner"] != owner:
        raise _locked(lock)


def assert_may_change(world: World, given: dict[str, Any]) -> None:
    """Raise Locked unless ``lock_owner`` holds the lock; a mere ``check`` needs none."""
    if not given["check"]:
        assert_owner(world, given["lock_owner"])


def read(world: World) -> dict[str, Any] | None:
    """Return the lock; a damaged file is a lock held by nobody known."""
    folder = state_folder(world)
    path = f"{folder}\\host.lock"
    text = world.text(path) if folder else None
    if text is None:
        return None
    try:
        stored = json.loads(text)
        lock = {name: stored.get(name) for name in _TEXTS}
        lock |= {name: stamp_text(stored[name]) for name in ("acquired", "renewed")}
        lock |= {name: stored.get(name) for name in ("controller", "takeover")}
        return {**lock, "ttl_seconds": int(stored["ttl_seconds"])}
    except (ValueError, KeyError, TypeError, AttributeError):
        written = stamp_text((world.file(path) or {}).get("mtime"))
        unknown = {"owner": None, "run": None, "purpose": "unreadable lock file", "boot_id": None}
        times = {"acquired": written, "renewed": written, "ttl_seconds": _UNREADABLE_TTL}
        return {**unknown, **times, "controller": None, "takeover": None}


def stale_reason(world: World, lock: dict[str, Any]) -> str | None:
    """Return the proof that the holder is dead: ``boot``, ``heartbeat``, or ``None``."""
    if other_boot(lock["boot_id"], boot_id(world)):
        return "boot"
    if _silence(world, lock) > timedelta(seconds=lock["ttl_seconds"]) and not installer_running(
        world
    ):
        return "heartbeat"
    return None


def _silence(world: World, lock: dict[str, Any]) -> timedelta:
    return world.clock() - parse_time(lock["renewed"])


def other_boot(one: str | None, two: str | None) -> bool:
    """Tell whether a part that both identities have differs."""
    parts = [
        dict(p.split(":", 1) for p in (text or "").split(";") if ":" in p) for text in (one, two)
    ]
    return any(parts[0][name] != parts[1][name] for name in parts[0].keys() & parts[1].keys())


def installer_running(world: World) -> bool:
    """Tell whether setup, an update or msiexec runs."""
    running = [p["name"] if isinstance(p, dict) else p for p in world.data["processes"]]
    names = [str(name).lower().removesuffix(".exe") for name in running]
    return any(fnmatch(name, pattern) for name in names for pattern in _INSTALLERS)


def _path(world: World) -> str:
    return f"{state_folder(world, create=True)}\\host.lock"


def _guard(world: World) -> None:
    path = f"{_path(world)}.guard"
    if world.file(path) is None:
        world.write_text(path, "", by=BY)


def _write(world: World, lock: dict[str, Any]) -> None:
    world.write_text(_path(world), encode(lock), by=BY)


def _holds(lock: dict[str, Any], owner: str, run: str) -> bool:
    return bool(lock["owner"] == owner and lock["run"] == run)


def _locked(lock: dict[str, Any]) -> OperationError:
    return OperationError(
        "Locked",
        f"locked by '{lock['owner'] or ''}' (run {lock['run'] or ''}) since {lock['acquired']}, "
        f"last heartbeat {lock['renewed']}, for: {lock['purpose']}",
        identity="HostLocked",
        details=lock,
    )
