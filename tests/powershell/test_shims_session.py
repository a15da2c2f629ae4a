# SPDX-License-Identifier: GPL-3.0-or-later
"""The process around a script: versions, language mode, streams, exit codes, time-out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shim_host import world

if TYPE_CHECKING:
    from shim_host import ShimHost

pytestmark = pytest.mark.engine


@pytest.mark.parametrize(
    ("version", "command", "there"),
    [
        ("3.0", "Get-FileHash", False),
        ("3.0", "Get-ItemPropertyValue", False),
        ("3.0", "Expand-Archive", False),
        ("3.0", "ConvertFrom-Json", True),
        ("4.0", "Get-FileHash", True),
        ("4.0", "New-TemporaryFile", False),
        ("4.0", "New-Guid", False),
        ("5.0", "New-Guid", True),
        ("5.0", "Get-TimeZone", False),
        ("5.1.14393.693", "Get-ItemPropertyValue", True),
        ("5.1.14393.693", "Join-String", False),
        ("5.1.14393.693", "Test-Json", False),
        ("5.1.14393.693", "Get-SecureRandom", False),
    ],
)
def test_a_version_has_the_commands_that_it_had(
    shims: ShimHost, version: str, command: str, *, there: bool
) -> None:
    host = world(powershell={"version": version, "clr": "4.0.30319.42000"})
    script = f"[bool] (Get-Command {command} -ErrorAction SilentlyContinue)"
    assert shims.lines(script, host) == [str(there)]


def test_constrained_language_is_real(shims: ShimHost) -> None:
    host = world(powershell={"version": "5.1.14393.693", "language_mode": "ConstrainedLanguage"})
    ran = shims.run(
        "$ExecutionContext.SessionState.LanguageMode\n"
        "try { [IO.File]::ReadAllText('C:\\x') } catch { $_.FullyQualifiedErrorId }\n"
        "(Get-Service W3SVC).Name; (Get-Date).Year",
        host,
    )
    assert ran.lines == [
        "ConstrainedLanguage",
        "MethodInvocationNotSupportedInConstrainedLanguage",
        "W3SVC",
        "2021",
    ]


def test_everything_that_is_printed_comes_in_order(shims: ShimHost) -> None:
    ran = shims.run(
        "[Console]::Out.WriteLine('1'); Write-Host '2'; '3'; [Console]::Write('4'); Write-Host ''\n"
        "$out = [Console]::OpenStandardOutput(); $out.Write([byte[]](53, 10), 0, 2); '6'"
    )
    assert ran.lines == ["1", "2", "3", "4", "5", "6"]


def test_objects_are_printed_as_a_table_without_colour(shims: ShimHost) -> None:
    text = "\n".join(shims.lines("Get-Service W3SVC"))
    assert "\x1b" not in text
    assert "Running  W3SVC" in text


def test_stdin_is_input(shims: ShimHost) -> None:
    ran = shims.run("@($input).Count; $PSVersionTable.PSVersion.Major", stdin="a\nb\n")
    assert ran.lines == ["2", "5"]
    assert shims.run("@($input) -join '+'", stdin="ä\nb").lines == ["ä+b"]
    assert shims.run("[Console]::In.ReadToEnd().Trim()", stdin="x\n").lines == ["x"]


def test_errors_are_clixml_on_stderr(shims: ShimHost) -> None:
    ran = shims.run("Write-Error 'a <b>'; 'after'; Write-Warning 'w'; Write-Verbose v -Verbose")
    assert ran.lines == ["after"]
    assert ran.stderr.startswith('#< CLIXML\r\n<Objs Version="1.1.0.1"')
    assert ran.stderr.endswith("</Objs>")
    assert "a &lt;b&gt;" in ran.stderr
    assert '<S S="warning">w</S>' in ran.stderr
    assert '<S S="verbose">v</S>' in ran.stderr


def test_what_a_script_writes_to_stderr_itself_is_not_wrapped(shims: ShimHost) -> None:
    assert shims.run("[Console]::Error.WriteLine('plain')").stderr == "plain\r\n"


@pytest.mark.parametrize(
    ("script", "exit_code"),
    [
        ("'fine'", 0),
        ("exit 7", 7),
        ("exit -1", -1),
        ("throw 'no'", 1),
        ("Get-Item C:\\nothing", 1),
        ("Get-Item C:\\nothing; 'last'", 0),
        ("$ErrorActionPreference = 'Stop'; Get-Item C:\\nothing; 'last'", 1),
        ("if (", 1),
        ("& { exit 3 }; 'never'", 3),
    ],
)
def test_the_exit_code_is_that_of_powershell_exe(
    shims: ShimHost, script: str, exit_code: int
) -> None:
    ran = shims.run(script)
    assert ran.exit_code == exit_code
    assert "never" not in ran.lines


def test_a_terminating_error_names_its_place(shims: ShimHost) -> None:
    errors = shims.run("'before'\nthrow 'the reason'").errors
    assert "the reason" in errors
    assert "At line:2 char:1" in errors
    assert "FullyQualifiedErrorId : the reason" in errors


def test_nobody_answers_a_prompt(shims: ShimHost) -> None:
    assert "NonInteractive mode" in shims.failure("Read-Host 'name'")
