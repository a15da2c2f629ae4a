# SPDX-License-Identifier: GPL-3.0-or-later
"""Going on after a kill, a failure, a restart: the host is the memory, whatever the run is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import (
    effects,
    machine,
)
from patched_host import BIN, DISABLED, INSTALLS, LISTED, NEW_FILES, PatchedHost
from rehearsed_host import Killed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )
    from sampling import Draw

QUICK = {**INSTALLS, "duration_seconds": 60, "effects": [*INSTALLS["effects"], *DISABLED]}
GOOD = (InstallState.PATCHED, InstallState.NOTHING_TO_DO)
RECORD = "C:\\ProgramData\\ExchangeRemediation\\updates\\kb5000871-15.1.2176.9.json"
# On the same day still: a world with a fixed clock starts its boot anew at midnight.
MINUTE, LATER = 60.0, 13 * 3600.0


def commands_of_a_run(tmp_path: Path) -> int:
    host = PatchedHost(tmp_path, QUICK)
    host.patch()
    return len(host.asked)


def assert_patched(host: PatchedHost, result: InstallResult, where: str) -> None:
    """The end of an uninterrupted run: files, start types, services, lock, record."""
    assert result.outcome.state in GOOD, f"{where}: {result.outcome.reason}"
    assert host.launches == 1, where
    assert (host.start("MSExchangeIS"), host.start("W3SVC")) == (2, 2), where
    assert host.world.service("MSExchangeIS")["status"] == "Running", where  # type: ignore[index]
    assert host.world.file(f"{BIN}\\ExSetup.exe")["version"]["file"] == "15.01.2176.009"  # type: ignore[index]
    assert host.world.file(RECORD) is None, where
    assert host.world.file("C:\\ProgramData\\ExchangeRemediation\\host.lock") is None, where


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("run", "later"),
    [
        pytest.param("run-1", 1.0, id="same-run-at-once"),
        pytest.param("run-2", 11 * MINUTE, id="other-run-soon"),
        pytest.param("run-2", LATER, id="other-run-much-later"),
    ],
)
def test_killed_controller_at_every_command_ends_the_same_i15(
    run: str, later: float, tmp_path: Path, draw: Draw
) -> None:
    for number in draw(range(commands_of_a_run(tmp_path))):
        host = PatchedHost(tmp_path, QUICK)
        host.kill_at = number
        with pytest.raises(Killed):
            host.patch()
        host.kill_at = None
        host.sleep(later)
        result = host.patch(run)
        where = f"killed at command {number}"
        assert_patched(host, result, where)
        assert host.boots == 1, where


def forget_reply(host: PatchedHost) -> None:
    """As if the server went down between acting and storing: the mark is there, the reply is not."""
    files = [p for p in host.world.data["files"] if "\\operations\\" in p and p.endswith(".json")]
    if files:
        host.world.delete_file(files[-1], by="test")


@pytest.mark.sweep
@pytest.mark.parametrize("moment", ["before", "inside", "after"])
@pytest.mark.parametrize("controller", ["lives", "dies"])
def test_restart_of_the_server_at_every_command_ends_the_same_i15(
    moment: str, controller: str, tmp_path: Path, draw: Draw
) -> None:
    """Before, while and after the host acts, with and without a controller that dies with it."""
    for number in draw(range(commands_of_a_run(tmp_path))):
        host = PatchedHost(tmp_path, QUICK)

        def restarts(answer: Callable[[], Any], host: PatchedHost = host) -> Any:
            keyed = host.asked[-1].partition("-")[0] not in ("Get", "Test", "Lock", "Unlock")
            if moment != "before":
                answer()
            if moment == "inside" and keyed:
                forget_reply(host)
            machine.restart(host.world)
            if controller == "dies":
                raise Killed
            raise errors.TransportError("the server went away")

        host.faults = {number: restarts}
        try:
            result = host.patch()
        except Killed:
            host.faults = {}
            result = host.patch("run-2")
        where = f"restart at {host.asked[number]}, command {number}: {result.outcome.reason}"
        if host.launches == 1 and result.outcome.state is InstallState.NOT_PATCHED:
            # The installer was cut off with its server and left nothing: that is said, and the
            # next run begins anew.
            assert "cut off by a restart" in result.outcome.reason, where
            host.sleep(1)
            assert host.patch("run-3").outcome.state is InstallState.PATCHED, where
            assert host.launches == 2, where
            continue
        assert_patched(host, result, where)


def test_installer_at_work_is_awaited_by_a_later_run(tmp_path: Path) -> None:
    slow = {**INSTALLS, "duration_seconds": int(LATER) + 1800}
    host = PatchedHost(tmp_path, slow)
    host.kill_at = next(n for n, op in enumerate(trace(tmp_path)) if op == "Start-HostJob") + 2
    patient = Policy(room_bytes=1000, seconds=20 * 3600)
    with pytest.raises(Killed):
        host.patch(policy=patient)
    host.kill_at = None
    host.sleep(LATER)
    stranger = host.patch("run-2", owner="controller-b")
    assert stranger.outcome.state is InstallState.STOPPED
    result = host.patch("run-2")
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 1), result.outcome.reason
    assert result.lock is not None
    assert result.lock["reason"] == "heartbeat"


def trace(tmp_path: Path) -> list[str]:
    host = PatchedHost(tmp_path, QUICK)
    host.patch()
    return host.asked


def test_failed_update_is_tried_again_by_the_same_run(tmp_path: Path) -> None:
    """1603 left the server as it was: once the cause is gone the same name begins anew."""
    host = PatchedHost(tmp_path, [{"duration_seconds": 60, "exit_code": 1603}, QUICK])
    assert host.patch().outcome.state is InstallState.NOT_PATCHED
    assert host.world.file(RECORD) is None
    result = host.patch()
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 2), result.outcome.reason


def test_refused_launch_is_tried_again_by_the_same_run(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, [{"refused": "blocked by policy"}, QUICK])
    rules = host.world.data["programs"]
    assert host.patch().outcome.state is InstallState.STOPPED
    assert host.world.file(RECORD) is None, "nothing was launched, so nothing is to be restored"
    host.world.data["programs"] = rules[1:]
    result = host.patch()
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 1), result.outcome.reason


OLD_LIBRARIES = {
    **INSTALLS,
    "duration_seconds": 60,
    "effects": [
        {"kind": "file-version", "path": f"{BIN}\\ExSetup.exe", "version": "15.01.2176.009"},
        LISTED,
        *DISABLED,
    ],
}
UNKNOWN_CODE = {**QUICK, "exit_code": 4711}


@pytest.mark.parametrize(
    ("behaviour", "state", "launches"),
    [
        pytest.param(OLD_LIBRARIES, InstallState.DEGRADED, 2, id="half-patch"),
        pytest.param(
            {**QUICK, "effects": [LISTED]}, InstallState.DEGRADED, 2, id="reported-old-bytes"
        ),
    ],
)
def test_degraded_is_installed_again_only_when_somebody_says_repair(
    behaviour: dict[str, Any], state: InstallState, launches: int, tmp_path: Path
) -> None:
    host = PatchedHost(tmp_path, [behaviour, QUICK])
    assert host.patch().outcome.state is state
    assert host.patch().outcome.state is state, "the same verdict, nothing launched"
    assert host.patch("run-2").outcome.state is state
    assert host.launches == 1
    result = host.patch(repair=True)
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, launches), (
        result.outcome.reason
    )
    assert (host.start("MSExchangeIS"), host.start("W3SVC")) == (2, 2), "of the first record"


def test_unknown_exit_code_is_proven_when_somebody_says_repair(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, {**UNKNOWN_CODE, "effects": [NEW_FILES, LISTED]})
    assert host.patch().outcome.state is InstallState.UNKNOWN
    assert host.patch().outcome.state is InstallState.UNKNOWN
    result = host.patch(repair=True)
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 1), result.outcome.reason


def test_repair_of_a_fleet_leaves_whole_servers_alone(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    host.patch()
    before = len(host.world.mutations)
    result = host.patch("run-2", repair=True)
    assert result.outcome.state is InstallState.NOTHING_TO_DO, result.outcome.reason
    assert len(host.world.mutations) == before


def test_repair_installs_over_a_half_patch_that_somebody_else_left(tmp_path: Path) -> None:
    """No record of ours: ExSetup.exe is new and listed, every library is old."""
    host = PatchedHost(tmp_path, QUICK)
    effects.apply(host.world, OLD_LIBRARIES["effects"][:2], by="by hand")
    assert host.patch().outcome.state is InstallState.NOTHING_TO_DO
    result = host.patch("run-2", repair=True)
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 1), result.outcome.reason


def test_other_update_is_not_begun_over_an_unfinished_one(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, {**QUICK, "effects": [LISTED]})
    host.patch()
    name = "kb5000000-15.1.2176.4"
    host.world.write_text(RECORD.replace("kb5000871-15.1.2176.9", name), "{}", by="test")
    host.world.delete_file(RECORD, by="test")
    result = host.patch()
    assert result.outcome.state is InstallState.STOPPED
    assert f"{name} was begun on this server" in result.outcome.reason
    assert host.launches == 1


@pytest.mark.parametrize("at", ["Get-UpdateSnapshot", "Lock-Host"])
def test_what_another_run_did_before_the_lock_is_not_done_twice_i16(
    at: str, tmp_path: Path
) -> None:
    """Both decide to install; the second gets the lock when the first has finished.

    It may have read the facts before that, and the snapshot afterwards.
    """
    host = PatchedHost(tmp_path, QUICK)

    def the_other_first(answer: Callable[[], Any]) -> Any:
        host.faults = {}
        assert host.patch("run-2", owner="controller-b").outcome.state is InstallState.PATCHED
        return answer()

    host.faults = {host.before(tmp_path, at, QUICK): the_other_first}
    result = host.patch()
    assert (result.outcome.state, host.launches) == (InstallState.NOTHING_TO_DO, 1)


def test_run_whose_lock_was_taken_over_changes_nothing_more_i16(tmp_path: Path) -> None:
    """The first controller is believed dead and is not: between two changes it loses the lock."""
    host = PatchedHost(tmp_path, QUICK)

    def taken(answer: Callable[[], Any]) -> Any:
        host.faults = {}
        taking = host.patch("run-2", owner="controller-b", takeover="controller-a is gone, CHG7")
        assert taking.outcome.state is InstallState.PATCHED, taking.outcome.reason
        assert taking.lock is not None
        assert (taking.lock["reason"], taking.lock["previous"]["run"]) == ("operator", "run-1")
        return answer()

    host.faults = {host.before(tmp_path, "Restore-ServiceStartTypes", QUICK): taken}
    before = host.launches
    result = host.patch()
    assert result.outcome.state is InstallState.UNKNOWN
    assert "'controller-b/" in result.outcome.reason
    assert "took the host over at" in result.outcome.reason
    assert result.outcome.code == "lock-lost"
    assert (before, host.launches) == (0, 1)


def test_silent_run_that_lives_is_refused_after_another_of_its_owner_took_over_i16(
    tmp_path: Path,
) -> None:
    """It was asleep for eleven minutes, as a suspended laptop is; the lock names the run."""
    host = PatchedHost(tmp_path, QUICK)

    def meanwhile(answer: Callable[[], Any]) -> Any:
        host.faults = {}
        host.sleep(11 * MINUTE)
        taking = host.patch("run-2")
        assert taking.outcome.state is InstallState.PATCHED, taking.outcome.reason
        assert taking.lock is not None
        assert taking.lock["reason"] == "controller"
        host.patch_lock("run-3")  # and a third one is at work when the first wakes up
        return answer()

    host.faults = {host.before(tmp_path, "Restore-ServiceStartTypes", QUICK): meanwhile}
    result = host.patch()
    assert result.outcome.state is InstallState.UNKNOWN
    assert "(run run-3)" in result.outcome.reason
    assert host.launches == 1


def test_nobody_takes_over_while_the_installer_works_i16(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, {**INSTALLS, "hang": True})
    host.patch()
    for owner, words in (("controller-b", "in a hurry"), ("controller-a", "")):
        second = host.patch("run-2", owner=owner, takeover=words)
        assert second.outcome.state in (InstallState.STOPPED, InstallState.UNKNOWN)
        assert "is at work" in second.outcome.reason or "locked by" in second.outcome.reason
    assert host.launches == 1
