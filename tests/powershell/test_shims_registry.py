# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shim_host import SETUP, world

if TYPE_CHECKING:
    from shim_host import ShimHost

pytestmark = pytest.mark.engine
KEY = f"'{SETUP.replace('HKLM', 'HKLM:')}'"
LONG = f"'Registry::{SETUP.replace('HKLM', 'HKEY_LOCAL_MACHINE')}'"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (f"(Get-ItemProperty -LiteralPath {KEY}).MsiInstallPath", ["D:\\Exchange\\"]),
        (f"(Get-ItemProperty -LiteralPath {KEY}).msibuildmajor.GetType().Name", ["Int32"]),
        # The provider shows a DWORD above int.Max as unsigned, the key object as negative.
        (f"(Get-ItemProperty {KEY}).AllBits", ["4294967295"]),
        (f"(Get-Item {KEY}).GetValue('AllBits')", ["-1"]),
        (f"(Get-ItemProperty {KEY}).Folder", ["C:\\Windows\\Temp\\%Unknown%"]),
        (
            f"(Get-Item {KEY}).GetValue('Folder', $null, 'DoNotExpandEnvironmentNames')",
            ["%SystemRoot%\\Temp\\%Unknown%"],
        ),
        (f"(Get-ItemProperty {KEY}).Lines -join '+'", ["one+two"]),
        (f"(Get-ItemProperty {KEY}).Bytes.GetType().Name", ["Byte[]"]),
        (f"(Get-ItemProperty {KEY}).'(default)'", ["the default"]),
        (f"(Get-Item {KEY}).GetValue('')", ["the default"]),
        (
            f"(Get-ItemProperty -Path {KEY} -Name Msi*).PSObject.Properties.Name -notlike 'PS*'",
            ["MsiInstallPath", "MsiBuildMajor"],
        ),
        (f"Get-ItemPropertyValue {KEY} -Name MsiBuildMajor", ["2176"]),
        (f"(Get-Item {LONG}).Name", [SETUP.replace("HKLM", "HKEY_LOCAL_MACHINE")]),
        (f"(Get-Item {LONG}).Property -contains 'MsiBuildMajor'", ["True"]),
        (f"(Get-Item {KEY}).GetValueKind('Lines')", ["MultiString"]),
        (f"(Get-Item {KEY}).GetSubKeyNames()", ["Languages"]),
        (f"(Get-ChildItem {KEY}).PSChildName", ["Languages"]),
        (f"Test-Path {KEY}.ToUpper()", ["True"]),
        ("Test-Path HKLM:\\SOFTWARE\\Nothing", ["False"]),
        ("(Get-Item HKLM:\\software\\micro*).PSChildName", ["Microsoft"]),
        (
            "Get-ChildItem HKLM:\\SYSTEM\\CurrentControlSet\\Services | Select-Object -Expand PSChildName",
            ["MSExchangeUM", "W3SVC", "WAS"],
        ),
        (
            f"(Get-ItemProperty {KEY}).PSParentPath",
            [
                "Microsoft.PowerShell.Core\\Registry::HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\ExchangeServer\\v15"
            ],
        ),
        ("(Get-PSDrive -PSProvider Registry).Name -join ','", ["HKCU,HKLM"]),
        (
            "[Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\\Microsoft').SubKeyCount",
            ["1"],
        ),
        (
            "$null -eq [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE\\Nothing')",
            ["True"],
        ),
        ("Set-Location HKLM:\\SOFTWARE; (Get-ChildItem).PSChildName", ["Microsoft"]),
    ],
)
def test_the_registry_is_read_as_on_windows(
    shims: ShimHost, script: str, expected: list[str]
) -> None:
    assert shims.lines(script) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "Get-ItemProperty -LiteralPath HKLM:\\SOFTWARE\\Nothing",
            (
                "PathNotFound,Microsoft.PowerShell.Commands.GetItemPropertyCommand | "
                "System.Management.Automation.ItemNotFoundException | "
                "Cannot find path 'HKLM:\\SOFTWARE\\Nothing' because it does not exist."
            ),
        ),
        (
            "Get-ChildItem -LiteralPath HKLM:\\SOFTWARE\\Nothing",
            (
                "PathNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand | "
                "System.Management.Automation.ItemNotFoundException | "
                "Cannot find path 'HKEY_LOCAL_MACHINE\\SOFTWARE\\Nothing' because it does not exist."
            ),
        ),
        (
            f"Get-ItemProperty -LiteralPath {KEY} -Name Nothing",
            (
                "System.Management.Automation.PSArgumentException,"
                "Microsoft.PowerShell.Commands.GetItemPropertyCommand | "
                "System.Management.Automation.PSArgumentException | Property Nothing does not exist "
                f"at path {SETUP.replace('HKLM', 'HKEY_LOCAL_MACHINE')}."
            ),
        ),
        (
            f"Remove-ItemProperty -LiteralPath {KEY} -Name Nothing",
            (
                "System.Management.Automation.PSArgumentException,"
                "Microsoft.PowerShell.Commands.RemoveItemPropertyCommand | "
                "System.Management.Automation.PSArgumentException | Property Nothing does not exist "
                f"at path {SETUP.replace('HKLM', 'HKEY_LOCAL_MACHINE')}."
            ),
        ),
        (
            f"New-Item -Path {KEY}",
            (
                "System.IO.IOException,Microsoft.PowerShell.Commands.NewItemCommand | "
                "System.IO.IOException | A key in this path already exists."
            ),
        ),
        (
            "New-Item -Path HKLM:\\SOFTWARE\\Nothing\\Below",
            (
                "System.ArgumentException,Microsoft.PowerShell.Commands.NewItemCommand | "
                "System.ArgumentException | The registry key at the specified path does not exist."
            ),
        ),
        (
            f"New-ItemProperty -LiteralPath {KEY} -Name Lines -Value x",
            (
                "System.IO.IOException,Microsoft.PowerShell.Commands.NewItemPropertyCommand | "
                "System.IO.IOException | The property already exists."
            ),
        ),
        (
            "[Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SOFTWARE').SetValue('x', 1)",
            (
                "UnauthorizedAccessException | System.UnauthorizedAccessException | "
                "Cannot write to the registry key."
            ),
        ),
    ],
)
def test_the_registry_fails_as_documented(shims: ShimHost, script: str, expected: str) -> None:
    assert shims.failure(script) == expected


