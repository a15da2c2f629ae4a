# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shim_host import CONFIG, world

if TYPE_CHECKING:
    from shim_host import ShimHost

pytestmark = pytest.mark.engine
NATIVE = "$ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath"


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-Item -LiteralPath 'd:\\EXCHANGE\\bin\\exsetup.exe').Name", ["ExSetup.exe"]),
        ("(Get-Item 'D:\\exchange\\Bin\\ex*.exe').FullName", ["D:\\Exchange\\Bin\\ExSetup.exe"]),
        ("(Get-ChildItem C:\\INETPUB\\Logs -Filter *.log).Name", ["U_ex.LOG"]),
        ("(Get-ChildItem -LiteralPath D:\\Exchange -Recurse).Name", ["Bin", "ExSetup.exe"]),
        ("(Get-Item D:\\Exchange\\Bin\\ExSetup.exe).Length", ["1000"]),
        (
            "(Get-Item D:\\Exchange\\Bin\\ExSetup.exe).LastWriteTimeUtc.ToString('o')",
            ["2021-03-01T00:00:00.0000000Z"],
        ),
        ("(Get-Item D:\\Exchange\\Bin\\ExSetup.exe).DirectoryName", ["D:\\Exchange\\Bin"]),
        ("Get-Content C:\\inetpub\\logs\\u_EX.log -Encoding UTF8", ["häll", "o"]),
        ("[IO.File]::ReadAllText('c:\\inetpub\\logs\\u_ex.log').Length", ["7"]),
        ("[IO.File]::Exists('C:\\INETPUB\\logs\\u_ex.log')", ["True"]),
        ("[IO.Directory]::GetFiles('C:\\inetpub\\logs', '*.log')", ["C:\\inetpub\\logs\\U_ex.LOG"]),
        ("(New-Object IO.StreamReader 'C:\\inetpub\\logs\\u_ex.log').ReadLine()", ["häll"]),
        (f"[IO.File]::Exists({NATIVE}('C:\\INETPUB\\LOGS\\U_EX.log'))", ["True"]),
        (f"Test-Path -LiteralPath ({NATIVE}('C:\\INETPUB\\LOGS\\U_EX.log'))", ["True"]),
        (f"(New-Object IO.DirectoryInfo ({NATIVE}('c:\\inetpub\\LOGS'))).Exists", ["True"]),
        ("Test-Path C:\\nothing; Test-Path D:\\Exchange -PathType Container", ["False", "True"]),
        ("Test-Path E:\\", ["False"]),
        ("Join-Path 'C:\\a\\' 'b'; Join-Path D:\\Exchange Bin", ["C:\\a\\b", "D:\\Exchange\\Bin"]),
        ("Split-Path 'C:\\a\\b\\c.txt'; Split-Path 'C:\\a\\b.txt' -Leaf", ["C:\\a\\b", "b.txt"]),
        ("[IO.Path]::Combine('C:\\a', 'b', 'c.txt')", ["C:\\a\\b\\c.txt"]),
        ("[IO.Path]::Combine('C:\\a', 'D:\\b')", ["D:\\b"]),
        ("[IO.Path]::GetDirectoryName('C:\\a\\b.txt')", ["C:\\a"]),
        ("[IO.Path]::GetDirectoryName('C:\\b.txt')", ["C:\\"]),
        ("$null -eq [IO.Path]::GetDirectoryName('C:\\')", ["True"]),
        ("[IO.Path]::GetFileNameWithoutExtension('C:\\a\\b.c.txt')", ["b.c"]),
        ("[IO.Path]::GetFullPath('C:\\a\\..\\b')", ["C:\\b"]),
        ("[IO.Path]::IsPathRooted('a\\b'); [IO.Path]::GetPathRoot('D:\\a')", ["False", "D:\\"]),
        (
            "(Get-Item C:\\Link).Attributes -band [IO.FileAttributes]::ReparsePoint",
            ["ReparsePoint"],
        ),
        ("[bool]((Get-Item C:\\inetpub).Attributes -band 1024)", ["False"]),
        ("Test-Path C:\\Windows\\Temp; Test-Path C:\\ProgramData", ["True", "True"]),
    ],
)
def test_files_are_read_as_on_windows(shims: ShimHost, script: str, expected: list[str]) -> None:
    assert shims.lines(script) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "Get-Item -LiteralPath C:\\nothing",
            (
                "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand | "
                "System.Management.Automation.ItemNotFoundException | "
                "Cannot find path 'C:\\nothing' because it does not exist."
            ),
        ),
        (
            "Get-ChildItem -LiteralPath E:\\logs",
            (
                "DriveNotFound,Microsoft.PowerShell.Commands.GetChildItemCommand | "
                "System.Management.Automation.DriveNotFoundException | "
                "Cannot find drive. A drive with the name 'E' does not exist."
            ),
        ),
    ],
)
def test_a_missing_path_fails_as_on_windows(shims: ShimHost, script: str, expected: str) -> None:
    assert shims.failure(script) == expected


