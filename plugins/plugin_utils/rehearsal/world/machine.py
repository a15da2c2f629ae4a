# SPDX-License-Identifier: GPL-3.0-or-later
"""Time, restarts and scheduled tasks of a simulated host: the part that both engines share."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import disk_images, effects
from .paths import format_time, parse_time

if TYPE_CHECKING:
    from .world import World

_BY = "windows"
_SESSION = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_WINDOWS = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion"
_PENDING = (
    f"{_WINDOWS}\\Component Based Servicing\\RebootPending",
    f"{_WINDOWS}\\WindowsUpdate\\Auto Update\\RebootRequired",
    "HKLM\\SOFTWARE\\Microsoft\\Updates\\UpdateExeVolatile",
)
_AUTOMATIC = 2


def advance_clock(world: World, seconds: float) -> None:
    """Move the host's clock: the fixed one, or its offset to the real one."""
    if seconds <= 0:
        return
    if world.data["now"]:
        world.data["boot_day"] = format_time(world.boot_day())
        later = parse_time(world.data["now"]) + timedelta(seconds=seconds)
        world.data["now"] = exact_time(later)
    else:
        world.data["clock_offset_seconds"] = world.data["clock_offset_seconds"] + seconds
    world.generation += 1


def exact_time(moment: datetime) -> str:
    """Return ISO text that keeps fractions of a second."""
    return moment.isoformat().replace("+00:00", "Z") if moment.microsecond else format_time(moment)


def wake(world: World) -> None:
    """Bring restarts up to the clock: a planned one happens, tasks of the boot become due."""
    planned = world.data["shutdown"]
    if planned and parse_time(planned["at"]) <= world.clock():
        restart(world)
    tasks = world.data["scheduled_tasks"]
    fresh = [n for n, t in tasks.items() if t["boot_id"] != world.data["boot_id"]]
    for name in fresh:
        change_task(world, name, boot_id=world.data["boot_id"], due=True)


def restart(world: World) -> None:
    """Restart Windows now: what waited for it is done, automatic services start."""
    _finish_pending(world)
    _start_services(world)
    reboot(world, by=_BY)


def reboot(world: World, *, by: str) -> None:
    """Start a new boot session: the identity changes, processes end, disk stays."""
    prefetch = (
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager\\"
        "Memory Management\\PrefetchParameters"
    )
    session = str(world.data["boot_id"])
    known = int(session) if session.isdecimal() else 0
    count = max(int(world.value(prefetch, "BootId") or 0), known) + 1
    world.set_value(prefetch, "BootId", "DWord", count, by=by)
    world.data["boot_id"] = str(count)
    world.data["processes"] = []
    world.data["shutdown"] = None
    disk_images.forget(world, by=by)
    world.record("reboot", world.name, by)
    later, world.data["boot_effects"] = world.data["boot_effects"], []
    effects.apply(world, later, by=by)


def _finish_pending(world: World) -> None:
    """Files are renamed, components are finished, the volatile key is gone."""
    if world.value(_SESSION, "PendingFileRenameOperations") is not None:
        world.delete_value(_SESSION, "PendingFileRenameOperations", by=_BY)
    for key in _PENDING:
        if world.key(key) is not None:
            world.delete_key(key, by=_BY)


def _start_services(world: World) -> None:
    for name, entry in list(world.data["services"].items()):
        automatic = world.value(f"{_SERVICES}\\{name}", "Start") == _AUTOMATIC
        if automatic and entry["status"] == "Stopped" and entry.get("refuses") != "start":
            world.set_service_status(name, "Running", by=_BY)


def plan_restart(world: World, seconds: int, *, by: str) -> bool:
    """Plan a restart as shutdown.exe does; false when one is planned already."""
    if world.data["shutdown"]:
        return False
    world.data["shutdown"] = {"at": exact_time(world.clock() + timedelta(seconds=seconds))}
    world.record("shutdown", world.name, by)
    return True


def put_task(world: World, name: str, xml: str, *, by: str) -> None:
    """Register a task; one of the same name is replaced."""
    known = next((n for n in world.data["scheduled_tasks"] if n.lower() == name.lower()), name)
    task = {"xml": xml, "boot_id": world.data["boot_id"], "due": False, "last_run": None}
    world.data["scheduled_tasks"] = {**world.data["scheduled_tasks"], known: task}
    world.record("task", known, by)


def change_task(world: World, name: str, **changes: Any) -> None:
    """Change members of a task; an unknown name changes nothing."""
    tasks = world.data["scheduled_tasks"]
    known = next((n for n in tasks if n.lower() == name.lower()), None)
    if known is not None:
        world.data["scheduled_tasks"] = {**tasks, known: {**tasks[known], **changes}}
        world.generation += 1


def remove_task(world: World, name: str, *, by: str) -> None:
    """Delete a task; a running instance goes on."""
    tasks = world.data["scheduled_tasks"]
    kept = {n: t for n, t in tasks.items() if n.lower() != name.lower()}
    if len(kept) != len(tasks):
        world.data["scheduled_tasks"] = kept
        world.record("task", name, by)


def due_tasks(world: World) -> list[str]:
    """Return the tasks that Windows would start now."""
    return [name for name, task in world.data["scheduled_tasks"].items() if task["due"]]


def put_process(world: World, process: dict[str, Any]) -> None:
    """Add a process, or replace the one with its id."""
    others = [p for p in world.data["processes"] if not _is(p, process["id"])]
    world.data["processes"] = [*others, process]
    world.generation += 1


def end_process(world: World, number: int) -> None:
    """Remove a process by its id."""
    world.data["processes"] = [p for p in world.data["processes"] if not _is(p, number)]
    world.generation += 1


def process(world: World, number: int | None) -> dict[str, Any] | None:
    """Return the process with this id, of those that the world lists with one."""
    return next((p for p in world.data["processes"] if number and _is(p, number)), None)


def _is(entry: Any, number: int) -> bool:
    return isinstance(entry, dict) and entry.get("id") == number
