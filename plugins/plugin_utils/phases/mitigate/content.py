# SPDX-License-Identifier: GPL-3.0-or-later
"""A mitigation of the catalogue as parameters of the host operations that make it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...catalog.records.mitigations import Mitigation, Precondition, Rule, RuleCondition

RULES, SERVICES, POOLS = (
    "Set-UrlRewriteMitigation",
    "Set-ServiceMitigation",
    "Set-AppPoolMitigation",
)


def rules_of(mitigation: Mitigation, site: str) -> dict[str, Any]:
    """Parameters of ``Set-UrlRewriteMitigation`` for one site."""
    assert mitigation.scope is not None  # noqa: S101 - rules have a scope (catalogue schema)
    conditions = [gate for rule in mitigation.rules if (gate := _gate(rule)) is not None]
    return {
        "mitigation": mitigation.id,
        "site": site,
        "path": mitigation.scope.path,
        "rules": [_rule(rule) for rule in mitigation.rules],
        "preconditions": [_precondition(gate) for gate in conditions],
    }


def services_of(mitigation: Mitigation, product: str | None) -> dict[str, Any]:
    """Parameters of ``Set-ServiceMitigation``; no row where the product has none of them."""
    rows = [
        {"name": row.name, "status": row.status, "start_type": row.start_type}
        for row in mitigation.services
        if product is None or product in row.products
    ]
    return {"mitigation": mitigation.id, "services": rows}


def pools_of(mitigation: Mitigation) -> dict[str, Any]:
    """Parameters of ``Set-AppPoolMitigation``."""
    rows = [
        {
            "name": row.name,
            "state": row.state,
            "auto_start": row.auto_start,
            "start_mode": row.start_mode,
        }
        for row in mitigation.app_pools
    ]
    return {"mitigation": mitigation.id, "pools": rows}


def _gate(rule: Rule) -> Precondition | None:
    return rule.current.content.precondition


def _precondition(wanted: Precondition) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "logical_grouping": wanted.logical_grouping,
        "pattern_syntax": wanted.pattern_syntax,
        "conditions": [_condition(row) for row in wanted.conditions],
    }


def _condition(row: RuleCondition) -> dict[str, Any]:
    return {
        "input": row.input,
        "pattern": row.pattern,
        "ignore_case": row.ignore_case,
        "negate": row.negate,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    content = rule.current.content
    match, action, gate = content.match, content.action, content.precondition
    return {
        "name": rule.name,
        "direction": rule.direction,
        "enabled": True,
        "pattern_syntax": content.pattern_syntax,
        "stop_processing": content.stop_processing,
        "precondition": gate.name if gate else None,
        "match": {
            "url": match.url,
            "server_variable": match.server_variable,
            "pattern": match.pattern,
            "ignore_case": match.ignore_case,
            "negate": match.negate,
        },
        "logical_grouping": content.logical_grouping,
        "conditions": [
            {**_condition(row), "match_type": row.match_type} for row in content.conditions
        ],
        "action": {
            "type": action.type,
            "value": action.value,
            "url": action.url,
            "status_code": action.status_code,
        },
    }
