# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that loses requests and replies in every order: exactly one effect, or a clear unknown."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
    ExecTransport,
    Retry,
)
from frames import document, failure, frame
from hypothesis import given
from hypothesis import strategies as st

KEY = "ab" * 32
LOCK = codec.Operation("Lock-Host", {"owner": "c", "run": "r", "purpose": "p"}, KEY)
READ = codec.Operation("Get-HostLock")

Fault = Callable[["FakeHost", dict[str, Any]], ExecResult]


@dataclass
class FakeHost:
    """Keeps the promises of the host side: one effect per key, replies are stored."""

    faults: list[Fault | None] = field(default_factory=list)
    acted: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    stored: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: dict[str, bool] = field(default_factory=dict)
    nonces: list[str] = field(default_factory=list)

    def execute(self, command: str, stdin: bytes) -> ExecResult:
        assert command == codec.BOOTSTRAP_COMMAND
        request = json.loads(stdin)
        self.asked.append(request["operation"])
        self.nonces.append(request["nonce"])
        fault = self.faults.pop(0) if self.faults else None
        return fault(self, request) if fault else self.answer(request)

    def answer(self, request: dict[str, Any]) -> ExecResult:
        reply = self.act(request)
        raw = frame(reply, operation_id=request["operation_id"], nonce=request["nonce"])
        return ExecResult(raw, b"", 0)

    def act(self, request: dict[str, Any]) -> dict[str, Any]:
        operation, key = request["operation"], request["key"]
        if operation == "Get-OperationStatus":
            return document(
                operation=operation,
                result={one: self.status(one) for one in request["parameters"]["keys"]},
            )
        if key in self.stored:
            return self.stored[key] | {"replayed": True}
        if key in self.started:
            return failure("ScriptFailed", id="OperationRunning") | {"operation": operation}
        self.acted.append(operation)
        reply = document(operation=operation, key=key, result={"state": "acquired"})
        if key:
            self.stored[key] = reply
        return reply

    def status(self, key: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"state": "unknown", "reply": None, "started": None}
        if key in self.stored:
            return entry | {"state": "finished", "reply": self.stored[key] | {"replayed": True}}
        if key in self.started:
            return entry | {"state": "started", "started": {"running": self.started[key]}}
        return entry


