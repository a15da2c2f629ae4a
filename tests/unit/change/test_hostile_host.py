# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that answers what an attacker would, through session, run and journal (I4, I5, I14)."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.bounds import ENTRY_BYTES
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.journal import Journal
from ansible_collections.exchange.remediation.plugins.plugin_utils.case.verify import events, verify
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.journal import HostChange
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.run import (
    Broken,
    ChangeRun,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.change.session import HostSession
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
)
from frames import document, frame
from hypothesis import given, settings
from hypothesis import strategies as st

OPERATION = "Set-ServiceMitigation"
PARAMETERS = {"token": "t"}
TICKET = f"1614850000-{'0' * 32}"


class HostileHost:
    """Answers the change of its turn with a text for the result; the lock works as usual."""

    def __init__(self, result: str) -> None:
        self.result = result

    def execute(self, _command: str, stdin: bytes) -> ExecResult:
        request = json.loads(stdin)
        lock = {"owner": "controller-a", "run": "run-1", "purpose": "x", "expires": "2099"}
        changes: dict[str, Any] = {"operation": request["operation"], "key": request["key"]}
        if request["operation"] == OPERATION:
            changes["result"] = "RESULT"
        else:
            changes["result"] = {"state": "held", "released": True, "lock": lock, "ticket": TICKET}
        text = json.dumps(document(**changes)).replace('"RESULT"', self.result)
        whole = frame(text, operation_id=request["operation_id"], nonce=request["nonce"])
        return ExecResult(whole, b"", 0)


def change(case: Path, result: str, host: str = "ex01") -> Broken | None:
    """Carry out one change of a host with all that is around it; returns how it broke, if it did."""
    journal = Journal(case, host, "run-1", frozenset({"Passw0rd!"}))
    around = HostChange(check=False, journal=journal, expected=None)
    transport = ExecTransport(HostileHost(result).execute, peer=host, sleep=lambda _seconds: None)
    session = HostSession(
        transport, "run-1", "controller-a", lambda _seconds: None, around.record, tries=2
    )
    run = ChangeRun(session, host, "mitigate", acted=True)
    broken: list[Broken] = []
    around.begin("mitigate", "proxylogon", {})
    with run.of(lambda how, _error: broken.append(how)):
        run.lock("test")
        answer = session.change(OPERATION, PARAMETERS, "one")
        run.did("one", changed=answer.get("changed") is True, answer=answer)
    around.end("unknown" if broken else "mitigated", str(broken), changed=True)
    return broken[0] if broken else None


def check(case: Path, *, whole: bool) -> None:
    path = case / "journal.jsonl"
    answer = verify(path)
    assert answer.ok, answer
    assert all(len(raw) < ENTRY_BYTES + 1000 for raw in path.read_bytes().splitlines())
    said = [(line.content["host"], line.content["event"]) for line in events(path)]
    mine = [event for host, event in said if host == "ex01"]
    wanted = ["begin", "lock", "intent", *(["done"] if whole else []), "unlock", "end"]
    assert mine == wanted
    assert [event for host, event in said if host == "ex02"] == [
        "begin", "lock", "intent", "done", "unlock", "end",
    ]  # fmt: skip


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.floats(2**52, 2e21)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(), VALUES))
def test_any_answer_goes_through_a_whole_run_i4(result: dict[str, Any]) -> None:
    with TemporaryDirectory() as folder:
        assert change(Path(folder), json.dumps(result)) is None
        assert change(Path(folder), '{"changed": true}', "ex02") is None
        check(Path(folder), whole=True)


WIRE: dict[str, tuple[str, bool]] = {
    "float in digits": ('{"a": 1e17}', True),
    "negative float in digits": ('{"a": -1.5e20}', True),
    "integer beyond doubles": ('{"a": 123456789012345678901234567890}', True),
    "float beyond doubles": ('{"a": 1e999}', True),
    "negative nothing": ('{"a": -0.0, "b": -0}', True),
    "doubled keys": ('{"a": 1, "a": 2, "\\u001b": 3, "\\\\x1b": 4}', True),
    "secrets": ('{"Passw0rd!": 1, "********": "Passw0rd!"}', True),
    "marker": ('{"journal_cut": {"bytes": 1, "sha256": ""}}', True),
    "surrogate, NUL, separator": ('{"\\ud800\\u0000": "\\u2028\\udfff\\u0000"}', True),
    "fivefold": ('{"a": "' + "\\u0001" * 400_000 + '"}', True),
    "backslashes": ('{"a": "' + "\\\\" * 2_000_000 + '"}', True),
    "huge key": ('{"' + "k" * 3_000_000 + '": 1}', True),
    "many": ('{"a": [' + ",".join(["1e17"] * 300_000) + "]}", True),
    "as deep as is let in": ('{"a": ' + "[" * 60 + "]" * 60 + "}", True),
    "deeper": ('{"a": ' + "[" * 3000 + "]" * 3000 + "}", False),
    "not a number": ('{"a": NaN}', False),
    "endless digits": ('{"a": ' + "9" * 5000 + "}", False),
    "no record": ("[]", False),
}


@pytest.mark.parametrize("kind", WIRE)
def test_raw_answer_of_the_wire_breaks_at_most_its_own_host_i4(kind: str, tmp_path: Path) -> None:
    text, whole = WIRE[kind]
    broken = change(tmp_path, text)
    assert broken is (None if whole else Broken.UNKNOWN)
    assert change(tmp_path, '{"changed": true}', "ex02") is None
    check(tmp_path, whole=whole)
