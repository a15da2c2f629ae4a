# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about Exchange: where, which build, which roles, which updates, which DAG."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..context import expand
from ..errors import path_not_found, thrown
from .services import start_type

if TYPE_CHECKING:
    from ..context import Context

_SOFTWARE = "HKLM\\SOFTWARE"
_EXCHANGE = f"{_SOFTWARE}\\Microsoft\\ExchangeServer"
_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
_PRODUCTS = (
    f"{_SOFTWARE}\\Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\S-1-5-18\\Products"
)
_SERVICE_PACK = re.compile(r"SP\d\Z", re.IGNORECASE)
_KB = re.compile(r"\bKB\d{5,9}\b", re.IGNORECASE)
_UPDATE_TITLE = re.compile(r"Exchange Server.*\bKB\d{5,9}\b", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})([-/.]?)(\d\d)\2(\d\d)\Z")
_QUOTED = re.compile(r'\s*"([^"]+)"')
_BARE = re.compile(r"\s*(.+?\.exe)(?:\s|\Z)", re.IGNORECASE)
_BIN = re.compile(r"(.*\\)Bin\\[^\\]+\Z", re.IGNORECASE)
_MSI = ("MsiProductMajor", "MsiProductMinor", "MsiBuildMajor", "MsiBuildMinor")
_PATH_SERVICES = (
    "MSExchangeADTopology",
    "MSExchangeServiceHost",
    "MSExchangeTransport",
    "MSExchangeEdgeCredential",
)
# Role keys of both generations.
_ROLES = {
    "Mailbox": {"mailboxrole"},
    "ClientAccess": {"caferole"},
    "HubTransport": {"hubtransportrole", "bridgeheadrole"},
    "UnifiedMessaging": {"unifiedmessagingrole"},
    "Edge": {"edgetransportrole", "gatewayrole"},
    "ManagementTools": {"admintools"},
}


def exchange(context: Context) -> dict[str, Any]:
    """Tell which Exchange is installed, by its setup key and by a service's image path."""
    context.require_native()
    key = _setup_key(context)
    service = _service_path(context)
    fact: dict[str, Any] = {
        "installed": bool(key or service),
        "registry_key": key,
        "install_path": None,
        "service_path": service,
        "exsetup": None,
        "registry_version": None,
        "roles": [],
        "services_value": None,
    }
    if not fact["installed"]:
        return fact
    root = f"{_EXCHANGE}\\{key}"
    folder = context.text(f"{root}\\Setup", "MsiInstallPath") if key else None
    where = folder or (service or {}).get("install_path")
    fact["exsetup"] = context.part("exchange.exsetup", lambda: _exsetup(context, where))
    if not key:
        context.say("exchange.install_path", "a service of Exchange, but no setup key")
        return fact
    fact["install_path"] = folder
    fact["registry_version"] = context.part(
        "exchange.registry_version", lambda: _registry_version(context, f"{root}\\Setup")
    )
    keys = {name.lower() for name in context.world.subkeys(root)}
    # Until 2010 the front end was of a role of that name; later that is what stands behind it.
    front_end = {"ClientAccess": {"clientaccessrole"}} if key == "v14" else {}
    roles = {**_ROLES, **front_end}
    fact["roles"] = [role for role, names in roles.items() if names & keys]
    fact["services_value"] = context.value(f"{root}\\Setup", "Services") is not None
    return fact


def _setup_key(context: Context) -> str | None:
    for key in ("v15", "v14"):
        if context.text(f"{_EXCHANGE}\\{key}\\Setup", "MsiInstallPath"):
            return key
    return None


def _service_path(context: Context) -> dict[str, str] | None:
    for service in _PATH_SERVICES:
        image = expand(context.text(f"{_SERVICES}\\{service}", "ImagePath") or "")
        image = image.removeprefix("\\??\\")
        program = _QUOTED.match(image) or _BARE.match(image)
        found = _BIN.match(program.group(1)) if program else None
        if found:
            return {"service": service, "install_path": found.group(1)}
    return None


def _exsetup(context: Context, root: str | None) -> dict[str, str]:
    if not root:
        raise thrown("the install path is not known")
    path = root.rstrip("\\") + "\\Bin\\ExSetup.exe"
    entry = context.world.file(path)
    if entry is None:
        raise path_not_found(path)
    version = entry.get("version") or {}
    if not version.get("file"):
        raise thrown(f"{path} has no file version")
    return {
        "path": path,
        "file_version": str(version["file"]).strip(),
        "product_version": str(version.get("product") or "").strip(),
    }


def _registry_version(context: Context, setup: str) -> str:
    parts = []
    for name in _MSI:
        part = context.number(setup, name)
        if part is None:
            raise thrown(f"{setup.replace('HKLM', 'HKLM:', 1)} has no value {name}")
        parts.append(str(part))
    return ".".join(parts)


def dag(context: Context) -> dict[str, Any]:
    """Name the DAG: that of the cluster, whose hive is loaded while its service runs."""
    service = context.world.service("ClusSvc")
    if service is None:
        return {"name": None, "cluster_service": None}
    state = {"status": service["status"], "start_type": start_type(context, "ClusSvc")}
    return {"name": context.part("dag.name", lambda: _cluster(context)), "cluster_service": state}


def _cluster(context: Context) -> str:
    name = context.text("HKLM\\Cluster", "ClusterName")
    if not name:
        raise thrown("the cluster hive is not loaded: the cluster service does not run")
    return name


def updates(context: Context) -> list[dict[str, Any]]:
    """List installed Exchange updates of the updates keys and the Uninstall list, both views."""
    context.require_native()
    found: list[dict[str, Any]] = []
    for view, root in (("64", _SOFTWARE), ("32", f"{_SOFTWARE}\\WOW6432Node")):
        products = f"{root}\\Microsoft\\Updates"
        for product in context.world.subkeys(products):
            if product.lower().startswith("exchange "):
                found += _from_updates_key(context, f"{products}\\{product}", view)
        uninstall = f"{root}\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
        found += _titled(context, "uninstall", view, uninstall, "InstallDate")
    for product in context.world.subkeys(_PRODUCTS):
        patches = f"{_PRODUCTS}\\{product}\\Patches"
        found += _titled(context, "installer-patch", "64", patches, "Installed")
    return found


def _titled(
    context: Context, source: str, view: str, parent: str, day: str
) -> list[dict[str, Any]]:
    rows = []
    for key in context.world.subkeys(parent):
        title = context.text(f"{parent}\\{key}", "DisplayName")
        if title and _UPDATE_TITLE.search(title):
            date = context.text(f"{parent}\\{key}", day)
            rows.append(_update(source, view, title, key, date))
    return rows


def _from_updates_key(context: Context, parent: str, view: str) -> list[dict[str, Any]]:
    rows = []
    for key in context.world.subkeys(parent):
        title = context.text(f"{parent}\\{key}", "PackageName")
        if not title and _SERVICE_PACK.match(key):
            rows += _from_updates_key(context, f"{parent}\\{key}", view)
            continue
        title = title or key
        date = context.text(f"{parent}\\{key}", "InstalledDate")
        rows.append(_update("updates-key", view, title, key, date))
    return rows


def _update(source: str, view: str, name: str, key: str, date: str | None) -> dict[str, Any]:
    """Return one update; only a date that starts with the year is the same in every language."""
    kb = _KB.search(f"{name} {key}")
    day = _DATE.match(date or "")
    return {
        "source": source,
        "view": view,
        "name": name,
        "kb": kb.group(0).upper() if kb else None,
        "installed": f"{day[1]}-{day[3]}-{day[4]}" if day else None,
    }
