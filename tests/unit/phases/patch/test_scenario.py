# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario of the rollout: each host ends as its description says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    Credentials,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario import (
    scenario,
)
from patched_host import AT, PatchedHost

if TYPE_CHECKING:
    from pathlib import Path

EXPECTED = {
    "ok": ("patched", []),
    "no-restart": ("patched", []),
    "half-services": ("patched", []),
    "rolled-back": ("not-patched", ["rolled-back"]),
    "wrong-target": ("not-patched", ["wrong-target"]),
    "old-bytes": ("degraded", ["reported-old-bytes"]),
    "half-patch": ("degraded", ["half-patch"]),
    "reverted": ("degraded", ["reverted-at-boot"]),
    "reboots": ("patched", []),
    "unknown-code": ("unknown", []),
    "dialog": ("unknown", ["stalled"]),
    "pending": ("stopped", []),
    "old-cu": ("stopped", []),
    "unknown-build": ("stopped", []),
    "dag-member": ("stopped", []),
}
FLEET = scenario.load(
    scenario.FOLDER / "patch.yml", at=AT, credentials=Credentials("administrator", "nobody")
)


def test_every_host_of_the_scenario_is_expected() -> None:
    assert {host.name for host in FLEET.hosts} == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_host_ends_as_described(name: str, tmp_path: Path) -> None:
    host = PatchedHost(tmp_path)
    world = next(one.world for one in FLEET.hosts if one.name == name)
    host.world = type(world)({**world.snapshot(), "now": AT.strftime("%Y-%m-%dT%H:%M:%SZ")})
    planned = host.patch(check=True)
    assert host.world.mutations == []  # I9
    result = host.patch()
    found = sorted(failure.failure for failure in result.outcome.failures)
    assert (result.outcome.state.value, found) == EXPECTED[name], result.outcome.reason
    assert bool(planned.plan) == bool(result.plan)
