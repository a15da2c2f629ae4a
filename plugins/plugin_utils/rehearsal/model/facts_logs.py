# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about log folders and event logs: how far back, how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .configuration import attribute, children
from .context import expand, stamp_text
from .errors import PartError
from .facts_exchange import install_path
from .facts_iis import application_host

if TYPE_CHECKING:
    from .context import Context

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
_EVENT_LOGS = ("Application", "MSExchange Management", "System", "Security")
_MAXIMUM = 50_000


def logs(context: Context) -> list[dict[str, Any]]:
    """List the log folders with their oldest and newest file."""
    folders: list[tuple[str, str]] = []
    root = install_path(context)
    if (
        root
        and context.world.key("HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup") is not None
    ):
        base = f"{root.rstrip(chr(92))}\\Logging\\"
        folders += [(f"httpproxy/{n.lower()}", f"{base}HttpProxy\\{n}") for n in _HTTP_PROXY]
        folders += [("ecp-server", f"{base}ECP\\Server")]
        folders += [("oabgenerator", f"{base}OABGeneratorLog")]
    for number, folder in iis_log_roots(context).items():
        folders.append((f"iis/{number}", f"{folder}\\W3SVC{number}"))
    return [_folder(context, name, path) for name, path in folders]


def _folder(context: Context, name: str, path: str) -> dict[str, Any]:
    files = [entry for _, entry in context.world.children(path) if not entry.get("directory")][
        :_MAXIMUM
    ]
    times = sorted(entry["mtime"] for entry in files)
    return {
        "id": name,
        "path": path,
        "exists": context.world.is_directory(path),
        "oldest": stamp_text(times[0]) if times else None,
        "newest": stamp_text(times[-1]) if times else None,
        "files": len(files),
        "bytes": sum(_size(entry) for entry in files),
        "truncated": False,
    }


def _size(entry: dict[str, Any]) -> int:
    text = entry.get("text")
    return int(entry.get("size", 0)) if text is None else len(text.encode("utf-8", "replace"))


def iis_log_roots(context: Context) -> dict[int, str]:
    """Return the folder that each site's log folder lies in; empty when unreadable."""
    try:
        root = application_host(context)
    except PartError:
        return {}
    if root is None:
        return {}
    host = root.find("system.applicationHost")
    default = next(children(host, "sites", "siteDefaults", "logFile"), None)
    fallback = "%SystemDrive%\\inetpub\\logs\\LogFiles"
    common = fallback if default is None else attribute(default, "directory", fallback)
    found = {}
    for site in children(host, "sites", "site"):
        own = next(children(site, "logFile"), None)
        folder = common if own is None else attribute(own, "directory", common)
        found[int(attribute(site, "id", "0"))] = expand(folder).rstrip("\\")
    return found


def event_logs(context: Context) -> list[dict[str, Any]]:
    """List the event logs that matter."""
    found = []
    for name in _EVENT_LOGS:
        entry = context.world.data["event_logs"].get(name)
        if entry is not None:
            found.append(
                {
                    "name": name,
                    "enabled": entry["enabled"],
                    "oldest": stamp_text(entry["oldest"]),
                    "newest": stamp_text(entry["newest"]),
                    "records": entry["records"],
                    "max_bytes": entry["max_bytes"],
                }
            )
    return found
