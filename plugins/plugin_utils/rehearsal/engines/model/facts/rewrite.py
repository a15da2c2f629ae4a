# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about URL Rewrite: every rule in full, as it stands in the configuration files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..configuration import children, choice, configuration, flag, last, number, parse, text
from ..context import expand
from ..errors import PartError, thrown

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from ..context import Context

_KEY = "HKLM\\SOFTWARE\\Microsoft\\IIS Extensions\\URL Rewrite"
_SYNTAX = ("ECMAScript", "Wildcard", "ExactMatch")
_GROUPING = ("MatchAll", "MatchAny")
_MATCH_TYPES = ("Pattern", "IsFile", "IsDirectory")
_ACTIONS = ("None", "Rewrite", "Redirect", "CustomResponse", "AbortRequest")
_ELEMENTS = ("rule", "preCondition", "clear", "remove")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a collection stands; ``site`` is ``None`` for the whole server."""

    site: str | None
    path: str
    file: str
    inherit: bool = True

    def members(self) -> dict[str, Any]:
        return {"site": self.site, "path": self.path, "file": self.file}


@dataclass(slots=True)
class _Found:
    """What the files hold, in the order of reading."""

    rules: list[dict[str, Any]] = field(default_factory=list)
    preconditions: list[dict[str, Any]] = field(default_factory=list)
    overrides: list[dict[str, Any]] = field(default_factory=list)
    unloaded: list[dict[str, Any]] = field(default_factory=list)

    def add(self, other: _Found) -> None:
        self.rules += other.rules
        self.preconditions += other.preconditions
        self.overrides += other.overrides
        self.unloaded += other.unloaded


def url_rewrite(context: Context) -> dict[str, Any]:
    found = _Found()
    loaded: bool | None = None
    unread: list[dict[str, Any]] = []
    server = configuration(context)
    if server is not None:
        found.add(_read_file(server.root, _Place(None, "/", server.file)))
        loaded = _loaded(server.root)
        roots: dict[str, Element | None] = {}
        for place in _places(server.root):
            try:
                if place.file.lower() not in roots:
                    roots[place.file.lower()] = parse(context, place.file)
                root = roots[place.file.lower()]
                if root is not None:
                    found.add(_read_file(root, place))
            except PartError as error:
                unread.append(place.members())
                context.say("url_rewrite.rules", f"{place.file}: {error}")
    return {
        "installed": context.has_key(_KEY),
        "version": context.text(_KEY, "Version"),
        "rules": found.rules,
        "preconditions": found.preconditions,
        "overrides": found.overrides,
        "loaded": loaded,
        "unloaded": found.unloaded,
        "unread": unread,
    }


def _loaded(root: Element) -> bool | None:
    """Whether IIS loads the module: None where its list of modules is not there."""
    lists = list(children(root, "system.webServer/globalModules"))
    if not lists:
        return None
    return any(_is_module(entry) for listed in lists for entry in children(listed, "add"))


def _is_module(entry: Element) -> bool:
    return (entry.get("name") or "").lower() == "rewritemodule"


def _removes(container: Element) -> bool:
    """Whether what stands in a container takes the module away."""
    there = True
    for modules in children(container, "system.webServer/modules"):
        for entry in modules:
            if entry.tag == "clear" or (entry.tag == "remove" and _is_module(entry)):
                there = False
            elif entry.tag == "add" and _is_module(entry):
                there = True
    return not there


def rewrite_content(
    root: Element, site: str | None, path: str, file: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return rules and preconditions of one file."""
    found = _read_file(root, _Place(site, path, file))
    return found.rules, found.preconditions


def rule_content(entry: Element, direction: str) -> dict[str, Any]:
    """Return what one rule or precondition does, whatever its place."""
    place = _Place(None, "", "")
    if direction == "precondition":
        return _precondition(entry, place)
    return _rule(entry, place, direction)


def places(root: Element) -> list[tuple[str, str, str]]:
    """List every folder whose web.config counts: site, path, file."""
    return [(place.site or "", place.path, place.file) for place in _places(root)]


def _places(root: Element) -> list[_Place]:
    """List every folder whose web.config counts."""
    found = []
    for site in children(root, "system.applicationHost/sites/site"):
        for application in children(site, "application"):
            for folder in children(application, "virtualDirectory"):
                physical = expand(text(folder, "physicalPath", ""))
                path = text(application, "path", "").rstrip("/") + text(folder, "path", "")
                if physical:
                    file = physical.rstrip("\\") + "\\web.config"
                    found.append(_Place(text(site, "name", ""), f"/{path.strip('/')}", file))
    return found


