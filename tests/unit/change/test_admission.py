# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is admitted to a host: the approved plan on the facts it rests on, or the rest of a begun one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import Journal
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.lines import JournalError
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.admission import (
    ApprovedPlan,
    StalePlan,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import (
    HostPlan,
    Step,
)

if TYPE_CHECKING:
    from pathlib import Path

ONE = Step("one", "Set-X", {"a": 1}, "Why.", None, "x")
TWO = Step("two", "Set-Y", {"password": "hunter2!"}, "Why.", None, "y")
PLAN = HostPlan("patch", "proxylogon", (ONE, TWO), rests_on="a" * 64)
LATER = replace(PLAN, steps=(TWO,), rests_on="b" * 64)  # the first step is done
DIGEST = "d" * 64


def journal(folder: Path, **changes: str) -> Journal:
    about = {"host": "ex01", "run": "run-1", **changes}
    at = datetime(2021, 3, 5, 10, tzinfo=UTC)
    return Journal(folder, about["host"], about["run"], frozenset({"hunter2!"}), lambda: at)


def admitted(folder: Path) -> list[tuple[str, str]]:
    if not (folder / "journal.jsonl").exists():
        return []
    lines = (line.content for line in events(folder / "journal.jsonl"))
    return [(line["host"], line["event"]) for line in lines]


# As it comes out of the signed file, where secrets were masked.
EXPECTED = ApprovedPlan(
    replace(PLAN, steps=(ONE, replace(TWO, parameters={"password": "********"}))), DIGEST
)


def test_the_same_plan_is_admitted_and_that_is_noted(tmp_path: Path) -> None:
    EXPECTED.admit(PLAN, journal(tmp_path), check=False)
    assert admitted(tmp_path) == [("ex01", "admitted")]


def test_check_mode_notes_nothing(tmp_path: Path) -> None:
    EXPECTED.admit(PLAN, journal(tmp_path), check=True)
    assert admitted(tmp_path) == []


def test_nothing_to_do_any_more_is_always_right(tmp_path: Path) -> None:
    for expected in (EXPECTED, ApprovedPlan(None, DIGEST, "unreachable")):
        expected.admit(replace(LATER, steps=()), journal(tmp_path), check=False)
    assert admitted(tmp_path) == []


def test_changed_host_is_refused_before_it_was_admitted(tmp_path: Path) -> None:
    with pytest.raises(StalePlan, match="the facts that the plan rests on have changed; step one"):
        EXPECTED.admit(LATER, journal(tmp_path), check=False)
    assert admitted(tmp_path) == []


@pytest.mark.parametrize("expected", [ApprovedPlan(None, DIGEST, "it was unreachable"),
                                      ApprovedPlan(replace(PLAN, steps=()), DIGEST, "it was unreachable")])  # fmt: skip
def test_host_without_steps_in_the_plan_is_not_changed(
    expected: ApprovedPlan, tmp_path: Path
) -> None:
    with pytest.raises(StalePlan, match=r"no steps for this host .it was unreachable"):
        expected.admit(PLAN, journal(tmp_path), check=False)


def test_run_that_was_admitted_goes_on_with_the_rest_i15(tmp_path: Path) -> None:
    EXPECTED.admit(PLAN, journal(tmp_path), check=False)
    EXPECTED.admit(LATER, journal(tmp_path), check=False)
    more = replace(LATER, steps=(TWO, replace(ONE, id="three")))
    with pytest.raises(StalePlan, match="step three is not in the plan"):
        EXPECTED.admit(more, journal(tmp_path), check=False)
    other = replace(LATER, steps=(replace(TWO, parameters={"password": "x"}),))
    with pytest.raises(StalePlan, match=r"step two: parameters\.password was"):
        EXPECTED.admit(other, journal(tmp_path), check=False)


@pytest.mark.parametrize(
    ("changes", "digest"),
    [({"host": "ex02"}, DIGEST), ({"run": "run-2"}, DIGEST), ({}, "e" * 64)],
)
def test_only_this_host_in_this_run_under_this_plan_goes_on(
    changes: dict[str, str], digest: str, tmp_path: Path
) -> None:
    EXPECTED.admit(PLAN, journal(tmp_path, **changes), check=False)
    with pytest.raises(StalePlan):
        replace(EXPECTED, digest=digest).admit(LATER, journal(tmp_path), check=False)


def test_changed_journal_admits_nobody_i14(tmp_path: Path) -> None:
    one = journal(tmp_path)
    EXPECTED.admit(PLAN, one, check=False)
    one.path.write_bytes(one.path.read_bytes().replace(b"ex01", b"ex02"))
    with pytest.raises(JournalError, match="jsonl:1"):
        EXPECTED.admit(LATER, one, check=False)


def test_long_list_of_changes_is_cut(tmp_path: Path) -> None:
    many = replace(PLAN, steps=tuple(replace(ONE, id=f"step{n}") for n in range(9)))
    with pytest.raises(StalePlan, match=r"and 6 more\. Plan again"):
        EXPECTED.admit(many, journal(tmp_path), check=False)
