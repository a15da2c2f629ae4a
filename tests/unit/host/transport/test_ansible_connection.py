# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.ansible_connection import (
    AnsibleTransport,
)
from frames import document, frame

READ = codec.Operation("Get-HostLock")


class FakeConnection:
    become: Any = None

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.calls: list[tuple[str, bool]] = []

    def exec_command(
        self, cmd: str, in_data: bytes | None = None, *, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        self.calls.append((cmd, sudoable))
        if self.error:
            raise self.error
        request = json.loads(in_data or b"")
        raw = frame(document(), operation_id=request["operation_id"], nonce=request["nonce"])
        return 0, raw, b"#< CLIXML"


def classify(error: Exception) -> errors.RemediationError:
    return errors.Timeout(f"ex01: {error}")


def test_operation_is_one_exec_command_with_stdin() -> None:
    connection = FakeConnection()
    reply = AnsibleTransport(connection, classify, peer="ex01").run(READ)
    assert reply.result == {"state": "free"}
    assert connection.calls == [(codec.BOOTSTRAP_COMMAND, False)]


def test_exception_of_the_connection_is_classified() -> None:
    connection = FakeConnection(ValueError("read timed out"))
    with pytest.raises(errors.Timeout, match="ex01: read timed out") as caught:
        AnsibleTransport(connection, classify).run(READ)
    assert isinstance(caught.value.__cause__, ValueError)


def test_error_of_our_own_connection_passes_unchanged() -> None:
    own = errors.AuthenticationFailed("401")
    with pytest.raises(errors.AuthenticationFailed) as caught:
        AnsibleTransport(FakeConnection(own), classify).run(READ)
    assert caught.value is own


def test_task_timeout_passes_through() -> None:
    class TaskTimeout(BaseException):
        pass

    with pytest.raises(TaskTimeout):
        AnsibleTransport(FakeConnection(TaskTimeout()), classify).run(READ)


def test_become_is_refused_before_anything_is_sent() -> None:
    connection = FakeConnection()
    connection.become = object()
    with pytest.raises(errors.RefusedError, match=r"ex01: become is set.*remove become"):
        AnsibleTransport(connection, classify, peer="ex01")
    assert connection.calls == []
