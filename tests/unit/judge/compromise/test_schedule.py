# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scan counts, and which is due: the first, then one in each of four weeks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import CatalogError
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import CompromiseState
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.schedule import (
    ScanRecord,
    ScanRule,
    ScanState,
    ScheduledScan,
    rule_of,
    schedule,
)
from hypothesis import given
from hypothesis import strategies as st

_FIRST = datetime(2021, 4, 3, 22, tzinfo=UTC)
_LONG_AFTER = datetime(2021, 6, 1, tzinfo=UTC)
_CLAUSES = ("supplement 1 triage 1", "supplement 1 triage 1 weekly")
_RULE = rule_of(load(None).need_directive("ed-21-02"))


def _scan(day: float, **changes: Any) -> ScanRecord:
    """Return a full scan that counts, so many days after the first."""
    ended = _FIRST + timedelta(days=day)
    run = ScanRecord(
        "EX01", "msert", "full", ended, f"{int(day * 10):064x}", ended - timedelta(days=1),
        CompromiseState.NO_INDICATOR, complete=True,
    )  # fmt: skip
    return replace(run, **changes)


def _states(scans: tuple[ScheduledScan, ...]) -> list[str]:
    return [scan.state.value + ("!" if scan.late else "") for scan in scans]


def test_the_days_are_those_of_the_directive() -> None:
    start, due = datetime(2021, 3, 31, 4, tzinfo=UTC), datetime(2021, 4, 5, 16, tzinfo=UTC)
    assert ScanRule(start, due, 7, 4, *_CLAUSES) == _RULE


def test_a_campaign_of_today_has_as_long_as_the_directive_gave() -> None:
    directive = load(None).need_directive("ed-21-02")
    start = datetime(2026, 12, 1, tzinfo=UTC)
    assert rule_of(directive, start).first_due == datetime(2026, 12, 6, 12, tzinfo=UTC)
    assert rule_of(directive, start, _LONG_AFTER) == ScanRule(start, _LONG_AFTER, 7, 4, *_CLAUSES)


def test_a_directive_without_a_series_is_refused() -> None:
    directive = load(None).need_directive("ed-21-02")
    with pytest.raises(CatalogError, match="ED 21-02 orders no scan"):
        rule_of(replace(directive, clauses=()))


def test_five_scans_in_time_are_done() -> None:
    found = schedule([_scan(day) for day in (0, 7, 14, 21, 28)], _RULE, _LONG_AFTER)
    assert _states(found) == ["done"] * 5
    assert [scan.number for scan in found] == [0, 1, 2, 3, 4]
    assert f"{found[4].due:%Y-%m-%dT%H:%M:%SZ}" == "2021-05-01T23:59:59Z"


def test_what_was_not_run_is_due_in_its_week_and_late_after_it() -> None:
    first = [_scan(0)]
    assert _states(schedule([], _RULE, _FIRST)) == ["due"] + ["planned"] * 4
    assert _states(schedule([], _RULE, _LONG_AFTER)) == ["late!"] + ["planned"] * 4
    for day, expected in [
        (0.05, ["done", "planned", "planned"]),
        (1, ["done", "due", "planned"]),
        (7, ["done", "due", "planned"]),
        (8, ["done", "late!", "due"]),
    ]:
        assert _states(schedule(first, _RULE, _FIRST + timedelta(days=day)))[:3] == expected


def test_a_late_scan_is_that_weeks_and_not_the_next_ones_too() -> None:
    found = schedule([_scan(0), _scan(9)], _RULE, _FIRST + timedelta(days=10))
    assert _states(found) == ["done", "done!", "due", "planned", "planned"]
    assert found[1].why == "it was done late"
    late = schedule([_scan(5)], _RULE, _FIRST + timedelta(days=5.01))
    assert _states(late) == ["done!"] + ["planned"] * 4
    assert late[1].due > late[0].due + timedelta(days=7)


def test_two_scans_of_one_week_are_one() -> None:
    found = schedule([_scan(0), _scan(1), _scan(2)], _RULE, _FIRST + timedelta(days=3))
    assert _states(found) == ["done", "done", "planned", "planned", "planned"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mode": "quick"}, "it was a quick scan, no full one"),
        ({"complete": False}, "it did not run to its end"),
        ({"state": CompromiseState.INCONCLUSIVE}, "its result is inconclusive"),
        ({"state": CompromiseState.CONFLICT}, "its result is conflict"),
        ({"file_sha256": f"{0:064x}"}, "it ran the same file as a scan before it"),
        ({"file_sha256": None}, "which file it ran, or of which day that is, is not known"),
        ({"file_dated": None}, "which file it ran, or of which day that is, is not known"),
        ({"file_dated": _FIRST - timedelta(days=1)}, "its file is not later than that of the scan before it"),
        ({"file_dated": _LONG_AFTER}, "its file is dated later than the scan ended"),
    ],
)  # fmt: skip
def test_a_run_that_does_not_count_says_why(changes: dict[str, Any], why: str) -> None:
    found = schedule([_scan(0), _scan(7, **changes)], _RULE, _FIRST + timedelta(days=9))
    assert found[1].done is None
    assert found[1].state is ScanState.LATE
    assert found[1].why.endswith(f"does not count: {why}")


def test_what_ended_before_the_order_or_after_now_does_not_count() -> None:
    assert schedule([_scan(-10)], _RULE, _FIRST)[0].state is ScanState.DUE
    assert "later than now" in schedule([_scan(1)], _RULE, _FIRST)[0].why


def test_another_tool_and_a_run_without_an_end_are_none() -> None:
    runs = [_scan(0, tool="test-proxylogon"), _scan(0, finished=None)]
    assert schedule(runs, _RULE, _LONG_AFTER)[0].why == "no full scan is on record"


def test_a_scan_that_found_something_or_removed_it_counts() -> None:
    runs = [_scan(0, state=CompromiseState.INDICATOR_FOUND), _scan(7, mode="full-remove")]
    assert _states(schedule(runs, _RULE, _LONG_AFTER))[:2] == ["done", "done"]


_RUNS = st.lists(
    st.builds(
        lambda day, age, mode, state, complete: _scan(
            day,
            mode=mode,
            state=state,
            complete=complete,
            file_sha256=f"{age:064x}",
            file_dated=_FIRST + timedelta(days=day - age),
        ),
        st.floats(-5, 60),
        st.integers(0, 12),
        st.sampled_from(["quick", "full", "full-remove"]),
        st.sampled_from(CompromiseState),
        st.booleans(),
    ),
    max_size=12,
)


@given(_RUNS, st.floats(-5, 70))
def test_whatever_was_run_each_scan_stands_for_one_run_with_a_file_of_its_own(
    runs: list[ScanRecord], day: float
) -> None:
    now = _FIRST + timedelta(days=day)
    found = schedule(runs, _RULE, now)
    done = [scan.done for scan in found if scan.done]
    assert [bool(scan.done) for scan in found] == [index < len(done) for index in range(5)]
    assert len({run.file_sha256 for run in done}) == len(done)
    assert all(run.complete and run.mode != "quick" for run in done)
    dates = [run.file_dated for run in done]
    assert dates == sorted(dates, key=str)
    assert all(scan.late == (now > scan.due) for scan in found if scan.state is not ScanState.DONE
               and (done or scan.number == 0))  # fmt: skip
    assert found == schedule(list(reversed(runs)), _RULE, now) or len(set(runs)) < len(runs)
