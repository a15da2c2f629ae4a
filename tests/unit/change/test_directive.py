# SPDX-License-Identifier: GPL-3.0-or-later
"""What an approver reads of the directive about one change, and what stops it from being said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import RefusedError
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.directive import (
    directive_notes,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.attestations import (
    Attestation,
    write,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.trust.signing import keys

if TYPE_CHECKING:
    from pathlib import Path

_NOW = datetime(2021, 3, 6, tzinfo=UTC)


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    keys.create(tmp_path / "keys", "ops", None)
    return tmp_path / "keys"


def _notes(
    tmp_path: Path, variable: Any, intent: str = "patch", campaign: str = "proxylogon"
) -> list[str]:
    options = {"attestations": tmp_path / "said", "keys": tmp_path / "keys"}
    return directive_notes("ex01", campaign, intent, variable, options, _NOW)


def test_a_change_that_comes_too_early_says_what_holds_it_back(tmp_path: Path) -> None:
    notes = _notes(tmp_path, {"expertise": "no"})

    assert notes[0] == (
        "ED 21-02: patch is held-back by action 3a: the forensic expertise is not there"
    )
    assert "ED 21-02: disconnect first, nothing goes before it" in notes
    assert "ED 21-02: late: action 5" in notes
    assert any(
        note.startswith("ED 21-02: to be answered by a person: organisation") for note in notes
    )


def test_signed_statements_count_and_only_those_of_the_host(tmp_path: Path, ring: Path) -> None:
    signer = keys.signer(ring, None, None)
    done = ("action 1 collect", "action 1 examine")
    for host, answers in (("ex01", {"indicator": "no"}), ("ex02", {"indicator": "yes"})):
        write(
            tmp_path / "said", Attestation(host, "ed-21-02", answers, done, "J.", "w", _NOW), signer
        )

    notes = _notes(tmp_path, {"expertise": "yes"})
    assert notes[0].startswith("ED 21-02: patch is ordered by action 1 update")


def test_a_damaged_statement_stops_the_change(tmp_path: Path, ring: Path) -> None:
    path = write(
        tmp_path / "said",
        Attestation("ex01", "ed-21-02", {"indicator": "no"}, (), "J.", "w", _NOW),
        keys.signer(ring, None, None),
    )
    path.write_bytes(path.read_bytes()[:-30])

    with pytest.raises(RefusedError, match="not a signed envelope"):
        _notes(tmp_path, None)


def test_wrong_answers_are_said_and_say_nothing(tmp_path: Path) -> None:
    notes = _notes(tmp_path, {"expertice": "yes"})

    assert any("'expertice' is no answer" in note for note in notes)
    assert notes[0].startswith("ED 21-02: patch is open")


def test_taking_mitigations_off_is_asked_about_as_mitigating_is(tmp_path: Path) -> None:
    assert _notes(tmp_path, {"expertise": "no"}, "unmitigate")[0].startswith(
        "ED 21-02: unmitigate is held-back by action 3a"
    )


def test_a_campaign_under_no_directive_says_nothing(tmp_path: Path) -> None:
    assert _notes(tmp_path, {"expertise": "no"}, campaign="proxyshell") == []
