# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.operations import loader
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.registry import (
    operation,
    operations,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from holders import Holders

HOLDERS = Holders()
AT = datetime(2021, 3, 5, 10, tzinfo=UTC)
ID, NONCE = "1" * 32, "2" * 32
ONE = {"owner": "controller-a", "run": "run-1"}
KEY = "3" * 64
STATE = "C:\\ProgramData\\ExchangeRemediation"


def make(**spec: Any) -> SimulatedHost:
    exchange = {"product": "Exchange2016", "cu": "CU19", "build": "15.1.2176.2"}
    world = build_world({"exchange": exchange, "now": "2021-03-05T10:00:00Z", **spec}, at=AT)
    return SimulatedHost("ex01", "127.77.0.1", world)


@pytest.fixture
def host() -> SimulatedHost:
    return make()


@pytest.fixture
def engine() -> ModelEngine:
    return ModelEngine()


def request(name: str, parameters: dict[str, Any] | None = None, key: str | None = None) -> bytes:
    operation = codec.Operation(name, parameters or {}, key)
    return codec.encode_request(operation, operation_id=ID, nonce=NONCE)


def run(engine: ModelEngine, host: SimulatedHost, line: bytes) -> CommandResult:
    return asyncio.run(engine.run(host, codec.BOOTSTRAP_COMMAND, line))


def ask(
    engine: ModelEngine,
    host: SimulatedHost,
    name: str = "Get-ExchangeServerInfo",
    parameters: dict[str, Any] | None = None,
    key: str | None = None,
) -> codec.Reply:
    wanted = HOLDERS.operation(name, parameters, key)
    line = codec.encode_request(wanted, operation_id=ID, nonce=NONCE)
    result = run(engine, host, line)
    reply = codec.decode_reply(
        result.stdout, result.stderr, result.exit_code, operation_id=ID, nonce=NONCE
    )
    HOLDERS.answered(reply.result)
    return reply


def command(engine: ModelEngine, host: SimulatedHost, text: str) -> CommandResult:
    return asyncio.run(engine.run(host, text, b""))


def test_reply_is_read_by_the_codec(engine: ModelEngine, host: SimulatedHost) -> None:
    reply = ask(engine, host)
    assert reply.operation == "Get-ExchangeServerInfo"
    assert reply.status == "ok"
    assert reply.collected_at == "2021-03-05T10:00:00.0000000Z"
    assert reply.host.name == "EX01"
    assert reply.script_sha256 == loader.script("Get-ExchangeServerInfo").sha256
    assert reply.result["exchange"]["exsetup"]["file_version"] == "15.01.2176.002"


def test_psrp_pipeline_gets_the_same_answer(engine: ModelEngine, host: SimulatedHost) -> None:
    line = request("Get-ExchangeServerInfo")
    piped = asyncio.run(engine.run_script(host, loader.bootstrap(), [line.decode().strip()]))
    assert piped == run(engine, host, line)


def test_every_operation_has_a_model_and_only_those() -> None:
    assert list(operations()) == list(loader.operations())


def test_two_functions_for_one_operation_are_refused() -> None:
    with pytest.raises(ValueError, match="two functions for Get-HostLock"):
        operation("Get-HostLock")(lambda _context, _given: {})


def test_operation_without_a_model_fails_and_names_those_that_have_one(
    engine: ModelEngine, host: SimulatedHost
) -> None:
    line = json.loads(request("Get-HostLock")) | {"operation": "Clear-Everything"}
    frame = json.loads(run(engine, host, json.dumps(line).encode()).stdout)
    (entry,) = frame["reply"]["errors"]
    assert entry["class"] == "ScriptFailed"
    assert "no operation 'Clear-Everything'; it has " in entry["message"]
    assert "Get-ExchangeServerInfo" in entry["message"]


def test_facts_are_remembered_until_the_host_changes(
    engine: ModelEngine, host: SimulatedHost
) -> None:
    before = ask(engine, host).result
    host.world.data["services"] = {}  # not told: the memory may answer
    assert ask(engine, host).result == before
    host.world.set_value("HKLM\\SOFTWARE\\X", "y", "DWord", 1, by="test")
    assert ask(engine, host).result["services"] == []


def test_remembered_facts_carry_the_time_of_the_run(engine: ModelEngine) -> None:
    host = make()
    first = ask(engine, host).result["clock"]["utc"]
    host.world.data["now"] = "2021-03-05T11:00:00Z"
    assert (first, ask(engine, host).result["clock"]["utc"]) == (
        "2021-03-05T10:00:00.0000000Z",
        "2021-03-05T11:00:00.0000000Z",
    )


def test_hosts_of_one_engine_are_not_mixed_up(engine: ModelEngine) -> None:
    names = [ask(engine, make(computer_name=name)).result["computer"]["name"] for name in "AB"]
    assert names == ["A", "B"]


def test_reading_changes_nothing(engine: ModelEngine, host: SimulatedHost) -> None:
    for name in ("Get-ExchangeServerInfo", "Get-HostLock"):
        ask(engine, host, name)
    ask(engine, host, "Get-OperationStatus", {"keys": [KEY]})
    assert host.world.mutations == []


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("ConstrainedLanguage", errors.LanguageModeRefused),
        ("RestrictedLanguage", errors.HostCrash),
        ("NoLanguage", errors.HostCrash),
    ],
)
def test_language_modes_are_refused(
    mode: str, expected: type[Exception], engine: ModelEngine
) -> None:
    with pytest.raises(expected):
        ask(engine, make(language_mode=mode))


