# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update may change, its record, and start types from it, as the scripts do."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from ..context import Context, stamp
from ..core.lock import read as read_lock
from ..core.state import BY, state_folder
from ..errors import OperationError, PartError, thrown
from ..facts.exchange import exchange
from ..facts.iis import iis
from ..facts.services import services as service_facts
from ..frame import encode
from ..mitigations.record import read_file
from ..mitigations.services import as_wanted, by_rank, key, put, read, set_start_type
from ..mitigations.text import read as read_text
from ..mitigations.text import sha256
from ..registry import operation
from .evidence import components, versions

if TYPE_CHECKING:
    from ....world.world import World
    from ..registry import Given, Result

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}\Z")
_INSTALLERS = ("msiexec", "exsetup", "exsetupui", "setup", "exchange*-kb*", "tiworker", "wusa")
_LOGS = "C:\\ExchangeSetupLogs"


def _update(given: Given) -> str:
    """Return the name of the update that is meant; raises RequestInvalid."""
    name: str = given["update"]
    if not _NAME.match(name):
        message = "update is a short name of lower-case letters, digits, dots and dashes"
        raise OperationError("RequestInvalid", message, identity="Update")
    return name


def _services(context: Context) -> list[dict[str, Any]]:
    found = service_facts(context)
    if not context.world.data["services"]:
        raise thrown("no service could be read")
    return [
        {
            "name": row["name"],
            "status": row["status"],
            "start_type": row["start_type"],
            "delayed": context.number(key(row["name"]), "DelayedAutostart"),
        }
        for row in found
    ]


def _applications(sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "site": site["name"],
            **{name: row[name] for name in ("path", "physical_path", "app_pool")},
        }
        for site in sites
        for row in site["applications"]
    ]


