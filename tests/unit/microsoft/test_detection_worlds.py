# SPDX-License-Identifier: GPL-3.0-or-later
"""Made runs of detection tools against tables, and properties that no bytes may break."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import (
    COMPROMISE_ORDER,
    CompromiseState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.records import (
    DetectionCheck,
    Evidence,
    Finding,
    SourceCoverage,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.serialize import (
    verdict_from_dict,
    verdict_to_dict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.verdict import (
    compromise_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.read import (
    read_run,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
    RunEnd,
)
from detection_runs import collected, recorded_run, tool_run
from detection_worlds import AT, FILES, SINCE, answer, run_of, scan, with_file, world
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.detection.records import (
        ToolRun,
    )

EACH = 30
RANK = {state: index for index, state in enumerate(COMPROMISE_ORDER)}
WORST, BEST = COMPROMISE_ORDER[0], COMPROMISE_ORDER[-1]


def read(run: ToolRun) -> dict[str, CompromiseState]:
    return {c.id.partition("/")[2]: c.state for c in read_run(run, SINCE).checks}


@pytest.mark.sweep(count=10)
@pytest.mark.parametrize("block", range(100))
def test_made_runs_are_read_as_the_tables_say(block: int) -> None:
    for seed in range(block * EACH, (block + 1) * EACH):
        made = world(seed)
        got = {name: state.value for name, state in read(run_of(made)).items()}
        assert got == answer(made), (seed, made)
        run, state = scan(seed)
        (check,) = read_run(run, SINCE).checks
        assert check.state.value == state, (seed, check)


@given(st.integers(0, 10**9))
def test_made_run_with_a_fault_is_never_without_indicator(seed: int) -> None:
    made = world(seed)
    if made.faults or made.contradiction:
        assert BEST not in read(run_of(made)).values()


@given(st.integers(0, 10**9), st.sampled_from(sorted(FILES)))
def test_one_more_finding_or_failure_never_lowers_i2(seed: int, question: str) -> None:
    made = world(seed)
    run = run_of(made)
    before = read(run)
    end, first, second = FILES[question]
    worse = (
        with_file(run, f"C:\\out\\EX02{end}", f"{first}\r\n{second}\r\n".encode()),
        replace(run, ended=RunEnd.INTERRUPTED),
        replace(run, exit_code=1),
        replace(run, console=replace(run.console, damage="cut")),
        replace(run, version=None, era=None),
        replace(run, host=replace(run.host, application_log_oldest=None)),
        replace(run, host=replace(run.host, end=AT + timedelta(days=400))),
    )
    for index, other in enumerate(worse):
        after = read(other)
        assert min(RANK[state] for state in after.values()) <= min(
            RANK[state] for state in before.values()
        )
        if index == 0 and made.contradiction == "files-deny":
            continue  # the file that was missing makes its sources agree on the other questions
        for name in before.keys() & after.keys():
            assert RANK[after[name]] <= RANK[before[name]], (index, name)
    found = read(worse[0])
    assert WORST in found.values()


bytes_or_words = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=200).map(lambda text: text.encode("utf-16", "replace")),
    st.sampled_from(
        [
            b"Nothing suspicious detected",
            b"{}",
            b'{"IssuesFound": false}',
            b"[" * 5000,
            b'{"errors": [[]], "report": true, "objects": 1}',
            b"No infection found.\nReturn code: 0 (0x0)",
            b"9" * 5000,
            b"Other suspicious files found: " + b"9" * 5000,
            b'"a\x00","b"\r\n"1',
        ]
    ),
)
NAMES = (
    "object.json",
    "complete.json",
    "msert.log",
    "PatchState.json",
    "EOMT.log",
    "CVE-2021-26855.log",
    "EX01-LogAgeDays.csv",
    *(f"EX01{end}" for end, _, _ in FILES.values()),
)


@given(
    bytes_or_words,
    st.dictionaries(st.sampled_from(NAMES), bytes_or_words, max_size=4),
    st.sampled_from(["21.03.04.0202", "21.03.09.2040", "24.10.24.1200", None]),
)
def test_whatever_the_bytes_are_there_is_an_answer_and_never_no_indicator(
    console: bytes, files: dict[str, bytes], version: str | None
) -> None:
    runs = [tool_run("test-proxylogon", console, files, version=version, at=AT)]
    runs += [tool_run("msert", console, files, at=AT, mode=mode) for mode in ("quick", "full")]
    runs += [tool_run(tool, console, files, at=AT) for tool in ("eomt-scan", "healthchecker")]
    for run in runs:
        reading = read_run(run, SINCE)
        assert reading.checks
        assert all(c.state is not BEST and c.reasons for c in reading.checks), reading


@given(st.integers(0, 10), st.integers(0, 10**6), st.binary(max_size=3))
def test_cut_or_changed_byte_of_an_object_is_noticed_or_harmless(
    which: int, at: int, extra: bytes
) -> None:
    run = recorded_run("f88378b1e", "e-all", joined=True)
    before = read(run)
    file = run.files[which % len(run.files)]
    place = at % (len(file.data) + 1)
    changed = collected(file.origin, file.data[:place] + extra + file.data[place + 1 :])
    others = tuple(changed if one is file else one for one in run.files)
    after = read(replace(run, files=others))
    assert all(after[name] is state for name, state in before.items()), "text and files show it too"


def test_cut_object_or_text_of_a_clean_run_proves_nothing() -> None:
    run = recorded_run("f88378b1e", "a-clean", joined=True)
    near = SINCE + timedelta(days=2)
    assert {c.state for c in read_run(run, near).checks} == {BEST}
    for name in ("object.json", "complete.json"):
        (file,) = [one for one in run.files if one.base == name]
        others = [one for one in run.files if one is not file]
        for end in range(len(file.data)):
            cut = replace(run, files=(*others, collected(file.origin, file.data[:end])))
            assert BEST not in {c.state for c in read_run(cut, near).checks}, (name, end)
    text = run.console.data
    for end in range(text.index(b"detected")):
        cut = replace(run, console=collected("console", text[:end]))
        assert BEST not in {c.state for c in read_run(cut, near).checks}, end


WHERE = Evidence("files/x", "C:\\x", "0" * 64, "line 1")
checks = st.builds(
    DetectionCheck,
    st.sampled_from(["a/1", "a/2", "b/1"]),
    st.sampled_from(["a", "b"]),
    st.just("title"),
    st.sampled_from(COMPROMISE_ORDER),
    st.tuples(st.text(max_size=5)),
    st.just((Finding("threat", "t", "d", WHERE),)),
    st.just((SourceCoverage("files", None, AT, ("gap",)),)),
)


@given(
    st.lists(checks, max_size=5),
    st.lists(st.sampled_from(["a/1", "a/2", "c/1"]), max_size=3),
    checks,
)
def test_verdict_is_the_worst_and_another_check_never_makes_it_better(
    some: list[DetectionCheck], required: list[str], one: DetectionCheck
) -> None:
    verdict = compromise_of(some, required, SINCE)
    assert verdict == verdict_from_dict(verdict_to_dict(verdict))
    worst = min(
        (check.state for check in some), key=COMPROMISE_ORDER.index, default=COMPROMISE_ORDER[2]
    )
    open_ones = not some or set(required) - {check.id for check in some}
    assert verdict.state is min(
        worst, COMPROMISE_ORDER[2] if open_ones else BEST, key=COMPROMISE_ORDER.index
    )
    assert verdict.reasons
    more = compromise_of([*some, replace(one, id="d/1")], required, SINCE)
    assert RANK[more.state] <= RANK[verdict.state] or not some
    asked = compromise_of(some, [*required, "e/1"], SINCE)
    assert RANK[asked.state] <= RANK[verdict.state]
    assert asked.state is not BEST
