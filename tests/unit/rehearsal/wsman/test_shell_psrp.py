# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
import base64
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman import envelopes
from psrpcore import (
    ClientPowerShell,
    ClientRunspacePool,
    Command,
    ErrorRecordEvent,
    PipelineHostCallEvent,
    PipelineOutputEvent,
    PipelineStateEvent,
    PSRPPayload,
    StreamType,
)
from psrpcore._payload import create_fragment, create_message
from psrpcore.types import PSInvocationState, PSRPMessageType, RunspacePoolState

if TYPE_CHECKING:
    from .conftest import Desk, Reply

_URI = "http://schemas.microsoft.com/powershell/Microsoft.PowerShell"
_SHELL = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"


class Client:
    """A psrpcore client over the desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.pool = ClientRunspacePool()
        self.pool.open()
        data = self._fragments()
        body = f'<rsp:Shell ShellId="{self.pool.runspace_pool_id}"><creationXml xmlns="http://schemas.microsoft.com/powershell">{data}</creationXml></rsp:Shell>'  # fmt: skip
        self.shell = desk.create(body=body, uri=_URI).selector()
        while self.pool.state != RunspacePoolState.Opened:
            self.events("")

    def _fragments(self, amount: int | None = None) -> str:
        payload = self.pool.data_to_send(amount)
        return base64.b64encode(payload.data).decode() if payload else ""

    def events(self, command: str, **kwargs: Any) -> tuple[Reply, list[Any]]:
        attribute = f' CommandId="{command}"' if command else ""
        body = (
            f"<rsp:Receive><rsp:DesiredStream{attribute}>stdout</rsp:DesiredStream></rsp:Receive>"
        )
        reply = self.desk.call(f"{_SHELL}/Receive", body, self.shell, uri=_URI, **kwargs)
        self.pool.receive_data(PSRPPayload(reply.stream("stdout"), StreamType.default, None))
        found = []
        while (event := self.pool.next_event()) is not None:
            found.append(event)
        return reply, found

    def start(self, *commands: Command | str, lines: list[str] | None = None) -> tuple[Any, str]:
        pipeline = ClientPowerShell(self.pool)
        pipeline.metadata.no_input = lines is None
        for command in commands:
            if isinstance(command, str):
                pipeline.add_script(command)
            else:
                pipeline.add_command(command)
        pipeline.start()
        command_id = str(pipeline.pipeline_id).upper()
        body = f'<rsp:CommandLine CommandId="{command_id}"><rsp:Command/><rsp:Arguments>{self._fragments(4000)}</rsp:Arguments></rsp:CommandLine>'  # fmt: skip
        assert self.desk.call(f"{_SHELL}/Command", body, self.shell, uri=_URI).status == 200
        if lines is not None:
            for line in lines:
                pipeline.send(line)
            pipeline.send_eof()
        while text := self._fragments(4000):
            stream = f'<rsp:Stream Name="stdin" CommandId="{command_id}">{text}</rsp:Stream>'
            self.desk.call(f"{_SHELL}/Send", f"<rsp:Send>{stream}</rsp:Send>", self.shell, uri=_URI)
        return pipeline, command_id

    def finish(self, command: str) -> list[Any]:
        found: list[Any] = []
        reply = None
        while reply is None or not reply.done:
            reply, events = self.events(command)
            found += events
        return found


def test_output_error_and_exit_code_reach_the_client(desk: Desk) -> None:
    desk.engine.result = CommandResult(b"one\r\ntw\xc3\xb6\n", b"oops", 5)
    client = Client(desk.build())
    pipeline, command = client.start("whatever")
    events = client.finish(command)
    assert [e.data for e in events if isinstance(e, PipelineOutputEvent)] == ["one", "twö"]
    assert [str(e.record.Exception.Message) for e in events if isinstance(e, ErrorRecordEvent)] == ["oops"]  # fmt: skip
    (call,) = [e for e in events if isinstance(e, PipelineHostCallEvent)]
    assert call.method_parameters == [5]
    assert isinstance(events[-1], PipelineStateEvent)
    assert pipeline.state == PSInvocationState.Completed


def test_a_pipeline_runs_with_all_its_input_however_it_is_cut(desk: Desk) -> None:
    client = Client(desk.build())
    lines = ["first", "x" * 20_000]
    _, command = client.start("$input", lines=lines)
    client.finish(command)
    assert desk.engine.calls == [("$input", "\n".join(lines).encode())]


def test_commands_parameters_and_statements_become_script_text(desk: Desk) -> None:
    client = Client(desk.build())
    item = Command("Get-Item").add_parameter("Path", "it's").add_parameter("Force", value=True)
    select = Command("Select").add_argument(3)
    _, command = client.start(item, select)
    client.finish(command)
    assert desk.engine.calls[0][0] == "Get-Item -Path 'it''s' -Force $true | Select 3"


def test_large_output_comes_in_several_receives(desk: Desk) -> None:
    desk.engine.result = CommandResult(b"y" * 300_000)
    client = Client(desk.build())
    _, command = client.start("big")
    first, events = client.events(command)
    events += client.finish(command)
    assert not first.done
    assert [len(e.data) for e in events if isinstance(e, PipelineOutputEvent)] == [300_000]


def test_a_pool_with_nothing_to_say_answers_with_the_time_out_fault(desk: Desk) -> None:
    client = Client(desk.build())
    reply, _ = client.events("", timeout="PT0S")
    assert reply.fault == envelopes.OPERATION_TIMED_OUT


def test_a_running_pipeline_can_be_stopped(desk: Desk) -> None:
    desk.engine.hold = asyncio.Event()
    client = Client(desk.build())
    _, command = client.start("long")
    client.events(command, timeout="PT0S")
    assert client.desk.call(f"{_SHELL}/Signal", f'<rsp:Signal CommandId="{command}"><rsp:Code>powershell/signal/ctrl_c</rsp:Code></rsp:Signal>', client.shell, uri=_URI).status == 200  # fmt: skip
    states = [e.state for e in client.finish(command) if isinstance(e, PipelineStateEvent)]
    assert states[-1] == PSInvocationState.Stopped


def test_an_engine_that_fails_is_an_error_record(desk: Desk) -> None:
    desk.engine.result = RuntimeError("boom")
    client = Client(desk.build())
    _, command = client.start("x")
    (error,) = [e for e in client.finish(command) if isinstance(e, ErrorRecordEvent)]
    assert "boom" in str(error.record.Exception.Message)


def test_a_terminated_pipeline_is_gone(desk: Desk) -> None:
    client = Client(desk.build())
    _, command = client.start("x")
    client.finish(command)
    assert desk.signal(client.shell, command).status == 200
    assert client.events(command)[0].fault == envelopes.COMMAND_NOT_FOUND


@pytest.mark.parametrize(
    "data", ["AAAA", "!!!!", base64.b64encode(b"\0" * 21 + b"\xff" * 9).decode()]
)
def test_fragments_that_are_none_are_a_fault(desk: Desk, data: str) -> None:
    desk.build()
    body = f'<rsp:Shell ShellId="{uuid.uuid4()}"><creationXml xmlns="http://schemas.microsoft.com/powershell">{data}</creationXml></rsp:Shell>'  # fmt: skip
    reply = desk.create(body=body, uri=_URI)
    assert (reply.status, reply.fault) == (500, envelopes.SCHEMA_VALIDATION)


def test_a_pool_cannot_take_the_id_of_another(desk: Desk) -> None:
    client = Client(desk.build())
    other = ClientRunspacePool(runspace_pool_id=client.pool.runspace_pool_id)
    other.open()
    data = base64.b64encode(other.data_to_send().data).decode()  # type: ignore[union-attr]
    body = f'<rsp:Shell ShellId="{client.shell}"><creationXml xmlns="http://schemas.microsoft.com/powershell">{data}</creationXml></rsp:Shell>'  # fmt: skip
    assert desk.create(body=body, uri=_URI).fault == envelopes.ALREADY_EXISTS


def test_a_document_type_inside_a_fragment_is_refused(desk: Desk) -> None:
    desk.build()
    xml = b'<!DOCTYPE a [<!ENTITY x "y">]><S>&x;</S>'
    message = create_message(True, PSRPMessageType.SessionCapability, xml, uuid.uuid4(), None)  # noqa: FBT003
    data = base64.b64encode(create_fragment(1, 0, message, end=True)).decode()
    body = f'<rsp:Shell ShellId="{uuid.uuid4()}"><creationXml xmlns="http://schemas.microsoft.com/powershell">{data}</creationXml></rsp:Shell>'  # fmt: skip
    reply = desk.create(body=body, uri=_URI)
    assert reply.fault == envelopes.SCHEMA_VALIDATION
    assert "document type" in reply.text


def test_a_rule_for_an_operation_finds_it_in_a_pipeline(desk: Desk) -> None:
    desk.build(rules=({"kind": "http503", "action": "Receive", "operation": "Get-Thing"},))
    client = Client(desk)
    _, command = client.start("$input", lines=['{"protocol":1,"operation":"Get-Thing"}'])
    body = f'<rsp:Receive><rsp:DesiredStream CommandId="{command}">stdout</rsp:DesiredStream></rsp:Receive>'
    assert desk.call(f"{_SHELL}/Receive", body, client.shell, uri=_URI).status == 503
