# SPDX-License-Identifier: GPL-3.0-or-later
"""What EOMT says counts only when this run said it, once, and in full."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import (
    scripts as loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.microsoft import (
    read_trace,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.said import (
    ScriptStatement,
    ScriptStatements,
    what_eomt_says,
)

from .conftest import state, trace

GOOD, BAD = "EOMT.ps1 completed successfully", "EOMT.ps1 failed to complete"
DONE = {"EOMTStart": f"1 {GOOD}", "MitigationProcess": "1 Mitigation complete", "Timestamp": "a"}
LATER = {**DONE, "Timestamp": "b"}
LOG = [
    "2021-03-10 12:00:01 Info: Mitigation complete on EX01 :: Default Web Site",
    "2021-03-10 12:00:01 Info: EOMT.ps1 complete on EX01, please review",
]
NOTHING = trace(None, None)


def say(before: Any, after: Any, intent: ScriptIntent = ScriptIntent.MITIGATE) -> ScriptStatement:
    texts = loader.tool("eomt").patch_state
    assert texts
    return what_eomt_says(texts, intent, before, after)


def test_first_run() -> None:
    assert say(NOTHING, trace(DONE, LOG)).said is ScriptStatements.SUCCEEDED


@pytest.mark.parametrize(
    "timestamp",
    ["2021-03-10 12:00:01", "2021-03-10 12.00.01", "2564-03-10 12:00:01", "03/10/2021 12:00:01"],
)
def test_times_of_any_culture_are_only_compared(timestamp: str) -> None:
    stamped = {**DONE, "Timestamp": timestamp}
    log = [line.replace("2021-03-10 12:00:01", timestamp) for line in LOG]
    assert say(NOTHING, trace(stamped, log)).said is ScriptStatements.SUCCEEDED
    assert say(trace(stamped, []), trace(stamped, [])).said is ScriptStatements.NOT_RUN


def test_a_second_run_writes_the_same_texts_and_is_told_by_its_log() -> None:
    statement = say(trace(DONE, []), trace(LATER, LOG))
    assert statement.said is ScriptStatements.SUCCEEDED
    assert "again" in "; ".join(statement.reasons)


def test_a_second_run_within_the_same_second_is_told_by_its_log() -> None:
    assert say(trace(DONE, []), trace(DONE, LOG)).said is ScriptStatements.SUCCEEDED


def test_texts_of_an_earlier_run_are_not_those_of_this_one() -> None:
    begun = ["2021-03-11 09:00:00 Info: Checking if EOMT is up to date with https://x.example"]
    assert say(trace(DONE, []), trace(LATER, begun)).said is ScriptStatements.UNFINISHED
    assert say(trace(DONE, []), trace(DONE, [])).said is ScriptStatements.NOT_RUN


def test_without_the_log_the_same_text_proves_nothing() -> None:
    blind = {**state(LATER), "log": None}
    statement = say(trace(DONE, []), read_trace(blind))
    assert statement.said is ScriptStatements.UNKNOWN


def test_a_log_of_which_nobody_knows_where_this_run_began_proves_nothing() -> None:
    # Unreadable before the run, read from its beginning afterwards: the lines may be old ones.
    blind = read_trace({**state(DONE), "log": None})
    statement = say(blind, trace(DONE, LOG))
    assert statement.said is ScriptStatements.NOT_RUN
    assert say(blind, trace(LATER, LOG)).said is ScriptStatements.UNKNOWN


def test_a_log_that_was_cut_off_proves_no_absence() -> None:
    cut = state(LATER, ["2021-03-11 09:00:00 Info: Starting EOMT.ps1 version  on EX01"])
    cut["log"]["truncated"] = True
    assert say(trace(DONE, []), read_trace(cut)).said is ScriptStatements.UNKNOWN


def test_a_mitigation_of_an_earlier_run_does_not_count_for_a_server_that_is_fixed_now() -> None:
    log = [
        "2021-03-11 09:00:00 Info: EX01 is not vulnerable: mitigation not needed",
        "2021-03-11 09:00:00 Info: EOMT.ps1 complete on EX01, please review",
    ]
    statement = say(trace(DONE, []), trace(LATER, log))
    assert statement.said is ScriptStatements.NOT_RUN
    assert "not vulnerable" in "; ".join(statement.reasons)
    assert (
        say(trace(DONE, []), trace(LATER, log), ScriptIntent.ROLLBACK).said
        is ScriptStatements.FAILED
    )


def test_a_failure_after_a_success_is_a_failure() -> None:
    failed = {**LATER, "EOMTStart": f"0 {BAD}", "MitigationProcess": "0 Mitigation failed"}
    statement = say(trace(DONE, []), trace(failed, []))
    assert statement.said is ScriptStatements.FAILED
    assert "Mitigation failed" in "; ".join(statement.reasons)


def test_a_second_failure_is_told_by_its_log() -> None:
    failed = {"EOMTStart": f"0 {BAD}", "Timestamp": "a"}
    log = [f"2021-03-11 09:00:00 Error: {BAD} on EX01, please review"]
    assert (
        say(trace(failed, []), trace({**failed, "Timestamp": "b"}, log)).said
        is ScriptStatements.FAILED
    )


def test_an_old_closing_of_another_stage_does_not_disturb() -> None:
    scan = {"DoNotRunMitigation": f"0 {BAD}", "Timestamp": "0"}
    assert say(trace(scan, []), trace({**scan, **DONE}, LOG)).said is ScriptStatements.SUCCEEDED


def test_two_new_closings_are_a_contradiction() -> None:
    both = {**DONE, "RunLatestEOMT": f"0 {BAD}"}
    assert say(NOTHING, trace(both, LOG)).said is ScriptStatements.UNKNOWN
    failed = f"2021-03-10 12:00:02 Error: {BAD} on EX01"
    assert say(NOTHING, trace(DONE, [*LOG, failed])).said is ScriptStatements.UNKNOWN
    assert say(NOTHING, trace(DONE, [failed])).said is ScriptStatements.UNKNOWN
    # Neither text is new: only the log of this run has them.
    assert say(trace(DONE, []), trace(LATER, [*LOG, failed])).said is ScriptStatements.UNKNOWN
    assert say(trace(DONE, []), trace(LATER, [failed])).said is ScriptStatements.UNKNOWN
    assert (
        say(trace({"Timestamp": "a"}, []), trace({"Timestamp": "b"}, LOG)).said
        is ScriptStatements.UNKNOWN
    )
    again = {**DONE, "EOMTStart": f"0 {BAD}"}
    assert (
        say(trace(again, []), trace({**again, "Timestamp": "b"}, LOG)).said
        is ScriptStatements.UNKNOWN
    )


def test_closing_well_is_not_enough() -> None:
    bare = {"EOMTStart": f"1 {GOOD}", "MitigationProcess": "1 Starting mitigation process"}
    assert say(NOTHING, trace(bare, LOG[1:])).said is ScriptStatements.FAILED
    assert say(NOTHING, trace(DONE, LOG), ScriptIntent.ROLLBACK).said is ScriptStatements.FAILED


def test_a_good_mark_before_a_failure_text_is_a_failure() -> None:
    assert say(NOTHING, trace({"EOMTStart": f"1 {BAD}"}, [])).said is ScriptStatements.FAILED
    assert (
        say(NOTHING, trace({**DONE, "EOMTStart": f"0 {GOOD}"}, [])).said is ScriptStatements.FAILED
    )
    marked = {**DONE, "MitigationProcess": "0 Mitigation complete"}
    assert say(NOTHING, trace(marked, LOG)).said is ScriptStatements.FAILED


def test_begun_and_never_closed_is_unfinished() -> None:
    begun = {"EOMTStart": "1 EOMT preCheck complete", "Timestamp": "b"}
    assert say(NOTHING, trace(begun, [])).said is ScriptStatements.UNFINISHED


def test_threats_count_apart_and_only_when_found_now() -> None:
    found = {**DONE, "MSERTProcess": "1 Microsoft Safety Scanner is complete: THREATS DETECTED"}
    assert say(NOTHING, trace(found, LOG)).threats is True
    for skipped in ("1 Skipping mitigation -DoNotRunMSERT", "0 No scanner log"):
        assert say(NOTHING, trace({**DONE, "MSERTProcess": skipped}, LOG)).threats is None
    clean = {**DONE, "MSERTProcess": "1 Microsoft Safety Scanner is complete"}
    assert say(NOTHING, trace(clean, LOG)).threats is False
    assert say(trace(found, []), trace({**found, "Timestamp": "b"}, LOG)).threats is None


def test_a_downloaded_script_betrays_a_self_update() -> None:
    assert say(NOTHING, trace(DONE, LOG, ("EOMT_26.05.19.1400.ps1",))).updated_itself
    stage = {**DONE, "RunLatestEOMT": "1 Running latest EOMT version 26.05.19.1400"}
    assert say(NOTHING, trace(stage, LOG)).updated_itself
    assert not say(trace(stage, []), trace({**stage, "Timestamp": "b"}, LOG)).updated_itself
    old = trace(None, None, ("EOMT_21.05.27.0855.ps1",))
    assert not say(old, trace(DONE, LOG, ("EOMT_21.05.27.0855.ps1",))).updated_itself


def test_what_cannot_be_read_is_unknown() -> None:
    unread = read_trace({**state(DONE, LOG), "registry": None})
    assert say(unread, trace(DONE, LOG)).said is ScriptStatements.UNKNOWN
    assert say(NOTHING, unread).said is ScriptStatements.UNKNOWN


@pytest.mark.parametrize(
    "reply",
    [
        None,
        [],
        "x",
        {"registry": {"values": "x"}},
        {"registry": {"values": [1]}},
        {"registry": {"values": [{"name": "a", "text": "1 b"}] * 300}},
        {"registry": {"values": [{"name": "", "text": "1 b"}]}},
        {"log": {"exists": True, "size": 3, "encoding": "utf-16", "data": "***"}},
        {"log": {"exists": True, "size": "x", "encoding": "utf-16", "data": ""}},
        {"log": {"exists": True, "size": 3, "encoding": "ebcdic", "data": "AAAA"}},
        {"log": {"exists": True, "size": 3, "encoding": "utf-16", "data": 7}},
        {"log": {"exists": 1}, "downloads": {}, "file": 3},
    ],
)
def test_any_reply_can_be_read_and_none_is_taken_for_success(reply: Any) -> None:
    found = read_trace(reply)
    assert found.stages is None or not found.stages
    assert say(NOTHING, found).said is ScriptStatements.UNKNOWN


def test_lines_without_a_time_continue_the_message_above() -> None:
    log = [*LOG[:1], f"   {BAD} on EX01 is quoted in a stack trace", f"{BAD} on EX01", *LOG[1:]]
    assert say(NOTHING, trace(DONE, log)).said is ScriptStatements.SUCCEEDED
