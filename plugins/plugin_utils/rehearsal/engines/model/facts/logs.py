# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about log folders and event logs: how far back, how much."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ..configuration import children, choice, configuration, flag, number, text
from ..context import expand, stamp_text
from ..errors import PartError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ..context import Context

_HTTP_PROXY = (
    "Autodiscover",
    "Eas",
    "Ecp",
    "Ews",
    "Mapi",
    "Oab",
    "Owa",
    "OwaCalendar",
    "PowerShell",
    "RpcHttp",
)
_EVENT_LOGS = ("Application", "MSExchange Management", "Security", "System")
_MEMBERS = ("enabled", "oldest", "newest", "records", "max_bytes")
_LIMIT = 20_000
_LOG_FILES = "%SystemDrive%\\inetpub\\logs\\LogFiles"


def logs(context: Context) -> list[dict[str, Any]]:
    """List the log folders with their oldest and newest file."""
    folders: dict[str, str] = {}
    if context.install_path:
        base = context.install_path.rstrip("\\") + "\\Logging"
        folders = {f"httpproxy/{n.lower()}": f"{base}\\HttpProxy\\{n}" for n in _HTTP_PROXY}
        folders["ecp-server"] = f"{base}\\ECP\\Server"
        folders["oabgenerator"] = f"{base}\\OABGeneratorLog"
    folders |= context.iis_logs
    rows = [
        context.part(f"logs.{name}", partial(_folder, context, name, path))
        for name, path in folders.items()
    ]
    return [row for row in rows if row is not None]


def _folder(context: Context, name: str, path: str) -> dict[str, Any]:
    context.require_drive(path)
    extension = ".ibl" if name == "iis/central-binary" else ".log"
    written = {"enabled": context.iis_logs_on[name]} if name.startswith("iis/") else {}
    listed = [
        entry
        for file, entry in context.world.children(path)
        if not entry.get("directory") and file.lower().endswith(extension)
    ]
    files = listed[:_LIMIT]
    times = sorted(entry["mtime"] for entry in files)
    return {
        "id": name,
        "path": path,
        "exists": context.world.is_directory(path),
        "oldest": stamp_text(times[0]) if times else None,
        "newest": stamp_text(times[-1]) if times else None,
        "files": len(files),
        "bytes": sum(_size(entry) for entry in files),
        "truncated": len(listed) > _LIMIT,
        **written,
    }


def _size(entry: dict[str, Any]) -> int:
    content = entry.get("text")
    if content is None:
        return int(entry.get("size", 0))
    return len(str(content).encode("utf-8", "replace"))


def iis_log_folders(context: Context) -> dict[str, str]:
    """Return ``iis/<site id>`` -> folder: the site's own, the defaults', the schema's.

    With one log of all sites, that alone; whether each is written goes into the context.
    """
    found: dict[str, str] = {}
    server = configuration(context)
    if server is None:
        return found
    silent = False
    for http in children(server.root, "system.webServer/httpLogging"):
        silent = flag(http, "dontLog", default=False)
    for log in children(server.root, "system.applicationHost/log"):
        central = _central(log)
        if central is not None:
            name, folder, enabled = central
            found[name] = f"{expand(folder).rstrip(chr(92))}\\W3SVC"
            context.iis_logs_on[name] = False if silent else enabled
            return found
    for sites in children(server.root, "system.applicationHost/sites"):
        common, writes = _LOG_FILES, True
        for log in children(sites, "siteDefaults/logFile"):
            common = text(log, "directory", common)
            writes = flag(log, "enabled", default=writes)
        for site in children(sites, "site"):
            folder, enabled = common, writes
            for log in children(site, "logFile"):
                folder = text(log, "directory", folder)
                enabled = flag(log, "enabled", default=enabled)
            key = number(site, "id")
            context.iis_logs_on[f"iis/{key}"] = enabled and not silent
            found[f"iis/{key}"] = f"{expand(folder).rstrip(chr(92))}\\W3SVC{key}"
    return found


def _central(log: Element) -> tuple[str, str, bool | None] | None:
    """Id, folder and whether it is on, of the one log of all sites."""
    mode = choice(log, "centralLogFileMode", ("Site", "CentralW3C", "CentralBinary"))
    if mode == "Site":
        return None
    binary = mode == "CentralBinary"
    folder, enabled = _LOG_FILES, None
    for file in children(log, "centralBinaryLogFile" if binary else "centralW3CLogFile"):
        folder = text(file, "directory", folder)
        if file.get("enabled") is not None:
            enabled = flag(file, "enabled", default=False)
    return ("iis/central-binary" if binary else "iis/central"), folder, enabled


def event_logs(context: Context) -> list[dict[str, Any]]:
    """List the event logs that matter; one that does not exist is left out."""
    known = {name.lower(): entry for name, entry in context.world.data["event_logs"].items()}
    return [
        _event_log(context, name, known[name.lower()])
        for name in _EVENT_LOGS
        if name.lower() in known
    ]


def _event_log(context: Context, name: str, entry: dict[str, Any]) -> dict[str, Any]:
    elevated = context.world.data["session"].get("elevated", True)
    if entry.get("denied") or (name == "Security" and not elevated):
        context.report(f"event_logs.{name}", _denied(name))
        return {"name": name, **dict.fromkeys(_MEMBERS)}
    some = bool(entry["records"])
    return {
        "name": name,
        "enabled": entry["enabled"],
        "oldest": stamp_text(entry["oldest"]) if some else None,
        "newest": stamp_text(entry["newest"]) if some else None,
        "records": entry["records"],
        "max_bytes": entry["max_bytes"],
    }


def _denied(name: str) -> PartError:
    return PartError(
        "System.Exception",
        "LogInfoUnavailable,Microsoft.PowerShell.Commands.GetWinEventCommand",
        f"To access the '{name}' log start PowerShell by using elevated user rights.  "
        "Error: Attempted to perform an unauthorized operation.",
    )
