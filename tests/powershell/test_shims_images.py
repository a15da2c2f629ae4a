# SPDX-License-Identifier: GPL-3.0-or-later
"""The Storage module's image commands as documented, and the pieces of the runner that use them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from job_requests import SETUP_IMAGE
from shim_host import ShimHost, world

if TYPE_CHECKING:
    from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world.world import (
        World,
    )

pytestmark = pytest.mark.engine

PARTS = Path(loader.__file__).parent / "jobs"
VERSION = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
WINMGMT = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\WinMgmt"


def host(*problems: dict[str, Any], **changes: Any) -> World:
    made = world(processes=[], images=list(problems), **changes)
    made.put_file(SETUP_IMAGE, {"text": "x" * 2048, "mtime": "2021-03-05T09:00:00Z"}, by="test")
    return made


def test_image_is_mounted_found_and_dismounted(shims: ShimHost) -> None:
    lines = shims.lines(
        f"$path = '{SETUP_IMAGE}'\n"
        "$before = Get-DiskImage -ImagePath $path\n"
        '"$($before.Attached) $($before.DevicePath) $($before.Size) $($before.StorageType)"\n'
        "$image = Mount-DiskImage -ImagePath $path -StorageType ISO -Access ReadOnly -PassThru\n"
        '"$($image.Attached) $($image.DevicePath)"\n'
        "$volume = Get-DiskImage $path | Get-Volume\n"
        "\"$($volume.DriveLetter) $($volume.DriveType) $([IO.File]::Exists('E:\\setup.exe'))\"\n"
        "@(Get-DiskImage -DevicePath $image.DevicePath).Count\n"
        "Dismount-DiskImage -ImagePath $path\n"
        "\"$((Get-DiskImage $path).Attached) $([IO.File]::Exists('E:\\setup.exe'))\"\n",
        host(),
    )
    assert lines == [
        "False  2048 1",
        "True \\\\.\\CDROM1",
        "E CD-ROM True",
        "1",
        "False False",
    ]


@pytest.mark.parametrize(
    ("problem", "script", "expected"),
    [
        (None, "Get-DiskImage -ImagePath C:\\none.iso", "HRESULT 0x80070002,"),
        (None, "Mount-DiskImage -ImagePath C:\\none.iso", "HRESULT 0x80070002,"),
        (None, "1..2 | ForEach-Object { Mount-DiskImage -ImagePath $p }", "HRESULT 0x80070020,"),
        (None, "Dismount-DiskImage -ImagePath $p", "HRESULT 0x80070490,"),
        ("corrupt", "Mount-DiskImage -ImagePath $p", "HRESULT 0x80070570,"),
        (None, "Mount-DiskImage -ImagePath $p -StorageType CD", "ParameterArgumentValidationError"),
    ],
)
def test_command_fails_as_windows_does(
    problem: str | None, script: str, expected: str, shims: ShimHost
) -> None:
    problems = [{"match": ".iso", "problem": problem}] if problem else []
    found = shims.failure(f"$p = '{SETUP_IMAGE}'; {script}", host(*problems))
    assert found.startswith(expected)


def test_check_of_the_commands_attaches_nothing(shims: ShimHost) -> None:
    made = host()
    shims.lines(f"Mount-DiskImage -ImagePath '{SETUP_IMAGE}' -WhatIf", made)
    assert made.data["attached_images"] == {}


def test_image_without_a_letter_has_a_volume_without_one(shims: ShimHost) -> None:
    script = f"Mount-DiskImage '{SETUP_IMAGE}' -NoDriveLetter -PassThru | Get-Volume | ForEach-Object {{ [int] $_.DriveLetter }}"
    assert shims.lines(script, host()) == ["0"]


def test_only_administrators_may_mount_and_only_while_wmi_can_answer(shims: ShimHost) -> None:
    made = host(session={"elevated": False})
    script = f"Mount-DiskImage -ImagePath '{SETUP_IMAGE}'"
    assert shims.failure(script, made).startswith("HRESULT 0x80070005,")
    made = host()
    made.set_value(WINMGMT, "Start", "DWord", 4, by="test")
    made.data["services"]["WinMgmt"] = {"status": "Stopped", "display_name": "WMI"}
    for words in (script, f"Get-DiskImage '{SETUP_IMAGE}'", "Get-Volume"):
        assert shims.failure(words, made).startswith("HRESULT 0x80070422,")


@pytest.mark.parametrize(("build", "known"), [("7601", "0"), ("9200", "4"), ("17763", "4")])
def test_commands_came_with_server_2012(build: str, known: str, shims: ShimHost) -> None:
    made = host()
    made.set_value(VERSION, "CurrentBuildNumber", "String", build, by="test")
    names = "'Mount-DiskImage', 'Get-DiskImage', 'Dismount-DiskImage', 'Get-Volume'"
    script = f"@(Get-Command -Name {names} -ErrorAction SilentlyContinue).Count"
    assert shims.lines(script, made) == [known]


def test_job_waits_for_the_process_that_setup_hands_over_to(shims: ShimHost) -> None:
    """The image must not go while ExSetup.exe reads from it."""
    text = (PARTS / "image.ps1").read_text()
    ran = shims.run(
        text
        + """
$script:asked = 0
$script:noted = 0
function Get-Process { param ($Name, $ErrorAction) if (++$script:asked -lt 4) { 'ExSetup' } }
function Start-Sleep { param ($Seconds) $script:slept = $Seconds }
function Update-JobState { $script:noted++; 'mark' }
$state = @{image = 'E:'; finished = 'early'}
Wait-ImageProgram 'C:\\\\x' $null $state $null
"$script:asked $script:noted $script:slept $($null -eq $state['finished'])"
$state = @{image = $null; finished = 'then'}
Wait-ImageProgram 'C:\\\\x' $null $state $null
"$script:asked $($state['finished'])"
""",
        host(),
    )
    assert ran.errors == ""
    assert ran.lines == ["4 3 15 True", "4 then"]
