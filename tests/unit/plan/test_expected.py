# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes a plan stale, and how it is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.expected import (
    beyond,
    stale,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.freshness import (
    facts_digest,
    section_digests,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.records import (
    HostPlan,
    Step,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.serialize import (
    plan_from_dict,
    plan_to_dict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.plan.show import (
    lines_of,
    step_diffs,
)

FACTS = {"exchange": {"build": "15.1.2176.2"}, "dag": None, "clock": 1}
ONE = Step("install", "Start-HostJob", {"file": "x.msp", "list": [1, {"a": True}]}, "CVE-2021-26855 is open.",
           {"build": "15.1.2176.2"}, {"build": "15.1.2176.9"}, "ED 21-02 action 1")  # fmt: skip
TWO = Step("restart", "Restart-Host", {}, "Files in use.", None, "restarted", needs=("install",))


def plan(*steps: Step, facts: dict[str, Any] | None = None) -> HostPlan:
    known = FACTS if facts is None else facts
    sections = ("exchange", "dag")
    return HostPlan(
        "patch",
        "proxylogon",
        steps or (ONE, TWO),
        rests_on=facts_digest(known, sections),
        sections=section_digests(known, sections),
    )


def changed(**members: Any) -> Step:
    return replace(ONE, **members)


STALE: dict[str, tuple[HostPlan, list[str]]] = {
    "the same": (plan(), []),
    "other words": (plan(changed(reason="x", clause=None), TWO), []),
    "facts": (
        plan(facts={**FACTS, "exchange": {"build": "15.1.2176.4"}}),
        ["the facts in exchange have changed"],
    ),
    "facts unread": (plan(facts={"dag": None}), ["the facts in exchange have changed"]),
    "clock": (plan(facts={**FACTS, "clock": 2}), []),
    "step gone": (plan(TWO), ["step install is not needed any more"]),
    "step new": (
        plan(ONE, TWO, changed(id="more")),
        ["step more is needed and is not in the plan"],
    ),
    "order": (plan(TWO, ONE), ["the steps come in another order: restart, install"]),
    "parameter": (
        plan(changed(parameters={"file": "y.msp", "list": [1, {"a": True}]}), TWO),
        ["step install: parameters.file was 'x.msp', would be 'y.msp'"],
    ),
    "deep": (
        plan(changed(parameters={"file": "x.msp", "list": [1, {"a": 1}]}), TWO),
        ["step install: parameters.list[1].a was True, would be 1"],
    ),
    "absent": (
        plan(changed(parameters={"file": "x.msp"}), TWO),
        ["step install: parameters.list was [1, {'a': True}], would be absent"],
    ),
    "operation": (
        plan(changed(operation="Other"), TWO),
        ["step install: operation was 'Start-HostJob', would be 'Other'"],
    ),
    "before": (
        plan(changed(before={"build": "\x1b[2J" + "x" * 500}), TWO),
        [
            "step install: before.build was '15.1.2176.2', would be '\\x1b[2J"
            + "x" * (120 - 8)
            + "..."
        ],
    ),
    "needs": (
        plan(ONE, replace(TWO, needs=())),
        ["step restart: needs was ['install'], would be []"],
    ),
}


@pytest.mark.parametrize("name", STALE)
def test_what_has_changed_is_said_by_section_and_step(name: str) -> None:
    found, said = STALE[name]
    assert list(stale(plan(), found)) == said


def test_facts_without_sections_are_stale_all_the_same() -> None:
    old, new = HostPlan("patch", "x", rests_on="1"), HostPlan("patch", "x", rests_on="2")
    assert stale(old, new) == ("the facts that the plan rests on have changed",)


def test_continued_run_may_do_what_is_left_of_the_plan_and_nothing_else() -> None:
    halfway = plan(replace(TWO, before="x", needs=()), facts={"exchange": 1})
    assert stale(plan(), halfway)
    assert beyond(plan(), halfway) == ()
    assert beyond(plan(), plan(changed(id="more"))) == ("step more is not in the plan",)
    other = plan(changed(parameters={"file": "y.msp", "list": []}))
    assert beyond(plan(), other)[0].startswith("step install: parameters.file was")


def test_plan_survives_being_written() -> None:
    assert plan_from_dict(plan_to_dict(plan())) == plan()


def test_number_that_canonical_json_lacks_is_digested_all_the_same() -> None:
    one, two = (facts_digest({"exchange": 1 << n}, ["exchange"]) for n in (70, 71))
    assert one != two


def test_diff_shows_a_line_per_value_with_reason_and_clause() -> None:
    first, second = step_diffs("ex01", plan())
    assert first == {
        "before_header": "ex01: install (Start-HostJob)",
        "after_header": "CVE-2021-26855 is open. [ED 21-02 action 1]",
        "before": "build: 15.1.2176.2\n",
        "after": "build: 15.1.2176.9\n",
    }
    assert (second["before"], second["after"]) == ("", "restarted\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ({"a": None, "b": {"c": [1, "x"]}}, "a: null\nb.c[0]: 1\nb.c[1]: x\n"),
        ({}, "{}\n"),
        ("\x1b[2J\u202e", "\\u001b[2J\\u202e\n"),
        ({"\x1b": "line\nbreak"}, "\\u001b: line\\nbreak\n"),
    ],
)
def test_values_are_written_inert_i4(value: Any, text: str) -> None:
    assert lines_of(value) == text
