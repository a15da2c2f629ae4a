# SPDX-License-Identifier: GPL-3.0-or-later
"""IIS as Exchange sets it up: applicationHost.config, web.config files, pools, run time.

Paths, pools and bindings as they stand in the configuration of real servers.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from functools import lru_cache
from typing import Any

from .draft import MICROSOFT, Draft
from .iis_module import add_module
from .logs import central_folder
from .mitigations import add_rules, pool_changes

APPLICATION_HOST = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"
WWWROOT = "C:\\inetpub\\wwwroot"
BACK_END = "Exchange Back End"

# path, pool, folder below <install>FrontEnd\HttpProxy
FRONT_END = (
    ("/owa", "MSExchangeOWAAppPool", "owa"),
    ("/owa/Calendar", "MSExchangeOWACalendarAppPool", "owa"),
    ("/owa/Integrated", "MSExchangeOWAAppPool", "owa"),
    ("/owa/oma", "MSExchangeOWAAppPool", "owa"),
    ("/ecp", "MSExchangeECPAppPool", "ecp"),
    ("/EWS", "MSExchangeServicesAppPool", "EWS"),
    ("/API", "MSExchangeRestFrontEndAppPool", "Rest"),
    ("/Autodiscover", "MSExchangeAutodiscoverAppPool", "Autodiscover"),
    ("/Microsoft-Server-ActiveSync", "MSExchangeSyncAppPool", "sync"),
    ("/OAB", "MSExchangeOABAppPool", "OAB"),
    ("/PowerShell", "MSExchangePowerShellFrontEndAppPool", "PowerShell"),
    ("/mapi", "MSExchangeMapiFrontEndAppPool", "mapi"),
    ("/Rpc", "MSExchangeRpcProxyFrontEndAppPool", "rpc"),
)
# path, pool, folder below <install>ClientAccess
_BACK_END = (
    ("/PowerShell", "MSExchangePowerShellAppPool", "PowerShell-Proxy"),
    ("/mapi/emsmdb", "MSExchangeMapiMailboxAppPool", "mapi\\emsmdb"),
    ("/mapi/nspi", "MSExchangeMapiAddressBookAppPool", "mapi\\nspi"),
    ("/API", "MSExchangeRestAppPool", "rest"),
    ("/owa", "MSExchangeOWAAppPool", "owa"),
    ("/owa/Calendar", "MSExchangeOWACalendarAppPool", "owa"),
    ("/OAB", "MSExchangeOABAppPool", "OAB"),
    ("/ecp", "MSExchangeECPAppPool", "ecp"),
    ("/Autodiscover", "MSExchangeAutodiscoverAppPool", "Autodiscover"),
    ("/Microsoft-Server-ActiveSync", "MSExchangeSyncAppPool", "sync"),
    ("/EWS", "MSExchangeServicesAppPool", "exchweb\\EWS"),
    ("/EWS/bin", "MSExchangeServicesAppPool", "exchweb\\EWS\\bin"),
    ("/PushNotifications", "MSExchangePushNotificationsAppPool", "PushNotifications"),
)
_2010 = (
    ("/owa", "MSExchangeOWAAppPool", "Owa"),
    ("/ecp", "MSExchangeECPAppPool", "ecp"),
    ("/EWS", "MSExchangeServicesAppPool", "exchweb\\EWS"),
    ("/Autodiscover", "MSExchangeAutodiscoverAppPool", "Autodiscover"),
    ("/Microsoft-Server-ActiveSync", "MSExchangeSyncAppPool", "sync"),
    ("/OAB", "MSExchangeOABAppPool", "OAB"),
    ("/PowerShell", "MSExchangePowerShellAppPool", "PowerShell"),
)
_FRONT_BINDINGS = (
    ("http", "*:80:"),
    ("net.tcp", "808:*"),
    ("net.pipe", "*"),
    ("https", ":443:"),
    ("http", "127.0.0.1:80:"),
    ("https", "127.0.0.1:443:"),
)
_BACK_BINDINGS = (("http", "*:81:"), ("https", "*:444:"), ("net.pipe", "*"))


def add_iis(draft: Draft) -> None:
    """Add IIS with the Exchange sites where the role has them."""
    if not draft.has_iis or draft.product is None:
        return
    major, minor = draft.os.iis
    draft.values(
        f"{MICROSOFT}\\InetStp",
        MajorVersion=major,
        MinorVersion=minor,
        VersionString=f"Version {major}.{minor}",
        InstallPath="C:\\Windows\\System32\\inetsrv",
    )
    add_module(draft)
    draft.text_file(APPLICATION_HOST, _application_host(draft))
    _web_configs(draft)
    _run_time(draft)


def site_name(draft: Draft) -> str:
    """Return the name of the front-end site."""
    return str(draft.spec.get("site_name", "Default Web Site"))


def document(root: ET.Element) -> str:
    """Return an XML document as IIS writes it."""
    ET.indent(root, "    ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _front_end(draft: Draft) -> list[tuple[str, str, str]]:
    """Return the applications of the front-end site: path, pool, folder."""
    if draft.role == "MailboxOnly":
        return []
    if draft.product is None or not draft.product.back_end:
        return [(p, pool, f"{draft.install_path}ClientAccess\\{f}") for p, pool, f in _2010]
    pools = draft.product.pools
    rows = [(p, pool, f"{draft.install_path}FrontEnd\\HttpProxy\\{f}") for p, pool, f in FRONT_END]
    return [row for row in rows if row[1] in pools]


def _back_end(draft: Draft) -> list[tuple[str, str, str]]:
    if draft.product is None or not draft.product.back_end or draft.role == "ClientAccess":
        return []
    pools = draft.product.pools
    rows = [(p, pool, f"{draft.install_path}ClientAccess\\{f}") for p, pool, f in _BACK_END]
    return [row for row in rows if row[1] in pools]


def _application_host(draft: Draft) -> str:
    root = ET.Element("configuration")
    host = ET.SubElement(root, "system.applicationHost")
    _pools(draft, ET.SubElement(host, "applicationPools"))
    sites = ET.SubElement(host, "sites")
    front = _site(sites, site_name(draft), 1, _FRONT_BINDINGS)
    _application(front, "/", "DefaultAppPool", "%SystemDrive%\\inetpub\\wwwroot")
    for path, pool, folder in _front_end(draft):
        _application(front, path, pool, folder)
    if back_rows := _back_end(draft):
        back = _site(sites, BACK_END, 2, _BACK_BINDINGS, {"serverAutoStart": "true"})
        _application(back, "/", None, f"{draft.install_path}ClientAccess")
        for path, pool, folder in back_rows:
            _application(back, path, pool, folder)
    for site in sites.findall("site"):  # the bindings stand after the applications
        bindings = site.find("bindings")
        if bindings is not None:
            site.remove(bindings)
            site.append(bindings)
    defaults = ET.SubElement(sites, "siteDefaults")
    log = {"logFormat": "W3C", "directory": "%SystemDrive%\\inetpub\\logs\\LogFiles"}
    if "enabled" in (given := draft.spec.get("iis_logging") or {}):
        log["enabled"] = str(given["enabled"]).lower()
    ET.SubElement(defaults, "logFile", log)
    if central := given.get("central"):
        _central_log(host, central)
    ET.SubElement(sites, "applicationDefaults", {"applicationPool": "DefaultAppPool"})
    ET.SubElement(sites, "virtualDirectoryDefaults", {"allowSubDirConfig": "true"})
    ET.SubElement(ET.SubElement(root, "system.webServer"), "defaultDocument", {"enabled": "true"})
    return document(root)


def _central_log(host: ET.Element, given: dict[str, Any]) -> None:
    """One log of all sites; what stands in the folders of the sites stays there."""
    binary = given["kind"] == "binary"
    mode = "CentralBinary" if binary else "CentralW3C"
    log = ET.SubElement(host, "log", {"centralLogFileMode": mode})
    kept = {"directory": central_folder(given)}
    if given.get("enabled", True) is not None:
        kept["enabled"] = str(given.get("enabled", True)).lower()
    ET.SubElement(log, "centralBinaryLogFile" if binary else "centralW3CLogFile", kept)


def _pools(draft: Draft, parent: ET.Element) -> None:
    changes = pool_changes(draft)
    for pool in draft.product.pools if draft.product else ():
        attributes = {"name": pool, "managedRuntimeVersion": "v4.0", **changes.get(pool, {})}
        if "RpcProxy" in pool or "MapiFrontEnd" in pool:
            attributes.setdefault("autoStart", "true")
        element = ET.SubElement(parent, "add", attributes)
        identity = {"identityType": "LocalSystem", "idleTimeout": "00:00:00"}
        ET.SubElement(element, "processModel", identity)
    defaults = ET.SubElement(parent, "applicationPoolDefaults", {"managedRuntimeVersion": "v4.0"})
    ET.SubElement(defaults, "processModel", {"identityType": "ApplicationPoolIdentity"})


def _site(
    parent: ET.Element,
    name: str,
    number: int,
    bindings: tuple[tuple[str, str], ...],
    more: dict[str, str] | None = None,
) -> ET.Element:
    site = ET.SubElement(parent, "site", {"name": name, "id": str(number), **(more or {})})
    listed = ET.SubElement(site, "bindings")
    for protocol, information in bindings:
        attributes = {"protocol": protocol, "bindingInformation": information}
        if protocol == "https" and number == 1:
            attributes["sslFlags"] = "0"
        ET.SubElement(listed, "binding", attributes)
    return site


def _application(site: ET.Element, path: str, pool: str | None, folder: str) -> None:
    attributes = {"path": path} | ({"applicationPool": pool} if pool else {})
    application = ET.SubElement(site, "application", attributes)
    ET.SubElement(application, "virtualDirectory", {"path": "/", "physicalPath": folder})


def _web_configs(draft: Draft) -> None:
    """Write the web.config of the site root and of every application's folder."""
    draft.text_file(f"{WWWROOT}\\web.config", _web_config(draft, None, "site"))
    shared = f"{draft.install_path}FrontEnd\\HttpProxy\\SharedWebConfig.config"
    for folder in {folder: None for _, _, folder in _front_end(draft)}:
        place = folder.rsplit("\\", 1)[1].lower()
        draft.text_file(f"{folder}\\web.config", _web_config(draft, shared, place))
    for folder in {folder: None for _, _, folder in _back_end(draft)}:
        draft.text_file(f"{folder}\\web.config", _plain_config(None))


