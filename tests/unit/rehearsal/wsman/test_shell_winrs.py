# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.engine import (
    CommandResult,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman import envelopes
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.wsman.limits import (
    ServiceLimits,
)

if TYPE_CHECKING:
    from .conftest import Desk


def test_a_command_gets_its_input_from_several_sends_and_ends_with_its_exit_code(
    desk: Desk,
) -> None:
    desk.engine.result = CommandResult(b"out", b"err", 3)
    desk.build()
    shell = desk.create().selector()
    command = desk.command(shell, "run").command_id()
    desk.send(shell, command, b"one ", end=False)
    desk.send(shell, command, b"two")
    reply = desk.receive(shell, command)
    assert (reply.stream("stdout"), reply.stream("stderr")) == (b"out", b"err")
    assert (reply.done, reply.exit_code) == (True, 3)
    assert desk.engine.calls == [("run", b"one two")]


def test_nothing_runs_before_the_input_is_complete(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    command = desk.command(shell, "run").command_id()
    desk.send(shell, command, b"half", end=False)
    assert desk.receive(shell, command, timeout="PT0S").fault == envelopes.OPERATION_TIMED_OUT
    assert desk.engine.calls == []


def test_a_receive_that_waits_for_input_is_answered_when_the_input_comes(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    command = desk.command(shell, "run").command_id()
    entry = desk.service._shells[shell].shell._commands[command]

    async def race() -> str:
        waiting = asyncio.ensure_future(entry.receive(20, 1000))
        await asyncio.sleep(0)
        entry.feed(b"late", end=True)
        text: str = await waiting
        return text

    assert "CommandState/Done" in desk.runner.run(race())
    assert desk.engine.calls == [("run", b"late")]


def test_a_command_without_announced_input_starts_with_the_first_receive(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    command = desk.command(shell, "hostname", piped=None).command_id()
    assert desk.receive(shell, command).stream("stdout") == b"hostname|"


def test_a_running_command_answers_with_the_time_out_fault_and_later_with_its_output(
    desk: Desk,
) -> None:
    desk.engine.hold = asyncio.Event()
    desk.build()
    shell, command = desk.started()
    assert desk.receive(shell, command, timeout="PT0S").fault == envelopes.OPERATION_TIMED_OUT
    desk.engine.hold.set()
    assert desk.receive(shell, command).done


def test_large_output_comes_in_pieces_and_only_the_last_is_done(desk: Desk) -> None:
    desk.engine.result = CommandResult(bytes(range(256)) * 1000, b"tail", 0)
    desk.build(limits=ServiceLimits(receive_bytes=100_000))
    shell, command = desk.started()
    replies = [desk.receive(shell, command) for _ in range(3)]
    assert [reply.done for reply in replies] == [False, False, True]
    assert b"".join(reply.stream("stdout") for reply in replies) == bytes(range(256)) * 1000
    assert b"".join(reply.stream("stderr") for reply in replies) == b"tail"


def test_a_receive_fits_the_envelope_that_the_client_takes(desk: Desk) -> None:
    desk.engine.result = CommandResult(b"x" * 200_000)
    desk.build()
    shell, command = desk.started()
    reply = desk.receive(shell, command, envelope=32_768)
    assert 16_000 < len(reply.response.body) <= 32_768


def test_the_exit_code_may_come_in_a_receive_of_its_own(desk: Desk) -> None:
    desk.build(limits=ServiceLimits(done_separately=True))
    shell, command = desk.started()
    first, second = desk.receive(shell, command), desk.receive(shell, command)
    assert (first.stream("stdout"), first.done) == (b"run|in", False)
    assert (second.stream("stdout"), second.done) == (b"", True)


def test_the_same_receive_sent_again_gets_the_same_output(desk: Desk) -> None:
    desk.build()
    shell, command = desk.started()
    first = desk.receive(shell, command, message_id="uuid:1")
    again = desk.receive(shell, command, message_id="uuid:1")
    other = desk.receive(shell, command, message_id="uuid:2")
    assert again.stream("stdout") == first.stream("stdout") == b"run|in"
    assert other.stream("stdout") == b""


@pytest.mark.parametrize(("length", "runs"), [(8191, True), (8192, False)])
def test_cmd_refuses_a_command_line_of_more_than_8191_characters(
    desk: Desk, length: int, *, runs: bool
) -> None:
    desk.build()
    shell, command = desk.started(line="x" * length)
    reply = desk.receive(shell, command)
    assert bool(desk.engine.calls) is runs
    assert (reply.exit_code, reply.stream("stderr")) == (
        (0, b"") if runs else (1, b"The command line is too long.\r\n")
    )


def test_a_process_without_cmd_may_have_a_longer_command_line(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    skip = '<w:Option Name="WINRS_SKIP_CMD_SHELL">TRUE</w:Option>'
    command = desk.command(shell, "x" * 9000, options=skip).command_id()
    desk.send(shell, command, b"")
    assert desk.receive(shell, command).exit_code == 0


def test_arguments_are_appended_to_the_command(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    body = "<rsp:CommandLine><rsp:Command>echo</rsp:Command><rsp:Arguments>a</rsp:Arguments><rsp:Arguments>b &amp; c</rsp:Arguments></rsp:CommandLine>"  # fmt: skip
    command = desk.call(
        "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command", body, shell
    )
    desk.receive(shell, command.command_id())
    assert desk.engine.calls == [("echo a b & c", b"")]


@pytest.mark.parametrize(
    ("codepage", "expected"),
    [("65001", "Grüße"), ("437", "Grüße"), ("1252", "Grüße"), ("99999", "Grüße")],
)
def test_output_comes_in_the_code_page_of_the_shell(
    desk: Desk, codepage: str, expected: str
) -> None:
    desk.engine.result = CommandResult("Grüße".encode())
    desk.build()
    option = f'<w:OptionSet><w:Option Name="WINRS_CODEPAGE">{codepage}</w:Option></w:OptionSet>'
    shell = desk.create(options=option).selector()
    command = desk.command(shell, "run").command_id()
    desk.send(shell, command, b"")
    codec = {"437": "cp437", "1252": "cp1252"}.get(codepage, "utf-8")
    assert desk.receive(shell, command).stream("stdout") == expected.encode(codec)


def test_terminate_lets_go_of_a_command(desk: Desk) -> None:
    desk.build()
    shell, command = desk.started()
    assert desk.signal(shell, command).status == 200
    assert desk.receive(shell, command).fault == envelopes.COMMAND_NOT_FOUND


def test_ctrl_c_ends_a_running_command_with_the_exit_code_of_windows(desk: Desk) -> None:
    desk.engine.hold = asyncio.Event()
    desk.build()
    shell, command = desk.started()
    desk.receive(shell, command, timeout="PT0S")
    desk.signal(shell, command, "ctrl_c")
    assert desk.receive(shell, command).exit_code == -1073741510


def test_input_after_the_end_is_refused(desk: Desk) -> None:
    desk.build()
    shell, command = desk.started()
    assert desk.send(shell, command, b"more").fault == 232


def test_input_over_the_cap_is_refused(desk: Desk) -> None:
    desk.build(limits=ServiceLimits(stdin_bytes=10))
    shell = desk.create().selector()
    command = desk.command(shell, "run").command_id()
    assert desk.send(shell, command, b"x" * 11, end=False).fault == envelopes.ENVELOPE_TOO_LARGE


def test_input_that_is_no_base64_is_refused(desk: Desk) -> None:
    desk.build()
    shell = desk.create().selector()
    command = desk.command(shell, "run").command_id()
    body = f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command}">@@@</rsp:Stream></rsp:Send>'
    reply = desk.call("http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Send", body, shell)
    assert reply.fault == envelopes.SCHEMA_VALIDATION


def test_an_engine_that_fails_is_a_fault_that_says_so(desk: Desk) -> None:
    desk.engine.result = RuntimeError("boom")
    desk.build()
    shell, command = desk.started()
    reply = desk.receive(shell, command)
    assert (reply.status, reply.fault) == (500, 1359)
    assert "boom" in reply.text


def test_a_shell_takes_only_so_many_commands_at_once(desk: Desk) -> None:
    desk.build(limits=ServiceLimits(processes_per_shell=2))
    shell = desk.create().selector()
    first = desk.command(shell, "a").command_id()
    assert desk.command(shell, "b").status == 200
    assert desk.command(shell, "c").fault == envelopes.QUOTA_MAX_COMMANDS
    desk.signal(shell, first)
    assert desk.command(shell, "d").status == 200


def test_commands_of_a_shell_are_counted_up_and_never_down(desk: Desk) -> None:
    desk.build(limits=ServiceLimits(operations_per_shell=1))
    shell = desk.create().selector()
    desk.signal(shell, desk.command(shell, "a").command_id())
    reply = desk.command(shell, "b")
    assert reply.fault == envelopes.QUOTA_MAX_OPERATIONS
    assert f"error_Code>{0x803381A6}<" in reply.text  # where Ansible's connection looks