def test_changed_script_is_refused(engine: ModelEngine, host: SimulatedHost) -> None:
    line = request("Get-ExchangeServerInfo").replace(b'"sha256":"', b'"sha256":"f')
    frame = json.loads(run(engine, host, line).stdout)
    assert frame["reply"]["errors"][0]["class"] == "ScriptIntegrity"


@pytest.mark.parametrize("packed", ["no base64!", base64.b64encode(b"no gzip").decode(), ""])
def test_unreadable_script_is_refused(
    packed: str, engine: ModelEngine, host: SimulatedHost
) -> None:
    line = json.loads(request("Get-ExchangeServerInfo")) | {"script": packed}
    frame = json.loads(run(engine, host, json.dumps(line).encode()).stdout)
    assert frame["reply"]["errors"][0]["class"] == "ScriptIntegrity"


@pytest.mark.parametrize("line", [b"", b"no json", b"[]", b'{"protocol":2}', b"\xff"])
def test_other_input_is_no_request(line: bytes, engine: ModelEngine, host: SimulatedHost) -> None:
    frame = json.loads(run(engine, host, line).stdout)
    assert frame["reply"]["errors"][0]["class"] == "RequestInvalid"
    assert frame["nonce"] == frame["end"] == ""


def test_output_is_ascii_even_for_lone_surrogates(engine: ModelEngine) -> None:
    odd = {"type": "String", "value": "\ud800\u202e\x1b[2J\u00e9"}
    key = "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
    host = make(override={"registry": {key: {"ProductName": odd}}})
    stdout = run(engine, host, request("Get-ExchangeServerInfo")).stdout
    assert stdout.isascii()
    assert stdout.count(b"\n") == 2
    name = json.loads(stdout)["reply"]["result"]["os"]["product_name"]
    assert name == "\ud800\u202e\x1b[2J\u00e9"


@pytest.mark.parametrize(
    ("text", "output", "code"),
    [
        ("hostname", b"EX01\r\n", 0),
        ("whoami", b"rehearsal\\administrator\r\n", 0),
        ("echo 'good morning'", b"good morning\r\n", 0),
        ("exit 7", b"", 7),
    ],
)
def test_plain_commands_for_raw_tasks(
    text: str, output: bytes, code: int, engine: ModelEngine, host: SimulatedHost
) -> None:
    encoded = base64.b64encode(text.encode("utf-16-le")).decode()
    for line in (text, f"PowerShell -NoProfile -EncodedCommand {encoded}"):
        result = command(engine, host, line)
        assert (result.stdout, result.exit_code) == (output, code)


