# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of an upgrade on a rehearsed server, and everything that goes wrong on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from patched_host import AT, BIN, DISABLED
from rehearsed_host import Killed
from upgraded_host import (
    EXSETUP,
    LEFT_DISABLED,
    NEW_BUILD,
    NEW_FILES,
    PENDING,
    QUICK,
    UPGRADES,
    UpgradedHost,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )

WORDS = "/IAcceptExchangeServerLicenseTerms /Mode:Upgrade"


def names(result: InstallResult) -> list[str]:
    return sorted(failure.failure for failure in result.outcome.failures)


def wrong(result: InstallResult) -> list[str]:
    return sorted(condition.condition for condition in result.outcome.wrong)


def records(host: UpgradedHost) -> list[str]:
    folder = "C:\\ProgramData\\ExchangeRemediation\\updates"
    return [name for name, _ in host.world.children(folder)]


def launched(host: UpgradedHost) -> list[str]:
    return [m["target"] for m in host.world.mutations if m["kind"] == "program"]


def test_server_is_upgraded_and_that_is_proven(tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path)
    result = host.upgrade()
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    assert [row["step"] for row in result.done] == list(result.plan)
    assert launched(host) == [f"D:\\setup.exe {WORDS}"]
    assert (result.exit_code, result.changed, result.reapply) == (0, True, ())
    assert host.asked.count("Restart-Host") == 1
    assert host.asked[-1] == "Unlock-Host"
    assert (records(host), host.world.data["attached_images"]) == ([], {})


def test_second_run_changes_nothing(tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path)
    host.upgrade()
    before = len(host.world.mutations)
    again = host.upgrade("run-2")
    assert (again.outcome.state, again.changed) == (InstallState.NOTHING_TO_DO, False)
    assert len(host.world.mutations) == before


def test_check_mode_changes_nothing_and_plans_what_apply_does_i9(tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path)
    planned = host.upgrade(check=True)
    assert (planned.outcome.state, planned.changed) == (InstallState.PLANNED, False)
    assert host.world.mutations == []
    assert planned.planned is not None
    install = next(step for step in planned.planned.steps if step.id == "install")
    assert install.parameters["arguments"] == WORDS.split()
    done = host.upgrade()
    assert [row["step"] for row in done.done] == list(planned.plan)


CASES: list[Any] = [
    pytest.param({"effects": [NEW_FILES, NEW_BUILD]}, "patched", [], [], id="no-restart-wanted"),
    pytest.param({"exit_code": 1}, "patched", [], [], id="new-bytes-whatever-it-says"),
    pytest.param(
        {"effects": [NEW_FILES, NEW_BUILD, PENDING, *DISABLED]}, "patched", [], [], id="services"
    ),
    pytest.param({"reboots": True}, "patched", [], [], id="restarts-by-itself"),
    pytest.param(
        {"exit_code": 1, "effects": []},
        "not-patched",
        ["files", "registry"],
        ["setup-refused"],
        id="readiness",
    ),
    pytest.param(
        LEFT_DISABLED, "not-patched", ["files", "registry"], ["setup-refused"], id="classic"
    ),
    pytest.param(
        {"exit_code": 0, "effects": []},
        "degraded",
        ["files", "registry"],
        ["setup-without-effect"],
        id="old-bytes",
    ),
    pytest.param(
        {"exit_code": 1, "effects": [EXSETUP]},
        "degraded",
        ["files", "registry"],
        ["setup-broke-off"],
        id="half",
    ),
    pytest.param(
        {"reboots": True, "effects": [NEW_BUILD]},
        "degraded",
        ["files"],
        ["setup-broke-off"],
        id="cut-off",
    ),
    pytest.param({"hang": True}, "unknown", [], ["stalled"], id="dialog"),
    pytest.param({"hang": True, "busy_seconds": 1e9}, "unknown", [], ["stalled"], id="for-ever"),
    pytest.param({"refused": "blocked by policy"}, "stopped", [], [], id="refused"),
]


@pytest.mark.parametrize(("behaviour", "state", "conditions", "failures"), CASES)
def test_setup_that_behaves(
    behaviour: dict[str, Any],
    state: str,
    conditions: list[str],
    failures: list[str],
    tmp_path: Path,
) -> None:
    host = UpgradedHost(tmp_path, {**UPGRADES, **behaviour})
    result = host.upgrade()
    found = (result.outcome.state.value, wrong(result), names(result))
    assert found == (state, conditions, failures), result.outcome.reason
    assert host.launches == (0 if "refused" in behaviour else 1)
    if state in ("patched", "not-patched"):
        assert (host.start("MSExchangeIS"), host.start("W3SVC")) == (2, 2)
        assert records(host) == []


def test_stuck_setup_is_neither_ended_nor_restarted_over(tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path, {**UPGRADES, "hang": True})
    assert host.upgrade().outcome.state is InstallState.UNKNOWN
    assert not {"Restart-Host", "Remove-HostJob", "Unlock-Host"} & set(host.asked)
    assert list(host.world.data["attached_images"].values()) == ["D"]


