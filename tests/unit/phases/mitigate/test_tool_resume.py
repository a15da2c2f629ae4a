# SPDX-License-Identifier: GPL-3.0-or-later
"""A script of Microsoft is launched once, whatever happens to the line and the controller (I15)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.exchange.remediation.plugins.plugin_utils.base.errors import (
    AuthenticationFailed,
    Unreachable,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
    ByScriptState,
)
from ansible_collections.exchange.remediation.plugins.plugin_utils.rehearsal.world import machine
from line_faults import FAULTS
from tooled_host import BAD, GOOD, RULES, ToolHost, does

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ansible_collections.exchange.remediation.plugins.plugin_utils.host.transport.base import (
        ExecResult,
    )
    from ansible_collections.exchange.remediation.plugins.plugin_utils.phases.mitigate.by_tool.answer import (
        ByScriptResult,
    )

# Commands of a run that nothing disturbs; a test below says that they are this many.
COMMANDS = 19
ENDS: dict[str, tuple[dict[str, Any], ByScriptState, str]] = {
    "good": (does(GOOD, RULES), ByScriptState.MITIGATED, "succeeded"),
    "bad": (does(BAD), ByScriptState.NOT_MITIGATED, "failed"),
}


def ended(answer: ByScriptResult) -> tuple[ByScriptState, str | None]:
    return answer.state, answer.to_dict()["outcome"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> ToolHost:
    host = ToolHost(tmp_path_factory.mktemp("undisturbed"))
    assert host.act().ok
    return host


def test_number_of_commands(undisturbed: ToolHost) -> None:
    assert len(undisturbed.asked) == COMMANDS, undisturbed.asked


# Every fault where the script succeeds, and those that differ most where it fails.
SWEEP = [("good", fault) for fault in FAULTS] + [("bad", "drop-after"), ("bad", "time-out-before")]


@pytest.mark.sweep
@pytest.mark.parametrize(("end", "fault"), SWEEP)
@pytest.mark.parametrize("at", range(COMMANDS))
def test_one_launch_and_the_right_verdict_after_a_lost_reply_i15(
    at: int, end: str, fault: str, tmp_path: Path
) -> None:
    behaviour, state, outcome = ENDS[end]
    host = ToolHost(tmp_path, behaviour, faults={at: FAULTS[fault]})
    answer = host.act()
    assert ended(answer) == (state, outcome), answer.reasons
    assert len(host.launched) == 1


@pytest.mark.sweep
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("at", range(COMMANDS))
def test_one_launch_and_the_right_verdict_after_a_kill_i15(
    at: int, end: str, tmp_path: Path
) -> None:
    behaviour, state, outcome = ENDS[end]
    host = ToolHost(tmp_path, behaviour)
    host.killed(at)
    # Killed only while the lock is given back: the attempt is over, with its verdict.
    over = any(json.loads(path.read_text())["verdict"] for path in host.case.glob("*.json"))
    host.sleep(300)
    answer = host.act()
    assert answer.state is state, answer.reasons
    if not over:
        assert answer.to_dict()["outcome"] == outcome
        assert len(host.launched) == 1
    elif end == "good":
        assert len(host.launched) == 1
    assert not host.locked


@pytest.mark.sweep
@pytest.mark.parametrize("second", range(0, COMMANDS, 3))
@pytest.mark.parametrize("first", range(5, COMMANDS - 1, 2))
def test_one_launch_after_two_kills_i15(first: int, second: int, tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    host.killed(first)
    host.killed(len(host.asked) + second)
    answer = host.act()
    assert answer.state is ByScriptState.MITIGATED, answer.reasons
    assert len(host.launched) == 1


@pytest.mark.sweep
@pytest.mark.parametrize("fault", ["drop-after", "time-out-after", "crash"])
@pytest.mark.parametrize("at", range(4, COMMANDS - 1))
def test_one_launch_after_a_lost_reply_and_a_kill_i15(at: int, fault: str, tmp_path: Path) -> None:
    host = ToolHost(tmp_path, faults={at: FAULTS[fault]})
    host.killed(at + 1)
    answer = host.act()
    assert answer.state is ByScriptState.MITIGATED, answer.reasons
    assert len(host.launched) == 1


@pytest.mark.parametrize("at", range(COMMANDS))
def test_one_launch_after_a_restart_of_the_host_i15(at: int, tmp_path: Path) -> None:
    host = ToolHost(tmp_path)

    def restart(_operation: str) -> None:
        if len(host.asked) == at + 1:
            machine.restart(host.world)

    host.meddle = restart
    answer = host.act()
    assert len(host.launched) <= 1
    assert answer.ok is (answer.state is ByScriptState.MITIGATED)
    if answer.report and answer.report.job.outcome.value == "interrupted":
        assert not answer.ok
    else:
        assert answer.ok, answer.reasons


def test_check_mode_after_a_kill_says_what_a_run_would_do_i9(tmp_path: Path) -> None:
    for at in range(1, COMMANDS):
        folder = tmp_path / str(at)
        folder.mkdir()
        host = ToolHost(folder)
        host.killed(at)
        host.sleep(300)
        host.act(check=True)  # whatever was at work on the host comes to its end
        mutations, launches = len(host.world.mutations), len(host.launched)
        files = sorted(host.case.glob("*")) if host.case.exists() else []
        checked = host.act(check=True)
        assert len(host.world.mutations) == mutations
        assert (sorted(host.case.glob("*")) if host.case.exists() else []) == files
        host.act()
        planned = any(step.operation == "Start-HostJob" for step in checked.plan.steps)
        assert len(host.launched) - launches == int(planned), at


def test_a_job_without_a_record_is_not_judged(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    host.killed(COMMANDS - 4)
    assert len(host.launched) == 1
    for path in host.case.iterdir():
        path.unlink()
    for check in (True, False):
        answer = host.act(check=check)
        if answer.state is ByScriptState.MITIGATED:
            assert "already" in answer.reasons[0]
            continue
        assert answer.state is ByScriptState.REFUSED
        assert "on the host already" in answer.reasons[0]
    assert len(host.launched) == 1


def test_a_job_that_somebody_removed_is_not_started_again(tmp_path: Path) -> None:
    host = ToolHost(tmp_path, does(BAD))
    host.killed(COMMANDS - 4)
    assert len(host.launched) == 1
    (job,) = host.case.glob("*.json")
    name = json.loads(job.read_text())["job"]
    session = host.session()
    session.lock("cleaning")
    session.change("Remove-HostJob", {"job": name}, "clean")
    answer = host.act()
    assert (answer.state, len(host.launched)) == (ByScriptState.UNKNOWN, 1)
    assert "is gone" in answer.reasons[0]


def test_an_order_that_came_too_late_is_made_anew(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    start = host_command(host, "Start-HostJob", tmp_path)
    host.killed(start)
    assert (len(list(host.case.glob("*.json"))), host.launched) == (1, [])
    host.sleep(24 * 3600)
    answer = host.act()
    assert (answer.state, len(host.launched)) == (ByScriptState.MITIGATED, 1), answer.reasons
    assert len(list(host.case.glob("*.json"))) == 1


def test_an_order_that_the_host_could_not_take_is_made_anew(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    host.world.data["services"]["Schedule"] = {"status": "Stopped", "display_name": "x"}
    first = host.act()
    assert (first.state, host.launched) == (ByScriptState.REFUSED, []), first.reasons
    host.world.data["services"]["Schedule"]["status"] = "Running"
    host.sleep(60)
    second = host.act()
    assert (second.state, len(host.launched)) == (ByScriptState.MITIGATED, 1), second.reasons


def host_command(_host: ToolHost, operation: str, folder: Path) -> int:
    other = folder / "other"
    other.mkdir()
    found = ToolHost(other)
    found.act()
    return found.asked.index(operation)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"schema": 9}', '{"schema": 1}'])
def test_a_record_that_cannot_be_read_is_a_stop(content: str, tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    host.killed(COMMANDS - 4)
    (path,) = host.case.glob("*.json")
    path.write_text(content)
    answer = host.act()
    assert (answer.state, answer.ok) == (ByScriptState.REFUSED, False)
    assert "cannot be read" in answer.reasons[0]
    assert len(host.launched) == 1


def test_records_of_another_host_are_not_taken(tmp_path: Path) -> None:
    host = ToolHost(tmp_path)
    host.killed(COMMANDS - 4)
    answer = host.act(host="ex02")
    assert answer.state is ByScriptState.REFUSED
    assert "its own folder" in answer.reasons[0]


def test_secrets_are_not_kept_i8(tmp_path: Path) -> None:
    secret = "15.1.2176.2"  # something that the host is sure to say
    host = ToolHost(tmp_path)
    host.killed(host_command(host, "Start-HostJob", tmp_path), secrets=(secret,))
    (path,) = host.case.glob("*.json")
    assert secret not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


class _Refusing:
    """From one command on the host refuses the password."""

    def __init__(self, host: ToolHost, start: int) -> None:
        self.host, self.start, self.refused = host, start, 0

    def __call__(self, command: str, stdin: bytes) -> ExecResult:
        if len(self.host.asked) >= self.start:
            self.refused += 1
            raise AuthenticationFailed("401")
        return ToolHost.execute(self.host, command, stdin)


@pytest.mark.parametrize("at", range(1, COMMANDS))
def test_a_refused_password_is_tried_once(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = ToolHost(tmp_path)
    line = _Refusing(host, at)
    monkeypatch.setattr(host, "execute", line, raising=False)
    answer = host.act()
    assert line.refused == 1
    assert answer.ok is (at >= COMMANDS - 2), answer.reasons
    monkeypatch.undo()
    after = host.act()
    assert (after.state, len(host.launched)) == (ByScriptState.MITIGATED, 1), after.reasons


@pytest.mark.parametrize("at", range(1, COMMANDS))
def test_a_host_that_is_gone_for_good_is_unknown(at: int, tmp_path: Path) -> None:
    host = ToolHost(tmp_path)

    def gone(_answer: Callable[[], ExecResult]) -> ExecResult:
        raise Unreachable("no route")

    host.faults = dict.fromkeys(range(at, 2000), gone)
    answer = host.act()
    if at < COMMANDS - 2:
        assert (answer.state, answer.ok) == (ByScriptState.UNKNOWN, False)
    host.faults = {}
    after = host.act()
    assert (after.state, len(host.launched)) == (ByScriptState.MITIGATED, 1), after.reasons