def test_other_commands_are_refused_with_a_cure(engine: ModelEngine, host: SimulatedHost) -> None:
    result = command(engine, host, "Get-Mailbox | Remove-Mailbox " + "x" * 500)
    assert result.exit_code == 1
    assert b"model engine cannot run" in result.stderr
    assert b"powershell engine" in result.stderr
    assert len(result.stderr) < 500


def test_broken_encoded_command_is_a_plain_command(
    engine: ModelEngine, host: SimulatedHost
) -> None:
    assert command(engine, host, "PowerShell -EncodedCommand AAA").exit_code == 1


def test_keyed_operation_acts_once(engine: ModelEngine, host: SimulatedHost) -> None:
    first = ask(engine, host, "Lock-Host", {**ONE, "purpose": "test"}, KEY)
    done = list(host.world.mutations)
    again = ask(engine, host, "Lock-Host", {**ONE, "purpose": "test"}, KEY)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.result == first.result
    assert host.world.mutations == done
    stored = host.world.text(f"{STATE}\\operations\\{KEY}.json")
    assert json.loads(stored or "")["key"] == KEY


def test_refused_operation_may_be_asked_again_with_its_key(
    engine: ModelEngine, host: SimulatedHost
) -> None:
    other = {"owner": "controller-b", "run": "run-2"}
    ask(engine, host, "Lock-Host", {**ONE, "purpose": "first"})
    with pytest.raises(errors.LockedByOther, match="locked by 'controller-a'"):
        ask(engine, host, "Lock-Host", {**other, "purpose": "second"}, KEY)
    ask(engine, host, "Unlock-Host", {"lock_of": ONE["owner"]})
    reply = ask(engine, host, "Lock-Host", {**other, "purpose": "second"}, KEY)
    assert (reply.replayed, reply.result["state"]) == (False, "acquired")


def test_damaged_stored_reply_stops_the_operation(engine: ModelEngine, host: SimulatedHost) -> None:
    ask(engine, host, "Lock-Host", {**ONE, "purpose": "test"}, KEY)
    host.world.write_text(f"{STATE}\\operations\\{KEY}.json", "{", by="test")
    with pytest.raises(errors.ScriptError, match="is damaged"):
        ask(engine, host, "Lock-Host", {**ONE, "purpose": "test"}, KEY)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"directory": True, "owner": "S-1-5-21-1-2-3-500"}, "belongs to neither"),
        ({"directory": True, "owner": "S-1-5-18", "reparse": True}, "is a link"),
        ({"size": 1}, "is not a folder"),
        (
            {"directory": True, "owner": "S-1-5-18", "sddl": "D:P(A;;FA;;;BU)"},
            "can be written by BU",
        ),
    ],
)
def test_prepared_state_folder_is_refused(
    entry: dict[str, Any], message: str, engine: ModelEngine, host: SimulatedHost
) -> None:
    host.world.put_file(STATE, entry, by="test")
    with pytest.raises(errors.ScriptError, match=message):
        ask(engine, host, "Lock-Host", {**ONE, "purpose": "test"}, KEY)


def test_lock_of_the_same_controller_is_taken_only_from_a_silent_run_i16(
    engine: ModelEngine, host: SimulatedHost
) -> None:
    mine = {"purpose": "patch", "ttl_seconds": 21600, "controller": "ops"}
    ask(engine, host, "Lock-Host", {**mine, "owner": "ops/1", "run": "run-1"})
    machine.advance_clock(host.world, 600)
    with pytest.raises(errors.LockedByOther):
        ask(engine, host, "Lock-Host", {**mine, "owner": "ops/2", "run": "run-2"})
    machine.advance_clock(host.world, 1)
    taken = ask(engine, host, "Lock-Host", {**mine, "owner": "ops/2", "run": "run-2"})
    assert taken.result["reason"] == "controller"
