# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the emergency files into records: mitigations and campaigns.

A campaign may only name CVEs, mitigations, directives and indicator sets that exist;
everything else about a new emergency is data, so that it needs no code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..records.campaigns import (
    Campaign,
    CampaignCve,
    CampaignStep,
    KnownExploited,
    LogWindow,
    TriageTask,
)
from .mitigations import mitigation
from .sources import day, need_day, source
from .tables import Tables, confidence, known, once

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..documents import Document, Where
    from ..records.directives import Directive
    from ..records.mitigations import Mitigation


@dataclass(slots=True)
class Emergencies:
    """What was read so far."""

    mitigations: dict[str, Mitigation] = field(default_factory=dict)
    directives: dict[str, Directive] = field(default_factory=dict)
    campaigns: dict[str, Campaign] = field(default_factory=dict)


def read_mitigation(document: Document, tables: Tables, found: Emergencies) -> None:
    """One ``mitigations/*.yml``."""
    record = mitigation(document, tables)
    once(document, record.id, found.mitigations, "mitigation")
    found.mitigations[record.id] = record


def read_campaign(document: Document, tables: Tables, found: Emergencies) -> None:
    """One ``campaigns/*.yml``."""
    data = document.data
    once(document, data["id"], found.campaigns, "campaign")
    cves = tuple(
        _campaign_cve(document, ("cves", index), row, tables, found)
        for index, row in enumerate(data["cves"])
    )
    if data.get("directive"):
        known(
            document,
            ("directive",),
            data["directive"],
            found.directives,
            "directive",
            "add a file to directives/, or correct the id",
        )
    for index, name in enumerate(data.get("indicator_sets", ())):
        where: Where = ("indicator_sets", index)
        cure = "add a file to indicators/, or correct the id"
        known(document, where, name, tables.indicators, "indicator set", cure)
    found.campaigns[data["id"]] = Campaign(
        id=data["id"],
        title=data["title"],
        summary=data["summary"],
        published=need_day(document, ("published",), data["published"]),
        cves=cves,
        log_window=_log_window(document, data["log_window"]),
        directive=data.get("directive"),
        mitigations=tuple(dict.fromkeys(name for cve in cves for name in cve.mitigations)),
        indicator_sets=tuple(data.get("indicator_sets", ())),
        steps=_steps(document),
        triage=_triage(document),
        notes=MappingProxyType(dict(data.get("notes", {}))),
        tools=tuple(MappingProxyType(dict(tool)) for tool in data.get("tools", ())),
        log_sources=tuple(data["log_window"].get("logs", ())),
        source=source(document, ("source",), data["source"]),
    )


def _campaign_cve(
    document: Document,
    where: Where,
    row: Mapping[str, Any],
    tables: Tables,
    found: Emergencies,
) -> CampaignCve:
    cve = known(
        document,
        (*where, "cve"),
        row["cve"],
        tables.vulnerabilities,
        "CVE",
        "add it with its fixed builds to vulnerabilities/, or correct the number",
    )
    for index, name in enumerate(row.get("mitigations", ())):
        place: Where = (*where, "mitigations", index)
        cure = "add a file to mitigations/, or correct the id"
        known(document, place, name, found.mitigations, "mitigation", cure)
        if cve not in found.mitigations[name].cves:
            document.fail(
                place,
                f"mitigation {name!r} does not say that it is for {cve}",
                "add the CVE to its file, or drop it here",
            )
    exploited = row.get("known_exploited")
    return CampaignCve(
        cve=cve,
        kind=row["kind"],
        exploited=row["exploited"],
        related=row.get("related", False),
        fix=row["fix"],
        authentication=row["authentication"],
        mitigations=tuple(row.get("mitigations", ())),
        conditions=tuple(row.get("conditions", ())),
        known_exploited=_known_exploited(document, where, exploited) if exploited else None,
        automatable=row.get("automatable"),
        impact=row.get("impact"),
    )


def _known_exploited(document: Document, where: Where, row: Mapping[str, Any]) -> KnownExploited:
    place: Where = (*where, "known_exploited")
    return KnownExploited(
        added=need_day(document, (*place, "added"), row["added"]),
        due=need_day(document, (*place, "due"), row["due"]),
        ransomware=row["ransomware"],
        source=source(document, place, row["source"]),
    )


def _log_window(document: Document, row: Mapping[str, Any]) -> LogWindow:
    where: Where = ("log_window",)
    return LogWindow(
        start=day(document, (*where, "from"), row["from"]),
        reason=row["reason"],
        confidence=confidence(row),
        source=source(document, where, row["source"]),
    )


def _steps(document: Document) -> tuple[CampaignStep, ...]:
    return tuple(
        CampaignStep(
            id=row["id"],
            scope=row["scope"],
            title=row["title"],
            detail=row["detail"],
            evidence=row["evidence"],
            condition=row.get("condition"),
            confidence=confidence(row),
            source=source(document, ("steps", index), row["source"]),
        )
        for index, row in enumerate(document.data.get("steps", ()))
    )


def _triage(document: Document) -> tuple[TriageTask, ...]:
    return tuple(
        TriageTask(
            id=row["id"],
            title=row["title"],
            hours=row.get("hours"),
            before_change=row["before_change"],
            confidence=confidence(row),
            source=source(document, ("triage", index), row["source"]),
        )
        for index, row in enumerate(document.data.get("triage", ()))
    )
