# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shim_host import SERVICES, world

if TYPE_CHECKING:
    from shim_host import ShimHost

pytestmark = pytest.mark.engine
PLAIN_USER: dict[str, Any] = {
    "session": {"user_sid": "S-1-5-21-1-2-3-1104", "administrator": False, "elevated": False}
}
FILTERED: dict[str, Any] = {
    "session": {"user_sid": "S-1-5-21-1-2-3-500", "administrator": True, "elevated": False}
}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-Service).Name", ["MSExchangeUM", "W3SVC", "WAS"]),
        ("(Get-Service -Name w3*).DisplayName", ["World Wide Web Publishing Service"]),
        ("(Get-Service w3svc).Status", ["Running"]),
        ("(Get-Service W3SVC).Status -eq 'Running'", ["True"]),
        ("[int](Get-Service MSExchangeUM).Status", ["1"]),
        ("(Get-Service W3SVC).GetType().FullName", ["System.ServiceProcess.ServiceController"]),
        ("(Get-Service W3SVC, MSExchangeUM).StartType", ["Automatic", "Disabled"]),
        ("(Get-Service -DisplayName *messaging).ServiceName", ["MSExchangeUM"]),
        ("(Get-Service W3SVC -RequiredServices).Name", ["WAS"]),
        ("(Get-Service WAS -DependentServices).Name", ["W3SVC"]),
        ("'was' | Get-Service | ForEach-Object { $_.Name }", ["WAS"]),
        ("@(Get-Service nothing* -ErrorAction Stop).Count", ["0"]),
        ("(Get-Service -Exclude W*).Name", ["MSExchangeUM"]),
        ("(New-Object ServiceProcess.ServiceController 'W3SVC').Status", ["Running"]),
    ],
)
def test_services_are_read_as_on_windows(shims: ShimHost, script: str, expected: list[str]) -> None:
    assert shims.lines(script) == expected


@pytest.mark.parametrize(
    ("script", "start"),
    [
        (
            "Get-Service -Name Nothing",
            (
                "NoServiceFoundForGivenName,Microsoft.PowerShell.Commands.GetServiceCommand | "
                "Microsoft.PowerShell.Commands.ServiceCommandException | "
                "Cannot find any service with service name 'Nothing'."
            ),
        ),
        (
            "Get-Service -DisplayName Nothing",
            "NoServiceFoundForGivenDisplayName,Microsoft.PowerShell.Commands.GetServiceCommand | ",
        ),
        (
            "Start-Service MSExchangeUM",
            "CouldNotStartService,Microsoft.PowerShell.Commands.StartServiceCommand | ",
        ),
        (
            "Stop-Service WAS",
            "CouldNotStopService,Microsoft.PowerShell.Commands.StopServiceCommand | ",
        ),
        (
            "Get-Process -Name nothing",
            (
                "NoProcessFoundForGivenName,Microsoft.PowerShell.Commands.GetProcessCommand | "
                "Microsoft.PowerShell.Commands.ProcessCommandException | "
            ),
        ),
        (
            "Get-Process -Id 99999",
            "NoProcessFoundForGivenId,Microsoft.PowerShell.Commands.GetProcessCommand | ",
        ),
        (
            "Get-WinEvent -ListLog Nothing",
            (
                "NoMatchingLogsFound,Microsoft.PowerShell.Commands.GetWinEventCommand | "
                "System.Exception | There is not an event log on the localhost computer that matches "
                '"Nothing".'
            ),
        ),
        (
            "Get-WinEvent -LogName Nothing -MaxEvents 1",
            "NoMatchingLogsFound,Microsoft.PowerShell.Commands.GetWinEventCommand | ",
        ),
        (
            "Get-WinEvent -LogName Security",
            (
                "NoMatchingEventsFound,Microsoft.PowerShell.Commands.GetWinEventCommand | "
                "System.Exception | No events were found that match the specified selection criteria."
            ),
        ),
        (
            "New-Object Security.Principal.SecurityIdentifier 'nonsense'",
            (
                "ConstructorInvokedThrowException,Microsoft.PowerShell.Commands.NewObjectCommand | "
                "System.ArgumentException | "
            ),
        ),
        (
            (
                "(New-Object Security.Principal.SecurityIdentifier 'S-1-5-21-9-9-9-9').Translate("
                "[Security.Principal.NTAccount])"
            ),
            "IdentityNotMappedException | System.Security.Principal.IdentityNotMappedException | ",
        ),
    ],
)
def test_commands_fail_as_documented(shims: ShimHost, script: str, start: str) -> None:
    assert shims.failure(script).startswith(start)


def test_starting_and_stopping_services_changes_the_world(shims: ShimHost) -> None:
    host = world()
    ran = shims.run(
        "Stop-Service WAS -Force; Set-Service MSExchangeUM -StartupType Manual\n"
        "Start-Service MSExchangeUM; Get-Service | ForEach-Object { [string] $_.Status }",
        host,
    )
    assert ran.errors == ""
    assert ran.lines == ["Running", "Stopped", "Stopped"]
    assert host.data["services"]["MSExchangeUM"]["status"] == "Running"
    assert host.data["services"]["W3SVC"]["status"] == "Stopped"
    assert host.value(f"{SERVICES}\\MSExchangeUM", "Start") == 3


