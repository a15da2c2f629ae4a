# SPDX-License-Identifier: GPL-3.0-or-later
"""The branch function against a table that was written by hand from the directive's text."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.directive.answers import (
    ServerSituation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.directive.decide import (
    Allowed,
    DirectiveDecision,
    decide,
)

_TABLE = yaml.safe_load(
    (Path(__file__).parent / "directive" / "ed-21-02.yml").read_text(encoding="utf-8")
)
_DIRECTIVE = load().need_directive("ed-21-02")
_WORDS = ("yes", "no", "?")
_ANSWERS = ("expertise", "indicator", "disk_image", "updatable", "internet")
_ROLES = ("mailbox", "edge-transport", "management-tools", "?")
_NEVER_RELAXED = ("patch", "upgrade", "mitigate", "reconnect")
_STRICTNESS = list(Allowed)


def _name(short: str) -> str:
    """The id of a clause from its short form in the table."""
    if short.startswith("s1 "):
        return f"supplement 1 {short[3:]}"
    if short.startswith("s2 "):
        return f"supplement 2 {short[3:]}"
    return f"action {short}"


def _spread(short: str) -> list[str]:
    """One entry of the table as clauses: the hardening of supplement 1 has several."""
    name, open_ = short.removesuffix("*"), short.endswith("*")
    names = [name]
    if name.startswith("s1 hardening"):
        kinds = name.removeprefix("s1 hardening").split() or list(_TABLE["hardening"])
        names = [f"s1 hardening {n}" for kind in kinds for n in _TABLE["hardening"][kind]]
        names.sort(key=lambda entry: entry.rsplit(" ", 1)[1])
    return [_name(entry) + ("?" if open_ else "") for entry in names]


def _fitting(table: dict[str, Any], situation: dict[str, str]) -> dict[str, Any]:
    found = []
    for row in table["rows"]:
        cells = dict(zip(table["columns"], row, strict=False))
        if len(row) > len(table["columns"]):
            cells["first"] = row[-1]
        keys = [key for key in cells if key in situation]
        if all(cells[key] in ("any", situation[key]) for key in keys):
            found.append(cells)
    assert len(found) == 1, (table.get("name"), situation, found)
    return found[0]


def _expected(situation: dict[str, str]) -> list[str]:
    short = list(_TABLE["always"])
    for table in _TABLE["tables"]:
        columns = [*table["columns"]]
        row = _fitting({**table, "columns": [c for c in columns if c != "first"]}, situation)
        short += row["ordered"]
    place = {name: index for index, name in enumerate(_TABLE["order"])}
    short.sort(key=lambda entry: place[entry.removesuffix("*")])
    names = [name for entry in short for name in _spread(entry)]
    if situation["role"] == "management-tools":
        out = {n for entry in _TABLE["not_for_tools"] for n in _spread(entry)}
        names = [name for name in names if name.removesuffix("?") not in out]
    ahead = _first(situation)
    return [*ahead, *(name for name in names if name not in ahead)]


def _first(situation: dict[str, str]) -> list[str]:
    """What goes before everything; a machine with management tools has no such thing."""
    if situation["role"] == "management-tools":
        return []
    rows = [
        _fitting({**table, "columns": [c for c in table["columns"] if c != "first"]}, situation)
        for table in _TABLE["tables"]
    ]
    return [_name(entry) for row in rows for entry in row.get("first", [])]


def _situation(words: dict[str, str], **more: Any) -> ServerSituation:
    answers: dict[str, Any] = {
        name: "unknown" if word == "?" else word for name, word in words.items() if name != "role"
    }
    role = words["role"]
    return ServerSituation.of({**answers, "roles": [] if role == "?" else [role], **more})


@cache
def _all() -> tuple[tuple[tuple[str, str], ...], ...]:
    names = (*_ANSWERS, "role")
    values = itertools.product(*(_WORDS,) * len(_ANSWERS), _ROLES)
    return tuple(tuple(zip(names, row, strict=True)) for row in values)


def _orders(decision: DirectiveDecision) -> list[str]:
    return [
        action.clause.id + ("" if action.ordered else "?")
        for action in decision.actions
        if action.clause.kind == "order"
    ]


def test_every_situation_is_answered_as_the_hand_written_table_says() -> None:
    assert len(_all()) == 3**5 * 4
    for words in map(dict, _all()):
        decision = decide(_DIRECTIVE, _situation(words))
        assert _orders(decision) == _expected(words), words


def test_kind_of_organisation_and_dag_change_neither_actions_nor_order() -> None:
    for words in map(dict, _all()):
        alone = _orders(decide(_DIRECTIVE, _situation(words)))
        for organisation, dag in itertools.product(
            ("agency", "for-agency", "other", "unknown"), ("yes", "no", "unknown")
        ):
            given = _situation(words, organisation=organisation, dag=dag)
            decision = decide(_DIRECTIVE, given)
            assert _orders(decision) == alone
            wanted = {"agency": True, "for-agency": True, "other": False, "unknown": None}
            assert decision.binding is wanted[organisation]


def test_disconnect_first_means_that_nothing_goes_before_it() -> None:
    for words in map(dict, _all()):
        decision = decide(_DIRECTIVE, _situation(words))
        server = words["role"] != "management-tools"
        first = [
            name
            for name, answer in (("action 3a", "expertise"), ("supplement 2 removal", "updatable"))
            if words[answer] == "no" and server
        ]
        assert decision.disconnect_first is bool(first), words
        assert [action.clause.id for action in decision.actions][: len(first)] == first
        assert not first or decision.next is decision.actions[0]


def _steps(table: str, orders: list[str], step: str) -> list[str]:
    """The clauses among orders that a table of the file sets against a step."""
    against = {_name(short) for short, steps in _TABLE[table].items() if step in steps}
    return [entry for entry in orders if entry.removesuffix("?") in against]


def _stands_against(words: dict[str, str], step: str) -> Allowed | None:
    """What the hand-written table says against a step; None: nothing."""
    orders = _expected(words)
    first = _first(words)
    held = _steps("holds_back", orders, step) if step != "isolate" or not first else []
    if step in _TABLE["before_first"]:
        held += first
    forbidden = _steps("forbids", orders, step)
    for found, allowed in ((forbidden, Allowed.FORBIDDEN), (held, Allowed.HELD_BACK)):
        if any(not entry.endswith("?") for entry in found):
            return allowed
    return Allowed.OPEN if forbidden + held else None


@pytest.mark.parametrize("step", ["isolate", "reconnect", "mitigate", "patch", "upgrade"])
def test_nothing_is_permitted_that_the_hand_written_table_holds_back(step: str) -> None:
    for words in map(dict, _all()):
        found = decide(_DIRECTIVE, _situation(words)).permission(step).allowed
        wanted = _stands_against(words, step)
        if wanted is None:  # whether it is asked for is a matter of its own
            assert found in (Allowed.ORDERED, Allowed.NOT_ASKED, Allowed.OPEN), (words, found)
        else:
            assert found is wanted, words


def test_each_piece_of_evidence_holds_back_by_itself() -> None:
    """All others met, one is enough: the image that nobody has taken yet is not lost by the update."""
    for short, steps in _TABLE["holds_back"].items():
        if not short.startswith("2"):
            continue
        disk = "no" if short == "2c" else "yes"
        given = ServerSituation.of(
            {"expertise": True, "indicator": True, "disk_image": disk, "roles": ["mailbox"]}
        )
        met = frozenset(clause.id for clause in _DIRECTIVE.clauses) - {_name(short)}
        for step in steps:
            found = decide(_DIRECTIVE, given, met=met).permission(step)
            assert (found.allowed, found.clauses) == (Allowed.HELD_BACK, (_name(short),)), step


def test_power_is_that_of_the_hand_written_table_wherever_disconnecting_is_due() -> None:
    for words in map(dict, _all()):
        decision = decide(_DIRECTIVE, _situation(words))
        due = any(
            action.clause.step == "isolate" and action.clause.kind == "order"
            for action in decision.actions
        )
        wanted = _fitting(_TABLE["power"], words)["power"] if due else None
        assert decision.power == wanted, words


def test_a_finding_never_relaxes_anything() -> None:
    for words in map(dict, _all()):
        if words["indicator"] == "yes":
            continue
        before = decide(_DIRECTIVE, _situation(words))
        after = decide(_DIRECTIVE, _situation({**words, "indicator": "yes"}))
        for step in _NEVER_RELAXED:
            was, now = before.permission(step).allowed, after.permission(step).allowed
            if was is Allowed.OPEN:
                assert now is not Allowed.ORDERED, (words, step)
                assert now is not Allowed.NOT_ASKED, (words, step)
            else:
                assert _STRICTNESS.index(now) <= _STRICTNESS.index(was), (words, step, was, now)
        disconnect = [a for a in before.actions if a.clause.id == "action 3a"]
        if disconnect:
            assert any(a.clause.id == "action 3a" for a in after.actions)


def test_unknown_never_counts_as_no() -> None:
    """What an answer of yes would order is at least open while the answer is unknown."""
    for words in map(dict, _all()):
        for name in _ANSWERS:
            if words[name] != "?":
                continue
            open_ = {
                entry.removesuffix("?") for entry in _orders(decide(_DIRECTIVE, _situation(words)))
            }
            for word in ("yes", "no"):
                given = decide(_DIRECTIVE, _situation({**words, name: word}))
                ordered = {entry.removesuffix("?") for entry in _orders(given)}
                assert ordered <= open_, (words, name, word, ordered - open_)


@pytest.mark.parametrize("directive", [entry.id for entry in load().directives()])
def test_every_directive_answers_a_server_of_which_nothing_is_known(directive: str) -> None:
    decision = decide(load().need_directive(directive), ServerSituation())
    assert decision.actions
    assert "organisation" in decision.questions
    assert decision.binding is None
