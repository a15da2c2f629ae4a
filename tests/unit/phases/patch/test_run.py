# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole way of an update on a rehearsed server, and everything that goes wrong on it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.policy import Policy
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.components import (
    Maintenance,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.install.models import (
    InstallState,
)
from line_faults import FAULTS, unreachable
from patched_host import (
    AT,
    DISABLED,
    INSTALLS,
    LISTED,
    NEW_FILES,
    OLD_FILES,
    PatchedHost,
)

if TYPE_CHECKING:
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.install.result import (
        InstallResult,
    )

QUICK = {**INSTALLS, "duration_seconds": 60, "effects": [*INSTALLS["effects"], *DISABLED]}
PENDING = {"kind": "pending-reboot"}


def names(result: InstallResult) -> list[str]:
    return sorted(failure.failure for failure in result.outcome.failures)


def wrong(result: InstallResult) -> list[str]:
    return sorted(condition.condition for condition in result.outcome.wrong)


def test_update_is_installed_and_proven(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path)
    result = host.patch()
    assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
    assert [row["step"] for row in result.done] == list(result.plan)
    assert (host.launches, result.exit_code, result.changed) == (1, 3010, True)
    assert host.asked.count("Restart-Host") == 1
    assert host.asked[-1] == "Unlock-Host"


def test_second_run_changes_nothing(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path)
    host.patch()
    before = len(host.world.mutations)
    again = host.patch("run-2")
    assert (again.outcome.state, again.changed) == (InstallState.NOTHING_TO_DO, False)
    assert len(host.world.mutations) == before


def test_record_of_before_stays_until_the_server_has_left_maintenance_mode(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    entered = host.patch(maintenance=Maintenance.ENTERED)
    assert entered.outcome.state is InstallState.PATCHED, entered.outcome.reason
    assert "Remove-UpdateSnapshot" not in host.asked
    left = host.patch(maintenance=Maintenance.LEFT)
    assert left.outcome.state is InstallState.PATCHED, left.outcome.reason
    assert (host.asked.count("Remove-UpdateSnapshot"), host.launches) == (1, 1)


def test_check_mode_changes_nothing_and_plans_what_apply_does_i9(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path)
    planned = host.patch(check=True)
    assert (planned.outcome.state, planned.changed) == (InstallState.PLANNED, False)
    assert host.world.mutations == []
    done = host.patch()
    assert [row["step"] for row in done.done] == list(planned.plan)


CASES: list[Any] = [
    pytest.param({"exit_code": 0, "effects": [NEW_FILES, LISTED]}, "patched", [], [], id="ok"),
    pytest.param(
        {"effects": [NEW_FILES, LISTED, PENDING, *DISABLED]}, "patched", [], [], id="services-left"
    ),
    pytest.param({"exit_code": 1641}, "patched", [], [], id="1641"),
    pytest.param(
        {"reboots": True, "effects": [NEW_FILES, LISTED]}, "patched", [], [], id="reboots"
    ),
    pytest.param(
        {"exit_code": 1603, "effects": []},
        "not-patched",
        ["files", "updates"],
        ["rolled-back"],
        id="1603",
    ),
    pytest.param(
        {"exit_code": 1603, "effects": DISABLED},
        "not-patched",
        ["files", "updates"],
        ["rolled-back"],
        id="1603-services-are-restored",
    ),
    pytest.param(
        {"exit_code": 1642, "effects": []},
        "not-patched",
        ["files", "updates"],
        ["wrong-target"],
        id="1642",
    ),
    pytest.param(
        {"exit_code": 0, "effects": [LISTED]},
        "degraded",
        ["files"],
        ["reported-old-bytes"],
        id="old-bytes",
    ),
    pytest.param(
        {
            "exit_code": 0,
            "effects": [
                LISTED,
                {**NEW_FILES, "except": ["ExSetup.exe"]},
            ],
        },
        "degraded",
        ["files"],
        ["half-patch"],
        id="half-patch",
    ),
    pytest.param(
        {"effects": [NEW_FILES, LISTED, PENDING, {"kind": "at-boot", "effects": [OLD_FILES]}]},
        "degraded",
        ["files"],
        ["reverted-at-boot"],
        id="reverted-at-boot",
    ),
    pytest.param({"exit_code": 4711, "effects": [NEW_FILES, LISTED]}, "unknown", [], [], id="4711"),
    pytest.param(
        {"exit_code": 0, "effects": [NEW_FILES]}, "degraded", ["updates"], ["half-patch"], id="list"
    ),
    pytest.param({"hang": True}, "unknown", [], ["stalled"], id="dialog"),
    pytest.param({"hang": True, "busy_seconds": 1e9}, "unknown", [], ["stalled"], id="for-ever"),
    pytest.param({"refused": "blocked by policy"}, "stopped", [], [], id="refused"),
]


@pytest.mark.parametrize(("behaviour", "state", "conditions", "failures"), CASES)
def test_installer_that_behaves(
    behaviour: dict[str, Any],
    state: str,
    conditions: list[str],
    failures: list[str],
    tmp_path: Path,
) -> None:
    host = PatchedHost(tmp_path, {**INSTALLS, **behaviour})
    result = host.patch()
    found = (result.outcome.state.value, wrong(result), names(result))
    assert found == (state, conditions, failures), result.outcome.reason
    assert host.launches == (0 if "refused" in behaviour else 1)
    if state in ("patched", "not-patched"):
        assert (host.start("MSExchangeIS"), host.start("W3SVC")) == (2, 2)


def test_service_that_does_not_come_back_is_named(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    services = host.world.data["services"]
    entry = {**services["MSExchangeTransport"], "refuses": "start"}
    host.world.data["services"] = {**services, "MSExchangeTransport": entry}
    result = host.patch()
    assert result.outcome.state is InstallState.DEGRADED
    assert wrong(result) == ["services"]
    assert "MSExchangeTransport is Stopped" in result.outcome.reason


HEALTH = {
    "kind": "registry",
    "key": "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\ServerComponentStates\\OwaProxy",
    "name": "HealthAPI",
    "value": "1:0:637505352000000000",
}


@pytest.mark.parametrize("comes_back", [True, False])
def test_component_that_managed_availability_took_out_is_awaited(
    comes_back: bool,  # noqa: FBT001 - a parameter of the test
    tmp_path: Path,
) -> None:
    at_boot = {"kind": "at-boot", "effects": [HEALTH]}
    host = PatchedHost(tmp_path, {**QUICK, "effects": [*INSTALLS["effects"], at_boot]})
    sleep = host.sleep

    def later(seconds: float) -> None:
        sleep(seconds)
        if comes_back and host.boots and "Restore-ServiceStartTypes" in host.asked:
            key, name = HEALTH["key"], HEALTH["name"]
            host.world.set_value(key, name, "String", "1:1:637505353000000000", by="health")

    host.sleep = later  # type: ignore[method-assign]
    result = host.patch()
    if comes_back:
        assert result.outcome.state is InstallState.PATCHED, result.outcome.reason
        return
    assert (wrong(result), names(result)) == (["components"], ["components-out"])
    assert "OwaProxy is Inactive by HealthAPI" in result.outcome.reason


def test_maintenance_mode_that_was_there_before_is_said(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, QUICK)
    key = HEALTH["key"].replace("OwaProxy", "ServerWideOffline")
    host.world.set_value(key, "Maintenance", "String", HEALTH["value"], by="operator")
    result = host.patch()
    assert result.outcome.state is InstallState.PATCHED
    assert "ServerWideOffline is Inactive by Maintenance" in result.outcome.reason


def test_host_that_is_away_after_the_installation_is_unknown_and_stays_locked_i19(
    tmp_path: Path,
) -> None:
    probe = PatchedHost(tmp_path, QUICK)
    probe.patch()
    after = probe.asked.index("Start-HostJob")
    number = probe.asked.index("Get-ExchangeServerInfo", after)
    host = PatchedHost(tmp_path, QUICK, faults=dict.fromkeys(range(number, 999), unreachable))
    result = host.patch()
    assert (result.outcome.state, host.launches) == (InstallState.UNKNOWN, 1), result.outcome.reason
    assert "Unlock-Host" not in host.asked


def test_unknown_exit_code_is_a_stop_without_restart_i19(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, {**INSTALLS, "exit_code": 4711})
    assert host.patch().outcome.state is InstallState.UNKNOWN
    assert "Restart-Host" not in host.asked
    assert "Restore-ServiceStartTypes" not in host.asked


def test_stuck_installer_is_neither_ended_nor_restarted_over(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, {**INSTALLS, "hang": True})
    assert host.patch().outcome.state is InstallState.UNKNOWN
    assert not {"Restart-Host", "Remove-HostJob", "Unlock-Host"} & set(host.asked)
    assert any(isinstance(p, dict) and p["name"] == "msiexec" for p in host.world.data["processes"])


def test_other_installation_is_waited_for_bounded(tmp_path: Path) -> None:
    busy = {"duration_seconds": 1, "exit_code": 1618}
    host = PatchedHost(tmp_path, [busy, busy, INSTALLS])
    result = host.patch()
    assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 3)
    host = PatchedHost(tmp_path, [busy])
    result = host.patch()
    assert (result.outcome.state, host.launches) == (InstallState.NOT_PATCHED, 3)


@pytest.mark.parametrize(
    ("spec", "changes", "says"),
    [
        ({"pending_reboot": ["ComponentBasedServicing"]}, {}, "A restart is pending"),
        ({"processes": ["msiexec"]}, {}, "msiexec"),
        ({"exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.3"}}, {}, "Un"),
        ({}, {"store": None}, "size of the package"),
        ({}, {"policy": Policy(window_end=AT + timedelta(minutes=5))}, "window"),
        ({}, {"policy": Policy(required=("ticket",))}, "ticket"),
        ({"exchange": {"product": "Exchange2016", "cu": "CU4", "build": "15.1.669.32"}}, {}, "no"),
    ],
)
def test_what_forbids_it_stops_it_before_anything_is_changed(
    spec: dict[str, Any], changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    host = PatchedHost(tmp_path, spec=spec)
    result = host.patch(**changes)
    assert result.outcome.state is InstallState.STOPPED
    assert says in result.outcome.reason
    assert host.world.mutations == []


def test_other_controller_is_told_by_whom_the_host_is_held_i16(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, {**INSTALLS, "hang": True})
    host.patch()
    second = host.patch("run-2", owner="controller-b")
    assert second.outcome.state is InstallState.STOPPED
    assert "controller-a" in second.outcome.reason or "msiexec" in second.outcome.reason
    assert host.launches == 1


def commands_of_a_run(tmp_path: Path) -> int:
    host = PatchedHost(tmp_path, QUICK)
    host.patch()
    return len(host.asked)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_at_every_command_patches_once_i15(fault: str, tmp_path: Path) -> None:
    for number in range(commands_of_a_run(tmp_path)):
        host = PatchedHost(tmp_path, QUICK)
        host.faults = {number: FAULTS[fault]}
        result = host.patch()
        where = f"{fault} at command {number}: {result.outcome.reason}"
        assert (result.outcome.state, host.launches) == (InstallState.PATCHED, 1), where
        assert (host.start("MSExchangeIS"), host.start("W3SVC")) == (2, 2), where


HALF = {
    "exchange": {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"},
    "registry_build": "15.1.2176.2",
    "now": "2021-03-05T10:00:00Z",
}


def test_version_of_exsetup_alone_is_no_end(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, spec={**HALF, "updates": []})
    result = host.patch()
    assert result.outcome.state is InstallState.STOPPED
    assert "patch_repair=true" in result.outcome.reason
    assert host.launches == 0
    repaired = host.patch("run-2", repair=True)
    assert repaired.outcome.state is InstallState.PATCHED, repaired.outcome.reason


def test_whole_update_is_nothing_to_do(tmp_path: Path) -> None:
    host = PatchedHost(tmp_path, spec={**HALF, "updates": ["KB5000871"]})
    assert host.patch().outcome.state is InstallState.NOTHING_TO_DO


def test_registry_of_another_cumulative_update_is_no_end(tmp_path: Path) -> None:
    spec = {**HALF, "registry_build": "15.1.1979.3", "updates": ["KB5000871"]}
    result = PatchedHost(tmp_path, spec=spec).patch()
    assert result.outcome.state is InstallState.STOPPED
    assert "15.1.1979.3" in result.outcome.reason
