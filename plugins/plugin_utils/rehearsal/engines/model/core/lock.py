# SPDX-License-Identifier: GPL-3.0-or-later
"""The host lock: one mutator a host across controllers (I16)."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from ....world.paths import parse_time
from ..context import stamp, stamp_text
from ..errors import OperationError
from ..frame import boot_id, encode
from .fence import holder, locked, ticket
from .state import BY, state_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ....world.world import World

_INSTALLERS = ("msiexec", "exsetup", "exsetupui", "setup", "exchange*-kb*")
_TEXTS = ("owner", "run", "purpose", "boot_id")
_UNREADABLE_TTL = 3600
_LAST = "host.lock.last"
_SILENT = timedelta(minutes=10)  # heartbeats come every five


@dataclass(frozen=True, slots=True)
class LockClaim:
    """Who wants the lock, as Lock-Host is told it; ``gone``: the life that its controller saw end."""

    owner: str
    run: str
    life: str
    purpose: str
    ttl_seconds: int
    controller: str
    takeover: str
    gone: str


@dataclass(frozen=True, slots=True)
class Quiet:
    """What must not be at work when a lock changes hands; each raises Locked."""

    no_job: Callable[[World], None]
    idle: Callable[[World], None]


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


def acquire(world: World, claim: LockClaim, quiet: Quiet) -> dict[str, Any]:
    """Take the lock, renew that of this life, or take over one whose holder may be displaced."""
    _guard(world)
    now = stamp(world.clock())
    lock: dict[str, Any] = {
        "owner": claim.owner,
        "run": claim.run,
        "purpose": claim.purpose,
        "acquired": now,
        "renewed": now,
        "boot_id": boot_id(world),
        "ttl_seconds": claim.ttl_seconds,
        "controller": claim.controller or None,
        "takeover": None,
        "life": claim.life,
        "token": 0,
    }
    state, reason = "acquired", None
    previous = read(world)
    if previous and _same_run(previous, claim) and previous["life"] == claim.life:
        state = "renewed"
        lock |= {name: previous[name] for name in ("acquired", "takeover", "token")}
        previous = None
    else:
        if previous:
            state = "taken-over"
            reason = _takeover_reason(world, previous, claim, quiet)
            if reason is None:
                raise locked(previous)
        if previous and reason == "operator":
            lock["takeover"] = (
                f"from '{previous['owner'] or ''}' (run {previous['run'] or ''}) at {now}: "
                f"{claim.takeover}"
            )
        lock["token"] = _next_token(world, previous)
        _write_history(world, lock)
    _write(world, lock)
    return {
        "state": state,
        "ticket": ticket(lock),
        "lock": read(world),
        "previous": previous,
        "reason": reason,
    }


def _takeover_reason(
    world: World, lock: dict[str, Any], claim: LockClaim, quiet: Quiet
) -> str | None:
    """Return why this lock may be taken, or ``None``: it may not."""
    if claim.gone and claim.gone == lock["life"] and _same_run(lock, claim):
        return "life"
    if reason := stale_reason(world, lock):
        quiet.no_job(world)
        return reason
    same = bool(claim.controller) and lock["controller"] == claim.controller
    if claim.takeover:
        reason = "operator"
    elif same and _silence(world, lock) > _SILENT:
        reason = "controller"
    if reason is not None:
        quiet.idle(world)
    return reason


def renew(world: World, given: str | None) -> dict[str, Any]:
    """Renew the heartbeat of the lock of a ticket; raises Locked when it is lost."""
    _guard(world)
    lock = assert_ticket(world, given)
    _write(world, {**lock, "renewed": stamp(world.clock()), "boot_id": boot_id(world)})
    return {"state": "renewed", "lock": read(world)}


def release(world: World, given: str | None) -> dict[str, Any]:
    """Release the lock of a ticket; no lock at all is fine."""
    _guard(world)
    if read(world) is None:
        return {"state": "free", "lock": None}
    lock = assert_ticket(world, given)
    world.delete_file(_path(world), by=BY)
    return {"state": "released", "lock": lock}


def assert_ticket(world: World, given: str | None) -> dict[str, Any]:
    """Return the lock of a ticket; raises Locked unless its holder still has the host."""
    return holder(given, read(world), history(world))


def assert_may_change(world: World, request: Mapping[str, Any]) -> None:
    """Raise Locked unless the request comes from the holder of the lock; a mere check needs none."""
    sent = {n.replace("_", "").lower(): v for n, v in (request.get("parameters") or {}).items()}
    check = sent.get("check")
    if isinstance(check, (bool, int, float)) and check:
        return
    if request.get("key") is None:
        raise OperationError("RequestInvalid", "a change needs a key", identity="KeyMissing")
    _guard(world)
    assert_ticket(world, request.get("lock"))


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
        ttl = int(stored["ttl_seconds"])
        late = {name: stored.get(name) for name in ("controller", "takeover", "life")}
        return {**lock, "ttl_seconds": ttl, **late, "token": int(stored.get("token") or 0)}
    except (ValueError, KeyError, TypeError, AttributeError):
        written = stamp_text((world.file(path) or {}).get("mtime"))
        unknown = {"owner": None, "run": None, "purpose": "unreadable lock file", "boot_id": None}
        times = {"acquired": written, "renewed": written, "ttl_seconds": _UNREADABLE_TTL}
        late = dict.fromkeys(("controller", "takeover", "life"))
        return {**unknown, **times, **late, "token": 0}


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


def _same_run(lock: dict[str, Any], claim: LockClaim) -> bool:
    return bool(lock["owner"] == claim.owner and lock["run"] == claim.run)


def history(world: World) -> dict[str, Any] | None:
    """Return the last acquisition, also after the lock was given back; ``None``: not known."""
    folder = state_folder(world)
    text = world.text(f"{folder}\\{_LAST}") if folder else None
    if text is None:
        return None
    try:
        stored = json.loads(text)
        last = {"token": int(stored["token"])}
        last |= {name: stored[name] for name in ("life", "owner", "run")}
        return {**last, "acquired": stamp_text(stored["acquired"])}
    except (ValueError, KeyError, TypeError):
        return None


def _next_token(world: World, lock: dict[str, Any] | None) -> int:
    """Return a number above each that was given, also where all memory of them is lost."""
    known = max((one["token"] for one in (lock, history(world)) if one), default=0)
    return int(max(known + 1, math.floor(world.clock().timestamp())))


def _write_history(world: World, lock: dict[str, Any]) -> None:
    last = {name: lock[name] for name in ("token", "life", "owner", "run", "acquired")}
    world.write_text(f"{state_folder(world, create=True)}\\{_LAST}", encode(last), by=BY)
