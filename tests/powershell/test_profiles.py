# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command, type and member that host scripts use exists on Windows PowerShell 3.0 to 5.1 and its .NET.

The lists of what they really have lie beside the engine. Missing in CI they are a failure (``.ci/run``).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader

pytestmark = pytest.mark.engine

SCRIPTS = Path(loader.__file__).parent
EXCEPTIONS = Path(__file__).with_name("profile_exceptions.txt")
VARIABLE = "EXCHANGE_REMEDIATION_PROFILES"


@pytest.fixture(scope="module")
def checker(pwsh: str) -> list[str]:
    """The command that checks; named and not there is an error, not named and not there a skip."""
    named = os.environ.get(VARIABLE)
    folder = (
        Path(named) if named else Path(pwsh).resolve().parents[1] / "windows-powershell-profiles"
    )
    script = folder / "check.ps1"
    if not script.exists():
        assert not named, f"{VARIABLE} names {folder}, which has no check.ps1"
        pytest.skip(f"the profiles of Windows PowerShell are not here; set {VARIABLE}")
    return [pwsh, "-NoProfile", "-File", str(script)]


def checked(checker: list[str], exceptions: Path, *paths: Path) -> tuple[int, str]:
    done = subprocess.run(
        [*checker, "-Exceptions", str(exceptions), *map(str, paths)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_host_scripts_use_nothing_that_windows_has_not(checker: list[str]) -> None:
    code, said = checked(checker, EXCEPTIONS, SCRIPTS)
    assert code == 0, said
    number = len(list(SCRIPTS.rglob("*.ps1")))
    assert f"{number} files, 0 findings" in said


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("Get-FileHash -LiteralPath $Path", "Get-FileHash"),
        ("Get-Item -LiteralPath $Path -Recursive", "Recursive"),
        ("[string]::Join(',', 'a', 'b', 'c').Contains('b', 'c', 'd')", "Contains"),
        ("[Array]::Empty()", "Empty"),
        ("[IO.Compression.ZipFile]::OpenRead($Path)", "ZipFile"),
    ],
)
def test_the_check_can_fail(checker: list[str], line: str, says: str, tmp_path: Path) -> None:
    script = tmp_path / "bad.ps1"
    script.write_text(f"param ([string]$Path)\n{line}\n")
    nothing = tmp_path / "none.txt"
    nothing.write_text("")
    code, said = checked(checker, nothing, script)
    assert (code, says in said) == (1, True), said


def test_an_exception_that_fits_nothing_any_more_is_a_finding(
    checker: list[str], tmp_path: Path
) -> None:
    script = tmp_path / "good.ps1"
    script.write_text("Get-Date\n")
    exceptions = tmp_path / "exceptions.txt"
    shutil.copy(EXCEPTIONS, exceptions)
    code, said = checked(checker, exceptions, script)
    assert (code, "Mount-DiskImage" in said) == (1, True), said
