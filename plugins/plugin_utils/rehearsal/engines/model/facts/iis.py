# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about IIS: sites, bindings, applications, pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..configuration import children, choice, configuration, flag, last, number, text
from ..context import expand

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ..context import Context

_INETSTP = "HKLM\\SOFTWARE\\Microsoft\\InetStp"
_STATES = ("Started", "Stopped", "Starting", "Stopping")
_MODES = ("OnDemand", "AlwaysRunning")


def iis(context: Context) -> dict[str, Any]:
    found = configuration(context)
    if found is None:
        return {"version": None, "sites": [], "app_pools": []}
    sites = _sites(found.root)  # a file that is no configuration fails before anything else
    fact = {
        "version": context.part("iis.version", lambda: _version(context)),
        "sites": sites,
        "app_pools": pools(found.root),
    }
    runtime = context.world.data["iis_runtime"]
    for member, kind in (("sites", "iis.sites"), ("app_pools", "iis.app_pools")):
        set_states(context, fact[member], runtime[member], kind)
    return fact


def _version(context: Context) -> str:
    return ".".join(context.version_part(_INETSTP, f"{name}Version") for name in ("Major", "Minor"))


def set_states(
    context: Context, rows: list[dict[str, Any]], runtime: dict[str, str], source: str
) -> None:
    """Fill in the state of each row; what the running server does not say stays Unknown."""
    states = {name.lower(): state for name, state in runtime.items()}
    silent = []
    for row in rows:
        state = states.get(row["name"].lower())
        if state in _STATES:
            row["state"] = state
        else:
            silent.append(row["name"])
    if silent:
        context.say(source, f"no state of {', '.join(silent)}")


def _sites(root: Element) -> list[dict[str, Any]]:
    found = []
    for sites in children(root, "system.applicationHost/sites"):
        pool = text(last(sites, "applicationDefaults"), "applicationPool", "DefaultAppPool")
        for site in children(sites, "site"):
            own = text(last(site, "applicationDefaults"), "applicationPool", pool)
            listed = [_application(entry, own) for entry in children(site, "application")]
            folders = [a["physical_path"] for a in listed if a["path"] == "/"]
            found.append(
                {
                    "id": number(site, "id"),
                    "name": text(site, "name", ""),
                    "state": "Unknown",
                    "physical_path": folders[0] if folders else None,
                    "bindings": [_binding(b) for b in children(site, "bindings/binding")],
                    "applications": listed,
                }
            )
    return found


def _binding(binding: Element) -> dict[str, Any]:
    return {
        "protocol": text(binding, "protocol", ""),
        "information": text(binding, "bindingInformation", ""),
        "ssl_flags": number(binding, "sslFlags"),
    }


def _application(application: Element, pool: str) -> dict[str, Any]:
    folders = [v for v in children(application, "virtualDirectory") if v.get("path") == "/"]
    return {
        "path": text(application, "path", "/"),
        "physical_path": expand(text(folders[0], "physicalPath", "")) if folders else None,
        "app_pool": text(application, "applicationPool", pool),
    }


def pools(root: Element) -> list[dict[str, Any]]:
    """List the application pools as configured; their state is not known yet."""
    found = []
    for listed in children(root, "system.applicationHost/applicationPools"):
        defaults = last(listed, "applicationPoolDefaults")
        start = flag(defaults, "autoStart", default=True)
        mode = choice(defaults, "startMode", _MODES)
        found += [
            {
                "name": text(pool, "name", ""),
                "state": "Unknown",
                "auto_start": flag(pool, "autoStart", default=start),
                "start_mode": choice(pool, "startMode", _MODES) if pool.get("startMode") else mode,
            }
            for pool in children(listed, "add")
        ]
    return found
