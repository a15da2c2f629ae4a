# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller side of host jobs over a line that breaks in every way, at every moment."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
    Patience,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from fleet_of_one import ORDER, PATCH, PATIENCE, HostOfOne
from line_faults import FAULTS, Answer, drop_after, unreachable

EFFECT = {"kind": "file", "path": "C:\\done.txt", "text": "installed"}
INSTALLS = {"duration_seconds": 1200, "exit_code": 3010, "output": "x" * 100, "effects": [EFFECT]}
COMMANDS_OF_A_RUN = 24  # of an undisturbed run, and some more


def installed(host: HostOfOne) -> bool:
    return host.world.text("C:\\done.txt") == "installed"


def test_job_is_ordered_watched_collected_and_removed() -> None:
    host = HostOfOne(INSTALLS)
    driver = host.driver()
    result = driver.run(ORDER, PATIENCE)
    assert result.outcome is JobOutcome.FINISHED
    assert result.state is not None
    assert result.state.exit_code == 3010
    assert (host.launches, installed(host)) == (1, True)
    assert driver.output(ORDER.job) == b"x" * 100
    assert driver.remove(ORDER) is True
    assert driver.observe(ORDER.job).state == "absent"
    assert host.asked.count("Start-HostJob") == 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("times", [1, 3])
def test_fault_at_every_command_leaves_one_launch_and_the_right_verdict_i15(
    fault: str, times: int
) -> None:
    for number in range(COMMANDS_OF_A_RUN):
        host = HostOfOne(INSTALLS)
        host.faults = dict.fromkeys(range(number, number + times), FAULTS[fault])
        driver = host.driver()
        result = driver.run(ORDER, PATIENCE)
        where = f"{fault} x {times} at command {number}"
        assert (result.outcome, host.launches) == (JobOutcome.FINISHED, 1), where
        assert result.state is not None
        assert result.state.exit_code == 3010, where
        assert installed(host), where


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_while_collecting_and_removing_is_repeated_until_it_works(fault: str) -> None:
    host = HostOfOne(INSTALLS)
    driver = host.driver()
    driver.run(ORDER, PATIENCE)
    for step in ("output", "remove"):
        host.faults = {len(host.asked): FAULTS[fault]}
        for _ in range(3):
            try:
                if step == "output":
                    assert driver.output(ORDER.job) == b"x" * 100
                else:
                    driver.remove(ORDER)
            except (errors.TransportError, errors.ReplyError):
                continue
            break
    assert driver.observe(ORDER.job).state == "absent"
    assert host.launches == 1


@pytest.mark.parametrize("number", range(COMMANDS_OF_A_RUN))
def test_killed_controller_runs_again_and_ends_the_same_i15(number: int) -> None:
    """Each command may be the last of a controller; the next one knows nothing but the order."""

    class KilledError(BaseException):
        pass

    def kill(answer: Answer) -> ExecResult:
        answer()
        raise KilledError

    host = HostOfOne(INSTALLS)
    host.faults = {number: kill}
    try:
        host.driver().run(ORDER, PATIENCE)
    except KilledError:
        host.sleep(60)
    host.faults = {}
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, host.launches, installed(host)) == (JobOutcome.FINISHED, 1, True)


def test_other_run_with_the_same_order_finds_the_job() -> None:
    host = HostOfOne(INSTALLS)
    host.driver().run(ORDER, PATIENCE)
    other = dataclasses.replace(ORDER, run="run-2")
    assert host.driver().run(other, PATIENCE).outcome is JobOutcome.FINISHED
    assert host.launches == 1


def test_host_that_is_away_for_hours_is_waited_for() -> None:
    host = HostOfOne(INSTALLS)
    host.faults = dict.fromkeys(range(4, 60), unreachable)
    result = host.driver().run(ORDER, PATIENCE)
    assert result.outcome is JobOutcome.FINISHED
    assert result.lost > 50


def test_host_that_never_comes_back_is_unknown() -> None:
    host = HostOfOne(INSTALLS)
    host.faults = dict.fromkeys(range(4, 10_000), unreachable)
    result = host.driver().run(ORDER, PATIENCE)
    assert result.outcome is JobOutcome.UNKNOWN
    assert host.slept >= PATIENCE.deadline + PATIENCE.grace


