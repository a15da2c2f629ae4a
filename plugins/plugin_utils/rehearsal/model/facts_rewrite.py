# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about URL Rewrite: every rule in full, as it stands in the configuration files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .configuration import APPLICATION_HOST, attribute, boolean, children, parse
from .errors import PartError
from .facts_iis import application_host, applications

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from .context import Context

_KEY = "HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite"


class _Found:
    """What the files hold, in the order of reading."""

    def __init__(self) -> None:
        self.rules: list[dict[str, Any]] = []
        self.preconditions: list[dict[str, Any]] = []
        self.overrides: list[dict[str, Any]] = []


def url_rewrite(context: Context) -> dict[str, Any]:
    version = context.text(_KEY, "Version")
    found = _Found()
    root = application_host(context)
    if root is not None:
        _server_wide(root, found)
        host = root.find("system.applicationHost")
        for site in children(host, "sites", "site"):
            for application in applications(host, site):
                _read_folder(context, attribute(site, "name"), application, found)
    return {
        "installed": context.world.key(_KEY) is not None,
        "version": version,
        "rules": found.rules,
        "preconditions": found.preconditions,
        "overrides": found.overrides,
    }


def _server_wide(root: Element, found: _Found) -> None:
    where = {"site": None, "path": "/", "file": APPLICATION_HOST}
    for server in root.findall("system.webServer"):
        _collect(server, where, found, inherit=True)


def _read_folder(context: Context, site: str, application: dict[str, Any], found: _Found) -> None:
    folder = application["physical_path"]
    if not folder:
        return
    path = f"{folder.rstrip(chr(92))}\\web.config"
    try:
        root = parse(context, path)
    except PartError as error:
        context.report("url_rewrite", error)
        return
    if root is None:
        return
    where = {"site": site, "path": application["path"], "file": path}
    for server in root.findall("system.webServer"):
        _collect(server, where, found, inherit=True)
    for location in root.findall("location"):
        inherit = boolean(location, "inheritInChildApplications", default=True)
        for server in location.findall("system.webServer"):
            _collect(server, where, found, inherit=inherit)


def _collect(server: Element, where: dict[str, Any], found: _Found, *, inherit: bool) -> None:
    for tag, direction in (("rules", "inbound"), ("outboundRules", "outbound")):
        for collection in children(server, "rewrite", tag):
            for entry in collection:
                if entry.tag == "rule":
                    found.rules.append(
                        _rule(entry, where, direction, len(found.rules), inherit=inherit)
                    )
                elif entry.tag in ("clear", "remove"):
                    found.overrides.append(_override(entry, where, direction))
                elif entry.tag == "preConditions":
                    _preconditions(entry, where, found)


def _preconditions(collection: Element, where: dict[str, Any], found: _Found) -> None:
    for entry in collection:
        if entry.tag == "preCondition":
            found.preconditions.append(_precondition(entry, where))
        elif entry.tag in ("clear", "remove"):
            found.overrides.append(_override(entry, where, "precondition"))


def _override(entry: Element, where: dict[str, Any], direction: str) -> dict[str, Any]:
    return {**where, "direction": direction, "kind": entry.tag, "name": entry.get("name")}


def _precondition(entry: Element, where: dict[str, Any]) -> dict[str, Any]:
    return {
        **where,
        "name": attribute(entry, "name"),
        "logical_grouping": attribute(entry, "logicalGrouping", "MatchAll"),
        "pattern_syntax": attribute(entry, "patternSyntax", "ECMAScript"),
        "conditions": [
            {k: v for k, v in _condition(c).items() if k != "match_type"}
            for c in entry.findall("add")
        ],
    }


def _condition(entry: Element) -> dict[str, Any]:
    return {
        "input": attribute(entry, "input"),
        "match_type": attribute(entry, "matchType", "Pattern"),
        "pattern": entry.get("pattern"),
        "ignore_case": boolean(entry, "ignoreCase", default=True),
        "negate": boolean(entry, "negate", default=False),
    }


def _rule(
    entry: Element, where: dict[str, Any], direction: str, order: int, *, inherit: bool
) -> dict[str, Any]:
    conditions = entry.find("conditions")
    return {
        **where,
        "direction": direction,
        "order": order,
        "name": attribute(entry, "name"),
        "enabled": boolean(entry, "enabled", default=True),
        "pattern_syntax": attribute(entry, "patternSyntax", "ECMAScript"),
        "stop_processing": boolean(entry, "stopProcessing", default=False),
        "inherit": inherit,
        "precondition": entry.get("preCondition"),
        "match": _match(entry.find("match")),
        "logical_grouping": "MatchAll"
        if conditions is None
        else attribute(conditions, "logicalGrouping", "MatchAll"),
        "conditions": [_condition(c) for c in children(entry, "conditions", "add")],
        "action": _action(entry.find("action")),
    }


def _match(match: Element | None) -> dict[str, Any]:
    if match is None:
        match_attributes: dict[str, str] = {}
    else:
        match_attributes = dict(match.attrib)
    return {
        "url": match_attributes.get("url"),
        "server_variable": match_attributes.get("serverVariable"),
        "filter_by_tags": match_attributes.get("filterByTags"),
        "pattern": match_attributes.get("pattern"),
        "ignore_case": match_attributes.get("ignoreCase", "true").lower() == "true",
        "negate": match_attributes.get("negate", "false").lower() == "true",
    }


def _action(action: Element | None) -> dict[str, Any]:
    attributes: dict[str, str] = {} if action is None else dict(action.attrib)
    status = attributes.get("statusCode")
    return {
        "type": attributes.get("type", "None"),
        "value": attributes.get("value"),
        "url": attributes.get("url"),
        "status_code": int(status) if status else None,
    }
