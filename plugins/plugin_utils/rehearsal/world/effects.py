# SPDX-License-Identifier: GPL-3.0-or-later
"""What a program leaves behind on a simulated host, and which rule says how it behaves.

Rules stand in the world's ``programs``::

    {"match": "KB5000871",            # in the command line, case ignored; * and ? if there are any
     "times": 1,                      # for its first launches only; none: for all
     "behaviour": {"duration_seconds": 600, "exit_code": 3010, "output": "...", "effects": [...],
                   "busy_seconds": 590, "hang": false, "reboots": false}}

``busy_seconds``: how long it uses the processor (default: all the time; 0 = waits for a dialog).
``hang``: it never ends (the PowerShell engine leaves it after ``watched_seconds``, 7200).
``%SourceDir%`` in an effect is the folder of the MSI on the command line, ``%JobOutput%`` the folder
to which a job lets its program write. An effect ``file`` has ``text``, and if it is another than
UTF-8 its ``encoding``; ``append``: behind what is there.
``reboots``: instead of ending it restarts Windows. ``refused``: the text with which Windows does
not start it.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from ...base.errors import ConfigError
from .file_bytes import content, put_bytes

if TYPE_CHECKING:
    from .world import World

SESSION = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Session Manager"
SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_SOURCE, _OUTPUT = "%SourceDir%", "%JobOutput%"
_MSI = re.compile(r'([A-Za-z]:\\[^":*?<>|]*\\)[^":*?<>|\\]+\.msi\b', re.IGNORECASE)
_JOB = re.compile(
    r"([A-Za-z]:\\[^\":*?<>|]*\\jobs\\[a-z0-9-]+)\\(?:output|launch\.ps1)\b", re.IGNORECASE
)
DEFAULT: dict[str, Any] = {"duration_seconds": 5, "exit_code": 0}


def apply(world: World, effects: list[dict[str, Any]], *, by: str) -> None:
    """Apply effects in order; raises `ConfigError` for one that nobody knows."""
    for effect in effects:
        kind = str(effect.get("kind"))
        act = _EFFECTS.get(kind)
        if act is None:
            known = ", ".join(sorted(_EFFECTS))
            raise ConfigError(f"a simulated program has no effect {kind!r}; known are {known}")
        act(world, effect, by)


def rule_for(world: World, command_line: str) -> int | None:
    """Return the position of the first rule that fits and is not used up."""
    for position, rule in enumerate(world.data["programs"]):
        limit = rule.get("times")
        if limit is not None and rule.get("launched", 0) >= limit:
            continue
        pattern = str(rule["match"]).lower()
        if not set("*?") & set(pattern):
            pattern = f"*{pattern}*"
        if fnmatch(command_line.lower(), pattern):
            return position
    return None


def refusal(world: World, command_line: str) -> str | None:
    """Return why Windows does not start the program, if a rule says so."""
    position = rule_for(world, command_line)
    if position is None:
        return None
    found = world.data["programs"][position].get("behaviour", {}).get("refused")
    return None if found is None else str(found)


def launched(world: World, command_line: str, *, by: str) -> dict[str, Any]:
    """Note a launch in the mutation log and return the behaviour of the program."""
    position = rule_for(world, command_line)
    world.record("program", command_line, by)
    if position is None:
        return dict(DEFAULT)
    rules = list(world.data["programs"])
    rules[position] = {**rules[position], "launched": rules[position].get("launched", 0) + 1}
    world.data["programs"] = rules
    return {**DEFAULT, **_placed(rules[position].get("behaviour", {}), command_line)}


def _placed(behaviour: dict[str, Any], command_line: str) -> dict[str, Any]:
    """Put what the command line says in the place of ``%SourceDir%`` and ``%JobOutput%``."""
    source, job = _MSI.search(command_line), _JOB.search(command_line)
    places = {}
    if source is not None:
        places[_SOURCE] = source[1]  # as Windows Installer records it
    if job is not None:
        places[_OUTPUT] = f"{job[1]}\\output"
    if not places or "effects" not in behaviour:
        return behaviour
    effects = [
        {k: _put(v, places) if isinstance(v, str) else v for k, v in effect.items()}
        for effect in behaviour["effects"]
    ]
    return {**behaviour, "effects": effects}


def _put(text: str, places: dict[str, str]) -> str:
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def _file(world: World, effect: dict[str, Any], by: str) -> None:
    path, text = effect["path"], str(effect.get("text", ""))
    encoding = effect.get("encoding")
    if encoding is None and not effect.get("append"):
        world.write_text(path, text, by=by)
        return
    known = world.file(path) if effect.get("append") else None
    old = content(known) if known else b""
    mark = b"\xff\xfe" if encoding == "utf-16" and not old else b""
    name = {"utf-16": "utf-16-le"}.get(str(encoding), str(encoding or "utf-8"))
    data = old + mark + text.encode(name)
    put_bytes(world, path, data, by=by)


def _file_version(world: World, effect: dict[str, Any], by: str) -> None:
    entry = world.file(effect["path"]) or {"size": 1000}
    version = effect["version"]
    known = {"file": version, "product": version} if isinstance(version, str) else version
    world.put_file(effect["path"], {**entry, "version": known}, by=by)


def _build(world: World, effect: dict[str, Any], by: str) -> None:
    """Give the files of a folder that have a version another one: what a whole update does."""
    for name, entry in world.children(effect["folder"]):
        if entry.get("version") and name not in effect.get("except", ()):
            path = f"{effect['folder']}\\{name}"
            _file_version(world, {"path": path, "version": effect["version"]}, by)


def _delete_file(world: World, effect: dict[str, Any], by: str) -> None:
    world.delete_file(effect["path"], by=by)


def _registry(world: World, effect: dict[str, Any], by: str) -> None:
    kind = effect.get("type", "String")
    world.set_value(effect["key"], effect["name"], kind, effect["value"], by=by)


def _delete_registry(world: World, effect: dict[str, Any], by: str) -> None:
    if "name" in effect:
        world.delete_value(effect["key"], effect["name"], by=by)
    else:
        world.delete_key(effect["key"], by=by)


def _service(world: World, effect: dict[str, Any], by: str) -> None:
    if "start" in effect:
        world.set_value(f"{SERVICES}\\{effect['name']}", "Start", "DWord", effect["start"], by=by)
    if "status" in effect:
        world.set_service_status(effect["name"], effect["status"], by=by)


def _app_pool(world: World, effect: dict[str, Any], by: str) -> None:
    world.set_iis_state("app_pools", effect["name"], effect["state"], by=by)


def _pending_reboot(world: World, effect: dict[str, Any], by: str) -> None:
    entries = effect.get("entries", ["\\??\\C:\\Config.Msi\\1.rbf", ""])
    world.set_value(SESSION, "PendingFileRenameOperations", "MultiString", entries, by=by)


def _at_boot(world: World, effect: dict[str, Any], by: str) -> None:
    world.data["boot_effects"] = [*world.data["boot_effects"], *effect["effects"]]
    world.record("boot-effects", str(len(effect["effects"])), by)


_EFFECTS = {
    "app-pool": _app_pool,
    "at-boot": _at_boot,
    "build": _build,
    "delete-file": _delete_file,
    "delete-registry": _delete_registry,
    "file": _file,
    "file-version": _file_version,
    "pending-reboot": _pending_reboot,
    "registry": _registry,
    "service": _service,
}
