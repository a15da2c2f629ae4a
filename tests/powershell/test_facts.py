# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts script on the real engine, over simulated hosts: complete, isolated, never guessing."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.facts import validate as facts
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.powershell.engine import (
    PowerShellEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

pytestmark = pytest.mark.engine

OPERATION = "Get-ExchangeServerInfo"
NONCE = "0" * 32
COMMAND = (
    "PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted -EncodedCommand "
    + base64.b64encode(loader.bootstrap().encode("utf-16-le")).decode()
)
NOW = "2021-03-05T10:00:00Z"
E2016 = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}
SETUP = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"
SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"

Ask = Callable[..., dict[str, Any]]  # (world, script=None) -> reply


@pytest.fixture(scope="module")
def ask(pwsh: str) -> Iterator[Ask]:
    """Assess a world; ``script`` replaces text of the script that is sent."""
    engine = PowerShellEngine(pwsh, workers=1)
    kept: list[World] = []  # the engine knows a world by its identity
    with asyncio.Runner() as runner:

        def run(world: World, script: dict[str, str] | None = None) -> dict[str, Any]:
            kept.append(world)
            text = loader.script(OPERATION).text
            for old, new in (script or {}).items():
                assert old in text
                text = text.replace(old, new)
            host = SimulatedHost("ex01", "127.77.0.1", world)
            done = runner.run(engine.run(host, COMMAND, request(text)))
            lines = done.stdout.decode("ascii").splitlines()
            (frame,) = [line for line in lines if line.startswith('{"exchange_remediation":')]
            reply: dict[str, Any] = json.loads(frame)["reply"]
            assert reply["status"] == "ok", reply["errors"]
            facts.validate(reply["result"])
            return reply

        yield run
        runner.run(engine.close())


def request(text: str) -> bytes:
    packed = loader.pack(text)
    document = {
        "protocol": 1,
        "operation": OPERATION,
        "operation_id": NONCE,
        "nonce": NONCE,
        "key": None,
        "script": packed.packed,
        "sha256": packed.sha256,
        "parameters": {},
    }
    return json.dumps(document).encode() + b"\n"


def world(**spec: Any) -> World:
    return build_world({"now": NOW, "exchange": E2016, "logs_from": "2021-03-04", **spec}, "ex01")


def without(reply: dict[str, Any], *keys: str) -> dict[str, Any]:
    """The facts without what moves from run to run."""
    return {key: value for key, value in reply["result"].items() if key not in keys}


def sources(reply: dict[str, Any]) -> list[str]:
    return [error["source"] for error in reply["errors"]]


@pytest.fixture(scope="module")
def server(ask: Ask) -> dict[str, Any]:
    """A patched, mitigated DAG member with everything in place."""
    return ask(full_world())


def full_world() -> World:
    return world(
        updates=["KB5000871"],
        mitigations=["backend-cookie", "ecp-app-pool", "owa-csp-outbound"],
        dag="DAG1",
        locale="de-DE",
        logs_from="2021-03-01",
        pending_reboot=["PendingFileRenameOperations", "WindowsUpdate"],
    )


def test_a_complete_server_gives_every_fact_without_an_error(server: dict[str, Any]) -> None:
    assert server["errors"] == []
    assert all(value is not None for value in server["result"].values())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("computer.name", "EX01"),
        ("os.version", "10.0.14393"),
        ("os.locale", "de-DE"),
        ("os.time_zone", "W. Europe Standard Time"),
        ("os.utc_offset_minutes", 60),
        ("powershell.language_mode", "FullLanguage"),
        ("dotnet.release", 528049),
        ("session.elevated", True),
        ("session.process_64bit", True),
        ("exchange.exsetup.file_version", "15.01.2176.002"),
        ("exchange.registry_version", "15.1.2176.2"),
        ("exchange.registry_key", "v15"),
        ("exchange.services_value", True),
        ("exchange.service_path.service", "MSExchangeADTopology"),
        ("dag.name", "DAG1"),
        ("dag.cluster_service.status", "Running"),
        ("iis.version", "10.0"),
        ("url_rewrite.installed", True),
        ("environment.system_drive", "C:"),
    ],
)
def test_a_fact_has_the_value_of_the_host(server: dict[str, Any], path: str, value: Any) -> None:
    found: Any = server["result"]
    for step in path.split("."):
        found = found[step]
    assert found == value


