# SPDX-License-Identifier: GPL-3.0-or-later
"""The bootstrap and the prelude on the real engine: every way a request can end has its frame."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from host_driver import ID, NONCE, command_line, decode, request_line, sample

if TYPE_CHECKING:
    from pathlib import Path

    from host_driver import Host

pytestmark = pytest.mark.engine


def test_command_line_answers_with_a_frame_between_noise(pwsh: str, tmp_path: Path) -> None:
    script = sample(
        "Write-Warning 'careful'\nWrite-Host -NoNewline 'profile text'\n"
        "[Console]::Error.WriteLine('something on stderr')\n'stray'\n@{name = 'J\u00fcrgen'}"
    )
    done = command_line(pwsh, request_line(script), tmp_path)
    assert done.returncode == 0
    assert b'\n{"exchange_remediation":1,' in done.stdout, "the frame has its own line"
    reply = decode(done.stdout, done.stderr, done.returncode)
    assert reply.result == {"name": "J\u00fcrgen"}
    assert "profile text" in reply.noise
    assert "careful" in reply.noise
    assert "something on stderr" in reply.noise
    assert [(one.source, one.message) for one in reply.errors if one.source == "operation"] == [
        ("operation", "1 stray output objects were ignored")
    ]


def test_command_line_reports_a_lost_request(pwsh: str, tmp_path: Path) -> None:
    done = command_line(pwsh, "", tmp_path)
    with pytest.raises(errors.ScriptError, match="no request of protocol 1 arrived on stdin"):
        decode(done.stdout, done.stderr, done.returncode)


def test_exit_in_an_operation_leaves_an_empty_reply(pwsh: str, tmp_path: Path) -> None:
    done = command_line(pwsh, request_line(sample("exit 3")), tmp_path)
    with pytest.raises(errors.EmptyReply, match="exit code 3"):
        decode(done.stdout, done.stderr, done.returncode)


def test_reply_carries_the_host_stamp(host: Host) -> None:
    host.environment["TEST_NOW"] = "2021-03-05T10:00:00Z"
    reply = host.ask(request_line(sample("@{a = 1}")))
    assert reply.host.name == "EX01"
    assert reply.host.clock == reply.collected_at == "2021-03-05T10:00:00.0000000Z"
    assert reply.host.boot_id == "boot:7"
    assert reply.host.language_mode == "FullLanguage"
    assert reply.host.powershell
    assert reply.host.powershell[0].isdigit()
    assert reply.host.process_id
    assert reply.errors == ()
    assert not reply.replayed


def test_boot_identity_that_cannot_be_read_is_null_with_a_reason(host: Host) -> None:
    host.environment["TEST_BOOT"] = None
    reply = host.ask(request_line(sample("@{a = 1}")))
    assert reply.host.boot_id is None
    assert [one.source for one in reply.errors] == ["host.boot_id"]


def test_frame_is_one_ascii_line_in_the_documented_shape(host: Host) -> None:
    stdout = host.stdout(request_line(sample("@{text = [string][char]0xd800 + '\u65e5'}")))
    lines = [line for line in stdout.decode("ascii").split("\n") if line]
    assert len(lines) == 1
    head = (
        f'{{"exchange_remediation":1,"operation_id":"{ID}","nonce":"{NONCE}","reply":{{"schema":1'
    )
    assert lines[0].startswith(head)
    assert lines[0].endswith(f',"end":"{NONCE}"}}')
    assert set(json.loads(lines[0])["reply"]) == {
        "schema", "operation", "status", "replayed", "key", "collected_at", "host",
        "script_sha256", "duration_ms", "result", "errors",
    }  # fmt: skip


RESULTS = [
    ("@{v = @()}", []),
    ("@{v = @(1)}", [1]),
    ("@{v = $null}", None),
    ("@{v = $true}", True),
    ("@{v = 1.5}", 1.5),
    ("@{v = [double]::NaN}", None),
    ("@{v = [decimal]2.50}", 2.5),
    ("@{v = [long]9007199254740993}", 9007199254740993),
    ("@{v = [DayOfWeek]::Monday}", "Monday"),
    ("@{v = [char]65}", "A"),
    ("@{v = [guid]::Empty}", "00000000-0000-0000-0000-000000000000"),
    ("@{v = [datetime]'2021-03-05T10:00:00Z'}", "2021-03-05T10:00:00.0000000Z"),
    ("@{v = @{Keys = 1; Count = 2}}", {"Keys": 1, "Count": 2}),
    ("@{v = New-Object psobject -Property @{a = @(@{b = 1})}}", {"a": [{"b": 1}]}),
    ("@{v = ('x' | Add-Member -NotePropertyName PSPath -NotePropertyValue y -PassThru)}", "x"),
    ("@{v = 'C:\\a \"b\" <c>'}", 'C:\\a "b" <c>'),
    ("@{v = [string][char]0xd83d + [char]0xde00}", "\U0001f600"),
    ("@{v = [string][char]0xd800}", "\\ud800"),
    ("@{v = [string][char]27 + '[2J'}", "\\x1b[2J"),
    ("@{v = [IO.FileInfo]'/tmp/x'}", "/tmp/x"),
]


@pytest.mark.parametrize(("body", "expected"), RESULTS)
def test_values_arrive_as_the_same_json_from_every_version(
    host: Host, body: str, expected: object
) -> None:
    assert host.ask(request_line(sample(body))).result == {"v": expected}


def test_parameters_bind_without_underscores_and_dates_stay_text(host: Host) -> None:
    script = sample(
        "@{ttl = $TtlSeconds; when = $When; list = $List}",
        parameters="[int] $TtlSeconds, [string] $When, [object[]] $List",
    )
    sent = {"ttl_seconds": 5, "when": "2021-03-05T10:00:00.0000000Z", "list": ["a"]}
    reply = host.ask(request_line(script, parameters=sent))
    assert reply.result == {"ttl": 5, "when": "2021-03-05T10:00:00.0000000Z", "list": ["a"]}


FAILURES = [
    ("throw 'my own failure'", "my own failure"),
    ("@{a = $undefined}", "VariableIsUndefined"),
    ("@{a = (New-Object psobject).missing}", "PropertyNotFoundStrict"),
    ("Get-Item -LiteralPath '/no/such/file'", "PathNotFound"),
    ("Get-NoSuchCommand", "CommandNotFoundException"),
    ("[int]::Parse('x')", "FormatException"),
    ("Write-Error 'reported'", "reported"),
    ("break", "ended without a result"),
    ("$null = 1", "ended without a result"),
]


@pytest.mark.parametrize(("body", "message"), FAILURES)
def test_failure_of_an_operation_is_reported_as_such(host: Host, body: str, message: str) -> None:
    script = sample("$ErrorActionPreference = 'Stop'\n" + body)
    with pytest.raises(errors.ScriptError, match=message) as caught:
        host.ask(request_line(script))
    reply = codec.failed_reply(caught.value)
    assert reply
    assert reply.errors[0].error_class == "ScriptFailed"
    assert reply.host.boot_id == "boot:7"


def test_failure_names_the_line(host: Host) -> None:
    with pytest.raises(errors.ScriptError, match=r"\(line \d+: throw 'here'\)"):
        host.ask(request_line(sample("throw 'here'")))


@pytest.mark.parametrize(
    "parameters",
    [{"unknown": 1}, {"number": "many"}, {}],
    ids=["not known", "wrong type", "missing"],
)
def test_parameters_that_do_not_fit_are_the_requests_fault(
    host: Host, parameters: dict[str, object]
) -> None:
    script = sample("@{a = $Number}", parameters="[Parameter(Mandatory = $true)] [int] $Number")
    with pytest.raises(errors.ScriptError) as caught:
        host.ask(request_line(script, parameters=parameters))
    reply = codec.failed_reply(caught.value)
    assert reply
    assert reply.errors[0].error_class == "RequestInvalid"


def test_partial_failures_are_null_with_a_reason(host: Host) -> None:
    reply = host.ask(
        request_line(
            sample(
                "$Name = 'of the caller'\n"
                "@{bad = Invoke-Part -Name 'bad' { $undefined }\n"
                "good = Invoke-Part -Name 'good' { $Name }\n"
                "none = Invoke-Part -Name 'none' -List { }\n"
                "left = Invoke-Part -Name 'left' { break }}"
            )
        )
    )
    assert reply.result == {"bad": None, "good": "of the caller", "none": [], "left": None}
    assert {one.source: one.error_class for one in reply.errors} == {
        "bad": "System.Management.Automation.RuntimeException",
        "left": "Unavailable",
    }


def test_parse_error_is_reported_with_its_text(host: Host) -> None:
    script = loader.pack("param ($Request)\nif (")
    with pytest.raises(errors.ScriptError, match="Missing") as caught:
        host.ask(request_line(script))
    reply = codec.failed_reply(caught.value)
    assert reply
    assert reply.errors[0].source == "bootstrap"


def test_script_that_leaves_early_is_reported(host: Host) -> None:
    with pytest.raises(errors.ScriptError, match="ended without a reply"):
        host.ask(request_line(loader.pack("param ($Request)\nbreak")))


@pytest.mark.parametrize("mode", ["ConstrainedLanguage", "RestrictedLanguage"])
def test_restricted_language_mode_is_refused(host: Host, mode: str) -> None:
    if mode == "RestrictedLanguage":  # not even our first line may run: no frame
        answer = host.send([request_line(sample("@{a = 1}"))], language_mode=mode)[0]
        assert answer["output"] == []
        with pytest.raises(errors.HostCrash, match="restricted language mode"):
            decode(b"", "\n".join(answer["errors"]).encode(), 1)
        return
    with pytest.raises(errors.LanguageModeRefused, match=f"PowerShell runs in {mode}") as caught:
        host.ask(request_line(sample("@{a = 1}")), language_mode=mode)
    reply = codec.failed_reply(caught.value)
    assert reply
    assert reply.host.language_mode == mode
    assert reply.host.name == "EX01"


def test_changed_script_is_not_run(host: Host) -> None:
    other = sample("[IO.File]::WriteAllText(\"$env:ProgramData/ran\", 'x'); @{a = 1}")
    line = request_line(sample("@{a = 1}"), script=other.packed)
    with pytest.raises(errors.ScriptIntegrityError, match=f"sent was {sample('@{a = 1}').sha256}"):
        host.ask(line)
    assert not (host.folder / "ran").exists()


@pytest.mark.parametrize(
    "packed", ["not base64!", base64.b64encode(b"not gzip").decode(), ""], ids=["b64", "gz", "none"]
)
def test_damaged_script_is_an_integrity_error(host: Host, packed: str) -> None:
    with pytest.raises(errors.ScriptIntegrityError):
        host.ask(request_line(sample("@{a = 1}"), script=packed))


@pytest.mark.parametrize("line", ["", "not json", "[]", '{"protocol":2}'])
def test_unreadable_request_is_reported_without_a_nonce(host: Host, line: str) -> None:
    stdout = host.stdout(line)
    assert b'"nonce":""' in stdout
    with pytest.raises(errors.ScriptError, match="operation"):
        decode(stdout)


def test_future_protocol_is_refused_with_its_number(host: Host) -> None:
    with pytest.raises(errors.ScriptError, match="protocol '2'"):
        host.ask(request_line(sample("@{a = 1}"), protocol=2))


def test_large_result_arrives_whole(host: Host) -> None:
    reply = host.ask(
        request_line(sample('@{v = @(1..20000 | ForEach-Object { "line $_ \u00fc" })}'))
    )
    assert len(reply.result["v"]) == 20000
    assert reply.result["v"][-1] == "line 20000 \u00fc"


def test_result_nested_too_deep_is_refused_on_the_host(host: Host) -> None:
    body = "$v = @(); foreach ($i in 1..100) { $v = , $v }\n@{v = $v}"
    with pytest.raises(errors.ScriptError, match="nested more than 40 levels"):
        host.ask(request_line(sample(body)))
