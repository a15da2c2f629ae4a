# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import defusedxml.ElementTree
import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.logs import (
    sample_days,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.mitigations import (
    MITIGATIONS,
)

AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
SETUP = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"
SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services"
WWWROOT = "C:\\inetpub\\wwwroot\\web.config"
CONFIG = "C:\\Windows\\System32\\inetsrv\\config\\applicationHost.config"
CU19 = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.9"}


def build(**spec: Any) -> Any:
    return build_world({"exchange": CU19, **spec}, "ex01", at=AT)


def test_same_entry_builds_the_same_world() -> None:
    assert (
        build(mitigations=["um-services"]).to_json() == build(mitigations=["um-services"]).to_json()
    )


def test_registry_may_lag_behind_the_files() -> None:
    world = build(registry_build="15.1.2176.2")
    exsetup = world.file("C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Bin\\ExSetup.exe")
    assert exsetup["version"] == {"file": "15.01.2176.009", "product": "15.01.2176.009"}
    assert world.value(SETUP, "MsiBuildMinor") == 2


@pytest.mark.parametrize(
    ("product", "build_number", "key", "system", "back_end"),
    [
        ("Exchange2010", "14.3.513.0", "v14", "7601", False),
        ("Exchange2013", "15.0.1497.12", "v15", "9600", True),
        ("Exchange2016", "15.1.2176.9", "v15", "14393", True),
        ("Exchange2019", "15.2.792.10", "v15", "17763", True),
        ("ExchangeSE", "15.2.2562.56", "v15", "20348", True),
    ],
)
def test_products_stand_on_their_usual_system(
    product: str, build_number: str, key: str, system: str, *, back_end: bool
) -> None:
    world = build(exchange={"product": product, "cu": "RTM", "build": build_number})
    assert world.key(f"HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\{key}\\Setup")
    current = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    assert world.value(current, "CurrentBuild") == system
    assert ("Exchange Back End" in world.text(CONFIG)) is back_end
    assert (
        world.is_directory(f"{world.value(SETUP, 'MsiInstallPath')}Logging\\HttpProxy") is back_end
    )


@pytest.mark.parametrize(
    ("role", "present", "absent"),
    [
        ("Mailbox", "MSExchangeIS", "ADAM_MSExchange"),
        ("ClientAccess", "MSExchangeFrontEndTransport", "MSExchangeIS"),
        ("Edge", "ADAM_MSExchange", "W3SVC"),
        ("ManagementTools", "WinRM", "MSExchangeADTopology"),
    ],
)
def test_roles_have_their_services(role: str, present: str, absent: str) -> None:
    world = build(role=role)
    assert world.service(present) is not None
    assert world.service(absent) is None
    assert (world.value(SETUP, "Services") is None) is (role == "ManagementTools")


def test_install_path_is_taken_as_it_is_spelled() -> None:
    path = "D:\\Programme\\Exchange Server\\v15\\"
    world = build(exchange={**CU19, "install_path": path}, locale="de-DE")
    assert world.value(SETUP, "MsiInstallPath") == path
    assert world.file(f"{path}bin\\exsetup.exe") is not None
    assert world.value(f"{SERVICES}\\MSExchangeADTopology", "ImagePath").startswith(f'"{path}Bin\\')
    assert f"{path}FrontEnd\\HttpProxy\\owa" in world.text(CONFIG)
    assert "D" in world.data["drives"]
    nls = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Nls\\Language"
    assert world.value(nls, "Default") == "0407"
    assert not world.is_directory("C:\\Program Files\\Microsoft\\Exchange Server")


def test_updates_stand_in_both_lists_and_dates_are_localised() -> None:
    world = build(locale="de-DE", updates=[{"kb": "KB5000871", "date": "2021-03-03"}])
    key = "HKLM\\SOFTWARE\\Microsoft\\Updates\\Exchange 2016\\KB5000871"
    assert world.value(key, "InstalledDate") == "03.03.2021"
    root = "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall"
    names = [world.value(f"{root}\\{entry}", "DisplayName") for entry in world.subkeys(root)]
    title = "Security Update for Exchange Server 2016 Cumulative Update 19 (KB5000871)"
    assert title in names


def test_exact_cookie_rules_are_those_of_microsoft() -> None:
    rules = _rules(build(mitigations=["backend-cookie"]))
    assert rules == [
        ("X-AnonResource-Backend Abort - inbound", "(.*)X-AnonResource-Backend(.*)", None, None),
        ("X-BEResource Abort - inbound", "(.*)X-BEResource=(.+)/(.+)~(.+)", "true", None),
    ]


@pytest.mark.parametrize(
    ("variant", "count"),
    [("altered", 2), ("disabled", 2), ("partial", 1), ("duplicate", 4), ("wildcard", 2)],
)
def test_spoilt_cookie_rules_differ_from_the_exact_ones(variant: str, count: int) -> None:
    exact = _rules(build(mitigations=["backend-cookie"]))
    spoilt = _rules(build(mitigations=[{"id": "backend-cookie", "variant": variant}]))
    assert len(spoilt) == count
    if variant not in ("partial", "duplicate", "wildcard"):
        assert [rule[0] for rule in spoilt] == [rule[0] for rule in exact]
    assert variant == "wildcard" or spoilt != exact


def _rules(world: Any) -> list[tuple[Any, ...]]:
    root = defusedxml.ElementTree.fromstring(world.text(WWWROOT).encode())
    return [
        (
            rule.get("name"),
            rule.find("conditions/add").get("pattern"),
            rule.get("stopProcessing"),
            rule.get("enabled"),
        )
        for rule in root.iter("rule")
    ]


@pytest.mark.parametrize(
    ("name", "variant"), [(n, v) for n, variants in MITIGATIONS.items() for v in variants]
)
def test_every_variant_leaves_readable_configuration(name: str, variant: str) -> None:
    world = build(mitigations=[{"id": name, "variant": variant}])
    for path, entry in world.data["files"].items():
        if path.lower().endswith(".config"):
            assert defusedxml.ElementTree.fromstring(entry["text"].encode()) is not None
    exact = build()
    assert world.to_json() != exact.to_json() or (name, variant) == (
        "powershell-autodiscover",
        "partial",
    )


def test_pool_mitigation_stops_the_pool_for_good_and_the_health_manager() -> None:
    world = build(mitigations=["ecp-app-pool"])
    root = defusedxml.ElementTree.fromstring(world.text(CONFIG).encode())
    pool = next(p for p in root.iter("add") if p.get("name") == "MSExchangeECPAppPool")
    assert (pool.get("autoStart"), pool.get("startMode")) == ("false", "OnDemand")
    assert world.data["iis_runtime"]["app_pools"]["MSExchangeECPAppPool"] == "Stopped"
    assert world.value(f"{SERVICES}\\MSExchangeHM", "Start") == 4
    assert world.service("MSExchangeHM")["status"] == "Stopped"


def test_unknown_variant_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no variant 'nearly'; known: backend-cookie: exact"):
        build(mitigations=[{"id": "backend-cookie", "variant": "nearly"}])


def test_logs_reach_from_first_to_last_day() -> None:
    world = build(logs_from="2021-01-01", logs_to="2021-02-01")
    folder = f"{world.value(SETUP, 'MsiInstallPath')}Logging\\HttpProxy\\Owa"
    times = sorted(entry["mtime"] for _, entry in world.children(folder))
    assert times[0] == "2021-01-01T23:59:30Z"
    assert times[-1] == "2021-02-01T23:59:30Z"


def test_log_sample_stays_small_over_years() -> None:
    days = sample_days(AT.date().replace(year=2015), AT.date())
    assert len(days) < 120
    assert (days[0].year, days[-1]) == (2015, AT.date())


def test_clock_offset_moves_the_host_and_its_logs() -> None:
    world = build(clock_offset_seconds=86_400)
    assert world.clock(AT) == datetime(2021, 3, 6, 10, tzinfo=UTC)
    times = [e.get("mtime") for p, e in world.data["files"].items() if p.endswith(".LOG")]
    assert max(times) == "2021-03-06T10:00:00Z"


def test_fixed_clock_wins() -> None:
    world = build(now="2020-12-24T18:00:00Z")
    assert world.clock(AT) == datetime(2020, 12, 24, 18, tzinfo=UTC)


def test_removed_key_takes_no_key_along_whose_name_only_begins_alike() -> None:
    beside = {"odd": {"type": "String", "value": "x"}}
    world = build(override={"registry": {f"{SETUP}Beside": beside, SETUP: None}})
    assert world.key(SETUP) is None
    assert world.value(f"{SETUP}Beside", "odd") == "x"


def test_overrides_change_and_remove_raw_entries() -> None:
    world = build(
        override={
            "registry": {
                SETUP.upper(): {"OwaVersion": None, "odd": {"type": "String", "value": "x"}},
                "HKLM\\SOFTWARE\\Microsoft\\InetStp": None,
            },
            "files": {WWWROOT.upper(): {"text": "<x/>"}, "C:\\Windows\\Temp": None},
            "services": {"BITS": None, "Odd": {"status": "Paused"}},
        }
    )
    assert world.value(SETUP, "odd") == "x"
    assert world.value(SETUP, "OwaVersion") is None
    assert world.value(SETUP, "MsiProductMajor") == 15
    assert world.key("HKLM\\SOFTWARE\\Microsoft\\InetStp") is None
    assert world.text(WWWROOT) == "<x/>"
    assert world.file("C:\\Windows\\Temp") is None
    assert world.service("BITS") is None
    assert world.service("Odd") == {"status": "Paused"}
    assert world.mutations == []


def test_server_without_exchange_has_none_of_it() -> None:
    world = build_world({"exchange": None}, "file01", at=AT)
    assert world.key("HKLM\\SOFTWARE\\Microsoft\\ExchangeServer") is None
    assert not [name for name in world.data["services"] if "Exchange" in name]
    assert "MSExchange Management" not in world.data["event_logs"]


def test_long_names_are_cut_as_netbios_does() -> None:
    assert build_world({}, "a-very-long-host-name.example", at=AT).name == "A-VERY-LONG-HOS"
