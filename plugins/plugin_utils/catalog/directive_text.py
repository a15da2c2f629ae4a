# SPDX-License-Identifier: GPL-3.0-or-later
"""A directive and its clauses as lines of text, for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .records.directives import Clause, ClauseCondition, Directive

WIDTH = 80
_LABEL = 14


def directive_lines(directive: Directive) -> Iterable[str]:
    """The directive with one line for each clause."""
    yield directive.title
    state = f"closed {directive.closed}" if directive.closed else directive.status
    yield from field("issued", f"{directive.issued} by {directive.authority}, {state}")
    yield from field("binding on", directive.binding_on)
    yield from field("source", f"{directive.source} (read {directive.read})")
    for term, meaning in directive.terms.items():
        yield from field(term, meaning)
    for template in directive.report_templates:
        sheets = "; ".join(f"{name}: {text}" for name, text in template.sheets.items())
        yield from field(f"template {template.id}", f"{template.file} ({sheets})")
    if directive.deadlines:
        yield from field("table", f"{len(directive.deadlines)} cells of days to the fix (--json)")
    yield ""
    for clause in directive.clauses:
        marks = [clause.kind] if clause.kind != "order" else []
        marks += [moment(clause)] if moment(clause) else []
        head = f"{clause.id} ({', '.join(marks)})" if marks else clause.id
        yield from textwrap.wrap(head, WIDTH, subsequent_indent="    ")
        yield from textwrap.wrap(
            clause.text, WIDTH, initial_indent="    ", subsequent_indent="    "
        )


def clause_lines(directive: Directive, clause: Clause) -> Iterable[str]:
    """Everything about one clause."""
    yield f"{directive.short} {clause.id}"
    yield from field("kind", "order" if clause.kind == "order" else "advice, not an order")
    yield from field("who", clause.who)
    yield from field("when", clause.condition or "always")
    if clause.when:
        yield from field("answers", conditions(clause.when))
    yield from field("what", clause.text)
    yield from field("by when", moment(clause) or "the source sets no time")
    yield from field("satisfied by", clause.satisfied_by)
    for index, proof in enumerate(clause.proof):
        yield from field("evidence" if not index else "", proof)
    shown = "read from the server" if clause.evidence == "host" else "a person attests it"
    yield from field("shown by", shown)
    step = "none of this tool: people do it" if clause.step == "people" else clause.step
    yield from field("step", step)
    if clause.holds_back:
        yield from field("until then", f"not: {', '.join(clause.holds_back)}")
    if clause.forbids:
        until = " and ".join(clause.forbids_until)
        until = f", until it is on record: {until}" if until else ""
        yield from field("forbids", ", ".join(clause.forbids) + until)
    if clause.overdue:
        yield from field(
            "also when", f"the time of {clause.overdue!r} is over without a record of it"
        )
    for index, cell in enumerate(clause.cells):
        yield from field("report cell" if not index else "", cell)
    for text in (clause.cautions or {}).values():
        yield from field("caution", text)
    if clause.note:
        yield from field("note", clause.note)
    mark = "" if clause.confidence.value == "read" else f" [{clause.confidence.value}]"
    yield from field("source", f"{clause.source}{mark}")


def moment(clause: Clause) -> str:
    """When a clause is due, in words; empty where the source sets no time."""
    parts = []
    if clause.urgent:
        parts.append("immediately")
    if clause.deadline:
        parts.append(f"by {clause.deadline}")
    if clause.within_hours:
        parts.append(f"within {clause.within_hours} h")
    if clause.repeat:
        again = clause.repeat
        parts.append(f"{again.times} times, {again.days} days apart, after {again.after!r}")
    return ", ".join(parts)


def conditions(alternatives: Iterable[ClauseCondition]) -> str:
    """Alternatives in words: ``expertise yes and indicator no; or ...``."""
    return "; or ".join(
        " and ".join(
            name.replace("_", " ") + " " + " or ".join(_word(value) for value in values)
            for name, values in condition.answers.items()
        )
        for condition in alternatives
    )


def _word(value: bool | str) -> str:  # noqa: FBT001 - it is the value itself
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value


def field(label: str, text: str) -> Iterable[str]:
    """A label with a text that is wrapped beside it."""
    head = f"  {label:<{_LABEL}}"
    if len(label) > _LABEL - 1:
        yield f"  {label}"
        head = " " * (_LABEL + 2)
    yield from textwrap.wrap(
        text, WIDTH, initial_indent=head, subsequent_indent=" " * (_LABEL + 2)
    ) or [head.rstrip()]
