# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mitigations of a campaign one server needs, as ordered steps. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..judge.assess import assess
from ..judge.facts import Facts
from ..judge.knowledge import knowledge_of
from ..judge.mitigation_state import MitigationState, State
from ..judge.mitigations import judge_mitigation
from ..judge.rewrite_mitigation import front_end_sites
from ..judge.subject import subject as subject_of
from ..model import Exposure

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from ..catalog.catalog import Catalog
    from ..catalog.mitigation_records import Mitigation, Precondition, Rule, RuleCondition
    from ..judge.subject import Subject

_OPEN = frozenset(
    (Exposure.VULNERABLE, Exposure.VULNERABLE_MITIGATED, Exposure.UNSUPPORTED_AND_VULNERABLE)
)


@dataclass(frozen=True, slots=True)
class Step:
    """One operation on one server. ``before`` and ``wanted`` are for people."""

    operation: str
    parameters: dict[str, Any]
    mitigation: str
    reason: str
    before: Any
    wanted: Any
    clause: str | None = None  # ED 21-02 itself asks for no mitigation


@dataclass(frozen=True, slots=True)
class Selection:
    """The steps, or why there is none: ``refused`` wins over everything."""

    steps: tuple[Step, ...]
    refused: tuple[str, ...]
    states: tuple[MitigationState, ...]


def choose(
    catalog: Catalog,
    campaign: str,
    result: dict[str, Any] | None,
    errors: Iterable[object],
    at: datetime,
    *,
    present: bool,
) -> Selection:
    """Choose for one server; raises :class:`CatalogError` without such a campaign."""
    knowledge, errors = knowledge_of(catalog), tuple(errors)
    chosen = knowledge.campaign(campaign)
    facts = Facts.of(result, errors)
    subject = subject_of(facts, knowledge, chosen, at)
    known = {item.id: item for item in knowledge.mitigations}
    found = [(known[name], judge_mitigation(known[name], subject)) for name in chosen.mitigations]
    states = tuple(state for _, state in found)
    if not present:
        steps = tuple(_undo(mitigation, state) for mitigation, state in found)
        return Selection(steps, (), states)
    judged = assess(result, errors, catalog, chosen, at)
    exposures = {item.cve: item.exposure for item in judged.exposures}
    steps_of: list[Step] = []
    refused: list[str] = []
    for mitigation, state in found:
        if state.state in (State.NOT_APPLICABLE, State.HOLDS):
            continue
        concerned = {exposures[cve] for cve in mitigation.cves if cve in exposures}
        if Exposure.UNKNOWN in concerned:
            refused.append(f"{mitigation.id}: whether it is needed is not known")
        elif concerned & _OPEN and _unread(state):
            refused.append(f"{mitigation.id}: {state.detail}")
        elif concerned & _OPEN:
            steps_of += _apply(mitigation, state, subject)
    return Selection(() if refused else tuple(steps_of), tuple(refused), states)


def _unread(state: MitigationState) -> bool:
    return State.UNKNOWN in (state.state, *(part.state for part in state.parts))


def _undo(mitigation: Mitigation, state: MitigationState) -> Step:
    reason = "Asked to take it off; the recorded state from before comes back."
    parameters = {"mitigation": mitigation.id}
    return Step(
        "Undo-Mitigation", parameters, mitigation.id, reason, state.state.value, "as recorded"
    )


def _apply(mitigation: Mitigation, state: MitigationState, subject: Subject) -> Iterator[Step]:
    reason = f"{', '.join(mitigation.cves)} open, mitigation {state.state.value}: {state.detail}"
    for operation, parameters in _orders(mitigation, subject):
        wanted = {key: value for key, value in parameters.items() if key != "mitigation"}
        yield Step(operation, parameters, mitigation.id, reason, state.state.value, wanted)


def _orders(mitigation: Mitigation, subject: Subject) -> Iterator[tuple[str, dict[str, Any]]]:
    named = {"mitigation": mitigation.id}
    if mitigation.rules and mitigation.scope:
        sites = front_end_sites(subject.facts)
        names = [str(row["name"]) for row in sites.rows] if sites else []
        rules = [_rule(rule) for rule in mitigation.rules]
        conditions = [_precondition(p) for rule in mitigation.rules if (p := _needs(rule))]
        for site in names or [mitigation.scope.site]:
            place = {"site": site, "path": mitigation.scope.path}
            content = {"rules": rules, "preconditions": conditions}
            yield "Set-UrlRewriteMitigation", {**named, **place, **content}
    services = [
        {"name": row.name, "status": row.status, "start_type": row.start_type}
        for row in mitigation.services
        if subject.product is None or subject.product in row.products
    ]
    if services:
        yield "Set-ServiceMitigation", {**named, "services": services}
    pools = [
        {
            "name": row.name,
            "state": row.state,
            "auto_start": row.auto_start,
            "start_mode": row.start_mode,
        }
        for row in mitigation.app_pools
    ]
    if pools:
        yield "Set-AppPoolMitigation", {**named, "pools": pools}


def _needs(rule: Rule) -> Precondition | None:
    return rule.current.content.precondition


def _precondition(wanted: Precondition) -> dict[str, Any]:
    return {
        "name": wanted.names[0][1],
        "logical_grouping": wanted.logical_grouping,
        "pattern_syntax": wanted.pattern_syntax,
        "conditions": [_condition(row, kind=False) for row in wanted.conditions],
    }


def _condition(row: RuleCondition, *, kind: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "input": row.input,
        "pattern": row.pattern,
        "ignore_case": row.ignore_case,
        "negate": row.negate,
    }
    return {**found, "match_type": row.match_type} if kind else found


def _rule(rule: Rule) -> dict[str, Any]:
    content = rule.current.content
    match, action = content.match, content.action
    return {
        "name": rule.name,
        "direction": rule.direction,
        "enabled": True,
        "pattern_syntax": content.pattern_syntax,
        "stop_processing": content.stop_processing,
        "precondition": content.precondition.names[0][1] if content.precondition else None,
        "match": {
            "url": match.url,
            "server_variable": match.server_variable,
            "pattern": match.pattern,
            "ignore_case": match.ignore_case,
            "negate": match.negate,
        },
        "logical_grouping": content.logical_grouping,
        "conditions": [_condition(row, kind=True) for row in content.conditions],
        "action": {
            "type": action.type,
            "value": action.value,
            "url": action.url,
            "status_code": action.status_code,
        },
    }