def test_dates_are_utc_whatever_the_time_zone_of_the_host(server: dict[str, Any]) -> None:
    assert server["result"]["clock"]["utc"].startswith("2021-03-05T10:00:0")
    assert server["result"]["os"]["install_date"].endswith("Z")


def test_the_update_is_found_in_both_lists_and_a_localised_date_is_not_read(
    server: dict[str, Any],
) -> None:
    rows = server["result"]["updates"]
    assert [(row["source"], row["view"], row["kb"]) for row in rows] == [
        ("updates-key", "64", "KB5000871"),
        ("uninstall", "64", "KB5000871"),
    ]
    assert [row["installed"] for row in rows] == [None, "2021-02-13"]


def test_mitigations_show_in_pools_services_and_rules(server: dict[str, Any]) -> None:
    result = server["result"]
    pools = {pool["name"]: pool for pool in result["iis"]["app_pools"]}
    assert pools["MSExchangeECPAppPool"] == {
        "name": "MSExchangeECPAppPool",
        "state": "Stopped",
        "auto_start": False,
        "start_mode": "OnDemand",
    }
    services = {service["name"]: service for service in result["services"]}
    assert services["MSExchangeHM"]["start_type"] == "Disabled"
    rules = [(rule["direction"], rule["path"]) for rule in result["url_rewrite"]["rules"]]
    assert rules[:3] == [("inbound", "/"), ("inbound", "/"), ("outbound", "/owa")]
    # The folder of /owa is that of /owa/Calendar and others, too.
    assert {direction for direction, _ in rules[3:]} == {"outbound"}
    assert len(result["url_rewrite"]["preconditions"][0]["conditions"]) == 2


def test_log_folders_tell_how_far_back_they_reach(server: dict[str, Any]) -> None:
    logs = {log["id"]: log for log in server["result"]["logs"]}
    assert len(logs) == 14
    assert logs["httpproxy/owa"]["oldest"] == "2021-03-01T23:59:30.0000000Z"
    assert logs["httpproxy/owa"]["newest"] == "2021-03-05T10:00:00.0000000Z"
    assert logs["iis/2"]["path"] == "C:\\inetpub\\logs\\LogFiles\\W3SVC2"
    assert all(log["exists"] and not log["truncated"] for log in logs.values())


def test_lists_are_sorted_alike_in_every_culture(server: dict[str, Any]) -> None:
    names = [service["name"] for service in server["result"]["services"]]
    assert names == sorted(names, key=str.upper)
    assert len(names) == len(set(names)) > 30


