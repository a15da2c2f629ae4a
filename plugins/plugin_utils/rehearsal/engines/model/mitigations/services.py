# SPDX-License-Identifier: GPL-3.0-or-later
"""Services: state and start type as they are, as they shall be, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..core.state import BY
from ..errors import PartError
from ..facts.services import start_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..context import Context

_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_CODES = {"Boot": 0, "System": 1, "Automatic": 2, "AutomaticDelayed": 2, "Manual": 3, "Disabled": 4}
# Managed availability starts what it finds stopped: it goes first and comes last.
_RANKS = {"msexchangehmrecovery": 0, "msexchangehm": 1}

State = dict[str, Any]


def key(name: str) -> str:
    return f"{_SERVICES}\\{name}"


def read(context: Context, name: str) -> State | None:
    """Return the state of a service; ``None`` where it does not exist."""
    known = context.world.data["services"]
    spelled = next((known_name for known_name in known if known_name.lower() == name.lower()), None)
    if spelled is None:
        return None
    return {
        "name": spelled,
        "status": known[spelled]["status"],
        "start_type": start_type(context, spelled),
        "delayed": context.number(key(spelled), "DelayedAutostart"),
    }


def by_rank(rows: Iterable[Any], name: Callable[[Any], str], *, back: bool = False) -> list[Any]:
    """Order rows: the health manager first, or last where things come back."""
    ordered = {rank: [r for r in rows if _rank(name(r)) == rank] for rank in (0, 1, 2)}
    return [row for rank in ((2, 1, 0) if back else (0, 1, 2)) for row in ordered[rank]]


def _rank(name: str) -> int:
    return _RANKS.get(name.lower(), 2)


def dependents(context: Context, name: str) -> list[str]:
    """Name the services that depend on this one."""
    found = []
    for other in sorted(context.world.data["services"], key=str.lower):
        needed = context.value(key(other), "DependOnService") or []
        if name.lower() in [str(one).lower() for one in needed]:
            found.append(other)
    return found


def running(status: str) -> bool:
    return status not in ("Stopped", "StopPending")


def as_wanted(now: State, wanted: State) -> bool:
    """Tell whether start type, delay and running or not are as wanted."""
    return (
        (now["start_type"] or "").lower() == (wanted["start_type"] or "").lower()
        and now["delayed"] == wanted["delayed"]
        and running(now["status"]) == running(wanted["status"])
    )


def put(context: Context, name: str, wanted: State) -> None:
    """Put a service into a state: disabled before it is stopped, startable before it is started."""
    now = read(context, name)
    if now is None:
        return
    run = running(wanted["status"])
    if run and not running(now["status"]):
        if wanted["start_type"] == "Disabled":
            _set_start(context, name, "Manual")
        else:
            set_start_type(context, name, wanted)
        _start(context, name)
    set_start_type(context, name, wanted)
    if not run and running(now["status"]):
        for other in dependents(context, name):
            _stop(context, other, whose=name)
        _stop(context, name, whose=name)


def _start(context: Context, name: str) -> None:
    """Start a service and first what it depends on."""
    world = context.world
    entry = world.service(name) or {}
    if running(entry["status"]):
        return
    stopped = [
        one
        for one in map(str, context.value(key(name), "DependOnService") or [])
        if not running((world.service(one) or {"status": "Running"})["status"])
    ]
    disabled = any(start_type(context, one) == "Disabled" for one in stopped)
    if entry.get("refuses") == "start" or disabled or start_type(context, name) == "Disabled":
        raise _failure(context, name, name, "start")
    for one in stopped:
        _start(context, one)
    world.set_service_status(name, "Running", by=BY)


def _stop(context: Context, name: str, *, whose: str) -> None:
    entry = context.world.service(name) or {}
    if running(entry["status"]):
        if entry.get("refuses") == "stop":
            raise _failure(context, whose, name, "stop")
        context.world.set_service_status(name, "Stopped", by=BY)


def _failure(context: Context, asked: str, name: str, verb: str) -> PartError:
    """Return what Start-Service and Stop-Service say."""
    title = (context.world.service(asked) or {}).get("display_name", asked)
    done = {"start": "started", "stop": "stopped"}[verb]
    command = f"{verb.capitalize()}Service"
    return PartError(
        "Microsoft.PowerShell.Commands.ServiceCommandException",
        f"CouldNot{command},Microsoft.PowerShell.Commands.{command}Command",
        f"Service '{title} ({asked})' cannot be {done} due to the following error: "
        f"Cannot {verb} service {name} on computer '.'.",
    )


def try_put(context: Context, name: str, wanted: State) -> None:
    """Put a service into a state; a failure is reported and the others go on."""
    try:
        put(context, name, wanted)
    except PartError as error:
        context.report(f"services.{name}", error)


def set_start_type(context: Context, name: str, wanted: State) -> None:
    """Set the start type and the delay, each only where it differs."""
    kind = wanted["start_type"]
    if kind in ("Boot", "System") and start_type(context, name) != kind:
        context.world.set_value(key(name), "Start", "DWord", _CODES[kind], by=BY)
    elif kind in _CODES and start_type(context, name) != kind:
        _set_start(context, name, kind)
    delayed = context.number(key(name), "DelayedAutostart")
    if delayed == wanted["delayed"]:
        return
    if wanted["delayed"] is None:
        context.world.delete_value(key(name), "DelayedAutostart", by=BY)
    else:
        path = key(name)
        context.world.set_value(path, "DelayedAutostart", "DWord", wanted["delayed"], by=BY)


def _set_start(context: Context, name: str, kind: str) -> None:
    """Do what Set-Service does: it knows no delay, and takes one away."""
    context.world.set_value(key(name), "Start", "DWord", _CODES[kind], by=BY)
    if context.number(key(name), "DelayedAutostart") is not None:
        context.world.set_value(key(name), "DelayedAutostart", "DWord", 0, by=BY)
