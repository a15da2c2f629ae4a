# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime

from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.mitigate.choose import choose

AT = datetime(2021, 3, 5, 10, 0, tzinfo=UTC)


def test_unread_server_gets_no_step_and_a_reason_i19() -> None:
    found = choose(load(), "proxylogon", None, (), AT, present=True)
    assert found.steps == ()
    assert found.refused
