# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes checks fall away counts only where everything that could speak against it was read."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts.read import Facts
from ansible_collections.exchange.remediation.plugins.plugin_utils.judge.role import server_role

EDGE: dict[str, Any] = {
    "exchange": {"installed": True, "roles": ["Edge"], "services_value": True},
    "services": [
        {"name": name, "status": "Running", "start_type": "Automatic"}
        for name in ("ADAM_MSExchange", "MSExchangeEdgeCredential", "MSExchangeTransport")
    ],
    "iis": {"version": None, "sites": [], "app_pools": []},
}


def test_edge_server_without_iis_is_one() -> None:
    role = server_role(Facts.of(EDGE, ()))
    assert (role.kind, role.conflict) == ("edge", None)


@pytest.mark.parametrize("unread", ["services", "iis"])
def test_role_is_in_doubt_where_what_could_speak_against_it_was_not_read(unread: str) -> None:
    why = {"source": unread, "id": "AccessDenied", "message": "access is denied"}
    role = server_role(Facts.of({**EDGE, unread: None}, [why]))
    assert role.kind == "server"
    assert "could not be read to bear it out" in (role.conflict or "")
    assert role.client_access
