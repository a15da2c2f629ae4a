# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of an order whose sender was cut off: sent again, given up, or not known."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs import orders
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.driver import JobOrder

DEADLINE = "2021-03-05T10:00:00Z"
EARLY, LATE = datetime(2021, 3, 5, 9, tzinfo=UTC), datetime(2021, 3, 5, 10, tzinfo=UTC)
ORDER = JobOrder("job-1", "C:\\x.ps1", "0" * 64, DEADLINE, "owner", "run")


def fates(monkeypatch: pytest.MonkeyPatch, *found: str | None) -> Any:
    monkeypatch.setattr(orders, "order_status", lambda *_: found)
    return SimpleNamespace()


@pytest.mark.parametrize(
    ("fate", "late", "kept"),
    [
        (None, False, True),
        (None, True, False),
        ("begun", False, True),
        ("begun", True, True),  # it may have been launched, only its answer is missing
        ("error", False, False),
    ],
)
def test_order_that_was_begun_is_taken_up_also_when_it_is_late_i15(
    fate: str | None, *, late: bool, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = fates(monkeypatch, fate, None)
    assert orders.may_go_on(host, ORDER, LATE if late else EARLY) is kept


def test_order_whose_job_is_gone_is_not_given_again_i19(monkeypatch: pytest.MonkeyPatch) -> None:
    host = fates(monkeypatch, "ok")
    with pytest.raises(RefusedError, match="was ordered on this host and is gone"):
        orders.may_go_on(host, ORDER, EARLY)


def test_order_whose_deadline_cannot_be_read_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    order = JobOrder("job-1", "C:\\x.ps1", "0" * 64, "soon", "owner", "run")
    assert not orders.may_go_on(fates(monkeypatch, None), order, EARLY)
