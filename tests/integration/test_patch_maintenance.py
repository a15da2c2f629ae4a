# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance mode, a controller that dies, windows: the rollout over real WinRM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT
from .test_patch import controller, patch_fleet, play, store

if TYPE_CHECKING:
    from .conftest import Fleet

__all__ = ["patch_fleet"]
pytestmark = pytest.mark.integration
HOOK = Path(__file__).parent / "maintenance_hook.yml"


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    made = store(tmp_path_factory.mktemp("store"))
    return {**made, "patch_usable_seconds": 10, "patch_confirm": True}


@pytest.fixture
def hooked(variables: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    log = tmp_path / "hook.log"
    log.touch()
    return {**variables, "maintenance_tasks": str(HOOK), "hook_log": str(log)}


def calls(hooked: dict[str, Any]) -> list[str]:
    return [line.split()[1] for line in Path(hooked["hook_log"]).read_text().splitlines()]


def words(output: str) -> str:
    return " ".join(output.split())


def test_patched_server_went_through_maintenance_mode_and_only_once(
    patch_fleet: Fleet, hooked: dict[str, Any]
) -> None:
    code, output = play(patch_fleet, hooked, "--limit", "serves")
    assert (code, calls(hooked)) == (0, ["enter", "leave"]), output
    code, output = play(patch_fleet, hooked, "--limit", "serves")
    assert (code, calls(hooked)) == (0, ["enter", "leave"]), "nothing to do, so nothing to enter"
    assert "changed=0" in output


@pytest.mark.parametrize(
    ("host", "seen", "says"),
    [
        pytest.param("pending", [], "stopped: A restart is pending", id="stopped-by-a-check"),
        pytest.param(
            "rolls-back",
            ["enter", "leave"],
            "It was taken out of maintenance mode again, nothing was changed.",
            id="not-patched",
        ),
        pytest.param(
            "old-bytes", ["enter"], "It STAYS IN MAINTENANCE MODE (state degraded)", id="degraded"
        ),
        pytest.param(
            "out",
            ["enter", "leave"],
            "ServerWideOffline is Inactive by Maintenance",
            id="out-of-service-afterwards",
        ),
    ],
)
def test_server_that_fails_is_in_maintenance_mode_only_if_it_was_changed(
    host: str, seen: list[str], says: str, patch_fleet: Fleet, hooked: dict[str, Any]
) -> None:
    code, output = play(patch_fleet, hooked, "--limit", host)
    assert code != 0, output
    assert calls(hooked) == seen, output
    assert says in words(output), output


def test_killed_rollout_goes_on_and_installs_once_i16(
    patch_fleet: Fleet, hooked: dict[str, Any], tmp_path: Path
) -> None:
    """A worker outlives the SIGKILL of its ansible-playbook, and nobody works beside it."""
    budget = tmp_path / "budget.jsonl"
    hooked |= {"patch_stop_file": str(budget)}
    before = patch_fleet.status()["slow"]["mutations"]
    first = subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", "exchange.remediation.patch",
         "--inventory", str(patch_fleet.inventory), "--extra-vars", json.dumps(hooked),
         "--limit", "slow"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT, env=controller(patch_fleet),
    )  # fmt: skip
    workers: list[int] = []
    try:
        for _ in range(120):
            if _launched(patch_fleet, before):
                break
            time.sleep(0.5)
        workers = _children(first.pid)
    finally:
        first.kill()
        first.wait()
    code, output = play(patch_fleet, hooked, "--limit", "slow")
    assert code != 0, output
    assert "stopped: locked by" in words(output), output
    assert calls(hooked) == ["enter"], "it looked, and left the server in maintenance mode"
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    told = [json.loads(line)["state"] for line in budget.read_text().splitlines()]
    assert told == ["stopped"], "it was only looked at"
    budget = tmp_path / "another.jsonl"
    hooked |= {"patch_stop_file": str(budget)}

    code, output = play(patch_fleet, hooked, "--limit", "slow")
    assert code == 0, output
    assert calls(hooked) == ["enter", "enter", "leave"], output
    ends = [json.loads(line)["state"] for line in budget.read_text().splitlines()]
    assert ends == ["patched", "patched"], "in maintenance mode, and after it"


def _children(pid: int) -> list[int]:
    """The processes that this one has started, and theirs."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_children(child)]
    return found


def _launched(fleet: Fleet, before: int) -> bool:
    """Lock, record, package, job: the installer's start is beyond the 20th change of the world."""
    return int(fleet.status()["slow"]["mutations"]) - before > 20


def test_check_mode_goes_the_whole_way_and_changes_nothing_i9(
    patch_fleet: Fleet, hooked: dict[str, Any]
) -> None:
    before = patch_fleet.status()["next"]["mutations"]
    code, output = play(patch_fleet, hooked, "--limit", "next", "--check")
    assert code == 0, output
    assert output.count("Note the call") == 2, "the tasks of the operator are asked as well"
    assert (calls(hooked), patch_fleet.status()["next"]["mutations"]) == ([], before)


def test_window_that_is_too_short_starts_nothing(
    patch_fleet: Fleet, hooked: dict[str, Any]
) -> None:
    before = patch_fleet.status()["next"]["mutations"]
    code, output = play(
        patch_fleet, {**hooked, "patch_window_end": "2021-03-05T10:00:00Z"}, "--limit", "next"
    )
    assert code != 0
    assert "The window is open for 0 s" in words(output)
    assert (calls(hooked), patch_fleet.status()["next"]["mutations"]) == ([], before)
