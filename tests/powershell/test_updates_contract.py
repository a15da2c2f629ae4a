# SPDX-License-Identifier: GPL-3.0-or-later
"""Snapshots of updates and start types from them: model and real scripts agree on each reply."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from engine_pair import FLEETS, HOSTS, KEYS, Pair, Story, differences, request

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
        PowerShellEngine,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

pytestmark = pytest.mark.engine

UPDATE = "kb5000871-15.1.2176.9"
OWNER = "controller-a"
LOCK = {"owner": OWNER, "run": "run-1", "purpose": "patch", "ttl_seconds": 3600}
HELD: dict[str, Any] = {"update": UPDATE, "lock_of": OWNER}
BINARIES = ["Bin\\ExSetup.exe", "Bin\\not-there.dll"]
KEY = "HKLM\\SYSTEM\\CurrentControlSet\\Services"


@pytest.fixture
def story(shim_engine: PowerShellEngine) -> Story:
    one = Story(Pair(FLEETS["small"]["ex01"], shim_engine))
    one.step("Lock-Host", LOCK)
    return one


def change(story: Story, service: str, start: int, status: str) -> None:
    for world in story.pair.worlds:
        world.set_value(f"{KEY}\\{service}", "Start", "DWord", start, by="test")
        world.set_service_status(service, status, by="test")


def services(story: Story) -> list[Any]:
    found = []
    for world in story.pair.worlds:
        starts = {k: v for k, v in world.data["registry"].items() if k.startswith(KEY)}
        found.append([world.data["services"], starts])
    assert differences(*found) == []
    return found[0]


@pytest.mark.sweep(count=12)
@pytest.mark.parametrize(("fleet", "name"), HOSTS)
def test_snapshot_is_the_same(fleet: str, name: str, shim_engine: PowerShellEngine) -> None:
    pair = Pair(FLEETS[fleet][name], shim_engine)
    asked = request("Get-UpdateSnapshot", {"update": UPDATE, "binaries": BINARIES})
    model, real = pair.ask(asked)
    assert differences(model, real) == []
    assert [world.mutations for world in pair.worlds] == [[], []]


def test_what_is_at_work_and_left_behind_is_named_alike(story: Story) -> None:
    for world in story.pair.worlds:
        world.data["processes"] = ["msiexec", "w3wp", "TiWorker", "msiexec"]
        world.write_text("C:\\ExchangeSetupLogs\\ServiceState.xml", "<x/>", by="test")
        world.write_text("C:\\ExchangeSetupLogs\\ExchangeSetup.log", "x", by="test")
    now = story.step("Get-UpdateSnapshot", {"update": UPDATE})["result"]["now"]
    assert now["installers"] == [{"name": "msiexec"}, {"name": "TiWorker"}]
    assert now["service_cache"] == [{"path": "C:\\ExchangeSetupLogs\\ServiceState.xml"}]


BIN = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin"
COMPONENTS = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\ServerComponentStates"


def put_versions(world: World, files: dict[str, str | None]) -> None:
    for name, version in files.items():
        known = {"file": version, "product": version} if version else None
        entry = {"size": 1, "mtime": "2021-03-01T00:00:00Z", "version": known}
        world.put_file(f"{BIN}\\{name}", entry, by="test")


def versions(story: Story) -> Any:
    return story.step("Get-UpdateSnapshot", {"update": UPDATE})["result"]["now"]["versions"]


def test_versions_of_the_product_are_counted_alike(story: Story) -> None:
    before = versions(story)
    assert (before["files"], len(before["versions"]), before["truncated"]) == (5, 1, False)
    odd = {f"n{n}.dll": "15.01.2176.009" for n in range(6)}
    odd |= {"Zlib.DLL": " 15.1.2176.9 ", "other.dll": "4.0.30319.1", "text.exe": "15.1.2176"}
    odd |= {"none.dll": None, "notes.txt": "15.01.2176.009", "next.exe": "15.02.0792.003"}
    for world in story.pair.worlds:
        put_versions(world, odd)
    after = versions(story)
    new = next(row for row in after["versions"] if row["version"] == "15.1.2176.9")
    assert (after["files"], new["files"]) == (12, 7)
    assert new["names"] == [f"n{n}.dll" for n in range(5)]
    assert after["sha256"] != before["sha256"]


def test_more_versions_than_anybody_has_are_cut_off_alike(story: Story) -> None:
    for world in story.pair.worlds:
        put_versions(world, {f"v{n}.dll": f"15.1.{n}.0" for n in range(31)})
    assert versions(story)["truncated"] is True
    assert len(versions(story)["versions"]) == 30


def test_what_requesters_said_about_components_is_read_alike(story: Story) -> None:
    said = [
        ("ServerWideOffline", "Maintenance", "String", "1:0:637505352000000001"),
        ("ServerWideOffline", "Functional", "String", "1:1:637505352000000000"),
        ("HubTransport", "Maintenance", "String", "1:2:637505352000000000"),
        ("OwaProxy", "HealthAPI", "String", "2:0:637505352000000000"),
        ("OwaProxy", "Sidelined", "DWord", 1),
        ("EcpProxy", "HealthAPI", "String", "1:0:99"),
    ]
    for world in story.pair.worlds:
        for component, requester, kind, value in said:
            world.set_value(f"{COMPONENTS}\\{component}", requester, kind, value, by="test")
    now = story.step("Get-UpdateSnapshot", {"update": UPDATE})["result"]["now"]
    found = [(row["component"], row["requester"], row["state"]) for row in now["components"]]
    assert found == [
        ("EcpProxy", "HealthAPI", None),
        ("HubTransport", "Maintenance", "Draining"),
        ("OwaProxy", "HealthAPI", None),
        ("OwaProxy", "Sidelined", None),
        ("ServerWideOffline", "Functional", "Active"),
        ("ServerWideOffline", "Maintenance", "Inactive"),
    ]
    assert now["components"][-1]["changed"] == "2021-03-05T10:00:00.0000001Z"


def test_updates_that_were_begun_are_listed_alike(story: Story) -> None:
    def begun() -> Any:
        return story.step("Get-UpdateSnapshot", {"update": "kb1-1.2.3.4"})["result"]["begun"]

    assert begun() == []
    story.step("Save-UpdateSnapshot", HELD, KEYS[0])
    story.step("Save-UpdateSnapshot", {**HELD, "update": "kb1-1.2.3.4"}, KEYS[1])
    folder = "C:\\ProgramData\\ExchangeRemediation\\updates"
    for world in story.pair.worlds:
        world.write_text(f"{folder}\\kb9-1.json.0a.tmp", "", by="test")
    assert begun() == ["kb1-1.2.3.4", UPDATE]


def test_first_record_stays_alike(story: Story) -> None:
    first = {**HELD, "binaries": BINARIES, "notes": ["um-services"]}
    saved = story.step("Save-UpdateSnapshot", first, KEYS[0])["result"]
    assert (saved["changed"], saved["record"]["notes"]) == (True, ["um-services"])
    change(story, "MSExchangeIS", 4, "Stopped")
    again = story.step("Save-UpdateSnapshot", {**HELD, "binaries": BINARIES}, KEYS[1])["result"]
    assert (again["changed"], again["record"]) == (False, saved["record"])
    seen = story.step("Get-UpdateSnapshot", {"update": UPDATE})["result"]
    assert seen["recorded"] == saved["record"]
    states = {row["name"]: row["start_type"] for row in seen["recorded"]["state"]["services"]}
    assert states["MSExchangeIS"] == "Automatic"


def test_start_types_come_back_alike_and_only_once(story: Story) -> None:
    before = services(story)
    story.step("Save-UpdateSnapshot", HELD, KEYS[0])
    for name in ("MSExchangeIS", "W3SVC", "MSExchangeHM", "MSExchangeTransport"):
        change(story, name, 4, "Stopped")
    planned = story.step("Restore-ServiceStartTypes", {**HELD, "check": True})["result"]
    assert planned["changed"] is True
    done = story.step("Restore-ServiceStartTypes", HELD, KEYS[1])["result"]
    assert (done["changed"], done["wrong"], done["after"]) == (True, [], planned["after"])
    assert services(story) == before
    again = story.step("Restore-ServiceStartTypes", HELD, KEYS[2])["result"]
    assert (again["changed"], again["after"]) == (False, [])


def test_service_that_does_not_start_is_named_alike(story: Story) -> None:
    story.step("Save-UpdateSnapshot", HELD, KEYS[0])
    change(story, "MSExchangeTransport", 4, "Stopped")
    change(story, "MSExchangeIS", 4, "Stopped")
    for world in story.pair.worlds:
        entry = {**world.data["services"]["MSExchangeIS"], "refuses": "start"}
        world.data["services"] = {**world.data["services"], "MSExchangeIS": entry}
    reply = story.step("Restore-ServiceStartTypes", HELD, KEYS[1])
    assert reply["result"]["wrong"] == ["MSExchangeIS"]
    assert [e["source"] for e in reply["errors"]] == ["services.MSExchangeIS"]


def test_disabled_by_a_mitigation_is_disabled_again_alike(story: Story) -> None:
    change(story, "MSExchangeUM", 4, "Stopped")
    story.step("Save-UpdateSnapshot", HELD, KEYS[0])
    change(story, "MSExchangeUM", 2, "Running")
    done = story.step("Restore-ServiceStartTypes", HELD, KEYS[1])["result"]
    assert done["after"] == [
        {"name": "MSExchangeUM", "status": "Stopped", "start_type": "Disabled"}
    ]


def test_record_is_removed_alike(story: Story) -> None:
    story.step("Save-UpdateSnapshot", HELD, KEYS[0])
    assert story.step("Remove-UpdateSnapshot", {**HELD, "check": True})["result"]["changed"]
    assert story.step("Remove-UpdateSnapshot", HELD, KEYS[1])["result"]["changed"] is True
    assert story.step("Remove-UpdateSnapshot", HELD, KEYS[2])["result"]["changed"] is False
    gone = story.step("Restore-ServiceStartTypes", HELD, KEYS[3])
    assert gone["errors"][0]["id"] == "SnapshotMissing"


@pytest.mark.parametrize(
    "operation", ["Save-UpdateSnapshot", "Remove-UpdateSnapshot", "Restore-ServiceStartTypes"]
)
def test_nothing_is_changed_without_the_lock_alike(operation: str, story: Story) -> None:
    other = {"update": UPDATE, "lock_of": "controller-b"}
    assert story.step(operation, other)["errors"][0]["id"] == "HostLocked"
    wrong = {"update": "..\\x", "lock_of": OWNER}
    assert story.step(operation, wrong)["errors"][0]["id"] == "Update"


def test_check_changes_nothing_alike(story: Story) -> None:
    """I9."""
    before = [world.mutations for world in story.pair.worlds]
    saved = story.step("Save-UpdateSnapshot", {"update": UPDATE, "check": True})["result"]
    assert saved["changed"] is True
    assert [world.mutations for world in story.pair.worlds] == before
