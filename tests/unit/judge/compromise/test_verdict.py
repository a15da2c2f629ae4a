# SPDX-License-Identifier: GPL-3.0-or-later
"""A question that was asked and not answered makes no good verdict."""

from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.model import CompromiseState
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.records import (
    DetectionCheck,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.compromise.verdict import (
    compromise_of,
)

SINCE = datetime(2021, 1, 1, tzinfo=UTC)


def test_nothing_looked_at_is_inconclusive() -> None:
    assert compromise_of((), (), SINCE).state is CompromiseState.INCONCLUSIVE
    missing = compromise_of((), ("msert/full-scan",), SINCE)
    assert missing.reasons == ("msert/full-scan: it was not answered",)


def test_answer_that_is_missing_beside_a_good_one_is_inconclusive() -> None:
    good = DetectionCheck("a/x", "a", "A", CompromiseState.NO_INDICATOR)
    assert compromise_of((good,), ("a/x",), SINCE).state is CompromiseState.NO_INDICATOR
    found = compromise_of((good,), ("a/x", "b/z"), SINCE)
    assert found.state is CompromiseState.INCONCLUSIVE
    assert "b/z: it was not answered" in found.reasons
