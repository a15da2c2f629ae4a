# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about services and anti-malware."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import Context

_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_START = {0: "Boot", 1: "System", 2: "Automatic", 3: "Manual", 4: "Disabled"}
_WANTED = {
    "mscomplianceaudit",
    "hostcontrollerservice",
    "w3svc",
    "was",
    "iisadmin",
    "apphostsvc",
    "winrm",
    "clussvc",
    "winmgmt",
    "fms",
    "searchexchangetracing",
}
ANTIMALWARE = {
    "WinDefend": "Microsoft Defender Antivirus",
    "MsMpSvc": "Microsoft Security Essentials / System Center Endpoint Protection",
}


def start_type(context: Context, service: str) -> str | None:
    """Return the start type from the registry."""
    code = context.number(f"{_SERVICES}\\{service}", "Start")
    delayed = context.number(f"{_SERVICES}\\{service}", "DelayedAutostart")
    name = _START.get(-1 if code is None else code)
    return "AutomaticDelayed" if name == "Automatic" and delayed == 1 else name


def services(context: Context) -> list[dict[str, Any]]:
    """List what matters to Exchange, by name."""
    found = []
    for name, entry in context.world.data["services"].items():
        if name.lower().startswith("msexchange") or name.lower() in _WANTED:
            image = context.world.value(f"{_SERVICES}\\{name}", "ImagePath")
            found.append(
                {
                    "name": name,
                    "status": entry["status"],
                    "start_type": start_type(context, name),
                    "image_path": image,
                }
            )
    return sorted(found, key=lambda item: str(item["name"]).lower())


def antimalware(context: Context) -> list[dict[str, Any]]:
    """List known anti-malware services that are registered."""
    found = []
    for service, product in ANTIMALWARE.items():
        entry = context.world.service(service)
        if entry is not None:
            found.append(
                {
                    "product": product,
                    "service": service,
                    "status": entry["status"],
                    "start_type": start_type(context, service),
                }
            )
    return found
