# SPDX-License-Identifier: GPL-3.0-or-later
"""A line that breaks and a server that restarts, at every command of the upgrade of a mitigated server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from line_faults import FAULTS
from patched_host import DISABLED
from rehearsed_host import Killed
from upgraded_host import ALL, QUICK, UpgradedHost, mitigated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sampling import Draw

SETUP = {**QUICK, "effects": [*QUICK["effects"], *DISABLED]}


def commands_of_a_run(folder: Path) -> int:
    host = mitigated(folder, behaviour=SETUP)
    assert host.upgrade().outcome.state is InstallState.PATCHED
    return len(host.asked)


def assert_upgraded(host: UpgradedHost, result: Any, where: str) -> None:
    done = (InstallState.PATCHED, InstallState.NOTHING_TO_DO)
    assert result.outcome.state in done, f"{where}: {result.outcome.reason}"
    assert set(result.reapply) == set(ALL), where
    assert (host.start("MSExchangeIS"), host.start("W3SVC")) == (2, 2), where


@pytest.mark.sweep
@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "time-out-after", "garbage"])
def test_fault_at_every_command_upgrades_once_i15(fault: str, tmp_path: Path, draw: Draw) -> None:
    for number in draw(range(commands_of_a_run(tmp_path))):
        host = mitigated(tmp_path, behaviour=SETUP)
        host.faults = {number: FAULTS[fault]}
        result = host.upgrade()
        where = f"{fault} at command {number} ({host.asked[number]})"
        assert_upgraded(host, result, where)
        assert host.launches == 1, where


@pytest.mark.sweep
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("controller", ["lives", "dies"])
def test_restart_of_the_server_at_every_command_ends_the_same_i15(
    moment: str, controller: str, tmp_path: Path, draw: Draw
) -> None:
    for number in draw(range(commands_of_a_run(tmp_path))):
        host = mitigated(tmp_path, behaviour=SETUP)

        def restarts(answer: Callable[[], Any], host: UpgradedHost = host) -> Any:
            if moment != "before":
                answer()
            machine.restart(host.world)
            if controller == "dies":
                raise Killed
            raise errors.TransportError("the server went away")

        host.faults = {number: restarts}
        try:
            result = host.upgrade()
        except Killed:
            host.faults = {}
            host.sleep(3600)
            result = host.upgrade("another day")
        where = f"restart {moment} {host.asked[number]}, command {number}"
        assert host.launches <= 1, where
        if result.outcome.state is InstallState.NOT_PATCHED:
            # Setup was cut off with its server and left nothing: that is said, and the next run begins anew.
            assert "cut off by a restart" in result.outcome.reason, where
            host.sleep(1)
            result = host.upgrade("once more")
        assert_upgraded(host, result, where)
        assert host.world.data["attached_images"] == {}, where
