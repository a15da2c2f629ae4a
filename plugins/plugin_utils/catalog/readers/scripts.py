# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a file about a script of Microsoft into its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..records.tools import (
    MicrosoftScript,
    PatchStateTexts,
    ScriptParameter,
    ScriptRelease,
    ScriptVersion,
    Written,
)
from .sources import source
from .tables import Tables, known

if TYPE_CHECKING:
    from ..documents import Document, Where
    from .emergencies import Emergencies


def read_script(document: Document, tables: Tables, found: Emergencies) -> None:
    """One ``scripts/*.yml``."""
    tool = _tool(document)
    if tool.id in tables.scripts:
        document.fail(("id",), f"tool {tool.id!r} exists twice", "rename one")
    hashes = {
        release.sha256: other.id for other in tables.scripts.values() for release in other.releases
    }
    for index, release in enumerate(tool.releases):
        if release.sha256 in hashes:
            where = ("releases", index, "sha256")
            other = hashes[release.sha256]
            document.fail(where, f"the same file is listed as {other}", "keep one of them")
    for index, mitigation in enumerate(tool.mitigations):
        cure = "add a file to mitigations/, or correct the id"
        known(document, ("mitigations", index), mitigation, found.mitigations, "mitigation", cure)
    tables.scripts[tool.id] = tool


def _tool(document: Document) -> MicrosoftScript:
    data = document.data
    runs = data["support"] == "run"
    if runs == ("reason" in data):
        document.fail(("support",), "a reason belongs to a tool that is not run", "see the others")
    if (data["verdict"] == "patch-state") != ("patch_state" in data):
        document.fail(("verdict",), "patch_state does not fit the verdict", "see the others")
    for index, mitigation in enumerate(data.get("rollback_keeps", ())):
        if mitigation not in data["mitigations"]:
            where = ("rollback_keeps", index)
            document.fail(where, f"{mitigation!r} is no mitigation of this tool", "correct it")
    needs, last = data["needs"], data["versions"]["last"]
    keeps = data.get("rollback_keeps")
    return MicrosoftScript(
        id=data["id"],
        title=data["title"],
        file=data["file"],
        runs=runs,
        reason=data.get("reason"),
        source=source(document, ("source",), data["source"]),
        site=data["site"],
        mitigations=tuple(data["mitigations"]),
        first=ScriptVersion.bound(data["versions"]["first"]),
        last=ScriptVersion.bound(last) if last else None,
        releases=tuple(
            ScriptRelease(
                ScriptVersion.parse(row["version"]),
                row["sha256"],
                source(document, (*where, "source"), row["source"]),
            )
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


def _rows(data: Any, key: str) -> list[tuple[Where, Any]]:
    return [((key, index), row) for index, row in enumerate(data[key])]


def _parameter(document: Document, where: Where, row: Any) -> ScriptParameter:
    mitigation = row.get("for")
    if mitigation not in (None, "all", *document.data["mitigations"]):
        cure = "name one of mitigations, or all"
        document.fail((*where, "for"), f"{mitigation!r} is no mitigation of this tool", cure)
    return ScriptParameter(
        name=row["name"],
        since=ScriptVersion.bound(row["since"]),
        use=row["use"],
        value=row.get("value"),
        mitigation=mitigation,
        why=row["why"],
        source=source(document, (*where, "source"), row["source"]),
    )


def _texts(row: Any) -> PatchStateTexts:
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    return PatchStateTexts(**values)
