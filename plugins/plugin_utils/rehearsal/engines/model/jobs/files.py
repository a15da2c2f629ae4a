# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a host job in the model: where they are, what they say, what that means now."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ....world import machine
from ..context import stamp
from ..core.lock import installer_running, other_boot
from ..core.state import BY, state_folder
from ..errors import OperationError
from ..frame import boot_id, encode

if TYPE_CHECKING:
    from datetime import datetime

    from ....world.world import World

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
ACTIVE = ("running", "stalled", "deadline")
_BLOCK = 1 << 20


def assert_name(job: str) -> str:
    """Return the name of a job; raises RequestInvalid when it is none."""
    if not _NAME.match(job):
        message = f"the job's name '{job}' is not of a-z, 0-9 and -, 64 at most"
        raise OperationError("RequestInvalid", message, identity="Job")
    return job


def folder_of(world: World, job: str, *, create: bool = False) -> str | None:
    """Return the trusted folder of a job; ``None`` when it is not there and not created."""
    if state_folder(world, "jobs", create=create) is None:
        return None
    return state_folder(world, f"jobs\\{job}", create=create)


def read(world: World, folder: str, name: str) -> dict[str, Any] | None:
    """Return ``job.json`` or ``state.json``; ``None`` when there is none."""
    text = world.text(f"{folder}\\{name}")
    if text is None:
        return None
    try:
        found = json.loads(text)
        found["job"]
    except (ValueError, KeyError, TypeError) as error:
        message = (
            f"{name} in {folder} is damaged; what the job did is not known. "
            "Keep the folder as evidence"
        )
        raise OperationError("ScriptFailed", message, identity="JobDamaged") from error
    return dict(found)


def write_state(world: World, folder: str, state: dict[str, Any], at: datetime) -> None:
    """Write the state with a heartbeat."""
    state["heartbeat"] = stamp(at)
    world.write_text(f"{folder}\\state.json", encode(state), by=BY)


def view(world: World, folder: str) -> dict[str, Any] | None:
    """Return the state as it is now: a runner that is gone cannot say so itself."""
    state = read(world, folder, "state.json")
    if state is None:
        return None
    state["program_running"] = False
    if state["state"] not in ACTIVE:
        return state
    if other_boot(state["boot_id"], boot_id(world)):
        if state["relaunch_after_reboot"]:
            return {**state, "reason": "awaiting-relaunch"}
        return {**state, "state": "interrupted", "reason": "reboot"}
    state["program_running"] = _alive(world, state["pid"], state["program_started"])
    if not _alive(world, state["runner_pid"], state["runner_started"]):
        state |= {"state": "interrupted", "reason": "runner"}
    return state


def is_active(state: dict[str, Any] | None) -> bool:
    """Tell whether something of the job is at work, or about to be."""
    return state is not None and (
        bool(state["program_running"]) or state["state"] in ("staged", *ACTIVE)
    )


def assert_none_active(world: World, besides: str | None = None) -> None:
    """Raise Locked while another job is at work."""
    parent = state_folder(world, "jobs")
    for name, entry in world.children(parent) if parent else ():
        if name == besides or not entry.get("directory") or not _NAME.match(name):
            continue
        folder = str(folder_of(world, name))
        state = view(world, folder)
        if state is None or not is_active(state):
            continue
        job = read(world, folder, "job.json") or {}
        leaf = str(job["file"]).rpartition("\\")[2]
        raise OperationError(
            "Locked",
            f"locked by job '{name}' of '{job['owner']}' since {job['created']}, "
            f"state {state['state']}, for: {leaf}",
            identity="JobActive",
            details={
                "owner": job["owner"],
                "run": None,
                "purpose": f"job {name}",
                "acquired": job["created"],
                "renewed": state["heartbeat"],
            },
        )


def assert_idle(world: World) -> None:
    """Raise Locked while a job or an installer is at work."""
    assert_none_active(world)
    if installer_running(world):
        message = "an installer is at work; it is not interrupted. Wait for it"
        raise OperationError("Locked", message, identity="InstallerRunning")


def _alive(world: World, number: int | None, started: str | None) -> bool:
    found = machine.process(world, number)
    return found is not None and found["started"] == started


def sha256_of(world: World, path: str) -> str | None:
    """Return the hash of a file's bytes; ``None`` when there is no such file."""
    entry = world.file(path)
    if entry is None or entry.get("directory"):
        return None
    if "sha256" in entry:
        return str(entry["sha256"])
    if "data" in entry:
        return hashlib.sha256(base64.b64decode(entry["data"])).hexdigest()
    if "text" in entry:
        return hashlib.sha256(str(entry["text"]).encode("utf-8", "surrogatepass")).hexdigest()
    return _sha256_of_zeros(int(entry.get("size") or 0))


@lru_cache(maxsize=64)
def _sha256_of_zeros(size: int) -> str:
    digest = hashlib.sha256()
    for _ in range(size // _BLOCK):
        digest.update(bytes(_BLOCK))
    digest.update(bytes(size % _BLOCK))
    return digest.hexdigest()
