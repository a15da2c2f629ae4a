# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clause asks for a change: only the one whose text says so."""

from __future__ import annotations

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.clauses import clause_for
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load


@pytest.mark.parametrize(
    ("campaign", "intent", "clause"),
    [
        ("proxylogon", "patch", "ED 21-02 action 1 update, supplement 1 hardening 2"),
        ("proxylogon", "upgrade", "ED 21-02 supplement 1 hardening 2"),
        ("proxylogon", "mitigate", None),  # the directive asks for no mitigation
        ("hybrid-trust", "patch", "ED 25-02 4"),
        ("proxyshell", "patch", None),  # under no directive
    ],
)
def test_clause_of_an_intent(campaign: str, intent: str, clause: str | None) -> None:
    assert clause_for(load(), campaign, intent) == clause