def test_a_missing_file_of_dotnet_names_the_exception_that_scripts_catch(shims: ShimHost) -> None:
    assert "System.IO.FileNotFoundException" in shims.failure("[IO.File]::OpenRead('C:\\nothing')")
    assert "DirectoryNotFoundException" in shims.failure("[IO.File]::OpenRead('C:\\no\\thing')")


def test_new_changed_moved_and_removed_files_are_in_the_world(shims: ShimHost) -> None:
    host = world()
    ran = shims.run(
        "[IO.File]::WriteAllText('C:\\ProgramData\\a.txt', 'été')\n"
        "Set-Content -LiteralPath C:\\INETPUB\\LOGS\\u_ex.log -Value changed -NoNewline\n"
        "$null = New-Item C:\\ProgramData\\Folder -ItemType Directory\n"
        "Move-Item c:\\programdata\\A.txt C:\\ProgramData\\Folder\\b.txt\n"
        "Remove-Item D:\\exchange\\bin -Recurse",
        host,
    )
    assert ran.errors == ""
    assert host.text("C:\\ProgramData\\Folder\\b.txt") == "été"
    assert host.text("C:\\inetpub\\logs\\U_ex.LOG") == "changed"
    assert host.file("C:\\ProgramData\\a.txt") is None
    assert host.file("D:\\Exchange\\Bin") is None
    assert host.is_directory("D:\\Exchange")
    assert {m["by"] for m in host.mutations} == {"powershell"}


def test_what_the_world_changes_between_commands_is_on_disk(shims: ShimHost) -> None:
    host = world()
    assert shims.lines("Test-Path C:\\later.txt", host) == ["False"]
    host.write_text("C:\\later.txt", "now", by="test")
    host.delete_file("C:\\inetpub\\logs\\U_ex.LOG", by="test")
    script = "Get-Content C:\\later.txt; Test-Path C:\\inetpub\\logs\\U_ex.LOG"
    assert shims.lines(script, host) == ["now", "False"]


def test_two_hosts_do_not_share_files(shims: ShimHost) -> None:
    shims.run("Set-Content C:\\mine.txt 1", world())
    assert shims.lines("Test-Path C:\\mine.txt", world()) == ["False"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-Item D:\\exchange\\bin\\exsetup.exe).VersionInfo.FileVersion", ["15.01.2176.009"]),
        ("(Get-Item D:\\Exchange\\Bin\\ExSetup.exe).VersionInfo.ProductBuildPart", ["2176"]),
        (
            (
                "[Diagnostics.FileVersionInfo]::GetVersionInfo('D:\\Exchange\\Bin\\ExSetup.exe')"
                ".FileVersionRaw.ToString()"
            ),
            ["15.1.2176.9"],
        ),
        ("$null -eq (Get-Item C:\\inetpub\\logs\\u_ex.log).VersionInfo.FileVersion", ["True"]),
        ("(Get-PSDrive -Name C -PSProvider FileSystem).Free", ["400"]),
        ("(Get-PSDrive C).Used; (Get-PSDrive D).Root", ["600", "D:\\"]),
        ("(Get-PSDrive -PSProvider FileSystem).Name", ["C", "D"]),
        ("(New-Object IO.DriveInfo 'D:\\').TotalSize", ["2000"]),
        ("([IO.DriveInfo]::GetDrives() | Where-Object { $_.IsReady }).Name", ["C:\\", "D:\\"]),
    ],
)
def test_versions_and_drives_are_those_of_the_world(
    shims: ShimHost, script: str, expected: list[str]
) -> None:
    assert shims.lines(script) == expected


