# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole update by the controller over the real scripts: the end and the verdict of the model."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    BOOTSTRAP_COMMAND,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from engine_pair import differences
from patched_host import DISABLED, INSTALLS, LISTED, PatchedHost
from server_roles import ROLES

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine


@dataclass
class RealHost(PatchedHost):
    """The same server and controller; the commands run on PowerShell."""

    powershell: PowerShellEngine | None = None

    def execute(self, _command: str, stdin: bytes) -> ExecResult:
        assert self.powershell is not None
        one = SimulatedHost("EX01", "127.77.0.1", self.world)
        done = asyncio.run(self.powershell.run(one, BOOTSTRAP_COMMAND, stdin))
        return ExecResult(done.stdout, done.stderr, done.exit_code)


def left(host: PatchedHost) -> dict[str, Any]:
    """What an update may change, and what is kept of ours: names, not times."""
    files = host.world.data["files"]
    ours = [path for path in files if "ExchangeRemediation" in path and not path.endswith(".guard")]
    return {
        **{name: host.world.data[name] for name in ("registry", "services", "iis_runtime")},
        "versions": {p: f["version"] for p, f in files.items() if f.get("version")},
        "records": sorted(p for p in ours if "\\updates\\" in p or p.endswith("host.lock")),
        "packages": sorted(p for p in ours if "\\packages\\" in p),
        "launches": host.launches,
        "boots": host.world.data["boot_id"],
        "tasks": sorted(host.world.data["scheduled_tasks"]),
    }


def told(result: InstallResult) -> dict[str, Any]:
    """The verdict with everything that it rests on."""
    outcome = result.outcome
    return {
        "state": outcome.state.value,
        "reason": outcome.reason,
        "conditions": [(c.condition, c.holds.value, c.summary) for c in outcome.conditions],
        "failures": [(f.failure, f.detail) for f in outcome.failures],
        "steps": [(row["step"], row["changed"]) for row in result.done],
        "exit_code": result.exit_code,
    }


@pytest.mark.parametrize(
    ("behaviour", "state"),
    [
        pytest.param(
            {**INSTALLS, "effects": [*INSTALLS["effects"], *DISABLED]},
            "patched",
            id="3010-services-left-disabled",
        ),
        pytest.param({"duration_seconds": 90, "exit_code": 1603}, "not-patched", id="1603"),
        pytest.param(
            {"duration_seconds": 90, "exit_code": 0, "effects": [LISTED]},
            "degraded",
            id="old-bytes",
        ),
    ],
)
def test_update_ends_on_the_real_scripts_as_in_the_model(
    behaviour: dict[str, Any], state: str, shim_engine: PowerShellEngine, tmp_path: Path
) -> None:
    model, real = (
        PatchedHost(tmp_path, behaviour),
        RealHost(tmp_path, behaviour, powershell=shim_engine),
    )
    expected, found = model.patch(), real.patch()
    assert expected.outcome.state.value == state
    assert differences(told(expected), told(found)) == []
    assert differences(left(model), left(real)) == []


@pytest.mark.parametrize("name", sorted(ROLES.keys() - {"mailbox-2016", "both-2013"}))
def test_update_of_every_role_ends_on_the_real_scripts_as_in_the_model(
    name: str, shim_engine: PowerShellEngine, tmp_path: Path
) -> None:
    role = ROLES[name]
    model, real = (
        PatchedHost(tmp_path, role.installs, spec=role.spec),
        RealHost(tmp_path, role.installs, spec=role.spec, powershell=shim_engine),
    )
    expected, found = model.patch(store=role.store), real.patch(store=role.store)
    assert expected.outcome.state.value == "patched", expected.outcome.reason
    assert differences(told(expected), told(found)) == []
    assert differences(left(model), left(real)) == []
