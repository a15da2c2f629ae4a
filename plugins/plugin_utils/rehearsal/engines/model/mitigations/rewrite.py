# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rules of a web.config have to change, and the text of the file when they have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import OperationError
from ..facts.rewrite import rewrite_content, rule_content
from . import rules as mitigation_rules
from . import text as mitigation_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .text import EditedConfiguration, Tag

COLLECTIONS = {
    "system.webServer/rewrite/outboundRules/preConditions": "precondition",
    "system.webServer/rewrite/outboundRules": "outbound",
    "system.webServer/rewrite/rules": "inbound",
}
_SECTIONS = (
    "system.webServer",
    "system.webServer/rewrite",
    "system.webServer/rewrite/rules",
    "system.webServer/rewrite/outboundRules",
)
# These actions answer the request themselves: it never reaches Exchange.
_ENDS_REQUEST = ("AbortRequest", "CustomResponse", "Redirect")


@dataclass(slots=True)
class Row:
    """An entry of a list; ``live``: no clear or remove behind it takes it away."""

    tag: Tag
    name: str
    content: dict[str, Any]
    live: bool = True

    def called(self, name: str) -> bool:
        return self.name.lower() == name.lower()


@dataclass(slots=True)
class Edit:
    """A changed text, what stood there before, which containers were made, what is ours."""

    text: str
    originals: list[dict[str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    names: list[dict[str, str]] = field(default_factory=list)


def edit(text: str, file: str, wanted: dict[str, list[dict[str, Any]]], gone: list[str]) -> Edit:
    """Return the text with the wanted rules and without the names that shall go."""
    result = Edit(text)
    _assert_own_source(mitigation_text.document(text, file))
    for path, kind in COLLECTIONS.items():
        names = [want["name"] for want in wanted[kind]]
        result.names += [{"collection": path, "name": name} for name in names]
        if names or gone:
            _edit_collection(result, file, path, wanted[kind], {n.lower() for n in names + gone})
    return result


def content(text: str | None, file: str, site: str, path: str) -> dict[str, Any]:
    """Return what a text says, as in the facts."""
    rules: list[dict[str, Any]] = []
    preconditions: list[dict[str, Any]] = []
    if text is not None:
        root = mitigation_text.document(text, file).root
        rules, preconditions = rewrite_content(root, site, path, file)
    digest = mitigation_text.sha256(text)
    return {"file": file, "sha256": digest, "rules": rules, "preconditions": preconditions}


def rows(document: EditedConfiguration, path: str) -> list[Row]:
    """List the entries of one list in document order."""
    found: list[Row] = []
    for section in mitigation_text.find(document.tags, path):
        for tag in section.children:
            if tag.local not in ("rule", "preCondition", "clear", "remove"):
                continue
            node = document.nodes[tag.index]
            name = node.get("name", "")
            if tag.local in ("clear", "remove"):
                for row in found:
                    row.live = row.live and tag.local == "remove" and not row.called(name)
                continue
            kind = COLLECTIONS[path]
            fact = rule_content(node, kind)
            shape = mitigation_rules.precondition if kind == "precondition" else None
            found.append(Row(tag, name, (shape or mitigation_rules.rule)(fact)))
    return found


def _assert_own_source(document: EditedConfiguration) -> None:
    for path in _SECTIONS:
        for tag in mitigation_text.find(document.tags, path):
            if "configSource" in document.nodes[tag.index].attrib:
                raise OperationError(
                    "RequestInvalid",
                    f"{document.path}: {path} stands in another file (configSource); "
                    "put the rules there by hand",
                    identity="ConfigSource",
                )


def _edit_collection(
    result: Edit, file: str, path: str, wanted: list[dict[str, Any]], names: set[str]
) -> None:
    kind = COLLECTIONS[path]
    document = mitigation_text.document(result.text, file)
    found = rows(document, path)
    unit = mitigation_text.indent_unit(result.text, document.tags[0])
    in_place = _right_shape(found, wanted, names, kind)
    for row in reversed(found):
        if row.name.lower() not in names:
            continue
        want = next((w for w in wanted if row.called(w["name"])), None)
        if in_place and want == row.content:
            continue
        raw = document.text[row.tag.start : row.tag.end]
        result.originals.insert(0, {"collection": path, "name": row.name, "text": raw})
        if in_place and want is not None:
            lines = mitigation_rules.lines(want, kind, unit)
            result.text = mitigation_text.replace(result.text, row.tag, lines)
        else:
            result.text = mitigation_text.remove(result.text, row.tag)
    if not in_place and wanted:
        lines = [line for want in wanted for line in mitigation_rules.lines(want, kind, unit)]
        result.text, made = mitigation_text.add_block(result.text, path, lines)
        result.made += made


def _right_shape(
    found: list[Row], wanted: list[dict[str, Any]], names: set[str], kind: str
) -> bool:
    """Tell whether each wanted entry stands there once, counts, in order, hidden by nothing."""
    ours = [row for row in found if row.name.lower() in names]
    if len(ours) != len(wanted):
        return False
    for want in wanted:
        same = [row for row in ours if row.called(want["name"])]
        if len(same) != 1 or not same[0].live:
            return False
    if kind == "precondition":
        return True
    in_order = all(row.called(want["name"]) for row, want in zip(ours, wanted, strict=True))
    return in_order and not _shadowed(found, names)


def _shadowed(found: Sequence[Row], names: set[str]) -> bool:
    """Tell whether a foreign rule before the last of ours lets the request through."""
    seen = False
    for row in reversed(found):
        if row.name.lower() in names:
            seen = True
        elif (
            seen
            and row.live
            and row.content["enabled"]
            and row.content["stop_processing"]
            and row.content["action"]["type"] not in _ENDS_REQUEST
        ):
            return True
    return False
