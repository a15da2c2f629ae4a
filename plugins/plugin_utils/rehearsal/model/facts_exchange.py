# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about Exchange: where, which build, which roles, which updates, which DAG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .facts_services import start_type

if TYPE_CHECKING:
    from .context import Context

_MICROSOFT = "HKLM\\SOFTWARE\\Microsoft"
_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_KB = re.compile(r"KB\d{5,9}")
_COMPACT_DATE = re.compile(r"(\d{4})(\d\d)(\d\d)\Z")
_MSI = ("MsiProductMajor", "MsiProductMinor", "MsiBuildMajor", "MsiBuildMinor")
_ROLES = {
    "MailboxRole": "Mailbox",
    "ClientAccessRole": "ClientAccess",
    "HubTransportRole": "HubTransport",
    "UnifiedMessagingRole": "UnifiedMessaging",
    "EdgeTransportRole": "Edge",
    "AdminTools": "ManagementTools",
}
_NOT_INSTALLED: dict[str, Any] = {
    "installed": False,
    "registry_key": None,
    "install_path": None,
    "service_path": None,
    "exsetup": None,
    "registry_version": None,
    "roles": [],
    "services_value": None,
}


def setup_key(context: Context) -> str | None:
    """Return ``v15`` or ``v14``, whichever has a Setup key."""
    for key in ("v15", "v14"):
        if context.world.key(f"{_MICROSOFT}\\ExchangeServer\\{key}\\Setup") is not None:
            return key
    return None


def install_path(context: Context) -> str | None:
    """Return Exchange's root as the registry has it."""
    key = setup_key(context)
    path = f"{_MICROSOFT}\\ExchangeServer\\{key}\\Setup"
    return context.text(path, "MsiInstallPath") if key else None


def exchange(context: Context) -> dict[str, Any]:
    key = setup_key(context)
    if key is None:
        return dict(_NOT_INSTALLED)
    base = f"{_MICROSOFT}\\ExchangeServer\\{key}"
    parts = [context.number(f"{base}\\Setup", name) for name in _MSI]
    known = None not in parts
    return {
        "installed": True,
        "registry_key": key,
        "install_path": install_path(context),
        "service_path": _service_path(context),
        "exsetup": _exsetup(context),
        "registry_version": ".".join(map(str, parts)) if known else None,
        "roles": [
            name
            for role, name in _ROLES.items()
            if context.world.key(f"{base}\\{role}") is not None
        ],
        "services_value": context.text(f"{base}\\Setup", "Services") is not None,
    }


def _service_path(context: Context) -> dict[str, str] | None:
    for service in ("MSExchangeADTopology", "MSExchangeServiceHost", "MSExchangeTransport"):
        image = context.text(f"{_SERVICES}\\{service}", "ImagePath")
        found = re.match(r'"?(.*?\\)bin\\', image or "", re.IGNORECASE)
        if found:
            return {"service": service, "install_path": found.group(1)}
    return None


def _exsetup(context: Context) -> dict[str, str] | None:
    root = install_path(context)
    path = f"{(root or '').rstrip(chr(92))}\\Bin\\ExSetup.exe"
    entry = context.world.file(path) if root else None
    if entry is None or "version" not in entry:
        return None
    version = entry["version"]
    return {"path": path, "file_version": version["file"], "product_version": version["product"]}


def dag(context: Context) -> dict[str, Any]:
    service = context.world.service("ClusSvc")
    state = None
    if service is not None:
        state = {"status": service["status"], "start_type": start_type(context, "ClusSvc")}
    return {"name": context.text("HKLM\\Cluster", "ClusterName"), "cluster_service": state}


def updates(context: Context) -> list[dict[str, Any]]:
    """List installed Exchange updates of the updates keys and the Uninstall list, both views."""
    found = []
    for view, node in (("64", ""), ("32", "WOW6432Node\\")):
        root = f"HKLM\\SOFTWARE\\{node}Microsoft"
        for product in context.world.subkeys(f"{root}\\Updates"):
            if product.startswith("Exchange 20"):
                key = f"{root}\\Updates\\{product}"
                names = context.world.subkeys(key)
                found += [_from_key(context, key, name, view) for name in names]
        uninstall = f"{root}\\Windows\\CurrentVersion\\Uninstall"
        for name in context.world.subkeys(uninstall):
            title = context.text(f"{uninstall}\\{name}", "DisplayName")
            if title and "Exchange Server" in title and _KB.search(title):
                date = context.text(f"{uninstall}\\{name}", "InstallDate")
                found.append(_update("uninstall", view, title, date))
    return found


def _from_key(context: Context, parent: str, name: str, view: str) -> dict[str, Any]:
    title = context.text(f"{parent}\\{name}", "PackageName") or name
    return _update("updates-key", view, title, context.text(f"{parent}\\{name}", "InstalledDate"))


def _update(source: str, view: str, name: str, date: str | None) -> dict[str, Any]:
    kb = _KB.search(name)
    day = _COMPACT_DATE.match(date or "")
    return {
        "source": source,
        "view": view,
        "name": name,
        "kb": kb.group(0) if kb else None,
        "installed": "-".join(day.groups()) if day else None,
    }
