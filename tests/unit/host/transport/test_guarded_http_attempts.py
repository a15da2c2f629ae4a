# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the guarded HTTP layer tries to reach a host."""

from __future__ import annotations

import pytest
import requests
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.guarded_http import (
    HttpGuard,
    harden,
)
from urllib3.connection import HTTPConnection
from urllib3.exceptions import NewConnectionError


def test_a_host_that_refuses_the_connection_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[str] = []

    def refused(self: HTTPConnection) -> None:
        attempts.append(self.host)
        raise NewConnectionError(self, "refused")

    monkeypatch.setattr(HTTPConnection, "connect", refused)
    session = harden(requests.Session(), HttpGuard())
    with session, pytest.raises(requests.ConnectionError):
        session.post("http://127.77.0.9:5985/wsman", data=b"x", timeout=1)
    assert attempts == ["127.77.0.9"]
