# SPDX-License-Identifier: GPL-3.0-or-later
"""Host jobs in the model: Start-HostJob, Get-HostJob, Remove-HostJob, Restart-Host."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from ....world import machine
from ..context import stamp, stamp_text
from ..core.lock import read as read_lock
from ..core.state import BY
from ..errors import OperationError
from ..frame import boot_id, encode
from ..registry import operation
from .files import (
    assert_idle,
    assert_name,
    assert_none_active,
    folder_of,
    is_active,
    read,
    view,
    write_state,
)
from .image import assert_support, is_image
from .runner import task_name

if TYPE_CHECKING:
    from ....world.world import World
    from ..context import Context
    from ..registry import Given, Result

_FILE = re.compile(r'[a-z]:\\[^"*?<>|]+\.(?:exe|iso|msi|msp|ps1)\Z', re.IGNORECASE)
_BAD_FILE = re.compile(r"\\\.\.\\|[\x00-\x1f]")
_DEADLINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z\Z", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_ORDER = (
    "job",
    "kind",
    "file",
    "arguments",
    "sha256",
    "deadline_utc",
    "progress_paths",
    "progress_timeout_seconds",
    "output_cap_bytes",
    "relaunch_after_reboot",
    "low_priority",
)
_OBJECTS = "proxylogon-objects"
# What a job has before its program runs.
_FRESH: dict[str, Any] = dict.fromkeys(
    (
        *("reason", "message", "started", "heartbeat", "progress", "finished", "exit_code"),
        *("image", "pid", "program_started", "runner_pid", "runner_started", "sha256_at_launch"),
    )
)


@operation("Start-HostJob")
def start(context: Context, given: Given) -> Result:
    """Stage a job and its task; a job of the same name and order is that job."""
    world = context.world
    order: dict[str, Any] = {"schema": 1} | {name: given[name] for name in _ORDER}
    assert_name(order["job"])
    _check_order(order)
    before = _known(world, order)
    if before is not None and before["state"] != "staged":
        return {"changed": False, "before": before, "after": before}
    if world.file(order["file"]) is None:
        raise _invalid("FileMissing", f"the file {order['file']} does not exist")
    if is_image(order["file"]):
        assert_support(world)
    assert_none_active(world, order["job"])
    after: dict[str, Any] | None = {"job": order["job"], "state": "staged"}
    if not given["check"]:
        after = _stage(world, order, before)
    return {"changed": True, "before": before, "after": after}


@operation("Get-HostJob")
def get(context: Context, given: Given) -> Result:
    """Tell what a job does now."""
    world = context.world
    job, offset, limit = given["job"], given["output_offset"], given["output_limit"]
    folder = folder_of(world, assert_name(job))
    state = view(world, folder) if folder else None
    if folder is None or state is None:
        return {"job": job, "state": "absent"}
    if limit > 0:
        output = (world.text(f"{folder}\\output.log") or "").encode()
        state["output"] = base64.b64encode(output[offset : offset + limit]).decode()
    return state


@operation("Remove-HostJob")
def remove(context: Context, given: Given) -> Result:
    """Remove task and folder of a job that is not at work."""
    world = context.world
    job = assert_name(given["job"])
    absent = {"job": job, "state": "absent"}
    folder = folder_of(world, job)
    if folder is None:
        return {"changed": False, "before": absent, "after": absent}
    before = view(world, folder)
    if before and before["state"] != "staged" and is_active(before):
        message = (
            f"job '{job}' is at work (state {before['state']}, program {before['pid']}); "
            "it is not ended. Wait for it"
        )
        raise OperationError("Locked", message, identity="JobActive", details=before)
    if not given["check"]:
        machine.remove_task(world, task_name(job), by=BY)
        world.delete_file(folder, by=BY)
    return {"changed": True, "before": before, "after": absent}


@operation("Restart-Host")
def restart(context: Context, given: Given) -> Result:
    """Plan a restart of Windows."""
    world, delay = context.world, given["delay_seconds"]
    assert_idle(world)
    scheduled = not given["check"] and not machine.plan_restart(world, delay, by=BY)
    return {
        "changed": not scheduled,
        "scheduled": scheduled,
        "boot_id": boot_id(world),
        "delay_seconds": delay,
    }


def _invalid(identity: str, message: str) -> OperationError:
    return OperationError("RequestInvalid", message, identity=identity)


def _check_order(order: dict[str, Any]) -> None:
    order["sha256"] = order["sha256"].lower()
    if not _SHA256.match(order["sha256"]):
        raise _invalid("Sha256", f"'{order['sha256']}' is not a SHA-256")
    if not _FILE.match(order["file"]) or _BAD_FILE.search(order["file"]):
        raise _invalid(
            "File",
            f"'{order['file']}' is not the full path of an .exe, .iso, .msi, .msp or .ps1 "
            "on a drive of the host",
        )
    if not _DEADLINE.match(order["deadline_utc"]):
        raise _invalid(
            "DeadlineUtc", f"'{order['deadline_utc']}' is not a UTC time (2021-03-05T10:00:00Z)"
        )
    order["deadline_utc"] = stamp_text(order["deadline_utc"])
    # As -eq and -notmatch do, case is ignored.
    objects = order["kind"].casefold() == _OBJECTS
    if objects and (not order["file"].lower().endswith(".ps1") or order["arguments"]):
        raise _invalid(
            "Kind", f"a job of the kind '{order['kind']}' is a .ps1 and takes no arguments"
        )


def _known(world: World, order: dict[str, Any]) -> dict[str, Any] | None:
    folder = folder_of(world, order["job"])
    known = read(world, folder, "job.json") if folder else None
    state = view(world, folder) if folder else None
    if known is None or state is None:
        return None
    for name, wanted in order.items():
        if known.get(name, False) != wanted:
            raise _invalid(
                "JobConflict",
                f"job '{order['job']}' exists with another {name}; "
                "use another name, or remove it first",
            )
    return state


def _add_output(world: World, order: dict[str, Any], folder: str) -> None:
    """The folder that a program is told to write to, and the launcher that tells it."""
    objects = order["kind"].casefold() == _OBJECTS
    if not objects and not any("{output}" in word for word in order["arguments"]):
        return
    world.put_file(f"{folder}\\output", {"directory": True}, by=BY)
    if objects:
        world.write_text(f"{folder}\\launch.ps1", "", by=BY)


def _stage(
    world: World, order: dict[str, Any], before: dict[str, Any] | None
) -> dict[str, Any] | None:
    folder = str(folder_of(world, order["job"], create=True))
    if before is None:
        now = world.clock()
        _add_output(world, order, folder)
        world.write_text(f"{folder}\\runner.ps1", "", by=BY)
        holder = read_lock(world) or {}
        record = {**order, "owner": holder.get("owner"), "created": stamp(now)}
        world.write_text(f"{folder}\\job.json", encode(record), by=BY)
        state = {
            "schema": 1,
            "job": order["job"],
            "state": "staged",
            **_FRESH,
            "boot_id": boot_id(world),
            "attempt": 0,
            "output_bytes": 0,
            "was_stalled": False,
            "was_late": False,
            "missed_writes": 0,
            "relaunch_after_reboot": order["relaunch_after_reboot"],
        }
        write_state(world, folder, state, now)
    name = task_name(order["job"])
    if (world.service("Schedule") or {"status": "Running"})["status"] != "Running":
        world.delete_file(folder, by=BY)
        raise OperationError(
            "ScriptFailed",
            f"the Task Scheduler did not create the task {name} (exit code 1): "
            "ERROR: The RPC server is unavailable.",
            identity="TaskRefused",
        )
    machine.put_task(world, name, "", by=BY)
    machine.change_task(world, name, due=True)
    return view(world, folder)
