# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import Facts
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.checks.clock import (
    ClockSample,
    check_clock,
    offset,
)

_NOON = datetime(2021, 3, 5, 12, tzinfo=UTC)


def _check(host_seconds: float, took: float) -> Any:
    host = (_NOON + timedelta(seconds=host_seconds)).isoformat()
    sample = ClockSample(_NOON, _NOON + timedelta(seconds=took))
    return check_clock(Facts.of({"clock": {"utc": host}}, []), sample)


@pytest.mark.parametrize(
    ("host_seconds", "took", "status", "severity"),
    [
        (0, 0, "pass", "info"),
        (2, 0, "pass", "info"),
        (2.1, 0, "finding", "low"),
        (-2.1, 0, "finding", "low"),
        (300, 0, "finding", "high"),
        (5, 10, "pass", "info"),  # taken while the request was under way
        (13, 10, "finding", "low"),  # 3 s after the reply was already here
        (-3, 10, "finding", "low"),
        (1, 400, "unknown", "low"),  # nothing can be said within 400 s
    ],
)
def test_the_offset_is_bounded_by_sending_and_receiving(
    host_seconds: float, took: float, status: str, severity: str
) -> None:
    found = _check(host_seconds, took)

    assert (found.status.value, found.severity.value) == (status, severity), found.summary


def test_a_controller_clock_that_ran_backwards_measures_nothing() -> None:
    sample = ClockSample(_NOON, _NOON - timedelta(seconds=1))

    assert offset(_NOON.isoformat(), sample) is None


def test_the_middle_of_the_bounds_is_the_number_for_the_report() -> None:
    sample = ClockSample(_NOON, _NOON + timedelta(seconds=4))
    found = offset((_NOON + timedelta(seconds=10)).isoformat(), sample)

    assert found is not None
    assert (found.low, found.high, found.middle, found.least) == (6, 10, 8, 6)