def test_pending_reboots_are_listed_by_source(server: dict[str, Any]) -> None:
    assert [row["source"] for row in server["result"]["pending_reboot"]] == [
        "PendingFileRenameOperations",
        "WindowsUpdate",
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"role": "Edge"}, ("v15", ["Edge", "ManagementTools"], True)),
        ({"role": "ManagementTools"}, ("v15", ["ManagementTools"], False)),
        (
            {
                "exchange": {"product": "Exchange2010", "cu": "SP3", "build": "14.3.123.4"},
                "powershell": "3.0",
                "locale": "tr-TR",
            },
            ("v14", ["Mailbox", "ClientAccess", "HubTransport", "ManagementTools"], True),
        ),
        ({"exchange": None, "locale": "ja-JP"}, (None, [], None)),
    ],
    ids=["edge", "management-tools", "exchange-2010-turkish", "no-exchange"],
)
def test_other_kinds_of_hosts_are_told_apart_without_an_error(
    ask: Ask, spec: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    reply = ask(world(**spec))
    exchange = reply["result"]["exchange"]
    assert reply["errors"] == []
    assert (exchange["registry_key"], exchange["roles"], exchange["services_value"]) == expected
    assert exchange["installed"] is (expected[0] is not None)


def test_another_drive_counts_as_disk_and_log_folder(ask: Ask) -> None:
    reply = ask(world(exchange={**E2016, "install_path": "D:\\Exchange Srv\\"}))
    result = reply["result"]
    assert reply["errors"] == []
    assert result["exchange"]["exsetup"]["path"] == "D:\\Exchange Srv\\Bin\\ExSetup.exe"
    assert result["exchange"]["service_path"]["install_path"] == "D:\\Exchange Srv\\"
    assert {disk["root"]: disk["purposes"] for disk in result["disks"]} == {
        "C:\\": ["system", "temp", "iis-logs"],
        "D:\\": ["exchange"],
    }


# A part of the script -> the facts that its failure makes null, and the sources of the reasons.
PARTS = {
    "Get-ComputerFact": (["computer"], ["computer"]),
    "Get-SystemFact": (["os"], ["os"]),
    "Get-EngineFact": (["powershell"], ["powershell"]),
    "Get-FrameworkFact": (["dotnet"], ["dotnet"]),
    "Get-SessionFact": (["session"], ["session"]),
    "Get-ServiceTable": (
        ["services", "dag", "antimalware"],
        ["services", "dag", "antimalware"],
    ),
    "Get-ServiceFact": (["services"], ["services"]),
    "Get-DagFact": (["dag"], ["dag"]),
    "Get-AntimalwareFact": (["antimalware"], ["antimalware"]),
    "Get-UpdateFact": (["updates"], ["updates"]),
    "Get-IisFact": (["iis"], ["iis"]),
    "Get-UrlRewriteFact": (["url_rewrite"], ["url_rewrite"]),
    "Get-PendingRebootFact": (["pending_reboot"], ["pending_reboot"]),
    "Get-DiskFact": (["disks"], ["disks"]),
    "Get-LogFact": (["logs"], ["logs"]),
    "Get-EventLogFact": (["event_logs"], ["event_logs"]),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_fails_is_null_with_a_reason_and_the_others_stay(
    ask: Ask, server: dict[str, Any], part: str
) -> None:
    nulls, reasons = PARTS[part]
    # The parameters stay, the body throws.
    script = loader.script(OPERATION).text
    start = re.search(rf"^function {part} {{\n(?:param \(.*\)\n)?", script, re.MULTILINE)
    assert start is not None
    reply = ask(full_world(), {start[0]: start[0] + "throw 'broken on purpose'\n"})
    assert [key for key, value in reply["result"].items() if value is None] == [
        key for key in reply["result"] if key in nulls
    ]
    assert sources(reply) == reasons
    assert "broken on purpose" in reply["errors"][0]["message"]
    assert without(reply, *nulls, "clock") == without(server, *nulls, "clock")


def test_when_exchange_cannot_be_read_its_logs_are_missing_with_a_reason(ask: Ask) -> None:
    start = "function Get-SetupKey {\n"
    reply = ask(full_world(), {start: start + "throw 'no access'\n"})
    assert reply["result"]["exchange"] is None
    assert [log["id"] for log in reply["result"]["logs"]] == ["iis/1", "iis/2"]
    assert sources(reply) == ["exchange", "logs.exchange"]


def test_a_32_bit_process_does_not_claim_that_there_is_nothing(ask: Ask) -> None:
    reply = ask(world(process_64bit=False))
    unseen = ["dotnet", "exchange", "updates", "iis", "url_rewrite", "pending_reboot"]
    assert reply["result"]["session"]["process_64bit"] is False
    assert [key for key, value in reply["result"].items() if value is None] == unseen
    assert {error["source"] for error in reply["errors"]} == {*unseen, "logs.exchange", "logs.iis"}


def test_a_missing_exsetup_is_null_with_a_reason(ask: Ask) -> None:
    reply = ask(world(exsetup_missing=True))
    assert reply["result"]["exchange"]["exsetup"] is None
    assert reply["result"]["exchange"]["installed"] is True
    assert sources(reply) == ["exchange.exsetup"]


def test_an_incomplete_registry_version_is_not_filled_up(ask: Ask) -> None:
    host = world()
    del host.data["registry"][SETUP]["MsiBuildMinor"]
    reply = ask(host)
    assert reply["result"]["exchange"]["registry_version"] is None
    assert sources(reply) == ["exchange.registry_version"]
    assert "MsiBuildMinor" in reply["errors"][0]["message"]


def test_a_version_that_lacks_a_part_is_null_and_costs_nothing_else(ask: Ask) -> None:
    host = world()
    windows = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    del host.data["registry"][windows]["CurrentBuildNumber"]
    del host.data["registry"]["HKLM\\SOFTWARE\\Microsoft\\InetStp"]["MinorVersion"]
    reply = ask(host)
    system, iis = reply["result"]["os"], reply["result"]["iis"]
    assert (system["version"], system["build"], iis["version"]) == (None, None, None)
    assert (system["product_name"], len(iis["sites"])) == ("Windows Server 2016 Standard", 2)
    assert sources(reply) == ["os.version", "os.build", "iis.version"]


def test_a_removed_setup_key_does_not_hide_an_exchange_that_runs(ask: Ask) -> None:
    host = world()
    del host.data["registry"][SETUP]
    reply = ask(host)
    exchange = reply["result"]["exchange"]
    assert exchange["installed"] is True
    assert exchange["install_path"] is None
    assert exchange["exsetup"]["file_version"] == "15.01.2176.002"
    assert "exchange.install_path" in sources(reply)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ('"D:\\My Ex\\Bin\\A.exe"', "D:\\My Ex\\"),
        ('"D:\\My Ex\\Bin\\A.exe" -x "C:\\Bin\\b.exe"', "D:\\My Ex\\"),
        ("D:\\My Ex\\bin\\A.exe -console", "D:\\My Ex\\"),
        ("\\??\\D:\\Ex\\Bin\\A.exe", "D:\\Ex\\"),
        ("%SystemDrive%\\Ex\\Bin\\A.exe", "C:\\Ex\\"),
        ("C:\\Windows\\System32\\svchost.exe -k Bin\\x", None),
    ],
)
def test_the_install_path_is_read_from_any_image_path(
    ask: Ask, image: str, expected: str | None
) -> None:
    host = world()
    for service in ("MSExchangeServiceHost", "MSExchangeTransport"):
        del host.data["registry"][f"{SERVICES}\\{service}"]
    key = host.data["registry"][f"{SERVICES}\\MSExchangeADTopology"]
    key["ImagePath"] = {"type": "String", "value": image}
    found = ask(host)["result"]["exchange"]["service_path"]
    assert (found and found["install_path"]) == expected


