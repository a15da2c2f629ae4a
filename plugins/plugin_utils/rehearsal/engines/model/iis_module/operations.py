# SPDX-License-Identifier: GPL-3.0-or-later
"""The URL Rewrite module in the model: Get-RewriteModule and the record of who installed it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..configuration import children, configuration, parse
from ..context import stamp
from ..core.state import BY, state_folder
from ..errors import OperationError, PartError
from ..facts.rewrite import places
from ..facts.system import locale_name
from ..frame import encode
from ..mitigations.record import read_file
from ..registry import operation

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ....world.world import World
    from ..context import Context
    from ..registry import Given, Result

_KEY = "HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite"
_INETSTP = "HKLM\\SOFTWARE\\Microsoft\\InetStp"
_UNINSTALL = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
_LANGUAGE = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Nls\\Language"
_EMERGENCY = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\MSExchangeMitigation"
_SYSTEM = "C:\\Windows\\System32"
_OWN = f"{_SYSTEM}\\inetsrv\\config\\applicationHost.config"
_CODE = re.compile(r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}\Z", re.IGNORECASE)
_ORDER = ("product_code", "version", "sha256", "job", "run")


@operation("Get-RewriteModule")
def get(context: Context, given: Given) -> Result:
    """Read what is there, what it would need and what needs it."""
    codes, words = given["product_codes"], given["words"]
    return {
        "iis": context.part("iis", lambda: _web_server(context)),
        "presence": context.part("presence", lambda: _presence(context, codes, words)),
        "ucrt": context.part("ucrt", lambda: _ucrt(context)),
        "language": context.part("language", lambda: _language(context)),
        "uses": context.part("uses", lambda: _uses(context)),
        "exchange_needs_it": context.has_key(_EMERGENCY),
        "record": _record(context.world),
    }


@operation("Save-RewriteRecord")
def save(context: Context, given: Given) -> Result:
    """Note that the module is not there and who will bring it."""
    world = context.world
    wanted = {name: given[name] for name in _ORDER}
    record = _record(world)
    presence = _presence(context, [*given["product_codes"], wanted["product_code"]], given["words"])
    if presence["registered"] or presence["library"] or presence["products"]:
        if record is None:
            message = (
                "the URL Rewrite module is on this server and nothing was noted before: "
                "it is not ours to install or to remove"
            )
            raise OperationError(
                "RequestInvalid", message, identity="ModulePresent", details=presence
            )
        return {"changed": False, "record": record}
    changed = record is None or any(record[name] != wanted[name] for name in wanted)
    if changed:
        now = stamp(world.clock())
        record = {"schema": 1, "module": "url-rewrite", "recorded": now, **wanted}
        record["before"] = presence
        if not given["check"]:
            world.write_text(str(_path(world, create=True)), encode(record), by=BY)
    return {"changed": changed, "record": record}


@operation("Remove-RewriteRecord")
def remove(context: Context, given: Given) -> Result:
    """Forget the record of a product that is gone."""
    world = context.world
    record = _record(world)
    if record is None:
        return {"changed": False}
    code = record["product_code"]
    presence = _presence(context, [code], given["words"])
    if any(row["product_code"].lower() == code.lower() for row in presence["products"]):
        message = f"the product {code} is still installed; its record stays"
        raise OperationError("RequestInvalid", message, identity="ModulePresent", details=presence)
    if not given["check"]:
        world.delete_file(str(_path(world)), by=BY)
    return {"changed": True}


def _web_server(context: Context) -> dict[str, Any] | None:
    found = configuration(context)
    if found is None:
        return None
    parts = [context.version_part(_INETSTP, f"{name}Version") for name in ("Major", "Minor")]
    return {
        "version": ".".join(parts),
        "configuration": found.file,
        "shared": found.file.lower() != _OWN.lower(),
    }


def _library(context: Context, path: str) -> dict[str, Any] | None:
    entry = context.world.file(path)
    if entry is None:
        return None
    version = str((entry.get("version") or {}).get("file") or "").strip()
    return {"path": path, "file_version": version or None}


def _ucrt(context: Context) -> dict[str, Any] | None:
    context.require_native()
    return _library(context, f"{_SYSTEM}\\ucrtbase.dll")


def _presence(context: Context, codes: list[str], words: list[str]) -> dict[str, Any]:
    context.require_native()
    return {
        "registered": context.has_key(_KEY),
        "registry_version": context.text(_KEY, "Version"),
        "library": _library(context, f"{_SYSTEM}\\inetsrv\\rewrite.dll"),
        "products": list(_products(context, codes, words)),
    }


def _products(context: Context, codes: list[str], words: list[str]) -> list[dict[str, Any]]:
    found = []
    wanted = {code.lower() for code in codes}
    for code in sorted(context.world.subkeys(_UNINSTALL), key=str.upper):
        key = f"{_UNINSTALL}\\{code}"
        if not _CODE.match(code):
            continue
        name = context.text(key, "DisplayName")
        named = all(word.upper() in (name or "").upper() for word in words)
        if code.lower() not in wanted and not named:
            continue
        found.append(
            {
                "product_code": code.upper(),
                "name": name,
                "version": context.text(key, "DisplayVersion"),
                "language": context.number(key, "Language"),
                "install_source": context.text(key, "InstallSource"),
            }
        )
    return found


def _language(context: Context) -> str | None:
    code = context.text(_LANGUAGE, "InstallLanguage") or context.text(_LANGUAGE, "Default")
    return locale_name(int(code, 16)) if code else None


def _uses(context: Context) -> list[str] | None:
    """Name the files with a section; ``None`` when one of them cannot be read."""
    server = configuration(context)
    if server is None:
        return []
    roots: dict[str, tuple[str, Element | None]] = {server.file.lower(): (server.file, server.root)}
    whole = True
    for _, _, file in places(server.root):
        if file.lower() in roots:
            continue
        roots[file.lower()] = (file, None)
        try:
            roots[file.lower()] = (file, parse(context, file))
        except PartError as error:
            context.say("uses", f"{file}: {error}")
            whole = False
    used = [file for file, root in roots.values() if root is not None and _has_section(root)]
    return sorted(used, key=str.upper) if whole else None


def _has_section(root: Element) -> bool:
    holders = [root, *children(root, "location")]
    return any(next(children(h, "system.webServer/rewrite"), None) is not None for h in holders)


def _path(world: World, *, create: bool = False) -> str | None:
    folder = state_folder(world, "modules", create=create)
    return f"{folder}\\url-rewrite.json" if folder else None


def _record(world: World) -> dict[str, Any] | None:
    path = _path(world)
    return read_file(world, path) if path else None