def lost_before(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    raise errors.TransportError("connection reset")


def lost_after(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    host.act(request)
    raise errors.TransportError("connection reset")


def timed_out_after(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    host.act(request)
    raise errors.Timeout("no answer in 30 s")


def truncated_after(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    done = host.answer(request)
    return ExecResult(done.stdout[: len(done.stdout) // 2], b"", 0)


def emptied_after(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    host.act(request)
    return ExecResult(b"", b"", 1)


def garbled_after(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    host.act(request)
    return ExecResult(b"<html>proxy error</html>", b"", 0)


def unreachable(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    raise errors.Unreachable("no route to host")


def denied(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    raise errors.AuthenticationFailed("401")


def started_and_running(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    host.started[KEY] = True
    raise errors.TransportError("connection reset")


def started_and_dead(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    host.started[KEY] = False
    raise errors.TransportError("connection reset")


def finishes(host: FakeHost, request: dict[str, Any]) -> ExecResult:
    """The first command comes to its end while we ask."""
    host.started.clear()
    host.act({"operation": "Lock-Host", "key": KEY})
    return host.answer(request)


RECOVERABLE = [
    lost_before, lost_after, timed_out_after, truncated_after, emptied_after, garbled_after,
    unreachable,
]  # fmt: skip


@dataclass
class Sleeper:
    pauses: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


def transport(host: FakeHost, sleeper: Sleeper | None = None, **retry: Any) -> ExecTransport:
    counter = itertools.count(1)
    return ExecTransport(
        host.execute,
        peer="ex01",
        retry=Retry(**retry),
        sleep=sleeper or Sleeper(),
        token=lambda: f"{next(counter):032x}",
    )


def test_undisturbed_operation_is_one_command() -> None:
    host, sleeper = FakeHost(), Sleeper()
    assert transport(host, sleeper).run(LOCK).result == {"state": "acquired"}
    assert transport(host, sleeper).run(READ).status == "ok"
    assert host.asked == ["Lock-Host", "Get-HostLock"]
    assert sleeper.pauses == []


@pytest.mark.parametrize("fault", RECOVERABLE)
def test_every_recoverable_fault_ends_right_and_acts_once(fault: Fault) -> None:
    host = FakeHost([fault])
    reply = transport(host).run(LOCK)
    assert reply.result == {"state": "acquired"}
    assert host.acted == ["Lock-Host"]
    assert host.asked[:2] == ["Lock-Host", "Get-OperationStatus"], "asks before it sends again"
    sent_again = fault in (lost_before, unreachable)
    assert reply.replayed is not sent_again
    assert host.asked[2:] == (["Lock-Host"] if sent_again else [])


@given(st.lists(st.sampled_from([None, *RECOVERABLE, denied]), max_size=12))
def test_no_order_of_faults_acts_twice_or_lies(faults: list[Fault | None]) -> None:
    host = FakeHost(list(faults))
    try:
        reply = transport(host).run(LOCK)
    except errors.TransportError as error:
        if isinstance(error, errors.AuthenticationFailed):
            assert host.asked == host.asked[: len(faults)]
        elif "knew nothing of the key" in str(error):
            assert host.acted == []
    else:
        assert reply.result == {"state": "acquired"}
        assert host.acted == ["Lock-Host"]
    assert len(host.acted) <= 1
    assert len(host.nonces) == len(set(host.nonces)), "no nonce is used twice"
    assert len(host.asked) <= 3 + 20


@pytest.mark.parametrize("before", [[], [lost_after], [lost_after, lost_before]])
def test_401_is_terminal_at_once(before: list[Fault]) -> None:
    host = FakeHost([*before, denied, *[denied] * 5])
    with pytest.raises(errors.AuthenticationFailed):
        transport(host).run(LOCK)
    assert len(host.asked) == len(before) + 1


def test_401_on_a_reading_operation_is_terminal_at_once() -> None:
    host = FakeHost([denied] * 5)
    with pytest.raises(errors.AuthenticationFailed):
        transport(host).run(READ)
    assert len(host.asked) == 1


def test_command_that_still_runs_is_waited_for() -> None:
    host = FakeHost([started_and_running, None, None, lost_before, finishes])
    reply = transport(host).run(LOCK)
    assert reply.replayed
    assert host.acted == ["Lock-Host"]
    assert host.asked == ["Lock-Host"] + ["Get-OperationStatus"] * 4


def test_command_that_overtakes_its_repetition_is_waited_for() -> None:
    """The host did not know the key yet when asked, and started before the repetition came."""

    def starts_late(host: FakeHost, request: dict[str, Any]) -> ExecResult:
        host.started[KEY] = True
        return host.answer(request)

    host = FakeHost([lost_before, None, starts_late, finishes])
    assert transport(host).run(LOCK).replayed
    assert host.acted == ["Lock-Host"]


def test_interrupted_command_is_an_unknown_outcome() -> None:
    host = FakeHost([started_and_dead])
    with pytest.raises(errors.TransportError, match="the outcome is unknown"):
        transport(host).run(LOCK)
    assert host.acted == []
    assert host.asked == ["Lock-Host", "Get-OperationStatus"]


def test_patience_is_bounded() -> None:
    host, sleeper = FakeHost([lost_after, *[lost_before] * 50]), Sleeper()
    with pytest.raises(
        errors.TransportError, match=r"outcome is unknown after 5 questions.*same key"
    ):
        transport(host, sleeper, inquiries=5, delay=1.0, longest=3.0).run(LOCK)
    assert sleeper.pauses == [1.0, 2.0, 3.0, 3.0, 3.0]


def test_host_that_went_away_is_unreachable() -> None:
    host = FakeHost([lost_after, *[unreachable] * 50])
    with pytest.raises(errors.Unreachable, match="the outcome is unknown"):
        transport(host).run(LOCK)


def test_request_that_never_arrives_is_given_up_with_its_reason() -> None:
    host = FakeHost([lost_before, None] * 5)
    with pytest.raises(errors.TransportError, match="did not reach the host in 3 attempts"):
        transport(host).run(LOCK)
    assert host.acted == []


def test_refusal_of_the_host_is_no_lost_connection() -> None:
    def locked(host: FakeHost, request: dict[str, Any]) -> ExecResult:
        told = failure("Locked", "locked by b")
        raw = frame(told, operation_id=request["operation_id"], nonce=request["nonce"])
        return ExecResult(raw, b"", 0)

    host = FakeHost([locked])
    with pytest.raises(errors.LockedByOther, match="locked by b"):
        transport(host).run(LOCK)
    assert host.asked == ["Lock-Host"]


def test_stored_failure_is_a_failure_after_reconciliation_too() -> None:
    def fails_and_is_lost(host: FakeHost, request: dict[str, Any]) -> ExecResult:
        told = failure("ScriptFailed", "half done")
        host.stored[KEY] = told | {"operation": "Lock-Host", "key": KEY}
        raise errors.TransportError("connection reset")

    with pytest.raises(errors.ScriptError, match="half done"):
        transport(FakeHost([fails_and_is_lost])).run(LOCK)


@pytest.mark.parametrize(
    "change",
    [{"key": "cd" * 32}, {"operation": "Unlock-Host"}, {"schema": 2}, {"result": None, "host": 1}],
)
def test_stored_reply_of_something_else_is_refused(change: dict[str, Any]) -> None:
    def lost(host: FakeHost, request: dict[str, Any]) -> ExecResult:
        host.act(request)
        host.stored[KEY] |= change
        raise errors.TransportError("connection reset")

    with pytest.raises(errors.ReplySchemaError):
        transport(FakeHost([lost])).run(LOCK)


@pytest.mark.parametrize(
    "result", [None, [], {}, {KEY: None}, {KEY: {"state": []}}, {KEY: {"state": "odd"}}]
)
def test_status_that_says_nothing_is_asked_again(result: Any) -> None:
    def nonsense(host: FakeHost, request: dict[str, Any]) -> ExecResult:
        told = document(operation="Get-OperationStatus", result=result)
        raw = frame(told, operation_id=request["operation_id"], nonce=request["nonce"])
        return ExecResult(raw, b"", 0)

    host = FakeHost([lost_after, nonsense])
    assert transport(host).run(LOCK).replayed


def test_reading_operation_is_asked_again_once() -> None:
    host = FakeHost([lost_before])
    assert transport(host).run(READ).status == "ok"
    host = FakeHost([lost_before] * 5)
    with pytest.raises(errors.TransportError):
        transport(host).run(READ)
    assert len(host.asked) == 2


@pytest.mark.parametrize("fault", [unreachable, truncated_after, emptied_after])
def test_reading_operation_is_not_repeated_when_that_would_not_help(fault: Fault) -> None:
    host = FakeHost([fault])
    with pytest.raises(errors.RemediationError):
        transport(host).run(READ)
    assert len(host.asked) == 1


@pytest.mark.parametrize("change", [{"operation": "Get-Other"}, {"key": "cd" * 32}])
def test_reply_to_another_question_is_refused(change: dict[str, Any]) -> None:
    def confused(host: FakeHost, request: dict[str, Any]) -> ExecResult:
        told = document() | change
        raw = frame(told, operation_id=request["operation_id"], nonce=request["nonce"])
        return ExecResult(raw, b"", 0)

    with pytest.raises(errors.ReplySchemaError, match="it was discarded"):
        transport(FakeHost([confused])).run(READ)
