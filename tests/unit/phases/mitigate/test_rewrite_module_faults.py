# SPDX-License-Identifier: GPL-3.0-or-later
"""A line that breaks, a controller that dies, a host that restarts: one installation, one end (I15)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.iis_module.models import (
    IisModuleStatus,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from line_faults import FAULTS
from mitigated_host import configuration
from moduled_host import ModuledHost
from rehearsed_host import Killed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sampling import Draw

ACTS = {
    "install": (ModuledHost.ensure, IisModuleStatus.INSTALLED, ("Save-RewriteRecord", "Start-HostJob")),
    "remove": (ModuledHost.take_off, IisModuleStatus.REMOVED, ("Start-HostJob", "Remove-RewriteRecord")),
}  # fmt: skip


@pytest.fixture
def ready(tmp_path: Path) -> Callable[[str], ModuledHost]:
    """A host at the beginning of an act."""

    def make(act: str) -> ModuledHost:
        one = ModuledHost(folder=tmp_path)
        if act == "remove":
            one.ensure(run="run-0")
        for listed in (one.asked, one.parameters, one.journal):
            listed.clear()
        return one

    return make


def uninterrupted(ready: Any, act: str) -> tuple[ModuledHost, int, int]:
    """The host as it ends when nothing goes wrong, its launches, and how often it was asked."""
    one = ready(act)
    do, status, _ = ACTS[act]
    assert do(one).status is status
    return one, len(one.launched), len(one.asked)


@pytest.mark.sweep
@pytest.mark.parametrize("fault", sorted(FAULTS))
@pytest.mark.parametrize("act", sorted(ACTS))
def test_each_lost_answer_ends_as_if_nothing_was_lost(
    act: str, fault: str, ready: Any, draw: Draw
) -> None:
    clean, launches, asked = uninterrupted(ready, act)
    do, status, _ = ACTS[act]
    for number in draw(range(asked)):
        one = ready(act)
        one.faults = {number: FAULTS[fault]}
        assert do(one).status is status, number
        assert len(one.launched) == launches, number
        assert configuration(one.world) == configuration(clean.world), number


@pytest.mark.sweep
@pytest.mark.parametrize("run", ["run-1", "run-2"])
@pytest.mark.parametrize("acted", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("act", sorted(ACTS))
def test_kill_at_each_step_is_taken_up(
    act: str,
    acted: bool,  # noqa: FBT001 - before or after the host acted
    run: str,
    ready: Any,
    draw: Draw,
) -> None:
    clean, launches, asked = uninterrupted(ready, act)
    do, status, _ = ACTS[act]

    def die(answer: Any) -> Any:
        if acted:
            answer()
        raise Killed

    for number in draw(range(asked)):
        one = ready(act)
        one.faults = {number: die}
        with pytest.raises(Killed):
            do(one)
        one.give_lock_back()
        done = do(one, run=run)
        if act == "install":
            assert done.status in (status, IisModuleStatus.PRESENT), number
            assert one.source == clean.source
        else:
            assert done.status in (status, IisModuleStatus.ABSENT), number
        assert len(one.launched) == launches, number
        assert configuration(one.world) == configuration(clean.world), number
    # What a killed run brought is still ours.
    if act == "install":
        assert one.take_off(run="run-3").status is IisModuleStatus.REMOVED


@pytest.mark.sweep
@pytest.mark.parametrize("act", sorted(ACTS))
def test_kill_at_each_entry_of_the_journal_is_taken_up(act: str, ready: Any, draw: Draw) -> None:
    clean, launches, _ = uninterrupted(ready, act)
    do, status, _ = ACTS[act]
    entries = len(clean.journal)
    for number in draw(range(entries)):
        one = ready(act)
        journal = Journal(number)
        one.journal = journal
        with pytest.raises(Killed):
            do(one)
        one.journal = []
        one.give_lock_back()
        done = do(one)
        assert done.status in (status, IisModuleStatus.PRESENT, IisModuleStatus.ABSENT), number
        assert len(one.launched) == launches, number
        assert configuration(one.world) == configuration(clean.world), number


class Journal(list[tuple[str, dict[str, Any]]]):
    """The controller dies while it writes one of its entries."""

    def __init__(self, dies_at: int) -> None:
        super().__init__()
        self.dies_at = dies_at

    def append(self, entry: tuple[str, dict[str, Any]]) -> None:
        if len(self) == self.dies_at:
            raise Killed
        super().append(entry)


@pytest.mark.sweep
@pytest.mark.parametrize("act", sorted(ACTS))
def test_restart_of_windows_at_each_step_is_told_or_survived(
    act: str, ready: Any, draw: Draw
) -> None:
    """An installer that is cut off leaves nothing here; then another run brings the module."""
    clean, _, asked = uninterrupted(ready, act)
    do, status, _ = ACTS[act]
    for number in draw(range(asked)):
        one = ready(act)
        one.reboot_at = number
        done = do(one)
        if done.status is not status:
            assert done.status is IisModuleStatus.FAILED, number
            assert "cut off by a restart" in done.reason
            done = do(one, run="run-2")
        assert done.status is status, number
        assert configuration(one.world) == configuration(clean.world), number


@pytest.mark.parametrize("act", sorted(ACTS))
def test_two_controllers_do_it_once(act: str, ready: Any) -> None:
    """I16: the second one waits for the lock or finds it done."""
    one = ready(act)
    do, status, _ = ACTS[act]
    assert do(one).status is status
    launches = len(one.launched)
    assert do(one, run="run-2").changed is False
    assert len(one.launched) == launches


@pytest.mark.parametrize("act", sorted(ACTS))
def test_each_change_is_in_the_journal_before_it_is_sent(act: str, ready: Any) -> None:
    """I14."""
    one = ready(act)
    do, _, operations = ACTS[act]
    seen: list[str] = []
    plain = one.execute

    def watched(command: str, stdin: bytes) -> Any:
        answer = plain(command, stdin)
        name = one.asked[-1]
        if name in operations and name not in seen:
            noted = [data["operation"] for event, data in one.journal if event == "intent"]
            assert name in noted
            seen.append(name)
        return answer

    one.execute = watched  # type: ignore[method-assign]
    do(one)
    assert sorted(seen) == sorted(operations)


def test_clock_of_the_host_counts_for_the_deadline(tmp_path: Path) -> None:
    one = ModuledHost(folder=tmp_path)
    machine.advance_clock(one.world, 10 * 86400)
    assert one.ensure().status is IisModuleStatus.INSTALLED
    order = one.parameters[one.asked.index("Start-HostJob")]
    assert order["deadline_utc"].startswith("2021-03-16T10:3")
