# SPDX-License-Identifier: GPL-3.0-or-later
"""Services and application pools: order, odd prior states, and what cannot be done.

Each step runs on the model and on the real scripts; both must leave the same host.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import mitigation_requests as wanted
import pytest
from engine_pair import FLEETS, Pair
from test_mitigation_contract import Mitigated, records

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )

pytestmark = pytest.mark.engine
SERVICES, POOLS, UNDO = "Set-ServiceMitigation", "Set-AppPoolMitigation", "Undo-Mitigation"
KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
CONFIG = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"
UM = wanted.services("um-services")
ECP = wanted.pools("ecp-app-pool")


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Mitigated:
    one = Mitigated(Pair(FLEETS["small"]["ex01"], shim_engine))
    one.step("Lock-Host", wanted.LOCK)
    return one


def start(story: Mitigated, service: str, code: int, delayed: int | None = None) -> None:
    for world in story.pair.worlds:
        world.set_value(f"{KEY}\\{service}", "Start", "DWord", code, by="test")
        if delayed is not None:
            world.set_value(f"{KEY}\\{service}", "DelayedAutostart", "DWord", delayed, by="test")


def status(story: Mitigated, service: str, value: str) -> None:
    for world in story.pair.worlds:
        world.set_service_status(service, value, by="test")


def refuse(story: Mitigated, service: str, verb: str | None) -> None:
    for world in story.pair.worlds:
        entry = {k: v for k, v in world.data["services"][service].items() if k != "refuses"}
        changed = entry if verb is None else {**entry, "refuses": verb}
        world.data["services"] = {**world.data["services"], service: changed}
        world.record("service", service, "test")


def depend(story: Mitigated, service: str, *needed: str) -> None:
    for world in story.pair.worlds:
        key = f"{KEY}\\{service}"
        world.set_value(key, "DependOnService", "MultiString", list(needed), by="test")


def moved(story: Mitigated) -> list[list[str]]:
    """On each engine the services that changed their state since, in order."""
    found = []
    for world in story.pair.worlds:
        logged = [entry for entry in world.mutations if entry["by"] != "test"]
        found.append([entry["target"] for entry in logged if entry["kind"] == "service"])
        world.data["mutations"] = []
    return found


def test_health_manager_stops_first_and_starts_last(story: Mitigated) -> None:
    down = ["MSExchangeHMRecovery", "MSExchangeHM", "MSExchangeUM", "MSExchangeUMCR"]
    back = ["MSExchangeUM", "MSExchangeUMCR", "MSExchangeHM", "MSExchangeHMRecovery"]
    story.change(SERVICES, UM)
    assert moved(story) == [down, down]
    story.change(UNDO, wanted.undo("um-services"))
    assert moved(story) == [back, back]


@pytest.mark.parametrize(
    ("code", "delayed", "state"),
    [
        (0, None, "Running"),
        (1, None, "Stopped"),
        (2, None, "Running"),
        (2, 0, "Stopped"),
        (2, 1, "Running"),
        (2, 1, "Stopped"),
        (3, 1, "Running"),
        (3, None, "Paused"),
        (4, 1, "Running"),
        (4, None, "Stopped"),
    ],
)
def test_every_prior_state_comes_back(
    code: int, delayed: int | None, state: str, story: Mitigated
) -> None:
    start(story, "MSExchangeUM", code, delayed)
    status(story, "MSExchangeUM", state)
    before = story.state
    changed = story.change(SERVICES, UM)
    row = next(row for row in changed["after"] if row["name"] == "MSExchangeUM")
    assert (row["status"], row["start_type"]) == ("Stopped", "Disabled")
    story.change(SERVICES, UM)
    story.change(UNDO, wanted.undo("um-services"))
    if state == "Paused":  # it runs again; nobody pauses Exchange
        status(story, "MSExchangeUM", "Paused")
    assert story.state == before


def test_dependents_stop_and_come_back(story: Mitigated) -> None:
    depend(story, "MSExchangeUMCR", "MSExchangeUM")
    depend(story, "MSExchangeIMAP4", "MSExchangeUM")
    status(story, "MSExchangePOP3", "Running")
    depend(story, "MSExchangePOP3", "MSExchangeUM")
    before = story.state
    changed = story.change(SERVICES, UM)
    rows = {row["name"]: (row["status"], row["start_type"]) for row in changed["after"]}
    assert rows["MSExchangePOP3"] == ("Stopped", "Manual")
    assert "MSExchangeIMAP4" not in rows  # it did not run
    story.change(UNDO, wanted.undo("um-services"))
    assert story.state == before


def test_service_that_does_not_stop_is_told_and_can_be_undone(story: Mitigated) -> None:
    before = story.state
    refuse(story, "MSExchangeUM", "stop")
    failed = story.step(SERVICES, UM)
    assert failed["errors"][0]["id"] == "ServiceNotInState"
    assert failed["errors"][1]["source"] == "services.MSExchangeUM"
    rows = {r["name"]: r["status"] for r in failed["errors"][0]["details"]["after"]}
    assert (rows["MSExchangeUM"], rows["MSExchangeHM"]) == ("Running", "Stopped")
    refuse(story, "MSExchangeUM", None)
    story.change(SERVICES, UM)
    story.change(UNDO, wanted.undo("um-services"))
    assert story.state == before


@pytest.mark.parametrize("why", ["refuses", "dependency"])
def test_record_survives_until_undo_succeeds(why: str, story: Mitigated) -> None:
    depend(story, "MSExchangeUM", "MSExchangeADTopology")
    before = story.state
    story.change(SERVICES, UM)
    if why == "refuses":
        refuse(story, "MSExchangeUM", "start")
    else:
        status(story, "MSExchangeADTopology", "Stopped")
        start(story, "MSExchangeADTopology", 4)
    failed = story.step(UNDO, wanted.undo("um-services"))
    assert failed["errors"][0]["id"] == "UndoIncomplete"
    assert records(story.pair.worlds[0]) != {}
    refuse(story, "MSExchangeUM", None)
    start(story, "MSExchangeADTopology", 2)
    assert story.change(UNDO, wanted.undo("um-services"))["changed"]
    assert (story.state, records(story.pair.worlds[0])) == (before, {})


def pool(story: Mitigated, attributes: str) -> None:
    for world in story.pair.worlds:
        text = str(world.text(CONFIG))
        name = 'name="MSExchangeECPAppPool"'
        world.write_text(CONFIG, text.replace(name, f"{name}{attributes}"), by="test")


@pytest.mark.parametrize("state", ["Started", "Stopped"])
@pytest.mark.parametrize(
    "attributes",
    [
        "",
        ' autoStart="true"',
        " startMode='AlwaysRunning'",
        ' autoStart = "TRUE"\r\n  startMode="OnDemand"',
        ' autoStart="false" startMode="alwaysrunning"',
    ],
)
def test_pools_come_back_attribute_by_attribute(
    attributes: str, state: str, story: Mitigated
) -> None:
    pool(story, attributes)
    for world in story.pair.worlds:
        world.set_iis_state("app_pools", "MSExchangeECPAppPool", state, by="test")
    before = story.state
    changed = story.change(POOLS, ECP)
    assert changed["after"] == [
        {
            "name": "MSExchangeECPAppPool",
            "state": "Stopped",
            "auto_start": False,
            "start_mode": "OnDemand",
        }
    ]
    assert not story.change(POOLS, ECP)["changed"]
    story.change(UNDO, wanted.undo("ecp-app-pool"))
    assert story.state == before


def test_other_changes_of_the_server_configuration_survive_undo(story: Mitigated) -> None:
    story.change(POOLS, ECP)
    for world in story.pair.worlds:
        text = str(world.text(CONFIG)).replace("</configuration>", "<!-- new --></configuration>")
        world.write_text(CONFIG, text, by="test")
    story.change(UNDO, wanted.undo("ecp-app-pool"))
    text = str(story.text(CONFIG))
    assert "<!-- new -->" in text
    assert 'autoStart="false"' not in text


def test_pool_that_does_not_stop_is_told(story: Mitigated) -> None:
    status(story, "WAS", "Stopped")
    failed = story.step(POOLS, ECP)
    assert failed["errors"][0]["id"] == "PoolNotInState"
    status(story, "WAS", "Running")
    assert story.change(POOLS, ECP)["changed"]
    story.change(UNDO, wanted.undo("ecp-app-pool"))


def test_pool_in_no_known_state_is_told(story: Mitigated) -> None:
    for world in story.pair.worlds:
        world.data["iis_runtime"]["app_pools"].pop("MSExchangeECPAppPool")
        world.record("iis", "app_pools/MSExchangeECPAppPool", "test")
    done: dict[str, Any] = story.step(POOLS, ECP)
    assert done["result"]["before"][0]["state"] == "Unknown"
    assert done["errors"][0]["source"] == "iis.app_pools"
