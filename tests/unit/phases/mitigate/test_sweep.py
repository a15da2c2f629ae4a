# SPDX-License-Identifier: GPL-3.0-or-later
"""A line that breaks, a controller that dies, a server that restarts: at every command (I15)."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.result import (
    MitigateState as State,
)
from line_faults import FAULTS
from mitigated_host import MitigatedHost
from rehearsed_host import Killed

OPEN = {"although_open": "test of the way back"}


def changes(host: MitigatedHost) -> list[tuple[str, str]]:
    """What was changed on the host outside of our own folder, in order."""
    return [
        (row["kind"], row["target"])
        for row in host.world.mutations
        if "ExchangeRemediation" not in row["target"]
    ]


class Calm:
    """An undisturbed run there and back: how many commands, and what it left behind."""

    def __init__(self) -> None:
        host = MitigatedHost()
        host.mitigate()
        self.there, self.mitigated = len(host.asked), host.configuration
        self.changes_there = changes(host)
        self.world = host.world.snapshot()
        host.unmitigate(**OPEN)
        self.back, self.undone = len(host.asked) - self.there, host.configuration
        self.changes = changes(host)


CALM = Calm()


def mitigated() -> MitigatedHost:
    host = MitigatedHost()
    host.world.replace(CALM.world)
    return host


@pytest.mark.sweep
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", range(CALM.there))
def test_lost_line_on_the_way_there_changes_once_i15(number: int, fault: str) -> None:
    host = MitigatedHost()
    host.faults[number] = FAULTS[fault]
    result = host.mitigate()
    assert (result.state, host.configuration) == (State.MITIGATED, CALM.mitigated)
    assert changes(host) == CALM.changes_there


@pytest.mark.sweep
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("number", range(CALM.back))
def test_lost_line_on_the_way_back_changes_once_i15(number: int, fault: str) -> None:
    host = mitigated()
    host.faults[number] = FAULTS[fault]
    result = host.unmitigate(**OPEN)
    assert (result.state, host.configuration) == (State.REMOVED, CALM.undone)
    assert changes(host) == CALM.changes


def dies_before(_answer: Any) -> Any:
    raise Killed


def dies_after(answer: Any) -> Any:
    answer()
    raise Killed


@pytest.mark.sweep
@pytest.mark.parametrize("death", [dies_before, dies_after])
@pytest.mark.parametrize("number", range(CALM.there))
def test_killed_on_the_way_there_and_run_again_i15(number: int, death: Any) -> None:
    host = MitigatedHost(faults={number: death})
    with pytest.raises(Killed):
        host.mitigate()
    host.faults.clear()
    result = host.mitigate()
    assert (result.state, host.configuration) == (State.MITIGATED, CALM.mitigated)
    assert host.ask("Get-HostLock")["state"] == "free"
    host.unmitigate(**OPEN)
    assert host.configuration == CALM.undone


@pytest.mark.sweep
@pytest.mark.parametrize("death", [dies_before, dies_after])
@pytest.mark.parametrize("number", range(CALM.back))
def test_killed_on_the_way_back_and_run_again_i15(number: int, death: Any) -> None:
    host = mitigated()
    host.faults[number] = death
    with pytest.raises(Killed):
        host.unmitigate(**OPEN)
    host.faults.clear()
    result = host.unmitigate(**OPEN)
    assert result.state in (State.REMOVED, State.NOT_NEEDED)
    assert host.configuration == CALM.undone
    assert host.ask("Get-HostLock")["state"] == "free"


@pytest.mark.parametrize("number", range(CALM.there))
def test_server_restarts_on_the_way_there_i15(number: int) -> None:
    """A restart makes the lock of the other boot stale: what is left to do is done by a second run."""
    host = MitigatedHost(reboot_at=number)
    first = host.mitigate()
    if first.state is not State.MITIGATED:
        assert first.state in (State.UNKNOWN, State.PARTIAL), first.reason
        assert host.mitigate().state is State.MITIGATED
    assert host.configuration == CALM.mitigated


@pytest.mark.parametrize("number", range(CALM.back))
def test_server_restarts_on_the_way_back_i15(number: int) -> None:
    host = mitigated()
    host.reboot_at = number
    first = host.unmitigate(**OPEN)
    if first.state is not State.REMOVED:
        assert first.state in (State.UNKNOWN, State.PARTIAL), first.reason
        host.unmitigate(**OPEN)
    assert host.configuration == CALM.undone


def test_wrong_password_is_terminal_at_once() -> None:
    def refused(_answer: Any) -> Any:
        raise errors.AuthenticationFailed("401")

    host = MitigatedHost()
    host.faults = dict.fromkeys(range(10, 100), refused)
    result = host.mitigate()
    assert (result.state, len(host.asked)) == (State.UNKNOWN, 12)  # the change, and the lock
    host.faults = {}
    assert host.mitigate().state is State.MITIGATED
