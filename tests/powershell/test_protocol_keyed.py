# SPDX-License-Identifier: GPL-3.0-or-later
"""At most one effect per key (I15), and a store that nobody else can have prepared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from host_driver import NONCE, decode, request_line, sample

if TYPE_CHECKING:
    from host_driver import Host

pytestmark = pytest.mark.engine

KEY, OTHER_KEY = "ab" * 32, "cd" * 32
COUNT = (
    "[IO.File]::AppendAllText(\"$env:ProgramData/effects\", 'x')\n"
    '@{effects = [IO.File]::ReadAllText("$env:ProgramData/effects").Length}'
)


def effects(host: Host) -> int:
    path = host.folder / "effects"
    return len(path.read_text()) if path.exists() else 0


def counting(key: str | None = KEY, **changes: object) -> str:
    return request_line(sample(COUNT, keyed=True), key=key, **changes)


def status(host: Host, key: str = KEY) -> dict[str, object]:
    entry = host.call("Get-OperationStatus", {"keys": [key]}).result[key]
    assert isinstance(entry, dict)
    return entry


def test_second_call_with_a_key_replays_the_stored_reply(host: Host) -> None:
    first = host.ask(counting())
    stdout = host.stdout(counting(nonce="77" * 16))
    assert b'"nonce":"' + b"77" * 16 in stdout
    second = codec.decode_reply(stdout, b"", 0, operation_id="1d" * 16, nonce="77" * 16)
    assert effects(host) == 1
    assert (first.replayed, second.replayed) == (False, True)
    assert second.result == first.result == {"effects": 1}
    assert second.collected_at == first.collected_at
    assert first.key == KEY


def test_other_key_and_no_key_act_again(host: Host) -> None:
    for line in (counting(), counting(OTHER_KEY), counting(None)):
        assert not host.ask(line).replayed
    assert effects(host) == 3


def test_text_that_looks_like_the_replay_field_is_left_alone(host: Host) -> None:
    body = "@{text = '\"replayed\":false'}"
    line = request_line(sample(body, keyed=True), key=KEY)
    assert host.ask(line).result == host.ask(line).result == {"text": '"replayed":false'}
    assert host.ask(line).replayed


def test_failure_is_stored_like_a_success(host: Host) -> None:
    line = request_line(sample(COUNT + "\nthrow 'half done'", keyed=True), key=KEY)
    for _attempt in range(2):
        with pytest.raises(errors.ScriptError, match="half done"):
            host.ask(line)
    assert effects(host) == 1


def test_refusal_is_not_stored(host: Host) -> None:
    body = (
        'if (-not (Test-Path -LiteralPath "$env:ProgramData/free")) '
        "{ Stop-Operation 'Locked' 'HostLocked' 'not yet' }\n@{a = 1}"
    )
    line = request_line(sample(body, keyed=True), key=KEY)
    with pytest.raises(errors.LockedByOther, match="not yet"):
        host.ask(line)
    (host.folder / "free").touch()
    assert host.ask(line).result == {"a": 1}


def test_concurrent_calls_with_one_key_act_once(host: Host) -> None:
    slow = request_line(sample("Start-Sleep -Milliseconds 400\n" + COUNT, keyed=True), key=KEY)
    answers = host.send([slow], [slow], [slow], [slow])
    assert effects(host) == 1
    outcomes = []
    for answer in answers:
        try:
            outcomes.append(decode("\n".join(answer["output"]).encode()).status)
        except errors.ScriptError as error:
            outcomes.append(str(error).partition("[")[2].partition("]")[0])
    assert outcomes.count("ok") >= 1
    assert set(outcomes) <= {"ok", "OperationRunning"}


def test_status_tells_unknown_started_and_finished_apart(host: Host) -> None:
    assert status(host) == {"state": "unknown", "reply": None, "started": None}
    assert not host.store.exists(), "asking must not write"
    host.ask(counting())
    done = status(host)
    assert done["state"] == "finished"
    stored = done["reply"]
    assert isinstance(stored, dict)
    assert (stored["replayed"], stored["result"], stored["key"]) == (True, {"effects": 1}, KEY)
    assert status(host, OTHER_KEY)["state"] == "unknown"


def test_interrupted_operation_is_not_repeated(host: Host) -> None:
    host.ask(counting())
    (host.store / f"{KEY}.json").unlink()  # as if it was killed between acting and storing
    marker = json.loads((host.store / f"{KEY}.started").read_text())
    (host.store / f"{KEY}.started").write_text(json.dumps(marker | {"process_id": 999_999_999}))
    told = status(host)
    assert told["state"] == "started"
    assert isinstance(told["started"], dict)
    assert told["started"]["running"] is False
    with pytest.raises(errors.ScriptError, match="OperationInterrupted"):
        host.ask(counting())
    assert effects(host) == 1


def test_running_operation_is_told_from_an_interrupted_one(host: Host) -> None:
    host.ask(counting())
    (host.store / f"{KEY}.json").unlink()  # the marker names the driver's process, which lives
    with pytest.raises(errors.ScriptError, match="OperationRunning"):
        host.ask(counting())
    assert effects(host) == 1


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"key":"other"}', '{"schema":1,"ke'])
def test_damaged_stored_reply_is_reported_and_nothing_runs(host: Host, text: str) -> None:
    host.ask(counting())
    (host.store / f"{KEY}.json").write_text(text)
    with pytest.raises(errors.ScriptError, match="StoredReplyUnreadable"):
        host.ask(counting())
    assert effects(host) == 1


def test_reply_that_cannot_be_stored_is_still_sent(host: Host) -> None:
    folder = host.store.as_posix()
    body = f"[void][IO.Directory]::CreateDirectory('{folder}/{KEY}.json')\n@{{a = 1}}"
    reply = host.ask(request_line(sample(body, keyed=True), key=KEY))
    assert reply.result == {"a": 1}
    assert [one.source for one in reply.errors] == ["operation.store"]


@pytest.mark.parametrize("key", ["short", "AB" * 32, "../" * 21 + "x", "ab" * 32 + "\n"])
def test_key_that_is_no_digest_is_refused(host: Host, key: object) -> None:
    with pytest.raises(errors.ScriptError, match="not 64 hex digits"):
        host.ask(counting(key=key))
    assert effects(host) == 0


SDDL_REFUSED = {
    "a user": "O:S-1-5-21-1-2-3-1001G:BAD:P(A;OICI;FA;;;SY)",
    "a RID that starts like ours": "O:S-1-5-180G:BAD:P(A;OICI;FA;;;SY)",
    "no owner": "D:P(A;OICI;FA;;;SY)",
    "nothing": " ",
    "everybody": "O:BAG:BAD:NO_ACCESS_CONTROL",
    "users may create files": "O:BAG:BAD:(A;OICI;FA;;;SY)(A;CI;DCLCRPCR;;;BU)",
}


@pytest.mark.parametrize("sddl", SDDL_REFUSED.values(), ids=SDDL_REFUSED.keys())
def test_folder_of_somebody_else_is_refused(host: Host, sddl: str) -> None:
    host.environment["TEST_SDDL"] = sddl
    with pytest.raises(errors.ScriptError, match="StateRefused"):
        host.ask(counting())
    assert effects(host) == 0


@pytest.mark.parametrize(
    "sddl", ["O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;0x1200a9;;;BU)", "O:S-1-5-18"]
)
def test_folder_of_the_system_is_accepted(host: Host, sddl: str) -> None:
    host.environment["TEST_SDDL"] = sddl
    assert host.ask(counting()).result == {"effects": 1}


@pytest.mark.parametrize("level", ["ExchangeRemediation", "ExchangeRemediation/operations"])
def test_junction_in_the_place_of_the_store_is_refused(host: Host, level: str) -> None:
    elsewhere = host.folder / "elsewhere"
    elsewhere.mkdir()
    link = host.folder / level
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(errors.ScriptError, match="is a link to another place"):
        host.ask(counting())
    with pytest.raises(errors.ScriptError, match="StateRefused"):
        status(host)
    assert effects(host) == 0
    assert not list(elsewhere.iterdir())


def test_file_in_the_place_of_the_store_is_refused(host: Host) -> None:
    (host.folder / "ExchangeRemediation").write_text("")
    with pytest.raises(errors.ScriptError, match="is not a folder"):
        host.ask(counting())


def test_new_folders_are_closed_to_others_before_they_get_their_name(host: Host) -> None:
    host.ask(counting())
    written = (host.folder / "acl.log").read_text().splitlines()
    assert written == ["O:BAG:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"] * 2
    names = sorted(path.name for path in host.folder.rglob("*"))
    assert names == sorted(
        ["ExchangeRemediation", "operations", f"{KEY}.json", f"{KEY}.started", "effects", "acl.log"]
    ), "no staging folder or temporary file is left"


def test_state_file_of_any_size_is_not_read(host: Host) -> None:
    host.ask(counting())
    with (host.store / f"{KEY}.json").open("r+b") as file:
        file.truncate(4 * 1024 * 1024 + 1)
    with pytest.raises(errors.ScriptError, match="more than any state file of ours"):
        host.ask(counting())


def test_file_is_replaced_whole_and_never_by_accident(host: Host) -> None:
    body = (
        "Write-FileDurably \"$env:ProgramData/state\" 'one'\n"
        "Write-FileDurably \"$env:ProgramData/state\" 'two'\n"
        "try { Write-FileDurably \"$env:ProgramData/state\" 'three' -New; 'overwritten' }\n"
        'catch { @{text = Read-StateFile "$env:ProgramData/state"} }'
    )
    assert host.ask(request_line(sample(body))).result == {"text": "two"}
    assert [path.name for path in host.folder.iterdir()] == ["state"]


def test_reading_operation_ignores_a_key(host: Host) -> None:
    reply = host.ask(request_line(sample(COUNT), key=KEY))
    assert reply.result == {"effects": 1}
    assert not host.store.exists()


def test_stored_reply_holds_no_nonce(host: Host) -> None:
    host.ask(counting())
    assert NONCE not in (host.store / f"{KEY}.json").read_text()
