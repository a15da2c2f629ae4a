# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare one URL Rewrite rule of a host with a known one, by content and never by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...facts.read import flag, rows, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...catalog.records.mitigations import Precondition, RuleCondition, RuleContent
    from ...facts.read import Row

UNREADABLE = "could not be read"


def _same(name: str, found: object, wanted: object, *, fold: bool = False) -> str | None:
    """None where equal, else what differs in words."""
    if found is None:
        return f"{name} {UNREADABLE}"
    if fold and isinstance(found, str) and isinstance(wanted, str):
        equal = found.casefold() == wanted.casefold()
    else:
        equal = type(found) is type(wanted) and found == wanted
    return None if equal else f"{name} is {found!r:.80} instead of {wanted!r}"


def _condition(row: Row, wanted: RuleCondition) -> list[str]:
    kind = row.get("match_type", "Pattern")
    found = (
        # {HTTP_COOKIE}: server variables are compared without case, spaces count (a stray
        # space made one published edition ineffective).
        _same("input", text(row.get("input")), wanted.input, fold=True),
        _same("pattern", text(row.get("pattern")), wanted.pattern),
        _same("match type", text(kind), wanted.match_type, fold=True),
        _same("ignoreCase", flag(row.get("ignore_case")), wanted.ignore_case),
        _same("negate", flag(row.get("negate")), wanted.negate),
    )
    return [f"condition: {difference}" for difference in found if difference]


def _conditions(value: object, wanted: Sequence[RuleCondition]) -> list[str]:
    """Differences of two sets of conditions; their order has no meaning."""
    found = rows(value)
    if not found.whole:
        return [f"conditions {UNREADABLE}"]
    if len(found.rows) != len(wanted):
        return [f"it has {len(found.rows)} conditions instead of {len(wanted)}"]
    left = list(found.rows)
    differences: list[str] = []
    for condition in wanted:
        best = min(left, key=lambda row: len(_condition(row, condition)))
        left.remove(best)
        differences += _condition(best, condition)
    return differences


def _grouping(row: Row, conditions: Sequence[RuleCondition], wanted: str) -> str | None:
    if len(conditions) < 2:  # noqa: PLR2004 - all or any of one condition is the same
        return None
    return _same("logicalGrouping", text(row.get("logical_grouping")), wanted, fold=True)


def _match(row: object, content: RuleContent) -> Iterable[str | None]:
    found: Row = row if isinstance(row, dict) else {}
    wanted = content.match
    if wanted.url is not None:
        yield _same("match url", text(found.get("url")), wanted.url)
    if wanted.server_variable is not None:
        yield _same(
            "match serverVariable",
            text(found.get("server_variable")),
            wanted.server_variable,
            fold=True,
        )
        if found.get("filter_by_tags"):
            yield "it filters by tags"
    if wanted.pattern is not None:
        yield _same("match pattern", text(found.get("pattern")), wanted.pattern)
    yield _same("match ignoreCase", flag(found.get("ignore_case")), wanted.ignore_case)
    yield _same("match negate", flag(found.get("negate")), wanted.negate)


def _action(row: object, content: RuleContent) -> Iterable[str | None]:
    found: Row = row if isinstance(row, dict) else {}
    wanted = content.action
    yield _same("action", text(found.get("type")), wanted.type, fold=True)
    if wanted.value is not None:
        yield _same("action value", text(found.get("value")), wanted.value)
    if wanted.url is not None:
        yield _same("action url", text(found.get("url")), wanted.url)
    if wanted.status_code is not None:
        yield _same("action status", found.get("status_code"), wanted.status_code)


def differences(row: Row, content: RuleContent) -> list[str]:
    """How a rule of the host differs from ``content``; empty = the same in all that counts.

    Names, order and whether it is enabled are judged by the caller. A field that could not be
    read is a difference that contains :data:`UNREADABLE`.
    """
    found = [
        _same("patternSyntax", text(row.get("pattern_syntax")), content.pattern_syntax, fold=True),
        _same("stopProcessing", flag(row.get("stop_processing")), content.stop_processing),
        *_match(row.get("match"), content),
        _grouping(row, content.conditions, content.logical_grouping),
        *_conditions(row.get("conditions"), content.conditions),
        *_action(row.get("action"), content),
    ]
    if content.precondition is None and row.get("precondition"):
        found.append(f"it has the precondition {row['precondition']!r:.80}")
    return [difference for difference in found if difference]


def precondition_differences(rule: Row, known: Iterable[Row], wanted: Precondition) -> list[str]:
    """How the precondition that ``rule`` names differs from the wanted one."""
    name = text(rule.get("precondition"))
    if name is None:
        return ["it has no precondition"]
    place = (_fold(rule.get("site")), _fold(rule.get("path")))
    for row in known:
        here = (_fold(row.get("site")), _fold(row.get("path")))
        if _fold(row.get("name")) == _fold(name) and here == place:
            found = [
                _same(
                    "patternSyntax",
                    text(row.get("pattern_syntax")),
                    wanted.pattern_syntax,
                    fold=True,
                ),
                _grouping(row, wanted.conditions, wanted.logical_grouping),
                *_conditions(row.get("conditions"), wanted.conditions),
            ]
            return [f"precondition: {difference}" for difference in found if difference]
    return [f"its precondition {name!r:.80} does not exist"]


def _fold(value: object) -> str:
    return value.casefold() if isinstance(value, str) else ""