def test_a_missing_value_without_stop_leaves_the_script_running(shims: ShimHost) -> None:
    ran = shims.run(f"Get-ItemProperty {KEY} -Name Nothing; 'after'")
    assert ran.lines == ["after"]
    assert "Property Nothing does not exist" in ran.errors


def test_what_a_script_writes_into_the_registry_is_in_the_world(shims: ShimHost) -> None:
    ran = shims.run(
        "$null = New-Item -Path HKLM:\\SOFTWARE\\New\\Sub -Force -Value 'd'\n"
        "$k = 'HKLM:\\SOFTWARE\\New\\Sub'\n"
        "$null = New-ItemProperty $k -Name Number -PropertyType DWord -Value 5\n"
        "Set-ItemProperty $k -Name Number -Value 6\n"
        "Set-ItemProperty $k -Name Text -Value abc\n"
        "Set-ItemProperty $k -Name Many -Value @('a', 'b') -Type MultiString\n"
        "Set-ItemProperty $k -Name Path -Value '%TEMP%' -Type ExpandString\n"
        f"Remove-ItemProperty {KEY} -Name Lines\n"
        f"Remove-Item ({KEY} + '\\Languages')"
    )
    assert ran.errors == ""
    assert ran.world.key("HKLM\\SOFTWARE\\New\\Sub") == {
        "(default)": {"type": "String", "value": "d"},
        "Number": {"type": "DWord", "value": 6},
        "Text": {"type": "String", "value": "abc"},
        "Many": {"type": "MultiString", "value": ["a", "b"]},
        "Path": {"type": "ExpandString", "value": "%TEMP%"},
    }
    assert ran.world.value(SETUP, "Lines") is None
    assert ran.world.key(f"{SETUP}\\Languages") is None
    assert {m["kind"] for m in ran.world.mutations} == {"registry-key", "registry-value"}


def test_reading_changes_nothing(shims: ShimHost) -> None:
    ran = shims.run(f"Get-ItemProperty {KEY}; Get-ChildItem HKLM:\\SOFTWARE -Recurse; Get-Service")
    assert ran.world.mutations == []


def test_what_if_changes_nothing(shims: ShimHost) -> None:
    ran = shims.run(f"Remove-Item {KEY} -Recurse -WhatIf; Set-ItemProperty {KEY} X 1 -WhatIf")
    assert ran.world.mutations == []
    assert len(ran.lines) == 2
    assert all(line.startswith("What if: ") for line in ran.lines)


def test_a_key_with_keys_below_is_not_removed_without_recurse(shims: ShimHost) -> None:
    assert "NonInteractive mode" in shims.failure(f"Remove-Item -LiteralPath {KEY}")


def test_the_next_command_sees_what_the_last_one_wrote(shims: ShimHost) -> None:
    host = world()
    shims.run("Set-ItemProperty HKLM:\\SOFTWARE\\Microsoft -Name Mark -Value 1", host)
    assert shims.lines("(Get-ItemProperty HKLM:\\SOFTWARE\\Microsoft).Mark", host) == ["1"]


def test_the_32_bit_view_is_below_wow6432node(shims: ShimHost) -> None:
    registry = {
        "HKLM\\SOFTWARE\\WOW6432Node\\Vendor": {"Bits": {"type": "DWord", "value": 32}},
        "HKLM\\SOFTWARE\\Vendor": {"Bits": {"type": "DWord", "value": 64}},
    }
    script = (
        "foreach ($view in 'Registry32', 'Registry64') { [Microsoft.Win32.RegistryKey]::OpenBaseKey("
        "'LocalMachine', $view).OpenSubKey('SOFTWARE\\Vendor').GetValue('Bits') }"
    )
    assert shims.lines(script, world(registry=registry)) == ["32", "64"]
