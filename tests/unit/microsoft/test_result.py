# SPDX-License-Identifier: GPL-3.0-or-later
"""The tool's word and our own read-back make the verdict together."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog import (
    scripts as loader,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.records.tools import (
    ScriptIntent,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.attempts import JobEnd
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.command import (
    ScriptOptions,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.result import (
    ScriptOutcome,
    ScriptResult,
    ScriptRun,
    verdict,
)

from .conftest import facts, read_back, trace

EOMT, MIT = loader.tool("eomt"), loader.tool("exchange_mitigations")
COOKIE = ScriptOptions(ScriptIntent.MITIGATE, ("backend-cookie",))
UNDO = ScriptOptions(ScriptIntent.ROLLBACK, ("backend-cookie",))
GOOD = trace(
    {
        "EOMTStart": "1 EOMT.ps1 completed successfully",
        "MitigationProcess": "1 Mitigation complete",
        "Timestamp": "2021-03-10 12:00:01",
    },
    ["2021-03-10 12:00:01 Info: EOMT.ps1 complete on EX01"],
)
UNDONE = trace(
    {
        "EOMTStart": "1 EOMT.ps1 completed successfully",
        "MitigationProcess": "1 Rollback of mitigation complete",
    },
    ["2021-03-10 12:00:01 Info: EOMT.ps1 complete on EX01"],
)
BAD = trace({"EOMTStart": "0 EOMT.ps1 failed to complete"}, [])
NONE = trace(None, None)


def judge(
    after: Any,
    found: Any,
    *,
    tool: Any = EOMT,
    options: ScriptOptions = COOKIE,
    ended: JobOutcome = JobOutcome.FINISHED,
    exit_code: int | None = 0,
) -> ScriptResult:
    seen = None if found is None else read_back(found, *options.mitigations)
    return verdict(tool, options, ScriptRun(JobEnd("job", ended, "", exit_code), NONE, after), seen)


def test_both_agree() -> None:
    result = judge(GOOD, facts(rules=True))
    assert (result.outcome, result.in_place) == (ScriptOutcome.SUCCEEDED, True)


def test_success_without_rules_is_a_conflict() -> None:
    result = judge(GOOD, facts())
    assert result.outcome is ScriptOutcome.CONFLICT
    assert "missing" in "; ".join(result.reasons)


def test_success_with_an_altered_rule_is_a_conflict() -> None:
    altered = facts(rules=True)
    altered["url_rewrite"]["rules"][1]["conditions"][0]["pattern"] = "(.*)X-BEResource=nothing"
    assert judge(GOOD, altered).outcome is ScriptOutcome.CONFLICT
    switched_off = facts(rules=True)
    switched_off["url_rewrite"]["rules"][0]["enabled"] = False
    assert judge(GOOD, switched_off).outcome is ScriptOutcome.CONFLICT


def test_success_that_nobody_could_read_back_is_unknown() -> None:
    unread = {**facts(rules=True), "url_rewrite": None}
    assert judge(GOOD, unread).outcome is ScriptOutcome.UNKNOWN
    assert judge(GOOD, None).outcome is ScriptOutcome.UNKNOWN


def test_failure_with_rules_in_place_says_so() -> None:
    result = judge(BAD, facts(rules=True))
    assert (result.outcome, result.in_place) == (ScriptOutcome.FAILED, True)
    assert "in place on the host" in "; ".join(result.reasons)


def test_rollback_that_left_a_rule_is_a_conflict() -> None:
    assert judge(UNDONE, facts(), options=UNDO).outcome is ScriptOutcome.SUCCEEDED
    assert judge(UNDONE, facts(rules=True), options=UNDO).outcome is ScriptOutcome.CONFLICT
    gone = judge(BAD, facts(), options=UNDO)
    assert gone.outcome is ScriptOutcome.FAILED
    assert "gone on the host" in "; ".join(gone.reasons)


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (JobOutcome.STALLED, ScriptOutcome.UNFINISHED),
        (JobOutcome.INTERRUPTED, ScriptOutcome.UNFINISHED),
        (JobOutcome.FAILED, ScriptOutcome.NOT_RUN),
        (JobOutcome.LOCKED, ScriptOutcome.NOT_RUN),
    ],
)
def test_a_job_without_an_end_is_no_success_whatever_stands_there(
    ended: JobOutcome, outcome: ScriptOutcome
) -> None:
    assert judge(GOOD, facts(rules=True), ended=ended).outcome is outcome
    result = judge(NONE, facts(rules=True), tool=MIT, ended=ended)
    assert result.outcome is outcome


@pytest.mark.parametrize("exit_code", [0, 1, None, 3010])
def test_the_exit_status_of_eomt_changes_nothing(exit_code: int | None) -> None:
    assert judge(GOOD, facts(rules=True), exit_code=exit_code).outcome is ScriptOutcome.SUCCEEDED
    assert judge(BAD, facts(), exit_code=exit_code).outcome is ScriptOutcome.FAILED


def test_a_status_of_powershell_itself_says_where_to_look() -> None:
    hint = "PowerShell ended with status 1"
    assert hint in "; ".join(judge(NONE, facts(), exit_code=1).reasons)
    assert hint not in "; ".join(judge(NONE, facts(), exit_code=0).reasons)


def test_status_0_of_the_other_tool_is_no_success() -> None:
    assert judge(NONE, facts(), tool=MIT).outcome is ScriptOutcome.FAILED
    assert judge(NONE, None, tool=MIT).outcome is ScriptOutcome.UNKNOWN
    assert judge(NONE, facts(rules=True), tool=MIT, exit_code=None).outcome is ScriptOutcome.UNKNOWN
    thrown = judge(NONE, facts(rules=True), tool=MIT, exit_code=1)
    assert (thrown.outcome, thrown.in_place) == (ScriptOutcome.FAILED, True)


def test_a_self_update_spoils_success() -> None:
    values = {name: f"1 {stage.text}" for name, stage in (GOOD.stages or {}).items()}
    other = trace(values, ["2021-03-10 12:00:01 Info: EOMT.ps1 complete on EX01"], ("EOMT_9.ps1",))
    result = judge(other, facts(rules=True))
    assert (result.outcome, result.updated_itself) == (ScriptOutcome.CONFLICT, True)


def test_all_four_hold_or_it_failed() -> None:
    every = ScriptOptions(ScriptIntent.MITIGATE, MIT.mitigations)
    off = {"status": "Stopped", "start_type": "Disabled"}
    names = ("MSExchangeUM", "MSExchangeUMCR", "MSExchangeHM", "MSExchangeHMRecovery")
    pool = {"state": "Stopped", "auto_start": False, "start_mode": "OnDemand"}
    pools = {"MSExchangeECPAppPool": pool, "MSExchangeOABAppPool": pool}
    done = facts(rules=True, services=dict.fromkeys(names, off), pools=pools)
    assert judge(NONE, done, tool=MIT, options=every).outcome is ScriptOutcome.SUCCEEDED
    half = facts(rules=True, services=dict.fromkeys(names, off))
    result = judge(NONE, half, tool=MIT, options=every)
    assert result.outcome is ScriptOutcome.FAILED
    assert "ecp-app-pool" in "; ".join(result.reasons)


def test_a_mitigation_that_cannot_exist_is_not_in_place() -> None:
    um = ScriptOptions(ScriptIntent.MITIGATE, ("um-services",))
    result = judge(NONE, facts("Exchange2019"), tool=MIT, options=um)
    assert result.outcome is ScriptOutcome.FAILED
