# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows an installation, where the readings leave something open."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.calls.core import Lock
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.decide import (
    JobOutcome,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.jobs.restart import (
    RestartResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install import (
    install_run as finish,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    HostReading,
    InstallState,
    InstallVerdict,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.request import (
    InstallRequest,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
    InstallResult,
)


@pytest.mark.parametrize(
    ("pending", "restarts"), [([], 0), ([{"source": "WindowsUpdate"}], 1), (None, 1)]
)
def test_restart_is_left_out_only_where_none_is_known_to_be_pending_i19(
    pending: Any, restarts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered = []

    class Restart:
        def __init__(self, *_around: Any) -> None: ...

        def run(self, **order: Any) -> RestartResult:
            ordered.append(order)
            return RestartResult(JobOutcome.FINISHED, "", "boot:1", "boot:2")

    monkeypatch.setattr(finish, "Restart", Restart)
    host: Any = SimpleNamespace(
        record=lambda *_: None,
        transport=None,
        owner="a",
        lock=lambda _purpose: Lock("renewed", "1-a"),
    )
    tools: Any = SimpleNamespace(sleep=None, clock=lambda: 0.0, notice=lambda _said: None)
    result = InstallResult(InstallVerdict(InstallState.UNKNOWN, "not begun"))
    done = finish.InstallRun(InstallRequest("ex01", "run-1", "a"), host, tools, result, "patch")
    assert done.restart(HostReading({"pending_reboot": pending}), None)
    assert len(ordered) == restarts
