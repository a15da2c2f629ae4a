# SPDX-License-Identifier: GPL-3.0-or-later
"""All runs of one server together: a finding stays, the newest run answers, nothing failed makes it better."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import (
    COMPROMISE_ORDER,
    CompromiseState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.clauses import (
    met_clauses,
    required_checks,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.over_time import (
    compromise_over_time,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.records import (
    DetectionCheck,
    Evidence,
    Finding,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.schedule import (
    ScanRecord,
    rule_of,
    schedule,
)
from hypothesis import given
from hypothesis import strategies as st

_T0 = datetime(2021, 4, 1, tzinfo=UTC)
_NOW = datetime(2021, 8, 1, tzinfo=UTC)
_FOUND, _CONFLICT, _OPEN, _NOTHING = COMPROMISE_ORDER
_IDS = ("test-proxylogon/CVE-2021-26855", "msert/full-scan", "msert/quick-scan")


def _run(day: float, state: CompromiseState, check: str = _IDS[0], **changes: object) -> ScanRecord:
    tool, mode = (
        check.split("/", maxsplit=1)[0],
        "full" if check == "msert/full-scan" else "default",
    )
    started = _T0 + timedelta(days=day)
    finding = Finding("x", "x", f"of day {day}", Evidence("f", "o", "a" * 64))
    row = DetectionCheck(check, tool, tool, state, findings=(finding,) if state is _FOUND else ())
    run = ScanRecord(
        "EX01", tool, mode, started + timedelta(hours=6), f"{int(day * 10) + 1:064x}",
        started - timedelta(hours=1), state, complete=state is not _OPEN, started=started,
        campaign="proxylogon", since=_T0 - timedelta(days=200), checks=(row,),
    )  # fmt: skip
    return replace(run, **changes)  # type: ignore[arg-type]


def _state(*runs: ScanRecord, required: tuple[str, ...] = ()) -> CompromiseState | None:
    verdict = compromise_over_time(runs, required, "proxylogon", _NOW)
    return verdict and verdict.state


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([_NOTHING], _NOTHING),
        ([_OPEN, _NOTHING], _NOTHING),
        ([_NOTHING, _OPEN], _OPEN),
        ([_FOUND, _NOTHING], _FOUND),
        ([_FOUND, _OPEN], _FOUND),
        ([_CONFLICT, _NOTHING], _CONFLICT),
        ([_CONFLICT, _FOUND], _FOUND),
        ([_FOUND, _CONFLICT], _FOUND),
        ([], None),
    ],
)
def test_the_newest_answers_and_a_finding_stays(
    states: list[CompromiseState], expected: CompromiseState | None
) -> None:
    runs = [_run(day, state) for day, state in enumerate(states)]
    assert _state(*runs) is expected
    assert _state(*reversed(runs)) is expected


def test_what_the_directive_asks_for_and_nobody_ran_is_open() -> None:
    tools = load(None).detection_tools().values()
    required = required_checks(tools, load(None).need_directive("ed-21-02"))
    assert set(required) == {_IDS[0], _IDS[1]}
    assert _state(_run(0, _NOTHING), required=required) is _OPEN
    assert _state(_run(0, _NOTHING), _run(1, _NOTHING, _IDS[1]), required=required) is _NOTHING
    assert required_checks(tools, None) == ()


def test_another_campaign_answers_nothing_but_its_findings_count() -> None:
    assert _state(_run(0, _NOTHING, campaign="proxyshell")) is None
    assert _state(_run(0, _FOUND, campaign="proxyshell")) is _FOUND


def test_one_that_was_never_launched_takes_nothing_back() -> None:
    never = _run(5, _OPEN, started=None, finished=None)
    assert _state(_run(0, _NOTHING), never) is _NOTHING
    assert _state(never) is _OPEN


def test_all_have_seen_only_what_the_last_has() -> None:
    later = _T0 - timedelta(days=10)
    verdict = compromise_over_time(
        [_run(0, _NOTHING), _run(1, _NOTHING, _IDS[1], since=later)], (), "proxylogon", _NOW
    )
    assert verdict is not None
    assert verdict.since == later


_RUNS = st.builds(
    _run, st.integers(0, 30), st.sampled_from(COMPROMISE_ORDER), st.sampled_from(_IDS),
    campaign=st.sampled_from(["proxylogon", "proxyshell"]),
)  # fmt: skip


@given(st.lists(_RUNS, max_size=8), _RUNS)
def test_a_finding_conflict_or_failure_more_never_makes_it_better(
    runs: list[ScanRecord], more: ScanRecord
) -> None:
    if more.state is _NOTHING:
        return
    before = compromise_over_time(runs, _IDS[:2], "proxylogon", _NOW)
    after = compromise_over_time([*runs, more], _IDS[:2], "proxylogon", _NOW)
    if before is not None:
        assert after is not None
        assert COMPROMISE_ORDER.index(after.state) <= COMPROMISE_ORDER.index(before.state)


@given(st.lists(_RUNS, max_size=8), st.randoms())
def test_the_order_in_which_cases_are_read_is_none_of_the_verdict(
    runs: list[ScanRecord], random: object
) -> None:
    shuffled = list(runs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, two = (compromise_over_time(each, (), "proxylogon", _NOW) for each in (runs, shuffled))
    assert (one and one.state) is (two and two.state)


def _met(*runs: ScanRecord) -> set[str]:
    catalog = load(None)
    directive = catalog.need_directive("ed-21-02")
    rule = rule_of(directive)
    scans = schedule(runs, rule, _T0 + timedelta(days=90))
    return set(met_clauses(catalog.detection_tools().values(), directive, runs, rule, scans))


def test_whole_runs_satisfy_their_clauses_and_nothing_else() -> None:
    full = [_run(day, _NOTHING, _IDS[1]) for day in (0, 7, 14, 21, 28)]
    assert _met(_run(0, _NOTHING)) == {"supplement 1 triage 2"}
    assert _met(_run(0, _FOUND)) == {"supplement 1 triage 2"}
    assert _met(_run(0, _OPEN)) == set()
    assert _met(_run(0, _NOTHING, complete=False)) == set()
    assert _met(full[0]) == {"supplement 1 triage 1"}
    assert _met(*full[:4]) == {"supplement 1 triage 1"}
    assert _met(*full) == {"supplement 1 triage 1", "supplement 1 triage 1 weekly"}
    assert _met(_run(0, _NOTHING, _IDS[2])) == set()
