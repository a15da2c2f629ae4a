# SPDX-License-Identifier: GPL-3.0-or-later
"""One sink for all that is reported; whoever knows the host and the phase adds them."""

from __future__ import annotations

from ansible_collections.exchange.remediation.plugins.plugin_utils.base.progress import (
    Progress,
    within,
)


def test_a_sink_adds_what_the_work_does_not_know() -> None:
    told: list[Progress] = []
    tell = within(told.append, "ex01", "patch")

    tell(Progress(step="deliver", done=10, total=20, unit="bytes"))
    tell(Progress("ex02", "upgrade", "restart"))

    assert told == [
        Progress("ex01", "patch", "deliver", 10, 20, "bytes"),
        Progress("ex02", "upgrade", "restart"),
    ]