def test_a_cluster_service_without_its_hive_gives_no_name_but_a_reason(ask: Ask) -> None:
    host = full_world()
    del host.data["registry"]["HKLM\\Cluster"]
    reply = ask(host)
    assert reply["result"]["dag"]["name"] is None
    assert reply["result"]["dag"]["cluster_service"]["start_type"] == "Automatic"
    assert sources(reply) == ["dag.name"]


def test_an_update_in_the_32_bit_view_is_marked_as_such(ask: Ask) -> None:
    update = {"kb": "KB5000871", "view": "32", "sources": ["uninstall"], "date": "2021-03-03"}
    (row,) = ask(world(updates=[update]))["result"]["updates"]
    assert (row["view"], row["installed"]) == ("32", "2021-03-03")


def test_a_registry_value_of_the_wrong_type_costs_only_its_own_fact(ask: Ask) -> None:
    host = world()
    path = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    host.data["registry"][path]["UBR"] = {"type": "String", "value": "many"}
    reply = ask(host)
    assert reply["result"]["os"]["ubr"] is None
    assert reply["result"]["os"]["build"] == 14393
    assert sources(reply) == ["os.ubr"]


def test_hostile_text_arrives_as_data_and_nothing_else(ask: Ask) -> None:
    """I4: expressions, variables and markup in values that the host controls."""
    hostile = "$(Get-Date) `n $env:TEMP {0} <x> '\" \x1b[2J \u202e {{ 7*7 }} =cmd|'/C calc'!A0"
    host = world()
    host.data["registry"]["HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"][
        "ProductName"
    ] = {
        "type": "String",
        "value": hostile,
    }
    host.data["registry"][f"{SERVICES}\\MSExchangeIS"]["ImagePath"]["value"] = f'"C:\\{hostile}"'
    reply = ask(host)
    assert reply["errors"] == []
    assert reply["result"]["os"]["product_name"] == hostile
    rows = {row["name"]: row for row in reply["result"]["services"]}
    assert hostile in rows["MSExchangeIS"]["image_path"]