def _read_file(root: Element, base: _Place) -> _Found:
    """Read all of a file or nothing: half a file would look like a missing rule."""
    found = _Found()
    pairs = [(root, base)]
    pairs += [(location, _location(location, base)) for location in children(root, "location")]
    for container, place in pairs:
        _container(container, place, found)
        if _removes(container):
            found.unloaded.append(place.members())
    return found


def _location(location: Element, base: _Place) -> _Place:
    relative = text(location, "path", "").strip("/")
    place = replace(base, inherit=flag(location, "inheritInChildApplications", default=True))
    if relative in ("", "."):
        return place
    if place.site is None:
        site, _, relative = relative.partition("/")
        place = replace(place, site=site)
    if relative:
        place = replace(place, path=f"{place.path.rstrip('/')}/{relative}")
    return place


def _container(container: Element, place: _Place, found: _Found) -> None:
    """Read what stands in system.webServer/rewrite of <configuration> or <location>."""
    for section in children(container, "system.webServer/rewrite"):
        _refuse_source(section)
        for entry in section:
            if entry.tag in ("globalRules", "rules"):
                found.rules += _collection(entry, "inbound", place, found)
        for entry in children(section, "outboundRules"):
            found.rules += _collection(entry, "outbound", place, found)
            for listed in children(entry, "preConditions"):
                found.preconditions += _collection(listed, "precondition", place, found)


def _refuse_source(section: Element) -> None:
    if section.get("configSource"):
        raise thrown("configSource: the rules stand in another file")


def _collection(
    section: Element, direction: str, place: _Place, found: _Found
) -> list[dict[str, Any]]:
    """Read one collection: clear and remove take away what stands before them."""
    _refuse_source(section)
    rows: list[dict[str, Any]] = []
    for entry in section:
        if entry.tag not in _ELEMENTS:
            continue
        name = entry.get("name")
        if entry.tag in ("clear", "remove"):
            gone = (name or "").lower()
            rows = [r for r in rows if entry.tag == "remove" and r["name"].lower() != gone]
            head = {"direction": direction, "kind": entry.tag, "name": name}
            found.overrides.append({**place.members(), **head})
        elif direction == "precondition":
            rows.append(_precondition(entry, place))
        else:
            rows.append(_rule(entry, place, direction))
    if direction != "precondition":
        rows = [{**row, "order": order} for order, row in enumerate(rows)]
    return rows


def _precondition(entry: Element, place: _Place) -> dict[str, Any]:
    return {
        **place.members(),
        "name": text(entry, "name", ""),
        "logical_grouping": choice(entry, "logicalGrouping", _GROUPING),
        "pattern_syntax": choice(entry, "patternSyntax", _SYNTAX),
        "conditions": [_condition(c, short=True) for c in children(entry, "add")],
    }


def _condition(entry: Element, *, short: bool = False) -> dict[str, Any]:
    kind = {} if short else {"match_type": choice(entry, "matchType", _MATCH_TYPES)}
    return {
        "input": text(entry, "input", ""),
        **kind,
        "pattern": entry.get("pattern"),
        "ignore_case": flag(entry, "ignoreCase", default=True),
        "negate": flag(entry, "negate", default=False),
    }


def _rule(entry: Element, place: _Place, direction: str) -> dict[str, Any]:
    conditions = last(entry, "conditions")
    return {
        **place.members(),
        "direction": direction,
        "name": text(entry, "name", ""),
        "enabled": flag(entry, "enabled", default=True),
        "pattern_syntax": choice(entry, "patternSyntax", _SYNTAX),
        "stop_processing": flag(entry, "stopProcessing", default=False),
        "inherit": place.inherit,
        "precondition": entry.get("preCondition"),
        "match": _match(last(entry, "match")),
        "logical_grouping": choice(conditions, "logicalGrouping", _GROUPING),
        "conditions": []
        if conditions is None
        else [_condition(c) for c in children(conditions, "add")],
        "action": _action(last(entry, "action")),
    }


def _match(match: Element | None) -> dict[str, Any]:
    attributes = {} if match is None else match.attrib
    return {
        "url": attributes.get("url"),
        "server_variable": attributes.get("serverVariable"),
        "filter_by_tags": attributes.get("filterByTags"),
        "pattern": attributes.get("pattern"),
        "ignore_case": flag(match, "ignoreCase", default=True),
        "negate": flag(match, "negate", default=False),
    }


def _action(action: Element | None) -> dict[str, Any]:
    attributes = {} if action is None else action.attrib
    return {
        "type": choice(action, "type", _ACTIONS),
        "value": attributes.get("value"),
        "url": attributes.get("url"),
        "status_code": number(action, "statusCode"),
    }
