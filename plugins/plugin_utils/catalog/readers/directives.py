# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the files of directives into records.

What a JSON Schema cannot say is checked here, with the line: a clause that stands twice, a
deadline without its zone, a cell of a template or sheet that the file does not describe.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ..records.directives import (
    Clause,
    ClauseCondition,
    DeadlineRule,
    Directive,
    Repeat,
    ReportTemplate,
)
from .sources import day, need_day, read_on, source
from .tables import confidence, once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..documents import Document, Where
    from .emergencies import Emergencies


def read_directive(document: Document, found: Emergencies) -> None:
    """One ``directives/*.yml``."""
    data = document.data
    once(document, data["id"], found.directives, "directive")
    templates = _templates(document)
    clauses = tuple(
        _clause(document, ("clauses", index), row, templates)
        for index, row in enumerate(data.get("clauses", ()))
    )
    _check_references(document, clauses)
    found.directives[data["id"]] = Directive(
        id=data["id"],
        title=data["title"],
        authority=data["authority"],
        issued=need_day(document, ("issued",), data["issued"]),
        closed=day(document, ("closed",), data.get("closed")),
        status=data["status"],
        read=read_on(document, ("source",), data["source"]),
        binding_on=data["binding_on"],
        binds=tuple(data["binds"]),
        servers=tuple(data["servers"]),
        clauses=clauses,
        deadlines=tuple(
            DeadlineRule(**{"triage": False, **row}) for row in data.get("deadlines", ())
        ),
        terms=MappingProxyType(dict(data.get("terms", {}))),
        report_templates=templates,
        source=source(document, ("source",), data["source"]),
        power_off_when=_conditions(data.get("power_off_when", ())),
    )


def _templates(document: Document) -> tuple[ReportTemplate, ...]:
    return tuple(
        ReportTemplate(
            id=row["id"],
            file=row["file"],
            sheets=MappingProxyType(dict(row["sheets"])),
            source=source(document, ("report_templates", index), row["source"]),
        )
        for index, row in enumerate(document.data.get("report_templates", ()))
    )


def _clause(
    document: Document, where: Where, row: Mapping[str, Any], templates: Sequence[ReportTemplate]
) -> Clause:
    for index, cell in enumerate(row.get("cells", ())):
        _check_cell(document, (*where, "cells", index), cell, templates)
    again = row.get("repeat")
    return Clause(
        id=row["id"],
        who=row["who"],
        scope=row["scope"],
        text=row["text"],
        deadline=row.get("deadline"),
        evidence=row["evidence"],
        confidence=confidence(row),
        source=source(document, where, str(row.get("source", document.data["source"]))),
        asks_for=tuple(row.get("asks_for", ())),
        kind=row.get("kind", "order"),
        condition=row.get("condition"),
        when=_conditions(row.get("when", ())),
        first_when=_conditions(row.get("first_when", ())),
        step=row["step"],
        urgent=row.get("urgent", False),
        within_hours=row.get("within_hours"),
        repeat=Repeat(again["days"], again["times"], again["from"]) if again else None,
        satisfied_by=row["satisfied_by"],
        proof=tuple(row["proof"]),
        cells=tuple(row.get("cells", ())),
        holds_back=tuple(row.get("holds_back", ())),
        forbids=tuple(row.get("forbids", ())),
        forbids_until=tuple(row.get("forbids_until", ())),
        overdue=row.get("overdue"),
        waits=row.get("waits", False),
        cautions=MappingProxyType(dict(row.get("cautions", {}))),
        note=row.get("note"),
        due=_due(document, (*where, "deadline"), row.get("deadline")),
    )


def _conditions(rows: Sequence[Mapping[str, Any]]) -> tuple[ClauseCondition, ...]:
    return tuple(
        ClauseCondition(MappingProxyType({name: tuple(values) for name, values in row.items()}))
        for row in rows
    )


def _due(document: Document, where: Where, text: str | None) -> datetime | None:
    """The moment of a deadline: a day, or a day with an hour and its offset."""
    if text is None:
        return None
    try:
        if "T" not in text:
            return datetime.combine(date.fromisoformat(text), time.max, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        document.fail(where, f"{text!r} is no date", "write it as 2021-03-05T12:00-05:00")
    if moment.tzinfo is None:
        document.fail(
            where, f"{text!r} has an hour and no zone", "write it as 2021-03-05T12:00-05:00"
        )
    return moment


def _check_cell(
    document: Document, where: Where, cell: str, templates: Sequence[ReportTemplate]
) -> None:
    name, _, place = cell.partition("/")
    sheet = place.partition("!")[0]
    template = next((entry for entry in templates if entry.id == name), None)
    if template is None:
        names = ", ".join(entry.id for entry in templates) or "none"
        document.fail(
            where,
            f"{cell!r} is of report template {name!r}, which the file does not describe",
            f"describe it in report_templates, or use one of: {names}",
        )
    if sheet not in template.sheets:
        document.fail(
            where,
            f"{cell!r} is on a sheet that template {name} has not",
            f"use one of: {', '.join(template.sheets)}",
        )


def _check_references(document: Document, clauses: Sequence[Clause]) -> None:
    """Fail when a clause stands twice, or refers to one that does not exist."""
    names: set[str] = set()
    for index, clause in enumerate(clauses):
        if clause.id.casefold() in names:
            document.fail(
                ("clauses", index, "id"), f"clause {clause.id!r} stands twice", "rename one of them"
            )
        names.add(clause.id.casefold())
    for index, clause in enumerate(clauses):
        for key, name in _named(clause):
            if name not in {entry.id for entry in clauses}:
                document.fail(
                    ("clauses", index, *key),
                    f"there is no clause {name!r}",
                    "name one that is there",
                )


def _named(clause: Clause) -> list[tuple[tuple[str | int, ...], str]]:
    """The other clauses that one refers to, and where."""
    found: list[tuple[tuple[str | int, ...], str]] = [
        (("forbids_until", index), name) for index, name in enumerate(clause.forbids_until)
    ]
    if clause.overdue:
        found.append((("overdue",), clause.overdue))
    if clause.repeat:
        found.append((("repeat", "from"), clause.repeat.after))
    return found
