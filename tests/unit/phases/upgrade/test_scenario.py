# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario of the upgrade: each host ends as its description says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade.result import (
    state_of,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from patched_host import AT
from upgraded_host import UpgradedHost

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = {
    "ok": ("upgraded", []),
    "no-restart": ("upgraded", []),
    "half-services": ("upgraded", []),
    "wmi-gone": ("upgraded", []),
    "restarts": ("upgraded", []),
    "no-letter": ("upgraded", []),
    "refuses": ("not-upgraded", ["setup-refused"]),
    "classic": ("not-upgraded", ["setup-refused"]),
    "without-effect": ("degraded", ["setup-without-effect"]),
    "broke-off": ("degraded", ["setup-broke-off"]),
    "dialog": ("unknown", ["stalled"]),
    "bad-image": ("stopped", []),
    "pending": ("stopped", []),
    "old-dotnet": ("stopped", []),
    "dag-member": ("stopped", []),
    "full-disk": ("stopped", []),
    "there-already": ("nothing-to-do", []),
    "unknown-build": ("stopped", []),
}
FLEET = scenario.load(
    scenario.FOLDER / "upgrade.yml", at=AT, credentials=Credentials("administrator", "nobody")
)


def test_every_host_of_the_scenario_is_expected() -> None:
    assert {host.name for host in FLEET.hosts} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_host_ends_as_described(name: str, tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path)
    world = next(one.world for one in FLEET.hosts if one.name == name)
    host.world = type(world)({**world.snapshot(), "now": AT.strftime("%Y-%m-%dT%H:%M:%SZ")})
    planned = host.upgrade(check=True)
    assert host.world.mutations == []  # I9
    result = host.upgrade()
    found = sorted(failure.failure for failure in result.outcome.failures)
    assert (state_of(result), found) == EXPECTED[name], result.outcome.reason
    assert bool(planned.plan) == bool(result.plan)
