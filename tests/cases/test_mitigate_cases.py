# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases of the mitigate room: facts in, steps out, or why there are none."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.choose import choose

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = Path(__file__).parent / "mitigate" / "choose.yml"
CASES: list[dict[str, Any]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["cases"]
KEYS = {"name", "given", "campaign", "at", "intent", "only", "although_open", "expect"}
EXPECTED = {"steps", "stop", "refused", "notes", "reasons", "open"}


def each(found: tuple[str, ...], wanted: list[str]) -> bool:
    """Whether the texts are as many as wanted, and each has its own."""
    return len(found) == len(wanted) and all(w in f for f, w in zip(found, wanted, strict=True))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[row["name"] for row in CASES])
def test_choice(number: int, facts_of: Callable[..., Any]) -> None:
    case = CASES[number]
    expect = case["expect"]
    assert case.keys() <= KEYS
    assert expect.keys() <= EXPECTED
    given = case.get("given", {})
    day = case.get("at", date(2021, 3, 6))
    found = choose(
        load(),
        case.get("campaign", "proxylogon"),
        facts_of(FILE, given, ("cases", number, "given")),
        given.get("errors", []),
        datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        intent=case.get("intent", "mitigate"),
        only=tuple(case.get("only", ())),
        although_open=case.get("although_open"),
    )
    plan = found.plan
    assert [step.id for step in plan.steps] == expect["steps"], plan.refused
    assert bool(found.stop) == ("stop" in expect), found.stop
    if "stop" in expect:
        assert expect["stop"] in str(found.stop)
        assert plan.refused == (found.stop,)
    else:
        assert each(plan.refused, expect.get("refused", [])), plan.refused
    if "notes" in expect:
        assert each(plan.notes, expect["notes"]), plan.notes
    if "open" in expect:
        assert list(found.open_cves) == expect["open"]
    reasons = " ".join(step.reason for step in plan.steps)
    assert all(text in reasons for text in expect.get("reasons", []))


def test_steps_of_one_plan_have_names_of_their_own_and_need_only_earlier_ones(
    facts_of: Callable[..., Any],
) -> None:
    plan = choose(
        load(), "proxylogon", facts_of(FILE, {}, ()), (), datetime(2021, 3, 6, tzinfo=UTC)
    ).plan
    seen: set[str] = set()
    for step in plan.steps:
        assert step.id not in seen
        assert set(step.needs) <= seen
        # The health manager starts again what it finds stopped.
        if step.id.endswith("/pools"):
            assert step.needs == (step.id.replace("/pools", "/services"),)
        seen.add(step.id)
