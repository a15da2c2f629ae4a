# SPDX-License-Identifier: GPL-3.0-or-later
"""A further tool on a host is a command line and a reader: here a scanner that nobody has heard of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.session import HostSession
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.attempts import (
    Attempts,
    Command,
    JobEnd,
    at_work,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
)
from fleet_of_one import HostOfOne
from job_requests import OWNER, PATCH, SHA256
from line_faults import drop_after, drop_before

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2021, 3, 5, 10, 0, tzinfo=UTC)
SCANS = {"duration_seconds": 90, "exit_code": 7, "output": "Files scanned: 12\nThreats: 2\n"}


# The whole of the made-up tool: what it is told, and what its output says.


def scan(folder: str) -> Command:
    """The command line."""
    return Command(PATCH, SHA256, ("-scan", folder))


@dataclass(frozen=True)
class Finding:
    """What it found; ``None``: it did not say."""

    threats: int | None


def read(end: JobEnd, output: bytes) -> Finding:
    """The reader: what is not said, or not by a whole run, is not known."""
    match = re.search(rb"^Threats: (\d+)$", output, re.MULTILINE)
    return Finding(int(match[1]) if match and end.finished else None)


@dataclass
class Scanned:
    """One host with the tool on it."""

    behaviour: dict[str, Any] = field(default_factory=lambda: dict(SCANS))

    def __post_init__(self) -> None:
        self.host = HostOfOne(self.behaviour)

    def attempts(self) -> Attempts:
        session = HostSession(self.host.held(), "run-1", OWNER, self.host.sleep)
        return Attempts(session, self.host.driver(), "scan-1a2b", 600)


def test_a_tool_is_a_command_line_and_a_reader() -> None:
    attempts = Scanned().attempts()

    end = attempts.order(1, scan("C:\\inetpub"), NOW)

    assert (end.job, end.exit_code, end.launched, end.open_end) == ("scan-1a2b-1", 7, True, False)
    assert end.boot_id is not None
    assert read(end, attempts.driver.output(end.job)) == Finding(2)
    number, last = attempts.last()
    assert (number, at_work(last)) == (1, False)


@pytest.mark.parametrize("fault", [drop_before, drop_after])
@pytest.mark.parametrize("number", range(12))
def test_it_is_launched_once_wherever_the_line_breaks_i15(
    fault: Callable[..., Any], number: int
) -> None:
    scanned = Scanned()
    scanned.host.faults = {number: fault}
    attempts = scanned.attempts()

    first = attempts.order(1, scan("C:\\inetpub"), NOW)
    again = scanned.attempts().order(1, scan("C:\\inetpub"), NOW)

    assert (first.exit_code, again.exit_code, scanned.host.launches) == (7, 7, 1)


def test_another_attempt_is_another_job() -> None:
    scanned = Scanned()
    attempts = scanned.attempts()
    assert attempts.last() == (0, None)

    attempts.order(1, scan("C:\\inetpub"), NOW)
    second = attempts.order(2, scan("C:\\inetpub"), NOW)

    assert (second.job, attempts.last()[0], scanned.host.launches) == ("scan-1a2b-2", 2, 2)
    assert attempts.watch("scan-1a2b-1").exit_code == 7


def test_a_job_that_is_only_watched_is_never_launched() -> None:
    scanned = Scanned()

    assert scanned.attempts().watch("scan-1a2b-1").refused
    assert scanned.host.launches == 0


@pytest.mark.parametrize(
    ("outcome", "means"),
    [
        (JobOutcome.FINISHED, "finished"),
        (JobOutcome.INTERRUPTED, "cut"),
        (JobOutcome.FAILED, "refused"),
        (JobOutcome.LOCKED, "refused"),
        (JobOutcome.STALLED, "open_end"),
        (JobOutcome.UNKNOWN, "open_end"),
    ],
)
def test_every_outcome_means_one_thing(outcome: JobOutcome, means: str) -> None:
    end = JobEnd("scan-1", outcome, "")

    said = [name for name in ("finished", "cut", "refused", "open_end") if getattr(end, name)]

    assert said == [means]
