# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about IIS: sites, bindings, applications, pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .configuration import APPLICATION_HOST, attribute, boolean, children, parse
from .context import expand
from .errors import PartError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from .context import Context

_INETSTP = "HKLM\\SOFTWARE\\Microsoft\\InetStp"


def application_host(context: Context) -> Element | None:
    """Return the parsed applicationHost.config, or ``None`` without IIS."""
    if context.world.key(_INETSTP) is None:
        return None
    root = parse(context, APPLICATION_HOST)
    if root is None:
        raise PartError("System.IO.FileNotFoundException", f"{APPLICATION_HOST} is missing")
    return root


def iis(context: Context) -> dict[str, Any]:
    root = application_host(context)
    if root is None:
        return {"version": None, "sites": [], "app_pools": []}
    host = root.find("system.applicationHost")
    version = [context.number(_INETSTP, name) for name in ("MajorVersion", "MinorVersion")]
    return {
        "version": ".".join(map(str, version)),
        "sites": [_site(context, host, site) for site in children(host, "sites", "site")],
        "app_pools": [_pool(context, pool) for pool in children(host, "applicationPools", "add")],
    }


def _site(context: Context, host: Element | None, site: Element) -> dict[str, Any]:
    name = attribute(site, "name")
    states = context.world.data["iis_runtime"]["sites"]
    listed = applications(host, site)
    return {
        "id": int(attribute(site, "id", "0")),
        "name": name,
        "state": states.get(name, "Unknown"),
        "physical_path": next((a["physical_path"] for a in listed if a["path"] == "/"), None),
        "bindings": [
            {
                "protocol": attribute(binding, "protocol"),
                "information": attribute(binding, "bindingInformation"),
                "ssl_flags": int(binding.get("sslFlags", "0")) if binding.get("sslFlags") else None,
            }
            for binding in children(site, "bindings", "binding")
        ],
        "applications": listed,
    }


def applications(host: Element | None, site: Element) -> list[dict[str, Any]]:
    """Return the applications of a site with the folder and pool of each."""
    defaults = next(children(host, "sites", "applicationDefaults"), None)
    pool = (
        "DefaultAppPool"
        if defaults is None
        else attribute(defaults, "applicationPool", "DefaultAppPool")
    )
    found = []
    for application in site.findall("application"):
        roots = [v for v in application.findall("virtualDirectory") if attribute(v, "path") == "/"]
        folder = attribute(roots[0], "physicalPath") if roots else ""
        found.append(
            {
                "path": attribute(application, "path"),
                "physical_path": expand(folder) or None,
                "app_pool": attribute(application, "applicationPool", pool),
            }
        )
    return found


def _pool(context: Context, pool: Element) -> dict[str, Any]:
    name = attribute(pool, "name")
    states = context.world.data["iis_runtime"]["app_pools"]
    return {
        "name": name,
        "state": states.get(name, "Unknown"),
        "auto_start": boolean(pool, "autoStart", default=True),
        "start_mode": attribute(pool, "startMode", "OnDemand"),
    }
