# SPDX-License-Identifier: GPL-3.0-or-later
"""Directives as data: whole, consistent, and refused with a line where they are not."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.directive_text import (
    WIDTH,
    clause_lines,
    directive_lines,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import ROOT, load

if TYPE_CHECKING:
    from pathlib import Path

# The deadlines of ED 21-02 as its text gives them: zone, hour and day.
_DEADLINES = {
    "action 5": "2021-03-05T12:00-05:00",
    "supplement 1 triage 1": "2021-04-05T12:00-04:00",
    "supplement 1 triage 2": "2021-04-05T12:00-04:00",
    "supplement 1 report 1": "2021-04-05T12:00-04:00",
    "supplement 1 report 2": "2021-06-28T12:00-04:00",
    "supplement 2 action 1": "2021-04-16T00:01-04:00",
    "supplement 2 removal": "2021-04-16T00:01-04:00",
    "supplement 2 action 3": "2021-04-16T12:00-04:00",
}
_NUMBERED = (
    [f"action 2{letter}" for letter in "abcdef"]
    + [f"action 3{letter}" for letter in "abcd"]
    + [f"supplement 1 hardening {n}" for n in ("1a", "1b", "1c", "2", "3", "4", "5", "6", "7")]
    + [f"supplement 1 hardening 4{letter}" for letter in "abcdef"]
    + [f"supplement 2 action {n}" for n in (1, 2, 3, 4)]
)


def test_every_numbered_clause_of_ed_21_02_is_there_with_its_deadline() -> None:
    directive = load().need_directive("ed-21-02")

    for name in _NUMBERED:
        assert directive.clause(name), name
    for name, deadline in _DEADLINES.items():
        clause = directive.clause(name)
        assert clause is not None
        assert clause.deadline == deadline
    hardening = [c for c in directive.clauses if c.id.startswith("supplement 1 hardening")]
    assert {clause.deadline for clause in hardening} == {"2021-06-28T12:00-04:00"}


def test_only_the_alert_and_the_recommendation_are_advice() -> None:
    directive = load().need_directive("ed-21-02")
    advice = {clause.id for clause in directive.clauses if clause.kind == "advice"}

    assert advice == {c.id for c in directive.clauses if c.id.startswith("alert ")} | {
        "supplement 1 retention"
    }
    assert all("AA21-062A.pdf" in c.source for c in directive.clauses if c.id.startswith("alert "))


@pytest.mark.parametrize("directive", [entry.id for entry in load().directives()])
def test_a_clause_says_everything_that_is_asked_of_it(directive: str) -> None:
    entry = load().need_directive(directive)
    for clause in entry.clauses:
        assert clause.satisfied_by, clause.id
        assert clause.proof, clause.id
        assert clause.source, clause.id
        assert clause.condition or not clause.when, clause.id
        if clause.due is not None:
            assert clause.due.utcoffset() is not None
            assert clause.due.date() - entry.issued < timedelta(days=365)
    assert entry.read.year >= 2026


@pytest.mark.parametrize("directive", [entry.id for entry in load().directives()])
def test_text_fits_a_terminal_of_80_columns(directive: str) -> None:
    entry = load().need_directive(directive)
    lines = list(directive_lines(entry))[1:]
    for clause in entry.clauses:
        lines += clause_lines(entry, clause)
    words = re.compile(r"\S+")
    for line in lines:
        assert len(line) <= WIDTH or len(words.findall(line)) == 1, line


@pytest.fixture
def edited(tmp_path: Path):
    """A copy of the catalogue with one text of ed-21-02.yml replaced."""

    def edit(old: str, new: str) -> Path:
        root = tmp_path / "catalog"
        shutil.copytree(ROOT, root)
        path = root / "directives" / "ed-21-02.yml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return root

    return edit


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('deadline: "2021-03-05T12:00-05:00"', 'deadline: "2021-03-05T12:00"',
         r"ed-21-02\.yml:\d+: '2021-03-05T12:00' has an hour and no zone; write it as"),
        ('deadline: "2021-03-05T12:00-05:00"', 'deadline: "Friday noon"',
         r"ed-21-02\.yml:\d+: 'Friday noon' is no date; write it as"),
        ('id: "action 2b"', 'id: "Action 2a"', r"clause 'Action 2a' stands twice; rename one"),
        ("1.0/Inventory!C21:V21", "2.0/Inventory!C21:V21",
         r"is of report template '2\.0', which the file does not describe; .*one of: 1\.0, 3\.0, 4\.0"),
        ("1.0/Inventory!C21:V21", "1.0/Inventroy!C21:V21",
         r"is on a sheet that template 1\.0 has not; use one of: Status Report"),
        ('from: "supplement 1 triage 1"', 'from: "supplement 1 triage 9"',
         r"there is no clause 'supplement 1 triage 9'; name one that is there"),
        ('overdue: "supplement 2 action 1"', 'overdue: "supplement 2 action 9"',
         r"ed-21-02\.yml:\d+: there is no clause 'supplement 2 action 9'; name one that is there"),
        ('forbids_until: ["action 3b"', 'forbids_until: ["action 3x"',
         r"ed-21-02\.yml:\d+: there is no clause 'action 3x'; name one that is there"),
        ("when: [{expertise: [true]}]", "when: [{expertice: [true]}]", r"unknown key 'expertice'"),
        ("when: [{expertise: [true]}]", "when: [{expertise: [maybe]}]", r"'maybe' is not one of"),
        ("as_of: 2026-11-30", "as_of: 2099-01-01", r"was read on 2099-01-01, after the catalogue's as_of"),
        ("step: triage\n", "step: pray\n", r"'pray' is not one of"),
        ('    proof: ["memory image with its digest"', '    prove: ["memory image with its digest"',
         r"unknown key 'prove'|proof is missing"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_and_cure(edited, old: str, new: str, message: str) -> None:
    with pytest.raises(CatalogError, match=message):
        load(edited(old, new))


def test_a_directive_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(CatalogError, match="no directive 'ed-99'; known are bod-26-04, ed-21-02"):
        load().need_directive("ed-99")
