# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
from typing import Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    EmptyReply,
    HostCrash,
    TruncatedReply,
    WrongNonce,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.codec import (
    BOOTSTRAP_COMMAND,
    Operation,
    decode_reply,
    encode_request,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
    SimulatedHost,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engines.model.engine import (
    ModelEngine,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.scenario.host import (
    build_world,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.faults import (
    FaultPlan,
    FaultRule,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.output_faults import (
    MeddlingEngine,
)

HOST = SimulatedHost("ex01", "127.77.0.1", build_world({}, "EX01"))
IDS = {"operation_id": "1" * 32, "nonce": "2" * 32}


def _engine(**rule: Any) -> MeddlingEngine:
    return MeddlingEngine(ModelEngine(), FaultPlan([FaultRule.from_mapping(rule)]))


def _ask(engine: MeddlingEngine, name: str = "Get-OperationStatus") -> CommandResult:
    request = encode_request(Operation(name, {"keys": ["a" * 64]}), **IDS)
    return asyncio.run(engine.run(HOST, BOOTSTRAP_COMMAND, request))


@pytest.mark.parametrize(
    ("kind", "error"),
    [("empty", EmptyReply), ("cut", TruncatedReply), ("clixml", HostCrash), ("nonce", WrongNonce)],
)
def test_each_kind_is_the_error_that_the_codec_names(kind: str, error: type[Exception]) -> None:
    result = _ask(_engine(kind=kind))
    with pytest.raises(error):
        decode_reply(result.stdout, result.stderr, result.exit_code, **IDS)


def test_noise_around_the_frame_is_survived() -> None:
    result = _ask(_engine(kind="noise"))
    assert not result.stdout.startswith(b"{")
    assert decode_reply(result.stdout, result.stderr, result.exit_code, **IDS).status == "ok"


def test_a_rule_acts_on_its_operation_and_so_often() -> None:
    engine = _engine(kind="empty", operation="Get-OperationStatus", times=1)
    assert _ask(engine, "Get-HostLock").stdout
    assert not _ask(engine).stdout
    assert _ask(engine).stdout


def test_a_pipeline_is_meddled_with_as_a_command_is() -> None:
    engine = _engine(kind="empty", operation="hostname")
    assert asyncio.run(engine.run_script(HOST, "hostname", [])) == CommandResult(b"", b"", 1)
    assert asyncio.run(engine.run_script(HOST, "hostname", [])).stdout == b"EX01\r\n"
