# SPDX-License-Identifier: GPL-3.0-or-later
"""A wanted rule or precondition: its full content with IIS's defaults, and its XML."""

from __future__ import annotations

import re
from typing import Any

_ODD = re.compile(r"[^\x20-\x7e]")


def _member(value: Any, name: str, default: Any = None) -> Any:
    found = value.get(name) if isinstance(value, dict) else None
    return default if found is None else found


def _conditions(value: Any, *, short: bool = False) -> list[dict[str, Any]]:
    return [
        {
            "input": _member(one, "input", ""),
            **({} if short else {"match_type": _member(one, "match_type", "Pattern")}),
            "pattern": _member(one, "pattern"),
            "ignore_case": _member(one, "ignore_case", default=True),
            "negate": _member(one, "negate", default=False),
        }
        for one in _member(value, "conditions", [])
        if one is not None
    ]


def rule(value: dict[str, Any]) -> dict[str, Any]:
    """Return what a rule of the request, or of the facts, does; without its place."""
    match, action = _member(value, "match"), _member(value, "action")
    return {
        "direction": _member(value, "direction", "inbound"),
        "name": str(_member(value, "name", "")),
        "enabled": _member(value, "enabled", default=True),
        "pattern_syntax": _member(value, "pattern_syntax", "ECMAScript"),
        "stop_processing": _member(value, "stop_processing", default=False),
        "precondition": _member(value, "precondition"),
        "match": {
            **{
                name: _member(match, name)
                for name in ("url", "server_variable", "filter_by_tags", "pattern")
            },
            "ignore_case": _member(match, "ignore_case", default=True),
            "negate": _member(match, "negate", default=False),
        },
        "logical_grouping": _member(value, "logical_grouping", "MatchAll"),
        "conditions": _conditions(value),
        "action": {
            "type": _member(action, "type", "None"),
            **{name: _member(action, name) for name in ("value", "url", "status_code")},
        },
    }


def precondition(value: dict[str, Any]) -> dict[str, Any]:
    """Return what a precondition asks for; without its place."""
    return {
        "name": str(_member(value, "name", "")),
        "logical_grouping": _member(value, "logical_grouping", "MatchAll"),
        "pattern_syntax": _member(value, "pattern_syntax", "ECMAScript"),
        "conditions": _conditions(value, short=True),
    }


def _attribute(name: str, value: Any, default: Any = None) -> str:
    """Return `` name="value"`` in ASCII; nothing for null and for the default."""
    if value is None or (value == default and isinstance(value, type(default))):
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        text = text.replace(plain, escaped)
    return f' {name}="{_ODD.sub(lambda found: f"&#{ord(found[0])};", text)}"'


def _condition(condition: dict[str, Any]) -> str:
    return (
        f"<add{_attribute('input', condition['input'])}"
        f"{_attribute('matchType', condition.get('match_type'), 'Pattern')}"
        f"{_attribute('pattern', condition['pattern'])}"
        f"{_attribute('ignoreCase', condition['ignore_case'], default=True)}"
        f"{_attribute('negate', condition['negate'], default=False)} />"
    )


def _match(match: dict[str, Any]) -> str:
    return (
        f"<match{_attribute('url', match['url'])}"
        f"{_attribute('filterByTags', match['filter_by_tags'])}"
        f"{_attribute('serverVariable', match['server_variable'])}"
        f"{_attribute('pattern', match['pattern'])}"
        f"{_attribute('ignoreCase', match['ignore_case'], default=True)}"
        f"{_attribute('negate', match['negate'], default=False)} />"
    )


def _rule_head(rule: dict[str, Any]) -> str:
    return (
        f"{_attribute('name', rule['name'])}"
        f"{_attribute('enabled', rule['enabled'], default=True)}"
        f"{_attribute('patternSyntax', rule['pattern_syntax'], 'ECMAScript')}"
        f"{_attribute('stopProcessing', rule['stop_processing'], default=False)}"
        f"{_attribute('preCondition', rule['precondition'])}"
    )


def _action(action: dict[str, Any]) -> str:
    return (
        f"{_attribute('type', action['type'])}{_attribute('value', action['value'])}"
        f"{_attribute('url', action['url'])}{_attribute('statusCode', action['status_code'])}"
    )


def lines(content: dict[str, Any], kind: str, unit: str) -> list[str]:
    """Return the XML of an entry, indented by the unit from the second line on."""
    if kind == "precondition":
        head = _attribute("name", content["name"])
        head += _attribute("logicalGrouping", content["logical_grouping"], "MatchAll")
        head += _attribute("patternSyntax", content["pattern_syntax"], "ECMAScript")
        inner = [unit + _condition(one) for one in content["conditions"]]
        return [f"<preCondition{head}>", *inner, "</preCondition>"]
    grouping = _attribute("logicalGrouping", content["logical_grouping"], "MatchAll")
    conditions = [unit * 2 + _condition(one) for one in content["conditions"]]
    if conditions or grouping:
        conditions = [f"{unit}<conditions{grouping}>", *conditions, f"{unit}</conditions>"]
    return [
        f"<rule{_rule_head(content)}>",
        unit + _match(content["match"]),
        *conditions,
        f"{unit}<action{_action(content['action'])} />",
        "</rule>",
    ]
