# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base import errors
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport import codec
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
    ExecResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.in_process import (
    InProcessTransport,
)
from frames import document, frame

READ = codec.Operation("Get-HostLock")


@dataclass
class FakeHost:
    name: str = "EX01"


class FakeEngine:
    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.hosts: list[object] = []

    async def run(self, host: object, command_line: str, stdin: bytes) -> ExecResult:
        await asyncio.sleep(0)
        assert command_line == codec.BOOTSTRAP_COMMAND
        self.hosts.append(host)
        if self.error:
            raise self.error
        request = json.loads(stdin)
        raw = frame(document(), operation_id=request["operation_id"], nonce=request["nonce"])
        return ExecResult(raw, b"", 0)


def test_operation_goes_to_the_host_of_the_engine() -> None:
    engine, host = FakeEngine(), FakeHost()
    with InProcessTransport(engine, host) as transport:
        assert transport.run(READ).result == {"state": "free"}
        assert transport.run(READ).result == {"state": "free"}
        assert transport.peer == "rehearsal:EX01"
    assert engine.hosts == [host, host]


def test_several_hosts_share_one_loop() -> None:
    with asyncio.Runner() as runner:
        for _host in range(2):
            with InProcessTransport(FakeEngine(), FakeHost(), runner=runner) as transport:
                assert transport.run(READ).status == "ok"
        assert not runner.get_loop().is_closed()


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ConnectionResetError("reset"), errors.TransportError),
        (TimeoutError("late"), errors.Timeout),
    ],
)
def test_faults_of_the_engine_are_errors_of_the_way(
    raised: Exception, kind: type[errors.TransportError]
) -> None:
    with (
        InProcessTransport(
            FakeEngine(raised), FakeHost(), sleep=lambda _seconds: None
        ) as transport,
        pytest.raises(errors.TransportError) as caught,
    ):
        transport.run(READ)
    assert type(caught.value) is kind
