# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole upgrade over the real scripts: what the controller asks for is what they take."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from upgraded_host import ALL, IMAGE, QUICK, UpgradedHost, mitigate

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine


@dataclass
class RealHost(UpgradedHost):
    """The same server behind the real scripts."""

    real: Any = None

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        host = SimulatedHost("ex01", "127.77.0.1", self.world)
        done = asyncio.run(self.real.run(host, command, stdin))
        return ExecResult(done.stdout, done.stderr, done.exit_code)


def test_upgrade_runs_on_the_real_scripts(shim_engine: PowerShellEngine, tmp_path: Path) -> None:
    host = RealHost(tmp_path, QUICK, real=shim_engine)
    planned = host.upgrade(check=True)
    assert host.world.mutations == []  # I9
    result = host.upgrade()
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    assert [row["step"] for row in result.done] == list(planned.plan)
    assert host.launches == 1
    assert (host.world.data["attached_images"], result.exit_code) == ({}, 0)
    assert any(path.endswith(IMAGE) for path in host.world.data["files"])


def test_mitigations_are_listed_over_the_real_scripts(
    shim_engine: PowerShellEngine, tmp_path: Path
) -> None:
    host = RealHost(tmp_path, QUICK, real=shim_engine)
    assert mitigate(host) == "mitigated"
    result = host.upgrade()
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    assert set(result.reapply) == set(ALL)
    assert set(host.upgrade("run-2").reapply) == set(ALL)


@pytest.mark.parametrize("role", ["Edge", "ManagementTools"])
def test_upgrade_without_a_front_end_is_proven_on_the_real_scripts(
    role: str, shim_engine: PowerShellEngine, tmp_path: Path
) -> None:
    host = RealHost(tmp_path, QUICK, spec={"role": role}, real=shim_engine)
    result = host.upgrade()
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    aside = {c.condition for c in result.outcome.conditions if c.holds.value == "not-applicable"}
    assert "probe" in aside