def _web_config(draft: Draft, shared: str | None, place: str) -> str:
    rules = draft.spec.get("mitigations") and place in ("site", "owa")
    if not rules:
        return _plain_config(shared)
    config = _base_config(shared)
    add_rules(draft, config, place)
    return document(config)


@lru_cache(maxsize=64)
def _plain_config(shared: str | None) -> str:
    return document(_base_config(shared))


def _base_config(shared: str | None) -> ET.Element:
    root = ET.Element("configuration")
    server = ET.SubElement(root, "system.webServer")
    ET.SubElement(server, "httpErrors", {"errorMode": "DetailedLocalOnly"})
    if shared:
        binding = ET.SubElement(root, "assemblyBinding", {"appliesTo": "v4.0.30319"})
        ET.SubElement(binding, "linkedConfiguration", {"href": f"file://{shared}"})
    return root


def _run_time(draft: Draft) -> None:
    runtime = draft.iis_runtime
    # With the publishing service stopped the configuration is all that IIS can say of a site.
    state = "Started" if draft.services["W3SVC"]["status"] == "Running" else "Unknown"
    runtime["sites"][site_name(draft)] = state
    if _back_end(draft):
        runtime["sites"][BACK_END] = state
    stopped = set(pool_changes(draft)) | set(draft.spec.get("pools_stopped", []))
    for pool in draft.product.pools if draft.product else ():
        runtime["app_pools"][pool] = "Stopped" if pool in stopped else "Started"
