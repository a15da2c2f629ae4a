# SPDX-License-Identifier: GPL-3.0-or-later
"""A server is said to be as it was only while nobody else has it: it goes out of maintenance mode then (I16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.life import Life
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.components import (
    Maintenance,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.patch import (
    phase as patch,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.upgrade import (
    phase as upgrade,
)
from patched_host import PatchedHost
from rehearsed_host import Killed

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )

ENTERED = Maintenance.ENTERED


class Living(PatchedHost):
    """A server whose lock is of lives of which nobody knows that they ended."""

    @property
    def life(self) -> Life:
        return Life(self.token())


def at_work(folder: Path, kind: type[PatchedHost] = PatchedHost, **changes: Any) -> PatchedHost:
    """A server on which the installer of a run works, whose controller is not heard of any more."""
    host = kind(folder)
    host.kill_at = PatchedHost.before(folder, "Start-HostJob", host.behaviour) + 3  # type: ignore[arg-type]
    with pytest.raises(Killed):
        host.patch(maintenance=ENTERED, **changes)
    host.kill_at = None
    assert host.ask("Get-HostLock")["installer_running"] is True
    return host


def state(result: InstallResult) -> tuple[str, bool]:
    """How it ended, and whether it counts as unchanged, for both phases."""
    ended = result.outcome.state.value
    said = result.told(patch.PHASE, patch.INTENT, ended)["unchanged"]
    assert said is result.told(upgrade.PHASE, upgrade.INTENT, ended)["unchanged"]
    return ended, bool(said)


@pytest.mark.parametrize("owner", ["controller-a", "controller-b"])
def test_look_stops_at_the_lock_of_a_run_that_may_live(owner: str, tmp_path: Path) -> None:
    host = at_work(tmp_path, Living)
    before = host.mutations
    found = host.patch("run-2", owner=owner, check=True)
    assert state(found) == ("stopped", False)
    assert (found.outcome.code, "(run run-1)" in found.outcome.reason) == ("locked", True)
    assert host.mutations == before, "a run that only looks writes nothing"


def test_look_stops_where_the_operator_cannot_take_over_from_an_installer(tmp_path: Path) -> None:
    host = at_work(tmp_path, Living)
    found = host.patch("run-2", owner="controller-b", takeover="it burned", check=True)
    assert state(found) == ("stopped", False)


@pytest.mark.parametrize(
    ("run", "changes", "later"),
    [
        ("run-1", {}, 1.0),  # a life that ended
        ("run-2", {}, 1.0),  # its installer is awaited
        ("run-2", {}, 660.0),
        ("run-2", {"owner": "controller-b"}, 7 * 3600.0),  # it expired
    ],
)
def test_look_goes_on_where_the_lock_will_be_had(
    run: str, changes: dict[str, Any], later: float, tmp_path: Path
) -> None:
    host = at_work(tmp_path)
    host.sleep(later)
    found = host.patch(run, check=True, **changes)
    assert found.outcome.state.value == "planned", found.outcome.reason


def test_lock_of_another_is_not_unchanged(tmp_path: Path) -> None:
    host = at_work(tmp_path, Living)
    found = host.patch("run-2", owner="controller-b", maintenance=ENTERED)
    assert (state(found), found.outcome.code) == (("stopped", False), "locked")


@pytest.mark.parametrize("operation", ["Save-UpdateSnapshot", "Add-PackageChunk"])
def test_lost_lock_is_not_unchanged(operation: str, tmp_path: Path) -> None:
    taken: list[str] = []

    def take_over(asked: str) -> None:
        if asked == operation and not taken:
            taken.append(asked)
            other = host.session("run-2", "controller-b")
            other.takeover = "it does not answer"
            other.lock("patch")

    host = PatchedHost(tmp_path, meddle=take_over)
    found = host.patch(maintenance=ENTERED)
    assert (state(found), found.outcome.code) == (("stopped", False), "lock-lost")


def test_line_that_breaks_over_an_installer_is_not_unchanged(tmp_path: Path) -> None:
    host = at_work(tmp_path)
    begun = len(host.asked)

    def gone(_answer: Any) -> Any:
        raise errors.Unreachable("no route to host")

    host.faults = dict.fromkeys(range(begun + 1, begun + 40), gone)
    assert state(host.patch(maintenance=ENTERED)) == ("stopped", False)


def test_check_that_stops_while_another_has_the_host_is_not_unchanged(tmp_path: Path) -> None:
    """The pre-check comes before the lock: that the run never asked for it is no reason to leave."""
    host = PatchedHost(tmp_path)

    policy = Policy(room_bytes=10**15, seconds=3600)
    assert state(host.patch(maintenance=ENTERED, policy=policy)) == ("stopped", True)
    host.session("run-2", "controller-b").lock("patch")
    found = host.patch(maintenance=ENTERED, policy=policy)
    assert state(found) == ("stopped", False)
