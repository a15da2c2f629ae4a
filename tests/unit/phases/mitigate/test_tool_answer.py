# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a script may still be at work: then the lock is kept."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
)
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