def test_refused_credentials_end_it_at_once() -> None:
    def refuse(_answer: Answer) -> ExecResult:
        raise errors.AuthenticationFailed("401")

    for number in range(5):
        host = HostOfOne(INSTALLS)
        host.faults = dict.fromkeys(range(number, 100), refuse)
        result = host.driver().run(ORDER, PATIENCE)
        assert result.outcome is JobOutcome.UNKNOWN
        assert len(host.asked) == number + 1, "a second try brings the account to its lockout"


def no_ticket(_answer: Answer) -> ExecResult:
    raise errors.NoTicket("the ticket has expired; kinit")


def test_ticket_that_ran_out_is_waited_for_while_the_job_is_at_work() -> None:
    host = HostOfOne(INSTALLS)
    host.faults = dict.fromkeys(range(4, 40), no_ticket)
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, host.launches, result.lost) == (JobOutcome.FINISHED, 1, 36)
    assert "ticket" not in result.reason


def test_ticket_that_nobody_renews_leaves_the_job_unknown_and_says_why() -> None:
    host = HostOfOne(INSTALLS)
    host.faults = dict.fromkeys(range(4, 10_000), no_ticket)
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, host.launches) == (JobOutcome.UNKNOWN, 1)
    assert result.reason.endswith(": the ticket has expired; kinit")
    assert host.slept >= PATIENCE.deadline + PATIENCE.grace


def test_nothing_is_waited_for_without_a_ticket_before_anything_was_ordered() -> None:
    host = HostOfOne(INSTALLS)
    host.faults = dict.fromkeys(range(100), no_ticket)
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, host.launches, host.slept) == (JobOutcome.UNKNOWN, 0, 0)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        ({"hang": True}, JobOutcome.STALLED),
        ({"hang": True, "busy_seconds": 1e6}, JobOutcome.STALLED),
        ({"duration_seconds": 300, "reboots": True}, JobOutcome.INTERRUPTED),
        ({"duration_seconds": 30, "exit_code": 1603}, JobOutcome.FINISHED),
    ],
)
def test_program_that_does_not_end_well(behaviour: dict[str, Any], outcome: JobOutcome) -> None:
    host = HostOfOne(behaviour)
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, host.launches) == (outcome, 1)
    if outcome is JobOutcome.STALLED:
        assert result.state is not None
        assert result.state.program_running, "an installer is never ended by us"


@pytest.mark.parametrize("seconds", [0, 1, 30, 600, 1199])
def test_restart_at_any_moment_is_interrupted_and_not_launched_again_i15(seconds: int) -> None:
    host = HostOfOne(INSTALLS)
    host.held().run(Operation("Start-HostJob", ORDER.parameters(), "ab" * 32))
    host.sleep(seconds)
    machine.restart(host.world)
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, host.launches) == (JobOutcome.INTERRUPTED, 1)
    assert result.reason == "reboot"


def test_swapped_file_is_failed_and_nothing_ran_i10() -> None:
    host = HostOfOne(INSTALLS)
    host.world.write_text(PATCH, "other bytes", by="test")
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, result.reason, host.launches) == (JobOutcome.FAILED, "sha256", 0)


def test_refused_order_launched_nothing_and_refused_question_leaves_it_open_i19() -> None:
    host = HostOfOne(INSTALLS)
    refused = host.driver().run(dataclasses.replace(ORDER, sha256="none"), PATIENCE)
    assert (refused.outcome, host.launches) == (JobOutcome.FAILED, 0), refused.reason
    asked = host.driver().run(dataclasses.replace(ORDER, job="no name"), PATIENCE)
    assert (asked.outcome, host.launches) == (JobOutcome.UNKNOWN, 0), asked.reason


def test_second_controller_is_told_who_has_the_host_i16() -> None:
    host = HostOfOne(INSTALLS)
    host.holders.ticket = None
    other = dataclasses.replace(ORDER, job="another", owner="controller-b", run="run-2")
    result = host.driver().run(other, PATIENCE)
    assert result.outcome is JobOutcome.LOCKED
    assert result.lock is not None
    assert (result.lock["owner"], result.lock["purpose"]) == ("controller-a", "patch")
    assert result.lock["acquired"].startswith("2021-03-05T10:00:00")
    assert host.launches == 0