def test_old_dotnet_has_no_start_type(shims: ShimHost) -> None:
    old = world(powershell={"version": "4.0", "clr": "4.0.30319.34014"})
    script = "$null -eq (Get-Service W3SVC).PSObject.Properties['StartType']"
    assert shims.lines(script, old) == ["True"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-Process -Id 4).Name", ["System"]),
        ("(Get-Process -Id 4).StartTime.ToUniversalTime().ToString('s')", ["2021-03-03T00:42:00"]),
        ("(Get-Process -Id 0).ProcessName", ["Idle"]),
        ("@(Get-Process -Name MSIEXEC).Count", ["1"]),
        ("@(Get-Process -Name nothing* -ErrorAction Stop).Count", ["0"]),
        ("(Get-Process -Id $PID).ProcessName", ["powershell"]),
        ("[Diagnostics.Process]::GetCurrentProcess().Id -eq $PID", ["True"]),
        ("(Get-Process svchost)[0].GetType().FullName", ["System.Diagnostics.Process"]),
    ],
)
def test_processes_are_those_of_the_host(shims: ShimHost, script: str, expected: list[str]) -> None:
    assert shims.lines(script) == expected


def test_each_command_is_another_process(shims: ShimHost) -> None:
    host = world()
    assert shims.lines("$PID", host) != shims.lines("$PID", host)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-WinEvent -ListLog Application).RecordCount", ["3"]),
        ("(Get-WinEvent -ListLog *).LogName", ["Application", "Security"]),
        ("(Get-WinEvent -ListLog application).IsEnabled", ["True"]),
        ("(Get-WinEvent -ListLog Application).MaximumSizeInBytes", ["20971520"]),
        (
            (
                "(Get-WinEvent -LogName Application -MaxEvents 1 -Oldest).TimeCreated"
                ".ToUniversalTime().ToString('o')"
            ),
            ["2021-01-01T00:00:00.0000000Z"],
        ),
        (
            (
                "(Get-WinEvent -LogName Application -MaxEvents 1).TimeCreated"
                ".ToUniversalTime().ToString('o')"
            ),
            ["2021-03-05T09:59:00.0000000Z"],
        ),
        ("@(Get-WinEvent -LogName Application).Count", ["3"]),
        (
            (
                "@(Get-WinEvent -FilterHashtable @{LogName = 'Application'; "
                "StartTime = [DateTime] '2021-03-01'}).Count"
            ),
            ["1"],
        ),
    ],
)
def test_event_logs_reach_as_far_as_the_world_says(
    shims: ShimHost, script: str, expected: list[str]
) -> None:
    assert shims.lines(script) == expected


def test_the_security_log_is_closed_to_who_is_not_elevated(shims: ShimHost) -> None:
    failure = shims.failure("Get-WinEvent -ListLog Security", world(**PLAIN_USER))
    assert failure.startswith("LogInfoUnavailable,")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ["S-1-5-21-1-2-3-500", "True", "True", "0"]),
        (FILTERED, ["S-1-5-21-1-2-3-500", "False", "False", "1"]),
        (PLAIN_USER, ["S-1-5-21-1-2-3-1104", "False", "False", "0"]),
    ],
)
def test_the_identity_is_that_of_the_session(
    shims: ShimHost, changes: dict[str, Any], expected: list[str]
) -> None:
    script = (
        "$i = [Security.Principal.WindowsIdentity]::GetCurrent(); $i.User.Value\n"
        "([Security.Principal.WindowsPrincipal] $i).IsInRole("
        "[Security.Principal.WindowsBuiltInRole]::Administrator)\n"
        "@($i.Groups | ForEach-Object { $_.Value }) -contains 'S-1-5-32-544'\n"
        "@($i.Claims | Where-Object { $_.Type -like '*/denyonlysid' }).Count"
    )
    assert shims.lines(script, world(**changes)) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("whoami", ["rehearsal\\administrator"]),
        ("whoami.exe /user /fo csv /nh", ['"rehearsal\\administrator","S-1-5-21-1-2-3-500"']),
        ("hostname; $LASTEXITCODE", ["EX01", "0"]),
        (
            '& "$env:windir\\System32\\inetsrv\\appcmd.exe" list site',
            ['SITE "Default Web Site" (id:1,bindings:http/*:80:,https/*:443:,state:Started)'],
        ),
        (
            "& C:\\Windows\\System32\\inetsrv\\appcmd.exe list apppool",
            [
                'APPPOOL "DefaultAppPool" (MgdVersion:v4.0,MgdMode:Integrated,state:Started)',
                'APPPOOL "A & B" (MgdVersion:v2.0,MgdMode:Classic,state:Stopped)',
            ],
        ),
        (
            (
                "([xml](& C:\\Windows\\System32\\inetsrv\\appcmd.exe list apppool /xml))"
                ".appcmd.APPPOOL | ForEach-Object { $_.'APPPOOL.NAME' + '=' + $_.state }"
            ),
            ["DefaultAppPool=Started", "A & B=Stopped"],
        ),
        ("& C:\\Windows\\System32\\inetsrv\\appcmd.exe list site nothing; $LASTEXITCODE", ["1"]),
    ],
)
def test_programs_of_windows_answer(shims: ShimHost, script: str, expected: list[str]) -> None:
    assert shims.lines(script) == expected


