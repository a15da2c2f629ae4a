# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a script may still be at work, and whether an attempt was begun: both keep the lock."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.microsoft.attempt import Attempt
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
    at_work,
    is_over,
)


@pytest.mark.parametrize(
    ("outcome", "running", "still"),
    [
        (JobOutcome.FINISHED, False, False),
        (JobOutcome.INTERRUPTED, False, False),
        (JobOutcome.INTERRUPTED, True, True),  # its runner is gone, it is not
        (JobOutcome.STALLED, True, True),
        (JobOutcome.UNKNOWN, False, True),
    ],
)
def test_program_that_runs_is_at_work_whatever_became_of_its_job(
    outcome: JobOutcome, *, running: bool, still: bool
) -> None:
    state = SimpleNamespace(program_running=running, state="interrupted")
    report: Any = SimpleNamespace(job=SimpleNamespace(outcome=outcome, state=state))
    assert at_work(report) is still
    assert is_over(report) is not still


@pytest.mark.parametrize(
    ("fates", "late", "kept"),
    [
        (set(), False, True),
        (set(), True, False),
        ({"begun"}, False, True),
        ({"begun"}, True, True),  # it may have been launched, only its answer is missing
        ({"error"}, False, False),
    ],
)
def test_order_that_was_begun_is_taken_up_also_when_it_is_late_i15(
    fates: set[str], *, late: bool, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, record = taken_up(monkeypatch, fates, late=late)
    assert attempt.taken_up(record) is (record if kept else None)


def test_order_whose_job_is_gone_is_not_given_again_i19(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt, record = taken_up(monkeypatch, {"ok"}, late=False)
    with pytest.raises(RefusedError, match="was ordered on this host and is gone"):
        attempt.taken_up(record)


def taken_up(monkeypatch: pytest.MonkeyPatch, fates: set[str], *, late: bool) -> tuple[Any, Any]:
    """An attempt whose job the host does not have, and its record."""
    monkeypatch.setattr(Attempt, "job", "job-1")
    monkeypatch.setattr(Attempt, "known", lambda _: SimpleNamespace(state="absent"))
    monkeypatch.setattr(Attempt, "_fates", lambda *_: fates)
    monkeypatch.setattr(Attempt, "_late", lambda *_: late)
    nothing: Any = None
    return Attempt(nothing, nothing, nothing, nothing, nothing, nothing, 1), object()