def test_half_a_character_in_a_name_costs_nothing(ask: Ask) -> None:
    """Legal on NTFS and in the registry; JSON readers choke on it if it is sent raw."""
    name = "Get-RegistryText $path 'ProductName'"
    reply = ask(world(), {name: "'half ' + [char]0xd83d"})
    assert reply["result"]["os"]["product_name"] == "half \ud83d"


def test_a_service_that_waits_with_its_start_is_told_from_an_automatic_one(ask: Ask) -> None:
    host = world()
    key = host.data["registry"][f"{SERVICES}\\MSExchangeIS"]
    key["DelayedAutostart"] = {"type": "DWord", "value": 1}
    rows = {row["name"]: row for row in ask(host)["result"]["services"]}
    assert rows["MSExchangeIS"]["start_type"] == "AutomaticDelayed"
    assert rows["MSExchangeADTopology"]["start_type"] == "Automatic"


def test_a_folder_with_too_many_logs_is_cut_and_says_so(ask: Ask) -> None:
    limit = "function Get-LogLimit {\n20000\n"
    reply = ask(full_world(), {limit: "function Get-LogLimit {\n3\n"})
    logs = {log["id"]: log for log in reply["result"]["logs"]}
    assert logs["httpproxy/owa"]["truncated"] is True
    assert logs["httpproxy/owa"]["files"] == 3


def test_only_logs_count_in_a_log_folder(ask: Ask) -> None:
    host = full_world()
    folder = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Logging\\ECP\\Server"
    host.data["files"][f"{folder}\\web.aspx"] = {"size": 10, "mtime": "2015-01-01T00:00:00Z"}
    host.data["files"][f"{folder}\\old.LOG"] = {"size": 7, "mtime": "2016-01-01T00:00:00Z"}
    logs = {log["id"]: log for log in ask(host)["result"]["logs"]}
    assert logs["ecp-server"]["oldest"] == "2016-01-01T00:00:00.0000000Z"


def test_a_missing_log_folder_is_a_fact_and_no_error(ask: Ask) -> None:
    reply = ask(world(logs={"httpproxy/owa": {"missing": True}, "httpproxy/ecp": {"empty": True}}))
    logs = {log["id"]: log for log in reply["result"]["logs"]}
    assert reply["errors"] == []
    assert logs["httpproxy/owa"]["exists"] is False
    assert (logs["httpproxy/ecp"]["exists"], logs["httpproxy/ecp"]["oldest"]) == (True, None)


def test_an_event_log_that_does_not_exist_is_left_out(ask: Ask) -> None:
    reply = ask(world(event_logs={"MSExchange Management": {"missing": True}}))
    names = [log["name"] for log in reply["result"]["event_logs"]]
    assert names == ["Application", "Security", "System"]
    assert reply["errors"] == []


def test_a_disabled_event_log_still_tells_what_it_holds(ask: Ask) -> None:
    reply = ask(world(event_logs={"Application": {"enabled": False}, "System": {"records": 0}}))
    logs = {log["name"]: log for log in reply["result"]["event_logs"]}
    assert logs["Application"]["enabled"] is False
    assert logs["Application"]["oldest"].endswith("T06:00:00.0000000Z")
    assert (logs["System"]["records"], logs["System"]["oldest"]) == (0, None)
    assert reply["errors"] == []


@pytest.mark.parametrize(
    ("administrator", "elevated"), [(True, True), (True, False), (False, False)]
)
def test_a_filtered_token_is_told_from_a_plain_user(
    ask: Ask, *, administrator: bool, elevated: bool
) -> None:
    session = ask(world(administrator=administrator, elevated=elevated))["result"]["session"]
    assert (session["administrator"], session["elevated"]) == (administrator, elevated)
    assert session["user_sid"].startswith("S-1-5-21-")
