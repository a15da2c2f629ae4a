# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn a file about a detection tool of Microsoft into its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..records.detection_tools import DetectionEra, DetectionMode, DetectionTool
from ..records.tools import ScriptRelease, ScriptVersion, Written
from .sources import need_day, source
from .tables import known, once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..documents import Document, Where
    from .emergencies import Emergencies
    from .tables import Tables


def read_detection_tool(document: Document, tables: Tables, found: Emergencies) -> None:
    """One ``detection_tools/*.yml``."""
    tool = _tool(document, found)
    once(document, tool.id, tables.detection_tools, "detection tool")
    tables.detection_tools[tool.id] = tool


def _tool(document: Document, found: Emergencies) -> DetectionTool:
    data = document.data
    if (data["support"] == "read") != ("reason" in data):
        document.fail(("support",), "a reason belongs to a tool that is not run", "see the others")
    if (data["support"] == "run") != bool(data["modes"]):
        document.fail(("modes",), "command lines belong to a tool that is run", "see the others")
    for index, mode in enumerate(data["modes"]):
        if any(era["checks"] and mode["check"] not in era["checks"] for era in data["eras"]):
            where = ("modes", index, "check")
            document.fail(where, f"{mode['check']!r} is no check of each era", "name one that is")
    if not data["file"].endswith(f".{data['format']}"):
        document.fail(("format",), f"{data['file']} is not of that format", "correct it")
    return DetectionTool(
        id=data["id"],
        title=data["title"],
        file=data["file"],
        format=data["format"],
        where=data["where"],
        support=data["support"],
        reason=data.get("reason"),
        signed=data["signed"],
        source=source(document, ("source",), data["source"]),
        expires_days=data.get("expires_days"),
        needs_mib=data["needs"]["mib"],
        needs_powershell=data["needs"].get("powershell"),
        releases=tuple(
            ScriptRelease(
                ScriptVersion.parse(row["version"]),
                row["sha256"],
                source(document, ("releases", index, "source"), row["source"]),
            )
            for index, row in enumerate(data["releases"])
        ),
        recognise=tuple(data["recognise"]),
        eras=_eras(document),
        modes=_modes(document, found),
        writes=tuple(Written(**row) for row in data["writes"]),
        as_of=need_day(document, ("as_of",), data["as_of"]),
    )


def _eras(document: Document) -> tuple[DetectionEra, ...]:
    """The eras, from the oldest on; one without a first version is the only one."""
    name = document.data["id"]
    eras = tuple(
        DetectionEra(
            ScriptVersion.bound(row["first"]) if "first" in row else None,
            row["how"],
            tuple(f"{name}/{check}" for check in row["checks"]),
            tuple(row["sees"]),
            tuple(row["cannot_see"]),
            source(document, ("eras", index, "source"), row["source"]),
        )
        for index, row in enumerate(document.data["eras"])
    )
    firsts: list[Any] = [era.first for era in eras]
    if None in firsts and len(firsts) > 1:
        document.fail(
            ("eras",), "an era without a first version is the only one", "add the versions"
        )
    if None not in firsts and firsts != sorted(firsts):
        document.fail(("eras",), "the eras are not in the order of their versions", "sort them")
    return eras


def _modes(document: Document, found: Emergencies) -> tuple[DetectionMode, ...]:
    rows = document.data["modes"]
    names = [row["name"] for row in rows]
    for index, name in enumerate(names):
        if name in names[:index]:
            document.fail(("modes", index, "name"), f"mode {name!r} exists twice", "rename one")
    return tuple(
        DetectionMode(
            name=row["name"],
            arguments=tuple(row["arguments"]),
            removes=row["removes"],
            expected_seconds=row["expected_seconds"],
            longest_seconds=row["longest_seconds"],
            check=f"{document.data['id']}/{row['check']}",
            answers=_answers(document, index, found),
            source=source(document, ("modes", index, "source"), row["source"]),
        )
        for index, row in enumerate(rows)
    )


def _answers(document: Document, index: int, found: Emergencies) -> Mapping[str, tuple[str, ...]]:
    """The clauses that ask for a mode, each of which the directive must have."""
    said = document.data["modes"][index].get("answers", {})
    for name, clauses in said.items():
        where: Where = ("modes", index, "answers", name)
        cure = "add a file to directives/, or correct the id"
        known(document, where, name, found.directives, "directive", cure)
        for clause in clauses:
            if found.directives[name].clause(clause) is None:
                document.fail(where, f"{name} has no clause {clause!r}", "correct its id")
    return {name: tuple(clauses) for name, clauses in said.items()}