def test_job_of_a_dead_controller_locks_the_host_by_itself_i16() -> None:
    host = HostOfOne({"hang": True, "busy_seconds": 1e6})
    host.driver().run(ORDER, Patience(deadline=1000.0, grace=0.0))
    host.held().run(Operation("Unlock-Host"))
    taken = {"owner": "controller-b", "run": "run-2", "purpose": "patch"}
    host.held().run(Operation("Lock-Host", taken))
    other = dataclasses.replace(ORDER, job="another", owner="controller-b", run="run-2")
    result = host.driver().run(other, PATIENCE)
    assert result.outcome is JobOutcome.LOCKED
    assert result.lock is not None
    assert result.lock["owner"] == "controller-a"
    assert host.launches == 1


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (b'"state":"finished"', b'"state":"patched"'),
        (b'"exit_code":3010', b'"exit_code":"0"'),
        (b'"exit_code":3010', b'"exit_code":null'),
        (b'"job":"kb5000871"', b'"job":"other"'),
        (b'"program_running":false', b'"program_running":0'),
    ],
)
def test_host_that_answers_nonsense_is_unknown(answer: bytes, text: bytes) -> None:
    def lie(real: Answer) -> ExecResult:
        done = real()
        return ExecResult(done.stdout.replace(answer, text), b"", 0)

    host = HostOfOne(INSTALLS)
    host.faults = dict.fromkeys(range(2, 10_000), lie)
    assert host.driver().run(ORDER, PATIENCE).outcome is JobOutcome.UNKNOWN


def test_removed_job_is_unknown() -> None:
    host = HostOfOne(INSTALLS)

    def remove(answer: Answer) -> ExecResult:
        host.world.delete_file("C:\\ProgramData\\ExchangeRemediation\\jobs\\kb5000871", by="test")
        return answer()

    host.faults = {5: remove}
    result = host.driver().run(ORDER, PATIENCE)
    assert (result.outcome, host.launches) == (JobOutcome.UNKNOWN, 1)


def test_polling_backs_off() -> None:
    host = HostOfOne({"duration_seconds": 1200})
    result = host.driver().run(ORDER, PATIENCE)
    polls = list(zip(host.asked, host.received_bytes[1:], strict=True))
    assert result.questions <= 20
    assert max(size for name, size in polls if name == "Get-HostJob") < 2500, "bytes of a reply"


def test_host_lock_is_kept_alive_while_waiting_i16() -> None:
    host = HostOfOne({"duration_seconds": 3600})
    host.driver().run(ORDER, PATIENCE)
    assert 9 <= host.asked.count("Update-HostLock") <= 13
    lock = host.transport().run(Operation("Get-HostLock")).result["lock"]
    assert lock["renewed"] > "2021-03-05T10:50"


def test_lost_host_lock_is_said_and_the_job_still_watched() -> None:
    host = HostOfOne({"duration_seconds": 1200})

    def release(answer: Answer) -> ExecResult:
        host.world.delete_file("C:\\ProgramData\\ExchangeRemediation\\host.lock", by="test")
        return answer()

    host.faults = {4: release}
    driver, said = host.driver(), []
    driver.notice = said.append
    assert driver.run(ORDER, PATIENCE).outcome is JobOutcome.FINISHED
    assert any("host lock is lost" in progress.line for progress in said)


def test_lost_order_is_asked_for_before_it_is_sent_again() -> None:
    host = HostOfOne(INSTALLS)
    host.faults = {1: drop_after}
    host.driver().run(ORDER, PATIENCE)
    assert host.asked[:3] == ["Get-HostJob", "Start-HostJob", "Get-OperationStatus"]
    assert host.asked.count("Start-HostJob") == 1


def test_a_watched_job_reports_how_long_and_says_only_what_is_new() -> None:
    host = HostOfOne(INSTALLS)
    driver, told = host.driver(), []
    driver.notice = told.append

    driver.run(ORDER, PATIENCE)

    assert {progress.step for progress in told} == {f"job {ORDER.job}"}
    assert {(progress.total, progress.unit) for progress in told} == {
        (PATIENCE.deadline, "seconds")
    }
    assert {progress.deadline for progress in told} == {ORDER.deadline_utc}
    assert [p.done for p in told] == sorted(p.done for p in told)
    lines = [progress.line for progress in told if progress.line]
    assert lines == list(dict.fromkeys(lines))
    assert len(lines) < len(told)
    assert lines[-1] == f"job {ORDER.job}: finished"
