# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that denies Exchange, or contradicts itself, is never without need of a mitigation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.states import Standing
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.registry import standing
from mitigated_host import MitigatedHost
from tooled_host import ToolHost

if TYPE_CHECKING:
    from pathlib import Path

HOSTS: dict[str, dict[str, Any]] = {
    "denies": {"exchange": None},
    "says-edge": {
        "override": {
            "registry": {"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\EdgeTransportRole": {}}
        }
    },
}


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("check", [True, False])
def test_script_of_microsoft_is_not_started_and_the_host_is_unknown(
    name: str,
    check: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    host = ToolHost(tmp_path, spec=HOSTS[name])
    answer = host.act(check=check)
    assert (answer.state.value, answer.code, answer.ok) == ("refused", "conflict", False)
    assert standing("mitigate", answer.state.value, answer.code) is Standing.UNKNOWN
    assert host.world.mutations == []


@pytest.mark.parametrize("name", HOSTS)
@pytest.mark.parametrize("intent", ["mitigate", "unmitigate"])
def test_our_own_mitigations_are_neither_applied_nor_taken_off(name: str, intent: str) -> None:
    host = MitigatedHost(spec=HOSTS[name])
    result = host.run(intent=intent)
    assert (result.state.value, result.code) == ("stopped", "conflict")
    assert standing(intent, result.state.value, result.code) is Standing.UNKNOWN
    assert host.world.mutations == []