def test_setup_without_its_runner_is_left_alone_until_it_has_ended(tmp_path: Path) -> None:
    """Services are not put right, and nothing is restarted, under the hands of setup."""
    host = UpgradedHost(tmp_path, {**UPGRADES, "hang": True, "effects": DISABLED})

    def lose_the_runner(answer: Any) -> Any:
        kept = [p for p in host.world.data["processes"] if p["name"] != "powershell"]
        host.world.data["processes"] = kept
        return answer()

    host.faults = {host.before(tmp_path, "Start-HostJob") + 3: lose_the_runner}
    result = host.upgrade()
    assert result.outcome.state is InstallState.UNKNOWN
    assert "it is at work: setup" in result.outcome.reason
    assert not {"Restart-Host", "Restore-ServiceStartTypes", "Unlock-Host"} & set(host.asked)
    host.faults = {}
    host.world.data["processes"] = []  # it has ended, nobody knows how
    host.sleep(3600)
    again = host.upgrade("another day")
    assert again.outcome.state is InstallState.NOT_PATCHED, again.outcome.reason
    assert host.launches == 1


def test_setup_that_broke_off_is_not_simply_started_again(tmp_path: Path) -> None:
    """A half upgraded server belongs to a person; another run does not make it worse."""
    half = {**EXSETUP, "path": f"{BIN}\\Microsoft.Exchange.Common.dll"}
    host = UpgradedHost(tmp_path, {**UPGRADES, "reboots": True, "effects": [half]})
    first = host.upgrade()
    assert first.outcome.state is InstallState.DEGRADED, first.outcome.reason
    again = host.upgrade("run-2", repair=True)
    assert again.outcome.state is not InstallState.PATCHED
    assert host.launches == 1


@pytest.mark.parametrize("problem", ["corrupt", "no-letter", "no-setup"])
def test_image_that_cannot_be_used_leaves_the_server_alone(problem: str, tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path, spec={"images": [{"match": ".iso", "problem": problem}]})
    result = host.upgrade()
    assert (result.outcome.state, host.launches) == (InstallState.STOPPED, 0), result.outcome.reason
    assert "image" in result.outcome.reason
    assert records(host) == []


@pytest.mark.parametrize(
    ("spec", "changes", "says"),
    [
        ({"pending_reboot": ["ComponentBasedServicing"]}, {}, "A restart is pending"),
        ({"processes": ["msiexec"]}, {}, "msiexec"),
        ({"dag": "DAG1"}, {}, "DAG1"),
        ({"free_gib": {"C": 20}}, {}, "MiB are needed"),
        ({}, {"prepared_by": None}, "Nobody has said"),
        ({}, {"wanted": "CU17"}, "cannot be taken back"),
        ({}, {"wanted": "Exchange2019 CU8"}, "another product"),
        ({}, {"wanted": "CU23"}, "was released on"),
        ({}, {"store": None}, "no verified image"),
        ({}, {"policy": Policy(window_end=AT + timedelta(minutes=5))}, "window"),
        ({}, {"policy": Policy(required=("ticket",))}, "ticket"),
        ({"exchange": {"product": "Exchange2016", "cu": "CU18", "build": "15.1.2106.5"}}, {}, "Un"),
    ],
)
def test_what_forbids_it_stops_it_before_anything_is_changed(
    spec: dict[str, Any], changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    host = UpgradedHost(tmp_path, spec=spec)
    result = host.upgrade(**changes)
    assert result.outcome.state is InstallState.STOPPED
    assert says in result.outcome.reason
    assert host.world.mutations == []


def test_without_a_wish_the_newest_supported_one_is_taken(tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path)
    result = host.upgrade(wanted=None)
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    assert result.choice is not None
    assert result.choice.update == "Exchange2016 CU19"


def test_bytes_that_changed_on_the_host_are_not_launched_i10(tmp_path: Path) -> None:
    host = UpgradedHost(tmp_path)

    def swap(answer: Any) -> Any:
        path = next(p for p in host.world.data["files"] if p.endswith(".iso"))
        host.world.write_text(path, "other bytes of it", by="attacker")
        return answer()

    host.faults = {host.before(tmp_path, "Start-HostJob"): swap}
    result = host.upgrade()
    assert (result.outcome.state, host.launches) == (InstallState.STOPPED, 0)


def test_setup_is_launched_once_wherever_the_controller_dies_i15(tmp_path: Path) -> None:
    probe = UpgradedHost(tmp_path, QUICK)
    probe.upgrade()
    for number in range(len(probe.asked)):
        run = "run-1" if number % 2 else "another day"
        host = UpgradedHost(tmp_path, QUICK, kill_at=number)
        with pytest.raises(Killed):
            host.upgrade()
        host.kill_at = None
        host.sleep(7 * 3600)  # whoever starts it again comes late: the lock of run-1 is stale
        result = host.upgrade(run)
        where = f"killed at command {number}: {result.outcome.reason}"
        assert result.outcome.state in (InstallState.PATCHED, InstallState.NOTHING_TO_DO), where
        assert host.launches == 1, where
        assert (host.start("MSExchangeIS"), host.start("W3SVC")) == (2, 2), where