def _web_configs(context: Context, applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in applications:
        if not row["physical_path"]:
            continue
        path = row["physical_path"].rstrip("\\") + "\\web.config"
        if path.lower() not in found:
            context.require_drive(path)
            digest = sha256(read_text(context.world, path))
            found[path.lower()] = {"path": path, "sha256": digest}
    return [row for row in found.values() if row["sha256"]]


def _binaries(
    context: Context, fact: dict[str, Any] | None, names: list[Any]
) -> list[dict[str, Any]]:
    if not fact or not fact["install_path"]:
        raise thrown("the install path is not known")
    found = []
    for name in names:
        path = f"{fact['install_path'].rstrip(chr(92))}\\{name}"
        entry = context.world.file(path)
        if entry is not None:
            version = str((entry.get("version") or {}).get("file") or "").strip()
            found.append({"path": path, "file_version": version or None})
    return found


def _installers(context: Context) -> list[dict[str, Any]]:
    listed = context.world.data["processes"]
    names = {str(p["name"] if isinstance(p, dict) else p) for p in listed}
    found = [n for n in names if any(fnmatch(n.lower(), known) for known in _INSTALLERS)]
    return [{"name": name} for name in sorted(found, key=str.upper)]


def _service_cache(context: Context) -> list[dict[str, Any]]:
    names = [name for name, _ in context.world.children(_LOGS)]
    found = [name for name in names if fnmatch(name.lower(), "service*.xml")]
    return [{"path": f"{_LOGS}\\{name}"} for name in sorted(found, key=str.upper)]


def _state(context: Context, binaries: list[Any]) -> dict[str, Any]:
    state: dict[str, Any] = {"services": context.part("services", lambda: _services(context))}
    web = context.part("app_pools", lambda: iis(context))
    state |= dict.fromkeys(("app_pools", "applications", "web_configs"))
    if web:
        state["app_pools"] = web["app_pools"]
        applications = state["applications"] = _applications(web["sites"])
        state["web_configs"] = context.part(
            "web_configs", lambda: _web_configs(context, applications)
        )
    fact = context.part("exchange", lambda: exchange(context))
    state["binaries"] = context.part("binaries", lambda: _binaries(context, fact, binaries))
    state["versions"] = context.part("versions", lambda: versions(context, fact))
    state["components"] = context.part("components", lambda: components(context, fact))
    state["installers"] = context.part("installers", lambda: _installers(context))
    state["service_cache"] = context.part("service_cache", lambda: _service_cache(context))
    return state


def _path(world: World, update: str, *, create: bool = False) -> str | None:
    folder = state_folder(world, "updates", create=create)
    return f"{folder}\\{update}.json" if folder else None


def _record(world: World, update: str) -> dict[str, Any] | None:
    path = _path(world, update)
    return read_file(world, path) if path else None


def _begun(world: World) -> list[str]:
    folder = state_folder(world, "updates")
    names = [name for name, _ in world.children(folder)] if folder else []
    found = [name.removesuffix(".json") for name in names if name.endswith(".json")]
    return sorted((name for name in found if _NAME.match(name)), key=str.upper)


@operation("Get-UpdateSnapshot")
def get_snapshot(context: Context, given: Given) -> Result:
    """Read the present state and the record."""
    update = _update(given)
    return {
        "now": _state(context, given["binaries"]),
        "recorded": _record(context.world, update),
        "begun": _begun(context.world),
        "lock": read_lock(context.world),
    }


@operation("Save-UpdateSnapshot")
def save_snapshot(context: Context, given: Given) -> Result:
    """Record the present state unless there is a record."""
    world = context.world
    update = _update(given)
    record = _record(world, update)
    changed = record is None
    if record is None:
        now = stamp(world.clock())
        state = _state(context, given["binaries"])
        record = {"schema": 1, "update": update, "recorded": now}
        record |= {"notes": given["notes"], "state": state}
        if not state["services"]:
            message = "the services could not be read, so there is nothing that could be restored"
            raise OperationError("ScriptFailed", message, identity="SnapshotIncomplete")
        if not given["check"]:
            world.write_text(str(_path(world, update, create=True)), encode(record), by=BY)
    return {"changed": changed, "record": record}


@operation("Remove-UpdateSnapshot")
def remove_snapshot(context: Context, given: Given) -> Result:
    """Delete the record."""
    update = _update(given)
    path = _path(context.world, update)
    changed = path is not None and context.world.file(path) is not None
    if changed and not given["check"]:
        context.world.delete_file(str(path), by=BY)
    return {"changed": changed}


@operation("Restore-ServiceStartTypes")
def restore_start_types(context: Context, given: Given) -> Result:
    """Give services the start types of the record, and start those that ran."""
    update, check = _update(given), given["check"]
    record = _record(context.world, update)
    if record is None:
        message = f"there is no record of the state before {update} on this host"
        raise OperationError("RequestInvalid", message, identity="SnapshotMissing")
    plan = _restore_plan(context, record["state"]["services"])
    if not check:
        for act in (set_start_type, put):
            for _, wanted in plan:
                try:
                    act(context, wanted["name"], wanted)
                except PartError as error:
                    context.report(f"services.{wanted['name']}", error)
    after = [wanted if check else read(context, now["name"]) or now for now, wanted in plan]
    return {
        "changed": bool(plan),
        "before": [_shown(now) for now, _ in plan],
        "after": [_shown(row) for row in after],
        "wrong": [
            row["name"]
            for row, (_, wanted) in zip(after, plan, strict=True)
            if not as_wanted(row, wanted)
        ],
    }


def _restore_plan(
    context: Context, rows: list[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    plan = []
    for row in by_rank(rows, lambda item: str(item["name"]), back=True):
        now = read(context, row["name"])
        if now is None:
            continue
        status = now["status"]
        if row["status"] == "Running" and str(row["start_type"]).startswith("Automatic"):
            status = "Running"
        if (row["status"], row["start_type"]) == ("Stopped", "Disabled"):
            status = "Stopped"
        wanted = {**row, "name": now["name"], "status": status}
        if not as_wanted(now, wanted):
            plan.append((now, wanted))
    return plan


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("name", "status", "start_type")}
