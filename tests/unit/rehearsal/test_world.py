# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import ConfigError
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.paths import (
    file_path,
    registry_path,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
    World,
)

SETUP = "HKLM\\SOFTWARE\\Microsoft\\ExchangeServer\\v15\\Setup"
EXSETUP = "D:\\Exchange\\Bin\\ExSetup.exe"


@pytest.fixture
def world() -> World:
    data: dict[str, Any] = {
        "name": "EX01",
        "drives": {"C": {}, "D": {}},
        "registry": {
            SETUP: {"MsiInstallPath": {"type": "String", "value": "D:\\Exchange\\"}},
            "HKLM\\SOFTWARE\\Microsoft\\Updates\\_last": {},
            "HKLM\\SOFTWARE\\Microsoft\\Updates\\Exchange 2016\\KB2": {},
            "HKLM\\SOFTWARE\\Microsoft\\Updates\\Exchange 2016\\KB1": {},
        },
        "files": {EXSETUP: {"size": 7}, "C:\\Windows\\Temp": {"directory": True}},
        "services": {"MSExchangeIS": {"status": "Running"}},
    }
    return World(data)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("HKLM:\\A\\B\\", "HKLM\\A\\B"),
        ("HKEY_LOCAL_MACHINE\\A", "HKLM\\A"),
        ("hklm:/a/b", "HKLM\\a\\b"),
        ("HKEY_CURRENT_USER\\X", "HKCU\\X"),
    ],
)
def test_registry_paths_have_one_spelling(given: str, expected: str) -> None:
    assert registry_path(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("C:\\", "C:\\"),
        ("C:\\a\\\\b\\", "C:\\a\\b"),
        ("C:/a/b", "C:\\a\\b"),
        ("\\\\server\\share\\", "\\\\server\\share"),
    ],
)
def test_file_paths_have_one_spelling(given: str, expected: str) -> None:
    assert file_path(given) == expected


def test_registry_is_found_whatever_the_case(world: World) -> None:
    assert world.value(SETUP.upper(), "msiinstallpath") == "D:\\Exchange\\"
    assert world.value(f"HKLM:\\{SETUP[5:]}\\", "MsiInstallPath") == "D:\\Exchange\\"
    assert world.value(SETUP, "Missing") is None
    assert world.key(f"{SETUP}\\Missing") is None


def test_parents_of_a_key_exist_and_list_their_children_sorted(world: World) -> None:
    assert world.key("HKLM\\SOFTWARE") == {}
    assert world.subkeys("hklm\\software\\microsoft\\updates") == ["Exchange 2016", "_last"]
    assert world.subkeys("HKLM\\SOFTWARE\\Microsoft\\Updates\\Exchange 2016") == ["KB1", "KB2"]


def test_files_are_found_whatever_the_case_and_folders_are_implied(world: World) -> None:
    assert world.file(EXSETUP.lower()) == {"size": 7}
    assert world.spelling("d:\\exchange\\bin") == "D:\\Exchange\\Bin"
    assert world.is_directory("D:\\EXCHANGE")
    assert world.is_directory("C:\\")
    assert [name for name, _ in world.children("d:\\exchange")] == ["Bin"]
    assert world.children("D:\\Exchange\\Bin") == [("ExSetup.exe", {"size": 7})]
    assert world.file("D:\\Exchange\\Bin\\x") is None


def test_turkish_and_german_letters_keep_names_apart(world: World) -> None:
    world.put_file("C:\\straße", {"size": 1}, by="test")
    world.put_file("C:\\\u0130", {"size": 2}, by="test")
    assert world.file("C:\\strasse") is None
    assert world.file("C:\\i") is None
    assert world.file("C:\\STRAßE") == {"size": 1}


def test_every_change_is_logged_and_counted(world: World) -> None:
    world.set_value(SETUP, "Services", "String", "x", by="one")
    world.set_value(SETUP.lower(), "SERVICES", "String", "y", by="one")
    world.delete_value(SETUP, "Services", by="two")
    world.delete_value(SETUP, "Services", by="two")
    world.delete_key("HKLM\\SOFTWARE\\Microsoft\\Updates", by="two")
    world.write_text("C:\\Windows\\Temp\\a.txt", "a", by="three")
    world.delete_file("C:\\windows\\temp", by="three")
    world.set_service_status("msexchangeis", "Stopped", by="four")
    world.set_iis_state("sites", "Default Web Site", "Stopped", by="four")
    assert world.generation == len(world.mutations) == 8
    assert [change["by"] for change in world.mutations].count("two") == 2
    assert world.value(SETUP, "Services") is None
    assert world.subkeys("HKLM\\SOFTWARE\\Microsoft\\Updates") == []
    assert world.file("C:\\Windows\\Temp\\a.txt") is None
    assert world.service("MSExchangeIS") == {"status": "Stopped"}


def test_a_change_never_touches_what_another_host_shares(world: World) -> None:
    shared = world.data["files"]
    other = World({"files": shared, "registry": world.data["registry"]})
    other.put_file(EXSETUP, {"size": 9}, by="test")
    other.set_value(SETUP, "MsiInstallPath", "String", "E:\\", by="test")
    assert world.file(EXSETUP) == {"size": 7}
    assert world.value(SETUP, "MsiInstallPath") == "D:\\Exchange\\"


def test_snapshot_is_restored_with_everything(world: World) -> None:
    before = world.snapshot()
    world.write_text("C:\\new.txt", "x", by="test")
    generation = world.generation
    world.replace(before)
    assert world.file("C:\\new.txt") is None
    assert world.mutations == []
    assert world.generation > generation, "facts remembered before must not come back"


def test_document_survives_json_with_lone_surrogates(world: World) -> None:
    world.set_value(SETUP, "odd", "String", "\ud800\u202e", by="test")
    text = world.to_json()
    assert text.isascii()
    assert World.from_json(text).data == world.data


def test_clock_is_fixed_or_the_real_one_with_an_offset() -> None:
    real = datetime(2026, 1, 1, tzinfo=UTC)
    fixed = World({"now": "2021-03-05T10:00:00Z", "clock_offset_seconds": 60})
    assert fixed.clock(real) == datetime(2021, 3, 5, 10, 0, tzinfo=UTC)
    assert World({"clock_offset_seconds": -60}).clock(real).minute == 59


def test_reboot_is_another_session_without_processes(world: World) -> None:
    world.data["processes"] = ["msiexec"]
    first, boot = world.data["boot_id"], world.boot_time()
    machine.reboot(world, by="test")
    assert (first, world.data["boot_id"]) == ("1", "2")
    assert boot != world.boot_time()
    assert world.data["processes"] == []
    assert world.mutations[-1]["kind"] == "reboot"


def test_unknown_members_are_refused() -> None:
    with pytest.raises(ConfigError, match="no member 'registery'; known are name"):
        World({"registery": {}})


def test_unknown_service_is_refused(world: World) -> None:
    with pytest.raises(ConfigError, match="EX01: no service 'Nope'"):
        world.set_service_status("Nope", "Running", by="test")
