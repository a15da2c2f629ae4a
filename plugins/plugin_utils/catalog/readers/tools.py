# SPDX-License-Identifier: GPL-3.0-or-later
"""Load the catalogue of Microsoft's scripts: ``data/``, one file a tool."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...base.errors import CatalogError, ConfigError
from ..documents import Document, read
from ..records.tools import Parameter, PatchStateTexts, Release, Tool, Version, Written

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[1] / "data" / "scripts"


@cache
def load(root: Path = ROOT) -> Mapping[str, Tool]:
    """Return the tools by id; raises :class:`CatalogError` with file, line and cure."""
    tools: dict[str, Tool] = {}
    hashes: dict[str, str] = {}
    for path in sorted(root.glob("*.yml")):
        document = read(root, path, "tool")
        tool = _tool(document)
        if tool.id in tools:
            document.fail(("id",), f"tool {tool.id!r} exists twice", "rename one")
        for index, release in enumerate(tool.releases):
            other = hashes.setdefault(release.sha256, tool.id)
            if other != tool.id:
                where = ("releases", index, "sha256")
                document.fail(where, f"the same file is listed as {other}", "keep one of them")
        tools[tool.id] = tool
    if not tools:
        raise CatalogError(f"{root} holds no tool; check the folder")
    return tools


def tool(name: str) -> Tool:
    """One tool of the collection's catalogue; raises :class:`ConfigError` with those it has."""
    found = load().get(name)
    if found is None:
        raise ConfigError(f"there is no tool {name!r}; known are {', '.join(sorted(load()))}")
    return found


def _tool(document: Document) -> Tool:
    data = document.data
    runs = data["support"] == "run"
    if runs == ("reason" in data):
        document.fail(("support",), "a reason belongs to a tool that is not run", "see the others")
    if (data["verdict"] == "patch-state") != ("patch_state" in data):
        document.fail(("verdict",), "patch_state does not fit the verdict", "see the others")
    needs, last = data["needs"], data["versions"]["last"]
    keeps = data.get("rollback_keeps")
    return Tool(
        id=data["id"],
        title=data["title"],
        file=data["file"],
        runs=runs,
        reason=data.get("reason"),
        source=_source(document, (), data),
        site=data["site"],
        mitigations=tuple(data["mitigations"]),
        first=Version.bound(data["versions"]["first"]),
        last=Version.bound(last) if last else None,
        releases=tuple(
            Release(Version.parse(row["version"]), row["sha256"], _source(document, where, row))
            for where, row in _rows(data, "releases")
        ),
        signs=tuple(data["signs"]),
        parameters=tuple(
            _parameter(document, where, row) for where, row in _rows(data, "parameters")
        ),
        needs_url_rewrite=needs["url_rewrite"],
        url_rewrite_listed=tuple(needs.get("url_rewrite_listed", ())),
        needs_single_update=needs["single_security_update"],
        needs_powershell=needs["powershell"],
        patch_state=_texts(data["patch_state"]) if "patch_state" in data else None,
        rollback_keeps=None if keeps is None else tuple(keeps),
        writes=tuple(Written(**row) for row in data["writes"]),
    )


def _rows(data: Any, key: str) -> list[tuple[tuple[str | int, ...], Any]]:
    return [((key, index), row) for index, row in enumerate(data[key])]


def _source(document: Document, where: tuple[str | int, ...], row: Any) -> str:
    key = row["source"]
    text = document.data["sources"].get(key)
    if text is None:
        known = ", ".join(document.data["sources"])
        document.fail((*where, "source"), f"source {key!r} is not defined", f"known are {known}")
    return str(text)


def _parameter(document: Document, where: tuple[str | int, ...], row: Any) -> Parameter:
    mitigation = row.get("for")
    if mitigation not in (None, "all", *document.data["mitigations"]):
        cure = "name one of mitigations, or all"
        document.fail((*where, "for"), f"{mitigation!r} is no mitigation of this tool", cure)
    return Parameter(
        name=row["name"],
        since=Version.bound(row["since"]),
        use=row["use"],
        value=row.get("value"),
        mitigation=mitigation,
        why=row["why"],
        source=_source(document, where, row),
    )


def _texts(row: Any) -> PatchStateTexts:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return PatchStateTexts(**values)
