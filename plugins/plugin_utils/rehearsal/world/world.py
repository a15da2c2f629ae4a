# SPDX-License-Identifier: GPL-3.0-or-later
"""What a simulated Windows host *is*: registry, files, services, IIS state, logs, clock.

One JSON-able document per host, read by the model engine directly and by the PowerShell
engine through its shims. Names are found as Windows finds them, whatever the case; every
change goes through a method that leaves a line in the mutation log and bumps ``generation``,
so a reader may remember what it worked out for one generation.

Entries (the dicts inside ``files`` and ``registry``) are shared between hosts and never
changed in place: a change puts a new entry.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from ...base.errors import ConfigError
from .paths import Tree, file_path, format_time, parse_time, registry_path

__all__ = ["EMPTY", "World", "file_path", "format_time", "parse_time", "registry_path"]

_MINUTES_A_DAY = 1440
_FIRST_BOOT = datetime(2021, 1, 1, tzinfo=UTC)  # before anything that assess asks about

# Every member of the document with the value of a host that lacks it.
EMPTY: dict[str, Any] = {
    "name": "HOST",
    "domain": "",
    "now": None,
    "clock_offset_seconds": 0,
    "boot_id": "1",
    "powershell": {},
    "session": {},
    "drives": {},
    "registry": {},
    "files": {},
    "services": {},
    "iis_runtime": {"sites": {}, "app_pools": {}},
    "event_logs": {},
    "processes": [],  # names, or {"name", "id", "started"}
    "scheduled_tasks": {},
    "programs": [],  # how started programs behave: effects.py
    "images": [],  # what is wrong with disk images: disk_images.py
    "attached_images": {},  # path -> drive letter, "" without one; gone with the next start
    "boot_effects": [],  # what the next start of Windows does
    "shutdown": None,  # {"at"}: a planned restart
    "mutations": [],
}


class World:
    """The document of one host, with Windows' rules of looking things up."""

    def __init__(self, data: dict[str, Any]) -> None:
        """Take over ``data``; members it lacks are filled in from ``EMPTY``."""
        unknown = sorted(set(data) - set(EMPTY))
        if unknown:
            raise ConfigError(
                f"a simulated host has no member {unknown[0]!r}; known are {', '.join(EMPTY)}"
            )
        self.data: dict[str, Any] = {**copy.deepcopy(EMPTY), **data}
        self.generation = 0
        self._registry: Tree | None = None
        self._files: Tree | None = None
        self._registry_keys: dict[str, dict[str, Any]] = {}
        self._file_keys: dict[str, dict[str, Any]] = {}
        self._file_names: dict[str, str] = {}  # as the document spells them

    # -- the whole ----------------------------------------------------------------------

    @property
    def name(self) -> str:
        return str(self.data["name"])

    def to_json(self) -> str:
        """Return the document as JSON; ASCII only, so that lone surrogates survive."""
        return json.dumps(self.data, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> World:
        """Read what ``to_json`` wrote."""
        return cls(json.loads(text))

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of the document that later changes do not reach."""
        return copy.deepcopy(self.data)

    def replace(self, data: dict[str, Any]) -> None:
        """Put another document in place: a snapshot, or what an engine left behind."""
        self.data = {**copy.deepcopy(EMPTY), **copy.deepcopy(data)}
        self._registry = self._files = None
        self.generation += 1

    def clock(self, real: datetime | None = None) -> datetime:
        """Read the host's own clock: the fixed time, or the real one plus its offset."""
        if self.data["now"]:
            return parse_time(self.data["now"])
        offset = timedelta(seconds=self.data["clock_offset_seconds"])
        return (real or datetime.now(UTC)) + offset

    def boot_time(self) -> datetime:
        """Return when the present boot session began: one moment for each ``boot_id``."""
        session = str(self.data["boot_id"])
        minutes = int(session) % _MINUTES_A_DAY if session.isdecimal() else 0
        return self.boot_day() + timedelta(minutes=minutes)

    def boot_day(self) -> datetime:
        """Return the day of the first boot; it stays when a fixed clock is moved past midnight."""
        kept = self.data.get("boot_day")
        if kept:
            return parse_time(kept)
        if not self.data["now"]:
            return _FIRST_BOOT
        midnight = parse_time(self.data["now"]).replace(hour=0, minute=0, second=0)
        return midnight.replace(microsecond=0) - timedelta(days=2)

    def record(self, kind: str, target: str, by: str) -> None:
        """Note a change in the mutation log; I9 tests read it."""
        self.data["mutations"].append({"kind": kind, "target": target, "by": by})
        self.generation += 1

    @property
    def mutations(self) -> list[dict[str, str]]:
        return list(self.data["mutations"])

    # -- registry -----------------------------------------------------------------------

    def _registry_tree(self) -> Tree:
        if self._registry is None:
            self._registry = Tree()
            self._registry_keys = {}
            for path, values in self.data["registry"].items():
                self._registry.add(registry_path(path))
                self._registry_keys[registry_path(path).lower()] = values
        return self._registry

    def key(self, path: str) -> dict[str, Any] | None:
        """Return the values of a registry key (name -> ``{type, value}``); ``None`` = no such key."""
        tree = self._registry_tree()
        wanted = registry_path(path).lower()
        return self._registry_keys.get(wanted, {}) if wanted in tree.spelled else None

    def value(self, path: str, name: str) -> Any:
        """Return the data of one registry value, or ``None`` when key or value is missing."""
        values = self.key(path) or {}
        if name in values:
            return values[name]["value"]
        wanted = name.lower()
        return next((v["value"] for k, v in values.items() if k.lower() == wanted), None)

    def subkeys(self, path: str) -> list[str]:
        """Names of the keys directly below, as the registry lists them: sorted."""
        tree = self._registry_tree()
        return sorted(tree.children.get(registry_path(path).lower(), {}).values(), key=str.upper)

    def set_value(self, path: str, name: str, kind: str, value: Any, *, by: str) -> None:
        """Write a registry value, with the key when it is missing."""
        tree = self._registry_tree()
        wanted = registry_path(path)
        tree.add(wanted)
        spelled = tree.spelled[wanted.lower()]
        values = dict(self._registry_keys.get(wanted.lower(), {}))
        found = next((k for k in values if k.lower() == name.lower()), name)
        values[found] = {"type": kind, "value": value}
        self._put_key(spelled, values)
        self.record("registry-value", f"{spelled}\\{found}", by)

    def _put_key(self, path: str, values: dict[str, Any]) -> None:
        known = next((k for k in self.data["registry"] if registry_path(k) == path), path)
        self.data["registry"] = {**self.data["registry"], known: values}
        self._registry_keys[path.lower()] = values

    def delete_value(self, path: str, name: str, *, by: str) -> None:
        """Remove a registry value; removing what is not there changes nothing."""
        values = self.key(path) or {}
        kept = {k: v for k, v in values.items() if k.lower() != name.lower()}
        if len(kept) != len(values):
            spelled = self._registry_tree().spelled[registry_path(path).lower()]
            self._put_key(spelled, kept)
            self.record("registry-value", f"{spelled}\\{name}", by)

    def delete_key(self, path: str, *, by: str) -> None:
        """Remove a registry key and everything below it."""
        gone = set(self._registry_tree().remove(registry_path(path)))
        if gone:
            kept = self.data["registry"].items()
            self.data["registry"] = {k: v for k, v in kept if registry_path(k).lower() not in gone}
            self._registry = None
            self.record("registry-key", registry_path(path), by)

    # -- files --------------------------------------------------------------------------

    def _file_tree(self) -> Tree:
        if self._files is None:
            self._files = Tree()
            self._file_keys, self._file_names = {}, {}
            for path, entry in self.data["files"].items():
                full = file_path(path)
                self._files.add(full)
                self._file_keys[full.lower()] = entry
                self._file_names[full.lower()] = path
            for drive in self.data["drives"]:
                self._files.add(f"{drive}:")
        return self._files

    def forget_file_index(self) -> None:
        """Drop what makes files quick to find; the next look builds it anew (1 ms, 0.1 MB)."""
        self._files = None
        self._file_keys, self._file_names = {}, {}

    def file(self, path: str) -> dict[str, Any] | None:
        """Return the entry at ``path``; folders that only hold something are plain directories."""
        wanted = file_path(path).rstrip("\\").lower()
        if wanted not in self._file_tree().spelled:
            return None
        return self._file_keys.get(wanted, {"directory": True})

    def is_directory(self, path: str) -> bool:
        entry = self.file(path)
        return entry is not None and bool(entry.get("directory"))

    def spelling(self, path: str) -> str | None:
        """Return the path as the host spells it."""
        return self._file_tree().spelled.get(file_path(path).rstrip("\\").lower())

    def children(self, path: str) -> list[tuple[str, dict[str, Any]]]:
        """List what lies directly in a folder, by name: ``(name, entry)``."""
        base = file_path(path).rstrip("\\").lower()
        names = self._file_tree().children.get(base, {})
        plain: dict[str, Any] = {"directory": True}
        return [(names[n], self._file_keys.get(f"{base}\\{n}", plain)) for n in sorted(names)]

    def text(self, path: str) -> str | None:
        """Return the text of a file, or ``None`` when there is no such file with text."""
        entry = self.file(path)
        found = None if entry is None else entry.get("text")
        return None if found is None else str(found)

    def put_file(self, path: str, entry: dict[str, Any], *, by: str) -> None:
        """Create or replace a file or folder entry."""
        tree = self._file_tree()
        tree.add(file_path(path).rstrip("\\"))
        spelled = tree.spelled[file_path(path).rstrip("\\").lower()]
        known = self._file_names.setdefault(spelled.lower(), spelled)
        self.data["files"] = {**self.data["files"], known: entry}
        self._file_keys[spelled.lower()] = entry
        self.record("file", spelled, by)

    def write_text(self, path: str, text: str, *, by: str) -> None:
        """Write a text file at the host's time."""
        self.put_file(path, {"text": text, "mtime": format_time(self.clock())}, by=by)

    def delete_file(self, path: str, *, by: str) -> None:
        """Remove a file, or a folder with everything in it."""
        gone = set(self._file_tree().remove(file_path(path).rstrip("\\")))
        if gone:
            kept = self.data["files"].items()
            self.data["files"] = {k: v for k, v in kept if file_path(k).lower() not in gone}
            self._files = None
            self.record("file", file_path(path), by)

    # -- services, runtime, boot --------------------------------------------------------

    def service(self, name: str) -> dict[str, Any] | None:
        """Return the runtime entry of a service, whatever the case of its name."""
        services: dict[str, dict[str, Any]] = self.data["services"]
        if name in services:
            return services[name]
        return next((v for k, v in services.items() if k.lower() == name.lower()), None)

    def set_service_status(self, name: str, status: str, *, by: str) -> None:
        """Move a service to another state."""
        known = next((k for k in self.data["services"] if k.lower() == name.lower()), None)
        if known is None:
            raise ConfigError(f"{self.name}: no service {name!r} to set to {status}")
        changed = {**self.data["services"][known], "status": status}
        self.data["services"] = {**self.data["services"], known: changed}
        self.record("service", known, by)

    def set_iis_state(self, kind: str, name: str, state: str, *, by: str) -> None:
        """Move a site (``sites``) or pool (``app_pools``) to another state."""
        runtime = self.data["iis_runtime"]
        self.data["iis_runtime"] = {**runtime, kind: {**runtime.get(kind, {}), name: state}}
        self.record("iis", f"{kind}/{name}", by)