def test_without_iis_there_is_no_appcmd(shims: ShimHost) -> None:
    bare = world(files={})
    failure = shims.failure("& C:\\Windows\\System32\\inetsrv\\appcmd.exe list site", bare)
    assert failure.startswith("CommandNotFoundException | ")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("$env:WINDIR; $env:systemdrive", ["C:\\Windows", "C:"]),
        ("(Get-Item Env:computername).Value", ["EX01"]),
        ("Test-Path Env:NOTHING; $null -eq $env:NOTHING", ["False", "True"]),
        ("$env:NEW = 'x'; $env:new; [Environment]::GetEnvironmentVariable('New')", ["x", "x"]),
        ("[Environment]::MachineName; [Environment]::Is64BitProcess", ["EX01", "True"]),
        ("[Environment]::ExpandEnvironmentVariables('%PROGRAMDATA%\\x')", ["C:\\ProgramData\\x"]),
        ("[Environment]::GetFolderPath('CommonApplicationData')", ["C:\\ProgramData"]),
        ("(Get-Date).ToUniversalTime().ToString('o')", ["2021-03-05T10:00:00.0000000Z"]),
        ("Get-Date -Format yyyy; (Get-Date '2020-02-01').Month", ["2021", "2"]),
        ("Get-Date -UFormat %Y; Get-Date -Hour 3 -Format HH", ["2021", "03"]),
        ("$PSVersionTable.PSVersion.ToString()", ["5.1.14393.693"]),
        ("$PSVersionTable.CLRVersion.GetType().Name; $PSEdition", ["Version", "Desktop"]),
        ("Test-Path Variable:IsLinux", ["False"]),
        ("(Get-Culture).Name; [cultureinfo]::CurrentCulture.Name", ["en-US", "en-US"]),
    ],
)
def test_the_process_looks_like_one_on_the_host(
    shims: ShimHost, script: str, expected: list[str]
) -> None:
    assert shims.lines(script) == expected


def test_variables_of_one_command_are_gone_in_the_next(shims: ShimHost) -> None:
    shims.run("$env:LEFT = '1'; $global:Left = 1")
    assert shims.lines("$null -eq $env:LEFT; $null -eq $global:Left") == ["True", "True"]


def test_a_skewed_clock_is_seen_by_get_date(shims: ShimHost) -> None:
    skewed = world(now=None, clock_offset_seconds=7200)
    script = "[int] ((Get-Date).ToUniversalTime() - [DateTime]::UtcNow).TotalSeconds"
    assert shims.lines(script, skewed) == ["7200"]


def test_the_locale_of_the_host_formats_its_numbers(shims: ShimHost) -> None:
    german = {
        "HKLM\\SYSTEM\\CurrentControlSet\\Control\\Nls\\Language": {
            "Default": {"type": "String", "value": "0407"}
        },
    }
    script = "(Get-Culture).Name; (1.5).ToString(); (Get-Acl C:\\Windows\\System32\\drivers).Owner"
    assert shims.lines(script, world(registry=german)) == [
        "de-DE",
        "1,5",
        "NT-AUTORITÄT\\SYSTEM",
    ]


def test_a_32_bit_process_says_so(shims: ShimHost) -> None:
    small = world(session={"user_sid": "S-1-5-18", "process_64bit": False})
    script = "$env:PROCESSOR_ARCHITECTURE; $env:ProgramFiles; [Environment]::Is64BitProcess"
    assert shims.lines(script, small) == ["x86", "C:\\Program Files (x86)", "False"]


def test_lone_surrogates_in_the_registry_reach_the_script(shims: ShimHost) -> None:
    registry = {"HKLM\\SOFTWARE\\X": {"V": {"type": "String", "value": 'a"\ud800\n\\'}}}
    script = "(Get-ItemProperty HKLM:\\SOFTWARE\\X).V.ToCharArray() | ForEach-Object { [int] $_ }"
    ran = shims.lines(script, world(registry=registry))
    assert ran == ["97", "34", str(0xD800), "10", "92"]


def test_short_names_are_those_of_windows(shims: ShimHost) -> None:
    script = "(ls C:\\inetpub).Name; (gsv W3SVC | sort Name).Name; 3, 1 | sort | select -First 1"
    assert shims.lines(script) == ["logs", "W3SVC", "1"]
