# SPDX-License-Identifier: GPL-3.0-or-later
"""From a short scenario entry to the whole world of one host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ..world.paths import file_path, parse_time, registry_path
from ..world.world import World
from .detection import add_detection
from .draft import Draft, computer_name
from .exchange import add_exchange
from .iis import add_iis
from .logs import add_logs, event_logs
from .mitigations import add_service_mitigations
from .os import add_windows, boot_id, drives, powershell, session
from .services import add_services


def build_world(spec: dict[str, Any], name: str = "EX01", *, at: datetime | None = None) -> World:
    """Expand a scenario entry (``rehearsal/scenario/scenario.schema.json``, ``hosts.*``) into a world.

    ``at`` is the controller's time that relative days (``logs_from: -30d``) count from; the
    host's own clock is ``now`` of the entry, or ``at`` plus ``clock_offset_seconds``. Same
    entry, name and ``at``: same world. Raises ``ConfigError`` naming what is wrong.
    """
    offset = int(spec.get("clock_offset_seconds", 0))
    fixed = spec.get("now")
    moment = parse_time(str(fixed)) if fixed else (at or datetime.now(UTC)).replace(microsecond=0)
    clock = moment + timedelta(seconds=0 if fixed else offset)
    draft = Draft(computer_name(spec, name), spec, clock)
    add_windows(draft)
    add_exchange(draft)
    add_services(draft)
    add_service_mitigations(draft)
    add_iis(draft)
    add_logs(draft)
    add_detection(draft)
    data: dict[str, Any] = {
        "name": draft.name,
        "domain": spec.get("domain", "rehearsal.example"),
        "now": str(fixed) if fixed else None,
        "clock_offset_seconds": offset,
        "boot_id": str(boot_id(draft)),
        "powershell": powershell(draft),
        "session": session(draft),
        "drives": drives(draft),
        "registry": draft.registry,
        "files": draft.files,
        "services": draft.services,
        "iis_runtime": draft.iis_runtime,
        "event_logs": event_logs(draft),
        "processes": list(spec.get("processes", [])),
        "programs": [*(dict(rule) for rule in spec.get("programs", [])), *draft.programs],
        "images": [dict(rule) for rule in spec.get("images", [])],
    }
    return World(_overridden(data, spec.get("override") or {}))


def _overridden(data: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """Apply raw entries: what no word of the scenario format says (hostile strings, oddities).

    ``null`` removes the value, the key, the file or the service.
    """
    registry = dict(data["registry"])
    for path, values in (override.get("registry") or {}).items():
        key = registry_path(path)
        if values is None:
            registry = {k: v for k, v in registry.items() if not _below(k, key)}
        else:
            known = next((k for k in registry if k.lower() == key.lower()), key)
            merged = {**registry.get(known, {}), **values}
            registry[known] = {k: v for k, v in merged.items() if v is not None}
    files = dict(data["files"])
    for path, entry in (override.get("files") or {}).items():
        spelled = file_path(path)
        if entry is None:
            files = {k: v for k, v in files.items() if not _below(k, spelled)}
        else:
            files[next((k for k in files if k.lower() == spelled.lower()), spelled)] = entry
    changed = {**data, "registry": registry, "files": files}
    for member in ("services", "iis_runtime", "event_logs"):
        merged = {**data[member], **(override.get(member) or {})}
        changed[member] = {k: v for k, v in merged.items() if v is not None}
    return changed


def _below(path: str, parent: str) -> bool:
    lowered, wanted = path.lower(), parent.lower()
    return lowered == wanted or lowered.startswith(wanted + "\\")
