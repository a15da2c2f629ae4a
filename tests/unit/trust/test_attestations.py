# SPDX-License-Identifier: GPL-3.0-or-later
"""What persons say, signed: never changed unseen, never half believed."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    ConfigError,
    RefusedError,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.catalog.loader import load
from ansible_collections.exchange.remediation.plugins.plugin_utils.cli.main import main
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.attestations import (
    Attestation,
    check,
    evidence_of,
    read_all,
    write,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.attested import (
    attested_answers,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys

if TYPE_CHECKING:
    from pathlib import Path

_AT = datetime(2021, 3, 4, 10, tzinfo=UTC)


def _statement(**more: Any) -> Attestation:
    given = {
        "host": "ex01.corp.example", "directive": "ed-21-02", "answers": {"expertise": "yes"},
        "met": ("action 1 collect",), "who": "J. Doe", "words": "Seen by me.", "at": _AT,
    }  # fmt: skip
    return Attestation(**{**given, **more})


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    keys.create(folder, "ops", None)
    return folder


@pytest.fixture
def signed(tmp_path: Path, ring: Path) -> Path:
    return write(tmp_path / "said", _statement(), keys.signer(ring, None, None))


def test_what_was_signed_is_read_back_with_who_signed(signed: Path, ring: Path) -> None:
    (found,) = read_all(signed.parent, keys.trusted(ring))

    assert found == _statement()
    assert found.signed_by == ("ops",)
    assert found.source == "attested by J. Doe on 2021-03-04T10:00:00Z, signed by ops"
    assert stat.S_IMODE(signed.stat().st_mode) == 0o600


def test_no_bit_of_a_statement_can_be_changed(signed: Path, ring: Path) -> None:
    raw = signed.read_bytes()
    payload = json.loads(raw)["payload"]
    for index in range(0, len(payload), 7):
        other = "A" if payload[index] != "A" else "B"
        changed = payload[:index] + other + payload[index + 1 :]
        signed.write_bytes(raw.replace(payload.encode(), changed.encode()))
        with pytest.raises(RefusedError, match=r"no good signature|not a signed envelope"):
            read_all(signed.parent, keys.trusted(ring))


def test_a_key_that_nobody_trusts_is_refused(tmp_path: Path, signed: Path) -> None:
    keys.create(tmp_path / "other", "other", None)

    with pytest.raises(RefusedError, match="no good signature of 1 trusted key"):
        read_all(signed.parent, keys.trusted(tmp_path / "other"))


def test_one_damaged_statement_makes_all_of_them_useless(
    tmp_path: Path, signed: Path, ring: Path
) -> None:
    later = replace(_statement(), at=_AT.replace(hour=11))
    second = write(signed.parent, later, keys.signer(ring, None, None))
    second.write_bytes(second.read_bytes()[:-20])

    with pytest.raises(RefusedError):
        read_all(signed.parent, keys.trusted(ring))


def test_the_same_statement_is_not_written_twice(signed: Path, ring: Path) -> None:
    with pytest.raises(ConfigError, match="this very statement is there already"):
        write(signed.parent, _statement(), keys.signer(ring, None, None))


def test_statements_are_read_in_the_order_of_time(signed: Path, ring: Path) -> None:
    signer = keys.signer(ring, None, None)
    for hour in (9, 23):
        write(signed.parent, _statement(at=_AT.replace(hour=hour), host="*"), signer)

    found = read_all(signed.parent, keys.trusted(ring))
    assert [entry.at.hour for entry in found] == [9, 10, 23]
    assert [entry.concerns("ex02") for entry in found] == [True, False, True]


def test_no_folder_holds_nothing(tmp_path: Path, ring: Path) -> None:
    assert read_all(tmp_path / "none", keys.trusted(ring)) == ()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"answers": {}, "met": ()}, "nothing is attested: give an --answer or a clause"),
        ({"answers": {"expertise": "perhaps"}}, "expertise 'perhaps' is none of yes, no, unknown"),
        ({"answers": {"pain": "yes"}}, "'pain' is no answer; known are"),
        ({"met": ("action 9",)}, "ED 21-02 has no clause 'action 9'"),
        ({"host": "../ex01"}, "cannot name a folder of the case"),
        ({"host": "ex*"}, "is a pattern and no name"),
        ({"host": "**"}, "is a pattern and no name"),
        ({"host": "ex0[1:3]"}, "is a pattern and no name"),
        ({"host": "ex01,ex02"}, "is a pattern and no name"),
        ({"host": "*", "met": ("action 3a",)}, "action 3a is asked of each server"),
        ({"not_met": ("action 1 collect",)}, "cannot be both --met and --not-met"),
        ({"not_met": ("action 9",)}, "--not-met: ED 21-02 has no clause 'action 9'"),
        ({"who": " "}, "--who is empty"),
        ({"words": "\n\t"}, "--words is empty"),
        ({"words": "\udcff"}, "--words: '\\udcff' is no text in UTF-8"),
        ({"who": ""}, "who"),
        ({"words": "x" * 5000}, "words"),
    ],
)
def test_a_statement_that_says_nothing_clear_is_refused(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(_statement(**more), load().need_directive("ed-21-02"))

    assert message in str(error.value)


def test_evidence_is_named_by_its_digest(tmp_path: Path) -> None:
    file = tmp_path / "memory.img"
    file.write_bytes(b"abc")

    found = evidence_of(file)
    assert (found.name, found.size) == ("memory.img", 3)
    assert found.sha256.startswith("ba7816bf")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        evidence_of(tmp_path / "gone")


def test_the_command_signs_and_shows(
    tmp_path: Path, ring: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--folder", str(tmp_path / "said"), "--keys", str(ring)]
    status = main(["attest", "say", "ex01", "--answer", "roles=mailbox,client-access", "--met", "ACTION 5",
                   "--who", "J. Doe", "--words", "Sent.\u202e", *common])  # fmt: skip
    assert status == 0
    capsys.readouterr()

    assert main(["attest", "show", *common]) == 0
    shown = capsys.readouterr().out
    assert "ex01, ed-21-02: attested by J. Doe" in shown
    assert "mailbox, client-access" in shown
    assert "action 5" in shown
    assert "\u202e" not in shown
    assert main(["attest", "show", "--json", *common]) == 0
    assert json.loads(capsys.readouterr().out)[0]["signed_by"] == ["ops"]
    assert (
        main(
            [
                "attest",
                "say",
                "ex01",
                "--answer",
                "expertise",
                "--who",
                "a",
                "--words",
                "b",
                *common,
            ]
        )
        == 2
    )
    assert "write it as NAME=VALUE" in capsys.readouterr().err


def test_statements_of_one_second_keep_their_order(tmp_path: Path, ring: Path) -> None:
    signer = keys.signer(ring, None, None)
    for micro in (5, 4, 6, 0):
        write(tmp_path / "said", _statement(at=_AT.replace(microsecond=micro)), signer)

    found = read_all(tmp_path / "said", keys.trusted(ring))
    assert [entry.at.microsecond for entry in found] == [0, 4, 5, 6]


def test_what_says_nothing_new_is_signed_as_before(signed: Path, ring: Path) -> None:
    document = _statement().to_json()
    assert document["at"] == "2021-03-04T10:00:00Z"
    assert "not_met" not in document
    taken = _statement(met=(), not_met=("action 5",), at=_AT.replace(hour=12))
    write(signed.parent, taken, keys.signer(ring, None, None))
    assert read_all(signed.parent, keys.trusted(ring))[1] == taken


def test_a_time_that_has_not_come_is_refused(tmp_path: Path, ring: Path) -> None:
    signer = keys.signer(ring, None, None)
    path = write(tmp_path / "said", _statement(at=_AT.replace(year=2099)), signer)

    with pytest.raises(RefusedError, match="is dated 2099-03-04T10:00:00Z, which has not come"):
        read_all(path.parent, keys.trusted(ring))
    assert len(read_all(path.parent, keys.trusted(ring), _AT.replace(year=2100))) == 1


@pytest.mark.parametrize("name", ["EX01.corp.example", "ex01.CORP.example."])
def test_a_host_is_the_same_in_capitals(name: str) -> None:
    assert _statement(host=name).concerns("ex01.corp.example")
    assert _statement().concerns(name)
    assert not _statement(host="ex01").concerns("ex01.corp.example")


def test_a_statement_that_counts_for_nobody_is_said() -> None:
    directive = load().need_directive("ed-21-02")
    hosts = ["ex01.corp.example", "ex02", "ex03"]

    def noted(about: str, known: list[str] | None = hosts) -> list[str]:
        said = [_statement(host=about)]
        return [host for host in hosts if attested_answers(said, host, directive, known)[1]]

    assert noted("EX01.corp.example") == []
    assert noted("ex01") == ["ex01.corp.example"]
    assert noted("ex02.corp.example") == ["ex02"]
    assert noted("ex09") == hosts
    assert noted("ex*") == hosts
    assert noted("ex01", None) == ["ex01.corp.example"]
    assert noted("ex09", None) == []
    assert attested_answers([_statement(host="ex01", directive="x")], "ex01", directive) == ([], [])


def test_all_servers_at_once_meet_nothing_that_is_asked_of_each() -> None:
    directive = load().need_directive("ed-21-02")
    said = _statement(host="*", met=("action 3a", "action 5"))

    (given,), (note,) = attested_answers([said], "ex01", directive)
    assert given.met == ("action 5",)
    assert "action 3a is asked of each server" in note
    own = _statement(host="ex01", met=("action 3a",))
    assert attested_answers([own], "ex01", directive)[0][0].met == ("action 3a",)


def test_what_is_no_folder_or_no_file_is_refused(tmp_path: Path, ring: Path) -> None:
    pipe, folder = tmp_path / "a.attestation.json", tmp_path / "b.attestation.json"
    os.mkfifo(pipe)
    with pytest.raises(ConfigError, match="is no plain file"):
        evidence_of(pipe)
    with pytest.raises(ConfigError, match="is no plain file"):
        read_all(tmp_path, keys.trusted(ring))
    pipe.unlink()
    folder.mkdir()
    with pytest.raises(ConfigError, match="is no plain file"):
        read_all(tmp_path, keys.trusted(ring))
    folder.rmdir()
    folder.write_text("x")
    with pytest.raises(ConfigError, match="is no folder"):
        read_all(folder, keys.trusted(ring))
    with pytest.raises(ConfigError, match="is no folder"):
        write(folder, _statement(), keys.signer(ring, None, None))


def test_the_command_takes_a_clause_back(
    tmp_path: Path, ring: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    common = ["--folder", str(tmp_path / "said"), "--keys", str(ring)]
    said = ["attest", "say", "EX01", "--who", "J.", "--words", "w", *common]
    assert main([*said, "--met", "Action 5"]) == 0
    assert main([*said, "--not-met", "ACTION 5", "--answer", "roles=unknown"]) == 0
    capsys.readouterr()

    assert main(["attest", "show", *common]) == 0
    assert "not met" in capsys.readouterr().out
    statements = read_all(tmp_path / "said", keys.trusted(ring))
    assert [(entry.met, entry.not_met) for entry in statements] == [
        (("action 5",), ()), ((), ("action 5",)),
    ]  # fmt: skip
    sources, _ = attested_answers(statements, "ex01", load().need_directive("ed-21-02"))
    assert sources[1].retracts
