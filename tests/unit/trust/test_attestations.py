# SPDX-License-Identifier: GPL-3.0-or-later
"""What persons say, signed: never changed unseen, never half believed."""

from __future__ import annotations

import json
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