def test_a_drive_that_is_not_there_fails(shims: ShimHost) -> None:
    assert shims.failure("Get-PSDrive -Name E").startswith("GetLocationNoMatchingDrive,")
    assert shims.lines("(New-Object IO.DriveInfo 'E').IsReady") == ["False"]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("(Get-Acl C:\\Windows\\System32\\drivers).Owner", ["NT AUTHORITY\\SYSTEM"]),
        (
            (
                "(Get-Acl -LiteralPath C:\\windows\\system32\\DRIVERS).GetOwner("
                "[Security.Principal.SecurityIdentifier]).Value"
            ),
            ["S-1-5-18"],
        ),
        ("(Get-Item C:\\Windows\\System32\\drivers).GetAccessControl().Owner.Length", ["19"]),
        ("(Get-Acl C:\\inetpub\\logs\\u_ex.log).Sddl.Substring(0, 10)", ["O:SYG:SYD:"]),
        (
            "(Get-Acl C:\\inetpub).Access[0].IdentityReference.Value",
            ["NT AUTHORITY\\SYSTEM"],
        ),
    ],
)
def test_owners_are_those_of_the_world(shims: ShimHost, script: str, expected: list[str]) -> None:
    assert shims.lines(script) == expected


def test_the_owner_of_a_missing_file_is_an_error(shims: ShimHost) -> None:
    assert shims.failure("Get-Acl -LiteralPath C:\\nothing").startswith(
        "GetAcl_PathNotFound_Exception,Microsoft.PowerShell.Commands.GetAclCommand | "
        "System.Management.Automation.ItemNotFoundException | "
    )


def test_owner_and_access_list_stay_with_a_renamed_folder_and_the_next_command(
    shims: ShimHost,
) -> None:
    host = world()
    ran = shims.run(
        "$null = New-Item C:\\ProgramData\\Staging -ItemType Directory\n"
        "$acl = Get-Acl -LiteralPath C:\\ProgramData\\Staging\n"
        "$acl.SetSecurityDescriptorSddlForm('O:SYG:BAD:P(A;OICI;FA;;;SY)')\n"
        "Set-Acl -LiteralPath C:\\ProgramData\\Staging -AclObject $acl\n"
        "Rename-Item -LiteralPath C:\\ProgramData\\Staging -NewName Final",
        host,
    )
    assert ran.errors == ""
    assert host.file("C:\\ProgramData\\Staging") is None
    entry = host.file("C:\\ProgramData\\Final")
    assert entry is not None
    assert entry["owner"] == "S-1-5-18"
    sddl = shims.lines("(Get-Acl C:\\ProgramData\\Final).Sddl", host)
    assert sddl == ["O:SYG:SYD:P(A;OICI;FA;;;SY)"]


def test_a_folder_made_with_an_access_list_has_it_from_the_start(shims: ShimHost) -> None:
    assert shims.lines(
        "$acl = New-Object Security.AccessControl.DirectorySecurity\n"
        "$acl.SetAccessRuleProtection($true, $false)\n"
        "$sid = New-Object Security.Principal.SecurityIdentifier 'S-1-5-32-544'\n"
        "$acl.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule("
        "$sid, 'FullControl', 'ContainerInherit, ObjectInherit', 'None', 'Allow')))\n"
        "$acl.SetOwner($sid)\n"
        "$null = [IO.Directory]::CreateDirectory('C:\\ProgramData\\Mine', $acl)\n"
        "$made = Get-Acl C:\\ProgramData\\mine; $made.Owner; $made.AreAccessRulesProtected\n"
        "@($made.Access).Count; $made.Access[0].FileSystemRights"
    ) == ["BUILTIN\\Administrators", "True", "1", "FullControl"]


def test_the_applicationhost_config_is_an_xml_file(shims: ShimHost) -> None:
    script = f"([xml](Get-Content '{CONFIG}')).configuration.'system.applicationHost'.sites.site.id"
    assert shims.lines(script) == ["1"]
