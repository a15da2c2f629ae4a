# SPDX-License-Identifier: GPL-3.0-or-later
"""A restart is one restart, whatever becomes of the connection."""

from __future__ import annotations

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.restart import (
    Restart,
    RestartResult,
    other_boot,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    Operation,
)
from fleet_of_one import ORDER, OWNER, HostOfOne
from line_faults import FAULTS, Answer, unreachable


def restarted(host: HostOfOne, step: str = "patch/restart", owner: str = OWNER) -> RestartResult:
    restart = Restart(host.held(), host.sleep, lambda: host.slept)
    return restart.run(run="run-1", step=step, owner=owner, reason="KB5000871", timeout=900)


def restarts(host: HostOfOne) -> int:
    return sum(m["kind"] == "reboot" for m in host.world.mutations)


def test_host_answers_from_another_boot() -> None:
    host = HostOfOne()
    result = restarted(host)
    assert (result.outcome, restarts(host)) == (JobOutcome.FINISHED, 1)
    assert other_boot(result.before, result.after)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (errors.NoTicket("expired"), JobOutcome.FINISHED),
        (errors.AuthenticationFailed("401"), JobOutcome.UNKNOWN),
    ],
)
def test_boot_is_looked_for_until_a_ticket_was_renewed_and_never_after_a_refusal(
    error: errors.RemediationError, outcome: JobOutcome
) -> None:
    def fail(_answer: Answer) -> ExecResult:
        raise error

    host = HostOfOne()
    host.faults = dict.fromkeys(range(2, 5), fail)  # from the first question after the order on
    assert restarted(host).outcome is outcome
    assert host.asked.count("Restart-Host") == 1


@pytest.mark.sweep
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", range(5))
def test_fault_at_every_command_leaves_one_restart_i15(fault: str, number: int) -> None:
    host = HostOfOne()
    host.faults = {number: FAULTS[fault]}
    result = restarted(host)
    assert (result.outcome, restarts(host)) == (JobOutcome.FINISHED, 1)


def test_same_step_of_the_same_run_restarts_once() -> None:
    host = HostOfOne()
    restarted(host)
    again = restarted(host)
    assert (again.outcome, restarts(host)) == (JobOutcome.FINISHED, 1)
    assert restarted(host, "patch/second").outcome is JobOutcome.FINISHED
    assert restarts(host) == 2


def test_host_that_does_not_come_back_is_unknown() -> None:
    host = HostOfOne()
    host.faults = dict.fromkeys(range(2, 1000), unreachable)
    result = restarted(host)
    assert result.outcome is JobOutcome.UNKNOWN
    assert result.seconds >= 900


def test_host_without_a_boot_identity_is_not_restarted() -> None:
    host = HostOfOne()

    def nameless(answer: Answer) -> ExecResult:
        done = answer()
        return ExecResult(done.stdout.replace(b'"boot_id":"boot', b'"boot_id":null,"x":"'), b"", 0)

    host.faults = dict.fromkeys(range(100), nameless)
    assert restarted(host).outcome is JobOutcome.FAILED
    assert restarts(host) == 0


def test_work_on_the_host_is_not_interrupted_i16() -> None:
    host = HostOfOne({"hang": True})
    host.held().run(Operation("Start-HostJob", ORDER.parameters(), "ab" * 32))
    assert restarted(host).outcome is JobOutcome.LOCKED
    other = HostOfOne()
    other.holders.ticket = None
    assert restarted(other, owner="controller-b").outcome is JobOutcome.LOCKED
    assert restarts(host) == 0


@pytest.mark.parametrize(
    ("one", "two", "other"),
    [
        ("boot:1;system:a", "boot:2;system:a", True),
        ("boot:1;system:a", "boot:1;system:a", False),
        ("boot:1", "system:a", False),
        (None, "boot:1", False),
        ("boot:1;system:a", "system:b", True),
    ],
)
def test_boots_differ_when_a_common_part_does(one: str, two: str, *, other: bool) -> None:
    assert other_boot(one, two) is other


@pytest.mark.parametrize("first", [0, 1])
def test_ticket_that_ended_before_the_order_is_waited_for(first: int) -> None:
    def fail(_answer: Answer) -> ExecResult:
        raise errors.NoTicket("expired")

    host = HostOfOne()
    host.faults = dict.fromkeys(range(first, first + 4), fail)
    assert (restarted(host).outcome, restarts(host)) == (JobOutcome.FINISHED, 1)


def test_ticket_that_nobody_renews_is_named() -> None:
    def fail(_answer: Answer) -> ExecResult:
        raise errors.NoTicket("expired")

    host = HostOfOne()
    host.faults = dict.fromkeys(range(500), fail)
    result = restarted(host)
    assert result.outcome is JobOutcome.FAILED
    assert "expired" in result.reason
